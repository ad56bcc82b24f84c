/* What `nuncio status` and /v1/status tell: the state of the process, its listeners, partners,
 * backends and certificates; problems first. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

/* Days until the certificate ends; negative: it has ended. */
int status_days_left(const struct identity *identity, uint64_t wall_us);

/* The whole answer, a new object; NULL if memory is short. is_alive: what the watchdog found.
 * Main thread. */
json_t *status_answer(struct server *server, bool is_alive);
