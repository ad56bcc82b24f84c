#include "proxy/call_media.h"

#include <stdlib.h>
#include <string.h>

#include "media/calls.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/sip/sdp_body.h"
#include "proxy/sip/sdp_session.h"

/* ---- what is shown of a message ---- */

static const char *tag_of(const char *tag)
{
	return tag ? tag : "";
}

static struct calls_key key_of(const struct branch *branch, const char *call_id)
{
	const struct context *context = branch->context;

	return (struct calls_key){
		.call_id = call_id,
		.caller = context->token.caller,
		.callee = context->is_inside_dialog ? context->token.callee
						    : target_end(&branch->target),
		.made_at_s = context->token.made_at_s,
	};
}

static unsigned index_of(const struct branch *branch)
{
	return (unsigned)(branch - branch->context->branches);
}

static struct calls_message message_of(const struct branch *branch, const sip_t *sip,
				       const struct sdp_body *body)
{
	return (struct calls_message){
		.key = key_of(branch, sip->sip_call_id->i_id),
		.from_tag = tag_of(sip->sip_from->a_tag),
		.to_tag = tag_of(sip->sip_to->a_tag),
		.branch = index_of(branch),
		.is_invite = branch->context->is_invite,
		.cseq = sip->sip_cseq->cs_seq,
		.status = sip->sip_status ? sip->sip_status->st_status : 0,
		.sdp = body->text,
		.sdp_len = body->len,
	};
}

static enum reason reason_of(enum calls_verdict verdict)
{
	switch (verdict) {
	case CALLS_UNTOUCHED:
	case CALLS_REWRITTEN:
	case CALLS_WAITS:
		break;
	case CALLS_NOT_SDP:
		return REASON_SDP_UNREADABLE;
	case CALLS_SRTP_REQUIRED:
		return REASON_SRTP_REQUIRED;
	case CALLS_SRTP_REFUSED:
		return REASON_SRTP_NOT_TAKEN;
	case CALLS_FULL:
		return REASON_CHANNELS_FULL;
	case CALLS_NO_BANDWIDTH:
		return REASON_BANDWIDTH_FULL;
	case CALLS_NO_PORTS:
		return REASON_NO_MEDIA_PORTS;
	case CALLS_NO_MEMORY:
		return REASON_OVERLOAD;
	}
	return REASON_NONE;
}

/* ---- the sides ---- */

/* Our address towards a network: as configured, else the listener's; what an administrator
 * advertises stands in SDP. */
static void fill_side(const struct settings *settings, const struct listener *listener,
		      const struct addr *local, struct media_side *side)
{
	const struct addr *bind = &settings->media.bind[listener->network];
	char own[ADDR_TEXT_SIZE];
	struct addr shown;

	side->network = listener->network;
	side->bind = addr_is_set(bind) ? *bind : listener->addr;
	if (addr_is_wildcard(&side->bind) && local && addr_is_set(local))
		side->bind = *local;
	side->shown = side->bind;
	if (strcmp(listener->host, addr_host(&listener->addr, own)) != 0 &&
	    !addr_parse(listener->host, 0, &shown) &&
	    addr_is_ipv6(&shown) == addr_is_ipv6(&side->bind))
		side->shown = shown;
}

/* Behind a router the world sees other ports than ours (mission 127, 128): whom to ask for
 * them. */
static void fill_stun_servers(const struct context *context, const struct listener *listener,
			      struct media_side *side)
{
	const struct settings *settings = context->snapshot->settings;

	if (listener->index >= settings->n_listeners ||
	    !settings->listeners[listener->index].advertises_stun)
		return;
	side->n_stun_servers = (unsigned)public_addresses_servers(
		context->worker->server->public_addresses, addr_is_ipv6(&side->bind),
		side->stun_servers, COUNT(side->stun_servers));
}

static bool is_relayed(const struct branch *branch, const struct hop *hop)
{
	const struct context *context = branch->context;

	return settings_media_relays(&context->snapshot->settings->media, context->in->network,
				     hop->listener->network);
}

/* ---- requests ---- */

static bool is_any(const char *method, const char *const *methods, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(method, methods[i]))
			return true;
	return false;
}

/* Any request may have the highest CSeq of its side, above which a BYE of ours would have to
 * be. */
static void note_request(const struct branch *branch)
{
	struct context *context = branch->context;
	struct calls *calls = context->worker->server->calls;
	const struct sdp_body none = { 0 };
	struct calls_message message;

	if (!calls_watch(calls))
		return;
	message = message_of(branch, message_sip(context->msg), &none);
	message.msg = context->msg;
	calls_note(calls, &message);
}

/* It may hold an offer, and the media that it offers must be relayed, whether the call is known
 * or not. */
static bool may_take_up(const struct branch *branch, const struct hop *hop, const char *method)
{
	static const char *const offering[] = { "INVITE", "UPDATE" };

	return branch->context->is_inside_dialog && is_any(method, offering, COUNT(offering)) &&
	       is_relayed(branch, hop);
}

