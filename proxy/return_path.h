/* A response whose connection has ended (RFC 3261 §18.2.2): it goes to the servers that are
 * configured for the peer, over a new or another connection. Never to the address it came from:
 * behind a NAT that port is nobody's listener, and with TLS nobody would have been verified
 * (field.md pitfall 12). */
#pragma once

#include "proxy/context.h"

/* Sends the response to the origin of the context's request by its rule. ERR_NOT_FOUND if it
 * has none. */
enum err return_path_send(struct context *context, msg_t *response) MUST_CHECK;

/* Gives up those under way: the worker ends. */
void return_path_abort(struct worker *worker);
