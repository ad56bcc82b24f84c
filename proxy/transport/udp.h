/* Datagrams: many in one system call, both ways. A UDP flow is an address pair; it is made when
 * a datagram comes or goes and forgotten when nobody holds it and others push it out of the
 * socket's cache. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/wire.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/listener.h"

struct sending;
struct transport;
struct udp_receiver;

/* Serves the UDP listeners among these, and no others. A socket that goes on under a new
 * listener is not interrupted. */
enum err udp_serve(struct transport *transport, struct listener *const *listeners,
		   unsigned n) MUST_CHECK;
void udp_close_all(struct transport *transport);
struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver);

/* The flow from hop->listener's socket to hop->remote, counted for the caller; NULL: no such
 * socket, or no memory. */
struct flow *udp_flow_for_hop(struct transport *transport, const struct hop *hop);

/* Queues wire for the end of this round of the loop. sending, if not NULL, is finished when the
 * kernel has taken it or refused it. ERR_CLOSED, ERR_TOO_LARGE. */
enum err udp_send(struct flow *flow, struct wire *wire, struct sending *sending) MUST_CHECK;
