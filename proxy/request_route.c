#include "proxy/request_route.h"

#include <stdio.h>
#include <string.h>

#include "federation/discovered.h"
#include "federation/screen.h"
#include "proxy/base/text.h"
#include "proxy/open_partner.h"
#include "proxy/request_home.h"
#include "proxy/phone.h"
#include "proxy/request_phone.h"
#include "proxy/sip/uri.h"

/* ---- what the record and the branch say of a request ---- */

/* "sip:anna@partner.example": the parameters say nothing of whom it is about. */
static void describe_uri(struct decision *decision, enum decision_field field, const url_t *url)
{
	char text[DECISION_URI];
	size_t len;

	len = text_append(text, sizeof(text), 0, url->url_scheme ? url->url_scheme : "sip");
	len = text_append(text, sizeof(text), len, ":");
	len = text_append(text, sizeof(text), len, url->url_user ? url->url_user : "");
	len = text_append(text, sizeof(text), len, url->url_user && url->url_host ? "@" : "");
	text_append(text, sizeof(text), len, url->url_host ? url->url_host : "");
	decision_set(decision, field, text);
}

void request_describe(struct request *request)
{
	struct decision *decision = &request->decision;
	const struct flow *flow = request->arrival->flow;
	const sip_t *sip = request->arrival->sip;
	char source[ADDR_TEXT_SIZE], names[DECISION_CERTIFICATE_NAMES];

	decision_set(decision, DECISION_METHOD, message_method(sip));
	decision->counted_method = counter_method(decision_text(decision, DECISION_METHOD));
	if (sip->sip_call_id)
		decision_set(decision, DECISION_CALL_ID, sip->sip_call_id->i_id);
	if (sip->sip_from)
		describe_uri(decision, DECISION_FROM, sip->sip_from->a_url);
	if (sip->sip_to)
		describe_uri(decision, DECISION_TO, sip->sip_to->a_url);
	if (sip->sip_request)
		describe_uri(decision, DECISION_REQUEST_URI, sip->sip_request->rq_url);
	if (!flow)
		return; /* our own */
	decision_set(decision, DECISION_SOURCE, addr_text(&flow->remote, source));
	decision_set(decision, DECISION_LISTENER, flow->listener->name);
	decision->transport = conf_transport_text(flow->transport);
	if (flow->identity) {
		identity_text(flow->identity, names, sizeof(names));
		decision_set(decision, DECISION_CERTIFICATE, names);
	}
}

/* ---- dialog ---- */

/* The copy that is edited. Without a Route nothing of ours is in it to be taken off, and forward makes its own copy
 * anyway: the message itself serves. */
static enum err take_routes(struct request *request)
{
	struct snapshot *snapshot = request->snapshot;
	const sip_t *sip = request->arrival->sip;

	if (!sip->sip_route && !url_has_param(sip->sip_request->rq_url, "maddr") &&
	    !self_names_has(snapshot->self_names, sip->sip_request->rq_url, NULL)) {
		request->msg = message_ref(request->arrival->msg);
		request->route.token_verdict = RECORD_ROUTE_NONE;
	} else {
		request->msg = message_copy(request->arrival->msg);
		if (!request->msg)
			return ERR_NO_MEMORY;
		enum err err = route_set_take(request->msg, snapshot->self_names,
					      request->server->keys, &request->route);
		if (err)
			return err;
	}
	request->sip = message_sip(request->msg);
	return ERR_OK;
}

/* True if the end of a dialog is the one who sent this: itself, or, as all backends are one house, another backend. */
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
		/* No step towards a ban: 96 bits are not guessed, and after the loss of our key every partner
		 * with calls would be banned for ending them. */
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

/* ---- route ---- */

/* Methods that begin a dialog, or may (RFC 6665 §4.3: NOTIFY too). */
static bool makes_dialog(const char *method)
{
	static const char *const no_dialog[] = { "MESSAGE", "PUBLISH", "OPTIONS", "REGISTER",
						 "INFO",    "BYE",     "PRACK",	  "ACK" };
	size_t i;

	for (i = 0; i < COUNT(no_dialog); i++)
		if (!strcmp(method, no_dialog[i]))
			return false;
	return true;
}

/* A partner may be closed for the service in the direction outwards, too. */
static enum reason check_services(struct request *request, const struct rule *rule)
{
	const enum screen_way way = request->is_inside_dialog ? SCREEN_DIALOG : SCREEN_OUT;
	const char *what = "";

