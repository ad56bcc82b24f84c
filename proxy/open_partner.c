#include "proxy/open_partner.h"

#include <string.h>

#include "federation/discovered.h"
#include "proxy/base/text.h"
#include "proxy/sip/reply.h"

static bool asks_for_user(const struct request *request, struct discovered_question *question,
			  char user[256], char domain[256])
{
	const url_t *url = request->arrival->sip->sip_request->rq_url;

	if (request->is_inside_dialog || !message_uri_parts(url, user, 256, domain, 256) ||
	    !rules_is_local_domain(request->snapshot->rules, domain))
		return false;
	question->user = user;
	question->local_domain = domain;
	return true;
}

/* What holds for a domain that has no route of its own: only for one that is welcome a place is
 * taken. An ACK makes none: what it belongs to was welcome before. */
static enum reason take_route(struct request *request)
{
	struct open_routes *routes = request->snapshot->open_routes;
	struct origin *origin = &request->origin;
	const struct rule *rule =
		request->is_ack ? open_routes_find(routes, origin->domain)
				: open_routes_get(routes, origin->domain, OPEN_ROUTES_IN);

	if (!rule)
		return request->is_ack ? REASON_NONE : REASON_OVERLOAD;
	origin->route = rule->route;
	if (*origin->server)
		open_routes_note_server(rule, origin->server);
	return REASON_NONE;
}

enum reason request_open_partner(struct request *request)
{
	const struct origin *origin = &request->origin;
	struct discovered_question question = { .domain = origin->domain,
						.now_ms = request->now_ms };
	const struct place *place = &request->snapshot->settings->federation.place;
	struct discovered *table = request->server->discovered;
	char user[256], domain[256];
	enum reason reason;

	if (origin->kind != ORIGIN_DISCOVERED)
		return REASON_NONE;
	if (request->is_ack && discovered_is_blocked(table, origin->domain))
		return REASON_PARTNER_BLOCKED;
	if (request->is_ack || request->is_dry_run)
		return take_route(request);
	asks_for_user(request, &question, user, domain);
	reason = discovered_reason(
		discovered_request(table, &question, &request->retry_after_s));
	discovered_note(table, origin->domain, request->arrival->flow->identity,
			*origin->server ? origin->server : NULL, origin->rule);
	if (!reason)
		return take_route(request);
	if (request->retry_after_s)
		decision_add(&request->decision, "limit", "federation-discovered", place,
			     "%.80s: Retry-After %u s", origin->domain, request->retry_after_s);
	else
		decision_add(&request->decision, "limit", "federation-discovered", place,
			     "%.80s was blocked", origin->domain);
	return reason;
}

static msg_t *make_hidden(msg_t *request)
{
	char tag[17];

	reply_stateless_tag(message_sip(request), tag);
	return reply_new(request, 480, "Temporarily Unavailable", tag);
}

msg_t *open_partner_conceal(struct server *server, const struct origin *origin, msg_t *request,
			    msg_t *response, uint64_t now_ms)
{
	int status;

	if (origin->kind != ORIGIN_DISCOVERED || !response)
		return response;
	status = message_sip(response)->sip_status->st_status;
	discovered_answered(server->discovered, origin->domain, status, now_ms);
	/* Also where the status stays: what else a backend says would tell. */
	if (discovered_hidden_status(status) != 480 ||
	    !discovered_hides(server->discovered, origin->domain, now_ms))
		return response;
	message_unref(response);
	return request ? make_hidden(request) : NULL;
}

bool open_partner_is_blocked(const struct server *server, const struct rule *rule)
{
	return rule->federation &&
	       discovered_is_blocked(server->discovered, rule->route->domain);
}

void open_partner_located(const struct branch *branch, enum reason reason)
{
	const struct context *context = branch->context;
	struct discovered *table = context->worker->server->discovered;
	const struct rule *rule = branch->target.rule;

	if (rule->federation && !context->is_ack &&
	    (!reason || discovered_knows(table, rule->route->domain)))
		discovered_sent(table, rule->route->domain, loop_now_ms(context->worker->loop));
}

void open_partner_ended(const struct context *context, enum reason reason)
{
	unsigned i;

	for (i = 0; i < context->n_branches && !context->is_ack; i++) {
		const struct branch *branch = &context->branches[i];
		const struct rule *rule = branch->target.rule;

		if (rule->federation && branch->was_begun)
			discovered_sent_ended(context->worker->server->discovered,
					      rule->route->domain,
					      branch->status ? REASON_NONE : reason,
					      loop_now_ms(context->worker->loop));
	}
}

/* By which rule the certificate of the server that was dialled speaks for the domain; the order
 * is trust's. NULL: by none, which its handshake would have shown. */
static const char *server_rule(const struct hop *hop, const struct identity *identity,
			       const char *domain, const char **name)
{
	for (unsigned i = 0; i < hop->n_names; i++)
		if (strcmp(hop->names[i], domain) == 0 &&
		    identity_matches(identity, domain, false, name, NULL))
			return "certificate-names-domain";
	if (!hop->accepts_host || !identity_matches(identity, hop->host, false, name, NULL))
		return NULL;
	return text_domain_holds(domain, hop->host) ? "srv-target" : "srv-hoster";
}

void open_partner_answered(const struct branch *branch, const struct flow *flow)
{
	const struct context *context = branch->context;
	const struct rule *rule = branch->target.rule;
	const struct hop *hop =
		branch->hops && branch->next ? &branch->hops[branch->next - 1] : NULL;
	const char *name = "", *by;

	if (!rule || !rule->federation || !hop || !flow->identity || !context->decision ||
	    context->is_inside_dialog)
		return;
	by = server_rule(hop, flow->identity, rule->route->domain, &name);
	if (!by)
		return;
	decision_add(context->decision, "identify", by,
		     &context->snapshot->settings->federation.place,
		     "%.80s: certificate name %.80s", rule->route->domain, name);
	discovered_note(context->worker->server->discovered, rule->route->domain,
			flow->identity, hop->host, by);
}
