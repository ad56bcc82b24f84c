#include "proxy/follow.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/request_route.h"
#include "proxy/sip/uri.h"
#include "proxy/stage.h"
#include "routing/redirect.h"

static bool is_followed(const struct rule *rule)
{
	return rule->route && rule->route->redirect == REDIRECT_FOLLOW;
}

unsigned follow_room(const struct request *request)
{
	unsigned i;

	/* Inside a dialog the other end is who it is; an ACK has no answer. */
	if (request->is_ack || request->route.token_verdict == RECORD_ROUTE_VALID)
		return 0;
	for (i = 0; i < request->n_targets; i++)
		if (is_followed(request->targets[i].rule))
			return REDIRECT_MAX_TARGETS;
	return 0;
}

/* While the Contacts of one response are judged. */
struct following {
	struct branch *branch; /* that redirects */
	struct context *context;
	struct request *request; /* as if the sender had asked for a Contact */
	struct redirect_choice choices[CONTACTS_MAX];
	size_t n_choices;
	unsigned n_steps;                 /* of the record, before this Contact, */
	uint16_t n_bytes;                 /* and of its texts */
	bool is_gone[CONTACTS_MAX];       /* by their place in the response */
	unsigned first_new;               /* branch, */
	unsigned next_stage;              /* behind those that the Contacts before it take */
	unsigned q, group_stage, n_group; /* of the Contacts with the same q */
};

static unsigned depth_of(const struct branch *branch)
{
	return branch->redirected ? branch->redirected->depth : 0;
}

/* ---- one Contact: the decision ---- */

/* A step for each, behind what the routing says of those that are refused: a record has not
 * many (decision.h). */
static void describe(struct following *following, const struct redirect_choice *choice,
		     enum reason reason)
{
	const struct rule *by = following->branch->target.rule;
	const char *uri =
		*choice->contact.uri ? choice->contact.uri : "a Contact that is no URI";
	struct request *request = following->request;

	if (reason) {
		decision_add(&request->decision, "redirect", reason_code(reason),
			     &by->route->place, "not followed to %.80s: %.40s", uri,
			     reason_code(reason));
		return;
	}
	request->decision.n_steps = following->n_steps;
	request->decision.n_bytes = following->n_bytes;
	decision_add(&request->decision, "redirect", "follow", &by->route->place,
		     "%.36s leads to %.48s: %.32s", by->id, uri, request->targets[0].rule->id);
}

/* The request as if it had been sent to uri: without a Route, which was for the old target. */
static enum reason address(struct following *following, const char *uri)
{
	struct request *request = following->request;
	const url_t *url;

	request->msg = message_unref(request->msg);
	request->msg = message_copy(following->context->msg);
	if (!request->msg)
		return REASON_OVERLOAD;
	request->sip = message_sip(request->msg);
	message_remove_header(request->msg, "Route");
	url = uri_parse(msg_home(request->msg), uri);
	if (!url)
		return REASON_MALFORMED;
	return message_set_request_uri(request->msg, url) ? REASON_MALFORMED : REASON_NONE;
}

/* Branches that run in parallel share the breadth of the one that they stand for (RFC 5393
 * §5.3.3). */
static unsigned n_parallel(const struct request *request)
{
	unsigned n = 0, i;

	for (i = 0; i < request->n_targets; i++)
		n += request->aims[i].stage == 0;
	return n;
}

static enum reason check_room(const struct following *following)
{
	const struct context *context = following->context;
	const struct request *request = following->request;
	const unsigned width =
		stage_width(following->branch) * (following->n_group + n_parallel(request));
	const unsigned breadth =
		message_max_breadth(context->msg, context->snapshot->settings->sip.max_breadth);

	if (context->n_branches + request->n_targets > context->max_branches)
		return REASON_REDIRECT_LIMIT;
	return breadth < width ? REASON_MAX_BREADTH : REASON_NONE;
}

/* A request can search for one user of ours: what the answers teach is of that one. */
static enum reason remember(const struct following *following)
{
	switch (stage_remember(following->context, following->request)) {
	case ERR_OK:
		return REASON_NONE;
	case ERR_EXISTS:
		return REASON_REDIRECT_LIMIT;
	default:
		return REASON_OVERLOAD;
	}
}

static enum reason decide(struct following *following, const struct redirect_choice *choice)
{
	struct request *request = following->request;
	enum reason reason;

	request->n_targets = 0;
	if (choice->reason)
		return choice->reason;
	reason = address(following, choice->contact.uri);
	if (!reason)
		reason = request_route_redirected(request, following->branch->target.rule);
	if (!reason)
		reason = check_room(following);
	return reason ? reason : remember(following);
}

/* ---- one Contact: its branches ---- */

/* False for want of memory. */
static bool add_branch(struct following *following, const struct redirect_choice *choice,
		       unsigned i)
{
	struct redirected *redirected = calloc(1, sizeof(*redirected));
	struct branch *branch;

	if (!redirected)
		return false;
	text_copy(redirected->uri, sizeof(redirected->uri), choice->contact.uri);
	redirected->depth = depth_of(following->branch) + 1;
	branch = context_add_branch(following->context, following->request, i);
	branch->redirected = redirected;
	branch->aim.stage += following->group_stage;
	if (!*branch->aim.request_uri)
		text_copy(branch->aim.request_uri, sizeof(branch->aim.request_uri),
			  choice->contact.uri);
	if (branch->aim.stage >= following->next_stage)
		following->next_stage = branch->aim.stage + 1;
	return true;
}

