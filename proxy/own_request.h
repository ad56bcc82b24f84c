/* Requests of our own: the OPTIONS that ask whether somebody is there, and how a request of
 * ours goes out. The worker's loop. */
#pragma once

#include "proxy/transaction/client_txn.h"
#include "proxy/worker.h"

/* OPTIONS (RFC 3261 §11.1) without a Via, from our first domain, to what stands in to: a host,
 * with a port or without. *out is the caller's. ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_SYNTAX: to is
 * no host. */
enum err own_request_options(const struct settings *settings, const struct hop *hop,
			     const char *to, msg_t **out) MUST_CHECK;

/* Sends a request, which has no Via of ours yet, to hop; *out is the client transaction. The
 * errors of client_txn_start. */
enum err own_request_send(struct worker *worker, msg_t *msg, const struct hop *hop,
			  const struct client_txn_user *user,
			  struct client_txn **out) MUST_CHECK;
