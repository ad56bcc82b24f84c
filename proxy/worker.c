#include "proxy/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/context.h"
#include "proxy/discovered_store.h"
#include "proxy/hearing.h"
#include "proxy/hang_up.h"
#include "proxy/hold.h"
#include "proxy/log_on.h"
#include "proxy/nat_watch.h"
#include "proxy/phone_watch.h"
#include "proxy/probe.h"
#include "proxy/refresh.h"
#include "proxy/registrar.h"
#include "proxy/rejudge.h"
#include "proxy/return_path.h"
#include "proxy/stun_door.h"

enum {
	N_REFUSALS_KEPT = 512,
	N_OTHERS_KEPT = 512,
	TICK_MS = 1000,
	SAVE_TICKS = 5,
	SAVE_DOMAINS = 100
};

/* ---- the snapshot ---- */

static void take_limits(struct worker *worker)
{
	const struct settings *settings = worker->snapshot->settings;
	const unsigned n_workers = worker->server->n_workers ? worker->server->n_workers : 1;
	struct transport_limits limits = {
		.message_bytes = settings->limits.message_size_bytes,
		.queue_bytes = 4 * 1024 * 1024,
		.connections = settings->limits.connections / n_workers + 1,
		.connect_ms = 5000,
		.handshake_ms = 8000,
		.first_message_ms = 30000,
		.idle_ms = 15 * 60 * 1000,
		.write_stall_ms = 20000,
		.all_queues_bytes = 64 * 1024 * 1024,
		.spare_idle_ms = 60 * 1000,
	};
	struct sip_timers timers = { .t1_ms = settings->sip.t1_ms,
				     .t2_ms = 8 * (uint64_t)settings->sip.t1_ms,
				     .t4_ms = 5000 };

	transport_set_limits(worker->transport, &limits);
	txn_table_set_timers(worker->txns, &timers);
}

static void take_resolvers(struct worker *worker)
{
	const struct settings_dns *from = &worker->snapshot->settings->dns;
	struct dns_settings settings = { .negative_ttl_ms = from->negative_ttl_ms };
	size_t i;

	for (i = 0; i < from->n_servers && i < COUNT(settings.servers); i++)
		addr_text(&from->servers[i], settings.servers[i]);
	settings.n_servers = (unsigned)i;
	if (dns_change(worker->dns, &settings))
		log_event(LOG_ERROR, "the resolvers stay as they were", "config", "dns.servers",
			  NULL);
}

/* True if a connection that came in, or was dialled, by this listener is still what the
 * configuration says. */
static bool is_served(const struct snapshot *snapshot, const struct listener *listener)
{
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++) {
		const struct listener *open = snapshot->open_listeners[i];

		if (addr_equal(&open->addr, &listener->addr) &&
		    open->transport == listener->transport &&
		    open->network == listener->network)
			return true;
	}
	return false;
}

/* True if the world sees the listener at another address than when the connection was made:
 * behind a NAT with a new address the packets of that connection lead nowhere, and nobody says
 * so. */
static bool has_moved(const struct snapshot *snapshot, const struct listener *listener)
{
	for (size_t i = 0; listener->is_seen_by_stun && i < snapshot->n_open_listeners; i++) {
		const struct listener *open = snapshot->open_listeners[i];

		if (open->is_seen_by_stun && addr_equal(&open->addr, &listener->addr) &&
		    open->transport == listener->transport)
			return strcmp(open->host, listener->host) != 0;
	}
	return false;
}

/* How many connections with its partner are allowed now. */
static unsigned max_of(const struct flow *flow, void *user)
{
	const struct worker *worker = user;
	const struct snapshot *snapshot = worker->snapshot;
	const struct rule *rule = rules_by_hash(
		snapshot->rules, record_route_end(worker->server->keys, flow->peer_name));

	return rule ? rule->max_connections : snapshot->settings->federation.max_connections;
}

/* A connection of a listener that is no more or is another now, one to a partner or backend
 * that is gone or switched off, and one whose peer was verified by other CAs, CRLs or rules
 * than now hold: they end. Datagrams have no connection: who waits for an answer by them still
 * gets it. */
static bool is_orphan(const struct flow *flow, void *user)
{
	const struct worker *worker = user;
	const struct snapshot *snapshot = worker->snapshot;

	if (!flow_is_reliable(flow))
		return false;
	if (!is_served(snapshot, flow->listener))
		return true;
	/* One by which a backend has logged on is the backend's to make anew. */
	if (!(flow->is_inbound && *flow->peer_name) && has_moved(snapshot, flow->listener))
		return true;
	if (flow->identity && strcmp(tls_trust_fingerprint(flow->listener->trust),
				     tls_trust_fingerprint(snapshot->tls_trust)) != 0)
		return true;
	if (flow->is_inbound && *flow->peer_name)
		/* a backend's, whose credentials were other ones */
		return !*log_on_of_flow(snapshot, flow, 0);
	return *flow->peer_name && !snapshot_has_peer(snapshot, flow->peer_name);
}

