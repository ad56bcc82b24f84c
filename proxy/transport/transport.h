/* Every SIP socket of one worker: listeners, connections, the pool of them, and the bounds that
 * keep strangers from filling it. Gives whole parsed messages to the roof and takes wires for
 * hops. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "proxy/sip/message.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/listener.h"
#include "proxy/transport/tls_diagnosis.h"

struct roll;
struct transport;
struct counters;

/* One message that came in. msg is the receiver's to unref; bytes are valid during the call
 * only. */
struct arrival {
	/* valid during the call; ref to keep. NULL: a response handed over by another worker */
	struct flow *flow;
	msg_t *msg;
	sip_t *sip;
	const void *bytes;
	size_t len;
	uint64_t at_ms;
};

/* What the roof gives to be called back with; all in the loop's thread. */
struct transport_user {
	void *user;
	void (*on_message)(void *user, struct arrival *arrival);
	/* Bytes that are no SIP message (REASON_MALFORMED), or the headers of one that is over
	 * the bound, where their end was seen (REASON_MESSAGE_TOO_LARGE); on a stream the flow
	 * is closed right after. fault names it. */
	void (*on_malformed)(void *user, struct flow *flow, const void *bytes, size_t len,
			     enum reason reason, const char *fault);
	/* A datagram that begins as STUN does and SIP never (RFC 7983 §7), or a STUN message on
	 * a stream (RFC 8489 §6.2.2). False: nobody wants it; a stream ends then. NULL: to be
	 * taken for what is no message. */
	bool (*on_stun)(void *user, struct flow *flow, const void *bytes, size_t len);
	/* A stream opened (connected or accepted, handshake done). */
	void (*on_opened)(void *user, struct flow *flow);
	/* A stream ended that had been opened. */
	void (*on_closed)(void *user, struct flow *flow, enum reason reason);
	/* A handshake ended, well or not. */
	void (*on_handshake)(void *user, const struct tls_diagnosis *diagnosis);
	/* May this source have one more connection (handshake)? Charged to it; reason tells why
	 * not. */
	enum reason (*may_connect)(void *user, const struct listener *listener,
				   const struct addr *source, bool is_tls);
	/* A connection that may_connect allowed has ended. */
	void (*connection_ended)(void *user, const struct addr *source);

	/* Connections of other workers (stand_in.h); NULL where there are no others. */

	/* Gives a copy of wire to the worker that has this connection, for stand_in_serve, with
	 * is_counted. ERR_CLOSED (there is no such worker), ERR_LIMIT, ERR_NO_MEMORY: it was
	 * not given. */
	enum err (*send_elsewhere)(void *user, uint64_t flow_id, struct wire *wire,
				   bool is_counted);
	/* Tells the worker of this connection that nobody here stands in for it any more:
	 * stand_in_left. */
	void (*tell_left)(void *user, uint64_t flow_id);
	/* Tells a worker that the connection, for which it has a stand-in, has ended:
	 * stand_in_lost. */
	void (*tell_lost)(void *user, unsigned worker, uint64_t flow_id);
	/* Asks the worker of this connection, which is not open yet, to tell when it is:
	 * stand_in_wanted. ERR_LIMIT, ERR_NO_MEMORY: it was not asked. */
	enum err (*tell_wanted)(void *user, uint64_t flow_id);
	/* Tells a worker that the connection is open: stand_in_opened. */
	void (*tell_opened)(void *user, unsigned worker, uint64_t flow_id);
};

struct transport_limits {
	size_t message_bytes; /* larger messages are refused, streams closed */
	size_t queue_bytes;   /* unsent bytes of one flow, and of all for one peer */
	/* of all flows: the less is left, the less may one peer take up; 0: no bound */
	size_t all_queues_bytes;
	unsigned connections; /* of this worker */
	uint64_t connect_ms, handshake_ms, first_message_ms, idle_ms, write_stall_ms;
	/* a connection beside others to the same place ends when it is idle so long; 0:
	 * never */
	uint64_t spare_idle_ms;
};

/* Makes the transport of worker number worker. counters may be NULL. */
enum err transport_new(struct loop *loop, unsigned worker, const struct transport_user *user,
		       struct counters *counters, struct transport **out) MUST_CHECK;
struct transport *transport_free(struct transport *transport);

/* From now on hop.max_connections holds over all transports that share this roll, which
 * outlives them. Before the first message. */
void transport_share(struct transport *transport, struct roll *roll);

void transport_set_limits(struct transport *transport, const struct transport_limits *limits);

/* Makes exactly these listeners be served from now on: new ones start, those not named stop
 * accepting; their connections go on. A listener equal to a served one by sockets is swapped
 * without a gap. */
enum err transport_listen(struct transport *transport, struct listener *const *listeners,
			  unsigned n) MUST_CHECK;

/* Stops accepting; what is open goes on (drain). */
void transport_stop_listening(struct transport *transport);

