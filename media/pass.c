#include "media/pass.h"

#include <errno.h>
#include <string.h>

#include "media/end.h"
#include "media/end_dtls.h"
#include "media/end_flow.h"
#include "media/ice_lite.h"
#include "media/mapping.h"
#include "media/worker.h"

enum { QUICK_MS = 3 }; /* packets that come closer than this come in bursts */

/* What was sent of a batch; the rest did not fit into the socket and is lost, as on any full
 * line. */
static void flush(struct media_worker *worker)
{
	struct sending *sending = &worker->sending;

	const struct msghdr *first = &sending->heads[0].msg_hdr;

	if (sending->n == 1)
		(void)sendto(sending->fd, sending->parts[0].iov_base, sending->parts[0].iov_len,
			     0, first->msg_name, first->msg_namelen);
	else if (sending->n > 1)
		(void)sendmmsg(sending->fd, sending->heads, sending->n, 0);
	sending->n = 0;
}

/* Puts bytes behind what waits; they and the address stay where they are until flush. */
static void queue(struct media_worker *worker, int fd, const uint8_t *bytes, size_t len,
		  const struct addr *to)
{
	struct sending *sending = &worker->sending;
	struct msghdr *head;

	if (sending->n > 0 && (sending->fd != fd || sending->n == WORKER_MAX_BATCH))
		flush(worker);
	sending->fd = fd;
	head = &sending->heads[sending->n].msg_hdr;
	sending->parts[sending->n] = (struct iovec){ (void *)(uintptr_t)bytes, len };
	head->msg_name = (void *)(uintptr_t)&to->sa;
	head->msg_namelen = to->len;
	sending->n++;
}

void send_raw(struct relay_end_state *end, unsigned component, const uint8_t *bytes, size_t len,
	      const struct addr *to)
{
	(void)sendto(end->pair.fds[component], bytes, len, 0, &to->sa, to->len);
	end->last_sent_ms[component] = loop_now_ms(end->stream->relay->worker->loop);
}

static void reject(struct relay_end_state *end)
{
	end->counts.rejected_sources++;
	count_one(&end->stream->relay->worker->counts.rejected_sources, 1);
}

static void drop(struct relay_end_state *end)
{
	end->counts.dropped++;
	count_one(&end->stream->relay->worker->counts.dropped, 1);
}

static void fail(struct relay_end_state *end)
{
	end->counts.srtp_failures++;
	count_one(&end->stream->relay->worker->counts.srtp_failures, 1);
}

/* Protects what goes to that side; false if it must not go out. */
static bool protect(struct relay_end_state *end, uint8_t *bytes, size_t *len, bool is_rtcp)
{
	struct srtp_way *way = end->srtp[end_keys(end, is_rtcp)].out;

	if (end->security == RELAY_PLAIN)
		return true;
	return way && srtp_way_protect(way, bytes, len, is_rtcp) == SRTP_DONE;
}

/* The port by which RTP or RTCP goes out to that side, and where to; NULL if nowhere. */
static const struct addr *way_out(const struct relay_end_state *end, bool is_rtcp,
				  unsigned *out_component)
{
	*out_component = is_rtcp && !end->is_muxed ? PORT_RTCP : PORT_RTP;
	return latch_target(&end->sockets[*out_component].latch);
}

static void send_on(struct relay_end_state *end, bool is_rtcp, uint8_t *bytes, size_t len)
{
	struct media_worker *worker = end->stream->relay->worker;
	unsigned component;
	const struct addr *to = way_out(end, is_rtcp, &component);

	if (!to || !protect(end, bytes, &len, is_rtcp)) {
		drop(end);
		return;
	}
	queue(worker, end->pair.fds[component], bytes, len, to);
	end->last_sent_ms[component] = loop_now_ms(worker->loop);
	if (is_rtcp) {
		end->counts.sent_rtcp_packets++;
	} else {
		end->counts.sent_packets++;
		end->counts.sent_bytes += len;
	}
	count_one(&worker->counts.packets, 1);
	count_one(&worker->counts.bytes, len);
}

bool send_own(struct relay_end_state *end, bool is_rtcp, uint8_t *bytes, size_t len)
{
	unsigned component;
	const struct addr *to = way_out(end, is_rtcp, &component);

	if (!to || !protect(end, bytes, &len, is_rtcp))
		return false;
	send_raw(end, component, bytes, len, to);
	return true;
}

