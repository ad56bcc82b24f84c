#include "nat/stun_tcp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nat/stun_bytes.h"

const char *stun_tcp_text(enum stun_tcp_outcome outcome)
{
	switch (outcome) {
	case STUN_TCP_NOT_TRIED:
		return "not tried";
	case STUN_TCP_ANSWERED:
		return "answered";
	case STUN_TCP_CONNECTED:
		return "connected";
	case STUN_TCP_REFUSED:
		return "refused";
	case STUN_TCP_SILENT:
		return "silent";
	}
	return "";
}

void stun_tcp_cancel(struct stun_tcp *tcp)
{
	if (!tcp->loop)
		return;
	timer_stop(&tcp->timer);
	loop_defer_cancel(&tcp->call);
	if (tcp->watch.is_started) {
		loop_watch_stop(&tcp->watch);
		close(tcp->watch.fd);
	}
	tcp->loop = NULL;
}

static void end(struct stun_tcp *tcp, enum stun_tcp_outcome outcome)
{
	tcp->outcome = outcome;
	stun_tcp_cancel(tcp);
	tcp->on_end(tcp);
}

static void on_timer(struct timer *timer)
{
	struct stun_tcp *tcp = container_of(timer, struct stun_tcp, timer);

	end(tcp, tcp->is_connected ? STUN_TCP_CONNECTED : STUN_TCP_SILENT);
}

static void on_failed(struct loop_call *call)
{
	struct stun_tcp *tcp = container_of(call, struct stun_tcp, call);

	end(tcp, tcp->outcome);
}

static void take_answer(struct stun_tcp *tcp)
{
	const size_t size = tcp->len >= STUN_HEADER_SIZE
				    ? STUN_HEADER_SIZE + (size_t)stun_get16(tcp->bytes + 2)
				    : 0;
	struct stun_message message;

	if ((size == 0 || size > tcp->len) && tcp->len < sizeof(tcp->bytes))
		return; /* more comes */
	if (size == 0 || size > tcp->len || stun_read(tcp->bytes, size, &message) != ERR_OK ||
	    memcmp(message.id, tcp->id, STUN_ID_SIZE) != 0 || message.class != STUN_SUCCESS ||
	    !addr_is_set(&message.mapped)) {
		end(tcp, STUN_TCP_CONNECTED);
		return;
	}
	tcp->mapped = message.mapped;
	end(tcp, STUN_TCP_ANSWERED);
}

static void on_readable(struct loop_watch *watch, unsigned events)
{
	struct stun_tcp *tcp = container_of(watch, struct stun_tcp, watch);
	ssize_t n = recv(watch->fd, tcp->bytes + tcp->len, sizeof(tcp->bytes) - tcp->len, 0);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(tcp, STUN_TCP_CONNECTED);
		return;
	}
	tcp->len += (size_t)n;
	take_answer(tcp);
}

static void on_connected(struct loop_watch *watch, unsigned events)
{
	struct stun_tcp *tcp = container_of(watch, struct stun_tcp, watch);
	struct stun_writer writer;
	int number = 0;
	socklen_t size = sizeof(number);

	(void)events;
	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0 || number) {
		end(tcp, number == ECONNREFUSED ? STUN_TCP_REFUSED : STUN_TCP_SILENT);
		return;
	}
	tcp->is_connected = true;
	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, tcp->id);
	if (send(watch->fd, writer.bytes, stun_end(&writer), MSG_NOSIGNAL) !=
	    (ssize_t)stun_end(&writer)) {
		end(tcp, STUN_TCP_CONNECTED);
		return;
	}
	loop_watch_start(tcp->loop, watch, watch->fd, LOOP_READ, on_readable);
}

/* The descriptor, connecting; -1 with what that means in out_outcome. */
static int begin_connect(const struct addr *bind_to, const struct addr *to,
			 enum stun_tcp_outcome *out_outcome)
{
	struct addr from = *bind_to;
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*out_outcome = STUN_TCP_SILENT;
	if (fd < 0)
		return -1;
	addr_set_port(&from, 0);
	if ((!addr_is_wildcard(&from) && bind(fd, &from.sa, from.len) < 0) ||
	    (connect(fd, &to->sa, to->len) < 0 && errno != EINPROGRESS)) {
		if (errno == ECONNREFUSED)
			*out_outcome = STUN_TCP_REFUSED;
		close(fd);
		return -1;
	}
	return fd;
}

void stun_tcp_ask(struct stun_tcp *tcp, struct loop *loop, const struct addr *bind_to,
		  const struct addr *to, uint64_t timeout_ms,
		  void (*on_end)(struct stun_tcp *tcp))
{
	enum stun_tcp_outcome outcome;
	int fd;

	stun_tcp_cancel(tcp);
	*tcp = (struct stun_tcp){ .loop = loop, .on_end = on_end };
	stun_new_id(tcp->id);
	fd = begin_connect(bind_to, to, &outcome);
	if (fd < 0) {
		tcp->outcome = outcome;
		loop_defer(loop, &tcp->call, on_failed);
		return;
	}
	timer_start(loop, &tcp->timer, timeout_ms, on_timer);
	loop_watch_start(loop, &tcp->watch, fd, LOOP_WRITE, on_connected);
}
