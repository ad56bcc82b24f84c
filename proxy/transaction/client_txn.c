#include "proxy/transaction/client_txn.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/sip/derived_request.h"
#include "proxy/transaction/txn_private.h"

/* RFC 3261 §17.1.1 with RFC 6026 §7.2, and §17.1.2. */
enum state {
	CALLING, /* INVITE */
	TRYING,  /* not for INVITE */
	PROCEEDING,
	ACCEPTED, /* INVITE, after a 2xx */
	COMPLETED,
	TERMINATED,
};

struct client_txn {
	struct txn_table *table;
	struct list link;
	struct txn_link key_link;
	struct client_txn_user user;
	struct timer timer_resend; /* A, E */
	struct timer
		timer_end; /* B, F, D, K, M; after a CANCEL: how long its final is waited for */
	uint64_t resend_ms;
	struct sending sending;
	struct flow *flow;
	struct flow_user flow_user;
	/* for CANCEL and ACK when the flow has ended; its pointers live with the user */
	struct hop *hop;
	msg_t *msg;        /* INVITE: until its final response */
	struct wire *wire; /* the request; in Completed the ACK */
	char *cancel_reason;
	char branch[TXN_BRANCH_SIZE];
	enum state state;
	sip_method_t method;
	bool is_invite, is_reliable, wants_cancel, is_cancelled;
};

static void finish(struct client_txn *txn);
static void fail(struct client_txn *txn, enum err err, enum reason reason);

struct client_txn *client_txn_of(struct list *link)
{
	return container_of(link, struct client_txn, link);
}

struct client_txn *client_txn_find(struct txn_table *table, const char *branch,
				   sip_method_t method)
{
	for (struct txn_link *link =
		     txn_index_find(&table->client_index, txn_branch_hash(branch));
	     link; link = txn_index_next(link)) {
		struct client_txn *txn = container_of(link, struct client_txn, key_link);
		if (txn->method == method && strcmp(txn->branch, branch) == 0)
			return txn;
	}
	return NULL;
}

static bool has_final(const struct client_txn *txn)
{
	return txn->state != CALLING && txn->state != TRYING && txn->state != PROCEEDING;
}

static void on_lingered(struct timer *timer)
{
	finish(container_of(timer, struct client_txn, timer_end));
}

static void on_timer_b(struct timer *timer)
{
	fail(container_of(timer, struct client_txn, timer_end), ERR_TIMEOUT, REASON_NO_ANSWER);
}

/* RFC 3261 §9.1: no final after a CANCEL counts as cancelled. */
static void on_cancel_unanswered(struct timer *timer)
{
	fail(container_of(timer, struct client_txn, timer_end), ERR_TIMEOUT, REASON_CANCELLED);
}

static void count_repeat(const struct client_txn *txn, enum counter_direction direction)
{
	if (txn->flow)
		counter_add2(txn->table->counters, COUNTER_RETRANSMISSIONS, direction,
			     txn->flow->transport, 1);
}

static void resend(struct client_txn *txn)
{
	count_repeat(txn, COUNTER_OUT);
	enum err err = txn->flow ? flow_send(txn->flow, txn->wire) : ERR_OK;

	(void)err; /* lost like any datagram; a flow's end is told by itself */
}

static void on_timer_a(struct timer *timer)
{
	struct client_txn *txn = container_of(timer, struct client_txn, timer_resend);

	resend(txn);
	timer_start(txn->table->loop, timer, txn->resend_ms *= 2,
		    on_timer_a); /* §17.1.1.2: doubles, no cap */
}

static void on_timer_e(struct timer *timer)
{
	struct client_txn *txn = container_of(timer, struct client_txn, timer_resend);
	uint64_t t2_ms = txn->table->timers.t2_ms;

	resend(txn);
	txn->resend_ms *= 2;
	if (txn->state == PROCEEDING || txn->resend_ms > t2_ms) /* §17.1.2.2 */
		txn->resend_ms = t2_ms;
	timer_start(txn->table->loop, timer, txn->resend_ms, on_timer_e);
}

