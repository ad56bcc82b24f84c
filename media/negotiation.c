#include "media/negotiation.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/negotiation_inside.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"

static enum relay_leg other(enum relay_leg leg)
{
	return leg == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER;
}

/* ---- life ---- */

struct negotiation *negotiation_free(struct negotiation *negotiation)
{
	if (!negotiation)
		return NULL;
	if (negotiation->lines)
		explicit_bzero(negotiation->lines,
			       negotiation->n_lines * sizeof(*negotiation->lines));
	free(negotiation->lines);
	free(negotiation);
	return NULL;
}

/* With room for n_lines, those behind the old ones empty. */
static struct negotiation *copy_with(const struct negotiation *from, unsigned n_lines)
{
	struct negotiation *copy = calloc(1, sizeof(*copy));
	const unsigned n = from ? from->n_lines : 0;

	if (!copy)
		return NULL;
	if (n_lines < n)
		n_lines = n; /* m-lines are never taken away (RFC 3264 §8) */
	copy->lines = calloc(n_lines + 1, sizeof(*copy->lines));
	if (!copy->lines) {
		free(copy);
		return NULL;
	}
	if (n)
		memcpy(copy->lines, from->lines, n * sizeof(*copy->lines));
	for (unsigned i = n; i < n_lines; i++)
		copy->lines[i].stream = -1;
	copy->n_lines = n_lines;
	if (from) {
		copy->offerer = from->offerer;
		copy->is_answered = from->is_answered;
		copy->offers_hold = from->offers_hold;
		copy->is_hold = from->is_hold;
		copy->n_streams = from->n_streams;
	}
	return copy;
}

struct negotiation *negotiation_copy(const struct negotiation *from)
{
	return copy_with(from, from->n_lines);
}

/* ---- security ---- */

static struct srtp_key *our_key(struct media_line *line, enum relay_leg leg,
				enum srtp_suite suite)
{
	struct srtp_key *key = &line->ours[leg][suite];

	if (key->suite == SRTP_NONE)
		suite_key_random(suite, key);
	return key;
}

static bool is_known(const struct media_policy *policy, enum srtp_suite suite)
{
	for (unsigned i = 0; i < policy->n_suites; i++)
		if (policy->suites[i] == suite)
			return true;
	return false;
}

/* The first of the offer's keys that we take: the offerer's preference counts (RFC 4568
 * §5.1.2). NULL: none. */
static const struct sdes *choose(const struct sdp_stream *stream,
				 const struct media_policy *policy)
{
	for (unsigned i = 0; i < stream->n_crypto; i++)
		if (is_known(policy, stream->crypto[i].key.suite))
			return &stream->crypto[i];
	return NULL;
}

static bool is_srtp_wanted(enum conf_srtp policy)
{
	return policy == CONF_SRTP_PREFER || policy == CONF_SRTP_REQUIRE;
}

/* Whether what x offers is taken from x at all. */
static enum media_verdict check_offer(const struct sdp_stream *offer, enum conf_srtp mine,
				      bool is_passed, const struct media_policy *policy)
{
	if (offer->profile.is_secure && mine == CONF_SRTP_OFF)
		return MEDIA_SRTP_REFUSED;
	if (!offer->profile.is_secure && mine == CONF_SRTP_REQUIRE && !choose(offer, policy))
		return MEDIA_SRTP_REQUIRED;
	if (is_passed || !offer->profile.is_secure)
		return MEDIA_OK;
	if (offer->uses_dtls)
		return offer->fingerprint.len ? MEDIA_OK : MEDIA_SRTP_REFUSED;
	return choose(offer, policy) ? MEDIA_OK : MEDIA_SRTP_REFUSED;
}

/* AVP with keys for who may ignore them, or SAVP; both with a key for each suite. */
static void tell_keys(struct media_line *line, enum relay_leg leg,
		      const struct media_policy *policy)
{
	struct media_told *told = &line->told[leg];

	told->n_crypto = 0;
	for (unsigned i = 0; i < policy->n_suites; i++) {
		told->crypto[i].tag = i + 1;
		told->crypto[i].key = *our_key(line, leg, policy->suites[i]);
		told->n_crypto++;
	}
}

/* ---- what a leg has ---- */

/* How a side has its media until now. Whoever has SRTP with us, or ICE, is offered the same
 * again, whatever the other side offers: a browser takes no plain RTP, and who once had SRTP
 * must not lose it by a hold of the other side. */
