/* mapping: which public address one of our media ports has, asked of STUN servers from that
 * very port (RFC 8489). For media/ alone. */
#pragma once

#include "media/relay_inside.h"

enum { MAPPING_MAX_SERVERS = 4 };

struct mapping_order {
	struct addr servers[MAPPING_MAX_SERVERS];
	unsigned n_servers;
	uint32_t deadline_ms;
};

/* Asks from each port of a leg; each answer, or the deadline, is told as RELAY_MAPPED. A
 * question under way is replaced; what is known is not asked anew, but kept alive in the
 * router for as long as nothing else is sent. */
void mapping_start(struct relay *relay, enum relay_leg leg, const struct mapping_order *order);

/* Takes a STUN message; false if it is not the answer to a question of ours. */
bool mapping_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		  const struct addr *source);

/* Asks no more; tells nothing. */
void mapping_stop(struct relay_socket *socket);
