#include "proxy/request_route.h"

#include <string.h>

#include "federation/discovered.h"
#include "proxy/base/text.h"
#include "proxy/open_partner.h"
#include "proxy/phone.h"
#include "proxy/request_dialog.h"
#include "proxy/request_home.h"
#include "proxy/request_target.h"
#include "proxy/sip/uri.h"

/* ---- what the record and the branch say of a request ---- */

/* "sip:anna@partner.example": the parameters say nothing of whom it is about. */
static void describe_uri(struct decision *decision, enum decision_field field, const url_t *url)
{
	const char *const texts[] = { url->url_scheme ? url->url_scheme : "sip", ":",
				      url->url_user ? url->url_user : "",
				      url->url_user && url->url_host ? "@" : "",
				      url->url_host ? url->url_host : "" };

	decision_join(decision, field, texts, COUNT(texts));
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

/* ---- route ---- */

/* A domain without a route: open federation looks for it by DNS. */
static enum reason route_open(struct request *request)
{
	const struct settings *settings = request->snapshot->settings;
	const struct place *place = &settings->federation.place;
	struct discovered_view view;
	const struct rule *rule;

	if (!settings->federation.is_open) {
		decision_add(&request->decision, "route", "partners", NULL,
			     "%.80s has no route", request->to_domain);
		return REASON_NO_ROUTE;
	}
	if (!trust_may_federate(settings, request->to_domain)) {
		decision_add(&request->decision, "route", "open-federation", place,
			     "%.80s has no route, and federation.allow and deny exclude it",
			     request->to_domain);
		return REASON_PARTNER_NOT_ALLOWED;
	}
	if (discovered_look(request->server->discovered, request->to_domain, request->now_ms,
			    &view) &&
	    view.state == DISCOVERED_BLOCKED) {
		decision_add(&request->decision, "route", "open-federation", place,
			     "%.80s was blocked: %.80s", request->to_domain, view.note);
		return REASON_PARTNER_BLOCKED;
	}
	rule = open_routes_get(request->snapshot->open_routes, request->to_domain,
			       OPEN_ROUTES_OUT);
	if (!rule)
		return REASON_OVERLOAD;
	request_add_target(request, rule);
	decision_add(&request->decision, "route", "open-federation", place,
		     "_sipfederationtls._tcp.%.80s", request->to_domain);
	return request_check_services(request, rule);
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
			     rule ? request_place_of(rule) : NULL,
			     "the route of %.80s is disabled", request->to_domain);
		return REASON_ROUTE_DISABLED;
	case RULES_ALL_OFF:
		decision_add(&request->decision, "route", "partners",
			     &request->snapshot->settings->partners.place,
			     "partners.enabled is false");
		return REASON_PARTNERS_SWITCHED_OFF;
	}
	/* RFC 3261 §26.2.2: sips asks for TLS on each hop up to the domain that it names. */
	if (request->sip->sip_request->rq_url->url_type == url_sips &&
	    !request_is_tls_only(rule)) {
		decision_add(&request->decision, "route", "sips", request_place_of(rule),
			     "a sips URI, but %.80s is not reached by TLS", request->to_domain);
		return REASON_URI_SCHEME;
	}
	request_add_target(request, rule);
	decision_add(&request->decision, "route", "partners", request_place_of(rule),
		     "%.80s -> %.60s:%u", request->to_domain, rule->servers[0].host,
		     rule->servers[0].port);
	return request_check_services(request, rule);
}

/* A domain of ours, or a partner's. A user at our own address, or a telephone number, is a user
 * of our first domain. */
static enum reason route_domain(struct request *request, bool is_us)
{
	const struct settings *settings = request->snapshot->settings;
	enum reason reason = phone_check_class(request, request->sip->sip_request->rq_url);

	if (reason)
		return reason;
	if ((is_us || request->sip->sip_request->rq_url->url_type == url_tel) &&
	    settings->n_domains)
		text_copy(request->to_domain, sizeof(request->to_domain),
			  settings->domains[0].name);
	if (rules_is_local_domain(request->snapshot->rules, request->to_domain))
		return request_home(request);
	return request->only_phones ? REASON_FOREIGN_DOMAIN_FROM_INSIDE
				    : route_foreign(request);
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
		decision_add(&request->decision, "route", "require", NULL, "%.80s",
			     request->refused_header);
		return REASON_EXTENSION_UNSUPPORTED;
	}
	request->is_for_us = true;
	decision_add(&request->decision, "route", "ourselves", NULL, "OPTIONS for ourselves");
	return REASON_NONE;
}

/* Routes that are left outside of any dialog: our own servers may send by them. Whoever else
 * sends would make a backend relay for it: only a Route that names one of our domains, which
 * led here, is taken off. */
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
		return request_route_inside_dialog(request);

	if (!check_routes(request))
		return REASON_NO_RELAY;
	is_us = self_names_has(request->snapshot->self_names, url, NULL);
	if ((is_us || rules_is_local_domain(request->snapshot->rules, request->to_domain)) &&
	    !*request->to_user && url->url_type != url_tel)
		return answer_for_us(request);
	if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count)
		return !strcmp(decision_text(&request->decision, DECISION_METHOD), "OPTIONS")
			       ? answer_for_us(request)
			       : REASON_TOO_MANY_HOPS;
	if (!strcmp(decision_text(&request->decision, DECISION_METHOD), "REGISTER"))
		/* only backends and phones register with us, and that by log-on */
		return REASON_METHOD;
	request->needs_record_route =
		request_makes_dialog(decision_text(&request->decision, DECISION_METHOD));
	return route_domain(request, is_us);
}

/* Another server of a partner that redirects to it: no domain of its own, but inside the
 * partner's, or an address that may be followed as inside a dialog. What answers there must be
 * that partner. */
static bool aim_beside(struct request *request, const struct rule *by)
{
	const char *domain = text_starts_with(by->route->domain, "*.") ? by->route->domain + 2
								       : by->route->domain;
	const struct rule *ignored;
	struct target target;
	struct addr addr;

	if (rules_find(request->snapshot->rules, request->to_domain, &ignored) != RULES_NONE ||
	    !locate_target_from_uri(request->sip->sip_request->rq_url, by, &target))
		return false;
	if (!request_is_server_of(by, &target) && !text_domain_holds(domain, target.host) &&
	    (addr_parse(target.host, 0, &addr) || !request_may_follow(by, &target)))
		return false;
	request_add_target(request, by);
	if (request_is_server_of(by, &target))
		return true;
	target.is_public_only = !request_is_tls_only(by);
	target_copy(&request->targets[request->n_targets - 1], &target);
	return true;
}

enum reason request_route_redirected(struct request *request, const struct rule *by)
{
	const url_t *url = request->sip->sip_request->rq_url;
	bool is_us;

	if (!message_uri_parts(url, request->to_user, sizeof(request->to_user),
			       request->to_domain, sizeof(request->to_domain)))
		return REASON_URI_SCHEME;
	is_us = self_names_has(request->snapshot->self_names, url, NULL);
	if (is_us || rules_is_local_domain(request->snapshot->rules, request->to_domain))
		return *request->to_user ? route_domain(request, is_us) : REASON_UNKNOWN_USER;
	if (request->origin.kind == ORIGIN_BACKEND && aim_beside(request, by))
		return request_check_services(request, by);
	return route_domain(request, false);
}
