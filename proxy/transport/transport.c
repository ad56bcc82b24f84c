#include "proxy/transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/transport/acceptor.h"
#include "proxy/transport/linger.h"
#include "proxy/transport/path_mtu.h"
#include "proxy/transport/pool.h"
#include "proxy/transport/stand_in.h"
#include "proxy/transport/stream.h"
#include "proxy/transport/trace.h"
#include "proxy/transport/transport_inside.h"
#include "proxy/transport/udp.h"

/* Until transport_set_limits is called. */
static const struct transport_limits preset_limits = {
	.message_bytes = 65536,
	.queue_bytes = 1 << 20,
	.connections = 20000,
	.connect_ms = 5000,
	.handshake_ms = 5000,
	.first_message_ms = 30000,
	.idle_ms = 3600 * 1000,
	.write_stall_ms = 10000,
	.spare_idle_ms = 60000,
};

static struct list *bucket(struct transport *transport, uint64_t id)
{
	return &transport->by_id[id % N_FLOW_BUCKETS]; /* ids count up: nobody chooses them */
}

enum err transport_new(struct loop *loop, unsigned worker, const struct transport_user *user,
		       struct counters *counters, struct transport **out)
{
	struct transport *transport = calloc(1, sizeof(*transport));
	if (!transport)
		return ERR_NO_MEMORY;

	transport->loop = loop;
	transport->worker = worker;
	transport->user = *user;
	transport->counters = counters;
	transport->limits = preset_limits;
	/* A token that names a flow of before a restart must not mean another one now (RFC 5626
	 * §5.3). */
	transport->next_id =
		(uint64_t)worker << FLOW_ID_WORKER_SHIFT | random_u64() >> FLOW_ID_RANDOM_SHIFT;
	list_init(&transport->flows);
	list_init(&transport->acceptors);
	list_init(&transport->udp_sockets);
	list_init(&transport->lingerers);
	list_init(&transport->stand_ins);
	for (unsigned i = 0; i < N_FLOW_BUCKETS; i++)
		list_init(&transport->by_id[i]);

	transport->pong = wire_copy("\r\n", 2);
	transport->ping = wire_copy("\r\n\r\n", 4);
	if (!transport->pong || !transport->ping || pool_new(&transport->pool) != ERR_OK ||
	    path_mtu_table_new(path_mtu_ask, &transport->path_mtus) != ERR_OK) {
		transport_free(transport);
		return ERR_NO_MEMORY;
	}
	*out = transport;
	return ERR_OK;
}

/* Tells everybody who waits for the flow's end, and lets go of it. */
static void tell_ended(struct loop_call *call)
{
	struct flow *flow = container_of(call, struct flow, end_call);
	struct transport *transport = flow->owner;

	while (!list_is_empty(&flow->users)) {
		struct flow_user *user = container_of(flow->users.next, struct flow_user, link);
		list_remove(&user->link);
		user->on_closed(user, flow->end_err, flow->end_reason);
	}
	if (flow->was_told && transport && transport->user.on_closed)
		transport->user.on_closed(transport->user.user, flow, flow->end_reason);
	if (flow->is_charged && transport && transport->user.connection_ended)
		transport->user.connection_ended(transport->user.user, &flow->remote);
	flow_unref(flow);
}

struct transport *transport_free(struct transport *transport)
{
	struct list *link, *following;

	if (!transport)
		return NULL;

	acceptor_close_all(transport);
	for (link = transport->flows.next; link != &transport->flows;) {
		struct flow *flow = flow_ref(container_of(link, struct flow, link));
		flow_close(flow, REASON_DRAINING);
		if (flow->end_call.is_queued) {
			loop_defer_cancel(&flow->end_call);
			tell_ended(&flow->end_call);
		}
		link = flow->link.next;
		flow_unref(flow);
	}
	/* What others still hold must not look for us. */
	list_for_each(link, following, &transport->flows) {
		container_of(link, struct flow, link)->owner = NULL;
		list_remove(link);
	}
	udp_close_all(transport);
	linger_end(transport);
	udp_receiver_free(transport->udp_receiver);
	pool_free(transport->pool);
	path_mtu_table_free(transport->path_mtus);
	wire_unref(transport->pong);
	wire_unref(transport->ping);
	free(transport);
	return NULL;
}

