#include "proxy/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/own_request.h"
#include "routing/locate.h"

/* One partner or backend that is probed: each of its servers in turn, then a pause. */
struct probe {
	struct probes *probes;
	const struct rule *rule;
	struct target target;
	struct timer timer; /* of the pause, or of the answer that is waited for */
	struct locate *locate;
	struct hop *hops;
	bool have_answered[LOCATE_MAX_HOPS]; /* hops, in this round */
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

/* In which there is to be an answer: long before Timer F, as calls wait for the verdict; three
 * repeats of a datagram fit into it (RFC 3261 §17.1.2.2). */
static uint64_t answer_ms(const struct probe *probe)
{
	return 8 * (uint64_t)probe->probes->snapshot->settings->sip.t1_ms;
}

static void take_pause(struct probe *probe)
{
	timer_start(probe->probes->worker->loop, &probe->timer, probe->rule->probe_ms,
		    on_timer);
}

/* It costs a request its time to find out whether the server is back. */
static bool is_silence(enum reason reason)
{
	return reason == REASON_NO_ANSWER || reason == REASON_CONNECT_TIMEOUT;
}

/* A dead server need not be tried by requests: another one answered, or it is a backend that
 * says nothing at all, for which its users would wait in vain, where 503 lets them go on. */
static bool shall_rest(const struct probe *probe, const struct health_view *view,
		       bool has_answer)
{
	return view->state == HEALTH_DOWN &&
	       (has_answer || (probe->rule->backend && is_silence(view->last_reason)));
}

/* The round is over. What shall rest does so until it was asked again; the others are tried by
 * requests as ever. */
static void end_round(struct probe *probe)
{
	const uint64_t until_ms = loop_now_ms(probe->probes->worker->loop) +
				  probe->rule->probe_ms +
				  (probe->n_hops + 1) * answer_ms(probe);
	bool has_answer = false;
	struct health_view view;

	for (size_t i = 0; i < probe->n_hops; i++)
		has_answer |= probe->have_answered[i];
	for (size_t i = 0; i < probe->n_hops; i++) {
		if (probe->have_answered[i] || !probe->hops[i].health)
			continue;
		health_look(probe->hops[i].health, &view);
		if (shall_rest(probe, &view, has_answer))
			health_rest(probe->hops[i].health, until_ms, view.last_reason);
	}
	take_pause(probe);
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
	memset(probe->have_answered, 0, sizeof(probe->have_answered));
}

/* The domain; a backend without any is asked by its own address. */
static void print_to(const struct probe *probe, const struct hop *hop, char out[256])
{
	const bool is_ipv6 = strchr(hop->host, ':') != NULL;

	if (*probe->rule->to_domain)
		snprintf(out, 256, "%.253s", probe->rule->to_domain);
	else
		snprintf(out, 256, "%s%.253s%s", is_ipv6 ? "[" : "", hop->host,
			 is_ipv6 ? "]" : "");
}

/* The verdict on the server that was asked last; on to the next one. */
static void conclude(struct probe *probe, enum reason failure)
{
	struct health *health = probe->hops[probe->next - 1].health;
	const uint64_t now_ms = loop_now_ms(probe->probes->worker->loop);

	probe->have_answered[probe->next - 1] = failure == REASON_NONE;
	if (failure)
		health_failed(health, failure, now_ms);
	else
		health_succeeded(health, now_ms);
	client_txn_detach(probe->txn);
	probe->txn = NULL;
	try_next(probe);
}

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	const int status = response->sip->sip_status->st_status;
	struct probe *probe = user;
	struct worker *worker = probe->probes->worker;

	if (status < 200)
		return;
	peer_stats_probed(worker->server->peer_stats, probe->rule->id,
			  loop_wall_us(worker->loop) - probe->sent_us);
	/* Whatever it answers, it is there; only 503 says that it cannot serve. */
	conclude(probe, status == 503 ? REASON_NEXT_HOP_503 : REASON_NONE);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	conclude(user, reason);
}

/* The transaction goes on by itself until Timer F; what comes late is not heard. */
static void on_no_answer(struct timer *timer)
{
	conclude(container_of(timer, struct probe, timer), REASON_NO_ANSWER);
}

static void on_ended(void *user, struct client_txn *txn)
{
	struct probe *probe = user;

	probe->txn = NULL;
	end_round(probe);
}

/* The host names are those of the certificate, as some partners want them. */
static enum err send_to(struct probe *probe, const struct hop *hop)
{
	const struct client_txn_user user = { .user = probe,
					      .on_response = on_response,
					      .on_failure = on_failure,
					      .on_ended = on_ended };
	struct worker *worker = probe->probes->worker;
	char to[256];
	msg_t *msg;
	enum err err;

	print_to(probe, hop, to);
	err = own_request_options(probe->probes->snapshot->settings, hop, to, &msg);
	if (err)
		return err;
	probe->sent_us = loop_wall_us(worker->loop);
	err = own_request_send(worker, msg, hop, &user, &probe->txn);
	message_unref(msg);
	return err;
}

static void try_next(struct probe *probe)
{
	while (probe->next < probe->n_hops) {
		if (send_to(probe, &probe->hops[probe->next++]))
			continue;
		timer_start(probe->probes->worker->loop, &probe->timer, answer_ms(probe),
			    on_no_answer);
		return;
	}
	end_round(probe);
}

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct probe *probe = user;

	probe->locate = NULL;
	peer_stats_looked_up(probe->probes->worker->server->peer_stats, probe->rule->id,
			     reason);
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
	probe->locate = locate_start(worker->loop, worker->dns, worker->server->health,
				     worker->server->location, &probe->target,
				     probe->probes->snapshot->settings->dns.budget_ms,
				     on_located, probe);
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

		if (!rule->probe_ms)
			continue;
		probe->probes = probes;
		probe->rule = rule;
		/* Spread over the interval, so that a hundred partners are not asked at
		 * once. */
		timer_start(probes->worker->loop, &probe->timer,
			    random_u64() % (rule->probe_ms / 4 + 1), on_timer);
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
