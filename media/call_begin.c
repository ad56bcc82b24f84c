#include <string.h>

#include "media/calls_inside.h"

/* ---- channels ---- */

static enum channel_class class_of(enum conf_network network)
{
	return network == NETWORK_REMOTE ? CHANNEL_DEVICE
	       : network == NETWORK_WAN  ? CHANNEL_PARTNER
					 : CHANNEL_INSIDE;
}

static enum calls_verdict claim(struct calls *calls, const struct channels_claim *more,
				struct channels_claim *to)
{
	switch (channels_take(calls->channels, more, to)) {
	case CHANNELS_TAKEN:
		break;
	case CHANNELS_FULL:
		return CALLS_FULL;
	case CHANNELS_NO_BANDWIDTH:
		return CALLS_NO_BANDWIDTH;
	}
	return CALLS_UNTOUCHED;
}

/* One for the partner's call, on whichever side it is; one for each device; at least one
 * (mission 143, 144). */
static enum calls_verdict claim_channels(struct calls *calls, struct fork *fork)
{
	const enum channel_class caller = class_of(fork->sides[RELAY_CALLER].network);
	const enum channel_class callee = class_of(fork->sides[RELAY_CALLEE].network);
	struct channels_claim mine = { { 0 }, 0 }, calls_own = { { 0 }, 0 };
	struct call *call = fork->call;
	enum calls_verdict verdict;

	if (!call->is_charged) {
		calls_own.n[caller] = caller != CHANNEL_INSIDE;
		calls_own.kbps = fork->offer ? negotiation_kbps(fork->offer) : 100;
	}
	if (callee == CHANNEL_DEVICE ||
	    (callee == CHANNEL_PARTNER && caller != CHANNEL_PARTNER) ||
	    (callee == CHANNEL_INSIDE && caller == CHANNEL_INSIDE))
		mine.n[callee] = 1;
	verdict = claim(calls, &calls_own, &call->claim);
	if (!verdict)
		call->is_charged = true;
	return verdict ? verdict : claim(calls, &mine, &fork->claim);
}

enum calls_verdict call_charge(struct calls *calls, struct call *call, unsigned kbps)
{
	const struct channels_claim more = { .kbps = kbps > call->claim.kbps
							     ? kbps - call->claim.kbps
							     : 0 };

	return claim(calls, &more, &call->claim);
}

void call_discharge(struct calls *calls, struct call *call, unsigned kbps)
{
	if (kbps < call->claim.kbps)
		channels_lower(calls->channels, call->claim.kbps - kbps, &call->claim);
}

/* ---- the first INVITE ---- */

static void set_policy(struct calls *calls, struct fork *fork,
		       const struct settings_media *settings)
{
	struct media_policy *policy = &fork->policy;

	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		policy->srtp[leg] = (enum conf_srtp)settings->srtp[fork->sides[leg].network];
	policy->hold = settings->hold;
	policy->timeout_ms = settings->timeout_ms;
	policy->sends_bye = settings->on_timeout == CONF_ON_TIMEOUT_BYE;
	policy->dscp = (uint8_t)settings->dscp;
	for (size_t i = 0; i < settings->n_suites && policy->n_suites < COUNT(policy->suites);
	     i++) {
		const enum srtp_suite suite = suite_by_name(settings->suites[i].text);

		if (suite != SRTP_NONE)
			policy->suites[policy->n_suites++] = suite;
	}
	calls->ops->fingerprint(calls->media, policy->fingerprint);
}

struct fork *fork_new(struct calls *calls, struct call *call,
		      const struct calls_message *message, const struct calls_begin *begin)
{
	struct fork *fork = calloc(1, sizeof(*fork));

	if (!fork)
		return NULL;
	fork->call = call;
	fork->callee = message->key.callee;
	fork->branch = message->is_first ? message->branch : FORK_TAKEN_UP;
	fork->mailbox = begin->mailbox;
	memcpy(fork->sides, begin->sides, sizeof(fork->sides));
	set_policy(calls, fork, begin->settings);
	list_init(&fork->dialogs);
	list_append(&call->forks, &fork->link);
	if (fork->policy.sends_bye) {
		__atomic_add_fetch(&calls->n_watched, 1, __ATOMIC_RELAXED);
		if (message->is_first && !call->caller_side.party && message->msg)
			dialog_side_of_invite(&call->caller_side, message->msg);
	}
	__atomic_add_fetch(&calls->n_forks, 1, __ATOMIC_RELAXED);
	return fork;
}