static void tell_latched(struct relay_socket *socket)
{
	struct relay_end_state *end = socket->end;
	struct relay_event event = { .kind = RELAY_LATCHED,
				     .stream = end->stream->number,
				     .leg = end->leg,
				     .is_rtcp = socket->component == PORT_RTCP,
				     .addr = socket->latch.source };

	worker_tell(end->stream->relay, &event);
}

static void live(struct relay *relay)
{
	relay->last_ms = loop_now_ms(relay->worker->loop);
	if (relay->is_silent)
		end_silence(relay);
}

/* A packet that is what it should be, from where it may come. */
static void accept_source(struct relay_socket *socket, const struct packet *packet)
{
	struct latch *latch = &socket->latch;
	struct relay *relay = socket->end->stream->relay;

	live(relay);
	if (latch->is_locked && latch_is_source(latch, &packet->source))
		return;
	if (!latch_take(latch, &packet->source, relay->last_ms))
		return;
	if (socket->component == PORT_RTP)
		end_flow_leave(socket->end->stream);
	if (latch->is_latching)
		tell_latched(socket);
}

/* True if this is what the keys say; a side without SRTP has nothing to show. */
static bool is_authentic(struct relay_end_state *end, struct packet *packet, size_t *len,
			 bool is_rtcp)
{
	struct srtp_way *way;

	if (end->security == RELAY_PLAIN)
		return true;
	way = end->srtp[end_keys(end, is_rtcp)].in;
	if (!way) {
		drop(end);
		return false;
	}
	if (srtp_way_unprotect(way, packet->bytes, len, is_rtcp) == SRTP_DONE)
		return true;
	fail(end);
	return false;
}

static void take_rtp(struct relay_socket *socket, struct packet *packet, size_t len)
{
	struct relay_end_state *end = socket->end;
	struct rtp_header header;
	size_t received_len = len;

	if (socket->component != PORT_RTP || !rtp_read(packet->bytes, len, &header)) {
		drop(end);
		return;
	}
	if (!is_authentic(end, packet, &len, false))
		return;
	accept_source(socket, packet);
	end->counts.packets++;
	end->counts.bytes += received_len;
	if (!end->is_away)
		rtp_stream_note(&end->counts.stream, &header,
				end->stream->relay->last_ms * 1000);
	if (!end->is_blocked)
		send_on(other_end(end), false, packet->bytes, len);
	if (end->stream->relay->last_ms >= end->flow_due_ms)
		end_flow_look(end, end->stream->relay->last_ms);
}

static void take_rtcp(struct relay_socket *socket, struct packet *packet, size_t len)
{
	struct relay_end_state *end = socket->end;

	if (!is_authentic(end, packet, &len, true))
		return;
	accept_source(socket, packet);
	end->counts.rtcp_packets++;
	if (!end->is_sealed) /* not every packet has a report */
		(void)rtcp_read_report(packet->bytes, len, &end->counts.told);
	if (!end->is_blocked)
		send_on(other_end(end), true, packet->bytes, len);
}

/* What is neither RTP nor RTCP, or not looked at: between sides without SRTP of ours it is
 * passed on by the same port. */
static void take_other(struct relay_socket *socket, struct packet *packet, size_t len)
{
	struct relay_end_state *end = socket->end, *other = other_end(end);
	const struct addr *to = latch_target(&other->sockets[socket->component].latch);

	if (end->security != RELAY_PLAIN || other->security != RELAY_PLAIN ||
	    (!end->is_opaque && !latch_is_source(&socket->latch, &packet->source))) {
		drop(end);
		return;
	}
	accept_source(socket, packet);
	if (end->is_opaque) {
		end->counts.packets++;
		end->counts.bytes += len;
	}
	if (end->is_blocked)
		return;
	if (!to) {
		drop(other);
		return;
	}
	queue(end->stream->relay->worker, other->pair.fds[socket->component], packet->bytes,
	      len, to);
	other->last_sent_ms[socket->component] = end->stream->relay->last_ms;
}