/* A message on its way to a hop. Embedded in the client transaction; on_end comes exactly once,
 * from the loop, never inside transport_send: ERR_OK when the bytes were given to the kernel or
 * to an open connection's queue (flow is then set, with a reference for the user), else what
 * went wrong. */
struct sending {
	struct list link;
	struct wire *wire;
	struct flow *flow;
	enum err err;
	enum reason reason;
	struct loop_call call;
	void (*on_end)(struct sending *sending, enum err err, enum reason reason);
	bool is_active;
};

/* Sends wire to hop, over a connection of the pool (RFC 5923) or a new one: a further one where
 * all that are there have much to send, or a peer that reads slowly (hop.max_connections). What
 * waits for one peer is bounded; where it takes up more than importance_share of that,
 * ERR_LIMIT. If the hop names its connection, over that one and no other: is it gone, on_end
 * comes with ERR_CLOSED and REASON_CONNECTION_LOST. Returns ERR_NO_MEMORY, ERR_LIMIT or
 * ERR_TOO_LARGE at once, without on_end; else on_end follows. */
enum err transport_send(struct transport *transport, const struct hop *hop, struct wire *wire,
			struct sending *sending,
			void (*on_end)(struct sending *, enum err, enum reason)) MUST_CHECK;

/* Takes a sending back: on_end will not come. Fine if it is not active. */
void transport_cancel(struct sending *sending);

/* The UDP flow from one of our listeners to an address, counted for the caller: for
 * responses. */
struct flow *transport_udp_flow(struct transport *transport, struct listener *listener,
				const struct addr *remote);

/* The open flow with that id, or our stand-in for it; NULL if there is none. Not counted. */
struct flow *transport_find_flow(struct transport *transport, uint64_t id);

/* Sends a ping (CRLF CRLF) on a connection of this worker whenever nothing came or went on it
 * for interval_ms, so that a NAT on the way forgets it no sooner than we do. Pings are the
 * client's by RFC 5626 §4.4.1; from us they ask for nothing: who knows them answers, and
 * everybody else ignores empty lines in front of a message (RFC 3261 §7.5). It ends with the
 * connection, which is never idle meanwhile; 0: no more. ERR_CLOSED if it is gone. */
enum err transport_keep_alive(struct transport *transport, uint64_t flow_id,
			      uint64_t interval_ms) MUST_CHECK;

/* Closes every flow for which should_close says so (reload: a listener or partner that is no
 * more). */
void transport_close_if(struct transport *transport,
			bool (*should_close)(const struct flow *flow, void *user), void *user,
			enum reason why);

/* The same without haste: a flow that a transaction still needs only takes no new ones. Returns
 * how many are left so; to be called again for them. */
unsigned transport_retire_if(struct transport *transport,
			     bool (*should_close)(const struct flow *flow, void *user),
			     void *user, enum reason why);

/* A connection that we dialled, and of which its peer has more than max_of says, of all
 * workers, takes no new requests any more (reload); max_of: 0: no bound. */
void transport_withdraw_surplus(struct transport *transport,
				unsigned (*max_of)(const struct flow *flow, void *user),
				void *user);

/* True for one that was taken so, or for our stand-in for one. */
bool transport_is_withdrawn(const struct flow *flow);

/* Calls fn for each open stream flow: status. */
void transport_each_flow(struct transport *transport,
			 void (*fn)(const struct flow *flow, void *user), void *user);

/* The largest request that goes to this hop by UDP: path MTU less 200, 1300 where it is unknown
 * (RFC 3261 §18.1.1), which it is with a dialer. A path that got narrower is noticed after two
 * minutes, or when the kernel refuses a datagram. */
size_t transport_max_datagram(struct transport *transport, const struct hop *hop);

/* The seam of tests/world: dial makes the flow for a hop instead of real sockets; NULL restores
 * those. The fake calls transport_flow_opened/failed itself, and transport_deliver for bytes
 * that arrive. */
void transport_set_dialer(struct transport *transport,
			  struct flow *(*dial)(void *user, const struct hop *hop), void *user);
/* For flows only: initialise the embedded struct; tell what happened. */
void transport_flow_init(struct transport *transport, struct flow *flow,
			 const struct flow_ops *ops, struct listener *listener,
			 enum conf_transport kind, const struct addr *local,
			 const struct addr *remote);
void transport_flow_opened(struct flow *flow);
/* So many bytes wait in it now. */
void transport_flow_queued(struct flow *flow, size_t n_bytes);
/* The peer will send no more, but may get the answers to what it asked: what waits for answers
 * from it hears of the end now, and no request takes it any more. */
void transport_flow_half_closed(struct flow *flow);
void transport_flow_ended(struct flow *flow, enum err err, enum reason reason);
/* Parses one whole message that came on flow and gives it to the user. */
void transport_deliver(struct flow *flow, const void *bytes, size_t len);
/* The same for a datagram, which may also be STUN, or something that keeps a NAT's mapping
 * alive and wants no answer. */
void transport_deliver_datagram(struct flow *flow, const void *bytes, size_t len);
