#include <string.h>
#include <strings.h>

#include "media/calls_inside.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"

/* A call on hold may be silent for long, and so may one that rings, which its INVITE ends; but
 * not for ever. */
enum { LONG_TIMEOUT_MS = 3600 * 1000 };

static enum relay_leg other(enum relay_leg leg)
{
	return leg == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER;
}

/* ---- texts ---- */

enum calls_verdict call_read(const struct calls_message *message, struct sdp **out)
{
	switch (sdp_read(message->sdp, message->sdp_len, out)) {
	case ERR_OK:
		return CALLS_UNTOUCHED;
	case ERR_NO_MEMORY:
		return CALLS_NO_MEMORY;
	default:
		return CALLS_NOT_SDP;
	}
}

enum calls_verdict call_verdict(enum media_verdict verdict)
{
	switch (verdict) {
	case MEDIA_OK:
		break;
	case MEDIA_NO_MEMORY:
		return CALLS_NO_MEMORY;
	case MEDIA_NOT_SDP:
		return CALLS_NOT_SDP;
	case MEDIA_SRTP_REQUIRED:
		return CALLS_SRTP_REQUIRED;
	case MEDIA_SRTP_REFUSED:
		return CALLS_SRTP_REFUSED;
	}
	return CALLS_UNTOUCHED;
}

enum calls_verdict call_write(struct calls *calls, const struct fork *fork,
			      const struct negotiation *negotiation, enum relay_leg leg,
			      const struct sdp *sdp, struct buf *out)
{
	const unsigned n = sdp_n_streams(sdp);
	struct sdp_out *outs = calloc(n + 1, sizeof(*outs));

	if (!outs)
		return CALLS_NO_MEMORY;
	for (unsigned i = 0; i < n; i++) {
		const int stream = negotiation->lines[i].stream;
		struct media_ports ports = { 0 };

		if (stream >= 0) {
			ports.port = calls->ops->port(fork->relay, (unsigned)stream, leg);
			ports.ice_ufrag =
				calls->ops->ice_ufrag(fork->relay, (unsigned)stream, leg);
			ports.ice_pwd = calls->ops->ice_pwd(fork->relay, (unsigned)stream, leg);
			fork_fill_mapping(fork, (unsigned)stream, leg, &ports);
		}
		negotiation_out(negotiation, i, leg, &fork->sides[leg], &fork->policy, &ports,
				&outs[i]);
	}
	sdp_write(sdp, outs, fork->version_plus, out);
	call_trace_sdp(fork, negotiation, leg, sdp, outs);
	explicit_bzero(outs, n * sizeof(*outs));
	free(outs);
	return out->err ? CALLS_NO_MEMORY : CALLS_REWRITTEN;
}

/* ---- the relay ---- */

/* For the record of its end. */
static void note_line(struct fork *fork, const struct media_line *line, enum relay_leg leg,
		      const struct relay_end *end)
{
	struct calls_stream *stream = &fork->handle->streams[line->stream];

	text_copy(stream->type, sizeof(stream->type), line->type);
	stream->protection[leg] = end->is_sealed                ? CALLS_PASSED
				  : end->security == RELAY_SDES ? CALLS_SDES
				  : end->security == RELAY_DTLS ? CALLS_DTLS
								: CALLS_PLAIN;
}

/* A side that says the same key as before its call was taken up goes on with its rollover
 * counter (RFC 3711 §3.3.1), which is as high as it can have got since the dialog began. */
static uint32_t max_roc(const struct fork *fork, const struct media_line *line)
{
	const uint64_t packets_per_s = strcasecmp(line->type, "video") == 0 ? 1000 : 100;

	return fork->version_plus ? (uint32_t)(fork->version_plus * packets_per_s / 65536 + 1)
				  : 0;
}

/* A key or address that the relay does not take costs its stream: signalling goes on, and the
 * caller hears nothing. */
static void set_line(struct calls *calls, struct fork *fork, const struct negotiation *now,
		     const struct negotiation *before, unsigned i)
{
	struct relay_end end;

	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		negotiation_end(now, before, i, (enum relay_leg)leg, fork->sides, &fork->policy,
				&end);
		end.max_roc_in = max_roc(fork, &now->lines[i]);
		note_line(fork, &now->lines[i], (enum relay_leg)leg, &end);
		call_trace_end(fork, (unsigned)now->lines[i].stream, (enum relay_leg)leg, &end);
		if (calls->ops->set(fork->relay, (unsigned)now->lines[i].stream,
				    (enum relay_leg)leg, &end)) {
			const struct relay_end blocked = { .is_blocked = true };

			(void)calls->ops->set(fork->relay, (unsigned)now->lines[i].stream,
					      (enum relay_leg)leg, &blocked);
		}
		explicit_bzero(&end, sizeof(end));
	}
}