/* STUN is for us where we asked or have ICE; it comes from where no latch holds yet. */
static bool take_stun(struct relay_socket *socket, const struct packet *packet, size_t len)
{
	if (socket->mapping && mapping_take(socket, packet->bytes, len, &packet->source))
		return true;
	if (!socket->end->has_ice)
		return false;
	if (ice_lite_take(socket, packet->bytes, len, &packet->source))
		live(socket->end->stream->relay);
	else
		drop(socket->end);
	return true;
}

/* May a packet come from there? RTCP of a side that is latched comes from RTP's host. */
static bool is_admitted(const struct relay_socket *socket, const struct addr *source,
			uint64_t now_ms)
{
	const struct latch *rtp = &socket->end->sockets[PORT_RTP].latch;

	if (!latch_admits(&socket->latch, source, now_ms))
		return false;
	return socket->component == PORT_RTP || !rtp->is_latching || !rtp->is_locked ||
	       latch_is_source(&socket->latch, source) || addr_same_host(&rtp->source, source);
}

static void take(struct relay_socket *socket, struct packet *packet, size_t len)
{
	struct relay_end_state *end = socket->end;
	enum packet_kind kind =
		end->is_opaque ? PACKET_OTHER : packet_kind_of(packet->bytes, len);

	if (kind == PACKET_STUN && take_stun(socket, packet, len))
		return;
	if (!is_admitted(socket, &packet->source,
			 loop_now_ms(end->stream->relay->worker->loop))) {
		reject(end);
		return;
	}
	if (kind == PACKET_RTCP && socket->component == PORT_RTP && !end->is_muxed)
		kind = PACKET_RTP; /* payload types 64 to 95 with the marker, RFC 5761 4 */
	switch (kind) {
	case PACKET_RTP:
		take_rtp(socket, packet, len);
		return;
	case PACKET_RTCP:
		take_rtcp(socket, packet, len);
		return;
	case PACKET_DTLS:
		if (end->security == RELAY_DTLS)
			end_dtls_take(socket, packet->bytes, len, &packet->source);
		else
			take_other(socket, packet, len);
		return;
	case PACKET_STUN:
	case PACKET_OTHER:
		take_other(socket, packet, len);
		return;
	}
}

/* One system call takes as many packets as lately came at once: one for a telephone, more for
 * video. */
static void adapt(struct relay_socket *socket, unsigned n, uint64_t now_ms)
{
	if (n == socket->n_batch && now_ms - socket->last_read_ms < QUICK_MS &&
	    socket->n_batch < WORKER_MAX_BATCH)
		socket->n_batch *= 2;
	else if (n * 2 < socket->n_batch)
		socket->n_batch /= 2;
	socket->last_read_ms = now_ms;
}

static int receive(struct media_worker *worker, struct relay_socket *socket)
{
	struct msghdr *first = &worker->heads[0].msg_hdr;
	int fd = socket->watch.fd;
	ssize_t len;

	for (unsigned i = 0; i < socket->n_batch; i++)
		worker->heads[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in6);
	if (socket->n_batch > 1)
		return recvmmsg(fd, worker->heads, socket->n_batch, MSG_DONTWAIT, NULL);
	/* With MSG_TRUNC the length is that of the datagram. */
	len = recvfrom(fd, worker->packets[0].bytes, PACKET_ROOM, MSG_DONTWAIT | MSG_TRUNC,
		       first->msg_name, &first->msg_namelen);
	worker->heads[0].msg_len = len > 0 ? (unsigned)len : 0;
	first->msg_flags = len > PACKET_ROOM ? MSG_TRUNC : 0;
	return len < 0 ? -1 : 1;
}

void on_packets(struct loop_watch *watch, unsigned events)
{
	struct relay_socket *socket = container_of(watch, struct relay_socket, watch);
	struct media_worker *worker = socket->end->stream->relay->worker;
	int n = receive(worker, socket);

	for (int i = 0; i < n; i++) {
		struct packet *packet = &worker->packets[i];

		packet->source.len = worker->heads[i].msg_hdr.msg_namelen;
		if (worker->heads[i].msg_hdr.msg_flags & MSG_TRUNC)
			drop(socket->end);
		else
			take(socket, packet, worker->heads[i].msg_len);
	}
	flush(worker);
	if (n <= 0)
		return;
	adapt(socket, (unsigned)n, loop_now_ms(worker->loop));
}
