/* Which open connection may carry a request to a hop (RFC 5923, field.md pitfall 11). A
 * connection that we dialled serves only hops that agree in everything it was dialled for:
 * partner, addresses, TLS name, both sides' certificates. One that was accepted serves a hop
 * only if its peer has proved a name of that hop. */
#pragma once

#include <stdbool.h>

#include "proxy/base/error.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"

struct pool;

enum err pool_new(struct pool **out) MUST_CHECK;
struct pool *pool_free(struct pool *pool); /* must be empty; NULL is fine */

/* The least loaded connection for hop, open or still connecting; NULL: dial one. Also NULL
 * while all of them have bytes to send and there are fewer than max_flows. */
struct flow *pool_find(struct pool *pool, const struct hop *hop, unsigned max_flows);

/* Adds a connection that was dialled for hop. ERR_NO_MEMORY. */
enum err pool_add_dialled(struct pool *pool, struct flow *flow,
			  const struct hop *hop) MUST_CHECK;

/* Adds an accepted connection, once it is open: those that nobody can reuse are left out.
 * our_fingerprint: of the certificate we showed it, "" for none; trust_fingerprint: of those
 * who vouched for its peer. */
enum err pool_add_accepted(struct pool *pool, struct flow *flow, const char *our_fingerprint,
			   const char *trust_fingerprint) MUST_CHECK;

/* Takes a flow out; fine if it is not in it. */
void pool_remove(struct pool *pool, struct flow *flow);