/* Whether the media of this request's call are ours to look at. */
static bool concerns(const struct branch *branch, const struct hop *hop, const char *method)
{
	static const char *const inside[] = { "INVITE", "ACK", "BYE", "PRACK", "UPDATE" };
	const struct context *context = branch->context;
	const struct calls *calls =
		__atomic_load_n(&context->worker->server->calls, __ATOMIC_ACQUIRE);

	if (!calls)
		return false;
	if (!context->is_inside_dialog)
		return context->is_invite && is_relayed(branch, hop);
	if ((calls_count(calls) > 0 && is_any(method, inside, COUNT(inside))) ||
	    may_take_up(branch, hop, method))
		return true;
	note_request(branch);
	return false;
}

static bool remember(struct context *context, const sip_t *sip, const char *method,
		     bool has_sdp)
{
	struct call_media *media = context->media;

	if (!media)
		media = context->media = calloc(1, sizeof(*media));
	if (!media)
		return false;
	media->is_first = !context->is_inside_dialog;
	media->had_offer = has_sdp;
	media->is_bye = !strcmp(method, "BYE");
	return text_copy(media->call_id, sizeof(media->call_id), sip->sip_call_id->i_id);
}

static void fill_begin(const struct branch *branch, const struct hop *hop, enum relay_leg from,
		       struct calls_begin *begin)
{
	const struct context *context = branch->context;
	const struct settings *settings = context->snapshot->settings;
	const struct flow *flow =
		context->server_txn ? server_txn_flow(context->server_txn) : NULL;
	const enum relay_leg to = from == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER;

	*begin =
		(struct calls_begin){ .settings = &settings->media,
				      .mailbox = context->worker->mailbox,
				      .wall_s = loop_wall_us(context->worker->loop) / 1000000 };
	fill_side(settings, context->in, flow ? &flow->local : NULL, &begin->sides[from]);
	fill_side(settings, hop->listener, NULL, &begin->sides[to]);
	fill_stun_servers(context, context->in, &begin->sides[from]);
	fill_stun_servers(context, hop->listener, &begin->sides[to]);
	begin->sides[from].source = context->source;
}

static enum calls_verdict show_request(struct branch *branch, const struct hop *hop, msg_t *msg,
				       const struct sdp_body *body, struct buf *out)
{
	const char *method = message_method(message_sip(msg));
	struct calls_message message = message_of(branch, message_sip(msg), body);
	struct calls *calls = branch->context->worker->server->calls;
	const uint64_t now_ms = loop_now_ms(branch->context->worker->loop);
	struct calls_begin begin;

	message.msg = branch->context->msg; /* without the Record-Route of ours */
	message.is_ack = branch->context->is_ack;
	message.may_wait = !message.is_ack &&
			   (!branch->media_wait_ends_ms || now_ms < branch->media_wait_ends_ms);
	message.is_prack = !strcmp(method, "PRACK");
	message.source = branch->context->source;
	/* An INVITE without SDP asks for an offer; an UPDATE without it for nothing (RFC 3311
	 * §5.1). */
	if (branch->context->is_inside_dialog &&
	    (!may_take_up(branch, hop, method) || !(message.sdp || branch->context->is_invite)))
		return calls_pass(calls, &message, out);
	message.is_from_callee =
		branch->context->is_inside_dialog && !branch->context->is_to_callee;
	fill_begin(branch, hop, message.is_from_callee ? RELAY_CALLEE : RELAY_CALLER, &begin);
	if (branch->context->is_inside_dialog)
		return calls_take_up(calls, &message, &begin, now_ms, out);
	message.is_first = true;
	return calls_begin(calls, &message, &begin, now_ms, out);
}

static void note(struct context *context, const char *rule, enum reason reason)
{
	if (!context->decision)
		return;
	decision_add(context->decision, "media", rule,
		     &context->snapshot->settings->media.place, "%s",
		     reason ? reason_code(reason) : "our addresses stand in the SDP");
}

enum reason call_media_request(struct branch *branch, const struct hop *hop, msg_t *msg)
{
	struct context *context = branch->context;
	const char *method = message_method(message_sip(msg));
	enum calls_verdict verdict = CALLS_NOT_SDP;
	struct sdp_body body = { 0 };
	enum sdp_body_kind kind;
	struct buf out;

	branch->waits_for_media = false;
	if (!concerns(branch, hop, method))
		return REASON_NONE;
	kind = sdp_body_find(msg, &body);
	if (kind == SDP_BODY_OPAQUE)
		body = (struct sdp_body){ .text = "", .len = 0 }; /* nobody can read it */
	if (!remember(context, message_sip(msg), method, kind != SDP_BODY_NONE))
		return REASON_OVERLOAD;
	buf_init(&out, 4 * SDP_MAX_BYTES);
	verdict = show_request(branch, hop, msg, &body, &out);
	if (verdict == CALLS_REWRITTEN && sdp_body_replace(msg, &body, buf_text(&out), out.len))
		verdict = CALLS_NO_MEMORY;
	if (out.bytes)
		explicit_bzero(out.bytes, out.len); /* it held keys */
	buf_fini(&out);
	branch->waits_for_media = verdict == CALLS_WAITS;
	if (verdict != CALLS_UNTOUCHED && verdict != CALLS_WAITS)
		note(context, context->is_inside_dialog ? "offer" : "relay",
		     reason_of(verdict));
	return reason_of(verdict);
}