struct habit {
	bool is_dtls, is_sdes, has_ice, is_muxed;
	struct sdp_profile profile;
};

/* Of a line that is relayed, and was answered. */
static bool find_habit(const struct media_line *line, enum relay_leg leg, struct habit *out)
{
	const struct sdp_stream *theirs = &line->theirs[leg];
	const struct media_told *told = &line->told[leg];

	if (line->stream < 0 || line->is_rejected || line->kind != SDP_RTP || !*theirs->type)
		return false;
	*out = (struct habit){
		.is_dtls = !line->is_passed && told->has_fingerprint &&
			   theirs->fingerprint.len > 0,
		.is_sdes = !line->is_passed && !told->has_fingerprint && told->n_crypto > 0 &&
			   theirs->n_crypto > 0,
		.has_ice = told->has_ice && *theirs->ice_ufrag,
		.is_muxed = told->is_muxed && theirs->is_muxed,
		.profile = theirs->profile,
	};
	return true;
}

/* Of a line that is new, or was switched off, the others say it. */
static struct habit habit_of(const struct negotiation *before, const struct media_line *line,
			     enum relay_leg leg)
{
	struct habit habit = { 0 };

	if (find_habit(line, leg, &habit))
		return habit;
	for (unsigned i = 0; i < before->n_lines; i++)
		if (find_habit(&before->lines[i], leg, &habit) && habit.is_dtls)
			return habit;
	return (struct habit){ 0 };
}

static void tell_security(struct media_line *line, enum relay_leg leg,
			  const struct habit *habit, const struct media_policy *policy)
{
	const struct sdp_profile *offered = &line->theirs[other(leg)].profile;
	struct media_told *told = &line->told[leg];

	if (habit->is_dtls) {
		told->profile = habit->profile;
		told->has_fingerprint = true;
		told->setup = SDP_SETUP_ACTPASS; /* RFC 5763 §5 */
		return;
	}
	/* Browsers speak SAVPF to phones that know AVP alone, and then do without early
	 * feedback (RFC 5124 §4). */
	told->profile = (struct sdp_profile){ .is_feedback = offered->is_feedback &&
							     !offered->is_dtls };
	if (habit->is_sdes) {
		told->profile = habit->profile;
		tell_keys(line, leg, policy);
		return;
	}
	switch (policy->srtp[leg]) {
	case CONF_SRTP_REQUIRE:
		told->profile.is_secure = true;
		tell_keys(line, leg, policy);
		break;
	case CONF_SRTP_PREFER:
		tell_keys(line, leg, policy);
		break;
	case CONF_SRTP_OFF:
	case CONF_SRTP_PASSTHROUGH: /* then what is plain is offered plain */
		break;
	}
}

/* ---- the offer ---- */

static bool is_held(const struct sdp_stream *stream)
{
	return stream->is_held_by_address || stream->mode == SDP_MODE_SENDONLY ||
	       stream->mode == SDP_MODE_INACTIVE;
}

static bool hides_hold(const struct media_side *side, const struct media_policy *policy)
{
	return side->network == NETWORK_REMOTE && policy->hold == CONF_HOLD_SENDRECV;
}

static enum sdp_mode offered_mode(const struct sdp_stream *offer)
{
	/* RFC 3264 §8.4: an address of zeros says "do not send". */
	return offer->is_held_by_address && offer->mode == SDP_MODE_SENDRECV ? SDP_MODE_SENDONLY
									     : offer->mode;
}

/* An m-line that became another medium hears at ports of its own: what is still on its way
 * belongs to the old one. */
static void take_slot(struct negotiation *next, struct media_line *line,
		      const struct sdp_stream *offer)
{
	if (line->stream >= 0 &&
	    (line->kind != offer->kind || strcasecmp(line->type, offer->type) != 0)) {
		line->stream = -1;
		explicit_bzero(line->ours, sizeof(line->ours));
		memset(line->role, 0, sizeof(line->role));
	}
	text_copy(line->type, sizeof(line->type), offer->type);
	line->kind = offer->kind;
	line->is_kept = offer->kind == SDP_FOREIGN;
	line->is_rejected = offer->is_rejected;
	if (line->is_kept || line->is_rejected || line->stream >= 0)
		return;
	if (next->n_streams < RELAY_MAX_STREAMS)
		line->stream = (int)next->n_streams++;
	else
		/* one of very many: offered as if it had been switched off */
		line->is_rejected = true;
}

/* RFC 8839 §4.4.1.1.1: another ufrag (and pwd) says so; then ours have to be others, too
 * (§4.4.2). */
