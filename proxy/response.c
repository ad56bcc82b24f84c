#include "proxy/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "federation/asserted.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/branch.h"
#include "proxy/call_media.h"
#include "proxy/follow.h"
#include "proxy/hearing.h"
#include "proxy/held_response.h"
#include "proxy/open_partner.h"
#include "proxy/refusal.h"
#include "proxy/return_path.h"
#include "proxy/sip/ms_diagnostics.h"
#include "proxy/sip/reply.h"
#include "proxy/sip/via.h"
#include "proxy/stage.h"

enum { PRESET_WAIT_MS = 30000, SHED_WAIT_S = 10 };

/* ---- the record ---- */

static void keep_diagnostics(struct context *context, const msg_t *msg)
{
	static const char *const names[] = { "ms-diagnostics", "ms-diagnostics-public",
					     "Warning", "Reason" };
	struct decision *decision = context->decision;
	struct ms_diagnostics ms;
	const char *text = NULL;

	if (!decision)
		return;
	for (size_t i = 0; i < COUNT(names) && !text; i++)
		text = message_header(msg, names[i]);
	if (text)
		decision_set(decision, DECISION_PEER_DIAGNOSTICS, text);
	if (!ms_diagnostics_read(msg, &ms))
		return;
	decision->ms_id = ms.id;
	decision_set(decision, DECISION_MS_REASON, ms.reason);
	decision_set(decision, DECISION_MS_SOURCE, ms.source);
}

static void observe_response(const struct context *context, uint64_t took_us)
{
	counter_observe(context->worker->counters, COUNTER_RESPONSE_DELAY,
			context->decision->counted_method, took_us);
}

static void write_record(struct context *context, int status, enum reason reason)
{
	struct decision *decision = context->decision;
	struct worker *worker = context->worker;

	if (!decision)
		return;
	decision->status = status;
	decision->reason = reason;
	open_partner_ended(context, reason);
	decision->took_us = (uint32_t)(loop_wall_us(worker->loop) - decision->wall_us);
	hearing_decision(worker, decision);
	if (!context->has_rung)
		observe_response(context, decision->took_us);
	free(decision);
	context->decision = NULL;
}

/* ---- sending back ---- */

static enum err send_back(struct context *context, msg_t *msg)
{
	enum err err;

	if (!context->server_txn)
		return ERR_OK;
	err = server_txn_respond(context->server_txn, msg);
	if (err == ERR_CLOSED)
		err = return_path_send(context, msg);
	if (err)
		log_event(LOG_INFO, "response not delivered", "reason", err_text(err),
			  "call_id", message_sip(msg)->sip_call_id->i_id, NULL);
	else
		counter_add3(context->worker->counters, COUNTER_RESPONSES, context->in->network,
			     COUNTER_OUT, counter_code(message_sip(msg)->sip_status->st_status),
			     1);
	return err;
}

static void send_final(struct context *context, msg_t *msg, enum reason reason)
{
	struct worker *worker = context->worker;
	msg_t *request = context->server_txn ? server_txn_request(context->server_txn) : NULL;
	msg_t *shown = open_partner_conceal(worker->server, &context->origin, request,
					    message_ref(msg), loop_now_ms(worker->loop));
	const int status = message_sip(shown ? shown : msg)->sip_status->st_status;
	enum err err;

	context_settle(context);
	call_media_final(context, request, status);
	err = shown ? send_back(context, shown) : ERR_OK;
	if (err == ERR_TOO_LARGE && reason != REASON_MESSAGE_TOO_LARGE)
		/* no datagram holds it: better than silence */
		response_send_own(context, REASON_MESSAGE_TOO_LARGE);
	else
		write_record(context, status, reason);
	message_unref(shown);
}

/* When it is worth trying again: as soon as we do so ourselves with the first of its
 * servers. */
static unsigned wait_s(const struct context *context, enum reason reason)
{
	const uint64_t now_ms = loop_now_ms(context->worker->loop);
	uint64_t wait_ms = PRESET_WAIT_MS;
	unsigned i;
	size_t n;

	if (reason == REASON_SEND_QUEUE_FULL)
		return SHED_WAIT_S;
	for (i = 0; i < context->n_branches; i++) {
		const struct branch *branch = &context->branches[i];

		for (n = 0; branch->hops && n < branch->n_hops; n++) {
			struct health_view view;

			health_look(branch->hops[n].health, &view);
			if (view.retry_at_ms > now_ms && view.retry_at_ms - now_ms < wait_ms)
				wait_ms = view.retry_at_ms - now_ms;
		}
	}
	return (unsigned)((wait_ms + 999) / 1000);
}

