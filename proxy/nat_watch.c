#include "proxy/nat_watch.h"

#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "nat/nat_detect.h"
#include "nat/public_monitor.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/readvertise.h"

enum { MIN_WAIT_MS = 5000, MAX_WAIT_MS = 300000 };

struct nat_watch {
	struct worker *worker;
	struct snapshot *snapshot; /* counted: whose names are walked over */
	struct public_monitor *monitor;
	/* The names, one after the other: A first, then AAAA. */
	struct settings_text names[SETTINGS_MAX_STUN_SERVERS];
	size_t n_names, i_name;
	enum dns_type type;
	struct dns_query query;
	struct public_server servers[PUBLIC_MAX_SERVERS];
	size_t n_servers;
	bool has_failed; /* a resolver: what was known stays */
	uint64_t wait_ms;
	struct timer timer;
	/* The kind of NAT. */
	struct nat_detect *detect;
	struct addr bind;
	bool is_due; /* as soon as the servers are known */
};

static void step(struct nat_watch *watch);

/* ---- the kind of NAT ---- */

/* The listener that the NAT matters most to: one that advertises by STUN, else one of the
 * wan. */
static const struct listener *listener_for_look(const struct snapshot *snapshot)
{
	const struct listener *best = NULL;

	for (size_t i = 0; i < snapshot->settings->n_listeners; i++) {
		const struct listener *listener = snapshot->listeners[i];

		if (!listener)
			continue;
		if (snapshot->settings->listeners[i].advertises_stun)
			return listener;
		if (!best || (best->network != NETWORK_WAN && listener->network == NETWORK_WAN))
			best = listener;
	}
	return best;
}

static void log_verdict(const struct nat_verdict *verdict)
{
	char address[ADDR_TEXT_SIZE] = "";

	if (addr_is_set(&verdict->address))
		addr_host(&verdict->address, address);
	log_event(LOG_INFO, verdict->is_inconclusive ? "NAT: inconclusive" : "NAT", "msg",
		  nat_type_text(verdict->type), "target", address, "reason", verdict->reason,
		  NULL);
}

static void on_looked(void *user, const struct nat_observation *observations, size_t n,
		      const struct nat_verdict *verdict)
{
	struct nat_watch *watch = user;

	watch->detect = NULL;
	nat_record_end(watch->worker->server->nat_record, &watch->bind, observations, n,
		       verdict, loop_wall_us(watch->worker->loop));
	log_verdict(verdict);
}

static size_t servers_of_family(const struct nat_watch *watch, bool is_ipv6,
				struct nat_server *out)
{
	size_t n = 0;

	for (size_t i = 0; i < watch->n_servers && n < NAT_MAX_SERVERS; i++) {
		if (addr_is_ipv6(&watch->servers[i].addr) != is_ipv6)
			continue;
		text_copy(out[n].name, sizeof(out[n].name), watch->servers[i].name);
		out[n++].addr = watch->servers[i].addr;
	}
	return n;
}

static void look(struct nat_watch *watch)
{
	const struct listener *listener = listener_for_look(watch->snapshot);
	struct nat_server servers[NAT_MAX_SERVERS] = { 0 };
	struct worker *worker = watch->worker;
	size_t n;

	watch->is_due = false;
	if (watch->detect)
		return;
	if (!listener) {
		nat_record_abandon(worker->server->nat_record);
		return;
	}
	watch->bind = listener->addr;
	addr_set_port(&watch->bind, 0);
	n = servers_of_family(
		watch, addr_is_ipv6(&watch->bind) && !addr_is_wildcard(&watch->bind), servers);
	nat_record_begin(worker->server->nat_record, loop_wall_us(worker->loop));
	if (nat_detect_start(worker->loop,
			     worker->server->nat_ways ? worker->server->nat_ways
						      : &nat_detect_sockets,
			     &watch->bind, servers, n, on_looked, watch, &watch->detect))
		nat_record_abandon(worker->server->nat_record);
}

/* ---- what the monitor says ---- */

static enum err send_by_listener(void *user, const char *name, const struct addr *to,
				 const void *bytes, size_t len)
{
	struct nat_watch *watch = user;
	const struct snapshot *snapshot = watch->worker->snapshot;
	struct flow *flow = NULL;
	struct wire *wire;
	enum err err = ERR_NO_MEMORY;

	for (size_t i = 0; i < snapshot->n_open_listeners && !flow; i++)
		if (strcmp(snapshot->open_listeners[i]->name, name) == 0)
			flow = transport_udp_flow(watch->worker->transport,
						  snapshot->open_listeners[i], to);
	if (!flow)
		return ERR_CLOSED;
	wire = wire_copy(bytes, len);
	if (wire)
		err = flow_send(flow, wire);
	wire_unref(wire);
	flow_unref(flow);
	return err;
}

