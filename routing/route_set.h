/* The Route headers of a request that reached us: which are ours, and what is left (RFC 3261
 * §16.4, §16.6 items 5, 6; RFC 5658 double entries; strict routers repaired). */
#pragma once

#include <stdbool.h>

#include "proxy/sip/message.h"
#include "proxy/transport/listener.h"
#include "routing/record_route.h"
#include "routing/self_names.h"

struct route_view {
	bool had_own;                            /* the topmost Route was ours */
	enum record_route_verdict token_verdict; /* of our topmost Route */
	struct record_route_token token;
	struct listener *in, *out; /* listeners our first and last own Route name; NULL: none */
	const char *first_user;    /* user part of our first Route; the message's */
	bool was_strict; /* the Request-URI was ours, from a strict router, and was repaired */
};

/* Looks at and takes away our Routes (one, or two by RFC 5658) from the top of msg, repairing
 * strict routing (§16.4). Edits msg: give it a copy. */
enum err route_set_take(msg_t *msg, const struct self_names *names,
			const struct record_route_keys *keys,
			struct route_view *out) MUST_CHECK;

/* If the next Route is a strict router (no lr): puts the Request-URI last into Route and the
 * Route into the Request-URI (§16.6 item 6). */
enum err route_set_prepare_next(msg_t *msg) MUST_CHECK;
