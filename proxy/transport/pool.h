/* Which open connection may carry a request to a hop (RFC 5923, field.md pitfall 11), of those
 * that this worker has, or has a stand-in for. A connection that we dialled serves only hops
 * that agree in everything it was dialled for: partner, addresses, TLS name, both sides'
 * certificates. One that was accepted serves a hop only if its peer has proved a name of that
 * hop. */
#pragma once

#include <stdbool.h>

#include "proxy/base/error.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"

struct pool;

enum err pool_new(struct pool **out) MUST_CHECK;
struct pool *pool_free(struct pool *pool); /* must be empty; NULL is fine */

/* The connections of this worker for a hop. */
struct pool_choice {
	/* open or still connecting: that by which the last request of its call went (hop.call),
	 * else the least loaded; NULL: none */
	struct flow *best;
	size_t load; /* what waits in it */
	/* there is none, or this is no known call and all of them have much to send to a peer
	 * that reads slowly */
	bool wants_another;
	/* if so: how many there are, with those that the peer opened itself and that fit */
	unsigned n_of_peer;
};

void pool_find(struct pool *pool, const struct hop *hop, struct pool_choice *out);

/* The request of hop's call goes by flow: what follows does, too, as long as it is
 * remembered. */
void pool_remember(struct pool *pool, const struct hop *hop, const struct flow *flow);

/* What waits for the hop's peer, in all that was dialled for it and in flow, if that is not
 * NULL. */
size_t pool_unsent_bytes(struct pool *pool, const struct hop *hop, const struct flow *flow);

/* True if there is no other connection to the same place for the same peer. */
bool pool_is_alone(const struct flow *flow);

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
