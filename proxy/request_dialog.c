#include "proxy/request_dialog.h"

#include <stdio.h>
#include <string.h>

#include "proxy/open_partner.h"
#include "proxy/phone.h"
#include "proxy/request_phone.h"
#include "proxy/request_target.h"
#include "proxy/sip/uri.h"

/* The message that is edited. Without a Route nothing of ours is in it to be taken off; and our
 * Routes are taken off the message itself, as forward makes a copy of its own anyway, and
 * nobody asks for them any more. Where the Request-URI may change it is a copy: it is asked
 * for, and stands in what is answered. */
static enum err take_routes(struct request *request)
{
	struct snapshot *snapshot = request->snapshot;
	const sip_t *sip = request->arrival->sip;
	const url_t *uri = sip->sip_request->rq_url;
	const bool may_change = (uri->url_params && url_has_param(uri, "maddr")) ||
				self_names_has(snapshot->self_names, uri, NULL);

	request->msg = may_change ? message_copy(request->arrival->msg)
				  : message_ref(request->arrival->msg);
	if (!request->msg)
		return ERR_NO_MEMORY;
	request->sip = message_sip(request->msg);
	if (may_change || sip->sip_route)
		return route_set_take(request->msg, snapshot->self_names, request->server->keys,
				      &request->route);
	request->route.token_verdict = RECORD_ROUTE_NONE;
	return ERR_OK;
}

/* True if the end of a dialog is the one who sent this: itself, or, as all backends are one
 * house, another backend. */
static bool is_end(const struct request *request, uint64_t end)
{
	const struct rule *rule;

	if (end == record_route_end(request->server->keys, request->origin.id))
		return true;
	if (request->origin.kind != ORIGIN_BACKEND)
		return false;
	rule = rules_by_hash(request->snapshot->rules, end);
	return rule && rule->backend;
}

static enum reason check_ends(struct request *request)
{
	const struct record_route_token *token = &request->route.token;

	if (is_end(request, token->caller) || is_end(request, token->callee)) {
		decision_add(&request->decision, "dialog", "signed-route", NULL,
			     "its dialog went through us, and the sender is an end of it");
		return REASON_NONE;
	}
	decision_add(&request->decision, "dialog", "signed-route", NULL,
		     "the dialog of our signed Route is between others than %.60s",
		     request->origin.id);
	return REASON_DIALOG_IDENTITY;
}

enum reason request_dialog_step(struct request *request)
{
	enum err err = take_routes(request);

	if (err)
		return err == ERR_NO_MEMORY ? REASON_OVERLOAD : REASON_MALFORMED;
	switch (request->route.token_verdict) {
	case RECORD_ROUTE_VALID:
		return check_ends(request);
	case RECORD_ROUTE_FORGED:
		decision_add(&request->decision, "dialog", "signed-route", NULL,
			     "the signature of our Route is wrong");
		/* No step towards a ban: 96 bits are not guessed, and after the loss of our key
		 * every partner with calls would be banned for ending them. */
		return REASON_ROUTE_TOKEN_FORGED;
	case RECORD_ROUTE_NONE:
		break;
	}
	/* Inside a dialog that never went through us. Our own servers may know better. */
	if (request->is_inside_dialog && request->origin.kind != ORIGIN_BACKEND) {
		decision_add(&request->decision, "dialog", "no-signed-route", NULL,
			     "a To tag, but no Route that we signed");
		return REASON_UNKNOWN_DIALOG;
	}
	return REASON_NONE;
}

/* Inside a dialog the next Route, or the Request-URI, says where to; the rule of that end says
 * with which certificate and whom to trust. Towards a backend it is the backend whatever the
 * URI says: a partner must not be able to aim us at other hosts of the lan. */