static bool is_ice_restart(const struct sdp_stream *before, const struct sdp_stream *offer)
{
	return *before->ice_ufrag && *offer->ice_ufrag &&
	       strcmp(before->ice_ufrag, offer->ice_ufrag) != 0;
}

static void renew_ice(struct media_ice *ice)
{
	random_token(ice->ufrag, sizeof(ice->ufrag) - 1);
	random_token(ice->pwd, sizeof(ice->pwd) - 1);
}

static enum media_verdict offer_line(struct negotiation *next, struct media_line *line,
				     const struct sdp_stream *offer,
				     const struct media_side sides[RELAY_N_LEGS],
				     const struct media_policy *policy)
{
	const enum relay_leg from = next->offerer, to = other(from);
	const struct habit habit = habit_of(next, line, to);
	struct media_told *told = &line->told[to];
	enum media_verdict verdict = MEDIA_OK;

	if (is_ice_restart(&line->theirs[from], offer))
		renew_ice(&line->ice[from]);
	take_slot(next, line, offer);
	line->theirs[from] = *offer;
	line->hides_hold = hides_hold(&sides[to], policy) && is_held(offer);
	*told = (struct media_told){
		.is_rejected = line->is_rejected,
		.profile = offer->profile,
		.is_muxed = offer->is_muxed || (habit.is_muxed && line->kind == SDP_RTP),
		.has_ice = habit.has_ice && line->kind == SDP_RTP,
		.mode = line->hides_hold ? SDP_MODE_SENDRECV : offered_mode(offer),
	};
	line->is_passed =
		policy->srtp[to] == CONF_SRTP_PASSTHROUGH && !habit.is_dtls && !habit.is_sdes &&
		(offer->profile.is_secure || offer->has_crypto_lines || offer->fingerprint.len);
	if (line->kind != SDP_RTP || line->is_rejected)
		return MEDIA_OK;
	verdict = check_offer(offer, policy->srtp[from], line->is_passed, policy);
	if (!verdict && !line->is_passed)
		tell_security(line, to, &habit, policy);
	return verdict;
}

enum media_verdict negotiation_offer(const struct negotiation *before, const struct sdp *sdp,
				     enum relay_leg offerer,
				     const struct media_side sides[RELAY_N_LEGS],
				     const struct media_policy *policy,
				     struct negotiation **out)
{
	struct negotiation *next = copy_with(before, sdp_n_streams(sdp));
	enum media_verdict verdict = MEDIA_OK;
	unsigned n_taken = 0;

	if (!next)
		return MEDIA_NO_MEMORY;
	next->offerer = offerer;
	next->is_answered = false;
	next->offers_hold = next->is_hold = sdp_is_hold(sdp);
	for (unsigned i = 0; i < sdp_n_streams(sdp); i++) {
		struct media_line *line = &next->lines[i];
		const enum media_verdict refused =
			offer_line(next, line, sdp_stream(sdp, i), sides, policy);

		/* Phones offer the same speech as SAVP and as AVP, for either to be refused
		 * (RFC 3264 §6). */
		if (refused)
			line->is_rejected = line->told[other(offerer)].is_rejected = true;
		verdict = refused ? refused : verdict;
		n_taken += line->kind == SDP_RTP && !line->is_rejected;
	}
	if (n_taken)
		verdict = MEDIA_OK;
	if (verdict)
		negotiation_free(next);
	else
		*out = next;
	return verdict;
}

/* ---- the answer ---- */

const struct sdes *negotiation_chosen(const struct media_line *line, enum relay_leg answerer)
{
	const struct sdp_stream *answer = &line->theirs[answerer];
	const struct media_told *told = &line->told[answerer];

	for (unsigned i = 0; i < told->n_crypto && answer->n_crypto; i++)
		if (told->crypto[i].tag == answer->crypto[0].tag &&
		    told->crypto[i].key.suite == answer->crypto[0].key.suite)
			return &told->crypto[i];
	return NULL;
}

/* RFC 5763 §5. Who must begin is mostly behind a router: we wait where we may. But an
 * association that is there stays (RFC 8842 §5.3). */
static enum sdp_setup answer_setup(enum sdp_setup offered, enum sdp_setup role)
{
	if (offered == SDP_SETUP_PASSIVE)
		return SDP_SETUP_ACTIVE;
	return offered == SDP_SETUP_ACTPASS && role ? role : SDP_SETUP_PASSIVE;
}

