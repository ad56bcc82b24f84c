#include <string.h>

#include "conf/settings_tables.h"
#include "proxy/base/macros.h"

#define ROUTE(member)    offsetof(struct route_item, member)
#define PARTNERS(member) offsetof(struct settings_partners, member)

struct route_item {
	struct settings_route route;
	const char *server;
	uint16_t port;
	enum conf_transport transport;
	bool is_marked_trustworthy;
	const struct settings_server *servers;
	size_t n_servers;
	bool accepts_wildcard;
};

static const struct word services[] = {
	{ "presence", SERVICE_PRESENCE, false },
	{ "im", SERVICE_IM, false },
	{ "audio", SERVICE_AUDIO, false },
	{ "video", SERVICE_VIDEO, false },
	{ NULL, 0, false },
};

static const struct word redirects[] = {
	{ "forward", REDIRECT_FORWARD, false },
	{ "follow", REDIRECT_FOLLOW, false },
	{ NULL, 0, false },
};

static const struct word refers[] = {
	{ "forward", 0, false },
	{ "local", 1, true },
	{ "local-unless-supported", 2, true },
	{ NULL, 0, false },
};

/* clang-format off */
static const struct field route_fields[] = {
	{ "domain", KIND_TEXT, ROUTE(route.domain), 1, 255, NULL, LIVE,
	  "the partner's domain; \"*.partner.example\" for its sub-domains", NULL, NULL, REQUIRED },
	{ "enabled", KIND_BOOL, ROUTE(route.is_enabled), 0, 0, "true", LIVE,
	  "false switches the route off, and keeps it" },
	{ "trustworthy", KIND_BOOL, ROUTE(is_marked_trustworthy), 0, 0, "false", LIVE,
	  "true: requests from its address need no authorization; with mtls always true" },
	{ "server", KIND_HOST, ROUTE(server), 0, 253, NULL, LIVE,
	  "name or address of the partner's proxy, if it is one" },
	{ "port", KIND_PORT, ROUTE(port), 1, 65535, NULL, LIVE,
	  "the port of server; without it 5060, or 5061 for tls and mtls" },
	{ "transport", KIND_WORD, ROUTE(transport), 0, 0, "mtls", LIVE,
	  "how server is reached: udp, tcp, tls or mtls; a name without port and transport is looked up by NAPTR, too", conf_transport_words },
	{ "servers", KIND_LIST, ROUTE(servers), 0, 0, NULL, LIVE,
	  "several servers, with priority and weight, instead of server", NULL, &settings_server_table },
	{ "bind", KIND_TEXT, ROUTE(route.bind), 0, 64, NULL, LIVE,
	  "the address of this host, or interface, from which the partner is reached" },
	{ "certificate", KIND_REF, ROUTE(route.certificate), 0, 63, NULL, NEXT_CONNECTION,
	  "what we present to this partner; without it the first wan listener's" },
	{ "identity", KIND_DOMAINS, ROUTE(route.identities), 0, 64, NULL, NEXT_CONNECTION,
	  "further certificate names that may speak for the domain" },
	{ "wildcard", KIND_BOOL, ROUTE(accepts_wildcard), 0, 0, NULL, NEXT_CONNECTION,
	  "accept a wildcard certificate from this partner; without it tls.wildcard" },
	{ "minimum", KIND_WORD, ROUTE(route.minimum), 0, 0, NULL, NEXT_CONNECTION,
	  "the oldest TLS version for this partner; without it tls.minimum",
	  conf_tls_version_words },
	{ "services", KIND_WORDS_WAYS, ROUTE(route.services_in), 0, 0, NULL, LIVE,
	  "what is exchanged with this partner, as a list or as in: (from there) and out: (to there); without it all",
	  services },
	{ "redirect", KIND_WORD, ROUTE(route.redirect), 0, 0, "forward", LIVE,
	  "what is done with a 3xx from there: it goes back, or we ask where it leads to", redirects },
	{ "refer", KIND_WORD, NOWHERE, 0, 0, "forward", LIVE,
	  "what is done with a REFER from there", refers },
	{ "connections", KIND_COUNT, ROUTE(route.max_connections), 1, SETTINGS_MAX_CONNECTIONS, "4", LIVE,
	  "how many connections with this partner we send by at most; a further one is opened when it reads slowly" },
	{ "probe", KIND_DURATION, ROUTE(route.probe_ms), 0, 86400000, "60s", LIVE,
	  "how often OPTIONS asks whether a server is alive; 0: never" },
	{ "stun_server", KIND_TEXT, ROUTE(route.stun_server), 0, 255, "", LIVE,
	  "host or host:port of the partner's STUN server, asked instead of nat.stun_servers" },
};

