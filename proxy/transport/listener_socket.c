#include "proxy/transport/listener_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, UDP_BUFFER_BYTES = 8 << 20 };

static void set(int fd, int level, int name, int value)
{
	/* Every option that is set here makes things better; none of them is needed. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void set_udp_options(int fd, const struct addr *addr)
{
	bool is_ipv6 = addr_is_ipv6(addr);

	/* A burst must not be lost while a worker is busy; FORCE goes over the system's bound
	 * if we may. */
	set(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUFFER_BYTES);

	/* A large response has to go by UDP if the request came so (RFC 3261 §18.2.2):
	 * fragments are better than silence, and DF with lost ICMP is silence. */
	set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	if (is_ipv6)
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	if (addr_is_wildcard(addr)) {
		set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		if (is_ipv6)
			set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
}

static enum err open_bound(const struct listener_socket_wish *wish, bool is_shared, int *out_fd)
{
	int type = (wish->is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

	int fd = socket(wish->addr.sa.sa_family, type, 0);
	if (fd < 0)
		return err_from_errno(errno);
	/* TCP: over connections that are ending. UDP: over a socket of ours that is retired;
	 * taken back below, or somebody else could bind over us. */
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (is_shared)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (addr_is_ipv6(&wish->addr))
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !wish->is_dual);
	if (bind(fd, &wish->addr.sa, wish->addr.len) < 0) {
		enum err err = err_from_errno(errno);
		close(fd);
		return err;
	}
	if (wish->is_udp)
		set(fd, SOL_SOCKET, SO_REUSEADDR, 0);
	*out_fd = fd;
	return ERR_OK;
}

enum err listener_socket_open(const struct listener_socket_wish *wish, int *out_fd)
{
	int fd = -1;

	enum err err = open_bound(wish, wish->is_shared, &fd);
	if (err != ERR_OK)
		return err;
	if (wish->is_udp) {
		set_udp_options(fd, &wish->addr);
	} else {
		set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* inherited by what is accepted */
		if (listen(fd, BACKLOG) < 0) {
			err = err_from_errno(errno);
			close(fd);
			return err;
		}
	}
	*out_fd = fd;
	return ERR_OK;
}

enum err listener_socket_probe(const struct listener_socket_wish *wish)
{
	int fd = -1;

	enum err err = open_bound(wish, false, &fd);
	if (err == ERR_OK)
		close(fd);
	return err;
}

void listener_socket_retire(int fd)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof(int);
	int type = SOCK_STREAM;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM) {
		(void)shutdown(fd, SHUT_RDWR); /* listens no more, and its backlog is reset */
		return;
	}
	/* A datagram socket with a peer is given nothing that others send; itself is the one
	 * peer that there always is a way to. */
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	len = sizeof(storage);
	if (getsockname(fd, (struct sockaddr *)&storage, &len) == 0)
		(void)!connect(fd, (struct sockaddr *)&storage, len);
}

enum err listener_socket_addr(int fd, struct addr *out)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0)
		return err_from_errno(errno);
	addr_from_sockaddr(out, (struct sockaddr *)&storage, len);
	return ERR_OK;
}

static bool is_candidate(const struct ifaddrs *entry, int family)
{
	struct addr addr;

	if (!entry->ifa_addr || entry->ifa_addr->sa_family != family ||
	    !(entry->ifa_flags & IFF_UP) || (entry->ifa_flags & IFF_LOOPBACK))
		return false;
	addr_from_sockaddr(&addr, entry->ifa_addr,
			   family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6));
	return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&addr.in6.sin6_addr);
}

void listener_primary_address(bool is_ipv6, struct addr *addr)
{
	/* [::] takes IPv4 too, and most neighbours still speak it. */
	const int families[] = { AF_INET, is_ipv6 ? AF_INET6 : AF_INET };
	uint16_t port = addr_port(addr);
	struct ifaddrs *all = NULL;
	bool is_found = false;

	if (getifaddrs(&all) < 0)
		all = NULL;
	for (unsigned i = 0; i < 2 && !is_found; i++) {
		for (struct ifaddrs *entry = all; entry && !is_found; entry = entry->ifa_next) {
			is_found = is_candidate(entry, families[i]);
			if (is_found)
				addr_from_sockaddr(addr, entry->ifa_addr,
						   families[i] == AF_INET
							   ? sizeof(struct sockaddr_in)
							   : sizeof(struct sockaddr_in6));
		}
	}
	if (all)
		freeifaddrs(all);
	if (!is_found) {
		struct sockaddr_in loopback = { .sin_family = AF_INET,
						.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		addr_from_sockaddr(addr, (struct sockaddr *)&loopback, sizeof(loopback));
	}
	addr_set_port(addr, port);
}
