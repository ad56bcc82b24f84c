#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "proxy/transport/stream_inside.h"

/* A peer that is worth its queue reads so much in write_stall_ms, or all there is. */
enum { MIN_READ_BYTES = 16384 };
enum { MAX_READS = 8, MAX_PIECES = 64, MAX_CIPHER = 128 * 1024, MIN_BUFFER = 1024 };

/* stream, event: everyone else who holds the flow has something left to say on it. */
enum { OWN_REFS = 2 };

static void count_unsent(struct stream *stream)
{
	size_t n_cipher = 0;

	if (stream->tls)
		tls_session_output(stream->tls, &n_cipher);
	flow_set_queued(&stream->flow, stream->queue.n_bytes + n_cipher);
}

static void on_stall(struct timer *timer);

static void start_stall(struct stream *stream)
{
	struct transport *transport = stream->flow.owner;

	stream->stall_sent_bytes = stream->flow.n_sent_bytes;
	timer_start(transport->loop, &stream->stall, transport->limits.write_stall_ms,
		    on_stall);
}

/* A byte now and then is not reading: who takes that little keeps a queue full of ours for
 * hours. */
static void on_stall(struct timer *timer)
{
	struct stream *stream = container_of(timer, struct stream, stall);

	if (stream->flow.n_sent_bytes - stream->stall_sent_bytes >= MIN_READ_BYTES)
		start_stall(stream);
	else
		stream_end(stream, ERR_TIMEOUT, REASON_PEER_NOT_READING, STREAM_DROP);
}

/* The kernel takes no more: wait for the peer to read, but not for ever (field.md pitfall
 * 10). */
static void block(struct stream *stream)
{
	if (stream->is_ending)
		return;
	if (!timer_is_running(&stream->stall))
		start_stall(stream);
	stream->is_blocked = stream->flow.is_slow = true;
	if (stream->flow.shared)
		flow_note_load(&stream->flow);
	stream_watch(stream);
}

static void unblock(struct stream *stream)
{
	timer_stop(&stream->stall);
	stream->is_blocked = stream->flow.is_slow = false;
	if (stream->flow.shared)
		flow_note_load(&stream->flow);
	if (!stream->is_ending)
		stream_watch(stream);
}

/* A write that failed; what the peer said last may tell why, and still be unread. */
static void on_write_error(struct stream *stream)
{
	if (stream->is_ending)
		return;
	if (stream->state == STREAM_OPEN || stream->state == STREAM_HANDSHAKING)
		stream_read(stream);
	stream_lost(stream);
}

/* Writes from the queue (plain) or from TLS's output; false if it is blocked or broken. */
static bool write_some(struct stream *stream)
{
	struct iovec iov[MAX_PIECES];
	unsigned n = 1;
	size_t len = 0;

	if (stream->tls) {
		iov[0].iov_base = (void *)tls_session_output(stream->tls, &len);
		iov[0].iov_len = len;
	} else {
		n = send_queue_peek(&stream->queue, iov, MAX_PIECES);
	}
	struct msghdr header = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent = sendmsg(stream->fd, &header, MSG_NOSIGNAL);
	if (sent < 0 && errno == EINTR)
		return true;
	if (sent < 0 && errno == EAGAIN) {
		block(stream);
		return false;
	}
	if (sent < 0) {
		on_write_error(stream);
		return false;
	}
	flow_count_sent(&stream->flow, (size_t)sent);
	stream->flow.last_sent_ms = loop_now_ms(stream->flow.owner->loop);
	if (stream->tls)
		tls_session_sent(stream->tls, (size_t)sent);
	else
		send_queue_pop(&stream->queue, (size_t)sent);
	return true;
}

/* Encrypts what waits, as far as its ciphertext may wait. */
static enum err encrypt_queue(struct stream *stream)
{
	size_t n_cipher = 0;

	tls_session_output(stream->tls, &n_cipher);
	while (stream->state >= STREAM_OPEN && stream->queue.count > 0 &&
	       n_cipher < MAX_CIPHER) {
		struct iovec iov;
		send_queue_peek(&stream->queue, &iov, 1);
		enum err err = tls_session_write(stream->tls, iov.iov_base, iov.iov_len);
		if (err != ERR_OK)
			return err;
		send_queue_pop(&stream->queue, iov.iov_len);
		tls_session_output(stream->tls, &n_cipher);
	}
	return ERR_OK;
}

static bool has_output(struct stream *stream)
{
	size_t n_cipher = 0;

	if (!stream->tls)
		return stream->queue.count > 0;
	tls_session_output(stream->tls, &n_cipher);
	return n_cipher > 0;
}

