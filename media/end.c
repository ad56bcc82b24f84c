#include "media/end.h"

#include <stdlib.h>
#include <string.h>

#include "media/end_dtls.h"
#include "media/end_flow.h"
#include "media/mapping.h"
#include "media/pass.h"
#include "media/worker.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum { PRESET_KEEPALIVE_PAYLOAD = 126, RETRY_MS = 20 };

struct relay_stream *stream_free(struct relays *relays, struct relay_stream *stream)
{
	if (!stream)
		return NULL;
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		struct relay_end_state *end = &stream->ends[leg];

		end_flow_free(end);
		if (end->pair.port)
			ports_close(relays->ports, &end->pair, relays_now_ms(relays));
		explicit_bzero(end->ice_pwd, sizeof(end->ice_pwd));
		explicit_bzero(end->own_pwd, sizeof(end->own_pwd));
	}
	free(stream);
	return NULL;
}

/* How long nothing has come, by us or by the kernel. */
static uint64_t silent_for_ms(const struct relay *relay)
{
	const uint64_t now_ms = loop_now_ms(relay->worker->loop),
		       seen_ms = end_flow_seen_ms(relay);
	const uint64_t last_ms = seen_ms > relay->last_ms ? seen_ms : relay->last_ms;

	return now_ms > last_ms ? now_ms - last_ms : 0;
}

static void on_silence(struct timer *timer)
{
	struct relay *relay = container_of(timer, struct relay, silence);
	struct loop *loop = relay->worker->loop;
	uint64_t silent_ms = silent_for_ms(relay);
	struct relay_event event = { .kind = RELAY_SILENT };

	if (silent_ms < relay->timeout_ms) {
		timer_start(loop, timer, relay->timeout_ms - silent_ms, on_silence);
		return;
	}
	relay->is_silent = true;
	for (unsigned i = 0; i < relay->n_open; i++) /* so that we see what comes next */
		end_flow_leave(relay->streams[i]);
	count_one(&relay->worker->counts.timeouts, 1);
	worker_tell(relay, &event);
}

void end_silence(struct relay *relay)
{
	relay->is_silent = false;
	if (relay->timeout_ms > 0)
		timer_start(relay->worker->loop, &relay->silence, relay->timeout_ms,
			    on_silence);
}

void set_timeout(struct relay *relay, uint32_t timeout_ms)
{
	relay->timeout_ms = timeout_ms;
	relay->last_ms = loop_now_ms(relay->worker->loop);
	timer_stop(&relay->silence);
	end_silence(relay);
}

void begin_stream(struct relay *relay, struct relay_stream *stream)
{
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		struct relay_end_state *end = &stream->ends[leg];

		for (unsigned i = 0; i < N_PORTS; i++)
			loop_watch_start(relay->worker->loop, &end->sockets[i].watch,
					 end->pair.fds[i], LOOP_READ, on_packets);
	}
	relay->n_open = stream->number + 1;
	atomic_fetch_add_explicit(&relay->worker->counts.n_streams, 1, memory_order_relaxed);
}

void begin_relay(struct media_worker *worker, struct relay *relay)
{
	unsigned n_streams = relay->n_open;

	list_append(&worker->list, &relay->link);
	set_timeout(relay, relay->timeout_ms);
	for (unsigned i = 0; i < n_streams; i++)
		begin_stream(relay, relay->streams[i]);
}

static void pair_free(struct srtp_pair *pair)
{
	pair->in = srtp_way_free(pair->in);
	pair->out = srtp_way_free(pair->out);
}

static void close_end(struct relay_end_state *end)
{
	timer_stop(&end->keepalive);
	end_dtls_stop(end);
	for (unsigned i = 0; i < N_PORTS; i++) {
		pair_free(&end->srtp[i]);
		pair_free(&end->parked[i]);
	}
	for (unsigned i = 0; i < N_PORTS; i++) {
		mapping_stop(&end->sockets[i]);
		loop_watch_stop(&end->sockets[i].watch);
	}
}

static void fill_stats(const struct relay_end_state *end, struct relay_end_stats *out)
{
	const struct end_counts *counts = &end->counts;
	const struct end_flow_counts by_kernel = end_flow_counts(end);
	const struct end_flow_counts sent_by_kernel =
		end_flow_counts(other_end((struct relay_end_state *)(uintptr_t)end));
	uint32_t clock_hz =
		other_end((struct relay_end_state *)(uintptr_t)end)->counts.stream.clock_hz;

	*out = (struct relay_end_stats){
		.packets = counts->packets + by_kernel.packets,
		.bytes = counts->bytes + by_kernel.bytes,
		.kernel_packets = by_kernel.packets,
		.sent_packets = counts->sent_packets + sent_by_kernel.packets,
		.sent_bytes = counts->sent_bytes + sent_by_kernel.bytes,
		.rtcp_packets = counts->rtcp_packets,
		.sent_rtcp_packets = counts->sent_rtcp_packets,
		.lost = rtp_stream_lost(&counts->stream),
		.jitter_us = rtp_stream_jitter_us(&counts->stream),
		.max_jitter_us = counts->stream.max_jitter_us,
		.told_lost = counts->told.lost,
		.told_jitter_us = clock_hz ? (uint32_t)((uint64_t)counts->told.jitter *
							1000000 / clock_hz)
					   : 0,
		.rejected_sources = counts->rejected_sources,
		.srtp_failures = counts->srtp_failures,
		.dropped = counts->dropped,
		.n_ssrcs = counts->stream.n_ssrcs,
		.source = end->sockets[PORT_RTP].latch.source,
	};
}