enum calls_verdict fork_prepare(struct calls *calls, struct fork *fork,
				const struct calls_message *message, enum relay_leg from,
				struct sdp **out)
{
	enum calls_verdict verdict = CALLS_UNTOUCHED;

	*out = NULL;
	if (message->sdp)
		verdict = call_read(message, out);
	if (!verdict && *out)
		verdict = call_verdict(negotiation_offer(NULL, *out, from, fork->sides,
							 &fork->policy, &fork->offer));
	if (!verdict)
		verdict = claim_channels(calls, fork);
	if (!verdict)
		verdict = fork_ensure_streams(calls, fork,
					      fork->offer ? fork->offer->n_streams : 1);
	return verdict;
}

static enum calls_verdict begin_fork(struct calls *calls, struct fork *fork,
				     const struct calls_message *message, struct buf *out)
{
	struct sdp *sdp;
	enum calls_verdict verdict = fork_prepare(calls, fork, message, RELAY_CALLER, &sdp);

	if (!verdict && sdp && message->may_wait && fork_waits_for_mapping(fork))
		verdict = CALLS_WAITS;
	if (!verdict && sdp)
		verdict = call_write(calls, fork, fork->offer, RELAY_CALLEE, sdp, out);
	sdp_free(sdp);
	return verdict;
}

/* Its next hop by the same addresses, or the same one by TCP: what was said before is said
 * again. */
static bool is_same(const struct fork *fork, const struct calls_begin *begin)
{
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		if (fork->sides[leg].network != begin->sides[leg].network ||
		    !addr_same_host(&fork->sides[leg].bind, &begin->sides[leg].bind) ||
		    !addr_same_host(&fork->sides[leg].shown, &begin->sides[leg].shown))
			return false;
	return true;
}

static enum calls_verdict begin_again(struct calls *calls, struct fork *fork,
				      const struct calls_message *message, struct buf *out)
{
	enum calls_verdict verdict = CALLS_UNTOUCHED;
	struct sdp *sdp = NULL;

	if (!message->sdp || !fork->offer)
		return CALLS_UNTOUCHED;
	if (message->may_wait && fork_waits_for_mapping(fork))
		return CALLS_WAITS;
	verdict = call_read(message, &sdp);
	if (!verdict && sdp_n_streams(sdp) != fork->offer->n_lines)
		verdict = CALLS_NOT_SDP; /* it is another INVITE */
	if (!verdict)
		verdict = call_write(calls, fork, fork->offer, RELAY_CALLEE, sdp, out);
	sdp_free(sdp);
	return verdict;
}

enum calls_verdict calls_begin(struct calls *calls, const struct calls_message *message,
			       const struct calls_begin *begin, uint64_t now_ms,
			       struct buf *out)
{
	enum calls_verdict verdict = CALLS_NO_MEMORY;
	struct call *call;
	struct fork *fork;

	pthread_mutex_lock(&calls->lock);
	call = call_find(calls, &message->key);
	fork = call ? fork_find(call, message->key.callee, message->branch) : NULL;
	if (!call)
		call = call_new(calls, message, now_ms);
	if (fork && is_same(fork, begin)) {
		verdict = begin_again(calls, fork, message, out);
	} else if (call) {
		struct fork *old = fork;

		fork = fork_new(calls, call, message, begin);
		if (old && fork)
			fork_end(calls, old, CALLS_END_MOVED);
		if (fork)
			verdict = begin_fork(calls, fork, message, out);
	}
	if (fork && verdict != CALLS_UNTOUCHED && verdict != CALLS_REWRITTEN &&
	    verdict != CALLS_WAITS)
		fork_end(calls, fork, CALLS_END_REFUSED);
	else if (call && !fork)
		call_end_if_empty(calls, call);
	pthread_mutex_unlock(&calls->lock);
	return verdict;
}
