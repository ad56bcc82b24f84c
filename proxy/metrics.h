/* What /metrics prints: the counters of all workers, and what only the main thread knows
 * (listeners, partners, certificates, reloads, the process). */
#pragma once

#include <stdbool.h>

#include "proxy/server.h"

/* The whole page, malloced; NULL if memory is short. is_openmetrics: the form of
 * OpenMetrics 1.0, else that of Prometheus 0.0.4. Main thread. */
char *metrics_text(struct server *server, bool is_openmetrics);
