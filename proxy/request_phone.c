#include "proxy/request_phone.h"

#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/phone.h"
#include "proxy/sip/uri.h"
#include "routing/location.h"

enum { MAX_USERS_OF_FLOW = 8 };

static struct location *location_of(const struct request *request)
{
	return request->server->location;
}

/* Where phones come in by that name; NULL: it is no more. */
static struct listener *find_listener(const struct snapshot *snapshot, const char *name)
{
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++)
		if (snapshot->open_listeners[i]->network == NETWORK_REMOTE &&
		    !strcmp(snapshot->open_listeners[i]->name, name))
			return snapshot->open_listeners[i];
	return NULL;
}

static struct listener *find_token_listener(const struct request *request, uint32_t hash)
{
	const struct snapshot *snapshot = request->snapshot;
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++)
		if (snapshot->open_listeners[i]->network == NETWORK_REMOTE &&
		    record_route_listener(request->server->keys,
					  snapshot->open_listeners[i]->name) == hash)
			return snapshot->open_listeners[i];
	return NULL;
}

/* ---- targets ---- */

static void add_flow(struct target *target, struct listener *listener,
		     const struct phone_flow *flow)
{
	struct target_flow *to = &target->flows[target->n_flows];

	if (target->n_flows == TARGET_MAX_FLOWS)
		return;
	to->id = flow->id;
	to->listener = listener;
	to->remote = flow->remote;
	to->local = flow->local;
	target->n_flows++;
}

static struct target *add_target(struct request *request, enum aim_home home, const char *id)
{
	struct target *target = &request->targets[request->n_targets];

	target_set_rule(target, rules_phones(request->snapshot->rules));
	target->end = record_route_end(request->server->keys, id);
	aim_set(&request->aims[request->n_targets++], home, 0);
	if (request->n_targets == 1)
		decision_set(&request->decision, DECISION_DESTINATION, id);
	return target;
}

static void note(struct request *request, const char *rule, const struct phone_flow *flow,
		 const char *contact)
{
	char remote[ADDR_TEXT_SIZE];

	decision_add(&request->decision, "route", rule, NULL,
		     "phone of '%.40s' at %s %s, listener %.40s: %.60s", request->to_user,
		     conf_transport_text(flow->transport), addr_text(&flow->remote, remote),
		     flow->listener, contact);
}

/* ---- those that are registered ---- */

static bool is_same_flow(const struct phone_flow *a, const struct phone_flow *b)
{
	if (a->id || b->id)
		return a->id == b->id;
	return addr_equal(&a->remote, &b->remote) && !strcmp(a->listener, b->listener);
}

/* It came by that one: a user who calls itself wants its other phones. */
static bool is_senders(const struct request *request, const struct phone_flow *flow)
{
	struct phone_flow own;

	if (request->origin.kind != ORIGIN_PHONE || !request->arrival->flow)
		return false;
	phone_flow_of(request->arrival->flow, &own);
	return is_same_flow(&own, flow);
}

/* The target of an instance, which has one already; NULL: it has none, or says nothing of
 * itself. */
static struct target *find_instance(struct request *request, const struct binding *bindings,
				    size_t i, const size_t *target_of)
{
	size_t k;

	for (k = 0; *bindings[i].instance && k < i; k++)
		if (target_of[k] != SIZE_MAX &&
		    !strcmp(bindings[k].instance, bindings[i].instance))
			return &request->targets[target_of[k]];
	return NULL;
}

void request_phone_ask(struct request *request)
{
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n = location_phones(location_of(request), request->to_user, request->to_domain,
				   request->now_ms, bindings);
	size_t target_of[LOCATION_MAX_BINDINGS], i;
	struct location_name name;
	char id[PHONE_ID_SIZE];

	if (!n)
		return;
	text_copy(name.user, sizeof(name.user), request->to_user);
	text_copy(name.domain, sizeof(name.domain), request->to_domain);
	for (i = 0; i < n && phone_id(&name, id); i++) {
		struct listener *listener =
			find_listener(request->snapshot, bindings[i].flow.listener);
		struct target *target;

		target_of[i] = SIZE_MAX;
		if (!listener || is_senders(request, &bindings[i].flow) ||
		    request->n_targets == REQUEST_MAX_PARALLEL)
			continue;
		target = find_instance(request, bindings, i, target_of);
		if (!target) {
			target_of[i] = request->n_targets;
			target = add_target(request, AIM_BOUND, id);
			text_copy(request->aims[target_of[i]].request_uri,
				  sizeof(request->aims[0].request_uri), bindings[i].contact);
		}
		add_flow(target, listener, &bindings[i].flow);
		note(request, "phone", &bindings[i].flow, bindings[i].contact);
	}
}

/* ---- inside a dialog ---- */

static bool is_name_of(const struct request *request, const struct location_name *name,
		       uint64_t end)
{
	char id[PHONE_ID_SIZE];

	return phone_id(name, id) && record_route_end(request->server->keys, id) == end;
}

/* Of the end the token holds nothing but a hash: its name stands in From or To, or it has
 * registered by that flow. */