/* What a partner told of its 503 goes on to the backend that asked, with the 500 that stands
 * for it. To others our own number goes: of what is behind us a partner learns no more. */
static enum err pass_on_diagnostics(const struct context *context, msg_t *response)
{
	const struct rule *rule = context->n_branches ? context->branches[0].target.rule : NULL;
	struct ms_diagnostics theirs;

	if (context->origin.kind != ORIGIN_BACKEND || !context->best || !rule || !rule->route ||
	    !ms_diagnostics_read(context->best, &theirs))
		return ERR_OK;
	return ms_diagnostics_add(response, &theirs);
}

void response_send_own(struct context *context, enum reason reason)
{
	msg_t *request, *response;

	if (!context->server_txn) {
		context_settle(context);
		write_record(context, 0, reason);
		return;
	}
	request = server_txn_request(context->server_txn);
	response = refusal_for(request, reason, context->origin.kind, context->in->host,
			       reason_row(reason)->status == 503 ? wait_s(context, reason) : 0);
	if (response && reason == REASON_NEXT_HOP_503 && pass_on_diagnostics(context, response))
		response = message_unref(response);
	if (response)
		send_final(context, response, reason);
	else
		context_settle(context); /* no memory: the caller's timer will tell it */
	message_unref(response);
}

/* §16.7 item 6: a 503 of the next hop says nothing of us, so it goes on as 500. */
static bool is_next_hop_503(const struct context *context)
{
	return message_sip(context->best)->sip_status->st_status == 503;
}

/* ---- choosing: §16.7 item 6 ---- */

/* The lower, the better: 6xx before all, then the lowest class, and in 4xx what lets the caller
 * mend its request. */
static unsigned rank(const struct context *context, int status)
{
	if (status == 487 && context->is_cancelled)
		return 399; /* what the caller asked for */
	if (status >= 600)
		return 0;
	if (status < 400 && context->is_cancelled)
		return 499; /* a SHOULD that would send somebody who has hung up elsewhere */
	if (status == 503)
		return 1000; /* anything says more */
	if (status == 404 || status == 410 || status == 482 || status == 483)
		/* of several places where the user is not, one that knows it (480) says more */
		return 450;
	if (status == 401 || status == 407 || status == 415 || status == 420 || status == 484)
		return 400;
	if (status == 408 || status == 487)
		return (unsigned)status / 100 * 100 + 99;
	return (unsigned)status / 100 * 100 + 1;
}

/* Cancelled before the last branch had a server: what the caller asked for says more than that
 * the user is not elsewhere. */
static bool is_cancelled_best(const struct context *context)
{
	if (!context->is_cancelled)
		return false;
	return !context->best ||
	       (context->best_reason == REASON_CANCELLED &&
		rank(context, message_sip(context->best)->sip_status->st_status) >
			rank(context, 487));
}

/* A branch that rang for too long counts as a 408 (§16.8): what another one said may say
 * more. */
static bool is_timer_c_best(const struct context *context)
{
	return context->best_reason == REASON_TIMER_C &&
	       (!context->best ||
		rank(context, message_sip(context->best)->sip_status->st_status) >=
			rank(context, 408));
}

void response_send_best(struct context *context)
{
	if (is_timer_c_best(context)) {
		response_send_own(context, REASON_TIMER_C);
	} else if (!context->is_cancelled && stage_is_incomplete(context)) {
		response_send_own(context, REASON_SEARCH_INCOMPLETE);
	} else if (is_cancelled_best(context)) {
		response_send_own(context, REASON_CANCELLED);
	} else if (!context->best) {
		response_send_own(context, context->best_reason);
	} else if (is_next_hop_503(context)) {
		response_send_own(context, REASON_NEXT_HOP_503);
	} else {
		send_final(context, context->best, REASON_NONE);
	}
}

/* ---- what came of the branches ---- */

/* §16.7 item 7: the challenges of all branches, so that the caller can answer each. */
static void add_challenges(msg_t *to, const msg_t *from)
{
	static const char *const names[] = { "WWW-Authenticate", "Proxy-Authenticate" };
	const char *value;
	size_t i;
	unsigned n;

	for (i = 0; i < COUNT(names); i++)
		for (n = 0; (value = message_header_at(from, names[i], n)); n++)
			if (message_add_header(to, names[i], value))
				/* no memory: what is there already is still an answer */
				return;
}

