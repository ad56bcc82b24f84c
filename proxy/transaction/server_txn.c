#include "proxy/transaction/server_txn.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/sip/reply.h"
#include "proxy/sip/via.h"
#include "proxy/transaction/txn_private.h"
#include "proxy/transport/path_mtu.h"

/* RFC 3261 §17.2.1 with RFC 6026 §7.1, and §17.2.2. */
enum state {
	TRYING,     /* not for INVITE */
	PROCEEDING, /* where INVITE begins */
	ACCEPTED,   /* INVITE, after a 2xx */
	COMPLETED,
	CONFIRMED, /* INVITE, the ACK came */
	TERMINATED,
};

struct server_txn {
	struct txn_table *table;
	struct list link;
	struct txn_link key_link, merge_link;
	uint64_t key_check;
	struct server_txn_user user;
	struct timer timer_resend; /* G; until the first response: when a 100 is due */
	struct timer timer_end;    /* H, I, J, L */
	uint64_t timer_g_ms, began_ms;
	struct flow *flow;
	msg_t *request;    /* until the final response */
	struct wire *last; /* what a repeat of the request gets */
	enum state state;
	bool is_invite, is_reliable;
};

struct server_txn *server_txn_of(struct list *link)
{
	return container_of(link, struct server_txn, link);
}

struct server_txn *server_txn_find(struct txn_table *table, const struct txn_key *key)
{
	for (struct txn_link *link = txn_index_find(&table->server_index, key->hash); link;
	     link = txn_index_next(link)) {
		struct server_txn *txn = container_of(link, struct server_txn, key_link);
		if (txn->key_check == key->check)
			return txn;
	}
	return NULL;
}

bool server_txn_is_merged(const struct txn_table *table, const sip_t *sip,
			  const struct txn_key *key)
{
	for (struct txn_link *link = txn_index_find(&table->merge_index, txn_merge_hash(sip));
	     link; link = txn_index_next(link))
		if (container_of(link, struct server_txn, merge_link)->key_link.hash !=
		    key->hash)
			return true;
	return false;
}

void server_txn_end(struct server_txn *txn)
{
	struct server_txn_user user = txn->user;

	txn->state = TERMINATED;
	timer_stop(&txn->timer_resend);
	timer_stop(&txn->timer_end);
	txn_index_remove(&txn->key_link);
	txn_index_remove(&txn->merge_link);
	list_remove(&txn->link);
	txn->table->n_servers--;
	counter_add1(txn->table->counters, COUNTER_TRANSACTIONS, COUNTER_SERVER, -1);
	if (user.on_ended)
		user.on_ended(user.user, txn);

	txn->last = wire_unref(txn->last);
	txn->request = message_unref(txn->request);
	txn->flow = flow_unref(txn->flow);
	free(txn);
}

static void count_repeat(const struct server_txn *txn, enum counter_direction direction)
{
	counter_add2(txn->table->counters, COUNTER_RETRANSMISSIONS, direction,
		     txn->flow->transport, 1);
}

static void send_last(struct server_txn *txn)
{
	enum err err = txn->last ? flow_send(txn->flow, txn->last) : ERR_OK;

	/* a repeat that is lost comes again; a flow that has ended takes none, and the timers
	 * go on */
	(void)err;
}

static void on_end(struct timer *timer)
{
	server_txn_end(container_of(timer, struct server_txn, timer_end));
}

static void on_timer_g(struct timer *timer)
{
	struct server_txn *txn = container_of(timer, struct server_txn, timer_resend);
	const struct sip_timers *timers = &txn->table->timers;

	count_repeat(txn, COUNTER_OUT);
	send_last(txn);
	txn->timer_g_ms =
		txn->timer_g_ms * 2 < timers->t2_ms ? txn->timer_g_ms * 2 : timers->t2_ms;
	timer_start(txn->table->loop, timer, txn->timer_g_ms, on_timer_g);
}

static void on_timer_h(struct timer *timer)
{
	struct server_txn *txn = container_of(timer, struct server_txn, timer_end);

	txn->state = TERMINATED;
	timer_stop(&txn->timer_resend);
	if (txn->user.on_no_ack)
		txn->user.on_no_ack(txn->user.user, txn);
	server_txn_end(txn);
}

/* RFC 4320 §4.1: when the client's Timer E has reached T2, a 100 keeps it from giving up on a
 * slow answer. */
static uint64_t late_100_ms(const struct sip_timers *timers)
{
	uint64_t sum_ms = 0;

	for (uint64_t e_ms = timers->t1_ms; e_ms < timers->t2_ms && e_ms; e_ms *= 2)
		sum_ms += e_ms;
	return sum_ms;
}