uint32_t fork_timeout_ms(const struct fork *fork, const struct negotiation *now)
{
	if ((!fork->has_confirmed || (now && now->is_hold)) &&
	    fork->policy.timeout_ms < LONG_TIMEOUT_MS)
		return LONG_TIMEOUT_MS;
	return fork->policy.timeout_ms;
}

static void apply(struct calls *calls, struct fork *fork, const struct negotiation *now,
		  const struct negotiation *before)
{
	if (!fork->relay)
		return;
	for (unsigned i = 0; i < now->n_lines; i++)
		if (now->lines[i].stream >= 0)
			set_line(calls, fork, now, before, i);
	/* no memory: the old one stays */
	(void)calls->ops->set_timeout(fork->relay, fork_timeout_ms(fork, now));
}

void fork_activate(struct calls *calls, struct fork *fork, struct call_dialog *dialog)
{
	const struct negotiation *before = fork->active ? fork->active->current : NULL;

	if (fork->active == dialog)
		return;
	fork->active = dialog;
	if (dialog->current)
		apply(calls, fork, dialog->current, before);
}

/* ---- which dialog ---- */

static struct call_dialog *find_dialog(struct fork *fork, const char *tag)
{
	struct list *link, *next;

	list_for_each(link, next, &fork->dialogs) {
		struct call_dialog *dialog = container_of(link, struct call_dialog, link);

		if (!strcmp(dialog->callee_tag, tag))
			return dialog;
	}
	return NULL;
}

bool call_locate(struct calls *calls, const struct calls_message *message,
		 struct call_place *out)
{
	struct call *call = call_find(calls, &message->key);
	struct list *link, *next;
	bool is_from_caller;
	const char *tag;

	if (!call)
		return false;
	is_from_caller = !strcmp(message->from_tag, call->caller_tag);
	if (!is_from_caller && strcmp(message->to_tag, call->caller_tag) != 0)
		return false;
	tag = is_from_caller ? message->to_tag : message->from_tag;
	list_for_each(link, next, &call->forks) {
		struct fork *fork = container_of(link, struct fork, link);
		struct call_dialog *dialog =
			fork->callee == message->key.callee ? find_dialog(fork, tag) : NULL;

		if (!dialog)
			continue;
		/* A response has the tags of its request. */
		*out = (struct call_place){ fork, dialog,
					    is_from_caller == !message->status ? RELAY_CALLER
									       : RELAY_CALLEE };
		return true;
	}
	return false;
}

/* of one fork: what is behind it forks more often than anybody has phones */
enum { MAX_DIALOGS = 16 };

/* A response to the first INVITE makes the dialog. */
static bool locate_first(struct calls *calls, const struct calls_message *message,
			 struct call_place *out)
{
	struct call *call = call_find(calls, &message->key);
	struct fork *fork = call ? fork_find(call, message->key.callee, message->branch) : NULL;
	struct call_dialog *dialog;
	struct list *link, *next;
	unsigned n = 0;

	if (!fork || !*message->to_tag)
		return false;
	dialog = find_dialog(fork, message->to_tag);
	list_for_each(link, next, &fork->dialogs)
		n++;
	if (!dialog) {
		dialog = n < MAX_DIALOGS ? calloc(1, sizeof(*dialog)) : NULL;
		if (!dialog)
			return false;
		if (fork->offer)
			dialog->pending[RELAY_CALLER] = negotiation_copy(fork->offer);
		if ((fork->offer && !dialog->pending[RELAY_CALLER]) ||
		    !text_copy(dialog->callee_tag, sizeof(dialog->callee_tag),
			       message->to_tag)) {
			negotiation_free(dialog->pending[RELAY_CALLER]);
			free(dialog);
			return false;
		}
		if (fork->policy.sends_bye)
			dialog_side_copy(&dialog->sides[RELAY_CALLER], &call->caller_side);
		list_append(&fork->dialogs, &dialog->link);
	}
	*out = (struct call_place){ fork, dialog, RELAY_CALLEE };
	return true;
}

/* ---- offer, answer ---- */

/* A re-INVITE may add video (mission 151). A response cannot be refused any more. */
static enum calls_verdict charge(struct calls *calls, const struct call_place *place,
				 const struct calls_message *message,
				 const struct negotiation *offer)
{
	const enum calls_verdict verdict =
		call_charge(calls, place->fork->call,
			    negotiation_kbps_after(place->dialog->current, offer));

	return message->status ? CALLS_UNTOUCHED : verdict;
}

/* What was answered is all that it takes. */
static void settle_charge(struct calls *calls, const struct call_place *place)
{
	const struct negotiation *now = place->dialog->current;

	if (!place->fork->has_confirmed || place->fork->active != place->dialog || !now)
		return;
	/* it is said already */
	(void)call_charge(calls, place->fork->call, negotiation_kbps(now));
	call_discharge(calls, place->fork->call, negotiation_kbps(now));
}