static void take(struct following *following, const struct redirect_choice *choice)
{
	unsigned i;

	if (choice->contact.q != following->q ||
	    following->first_new == following->context->n_branches) {
		following->q = choice->contact.q;
		following->group_stage = following->next_stage;
		following->n_group = 0;
	}
	following->n_group += n_parallel(following->request);
	for (i = 0; i < following->request->n_targets; i++)
		following->is_gone[choice->at] |= add_branch(following, choice, i);
}

static void judge(struct following *following)
{
	struct decision *decision = &following->request->decision;
	const uint16_t destination = decision->texts[DECISION_DESTINATION];
	size_t i;

	for (i = 0; i < following->n_choices; i++) {
		const struct redirect_choice *choice = &following->choices[i];
		enum reason reason;

		if (choice->contact.q != following->q)
			following->n_group = 0;
		/* Where it went so far stands there until a branch begins. */
		decision->texts[DECISION_DESTINATION] = 0;
		following->n_steps = decision->n_steps;
		following->n_bytes = decision->n_bytes;
		reason = decide(following, choice);
		describe(following, choice, reason);
		if (!reason)
			take(following, choice);
		else if (reason == REASON_REDIRECT_LOOP)
			/* whoever gets the rest need not ask there again */
			following->is_gone[choice->at] = true;
	}
	decision->texts[DECISION_DESTINATION] = destination;
}

/* ---- all of them ---- */

/* Those that waited already wait for the new ones, too; and each new one, but of the last q,
 * may fail. */
static void arrange(struct following *following)
{
	struct context *context = following->context;
	const unsigned here = following->branch->aim.stage,
		       n_more = following->next_stage - here - 1;
	const unsigned last_stage = following->group_stage;
	unsigned i, k, n;

	for (i = 0; i < following->first_new; i++)
		if (context->branches[i].state == BRANCH_WAITING &&
		    context->branches[i].aim.stage > here)
			context->branches[i].aim.stage += n_more;
	for (i = following->first_new; i < context->n_branches; i++) {
		struct branch *branch = &context->branches[i];

		for (n = 0, k = following->first_new; k < context->n_branches; k++)
			n += context->branches[k].aim.stage == branch->aim.stage;
		branch->redirected->width = stage_width(following->branch) * n;
		branch->aim.goes_on_refused = branch->aim.stage < last_stage ||
					      following->branch->aim.goes_on_refused;
		branch->aim.goes_on_down |= branch->aim.goes_on_refused;
	}
}

static bool begin(struct following *following, struct arrival *arrival)
{
	struct context *context = following->context;
	struct worker *worker = context->worker;
	struct request *request = malloc(sizeof(*request));

	if (!request)
		return false;
	*arrival = (struct arrival){ .msg = context->msg, .sip = message_sip(context->msg) };
	request_init(request, worker->server, context->snapshot, arrival);
	request->counters = worker->counters;
	request->now_ms = loop_now_ms(worker->loop);
	origin_copy(&request->origin, &context->origin);
	if (context->decision)
		decision_copy(&request->decision, context->decision);
	else
		decision_set(&request->decision, DECISION_METHOD, message_method(arrival->sip));
	following->request = request;
	following->first_new = context->n_branches;
	following->next_stage = following->group_stage = following->branch->aim.stage;
	return true;
}

static void end(struct following *following)
{
	struct decision *decision = following->context->decision;

	if (decision)
		decision_copy(decision, &following->request->decision);
	request_fini(following->request);
	free(following->request);
}

static void choose(struct following *following, const msg_t *response)
{
	const struct context *context = following->context;
	const char *tried[REDIRECT_MAX_TARGETS];
	struct redirect_past past = { .asked = message_sip(context->msg)->sip_request->rq_url,
				      .tried = tried,
				      .depth = depth_of(following->branch) };
	unsigned i;

	for (i = 0; i < context->n_branches && past.n_tried < COUNT(tried); i++)
		if (context->branches[i].redirected)
			tried[past.n_tried++] = context->branches[i].redirected->uri;
	following->n_choices = redirect_choose(response, &past, following->choices);
}

static enum follow what_is_left(const struct following *following, msg_t *response)
{
	if (contacts_remove(response, following->is_gone))
		return FOLLOW_ALL; /* no memory: a rest of it would mislead */
	return message_header(response, "Contact") ? FOLLOW_SOME : FOLLOW_ALL;
}

enum follow follow_redirect(struct branch *branch, msg_t *response)
{
	struct context *context = branch->context;
	struct following following = { .branch = branch, .context = context };
	struct arrival arrival;
	bool is_any;

	if (!context->max_branches || !is_followed(branch->target.rule) ||
	    branch->is_cancelled || context->is_cancelled || context->has_final ||
	    !redirect_is_followed(message_sip(response)->sip_status->st_status))
		return FOLLOW_NOT;
	choose(&following, response);
	if (!following.n_choices || !begin(&following, &arrival))
		return FOLLOW_NOT;
	judge(&following);
	is_any = context->n_branches > following.first_new;
	if (is_any)
		arrange(&following);
	end(&following);
	return is_any ? what_is_left(&following, response) : FOLLOW_NOT;
}