static void send_trying(struct server_txn *txn)
{
	msg_t *reply = reply_new(txn->request, 100, "Trying", NULL);

	enum err err = reply ? server_txn_respond(txn, reply) : ERR_NO_MEMORY;

	(void)err; /* the client goes on repeating */
	message_unref(reply);
}

static void on_trying(struct timer *timer)
{
	send_trying(container_of(timer, struct server_txn, timer_resend));
}

static void start_completed(struct server_txn *txn)
{
	const struct sip_timers *timers = &txn->table->timers;
	struct loop *loop = txn->table->loop;

	if (!txn->is_invite) {
		timer_start_late(loop, &txn->timer_end,
				 txn->is_reliable ? 0 : sip_timer_b_ms(timers), on_end); /* J */
		return;
	}
	txn->timer_g_ms = timers->t1_ms;
	if (!txn->is_reliable)
		timer_start(loop, &txn->timer_resend, txn->timer_g_ms, on_timer_g);
	timer_start_late(loop, &txn->timer_end, sip_timer_b_ms(timers), on_timer_h);
}

/* The only function that changes state while the transaction lives, so each state's timers
 * stand in one place. */
static void enter(struct server_txn *txn, enum state state)
{
	const struct sip_timers *timers = &txn->table->timers;
	struct loop *loop = txn->table->loop;

	txn->state = state;
	timer_stop(&txn->timer_resend);
	if (state != TRYING && state != PROCEEDING)
		txn->request = message_unref(txn->request);
	switch (state) {
	case TRYING:
		timer_start(loop, &txn->timer_resend, late_100_ms(timers), on_trying);
		break;
	case PROCEEDING: /* §17.2.1: a 100, unless another response comes so soon that none is
			    needed */
		if (!txn->last)
			timer_start(loop, &txn->timer_resend, SIP_TRYING_MS, on_trying);
		break;
	case ACCEPTED: /* RFC 6026 §7.1: absorbs repeats of the INVITE, passes further 2xx;
			  Timer L */
		txn->last = wire_unref(txn->last);
		timer_start_late(loop, &txn->timer_end, sip_timer_b_ms(timers), on_end);
		break;
	case COMPLETED:
		start_completed(txn);
		break;
	case CONFIRMED: /* Timer I */
		txn->last = wire_unref(txn->last);
		timer_start_late(loop, &txn->timer_end, txn->is_reliable ? 0 : timers->t4_ms,
				 on_end);
		break;
	case TERMINATED: /* nobody frees its caller */
		timer_start(loop, &txn->timer_end, 0, on_end);
		break;
	}
}

/* The flow to where the Via says (RFC 3261 §18.2.2, RFC 3581 §4), counted for the caller. Over
 * a stream that is the stream; over UDP it may be another port than the request's. */
static struct flow *response_flow(struct transport *transport, struct flow *flow,
				  const sip_via_t *via)
{
	struct addr to;

	if (flow_is_reliable(flow) || !via)
		return flow_ref(flow);
	via_response_addr(via, &flow->remote, &to);
	if (addr_equal(&to, &flow->remote))
		return flow_ref(flow);
	return transport_udp_flow(transport, flow->listener, &to);
}

static void add_to_table(struct server_txn *txn, const sip_t *sip)
{
	struct txn_table *table = txn->table;
	struct txn_key key;

	txn_key_make(sip, sip->sip_request->rq_method_name, &key);
	txn->key_check = key.check;
	txn_index_add(&table->server_index, &txn->key_link, key.hash);
	if (!sip->sip_to->a_tag && sip->sip_request->rq_method != sip_method_cancel)
		txn_index_add(&table->merge_index, &txn->merge_link, txn_merge_hash(sip));
	list_append(&table->servers, &txn->link);
	table->n_servers++;
	counter_add1(table->counters, COUNTER_TRANSACTIONS, COUNTER_SERVER, 1);
}

enum err server_txn_new(struct txn_table *table, struct arrival *arrival,
			const struct server_txn_user *user, struct server_txn **out)
{
	if (table->n_servers >= TXN_MAX)
		return ERR_LIMIT;
	if (!arrival->sip->sip_request ||
	    arrival->sip->sip_request->rq_method == sip_method_ack)
		return ERR_INVALID;

	struct server_txn *txn = calloc(1, sizeof(*txn));
	if (!txn)
		return ERR_NO_MEMORY;
	txn->flow = response_flow(table->transport, arrival->flow, arrival->sip->sip_via);
	if (!txn->flow) {
		free(txn);
		return ERR_NO_MEMORY;
	}
	txn->table = table;
	if (user)
		txn->user = *user;
	txn->request = message_ref(arrival->msg);
	txn->is_invite = arrival->sip->sip_request->rq_method == sip_method_invite;
	txn->is_reliable = flow_is_reliable(txn->flow);
	txn->began_ms = loop_now_ms(table->loop);
	add_to_table(txn, arrival->sip);
	enter(txn, txn->is_invite ? PROCEEDING : TRYING);
	*out = txn;
	return ERR_OK;
}

