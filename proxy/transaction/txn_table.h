/* The transactions of one worker (RFC 3261 §17, RFC 6026), and the matching of messages to
 * them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "proxy/transaction/sip_timers.h"
#include "proxy/transport/transport.h"

struct txn_table;
struct client_txn;
struct server_txn;

/* What matching found. */
enum txn_match {
	/* a request that belongs to no transaction (also an ACK to a 2xx, a CANCEL whose INVITE
	 * is out_server or NULL) */
	TXN_NEW,
	TXN_ABSORBED,  /* a repeat, or an ACK to a final of ours: dealt with */
	TXN_RESPONSE,  /* a response that was given to its client transaction */
	TXN_STRAY,     /* a response whose branch is ours, but no transaction knows it */
	TXN_ELSEWHERE, /* a response whose branch names another worker: out_worker */
	TXN_NOT_OURS,  /* a response whose topmost Via we never wrote: drop */
};

enum { TXN_BRANCH_SIZE = 64 };

enum err txn_table_new(struct loop *loop, struct transport *transport, unsigned worker,
		       struct txn_table **out) MUST_CHECK;
/* Ends every transaction, telling its user ERR_CLOSED/REASON_DRAINING; frees. */
struct txn_table *txn_table_free(struct txn_table *table);
void txn_table_set_timers(struct txn_table *table, const struct sip_timers *timers);
struct counters;
void txn_table_set_counters(struct txn_table *table, struct counters *counters);

/* Looks where a message belongs (RFC 3261 §17.1.3, §17.2.3, also the RFC 2543 way without
 * cookie). Repeats and responses are dealt with inside. For a CANCEL, out_server gets the
 * INVITE's server transaction, or NULL. */
enum txn_match txn_table_match(struct txn_table *table, struct arrival *arrival,
			       struct server_txn **out_server, unsigned *out_worker);

/* Makes a branch for a new client transaction: magic cookie, worker, unique token, and loop (a
 * hash in hex of RFC 5393, may be ""). */
void txn_table_branch(struct txn_table *table, const char *loop, char out[TXN_BRANCH_SIZE]);

/* The loop hash that a branch of ours carries, copied to out; false if the branch is not one
 * that we (any worker of this process, or of an earlier run with the same key) made. */
bool txn_branch_loop(const char *branch, char *out, size_t size);

/* A merged request (RFC 3261 §8.2.2.2): same From tag, Call-ID and CSeq under another
 * branch. */
bool txn_table_is_merged(struct txn_table *table, const sip_t *sip);

unsigned txn_table_n_client(const struct txn_table *table);
unsigned txn_table_n_server(const struct txn_table *table);
