#include <string.h>
#include <strings.h>

#include "media/negotiation_inside.h"
#include "proxy/base/text.h"

enum { KEEPALIVE_MS = 15000 }; /* RFC 6263 §5 */

/* ---- what a leg is told ---- */

void negotiation_out(const struct negotiation *negotiation, unsigned i, enum relay_leg leg,
		     const struct media_side *side, const struct media_policy *policy,
		     const struct media_ports *ports, struct sdp_out *out)
{
	const struct media_line *line = &negotiation->lines[i];
	const struct media_told *told = &line->told[leg];

	*out = (struct sdp_out){
		.is_kept = line->is_kept,
		.is_rejected = told->is_rejected,
		.rtp = side->shown,
		.is_muxed = told->is_muxed,
		.mode = told->mode,
		.keeps_security = line->is_passed || line->kind != SDP_RTP,
		.profile = told->profile,
		.n_crypto = told->n_crypto,
		.setup = told->setup,
	};
	addr_set_port(&out->rtp, ports->port);
	out->rtcp_port = ports->port ? (uint16_t)(ports->port + 1) : 0;
	if (addr_is_set(&ports->mapped) &&
	    addr_is_ipv6(&ports->mapped) == addr_is_ipv6(&side->bind)) {
		out->rtp = ports->mapped;
		out->rtcp_port = ports->mapped_rtcp_port ? ports->mapped_rtcp_port
							 : (uint16_t)(addr_port(&out->rtp) + 1);
	}
	memcpy(out->crypto, told->crypto, told->n_crypto * sizeof(*told->crypto));
	if (told->has_fingerprint)
		out->fingerprint = policy->fingerprint;
	if (!told->has_ice)
		return;
	out->ice_ufrag = *line->ice[leg].ufrag ? line->ice[leg].ufrag : ports->ice_ufrag;
	out->ice_pwd = *line->ice[leg].ufrag ? line->ice[leg].pwd : ports->ice_pwd;
}

/* ---- what an end does ---- */

static void secure_offerer(const struct media_told *told, const struct sdp_stream *theirs,
			   struct relay_end *end)
{
	if (told->has_fingerprint) {
		end->security = RELAY_DTLS;
		end->is_dtls_client = told->setup == SDP_SETUP_ACTIVE;
		end->fingerprint = theirs->fingerprint;
		return;
	}
	for (unsigned i = 0; told->n_crypto && i < theirs->n_crypto; i++) {
		if (theirs->crypto[i].tag != told->crypto[0].tag ||
		    theirs->crypto[i].key.suite != told->crypto[0].key.suite)
			continue;
		end->security = RELAY_SDES;
		end->key_in = theirs->crypto[i].key;
		end->key_out = told->crypto[0].key;
		return;
	}
}

static void secure_answerer(const struct media_line *line, enum relay_leg leg,
			    struct relay_end *end)
{
	const struct sdes *ours = negotiation_chosen(line, leg);

	if (line->told[leg].has_fingerprint) {
		end->security = RELAY_DTLS;
		end->is_dtls_client = line->role[leg] == SDP_SETUP_ACTIVE;
		end->fingerprint = line->theirs[leg].fingerprint;
		return;
	}
	if (!ours)
		return;
	end->security = RELAY_SDES;
	end->key_in = line->theirs[leg].crypto[0].key;
	end->key_out = ours->key;
}

/* Behind a router: what it says is an address of its own network, or it is a remote phone
 * (mission 90-94). */
static bool is_latching(const struct media_side *side, const struct sdp_stream *theirs)
{
	if (!addr_is_set(&side->source))
		return false;
	if (side->network == NETWORK_REMOTE || !addr_is_set(&theirs->rtp))
		return true;
	return addr_is_private(&theirs->rtp) && !addr_is_private(&side->source);
}

static void place_end(const struct media_line *line, const struct media_line *before,
		      enum relay_leg leg, const struct media_side *side, struct relay_end *end)
{
	const struct sdp_stream *theirs = &line->theirs[leg];