void transport_share(struct transport *transport, struct roll *roll)
{
	transport->roll = roll;
}

void transport_set_limits(struct transport *transport, const struct transport_limits *limits)
{
	transport->limits = *limits;
}

enum err transport_listen(struct transport *transport, struct listener *const *listeners,
			  unsigned n)
{
	if (transport->dial)
		return ERR_OK; /* no real sockets: flows come from whoever dials */
	for (unsigned i = 0; i < n; i++) {
		if (listeners[i]->sockets->n <= transport->worker)
			return ERR_INVALID;
	}
	enum err err = acceptor_serve(transport, listeners, n);
	return err == ERR_OK ? udp_serve(transport, listeners, n) : err;
}

void transport_stop_listening(struct transport *transport)
{
	acceptor_close_all(transport);
}

/* What stands for another worker's is that one's to count and to show. */
static bool is_connection(const struct flow *flow)
{
	return flow_is_reliable(flow) && !flow_is_stand_in(flow);
}

struct flow *transport_find_stream(struct transport *transport, uint64_t id)
{
	struct list *head = bucket(transport, id), *link, *following;

	list_for_each(link, following, head) {
		struct flow *flow = container_of(link, struct flow, id_link);
		if (flow->id == id)
			return flow;
	}
	return NULL;
}

struct flow *transport_find_flow(struct transport *transport, uint64_t id)
{
	struct flow *flow = transport_find_stream(transport, id);

	return flow && flow->is_open ? flow : NULL;
}

/* No request finds it any more, of whichever worker. */
static void withdraw(struct flow *flow)
{
	pool_remove(flow->owner->pool, flow);
	if (flow->shared && !flow_is_stand_in(flow))
		roll_withdraw(flow->shared);
}

void transport_close_if(struct transport *transport,
			bool (*should_close)(const struct flow *flow, void *user), void *user,
			enum reason why)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->flows) {
		struct flow *flow = container_of(link, struct flow, link);
		if (!flow->is_closed && should_close(flow, user))
			flow_close(flow, why);
	}
}

unsigned transport_retire_if(struct transport *transport,
			     bool (*should_close)(const struct flow *flow, void *user),
			     void *user, enum reason why)
{
	struct list *link, *following;
	unsigned n_left = 0;

	list_for_each(link, following, &transport->flows) {
		struct flow *flow = container_of(link, struct flow, link);
		if (flow->is_closed || !should_close(flow, user))
			continue;
		withdraw(flow);
		if (list_is_empty(&flow->users) && list_is_empty(&flow->sendings) &&
		    flow->n_queued_bytes == 0 && flow->stand_ins == 0 && flow->n_refs <= 1)
			flow_close(flow, why);
		else
			n_left++;
	}
	return n_left;
}

void transport_withdraw_surplus(struct transport *transport,
				unsigned (*max_of)(const struct flow *flow, void *user),
				void *user)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->flows) {
		struct flow *flow = container_of(link, struct flow, link);
		unsigned max;

		if (flow->is_closed || !flow->shared || flow->is_inbound ||
		    flow_is_stand_in(flow))
			continue;
		max = max_of(flow, user);
		if (max && roll_withdraw_surplus(flow->shared, max))
			pool_remove(transport->pool, flow);
	}
}

bool transport_is_withdrawn(const struct flow *flow)
{
	return flow->shared && !roll_takes_requests(flow->shared);
}

void transport_each_flow(struct transport *transport,
			 void (*fn)(const struct flow *flow, void *user), void *user)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->flows) {
		struct flow *flow = container_of(link, struct flow, link);
		if (flow->is_open && is_connection(flow))
			fn(flow, user);
	}
}