/* Likewise, and one too many by now, which is good in itself: it ends only when nobody needs
 * it. */
static bool is_leaving(const struct flow *flow, void *user)
{
	return is_orphan(flow, user) || (!flow->is_inbound && transport_is_withdrawn(flow));
}

/* Transactions that began by them end first, as far as transactions end. */
static void end_orphans(struct worker *worker)
{
	const uint64_t now_ms = loop_now_ms(worker->loop);

	if (!worker->orphans_until_ms)
		return;
	if (!transport_retire_if(worker->transport, is_leaving, worker, REASON_DRAINING)) {
		worker->orphans_until_ms = 0;
	} else if (now_ms >= worker->orphans_until_ms) {
		transport_close_if(worker->transport, is_orphan, worker, REASON_DRAINING);
		worker->orphans_until_ms = 0;
	}
}

void worker_take_snapshot(struct worker *worker, struct snapshot *snapshot)
{
	struct snapshot *old = worker->snapshot;

	if (transport_listen(worker->transport, snapshot->open_listeners,
			     (unsigned)snapshot->n_open_listeners)) {
		log_event(LOG_ERROR, "out of memory: the old configuration stays", NULL);
		snapshot_unref(snapshot);
		return;
	}
	worker->snapshot = snapshot;
	take_limits(worker);
	take_resolvers(worker);
	if (worker->probes)
		probes_restart(worker->probes);
	if (worker->refresh)
		refresh_restart(worker->refresh);
	if (worker->nat_watch)
		nat_watch_restart(worker->nat_watch);
	stun_door_restart(worker->stun_door);
	if (old) {
		worker->orphans_until_ms = loop_now_ms(worker->loop) +
					   64 * (uint64_t)snapshot->settings->sip.t1_ms;
		transport_withdraw_surplus(worker->transport, max_of, worker);
		end_orphans(worker);
		rejudge(worker);
	}
	snapshot_unref(old);
	__atomic_store_n(&worker->generation, snapshot->generation, __ATOMIC_RELEASE);
}

/* ---- letters ---- */

struct order {
	struct letter letter;
	struct snapshot *snapshot; /* NULL: another order */
	bool drain, rejudge, stop;
};

static void deliver_order(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);
	struct worker *worker = owner;

	if (order->snapshot)
		worker_take_snapshot(worker, order->snapshot);
	if (order->drain)
		worker->is_draining = true;
	if (order->rejudge)
		rejudge(worker);
	if (order->stop) {
		worker->is_stopping = true;
		loop_stop(worker->loop);
	}
	free(order);
}

static void post_order(struct worker *worker, const struct order *wanted)
{
	struct order *order = malloc(sizeof(*order));

	if (order) {
		*order = *wanted;
		order->letter.deliver = deliver_order;
		if (!mailbox_post(worker->mailbox, &order->letter))
			return;
	}
	free(order);
	snapshot_unref(wanted->snapshot);
	log_event(LOG_ERROR, "a worker could not be reached", "reason", err_text(ERR_LIMIT),
		  NULL);
}

void worker_post_snapshot(struct worker *worker, struct snapshot *snapshot)
{
	post_order(worker, &(struct order){ .snapshot = snapshot });
}

void worker_post_drain(struct worker *worker)
{
	post_order(worker, &(struct order){ .drain = true });
}

void worker_post_rejudge(struct worker *worker)
{
	post_order(worker, &(struct order){ .rejudge = true });
}

/* ---- life ---- */

/* Nobody must be asked for an approval to end, and what changed is written down bit by bit. */
static void watch_discovered(struct worker *worker, uint64_t now_ms)
{
	struct server *server = worker->server;

	discovered_set_clock(server->discovered, now_ms, loop_wall_us(worker->loop));
	discovered_tick(server->discovered, now_ms);
	if (worker->n_ticks++ % SAVE_TICKS == 0)
		discovered_store_save(server->discovered_store, SAVE_DOMAINS);
}