	if (addr_is_set(&theirs->rtp) &&
	    addr_is_ipv6(&theirs->rtp) == addr_is_ipv6(&side->bind)) {
		end->rtp = theirs->rtp;
		end->rtcp = theirs->rtcp;
	}
	if (addr_is_set(&end->rtcp) && addr_is_ipv6(&end->rtcp) != addr_is_ipv6(&side->bind))
		end->rtcp = (struct addr){ 0 };
	end->is_muxed = line->told[leg].is_muxed && theirs->is_muxed;
	end->is_latching = is_latching(side, theirs);
	if (end->is_latching) {
		end->nat_host = side->source;
		/* Its router may have given it another port although it says the same as
		 * before; what sends on from the old one wins. */
		end->is_relatching = before != NULL;
	}
}

void negotiation_end(const struct negotiation *negotiation, const struct negotiation *before,
		     unsigned i, enum relay_leg leg,
		     const struct media_side sides[RELAY_N_LEGS],
		     const struct media_policy *policy, struct relay_end *out)
{
	const struct media_line *line = &negotiation->lines[i];
	const struct media_line *old =
		before && i < before->n_lines && before->lines[i].stream == line->stream
			? &before->lines[i]
			: NULL;
	const bool is_offerer = leg == negotiation->offerer;

	*out = (struct relay_end){ .clock_hz = line->theirs[leg].clock_hz };
	out->is_opaque = line->kind != SDP_RTP;
	if (line->is_rejected) {
		out->is_blocked = true;
		return;
	}
	place_end(line, old, leg, &sides[leg], out);
	out->is_sealed = line->is_passed && line->theirs[leg].profile.is_secure;
	if (!line->is_passed && is_offerer)
		secure_offerer(&line->told[leg], &line->theirs[leg], out);
	else if (!line->is_passed)
		secure_answerer(line, leg, out);
	out->is_blocked = line->hides_hold && !is_offerer;
	if (line->told[leg].has_ice && *line->theirs[leg].ice_ufrag) {
		out->has_ice = true;
		text_copy(out->ice_ufrag, sizeof(out->ice_ufrag), line->theirs[leg].ice_ufrag);
		text_copy(out->ice_own_ufrag, sizeof(out->ice_own_ufrag), line->ice[leg].ufrag);
		text_copy(out->ice_own_pwd, sizeof(out->ice_own_pwd), line->ice[leg].pwd);
	}
	if (policy->hold == CONF_HOLD_KEEPALIVE && sides[leg].network == NETWORK_REMOTE &&
	    !out->is_opaque)
		out->keepalive_ms = KEEPALIVE_MS;
}

/* ---- bandwidth ---- */

static bool is_relayed(const struct media_line *line)
{
	return !line->is_kept && !line->is_rejected;
}

static unsigned kbps_of(const struct media_line *line, enum relay_leg offerer)
{
	if (line->theirs[offerer].kbps)
		return line->theirs[offerer].kbps;
	return strcasecmp(line->type, "video") == 0 ? 1000
						    : 100; /* G.711 with its headers is 87 */
}

unsigned negotiation_kbps(const struct negotiation *negotiation)
{
	unsigned total = 0;

	for (unsigned i = 0; i < negotiation->n_lines; i++)
		if (is_relayed(&negotiation->lines[i]))
			total += kbps_of(&negotiation->lines[i], negotiation->offerer);
	return total;
}

unsigned negotiation_kbps_after(const struct negotiation *now, const struct negotiation *offer)
{
	unsigned total = now ? negotiation_kbps(now) : 0;

	for (unsigned i = 0; i < offer->n_lines; i++) {
		const struct media_line *line = &offer->lines[i];
		const bool is_there = now && i < now->n_lines && is_relayed(&now->lines[i]) &&
				      now->lines[i].stream == line->stream;

		if (is_relayed(line) && !is_there)
			total += kbps_of(line, offer->offerer);
	}
	return total;
}
