#include "proxy/hang_up.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/forward.h"
#include "proxy/own_request.h"
#include "proxy/request_dialog.h"
#include "routing/locate.h"
#include "routing/route_set.h"

/* One BYE. */
struct hang_up {
	struct list link; /* worker->hang_ups */
	struct worker *worker;
	struct snapshot *snapshot; /* counted: rules and hops point into it */
	struct target target;
	msg_t *msg; /* without our Via */
	struct locate *locate;
	struct hop *hops; /* owned */
	size_t n_hops, next;
	struct client_txn *txn;
	struct decision decision;
};

static void try_next(struct hang_up *bye, enum reason last);

/* ---- life ---- */

static void bye_free(struct hang_up *bye)
{
	list_remove(&bye->link);
	bye->worker->n_hang_ups--;
	locate_cancel(bye->locate);
	client_txn_detach(bye->txn);
	free(bye->hops);
	message_unref(bye->msg);
	snapshot_unref(bye->snapshot);
	free(bye);
}

/* It is over: reason, or the status of an answer. */
static void bye_end(struct hang_up *bye, enum reason reason, int status)
{
	struct decision *decision = &bye->decision;

	decision->reason = reason;
	decision->status = status;
	decision->took_us = (uint32_t)(loop_wall_us(bye->worker->loop) - decision->wall_us);
	decision_ring_put(bye->worker->decisions, decision);
	log_event(LOG_INFO, status ? "BYE of ours answered" : "BYE of ours failed", "call_id",
		  decision_text(decision, DECISION_CALL_ID), "target",
		  decision_text(decision, DECISION_DESTINATION), "reason",
		  reason ? reason_code(reason) : "media-timeout", NULL);
	bye_free(bye);
}

/* ---- sending ---- */

static void note_hop(struct hang_up *bye, enum reason reason, int status)
{
	char text[96];

	decision_add_hop(&bye->decision, forward_hop_text(&bye->hops[bye->next - 1], text),
			 reason, status);
}

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	const int status = response->sip->sip_status->st_status;
	struct hang_up *bye = user;

	if (status < 200)
		return;
	client_txn_detach(bye->txn);
	bye->txn = NULL;
	note_hop(bye, status == 503 ? REASON_NEXT_HOP_503 : REASON_NONE, status);
	if (status == 503) /* RFC 3263 §4.3: another one may know the dialog */
		try_next(bye, REASON_NEXT_HOP_503);
	else
		/* also 481: it is over there, too (RFC 3261 §15.1.1) */
		bye_end(bye, REASON_NONE, status);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct hang_up *bye = user;

	client_txn_detach(bye->txn);
	bye->txn = NULL;
	note_hop(bye, reason, 0);
	try_next(bye, reason);
}

static void on_ended(void *user, struct client_txn *txn)
{
	struct hang_up *bye = user;

	bye->txn = NULL;
	bye_end(bye, REASON_NO_ANSWER, 0); /* without a word */
}

static enum err send_by(struct hang_up *bye, const struct hop *hop)
{
	const struct client_txn_user user = { .user = bye,
					      .on_response = on_response,
					      .on_failure = on_failure,
					      .on_ended = on_ended };
	msg_t *msg = message_copy(bye->msg);
	enum err err = msg ? ERR_OK : ERR_NO_MEMORY;

	if (!err && message_sip(msg)->sip_route)
		err = route_set_prepare_next(msg);
	if (!err)
		err = own_request_send(bye->worker, msg, hop, &user, &bye->txn);
	message_unref(msg);
	return err;
}

static void try_next(struct hang_up *bye, enum reason last)
{
	while (bye->next < bye->n_hops) {
		if (!send_by(bye, &bye->hops[bye->next++]))
			return;
		last = REASON_OVERLOAD;
		note_hop(bye, last, 0);
	}
	bye_end(bye, last ? last : REASON_ALL_SERVERS_DOWN, 0);
}

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct hang_up *bye = user;

	bye->locate = NULL;
	decision_set(&bye->decision, DECISION_EVIDENCE, evidence);
	bye->hops = n_hops ? malloc(n_hops * sizeof(*hops)) : NULL;
	for (size_t i = 0; bye->hops && i < n_hops; i++, bye->n_hops++)
		hop_copy(&bye->hops[i], &hops[i]);
	try_next(bye, reason);
}

