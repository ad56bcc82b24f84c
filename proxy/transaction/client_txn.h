/* A client transaction: one request to one hop, repeated until answered (RFC 3261 §17.1, RFC
 * 6026 §7.2). Builds the ACK to non-2xx finals and the CANCEL itself, both to the very flow
 * that the request took (pitfall 4). Outlives its user if it must. */
#pragma once

#include "proxy/transaction/txn_table.h"

struct client_txn;

struct client_txn_user {
	void *user;
	/* Every provisional (100 too), the final, and for INVITE each repeat of a 2xx and 2xx
	 * of other forks. The arrival's message may be kept with message_ref. */
	void (*on_response)(void *user, struct client_txn *txn, struct arrival *response);
	/* No final will come: timer B or F (REASON_NO_ANSWER), connect, TLS or write failure,
	 * connection lost. Comes at most once, and not after a final. */
	void (*on_failure)(void *user, struct client_txn *txn, enum err err,
			   enum reason reason);
	/* It is over; txn is freed after the call. Exactly once, unless detached. */
	void (*on_ended)(void *user, struct client_txn *txn);
};

/* Starts: sends wire (the print of msg, whose topmost Via holds branch) to hop. msg is
 * referenced for ACK and CANCEL. Nothing calls back from inside. On error nothing was kept. */
enum err client_txn_start(struct txn_table *table, msg_t *msg, struct wire *wire,
			  const char *branch, const struct hop *hop,
			  const struct client_txn_user *user,
			  struct client_txn **out) MUST_CHECK;

/* CANCEL (RFC 3261 §9.1): sent at once if a provisional came, else as soon as one does; not at
 * all after a final. reason_header (may be NULL) is copied into it (RFC 3326). If no final
 * follows in 64*T1, on_failure comes with REASON_CANCELLED. */
void client_txn_cancel(struct client_txn *txn, const char *reason_header);

/* Somebody else is told from now on; what hop pointed to must live as long as before. */
void client_txn_set_user(struct client_txn *txn, const struct client_txn_user *user);

/* The user goes away; the transaction ends by itself. NULL is fine. */
void client_txn_detach(struct client_txn *txn);

const char *client_txn_branch(const struct client_txn *txn);
/* The flow it went by; NULL until it was sent. */
struct flow *client_txn_flow(const struct client_txn *txn);