void stream_flush(struct stream *stream)
{
	if (stream->is_blocked || stream->flow.is_closed || stream->state == STREAM_CONNECTING)
		return;
	for (;;) {
		if (stream->tls && encrypt_queue(stream) != ERR_OK) {
			stream_lost(stream);
			return;
		}
		if (!has_output(stream))
			break;
		if (!write_some(stream)) {
			if (!stream->flow.is_closed)
				count_unsent(stream);
			return;
		}
	}
	count_unsent(stream);
	unblock(stream);
	if (stream->state == STREAM_HALF_CLOSED && stream->flow.n_refs <= OWN_REFS - 1)
		stream_end(stream, ERR_RESET, REASON_CONNECTION_LOST, STREAM_DROP);
}

static void on_flush(struct loop_call *call)
{
	stream_flush(container_of(call, struct stream, flush_call));
}

enum err stream_send(struct flow *flow, struct wire *wire)
{
	struct stream *stream = container_of(flow, struct stream, flow);
	struct transport *transport = flow->owner;

	if (flow->n_queued_bytes > 0 &&
	    flow->n_queued_bytes + wire->len > transport->limits.queue_bytes)
		return ERR_LIMIT;
	enum err err = send_queue_push(&stream->queue, wire);
	if (err != ERR_OK)
		return err;
	flow_set_queued(flow, flow->n_queued_bytes + wire->len);
	/* All that one round of the loop has for this peer goes out in one write. */
	if (!stream->is_blocked && stream->state >= STREAM_OPEN)
		loop_defer(transport->loop, &stream->flush_call, on_flush);
	return ERR_OK;
}

/* Where nobody wants it, it is like anything else that is not SIP. */
static void refuse_stun(struct flow *flow, const char *bytes, size_t len)
{
	const struct transport_user *user = &flow->owner->user;

	if (user->on_malformed)
		user->on_malformed(user->user, flow, bytes, len, REASON_MALFORMED,
				   "STUN, which is not served here");
	if (!flow->is_closed)
		flow_close(flow, REASON_MALFORMED);
}

/* Acts on what the framer found; false if the stream is over. */
static bool on_frame(struct stream *stream, enum frame frame, const char *bytes, size_t len)
{
	struct flow *flow = &stream->flow;
	struct transport *transport = flow->owner;
	enum reason reason;

	switch (frame) {
	case FRAME_PARTIAL:
	case FRAME_CRLF:
		return true;
	case FRAME_PING:
		/* One pong answers all pings that came together; one that cannot be queued is
		 * just not there. */
		if (flow->n_queued_bytes == 0)
			(void)!flow_send(flow, transport->pong);
		return true;
	case FRAME_MESSAGE:
		stream->has_message = true;
		transport_deliver(flow, bytes, len);
		return !flow->is_closed;
	case FRAME_STUN:
		if (transport->user.on_stun &&
		    transport->user.on_stun(transport->user.user, flow, bytes, len))
			return !flow->is_closed;
		refuse_stun(flow, bytes, len);
		return false;
	case FRAME_TOO_LARGE:
	case FRAME_BAD:
		reason = frame == FRAME_BAD ? REASON_MALFORMED : REASON_MESSAGE_TOO_LARGE;
		if (transport->user.on_malformed)
			transport->user.on_malformed(transport->user.user, flow, bytes, len,
						     reason, stream->framer.fault);
		if (!flow->is_closed)
			flow_close(flow, reason);
		return false;
	}
	return false;
}

/* Makes room for len more bytes behind those that wait. */
static enum err reserve(struct stream *stream, size_t len)
{
	size_t needed = stream->in_len + len,
	       size = stream->in_size ? stream->in_size : MIN_BUFFER;

	if (needed <= stream->in_size)
		return ERR_OK;
	while (size < needed)
		size *= 2;
	char *in = realloc(stream->in, size);
	if (!in)
		return ERR_NO_MEMORY;
	stream->in = in;
	stream->in_size = size;
	return ERR_OK;
}

static void drop_input(struct stream *stream)
{
	free(stream->in);
	stream->in = NULL;
	stream->in_len = stream->in_size = 0;
}

/* Keeps rest[0..len), which stands in in already or has to be copied there. */
static void keep_rest(struct stream *stream, const char *rest, size_t len, bool is_own)
{
	uint64_t now_ms = loop_now_ms(stream->flow.owner->loop);

	if (len == 0) {
		drop_input(stream);
		return;
	}
	if (is_own) {
		/* else nothing was taken, and nothing moves: linear in what comes */
		if (rest > stream->in) {
			stream->partial_ms = now_ms;
			memmove(stream->in, rest, len);
		}
		stream->in_len = len;
		return;
	}
	if (reserve(stream, len) != ERR_OK) {
		stream_end(stream, ERR_NO_MEMORY, REASON_OVERLOAD, STREAM_DROP);
		return;
	}
	memcpy(stream->in, rest, len);
	stream->in_len = len;
	stream->partial_ms = now_ms;
	stream_set_deadline(stream);
}

