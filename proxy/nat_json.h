/* Our place behind a NAT, for status and `nuncio nat`. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

/* {"detecting", "type", "mapping", ...}; without what was observed. problems gets what is wrong
 * with public addresses. */
json_t *nat_summary_to_json(struct server *server, json_t *problems);

/* All of it, as the answer to /v1/nat. */
json_t *nat_to_json(struct server *server);
