#include "media/calls.h"

#include <string.h>

#include "media/calls_inside.h"
#include "proxy/base/text.h"

/* ---- the table ---- */

struct call *call_find(struct calls *calls, const struct calls_key *key)
{
	struct call *call = NULL;

	HASH_FIND_STR(calls->by_id, key->call_id, call);
	for (; call; call = call->same_id)
		if (call->caller == key->caller && call->made_at_s == key->made_at_s)
			return call;
	return NULL;
}

static bool insert(struct calls *calls, struct call *call)
{
	struct call *first = NULL, *found = NULL;

	HASH_FIND_STR(calls->by_id, call->call_id, first);
	if (first) {
		call->same_id = first->same_id;
		first->same_id = call;
		return true;
	}
	HASH_ADD_STR(calls->by_id, call_id, call);
	HASH_FIND_STR(calls->by_id, call->call_id, found);
	return found == call; /* no memory */
}

static void take_out(struct calls *calls, struct call *call)
{
	struct call *first = NULL, *next = call->same_id;

	HASH_FIND_STR(calls->by_id, call->call_id, first);
	if (first != call) {
		while (first && first->same_id != call)
			first = first->same_id;
		if (first)
			first->same_id = next;
		return;
	}
	if (next) /* first, so that it needs no memory: an empty table gives its own back */
		HASH_ADD_STR(calls->by_id, call_id, next);
	HASH_DEL(calls->by_id, call);
}

/* ---- life of a call ---- */

static struct call *call_new(struct calls *calls, const struct calls_message *message, uint64_t now_ms)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->caller = message->key.caller;
	call->made_at_s = message->key.made_at_s;
	call->began_ms = now_ms;
	list_init(&call->forks);
	if (!text_copy(call->call_id, sizeof(call->call_id), message->key.call_id) ||
	    !text_copy(call->caller_tag, sizeof(call->caller_tag), message->from_tag) || !insert(calls, call)) {
		free(call);
		return NULL;
	}
	return call;
}

void call_end_if_empty(struct calls *calls, struct call *call)
{
	if (!list_is_empty(&call->forks))
		return;
	channels_give(calls->channels, &call->claim);
	take_out(calls, call);
	free(call);
}

static void dialog_free(struct call_dialog *dialog)
{
	list_remove(&dialog->link);
	negotiation_free(dialog->pending);
	negotiation_free(dialog->current);
	free(dialog);
}

/* The relay goes on without us until it tells its end. */
static void let_go(struct calls *calls, struct fork *fork)
{
	if (!fork->handle)
		return;
	fork->handle->fork = NULL;
	calls->ops->close(fork->relay);
	fork->relay = NULL;
	fork->handle = NULL;
}

void fork_end(struct calls *calls, struct fork *fork)
{
	struct call *call = fork->call;
	struct list *link, *next;

	let_go(calls, fork);
	list_for_each(link, next, &fork->dialogs)
		dialog_free(container_of(link, struct call_dialog, link));
	negotiation_free(fork->offer);
	channels_give(calls->channels, &fork->claim);
	list_remove(&fork->link);
	__atomic_sub_fetch(&calls->n_forks, 1, __ATOMIC_RELAXED);
	free(fork);
	call_end_if_empty(calls, call);
}

/* ---- what the relay tells ---- */

static void on_silent(struct calls *calls, struct relay_handle *handle, void *owner)
{
	char call_id[CALLS_ID_SIZE] = "";

	pthread_mutex_lock(&calls->lock);
	if (handle->fork) {
		text_copy(call_id, sizeof(call_id), handle->call_id);
		handle->is_silent = true;
		fork_end(calls, handle->fork);
	}
	pthread_mutex_unlock(&calls->lock);
	if (*call_id && calls->user.on_silent)
		calls->user.on_silent(call_id, owner);
}

static void on_closed(struct calls *calls, struct relay_handle *handle, const struct relay_event *event, void *owner)
{
	struct calls_ended ended = { .call_id = handle->call_id, .is_silent = handle->is_silent, .stats = event };

	pthread_mutex_lock(&calls->lock);
	if (handle->fork) { /* the workers stop */
		handle->fork->relay = NULL;
		handle->fork->handle = NULL;
		fork_end(calls, handle->fork);
	}
	pthread_mutex_unlock(&calls->lock);
	if (calls->user.on_ended)
		calls->user.on_ended(&ended, owner);
	free(handle);
}

static void on_event(const struct relay_event *event, void *owner)
{
	struct relay_handle *handle = event->user;

	switch (event->kind) {
	case RELAY_SILENT:
		on_silent(handle->calls, handle, owner);
		break;
	case RELAY_CLOSED:
		on_closed(handle->calls, handle, event, owner);
		break;
	case RELAY_LATCHED:
	case RELAY_SECURED:
	case RELAY_SECURE_FAILED:
	case RELAY_MAPPED:
	case RELAY_STATS:
		break;
	}
}

