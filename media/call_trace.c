#include "media/calls_inside.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"

/* Events of one relay. Who has a key may have us find its source anew as often as it likes. */
enum { MAX_EVENTS = 100 };

static const char *const sides[] = { "caller", "callee" };

/* ---- offers and answers ---- */

static void print_addr(const struct addr *addr, struct buf *out)
{
	char text[ADDR_TEXT_SIZE];

	buf_puts(out, addr_is_set(addr) ? addr_text(addr, text) : "no address");
}

static void print_profile(const struct sdp_profile *profile, struct buf *out)
{
	buf_printf(out, " %s%s%s", profile->is_dtls ? "dtls " : "",
		   profile->is_secure ? "SAVP" : "AVP", profile->is_feedback ? "F" : "");
}

static const char *mode_text(enum sdp_mode mode)
{
	static const char *const texts[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

	return texts[mode];
}

static void print_theirs(const struct media_line *line, const struct sdp_stream *theirs,
			 struct buf *out)
{
	buf_printf(out, "%.31s ", line->type);
	if (theirs->is_rejected) {
		buf_puts(out, "rejected");
		return;
	}
	print_addr(&theirs->rtp, out);
	if (line->kind == SDP_RTP)
		print_profile(&theirs->profile, out);
	buf_printf(out, " %s%s%s%s", mode_text(theirs->mode), theirs->n_crypto ? " keys" : "",
		   theirs->is_muxed ? " rtcp-mux" : "", *theirs->ice_ufrag ? " ice" : "");
}

static void print_told(const struct media_line *line, const struct sdp_out *told,
		       struct buf *out)
{
	if (told->is_kept || told->is_rejected) {
		buf_puts(out, told->is_kept ? "the same" : "rejected");
		return;
	}
	print_addr(&told->rtp, out);
	if (line->kind == SDP_RTP && !told->keeps_security)
		print_profile(&told->profile, out);
	buf_printf(out, " %s%s%s%s%s", mode_text(told->mode), told->n_crypto ? " keys" : "",
		   told->is_muxed ? " rtcp-mux" : "", told->ice_ufrag ? " ice" : "",
		   told->keeps_security && line->kind == SDP_RTP ? " as it came" : "");
}

void call_trace_sdp(const struct fork *fork, const struct negotiation *negotiation,
		    enum relay_leg to, const struct sdp *sdp, const struct sdp_out *outs)
{
	const bool is_offer = to != negotiation->offerer;
	struct buf text;

	if (!log_traces(LOG_TRACE_MEDIA))
		return;
	buf_init(&text, 0);
	for (unsigned i = 0; i < sdp_n_streams(sdp); i++) {
		print_theirs(&negotiation->lines[i], sdp_stream(sdp, i), &text);
		buf_puts(&text, " -> ");
		print_told(&negotiation->lines[i], &outs[i], &text);
		buf_puts(&text, "\n");
	}
	log_trace(LOG_TRACE_MEDIA, is_offer ? "offer" : "answer", buf_text(&text), text.len,
		  "call_id", fork->call->call_id, "side",
		  sides[to == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER], NULL);
	buf_fini(&text);
}

void call_trace_end(const struct fork *fork, unsigned stream, enum relay_leg leg,
		    const struct relay_end *end)
{
	static const char *const security[] = { "plain", "sdes", "dtls" };
	struct buf text;
	char number[24];

	if (!log_traces(LOG_TRACE_MEDIA))
		return;
	buf_init(&text, 0);
	print_addr(&end->rtp, &text);
	buf_printf(&text, " %s%s%s%s%s%s",
		   end->is_sealed ? "end-to-end" : security[end->security],
		   end->is_muxed ? " rtcp-mux" : "", end->has_ice ? " ice" : "",
		   end->is_blocked ? " blocked" : "", end->keepalive_ms ? " kept alive" : "",
		   end->is_latching ? " found by its packets" : "");
	log_trace(LOG_TRACE_MEDIA, "relay set", "", 0, "call_id", fork->call->call_id, "stream",
		  text_number(stream, number), "side", sides[leg], "msg", buf_text(&text),
		  NULL);
	buf_fini(&text);
}

/* ---- what the relay tells ---- */

static const char *event_text(enum relay_event_kind kind)
{
	switch (kind) {
	case RELAY_LATCHED:
		return "source found";
	case RELAY_SILENT:
		return "silence";
	case RELAY_SECURED:
		return "dtls done";
	case RELAY_SECURE_FAILED:
		return "dtls failed";
	case RELAY_MAPPED:
		return "port seen";
	case RELAY_CLOSED:
		return "relay closed";
	case RELAY_STATS:
		break;
	}
	return NULL;
}

void call_trace_event(struct relay_handle *handle, const struct relay_event *event)
{
	const bool is_of_relay = event->kind == RELAY_SILENT || event->kind == RELAY_CLOSED;
	const char *what = event_text(event->kind);
	char addr[ADDR_TEXT_SIZE], number[24];

	if (!what || !log_traces(LOG_TRACE_MEDIA) ||
	    (handle->n_traced >= MAX_EVENTS && event->kind != RELAY_CLOSED))
		return;
	handle->n_traced++;
	if (is_of_relay)
		log_trace(LOG_TRACE_MEDIA, what, "", 0, "call_id", handle->call_id, NULL);
	else
		log_trace(LOG_TRACE_MEDIA, what, "", 0, "call_id", handle->call_id, "stream",
			  text_number(event->stream, number), "side", sides[event->leg],
			  "component", event->is_rtcp ? "rtcp" : "rtp", "addr",
			  addr_is_set(&event->addr) ? addr_text(&event->addr, addr) : NULL,
			  "reason", event->err ? err_text(event->err) : NULL, NULL);
}
