#include "federation/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "federation/discovered.h"
#include "federation/trust_backends.h"
#include "proxy/base/domain_map.h"
#include "proxy/base/text.h"

enum { ID_SIZE = 272 };

struct partner {
	const struct settings_route *route;
	bool by_certificate_only; /* every server is reached by mtls */
	bool has_names; /* of servers whose addresses may be looked up and are a proof */
	char id[ID_SIZE];
};

struct trust {
	const struct settings *settings;
	struct peer_addresses *addresses;
	struct domain_map *own, *by_domain;
	struct partner *partners;
	struct trust_backends *backends;
};

struct trust *trust_free(struct trust *trust)
{
	if (!trust)
		return NULL;
	domain_map_free(trust->own);
	domain_map_free(trust->by_domain);
	free(trust->partners);
	trust_backends_free(trust->backends);
	free(trust);
	return NULL;
}

static enum err add_partner(struct trust *trust, struct partner *partner)
{
	const struct settings_route *route = partner->route;
	bool has_mtls = false, has_other = false, has_names = false;

	for (size_t i = 0; i < route->n_servers; i++) {
		has_mtls |= route->servers[i].transport == TRANSPORT_MTLS;
		has_other |= route->servers[i].transport != TRANSPORT_MTLS;
		has_names |= !addr_is_set(&route->servers[i].addr);
	}
	partner->by_certificate_only = !has_other;
	/* What is known of names is known for the whole peer: were one of its servers an mtls
	 * one, its address would do instead of its certificate. */
	partner->has_names = has_names && !has_mtls;
	(void)snprintf(partner->id, sizeof(partner->id), "partner:%s", route->domain);

	enum err err = domain_map_put(trust->by_domain, route->domain, partner);
	return err == ERR_EXISTS ? ERR_OK : err; /* conf has reported it */
}

static enum err compile(struct trust *trust)
{
	const struct settings *settings = trust->settings;
	enum err err = ERR_OK;

	for (size_t i = 0; i < settings->n_domains && err == ERR_OK; i++) {
		err = domain_map_put(trust->own, settings->domains[i].name,
				     &settings->domains[i]);
		if (err == ERR_EXISTS)
			err = ERR_OK;
	}
	for (size_t i = 0; i < settings->partners.n_routes && err == ERR_OK; i++) {
		trust->partners[i].route = &settings->partners.routes[i];
		err = add_partner(trust, &trust->partners[i]);
	}
	return err;
}

enum err trust_new(const struct settings *settings, struct peer_addresses *addresses,
		   struct trust **out)
{
	struct trust *trust = calloc(1, sizeof(*trust));
	if (!trust)
		return ERR_NO_MEMORY;

	trust->settings = settings;
	trust->addresses = addresses;
	trust->partners = calloc(settings->partners.n_routes + 1, sizeof(*trust->partners));
	enum err err = trust->partners ? ERR_OK : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = trust_backends_new(settings, addresses, &trust->backends);
	if (err == ERR_OK)
		err = domain_map_new(&trust->own);
	if (err == ERR_OK)
		err = domain_map_new(&trust->by_domain);
	if (err == ERR_OK)
		err = compile(trust);
	if (err != ERR_OK) {
		trust_free(trust);
		return err;
	}
	*out = trust;
	return ERR_OK;
}

static void refuse(struct origin *out, enum reason reason, const char *rule)
{
	out->kind = ORIGIN_STRANGER;
	out->reason = reason;
	out->rule = rule;
}

/* What is too long is cut: it is for people. */
static void tell(struct origin *out, const char *what, const char *value)
{
	size_t len = strlen(what);

	text_copy(out->evidence, sizeof(out->evidence), what);
	text_copy(out->evidence + len, sizeof(out->evidence) - len, " ");
	text_copy(out->evidence + len + 1, sizeof(out->evidence) - len - 1, value);
}

static void tell_address(struct origin *out, const char *what, const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	tell(out, what, addr_host(addr, text));
}

static void tell_certificate(struct origin *out, const struct identity *identity)
{
	char text[200];

	tell(out, "certificate names", identity_text(identity, text, sizeof(text)));
}

/* True if it came from a backend, whatever is to be thought of it then. */
static bool classify_backend(const struct trust *trust, const struct trust_question *question,
			     struct origin *out)
{
	static const struct {
		const char *rule, *what;
	} signs[] = {
		[BACKEND_BY_ADDRESS] = { "backend-address", "address" },
		[BACKEND_BY_CONNECTION] = { "backend-connection", "connection of ours to" },
		[BACKEND_BY_LOG_ON] = { "backend-log-on", "logged on by its connection from" },
	};
	struct backend_found found;

	if (!trust_backends_find(trust->backends, question, out->domain, &found))
		return false;
	out->backend = found.backend;
	tell_address(out, signs[found.sign].what, &question->source);
	if (!found.serves_domain) {
		refuse(out, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "backend-domains");
		return true;
	}
	out->kind = ORIGIN_BACKEND;
	out->rule = signs[found.sign].rule;
	text_copy(out->id, sizeof(out->id), found.id);
	return true;
}