void transport_set_dialer(struct transport *transport,
			  struct flow *(*dial)(void *user, const struct hop *hop), void *user)
{
	transport->dial = dial;
	transport->dial_user = user;
}

void transport_flow_init(struct transport *transport, struct flow *flow,
			 const struct flow_ops *ops, struct listener *listener,
			 enum conf_transport kind, const struct addr *local,
			 const struct addr *remote)
{
	memset(flow, 0, sizeof(*flow));
	flow->ops = ops;
	flow->owner = transport;
	flow->n_refs = 1; /* the transport's, until the flow has ended */
	flow->id = ++transport->next_id;
	flow->listener = listener ? listener_ref(listener) : NULL;
	flow->transport = kind;
	if (local)
		flow->local = *local;
	flow->remote = *remote;
	flow->last_received_ms = loop_now_ms(transport->loop);
	list_init(&flow->users);
	list_init(&flow->sendings);
	list_init(&flow->id_link);
	list_init(&flow->pool_link);
	list_init(&flow->peer_link);
	list_append(&transport->flows, &flow->link);
	if (kind == TRANSPORT_UDP) {
		flow->is_open = true;
		flow->opened_ms = loop_now_ms(transport->loop);
		return;
	}
	list_append(bucket(transport, flow->id), &flow->id_link);
	if (is_connection(flow))
		transport->n_streams++;
}

void transport_set_flow_id(struct flow *flow, uint64_t id)
{
	list_remove(&flow->id_link);
	flow->id = id;
	list_append(bucket(flow->owner, id), &flow->id_link);
}

void transport_send_waiting(struct flow *flow)
{
	struct transport *transport = flow->owner;
	struct list *link, *following;

	list_for_each(link, following, &flow->sendings) {
		struct sending *sending = container_of(link, struct sending, link);
		list_remove(link);
		flow_add_waiting(flow, -(ptrdiff_t)sending->wire->len);
		enum err err = flow_send(flow, sending->wire);
		sending_finish(transport, sending, flow, err,
			       err == ERR_OK ? REASON_NONE : REASON_SEND_QUEUE_FULL);
	}
}

void transport_flow_opened(struct flow *flow)
{
	struct transport *transport = flow->owner;

	if (flow->is_open || flow->is_closed)
		return;
	flow->is_open = true;
	flow->opened_ms = flow->last_received_ms = loop_now_ms(transport->loop);
	flow->was_told = true;
	counter_add3(transport->counters, COUNTER_CONNECTIONS_OPENED, flow_network(flow),
		     flow->transport, flow_direction(flow), 1);
	counter_add3(transport->counters, COUNTER_CONNECTIONS, flow_network(flow),
		     flow->transport, flow_direction(flow), 1);
	if (transport->user.on_opened)
		transport->user.on_opened(transport->user.user, flow);
	if (flow->is_closed)
		return;
	if (flow->shared)
		roll_opened(flow->shared, flow->identity);
	stand_in_tell_opened(flow);
	transport_send_waiting(flow);
}

/* Who waits for answers from the peer will get none. */
static void tell_half_closed(struct loop_call *call)
{
	struct flow *flow = container_of(call, struct flow, half_call);
	struct list *link, *following, leaving;

	list_init(&leaving);
	flow_ref(flow);
	list_for_each(link, following, &flow->users) {
		struct flow_user *user = container_of(link, struct flow_user, link);
		if (!user->awaits_answers)
			continue;
		list_remove(link);
		list_append(&leaving, link);
	}
	while (!list_is_empty(&leaving)) {
		struct flow_user *user = container_of(leaving.next, struct flow_user, link);
		list_remove(&user->link);
		user->on_closed(user, ERR_RESET, REASON_CONNECTION_LOST);
	}
	flow_unref(flow);
}

void transport_flow_half_closed(struct flow *flow)
{
	flow->is_half_closed = true;
	withdraw(flow);
	stand_in_tell_lost(flow);
	loop_defer(flow->owner->loop, &flow->half_call, tell_half_closed);
}