static enum calls_verdict take_offer(struct calls *calls, const struct call_place *place,
				     const struct calls_message *message, const struct sdp *sdp,
				     struct buf *out)
{
	struct call_dialog *dialog = place->dialog;
	const uint64_t hash = random_keyed_hash(message->sdp, message->sdp_len);
	struct negotiation **mine = &dialog->pending[place->leg], *next = NULL;
	const struct negotiation *before = dialog->current;
	enum calls_verdict verdict;

	if (*mine && !(*mine)->is_over && dialog->offer_hash[place->leg] == hash)
		/* a repeat */
		return call_write(calls, place->fork, *mine, other(place->leg), sdp, out);
	if (!before)
		before = *mine ? *mine : dialog->pending[other(place->leg)];
	verdict = call_verdict(negotiation_offer(before, sdp, place->leg, place->fork->sides,
						 &place->fork->policy, &next));
	if (!verdict)
		verdict = charge(calls, place, message, next);
	if (!verdict)
		verdict = fork_ensure_streams(calls, place->fork, next->n_streams);
	if (!verdict && message->may_wait && fork_waits_for_mapping(place->fork))
		verdict = CALLS_WAITS;
	if (!verdict)
		verdict = call_write(calls, place->fork, next, other(place->leg), sdp, out);
	if (verdict != CALLS_REWRITTEN) {
		negotiation_free(next);
		return verdict;
	}
	negotiation_free(*mine);
	*mine = next;
	dialog->offer_hash[place->leg] = hash;
	dialog->offered_by_response[place->leg] = message->status > 0;
	return verdict;
}

/* The relay follows the newest early answer, and from the first 2xx on that dialog alone. */
static bool is_served(const struct call_place *place)
{
	const struct fork *fork = place->fork;

	return !fork->active || fork->active == place->dialog || !fork->active->is_confirmed;
}

static enum calls_verdict take_answer(struct calls *calls, const struct call_place *place,
				      const struct sdp *sdp, struct buf *out)
{
	struct call_dialog *dialog = place->dialog;
	struct negotiation *offer = dialog->pending[other(place->leg)],
			   *own = dialog->pending[place->leg];
	struct negotiation *next;
	enum calls_verdict verdict;

	if (!offer)
		return CALLS_NOT_SDP; /* to no offer */
	next = negotiation_copy(offer);
	if (!next)
		return CALLS_NO_MEMORY;
	verdict = call_verdict(
		negotiation_answer(next, sdp, place->fork->sides, &place->fork->policy));
	if (!verdict)
		verdict = call_write(calls, place->fork, next, other(place->leg), sdp, out);
	if (verdict != CALLS_REWRITTEN || offer->is_over) {
		negotiation_free(next);
		return verdict;
	}
	offer->is_answered = true;
	if (own && own->is_answered)
		own->is_over = true;
	/* Keys that were made for the answer stay, also if it is given again. */
	for (unsigned i = 0; i < next->n_lines; i++)
		memcpy(offer->lines[i].ours, next->lines[i].ours, sizeof(next->lines[i].ours));
	if (is_served(place)) {
		apply(calls, place->fork, next,
		      place->fork->active ? place->fork->active->current : NULL);
		place->fork->active = dialog;
	}
	negotiation_free(dialog->current);
	dialog->current = next;
	settle_charge(calls, place);
	return verdict;
}

/* RFC 3264 with RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311 §5: an ACK holds an answer alone; a
 * PRACK one if there is an offer that waits. */
static bool is_answer(const struct call_place *place, const struct calls_message *message)
{
	const struct negotiation *pending = place->dialog->pending[other(place->leg)];

	if (message->status)
		return message->had_offer;
	if (!pending || pending->is_over)
		return false;
	return message->is_ack || (message->is_prack && !pending->is_answered);
}

static enum calls_verdict pass_sdp(struct calls *calls, const struct call_place *place,
				   const struct calls_message *message, struct buf *out)
{
	struct sdp *sdp = NULL;
	enum calls_verdict verdict = call_read(message, &sdp);

	if (verdict)
		return verdict;
	if (addr_is_set(&message->source))
		place->fork->sides[place->leg].source = message->source;
	verdict = is_answer(place, message) ? take_answer(calls, place, sdp, out)
					    : take_offer(calls, place, message, sdp, out);
	sdp_free(sdp);
	return verdict;
}

