#include "nat/public_monitor.h"

#include <stdlib.h>
#include <string.h>

#include "nat/stun_socket.h"
#include "nat/stun_tcp.h"

enum { TCP_TIMEOUT_MS = 3000 };

/* Silence of one server is certain after 5.5 s: then the next one is asked. */
static const struct stun_patience patience = { .rto_ms = 500, .n_requests = 4, .last_wait = 4 };

struct watch {
	struct list link;
	struct public_monitor *monitor;
	struct public_wish wish;
	struct stun_client client; /* UDP: by the listener's socket */
	struct stun_socket socket; /* streams */
	struct stun_query query;
	struct stun_tcp tcp;
	struct timer timer;
	uint64_t began_ms;   /* of the round */
	unsigned i_server;   /* who is asked */
	unsigned n_tried;    /* in this round */
	bool prefers_tcp;    /* it answered where UDP was silent */
	struct addr last;    /* what was told; unset: nothing yet */
	struct addr pending; /* heard once, and another than last: it is asked for again */
};

struct public_monitor {
	struct loop *loop;
	struct public_monitor_user user;
	struct list watches;
	struct public_server servers[PUBLIC_MAX_SERVERS];
	unsigned n_servers;
	bool was_told; /* who the servers are: before that nobody can be silent */
	uint64_t interval_ms;
};

static void ask(struct watch *watch);

static enum err send_by_listener(void *user, const struct addr *to, const void *bytes,
				 size_t len)
{
	struct watch *watch = user;

	return watch->monitor->user.send(watch->monitor->user.user, watch->wish.listener, to,
					 bytes, len);
}

static void begin_round(struct watch *watch)
{
	watch->began_ms = loop_now_ms(watch->monitor->loop);
	watch->n_tried = 0;
	watch->pending = (struct addr){ 0 };
	ask(watch);
}

static void on_timer(struct timer *timer)
{
	begin_round(container_of(timer, struct watch, timer));
}

static void end_round(struct watch *watch)
{
	struct public_monitor *monitor = watch->monitor;
	const uint64_t took_ms = loop_now_ms(monitor->loop) - watch->began_ms;

	stun_socket_close(&watch->socket);
	timer_start(monitor->loop, &watch->timer,
		    took_ms < monitor->interval_ms ? monitor->interval_ms - took_ms : 1,
		    on_timer);
}

/* A changed address ends what stands on the old one, so nobody is told of it on one packet's
 * word. */
static void hear(struct watch *watch, const struct addr *seen)
{
	const struct public_monitor_user *user = &watch->monitor->user;
	struct addr addr = *seen;

	if (!watch->wish.is_udp)
		addr_set_port(&addr, addr_port(&watch->wish.addr));
	if (addr_is_set(&watch->last) && !addr_equal(&watch->last, &addr) &&
	    !(addr_is_set(&watch->pending) && addr_equal(&watch->pending, &addr))) {
		watch->pending = addr;
		ask(watch);
		return;
	}
	watch->last = addr;
	end_round(watch);
	user->on_heard(user->user, &watch->wish, &addr,
		       watch->monitor->servers[watch->i_server].name);
}

static void try_next(struct watch *watch)
{
	watch->i_server++;
	watch->n_tried++;
	ask(watch);
}

static void on_tcp(struct stun_tcp *tcp)
{
	struct watch *watch = container_of(tcp, struct watch, tcp);
	const bool was_preferred = watch->prefers_tcp;

	watch->prefers_tcp = tcp->outcome == STUN_TCP_ANSWERED;
	if (watch->prefers_tcp)
		hear(watch, &tcp->mapped);
	else if (was_preferred)
		ask(watch); /* by UDP, as at first */
	else
		try_next(watch);
}

static void ask_by_tcp(struct watch *watch, const struct public_server *server)
{
	stun_tcp_ask(&watch->tcp, watch->monitor->loop, &watch->wish.addr, &server->addr,
		     TCP_TIMEOUT_MS, on_tcp);
}

static void on_answer(struct stun_query *query, const struct stun_answer *answer)
{
	struct watch *watch = container_of(query, struct watch, query);
	const struct public_monitor *monitor = watch->monitor;

	if (answer->outcome == STUN_ANSWERED)
		hear(watch, &answer->mapped);
	else if (!watch->wish.is_udp &&
		 watch->i_server <
			 monitor->n_servers) /* UDP may be blocked, and TCP is what counts */
		ask_by_tcp(watch, &monitor->servers[watch->i_server]);
	else
		try_next(watch);
}

/* Whether the listener can reach it: one that is bound to all addresses is asked about by IPv4,
 * where NATs are. */
static bool suits(const struct watch *watch, const struct public_server *server)
{
	return addr_is_ipv6(&server->addr) ==
	       (addr_is_ipv6(&watch->wish.addr) && !addr_is_wildcard(&watch->wish.addr));
}

/* The client by which to is asked; NULL if there is no way. */
static struct stun_client *client_for(struct watch *watch, const struct addr *to)
{
	struct addr local = watch->wish.addr;

	if (watch->wish.is_udp)
		return &watch->client;
	stun_socket_close(&watch->socket);
	addr_set_port(&local, 0);
	if (stun_socket_source(&local, to, &local) != ERR_OK ||
	    stun_socket_open(&watch->socket, watch->monitor->loop, &local) != ERR_OK)
		return NULL;
	return &watch->socket.client;
}

