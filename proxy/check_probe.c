#include "proxy/check_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/text.h"
#include "proxy/check_probe_inside.h"

enum { PIECE = 16 * 1024 };

static void read_all(struct dialled *dialled);

bool check_probe_has_ended(const struct dialled *dialled)
{
	return dialled->call.is_queued;
}

static void dialled_free(struct dialled *dialled)
{
	loop_watch_stop(&dialled->watch);
	timer_stop(&dialled->deadline);
	timer_stop(&dialled->repeat);
	loop_defer_cancel(&dialled->call);
	if (dialled->fd >= 0)
		close(dialled->fd);
	tls_session_free(dialled->tls);
	buf_fini(&dialled->out);
	buf_fini(&dialled->in);
	free(dialled);
}

void check_probe_tell(struct check_probe *probe, const struct check_result *result)
{
	probe->is_active = false;
	probe->on_end(probe, result);
}

static void take_tls(struct dialled *dialled)
{
	struct check_result *result = &dialled->result;
	const struct tls_look *look = dialled->tls ? tls_session_seen(dialled->tls) : NULL;

	if (!look)
		return;
	result->has_tls = true;
	result->look = *look;
	result->diagnosis = *tls_session_diagnosis(dialled->tls);
	result->identity = tls_session_identity(dialled->tls);
}

static void on_over(struct loop_call *call)
{
	struct dialled *dialled = container_of(call, struct dialled, call);
	struct check_probe *probe = dialled->probe;

	probe->own = NULL;
	take_tls(dialled);
	check_probe_tell(probe, &dialled->result);
	dialled_free(dialled); /* the identity was its session's */
}

