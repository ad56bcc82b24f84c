#include "proxy/request_home.h"

#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/log_on.h"
#include "proxy/request_phone.h"
#include "proxy/sip/uri.h"
#include "routing/location.h"
#include "routing/placement.h"

static struct location *location_of(const struct request *request)
{
	return request->server->location;
}

static const char *name_of(const struct rule *rule)
{
	return rule->backend->name;
}

static bool has_target(const struct request *request, const struct rule *rule)
{
	unsigned i;

	for (i = 0; i < request->n_targets; i++)
		if (request->targets[i].rule == rule)
			return true;
	return false;
}

/* "sip:berlin.corp.example:5060" -> "sip:anna@berlin.corp.example:5060" (RFC 6140 §5.3): the
 * user as it was written. */
static void expand_bulk(const struct request *request, const char *bulk, char *out, size_t size)
{
	const char *user = request->sip->sip_request->rq_url->url_user;
	const char *rest = strchr(bulk, ':');
	size_t len;

	if (!rest || !user || strlen(bulk) + strlen(user) + 2 > size)
		return;
	len = (size_t)(rest - bulk) + 1;
	memcpy(out, bulk, len);
	out[len] = '\0';
	len = text_append(out, size, len, user);
	len = text_append(out, size, len, "@");
	text_append(out, size, len, rest + 1);
}

/* A backend that has registered in bulk wants its contact in the Request-URI; the others want
 * the user's address. */
static void address_backend(const struct request *request, const struct rule *rule,
			    struct aim *aim)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	size_t n, i;

	if (!*rule->backend->username)
		return; /* it never logs on */
	n = location_logons(location_of(request), name_of(rule), request->now_ms, logons);
	for (i = 0; i < n; i++)
		if (*logons[i].bulk) {
			expand_bulk(request, logons[i].bulk, aim->request_uri,
				    sizeof(aim->request_uri));
			return;
		}
}

static struct aim *add(struct request *request, const struct rule *rule, enum aim_home home,
		       unsigned stage)
{
	struct target *target = &request->targets[request->n_targets];
	struct aim *aim = &request->aims[request->n_targets++];

	target_set_rule(target, rule);
	aim_set(aim, home, stage);
	if (request->n_targets == 1)
		decision_set(&request->decision, DECISION_DESTINATION, rule->id);
	return aim;
}

static bool is_full(const struct request *request)
{
	return request->n_targets >= REQUEST_MAX_TARGETS;
}

/* ---- the sources, in their order ---- */

/* What a backend registered for the user, even if the same backend asks: it said where the user
 * is. */
static void ask_bindings(struct request *request)
{
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n = location_bindings(location_of(request), request->to_user, request->to_domain,
				     request->now_ms, bindings);
	size_t i;

	for (i = 0; i < n && !is_full(request); i++) {
		const struct rule *rule =
			rules_backend(request->snapshot->rules, bindings[i].backend);
		struct aim *aim;

		if (!rule || !settings_backend_serves(rule->backend, request->to_domain))
			continue;
		aim = add(request, rule, AIM_BOUND, 0);
		text_copy(aim->request_uri, sizeof(aim->request_uri), bindings[i].contact);
		decision_add(&request->decision, "route", "bound", &rule->backend->place,
			     "user '%.40s' is registered by %.40s at %.40s", request->to_user,
			     rule->id, bindings[i].contact);
	}
}

static void ask_patterns(struct request *request)
{
	const struct rule *rules[REQUEST_MAX_PARALLEL + 1];
	size_t n = rules_backends(request->snapshot->rules, request->to_user,
				  request->to_domain, rules, COUNT(rules));
	size_t i;

	for (i = 0; i < n && request->n_targets < REQUEST_MAX_PARALLEL; i++) {
		/* A backend that asks us for a user does not have it: sending it back is a
		 * loop. */
		if (rules[i]->backend == request->origin.backend)
			continue;
		address_backend(request, rules[i], add(request, rules[i], AIM_LISTED, 0));
		decision_add(&request->decision, "route", "users", &rules[i]->backend->place,
			     "user '%.60s' lives at %.60s", request->to_user, rules[i]->id);
	}
}

