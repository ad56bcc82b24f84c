/* OPTIONS to the servers of partners and backends with `probe:`, so that a dead one is known
 * before a request needs it, and a partner that wants to hear from us does. A server that was
 * not heard in 8*T1 is out of service, until it answers a probe. One worker does it for all;
 * the outcome goes into health. */
#pragma once

#include "proxy/worker.h"

struct probes;

/* Begins to probe as the worker's snapshot says. NULL: no memory. */
struct probes *probes_new(struct worker *worker);
struct probes *probes_free(struct probes *probes);

/* The snapshot changed. Probes under way are given up. */
void probes_restart(struct probes *probes);