/* ---- the beginning ---- */

/* Where it goes, by the functions of the traffic. */
static enum reason aim(struct hang_up *bye, uint64_t end, uint32_t timeout_ms)
{
	struct request *request = malloc(sizeof(*request)); /* it is large */
	struct arrival arrival = { .msg = bye->msg, .sip = message_sip(bye->msg) };
	enum reason reason;

	if (!request)
		return REASON_OVERLOAD;
	request_init(request, bye->worker->server, bye->snapshot, &arrival);
	request->sip = arrival.sip;
	request->now_ms = loop_now_ms(bye->worker->loop);
	request_describe(request);
	decision_add(&request->decision, "media", "timeout",
		     &bye->snapshot->settings->media.place,
		     "nothing came for %u s: BYE to both sides", timeout_ms / 1000);
	reason = request_route_of_ours(request, end);
	decision_copy(&bye->decision, &request->decision);
	if (!reason)
		target_copy(&bye->target, &request->targets[0]);
	request_fini(request);
	free(request);
	return reason;
}

static struct hang_up *bye_new(struct worker *worker, msg_t *msg)
{
	struct hang_up *bye = worker->n_hang_ups < HANG_UP_MAX ? calloc(1, sizeof(*bye)) : NULL;

	if (!bye)
		return NULL;
	bye->worker = worker;
	bye->msg = msg;
	bye->snapshot = snapshot_ref(worker->snapshot);
	list_append(&worker->hang_ups, &bye->link);
	worker->n_hang_ups++;
	return bye;
}

static void start(struct worker *worker, msg_t *msg, uint64_t end, uint32_t timeout_ms)
{
	struct hang_up *bye = bye_new(worker, msg);
	enum reason reason;

	if (!bye) {
		log_event(LOG_WARNING, "no BYE of ours: no room", "call_id",
			  message_sip(msg)->sip_call_id->i_id, NULL);
		message_unref(msg);
		return;
	}
	reason = aim(bye, end, timeout_ms);
	bye->decision.id = ((uint64_t)worker->number << 56) | ++worker->next_decision_id;
	bye->decision.worker = worker->number;
	bye->decision.wall_us = loop_wall_us(worker->loop);
	if (!reason)
		bye->locate =
			locate_start(worker->loop, worker->dns, worker->server->health,
				     worker->server->location, &bye->target,
				     bye->snapshot->settings->dns.budget_ms, on_located, bye);
	if (!bye->locate)
		bye_end(bye, reason ? reason : REASON_OVERLOAD, 0);
}

void hang_up(struct worker *worker, const struct calls_silent *silent)
{
	static const char because[] =
		"Q.850;cause=102;text=\"media-timeout\""; /* recovery on timer expiry */

	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		const struct dialog_side *to = &silent->sides[leg],
					 *from = &silent->sides[leg == RELAY_CALLER
									? RELAY_CALLEE
									: RELAY_CALLER];
		msg_t *msg;

		/* §15: no BYE comes to a caller from one who has no ACK of it. */
		if (leg == RELAY_CALLER && !silent->was_acknowledged)
			continue;
		if (dialog_side_bye(to, from, silent->call_id, because, &msg))
			log_event(LOG_WARNING,
				  "no BYE of ours: too little is known of the dialog",
				  "call_id", silent->call_id, NULL);
		else
			start(worker, msg, silent->ends[leg], silent->timeout_ms);
	}
}

void hang_up_abort(struct worker *worker)
{
	struct list *link, *following;

	list_for_each(link, following, &worker->hang_ups)
		bye_free(container_of(link, struct hang_up, link));
}
