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

struct call *call_new(struct calls *calls, const struct calls_message *message, uint64_t now_ms)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->caller = message->key.caller;
	call->made_at_s = message->key.made_at_s;
	call->began_ms = now_ms;
	list_init(&call->forks);
	if (!text_copy(call->call_id, sizeof(call->call_id), message->key.call_id) ||
	    !text_copy(call->caller_tag, sizeof(call->caller_tag), message->from_tag) ||
	    !insert(calls, call)) {
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
	dialog_side_fini(&call->caller_side);
	free(call);
}

static void dialog_free(struct call_dialog *dialog)
{
	list_remove(&dialog->link);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		dialog_side_fini(&dialog->sides[leg]);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		negotiation_free(dialog->pending[leg]);
	negotiation_free(dialog->current);
	free(dialog);
}

/* The relay goes on without us until it tells its end. */
static void let_go(struct calls *calls, struct fork *fork, enum calls_end how)
{
	if (!fork->handle)
		return;
	fork->handle->fork = NULL;
	fork->handle->how = how;
	fork->handle->was_answered = fork->has_confirmed;
	calls->ops->close(fork->relay);
	fork->relay = NULL;
	fork->handle = NULL;
}

void fork_end(struct calls *calls, struct fork *fork, enum calls_end how)
{
	struct call *call = fork->call;
	struct list *link, *next;

	let_go(calls, fork, how);
	list_for_each(link, next, &fork->dialogs)
		dialog_free(container_of(link, struct call_dialog, link));
	negotiation_free(fork->offer);
	channels_give(calls->channels, &fork->claim);
	list_remove(&fork->link);
	__atomic_sub_fetch(&calls->n_forks, 1, __ATOMIC_RELAXED);
	if (fork->policy.sends_bye)
		__atomic_sub_fetch(&calls->n_watched, 1, __ATOMIC_RELAXED);
	free(fork);
	call_end_if_empty(calls, call);
}

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

/* ---- ends ---- */

void calls_branch_failed(struct calls *calls, const struct calls_key *key, unsigned branch)
{
	struct call *call;
	struct fork *fork;

	pthread_mutex_lock(&calls->lock);
	call = call_find(calls, key);
	fork = call ? fork_find(call, key->callee, branch) : NULL;
	if (fork && !fork->has_confirmed)
		fork_end(calls, fork, CALLS_END_REFUSED);
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
		/* two had answered, and the caller kept this one */
		fork_activate(calls, fork, other);
		return;
	}
	fork_end(calls, fork, CALLS_END_BYE);
}

/* ---- words ---- */

const char *calls_end_text(enum calls_end end)
{
	static const char *const texts[] = {
		[CALLS_END_BYE] = "bye",         [CALLS_END_REFUSED] = "refused",
		[CALLS_END_MOVED] = "moved",     [CALLS_END_SILENT] = "silent",
		[CALLS_END_STOPPED] = "stopped",
	};

	return texts[end];
}

const char *calls_protection_text(enum calls_protection protection)
{
	static const char *const texts[] = { [CALLS_PLAIN] = "none",
					     [CALLS_SDES] = "sdes",
					     [CALLS_DTLS] = "dtls",
					     [CALLS_PASSED] = "end-to-end" };

	return texts[protection];
}

/* ---- the whole ---- */

enum err calls_new(const struct relay_ops *ops, void *media, struct channels *channels,
		   const struct calls_user *user, struct calls **out)
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

		fork_end(calls, container_of(call->forks.next, struct fork, link),
			 CALLS_END_STOPPED);
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

bool calls_watch(const struct calls *calls)
{
	return __atomic_load_n(&calls->n_watched, __ATOMIC_RELAXED) > 0;
}