/* Plain bytes of the peer, in whatever pieces they come. */
static void input(struct stream *stream, const char *bytes, size_t len)
{
	size_t at = 0, used = 0, max = stream->flow.owner->limits.message_bytes;
	enum frame frame = FRAME_CRLF;
	bool is_own = stream->in_len > 0;

	if (is_own) {
		if (reserve(stream, len) != ERR_OK) {
			stream_end(stream, ERR_NO_MEMORY, REASON_OVERLOAD, STREAM_DROP);
			return;
		}
		memcpy(stream->in + stream->in_len, bytes, len);
		stream->in_len += len;
		bytes = stream->in;
		len = stream->in_len;
	}
	stream->is_input = true;
	while (at < len && frame != FRAME_PARTIAL) {
		frame = frame_next(&stream->framer, bytes + at, len - at, max, &used);
		if (!on_frame(stream, frame, bytes + at, used))
			break;
		at += used;
	}
	stream->is_input = false;
	if (stream->flow.is_closed)
		drop_input(stream);
	else
		keep_rest(stream, bytes + at, len - at, is_own);
}

static void on_half_closed_deadline(struct timer *timer)
{
	stream_end(container_of(timer, struct stream, deadline), ERR_RESET,
		   REASON_CONNECTION_LOST, STREAM_DROP);
}

/* The peer will send no more. Answers to what it has asked may still go (RFC 9293 §3.6). */
static void on_end_of_input(struct stream *stream)
{
	struct transport *transport = stream->flow.owner;

	bool has_more_to_say = stream->queue.count > 0 || stream->flow.n_refs > OWN_REFS;
	if (stream->state != STREAM_OPEN || !stream->flow.is_inbound || !has_more_to_say) {
		stream_lost(stream);
		return;
	}
	stream->state = STREAM_HALF_CLOSED;
	transport_flow_half_closed(&stream->flow);
	stream_watch(stream);
	timer_start(transport->loop, &stream->deadline, transport->limits.write_stall_ms,
		    on_half_closed_deadline);
}

static void on_tls_end(struct stream *stream, enum tls_step step)
{
	enum reason reason =
		stream->is_reported ? REASON_NONE : tls_session_diagnosis(stream->tls)->reason;

	if (step == TLS_END)
		on_end_of_input(stream);
	else if (reason !=
		 REASON_NONE) /* the refusal of our certificate comes after our handshake */
		stream_end(stream, ERR_TLS, reason, STREAM_DROP);
	else
		stream_lost(stream);
}

static void input_tls(struct stream *stream, const char *bytes, size_t len)
{
	struct transport *transport = stream->flow.owner;
	enum tls_step step = TLS_DONE;

	tls_session_feed(stream->tls, bytes, len);
	if (stream->state == STREAM_HANDSHAKING)
		stream_handshake(stream);
	while (stream->state == STREAM_OPEN && !stream->flow.is_closed && step == TLS_DONE) {
		size_t n_plain = 0;
		step = tls_session_read(stream->tls, transport->plain, sizeof(transport->plain),
					&n_plain);
		if (step == TLS_DONE) {
			stream_report(stream);
			input(stream, transport->plain, n_plain);
		} else if (step != TLS_AGAIN) {
			on_tls_end(stream, step);
		}
	}
	if (!stream->flow.is_closed && has_output(stream))
		stream_flush(stream); /* what TLS answered by itself */
}

void stream_read(struct stream *stream)
{
	struct flow *flow = &stream->flow;
	struct transport *transport = flow->owner;

	/* Bounded, so that a fast peer leaves time for the others. */
	for (unsigned n = 0;
	     n < MAX_READS && !flow->is_closed && stream->state != STREAM_HALF_CLOSED; n++) {
		ssize_t got = recv(stream->fd, transport->bytes, sizeof(transport->bytes), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			if (errno != EAGAIN)
				stream_lost(stream);
			return;
		}
		if (got == 0) {
			on_end_of_input(stream);
			return;
		}
		flow->last_received_ms = loop_now_ms(transport->loop);
		flow_count_received(flow, (size_t)got);
		if (stream->tls)
			input_tls(stream, transport->bytes, (size_t)got);
		else
			input(stream, transport->bytes, (size_t)got);
		if ((size_t)got < sizeof(transport->bytes))
			return;
	}
}

void stream_free_buffers(struct stream *stream)
{
	send_queue_fini(&stream->queue);
	flow_set_queued(&stream->flow, 0);
	if (!stream->is_input)
		drop_input(stream);
}
