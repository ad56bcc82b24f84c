/* A request that is too large for a datagram goes by TCP where its server takes it (RFC 3261
 * §18.1.1; field.md pitfall 13): to a place by TCP that is configured at the same host, else to
 * the very address and port. Takes nobody a connection there, it goes as a datagram all the
 * same, in pieces, and so do those that follow for a while. For forward.c. */
#pragma once

#include "proxy/context.h"

/* True if a request of len bytes shall be tried by another hop than hop, which is written then.
 * What came of it is told below; one try at a time. */
bool by_size_other(struct branch *branch, const struct hop *hop, size_t len, struct hop *out);

/* The try failed. True if the request shall go by the first choice after all; that is
 * remembered and logged. */
bool by_size_failed(struct branch *branch, const struct hop *hop, enum reason reason);

/* The server answered by TCP. */
void by_size_succeeded(struct branch *branch);
