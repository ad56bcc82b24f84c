/* A backend that logs on: the step of a request that asks for its credentials, and what its
 * connection is worth later. */
#pragma once

#include "proxy/request.h"
#include "proxy/transport/flow.h"

/* For a REGISTER on a remote listener see phone_log_on. On a lan listener: the digest of a
 * backend's username (RFC 3261 §22.1, RFC 8760). Sets request->log_on and the origin; else the
 * reason to refuse or to challenge with. Anything else passes. */
enum reason request_log_on(struct request *request);

/* The rule id of the backend that has logged on by this connection, under the credentials that
 * hold in that snapshot, and for longer than now_ms; "" if none. */
const char *log_on_of_flow(const struct snapshot *snapshot, const struct flow *flow,
			   uint64_t now_ms);

/* "backend:NAME" -> NAME; NULL if the id is no backend's. */
const char *log_on_backend_name(const char *id);