	if (request->is_ack || screen_is_open(rule->route, way))
		return REASON_NONE;
	if (screen_check(rule->route, way, screen_services(request->msg), &what) == REASON_NONE)
		return REASON_NONE;
	decision_add(&request->decision, "screen", "services", &rule->route->place,
		     "%s is not sent to %.80s", what, rule->id);
	return REASON_SERVICE_NOT_ALLOWED;
}

static void add_target(struct request *request, const struct rule *rule)
{
	aim_set(&request->aims[request->n_targets], AIM_ROUTE, 0);
	target_set_rule(&request->targets[request->n_targets++], rule);
	if (request->n_targets > 1)
		return;
	decision_set(&request->decision, DECISION_DESTINATION, rule->id);
	request->decision.is_found = rule->federation != NULL;
}

static const struct place *place_of(const struct rule *rule)
{
	return rule->route ? &rule->route->place : rule->backend ? &rule->backend->place : NULL;
}

/* True if the URI names one of the rule's own servers: then the rule says more of it than the URI. */
static bool is_server_of(const struct rule *rule, const struct target *target)
{
	struct addr addr;
	size_t i;

	if (rule->route && !strcmp(rule->route->domain, target->host))
		return true;
	for (i = 0; i < rule->n_servers; i++) {
		const struct rule_server *server = &rule->servers[i];

		if (!strcmp(server->host, target->host))
			return true;
		if (addr_is_set(&server->addr) && !addr_parse(target->host, 0, &addr) &&
		    addr_same_host(&server->addr, &addr))
			return true;
	}
	return false;
}

static bool is_tls_only(const struct rule *rule)
{
	size_t i;


	for (i = 0; i < rule->n_servers; i++)
		if (rule->servers[i].transport != TRANSPORT_TLS &&
		    rule->servers[i].transport != TRANSPORT_MTLS)
			return false;
	return true;
}

/* A partner writes its Contact and Record-Route itself. With TLS the certificate proves who is at the place that they name;
 * without, only an address on the internet is followed: never one of our own networks, and no name, which may lead there. */
static bool may_follow(const struct rule *rule, const struct target *target)
{
	struct addr addr;

	if (is_tls_only(rule))
		return true;
	return !addr_parse(target->host, 0, &addr) && !addr_is_private(&addr);
}

/* Inside a dialog the next Route, or the Request-URI, says where to; the rule of that end says with which certificate and
 * whom to trust. Towards a backend it is the backend whatever the URI says: a partner must not be able to aim us at
 * other hosts of the lan. */
static void aim_inside_dialog(struct request *request, const struct rule *rule)
{
	const url_t *url = request->sip->sip_route ? request->sip->sip_route->r_url :
						     request->sip->sip_request->rq_url;
	struct target target;

	add_target(request, rule);
	if (rule->backend || !locate_target_from_uri(url, rule, &target) ||
	    is_server_of(rule, &target) || !may_follow(rule, &target))
		return;
	target.by_uri = true;
	target.rule = rule;
	target_copy(&request->targets[0], &target);
}

/* Of a domain without a route the token holds nothing but the hash of its name, which stands in From or To. */
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
static bool is_callee_other(const struct request *request, const struct record_route_token *token)
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
		decision_add(&request->decision, "route", "open-federation", place_of(rule), "%.80s was blocked", rule->id);
		return REASON_PARTNER_BLOCKED;
	}
	aim_inside_dialog(request, rule);
	decision_add(&request->decision, "route", "dialog", place_of(rule),
		     "inside a dialog with %.80s", rule->id);
	*out = rule;
	return REASON_NONE;
}

static enum reason route_inside_dialog(struct request *request)
{
	const struct record_route_token *token = &request->route.token;
	const bool is_to_callee = is_callee_other(request, token);
	const uint64_t end = is_to_callee ? token->callee : token->caller;
	const struct token_flow *flow = is_to_callee ? &token->callee_flow : &token->caller_flow;
	const struct rule *rule;
	enum reason reason;