/* ---- a fork's relay ---- */

static enum calls_verdict verdict_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return CALLS_UNTOUCHED;
	case ERR_NO_MEMORY:
		return CALLS_NO_MEMORY;
	default:
		return CALLS_NO_PORTS;
	}
}

static enum calls_verdict open_relay(struct calls *calls, struct fork *fork, unsigned n_streams)
{
	struct relay_handle *handle = calloc(1, sizeof(*handle));
	const struct relay_owner owner = { .mailbox = fork->mailbox, .on_event = on_event, .user = handle };
	struct relay_settings settings = { .timeout_ms = fork->policy.timeout_ms, .n_streams = n_streams };

	if (!handle)
		return CALLS_NO_MEMORY;
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		settings.bind[leg] = fork->sides[leg].bind;
		settings.dscp[leg] = fork->policy.dscp;
	}
	handle->calls = calls;
	handle->fork = fork;
	text_copy(handle->call_id, sizeof(handle->call_id), fork->call->call_id);
	enum err err = calls->ops->open(calls->media, &settings, &owner, &fork->relay);
	if (err) {
		free(handle);
		return verdict_of(err);
	}
	fork->handle = handle;
	fork->n_streams = n_streams;
	return CALLS_UNTOUCHED;
}

enum calls_verdict fork_ensure_streams(struct calls *calls, struct fork *fork, unsigned n)
{
	if (n < 1)
		n = 1; /* a late offer wants its ports before anything rings */
	if (!fork->relay)
		return open_relay(calls, fork, n);
	if (n <= fork->n_streams)
		return CALLS_UNTOUCHED;
	enum err err = calls->ops->add_streams(fork->relay, n - fork->n_streams);
	if (!err)
		fork->n_streams = n;
	return verdict_of(err);
}

/* ---- channels ---- */

static enum channel_class class_of(enum conf_network network)
{
	return network == NETWORK_REMOTE ? CHANNEL_DEVICE : network == NETWORK_WAN ? CHANNEL_PARTNER : CHANNEL_INSIDE;
}

static enum calls_verdict claim(struct calls *calls, const struct channels_claim *more, struct channels_claim *to)
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

/* One for the partner's call, on whichever side it is; one for each device; at least one (mission 143, 144). */
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
	if (callee == CHANNEL_DEVICE || (callee == CHANNEL_PARTNER && caller != CHANNEL_PARTNER) ||
	    (callee == CHANNEL_INSIDE && caller == CHANNEL_INSIDE))
		mine.n[callee] = 1;
	verdict = claim(calls, &calls_own, &call->claim);
	if (!verdict)
		call->is_charged = true;
	return verdict ? verdict : claim(calls, &mine, &fork->claim);
}

/* ---- the first INVITE ---- */

struct fork *fork_find(struct call *call, uint64_t callee, unsigned branch)
{
	struct list *link, *next;

	list_for_each(link, next, &call->forks) {
		struct fork *fork = container_of(link, struct fork, link);

		if (fork->callee == callee && fork->branch == branch)
			return fork;
	}
	return NULL;
}

static void set_policy(struct calls *calls, struct fork *fork, const struct settings_media *settings)
{
	struct media_policy *policy = &fork->policy;

	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		policy->srtp[leg] = (enum conf_srtp)settings->srtp[fork->sides[leg].network];
	policy->hold = settings->hold;
	policy->timeout_ms = settings->timeout_ms;
	policy->dscp = (uint8_t)settings->dscp;
	for (size_t i = 0; i < settings->n_suites && policy->n_suites < COUNT(policy->suites); i++) {
		const enum srtp_suite suite = suite_by_name(settings->suites[i].text);

		if (suite != SRTP_NONE)
			policy->suites[policy->n_suites++] = suite;
	}
	calls->ops->fingerprint(calls->media, policy->fingerprint);
}

static struct fork *fork_new(struct calls *calls, struct call *call, const struct calls_message *message,
			     const struct calls_begin *begin)
{
	struct fork *fork = calloc(1, sizeof(*fork));

	if (!fork)
		return NULL;
	fork->call = call;
	fork->callee = message->key.callee;
	fork->branch = message->branch;
	fork->mailbox = begin->mailbox;
	memcpy(fork->sides, begin->sides, sizeof(fork->sides));
	set_policy(calls, fork, begin->settings);
	list_init(&fork->dialogs);
	list_append(&call->forks, &fork->link);
	__atomic_add_fetch(&calls->n_forks, 1, __ATOMIC_RELAXED);
	return fork;
}

static enum calls_verdict begin_fork(struct calls *calls, struct fork *fork, const struct calls_message *message, struct buf *out)
{
	enum calls_verdict verdict = CALLS_UNTOUCHED;
	struct sdp *sdp = NULL;