static void fill_all_stats(const struct relay *relay, struct relay_event *out)
{
	out->n_streams = relay->n_open;
	for (unsigned i = 0; i < relay->n_open; i++)
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
			fill_stats(&relay->streams[i]->ends[leg], &out->stats[i][leg]);
}

void tell_stats(struct relay *relay)
{
	struct relay_event event = { .kind = RELAY_STATS };

	fill_all_stats(relay, &event);
	worker_tell(relay, &event);
}

static void on_retry(struct timer *timer)
{
	end_relay(container_of(timer, struct relay, silence));
}

/* Passes nothing on any more. True if the kernel does not either: before that no port may be
 * given back. */
static bool stop_all(struct relay *relay)
{
	if (!relay->is_ending) {
		relay->is_ending = true;
		timer_stop(&relay->silence);
		for (unsigned i = 0; i < relay->n_open; i++)
			for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
				close_end(&relay->streams[i]->ends[leg]);
	}
	return end_flow_leave_all(relay);
}

static void close_all(struct relay *relay, struct relay_event *out)
{
	struct media_worker *worker = relay->worker;

	fill_all_stats(relay, out);
	for (unsigned i = 0; i < relay->n_open; i++)
		relay->streams[i] = stream_free(relay->relays, relay->streams[i]);
	atomic_fetch_sub_explicit(&worker->counts.n_streams, relay->n_open,
				  memory_order_relaxed);
	atomic_fetch_sub_explicit(&worker->counts.n_relays, 1, memory_order_relaxed);
	relay->n_open = 0;
	relay->is_ended = true;
}

void end_relay(struct relay *relay)
{
	struct media_worker *worker = relay->worker;
	struct relay_event event = { .kind = RELAY_CLOSED };
	bool is_first = !relay->is_ended;

	if (is_first && !stop_all(relay))
		return; /* again when its flows are out */
	if (is_first)
		close_all(relay, &event);
	/* Taken off first: the owner's thread may free it at once. */
	timer_stop(&relay->silence);
	list_remove(&relay->link);
	if (worker_tell_last(relay, is_first ? &event : NULL))
		return;
	list_append(&worker->list, &relay->link);
	timer_start(worker->loop, &relay->silence, RETRY_MS, on_retry);
}

static void tell_failed(struct relay_end_state *end, enum err err)
{
	struct relay_event event = { .kind = RELAY_SECURE_FAILED,
				     .stream = end->stream->number,
				     .leg = end->leg,
				     .err = err };

	worker_tell(end->stream->relay, &event);
}

static bool has_keys(const struct srtp_pair *pair, const struct srtp_key *in,
		     const struct srtp_key *out)
{
	return pair->in && pair->out && srtp_way_has_key(pair->in, in) &&
	       srtp_way_has_key(pair->out, out);
}

/* Takes the way that has this key from what there was before, with its counters; a new one if
 * none has. */
static enum err take_way(struct srtp_way **in_use, struct srtp_way **parked,
			 const struct srtp_key *key, bool is_in, struct srtp_way **out)
{
	struct srtp_way **ways[] = { in_use, parked };

	for (unsigned i = 0; i < COUNT(ways); i++) {
		if (*ways[i] && srtp_way_has_key(*ways[i], key)) {
			*out = *ways[i];
			*ways[i] = NULL;
			return ERR_OK;
		}
	}
	return srtp_way_new(key, is_in, *in_use, out);
}

void set_end_keys(struct relay_end_state *end, unsigned component, const struct srtp_key *in,
		  const struct srtp_key *out)
{
	struct srtp_pair *srtp = &end->srtp[component], *parked = &end->parked[component];
	struct srtp_pair next = { NULL, NULL };
	enum err err;

	if (has_keys(srtp, in, out))
		return;
	err = take_way(&srtp->in, &parked->in, in, true, &next.in);
	if (!err)
		err = take_way(&srtp->out, &parked->out, out, false, &next.out);
	if (err) {
		pair_free(&next);
		pair_free(srtp); /* rather nothing than under keys that are over */
		tell_failed(end, err);
		return;
	}
	if (srtp->in) {
		srtp_way_free(parked->in);
		parked->in = srtp->in;
	}
	if (srtp->out) {
		srtp_way_free(parked->out);
		parked->out = srtp->out;
	}
	*srtp = next;
}

