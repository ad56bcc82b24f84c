/* A server transaction: one request to us and its answers (RFC 3261 §17.2, RFC 6026 §7.1, RFC
 * 4320). */
#pragma once

#include "proxy/transaction/txn_table.h"

struct server_txn;

struct server_txn_user {
	void *user;
	/* INVITE only: the ACK to a non-2xx final never came (timer H). */
	void (*on_no_ack)(void *user, struct server_txn *txn);
	/* It is over; txn is freed after the call. Exactly once, unless detached. */
	void (*on_ended)(void *user, struct server_txn *txn);
};

/* Makes it for a new request (not ACK, not CANCEL that is absorbed). ERR_LIMIT: too many. Takes
 * references to message and flow. It sends a 100 by itself: to an INVITE without any response
 * after SIP_TRYING_MS, or at once when it is repeated before that (§17.2.1); to another request
 * as RFC 4320 §4.1 allows. */
enum err server_txn_new(struct txn_table *table, struct arrival *arrival,
			const struct server_txn_user *user, struct server_txn **out) MUST_CHECK;

/* Sends a response: provisional, final, or in state Accepted further 2xx (RFC 6026). A second
 * final other than 2xx is ERR_INVALID. The response's topmost Via must be the request's. RFC
 * 4320: a non-INVITE 408 is never sent; a non-INVITE provisional other than a late 100 is
 * dropped quietly. */
enum err server_txn_respond(struct server_txn *txn, msg_t *response) MUST_CHECK;

void server_txn_detach(struct server_txn *txn); /* NULL is fine */

/* The request; NULL once the final response was sent, as a finished transaction keeps no
 * message. */
msg_t *server_txn_request(const struct server_txn *txn);
/* The flow that its responses go by: over UDP to where the Via says, which may be another port
 * than the request's. */
struct flow *server_txn_flow(const struct server_txn *txn);
void *server_txn_user(const struct server_txn *txn); /* NULL once detached */
bool server_txn_has_final(const struct server_txn *txn);

/* Sends one response without a transaction (RFC 3261 §8.2.7) over the flow, to where the Via
 * says. */
enum err server_txn_reply_stateless(struct transport *transport, struct flow *flow,
				    msg_t *request, msg_t *response) MUST_CHECK;
