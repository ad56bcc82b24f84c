/* What the transaction table and the transactions know of each other. For proxy/transaction
 * alone. */
#pragma once

#include "proxy/base/counter.h"
#include "proxy/base/list.h"
#include "proxy/base/timer.h"
#include "proxy/transaction/client_txn.h"
#include "proxy/transaction/server_txn.h"
#include "proxy/transaction/txn_index.h"
#include "proxy/transaction/txn_table.h"

enum { TXN_MAX = 1 << 20 }; /* of each kind in one worker */

struct txn_table {
	struct loop *loop;
	struct transport *transport;
	unsigned worker;
	struct sip_timers timers;
	struct counters *counters;
	struct txn_index client_index, server_index, merge_index;
	struct list clients, servers;
	unsigned n_clients, n_servers;
};

/* What two requests of one server transaction have in common (RFC 3261 §17.2.3): two keyed
 * hashes, 128 bits that strangers cannot make collide. */
struct txn_key {
	uint64_t hash, check;
};

/* The key that the request has as one of that method: an ACK belongs to "INVITE". */
void txn_key_make(const sip_t *sip, const char *method, struct txn_key *out);

/* Of a branch that txn_table_branch made: of what is random in it, which nobody can choose. */
uint64_t txn_branch_hash(const char *branch);

/* From tag, Call-ID and CSeq (RFC 3261 §8.2.2.2). */
uint64_t txn_merge_hash(const sip_t *sip);

/* The owners of links on table->clients and table->servers. */
struct client_txn *client_txn_of(struct list *link);
struct server_txn *server_txn_of(struct list *link);

/* The transaction with that key, or NULL. */
struct server_txn *server_txn_find(struct txn_table *table, const struct txn_key *key);

/* The request came again. */
void server_txn_receive_repeat(struct server_txn *txn);

/* An ACK came; false if it is not for the transaction, but end to end (RFC 6026 §7.1). */
bool server_txn_receive_ack(struct server_txn *txn);

/* True for a transaction with another key that is at work on the same, or answered it with
 * 2xx. */
bool server_txn_is_merged(const struct txn_table *table, const sip_t *sip,
			  const struct txn_key *key);

/* Ends it now: tells on_ended and frees. */
void server_txn_end(struct server_txn *txn);

/* The client transaction with that branch and method (RFC 3261 §17.1.3), or NULL. */
struct client_txn *client_txn_find(struct txn_table *table, const char *branch,
				   sip_method_t method);

void client_txn_receive(struct client_txn *txn, struct arrival *response);

/* Ends it now: on_failure unless it had a final response, on_ended, freed. */
void client_txn_end(struct client_txn *txn, enum err err, enum reason reason);