static void on_tick(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, tick);
	const uint64_t now_ms = loop_now_ms(worker->loop);

	worker->lag_ms[1] = worker->lag_ms[0];
	worker->lag_ms[0] = now_ms > worker->tick_due_ms ? now_ms - worker->tick_due_ms : 0;
	counter_observe(worker->counters, COUNTER_LOOP_LAG, 0, worker->lag_ms[0] * 1000);
	worker->tick_due_ms = now_ms + TICK_MS;
	end_orphans(worker);
	if (!worker->number && worker->snapshot) {
		registrar_tick(worker);
		phone_watch_tick(worker->phone_watch);
		watch_discovered(worker, now_ms);
	}
	timer_start(worker->loop, timer, TICK_MS, on_tick);
}

static enum err make_parts(struct worker *worker)
{
	const struct transport_user user = hearing_user(worker);
	struct dns_settings dns_settings = { .negative_ttl_ms = 30000 };
	enum err err;

	err = mailbox_new(worker->loop, worker, &worker->mailbox);
	if (!err)
		err = decision_ring_new(N_REFUSALS_KEPT, N_OTHERS_KEPT, &worker->decisions);
	if (!err)
		err = handshakes_new(&worker->handshakes);
	if (!err)
		err = media_records_new(&worker->media_records);
	if (!err)
		err = transport_new(worker->loop, worker->number, &user, worker->counters,
				    &worker->transport);
	if (!err)
		transport_share(worker->transport, worker->server->roll);
	if (!err)
		err = txn_table_new(worker->loop, worker->transport, worker->number,
				    &worker->txns);
	if (!err && !worker->dns)
		err = dns_new(worker->loop, &dns_settings, &worker->dns);
	if (err)
		return err;
	txn_table_set_counters(worker->txns, worker->counters);
	dns_set_counters(worker->dns, worker->counters);
	return ERR_OK;
}

enum err worker_new(struct server *server, unsigned number, struct loop *loop,
		    struct worker **out)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	enum err err;

	if (!worker)
		return ERR_NO_MEMORY;
	worker->server = server;
	worker->number = number;
	worker->counters = server->counters[number];
	list_init(&worker->contexts);
	list_init(&worker->trips);
	list_init(&worker->lines);
	list_init(&worker->hang_ups);
	worker->loop = loop;
	worker->owns_loop = !loop;
	err = loop ? ERR_OK : loop_new(&worker->loop);
	if (!err)
		err = make_parts(worker);
	if (!err && number == 0) {
		worker->probes = probes_new(worker);
		worker->refresh = refresh_new(worker);
		worker->nat_watch = nat_watch_new(worker);
		worker->phone_watch = phone_watch_new(worker);
		if (!worker->probes || !worker->refresh || !worker->nat_watch ||
		    !worker->phone_watch)
			err = ERR_NO_MEMORY;
	}
	if (!err) {
		worker->stun_door = stun_door_new(worker);
		if (!worker->stun_door)
			err = ERR_NO_MEMORY;
	}
	if (err) {
		worker_free(worker);
		return err;
	}
	worker->tick_due_ms = loop_now_ms(worker->loop) + TICK_MS;
	timer_start(worker->loop, &worker->tick, TICK_MS, on_tick);
	*out = worker;
	return ERR_OK;
}

static void *run(void *arg)
{
	struct worker *worker = arg;

	loop_run(worker->loop);
	return NULL;
}

enum err worker_start(struct worker *worker)
{
	if (pthread_create(&worker->thread, NULL, run, worker))
		return ERR_LIMIT;
	worker->has_thread = true;
	return ERR_OK;
}

void worker_stop(struct worker *worker)
{
	if (!worker || !worker->has_thread)
		return;
	post_order(worker, &(struct order){ .stop = true });
	pthread_join(worker->thread, NULL);
	worker->has_thread = false;
}

struct worker *worker_free(struct worker *worker)
{
	struct list *link, *following;

	if (!worker)
		return NULL;
	worker->is_stopping = true;
	timer_stop(&worker->tick);
	worker->probes = probes_free(worker->probes);
	worker->refresh = refresh_free(worker->refresh);
	worker->nat_watch = nat_watch_free(worker->nat_watch);
	worker->phone_watch = phone_watch_free(worker->phone_watch);
	worker->stun_door = stun_door_free(worker->stun_door);
	list_for_each(link, following, &worker->contexts)
		context_abort(container_of(link, struct context, link));
	return_path_abort(worker);
	hold_abort(worker);
	hang_up_abort(worker);
	txn_table_free(worker->txns);
	transport_free(worker->transport);
	dns_free(worker->dns);
	mailbox_free(worker->mailbox);
	decision_ring_free(worker->decisions);
	handshakes_free(worker->handshakes);
	media_records_free(worker->media_records);
	snapshot_unref(worker->snapshot);
	if (worker->owns_loop)
		loop_free(worker->loop);
	free(worker);
	return NULL;
}
