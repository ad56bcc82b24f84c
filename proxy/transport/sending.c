#include "proxy/transport/transport.h"

#include <string.h>

#include "proxy/transport/path_mtu.h"
#include "proxy/transport/pool.h"
#include "proxy/transport/stand_in.h"
#include "proxy/transport/stream.h"
#include "proxy/transport/trace.h"
#include "proxy/transport/transport_inside.h"
#include "proxy/transport/udp.h"

enum { PEER_PART = 4 }; /* of what is left for all queues, one peer's may have a quarter */

static void tell_end(struct loop_call *call)
{
	struct sending *sending = container_of(call, struct sending, call);

	sending->is_active = false;
	sending->wire = wire_unref(sending->wire);
	sending->on_end(sending, sending->err, sending->reason);
}

void sending_finish(struct transport *transport, struct sending *sending, struct flow *flow,
		    enum err err, enum reason reason)
{
	list_remove(&sending->link);
	sending->err = err;
	sending->reason = reason;
	sending->flow = err == ERR_OK ? flow_ref(flow) : NULL;
	loop_defer(transport->loop, &sending->call, tell_end);
}

static void begin(struct sending *sending, struct wire *wire,
		  void (*on_end)(struct sending *, enum err, enum reason))
{
	memset(sending, 0, sizeof(*sending));
	list_init(&sending->link);
	sending->wire = wire_ref(wire);
	sending->on_end = on_end;
	sending->is_active = true;
}

/* Undoes begin, for errors that are told at once. */
static enum err refuse(struct sending *sending, enum err err)
{
	sending->is_active = false;
	sending->wire = wire_unref(sending->wire);
	return err;
}

static enum err send_datagram(struct transport *transport, const struct hop *hop,
			      struct sending *sending)
{
	if (sending->wire->len > PATH_MTU_MAX_BYTES)
		return refuse(sending, ERR_TOO_LARGE);

	struct flow *flow = transport->dial ? transport->dial(transport->dial_user, hop)
					    : udp_flow_for_hop(transport, hop);
	if (!flow) {
		sending_finish(transport, sending, NULL, ERR_NOT_FOUND, REASON_NO_LISTENER);
		return ERR_OK;
	}
	enum err err;
	if (transport->dial) {
		err = flow_send(flow, sending->wire);
		if (err == ERR_OK)
			sending_finish(transport, sending, flow, ERR_OK, REASON_NONE);
		return err == ERR_OK ? ERR_OK : refuse(sending, err);
	}
	err = udp_send(flow, sending->wire, sending);
	if (err == ERR_OK)
		trace_message(flow, true, sending->wire->bytes, sending->wire->len);
	flow_unref(flow);
	return err == ERR_OK ? ERR_OK : refuse(sending, err);
}

/* ---- connections beside others ---- */

static bool is_beyond(const struct flow *flow)
{
	return flow->shared && roll_is_beyond(flow->shared);
}

/* It was needed while the others had much to send; looked at when it may have been idle for
 * long enough. */
static void on_spare(struct timer *timer)
{
	struct flow *flow = container_of(timer, struct flow, spare);
	struct transport *transport = flow->owner;
	const uint64_t idle_ms = transport->limits.spare_idle_ms,
		       now_ms = loop_now_ms(transport->loop);
	uint64_t last_ms = flow->last_received_ms > flow->last_sent_ms ? flow->last_received_ms
								       : flow->last_sent_ms;

	if (pool_is_alone(flow) && !is_beyond(flow))
		return; /* the others have ended */
	if (now_ms - last_ms < idle_ms) {
		timer_start(transport->loop, timer, idle_ms - (now_ms - last_ms), on_spare);
		return;
	}
	if (list_is_empty(&flow->users) && list_is_empty(&flow->sendings) &&
	    flow->n_queued_bytes == 0 && flow->n_refs <= 1 && flow->stand_ins == 0 &&
	    (!flow->shared || roll_withdraw_unused(flow->shared)))
		flow_close(flow, REASON_NONE);
	else
		timer_start(transport->loop, timer, idle_ms, on_spare);
}

/* ---- what may wait ---- */

/* The less room there is for all, the less one peer may take up: who has nothing yet always
 * finds some. */
static size_t room_of_peer(const struct transport *transport)
{
	const struct transport_limits *limits = &transport->limits;
	size_t left = limits->all_queues_bytes > transport->n_unsent_bytes
			      ? limits->all_queues_bytes - transport->n_unsent_bytes
			      : 0;

	if (!limits->all_queues_bytes || left / PEER_PART > limits->queue_bytes)
		return limits->queue_bytes;
	return left / PEER_PART;
}

