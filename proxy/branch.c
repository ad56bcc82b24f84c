#include "proxy/branch.h"

#include <stdlib.h>

#include "proxy/call_media.h"
#include "proxy/forward.h"
#include "proxy/hearing.h"
#include "proxy/held_response.h"
#include "proxy/late.h"
#include "proxy/open_partner.h"
#include "proxy/request_phone.h"
#include "proxy/response.h"
#include "proxy/stage.h"

static void try_next(struct branch *branch, enum reason last);

void branch_fini(struct branch *branch)
{
	if (branch->is_searched) {
		branch->status = 0;
		stage_branch_ended(branch);
	}
	locate_cancel(branch->locate);
	branch->locate = NULL;
	client_txn_detach(branch->txn);
	branch->txn = NULL;
	late_end(branch);
	held_response_end(branch);
	transport_cancel(&branch->sending);
	timer_stop(&branch->timer_c);
	timer_stop(&branch->patience);
	free(branch->hops);
	branch->hops = NULL;
	free(branch->redirected);
	branch->redirected = NULL;
}

/* ---- what its transaction tells ---- */

/* Failures that say something of the server, not of us or of the request. */
static bool blames_server(enum reason reason)
{
	switch (reason) {
	case REASON_CONNECT_REFUSED:
	case REASON_CONNECT_UNREACHABLE:
	case REASON_CONNECT_TIMEOUT:
	case REASON_CONNECTION_LOST:
	case REASON_PEER_NOT_READING:
	case REASON_NO_ANSWER:
		return true;
	default:
		return reason >= REASON_TLS_EXPIRED && reason < N_REASONS;
	}
}

static void note_hop(struct branch *branch, enum reason reason, int status)
{
	char text[96];

	if (!branch->context->decision || !branch->next)
		return;
	decision_add_hop(branch->context->decision,
			 forward_hop_text(&branch->hops[branch->next - 1], text), reason,
			 status);
}

void branch_failed(struct branch *branch, enum reason reason)
{
	struct context *context = branch->context;

	timer_stop(&branch->timer_c);
	timer_stop(&branch->patience);
	held_response_drop(branch);
	if (branch->next && blames_server(reason))
		health_failed(branch->hops[branch->next - 1].health, reason,
			      loop_now_ms(context->worker->loop));
	note_hop(branch, reason, 0);
	if (branch->next && branch->target.n_flows)
		request_phone_hop_failed(context->worker->server,
					 &branch->hops[branch->next - 1], reason);
	if (branch->is_cancelled || context->has_final) {
		if (!context->best_reason)
			context->best_reason = REASON_CANCELLED;
		context_branch_done(branch);
		return;
	}
	try_next(branch, reason);
}

static void on_txn_response(void *user, struct client_txn *txn, struct arrival *response)
{
	struct branch *branch = user;
	int status = response->sip->sip_status->st_status;

	timer_stop(&branch->patience);
	if (response->flow)
		/* "phones" is no peer */
		hearing_peer(branch->context->worker, response->flow, branch->target.rule->id);
	if (branch->state != BRANCH_DONE) {
		health_succeeded(branch->hops[branch->next - 1].health,
				 loop_now_ms(branch->context->worker->loop));
		if (status >= 200)
			note_hop(branch, REASON_NONE, status);
	}
	response_arrived(branch, response);
}

static void on_txn_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct branch *branch = user;

	client_txn_detach(txn);
	branch->txn = NULL;
	if (branch->state == BRANCH_DONE)
		context_check_end(branch->context);
	else
		branch_failed(branch, reason);
}

static void on_txn_ended(void *user, struct client_txn *txn)
{
	struct branch *branch = user;

	branch->txn = NULL;
	if (branch->state == BRANCH_DONE)
		context_check_end(branch->context);
	else
		branch_failed(branch, REASON_NO_ANSWER); /* it ended without a word */
}

/* §16.8: a provisional came but no final: CANCEL; the 487 that follows is the branch's
 * answer. */