	if (flow->is_set)
		reason = request_phone_inside_dialog(request, end, flow);
	else
		reason = route_to_end(request, end, &rule);
	if (reason)
		return reason;
	request->needs_record_route = makes_dialog(decision_text(&request->decision, DECISION_METHOD));
	return flow->is_set ? REASON_NONE : check_services(request, rule);
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

/* A domain without a route: open federation looks for it by DNS. */
static enum reason route_open(struct request *request)
{
	const struct settings *settings = request->snapshot->settings;
	const struct place *place = &settings->federation.place;
	struct discovered_view view;
	const struct rule *rule;

	if (!settings->federation.is_open) {
		decision_add(&request->decision, "route", "partners", NULL, "%.80s has no route", request->to_domain);
		return REASON_NO_ROUTE;
	}
	if (!trust_may_federate(settings, request->to_domain)) {
		decision_add(&request->decision, "route", "open-federation", place,
			     "%.80s has no route, and federation.allow and deny exclude it", request->to_domain);
		return REASON_PARTNER_NOT_ALLOWED;
	}
	if (discovered_look(request->server->discovered, request->to_domain, request->now_ms, &view) &&
	    view.state == DISCOVERED_BLOCKED) {
		decision_add(&request->decision, "route", "open-federation", place, "%.80s was blocked: %.80s",
			     request->to_domain, view.note);
		return REASON_PARTNER_BLOCKED;
	}
	rule = open_routes_get(request->snapshot->open_routes, request->to_domain, OPEN_ROUTES_OUT);
	if (!rule)
		return REASON_OVERLOAD;
	add_target(request, rule);
	decision_add(&request->decision, "route", "open-federation", place, "_sipfederationtls._tcp.%.80s",
		     request->to_domain);
	return check_services(request, rule);
}

static enum reason route_foreign(struct request *request)
{
	const struct rule *rule = NULL;

	if (request->origin.kind != ORIGIN_BACKEND && request->origin.kind != ORIGIN_PHONE) {
		decision_add(&request->decision, "route", "no-relay", NULL,
			     "%.80s is not a domain of ours, and %.60s no user of ours",
			     request->to_domain, request->origin.id);
		return REASON_NO_RELAY;
	}
	switch (rules_find(request->snapshot->rules, request->to_domain, &rule)) {
	case RULES_FOUND:
		break;
	case RULES_NONE:
		return route_open(request);
	case RULES_DISABLED:
		decision_add(&request->decision, "route", "partners",
			     rule ? place_of(rule) : NULL, "the route of %.80s is disabled",
			     request->to_domain);
		return REASON_ROUTE_DISABLED;
	case RULES_ALL_OFF:
		decision_add(&request->decision, "route", "partners",
			     &request->snapshot->settings->partners.place,
			     "partners.enabled is false");
		return REASON_PARTNERS_SWITCHED_OFF;
	}
	/* RFC 3261 §26.2.2: sips asks for TLS on each hop up to the domain that it names. */
	if (request->sip->sip_request->rq_url->url_type == url_sips && !is_tls_only(rule)) {
		decision_add(&request->decision, "route", "sips", place_of(rule),
			     "a sips URI, but %.80s is not reached by TLS", request->to_domain);
		return REASON_URI_SCHEME;
	}
	add_target(request, rule);
	decision_add(&request->decision, "route", "partners", place_of(rule), "%.80s -> %.60s:%u",
		     request->to_domain, rule->servers[0].host, rule->servers[0].port);
	return check_services(request, rule);
}

/* A domain of ours, or a partner's. A user at our own address, or a telephone number, is a user of our first domain. */
static enum reason route_domain(struct request *request, bool is_us)
{
	const struct settings *settings = request->snapshot->settings;
	enum reason reason = phone_check_class(request, request->sip->sip_request->rq_url);

