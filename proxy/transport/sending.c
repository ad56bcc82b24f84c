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

/* It was needed while the others had much to send; looked at when it may have been idle for long enough. */
static void on_spare(struct timer *timer)
{
	struct flow *flow = container_of(timer, struct flow, spare);
	struct transport *transport = flow->owner;
	const uint64_t idle_ms = transport->limits.spare_idle_ms, now_ms = loop_now_ms(transport->loop);
	uint64_t last_ms = flow->last_received_ms > flow->last_sent_ms ? flow->last_received_ms : flow->last_sent_ms;

	if (pool_is_alone(flow))
		return; /* the others have ended */
	if (now_ms - last_ms < idle_ms) {
		timer_start(transport->loop, timer, idle_ms - (now_ms - last_ms), on_spare);
		return;
	}
	if (list_is_empty(&flow->users) && list_is_empty(&flow->sendings) && flow->n_queued_bytes == 0 &&
	    flow->n_refs <= 1)
		flow_close(flow, REASON_NONE);
	else
		timer_start(transport->loop, timer, idle_ms, on_spare);
}

/* Of what a peer may have in all, one worker's part; without any nothing would go. */
static unsigned share_of_worker(const struct transport *transport, const struct hop *hop)
{
	const unsigned n = transport->limits.n_workers, all = hop->max_connections;
	const unsigned share = all / n + (transport->worker % n < all % n);

	return share ? share : 1;
}

/* ---- what may wait ---- */

/* The less room there is for all, the less one peer may take up: who has nothing yet always finds some. */
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
static bool has_room(const struct transport *transport, const struct hop *hop, const struct flow *flow, size_t len)
{
	bool is_quick = flow && flow->is_open && !flow->is_slow; /* what is in it was just not written yet */
	size_t n_unsent = !is_quick && transport->n_unsent_bytes ? pool_unsent_bytes(transport->pool, hop, flow) : 0;

	return n_unsent == 0 || n_unsent + len <= importance_share(hop->importance, room_of_peer(transport));
}

/* Makes a connection for hop; it may have failed already when this returns. */
static struct flow *dial(struct transport *transport, const struct hop *hop)
{
	struct flow *flow = transport->dial ? transport->dial(transport->dial_user, hop)
					    : stream_dial(transport, hop);

	if (flow && !flow->is_closed) {
		strncpy(flow->peer_name, hop->peer ? hop->peer : "",
			sizeof(flow->peer_name) - 1);
		if (!flow->pool_place && pool_add_dialled(transport->pool, flow, hop) != ERR_OK)
			return flow; /* it serves this one request */
		if (!pool_is_alone(flow) && transport->limits.spare_idle_ms)
			timer_start(transport->loop, &flow->spare, transport->limits.spare_idle_ms, on_spare);
	}
	return flow;
}

static enum err send_on_stream(struct transport *transport, const struct hop *hop,
			       struct sending *sending)
{
	struct flow *flow = pool_find(transport->pool, hop, share_of_worker(transport, hop));

	if (!has_room(transport, hop, flow, sending->wire->len))
		return refuse(sending, ERR_LIMIT);
	if (!flow && transport->n_streams >= transport->limits.connections)
		return refuse(sending, ERR_LIMIT);
	if (!flow && hop->transport != TRANSPORT_TCP &&
	    !hop->trust) { /* nobody could be believed */
		sending_finish(transport, sending, NULL, ERR_TLS, REASON_TLS_INTERNAL);
		return ERR_OK;
	}
	if (!flow)
		flow = dial(transport, hop);
	if (!flow)
		return refuse(sending, ERR_NO_MEMORY);
	if (flow->is_closed) {
		sending_finish(transport, sending, NULL, flow->end_err, flow->end_reason);
		return ERR_OK;
	}
	pool_remember(transport->pool, hop, flow);
	if (flow->is_open) {
		enum err err = flow_send(flow, sending->wire);
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
