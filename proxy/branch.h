/* One branch of a context: its servers are found and tried one after the other, each by a
 * client transaction, until one answers (RFC 3261 §16.6, §16.8; RFC 3263 §4.3). What its end
 * means for the others and for the answer is the context's. The loop of the context's
 * worker. */
#pragma once

#include "proxy/context.h"

/* Begins a branch that waits: looks for its servers. Without memory it has no locate
 * afterwards, and did not begin. */
void branch_begin(struct branch *branch);

/* The branch will bring no (better) answer: its next server is tried if there is one and the
 * reason allows it; else it is done. */
void branch_failed(struct branch *branch, enum reason reason);

/* Ends it, unless it is done: by CANCEL where something was sent. reason_header may be NULL
 * (RFC 3326). */
void branch_cancel(struct branch *branch, const char *reason_header);

/* Frees what it holds; nothing is called back any more. */
void branch_fini(struct branch *branch);
