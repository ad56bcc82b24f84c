/* The last step of a request: where it goes (RFC 3261 §16.5). For request.c. */
#pragma once

#include "proxy/request.h"

/* Finds the targets, or answers for ourselves. */
enum reason request_route(struct request *request);

/* The same for a request that the partner of by redirects to its present Request-URI: what the
 * sender could not have sent there by itself is refused. The partner's other servers are such
 * targets, too. */
enum reason request_route_redirected(struct request *request, const struct rule *by);
