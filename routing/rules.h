/* Where requests go by configuration: the compiled form of `partners:` (mission 44-60) and of
 * `backends:`. Part of the snapshot: immutable, looked up by domain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/transport/credentials.h"
#include "proxy/transport/listener.h"

enum { RULES_MAX_SERVERS = 32 };

/* One configured server: a name or an address. */
struct rule_server {
	char host[256];   /* as configured, normalised */
	struct addr addr; /* set if host is an address literal; port too */
	uint16_t port, priority, weight;
	bool by_srv; /* a name without a port: SRV may know better (RFC 3263 §4.2) */
	/* and no transport was written either: so may NAPTR (§4.1), but never another
	 * transport */
	bool by_naptr;
	enum conf_transport transport;
	struct listener *listener; /* the rule's for this transport; NULL: none */
};

enum { RULES_N_TRANSPORTS = TRANSPORT_MTLS + 1 };

/* One place that we route to by configuration: a partner's route, or a backend. */
struct rule {
	const struct settings_route *route;     /* or */
	const struct settings_backend *backend; /* or neither: phones */
	/* not NULL: a domain without a route of its own, found by DNS; route holds what is said
	 * of it (open_routes) */
	const struct settings_federation *federation;
	char id[272];     /* "partner:partner.example", "backend:berlin" */
	uint64_t id_hash; /* keyed by the signing key: stands in Record-Route tokens */
	struct rule_server *servers;
	size_t n_servers; /* 0: a backend that is reached by its log-on alone */
	/* how often its servers are asked whether they are alive; 0: never, also because it is
	 * switched off */
	uint32_t probe_ms;
	const char *to_domain; /* that a probe is addressed to; "": the server's own host */
	struct addr bind;      /* unset: the listener's or the system's choice */
	/* whose name stands in our Via and Record-Route on this side */
	struct listener *listener;
	struct credentials *credentials;
	struct tls_trust *trust;
	unsigned tls_minimum;
	bool accepts_wildcard;
	/* by which requests go to it, over all workers; 0: one of each */
	unsigned max_connections;
	struct listener *listeners[RULES_N_TRANSPORTS]
				  [2]; /* by transport, for IPv4 and for IPv6; NULL: none */
	/* certificate names accepted from the servers: domain, server names, identity: */
	const char **names;
	size_t n_names;
};

struct rules;

/* What the roof found for the names in the settings. */
struct rules_parts {
	const struct settings *settings;
	/* settings->listeners[i] -> listeners[i]; NULL where disabled */
	struct listener *const *listeners;
	/* settings->certificates[i] -> credentials[i] */
	struct credentials *const *credentials;
	struct tls_trust *trust;
	uint64_t (*hash)(void *user, const char *id);
	void *user;
};

/* Compiles; what does not fit (a route for whose transport there is no listener to name in Via)
 * goes to report. */
enum err rules_new(const struct rules_parts *parts, struct report *report,
		   struct rules **out) MUST_CHECK;
struct rules *rules_free(struct rules *rules);

enum rules_verdict { RULES_FOUND, RULES_NONE, RULES_DISABLED, RULES_ALL_OFF };

/* The route of a domain: exact first, then the longest "*.suffix". A disabled one is found and
 * said so. */
enum rules_verdict rules_find(const struct rules *rules, const char *domain,
			      const struct rule **out);

/* The rule with that id hash (of a Record-Route token), NULL if it is gone or switched off. */
const struct rule *rules_by_hash(const struct rules *rules, uint64_t id_hash);

/* The backends that are the home of user@domain: those whose `users` name it, else those with a
 * pattern, else those with "*". Several share it: a request goes to all of them. Returns how
 * many were written (at most max). */
size_t rules_backends(const struct rules *rules, const char *user, const char *domain,
		      const struct rule **out, size_t max);

/* The rule of a backend by its name; NULL if there is none. */
const struct rule *rules_backend(const struct rules *rules, const char *name);

/* The rule of all phones: it has no server, as each target has flows of its own. */
const struct rule *rules_phones(const struct rules *rules);

bool rules_is_local_domain(const struct rules *rules, const char *domain);

/* The listener for a hop of this rule over transport to remote; NULL if there is none that
 * could. */
struct listener *rules_listener(const struct rule *rule, enum conf_transport transport,
				const struct addr *remote);

/* All of them, for status, probes and address resolution. */
size_t rules_count(const struct rules *rules);
const struct rule *rules_at(const struct rules *rules, size_t i);
