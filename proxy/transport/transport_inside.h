/* What the files of this folder share of struct transport. */
#pragma once

#include "proxy/base/counter.h"
#include "proxy/base/list.h"
#include "proxy/base/loop.h"
#include "proxy/transport/transport.h"

enum {
	READ_SIZE = 65536,      /* one read of a stream, or one datagram */
	PLAIN_SIZE = 17 * 1024, /* one TLS record's plaintext */
	N_FLOW_BUCKETS = 4096,
};

struct path_mtu_table;
struct pool;
struct udp_receiver;

struct transport {
	struct loop *loop;
	unsigned worker;
	struct transport_user user;
	struct counters *counters;
	struct transport_limits limits;
	struct flow *(*dial)(void *user, const struct hop *hop);
	void *dial_user;

	struct list flows;     /* flow.link: every one that is not freed yet, closed ones too */
	unsigned n_streams;    /* that are not closed */
	size_t n_unsent_bytes; /* of all flows: queued, or waiting for their connection */
	uint64_t next_id;
	struct list by_id[N_FLOW_BUCKETS]; /* flow.id_link: streams that are not closed */
	struct pool *pool;
	struct roll *roll; /* NULL: there are no other workers to share with */

	struct list acceptors;   /* acceptor.link */
	struct list udp_sockets; /* udp_socket.link */
	struct list lingerers;   /* lingerer.link */
	unsigned n_lingerers;
	struct udp_receiver *udp_receiver;
	struct list stand_ins; /* stand_in.link: the one that is unused for longest first */
	unsigned n_stand_ins;
	struct path_mtu_table *path_mtus;
	struct wire *pong, *ping;

	char bytes[READ_SIZE];  /* what was just read, of whichever flow */
	char plain[PLAIN_SIZE]; /* and what TLS made of it */
};

/* Ends a sending: on_end follows from the loop. With ERR_OK the user gets a reference to
 * flow. */
void sending_finish(struct transport *transport, struct sending *sending, struct flow *flow,
		    enum err err, enum reason reason);

/* The connection with that id, or the stand-in for it, open or not yet; NULL if there is
 * none. */
struct flow *transport_find_stream(struct transport *transport, uint64_t id);

/* What waited for the connection goes out, in order. */
void transport_send_waiting(struct flow *flow);

/* Gives a flow that was just initialised another id, by which it is found from now on. */
void transport_set_flow_id(struct flow *flow, uint64_t id);

/* What waits in it, for all workers to know. */
void flow_note_load(struct flow *flow);

/* The labels of what is counted about a flow. */
static inline unsigned flow_network(const struct flow *flow)
{
	return flow->listener ? flow->listener->network : NETWORK_WAN;
}

static inline unsigned flow_direction(const struct flow *flow)
{
	return flow->is_inbound ? COUNTER_IN : COUNTER_OUT;
}

static inline void flow_count_received(struct flow *flow, size_t len)
{
	flow->n_received_bytes += len;
	counter_add2(flow->owner->counters, COUNTER_RECEIVED_BYTES, flow_network(flow),
		     flow->transport, (int64_t)len);
}

static inline void flow_count_sent(struct flow *flow, size_t len)
{
	flow->n_sent_bytes += len;
	if (flow->owner)
		counter_add2(flow->owner->counters, COUNTER_SENT_BYTES, flow_network(flow),
			     flow->transport, (int64_t)len);
}

static inline void flow_set_queued(struct flow *flow, size_t n_bytes)
{
	counter_add1(flow->owner->counters, COUNTER_SEND_QUEUE_BYTES, flow_network(flow),
		     (int64_t)n_bytes - (int64_t)flow->n_queued_bytes);
	flow->owner->n_unsent_bytes += n_bytes - flow->n_queued_bytes;
	flow->n_queued_bytes = n_bytes;
	if (flow->shared)
		flow_note_load(flow);
}

static inline void flow_add_waiting(struct flow *flow, ptrdiff_t n_bytes)
{
	flow->owner->n_unsent_bytes += (size_t)n_bytes;
	flow->n_waiting_bytes += (size_t)n_bytes;
	if (flow->shared)
		flow_note_load(flow);
}
