/* How much a worker has to do, and what is shed for it: the less important first, and of those
 * first what comes from whoever asks for most (field.md pitfall 10). */
#pragma once

#include "proxy/request.h"
#include "proxy/worker.h"

enum { LOAD_MAX = 4 };

/* 0: there is time for all, to LOAD_MAX: for hardly anything. By how late the loop is, and how
 * many of limits.transactions are taken. The worker's thread. */
unsigned load_of_worker(const struct worker *worker);

/* The step behind the limits: REASON_SHED_LOAD for a request that must give way. */
enum reason request_load(struct request *request);
