#include "proxy/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/sip/via.h"
#include "proxy/transaction/client_txn.h"
#include "routing/locate.h"

/* One partner that is probed: each of its servers in turn, then a pause. */
struct probe {
	struct probes *probes;
	const struct rule *rule;
	struct target target;
	struct timer timer;
	struct locate *locate;
	struct hop *hops;
	size_t n_hops, next;
	struct client_txn *txn;
	uint64_t sent_us; /* wall clock */
};

struct probes {
	struct worker *worker;
	struct snapshot *snapshot;
	struct probe *list;
	size_t n;
};

static void try_next(struct probe *probe);
static void on_timer(struct timer *timer);

static void take_pause(struct probe *probe)
{
	timer_start(probe->probes->worker->loop, &probe->timer, probe->rule->route->probe_ms,
		    on_timer);
}

static void probe_reset(struct probe *probe)
{
	locate_cancel(probe->locate);
	probe->locate = NULL;
	client_txn_detach(probe->txn);
	probe->txn = NULL;
	free(probe->hops);
	probe->hops = NULL;
	probe->n_hops = probe->next = 0;
}

/* RFC 3261 §11.1. The host names are those of the certificate, as some partners want them. */
static enum err make(const struct probe *probe, const struct hop *hop, msg_t **out)
{
	const struct settings *settings = probe->probes->snapshot->settings;
	const char *from = settings->n_domains ? settings->domains[0].name : hop->listener->host;
	const char *to = probe->rule->route->domain;
	char tag[17], call_id[25], text[2048];
	int len;

	if (text_starts_with(to, "*."))
		to += 2;
	random_token(tag, sizeof(tag) - 1);
	random_token(call_id, sizeof(call_id) - 1);
	len = snprintf(text, sizeof(text),
		       "OPTIONS sip:%.253s SIP/2.0\r\n"
		       "Via: SIP/2.0/TCP placeholder.invalid;branch=z9hG4bK-none\r\n"
		       "Max-Forwards: 70\r\n"
		       "From: <sip:%.253s>;tag=%s\r\n"
		       "To: <sip:%.253s>\r\n"
		       "Call-ID: %s@%.253s\r\n"
		       "CSeq: 1 OPTIONS\r\n"
		       "Contact: <sip:%.271s>\r\n"
		       "Content-Length: 0\r\n\r\n",
		       to, from, tag, to, call_id, from, hop->listener->sent_by);
	if (len < 0 || (size_t)len >= sizeof(text))
		return ERR_TOO_LARGE;
	return message_parse(text, (size_t)len, out);
}

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	struct probe *probe = user;
	struct worker *worker = probe->probes->worker;

	if (response->sip->sip_status->st_status < 200)
		return;
	/* Whatever it answers, it is there; only 503 says that it cannot serve. */
	if (response->sip->sip_status->st_status == 503)
		health_failed(probe->hops[probe->next - 1].health, REASON_NEXT_HOP_503,
			      loop_now_ms(worker->loop));
	else
		health_succeeded(probe->hops[probe->next - 1].health, loop_now_ms(worker->loop));
	peer_stats_probed(worker->server->peer_stats, probe->rule->id, loop_wall_us(worker->loop) - probe->sent_us);
	client_txn_detach(txn);
	probe->txn = NULL;
	try_next(probe);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct probe *probe = user;

	health_failed(probe->hops[probe->next - 1].health, reason,
		      loop_now_ms(probe->probes->worker->loop));
	client_txn_detach(txn);
	probe->txn = NULL;
	try_next(probe);
}

static void on_ended(void *user, struct client_txn *txn)
{
	struct probe *probe = user;

	probe->txn = NULL;
	take_pause(probe);
}

static enum err send_to(struct probe *probe, const struct hop *hop)
{
	struct worker *worker = probe->probes->worker;
	struct client_txn_user user = { .user = probe, .on_response = on_response,
					.on_failure = on_failure, .on_ended = on_ended };
	static const char *const words[] = { [TRANSPORT_UDP] = "UDP", [TRANSPORT_TCP] = "TCP",
					     [TRANSPORT_TLS] = "TLS", [TRANSPORT_MTLS] = "TLS" };
	char branch[TXN_BRANCH_SIZE];
	struct wire *wire = NULL;
	msg_t *msg;
	enum err err = make(probe, hop, &msg);

	if (err)
		return err;
	via_pop(msg);
	txn_table_branch(worker->txns, "", branch);
	probe->sent_us = loop_wall_us(worker->loop);
	err = via_push(msg, words[hop->transport], hop->listener->sent_by, branch);
	if (!err)
		err = message_print(msg, &wire);
	if (!err)
		err = client_txn_start(worker->txns, msg, wire, branch, hop, &user, &probe->txn);
	wire_unref(wire);
	message_unref(msg);
	return err;
}

static void try_next(struct probe *probe)
{
	while (probe->next < probe->n_hops)
		if (!send_to(probe, &probe->hops[probe->next++]))
			return;
	take_pause(probe);
}

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct probe *probe = user;

	probe->locate = NULL;
	peer_stats_looked_up(probe->probes->worker->server->peer_stats, probe->rule->id, reason);
	probe->hops = n_hops ? malloc(n_hops * sizeof(*hops)) : NULL;
	if (probe->hops) {
		memcpy(probe->hops, hops, n_hops * sizeof(*hops));
		probe->n_hops = n_hops;
	}
	try_next(probe);
}

static void on_timer(struct timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, timer);
	struct worker *worker = probe->probes->worker;

	probe_reset(probe);
	probe->target = (struct target){ .rule = probe->rule };
	probe->locate = locate_start(worker->loop, worker->dns, worker->server->health, &probe->target,
				     probe->probes->snapshot->settings->dns.budget_ms, on_located,
				     probe);
	if (!probe->locate)
		take_pause(probe);
}

static void stop(struct probes *probes)
{
	size_t i;

	for (i = 0; i < probes->n; i++) {
		timer_stop(&probes->list[i].timer);
		probe_reset(&probes->list[i]);
	}
	free(probes->list);
	probes->list = NULL;
	probes->n = 0;
	probes->snapshot = snapshot_unref(probes->snapshot);
}

void probes_restart(struct probes *probes)
{
	const struct rules *rules = probes->worker->snapshot->rules;
	size_t i;

	stop(probes);
	probes->snapshot = snapshot_ref(probes->worker->snapshot);
	probes->list = calloc(rules_count(rules) + 1, sizeof(*probes->list));
	for (i = 0; probes->list && i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);
		struct probe *probe = &probes->list[probes->n];

		if (!rule->route || !rule->route->probe_ms || !rule->route->is_enabled ||
		    !probes->snapshot->settings->partners.is_enabled)
			continue;
		probe->probes = probes;
		probe->rule = rule;
		/* Spread over the interval, so that a hundred partners are not asked at once. */
		timer_start(probes->worker->loop, &probe->timer,
			    random_u64() % (rule->route->probe_ms / 4 + 1), on_timer);
		probes->n++;
	}
}

struct probes *probes_new(struct worker *worker)
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return NULL;
	probes->worker = worker;
	if (worker->snapshot)
		probes_restart(probes);
	return probes;
}

struct probes *probes_free(struct probes *probes)
{
	if (!probes)
		return NULL;
	stop(probes);
	free(probes);
	return NULL;
}
