/* pass: packets through a relay: from a port of one end, by first byte, latch and SRTP, out by
 * the other end's port. No lock, no allocation, no log line for a packet. For media/ alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/relay_inside.h"

/* Called when a port can be read. */
void on_packets(struct loop_watch *watch, unsigned events);

/* Sends bytes of our own to that side (keepalive): bytes has room for SRTP_ROOM more. False if
 * there is nowhere to send to. */
bool send_own(struct relay_end_state *end, bool is_rtcp, uint8_t *bytes, size_t len);

/* Sends one datagram from a port, as it is. */
void send_raw(struct relay_end_state *end, unsigned component, const uint8_t *bytes, size_t len,
	      const struct addr *to);