static void start_first(struct client_txn *txn)
{
	const struct sip_timers *timers = &txn->table->timers;

	txn->resend_ms = timers->t1_ms;
	if (!txn->is_reliable)
		timer_start(txn->table->loop, &txn->timer_resend, txn->resend_ms,
			    txn->is_invite ? on_timer_a : on_timer_e);
	timer_start(txn->table->loop, &txn->timer_end, sip_timer_b_ms(timers), on_timer_b);
}

/* Timer D is as long as the server's Timer H may repeat the final; K is T4. */
static uint64_t completed_ms(const struct client_txn *txn)
{
	const struct sip_timers *timers = &txn->table->timers;

	if (txn->is_reliable)
		return 0;
	return txn->is_invite ? sip_timer_b_ms(timers) : timers->t4_ms;
}

static void drop_request(struct client_txn *txn)
{
	txn->msg = message_unref(txn->msg);
	txn->wire = wire_unref(txn->wire);
	free(txn->cancel_reason);
	txn->cancel_reason = NULL;
}

/* The only function that changes state, so each state's timers stand in one place. */
static void enter(struct client_txn *txn, enum state state)
{
	struct loop *loop = txn->table->loop;

	txn->state = state;
	switch (state) {
	case CALLING:
	case TRYING:
		start_first(txn);
		break;
	case PROCEEDING: /* a non-INVITE is repeated on, every T2, until Timer F */
		if (txn->is_invite) {
			timer_stop(&txn->timer_resend);
			timer_stop(&txn->timer_end);
		}
		break;
	case ACCEPTED: /* RFC 6026 §7.2: passes repeats of the 2xx; Timer M */
		timer_stop(&txn->timer_resend);
		timer_start_late(loop, &txn->timer_end, sip_timer_b_ms(&txn->table->timers),
				 on_lingered);
		break;
	case COMPLETED:
		timer_stop(&txn->timer_resend);
		timer_start_late(loop, &txn->timer_end, completed_ms(txn), on_lingered);
		break;
	case TERMINATED:
		timer_stop(&txn->timer_resend);
		timer_stop(&txn->timer_end);
		break;
	}
}

static void leave_flow(struct client_txn *txn)
{
	flow_unwatch(&txn->flow_user);
	txn->flow = flow_unref(txn->flow);
}

static void finish(struct client_txn *txn)
{
	struct client_txn_user user = txn->user;

	enter(txn, TERMINATED);
	transport_cancel(&txn->sending);
	txn_index_remove(&txn->key_link);
	list_remove(&txn->link);
	txn->table->n_clients--;
	counter_add1(txn->table->counters, COUNTER_TRANSACTIONS, COUNTER_CLIENT, -1);
	if (user.on_ended)
		user.on_ended(user.user, txn);

	leave_flow(txn);
	drop_request(txn);
	free(txn->hop);
	free(txn);
}

static void fail(struct client_txn *txn, enum err err, enum reason reason)
{
	bool is_news = !has_final(txn);

	enter(txn, TERMINATED);
	if (is_news && txn->user.on_failure)
		txn->user.on_failure(txn->user.user, txn, err, reason);
	finish(txn);
}

void client_txn_end(struct client_txn *txn, enum err err, enum reason reason)
{
	fail(txn, err, reason);
}

/* After a final response there is nothing left to lose: the timers end the transaction. */
static void on_flow_closed(struct flow_user *flow_user, enum err err, enum reason reason)
{
	struct client_txn *txn = container_of(flow_user, struct client_txn, flow_user);

	if (!has_final(txn))
		fail(txn, err, reason);
}

/* Takes over a counted flow. False if it has ended meanwhile. */
static bool join_flow(struct client_txn *txn, struct flow *flow)
{
	leave_flow(txn);
	txn->flow = flow;
	txn->flow_user.awaits_answers = true;
	return !flow_watch(flow, &txn->flow_user, on_flow_closed);
}

