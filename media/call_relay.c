#include <stdlib.h>

#include <string.h>

#include "media/calls_inside.h"
#include "proxy/base/text.h"

/* ---- what the relay tells ---- */

/* What is needed to end the call itself: of the dialog that both sides are in. */
static void take_sides(struct fork *fork, struct dialog_side sides[RELAY_N_LEGS],
		       struct calls_silent *out)
{
	struct call_dialog *dialog = fork->active;

	if (!fork->policy.sends_bye || !dialog || !dialog->is_confirmed)
		return;
	memcpy(sides, dialog->sides, sizeof(dialog->sides));
	memset(dialog->sides, 0, sizeof(dialog->sides));
	out->sides = sides;
	out->ends[RELAY_CALLER] = fork->call->caller;
	out->ends[RELAY_CALLEE] = fork->callee;
	out->was_acknowledged = dialog->is_acknowledged;
}

static void on_silent(struct calls *calls, struct relay_handle *handle, void *owner)
{
	struct dialog_side sides[RELAY_N_LEGS] = { { 0 } };
	char call_id[CALLS_ID_SIZE] = "";
	struct calls_silent silent = { .call_id = call_id };

	pthread_mutex_lock(&calls->lock);
	if (handle->fork) {
		text_copy(call_id, sizeof(call_id), handle->call_id);
		silent.timeout_ms = handle->fork->policy.timeout_ms;
		take_sides(handle->fork, sides, &silent);
		fork_end(calls, handle->fork, CALLS_END_SILENT);
	}
	pthread_mutex_unlock(&calls->lock);
	if (*call_id && calls->user.on_silent)
		calls->user.on_silent(&silent, owner);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		dialog_side_fini(&sides[leg]);
}

static void on_closed(struct calls *calls, struct relay_handle *handle,
		      const struct relay_event *event, void *owner)
{
	struct calls_ended ended = { .call_id = handle->call_id,
				     .began_ms = handle->began_ms,
				     .streams = handle->streams,
				     .stats = event };

	pthread_mutex_lock(&calls->lock);
	if (handle->fork) { /* the workers stop */
		handle->fork->relay = NULL;
		handle->fork->handle = NULL;
		handle->how = CALLS_END_STOPPED;
		handle->was_answered = handle->fork->has_confirmed;
		fork_end(calls, handle->fork, CALLS_END_STOPPED);
	}
	ended.how = handle->how;
	ended.was_answered = handle->was_answered;
	memcpy(ended.networks, handle->networks, sizeof(ended.networks));
	pthread_mutex_unlock(&calls->lock);
	if (calls->user.on_ended)
		calls->user.on_ended(&ended, owner);
	free(handle);
}

static void on_mapped(struct calls *calls, struct relay_handle *handle,
		      const struct relay_event *event, void *owner)
{
	bool is_news = false;

	pthread_mutex_lock(&calls->lock);
	if (handle->fork)
		is_news = !fork_take_mapping(handle->fork, event);
	pthread_mutex_unlock(&calls->lock);
	if (is_news && calls->user.on_unmapped)
		calls->user.on_unmapped(handle->call_id, handle->networks[event->leg], owner);
}

static void on_event(const struct relay_event *event, void *owner)
{
	struct relay_handle *handle = event->user;

	call_trace_event(handle, event);
	switch (event->kind) {
	case RELAY_SILENT:
		on_silent(handle->calls, handle, owner);
		break;
	case RELAY_CLOSED:
		on_closed(handle->calls, handle, event, owner);
		break;
	case RELAY_MAPPED:
		on_mapped(handle->calls, handle, event, owner);
		break;
	case RELAY_LATCHED:
	case RELAY_SECURED:
	case RELAY_SECURE_FAILED:
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
	const struct relay_owner owner = { .mailbox = fork->mailbox,
					   .on_event = on_event,
					   .user = handle };
	struct relay_settings settings = { .timeout_ms = fork_timeout_ms(fork, NULL),
					   .n_streams = n_streams };

	if (!handle)
		return CALLS_NO_MEMORY;
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		settings.bind[leg] = fork->sides[leg].bind;
		settings.dscp[leg] = fork->policy.dscp;
		handle->networks[leg] = fork->sides[leg].network;
	}
	handle->calls = calls;
	handle->fork = fork;
	handle->began_ms = fork->call->began_ms;
	text_copy(handle->call_id, sizeof(handle->call_id), fork->call->call_id);
	enum err err = calls->ops->open(calls->media, &settings, &owner, &fork->relay);
	if (err) {
		free(handle);
		return verdict_of(err);
	}
	fork->handle = handle;
	fork->n_streams = n_streams;
	fork_ask_mappings(calls, fork, 0);
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
	const unsigned before = fork->n_streams;
	enum err err = calls->ops->add_streams(fork->relay, n - before);
	if (!err) {
		fork->n_streams = n;
		fork_ask_mappings(calls, fork, before);
	}
	return verdict_of(err);
}
