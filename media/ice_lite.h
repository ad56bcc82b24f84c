/* ice_lite: our part of ICE towards a side that does it (RFC 8445 2.5): connectivity checks are
 * answered, and where the peer nominates a pair, media comes from there and goes there. We send
 * no checks. For media/ alone. */
#pragma once

#include "media/relay_inside.h"

/* Takes a STUN message from a port of an end with ICE. True if it was an authentic check, which
 * has been answered; anything else gets no answer, so that nobody can use us against others. */
bool ice_lite_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		   const struct addr *source);