/* A learned home may be wrong: then it is forgotten, and placement is asked. */
static void ask_learned(struct request *request)
{
	char name[LOCATION_BACKEND_SIZE];
	const struct rule *rule;
	struct aim *aim;

	if (!location_home(location_of(request), request->to_user, request->to_domain,
			   request->now_ms, name))
		return;
	rule = rules_backend(request->snapshot->rules, name);
	if (!rule || !settings_backend_serves(rule->backend, request->to_domain))
		return;
	if (rule->backend == request->origin.backend) {
		decision_add(&request->decision, "route", "learned", &rule->backend->place,
			     "user '%.40s' was seen at %.40s, which asks us itself: forgotten",
			     request->to_user, rule->id);
		if (!request->is_dry_run)
			location_forget(location_of(request), request->to_user,
					request->to_domain, name);
		return;
	}
	aim = add(request, rule, AIM_LEARNED, 0);
	aim->goes_on_absent = true;
	address_backend(request, rule, aim);
	decision_add(&request->decision, "route", "learned", &rule->backend->place,
		     "user '%.60s' was seen at %.60s", request->to_user, rule->id);
}

static const char placement_text[][8] = {
	[PLACEMENT_SEARCH] = "search",
	[PLACEMENT_BALANCE] = "balance",
	[PLACEMENT_REJECT] = "reject",
};

static void tell_placement(struct request *request, unsigned first)
{
	const struct settings *settings = request->snapshot->settings;
	char list[96] = "";
	size_t len = 0;
	unsigned i;

	for (i = first; i < request->n_targets; i++) {
		len = text_append(list, sizeof(list), len, i > first ? ", " : "");
		len = text_append(list, sizeof(list), len, name_of(request->targets[i].rule));
	}
	if (*list)
		decision_add(&request->decision, "route", placement_text[settings->placement],
			     NULL,
			     first ? "if not there, one after the other: %.90s"
				   : "one after the other: %.90s",
			     list);
}

/* Whoever asks for the same unknown user again and again does not set every backend to work
 * each time. */
static bool was_absent(struct request *request)
{
	if (!location_is_absent(location_of(request), request->to_user, request->to_domain,
				decision_text(&request->decision, DECISION_METHOD),
				request->now_ms))
		return false;
	decision_add(
		&request->decision, "route", "absent", NULL,
		"no backend had user '%.60s' within the last %u s: they are not asked again yet",
		request->to_user, LOCATION_ABSENT_MS / 1000);
	return true;
}

/* One backend a stage. Those that the user cannot be at are left out: the one that asks, and
 * the one asked already. */
static void ask_placement(struct request *request)
{
	const struct settings *settings = request->snapshot->settings;
	const bool is_search = settings->placement == PLACEMENT_SEARCH;
	const unsigned first = request->n_targets;
	size_t order[REQUEST_MAX_TARGETS];
	size_t n =
		placement_order(settings->placement, settings->backends, settings->n_backends,
				request->to_user, request->to_domain, order, COUNT(order));
	size_t i;

	if (is_search && was_absent(request))
		return;
	for (i = 0; i < n && !is_full(request); i++) {
		const struct rule *rule = rules_backend(request->snapshot->rules,
							settings->backends[order[i]].name);
		struct aim *aim;

		if (!rule || rule->backend == request->origin.backend ||
		    has_target(request, rule))
			continue;
		aim = add(request, rule, is_search ? AIM_SEARCHED : AIM_BALANCED,
			  request->n_targets);
		aim->goes_on_absent = is_search;
		aim->goes_on_down = true;
		address_backend(request, rule, aim);
	}
	tell_placement(request, first);
}

/* While a backend is asked for a user, it asks us for the same, for the same caller: it passes
 * on whom it does not know. Asking further would go round in a circle, where a new Call-ID
 * hides the loop from RFC 5393. */
static bool is_bounced(struct request *request)
{
	char key[REQUEST_SEARCH_KEY_SIZE];
	const char *backend;

	if (request->origin.kind != ORIGIN_BACKEND)
		return false;
	backend = request->origin.backend->name;
	request_home_search_key(request, key);
	if (!location_is_searched(location_of(request), key, request->to_domain, backend))
		return false;
	request->is_passed_on = true;
	decision_add(&request->decision, "route", "bounced", &request->origin.backend->place,
		     "backend %.40s was asked for user '%.40s', and asks us in turn", backend,
		     request->to_user);
	return true;
}

