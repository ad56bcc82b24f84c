/* Requests that wait until DNS has told who may speak for their domain (open federation). Those
 * that come after them on the same connection wait behind them, so that an ACK or CANCEL does
 * not overtake its INVITE. Bounded; one worker's. */
#pragma once

#include "federation/trust.h"
#include "proxy/worker.h"

/* True if requests of that connection wait: then what comes on it has to, too. */
bool hold_is_waiting(const struct flow *flow);

/* Takes the request in, which must wait for the SRV record of domain ("": only for those before
 * it). It will be received anew. False if too many wait, the connection has ended, or there is
 * no memory. */
bool hold_request(struct worker *worker, const struct arrival *arrival, const char *domain);

/* Forgets all that waits: the worker stops. */
void hold_abort(struct worker *worker);

/* Fills from an answer of DNS. */
void hold_read_srv(const struct dns_answer *answer, struct trust_srv *out);