/* An alert, or a goodbye: it need not arrive. */
static void part(struct dialled *dialled)
{
	size_t len = 0;
	const void *bytes;

	if (dialled->result.stage == CHECK_DONE)
		tls_session_bye(dialled->tls);
	bytes = tls_session_output(dialled->tls, &len);
	if (len > 0)
		(void)!send(dialled->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void check_probe_end(struct dialled *dialled, enum check_stage stage, enum reason reason)
{
	loop_watch_stop(&dialled->watch);
	timer_stop(&dialled->deadline);
	timer_stop(&dialled->repeat);
	dialled->result.stage = stage;
	dialled->result.reason = reason;
	if (dialled->tls)
		part(dialled);
	loop_defer(dialled->loop, &dialled->call, on_over);
}

uint64_t check_probe_since(const struct dialled *dialled)
{
	return loop_now_ms(dialled->loop) - dialled->began_ms;
}

static void on_deadline(struct timer *timer)
{
	struct dialled *dialled = container_of(timer, struct dialled, deadline);
	static const enum reason reasons[] = { [CHECK_CONNECT] = REASON_CONNECT_TIMEOUT,
					       [CHECK_HANDSHAKE] = REASON_TLS_TIMEOUT,
					       [CHECK_ASK] = REASON_NO_ANSWER,
					       [CHECK_DONE] = REASON_NO_ANSWER };
	enum check_stage stage = dialled->result.stage;

	if (stage == CHECK_HANDSHAKE)
		tls_session_abort(dialled->tls, REASON_TLS_TIMEOUT);
	check_probe_end(dialled, stage, reasons[stage]);
}

void check_probe_enter(struct dialled *dialled, enum check_stage stage)
{
	dialled->result.stage = stage;
	dialled->began_ms = loop_now_ms(dialled->loop);
	timer_start(dialled->loop, &dialled->deadline, dialled->stage_ms, on_deadline);
}

static enum reason reason_of(int number)
{
	switch (number) {
	case ECONNREFUSED:
		return REASON_CONNECT_REFUSED;
	case ETIMEDOUT:
		return REASON_CONNECT_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return REASON_CONNECTION_LOST;
	default:
		return REASON_CONNECT_UNREACHABLE;
	}
}

/* The connection ended or broke, outside of the TLS session's own view. */
static void lose(struct dialled *dialled, int number)
{
	if (dialled->result.stage == CHECK_HANDSHAKE) {
		tls_session_abort(dialled->tls, REASON_TLS_PEER_CLOSED);
		check_probe_end(dialled, CHECK_HANDSHAKE,
				tls_session_diagnosis(dialled->tls)->reason);
		return;
	}
	check_probe_end(dialled, dialled->result.stage,
			number ? reason_of(number) : REASON_CONNECTION_LOST);
}

static bool is_waiting_to_write(const struct dialled *dialled)
{
	size_t len = dialled->out.len - dialled->n_sent;

	if (dialled->tls)
		tls_session_output(dialled->tls, &len);
	return dialled->result.stage == CHECK_CONNECT || len > 0;
}

static void on_ready(struct loop_watch *watch, unsigned events);

static void watch(struct dialled *dialled)
{
	loop_watch_start(dialled->loop, &dialled->watch, dialled->fd,
			 LOOP_READ | (is_waiting_to_write(dialled) ? LOOP_WRITE : 0), on_ready);
}

static void count_sent(struct dialled *dialled, size_t len)
{
	if (dialled->tls)
		tls_session_sent(dialled->tls, len);
	else
		dialled->n_sent += len;
}

/* False: it ended. */
bool check_probe_flush(struct dialled *dialled)
{
	for (;;) {
		size_t len = dialled->out.len - dialled->n_sent;
		const void *bytes = buf_text(&dialled->out) + dialled->n_sent;
		ssize_t sent;

		if (dialled->tls)
			bytes = tls_session_output(dialled->tls, &len);
		if (len == 0)
			break;
		sent = send(dialled->fd, bytes, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0) {
			int number = errno;

			/* What the other side said last may still be unread: its alert. */
			read_all(dialled);
			if (check_probe_has_ended(dialled))
				return false;
			lose(dialled, number);
			return false;
		}
		count_sent(dialled, (size_t)sent);
	}
	watch(dialled);
	return true;
}

static void on_handshaken(struct dialled *dialled)
{
	const struct tls_look *look = tls_session_seen(dialled->tls);

	dialled->result.handshake_ms = check_probe_since(dialled);
	if (look->verdict && !dialled->asks_anyway)
		check_probe_end(dialled, CHECK_HANDSHAKE, look->verdict);
	else if (dialled->only_handshake)
		check_probe_end(dialled, CHECK_DONE, REASON_NONE);
	else
		check_probe_ask(dialled);
}

static void fail_tls(struct dialled *dialled)
{
	dialled->result.was_refused_later = dialled->result.stage == CHECK_ASK;
	check_probe_end(dialled, dialled->result.stage,
			tls_session_diagnosis(dialled->tls)->reason);
}

/* Plaintext out of the session, as long as there is some. */
static void decrypt(struct dialled *dialled)
{
	char bytes[PIECE];
	size_t len;

	while (!check_probe_has_ended(dialled)) {
		switch (tls_session_read(dialled->tls, bytes, sizeof(bytes), &len)) {
		case TLS_DONE:
			check_probe_take(dialled, bytes, len);
			break;
		case TLS_AGAIN:
			return;
		case TLS_END:
			lose(dialled, 0);
			return;
		case TLS_FAILED:
			fail_tls(dialled);
			return;
		}
	}
}

static void receive_tls(struct dialled *dialled, const char *bytes, size_t len)
{
	tls_session_feed(dialled->tls, bytes, len);
	if (dialled->result.stage == CHECK_HANDSHAKE) {
		switch (tls_session_handshake(dialled->tls)) {
		case TLS_DONE:
			on_handshaken(dialled);
			break;
		case TLS_AGAIN:
		case TLS_END:
			break;
		case TLS_FAILED:
			dialled->result.handshake_ms = check_probe_since(dialled);
			fail_tls(dialled);
			return;
		}
	}
	if (dialled->result.stage == CHECK_ASK)
		decrypt(dialled);
}

static void read_all(struct dialled *dialled)
{
	char bytes[PIECE];

	while (!check_probe_has_ended(dialled)) {
		ssize_t len = recv(dialled->fd, bytes, sizeof(bytes), 0);

		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0) {
			lose(dialled, errno);
			return;
		}
		if (len == 0 && dialled->hop.transport != TRANSPORT_UDP) {
			lose(dialled, 0);
			return;
		}
		if (dialled->tls)
			receive_tls(dialled, bytes, (size_t)len);
		else
			check_probe_take(dialled, bytes, (size_t)len);
	}
}

static void on_connected(struct dialled *dialled)
{
	enum err err;

	dialled->result.connect_ms = check_probe_since(dialled);
	if (dialled->hop.transport != TRANSPORT_TLS &&
	    dialled->hop.transport != TRANSPORT_MTLS) {
		check_probe_ask(dialled);
		return;
	}
	check_probe_enter(dialled, CHECK_HANDSHAKE);
	err = tls_session_look(&dialled->hop, dialled->only, &dialled->tls);
	if (err != ERR_OK) {
		dialled->result.cannot = err == ERR_UNSUPPORTED;
		check_probe_end(dialled, CHECK_HANDSHAKE, REASON_TLS_INTERNAL);
		return;
	}
	if (tls_session_handshake(dialled->tls) == TLS_FAILED)
		fail_tls(dialled);
	else
		(void)check_probe_flush(dialled);
}

static void on_ready(struct loop_watch *ready, unsigned events)
{
	struct dialled *dialled = container_of(ready, struct dialled, watch);
	socklen_t len = sizeof(int);
	int number = 0;

	if (dialled->result.stage == CHECK_CONNECT) {
		if (getsockopt(dialled->fd, SOL_SOCKET, SO_ERROR, &number, &len) || number)
			lose(dialled, number);
		else
			on_connected(dialled);
		return;
	}
	if (events & LOOP_READ)
		read_all(dialled);
	if (!check_probe_has_ended(dialled))
		(void)check_probe_flush(dialled);
}

static int open_socket(const struct hop *hop)
{
	bool is_udp = hop->transport == TRANSPORT_UDP;
	int fd = socket(hop->remote.sa.sa_family,
			(is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct addr bind_to = hop->bind;

	if (fd < 0)
		return -1;
	if (addr_is_set(&bind_to) && bind_to.sa.sa_family == hop->remote.sa.sa_family) {
		addr_set_port(&bind_to, 0);
		if (bind(fd, &bind_to.sa, bind_to.len)) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static void dial(struct dialled *dialled)
{
	check_probe_enter(dialled, CHECK_CONNECT);
	dialled->fd = open_socket(&dialled->hop);
	if (dialled->fd < 0)
		check_probe_end(dialled, CHECK_CONNECT, REASON_CONNECT_UNREACHABLE);
	else if (connect(dialled->fd, &dialled->hop.remote.sa, dialled->hop.remote.len) == 0)
		on_connected(dialled);
	else if (errno == EINPROGRESS)
		watch(dialled);
	else
		lose(dialled, errno);
}

static struct dialled *make(struct check_prober *prober, const struct check_question *question)
{
	struct dialled *dialled = calloc(1, sizeof(*dialled));

	if (!dialled)
		return NULL;
	dialled->loop = prober->loop;
	dialled->hop = *question->hop;
	dialled->only = question->only;
	dialled->only_handshake = question->only_handshake;
	dialled->asks_anyway = question->asks_anyway;
	dialled->stage_ms = question->stage_ms;
	text_copy(dialled->from, sizeof(dialled->from), question->from);
	text_copy(dialled->to, sizeof(dialled->to), question->to);
	buf_init(&dialled->out, 0);
	buf_init(&dialled->in, 2 * CHECK_MAX_ANSWER);
	dialled->fd = -1;
	return dialled;
}

static void on_no_memory(struct loop_call *call)
{
	static const struct check_result result = { .reason = REASON_OVERLOAD };

	check_probe_tell(container_of(call, struct check_probe, call), &result);
}

void check_probe_start(struct check_prober *prober, struct check_probe *probe,
		       const struct check_question *question,
		       void (*on_end)(struct check_probe *probe,
				      const struct check_result *result))
{
	struct dialled *dialled;

	*probe = (struct check_probe){ .on_end = on_end, .is_active = true };
	if (prober->ops) {
		prober->ops->start(prober, probe, question);
		return;
	}
	dialled = make(prober, question);
	if (!dialled) {
		loop_defer(prober->loop, &probe->call, on_no_memory);
		return;
	}
	dialled->probe = probe;
	probe->own = dialled;
	dial(dialled);
}

void check_probe_cancel(struct check_prober *prober, struct check_probe *probe)
{
	if (!probe->is_active)
		return;
	probe->is_active = false;
	loop_defer_cancel(&probe->call);
	if (prober->ops)
		prober->ops->cancel(prober, probe);
	else if (probe->own)
		dialled_free(probe->own);
	probe->own = NULL;
}
