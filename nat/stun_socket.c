#include "nat/stun_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_DATAGRAMS = 32 }; /* a wake-up: others wait for the loop, too */

static enum err send_datagram(void *user, const struct addr *to, const void *bytes, size_t len)
{
	const struct stun_socket *stun = user;

	if (sendto(stun->watch.fd, bytes, len, 0, &to->sa, to->len) >= 0)
		return ERR_OK;
	return err_from_errno(errno);
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct stun_socket *stun = container_of(watch, struct stun_socket, watch);
	unsigned char bytes[STUN_MAX_SIZE + 1];

	(void)events;
	for (unsigned i = 0; i < MAX_DATAGRAMS && stun->is_open; i++) {
		struct sockaddr_storage source;
		socklen_t source_len = sizeof(source);
		struct addr from;
		ssize_t len = recvfrom(watch->fd, bytes, sizeof(bytes), 0,
				       (struct sockaddr *)&source, &source_len);

		if (len < 0)
			return;
		addr_from_sockaddr(&from, (struct sockaddr *)&source, source_len);
		/* what is not ours is nobody's */
		(void)stun_client_receive(&stun->client, &from, bytes, (size_t)len);
	}
}

/* Makes a datagram socket of that family, bound. */
static enum err open_bound(const struct addr *bind_to, uint16_t port, int *out_fd)
{
	struct addr addr = *bind_to;
	int fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum err err;

	if (fd < 0)
		return err_from_errno(errno);
	addr_set_port(&addr, port);
	if (bind(fd, &addr.sa, addr.len) == 0) {
		*out_fd = fd;
		return ERR_OK;
	}
	err = err_from_errno(errno);
	close(fd);
	return err;
}

static enum err name_of(int fd, struct addr *out)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return err_from_errno(errno);
	addr_from_sockaddr(out, (struct sockaddr *)&name, len);
	return ERR_OK;
}

enum err stun_socket_open(struct stun_socket *stun, struct loop *loop,
			  const struct addr *bind_to)
{
	enum err err;
	int fd = -1;

	*stun = (struct stun_socket){ 0 };
	err = open_bound(bind_to, addr_port(bind_to), &fd);
	if (err)
		return err;
	err = name_of(fd, &stun->local);
	if (err) {
		close(fd);
		return err;
	}
	stun_client_init(&stun->client, loop, send_datagram, stun);
	loop_watch_start(loop, &stun->watch, fd, LOOP_READ, on_ready);
	stun->is_open = true;
	return ERR_OK;
}

void stun_socket_close(struct stun_socket *stun)
{
	if (!stun->is_open)
		return;
	stun->is_open = false;
	stun_client_fini(&stun->client);
	loop_watch_stop(&stun->watch);
	close(stun->watch.fd);
}

enum err stun_socket_source(const struct addr *bind_to, const struct addr *to, struct addr *out)
{
	struct addr local;
	enum err err;
	int fd;

	if (!addr_is_wildcard(bind_to)) {
		*out = *bind_to;
		return ERR_OK;
	}
	fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	err = connect(fd, &to->sa, to->len) < 0 ? err_from_errno(errno) : name_of(fd, &local);
	close(fd);
	if (err)
		return err;
	addr_set_port(&local, addr_port(bind_to));
	*out = local;
	return ERR_OK;
}
