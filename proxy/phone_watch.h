/* Keeps the datagram flows of phones open, and notices when one is gone: OPTIONS to each in
 * turn, more often than routers forget (RFC 5626 §4.4 leaves that to the phone; most phones do
 * not). A flow on which a phone has answered once, and answers no more, has failed: what was
 * registered by it ends. Worker 0's. */
#pragma once

#include "proxy/worker.h"

struct phone_watch;

struct phone_watch *phone_watch_new(struct worker *worker); /* NULL: no memory */
/* NULL is fine; returns NULL */
struct phone_watch *phone_watch_free(struct phone_watch *watch);

/* Once a second. */
void phone_watch_tick(struct phone_watch *watch);
