#include "proxy/return_path.h"

#include <stdlib.h>

#include "proxy/open_partner.h"

/* One response under way; frees itself. */
struct trip {
	struct list link; /* worker->trips */
	struct worker *worker;
	struct snapshot *snapshot;
	struct target target;
	struct locate *locate;
	struct sending sending;
	struct wire *wire;
	struct loop_call end;
};

static void trip_free(struct trip *trip)
{
	list_remove(&trip->link);
	loop_defer_cancel(&trip->end);
	locate_cancel(trip->locate);
	transport_cancel(&trip->sending);
	wire_unref(trip->wire);
	snapshot_unref(trip->snapshot);
	free(trip);
}

static void on_end_call(struct loop_call *call)
{
	trip_free(container_of(call, struct trip, end));
}

static void on_sent(struct sending *sending, enum err err, enum reason reason)
{
	struct trip *trip = container_of(sending, struct trip, sending);

	/* Sent or lost: the peer's repeated request will ask again if it was lost. */
	if (sending->flow)
		sending->flow = flow_unref(sending->flow);
	loop_defer(trip->worker->loop, &trip->end, on_end_call);
}

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct trip *trip = user;

	trip->locate = NULL;
	if (reason || !n_hops ||
	    transport_send(trip->worker->transport, &hops[0], trip->wire, &trip->sending,
			   on_sent))
		loop_defer(trip->worker->loop, &trip->end, on_end_call);
}

enum err return_path_send(struct context *context, msg_t *response)
{
	struct worker *worker = context->worker;
	const struct rule *rule = snapshot_rule(context->snapshot, context->origin.id);
	struct trip *trip;
	enum err err;

	if (!rule || open_partner_is_blocked(worker->server, rule) ||
	    !snapshot_has_peer(worker->snapshot, rule->id))
		return ERR_NOT_FOUND;
	trip = calloc(1, sizeof(*trip));
	if (!trip)
		return ERR_NO_MEMORY;
	trip->worker = worker;
	trip->snapshot = snapshot_ref(context->snapshot);
	trip->target.rule = rule;
	list_append(&worker->trips, &trip->link);
	err = message_print(response, &trip->wire);
	if (!err) {
		trip->locate = locate_start(worker->loop, worker->dns, worker->server->health,
					    worker->server->location, &trip->target,
					    context->snapshot->settings->dns.budget_ms,
					    on_located, trip);
		err = trip->locate ? ERR_OK : ERR_NO_MEMORY;
	}
	if (err)
		trip_free(trip);
	return err;
}

void return_path_abort(struct worker *worker)
{
	struct list *link, *following;

	list_for_each(link, following, &worker->trips)
		trip_free(container_of(link, struct trip, link));
}
