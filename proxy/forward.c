#include "proxy/forward.h"

#include <string.h>

#include "federation/asserted.h"
#include "proxy/base/text.h"
#include "proxy/by_size.h"
#include "proxy/call_media.h"
#include "proxy/follow.h"
#include "proxy/sip/digest.h"
#include "proxy/sip/uri.h"
#include "proxy/sip/via.h"
#include "proxy/stage.h"

const char *forward_hop_text(const struct hop *hop, char out[96])
{
	const size_t host_len = strlen(hop->host);
	char addr[ADDR_TEXT_SIZE], host[ADDR_TEXT_SIZE];
	size_t len;

	len = text_append(out, 96, 0, conf_transport_text(hop->transport));
	len = text_append(out, 96, len, " ");
	len = text_append(out, 96, len, addr_text(&hop->remote, addr));
	if (!host_len ||
	    (!strncmp(addr, hop->host, host_len) &&
	     addr[host_len] == ':') || /* nearly always */
	    !strcmp(hop->host, addr_host(&hop->remote, host)))
		return out;
	len = text_append(out, 96, len, " (");
	len = text_append(out, 95, len, hop->host);
	text_append(out, 96, len, ")");
	return out;
}

/* §16.6 item 3, and RFC 5393 §5.3.3: branches share the breadth. */
static enum err edit_bounds(const struct branch *branch, msg_t *msg)
{
	const struct context *context = branch->context;
	const unsigned width = stage_width(branch);
	const sip_t *sip = message_sip(msg);
	const unsigned preset = context->snapshot->settings->sip.max_breadth;
	enum err err;

	err = message_set_max_forwards(
		msg,
		sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count - 1 : 70);
	if (err)
		return err;
	if (width > 1 || message_has_max_breadth(msg)) {
		unsigned share = message_max_breadth(msg, preset) / width;

		err = message_set_max_breadth(msg, share ? share : 1);
	}
	return err;
}

/* The flow by which the phone at that end is reached, for the token (RFC 5626 §5.3). */
static void set_token_flow(const struct record_route_keys *keys, const struct hop *hop,
			   struct token_flow *out)
{
	out->is_set = true;
	out->listener = record_route_listener(keys, hop->listener->name);
	out->id = hop->flow_id;
	out->remote = hop->remote;
	out->local = hop->bind;
}

/* §16.6 item 4 with RFC 5658: two entries where the transport or the side changes, the one for
 * the next hop on top. */
static enum err edit_record_route(const struct branch *branch, msg_t *msg,
				  const struct hop *hop)
{
	const struct context *context = branch->context;
	const struct record_route_keys *keys = context->worker->server->keys;
	struct record_route_token token = context->token;
	const char *call_id = message_sip(msg)->sip_call_id->i_id;
	char text[RECORD_ROUTE_TEXT_SIZE], value[RECORD_ROUTE_VALUE_SIZE];
	enum err err;

	if (!context->needs_record_route)
		return ERR_OK;
	if (!context->is_inside_dialog) {
		token.callee = target_end(&branch->target);
		if (branch->target.n_flows)
			set_token_flow(keys, hop, &token.callee_flow);
	}
	err = record_route_sign(keys, &token, call_id, text);
	if (!err)
		err = record_route_entry(text, context->in, value);
	if (!err)
		err = message_push_record_route(msg, value);
	if (err || (hop->listener->transport == context->in->transport &&
		    !strcmp(hop->listener->sent_by, context->in->sent_by)))
		return err;
	err = record_route_entry(text, hop->listener, value);
	if (!err)
		err = message_push_record_route(msg, value);
	return err;
}

/* True if what we assert may be seen at the other end (RFC 3325 §5): by our own servers, and by
 * trusted partners, but by no phone out on the internet. */
static bool is_trusted_receiver(const struct target *target)
{
	return target->rule->backend ||
	       (target->rule->route && target->rule->route->is_trustworthy);
}

/* From one of our servers to another: nothing crosses the border of the trust domain (RFC 3325
 * §5). */
static bool stays_inside(const struct branch *branch)
{
	return branch->context->origin.kind == ORIGIN_BACKEND && branch->target.rule->backend;
}

/* §16.6 item 2: a bound contact is the target. */
static enum err set_contact(msg_t *msg, const char *contact)
{
	const url_t *url = uri_parse(msg_home(msg), contact);

	return url ? message_set_request_uri(msg, url) : ERR_SYNTAX;
}

static enum err edit(struct branch *branch, const struct hop *hop, msg_t *msg)
{
	struct context *context = branch->context;
	enum err err = edit_bounds(branch, msg);

	if (branch->redirected)
		message_remove_header(msg, "Route"); /* it led to the old target */
	if (!err && *branch->aim.request_uri)
		err = set_contact(msg, branch->aim.request_uri);
	if (!err)
		err = edit_record_route(branch, msg, hop);
	if (!err && !stays_inside(branch))
		err = asserted_filter(msg, &context->origin,
				      is_trusted_receiver(&branch->target));
	if (err)
		return err;
	/* Credentials for our realm are nobody else's business. */
	if (context->origin.kind == ORIGIN_PARTNER_UNTRUSTED ||
	    context->origin.kind == ORIGIN_PHONE)
		digest_strip(msg, true, context->snapshot->settings->realm);
	return message_sip(msg)->sip_route ? route_set_prepare_next(msg) : ERR_OK;
}