/* The next server that can be asked; when all were, the round is over. */
static void ask(struct watch *watch)
{
	const struct public_monitor *monitor = watch->monitor;

	for (; watch->n_tried < monitor->n_servers; watch->n_tried++, watch->i_server++) {
		if (watch->i_server >= monitor->n_servers)
			watch->i_server = 0;
		const struct public_server *server = &monitor->servers[watch->i_server];
		const struct stun_question question = { .to = server->addr,
							.patience = patience };
		struct stun_client *client;

		if (!suits(watch, server))
			continue;
		if (watch->prefers_tcp) {
			ask_by_tcp(watch, server);
			return;
		}
		client = client_for(watch, &server->addr);
		if (!client)
			continue;
		stun_ask(client, &watch->query, &question, on_answer);
		return;
	}
	watch->i_server = 0;
	end_round(watch);
	if (monitor->was_told)
		monitor->user.on_silent(monitor->user.user, &watch->wish);
}

static void stop(struct watch *watch)
{
	timer_stop(&watch->timer);
	stun_cancel(&watch->query);
	stun_tcp_cancel(&watch->tcp);
	stun_socket_close(&watch->socket);
}

static void watch_free(struct watch *watch)
{
	stop(watch);
	stun_client_fini(&watch->client);
	list_remove(&watch->link);
	free(watch);
}

enum err public_monitor_new(struct loop *loop, const struct public_monitor_user *user,
			    struct public_monitor **out)
{
	struct public_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return ERR_NO_MEMORY;
	monitor->loop = loop;
	monitor->user = *user;
	list_init(&monitor->watches);
	*out = monitor;
	return ERR_OK;
}

struct public_monitor *public_monitor_free(struct public_monitor *monitor)
{
	struct list *link, *following;

	if (!monitor)
		return NULL;
	list_for_each(link, following, &monitor->watches)
		watch_free(container_of(link, struct watch, link));
	free(monitor);
	return NULL;
}

static bool is_same(const struct public_wish *a, const struct public_wish *b)
{
	return strcmp(a->listener, b->listener) == 0 && a->is_udp == b->is_udp &&
	       addr_equal(&a->addr, &b->addr);
}

static struct watch *find(struct public_monitor *monitor, const char *listener)
{
	struct list *link, *following;

	list_for_each(link, following, &monitor->watches) {
		struct watch *watch = container_of(link, struct watch, link);

		if (strcmp(watch->wish.listener, listener) == 0)
			return watch;
	}
	return NULL;
}

static enum err add(struct public_monitor *monitor, const struct public_wish *wish)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return ERR_NO_MEMORY;
	watch->monitor = monitor;
	watch->wish = *wish;
	stun_client_init(&watch->client, monitor->loop, send_by_listener, watch);
	watch->client.asked = monitor->user.asked;
	list_append(&monitor->watches, &watch->link);
	timer_start(monitor->loop, &watch->timer, 0, on_timer);
	return ERR_OK;
}

enum err public_monitor_watch(struct public_monitor *monitor, const struct public_wish *wishes,
			      size_t n, uint64_t interval_ms)
{
	struct list *link, *following;
	enum err err = ERR_OK;

	monitor->interval_ms = interval_ms;
	list_for_each(link, following, &monitor->watches) {
		struct watch *watch = container_of(link, struct watch, link);
		bool is_wanted = false;

		for (size_t i = 0; i < n; i++)
			is_wanted |= is_same(&watch->wish, &wishes[i]);
		if (!is_wanted)
			watch_free(watch);
	}
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		struct watch *known = find(monitor, wishes[i].listener);

		if (known)
			known->wish.network = wishes[i].network;
		else
			err = add(monitor, &wishes[i]);
	}
	return err;
}

static bool has_same_servers(const struct public_monitor *monitor,
			     const struct public_server *servers, size_t n)
{
	for (size_t i = 0; i < n && i < monitor->n_servers; i++)
		if (!addr_equal(&monitor->servers[i].addr, &servers[i].addr) ||
		    strcmp(monitor->servers[i].name, servers[i].name) != 0)
			return false;
	return n == monitor->n_servers;
}

void public_monitor_set_servers(struct public_monitor *monitor,
				const struct public_server *servers, size_t n)
{
	struct list *link, *following;

	if (n > PUBLIC_MAX_SERVERS)
		n = PUBLIC_MAX_SERVERS;
	if (monitor->was_told && has_same_servers(monitor, servers, n))
		return;
	monitor->was_told = true;
	if (n)
		memcpy(monitor->servers, servers, n * sizeof(*servers));
	monitor->n_servers = (unsigned)n;
	list_for_each(link, following, &monitor->watches) {
		struct watch *watch = container_of(link, struct watch, link);

		stop(watch);
		watch->i_server = 0;
		timer_start(monitor->loop, &watch->timer, 0, on_timer);
	}
}

bool public_monitor_receive(struct public_monitor *monitor, const char *listener,
			    const struct addr *from, const void *bytes, size_t len)
{
	struct watch *watch = find(monitor, listener);

	return watch && stun_client_receive(&watch->client, from, bytes, len);
}
