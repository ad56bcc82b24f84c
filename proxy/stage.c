#include "proxy/stage.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/follow.h"
#include "proxy/request_home.h"
#include "routing/location.h"

/* In T1: no stage begins later. A caller that is no INVITE gives up after 64 of them, and the
 * last stage needs its 8. */
enum { BUDGET_T1 = 24 };

static bool is_running(const struct branch *branch)
{
	return branch->state != BRANCH_DONE && branch->state != BRANCH_WAITING;
}

unsigned stage_width(const struct branch *branch)
{
	const struct context *context = branch->context;
	unsigned n = 0, i;

	if (branch->redirected)
		return branch->redirected->width;
	for (i = 0; i < context->n_branches; i++)
		n += context->branches[i].aim.stage == branch->aim.stage &&
		     !context->branches[i].redirected;
	return n;
}

bool stage_has_more(const struct branch *branch)
{
	const struct context *context = branch->context;
	unsigned i;

	if (!branch->aim.goes_on_down)
		return false;
	for (i = 0; i < context->n_branches; i++)
		if (context->branches[i].state == BRANCH_WAITING)
			return true;
	return false;
}

bool stage_is_running(const struct context *context)
{
	unsigned i;

	for (i = 0; i < context->n_branches; i++)
		if (is_running(&context->branches[i]))
			return true;
	return false;
}

/* ---- what is learned ---- */

struct stage_user {
	char search_key[REQUEST_SEARCH_KEY_SIZE];
	char user[256], domain[256];
};

static bool is_guess(const struct aim *aim)
{
	return aim->home == AIM_LEARNED || aim->home == AIM_SEARCHED;
}

enum err stage_remember(struct context *context, const struct request *request)
{
	unsigned i;

	for (i = 0; i < request->n_targets; i++)
		if (is_guess(&request->aims[i]))
			break;
	if (i == request->n_targets)
		return ERR_OK;
	if (context->user)
		return ERR_EXISTS;
	context->user = malloc(sizeof(*context->user));
	if (!context->user)
		return ERR_NO_MEMORY;
	request_home_search_key(request, context->user->search_key);
	text_copy(context->user->user, sizeof(context->user->user), request->to_user);
	text_copy(context->user->domain, sizeof(context->user->domain), request->to_domain);
	return ERR_OK;
}

void stage_forget(struct context *context)
{
	free(context->user);
	context->user = NULL;
}

static const char *backend_of(const struct branch *branch)
{
	return branch->target.rule->backend ? branch->target.rule->backend->name : NULL;
}

void stage_branch_begins(struct branch *branch)
{
	const struct stage_user *user = branch->context->user;

	branch->was_begun = true;
	if (branch->is_searched || !user || !is_guess(&branch->aim))
		return;
	/* Where memory is short a circle is only found by Max-Forwards. */
	branch->is_searched =
		!location_search_begin(branch->context->worker->server->location,
				       user->search_key, user->domain, backend_of(branch));
}

/* An answer that shows that the backend has the user. What says nothing of the user
 * (credentials, a service that it lacks, a failure, a general no) is not believed. */
static bool is_found(int status)
{
	return (status >= 200 && status < 300) || status == 486 || status == 488 ||
	       status == 415 || status == 489 || status == 600 || status == 603 ||
	       status == 606;
}

/* It rang, and nobody took it: the user is there, whatever 480 or 408 means elsewhere. */
static bool has_rung_out(const struct branch *branch)
{
	return branch->has_rung && (branch->status == 480 || branch->status == 408);
}

void stage_branch_ended(struct branch *branch)
{
	struct location *location = branch->context->worker->server->location;
	const struct stage_user *user = branch->context->user;

	if (!user || !is_guess(&branch->aim))
		return;
	if (branch->is_searched)
		location_search_end(location, user->search_key, user->domain,
				    backend_of(branch));
	branch->is_searched = false;
	if (is_found(branch->status) || has_rung_out(branch))
		location_learn(location, user->user, user->domain, backend_of(branch),
			       loop_now_ms(branch->context->worker->loop));
	else if (branch->aim.home == AIM_LEARNED &&
		 (branch->status == 404 || branch->status == 410))
		location_forget(location, user->user, user->domain, backend_of(branch));
}