/* The copy with all edits, its print, and the branch that stands in its Via. */
static enum err make(struct branch *branch, const struct hop *hop, char name[TXN_BRANCH_SIZE],
		     msg_t **out_msg, struct wire **out_wire)
{
	struct context *context = branch->context;
	msg_t *msg = message_copy(context->msg);
	enum err err;

	if (!msg)
		return ERR_NO_MEMORY;
	txn_table_branch(context->worker->txns, context->loop, name);
	err = edit(branch, hop, msg);
	if (!err)
		branch->refusal = call_media_request(branch, hop, msg);
	if ((branch->refusal || branch->waits_for_media) &&
	    !context->is_ack) /* which nobody may refuse */
		err = ERR_INVALID;
	if (!err)
		err = via_push(msg, listener_via_transport(hop->transport),
			       hop->listener->sent_by, name);
	if (!err)
		err = message_print(msg, out_wire);
	if (err) {
		message_unref(msg);
		return err;
	}
	*out_msg = msg;
	return ERR_OK;
}

/* The copy with all edits, on its way by hop. */
static enum err send_by(struct branch *branch, const struct hop *hop,
			const struct client_txn_user *user)
{
	char name[TXN_BRANCH_SIZE];
	struct wire *wire;
	enum err err;
	msg_t *msg;

	err = make(branch, hop, name, &msg, &wire);
	if (err)
		return err;
	err = client_txn_start(branch->context->worker->txns, msg, wire, name, hop, user,
			       &branch->txn);
	wire_unref(wire);
	message_unref(msg);
	return err;
}

static enum err send_ack_by(struct branch *branch, const struct hop *hop,
			    void (*on_end)(struct sending *, enum err, enum reason))
{
	char name[TXN_BRANCH_SIZE];
	struct wire *wire;
	enum err err;
	msg_t *msg;

	err = make(branch, hop, name, &msg, &wire);
	if (err)
		return err;
	err = transport_send(branch->context->worker->transport, hop, wire, &branch->sending,
			     on_end);
	wire_unref(wire);
	message_unref(msg);
	return err;
}

/* ---- too large for a datagram: tried by TCP ---- */

static void on_try_response(void *user, struct client_txn *txn, struct arrival *response)
{
	struct branch *branch = user;

	by_size_succeeded(branch);
	branch->by_size.user.on_response(user, txn, response);
}

static void on_try_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct branch *branch = user;
	const struct client_txn_user asker = branch->by_size.user;
	const struct hop *hop = &branch->hops[branch->next - 1];

	if (!by_size_failed(branch, hop, reason)) {
		asker.on_failure(user, txn, err, reason);
		return;
	}
	client_txn_detach(txn);
	branch->txn = NULL;
	if (timer_is_running(&branch->patience)) /* it begins with what is sent now */
		timer_start(branch->context->worker->loop, &branch->patience,
			    8 * (uint64_t)branch->context->snapshot->settings->sip.t1_ms,
			    branch->patience.on_expiry);
	err = send_by(branch, hop, &asker);
	if (err) /* our own fault, or the request's: it says nothing of the server */
		asker.on_failure(user, NULL, err,
				 err == ERR_TOO_LARGE ? REASON_MESSAGE_TOO_LARGE
						      : REASON_OVERLOAD);
}

static void on_try_ended(void *user, struct client_txn *txn)
{
	((struct branch *)user)->by_size.user.on_ended(user, txn);
}

static enum err try_by(struct branch *branch, const struct hop *other,
		       const struct client_txn_user *asker)
{
	const struct client_txn_user user = { branch, on_try_response, on_try_failure,
					      on_try_ended };

	branch->by_size.user = *asker;
	return send_by(branch, other, &user);
}

static void on_ack_try_end(struct sending *sending, enum err err, enum reason reason)
{
	struct branch *branch = container_of(sending, struct branch, sending);
	const struct hop *hop = &branch->hops[branch->next - 1];

	if (err && by_size_failed(branch, hop, reason) &&
	    !send_ack_by(branch, hop, branch->by_size.on_ack_end))
		return;
	branch->by_size.on_ack_end(sending, err, reason);
}

/* Our own share: until the request was first sent on, or waits for its connection. */
static void observe_delay(const struct context *context)
{
	const struct decision *decision = context->decision;

	if (decision)
		counter_observe(context->worker->counters, COUNTER_FORWARD_DELAY,
				decision->counted_method,
				loop_wall_us(context->worker->loop) - decision->wall_us);
}

enum err forward_send(struct branch *branch, const struct hop *hop,
		      const struct client_txn_user *user)
{
	struct context *context = branch->context;
	char name[TXN_BRANCH_SIZE];
	struct wire *wire;
	struct hop other;
	enum err err;
	msg_t *msg;

	err = make(branch, hop, name, &msg, &wire);
	if (err)
		return err;
	if (!by_size_other(branch, hop, wire->len, &other) || try_by(branch, &other, user))
		err = client_txn_start(context->worker->txns, msg, wire, name, hop, user,
				       &branch->txn);
	wire_unref(wire);
	message_unref(msg);
	if (!err && branch == &context->branches[0] && branch->next == 1)
		observe_delay(context);
	return err;
}

enum err forward_ack(struct branch *branch, const struct hop *hop,
		     void (*on_end)(struct sending *, enum err, enum reason))
{
	char name[TXN_BRANCH_SIZE];
	struct wire *wire;
	struct hop other;
	enum err err;
	msg_t *msg;

	err = make(branch, hop, name, &msg, &wire);
	if (err)
		return err;
	branch->by_size.on_ack_end = on_end;
	if (!by_size_other(branch, hop, wire->len, &other) ||
	    send_ack_by(branch, &other, on_ack_try_end))
		err = transport_send(branch->context->worker->transport, hop, wire,
				     &branch->sending, on_end);
	wire_unref(wire);
	message_unref(msg);
	return err;
}
