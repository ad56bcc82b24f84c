#include "routing/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/sip/uri.h"
#include "routing/srv_order.h"

enum { MAX_SERVERS = RULES_MAX_SERVERS, EVIDENCE_SIZE = 160 };

/* A host whose addresses are asked for; only names need one. */
struct lookup {
	struct locate *locate;
	struct dns_query a, aaaa;
	struct addr addrs[LOCATE_MAX_HOPS];
	size_t n_addrs;
};

/* One server to try, before its order is drawn. */
struct server {
	char host[256];
	struct addr addr; /* set: an address literal */
	uint16_t port, priority, weight;
	enum conf_transport transport;
	struct lookup *lookup; /* owned; NULL for a literal */
};

struct locate {
	struct loop *loop;
	struct dns *dns;
	struct health_table *health;
	struct target target;
	uint64_t began_ms, budget_ms;
	locate_done *done;
	void *user;
	struct loop_call call;
	struct dns_query srv;
	struct server *servers;
	size_t n_servers;
	unsigned n_pending;
	bool had_timeout, had_failure;
	char evidence[EVIDENCE_SIZE];
};

static void finish(struct locate *locate);

/* ---- life ---- */

static struct locate *locate_free(struct locate *locate)
{
	size_t i;

	loop_defer_cancel(&locate->call);
	dns_cancel(&locate->srv);
	for (i = 0; i < locate->n_servers; i++) {
		struct lookup *lookup = locate->servers[i].lookup;

		if (!lookup)
			continue;
		dns_cancel(&lookup->a);
		dns_cancel(&lookup->aaaa);
		free(lookup);
	}
	free(locate->servers);
	free(locate);
	return NULL;
}

void locate_cancel(struct locate *locate)
{
	if (locate)
		locate_free(locate);
}

static uint64_t left_ms(const struct locate *locate)
{
	uint64_t gone_ms = loop_now_ms(locate->loop) - locate->began_ms;

	return gone_ms < locate->budget_ms ? locate->budget_ms - gone_ms : 1;
}

/* ---- addresses of names ---- */

static void note(struct locate *locate, const char *format, const char *name, const char *value)
{
	size_t len = strlen(locate->evidence);

	snprintf(locate->evidence + len, sizeof(locate->evidence) - len, format, name, value);
}

static void keep_status(struct locate *locate, const char *name, const struct dns_answer *answer)
{
	switch (answer->status) {
	case DNS_FOUND:
	case DNS_NO_RECORD:
		return;
	case DNS_NO_NAME:
		break;
	case DNS_SERVER_FAILED:
		locate->had_failure = true;
		break;
	case DNS_TIMEOUT:
		locate->had_timeout = true;
		break;
	}
	note(locate, "%.60s: %.40s; ", name, dns_status_text(answer->status));
}

static void keep_addrs(struct lookup *lookup, const struct dns_query *query, const struct dns_answer *answer)
{
	char text[ADDR_TEXT_SIZE];
	size_t i;

	keep_status(lookup->locate, query->name, answer);
	for (i = 0; answer->status == DNS_FOUND && i < answer->n && lookup->n_addrs < LOCATE_MAX_HOPS; i++) {
		lookup->addrs[lookup->n_addrs++] = answer->addrs[i];
		note(lookup->locate, "%.60s -> %s; ", query->name, addr_host(&answer->addrs[i], text));
	}
	if (--lookup->locate->n_pending == 0)
		finish(lookup->locate);
}

static void on_a(struct dns_query *query, const struct dns_answer *answer)
{
	keep_addrs(container_of(query, struct lookup, a), query, answer);
}

static void on_aaaa(struct dns_query *query, const struct dns_answer *answer)
{
	keep_addrs(container_of(query, struct lookup, aaaa), query, answer);
}

static enum err ask_addresses(struct locate *locate, struct server *server)
{
	server->lookup = calloc(1, sizeof(*server->lookup));
	if (!server->lookup)
		return ERR_NO_MEMORY;
	server->lookup->locate = locate;
	locate->n_pending += 2;
	dns_ask(locate->dns, &server->lookup->a, server->host, DNS_A, left_ms(locate), on_a);
	dns_ask(locate->dns, &server->lookup->aaaa, server->host, DNS_AAAA, left_ms(locate), on_aaaa);
	return ERR_OK;
}

static void on_call(struct loop_call *call)
{
	finish(container_of(call, struct locate, call));
}

/* All names at once; if there is none to ask for, the answer comes in the next round. */
static enum err resolve(struct locate *locate)
{
	size_t i;

	for (i = 0; i < locate->n_servers; i++) {
		enum err err = addr_is_set(&locate->servers[i].addr) ? ERR_OK :
								       ask_addresses(locate, &locate->servers[i]);
		if (err)
			return err;
	}
	if (!locate->n_pending)
		loop_defer(locate->loop, &locate->call, on_call);
	return ERR_OK;
}

