/* What `nuncio status` and /v1/status tell: the state of the process, its listeners, partners,
 * backends and certificates, and the problems. As a summary, whose size does not depend on how
 * many partners there are, or as the whole, which is made while it is sent. */
#pragma once

#include <jansson.h>

#include "proxy/http.h"
#include "proxy/server.h"

/* All numbers, and the first rows and problems (status_peers.h), those in trouble first; a new
 * object, NULL if memory is short. is_alive: what the watchdog found. Main thread. */
json_t *status_summary(struct server *server, bool is_alive);

/* The whole, as the body of an answer: one JSON object. It tells of the configuration that runs
 * now, also if another one comes while it is sent. Main thread. */
enum err status_source(struct server *server, bool is_alive,
		       struct http_source *out) MUST_CHECK;