static void accept_partner(const struct partner *partner, enum origin_kind kind,
			   const char *rule, struct origin *out)
{
	out->kind = kind;
	out->rule = rule;
	text_copy(out->id, sizeof(out->id), partner->id);
}

/* One name that would do, of those that may: what the certificate has for it. */
static bool has_name(const struct trust_question *question, const struct settings_route *route,
		     const char *wanted, struct origin *out, bool *has_only_wildcard)
{
	const char *name = NULL;
	bool is_only_wildcard = false;

	if (!identity_matches(question->identity, wanted, route->accepts_wildcard, &name,
			      &is_only_wildcard)) {
		*has_only_wildcard |= is_only_wildcard;
		return false;
	}
	tell(out, "certificate name", name);
	return true;
}

/* Which rule lets the certificate speak for the From domain: it names the domain itself (RFC
 * 5922 §7), or one of the names that the route pins. NULL: none. */
static const char *certificate_rule(const struct trust_question *question,
				    const struct settings_route *route, struct origin *out,
				    bool *has_only_wildcard)
{
	if (has_name(question, route, out->domain, out, has_only_wildcard))
		return "certificate-names-domain";
	for (size_t i = 0; i < route->n_identities; i++)
		if (has_name(question, route, route->identities[i].text, out,
			     has_only_wildcard))
			return "route-pins-name";
	for (size_t i = 0; i < route->n_servers; i++)
		if (!addr_is_set(&route->servers[i].addr) &&
		    has_name(question, route, route->servers[i].host, out, has_only_wildcard))
			return "route-pins-name";
	return NULL;
}

static void refuse_certificate(const struct trust_question *question, bool has_only_wildcard,
			       struct origin *out)
{
	if (!question->identity) {
		refuse(out, REASON_NO_CERTIFICATE, "certificate-names-domain");
		tell_address(out, "no certificate from", &question->source);
		return;
	}
	refuse(out, has_only_wildcard ? REASON_WILDCARD_CERTIFICATE : REASON_IDENTITY_MISMATCH,
	       "certificate-names-domain");
	tell_certificate(out, question->identity);
}

static bool is_server_address(const struct trust *trust, const struct partner *partner,
			      const struct addr *source)
{
	const struct settings_route *route = partner->route;

	for (size_t i = 0; i < route->n_servers; i++)
		if (route->servers[i].transport != TRANSPORT_MTLS &&
		    addr_is_set(&route->servers[i].addr) &&
		    addr_same_host(&route->servers[i].addr, source))
			return true;
	return partner->has_names && peer_addresses_has(trust->addresses, partner->id, source);
}

static void classify_partner(const struct trust *trust, const struct partner *partner,
			     const struct trust_question *question, struct origin *out)
{
	const struct settings_route *route = partner->route;
	bool has_only_wildcard = false;

	out->route = route;
	if (!trust->settings->partners.is_enabled) {
		refuse(out, REASON_PARTNERS_SWITCHED_OFF, "partners-enabled");
		tell(out, "route", route->domain);
		return;
	}
	if (!route->is_enabled) {
		refuse(out, REASON_ROUTE_DISABLED, "route-enabled");
		tell(out, "route", route->domain);
		return;
	}

	const char *rule = question->identity
				   ? certificate_rule(question, route, out, &has_only_wildcard)
				   : NULL;
	if (rule) {
		accept_partner(partner, ORIGIN_PARTNER, rule, out);
		return;
	}
	if (partner->by_certificate_only) {
		refuse_certificate(question, has_only_wildcard, out);
		return;
	}
	tell_address(out, "address", &question->source);
	if (!route->is_trustworthy)
		accept_partner(partner, ORIGIN_PARTNER_UNTRUSTED, "route-not-trustworthy", out);
	else if (is_server_address(trust, partner, &question->source))
		accept_partner(partner, ORIGIN_PARTNER, "address", out);
	else
		refuse(out, REASON_ADDRESS_MISMATCH, "address");
}

/* A server of ours that came by the wrong door: to be told so helps more than to be called a
 * liar. */
static bool refuse_lost_backend(const struct trust *trust,
				const struct trust_question *question, struct origin *out)
{
	struct backend_found found;

	if (!trust_backends_find_address(trust->backends, question, out->domain, &found))
		return false;
	refuse(out, REASON_WRONG_LISTENER, "backend-address");
	tell(out, "the address of backend", found.backend->name);
	return true;
}

/* ---- open federation (field.md G7) ---- */

static void accept_discovered(const char *rule, struct origin *out)
{
	out->kind = ORIGIN_DISCOVERED;
	out->rule = rule;
	(void)snprintf(out->id, sizeof(out->id), "partner:%s", out->domain);
}

/* The certificate names a host that the domain's SRV record leads to, and that host may speak
 * for the domain: it lies inside it, or is a hoster whom we know. That a record leads somewhere
 * is no proof by itself: anybody may point his record at anybody's server. */
