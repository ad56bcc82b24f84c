#include "routing/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/domain_map.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"
#include "routing/homes.h"
#include "routing/rule_listener.h"

enum { MAX_FOUND_BACKENDS = 64 };

struct hashed_rule {
	UT_hash_handle hh;
	uint64_t id_hash;
	const struct rule *rule;
};

struct rules {
	const struct settings *settings;
	struct rule *rules; /* the routes, then the backends */
	size_t n;
	struct hashed_rule *hashed_array, *hashed; /* the storage, and the table over it */
	struct domain_map *by_domain, *own;
	struct homes *homes;
	struct rule phones;
};

struct rules *rules_free(struct rules *rules)
{
	if (!rules)
		return NULL;
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->rules[i].servers);
		free(rules->rules[i].names);
	}
	HASH_CLEAR(hh, rules->hashed);
	free(rules->hashed_array);
	free(rules->rules);
	domain_map_free(rules->by_domain);
	domain_map_free(rules->own);
	homes_free(rules->homes);
	free(rules);
	return NULL;
}

static bool is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}

/* What of a route or backend is compiled. */
struct source {
	const struct settings_server *servers;
	size_t n_servers;
	const char *kind, *name; /* for the report */
	bool is_in_use;          /* else its faults are nobody's */
};

static enum err add_servers(struct rule *rule, const struct source *source)
{
	size_t n =
		source->n_servers < RULES_MAX_SERVERS ? source->n_servers : RULES_MAX_SERVERS;

	rule->servers = calloc(n + 1, sizeof(*rule->servers));
	if (!rule->servers)
		return ERR_NO_MEMORY;
	for (; rule->n_servers < n; rule->n_servers++) {
		const struct settings_server *from = &source->servers[rule->n_servers];
		struct rule_server *to = &rule->servers[rule->n_servers];
		text_copy(to->host, sizeof(to->host), from->host);
		to->addr = from->addr;
		to->port = from->port;
		to->priority = from->priority;
		to->weight = from->weight;
		to->transport = from->transport;
		to->by_srv = !from->has_port && !addr_is_set(&from->addr);
		to->by_naptr = rule->route && to->by_srv && from->has_preset_transport;
	}
	return ERR_OK;
}

/* Gives each server its listener, and the rule the first one's; a rule without servers keeps
 * its own. */
static void add_listeners(struct rule *rule, const struct source *source,
			  const struct rules_parts *parts, struct report *report)
{
	for (size_t i = 0; i < rule->n_servers; i++) {
		struct rule_server *server = &rule->servers[i];
		server->listener =
			rule->listeners[server->transport][addr_is_ipv6(&server->addr)];
		if (server->listener || !source->is_in_use ||
		    settings_speaker(parts->settings, server->transport))
			/* one that is switched off is a warning, and is told by conf */
			continue;
		report_error(report, FAULT_ROUTE, &source->servers[i].place, "transport",
			     "no listener speaks %s, so %s '%.64s' cannot be reached",
			     conf_transport_text(server->transport), source->kind,
			     source->name);
	}
	if (rule->n_servers)
		rule->listener = rule->servers[0].listener;
}

static struct credentials *shown_at(const struct listener *listener)
{
	return listener && listener->n_certificates ? listener->certificates[0] : NULL;
}

/* Our certificate there: the one that is named, else that of the listener which mtls speaks
 * for. A backend that logs on may do so by mtls, and be dialled in the same way. */
static void add_credentials(struct rule *rule, const struct settings_ref *named,
			    const struct rules_parts *parts)
{
	rule->trust = parts->trust;
	if (named && named->index >= 0) {
		rule->credentials = parts->credentials[named->index];
		return;
	}
	for (size_t i = 0; i < rule->n_servers && !rule->credentials; i++) {
		if (rule->servers[i].transport == TRANSPORT_MTLS)
			rule->credentials = shown_at(rule->servers[i].listener);
	}
	if (!rule->credentials && rule->backend && *rule->backend->username)
		rule->credentials = shown_at(rule->listeners[TRANSPORT_MTLS][0]);
}

static void add_name(struct rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->n_names; i++)
		if (strcmp(rule->names[i], name) == 0)
			return;
	rule->names[rule->n_names++] = name;
}

/* An address is a name too: a certificate may hold it (RFC 5280 §4.2.1.6). */
static void add_server_names(struct rule *rule)
{
	for (size_t i = 0; i < rule->n_servers; i++)
		if (rule->servers[i].host[0] != '\0')
			add_name(rule, rule->servers[i].host);
}