/* RFC 4320 §4.1: no provisional but 100, and over UDP none before the client's Timer E has
 * reached T2. */
static bool is_unwanted_provisional(const struct server_txn *txn, int status)
{
	uint64_t age_ms = loop_now_ms(txn->table->loop) - txn->began_ms;

	if (txn->is_invite || status >= 200)
		return false;
	return status != 100 ||
	       (!txn->is_reliable && age_ms < late_100_ms(&txn->table->timers));
}

static enum state state_after(const struct server_txn *txn, int status)
{
	if (status < 200)
		return PROCEEDING;
	return txn->is_invite && status < 300 ? ACCEPTED : COMPLETED;
}

/* A final that is not 2xx leaves the way open for the same request by another way: not a merged
 * one (§8.2.2.2). */
static void note_final(struct server_txn *txn, int status)
{
	if (status >= 300)
		txn_index_remove(&txn->merge_link);
}

enum err server_txn_respond(struct server_txn *txn, msg_t *response)
{
	const sip_t *sip = message_sip(response);
	int status = sip->sip_status ? sip->sip_status->st_status : 0;
	struct wire *wire;

	if (status < 100 || txn->state == COMPLETED || txn->state == CONFIRMED ||
	    txn->state == TERMINATED)
		return ERR_INVALID;
	if (txn->state == ACCEPTED && (status < 200 || status > 299))
		return ERR_INVALID;
	if (is_unwanted_provisional(txn, status))
		return ERR_OK;
	if (!txn->is_invite && status == 408) { /* RFC 4320 §4.2: the client knows already */
		note_final(txn, status);
		enter(txn, TERMINATED);
		return ERR_OK;
	}

	enum err err = message_print(response, &wire);
	if (err)
		return err;
	/* a repeat would be no smaller */
	if (!txn->is_reliable && wire->len > PATH_MTU_MAX_BYTES) {
		wire_unref(wire);
		return ERR_TOO_LARGE;
	}
	wire_unref(txn->last);
	txn->last = wire_ref(wire);
	note_final(txn, status);
	if (txn->state != ACCEPTED)
		enter(txn, state_after(txn, status));
	else
		txn->last = wire_unref(txn->last);
	err = flow_send(txn->flow, wire);
	wire_unref(wire);
	return err;
}

void server_txn_receive_repeat(struct server_txn *txn)
{
	count_repeat(txn, COUNTER_IN);
	switch (txn->state) {
	case PROCEEDING:
		if (!txn->last) /* it cannot wait for its 100 */
			send_trying(txn);
		else
			send_last(txn);
		break;
	case COMPLETED:
		send_last(txn);
		break;
	case TRYING:
	case ACCEPTED:
	case CONFIRMED:
	case TERMINATED:
		break;
	}
}

bool server_txn_receive_ack(struct server_txn *txn)
{
	switch (txn->state) {
	case ACCEPTED:
		return false;
	case COMPLETED:
		enter(txn, CONFIRMED);
		return true;
	case TRYING:
	case PROCEEDING:
	case CONFIRMED:
	case TERMINATED:
		return true;
	}
	return true;
}

void server_txn_detach(struct server_txn *txn)
{
	if (!txn)
		return;
	txn->user = (struct server_txn_user){ 0 };
	if (txn->state == TRYING ||
	    txn->state == PROCEEDING) /* nobody will answer: remember it for repeats */
		timer_start_late(txn->table->loop, &txn->timer_end,
				 sip_timer_b_ms(&txn->table->timers), on_end);
}

msg_t *server_txn_request(const struct server_txn *txn)
{
	return txn->request;
}

struct flow *server_txn_flow(const struct server_txn *txn)
{
	return txn->flow;
}

void *server_txn_user(const struct server_txn *txn)
{
	return txn->user.user;
}

bool server_txn_has_final(const struct server_txn *txn)
{
	return txn->state != TRYING && txn->state != PROCEEDING;
}

enum err server_txn_reply_stateless(struct transport *transport, struct flow *flow,
				    msg_t *request, msg_t *response)
{
	struct wire *wire;
	struct flow *to = response_flow(transport, flow, message_sip(request)->sip_via);
	if (!to)
		return ERR_NO_MEMORY;

	enum err err = message_print(response, &wire);
	if (!err) {
		err = flow_send(to, wire);
		wire_unref(wire);
	}
	flow_unref(to);
	return err;
}
