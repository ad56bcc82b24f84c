/* Keeps the addresses of servers that are configured by name: where an address is the proof
 * (routes that are trustworthy without a certificate, backends by name), trust asks for them.
 * One worker does it for all. */
#pragma once

#include "proxy/worker.h"

struct refresh;

/* Begins to walk over the rules of the worker's snapshot, again and again as the TTLs ask.
 * NULL: no memory. */
struct refresh *refresh_new(struct worker *worker);
struct refresh *refresh_free(struct refresh *refresh);

/* The snapshot changed: begins anew. */
void refresh_restart(struct refresh *refresh);
