#include "proxy/transport/stand_in.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/transport/pool.h"
#include "proxy/transport/transport_inside.h"

enum { MAX_STAND_INS = 1024, IDLE_MS = 60 * 1000, LATE_MS = 2000, MAX_WORKERS = 64 };

struct stand_in {
	struct flow flow;
	struct list link;  /* transport.stand_ins */
	struct timer idle; /* or until the connection must have been opened */
};

static bool is_unused(const struct flow *flow)
{
	return flow->n_refs <= 1 && list_is_empty(&flow->users);
}

static void end(struct stand_in *stand_in, enum err err, enum reason reason)
{
	timer_stop(&stand_in->idle);
	list_remove(&stand_in->link);
	stand_in->flow.owner->n_stand_ins--;
	transport_flow_ended(&stand_in->flow, err, reason);
	stand_in->flow.shared = roll_left(stand_in->flow.shared);
}

/* We need it no longer; the connection goes on. */
static void close_stand_in(struct flow *flow, enum reason why)
{
	struct transport *transport = flow->owner;

	if (transport->user.tell_left)
		transport->user.tell_left(transport->user.user, flow->id);
	end(container_of(flow, struct stand_in, flow), ERR_CLOSED, why);
}

static void destroy(struct flow *flow)
{
	free(container_of(flow, struct stand_in, flow));
}

static void on_idle(struct timer *timer)
{
	struct stand_in *stand_in = container_of(timer, struct stand_in, idle);

	if (is_unused(&stand_in->flow))
		flow_close(&stand_in->flow, REASON_NONE);
	else
		timer_start(stand_in->flow.owner->loop, timer, IDLE_MS, on_idle);
}

static enum err send_elsewhere(struct flow *flow, struct wire *wire)
{
	struct stand_in *stand_in = container_of(flow, struct stand_in, flow);
	struct transport *transport = flow->owner;

	if (flow->shared) /* before the letter goes: its receiver takes it off again */
		roll_under_way(flow->shared, (ptrdiff_t)wire->len);
	enum err err = transport->user.send_elsewhere(transport->user.user, flow->id, wire,
						      flow->shared != NULL);
	if (err != ERR_OK) {
		if (flow->shared)
			roll_under_way(flow->shared, -(ptrdiff_t)wire->len);
		return err;
	}
	list_remove(&stand_in->link);
	list_append(&transport->stand_ins, &stand_in->link);
	timer_start(transport->loop, &stand_in->idle, IDLE_MS, on_idle);
	return ERR_OK;
}

const struct flow_ops stand_in_ops = { .send = send_elsewhere,
				       .close = close_stand_in,
				       .destroy = destroy };

/* Room for one more: one that nobody needs now gives way. */
static bool make_room(struct transport *transport)
{
	struct list *link, *following;

	if (transport->n_stand_ins < MAX_STAND_INS)
		return true;
	list_for_each(link, following, &transport->stand_ins) {
		struct stand_in *stand_in = container_of(link, struct stand_in, link);
		if (!is_unused(&stand_in->flow))
			continue;
		flow_close(&stand_in->flow, REASON_NONE);
		return true;
	}
	return false;
}

static enum err make(struct transport *transport, const struct hop *hop, uint64_t flow_id,
		     struct stand_in **out)
{
	if (!make_room(transport))
		return ERR_LIMIT;
	struct stand_in *stand_in = calloc(1, sizeof(*stand_in));
	if (!stand_in)
		return ERR_NO_MEMORY;

	struct flow *flow = &stand_in->flow;
	transport_flow_init(transport, flow, &stand_in_ops, hop->listener, hop->transport, NULL,
			    &hop->remote);
	transport_set_flow_id(flow, flow_id);
	text_copy(flow->peer_name, sizeof(flow->peer_name), hop->peer ? hop->peer : "");
	list_append(&transport->stand_ins, &stand_in->link);
	transport->n_stand_ins++;
	*out = stand_in;
	return ERR_OK;
}

static void set_open(struct stand_in *stand_in)
{
	struct transport *transport = stand_in->flow.owner;

	stand_in->flow.is_open = true;
	stand_in->flow.opened_ms = loop_now_ms(transport->loop);
	timer_start(transport->loop, &stand_in->idle, IDLE_MS, on_idle);
}

static enum err make_open(struct transport *transport, const struct hop *hop, struct flow **out)
{
	struct stand_in *stand_in;
	enum err err = make(transport, hop, hop->flow_id, &stand_in);

	if (err)
		return err;
	set_open(stand_in);
	*out = &stand_in->flow;
	return ERR_OK;
}

static bool takes_requests(const struct flow *flow)
{
	return flow && !flow->is_half_closed;
}

enum err stand_in_find(struct transport *transport, const struct hop *hop, struct flow **out)
{
	struct flow *flow = transport_find_flow(transport, hop->flow_id);

	if (takes_requests(flow)) {
		*out = flow;
		return ERR_OK;
	}
	if (flow || hop->flow_id >> FLOW_ID_WORKER_SHIFT == transport->worker ||
	    !transport->user.send_elsewhere || hop->transport == TRANSPORT_UDP)
		return ERR_CLOSED;
	return make_open(transport, hop, out);
}

/* The owner said nothing, for want of memory. */
static void on_late(struct timer *timer)
{
	end(container_of(timer, struct stand_in, idle), ERR_TIMEOUT, REASON_CONNECT_TIMEOUT);
}

