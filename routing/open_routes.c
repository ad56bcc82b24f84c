#include "routing/open_routes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"

struct open_route {
	UT_hash_handle hh;
	struct rule rule;
	struct settings_route settings;
	struct open_routes *owner;
	const char *names[1];
	char domain[256];
	char *servers[OPEN_ROUTES_MAX_SERVERS]; /* only added to, under the lock */
	size_t n_servers;
};

struct open_routes {
	struct rules_parts parts;
	pthread_mutex_t lock;
	struct open_route *table;
};

enum err open_routes_new(const struct rules_parts *parts, struct open_routes **out)
{
	struct open_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return ERR_NO_MEMORY;
	routes->parts = *parts;
	pthread_mutex_init(&routes->lock, NULL);
	*out = routes;
	return ERR_OK;
}

struct open_routes *open_routes_free(struct open_routes *routes)
{
	struct open_route *route, *next;

	if (!routes)
		return NULL;
	HASH_ITER(hh, routes->table, route, next)
	{
		HASH_DEL(routes->table, route);
		while (route->n_servers)
			free(route->servers[--route->n_servers]);
		free(route);
	}
	pthread_mutex_destroy(&routes->lock);
	free(routes);
	return NULL;
}

/* What may be said of a domain that nobody has approved: everything is exchanged, nothing it
 * asserts is believed. */
static void fill_settings(struct open_route *route, const struct settings *settings)
{
	route->settings = (struct settings_route){
		.domain = route->domain,
		.is_enabled = true,
		.bind = "",
		.certificate = { .name = "", .index = -1 },
		.minimum = settings->tls.minimum,
		.services_in = SERVICE_ALL,
		.services_out = SERVICE_ALL,
		.max_connections = settings->federation.max_connections,
		.place = settings->federation.place,
		.domain_place = settings->federation.place,
	};
}

static void fill_rule(struct open_route *route, const struct rules_parts *parts)
{
	const struct settings_federation *federation = &parts->settings->federation;
	struct listener *listener = federation->listener.index >= 0
					    ? parts->listeners[federation->listener.index]
					    : NULL;
	struct rule *rule = &route->rule;
	unsigned transport;

	rule->route = &route->settings;
	rule->federation = federation;
	(void)snprintf(rule->id, sizeof(rule->id), "partner:%s", route->domain);
	rule->id_hash = parts->hash(parts->user, rule->id);
	rule->to_domain = route->domain;
	rule->listener = listener;
	for (transport = TRANSPORT_TLS; transport <= TRANSPORT_MTLS; transport++)
		rule->listeners[transport][0] = rule->listeners[transport][1] = listener;
	rule->credentials =
		listener && listener->n_certificates ? listener->certificates[0] : NULL;
	rule->trust = parts->trust;
	rule->tls_minimum = parts->settings->tls.minimum;
	rule->max_connections = route->settings.max_connections;
	route->names[0] = route->domain;
	rule->names = route->names;
	rule->n_names = 1;
}

static struct open_route *make(struct open_routes *routes, const char *domain,
			       enum open_routes_way way)
{
	const unsigned max = way == OPEN_ROUTES_IN ? OPEN_ROUTES_MAX_IN : OPEN_ROUTES_MAX;
	struct open_route *route, *found;

	if (HASH_COUNT(routes->table) >= max)
		return NULL;
	route = calloc(1, sizeof(*route));
	if (!route || !text_copy(route->domain, sizeof(route->domain), domain)) {
		free(route);
		return NULL;
	}
	route->owner = routes;
	fill_settings(route, routes->parts.settings);
	fill_rule(route, &routes->parts);
	HASH_ADD_STR(routes->table, domain, route);
	HASH_FIND_STR(routes->table, domain, found);
	if (found == route)
		return route;
	free(route);
	return NULL;
}

const struct rule *open_routes_find(struct open_routes *routes, const char *domain)
{
	struct open_route *route;

	if (!routes || !routes->parts.settings->federation.is_open)
		return NULL;
	pthread_mutex_lock(&routes->lock);
	HASH_FIND_STR(routes->table, domain, route);
	pthread_mutex_unlock(&routes->lock);
	return route ? &route->rule : NULL;
}

const struct rule *open_routes_get(struct open_routes *routes, const char *domain,
				   enum open_routes_way way)
{
	struct open_route *route;

	if (!routes || !routes->parts.settings->federation.is_open)
		return NULL;
	pthread_mutex_lock(&routes->lock);
	HASH_FIND_STR(routes->table, domain, route);
	if (!route)
		route = make(routes, domain, way);
	pthread_mutex_unlock(&routes->lock);
	return route ? &route->rule : NULL;
}

static struct open_route *route_of(const struct rule *rule)
{
	return container_of((struct rule *)rule, struct open_route, rule);
}

void open_routes_note_server(const struct rule *rule, const char *host)
{
	struct open_route *route = route_of(rule);
	size_t i;

	pthread_mutex_lock(&route->owner->lock);
	for (i = 0; i < route->n_servers; i++)
		if (!strcmp(route->servers[i], host))
			break;
	if (i == route->n_servers && i < OPEN_ROUTES_MAX_SERVERS) {
		route->servers[i] = strdup(host); /* without memory it is found anew */
		route->n_servers += route->servers[i] != NULL;
	}
	pthread_mutex_unlock(&route->owner->lock);
}

size_t open_routes_servers(const struct rule *rule, const char *out[OPEN_ROUTES_MAX_SERVERS])
{
	struct open_route *route = route_of(rule);
	size_t n;

	pthread_mutex_lock(&route->owner->lock);
	for (n = 0; n < route->n_servers; n++)
		out[n] = route->servers[n];
	pthread_mutex_unlock(&route->owner->lock);
	return n;
}
