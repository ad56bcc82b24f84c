/* A reload that comes back by itself unless somebody says that it was good: `nuncio reload
 * --confirm 5m`, `nuncio confirm`. The configuration before it is kept as it was in memory,
 * with its keys and certificates, and so does not depend on what became of its files; sockets
 * that it had and the running one has not are opened again. Kept in memory alone: a daemon that
 * is started anew reads the file. Main thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/timer.h"

struct server;
struct snapshot;

/* The shortest and longest time that may be given. */
enum { RELOAD_CONFIRM_MIN_MS = 1000, RELOAD_CONFIRM_MAX_MS = 24 * 3600 * 1000 };

/* Embedded in the server; zeros: nothing waits. */
struct reload_confirm {
	/* the last one that was confirmed; counted; NULL: nothing waits */
	struct snapshot *before;
	uint64_t until_ms; /* loop clock */
	uint64_t until_wall_us, wait_ms;
	struct timer timer;
	json_t *reverted; /* what the last revert changed back, until the next reload; NULL */
};

bool reload_confirm_is_pending(const struct server *server);
/* "4 min 10 s" until it comes back. */
const char *reload_confirm_left(const struct server *server, char out[32]);

/* The running configuration has to be confirmed within wait_ms, else before comes back. If one
 * waits already, what it would come back to stays, and the time counts anew. Takes the
 * reference of before. */
void reload_confirm_wait(struct server *server, struct snapshot *before, uint64_t wait_ms);

/* The running one stays. Returns
 * {"version":1,"ok":true,"problems":[],"changes":[..],"left_s":..}, the changes against what it
 * would have come back to; NULL, and nothing changed, if nothing waits. */
json_t *reload_confirm_keep(struct server *server);

/* Nothing is shown of a revert any more: another reload was applied. */
void reload_confirm_forget(struct server *server);

/* Nothing comes back any more: the process ends. */
void reload_confirm_end(struct server *server);