static void on_sent(struct sending *sending, enum err err, enum reason reason)
{
	struct client_txn *txn = container_of(sending, struct client_txn, sending);

	if (!err && join_flow(txn, sending->flow))
		return;
	if (!has_final(txn))
		fail(txn, err ? err : ERR_CLOSED, err ? reason : REASON_CONNECTION_LOST);
}

/* Sends by the flow that the request took, or if that has ended to the same hop (RFC 3261 §9.1,
 * §17.1.1.3). */
static enum err send_again(struct client_txn *txn)
{
	if (txn->flow && !txn->flow->is_closed)
		return flow_send(txn->flow, txn->wire);
	if (!txn->hop || txn->sending.is_active)
		return ERR_CLOSED;
	return transport_send(txn->table->transport, txn->hop, txn->wire, &txn->sending,
			      on_sent);
}

static struct client_txn *make(struct txn_table *table, struct wire *wire, const char *branch,
			       bool is_reliable)
{
	struct client_txn *txn = calloc(1, sizeof(*txn));
	if (!txn)
		return NULL;

	txn->table = table;
	txn->wire = wire_ref(wire);
	txn->is_reliable = is_reliable;
	list_init(&txn->flow_user.link);
	list_init(&txn->link);
	(void)text_copy(txn->branch, sizeof(txn->branch), branch); /* checked by the caller */
	return txn;
}

static void discard(struct client_txn *txn)
{
	drop_request(txn);
	free(txn->hop);
	free(txn);
}

static void publish(struct client_txn *txn)
{
	struct txn_table *table = txn->table;

	txn_index_add(&table->client_index, &txn->key_link, txn_branch_hash(txn->branch));
	list_append(&table->clients, &txn->link);
	table->n_clients++;
	counter_add1(table->counters, COUNTER_TRANSACTIONS, COUNTER_CLIENT, 1);
	enter(txn, txn->is_invite ? CALLING : TRYING);
}

static struct hop *copy_hop(const struct hop *hop)
{
	struct hop *copy = malloc(sizeof(*copy));

	if (copy)
		hop_copy(copy, hop);
	return copy;
}

enum err client_txn_start(struct txn_table *table, msg_t *msg, struct wire *wire,
			  const char *branch, const struct hop *hop,
			  const struct client_txn_user *user, struct client_txn **out)
{
	if (table->n_clients >= TXN_MAX)
		return ERR_LIMIT;
	if (strlen(branch) >= TXN_BRANCH_SIZE || !message_sip(msg)->sip_request)
		return ERR_INVALID;

	struct client_txn *txn = make(table, wire, branch, hop->transport != TRANSPORT_UDP);
	if (!txn)
		return ERR_NO_MEMORY;
	txn->method = message_sip(msg)->sip_request->rq_method;
	txn->is_invite = txn->method == sip_method_invite;
	if (txn->is_invite) {
		txn->msg = message_ref(msg);
		txn->hop = copy_hop(hop);
		if (!txn->hop) {
			discard(txn);
			return ERR_NO_MEMORY;
		}
	}
	if (user)
		txn->user = *user;

	enum err err = transport_send(table->transport, hop, wire, &txn->sending, on_sent);
	if (err) {
		discard(txn);
		return err;
	}
	publish(txn);
	*out = txn;
	return ERR_OK;
}

/* A CANCEL is a transaction of its own, under the same branch, that nobody waits for. */
static enum err start_cancel(struct client_txn *invite, struct wire *wire)
{
	struct client_txn *txn = make(invite->table, wire, invite->branch, invite->is_reliable);
	if (!txn)
		return ERR_NO_MEMORY;

	txn->method = sip_method_cancel;
	enum err err = ERR_CLOSED;
	if (invite->flow && !invite->flow->is_closed) {
		if (join_flow(txn, flow_ref(invite->flow)))
			err = flow_send(txn->flow, wire);
	} else if (invite->hop) {
		err = transport_send(txn->table->transport, invite->hop, wire, &txn->sending,
				     on_sent);
	}
	if (err) {
		leave_flow(txn);
		discard(txn);
		return err;
	}
	publish(txn);
	return ERR_OK;
}

