#include "proxy/refresh.h"

#include <stdlib.h>

enum { MAX_ADDRS = 64, MIN_WAIT_MS = 5000, MAX_WAIT_MS = 300000 };

struct refresh {
	struct worker *worker;
	struct snapshot *snapshot; /* counted: the one that is walked over */
	size_t i_rule, i_server;
	enum dns_type type; /* A first, then AAAA */
	struct dns_query query;
	struct addr addrs[MAX_ADDRS]; /* of the rule so far */
	size_t n_addrs;
	bool failed; /* a resolver failed: what was known of this rule stays */
	uint64_t wait_ms;
	struct timer timer;
};

static void step(struct refresh *refresh);

static void on_timer(struct timer *timer)
{
	refresh_restart(container_of(timer, struct refresh, timer));
}

static void keep(struct refresh *refresh, const struct dns_answer *answer)
{
	size_t i;

	for (i = 0; i < answer->n && refresh->n_addrs < MAX_ADDRS; i++)
		refresh->addrs[refresh->n_addrs++] = answer->addrs[i];
	if (answer->ttl_s * 1000ULL < refresh->wait_ms)
		refresh->wait_ms = answer->ttl_s * 1000ULL;
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer)
{
	struct refresh *refresh = container_of(query, struct refresh, query);

	switch (answer->status) {
	case DNS_FOUND:
		keep(refresh, answer);
		break;
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		break;
	case DNS_SERVER_FAILED:
	case DNS_TIMEOUT:
		refresh->failed = true;
		refresh->wait_ms = MIN_WAIT_MS;
		break;
	}
	if (refresh->type == DNS_A) {
		refresh->type = DNS_AAAA;
	} else {
		refresh->type = DNS_A;
		refresh->i_server++;
	}
	step(refresh);
}

/* The rule is done: tells what was found for it. */
static void next_rule(struct refresh *refresh, const struct rule *rule)
{
	char servers_id[PEER_ADDRESSES_ID_SIZE];

	if (rule->backend)
		peer_addresses_servers_id(rule->backend->name, servers_id);
	if (!refresh->failed)
		peer_addresses_set(refresh->worker->server->addresses,
				   rule->backend ? servers_id : rule->id, refresh->addrs,
				   refresh->n_addrs);
	refresh->i_rule++;
	refresh->i_server = 0;
	refresh->n_addrs = 0;
	refresh->failed = false;
}

/* Asks for the next name, or, when all are done, waits. */
static void step(struct refresh *refresh)
{
	const struct settings *settings = refresh->snapshot->settings;
	const struct rules *rules = refresh->snapshot->rules;

	while (refresh->i_rule < rules_count(rules)) {
		const struct rule *rule = rules_at(rules, refresh->i_rule);

		if (refresh->i_server >= rule->n_servers) {
			next_rule(refresh, rule);
			continue;
		}
		if (addr_is_set(&rule->servers[refresh->i_server].addr)) {
			refresh->i_server++;
			continue;
		}
		dns_ask(refresh->worker->dns, &refresh->query,
			rule->servers[refresh->i_server].host, refresh->type,
			settings->dns.budget_ms, on_answer);
		return;
	}
	if (refresh->wait_ms < MIN_WAIT_MS)
		refresh->wait_ms = MIN_WAIT_MS;
	timer_start(refresh->worker->loop, &refresh->timer, refresh->wait_ms, on_timer);
}

void refresh_restart(struct refresh *refresh)
{
	timer_stop(&refresh->timer);
	dns_cancel(&refresh->query);
	snapshot_unref(refresh->snapshot);
	refresh->snapshot = snapshot_ref(refresh->worker->snapshot);
	refresh->i_rule = refresh->i_server = 0;
	refresh->n_addrs = 0;
	refresh->failed = false;
	refresh->type = DNS_A;
	refresh->wait_ms = MAX_WAIT_MS;
	step(refresh);
}

struct refresh *refresh_new(struct worker *worker)
{
	struct refresh *refresh = calloc(1, sizeof(*refresh));

	if (!refresh)
		return NULL;
	refresh->worker = worker;
	if (worker->snapshot)
		refresh_restart(refresh);
	return refresh;
}

struct refresh *refresh_free(struct refresh *refresh)
{
	if (!refresh)
		return NULL;
	timer_stop(&refresh->timer);
	dns_cancel(&refresh->query);
	snapshot_unref(refresh->snapshot);
	free(refresh);
	return NULL;
}
