#include "proxy/transport/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/transport/linger.h"
#include "proxy/transport/pool.h"
#include "proxy/transport/roll.h"
#include "proxy/transport/stream_inside.h"
#include "proxy/transport/tls_verify.h"

enum {
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_INTERVAL_S = 15,
	KEEPALIVE_PROBES = 4,
	UNACKNOWLEDGED_MS = 20000
};
enum { IDLE_AGAIN_MS = 10 * 1000 };

static const uint64_t MAX_DEADLINE_MS = 24 * 3600 * 1000;

static void destroy(struct flow *flow)
{
	struct stream *stream = container_of(flow, struct stream, flow);

	tls_session_free(stream->tls);
	free(stream->in);
	free(stream);
}

static void close_stream(struct flow *flow, enum reason why)
{
	struct stream *stream = container_of(flow, struct stream, flow);

	bool is_refusal = why == REASON_MALFORMED || why == REASON_MESSAGE_TOO_LARGE;

	stream_end(stream, ERR_CLOSED, why, is_refusal ? STREAM_LINGER : STREAM_DROP);
}

static enum err peer_chain(struct flow *flow, struct peer_chain **out)
{
	struct stream *stream = container_of(flow, struct stream, flow);

	return stream->tls ? tls_verify_keep(stream->tls, out) : ERR_NOT_FOUND;
}

static const struct flow_ops stream_ops = {
	.send = stream_send, .close = close_stream, .destroy = destroy, .peer_chain = peer_chain
};

static void report(struct stream *stream)
{
	struct transport *transport = stream->flow.owner;

	if (transport && transport->user.on_handshake)
		transport->user.on_handshake(transport->user.user,
					     tls_session_diagnosis(stream->tls));
	tls_session_forget_diagnosis(stream->tls); /* it is large, and has had its use */
}

static void on_report(struct loop_call *call)
{
	struct stream *stream = container_of(call, struct stream, report_call);

	report(stream);
	flow_unref(&stream->flow);
}

void stream_report(struct stream *stream)
{
	if (stream->is_reported)
		return;
	stream->is_reported = true;
	report(stream);
}

/* Inside close nobody is called: the report waits for the loop. */
static void report_later(struct stream *stream)
{
	if (!stream->tls || stream->is_reported)
		return;
	stream->is_reported = true;
	flow_ref(&stream->flow);
	loop_defer(stream->flow.owner->loop, &stream->report_call, on_report);
}

void stream_end(struct stream *stream, enum err err, enum reason reason, enum stream_end how)
{
	struct transport *transport = stream->flow.owner;

	if (stream->flow.is_closed || stream->is_ending)
		return;
	stream->is_ending = true;
	if (stream->tls && stream->state == STREAM_HANDSHAKING && err != ERR_TLS)
		tls_session_abort(stream->tls,
				  reason == REASON_NONE ? REASON_TLS_PEER_CLOSED : reason);
	stream_flush(stream); /* what the kernel takes at once */
	if (stream->tls && stream->state >= STREAM_OPEN && err == ERR_CLOSED) {
		tls_session_bye(stream->tls);
		stream_flush(stream);
	}

	loop_watch_stop(&stream->watch);
	timer_stop(&stream->deadline);
	timer_stop(&stream->stall);
	loop_defer_cancel(&stream->flush_call);
	if (how == STREAM_LINGER)
		linger(transport, stream->fd);
	else
		close(stream->fd);
	stream->fd = -1;
	stream_free_buffers(stream);
	if (stream->state != STREAM_CONNECTING)
		report_later(stream);
	transport_flow_ended(&stream->flow, err, reason);
}

