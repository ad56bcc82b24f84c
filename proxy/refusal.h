/* The responses by which we refuse: the status of the reason's row, towards those whom we know
 * the code itself, and towards partners its number of [MS-OCER] beside it (design.md D5).
 * Strangers get a bare status. */
#pragma once

#include "proxy/base/reason.h"
#include "proxy/request.h"

/* Makes the response for a request that was refused. NULL if memory is short. */
msg_t *refusal_new(const struct request *request, enum reason reason);

/* The same for a request that was welcome first: asker decides what is told of the reason; with
 * Retry-After if retry_after_s is not 0. */
msg_t *refusal_for(msg_t *msg, enum reason reason, enum origin_kind asker, const char *agent,
		   unsigned retry_after_s);

/* The 407 of a request that needs digest authorization. */
msg_t *refusal_challenge(const struct request *request);

/* The 200 by which we answer OPTIONS for ourselves (RFC 3261 §11.2). */
msg_t *refusal_options_ok(const struct request *request);
