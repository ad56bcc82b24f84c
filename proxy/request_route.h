/* The last two steps of a request: what its dialog proves, and where it goes (RFC 3261 §16.4, §16.5). For request.c. */
#pragma once

#include "proxy/request.h"

/* Takes our Routes off and holds a request inside a dialog against the ends that our signed Route names. */
enum reason request_dialog_step(struct request *request);

/* Finds the targets, or answers for ourselves. */
enum reason request_route(struct request *request);

/* The same for a request of our own inside a dialog, to that end of it (struct record_route_token); its message is request->sip. */
enum reason request_route_of_ours(struct request *request, uint64_t end);

/* The same for a request that the partner of by redirects to its present Request-URI: what the sender could not have sent there by
 * itself is refused. The partner's other servers are such targets, too. */
enum reason request_route_redirected(struct request *request, const struct rule *by);
