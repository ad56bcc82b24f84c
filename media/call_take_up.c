#include <string.h>

#include "media/calls_inside.h"
#include "proxy/base/text.h"

/* The callee of the token may have several dialogs, and their tags are not signed: one at a
 * time, or one INVITE of before would open as many ports as somebody makes up tags. */
static bool has_fork(const struct call *call, uint64_t callee)
{
	const struct list *link;

	for (link = call->forks.next; link != &call->forks; link = link->next)
		if (container_of(link, struct fork, link)->callee == callee)
			return true;
	return false;
}

static const char *tag_of(const struct calls_message *message, enum relay_leg leg)
{
	return (leg == RELAY_CALLEE) == message->is_from_callee ? message->from_tag
								: message->to_tag;
}

static struct call *ensure_call(struct calls *calls, const struct calls_message *message,
				uint64_t now_ms)
{
	struct call *call = call_find(calls, &message->key);
	struct calls_message as_first = *message;

	if (call)
		return call;
	as_first.from_tag = tag_of(message, RELAY_CALLER);
	return call_new(calls, &as_first, now_ms);
}

/* The dialog as it is known from its request. */
static struct call_dialog *add_dialog(struct fork *fork, const char *tag)
{
	struct call_dialog *dialog = calloc(1, sizeof(*dialog));

	if (!dialog)
		return NULL;
	if (!text_copy(dialog->callee_tag, sizeof(dialog->callee_tag), tag)) {
		free(dialog);
		return NULL;
	}
	dialog->is_taken_up = true;
	dialog->is_acknowledged = true; /* long ago */
	list_append(&fork->dialogs, &dialog->link);
	return dialog;
}

static uint64_t version_plus(const struct calls_message *message,
			     const struct calls_begin *begin)
{
	const uint64_t made_at_s = message->key.made_at_s;

	return begin->wall_s > made_at_s ? begin->wall_s - made_at_s : 1;
}

enum calls_verdict call_take_up(struct calls *calls, const struct calls_message *message,
				const struct calls_begin *begin, uint64_t now_ms,
				struct call_place *out)
{
	const enum relay_leg from = message->is_from_callee ? RELAY_CALLEE : RELAY_CALLER;
	struct call *call = ensure_call(calls, message, now_ms);
	struct call_dialog *dialog;
	enum calls_verdict verdict;
	struct fork *fork;
	struct sdp *sdp;

	if (!call)
		return CALLS_NO_MEMORY;
	if (has_fork(call, message->key.callee) ||
	    strcmp(call->caller_tag, tag_of(message, RELAY_CALLER)) != 0)
		return CALLS_UNTOUCHED;
	fork = fork_new(calls, call, message, begin);
	if (!fork) {
		call_end_if_empty(calls, call);
		return CALLS_NO_MEMORY;
	}
	fork->version_plus = version_plus(message, begin);
	dialog = add_dialog(fork, tag_of(message, RELAY_CALLEE));
	verdict = dialog ? fork_prepare(calls, fork, message, from, &sdp) : CALLS_NO_MEMORY;
	if (dialog)
		sdp_free(sdp);
	/* it is the dialog's, which makes it again */
	fork->offer = negotiation_free(fork->offer);
	if (verdict)
		fork_end(calls, fork, CALLS_END_REFUSED);
	else
		*out = (struct call_place){ fork, dialog, from };
	return verdict;
}

bool call_take_up_failed(const struct call_place *place)
{
	const struct call_dialog *dialog = place->dialog;

	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		if (dialog->pending[leg] || dialog->asked[leg].is_set)
			return false;
	return dialog->is_taken_up && !dialog->current;
}
