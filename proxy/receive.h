/* Where every message enters the roof: responses go to their transactions, requests are judged
 * and then forwarded, answered or refused. */
#pragma once

#include "proxy/worker.h"

/* transport_user.on_message; user is the worker. */
/* A message over limits.message_size came: of a request whose headers are all there, the
 * refusal goes back. False if nobody was answered, and nothing recorded. */
bool receive_too_large(struct worker *worker, struct flow *flow, const void *bytes, size_t len);

/* A request that waited (proxy/hold): domain says whose record it waited for, "" none; srv is
 * what DNS said of that, or NULL. False if it must wait, now for the domain that is written to
 * domain. */
struct trust_srv;
bool receive_held(struct worker *worker, struct arrival *arrival, const struct trust_srv *srv,
		  char *domain, size_t size);

void receive_message(void *user, struct arrival *arrival);

/* A CANCEL whose INVITE was found: stops it. True if the CANCEL came from who sent the INVITE:
 * answer 200; else 481. */
bool receive_cancel(struct worker *worker, struct server_txn *invite, const struct addr *source,
		    const msg_t *cancel);

/* Answers a CANCEL with 200, or 481 if there is no such INVITE (RFC 3261 §9.2). */
void receive_answer_cancel(struct worker *worker, struct flow *flow, msg_t *cancel, bool found);
