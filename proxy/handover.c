#include "proxy/handover.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/alg_look.h"
#include "proxy/base/log.h"
#include "proxy/receive.h"

enum { MAX_SEARCHED = 16 * 1024 }; /* bytes of a CANCEL or ACK that is passed round */

/* One message on its way between workers. The listener's count is atomic, the flow's is not: so
 * the flow is named by its id. */
struct handed {
	struct letter letter;
	struct listener *listener;
	struct addr source;
	uint64_t flow_id;
	unsigned from, to; /* workers */
	bool is_response, is_reliable, is_found;
	unsigned alg_signs; /* of a response */
	size_t len;
	char bytes[];
};

static struct handed *handed_free(struct handed *handed)
{
	if (handed && handed->listener)
		listener_unref(handed->listener);
	free(handed);
	return NULL;
}

static struct handed *handed_new(struct worker *worker, const struct arrival *arrival)
{
	struct handed *handed = calloc(1, sizeof(*handed) + arrival->len);

	if (!handed)
		return NULL;
	handed->from = worker->number;
	handed->len = arrival->len;
	memcpy(handed->bytes, arrival->bytes, arrival->len);
	if (arrival->flow) {
		handed->listener = listener_ref(arrival->flow->listener);
		handed->source = arrival->flow->remote;
		handed->flow_id = arrival->flow->id;
		handed->is_reliable = flow_is_reliable(arrival->flow);
	}
	return handed;
}

static void deliver(struct letter *letter, void *owner);

static void post(struct worker *worker, struct handed *handed, unsigned to)
{
	handed->to = to;
	handed->letter.deliver = deliver;
	/* A full mailbox is like a lost datagram: whoever sent it repeats it. */
	if (mailbox_offer(worker->server->workers[to]->mailbox, &handed->letter))
		handed_free(handed);
}

/* Back where it came from: the CANCEL is answered over the flow that it came by. */
static void come_home(struct worker *worker, struct handed *handed, msg_t *msg)
{
	struct flow *flow = handed->is_reliable
				    ? transport_find_flow(worker->transport, handed->flow_id)
				    : transport_udp_flow(worker->transport, handed->listener,
							 &handed->source);

	if (!flow)
		return;
	receive_answer_cancel(worker, flow, msg, handed->is_found);
	if (!handed->is_reliable)
		flow_unref(flow);
}

static void look_here(struct worker *worker, struct handed *handed, msg_t *msg)
{
	struct arrival arrival = { .msg = msg,
				   .sip = message_sip(msg),
				   .bytes = handed->bytes,
				   .len = handed->len,
				   .at_ms = loop_now_ms(worker->loop) };
	struct server_txn *invite = NULL;
	unsigned ignored;

	if (txn_table_match(worker->txns, &arrival, &invite, &ignored) == TXN_ABSORBED) {
		handed_free(handed);
		return;
	}
	if (invite) {
		handed->is_found = receive_cancel(worker, invite, &handed->source, msg);
		post(worker, handed, handed->from);
		return;
	}
	post(worker, handed, (handed->to + 1) % worker->server->n_workers);
}

static void deliver(struct letter *letter, void *owner)
{
	struct handed *handed = container_of(letter, struct handed, letter);
	struct worker *worker = owner;
	struct arrival arrival = { 0 };
	unsigned ignored;
	msg_t *msg;

	if (worker->is_stopping || message_parse(handed->bytes, handed->len, &msg)) {
		handed_free(handed);
		return;
	}
	if (handed->is_response) {
		arrival.msg = msg;
		arrival.sip = message_sip(msg);
		arrival.at_ms = loop_now_ms(worker->loop);
		if (txn_table_match(worker->txns, &arrival, NULL, &ignored) != TXN_RESPONSE)
			log_event(LOG_DEBUG, "stray response", NULL);
		else
			alg_look_note_handed(worker, handed->listener, &handed->source,
					     handed->alg_signs);
		handed_free(handed);
	} else if (handed->to == handed->from) {
		if (!strcmp(message_method(message_sip(msg)), "CANCEL"))
			come_home(worker, handed, msg);
		handed_free(handed);
	} else {
		look_here(worker, handed, msg);
	}
	message_unref(msg);
}

void handover_response(struct worker *worker, const struct arrival *arrival, unsigned to,
		       unsigned alg_signs)
{
	struct handed *handed;

	if (to >= worker->server->n_workers || to == worker->number)
		return;
	handed = handed_new(worker, arrival);
	if (!handed)
		return;
	handed->is_response = true;
	handed->alg_signs = alg_signs;
	post(worker, handed, to);
}

bool handover_search(struct worker *worker, const struct arrival *arrival)
{
	struct handed *handed;

	if (worker->server->n_workers < 2 || !arrival->flow || !arrival->len ||
	    arrival->len > MAX_SEARCHED)
		/* one that waited has no bytes any more; its INVITE came by the same
		 * connection */
		return false;
	handed = handed_new(worker, arrival);
	if (!handed)
		return false;
	post(worker, handed, (worker->number + 1) % worker->server->n_workers);
	return true;
}
