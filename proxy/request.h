/* A request on its way through the table of steps: validate -> classify -> authorize ->
 * limit -> screen -> route. Each step goes on, or gives the reason that ends it. The same
 * table serves the traffic and `nuncio explain`. Lives on the stack of receive until it is
 * welcome. */
#pragma once

#include <stdbool.h>

#include "federation/account.h"
#include "federation/peer.h"
#include "proxy/aim.h"
#include "proxy/base/reason.h"
#include "proxy/decision.h"
#include "proxy/server.h"
#include "proxy/sip/importance.h"
#include "proxy/snapshot.h"
#include "proxy/transport/transport.h"
#include "routing/locate.h"
#include "routing/route_set.h"

struct backend_secret;
struct user;

enum {
	REQUEST_MAX_TARGETS = 32, /* in all, of which so many at a time: */
	REQUEST_MAX_PARALLEL = 8,
	REQUEST_LOOP_SIZE = 17,
};

/* What shall be done with it. */
enum request_outcome {
	REQUEST_FORWARD,   /* to the targets */
	REQUEST_ANSWER,    /* it is for ourselves: 200 to OPTIONS */
	REQUEST_REFUSE,    /* with reason */
	REQUEST_CHALLENGE, /* 407, 401 */
	REQUEST_REGISTER,  /* a backend logs on: for the registrar */
	REQUEST_DROP,      /* silence */
	REQUEST_WAIT,      /* DNS must tell first who may speak for from_domain */
};

struct request {
	/* Given. */
	struct server *server;
	struct snapshot *snapshot;
	struct arrival *arrival;
	struct dns *dns; /* what the worker knows of names; NULL: explain */
	/* what DNS said of the From domain, if it was asked; NULL */
	const struct trust_srv *srv;
	bool is_dry_run;           /* explain: nothing is charged */
	struct counters *counters; /* the worker's; NULL: explain */
	uint64_t now_ms;
	unsigned load; /* of the worker: load.h */

	/* Found on the way. */
	/* with our Routes off: the arrival's own, or a copy if more had to be edited; owned */
	msg_t *msg;
	sip_t *sip; /* of msg */
	bool is_ack, is_inside_dialog;
	enum importance importance;
	bool is_for_us;        /* OPTIONS whose Request-URI is ourselves */
	bool is_refused_early; /* before anybody asked who sent it */
	bool is_passed_on; /* the sender got it from us: its From says nothing of the sender */
	/* REGISTER: the backend whose credentials were right; the snapshot's */
	const struct backend_secret *log_on;
	/* REGISTER: the user whose phone's credentials were right; likewise */
	const struct user *phone;
	bool must_prove; /* at a remote listener: digest decides who it is */
	/* a backend with a foreign From, which may reach phones of ours and nobody else */
	bool only_phones;
	struct route_view route;
	unsigned n_targets;
	bool needs_record_route;
	bool is_to_callee;           /* inside a dialog: to the end that was called */
	const char *challenge_stale; /* not NULL: stale */
	unsigned retry_after_s;
	const char *refused_header; /* value for Unsupported etc.; NULL */
	enum reason reason;
	/* Of what follows request_init touches the beginnings: they are long, and mostly
	 * empty. */
	struct origin origin;
	/* of From and of the Request-URI */
	char from_domain[256], to_user[256], to_domain[256];
	struct decision decision;
	struct target targets[REQUEST_MAX_TARGETS]; /* the first n_targets are set, */
	struct aim aims[REQUEST_MAX_TARGETS];       /* and what each is for */
};

/* Finds out who sent a request that is refused before that was asked: who is known may read
 * why, and the record says who it was. What only DNS could tell is not worth a wait. */
void request_recognise(struct request *request);

/* Makes it ready: everything is zero but what counts protect. */
void request_init(struct request *request, struct server *server, struct snapshot *snapshot,
		  struct arrival *arrival);

/* Runs the steps. The request's msg is set once classify was reached; request_fini gives it
 * back. */
enum request_outcome request_judge(struct request *request);
void request_fini(struct request *request);

/* The hash that our Via's branch carries, so that a loop is told from a spiral (RFC 5393
 * §4.2.2): keyed, over what decides where the request goes. */
void request_loop_hash(const struct snapshot *snapshot, const sip_t *sip,
		       char out[REQUEST_LOOP_SIZE]);

/* Fills the record with what every request says of itself; one of ours came by no flow. */
void request_describe(struct request *request);