	if (message->sdp)
		verdict = call_read(message, &sdp);
	if (!verdict && sdp)
		verdict = call_verdict(negotiation_offer(NULL, sdp, RELAY_CALLER, fork->sides, &fork->policy, &fork->offer));
	if (!verdict)
		verdict = claim_channels(calls, fork);
	if (!verdict)
		verdict = fork_ensure_streams(calls, fork, fork->offer ? fork->offer->n_streams : 1);
	if (!verdict && sdp)
		verdict = call_write(calls, fork, fork->offer, RELAY_CALLEE, sdp, out);
	sdp_free(sdp);
	return verdict;
}

/* Its next hop by the same addresses, or the same one by TCP: what was said before is said again. */
static bool is_same(const struct fork *fork, const struct calls_begin *begin)
{
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		if (fork->sides[leg].network != begin->sides[leg].network ||
		    !addr_same_host(&fork->sides[leg].bind, &begin->sides[leg].bind) ||
		    !addr_same_host(&fork->sides[leg].shown, &begin->sides[leg].shown))
			return false;
	return true;
}

static enum calls_verdict begin_again(struct calls *calls, struct fork *fork, const struct calls_message *message, struct buf *out)
{
	enum calls_verdict verdict = CALLS_UNTOUCHED;
	struct sdp *sdp = NULL;

	if (!message->sdp || !fork->offer)
		return CALLS_UNTOUCHED;
	verdict = call_read(message, &sdp);
	if (!verdict && sdp_n_streams(sdp) != fork->offer->n_lines)
		verdict = CALLS_NOT_SDP; /* it is another INVITE */
	if (!verdict)
		verdict = call_write(calls, fork, fork->offer, RELAY_CALLEE, sdp, out);
	sdp_free(sdp);
	return verdict;
}

enum calls_verdict calls_begin(struct calls *calls, const struct calls_message *message, const struct calls_begin *begin,
			       uint64_t now_ms, struct buf *out)
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
			fork_end(calls, old);
		if (fork)
			verdict = begin_fork(calls, fork, message, out);
	}
	if (fork && verdict != CALLS_UNTOUCHED && verdict != CALLS_REWRITTEN)
		fork_end(calls, fork);
	else if (call && !fork)
		call_end_if_empty(calls, call);
	pthread_mutex_unlock(&calls->lock);
	return verdict;
}

/* ---- ends ---- */

void calls_branch_failed(struct calls *calls, const struct calls_key *key, unsigned branch)
{
	struct call *call;
	struct fork *fork;

	pthread_mutex_lock(&calls->lock);
	call = call_find(calls, key);
	fork = call ? fork_find(call, key->callee, branch) : NULL;
	if (fork && !fork->has_confirmed)
		fork_end(calls, fork);
	pthread_mutex_unlock(&calls->lock);
}

void calls_bye(struct calls *calls, const struct calls_message *message)
{
	struct call_place place;

	pthread_mutex_lock(&calls->lock);
	if (call_locate(calls, message, &place))
		fork_end_dialog(calls, place.fork, place.dialog);
	pthread_mutex_unlock(&calls->lock);
}

void fork_end_dialog(struct calls *calls, struct fork *fork, struct call_dialog *dialog)
{
	const bool was_active = fork->active == dialog;
	struct list *link, *next;

	dialog_free(dialog);
	if (!was_active && !list_is_empty(&fork->dialogs))
		return;
	fork->active = NULL;
	list_for_each(link, next, &fork->dialogs) {
		struct call_dialog *other = container_of(link, struct call_dialog, link);

		if (!other->is_confirmed)
			continue;
		fork_activate(calls, fork, other); /* two had answered, and the caller kept this one */
		return;
	}
	fork_end(calls, fork);
}

/* ---- the whole ---- */

enum err calls_new(const struct relay_ops *ops, void *media, struct channels *channels, const struct calls_user *user,
		   struct calls **out)
{
	struct calls *calls = calloc(1, sizeof(*calls));

	if (!calls)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&calls->lock, NULL);
	calls->ops = ops;
	calls->media = media;
	calls->channels = channels;
	if (user)
		calls->user = *user;
	*out = calls;
	return ERR_OK;
}

void calls_close_all(struct calls *calls)
{
	pthread_mutex_lock(&calls->lock);
	while (calls->by_id) {
		struct call *call = calls->by_id;

		fork_end(calls, container_of(call->forks.next, struct fork, link));
	}
	pthread_mutex_unlock(&calls->lock);
}

struct calls *calls_free(struct calls *calls)
{
	if (!calls)
		return NULL;
	calls_close_all(calls);
	pthread_mutex_destroy(&calls->lock);
	free(calls);
	return NULL;
}

unsigned calls_count(const struct calls *calls)
{
	return __atomic_load_n(&calls->n_forks, __ATOMIC_RELAXED);
}