void stream_lost(struct stream *stream)
{
	bool is_handshake =
		stream->tls && (stream->state == STREAM_HANDSHAKING || !stream->is_reported);

	if (is_handshake) {
		tls_session_abort(stream->tls, REASON_TLS_PEER_CLOSED);
		stream_end(stream, ERR_TLS, REASON_TLS_PEER_CLOSED, STREAM_DROP);
	} else {
		stream_end(stream, ERR_RESET, REASON_CONNECTION_LOST, STREAM_DROP);
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds until the certificate that made the peer known expires: RFC 5923 §9.3 wants the
 * connection closed then. */
static uint64_t certificate_left_ms(const struct stream *stream)
{
	uint64_t now_s = loop_wall_us(stream->flow.owner->loop) / 1000000;

	if (!stream->flow.identity)
		return MAX_DEADLINE_MS;
	if (stream->flow.identity->not_after <= (int64_t)now_s)
		return 0;
	return ((uint64_t)stream->flow.identity->not_after - now_s) * 1000;
}

static uint64_t left_ms(uint64_t since_ms, uint64_t bound_ms, uint64_t now_ms)
{
	return since_ms + bound_ms > now_ms ? since_ms + bound_ms - now_ms : 0;
}

static void on_open_deadline(struct timer *timer);

void stream_set_deadline(struct stream *stream)
{
	const struct transport_limits *limits = &stream->flow.owner->limits;
	struct flow *flow = &stream->flow;
	uint64_t now_ms = loop_now_ms(flow->owner->loop);
	uint64_t last_ms = flow->last_received_ms > flow->last_sent_ms ? flow->last_received_ms
								       : flow->last_sent_ms;

	if (stream->state != STREAM_OPEN)
		return;
	uint64_t wait_ms = least(MAX_DEADLINE_MS, certificate_left_ms(stream));
	wait_ms = least(wait_ms, left_ms(last_ms, limits->idle_ms, now_ms));
	if (flow->is_inbound && !stream->has_message)
		wait_ms = least(wait_ms,
				left_ms(flow->opened_ms, limits->first_message_ms, now_ms));
	if (stream->in_len > 0)
		wait_ms = least(wait_ms,
				left_ms(stream->partial_ms, limits->first_message_ms, now_ms));
	if (stream->tls && !stream->is_reported)
		wait_ms =
			least(wait_ms, left_ms(flow->opened_ms, limits->handshake_ms, now_ms));
	timer_start(flow->owner->loop, &stream->deadline, wait_ms, on_open_deadline);
}

/* Deadlines are looked at when the earliest has come, not moved with every message. */
static void on_open_deadline(struct timer *timer)
{
	struct stream *stream = container_of(timer, struct stream, deadline);
	const struct transport_limits *limits = &stream->flow.owner->limits;
	struct flow *flow = &stream->flow;
	uint64_t now_ms = loop_now_ms(flow->owner->loop);
	uint64_t last_ms = flow->last_received_ms > flow->last_sent_ms ? flow->last_received_ms
								       : flow->last_sent_ms;

	bool is_silent = flow->is_inbound && !stream->has_message &&
			 left_ms(flow->opened_ms, limits->first_message_ms, now_ms) == 0;
	bool is_slow = stream->in_len > 0 &&
		       left_ms(stream->partial_ms, limits->first_message_ms, now_ms) == 0;
	if (is_silent || is_slow) {
		stream_end(stream, ERR_TIMEOUT, REASON_CONNECTION_LOST, STREAM_DROP);
		return;
	}
	if (left_ms(last_ms, limits->idle_ms, now_ms) == 0) {
		if (flow->shared && !roll_withdraw_unused(flow->shared))
			/* Another worker may be about to send on it. */
			timer_start(flow->owner->loop, timer, IDLE_AGAIN_MS, on_open_deadline);
		else
			stream_end(stream, ERR_CLOSED, REASON_NONE, STREAM_DROP);
		return;
	}
	if (certificate_left_ms(stream) == 0) {
		stream_end(stream, ERR_CLOSED, REASON_TLS_EXPIRED, STREAM_DROP);
		return;
	}
	if (stream->tls && left_ms(flow->opened_ms, limits->handshake_ms, now_ms) == 0)
		stream_report(stream); /* a refusal would have come by now */
	stream_set_deadline(stream);
}

/* What the peer opened may carry our requests, too. Where memory is short it is just not found
 * again. */
static void offer_accepted(struct stream *stream)
{
	const char *ours = stream->tls ? tls_session_shown(stream->tls) : "";
	const char *trust =
		stream->tls ? tls_trust_fingerprint(stream->flow.listener->trust) : "";
	struct flow *flow = &stream->flow;
	struct transport *transport = flow->owner;

	(void)!pool_add_accepted(transport->pool, flow, ours, trust);
	/* One whose peer proved nothing, nobody else has a use for. */
	if (transport->roll && flow->transport == TRANSPORT_MTLS && flow->identity)
		(void)!roll_add_accepted(transport->roll, flow, ours, trust, &flow->shared);
}

void stream_opened(struct stream *stream)
{
	struct flow *flow = &stream->flow;

	stream->state = STREAM_OPEN;
	stream_watch(stream);
	if (stream->tls) {
		struct identity *identity = tls_session_identity(stream->tls);
		flow->identity = identity ? identity_ref(identity) : NULL;
		if (!tls_session_is_unconfirmed(stream->tls))
			stream_report(stream);
	}
	if (flow->is_inbound)
		offer_accepted(stream);
	transport_flow_opened(flow);
	if (flow->is_closed)
		return;
	stream_set_deadline(stream);
	stream_flush(stream);
}

static void on_handshake_deadline(struct timer *timer)
{
	struct stream *stream = container_of(timer, struct stream, deadline);

	tls_session_abort(stream->tls, REASON_TLS_TIMEOUT);
	stream_end(stream, ERR_TLS, REASON_TLS_TIMEOUT, STREAM_DROP);
}

void stream_handshake(struct stream *stream)
{
	switch (tls_session_handshake(stream->tls)) {
	case TLS_AGAIN:
		stream_flush(stream);
		return;
	case TLS_DONE:
		stream_opened(stream);
		return;
	case TLS_END:
	case TLS_FAILED:
		stream_end(stream, ERR_TLS, tls_session_diagnosis(stream->tls)->reason,
			   STREAM_LINGER);
		return;
	}
}

/* TCP stands. */
static void on_connected(struct stream *stream)
{
	struct transport *transport = stream->flow.owner;

	if (!stream->tls) {
		stream_opened(stream);
		return;
	}
	stream->state = STREAM_HANDSHAKING;
	stream_watch(stream);
	timer_start(transport->loop, &stream->deadline, transport->limits.handshake_ms,
		    on_handshake_deadline);
	stream_handshake(stream);
}

static void refuse_connect(struct stream *stream, int number)
{
	enum err err = err_from_errno(number);
	enum reason reason = number == ECONNREFUSED ? REASON_CONNECT_REFUSED
			     : number == ETIMEDOUT  ? REASON_CONNECT_TIMEOUT
						    : REASON_CONNECT_UNREACHABLE;

	stream_end(stream, err, reason, STREAM_DROP);
}

static void read_local(struct stream *stream)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);

	if (getsockname(stream->fd, (struct sockaddr *)&local, &len) == 0)
		addr_from_sockaddr(&stream->flow.local, (struct sockaddr *)&local, len);
}