static void on_timer_c(struct timer *timer)
{
	struct branch *branch = container_of(timer, struct branch, timer_c);

	if (branch->state == BRANCH_PROCEEDING) {
		branch->context->best_reason = REASON_TIMER_C;
		branch->is_cancelled = true;
		client_txn_cancel(branch->txn, NULL);
		return;
	}
	client_txn_detach(branch->txn);
	branch->txn = NULL;
	branch_failed(branch, REASON_TIMER_C);
}

/* The caller gives up after 64*T1: waiting that long for a silent server would leave no time
 * for the next (RFC 3263 §4.3). */
static void on_patience(struct timer *timer)
{
	struct branch *branch = container_of(timer, struct branch, patience);

	if (branch->state != BRANCH_CALLING)
		return;
	late_keep(branch);
	branch_failed(branch, REASON_NO_ANSWER);
}

static void on_ack_sent(struct sending *sending, enum err err, enum reason reason)
{
	struct branch *branch = container_of(sending, struct branch, sending);

	if (sending->flow)
		sending->flow = flow_unref(sending->flow);
	if (err)
		branch_failed(branch, reason);
	else
		context_branch_done(branch);
}

static enum err start(struct branch *branch, const struct hop *hop)
{
	struct context *context = branch->context;
	const struct settings_sip *sip = &context->snapshot->settings->sip;
	struct client_txn_user user = {
		.user = branch,
		.on_response = on_txn_response,
		.on_failure = on_txn_failure,
		.on_ended = on_txn_ended,
	};
	enum err err;

	if (context->is_ack)
		return forward_ack(branch, hop, on_ack_sent);
	err = forward_send(branch, hop, &user);
	if (err)
		return err;
	if (context->is_invite)
		timer_start(context->worker->loop, &branch->timer_c, sip->timer_c_ms,
			    on_timer_c);
	if (branch->next < branch->n_hops || stage_has_more(branch))
		timer_start(context->worker->loop, &branch->patience, 8 * (uint64_t)sip->t1_ms,
			    on_patience);
	return ERR_OK;
}

/* What an error of our own while sending comes to. */
static enum reason reason_of(enum err err)
{
	switch (err) {
	case ERR_TOO_LARGE:
		return REASON_MESSAGE_TOO_LARGE;
	case ERR_LIMIT:
		return REASON_SEND_QUEUE_FULL;
	case ERR_SYNTAX:
		return REASON_MALFORMED;
	default:
		return REASON_OVERLOAD;
	}
}

/* The configuration, or a word of an administrator, that let the request begin may not hold any
 * more. */
static enum reason check_target(const struct branch *branch)
{
	const struct context *context = branch->context;
	const struct worker *worker = context->worker;
	const struct rule *rule = branch->target.rule;

	if (open_partner_is_blocked(worker->server, rule))
		return REASON_PARTNER_BLOCKED;
	if (rule->route && context->snapshot != worker->snapshot &&
	    !snapshot_has_peer(worker->snapshot, rule->id))
		return REASON_ROUTE_DISABLED;
	return REASON_NONE;
}

static void note_shed(const struct branch *branch)
{
	const struct context *context = branch->context;

	if (context->decision)
		decision_add(context->decision, "forward", "send-queue", NULL,
			     "%.80s reads slowly: no room for %s", branch->target.rule->id,
			     importance_text(context->importance));
}

enum { MEDIA_LOOK_MS = 20, MEDIA_MAX_WAIT_MS = 2000 };

/* Looked for by the clock: the answer comes to a media worker, and a letter to here would have
 * to outlive the branch. The question has a deadline of its own; should its end be lost, the
 * branch goes on without. */
static void on_media_look(struct timer *timer)
{
	struct branch *branch = container_of(timer, struct branch, patience);

	struct loop *loop = branch->context->worker->loop;

	if (loop_now_ms(loop) < branch->media_wait_ends_ms && call_media_waits(branch))
		timer_start(loop, timer, MEDIA_LOOK_MS, on_media_look);
	else
		try_next(branch, REASON_NONE);
}

/* The same hop again, once its SDP can be written. */
static void wait_for_media(struct branch *branch)
{
	struct loop *loop = branch->context->worker->loop;

	branch->next--;
	if (!branch->media_wait_ends_ms)
		branch->media_wait_ends_ms = loop_now_ms(loop) + MEDIA_MAX_WAIT_MS;
	timer_start(loop, &branch->patience, MEDIA_LOOK_MS, on_media_look);
}

