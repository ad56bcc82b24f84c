/* Domains without a route of their own, which open federation finds by DNS: rules that are made
 * when they are first needed, and live as long as the snapshot. Bounded. Any thread (a short
 * lock). */
#pragma once

#include "routing/rules.h"

enum { OPEN_ROUTES_MAX = 10000, OPEN_ROUTES_MAX_IN = 8000, OPEN_ROUTES_MAX_SERVERS = 8 };

/* Who asks for a rule: a domain that sent us something, or somebody of ours. Strangers cannot
 * take the places that are kept for our own. */
enum open_routes_way { OPEN_ROUTES_IN, OPEN_ROUTES_OUT };

struct open_routes; /* part of the snapshot */

/* What rules_new got; all of it must live as long. */
enum err open_routes_new(const struct rules_parts *parts, struct open_routes **out) MUST_CHECK;
/* NULL is fine; returns NULL */
struct open_routes *open_routes_free(struct open_routes *routes);

/* The rule of a domain, made if need be; whether it may federate is for the caller to judge.
 * NULL: open federation is off, there are too many others (OPEN_ROUTES_MAX, for OPEN_ROUTES_IN
 * OPEN_ROUTES_MAX_IN), or no memory. */
const struct rule *open_routes_get(struct open_routes *routes, const char *domain,
				   enum open_routes_way way);
/* The same, but none is made. */
const struct rule *open_routes_find(struct open_routes *routes, const char *domain);

/* A server that was found to speak for the domain of such a rule: inside a dialog, where a URI
 * leads to an address, its name is what the certificate must hold. Remembered for the life of
 * the snapshot, OPEN_ROUTES_MAX_SERVERS of them. */
void open_routes_note_server(const struct rule *rule, const char *host);
/* The names of those servers, which live as long as the rule. Returns how many. */
size_t open_routes_servers(const struct rule *rule, const char *out[OPEN_ROUTES_MAX_SERVERS]);