static enum err make_names(struct rule *rule, size_t n_others)
{
	rule->names = calloc(rule->n_servers + n_others + 1, sizeof(*rule->names));
	return rule->names ? ERR_OK : ERR_NO_MEMORY;
}

/* What is switched off is not probed; a pattern stands for the domain above. */
static void add_probe(struct rule *rule, const struct source *source, uint32_t probe_ms,
		      const char *domain)
{
	rule->probe_ms = source->is_in_use ? probe_ms : 0;
	rule->to_domain = text_starts_with(domain, "*.") ? domain + 2 : domain;
}

static enum err compile_route(struct rule *rule, const struct settings_route *route,
			      const struct rules_parts *parts, struct report *report)
{
	struct source source = { .servers = route->servers,
				 .n_servers = route->n_servers,
				 .kind = "partner",
				 .name = route->domain,
				 .is_in_use = route->is_enabled &&
					      parts->settings->partners.is_enabled };

	rule->route = route;
	rule->bind = route->bind_addr;
	rule->tls_minimum = route->minimum;
	rule->accepts_wildcard = route->accepts_wildcard;
	rule->max_connections = route->max_connections;
	(void)snprintf(rule->id, sizeof(rule->id), "partner:%s", route->domain);
	enum err err = add_servers(rule, &source);
	if (err == ERR_OK)
		err = make_names(rule, route->n_identities + 1);
	if (err != ERR_OK)
		return err;

	rule_listener_fill(rule, parts, &route->bind_addr, NETWORK_WAN);
	add_listeners(rule, &source, parts, report);
	add_credentials(rule, &route->certificate, parts);
	add_probe(rule, &source, route->probe_ms, route->domain);
	if (!text_starts_with(route->domain, "*."))
		add_name(rule, route->domain);
	for (size_t i = 0; i < route->n_identities; i++)
		add_name(rule, route->identities[i].text);
	add_server_names(rule);
	return ERR_OK;
}

/* A backend names its listener. Where that speaks another transport, the best one beside it is
 * taken. */
static void choose_backend_listeners(struct rule *rule, const struct rules_parts *parts,
				     struct listener *own)
{
	rule_listener_fill(rule, parts, own ? &own->addr : NULL,
			   own ? own->network : NETWORK_LAN);
	for (unsigned transport = 0; own && transport < RULES_N_TRANSPORTS; transport++) {
		enum conf_transport t = (enum conf_transport)transport;
		if (own->transport == t || (is_tls(own->transport) && is_tls(t)))
			rule->listeners[t][0] = rule->listeners[t][1] = own;
	}
}

static enum err compile_backend(struct rule *rule, const struct settings_backend *backend,
				const struct rules_parts *parts, struct report *report)
{
	struct source source = { .servers = backend->servers,
				 .n_servers = backend->n_servers,
				 .kind = "backend",
				 .name = backend->name,
				 .is_in_use = true };
	int index = backend->listener.index;
	struct listener *own = index >= 0 ? parts->listeners[index] : NULL;

	rule->backend = backend;
	rule->tls_minimum = parts->settings->tls.minimum;
	rule->accepts_wildcard = parts->settings->tls.accepts_wildcard;
	/* one of each worker: the lan is near, and its order is worth more */
	rule->max_connections = 0;
	(void)snprintf(rule->id, sizeof(rule->id), "backend:%s", backend->name);
	enum err err = add_servers(rule, &source);
	if (err == ERR_OK)
		err = make_names(rule, backend->n_domains);
	if (err != ERR_OK)
		return err;

	choose_backend_listeners(rule, parts, own);
	rule->listener = own;
	add_listeners(rule, &source, parts, report);
	add_credentials(rule, NULL, parts);
	add_probe(rule, &source, backend->probe_ms,
		  backend->n_domains ? backend->domains[0].name : "");
	add_server_names(rule);
	for (size_t i = 0; i < backend->n_domains; i++)
		add_name(rule, backend->domains[i].name);
	return ERR_OK;
}

static enum err hash_rule(struct rules *rules, struct rule *rule,
			  const struct rules_parts *parts)
{
	struct hashed_rule *hashed = &rules->hashed_array[rule - rules->rules];
	const struct hashed_rule *found;

	rule->id_hash = parts->hash(parts->user, rule->id);
	hashed->id_hash = rule->id_hash;
	hashed->rule = rule;
	HASH_ADD(hh, rules->hashed, id_hash, sizeof(hashed->id_hash), hashed);
	HASH_FIND(hh, rules->hashed, &rule->id_hash, sizeof(rule->id_hash), found);
	return found ? ERR_OK : ERR_NO_MEMORY;
}

