#include "proxy/context.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/branch.h"
#include "proxy/call_media.h"
#include "proxy/follow.h"
#include "proxy/held_response.h"
#include "proxy/phone.h"
#include "proxy/response.h"
#include "proxy/stage.h"

/* ---- life ---- */

static void context_free(struct context *context)
{
	unsigned i;

	list_remove(&context->link);
	context_settle(context);
	loop_defer_cancel(&context->end);
	for (i = 0; i < context->n_branches; i++)
		branch_fini(&context->branches[i]);
	call_media_end(context);
	server_txn_detach(context->server_txn);
	if (context->is_charged)
		account_transaction_ended(context->worker->server->accounts, &context->source,
					  context->origin.id);
	stage_forget(context);
	if (context->decision)
		decision_ring_put(context->worker->decisions, context->decision);
	free(context->decision);
	message_unref(context->best);
	message_unref(context->msg);
	if (context->in)
		listener_unref(context->in);
	snapshot_unref(context->snapshot);
	free(context);
}

void context_settle(struct context *context)
{
	if (!context->has_final)
		__atomic_sub_fetch(&context->worker->n_waiting, 1, __ATOMIC_RELAXED);
	context->has_final = true;
}

static void on_end(struct loop_call *call)
{
	context_free(container_of(call, struct context, end));
}

/* What only waits for repeats of its 2xx, for half a minute, needs neither the request nor the
 * servers. */
static void shed(struct context *context)
{
	unsigned i;

	context->msg = message_unref(context->msg);
	context->best = message_unref(context->best);
	for (i = 0; i < context->n_branches; i++) {
		free(context->branches[i].hops);
		context->branches[i].hops = NULL;
	}
}

static bool is_all_done(const struct context *context)
{
	unsigned i;

	for (i = 0; i < context->n_branches; i++)
		if (context->branches[i].state != BRANCH_DONE)
			return false;
	return true;
}

void context_check_end(struct context *context)
{
	unsigned i;

	if (!context->has_final && !context->is_ack && context->server_txn)
		return;
	if (!is_all_done(context))
		return;
	for (i = 0; i < context->n_branches; i++) {
		if (!context->branches[i].txn)
			continue;
		if (context->has_final)
			shed(context);
		return;
	}
	loop_defer(context->worker->loop, &context->end, on_end);
}

void context_abort(struct context *context)
{
	context_free(context);
}

static void on_server_ended(void *user, struct server_txn *txn)
{
	struct context *context = user;

	context->server_txn = NULL;
	context_check_end(context);
}

static const struct server_txn_user server_user = { .on_ended = on_server_ended };

/* Starts the branches of a stage, and then looks what became of them: none of them may end the
 * context while others begin. */
static void begin_stage(struct context *context, unsigned stage)
{
	unsigned i;

	for (i = 0; i < context->n_branches; i++) {
		struct branch *branch = &context->branches[i];

		if (branch->state != BRANCH_WAITING || branch->aim.stage != stage)
			continue;
		branch_begin(branch);
	}
	for (i = 0; i < context->n_branches; i++)
		if (context->branches[i].state == BRANCH_LOCATING &&
		    !context->branches[i].locate)
			branch_failed(&context->branches[i], REASON_OVERLOAD);
}

static bool has_late_success(const struct context *context)
{
	unsigned i;

	for (i = 0; i < context->n_branches; i++)
		if (held_response_has_late(&context->branches[i]))
			return true;
	return false;
}

/* A server of it that was given up may still take the call, by the ports that it was told:
 * until a final goes back, or it ends. */
static void end_media(const struct branch *branch)
{
	if (branch->context->has_final || list_is_empty(&branch->lates))
		call_media_branch_failed(branch);
}

void context_branch_done(struct branch *branch)
{
	struct context *context = branch->context;
	unsigned stage;

	branch->state = BRANCH_DONE;
	timer_stop(&branch->timer_c);
	timer_stop(&branch->patience);
	if (branch->status < 200 || branch->status >= 300)
		end_media(branch);
	stage_branch_ended(branch);
	if (stage_is_running(context))
		return;
	if (stage_next(context, &stage)) {
		begin_stage(context, stage);
		return;
	}
	if (!context->has_final && !context->is_ack) {
		if (has_late_success(context))
			return; /* it is the final, once it may go (§16.7 item 6) */
		stage_all_ended(context);
		response_send_best(context);
	}
	context_check_end(context);
}

void context_branch_replaced(struct branch *branch)
{
	branch->state = BRANCH_DONE;
	branch->is_replaced = true;
	end_media(branch);
	timer_stop(&branch->timer_c);
	timer_stop(&branch->patience);
	stage_branch_ended(branch);
	begin_stage(branch->context, branch->aim.stage);
}