/* False: so much waits for the peer that this request is shed (field.md pitfall 10). */
static bool has_room(const struct transport *transport, const struct hop *hop,
		     const struct flow *flow, size_t len)
{
	/* what is in it was just not written yet */
	bool is_quick = flow && flow->is_open && !flow_reads_slowly(flow);
	bool is_shared = flow && flow->shared;
	size_t n_unsent = !is_quick && (transport->n_unsent_bytes || is_shared)
				  ? pool_unsent_bytes(transport->pool, hop, flow)
				  : 0;
	size_t room = room_of_peer(transport);

	if (is_shared && roll_room(flow->shared) < room)
		room = roll_room(flow->shared); /* where it will wait */
	return n_unsent == 0 || n_unsent + len <= importance_share(hop->importance, room);
}

void flow_note_load(struct flow *flow)
{
	if (!flow_is_stand_in(flow))
		roll_note_load(flow->shared, flow->n_waiting_bytes + flow->n_queued_bytes,
			       flow->is_slow, room_of_peer(flow->owner));
}

/* Makes a connection for hop, which may have failed already when this returns. entry: what the
 * roll knows of it, taken over; NULL: nothing. */
static struct flow *dial(struct transport *transport, const struct hop *hop,
			 struct roll_entry *entry)
{
	struct flow *flow = transport->dial ? transport->dial(transport->dial_user, hop)
					    : stream_dial(transport, hop);

	if (!flow || flow->is_closed) {
		roll_end(entry, flow ? flow->end_err : ERR_NO_MEMORY,
			 flow ? flow->end_reason : REASON_NONE);
	} else {
		flow->shared = entry;
		if (entry)
			transport_set_flow_id(flow, roll_flow_id(entry));
		strncpy(flow->peer_name, hop->peer ? hop->peer : "",
			sizeof(flow->peer_name) - 1);
		if (!flow->pool_place && pool_add_dialled(transport->pool, flow, hop) != ERR_OK)
			return flow; /* it serves this one request */
		if ((!pool_is_alone(flow) || is_beyond(flow)) &&
		    transport->limits.spare_idle_ms)
			timer_start(transport->loop, &flow->spare,
				    transport->limits.spare_idle_ms, on_spare);
	}
	return flow;
}

/* ---- which one ---- */

/* The connection for a request: flow, or the one that is to be dialled, as entry if it is on
 * the roll. */
struct way {
	struct flow *flow;
	struct roll_entry *entry;
};

static bool has_room_to_dial(const struct transport *transport)
{
	return transport->n_streams < transport->limits.connections;
}

/* Where the peer's bound is this worker's alone. */
static enum err choose_alone(const struct transport *transport, const struct hop *hop,
			     const struct pool_choice *choice, struct way *out)
{
	const unsigned max = hop->max_connections ? hop->max_connections : 1;
	bool may_have_another = choice->n_of_peer < max && has_room_to_dial(transport);

	if (!choice->best && !has_room_to_dial(transport))
		return ERR_LIMIT;
	out->flow = may_have_another ? NULL : choice->best;
	return ERR_OK;
}

/* Where it holds over all workers. */
static enum err choose_among_all(struct transport *transport, const struct hop *hop,
				 const struct pool_choice *choice, struct way *out)
{
	const struct roll_question question = {
		.hop = hop,
		.flow_id = ++transport->next_id,
		.has_own = choice->best != NULL,
		.own_load = choice->load,
		.may_dial = has_room_to_dial(transport),
	};
	enum roll_way way;
	enum err err = roll_ask(transport->roll, &question, &out->entry, &way);
	struct roll_entry *entry = out->entry;

	if (err)
		return err;
	switch (way) {
	case ROLL_DIAL:
		return ERR_OK;
	case ROLL_JOIN:
		out->entry = NULL;
		return stand_in_join(transport, hop, entry, &out->flow);
	case ROLL_STAY:
		out->flow = choice->best;
		return ERR_OK;
	case ROLL_NONE:
		break;
	}
	return ERR_LIMIT;
}

static enum err choose(struct transport *transport, const struct hop *hop, struct way *out)
{
	struct pool_choice choice;

	*out = (struct way){ 0 };
	pool_find(transport->pool, hop, &choice);
	if (!choice.wants_another) {
		out->flow = choice.best;
		return ERR_OK;
	}
	return transport->roll && hop->max_connections && hop->peer && *hop->peer
		       ? choose_among_all(transport, hop, &choice, out)
		       : choose_alone(transport, hop, &choice, out);
}