static void aim_inside_dialog(struct request *request, const struct rule *rule)
{
	const url_t *url = request->sip->sip_route ? request->sip->sip_route->r_url
						   : request->sip->sip_request->rq_url;
	struct target target;

	request_add_target(request, rule);
	if (rule->backend || !locate_target_from_uri(url, rule, &target) ||
	    request_is_server_of(rule, &target) || !request_may_follow(rule, &target))
		return;
	target.by_uri = true;
	target.rule = rule;
	target_copy(&request->targets[0], &target);
}

/* Of a domain without a route the token holds nothing but the hash of its name, which stands in
 * From or To. */
static const struct rule *find_open_end(const struct request *request, uint64_t end)
{
	const url_t *urls[] = { request->sip->sip_from->a_url, request->sip->sip_to->a_url };
	char user[256], domain[256], id[272];
	size_t i;

	for (i = 0; i < COUNT(urls); i++) {
		if (!message_uri_parts(urls[i], user, sizeof(user), domain, sizeof(domain)))
			continue;
		(void)snprintf(id, sizeof(id), "partner:%s", domain);
		if (record_route_end(request->server->keys, id) == end)
			return snapshot_rule(request->snapshot, id);
	}
	return NULL;
}

static const struct rule *find_end(const struct request *request, uint64_t end)
{
	const struct rule *rule = rules_by_hash(request->snapshot->rules, end);

	if (rule || !request->snapshot->settings->federation.is_open)
		return rule;
	return find_open_end(request, end);
}

/* Which end is the other one: the callee, if the caller sent it. */
static bool is_callee_other(const struct request *request,
			    const struct record_route_token *token)
{
	const struct record_route_keys *keys = request->server->keys;
	const uint64_t own = record_route_end(keys, request->origin.id);

	if (!is_end(request, token->caller))
		return false;
	if (!is_end(request, token->callee))
		return true;
	/* One user with two phones: they differ by their flows. */
	if (request->origin.kind == ORIGIN_PHONE)
		return !phone_is_token_flow(keys, request->arrival->flow, &token->callee_flow);
	/* Two backends in one dialog: the one that did not send is the other end. */
	return token->callee != own;
}

static enum reason route_to_end(struct request *request, uint64_t end, const struct rule **out)
{
	const struct rule *rule = find_end(request, end);

	if (!rule) {
		decision_add(&request->decision, "route", "dialog", NULL,
			     "the other end of the dialog is not configured any more");
		return REASON_NO_ROUTE;
	}
	if (open_partner_is_blocked(request->server, rule)) {
		decision_add(&request->decision, "route", "open-federation",
			     request_place_of(rule), "%.80s was blocked", rule->id);
		return REASON_PARTNER_BLOCKED;
	}
	aim_inside_dialog(request, rule);
	decision_add(&request->decision, "route", "dialog", request_place_of(rule),
		     "inside a dialog with %.80s", rule->id);
	*out = rule;
	return REASON_NONE;
}

enum reason request_route_inside_dialog(struct request *request)
{
	const struct record_route_token *token = &request->route.token;
	const bool is_to_callee = is_callee_other(request, token);
	const uint64_t end = is_to_callee ? token->callee : token->caller;
	const struct token_flow *flow =
		is_to_callee ? &token->callee_flow : &token->caller_flow;
	const struct rule *rule;
	enum reason reason;

	request->is_to_callee = is_to_callee;
	if (flow->is_set)
		reason = request_phone_inside_dialog(request, end, flow);
	else
		reason = route_to_end(request, end, &rule);
	if (reason)
		return reason;
	request->needs_record_route =
		request_makes_dialog(decision_text(&request->decision, DECISION_METHOD));
	return flow->is_set ? REASON_NONE : request_check_services(request, rule);
}

enum reason request_route_of_ours(struct request *request, uint64_t end)
{
	static const struct token_flow unknown;
	const struct rule *rule;

	/* Of a phone the call knows no flow: it is where it has registered that contact. */
	if (!find_end(request, end))
		return request_phone_inside_dialog(request, end, &unknown);
	return route_to_end(request, end, &rule);
}
