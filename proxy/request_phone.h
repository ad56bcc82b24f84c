/* Requests to phones: the targets are their flows (RFC 5626 §5.3), which nobody could dial. */
#pragma once

#include "proxy/request.h"

/* The phones of the request's user, to_user of to_domain: one target for each that is
 * registered, all at a time, with the flows of one instance one after the other (RFC 5626 §7).
 * The flow that the request came by is none of them. */
void request_phone_ask(struct request *request);

/* Inside a dialog whose other end is a phone: by the flow that our signed Route names, or,
 * where the phone has registered the same contact anew since, by the one that it has now.
 * REASON_FLOW_FAILED: there is none. flow need not be set: then it is the contact's flow
 * alone. */
enum reason request_phone_inside_dialog(struct request *request, uint64_t end,
					const struct token_flow *flow);

/* A backend speaks for its own domains alone; but who passes a partner's call on to a phone of
 * ours leaves the partner in From. Where the request is for a phone it is accepted, as the
 * backend's (request->only_phones). */
void request_phone_from_backend(struct request *request);

/* By that hop the phone is not reached any more: what was registered by it ends. */
void request_phone_hop_failed(struct server *server, const struct hop *hop, enum reason reason);