static void finish_route(struct schema_reader *reader, const struct node *node, void *item);

static const struct table route_table = {
	.where = "in a route",
	.fields = route_fields,
	.n_fields = COUNT(route_fields),
	.item_bytes = sizeof(struct route_item),
	.stored_bytes = sizeof(struct settings_route),
	.finish = finish_route,
};

static const struct field partners_fields[] = {
	{ "enabled", KIND_BOOL, PARTNERS(is_enabled), 0, 0, "true", LIVE,
	  "false switches every route off, and keeps them" },
	{ "routes", KIND_LIST, PARTNERS(routes), 0, 0, NULL, LIVE,
	  "one static route for each partner domain", NULL, &route_table },
};
/* clang-format on */

static void read_domain(struct schema_reader *reader, struct settings_route *route)
{
	const struct settings_text written = { route->domain, route->domain_place };
	const char *domain;

	if (!*route->domain)
		return;
	domain = settings_domain_pattern(reader, "domain", &written);
	route->domain = domain ? domain : "";
}

/* One server, or several: not both, and not none. */
static void read_servers(struct schema_reader *reader, const struct node *node,
			 struct route_item *item)
{
	static const char *const single_keys[] = { "server", "port", "transport" };
	const struct node *servers = node_get(node, "servers");
	const struct node *server = node_get(node, "server");
	struct settings_server *one;

	item->route.servers = item->servers;
	item->route.n_servers = item->n_servers;
	if (servers) {
		for (size_t i = 0; i < COUNT(single_keys); i++) {
			const struct node *key = node_get(node, single_keys[i]);

			if (!key)
				continue;
			report_error(reader->report, FAULT_CONFLICT, &key->key->place,
				     single_keys[i],
				     "stands beside servers, expected it in each server");
			break;
		}
		settings_servers_check(reader, servers);
		return;
	}
	if (!server || (server->kind == NODE_SCALAR && !*server->text))
		report_error(reader->report, FAULT_MISSING_KEY, &node->place, "server",
			     "missing in a route, expected a name or address");
	if (!*item->server)
		return;
	one = arena_take(reader->arena, 1, sizeof(*one));
	if (!one)
		return;
	one->host = item->server;
	one->priority = one->weight = 1;
	one->place = settings_place(node, "server");
	one->has_preset_transport = !node_get(node, "transport");
	settings_server_complete(one, item->transport, item->port);
	item->route.servers = one;
	item->route.n_servers = 1;
}

/* Mission 52: over mtls the certificate is the proof, so the mark says nothing. */
static void read_trust(struct schema_reader *reader, const struct node *node,
		       struct route_item *item)
{
	struct settings_route *route = &item->route;
	struct place place = settings_place(node, "trustworthy");
	bool is_all_mtls = route->n_servers > 0;

	for (size_t i = 0; i < route->n_servers; i++)
		is_all_mtls &= route->servers[i].transport == TRANSPORT_MTLS;
	route->is_trustworthy = item->is_marked_trustworthy || is_all_mtls;
	if (is_all_mtls && !item->is_marked_trustworthy && node_get(node, "trustworthy")) {
		report_warning(
			reader->report, FAULT_CONFLICT, &place, "trustworthy",
			"false has no effect: a partner reached by mtls is always trusted, "
			"by its certificate");
	}
}

static void finish_route(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct settings *settings = reader->root;
	struct route_item *item = at;
	struct settings_route *route = &item->route;

	route->place = node->place;
	route->domain_place = settings_place(node, "domain");
	route->bind_place = settings_place(node, "bind");
	route->stun_place = settings_place(node, "stun_server");
	if (*route->stun_server)
		settings_check_stun_server(reader, "stun_server", route->stun_server,
					   &route->stun_place);
	read_domain(reader, route);
	read_servers(reader, node, item);
	read_trust(reader, node, item);
	route->minimum = settings_minimum(reader, node, route->minimum, settings->tls.minimum);
	route->accepts_wildcard = node_get(node, "wildcard") ? item->accepts_wildcard
							     : settings->tls.accepts_wildcard;
	if (!node_get(node, "services"))
		route->services_in = route->services_out = SERVICE_ALL;
	if (*route->bind)
		settings_bind(reader, route->bind, &route->bind_place, false,
			      &route->bind_addr);
}

static void finish_partners(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_partners *partners = at;

	(void)reader;
	if (node)
		partners->place = node->place;
}

const struct table settings_partners_table = {
	.where = "in partners",
	.fields = partners_fields,
	.n_fields = COUNT(partners_fields),
	.item_bytes = sizeof(struct settings_partners),
	.finish = finish_partners,
};
