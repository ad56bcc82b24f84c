#include "proxy/load.h"

#include "proxy/base/macros.h"

enum { RETRY_AFTER_S = 10 };

/* From T1 on everybody repeats what we did not answer, and makes it worse (RFC 3261
 * §17.1.2.2). */
static const uint64_t lags_ms[LOAD_MAX] = { 250, 500, 1000, 2000 };

unsigned load_of_worker(const struct worker *worker)
{
	/* Two ticks in a row: one that is late is a matter of luck, and over when it is
	 * seen. */
	const uint64_t lag_ms =
		worker->lag_ms[0] < worker->lag_ms[1] ? worker->lag_ms[0] : worker->lag_ms[1];
	unsigned full = accounts_fullness(worker->server->accounts), load = 0;

	while (load < LOAD_MAX && lag_ms >= lags_ms[load])
		load++;
	return load > full ? load : full;
}

/* How far down the least important ones are shed: 1 is NOTIFY alone. Who does not ask for more
 * than others is a step behind. */
static unsigned depth_for(const struct request *request)
{
	const struct flow *flow = request->arrival->flow;
	bool is_heavy = flow->listener->network != NETWORK_LAN &&
			account_is_heavy(request->server->accounts, &flow->remote,
					 request->origin.id, request->now_ms);

	return is_heavy ? request->load : request->load - 1;
}

enum reason request_load(struct request *request)
{
	unsigned depth;

	if (!request->load || request->importance == IMPORTANCE_CALL || request->is_dry_run)
		return REASON_NONE;
	depth = depth_for(request);
	if ((unsigned)request->importance + depth < N_IMPORTANCES)
		return REASON_NONE;
	request->retry_after_s = RETRY_AFTER_S;
	decision_add(&request->decision, "limit", "load", NULL,
		     "load %u of %u: %s give way; Retry-After %u s", request->load, LOAD_MAX,
		     importance_text(request->importance), RETRY_AFTER_S);
	return REASON_SHED_LOAD;
}
