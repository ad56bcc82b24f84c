/* What a new configuration may break with partners, as far as it can be known before they
 * connect: whose certificate the new trust would refuse, and what of a certificate of ours is
 * another than before. Told, never refused: an administrator may mean it. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

/* An array of {"what":"tls.trust"|"certificate","name":..,"text":..}, with "reason" where a
 * certificate would be refused; empty if nothing is to be said. Compares the server's snapshot
 * with to. NULL without memory. Main thread. */
json_t *reload_preflight(struct server *server, const struct snapshot *to);