void request_home_search_key(const struct request *request, char out[REQUEST_SEARCH_KEY_SIZE])
{
	char caller[256] = "", host[256] = "";
	const char *const texts[] = { request->to_user, caller, host };
	uint64_t hash;

	if (!message_uri_parts(request->arrival->sip->sip_from->a_url, caller, sizeof(caller),
			       host, sizeof(host)))
		caller[0] = host[0] = '\0';
	/* A hash: names may be longer than what is kept of a search, and then nobody would find
	 * the circle. */
	hash = random_keyed_hash_texts(texts, COUNT(texts));
	text_hex(&hash, sizeof(hash), out);
}

/* RFC 5393 §5.3.3: parallel branches share what breadth there is; with none for some of them
 * the request ends. */
static enum reason check_breadth(struct request *request)
{
	const unsigned preset = request->snapshot->settings->sip.max_breadth;
	const unsigned breadth = message_max_breadth(request->arrival->msg, preset);
	unsigned n = 0, i;

	for (i = 0; i < request->n_targets; i++)
		n += request->aims[i].stage == 0;
	if (breadth >= n)
		return REASON_NONE;
	decision_add(&request->decision, "route", "max-breadth", NULL,
		     "Max-Breadth is %u, and there are %u targets", breadth, n);
	return REASON_MAX_BREADTH;
}

static void count(const struct request *request)
{
	static const enum counter_lookup lookups[] = {
		[AIM_BOUND] = COUNTER_LOOKUP_BOUND,
		[AIM_LISTED] = COUNTER_LOOKUP_LISTED,
		[AIM_LEARNED] = COUNTER_LOOKUP_LEARNED,
		[AIM_SEARCHED] = COUNTER_LOOKUP_SEARCHED,
		[AIM_BALANCED] = COUNTER_LOOKUP_BALANCED,
	};

	if (request->counters)
		counter_add1(request->counters, COUNTER_LOCATION_LOOKUPS,
			     request->n_targets ? lookups[request->aims[0].home]
						: COUNTER_LOOKUP_UNKNOWN,
			     1);
}

enum reason request_home(struct request *request)
{
	/* A backend that asks wants the phone itself: whatever it does for its users it has
	 * done. */
	if (request->origin.kind == ORIGIN_BACKEND)
		request_phone_ask(request);
	if (request->only_phones && !request->n_targets)
		return REASON_FOREIGN_DOMAIN_FROM_INSIDE;
	if (!request->n_targets && is_bounced(request))
		return REASON_UNKNOWN_USER;
	if (!request->n_targets)
		ask_bindings(request);
	if (!request->n_targets)
		ask_patterns(request);
	/* For the others the backend whose user it is comes first: it rings the phone by us. */
	if (!request->n_targets)
		request_phone_ask(request);
	if (!request->n_targets)
		ask_learned(request);
	if (!request->n_targets || request->aims[0].home == AIM_LEARNED)
		ask_placement(request);
	count(request);
	if (request->n_targets)
		return check_breadth(request);
	decision_add(
		&request->decision, "route", "users", NULL,
		"no backend registered or names user '%.60s' of %.60s, and placement has none to ask",
		request->to_user, request->to_domain);
	return REASON_UNKNOWN_USER;
}

void request_home_learn(const struct request *request)
{
	static const char *const methods[] = { "PUBLISH", "SUBSCRIBE", "INVITE", "MESSAGE" };
	const struct rule *ignored;
	char user[256], domain[256];
	size_t i;

	if (request->origin.kind != ORIGIN_BACKEND || request->is_inside_dialog ||
	    request->is_passed_on)
		return;
	for (i = 0; i < COUNT(methods); i++)
		if (!strcmp(decision_text(&request->decision, DECISION_METHOD), methods[i]))
			break;
	if (i == COUNT(methods) ||
	    !message_uri_parts(request->arrival->sip->sip_from->a_url, user, sizeof(user),
			       domain, sizeof(domain)) ||
	    !*user)
		return;
	/* Whom `users` names has a home already, which comes first. */
	if (rules_backends(request->snapshot->rules, user, domain, &ignored, 1))
		return;
	location_learn(request->server->location, user, domain, request->origin.backend->name,
		       request->now_ms);
}