static enum err send_on_stream(struct transport *transport, const struct hop *hop,
			       struct sending *sending)
{
	struct way way;
	enum err err = choose(transport, hop, &way);
	struct flow *flow = way.flow;

	if (err)
		return refuse(sending, err);
	if (!has_room(transport, hop, flow, sending->wire->len)) {
		roll_end(way.entry, ERR_LIMIT, REASON_SEND_QUEUE_FULL);
		return refuse(sending, ERR_LIMIT);
	}
	if (!flow && hop->transport != TRANSPORT_TCP &&
	    !hop->trust) { /* nobody could be believed */
		roll_end(way.entry, ERR_TLS, REASON_TLS_INTERNAL);
		sending_finish(transport, sending, NULL, ERR_TLS, REASON_TLS_INTERNAL);
		return ERR_OK;
	}
	if (!flow)
		flow = dial(transport, hop, way.entry);
	if (!flow)
		return refuse(sending, ERR_NO_MEMORY);
	if (flow->is_closed) {
		sending_finish(transport, sending, NULL, flow->end_err, flow->end_reason);
		return ERR_OK;
	}
	pool_remember(transport->pool, hop, flow);
	if (flow->is_open) {
		err = flow_send(flow, sending->wire);
		if (err != ERR_OK)
			return refuse(sending, err);
		sending_finish(transport, sending, flow, ERR_OK, REASON_NONE);
		return ERR_OK;
	}
	if (flow->n_waiting_bytes > 0 &&
	    flow->n_waiting_bytes + sending->wire->len > transport->limits.queue_bytes)
		return refuse(sending, ERR_LIMIT);
	flow_add_waiting(flow, (ptrdiff_t)sending->wire->len);
	list_append(&flow->sendings, &sending->link);
	sending->flow = flow; /* not counted: it ends this sending before it goes */
	return ERR_OK;
}

/* The connection that the hop names, and no other: nobody could dial that backend. */
static enum err send_on_flow(struct transport *transport, const struct hop *hop,
			     struct sending *sending)
{
	struct flow *flow = NULL;
	enum err err = stand_in_find(transport, hop, &flow);

	if (err == ERR_OK && !has_room(transport, hop, flow, sending->wire->len))
		err = ERR_LIMIT;
	if (err == ERR_OK)
		err = flow_send(flow, sending->wire);
	if (err == ERR_NO_MEMORY || err == ERR_LIMIT)
		return refuse(sending, err);
	sending_finish(transport, sending, flow, err == ERR_OK ? ERR_OK : ERR_CLOSED,
		       err == ERR_OK ? REASON_NONE : REASON_CONNECTION_LOST);
	return ERR_OK;
}

enum err transport_send(struct transport *transport, const struct hop *hop, struct wire *wire,
			struct sending *sending,
			void (*on_end)(struct sending *, enum err, enum reason))
{
	begin(sending, wire, on_end);
	if (hop->flow_id)
		return send_on_flow(transport, hop, sending);
	return hop->transport == TRANSPORT_UDP ? send_datagram(transport, hop, sending)
					       : send_on_stream(transport, hop, sending);
}

void transport_cancel(struct sending *sending)
{
	if (!sending->is_active)
		return;
	sending->is_active = false;
	if (sending->call.is_queued) { /* it has ended, and was not told yet */
		loop_defer_cancel(&sending->call);
		sending->flow = flow_unref(sending->flow);
	} else if (sending->flow) {
		flow_add_waiting(sending->flow, -(ptrdiff_t)sending->wire->len);
		sending->flow = NULL;
	}
	list_remove(&sending->link);
	sending->wire = wire_unref(sending->wire);
}

struct flow *transport_udp_flow(struct transport *transport, struct listener *listener,
				const struct addr *remote)
{
	struct hop hop = { .transport = TRANSPORT_UDP,
			   .remote = *remote,
			   .listener = listener };

	if (!transport->dial)
		return udp_flow_for_hop(transport, &hop);
	struct flow *flow = transport->dial(transport->dial_user, &hop);
	return flow ? flow_ref(flow) : NULL;
}

size_t transport_max_datagram(struct transport *transport, const struct hop *hop)
{
	struct addr local = hop->bind;

	if (transport->dial)
		return PATH_MTU_UNKNOWN_BYTES; /* there is no path */
	if (!addr_is_set(&local) && hop->listener && !addr_is_wildcard(&hop->listener->addr))
		local = hop->listener->addr;
	return path_mtu_max_bytes(transport->path_mtus, &hop->remote, &local,
				  loop_now_ms(transport->loop));
}
