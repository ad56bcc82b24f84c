/* A TCP connection, plain or with TLS on it: nothing in it waits, everything in it has a
 * deadline. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/listener.h"

struct transport;

/* Takes over fd, which may_connect has allowed. ERR_NO_MEMORY: fd is still the caller's, and
 * the charge too. */
enum err stream_accept(struct transport *transport, struct listener *listener, int fd,
		       const struct addr *remote) MUST_CHECK;

/* Begins to connect. The flow may have ended already when this returns (is_closed); it is the
 * transport's in any case. NULL: no memory, or no descriptor. */
struct flow *stream_dial(struct transport *transport, const struct hop *hop);