static void on_connect_answer(struct stream *stream)
{
	int number = 0;
	socklen_t len = sizeof(number);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0)
		number = errno;
	if (number != 0) {
		refuse_connect(stream, number);
		return;
	}
	timer_stop(&stream->deadline);
	read_local(stream);
	on_connected(stream);
}

static void on_connect_deadline(struct timer *timer)
{
	struct stream *stream = container_of(timer, struct stream, deadline);

	stream_end(stream, ERR_TIMEOUT, REASON_CONNECT_TIMEOUT, STREAM_DROP);
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct stream *stream = container_of(watch, struct stream, watch);

	flow_ref(&stream->flow);
	if (stream->state == STREAM_CONNECTING) {
		on_connect_answer(stream);
	} else {
		if (events & LOOP_READ)
			stream_read(stream);
		if ((events & LOOP_WRITE) && !stream->flow.is_closed) {
			stream->is_blocked = false;
			stream_flush(stream);
		}
	}
	flow_unref(&stream->flow);
}

void stream_watch(struct stream *stream)
{
	bool is_reading = stream->state == STREAM_HANDSHAKING || stream->state == STREAM_OPEN;
	bool is_writing = stream->state == STREAM_CONNECTING || stream->is_blocked;
	unsigned events = (is_reading ? LOOP_READ : 0) | (is_writing ? LOOP_WRITE : 0);

	if (events)
		loop_watch_start(stream->flow.owner->loop, &stream->watch, stream->fd, events,
				 on_ready);
	else
		loop_watch_stop(&stream->watch);
}

