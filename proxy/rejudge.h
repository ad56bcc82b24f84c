/* What is open is judged anew when the configuration, or an administrator's word, has changed:
 * connections that stand for a partner alone that may not federate any more end at once, and so
 * does what still rings for it. */
#pragma once

#include "proxy/worker.h"

/* The worker's thread, outside of any request. */
void rejudge(struct worker *worker);
