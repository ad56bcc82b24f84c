/* Binding requests that wait for their answers: sent again as RFC 8489 §6.2.1 says, matched by
 * their transaction ID. The socket is somebody else's: the SIP listener's, so that the mapping
 * is the listener's, one of the media relay, or stun_socket. Nothing blocks; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/stun.h"
#include "nat/stun_asked.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/list.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"

/* RTO, Rc and Rm of RFC 8489 §6.2.1. */
struct stun_patience {
	unsigned rto_ms;     /* until the second request; doubled for each further one */
	unsigned n_requests; /* in all */
	unsigned last_wait;  /* times rto_ms, after the last one */
};

/* What the RFC says for who knows nothing of the way: silence is certain after 39.5 s. */
extern const struct stun_patience stun_patience_rfc;

enum stun_outcome {
	STUN_NOT_ASKED,
	STUN_ANSWERED,
	STUN_REFUSED, /* by an error, or by an answer that cannot be used */
	STUN_SILENT,
	STUN_UNSENT, /* no request could leave this host */
};

const char *stun_outcome_text(enum stun_outcome outcome);

struct stun_question {
	struct addr to;
	bool change_ip, change_port; /* let the answer come from there (RFC 5780 §7.2) */
	struct stun_patience patience;
};

struct stun_answer {
	enum stun_outcome outcome;
	struct addr from;                  /* where it came from */
	struct addr mapped, other, origin; /* unset: it did not say */
	unsigned error_code;               /* REFUSED: 0 if it was no error response */
	/* requests; more than 1: some packet was lost, or late */
	unsigned n_sent;
	unsigned took_ms; /* since the last request */
};

struct stun_client {
	struct loop *loop;
	struct list queries;
	enum err (*send)(void *user, const struct addr *to, const void *bytes, size_t len);
	void *user;
	/* is told what waits, if it is set after stun_client_init; outlives the client */
	struct stun_asked *asked;
};

/* One request; embedded in its owner, zeroed memory is one that does not run. */
struct stun_query {
	struct list link;
	struct stun_client *client; /* NULL: it does not run */
	struct stun_question question;
	unsigned char id[STUN_ID_SIZE];
	struct timer timer;
	unsigned n_sent, n_left_host;
	uint64_t rto_ms, sent_ms;
	void (*on_end)(struct stun_query *query, const struct stun_answer *answer);
};

/* send must not call back into the client; what it cannot send is tried again like what is
 * lost. */
void stun_client_init(struct stun_client *client, struct loop *loop,
		      enum err (*send)(void *user, const struct addr *to, const void *bytes,
				       size_t len),
		      void *user);

/* Takes back all that runs: no on_end comes. */
void stun_client_fini(struct stun_client *client);

/* Asks; on_end comes once, from the loop. A query that runs already begins anew. */
void stun_ask(struct stun_client *client, struct stun_query *query,
	      const struct stun_question *question,
	      void (*on_end)(struct stun_query *query, const struct stun_answer *answer));

/* on_end will not come. Fine if it does not run. */
void stun_cancel(struct stun_query *query);

/* What came on the socket. True: it was the answer to a query, whose on_end has been called;
 * false: it is nobody's. An answer from elsewhere than asked counts only for who asked for
 * that. */
bool stun_client_receive(struct stun_client *client, const struct addr *from, const void *bytes,
			 size_t len);
