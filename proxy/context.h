/* The response context of one request (RFC 3261 §16.2): what was sent where, what came back,
 * and when it is over. The first state that is kept for a request. One worker's. */
#pragma once

#include <stdbool.h>

#include "proxy/base/loop.h"
#include "proxy/base/timer.h"
#include "proxy/decision.h"
#include "proxy/request.h"
#include "proxy/transaction/client_txn.h"
#include "proxy/transaction/server_txn.h"
#include "proxy/worker.h"
#include "routing/locate.h"

struct context;

enum branch_state {
	BRANCH_WAITING, /* for the stages before it: proxy/stage */
	BRANCH_LOCATING,
	BRANCH_CALLING,    /* sent, nothing heard */
	BRANCH_PROCEEDING, /* a provisional came */
	BRANCH_DONE,       /* its final is known */
};

/* A request that is too large for a datagram, while it is tried by TCP: forward.c and
 * by_size.c. */
struct by_size {
	struct client_txn_user user; /* whom to tell what the try does not settle */
	void (*on_ack_end)(struct sending *sending, enum err err, enum reason reason);
	struct health *health; /* of TCP there */
	bool is_listed;        /* it is a server of the target's */
};

/* One target and the servers of it that are tried one after the other: the cursor lives here
 * (field.md pitfall 3). */
struct branch {
	struct context *context;
	enum branch_state state;
	struct locate *locate;
	enum conf_network network; /* of the hop that is tried */
	struct hop *hops;          /* owned; NULL before and after */
	size_t n_hops, next;       /* hops[next - 1] is the one that is tried */
	struct client_txn *txn;    /* NULL before and after */
	struct list lates;         /* late.link: transactions that were given up */
	struct sending sending;    /* the ACK to a 2xx has no transaction */
	struct timer timer_c;      /* INVITE: RFC 3261 §16.6 item 11 */
	struct timer patience;     /* nothing heard, and there is another server to try */
	struct by_size by_size;
	int status;           /* of its final response; 0: there is none */
	enum reason refusal;  /* why it must not be sent: by its media; else REASON_NONE */
	bool waits_for_media; /* it must not be sent yet: call_media_request */
	uint64_t media_wait_ends_ms; /* then it goes as it is; 0: it never waited */
	/* they wait for that, too (proxy/held_response); owned; NULL: none does */
	struct held_responses *held;
	struct redirected *redirected; /* a 3xx led here (proxy/follow); owned; NULL */
	bool is_replaced;              /* it was redirected: others stand for it */
	bool is_cancelled;
	bool was_begun;
	bool has_rung;        /* its server sent 180 */
	bool is_searched;     /* location knows that its backend is being asked */
	struct target target; /* this and aim: not zeroed before they are set */
	struct aim aim;
};

struct context {
	struct list link; /* worker->contexts */
	struct worker *worker;
	struct snapshot *snapshot;     /* counted: rules and hops point into it */
	struct server_txn *server_txn; /* NULL: an ACK, or ended */
	msg_t *msg;                    /* as it is to be forwarded: our Routes are off; owned */
	struct listener *in; /* where it came in; the snapshot's or the flow's; counted */
	/* for our Record-Route; outside of a dialog each branch is a callee of its own */
	struct record_route_token token;
	bool is_inside_dialog; /* our signed Route said so */
	bool is_to_callee;     /* and that it goes to the end that was called */
	/* of the request as it came (RFC 5393 §4.2.3): stands in our branches */
	char loop[REQUEST_LOOP_SIZE];
	struct addr source; /* charged for the transaction */
	enum importance importance;
	uint64_t call; /* keyed hash of the Call-ID: hop.call */
	bool needs_record_route, is_invite, is_ack, is_charged;
	bool has_final; /* a final response went back: set by context_settle alone */
	bool is_cancelled;
	uint64_t began_ms;
	bool has_rung;             /* INVITE: a first 18x went back */
	msg_t *best;               /* the best final so far (§16.7 item 6) */
	enum reason best_reason;   /* where there is no response: ours */
	struct decision *decision; /* owned until it goes into the ring */
	struct call_media *media;  /* proxy/call_media; NULL: its media are nothing to us */
	struct loop_call end;
	struct stage_user *user; /* whose home is learned from the answers; NULL: nobody's */
	unsigned n_branches;
	/* where redirects may be followed: how many there is room for; 0 */
	unsigned max_branches;
	struct origin origin;     /* not zeroed before it is set */
	struct branch branches[]; /* one for each target, then those that redirects name */
};

/* Takes a request that was welcome; its msg moves into the context. On failure a refusal was
 * sent (none to an ACK). */
void context_begin(struct worker *worker, struct request *request);

/* A CANCEL for it came: 200 to the CANCEL is the caller's. reason_header may be NULL. */
void context_cancel(struct context *context, const char *reason_header);

/* Ends at once what still runs: the worker stops. */
void context_abort(struct context *context);

/* For forward and response. */

/* The branch is done: picks and sends the best response when it was the last. */
void context_branch_done(struct branch *branch);
/* A branch, which waits, for the i-th target of the request; there must be room. */
struct branch *context_add_branch(struct context *context, const struct request *request,
				  unsigned i);
/* The branch was redirected, and others wait in its stage: they begin, and it is done. */
void context_branch_replaced(struct branch *branch);
/* Cancels every branch that still waits (a 2xx or 6xx came). */
void context_cancel_others(struct context *context, const struct branch *except);
/* A final went back (or, for an ACK, it was sent on): what is left only waits for repeats. */
void context_settle(struct context *context);
/* Frees the context from the loop if nothing is left to wait for. */
void context_check_end(struct context *context);
