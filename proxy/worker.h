/* One worker: a thread with its own loop, sockets, flows, transactions and resolver (design.md
 * D3). Everything here belongs to its thread, but for the mailbox and the rings. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/counter.h"
#include "proxy/base/loop.h"
#include "proxy/base/mailbox.h"
#include "proxy/base/timer.h"
#include "proxy/decision.h"
#include "proxy/handshakes.h"
#include "proxy/media_records.h"
#include "proxy/server.h"
#include "proxy/snapshot.h"
#include "proxy/transaction/txn_table.h"
#include "proxy/transport/transport.h"
#include "routing/dns.h"

struct worker {
	struct server *server;
	unsigned number;
	pthread_t thread;
	bool has_thread;
	struct loop *loop;
	struct mailbox *mailbox;
	struct transport *transport;
	struct txn_table *txns;
	struct dns *dns;
	struct counters *counters;
	struct decision_ring *decisions;
	struct handshakes *handshakes;       /* those that failed */
	struct media_records *media_records; /* of relays that ended */
	struct snapshot *snapshot;           /* the one new requests begin under */
	/* of snapshot; atomic: a reload looks whether it was taken */
	uint64_t generation;
	struct list contexts; /* context.link */
	struct list trips;    /* responses on a path of their own: return_path */
	struct list lines;    /* requests that wait for DNS: hold */
	unsigned n_lines;
	struct list hang_ups; /* BYEs of our own: hang_up */
	unsigned n_hang_ups;
	size_t n_held_bytes; /* of the requests in lines */
	/* contexts without a final; atomic: draining looks at it from the main thread */
	unsigned n_waiting;
	struct probes *probes;           /* worker 0 only */
	struct refresh *refresh;         /* worker 0 only */
	struct phone_watch *phone_watch; /* worker 0's */
	struct nat_watch *nat_watch;     /* worker 0 only */
	struct stun_door *stun_door;
	uint64_t next_decision_id;
	struct timer tick; /* once a second: the loop's lag; connections that end */
	/* connections that a reload took away end by then; 0: none */
	uint64_t orphans_until_ms;
	uint64_t tick_due_ms;
	uint64_t lag_ms[2]; /* how late the last two ticks were: proxy/load */
	unsigned n_ticks;   /* worker 0 only */
	bool owns_loop;
	bool is_draining, is_stopping;
};

/* Makes worker number on a loop of its own, or on the given one (tests; then no thread is
 * started). */
enum err worker_new(struct server *server, unsigned number, struct loop *loop,
		    struct worker **out) MUST_CHECK;
enum err worker_start(struct worker *worker) MUST_CHECK;
/* Asks the thread to end and waits. */
void worker_stop(struct worker *worker);
struct worker *worker_free(struct worker *worker);

/* The worker takes snapshot (with its reference) as current: listeners, limits, timers,
 * resolvers. Its thread. */
void worker_take_snapshot(struct worker *worker, struct snapshot *snapshot);

/* Any thread: the snapshot, or drain, by mailbox. */
void worker_post_snapshot(struct worker *worker, struct snapshot *snapshot);
void worker_post_drain(struct worker *worker);
/* What is open is judged anew: an administrator said something of a domain. */
void worker_post_rejudge(struct worker *worker);
