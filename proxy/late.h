/* INVITEs that were given up, as their servers were silent while there were others to try: they
 * are cancelled, and the request has gone on. Where one of them is taken all the same, its 2xx
 * goes back like any other (RFC 3261 §16.7 item 5); whoever took it would wait for an ACK in
 * vain otherwise. */
#pragma once

#include "proxy/context.h"

/* The branch leaves its transaction, which is cancelled and listened to as long as the branch
 * is there. */
void late_keep(struct branch *branch);

/* Nobody listens any more. */
void late_end(struct branch *branch);