/* Values that only make a connection better: none of them is needed. */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		/* A peer that is gone without a word: what we sent to it is not acknowledged.
		 * The kernel's own patience is a quarter of an hour. */
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS },
	};

	for (size_t i = 0; i < COUNT(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof(int));
}

static struct stream *make(struct transport *transport, struct listener *listener,
			   enum conf_transport kind, int fd, const struct addr *remote)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	transport_flow_init(transport, &stream->flow, &stream_ops, listener, kind, NULL,
			    remote);
	stream->fd = fd;
	set_options(fd);
	return stream;
}

enum err stream_accept(struct transport *transport, struct listener *listener, int fd,
		       const struct addr *remote)
{
	struct tls_session *tls = NULL;

	if (listener_is_tls(listener)) {
		enum err err = tls_session_accept(listener, remote, &tls);
		if (err != ERR_OK)
			return err;
	}
	struct stream *stream = make(transport, listener, listener->transport, fd, remote);
	if (!stream) {
		tls_session_free(tls);
		return ERR_NO_MEMORY;
	}
	stream->tls = tls;
	stream->flow.is_inbound = true;
	stream->flow.is_charged = true;
	read_local(stream);
	on_connected(stream);
	return ERR_OK;
}

static int open_socket(const struct hop *hop, int *out_number)
{
	int on = 1;

	int fd =
		socket(hop->remote.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	*out_number = 0;
	if (!addr_is_set(&hop->bind))
		return fd;

	/* The port is chosen at connect, when the peer is known: far more of them are then
	 * free. */
	struct addr bind_addr = hop->bind;
	addr_set_port(&bind_addr, 0);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, &bind_addr.sa, bind_addr.len) < 0)
		*out_number = errno;
	return fd;
}

struct flow *stream_dial(struct transport *transport, const struct hop *hop)
{
	struct tls_session *tls = NULL;
	int number = 0;

	bool is_tls = hop->transport == TRANSPORT_TLS || hop->transport == TRANSPORT_MTLS;
	if (is_tls && tls_session_dial(hop, &tls) != ERR_OK)
		return NULL;
	int fd = open_socket(hop, &number);
	struct stream *stream =
		fd < 0 ? NULL
		       : make(transport, hop->listener, hop->transport, fd, &hop->remote);
	if (!stream) {
		if (fd >= 0)
			close(fd);
		tls_session_free(tls);
		return NULL;
	}
	stream->tls = tls;
	stream->state = STREAM_CONNECTING;
	if (number == 0 && connect(fd, &hop->remote.sa, hop->remote.len) < 0)
		number = errno;
	if (number != 0 && number != EINPROGRESS) {
		refuse_connect(stream, number);
		return &stream->flow;
	}
	/* A connection that stands at once is told from the loop like any other: it is
	 * writable. */
	timer_start(transport->loop, &stream->deadline,
		    hop->connect_ms ? hop->connect_ms : transport->limits.connect_ms,
		    on_connect_deadline);
	stream_watch(stream);
	return &stream->flow;
}