static void on_heard(void *user, const struct public_wish *wish, const struct addr *addr,
		     const char *server_name)
{
	struct nat_watch *watch = user;
	struct worker *worker = watch->worker;
	struct server *server = worker->server;
	char text[ADDR_TEXT_SIZE];

	counter_add1(worker->counters, COUNTER_STUN_CHECKS, COUNTER_STUN_ANSWERED, 1);
	addr_text(addr, text);
	switch (public_addresses_heard(server->public_addresses, wish->listener, wish->network,
				       addr, server_name, loop_wall_us(worker->loop))) {
	case PUBLIC_SAME:
		return;
	case PUBLIC_FIRST:
		log_event(LOG_INFO, "public address found", "listener", wish->listener,
			  "target", text, "peer", server_name, NULL);
		break;
	case PUBLIC_CHANGED:
		log_event(LOG_WARNING, "public address changed", "listener", wish->listener,
			  "target", text, "peer", server_name, NULL);
		look(watch);
		break;
	case PUBLIC_BACK:
		log_event(LOG_INFO, "STUN servers answer again", "listener", wish->listener,
			  "target", text, "peer", server_name, NULL);
		return;
	case PUBLIC_NOT_KEPT:
		log_event(LOG_ERROR, "out of memory: the public address is not kept",
			  "listener", wish->listener, NULL);
		return;
	}
	readvertise_post(server);
}

static void on_silent(void *user, const struct public_wish *wish)
{
	struct nat_watch *watch = user;
	struct worker *worker = watch->worker;

	counter_add1(worker->counters, COUNTER_STUN_CHECKS, COUNTER_STUN_SILENT, 1);
	if (public_addresses_silent(worker->server->public_addresses, wish->listener,
				    wish->network, loop_wall_us(worker->loop)))
		log_event(LOG_WARNING,
			  "no STUN server answers: the public address is not watched",
			  "listener", wish->listener, NULL);
}

/* ---- names ---- */

static void keep(struct nat_watch *watch, const struct addr *addr)
{
	const char *name = watch->names[watch->i_name].text;
	struct public_server *server = &watch->servers[watch->n_servers];
	char host[VALUE_HOST_SIZE];
	uint16_t port = 0;

	if (watch->n_servers == PUBLIC_MAX_SERVERS || value_host_port(name, host, NULL, &port))
		return;
	text_copy(server->name, sizeof(server->name), name);
	server->addr = *addr;
	addr_set_port(&server->addr, port ? port : STUN_PORT);
	watch->n_servers++;
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer)
{
	struct nat_watch *watch = container_of(query, struct nat_watch, query);

	switch (answer->status) {
	case DNS_FOUND:
		if (answer->n)
			keep(watch, &answer->addrs[0]);
		if (answer->ttl_s * 1000ULL < watch->wait_ms)
			watch->wait_ms = answer->ttl_s * 1000ULL;
		break;
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		break;
	case DNS_SERVER_FAILED:
	case DNS_TIMEOUT:
		watch->has_failed = true;
		watch->wait_ms = MIN_WAIT_MS;
		break;
	}
	watch->i_name += watch->type == DNS_AAAA;
	watch->type = watch->type == DNS_A ? DNS_AAAA : DNS_A;
	step(watch);
}

static void on_timer(struct timer *timer)
{
	struct nat_watch *watch = container_of(timer, struct nat_watch, timer);

	watch->i_name = watch->n_servers = 0;
	watch->has_failed = false;
	watch->wait_ms = MAX_WAIT_MS;
	step(watch);
}

/* The relays of calls ask them, too. */
static void publish_servers(const struct nat_watch *watch)
{
	struct addr addrs[PUBLIC_MAX_SERVERS];

	for (size_t i = 0; i < watch->n_servers; i++)
		addrs[i] = watch->servers[i].addr;
	public_addresses_set_servers(watch->worker->server->public_addresses, addrs,
				     watch->n_servers);
}

/* All names are through. Where a resolver failed and left us with nothing, those that were
 * known go on being asked. */
static void finish(struct nat_watch *watch)
{
	if (watch->n_servers || !watch->has_failed) {
		public_monitor_set_servers(watch->monitor, watch->servers, watch->n_servers);
		publish_servers(watch);
	}
	if (watch->is_due && (watch->n_servers || !watch->has_failed))
		look(watch);
	if (!watch->n_names)
		return;
	timer_start(watch->worker->loop, &watch->timer,
		    watch->wait_ms < MIN_WAIT_MS ? MIN_WAIT_MS : watch->wait_ms, on_timer);
}

/* Asks for the next name. */
static void step(struct nat_watch *watch)
{
	for (; watch->i_name < watch->n_names; watch->i_name++) {
		char host[VALUE_HOST_SIZE];
		struct addr addr;
		uint16_t port;

		if (value_host_port(watch->names[watch->i_name].text, host, &addr, &port))
			continue;
		if (addr_is_set(&addr)) {
			keep(watch, &addr);
			continue;
		}
		dns_ask(watch->worker->dns, &watch->query, host, watch->type,
			watch->snapshot->settings->dns.budget_ms, on_answer);
		return;
	}
	finish(watch);
}

