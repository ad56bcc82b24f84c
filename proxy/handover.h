/* Messages that the kernel gave to the wrong worker (design.md D3): a response whose branch
 * names another one, and a CANCEL or ACK whose INVITE another one may have. They go by mailbox,
 * as bytes. */
#pragma once

#include "proxy/worker.h"

/* A response, to the worker that its branch names, with what alg_look_at_response said of
 * it. */
void handover_response(struct worker *worker, const struct arrival *arrival, unsigned to,
		       unsigned alg_signs);

/* A CANCEL or ACK that this worker does not know: asks the others one after the other. A CANCEL
 * that nobody knows is answered 481 by this worker in the end. False if there is nobody else to
 * ask. */
bool handover_search(struct worker *worker, const struct arrival *arrival);
