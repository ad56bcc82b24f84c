/* hang_up: ends a call on which nothing comes any more (media.on_timeout: bye): both sides are
 * sent a BYE as if the other one had hung up (RFC 3261 §15.1.1). Each goes where a request
 * inside the dialog would, server after server; the answer goes to nobody, but each BYE leaves
 * a record for `nuncio why`. A worker's own. */
#pragma once

#include "media/calls.h"
#include "proxy/worker.h"

/* At most so many BYEs are under way in a worker; what is beyond them is not sent, and
 * logged. */
enum { HANG_UP_MAX = 1000 };

void hang_up(struct worker *worker, const struct calls_silent *silent);

/* Gives up those under way: the worker stops. */
void hang_up_abort(struct worker *worker);
