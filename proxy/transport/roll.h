/* The roll: all connections of the process that carry our requests to partners, whichever
 * worker has them, so that a partner's bound (hop.max_connections) holds over all of them (RFC
 * 5923, field.md pitfall 10), and so that a worker that may open none sends over another's
 * (stand_in.h). Any thread; one short lock, taken when a connection begins or ends, and by
 * requests for which their worker has no connection that is free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/reason.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"

struct roll;
struct roll_entry; /* one connection; counted */

enum err roll_new(struct roll **out) MUST_CHECK;
struct roll *roll_free(struct roll *roll); /* no worker is left; NULL is fine */

/* What a worker knows when it asks. */
struct roll_question {
	const struct hop *hop;
	uint64_t flow_id; /* what it dials will have this id */
	bool has_own;     /* it may use one that it knows, be it slow */
	size_t own_load;  /* how much waits there */
	bool may_dial;    /* false: it has no room for a further connection */
};

enum roll_way {
	ROLL_DIAL, /* it is to dial: the entry is the connection's, and counted already */
	ROLL_JOIN, /* that connection, of whichever worker, is to be used */
	ROLL_STAY, /* its own one */
	ROLL_NONE, /* there is none, and it has no room to dial */
};

/* Decides for one request. A partner may have hop.max_connections, what it opened itself and
 * what fits the hop included; only a server to which the process has none gets its first one in
 * any case, as it could not be reached else. ROLL_DIAL: to be given back with roll_end;
 * ROLL_JOIN: with roll_left. ERR_NO_MEMORY. */
enum err roll_ask(struct roll *roll, const struct roll_question *question,
		  struct roll_entry **out, enum roll_way *out_way) MUST_CHECK;

/* ---- the owner's ---- */

/* Adds an accepted connection with its peer's certificate. our_fingerprint, trust_fingerprint:
 * as of pool_add_accepted. */
enum err roll_add_accepted(struct roll *roll, const struct flow *flow,
			   const char *our_fingerprint, const char *trust_fingerprint,
			   struct roll_entry **out) MUST_CHECK;

/* What was dialled is open: identity, of which a reference is taken, is its peer's; NULL:
 * none. */
void roll_opened(struct roll_entry *entry, struct identity *identity);

/* It takes no requests any more, and counts no more; those that are on their way go on. More
 * than once is fine. */
void roll_withdraw(struct roll_entry *entry);

/* The same if no other worker uses it, else false. */
bool roll_withdraw_unused(struct roll_entry *entry);

/* The same if its partner, which may have max, has more of those that we dialled. Returns
 * whether it takes no requests any more. */
bool roll_withdraw_surplus(struct roll_entry *entry, unsigned max);

/* True if its partner has more connections than it was to have when this one was made. */
bool roll_is_beyond(struct roll_entry *entry);

/* It has ended, for that reason. Takes the owner's reference; returns NULL. NULL is fine. */
struct roll_entry *roll_end(struct roll_entry *entry, enum err err, enum reason reason);

/* So much waits in it; room: what its partner's may be there in all. */
void roll_note_load(struct roll_entry *entry, size_t n_unsent, bool is_slow, size_t room);

/* ---- whoever uses it ---- */

uint64_t roll_flow_id(const struct roll_entry *entry);
bool roll_takes_requests(const struct roll_entry *entry);
/* True if it is open; then out_identity, which may be NULL, is the peer's, counted for the
 * caller, or NULL. */
bool roll_is_open(struct roll_entry *entry, struct identity **out_identity);
/* False: it has not ended. */
bool roll_how_it_ended(const struct roll_entry *entry, enum err *out_err,
		       enum reason *out_reason);

/* n bytes more (or, negative, fewer) are on their way to the owner. */
void roll_under_way(struct roll_entry *entry, ptrdiff_t n);
size_t roll_under_way_bytes(const struct roll_entry *entry);
/* What waits in it, and is on its way to it. */
size_t roll_load(const struct roll_entry *entry);
bool roll_is_slow(const struct roll_entry *entry);
size_t roll_room(const struct roll_entry *entry);

/* A worker uses it no more. Takes its reference; returns NULL. NULL is fine. */
struct roll_entry *roll_left(struct roll_entry *entry);
