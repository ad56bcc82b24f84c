#include "proxy/transaction/txn_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/sip/via.h"
#include "proxy/transaction/txn_private.h"

/* A branch of ours: "z9hG4bKn" worker "." token "." loop. The token is what makes it hard to
 * guess: a response is taken from whoever knows it. */
static const char BRANCH_START[] = "z9hG4bKn";

enum {
	BRANCH_START_LEN = sizeof(BRANCH_START) - 1,
	WORKER_LEN = 2,
	TOKEN_LEN = 20, /* of 36 characters: 103 bits */
	LOOP_AT = BRANCH_START_LEN + WORKER_LEN + 1 + TOKEN_LEN + 1,
};

_Static_assert((int)TOKEN_LEN >= 2 * (int)sizeof(uint64_t),
	       "txn_branch_hash reads two words of it");

enum err txn_table_new(struct loop *loop, struct transport *transport, unsigned worker,
		       struct txn_table **out)
{
	struct txn_table *table = calloc(1, sizeof(*table));
	if (!table)
		return ERR_NO_MEMORY;

	list_init(&table->clients);
	list_init(&table->servers);
	table->loop = loop;
	table->transport = transport;
	table->worker = worker;
	table->timers = (struct sip_timers){ .t1_ms = 500, .t2_ms = 4000, .t4_ms = 5000 };
	if (txn_index_init(&table->client_index) || txn_index_init(&table->server_index) ||
	    txn_index_init(&table->merge_index)) {
		txn_table_free(table);
		return ERR_NO_MEMORY;
	}
	*out = table;
	return ERR_OK;
}

struct txn_table *txn_table_free(struct txn_table *table)
{
	if (!table)
		return NULL;

	while (!list_is_empty(&table->clients))
		client_txn_end(client_txn_of(table->clients.next), ERR_CLOSED, REASON_DRAINING);
	while (!list_is_empty(&table->servers))
		server_txn_end(server_txn_of(table->servers.next));
	txn_index_fini(&table->client_index);
	txn_index_fini(&table->server_index);
	txn_index_fini(&table->merge_index);
	free(table);
	return NULL;
}

void txn_table_set_timers(struct txn_table *table, const struct sip_timers *timers)
{
	table->timers = *timers;
}

void txn_table_set_counters(struct txn_table *table, struct counters *counters)
{
	table->counters = counters;
}

/* RFC 3261 §17.2.3: without the cookie, what RFC 2543 compares. To tags are left out: the ACK
 * has the one of the response, and no two transactions differ in it alone. */
static void make_old_key(const sip_t *sip, const char *method, struct txn_key *out)
{
	const sip_via_t *via = sip->sip_via;
	const url_t *uri = sip->sip_request->rq_url;
	const char *call[] = { sip->sip_call_id->i_id, sip->sip_from->a_tag, method };
	const char *hop[] = { via->v_protocol, via->v_host,   via->v_port,   via->v_branch,
			      uri->url_user,   uri->url_host, uri->url_port, uri->url_params };

	out->hash = random_keyed_hash_texts(call, COUNT(call)) ^ sip->sip_cseq->cs_seq;
	out->check = random_keyed_hash_texts(hop, COUNT(hop));
}

void txn_key_make(const sip_t *sip, const char *method, struct txn_key *out)
{
	const sip_via_t *via = sip->sip_via;

	if (!via_is_rfc3261(via)) {
		make_old_key(sip, method, out);
		return;
	}
	const char *sent_by[] = { via->v_host, via->v_port, method };
	out->hash = random_keyed_hash(via->v_branch, strlen(via->v_branch));
	out->check = random_keyed_hash_texts(sent_by, COUNT(sent_by));
}

uint64_t txn_merge_hash(const sip_t *sip)
{
	const char *call[] = { sip->sip_call_id->i_id, sip->sip_from->a_tag,
			       sip->sip_cseq->cs_method_name };

	return random_keyed_hash_texts(call, COUNT(call)) ^ sip->sip_cseq->cs_seq;
}

static struct server_txn *find_server(struct txn_table *table, const sip_t *sip,
				      const char *method)
{
	struct txn_key key;

	txn_key_make(sip, method, &key);
	return server_txn_find(table, &key);
}

