/* One way bytes come and go between us and a neighbour: a TCP or TLS connection, or a UDP
 * address pair (RFC 5626 calls it a flow). A flow knows who is at its other end; what that
 * neighbour may do is federation's. Counted; one worker's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/list.h"
#include "proxy/base/loop.h"
#include "proxy/base/reason.h"
#include "proxy/base/timer.h"
#include "proxy/base/wire.h"
#include "proxy/transport/identity.h"
#include "proxy/transport/listener.h"
#include "proxy/transport/peer_chain.h"

struct flow;
struct transport;

enum { FLOW_ID_WORKER_SHIFT = 56, FLOW_ID_RANDOM_SHIFT = 9 };

/* Somebody who wants to know when the flow ends. Embedded; told once, then off the list. */
struct flow_user {
	struct list link;
	bool awaits_answers; /* told already when the peer says that it will send no more */
	void (*on_closed)(struct flow_user *user, enum err err, enum reason reason);
};

/* The seam: udp, tcp, tls, and the fake network of tests/world. */
struct flow_ops {
	/* Queues or writes; takes its own reference to wire. ERR_CLOSED, ERR_LIMIT,
	 * ERR_TOO_LARGE (UDP). */
	enum err (*send)(struct flow *flow, struct wire *wire);
	/* Ends the connection; never calls back inside. */
	void (*close)(struct flow *flow, enum reason why);
	/* Called when the last reference went; frees the embedding struct. */
	void (*destroy)(struct flow *flow);
	/* See flow_peer_chain; NULL where there are never any. */
	enum err (*peer_chain)(struct flow *flow, struct peer_chain **out);
};

struct flow {
	const struct flow_ops *ops;
	struct transport *owner;
	unsigned n_refs;
	/* unique in the process: worker in the top byte; a stand-in has that of the connection
	 * that it stands for */
	uint64_t id;
	/* where it came in, or the one it was dialled for; counted */
	struct listener *listener;
	enum conf_transport transport;
	struct addr local, remote;
	struct identity *identity; /* the peer's verified certificate; NULL: none */
	/* dialled: the hop's peer; logged on by: "backend:NAME", set by the roof; else "" */
	char peer_name[256];
	/* of who logged on by it, for the roof, which sets it; 0: none */
	uint64_t proof;
	uint64_t proof_until_ms; /* likewise: when that is over */
	/* that a router rewrites SIP here: the roof's, see proxy/alg_look.h */
	unsigned char alg_signs, alg_answer_signs;
	bool was_looked_for_alg, has_alg_news; /* likewise */
	/* hash of the id under which the roof has noted identity last; 0: none */
	uint64_t noted;
	bool is_inbound;
	bool is_open; /* connected and, with TLS, shaken hands */
	/* the peer will send no more: it gets answers, but no requests */
	bool is_half_closed;
	bool is_closed;
	/* the peer does not read as fast as we write: what is sent waits here */
	bool is_slow;
	uint64_t opened_ms, last_received_ms, last_sent_ms;
	uint64_t n_received_bytes, n_sent_bytes;
	struct list users; /* flow_user.link */
	/* inbound: the first id for which the roof knows its peer; owned; NULL: none yet */
	char *speaks_for;
	bool speaks_for_others; /* and there were more */
	/* the roof's: it is among its peer's connections in peer_stats */
	bool is_counted;
	/* what the roof keeps of it while requests of it wait for DNS: proxy/hold */
	void *waiting;
	/* How it ended, once is_closed. */
	enum err end_err;
	enum reason end_reason;

	/* From here on transport's own. */
	struct list link; /* of all flows of the transport */
	struct list id_link;
	struct list pool_link, peer_link;
	struct pool_place *pool_place;
	struct pool_peer *pool_peer; /* dialled, for a peer that has a name */
	/* what all workers know of it: it, or what it stands in for, is a partner's */
	struct roll_entry *shared;
	/* of a connection beside others, until it is needed no more */
	struct timer spare;
	struct list sendings;   /* that wait until it is open */
	size_t n_waiting_bytes; /* of those */
	size_t n_queued_bytes;  /* given to send, and not yet to the kernel */
	struct loop_call end_call, half_call;
	struct timer keep_alive;
	uint64_t keep_alive_ms; /* 0: off */
	uint64_t stand_ins;     /* workers that have a stand-in for it, a bit each */
	bool was_told;          /* on_opened was called */
	bool is_charged;        /* may_connect allowed it: connection_ended is owed */
};

struct flow *flow_ref(struct flow *flow);
struct flow *flow_unref(struct flow *flow); /* returns NULL; NULL is fine */

/* Queues wire for sending; see flow_ops.send. */
enum err flow_send(struct flow *flow, struct wire *wire) MUST_CHECK;

void flow_close(struct flow *flow, enum reason why);

/* on_closed will be called once, from the loop, when the flow ends; at once (deferred) never: a
 * flow that has ended already is refused with ERR_CLOSED. */
enum err flow_watch(struct flow *flow, struct flow_user *user,
		    void (*on_closed)(struct flow_user *user, enum err err,
				      enum reason reason)) MUST_CHECK;
void flow_unwatch(struct flow_user *user); /* fine if it is on no list */

/* The roof knows the peer of an accepted connection as id ("partner:partner.example") now, or,
 * by speaks_for_others, as several. True if it is the first one. Without memory it counts as
 * several. */
bool flow_note_peer(struct flow *flow, const char *id);

/* The certificates that the peer showed, to be kept; give back with peer_chain_unref.
 * ERR_NOT_FOUND: none; ERR_TOO_LARGE, ERR_NO_MEMORY. */
enum err flow_peer_chain(struct flow *flow, struct peer_chain **out) MUST_CHECK;

/* True if bytes may be lost on the way: UDP. */
bool flow_is_reliable(const struct flow *flow);