bool call_media_waits(const struct branch *branch)
{
	const struct call_media *media = branch->context->media;
	const struct calls_key key = key_of(branch, media ? media->call_id : "");

	return media && calls_wait(branch->context->worker->server->calls, &key);
}

/* ---- responses ---- */

/* What cannot be changed goes on as it is: a 2xx cannot be taken back. The log says why there
 * is no sound. */
static void complain(const sip_t *sip, enum reason reason)
{
	log_event(LOG_WARNING, "answer not relayed", "call_id", sip->sip_call_id->i_id,
		  "reason", reason_code(reason), NULL);
}

/* The entry of the Record-Route that is ours and this call's: a call may pass us twice. */
struct own_route {
	const struct record_route_keys *keys;
	const struct calls_key *key;
};

static bool is_ours(const url_t *route, void *user)
{
	const struct own_route *own = user;
	struct record_route_token token;

	return record_route_verify(own->keys, route, own->key->call_id, &token) ==
		       RECORD_ROUTE_VALID &&
	       token.caller == own->key->caller && token.callee == own->key->callee &&
	       token.made_at_s == own->key->made_at_s;
}

bool call_media_response(struct branch *branch, const struct arrival *response, bool may_wait)
{
	struct context *context = branch->context;
	const struct call_media *media = context->media;
	const sip_t *sip = response->sip;
	struct calls_message message;
	enum calls_verdict verdict;
	struct sdp_body body = { 0 };
	struct buf out;

	if (!media || sip->sip_status->st_status <= 100 || sip->sip_status->st_status >= 300)
		return false;
	if (sdp_body_find(response->msg, &body) == SDP_BODY_OPAQUE)
		body = (struct sdp_body){ .text = "", .len = 0 };
	message = message_of(branch, sip, &body);
	message.is_first = media->is_first;
	message.had_offer = media->had_offer;
	message.may_wait = may_wait && context->is_invite;
	message.msg = response->msg;
	if (calls_watch(context->worker->server->calls) && media->is_first) {
		struct own_route own = { context->worker->server->keys, &message.key };

		message.n_routes = dialog_side_n_routes(response->msg, is_ours, &own);
	}
	if (response->flow) /* one that another worker handed over has none */
		message.source = response->flow->remote;
	else if (branch->hops && branch->next)
		message.source = branch->hops[branch->next - 1].remote;
	buf_init(&out, 4 * SDP_MAX_BYTES);
	verdict = calls_pass(context->worker->server->calls, &message, &out);
	if (verdict == CALLS_REWRITTEN &&
	    sdp_body_replace(response->msg, &body, buf_text(&out), out.len))
		verdict = CALLS_NO_MEMORY;
	if (reason_of(verdict))
		complain(sip, reason_of(verdict));
	if (out.bytes)
		explicit_bzero(out.bytes, out.len);
	buf_fini(&out);
	return verdict == CALLS_WAITS;
}

/* ---- ends ---- */

void call_media_branch_failed(const struct branch *branch)
{
	const struct call_media *media = branch->context->media;
	struct calls_key key;

	if (!media || !media->is_first)
		return;
	key = key_of(branch, media->call_id);
	calls_branch_failed(branch->context->worker->server->calls, &key, index_of(branch));
}

/* A BYE that must be repeated with credentials has ended nothing. */
static bool ends_dialog(const struct call_media *media, int status)
{
	return media->is_bye && status != 401 && status != 407;
}

/* Also those that waited for a server that was given up: the caller may try again within the
 * second. */
static void end_branches(const struct context *context)
{
	for (unsigned i = 0; i < context->n_branches; i++)
		if (context->branches[i].state == BRANCH_DONE)
			call_media_branch_failed(&context->branches[i]);
}

void call_media_final(struct context *context, const msg_t *request, int status)
{
	const struct call_media *media = context->media;
	const struct sdp_body none = { 0 };
	struct calls_message message;

	if (media && media->is_first && status >= 300)
		end_branches(context);
	if (!media || media->is_first || !request || !context->n_branches)
		return;
	message = message_of(&context->branches[0], message_sip(request), &none);
	message.had_offer = media->had_offer;
	if (ends_dialog(media, status))
		calls_bye(context->worker->server->calls, &message);
	else if (status >= 300 && (media->had_offer || context->is_invite))
		calls_offer_failed(context->worker->server->calls, &message);
}

void call_media_end(struct context *context)
{
	free(context->media);
	context->media = NULL;
}