/* The answerer has shown what it was asked for. */
static bool is_secured(const struct media_line *line, enum relay_leg answerer)
{
	const struct sdp_stream *answer = &line->theirs[answerer];

	if (line->told[answerer].has_fingerprint)
		return answer->uses_dtls && answer->fingerprint.len > 0;
	return negotiation_chosen(line, answerer) != NULL;
}

static void answer_security(struct media_line *line, enum relay_leg offerer,
			    const struct media_policy *policy)
{
	const struct sdp_stream *offer = &line->theirs[offerer];
	struct media_told *told = &line->told[offerer];
	const struct sdes *theirs;

	told->profile = offer->profile; /* RFC 3264 §6: the same as was offered */
	if (offer->uses_dtls) {
		told->has_fingerprint = true;
		told->setup = line->role[offerer] =
			answer_setup(offer->setup, line->role[offerer]);
		return;
	}
	theirs = choose(offer, policy);
	if (!theirs || (!offer->profile.is_secure && !is_srtp_wanted(policy->srtp[offerer])))
		return;
	told->n_crypto = 1;
	told->crypto[0].tag = theirs->tag;
	told->crypto[0].key = *our_key(line, offerer, theirs->key.suite);
}

/* What the offerer hears of the answerer's mode. */
static enum sdp_mode answered_mode(const struct media_line *line, enum relay_leg offerer,
				   const struct sdp_stream *answer,
				   const struct media_side *side,
				   const struct media_policy *policy)
{
	const enum sdp_mode offered = offered_mode(&line->theirs[offerer]);

	if (line->hides_hold) /* the phone says sendrecv, as it was asked */
		return offered == SDP_MODE_SENDONLY ? SDP_MODE_RECVONLY : SDP_MODE_INACTIVE;
	if (hides_hold(side, policy) && is_held(answer) && offered == SDP_MODE_SENDRECV)
		return SDP_MODE_SENDRECV;
	if (answer->is_held_by_address && answer->mode == SDP_MODE_SENDRECV)
		return offered == SDP_MODE_SENDRECV ? SDP_MODE_SENDONLY : SDP_MODE_INACTIVE;
	return answer->mode;
}

static void answer_line(struct negotiation *negotiation, struct media_line *line,
			const struct sdp_stream *answer,
			const struct media_side sides[RELAY_N_LEGS],
			const struct media_policy *policy)
{
	const enum relay_leg to = negotiation->offerer, from = other(to);
	struct media_told *told = &line->told[to];

	line->theirs[from] = *answer;
	line->is_rejected = answer->is_rejected || line->told[from].is_rejected;
	if (!line->is_rejected && !line->is_kept && !line->is_passed && line->kind == SDP_RTP &&
	    line->told[from].profile.is_secure && !is_secured(line, from))
		line->is_rejected = true; /* RFC 4568 §5.1.3: it may not answer so */
	if (line->told[from].has_fingerprint)
		line->role[from] = answer->setup == SDP_SETUP_PASSIVE ? SDP_SETUP_ACTIVE
								      : SDP_SETUP_PASSIVE;
	*told = (struct media_told){
		.is_rejected = line->is_rejected,
		.is_muxed = line->theirs[to].is_muxed,
		.has_ice = *line->theirs[to].ice_ufrag != '\0' && line->kind == SDP_RTP,
		.mode = answered_mode(line, to, answer, &sides[to], policy),
	};
	if (line->kind == SDP_RTP && !line->is_passed && !line->is_rejected)
		answer_security(line, to, policy);
	else
		told->profile = line->theirs[to].profile;
	if (!line->is_rejected && (is_held(answer) || line->hides_hold))
		negotiation->is_hold = true;
}

enum media_verdict negotiation_answer(struct negotiation *negotiation, const struct sdp *sdp,
				      const struct media_side sides[RELAY_N_LEGS],
				      const struct media_policy *policy)
{
	if (sdp_n_streams(sdp) > negotiation->n_lines)
		return MEDIA_NOT_SDP;
	negotiation->is_hold = negotiation->offers_hold;
	for (unsigned i = 0; i < sdp_n_streams(sdp); i++)
		answer_line(negotiation, &negotiation->lines[i], sdp_stream(sdp, i), sides,
			    policy);
	for (unsigned i = sdp_n_streams(sdp); i < negotiation->n_lines; i++)
		/* RFC 3264 §6 forbids it; it can mean nothing else */
		negotiation->lines[i].is_rejected = true;
	negotiation->is_answered = true;
	return MEDIA_OK;
}
