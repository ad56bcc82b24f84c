#include "proxy/rejudge.h"

#include <string.h>

#include "proxy/base/text.h"
#include "proxy/context.h"
#include "proxy/open_partner.h"

static const char partner_prefix[] = "partner:";

/* The partner for which alone the connection stands; NULL: none, or several. */
static const char *partner_of(const struct flow *flow)
{
	const char *id = flow->is_inbound ? flow->speaks_for : flow->peer_name;

	if (!flow_is_reliable(flow) || (flow->is_inbound && flow->speaks_for_others) || !id ||
	    !text_starts_with(id, partner_prefix))
		return NULL;
	return id;
}

static bool has_name(const struct flow *flow, const struct rule *rule)
{
	for (size_t i = 0; i < rule->n_names; i++)
		if (identity_matches(flow->identity, rule->names[i], rule->accepts_wildcard,
				     NULL, NULL))
			return true;
	return false;
}

/* A route whose names changed. What a pattern stands for only a From header tells, and of a
 * domain without a route DNS: those are judged with the next request. */
static bool has_lost_name(const struct snapshot *snapshot, const struct flow *flow,
			  const char *id)
{
	const struct rule *rule = NULL;

	return flow->identity &&
	       rules_find(snapshot->rules, id + strlen(partner_prefix), &rule) == RULES_FOUND &&
	       strcmp(rule->id, id) == 0 && !text_starts_with(rule->route->domain, "*.") &&
	       !has_name(flow, rule);
}

static bool is_blocked(const struct worker *worker, const char *id)
{
	const char *domain = id + strlen(partner_prefix);
	const struct rule *route = NULL;

	return rules_find(worker->snapshot->rules, domain, &route) == RULES_NONE &&
	       discovered_is_blocked(worker->server->discovered, domain);
}

static bool is_blocked_flow(const struct flow *flow, void *user)
{
	const struct worker *worker = user;
	const char *id = partner_of(flow);

	return id && is_blocked(worker, id);
}

static bool is_removed_flow(const struct flow *flow, void *user)
{
	const struct worker *worker = user;
	const char *id = partner_of(flow);

	return id && (!snapshot_has_peer(worker->snapshot, id) ||
		      has_lost_name(worker->snapshot, flow, id));
}

/* Nobody could tell the caller any more that somebody took the call. */
static void end_calls(struct worker *worker)
{
	struct list *link, *following;

	list_for_each(link, following, &worker->contexts) {
		struct context *context = container_of(link, struct context, link);
		const char *id = context->origin.id;

		if (text_starts_with(id, partner_prefix) &&
		    (is_blocked(worker, id) || !snapshot_has_peer(worker->snapshot, id)))
			context_cancel(context, NULL);
	}
}

void rejudge(struct worker *worker)
{
	if (!worker->snapshot)
		return;
	transport_close_if(worker->transport, is_blocked_flow, worker, REASON_PARTNER_BLOCKED);
	transport_close_if(worker->transport, is_removed_flow, worker, REASON_ROUTE_DISABLED);
	end_calls(worker);
}