static void confirm(struct calls *calls, const struct call_place *place)
{
	const bool was_confirmed = place->fork->has_confirmed;

	place->dialog->is_confirmed = true;
	place->fork->has_confirmed = true;
	if (is_served(place) && place->dialog->current)
		fork_activate(calls, place->fork, place->dialog);
	settle_charge(calls, place);
	/* Who waits for the ACK, or was answered before, is silent by the clock from now on. */
	if (!was_confirmed && place->fork->relay)
		(void)calls->ops->set_timeout(
			place->fork->relay,
			fork_timeout_ms(place->fork, place->dialog->current));
}

/* What a BYE of ours will need of the side that sent this. */
static void learn(const struct call_place *place, const struct calls_message *message)
{
	struct dialog_side *side = &place->dialog->sides[place->leg];

	place->dialog->is_acknowledged |= message->is_ack;
	if (!place->fork->policy.sends_bye || !message->msg)
		return;
	if (!message->status && place->dialog->is_taken_up)
		dialog_side_of_midway(side, &place->dialog->sides[other(place->leg)],
				      message->msg);
	if (!message->status)
		dialog_side_of_request(side, message->msg);
	else if (message->is_first)
		dialog_side_of_response(side, message->msg, message->n_routes);
	else if (message->status >= 200 && message->status < 300)
		dialog_side_of_2xx(side, message->msg);
}

void calls_note(struct calls *calls, const struct calls_message *message)
{
	struct call_place place;

	pthread_mutex_lock(&calls->lock);
	if (call_locate(calls, message, &place))
		learn(&place, message);
	pthread_mutex_unlock(&calls->lock);
}

/* What is taken up by an INVITE without SDP ends neither before its answer, which holds the
 * offer, nor after its failure. */
static void note_asked(struct call_dialog *dialog, enum relay_leg leg,
		       const struct calls_message *message)
{
	struct call_asked *asked = &dialog->asked[leg];

	if (message->is_invite && !message->sdp && dialog->is_taken_up && !asked->is_set)
		*asked = (struct call_asked){ true, message->cseq };
}

static void note_final(struct call_dialog *dialog, enum relay_leg leg,
		       const struct calls_message *message)
{
	if (message->is_invite && message->cseq == dialog->asked[leg].cseq)
		dialog->asked[leg].is_set = false;
}

static enum calls_verdict pass(struct calls *calls, const struct call_place *place,
			       const struct calls_message *message, struct buf *out)
{
	learn(place, message);
	if (!message->status)
		note_asked(place->dialog, place->leg, message);
	else if (message->status >= 200)
		note_final(place->dialog, other(place->leg), message);
	if (message->status >= 200 &&
	    (message->is_first || (place->dialog->is_taken_up && !place->dialog->is_confirmed)))
		confirm(calls, place);
	return message->sdp ? pass_sdp(calls, place, message, out) : CALLS_UNTOUCHED;
}

enum calls_verdict calls_pass(struct calls *calls, const struct calls_message *message,
			      struct buf *out)
{
	enum calls_verdict verdict = CALLS_UNTOUCHED;
	struct call_place place;
	bool is_ours;

	pthread_mutex_lock(&calls->lock);
	if (message->is_first && message->status)
		is_ours = message->status > 100 && message->status < 300 &&
			  locate_first(calls, message, &place);
	else
		is_ours = call_locate(calls, message, &place);
	if (is_ours)
		verdict = pass(calls, &place, message, out);
	pthread_mutex_unlock(&calls->lock);
	return verdict;
}

enum calls_verdict calls_take_up(struct calls *calls, const struct calls_message *message,
				 const struct calls_begin *begin, uint64_t now_ms,
				 struct buf *out)
{
	struct call_place place = { .fork = NULL };
	enum calls_verdict verdict = CALLS_UNTOUCHED;

	pthread_mutex_lock(&calls->lock);
	if (!call_locate(calls, message, &place))
		verdict = call_take_up(calls, message, begin, now_ms, &place);
	if (!verdict && place.fork)
		verdict = pass(calls, &place, message, out);
	pthread_mutex_unlock(&calls->lock);
	return verdict;
}

void calls_offer_failed(struct calls *calls, const struct calls_message *message)
{
	struct call_place place;

	pthread_mutex_lock(&calls->lock);
	if (call_locate(calls, message, &place)) {
		struct call_dialog *dialog = place.dialog;
		const enum relay_leg offerer =
			message->had_offer ? place.leg : other(place.leg);
		struct negotiation **offer = &dialog->pending[offerer];

		note_final(dialog, place.leg, message);
		if ((dialog->current || dialog->is_taken_up) && *offer &&
		    !(*offer)->is_answered &&
		    dialog->offered_by_response[offerer] == !message->had_offer)
			*offer = negotiation_free(*offer);
		settle_charge(calls, &place);
		if (call_take_up_failed(&place))
			fork_end(calls, place.fork, CALLS_END_REFUSED);
	}
	pthread_mutex_unlock(&calls->lock);
}
