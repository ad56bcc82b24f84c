/* Looks whether a router on the way rewrites SIP (nat/alg.h): the first request of each flow
 * that a router can read, and later those that begin something; kept with the flow, and told of
 * the peer or listener in status. */
#pragma once

#include "proxy/worker.h"

/* A request as it came, before anything of it is changed. */
void alg_look_at_request(const struct arrival *arrival);

/* The request was judged: what was seen of its flow is noted of this peer ("partner:NAME",
 * "backend:NAME"), once. */
void alg_look_note(struct worker *worker, struct flow *flow, const char *id);

/* A response as it came: what the other side says of where it saw us; ALG_LOOK_NOTHING if it
 * says nothing. */
enum { ALG_LOOK_NOTHING = 0x100 };
unsigned alg_look_at_response(const struct arrival *arrival);

/* The response was one to a request of ours: what it says is noted of the listener, if it is
 * new. Any stranger can send others. */
void alg_look_note_response(struct worker *worker, struct flow *flow, unsigned signs);

/* The same of one that came to another worker, which handed it over with what
 * alg_look_at_response said. */
void alg_look_note_handed(struct worker *worker, const struct listener *listener,
			  const struct addr *source, unsigned signs);

/* The id under which signs of our own router are kept, of a listener. */
enum { ALG_LOOK_ID_SIZE = 80 };
const char *alg_look_listener_id(const char *listener, char out[ALG_LOOK_ID_SIZE]);
