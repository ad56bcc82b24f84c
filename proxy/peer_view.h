/* How a partner or a backend does, summed over its servers as traffic and probes have seen
 * them: for status, metrics and the service manager. One look at the health table serves all
 * peers. */
#pragma once

#include "proxy/server.h"

enum peer_state {
	PEER_OFF,     /* switched off */
	PEER_UNKNOWN, /* nothing was sent to it yet */
	PEER_UP,      /* one of its servers answers */
	/* none of those that were tried does; a backend without servers has not logged on */
	PEER_DOWN,
};

struct peer_view {
	enum peer_state state;
	uint64_t last_seen_ms, last_failure_ms; /* loop clock; 0: never */
	uint64_t n_successes, n_failures;
	enum reason last_reason;           /* of the last failure */
	const struct health_view *servers; /* those of it that were tried; the peer_views' */
	size_t n_servers;
};

struct peer_views;

/* Copies the health table as it is now. Main thread. */
enum err peer_views_new(struct server *server, struct peer_views **out) MUST_CHECK;
struct peer_views *peer_views_free(struct peer_views *views);

void peer_views_look(const struct peer_views *views, const struct rule *rule,
		     struct peer_view *out);

/* "off", "unknown", "up", "down". */
const char *peer_state_text(enum peer_state state);