static void count_end(const struct flow *flow)
{
	struct counters *counters = flow->owner->counters;

	if (flow->was_told)
		counter_add3(counters, COUNTER_CONNECTIONS, flow_network(flow), flow->transport,
			     flow_direction(flow), -1);
	else if (is_connection(flow))
		counter_add4(counters, COUNTER_CONNECTION_FAILURES, flow_network(flow),
			     flow->transport, flow_direction(flow), flow->end_reason, 1);
}

void transport_flow_queued(struct flow *flow, size_t n_bytes)
{
	flow_set_queued(flow, n_bytes);
}

void transport_flow_ended(struct flow *flow, enum err err, enum reason reason)
{
	struct transport *transport = flow->owner;
	struct list *link, *following;

	if (flow->is_closed)
		return;
	flow->is_closed = true;
	flow->is_open = false;
	flow->end_err = err == ERR_OK ? ERR_CLOSED : err;
	flow->end_reason = reason;
	pool_remove(transport->pool, flow);
	if (!flow_is_stand_in(flow))
		flow->shared = roll_end(flow->shared, flow->end_err, reason);
	flow_set_queued(flow, 0);
	flow_add_waiting(flow, -(ptrdiff_t)flow->n_waiting_bytes);
	list_remove(&flow->id_link);
	if (is_connection(flow))
		transport->n_streams--;
	timer_stop(&flow->keep_alive);
	timer_stop(&flow->spare);
	loop_defer_cancel(&flow->half_call);
	stand_in_tell_lost(flow);
	count_end(flow);
	list_for_each(link, following, &flow->sendings) {
		list_remove(link);
		sending_finish(transport, container_of(link, struct sending, link), NULL,
			       flow->end_err,
			       reason == REASON_NONE ? REASON_CONNECTION_LOST : reason);
	}
	loop_defer(transport->loop, &flow->end_call, tell_ended);
}

static void tell_malformed(struct flow *flow, const void *bytes, size_t len, enum reason reason,
			   const char *fault)
{
	struct transport *transport = flow->owner;

	if (transport->user.on_malformed)
		transport->user.on_malformed(transport->user.user, flow, bytes, len, reason,
					     fault);
}

void transport_deliver(struct flow *flow, const void *bytes, size_t len)
{
	struct transport *transport = flow->owner;
	struct arrival arrival = {
		.flow = flow, .bytes = bytes, .len = len, .at_ms = loop_now_ms(transport->loop)
	};

	trace_message(flow, false, bytes, len);
	if (len > transport->limits.message_bytes) {
		tell_malformed(flow, bytes, len, REASON_MESSAGE_TOO_LARGE,
			       "message over the bound");
		return;
	}
	enum err err = message_parse(bytes, len, &arrival.msg);
	if (err == ERR_NO_MEMORY)
		return; /* as if it had been lost on the way */
	if (err != ERR_OK) {
		tell_malformed(flow, bytes, len, REASON_MALFORMED,
			       err == ERR_LIMIT ? "more headers than allowed"
						: "not a SIP message");
		if (flow_is_reliable(flow))
			flow_close(flow, REASON_MALFORMED);
		return;
	}
	arrival.sip = message_sip(arrival.msg);
	transport->user.on_message(transport->user.user, &arrival);
}

/* Keepalives of phones and routers: line ends or zeros. */
static bool is_keep_alive(const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && (bytes[i] == '\r' || bytes[i] == '\n'))
		i++;
	return i == len || memcmp(bytes, "\0\0\0\0", len < 4 ? len : 4) == 0;
}

void transport_deliver_datagram(struct flow *flow, const void *bytes, size_t len)
{
	enum { STUN_FIRST_BYTES = 4, STUN_HEADER_SIZE = 20 };
	const struct transport_user *user = &flow->owner->user;

	if (is_keep_alive(bytes, len))
		return;
	if (user->on_stun && len >= STUN_HEADER_SIZE &&
	    *(const unsigned char *)bytes < STUN_FIRST_BYTES)
		(void)!user->on_stun(user->user, flow, bytes, len);
	else
		transport_deliver(flow, bytes, len);
}