static void try_next(struct branch *branch, enum reason last)
{
	struct context *context = branch->context;
	const uint64_t now_ms = loop_now_ms(context->worker->loop);
	const enum reason refused = check_target(branch);

	if (refused) {
		context->best_reason = refused;
		context_branch_done(branch);
		return;
	}
	while (branch->next < branch->n_hops) {
		struct hop *hop = &branch->hops[branch->next++];
		enum err err;

		if (!branch->waits_for_media && !health_may_try(hop->health, now_ms)) {
			note_hop(branch, REASON_ALL_SERVERS_DOWN, 0);
			if (!last)
				last = REASON_ALL_SERVERS_DOWN;
			continue;
		}
		branch->state = BRANCH_CALLING;
		branch->network = hop->listener->network;
		err = start(branch, hop);
		if (!err)
			return;
		if (branch->waits_for_media) {
			wait_for_media(branch);
			return;
		}
		last = branch->refusal ? branch->refusal : reason_of(err);
		note_hop(branch, last, 0);
		if (branch->refusal)
			break; /* another server would get the same */
		if (last == REASON_SEND_QUEUE_FULL)
			note_shed(branch);
	}
	if (last == REASON_CONNECTION_LOST && branch->target.n_flows)
		last = context->is_inside_dialog ? REASON_FLOW_FAILED
						 : REASON_PHONE_UNREACHABLE;
	if (!context->best_reason)
		context->best_reason = last ? last : REASON_ALL_SERVERS_DOWN;
	context_branch_done(branch);
}

/* What the transport needs to know of the request. */
static void mark_hops(struct branch *branch)
{
	for (size_t i = 0; i < branch->n_hops; i++) {
		branch->hops[i].importance = branch->context->importance;
		branch->hops[i].call = branch->context->call;
	}
}

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct branch *branch = user;
	struct context *context = branch->context;

	branch->locate = NULL;
	open_partner_located(branch, reason);
	if (reason && !branch->target.rule->federation)
		peer_stats_looked_up(context->worker->server->peer_stats,
				     branch->target.rule->id, reason);
	if (context->decision && evidence)
		decision_set(context->decision, DECISION_EVIDENCE, evidence);
	/* Of several that were asked for a user, the record tells which one could not be. */
	if (context->decision && reason)
		decision_add_hop(context->decision, branch->target.rule->id, reason, 0);
	if (!reason && n_hops) {
		branch->hops = malloc(n_hops * sizeof(*hops));
		if (branch->hops) {
			for (branch->n_hops = 0; branch->n_hops < n_hops; branch->n_hops++)
				hop_copy(&branch->hops[branch->n_hops], &hops[branch->n_hops]);
			mark_hops(branch);
		} else {
			reason = REASON_OVERLOAD;
		}
	}
	try_next(branch, reason);
}

void branch_begin(struct branch *branch)
{
	struct context *context = branch->context;
	struct worker *worker = context->worker;

	branch->state = BRANCH_LOCATING;
	stage_branch_begins(branch);
	if ((branch->aim.stage || branch->redirected) && context->decision) {
		decision_set(context->decision, DECISION_DESTINATION, branch->target.rule->id);
		context->decision->is_found = branch->target.rule->federation != NULL;
	}
	branch->locate =
		locate_start(worker->loop, worker->dns, worker->server->health,
			     worker->server->location, &branch->target,
			     context->snapshot->settings->dns.budget_ms, on_located, branch);
}

void branch_cancel(struct branch *branch, const char *reason_header)
{
	if (branch->state == BRANCH_WAITING)
		branch->state = BRANCH_DONE;
	if (branch->state == BRANCH_DONE || branch->is_cancelled)
		return;
	branch->is_cancelled = true;
	timer_stop(&branch->patience);
	if (branch->txn) {
		client_txn_cancel(branch->txn, reason_header);
		return;
	}
	locate_cancel(branch->locate);
	branch->locate = NULL;
	if (!branch->context->best_reason)
		branch->context->best_reason = REASON_CANCELLED;
	context_branch_done(branch);
}
