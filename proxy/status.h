/* What `nuncio status` and /v1/status tell: the state of the process, its listeners, partners, backends and
 * certificates; problems first. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

enum peer_state { PEER_OFF, PEER_UNKNOWN, PEER_UP, PEER_DOWN };

/* The state of a rule's servers as traffic and probes have seen them: up if one answers, down if none of those that
 * were tried does. last_seen_ms and last_failure_ms (loop clock; 0: never) and the last reason may be NULL. */
struct peer_view {
	enum peer_state state;
	uint64_t last_seen_ms, last_failure_ms, n_successes, n_failures;
	enum reason last_reason;
};
void status_peer(struct server *server, const struct rule *rule, struct peer_view *out);
const char *peer_state_text(enum peer_state state); /* "off", "unknown", "up", "down" */

/* Days until the certificate ends; negative: it has ended. */
int status_days_left(const struct identity *identity, uint64_t wall_us);

/* The whole answer, a new object; NULL if memory is short. is_alive: what the watchdog found. Main thread. */
json_t *status_answer(struct server *server, bool is_alive);