static void on_keepalive(struct timer *timer)
{
	struct relay_end_state *end = container_of(timer, struct relay_end_state, keepalive);
	struct loop *loop = end->stream->relay->worker->loop;
	uint8_t bytes[RTP_HEADER_SIZE + SRTP_ROOM] __attribute__((aligned(16)));

	timer_start(loop, timer, end->keepalive_ms, on_keepalive);
	/* One packet by each port that was idle. With rtcp-mux RTCP alone does it (RFC
	 * 6263 4.5), else RTP needs its own (4.6). */
	if (loop_now_ms(loop) - end->last_sent_ms[end->is_muxed ? PORT_RTP : PORT_RTCP] >=
	    /* no flow goes to a side that has a keepalive (end_flow_fits) */
	    end->keepalive_ms) {
		rtcp_write_empty(end->keepalive_ssrc, bytes);
		send_own(end, true, bytes, RTCP_HEADER_SIZE);
	}
	if (!end->is_muxed &&
	    loop_now_ms(loop) - end->last_sent_ms[PORT_RTP] >= end->keepalive_ms) {
		rtp_write_empty(end->keepalive_payload, end->keepalive_sequence++,
				end->keepalive_ssrc, bytes);
		send_own(end, false, bytes, RTP_HEADER_SIZE);
	}
}

static void set_keepalive(struct relay_end_state *end, const struct relay_end *wanted)
{
	end->keepalive_payload = wanted->keepalive_payload ? wanted->keepalive_payload
							   : PRESET_KEEPALIVE_PAYLOAD;
	if (end->keepalive_ms == wanted->keepalive_ms)
		return;
	end->keepalive_ms = wanted->keepalive_ms;
	timer_stop(&end->keepalive);
	if (end->keepalive_ms > 0)
		timer_start(end->stream->relay->worker->loop, &end->keepalive,
			    end->keepalive_ms, on_keepalive);
}

static void set_latches(struct relay_end_state *end, const struct relay_end *wanted)
{
	struct latch latch = { .told = wanted->rtp,
			       .nat_host = wanted->nat_host,
			       .window_ms = wanted->window_ms,
			       .is_latching = wanted->is_latching };

	if (wanted->has_ice) { /* checks say where from and where to */
		latch = (struct latch){ .is_latching = false };
		latch_set(&end->sockets[PORT_RTP].latch, &latch, false);
		latch_set(&end->sockets[PORT_RTCP].latch, &latch, false);
		return;
	}
	latch_set(&end->sockets[PORT_RTP].latch, &latch, wanted->is_relatching);
	if (addr_is_set(&wanted->rtcp)) {
		latch.told = wanted->rtcp;
	} else if (addr_is_set(&latch.told)) {
		uint16_t port = addr_port(&latch.told);

		addr_set_port(&latch.told,
			      (uint16_t)(port && port < UINT16_MAX ? port + 1 : 0));
	}
	latch_set(&end->sockets[PORT_RTCP].latch, &latch, wanted->is_relatching);
}

static void set_ice(struct relay_end_state *end, const struct relay_end *wanted)
{
	const bool is_anew = *wanted->ice_own_ufrag != '\0';

	text_copy(end->own_ufrag, sizeof(end->own_ufrag),
		  is_anew ? wanted->ice_own_ufrag : end->ice_ufrag);
	text_copy(end->own_pwd, sizeof(end->own_pwd),
		  is_anew ? wanted->ice_own_pwd : end->ice_pwd);
}

void set_end(struct relay_end_state *end, const struct relay_end *wanted)
{
	end->is_muxed = wanted->is_muxed;
	end->is_blocked = wanted->is_blocked;
	end->is_opaque = wanted->is_opaque;
	end->is_sealed = wanted->is_sealed;
	end->has_ice = wanted->has_ice;
	memcpy(end->peer_ufrag, wanted->ice_ufrag, sizeof(end->peer_ufrag));
	end->peer_ufrag[sizeof(end->peer_ufrag) - 1] = '\0';
	set_ice(end, wanted);
	if (wanted->clock_hz)
		end->counts.stream.clock_hz = wanted->clock_hz;
	set_latches(end, wanted);
	if (wanted->security != RELAY_DTLS)
		end_dtls_stop(end);
	end->security = wanted->security;
	switch (wanted->security) {
	case RELAY_PLAIN: /* contexts stay: should their keys come back, counters must not begin
			     anew */
		break;
	case RELAY_SDES:
		set_end_keys(end, PORT_RTP, &wanted->key_in, &wanted->key_out);
		if (end->srtp[PORT_RTP].in)
			srtp_way_expect_roc(end->srtp[PORT_RTP].in, wanted->max_roc_in);
		break;
	case RELAY_DTLS:
		end_dtls_set(end, wanted);
		break;
	}
	set_keepalive(end, wanted);
}