/* Asks the owner to tell when it opens. */
static enum err await_opening(struct stand_in *stand_in, const struct hop *hop)
{
	struct transport *transport = stand_in->flow.owner;
	const struct transport_limits *limits = &transport->limits;
	enum err err = transport->user.tell_wanted(transport->user.user, stand_in->flow.id);

	if (err)
		return err;
	timer_start(transport->loop, &stand_in->idle,
		    (hop->connect_ms ? hop->connect_ms : limits->connect_ms) +
			    limits->handshake_ms + LATE_MS,
		    on_late);
	return ERR_OK;
}

static enum err make_for(struct transport *transport, const struct hop *hop,
			 struct roll_entry *entry, struct flow **out)
{
	struct stand_in *stand_in;
	enum err err = make(transport, hop, roll_flow_id(entry), &stand_in);

	if (err) {
		roll_left(entry);
		return err;
	}
	stand_in->flow.shared = entry;
	if (roll_is_open(entry, &stand_in->flow.identity))
		set_open(stand_in);
	else
		err = await_opening(stand_in, hop);
	if (err) {
		end(stand_in, err, REASON_NONE);
		return err;
	}
	/* Where memory is short it serves this one request. */
	(void)!pool_add_dialled(transport->pool, &stand_in->flow, hop);
	*out = &stand_in->flow;
	return ERR_OK;
}

enum err stand_in_join(struct transport *transport, const struct hop *hop,
		       struct roll_entry *entry, struct flow **out)
{
	struct flow *flow = transport_find_stream(transport, roll_flow_id(entry));

	if (!flow && (roll_flow_id(entry) >> FLOW_ID_WORKER_SHIFT == transport->worker ||
		      !transport->user.send_elsewhere)) {
		roll_left(entry);
		return ERR_LIMIT;
	}
	if (!flow)
		return make_for(transport, hop, entry, out);
	roll_left(entry); /* it is ours, or has its stand-in already */
	*out = flow;
	return ERR_OK;
}

void stand_in_opened(struct transport *transport, uint64_t flow_id)
{
	struct flow *flow = transport_find_stream(transport, flow_id);

	if (!flow || !flow_is_stand_in(flow) || flow->is_open || !flow->shared)
		return;
	roll_is_open(flow->shared, &flow->identity);
	set_open(container_of(flow, struct stand_in, flow));
	transport_send_waiting(flow);
}

enum err stand_in_wanted(struct transport *transport, uint64_t flow_id, unsigned from)
{
	struct flow *flow = transport_find_stream(transport, flow_id);

	if (!takes_requests(flow) || flow_is_stand_in(flow) || from >= MAX_WORKERS)
		return ERR_CLOSED;
	flow->stand_ins |= UINT64_C(1) << from;
	if (flow->is_open)
		transport->user.tell_opened(transport->user.user, from, flow->id);
	return ERR_OK;
}

void stand_in_tell_opened(struct flow *flow)
{
	struct transport *transport = flow->owner;
	uint64_t waiting = flow->stand_ins;

	for (unsigned worker = 0; waiting; worker++, waiting >>= 1)
		if ((waiting & 1) && transport->user.tell_opened)
			transport->user.tell_opened(transport->user.user, worker, flow->id);
}

enum err stand_in_serve(struct transport *transport, uint64_t flow_id, unsigned from,
			struct wire *wire, bool is_counted)
{
	struct flow *flow = transport_find_flow(transport, flow_id);

	if (!takes_requests(flow) || flow_is_stand_in(flow) || from >= MAX_WORKERS)
		return ERR_CLOSED;
	flow->stand_ins |= UINT64_C(1) << from;
	if (flow->shared && is_counted)
		roll_under_way(flow->shared, -(ptrdiff_t)wire->len);
	if (flow->n_queued_bytes && transport->limits.all_queues_bytes &&
	    transport->n_unsent_bytes + wire->len > transport->limits.all_queues_bytes)
		return ERR_LIMIT;
	return flow_send(flow, wire);
}

void stand_in_left(struct transport *transport, uint64_t flow_id, unsigned from)
{
	struct flow *flow = transport_find_stream(transport, flow_id);

	if (flow && from < MAX_WORKERS)
		flow->stand_ins &= ~(UINT64_C(1) << from);
}

void stand_in_tell_lost(struct flow *flow)
{
	struct transport *transport = flow->owner;
	uint64_t told = flow->stand_ins;

	flow->stand_ins = 0;
	for (unsigned worker = 0; told; worker++, told >>= 1)
		if ((told & 1) && transport->user.tell_lost)
			transport->user.tell_lost(transport->user.user, worker, flow->id);
}

void stand_in_lost(struct transport *transport, uint64_t flow_id)
{
	struct flow *flow = transport_find_stream(transport, flow_id);
	enum reason reason = REASON_CONNECTION_LOST;
	enum err err = ERR_RESET;

	if (!flow || !flow_is_stand_in(flow))
		return;
	/* What never opened fails here as it did there: the health of its server is judged by
	 * that. */
	if (!flow->is_open && flow->shared && roll_how_it_ended(flow->shared, &err, &reason) &&
	    !reason)
		reason = REASON_CONNECTION_LOST;
	end(container_of(flow, struct stand_in, flow), err, reason);
}