static void send_cancel(struct client_txn *txn)
{
	struct wire *wire = NULL;
	msg_t *msg = derived_request_cancel(txn->msg, txn->cancel_reason);

	txn->is_cancelled = true;
	enum err err = msg ? message_print(msg, &wire) : ERR_NO_MEMORY;
	if (!err)
		err = start_cancel(txn, wire);

	/* what could not be sent is like what was lost: the INVITE ends by the timer below */
	(void)err;
	wire_unref(wire);
	message_unref(msg);
	timer_start(txn->table->loop, &txn->timer_end, sip_timer_b_ms(&txn->table->timers),
		    on_cancel_unanswered);
}

void client_txn_cancel(struct client_txn *txn, const char *reason_header)
{
	if (!txn->is_invite || has_final(txn) || txn->wants_cancel)
		return;
	txn->wants_cancel = true;
	if (reason_header)
		txn->cancel_reason =
			strdup(reason_header); /* without memory the CANCEL goes without it */
	if (txn->state == PROCEEDING)
		send_cancel(txn);
}

static void send_ack(struct client_txn *txn)
{
	enum err err = txn->wire ? send_again(txn) : ERR_NO_MEMORY;

	(void)err; /* the response will be repeated, and this tried again */
}

/* Builds the ACK once; its bytes are kept for repeats of the response. */
static void acknowledge(struct client_txn *txn, const sip_t *response)
{
	struct wire *wire;
	msg_t *ack = derived_request_ack(txn->msg, response);

	drop_request(txn);
	if (ack && !message_print(ack, &wire))
		txn->wire = wire;
	message_unref(ack);
	send_ack(txn);
}

static void deliver(struct client_txn *txn, struct arrival *response)
{
	if (txn->user.on_response)
		txn->user.on_response(txn->user.user, txn, response);
}

static void receive_provisional(struct client_txn *txn, struct arrival *response)
{
	if (has_final(txn))
		return;
	if (txn->state != PROCEEDING)
		enter(txn, PROCEEDING);
	deliver(txn, response);
	if (txn->wants_cancel && !txn->is_cancelled)
		send_cancel(txn);
}

static void receive_invite_final(struct client_txn *txn, struct arrival *response, bool is_2xx)
{
	if (txn->state == COMPLETED) {
		count_repeat(txn, COUNTER_IN);
		if (!is_2xx)
			send_ack(txn);
		return;
	}
	if (txn->state == ACCEPTED) {
		if (is_2xx)
			deliver(txn, response);
		return;
	}
	if (is_2xx) { /* its ACK goes end to end */
		drop_request(txn);
		free(txn->hop);
		txn->hop = NULL; /* nothing more is sent */
		enter(txn, ACCEPTED);
	} else {
		acknowledge(txn, response->sip);
		enter(txn, COMPLETED);
	}
	deliver(txn, response);
}

void client_txn_receive(struct client_txn *txn, struct arrival *response)
{
	int status = response->sip->sip_status->st_status;

	if (txn->state == TERMINATED)
		return;
	if (status < 200) {
		receive_provisional(txn, response);
	} else if (txn->is_invite) {
		receive_invite_final(txn, response, status < 300);
	} else if (!has_final(txn)) {
		drop_request(txn);
		enter(txn, COMPLETED);
		deliver(txn, response);
	}
}

void client_txn_set_user(struct client_txn *txn, const struct client_txn_user *user)
{
	txn->user = *user;
}

void client_txn_detach(struct client_txn *txn)
{
	if (!txn)
		return;
	txn->user = (struct client_txn_user){ 0 };
	free(txn->hop);
	txn->hop = NULL;
}

const char *client_txn_branch(const struct client_txn *txn)
{
	return txn->branch;
}

struct flow *client_txn_flow(const struct client_txn *txn)
{
	return txn->flow;
}