static bool is_challenge(const msg_t *msg)
{
	const int status = message_sip(msg)->sip_status->st_status;

	return status == 401 || status == 407;
}

/* The answer that ended a search: those of the backends before it said only that the user is
 * elsewhere. */
static bool ends_search(const struct branch *branch)
{
	return branch->aim.goes_on_absent && !stage_has_missed(branch);
}

static void consider(const struct branch *branch, msg_t *msg)
{
	struct context *context = branch->context;

	if (!context->best || ends_search(branch)) {
		message_unref(context->best);
		context->best = message_ref(msg);
		return;
	}
	if (is_challenge(context->best) && is_challenge(msg)) {
		add_challenges(context->best, msg);
		return;
	}
	if (rank(context, message_sip(msg)->sip_status->st_status) <
	    rank(context, message_sip(context->best)->sip_status->st_status)) {
		message_unref(context->best);
		context->best = message_ref(msg);
	}
}

/* ---- what came ---- */

static void on_provisional(struct branch *branch, msg_t *msg, int status)
{
	struct context *context = branch->context;
	const struct settings_sip *sip = &context->snapshot->settings->sip;

	if (branch->state == BRANCH_CALLING)
		branch->state = BRANCH_PROCEEDING;
	if (status == 100)
		return; /* hop by hop (§16.7 item 5) */
	branch->has_rung |= status == 180;
	if (context->is_invite && timer_is_running(&branch->timer_c)) /* §16.7 item 2 */
		timer_start(context->worker->loop, &branch->timer_c, sip->timer_c_ms,
			    branch->timer_c.on_expiry);
	if (context->is_invite && !context->has_rung && context->decision) {
		context->has_rung = true;
		observe_response(context, loop_wall_us(context->worker->loop) -
						  context->decision->wall_us);
	}
	if (!context->has_final)
		/* one that is lost is followed by another answer */
		(void)send_back(context, msg);
}

static void leave_txn(struct branch *branch)
{
	client_txn_detach(branch->txn);
	branch->txn = NULL;
}

static void on_success(struct branch *branch, msg_t *msg)
{
	struct context *context = branch->context;

	/* Every 2xx to INVITE goes back, also a repeat and one of another fork (§16.7 item 5);
	 * of other methods the first. */
	if (!context->has_final)
		send_final(context, msg, REASON_NONE);
	else if (context->is_invite)
		(void)send_back(context, msg); /* it is repeated until it is acknowledged */
	if (!context->is_invite)
		leave_txn(branch); /* an INVITE's stays for repeats (RFC 6026) */
	branch->status = message_sip(msg)->sip_status->st_status;
	if (branch->state != BRANCH_DONE) {
		context_cancel_others(context, branch);
		context_branch_done(branch);
	}
}

static unsigned retry_after_s(const sip_t *sip)
{
	return sip->sip_retry_after ? (unsigned)sip->sip_retry_after->af_delta : 0;
}

/* A proxy like us that tells why: it is up, and only the home of this one user cannot be
 * reached, or more important requests still find their way. */
static bool is_about_home(const msg_t *msg)
{
	static const enum reason reasons[] = {
		REASON_NOT_LOGGED_ON,    REASON_SEARCH_INCOMPLETE,
		REASON_CONNECT_REFUSED,  REASON_CONNECT_UNREACHABLE,
		REASON_CONNECT_TIMEOUT,  REASON_CONNECTION_LOST,
		REASON_ALL_SERVERS_DOWN, REASON_SEND_QUEUE_FULL,
		REASON_PEER_NOT_READING, REASON_SHED_LOAD
	};
	static const char before[] = "\"nuncio: ";
	const char *warning = message_header(msg, "Warning");
	const char *at = warning ? strstr(warning, before) : NULL;
	size_t i;

	for (i = 0; at && i < COUNT(reasons); i++) {
		const char *code = reason_code(reasons[i]);

		if (text_starts_with(at + strlen(before), code) &&
		    at[strlen(before) + strlen(code)] == '"')
			return true;
	}
	return false;
}

