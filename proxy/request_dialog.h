/* Requests inside a dialog: what their dialog proves, and where they go (RFC 3261 §12.2, §16.4,
 * §16.6). */
#pragma once

#include "proxy/request.h"

/* Takes our Routes off and holds a request inside a dialog against the ends that our signed
 * Route names. */
enum reason request_dialog_step(struct request *request);

/* Finds the target of a request whose signed Route is valid: the end that did not send it. */
enum reason request_route_inside_dialog(struct request *request);

/* The same for a request of our own inside a dialog, to that end of it (struct
 * record_route_token); its message is request->sip. */
enum reason request_route_of_ours(struct request *request, uint64_t end);