	if (reason)
		return reason;
	if ((is_us || request->sip->sip_request->rq_url->url_type == url_tel) && settings->n_domains)
		text_copy(request->to_domain, sizeof(request->to_domain), settings->domains[0].name);
	if (rules_is_local_domain(request->snapshot->rules, request->to_domain))
		return request_home(request);
	return request->only_phones ? REASON_FOREIGN_DOMAIN_FROM_INSIDE : route_foreign(request);
}

/* OPTIONS to us: no user, our own host or domain; or with no hop left (RFC 3261 §11). */
static enum reason answer_for_us(struct request *request)
{
	if (strcmp(decision_text(&request->decision, DECISION_METHOD), "OPTIONS")) {
		decision_add(&request->decision, "route", "ourselves", NULL,
			     "the Request-URI names no user");
		return REASON_METHOD;
	}
	/* We are its UAS, and support no extension (RFC 3261 §8.2.2.3). */
	request->refused_header = message_header(request->arrival->msg, "Require");
	if (request->refused_header) {
		decision_add(&request->decision, "route", "require", NULL, "%.80s", request->refused_header);
		return REASON_EXTENSION_UNSUPPORTED;
	}
	request->is_for_us = true;
	decision_add(&request->decision, "route", "ourselves", NULL, "OPTIONS for ourselves");
	return REASON_NONE;
}

/* Routes that are left outside of any dialog: our own servers may send by them. Whoever else sends would make a backend
 * relay for it: only a Route that names one of our domains, which led here, is taken off. */
static bool check_routes(struct request *request)
{
	char user[256], host[256];

	while (request->origin.kind != ORIGIN_BACKEND && request->sip->sip_route) {
		if (!message_uri_parts(request->sip->sip_route->r_url, user, sizeof(user), host,
				       sizeof(host)) ||
		    !rules_is_local_domain(request->snapshot->rules, host)) {
			decision_add(&request->decision, "route", "no-relay", NULL,
				     "a Route leads elsewhere");
			return false;
		}
		message_pop_route(request->msg);
	}
	return true;
}

enum reason request_route(struct request *request)
{
	const url_t *url = request->sip->sip_request->rq_url;
	const sip_t *sip = request->sip;
	bool is_us;

	if (request->log_on || request->phone)
		return REASON_NONE; /* the registrar's */
	if (!message_uri_parts(url, request->to_user, sizeof(request->to_user),
			       request->to_domain, sizeof(request->to_domain)))
		return REASON_URI_SCHEME;
	if (request->route.token_verdict == RECORD_ROUTE_VALID)
		return route_inside_dialog(request);

	if (!check_routes(request))
		return REASON_NO_RELAY;
	is_us = self_names_has(request->snapshot->self_names, url, NULL);
	if ((is_us || rules_is_local_domain(request->snapshot->rules, request->to_domain)) &&
	    !*request->to_user && url->url_type != url_tel)
		return answer_for_us(request);
	if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count)
		return !strcmp(decision_text(&request->decision, DECISION_METHOD), "OPTIONS") ? answer_for_us(request) :
								      REASON_TOO_MANY_HOPS;
	if (!strcmp(decision_text(&request->decision, DECISION_METHOD), "REGISTER"))
		return REASON_METHOD; /* only backends and phones register with us, and that by log-on */
	request->needs_record_route = makes_dialog(decision_text(&request->decision, DECISION_METHOD));
	return route_domain(request, is_us);
}

/* Another server of a partner that redirects to it: no domain of its own, but inside the partner's, or an address that may be
 * followed as inside a dialog. What answers there must be that partner. */
static bool aim_beside(struct request *request, const struct rule *by)
{
	const char *domain = text_starts_with(by->route->domain, "*.") ? by->route->domain + 2 : by->route->domain;
	const struct rule *ignored;
	struct target target;
	struct addr addr;

	if (rules_find(request->snapshot->rules, request->to_domain, &ignored) != RULES_NONE ||
	    !locate_target_from_uri(request->sip->sip_request->rq_url, by, &target))
		return false;
	if (!is_server_of(by, &target) && !text_domain_holds(domain, target.host) &&
	    (addr_parse(target.host, 0, &addr) || !may_follow(by, &target)))
		return false;
	add_target(request, by);
	if (is_server_of(by, &target))
		return true;
	target.is_public_only = !is_tls_only(by);
	target_copy(&request->targets[request->n_targets - 1], &target);
	return true;
}

enum reason request_route_redirected(struct request *request, const struct rule *by)
{
	const url_t *url = request->sip->sip_request->rq_url;
	bool is_us;

	if (!message_uri_parts(url, request->to_user, sizeof(request->to_user), request->to_domain,
			       sizeof(request->to_domain)))
		return REASON_URI_SCHEME;
	is_us = self_names_has(request->snapshot->self_names, url, NULL);
	if (is_us || rules_is_local_domain(request->snapshot->rules, request->to_domain))
		return *request->to_user ? route_domain(request, is_us) : REASON_UNKNOWN_USER;
	if (request->origin.kind == ORIGIN_BACKEND && aim_beside(request, by))
		return check_services(request, by);
	return route_domain(request, false);
}