/* ---- life ---- */

static bool is_wanted(void *user, const char *listener)
{
	const struct settings *settings = user;

	for (size_t i = 0; i < settings->n_listeners; i++)
		if (settings->listeners[i].advertises_stun &&
		    settings->listeners[i].is_enabled &&
		    strcmp(settings->listeners[i].name, listener) == 0)
			return true;
	return false;
}

static void watch_listeners(struct nat_watch *watch)
{
	const struct snapshot *snapshot = watch->snapshot;
	const struct settings *settings = snapshot->settings;
	struct public_wish *wishes = calloc(settings->n_listeners + 1, sizeof(*wishes));
	size_t n = 0;

	for (size_t i = 0; wishes && i < settings->n_listeners; i++) {
		const struct listener *listener = snapshot->listeners[i];

		if (!listener || !settings->listeners[i].advertises_stun)
			continue;
		text_copy(wishes[n].listener, sizeof(wishes[n].listener), listener->name);
		wishes[n].network = listener->network;
		wishes[n].is_udp = listener->transport == TRANSPORT_UDP;
		wishes[n++].addr = listener->addr;
	}
	if (!wishes ||
	    public_monitor_watch(watch->monitor, wishes, n, settings->nat.monitor_ms))
		log_event(LOG_ERROR, "out of memory: public addresses are not watched", NULL);
	free(wishes);
	public_addresses_prune(watch->worker->server->public_addresses, is_wanted,
			       snapshot->settings);
}

static bool has_same_names(const struct nat_watch *watch, const struct settings_text *names,
			   size_t n)
{
	for (size_t i = 0; i < n && i < watch->n_names; i++)
		if (strcmp(names[i].text, watch->names[i].text) != 0)
			return false;
	return n == watch->n_names;
}

void nat_watch_restart(struct nat_watch *watch)
{
	struct snapshot *before = watch->snapshot;
	struct settings_text names[SETTINGS_MAX_STUN_SERVERS];
	size_t n;

	watch->snapshot = snapshot_ref(watch->worker->snapshot);
	n = settings_stun_servers(watch->snapshot->settings, names, COUNT(names));
	watch_listeners(watch);
	if (!before || !has_same_names(watch, names, n)) {
		timer_stop(&watch->timer);
		dns_cancel(&watch->query);
		watch->type = DNS_A;
		watch->is_due = true;
		watch->n_names = n;
		memcpy(watch->names, names, n * sizeof(names[0]));
		if (n || before)
			timer_start(watch->worker->loop, &watch->timer, 0, on_timer);
	} else {
		/* The same names, in the memory of the new snapshot. */
		memcpy(watch->names, names, n * sizeof(names[0]));
	}
	snapshot_unref(before);
}

struct nat_watch *nat_watch_new(struct worker *worker)
{
	struct nat_watch *watch = calloc(1, sizeof(*watch));
	const struct public_monitor_user user = {
		.user = watch,
		.send = send_by_listener,
		.on_heard = on_heard,
		.on_silent = on_silent,
		.asked = worker->server->stun_asked,
	};

	if (!watch)
		return NULL;
	watch->worker = worker;
	if (public_monitor_new(worker->loop, &user, &watch->monitor)) {
		free(watch);
		return NULL;
	}
	if (worker->snapshot)
		nat_watch_restart(watch);
	return watch;
}

struct nat_watch *nat_watch_free(struct nat_watch *watch)
{
	if (!watch)
		return NULL;
	timer_stop(&watch->timer);
	dns_cancel(&watch->query);
	nat_detect_cancel(watch->detect);
	public_monitor_free(watch->monitor);
	snapshot_unref(watch->snapshot);
	free(watch);
	return NULL;
}

void nat_watch_receive(struct nat_watch *watch, const char *listener, const struct addr *from,
		       const void *bytes, size_t len)
{
	/* what nobody asked for is dropped */
	(void)public_monitor_receive(watch->monitor, listener, from, bytes, len);
}

struct wish {
	struct letter letter;
};

static void deliver(struct letter *letter, void *owner)
{
	struct worker *worker = owner;

	free(container_of(letter, struct wish, letter));
	if (!worker->nat_watch || worker->is_stopping)
		return;
	/* While names are looked up the look follows them. */
	if (worker->nat_watch->query.is_active)
		worker->nat_watch->is_due = true;
	else
		look(worker->nat_watch);
}

bool nat_watch_post_look(struct server *server)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	if (!wish || !server->n_workers)
		goto fail;
	wish->letter.deliver = deliver;
	if (mailbox_post(server->workers[0]->mailbox, &wish->letter))
		goto fail;
	return true;

fail:
	free(wish);
	return false;
}