static bool find_name(const struct request *request, uint64_t end,
		      const struct phone_flow *flow, struct location_name *out)
{
	const sip_t *sip = request->arrival->sip;
	const url_t *urls[] = { sip->sip_from->a_url, sip->sip_to->a_url };
	struct location_name names[MAX_USERS_OF_FLOW];
	size_t n, i;

	n = flow->id || addr_is_set(&flow->remote)
		    ? location_phone_users(location_of(request), flow, request->now_ms, names,
					   COUNT(names) - COUNT(urls))
		    : 0;
	for (i = 0; i < COUNT(urls); i++)
		if (message_uri_parts(urls[i], names[n].user, sizeof(names[n].user),
				      names[n].domain, sizeof(names[n].domain)))
			n++;
	for (i = 0; i < n; i++)
		if (is_name_of(request, &names[i], end)) {
			*out = names[i];
			return true;
		}
	return false;
}

static bool is_contact(const struct request *request, const char *contact)
{
	const url_t *url = uri_parse(msg_home(request->arrival->msg), contact);

	return url && uri_equal(url, request->sip->sip_request->rq_url);
}

/* The flows of the contact that the request is for, if the phone has moved since the dialog
 * began. */
static void add_moved(struct request *request, const struct location_name *name,
		      const struct phone_flow *before, struct target *target)
{
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n = location_phones(location_of(request), name->user, name->domain,
				   request->now_ms, bindings),
	       i;

	for (i = 0; i < n && (before->id || addr_is_set(&before->remote)); i++)
		if (is_same_flow(&bindings[i].flow, before))
			return; /* it is where it was */
	for (i = 0; i < n; i++) {
		struct listener *listener =
			find_listener(request->snapshot, bindings[i].flow.listener);

		if (!listener || !is_contact(request, bindings[i].contact))
			continue;
		add_flow(target, listener, &bindings[i].flow);
		note(request, "moved", &bindings[i].flow, bindings[i].contact);
	}
}

enum reason request_phone_inside_dialog(struct request *request, uint64_t end,
					const struct token_flow *token)
{
	struct listener *listener =
		token->is_set ? find_token_listener(request, token->listener) : NULL;
	struct phone_flow flow = { .id = token->id,
				   .remote = token->remote,
				   .local = token->local };
	struct location_name name = { "", "" };
	char id[PHONE_ID_SIZE] = "phones";
	struct target *target;

	if (listener) {
		flow.transport = listener->transport;
		text_copy(flow.listener, sizeof(flow.listener), listener->name);
	}
	if (find_name(request, end, &flow, &name))
		(void)phone_id(&name, id);
	text_copy(request->to_user, sizeof(request->to_user), name.user);
	target = add_target(request, AIM_ROUTE, id);
	target->end = end;
	if (*name.user)
		add_moved(request, &name, &flow, target);
	if (!target->n_flows && listener) {
		add_flow(target, listener, &flow);
		note(request, "dialog", &flow, "the flow of the dialog");
	}
	if (target->n_flows)
		return REASON_NONE;
	request->n_targets = 0;
	decision_add(&request->decision, "route", "dialog", NULL,
		     "no flow of the phone is known any more");
	return REASON_FLOW_FAILED;
}

/* ---- from a backend ---- */

static bool is_for_phone(const struct request *request)
{
	const struct settings *settings = request->snapshot->settings;
	const sip_t *sip = request->arrival->sip;
	const url_t *url = sip->sip_request->rq_url;
	struct binding bindings[LOCATION_MAX_BINDINGS];
	struct record_route_token token;
	char user[256], domain[256];

	if (request->is_inside_dialog)
		return sip->sip_route && sip->sip_call_id &&
		       record_route_verify(request->server->keys, sip->sip_route->r_url,
					   sip->sip_call_id->i_id,
					   &token) == RECORD_ROUTE_VALID &&
		       (token.caller_flow.is_set || token.callee_flow.is_set);
	if (!message_uri_parts(url, user, sizeof(user), domain, sizeof(domain)))
		return false;
	if ((self_names_has(request->snapshot->self_names, url, NULL) ||
	     url->url_type == url_tel) &&
	    settings->n_domains)
		text_copy(domain, sizeof(domain), settings->domains[0].name);
	return location_phones(location_of(request), user, domain, request->now_ms, bindings) >
	       0;
}

void request_phone_from_backend(struct request *request)
{
	struct origin *origin = &request->origin;

	if (!origin->backend || request->arrival->flow->listener->network != NETWORK_LAN ||
	    !is_for_phone(request))
		return;
	origin->kind = ORIGIN_BACKEND;
	origin->reason = REASON_NONE;
	origin->rule = "backend-to-phone";
	text_copy(origin->id, sizeof(origin->id), "backend:");
	text_copy(origin->id + strlen("backend:"), sizeof(origin->id) - strlen("backend:"),
		  origin->backend->name);
	request->only_phones = true;
}

/* ---- failures ---- */

void request_phone_hop_failed(struct server *server, const struct hop *hop, enum reason reason)
{
	struct phone_flow flow = { .id = hop->flow_id,
				   .transport = hop->transport,
				   .remote = hop->remote };
	char peer[ADDR_TEXT_SIZE];

	if (reason != REASON_CONNECTION_LOST && reason != REASON_CONNECT_REFUSED &&
	    reason != REASON_CONNECT_UNREACHABLE)
		return;
	text_copy(flow.listener, sizeof(flow.listener), hop->listener->name);
	if (location_phone_flow_gone(server->location, &flow))
		log_event(LOG_INFO, "the flow of a phone is gone", "peer",
			  addr_text(&hop->remote, peer), "listener", hop->listener->name,
			  "transport", conf_transport_text(hop->transport), "reason",
			  reason_code(reason), NULL);
}