static void classify_by_srv(const struct trust *trust, const struct trust_question *question,
			    struct origin *out, bool *has_only_wildcard)
{
	const struct settings_federation *federation = &trust->settings->federation;
	const struct trust_srv *srv = question->srv;
	const char *outside = NULL;

	for (size_t i = 0; i < srv->n; i++) {
		const char *target = srv->targets[i];
		bool is_only_wildcard = false;

		if (!identity_matches(question->identity, target, false, NULL,
				      &is_only_wildcard)) {
			*has_only_wildcard |=
				is_only_wildcard &&
				settings_may_speak(federation, out->domain, target);
			continue;
		}
		if (settings_may_speak(federation, out->domain, target)) {
			tell(out, "certificate and SRV record name", target);
			text_copy(out->server, sizeof(out->server), target);
			accept_discovered(text_domain_holds(out->domain, target) ? "srv-target"
										 : "srv-hoster",
					  out);
			return;
		}
		outside = target;
	}
	if (outside) {
		refuse(out, REASON_SRV_TARGET_OUTSIDE, "srv-target");
		tell(out, "the SRV record leads to", outside);
		return;
	}
	refuse(out, srv->n ? REASON_SRV_ELSEWHERE : REASON_IDENTITY_MISMATCH, "srv-target");
	tell_certificate(out, question->identity);
}

bool trust_may_federate(const struct settings *settings, const char *domain)
{
	const struct settings_federation *federation = &settings->federation;

	for (size_t i = 0; i < settings->n_domains; i++)
		if (strcmp(settings->domains[i].name, domain) == 0)
			return false;
	return federation->is_open &&
	       discovered_is_allowed(federation, domain) == DISCOVERED_ALLOWED;
}

static void classify_open(const struct trust *trust, const struct trust_question *question,
			  struct origin *out)
{
	bool has_only_wildcard = false;
	const char *name = NULL;

	if (!trust_may_federate(trust->settings, out->domain)) {
		refuse(out, REASON_PARTNER_NOT_ALLOWED, "federation-lists");
		tell(out, "federation.allow and deny exclude", out->domain);
		return;
	}
	if (!question->identity) {
		refuse(out, REASON_NO_CERTIFICATE, "open-federation");
		tell_address(out, "no certificate from", &question->source);
		return;
	}
	if (identity_matches(question->identity, out->domain, false, &name,
			     &has_only_wildcard)) {
		tell(out, "certificate name", name);
		accept_discovered("certificate-names-domain", out);
		return;
	}
	if (!question->srv) {
		refuse(out, REASON_IDENTITY_MISMATCH, "srv-target");
		tell_certificate(out, question->identity);
		out->needs_srv = true;
		return;
	}
	switch (question->srv->state) {
	case TRUST_SRV_FOUND:
	case TRUST_SRV_NONE:
		classify_by_srv(trust, question, out, &has_only_wildcard);
		break;
	case TRUST_SRV_FAILED:
		refuse(out, REASON_DNS_FAILED, "srv-target");
		break;
	case TRUST_SRV_TIMEOUT:
		refuse(out, REASON_DNS_TIMEOUT, "srv-target");
		break;
	}
	if (out->kind == ORIGIN_STRANGER && has_only_wildcard &&
	    (out->reason == REASON_IDENTITY_MISMATCH || out->reason == REASON_SRV_ELSEWHERE))
		refuse(out, REASON_WILDCARD_CERTIFICATE, "certificate-names-domain");
}

static void classify_outside(const struct trust *trust, const struct trust_question *question,
			     struct origin *out)
{
	bool is_lan = question->network == NETWORK_LAN;

	if (out->domain[0] == '\0') {
		refuse(out, REASON_STRANGER, "from-domain");
		text_copy(out->evidence, sizeof(out->evidence), "From without a domain");
		return;
	}
	if (domain_map_find(trust->own, out->domain)) {
		if (!is_lan && refuse_lost_backend(trust, question, out))
			return;
		refuse(out, is_lan ? REASON_STRANGER : REASON_OWN_DOMAIN_FROM_OUTSIDE,
		       is_lan ? "backend-address" : "own-domain");
		tell_address(out, is_lan ? "no backend is at" : "address", &question->source);
		return;
	}

	const struct partner *partner = domain_map_find(trust->by_domain, out->domain);
	if (partner) {
		classify_partner(trust, partner, question, out);
		return;
	}
	if (!is_lan && trust->settings->federation.is_open) {
		classify_open(trust, question, out);
		return;
	}
	refuse(out, is_lan ? REASON_STRANGER : REASON_NOT_A_PARTNER, "partner-route");
	tell(out, "no route for", out->domain);
}

void trust_classify(const struct trust *trust, const struct trust_question *question,
		    struct origin *out)
{
	origin_clear(out);
	/* What is no domain stays "": nobody speaks for that. */
	(void)text_domain(question->from_domain, out->domain, sizeof(out->domain));

	if (!classify_backend(trust, question, out))
		classify_outside(trust, question, out);
}