/* ---- which servers ---- */

static struct server *add_server(struct locate *locate, const char *host, uint16_t port, enum conf_transport transport)
{
	struct server *server = &locate->servers[locate->n_servers++];

	text_copy(server->host, sizeof(server->host), host);
	server->port = port;
	server->transport = transport;
	if (addr_parse(host, port, &server->addr))
		server->addr.len = 0;
	return server;
}

static enum err take_rule_servers(struct locate *locate)
{
	const struct rule *rule = locate->target.rule;
	size_t i;

	locate->servers = calloc(rule->n_servers ? rule->n_servers : 1, sizeof(*locate->servers));
	if (!locate->servers)
		return ERR_NO_MEMORY;
	for (i = 0; i < rule->n_servers; i++) {
		const struct rule_server *from = &rule->servers[i];
		struct server *server = add_server(locate, from->host, from->port, from->transport);

		server->priority = from->priority;
		server->weight = from->weight;
		if (addr_is_set(&from->addr))
			server->addr = from->addr;
	}
	return resolve(locate);
}

static uint16_t preset_port(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS ? 5061 : 5060;
}

/* The URI's transport, with the rule's certificate where the rule asks for one. */
static enum conf_transport uri_kind(const struct target *target)
{
	const enum conf_transport rules_own =
		target->rule->n_servers ? target->rule->servers[0].transport : TRANSPORT_TCP;

	if (!target->has_transport)
		return rules_own;
	if (target->transport == TRANSPORT_TLS && rules_own == TRANSPORT_MTLS)
		return TRANSPORT_MTLS;
	return target->transport;
}

/* RFC 3263 §4.2: the SRV answers, or, without any, the host itself at the transport's own port. */
static void on_srv(struct dns_query *query, const struct dns_answer *answer)
{
	struct locate *locate = container_of(query, struct locate, srv);
	const enum conf_transport kind = uri_kind(&locate->target);
	size_t i;

	keep_status(locate, query->name, answer);
	for (i = 0; answer->status == DNS_FOUND && i < answer->n && locate->n_servers < MAX_SERVERS; i++) {
		struct server *server = add_server(locate, answer->srv[i].target, answer->srv[i].port, kind);

		server->priority = answer->srv[i].priority;
		server->weight = answer->srv[i].weight;
	}
	if (!locate->n_servers)
		add_server(locate, locate->target.host, preset_port(kind), kind);
	if (resolve(locate)) {
		/* No memory: what was asked already still answers; nothing at all ends here. */
		if (!locate->n_pending)
			loop_defer(locate->loop, &locate->call, on_call);
	}
}

static enum err take_uri(struct locate *locate)
{
	static const char *const prefixes[] = {
		[TRANSPORT_UDP] = "_sip._udp",
		[TRANSPORT_TCP] = "_sip._tcp",
		[TRANSPORT_TLS] = "_sips._tcp",
		[TRANSPORT_MTLS] = "_sips._tcp",
	};
	const struct target *target = &locate->target;
	const enum conf_transport kind = uri_kind(target);
	struct addr literal;
	char name[300];

	locate->servers = calloc(MAX_SERVERS, sizeof(*locate->servers));
	if (!locate->servers)
		return ERR_NO_MEMORY;
	if (target->port || !addr_parse(target->host, 0, &literal)) {
		add_server(locate, target->host, target->port ? target->port : preset_port(kind), kind);
		return resolve(locate);
	}
	snprintf(name, sizeof(name), "%s.%s", prefixes[kind], target->host);
	dns_ask(locate->dns, &locate->srv, name, DNS_SRV, locate->budget_ms, on_srv);
	return ERR_OK;
}

/* ---- hops ---- */

static void fill_hop(const struct locate *locate, const struct server *server, const struct addr *addr, struct hop *hop)
{
	const struct rule *rule = locate->target.rule;
	size_t i;

	memset(hop, 0, sizeof(*hop));
	hop->transport = server->transport;
	hop->remote = *addr;
	addr_set_port(&hop->remote, server->port);
	hop->bind = rule->bind;
	hop->listener = rule->listener;
	hop->credentials = server->transport == TRANSPORT_MTLS ? rule->credentials : NULL;
	hop->trust = rule->trust;
	hop->tls_minimum = rule->route ? rule->route->minimum : CONF_TLS_1_2;
	hop->allow_wildcard = rule->route && rule->route->accepts_wildcard;
	text_copy(hop->host, sizeof(hop->host), server->host);
	for (i = 0; i < rule->n_names && i < HOP_MAX_NAMES; i++)
		hop->names[i] = rule->names[i];
	hop->n_names = (unsigned)i;
	hop->peer = rule->id;
	hop->health = health_of(locate->health, rule->id, &hop->remote, server->transport);
}