/* ---- cancelling ---- */

void context_cancel_others(struct context *context, const struct branch *except)
{
	unsigned i;

	for (i = 0; i < context->n_branches; i++)
		if (&context->branches[i] != except)
			branch_cancel(&context->branches[i], NULL);
}

void context_cancel(struct context *context, const char *reason_header)
{
	unsigned i;

	if (context->has_final || context->is_cancelled || !context->is_invite)
		return; /* §9.2: too late, or no effect */
	context->is_cancelled = true;
	for (i = 0; i < context->n_branches; i++)
		branch_cancel(&context->branches[i], reason_header);
}

/* ---- the beginning ---- */

static void take_token(struct context *context, const struct request *request)
{
	const struct record_route_keys *keys = request->server->keys;

	if (request->route.token_verdict == RECORD_ROUTE_VALID) {
		/* the dialog's ends stay what they are */
		context->token = request->route.token;
		context->is_inside_dialog = true;
		context->is_to_callee = request->is_to_callee;
		return;
	}
	context->token.caller = record_route_end(keys, request->origin.id);
	if (request->origin.kind == ORIGIN_PHONE)
		phone_token_flow(keys, request->arrival->flow, &context->token.caller_flow);
	context->token.made_at_s = (uint32_t)(request->decision.wall_us / 1000000);
	context->token.worker = (uint8_t)context->worker->number;
}

struct branch *context_add_branch(struct context *context, const struct request *request,
				  unsigned i)
{
	struct branch *branch = &context->branches[context->n_branches++];

	memset(branch, 0, offsetof(struct branch, target));
	branch->context = context;
	list_init(&branch->lates);
	target_copy(&branch->target, &request->targets[i]);
	aim_copy(&branch->aim, &request->aims[i]);
	return branch;
}

static enum err fill(struct context *context, struct request *request)
{
	struct arrival *arrival = request->arrival;
	struct server_txn_user user = server_user;
	enum err err;
	unsigned i;

	context->msg = request->msg;
	request->msg = NULL;
	origin_copy(&context->origin, &request->origin);
	context->in = listener_ref(arrival->flow->listener);
	context->source = arrival->flow->remote;
	context->is_ack = request->is_ack;
	context->is_invite =
		!strcmp(decision_text(&request->decision, DECISION_METHOD), "INVITE");
	context->importance = request->importance;
	context->call = random_keyed_hash(arrival->sip->sip_call_id->i_id,
					  strlen(arrival->sip->sip_call_id->i_id));
	context->needs_record_route = request->needs_record_route;
	context->began_ms = request->now_ms;
	request_loop_hash(request->snapshot, arrival->sip, context->loop);
	take_token(context, request);
	for (i = 0; i < request->n_targets; i++)
		(void)context_add_branch(context, request, i);
	err = stage_remember(context, request);
	if (err)
		return err;
	context->decision = malloc(sizeof(*context->decision));
	if (context->decision)
		decision_copy(context->decision, &request->decision);
	if (context->is_ack)
		return ERR_OK;
	user.user = context;
	return server_txn_new(context->worker->txns, arrival, &user, &context->server_txn);
}

static enum err context_new(struct worker *worker, struct request *request,
			    struct context **out)
{
	const unsigned room = follow_room(request);
	struct context *context =
		malloc(sizeof(*context) + (request->n_targets + room) * sizeof(struct branch));
	enum err err;

	if (!context)
		return ERR_NO_MEMORY;
	memset(context, 0, offsetof(struct context, origin));
	context->worker = worker;
	context->snapshot = snapshot_ref(request->snapshot);
	context->max_branches = room ? request->n_targets + room : 0;
	list_append(&worker->contexts, &context->link);
	__atomic_add_fetch(&worker->n_waiting, 1, __ATOMIC_RELAXED);
	err = fill(context, request);
	if (err) {
		free(context->decision);
		context->decision = NULL; /* the refusal is recorded by receive */
		context_free(context);
		return err;
	}
	*out = context;
	return ERR_OK;
}

void context_begin(struct worker *worker, struct request *request)
{
	struct context *context = NULL;

	request->reason = account_transaction(
		request->server->accounts, &request->arrival->flow->remote, request->origin.id);
	if (request->reason)
		return;
	if (context_new(worker, request, &context)) {
		account_transaction_ended(request->server->accounts,
					  &request->arrival->flow->remote, request->origin.id);
		request->reason = REASON_OVERLOAD;
		return;
	}
	context->is_charged = true;
	begin_stage(context, 0);
}