/* Two of a name were reported by conf; the first one stays. */
static enum err put_once(struct domain_map *map, const char *domain, const void *value)
{
	enum err err = domain_map_put(map, domain, value);

	return err == ERR_EXISTS ? ERR_OK : err;
}

static enum err compile(struct rules *rules, const struct rules_parts *parts,
			struct report *report)
{
	const struct settings *settings = parts->settings;
	enum err err = ERR_OK;

	for (size_t i = 0; i < settings->n_domains && err == ERR_OK; i++)
		err = put_once(rules->own, settings->domains[i].name, &settings->domains[i]);
	for (size_t i = 0; i < settings->partners.n_routes && err == ERR_OK; i++) {
		struct rule *rule = &rules->rules[rules->n++];
		err = compile_route(rule, &settings->partners.routes[i], parts, report);
		if (err == ERR_OK)
			err = put_once(rules->by_domain, settings->partners.routes[i].domain,
				       rule);
		if (err == ERR_OK)
			err = hash_rule(rules, rule, parts);
	}
	for (size_t i = 0; i < settings->n_backends && err == ERR_OK; i++) {
		struct rule *rule = &rules->rules[rules->n++];
		err = compile_backend(rule, &settings->backends[i], parts, report);
		if (err == ERR_OK)
			err = hash_rule(rules, rule, parts);
	}
	return err;
}

enum err rules_new(const struct rules_parts *parts, struct report *report, struct rules **out)
{
	const struct settings *settings = parts->settings;
	size_t n = settings->partners.n_routes + settings->n_backends;
	struct rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return ERR_NO_MEMORY;

	rules->settings = settings;
	text_copy(rules->phones.id, sizeof(rules->phones.id), "phones");
	rules->rules = calloc(n + 1, sizeof(*rules->rules));
	rules->hashed_array = calloc(n + 1, sizeof(*rules->hashed_array));
	enum err err = rules->rules && rules->hashed_array ? ERR_OK : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = domain_map_new(&rules->by_domain);
	if (err == ERR_OK)
		err = domain_map_new(&rules->own);
	if (err == ERR_OK)
		err = homes_new(settings->backends, settings->n_backends, &rules->homes);
	if (err == ERR_OK)
		err = compile(rules, parts, report);
	if (err != ERR_OK) {
		rules_free(rules);
		return err;
	}
	*out = rules;
	return ERR_OK;
}

enum rules_verdict rules_find(const struct rules *rules, const char *domain,
			      const struct rule **out)
{
	const struct rule *rule = domain_map_find(rules->by_domain, domain);

	if (!rule)
		return RULES_NONE;
	*out = rule;
	if (!rules->settings->partners.is_enabled)
		return RULES_ALL_OFF;
	return rule->route->is_enabled ? RULES_FOUND : RULES_DISABLED;
}

static bool is_in_use(const struct rules *rules, const struct rule *rule)
{
	return !rule->route ||
	       (rule->route->is_enabled && rules->settings->partners.is_enabled);
}

const struct rule *rules_by_hash(const struct rules *rules, uint64_t id_hash)
{
	const struct hashed_rule *found;

	HASH_FIND(hh, rules->hashed, &id_hash, sizeof(id_hash), found);
	return found && is_in_use(rules, found->rule) ? found->rule : NULL;
}

size_t rules_backends(const struct rules *rules, const char *user, const char *domain,
		      const struct rule **out, size_t max)
{
	const struct rule *backends = rules->rules + rules->settings->partners.n_routes;
	size_t found[MAX_FOUND_BACKENDS];
	size_t n = homes_find(rules->homes, user, domain, found,
			      max < COUNT(found) ? max : COUNT(found));

	for (size_t i = 0; i < n; i++)
		out[i] = &backends[found[i]];
	return n;
}

const struct rule *rules_backend(const struct rules *rules, const char *name)
{
	const struct rule *backends = rules->rules + rules->settings->partners.n_routes;

	for (size_t i = 0; i < rules->settings->n_backends; i++)
		if (strcmp(backends[i].backend->name, name) == 0)
			return &backends[i];
	return NULL;
}

const struct rule *rules_phones(const struct rules *rules)
{
	return &rules->phones;
}

bool rules_is_local_domain(const struct rules *rules, const char *domain)
{
	return domain_map_find(rules->own, domain) != NULL;
}

size_t rules_count(const struct rules *rules)
{
	return rules->n;
}

const struct rule *rules_at(const struct rules *rules, size_t i)
{
	return i < rules->n ? &rules->rules[i] : NULL;
}