static void on_unavailable(struct branch *branch, msg_t *msg)
{
	struct context *context = branch->context;
	const uint64_t now_ms = loop_now_ms(context->worker->loop);
	unsigned rest_s = retry_after_s(message_sip(msg));

	if (rest_s > 300)
		rest_s = 300; /* nobody talks a server down for longer */
	if (rest_s && !is_about_home(msg))
		health_rest(branch->hops[branch->next - 1].health, now_ms + rest_s * 1000ULL,
			    REASON_NEXT_HOP_503);
	consider(branch, msg);
	branch_failed(branch, REASON_NEXT_HOP_503);
}

/* §16.7 item 4: the targets that a redirect names take the branch's place. */
static bool is_followed(struct branch *branch, msg_t *msg)
{
	switch (follow_redirect(branch, msg)) {
	case FOLLOW_NOT:
		return false;
	case FOLLOW_SOME:
		consider(branch, msg);
		break;
	case FOLLOW_ALL:
		break;
	}
	context_branch_replaced(branch);
	return true;
}

static void on_failure(struct branch *branch, msg_t *msg, int status)
{
	struct context *context = branch->context;

	if (branch->state == BRANCH_DONE)
		return;
	leave_txn(branch); /* it sends the ACKs by itself */
	branch->status = status;
	keep_diagnostics(context, msg);
	if (status == 503 && !branch->is_cancelled) {
		on_unavailable(branch, msg);
		return;
	}
	if (status < 400 && is_followed(branch, msg))
		return;
	consider(branch, msg);
	if (status >= 600) /* §16.7 item 5: wait for the others, but cancel them */
		context_cancel_others(context, branch);
	context_branch_done(branch);
}

/* RFC 3325 §5 holds for responses, too: who answers asserts itself. */
static enum err filter_asserted(struct branch *branch, msg_t *msg)
{
	const struct rule *rule = branch->target.rule;
	const enum origin_kind asker = branch->context->origin.kind;
	struct origin answerer;

	if (!asserted_may_be_in(msg))
		return ERR_OK;
	origin_clear(&answerer);
	answerer.kind = ORIGIN_BACKEND;
	if (branch->target.n_flows)
		answerer.kind = ORIGIN_PHONE;
	if (rule->route) {
		answerer.kind =
			rule->route->is_trustworthy ? ORIGIN_PARTNER : ORIGIN_PARTNER_UNTRUSTED;
		text_copy(answerer.domain, sizeof(answerer.domain), rule->route->domain);
	}
	return asserted_filter(msg, &answerer,
			       asker == ORIGIN_BACKEND || asker == ORIGIN_PARTNER);
}

/* What every response needs before it is looked at. False if it is of no use. */
static bool take(struct branch *branch, struct arrival *arrival)
{
	if (!arrival->sip->sip_via->v_next)
		return false; /* there is nobody to send it to */
	counter_add3(branch->context->worker->counters, COUNTER_RESPONSES, branch->network,
		     COUNTER_IN, counter_code(arrival->sip->sip_status->st_status), 1);
	via_pop(arrival->msg);
	return !filter_asserted(branch, arrival->msg);
}

static void go_on_late(struct branch *branch, struct arrival *arrival)
{
	struct context *context = branch->context;

	if (context->decision) {
		decision_set(context->decision, DECISION_DESTINATION, branch->target.rule->id);
		decision_add(context->decision, "forward", "late", NULL,
			     "%.80s answers after it was given up", branch->target.rule->id);
	}
	if (context->has_final)
		send_back(context, arrival->msg);
	else
		send_final(context, arrival->msg, REASON_NONE);
	context_cancel_others(context, NULL);
}

void response_arrived_late(struct branch *branch, struct arrival *arrival)
{
	if (take(branch, arrival) && !held_response_keep(branch, arrival, true, go_on_late))
		go_on_late(branch, arrival);
}

static void go_on(struct branch *branch, struct arrival *arrival)
{
	const int status = arrival->sip->sip_status->st_status;

	if (status >= 200)
		open_partner_answered(branch, arrival->flow);
	if (status < 200)
		on_provisional(branch, arrival->msg, status);
	else if (status < 300)
		on_success(branch, arrival->msg);
	else
		on_failure(branch, arrival->msg, status);
}

void response_arrived(struct branch *branch, struct arrival *arrival)
{
	const int status = arrival->sip->sip_status->st_status;

	if (!take(branch, arrival))
		return;
	if (status >= 300)
		held_response_drop(branch); /* what came before is of no use any more */
	else if (status > 100 && held_response_keep(branch, arrival, false, go_on))
		return;
	go_on(branch, arrival);
}