static enum txn_match match_request(struct txn_table *table, struct arrival *arrival,
				    struct server_txn **out_server)
{
	const sip_t *sip = arrival->sip;
	sip_method_t method = sip->sip_request->rq_method;
	const char *name =
		method == sip_method_ack ? "INVITE" : sip->sip_request->rq_method_name;
	struct server_txn *txn = find_server(table, sip, name);

	if (method == sip_method_ack)
		return txn && server_txn_receive_ack(txn) ? TXN_ABSORBED : TXN_NEW;
	if (txn) {
		server_txn_receive_repeat(txn);
		return TXN_ABSORBED;
	}
	if (method == sip_method_cancel && out_server)
		*out_server = find_server(table, sip, "INVITE"); /* RFC 3261 §9.2 */
	return TXN_NEW;
}

/* The worker that a branch of ours names; false if it is none of ours. */
static bool parse_branch(const char *branch, unsigned *out_worker)
{
	unsigned char worker;
	char digits[WORKER_LEN + 1];

	if (!branch || strlen(branch) < LOOP_AT ||
	    strncmp(branch, BRANCH_START, BRANCH_START_LEN) != 0)
		return false;
	if (branch[BRANCH_START_LEN + WORKER_LEN] != '.' || branch[LOOP_AT - 1] != '.')
		return false;
	memcpy(digits, branch + BRANCH_START_LEN, WORKER_LEN);
	digits[WORKER_LEN] = '\0';
	if (!text_unhex(digits, &worker, 1))
		return false;
	*out_worker = worker;
	return true;
}

static enum txn_match match_response(struct txn_table *table, struct arrival *arrival,
				     unsigned *out_worker)
{
	const sip_t *sip = arrival->sip;
	const char *branch = sip->sip_via ? sip->sip_via->v_branch : NULL;
	unsigned worker;

	if (!parse_branch(branch, &worker))
		return TXN_NOT_OURS;
	if (worker != table->worker) {
		if (out_worker)
			*out_worker = worker;
		return TXN_ELSEWHERE;
	}

	struct client_txn *txn = client_txn_find(table, branch, sip->sip_cseq->cs_method);
	if (!txn)
		return TXN_STRAY;
	client_txn_receive(txn, arrival);
	return TXN_RESPONSE;
}

enum txn_match txn_table_match(struct txn_table *table, struct arrival *arrival,
			       struct server_txn **out_server, unsigned *out_worker)
{
	if (out_server)
		*out_server = NULL;
	if (arrival->sip->sip_request)
		return match_request(table, arrival, out_server);
	return match_response(table, arrival, out_worker);
}

void txn_table_branch(struct txn_table *table, const char *loop, char out[TXN_BRANCH_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *worker = out + BRANCH_START_LEN, *token = worker + WORKER_LEN + 1;

	memcpy(out, BRANCH_START, BRANCH_START_LEN);
	worker[0] = digits[table->worker >> 4 & 15];
	worker[1] = digits[table->worker & 15];
	worker[2] = '.';
	random_token(token, TOKEN_LEN);
	out[LOOP_AT - 1] = '.';
	text_copy(out + LOOP_AT, TXN_BRANCH_SIZE - LOOP_AT, loop);
}

uint64_t txn_branch_hash(const char *branch)
{
	uint64_t words[2], hash;

	if (strnlen(branch, LOOP_AT) < LOOP_AT)
		return 0; /* none of ours */
	memcpy(words, branch + LOOP_AT - 1 - TOKEN_LEN, sizeof(words));
	hash = words[0] * 0x9e3779b97f4a7c15 ^ words[1] * 0xc2b2ae3d27d4eb4f;
	return hash ^ hash >> 32;
}

bool txn_branch_loop(const char *branch, char *out, size_t size)
{
	unsigned worker;

	return parse_branch(branch, &worker) && text_copy(out, size, branch + LOOP_AT);
}

bool txn_table_is_merged(struct txn_table *table, const sip_t *sip)
{
	struct txn_key key;

	if (!sip->sip_request || (sip->sip_to->a_tag && sip->sip_to->a_tag[0] != '\0'))
		return false;
	txn_key_make(sip, sip->sip_request->rq_method_name, &key);
	return server_txn_is_merged(table, sip, &key);
}

unsigned txn_table_n_client(const struct txn_table *table)
{
	return table->n_clients;
}

unsigned txn_table_n_server(const struct txn_table *table)
{
	return table->n_servers;
}
