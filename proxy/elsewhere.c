#include "proxy/elsewhere.h"

#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/transport/stand_in.h"

enum kind {
	SEND,   /* to the connection's worker */
	LEFT,   /* likewise */
	WANTED, /* likewise: it is not open yet */
	OPENED, /* from it */
	LOST,   /* likewise */
};

/* The connection is named by its id: its count is not atomic. */
struct note {
	struct letter letter;
	enum kind kind;
	uint64_t flow_id;
	unsigned from;
	struct wire *wire; /* SEND: a copy that nobody else has */
	bool is_counted;   /* SEND: as stand_in_serve wants to know */
};

static void note_free(struct note *note)
{
	wire_unref(note->wire);
	free(note);
}

static void deliver(struct letter *letter, void *owner);

static struct note *note_new(const struct worker *worker, enum kind kind, uint64_t flow_id)
{
	struct note *note = calloc(1, sizeof(*note));

	if (!note)
		return NULL;
	note->letter.deliver = deliver;
	note->kind = kind;
	note->flow_id = flow_id;
	note->from = worker->number;
	return note;
}

/* Whoever stops, stops by itself: the mailboxes of the others may be gone already. */
static bool may_post(const struct worker *worker, unsigned to)
{
	return !worker->is_stopping && to < worker->server->n_workers && to != worker->number;
}

static void post(const struct worker *worker, struct note *note, unsigned to)
{
	if (mailbox_post(worker->server->workers[to]->mailbox, &note->letter))
		note_free(note);
}

/* The connection's queue is full: like a datagram that got lost, but worth a line. */
static void drop(struct worker *worker, const struct note *note)
{
	const struct flow *flow = transport_find_flow(worker->transport, note->flow_id);
	char peer[ADDR_TEXT_SIZE];

	counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_SEND_QUEUE, 1);
	log_event(LOG_WARNING, "refused", "reason", reason_code(REASON_SEND_QUEUE_FULL), "msg",
		  "a request of another worker", "peer",
		  flow ? addr_text(&flow->remote, peer) : NULL, "partner",
		  flow ? flow->peer_name : NULL, NULL);
}

static void send_here(struct worker *worker, struct note *note)
{
	enum err err = stand_in_serve(worker->transport, note->flow_id, note->from, note->wire,
				      note->is_counted);
	const unsigned to = note->from;

	if (err == ERR_CLOSED) {
		note->kind = LOST;
		note->wire = wire_unref(note->wire);
		post(worker, note, to);
		return;
	}
	if (err)
		drop(worker, note);
	note_free(note);
}

static void deliver(struct letter *letter, void *owner)
{
	struct note *note = container_of(letter, struct note, letter);
	struct worker *worker = owner;

	if (worker->is_stopping) {
		note_free(note);
		return;
	}
	switch (note->kind) {
	case SEND:
		send_here(worker, note);
		return;
	case LEFT:
		stand_in_left(worker->transport, note->flow_id, note->from);
		break;
	case WANTED:
		if (stand_in_wanted(worker->transport, note->flow_id, note->from)) {
			note->kind = LOST;
			post(worker, note, note->from);
			return;
		}
		break;
	case OPENED:
		stand_in_opened(worker->transport, note->flow_id);
		break;
	case LOST:
		stand_in_lost(worker->transport, note->flow_id);
		break;
	}
	note_free(note);
}

enum err elsewhere_send(void *user, uint64_t flow_id, struct wire *wire, bool is_counted)
{
	struct worker *worker = user;
	const unsigned to = (unsigned)(flow_id >> FLOW_ID_WORKER_SHIFT);
	struct note *note;
	enum err err;

	if (!may_post(worker, to))
		return ERR_CLOSED;
	note = note_new(worker, SEND, flow_id);
	if (!note)
		return ERR_NO_MEMORY;
	note->is_counted = is_counted;
	note->wire = wire_copy(wire->bytes, wire->len);
	err = note->wire ? mailbox_offer(worker->server->workers[to]->mailbox, &note->letter)
			 : ERR_NO_MEMORY;
	if (err)
		note_free(note);
	return err;
}

static void tell(const struct worker *worker, enum kind kind, uint64_t flow_id, unsigned to)
{
	struct note *note = may_post(worker, to) ? note_new(worker, kind, flow_id) : NULL;

	if (note)
		post(worker, note, to);
}

void elsewhere_tell_left(void *user, uint64_t flow_id)
{
	tell(user, LEFT, flow_id, (unsigned)(flow_id >> FLOW_ID_WORKER_SHIFT));
}

enum err elsewhere_tell_wanted(void *user, uint64_t flow_id)
{
	const struct worker *worker = user;
	const unsigned to = (unsigned)(flow_id >> FLOW_ID_WORKER_SHIFT);
	struct note *note = may_post(worker, to) ? note_new(worker, WANTED, flow_id) : NULL;
	enum err err;

	if (!note)
		return may_post(worker, to) ? ERR_NO_MEMORY : ERR_CLOSED;
	err = mailbox_post(worker->server->workers[to]->mailbox, &note->letter);
	if (err)
		note_free(note);
	return err;
}

void elsewhere_tell_opened(void *user, unsigned to, uint64_t flow_id)
{
	tell(user, OPENED, flow_id, to);
}

void elsewhere_tell_lost(void *user, unsigned to, uint64_t flow_id)
{
	tell(user, LOST, flow_id, to);
}
