/* Takes connections from the TCP, TLS and MTLS listeners of one worker. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/transport/listener.h"

struct transport;

/* Serves the stream listeners among these, and no others. A socket that goes on under a new
 * listener loses no connection that waits in its backlog. */
enum err acceptor_serve(struct transport *transport, struct listener *const *listeners,
			unsigned n) MUST_CHECK;

void acceptor_close_all(struct transport *transport);