/* An address of another family than the one that we must send from cannot be reached. */
static bool is_reachable(const struct locate *locate, const struct server *server, const struct addr *addr)
{
	const struct rule *rule = locate->target.rule;

	if (addr_is_set(&rule->bind))
		return addr_is_ipv6(&rule->bind) == addr_is_ipv6(addr);
	if (server->transport == TRANSPORT_UDP && rule->listener && !addr_is_wildcard(&rule->listener->addr))
		return addr_is_ipv6(&rule->listener->addr) == addr_is_ipv6(addr);
	return true;
}

static void add_hops(const struct locate *locate, const struct server *server, struct hop *hops, size_t *n)
{
	const struct addr *addrs = server->lookup ? server->lookup->addrs : &server->addr;
	size_t n_addrs = server->lookup ? server->lookup->n_addrs : 1;
	size_t i;

	for (i = 0; i < n_addrs && *n < LOCATE_MAX_HOPS; i++)
		if (is_reachable(locate, server, &addrs[i]))
			fill_hop(locate, server, &addrs[i], &hops[(*n)++]);
}

static uint32_t draw(void *user, uint32_t n)
{
	return n ? (uint32_t)(random_u64() % (n + 1ULL)) : 0;
}

static bool is_down(const struct hop *hop)
{
	struct health_view view;

	if (!hop->health)
		return false;
	health_look(hop->health, &view);
	return view.state == HEALTH_DOWN;
}

/* Those known to be dead go last, otherwise the order stays. */
static void dead_last(struct hop *hops, size_t n)
{
	struct hop dead[LOCATE_MAX_HOPS];
	size_t n_dead = 0, n_kept = 0, i;

	for (i = 0; i < n; i++) {
		if (is_down(&hops[i]))
			dead[n_dead++] = hops[i];
		else if (n_kept++ != i)
			hops[n_kept - 1] = hops[i];
	}
	memcpy(hops + n_kept, dead, n_dead * sizeof(*hops));
}

static enum reason no_hop_reason(const struct locate *locate)
{
	if (locate->had_timeout)
		return REASON_DNS_TIMEOUT;
	return locate->had_failure ? REASON_DNS_FAILED : REASON_DNS_NO_ADDRESS;
}

/* Tells once, from the loop. The locate is gone before its user hears of it. */
static void finish(struct locate *locate)
{
	struct srv_entry order[MAX_SERVERS];
	struct hop hops[LOCATE_MAX_HOPS];
	locate_done *done = locate->done;
	void *user = locate->user;
	char evidence[EVIDENCE_SIZE];
	enum reason reason;
	size_t n = 0, i;

	for (i = 0; i < locate->n_servers; i++)
		order[i] = (struct srv_entry){ locate->servers[i].priority, locate->servers[i].weight, i };
	if (locate->n_servers > 1)
		srv_order(order, locate->n_servers, draw, NULL);
	for (i = 0; i < locate->n_servers; i++)
		add_hops(locate, &locate->servers[order[i].index], hops, &n);
	if (n > 1)
		dead_last(hops, n);
	reason = n ? REASON_NONE : no_hop_reason(locate);
	memcpy(evidence, locate->evidence, sizeof(evidence));
	locate_free(locate);
	done(user, reason, hops, n, *evidence ? evidence : NULL);
}

/* ---- the beginning ---- */

struct locate *locate_start(struct loop *loop, struct dns *dns, struct health_table *health,
			    const struct target *target, uint64_t budget_ms, locate_done *done, void *user)
{
	struct locate *locate = calloc(1, sizeof(*locate));

	if (!locate)
		return NULL;
	locate->loop = loop;
	locate->dns = dns;
	locate->health = health;
	locate->target = *target;
	locate->began_ms = loop_now_ms(loop);
	locate->budget_ms = budget_ms;
	locate->done = done;
	locate->user = user;
	if (target->by_uri ? take_uri(locate) : take_rule_servers(locate))
		return locate_free(locate);
	return locate;
}

bool locate_target_from_uri(const url_t *url, const struct rule *rule, struct target *out)
{
	struct target target = { .rule = rule, .by_uri = true };
	int port = uri_port(url);
	char user[256];

	if (port < 0 || !message_uri_parts(url, user, sizeof(user), target.host, sizeof(target.host)) || !*target.host)
		return false;
	target.port = (uint16_t)port;
	switch (uri_transport(url)) {
	case URI_TRANSPORT_NONE:
		break;
	case URI_TRANSPORT_UDP:
		target.has_transport = true;
		target.transport = TRANSPORT_UDP;
		break;
	case URI_TRANSPORT_TCP:
		target.has_transport = true;
		target.transport = TRANSPORT_TCP;
		break;
	case URI_TRANSPORT_TLS:
		target.has_transport = true;
		target.transport = TRANSPORT_TLS;
		break;
	case URI_TRANSPORT_OTHER:
		return false;
	}
	*out = target;
	return true;
}