/* ---- going on ---- */

/* "Not here": also of a backend that passed the request on to us, and was told that it goes in
 * a circle. */
static bool is_absent(int status)
{
	return status == 404 || status == 410 || status == 480 || status == 482 ||
	       status == 483;
}

static bool is_down(const struct branch *branch)
{
	return branch->status == 0 || branch->status == 503 || branch->status == 408;
}

bool stage_has_missed(const struct branch *branch)
{
	if (branch->is_replaced)
		return true;
	if (branch->aim.goes_on_refused)
		return branch->status == 0 || (branch->status >= 300 && branch->status < 600);
	if (has_rung_out(branch))
		return false;
	if (is_down(branch))
		return branch->aim.goes_on_down;
	return branch->aim.goes_on_absent && is_absent(branch->status);
}

static bool find_waiting(const struct context *context, unsigned *out_stage)
{
	bool is_found = false;
	unsigned i;

	for (i = 0; i < context->n_branches; i++) {
		const struct branch *branch = &context->branches[i];

		if (branch->state == BRANCH_WAITING &&
		    (!is_found || branch->aim.stage < *out_stage)) {
			*out_stage = branch->aim.stage;
			is_found = true;
		}
	}
	return is_found;
}

/* Who was redirected rings for as long as people let it: a call may wait for the next as it may
 * for one (§16.6 item 11). */
static uint64_t budget_ms(const struct context *context)
{
	const struct settings_sip *sip = &context->snapshot->settings->sip;

	return context->is_invite && context->max_branches ? sip->timer_c_ms
							   : BUDGET_T1 * (uint64_t)sip->t1_ms;
}

static bool may_go_on(const struct context *context)
{
	unsigned i;

	if (context->has_final || context->is_cancelled)
		return false;
	for (i = 0; i < context->n_branches; i++)
		if (context->branches[i].state == BRANCH_DONE &&
		    !stage_has_missed(&context->branches[i]))
			return false;
	return loop_now_ms(context->worker->loop) - context->began_ms < budget_ms(context);
}

bool stage_next(struct context *context, unsigned *out_stage)
{
	unsigned i;

	if (!find_waiting(context, out_stage))
		return false;
	if (may_go_on(context))
		return true;
	for (i = 0; i < context->n_branches; i++)
		if (context->branches[i].state == BRANCH_WAITING)
			context->branches[i].state = BRANCH_DONE;
	return false;
}

bool stage_is_incomplete(const struct context *context)
{
	bool is_search = false, is_any_down = false;
	unsigned i;

	for (i = 0; i < context->n_branches; i++) {
		const struct branch *branch = &context->branches[i];

		if (!branch->was_begun && !is_search)
			continue; /* what stood before it was no miss */
		if (!is_guess(&branch->aim) || has_rung_out(branch) ||
		    (!is_down(branch) && !is_absent(branch->status)))
			return false;
		is_search |= branch->aim.home == AIM_SEARCHED;
		is_any_down |= is_down(branch);
	}
	return is_search && is_any_down;
}

/* Whom a backend asks for may live at that one, which is not asked. */
static bool is_nowhere(const struct context *context)
{
	bool is_search = false;
	unsigned i;

	if (!context->user || context->origin.kind == ORIGIN_BACKEND || context->is_cancelled)
		return false;
	for (i = 0; i < context->n_branches; i++) {
		const struct branch *branch = &context->branches[i];

		if (!is_guess(&branch->aim) ||
		    (branch->status != 404 && branch->status != 410 && branch->status != 482))
			return false;
		is_search |= branch->aim.home == AIM_SEARCHED;
	}
	return is_search;
}

void stage_all_ended(const struct context *context)
{
	if (is_nowhere(context))
		location_note_absent(context->worker->server->location, context->user->user,
				     context->user->domain,
				     message_method(message_sip(context->msg)),
				     loop_now_ms(context->worker->loop));
}
