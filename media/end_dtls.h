/* end_dtls: DTLS-SRTP of one end: whose datagrams a handshake belongs to, and what becomes of
 * its outcome. For media/ alone. */
#pragma once

#include "media/relay_inside.h"

/* What signalling says: a new handshake if the fingerprint or our role changed or none went
 * well; else all stays. */
void end_dtls_set(struct relay_end_state *end, const struct relay_end *wanted);

/* Takes a datagram from an admitted source. */
void end_dtls_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		   const struct addr *source);

/* It is known now where that side is: a client begins. */
void end_dtls_found(struct relay_end_state *end);

void end_dtls_stop(struct relay_end_state *end);
