#include "routing/locate.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/sip/uri.h"
#include "routing/locate_search.h"
#include "routing/open_routes.h"
#include "routing/srv_order.h"

enum { MAX_EVIDENCE = 240 };

struct locate {
	struct loop *loop;
	struct health_table *health;
	struct location *location;
	struct target target;
	struct locate_search *search; /* NULL: every server is an address */
	struct loop_call call;        /* without a search */
	locate_done *done;
	void *user;
	bool is_telling;
};

static bool is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}

static uint32_t draw(void *user, uint32_t n)
{
	return (uint32_t)(random_u64() % ((uint64_t)n + 1));
}

/* The hops that are made, the living before the dead. */
struct hops {
	/* one more, which is being made */
	struct hop list[LOCATE_MAX_HOPS + 1], dead[LOCATE_MAX_HOPS];
	size_t n, n_dead;
	bool lacks_listener;
};

/* The names that the server's certificate may have: its own as configured, then the others of
 * the rule. */
static void fill_names(const struct rule *rule, const char *configured_host, struct hop *hop)
{
	for (size_t i = 0; i < rule->n_names; i++)
		if (strcmp(rule->names[i], configured_host) == 0)
			hop->names[hop->n_names++] = rule->names[i];
	for (size_t i = 0; i < rule->n_names && hop->n_names < HOP_MAX_NAMES; i++)
		if (hop->n_names == 0 || rule->names[i] != hop->names[0])
			hop->names[hop->n_names++] = rule->names[i];
}

/* A server of a domain that open federation found: one that may speak for the domain by its own
 * name. */
static void fill_open_names(const struct locate *locate, const char *host, struct hop *hop)
{
	const struct rule *rule = locate->target.rule;
	const char *servers[OPEN_ROUTES_MAX_SERVERS];
	size_t n, i;

	hop->accepts_host = settings_may_speak(rule->federation, rule->route->domain, host);
	if (hop->accepts_host && !locate->target.by_uri)
		open_routes_note_server(rule, host);
	if (!locate->target.by_uri)
		return;
	n = open_routes_servers(rule, servers);
	for (i = 0; i < n && hop->n_names < HOP_MAX_NAMES; i++)
		hop->names[hop->n_names++] = servers[i];
}

static bool is_usable_from(const struct addr *local, const struct addr *remote)
{
	return addr_is_set(local) && !addr_is_wildcard(local) &&
	       addr_is_ipv6(local) == addr_is_ipv6(remote) &&
	       (!addr_is_loopback(local) || addr_is_loopback(remote));
}

/* What a hop is made of, besides its address. */
struct origin_of_hop {
	enum conf_transport transport;
	uint16_t port;
	const char *host, *configured_host;
};

/* The place where a hop is made before put_hop takes it. */
static struct hop *new_hop(const struct locate *locate, struct hops *hops)
{
	struct hop *hop = &hops->list[hops->n];

	hop_clear(hop);
	hop->peer = locate->target.rule->id;
	return hop;
}

static void put_hop(const struct locate *locate, struct hop *hop, struct hops *hops)
{
	struct health *health = locate->health ? health_of(locate->health, hop->peer,
							   &hop->remote, hop->transport)
					       : NULL;

	hop->health = health;
	if (health && health_is_down(health, loop_now_ms(locate->loop))) {
		if (hops->n_dead < COUNT(hops->dead))
			hop_copy(&hops->dead[hops->n_dead++], hop);
	} else if (hops->n < LOCATE_MAX_HOPS) {
		hops->n++;
	}
}

static void add_hop(const struct locate *locate, const struct origin_of_hop *place,
		    const struct addr *addr, struct hops *hops)
{
	const struct rule *rule = locate->target.rule;
	struct listener *listener = rules_listener(rule, place->transport, addr);
	struct hop *hop;

	if (locate->target.is_public_only && addr_is_private(addr))
		return;
	if (!listener) {
		hops->lacks_listener = true;
		return;
	}
	hop = new_hop(locate, hops);
	hop->transport = place->transport;
	hop->remote = *addr;
	hop->listener = listener;
	hop->tls_minimum = rule->tls_minimum;
	hop->allow_wildcard = rule->accepts_wildcard;
	hop->max_connections = rule->max_connections;
	addr_set_port(&hop->remote, place->port);
	if (addr_is_set(&rule->bind) && addr_is_ipv6(&rule->bind) == addr_is_ipv6(addr))
		hop->bind = rule->bind;
	else if (!addr_is_set(&rule->bind) && is_usable_from(&listener->addr, addr)) {
		/* The address by which the other side knows us: it may be all that it
		 * trusts. */
		hop->bind = listener->addr;
		addr_set_port(&hop->bind, 0);
	}
	if (is_tls(place->transport)) {
		hop->credentials = rule->credentials;
		hop->trust = rule->trust;
		fill_names(rule, place->configured_host, hop);
		if (rule->federation)
			fill_open_names(locate, place->host, hop);
	}
	text_copy(hop->host, sizeof(hop->host), place->host);
	put_hop(locate, hop, hops);
}

/* The connection by which a backend has logged on. */
static void add_flow(const struct locate *locate, const struct logon *logon, struct hops *hops)
{
	const struct rule *rule = locate->target.rule;
	struct hop *hop = new_hop(locate, hops);

	hop->transport = logon->transport;
	hop->remote = logon->source;
	hop->flow_id = logon->flow_id;
	hop->listener = rules_listener(rule, logon->transport, &logon->source);
	if (!hop->listener)
		hops->lacks_listener = true;
	else
		put_hop(locate, hop, hops);
}

/* Each connection, then each address: what can be dialled is second best, as it may lead
 * through a NAT. */
static void add_logons(const struct locate *locate, struct hops *hops)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	size_t n = location_logons(locate->location, locate->target.rule->backend->name,
				   loop_now_ms(locate->loop), logons);
	char host[ADDR_TEXT_SIZE];
	size_t i;

	for (i = 0; i < n; i++)
		if (logons[i].flow_id)
			add_flow(locate, &logons[i], hops);
	for (i = 0; i < n; i++) {
		struct origin_of_hop origin = { .transport = logons[i].reach_transport };

		if (!addr_is_set(&logons[i].reach))
			continue;
		origin.port = addr_port(&logons[i].reach);
		origin.host = origin.configured_host = addr_host(&logons[i].reach, host);
		add_hop(locate, &origin, &logons[i].reach, hops);
	}
}

/* RFC 5626 §5.3: by the flow, from the address that it came to, and never by a new
 * connection. */
static void add_phone(const struct locate *locate, struct hops *hops)
{
	for (unsigned i = 0; i < locate->target.n_flows; i++) {
		const struct target_flow *flow = &locate->target.flows[i];
		struct hop *hop = new_hop(locate, hops);

		hop->transport = flow->listener->transport;
		hop->remote = flow->remote;
		hop->listener = flow->listener;
		hop->flow_id = flow->id;
		if (!flow->id && addr_is_set(&flow->local) && !addr_is_wildcard(&flow->local))
			hop->bind = flow->local;
		hops->n++;
	}
}

/* The addresses of a place, those of its listener's family first: from there they are surely
 * reached. */
static void add_place(const struct locate *locate, const struct locate_place *place,
		      struct hops *hops)
{
	const struct listener *listener = locate->target.rule->listeners[place->transport][0];
	bool ipv6_first =
		listener && addr_is_ipv6(&listener->addr) && !addr_is_wildcard(&listener->addr);
	const struct origin_of_hop origin = { place->transport, place->port, place->host,
					      place->configured_host };

	for (unsigned pass = 0; pass < 2; pass++) {
		bool is_ipv6 = (pass == 1) != ipv6_first;
		for (size_t i = 0; i < place->n_addrs; i++)
			if (addr_is_ipv6(&place->addrs[i]) == is_ipv6)
				add_hop(locate, &origin, &place->addrs[i], hops);
	}
}

/* Those of one NAPTR record, or all (RFC 2782). */
static bool add_rank(const struct locate *locate, size_t group, unsigned rank,
		     struct hops *hops)
{
	struct srv_entry entries[LOCATE_MAX_PLACES];
	bool is_last = true;
	size_t n = 0;

	for (size_t i = 0; i < locate_search_n_places(locate->search); i++) {
		const struct locate_place *place = locate_search_place(locate->search, i);
		if (place->group != group || place->n_addrs == 0)
			continue;
		is_last &= place->rank <= rank;
		if (place->rank == rank)
			entries[n++] = (struct srv_entry){ place->priority, place->weight, i };
	}
	srv_order(entries, n, draw, NULL);
	for (size_t i = 0; i < n; i++)
		add_place(locate, locate_search_place(locate->search, entries[i].index), hops);
	return is_last;
}

/* The places of one server: what its NAPTR and SRV records name, or itself (RFC 3263 §4.3). */
static void add_group(const struct locate *locate, size_t group, struct hops *hops)
{
	unsigned rank = 0;

	if (!locate->search) {
		const struct rule_server *server = &locate->target.rule->servers[group];
		const struct origin_of_hop origin = { server->transport, server->port,
						      server->host, server->host };

		add_hop(locate, &origin, &server->addr, hops);
		return;
	}
	while (!add_rank(locate, group, rank, hops))
		rank++;
}

static void add_all(const struct locate *locate, struct hops *hops)
{
	const struct rule *rule = locate->target.rule;
	struct srv_entry entries[RULES_MAX_SERVERS];
	size_t n = 0;

	if (locate->target.n_flows) {
		add_phone(locate, hops);
		return;
	}
	if (rule->backend && *rule->backend->username && locate->location)
		add_logons(locate, hops);
	entries[0] = (struct srv_entry){ 0 };
	if (locate->target.by_uri || rule->federation)
		n = 1;
	else if (rule->n_servers == 1)
		entries[n++].index = 0;
	for (; !locate->target.by_uri && n < rule->n_servers && n < COUNT(entries); n++)
		entries[n] = (struct srv_entry){ rule->servers[n].priority,
						 rule->servers[n].weight, n };
	if (n > 1)
		srv_order(entries, n, draw, NULL);
	for (size_t i = 0; i < n; i++)
		add_group(locate, entries[i].index, hops);
	for (size_t i = 0; i < hops->n_dead && hops->n < LOCATE_MAX_HOPS; i++)
		hop_copy(&hops->list[hops->n++], &hops->dead[i]);
}

static enum reason verdict(const struct locate *locate, const struct hops *hops)
{
	if (hops->n > 0)
		return REASON_NONE;
	if (locate->target.rule->backend && locate->target.rule->n_servers == 0 &&
	    !hops->lacks_listener)
		return REASON_NOT_LOGGED_ON;
	if (hops->lacks_listener || !locate->search)
		return REASON_NO_LISTENER;
	if (locate->target.rule->federation && !locate->target.by_uri &&
	    locate_search_n_targets(locate->search) == 0 &&
	    locate_search_worst(locate->search) <= DNS_NO_RECORD)
		return REASON_NO_FEDERATION_RECORD;
	switch (locate_search_worst(locate->search)) {
	case DNS_FOUND:
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		return REASON_DNS_NO_ADDRESS;
	case DNS_SERVER_FAILED:
		return REASON_DNS_FAILED;
	case DNS_TIMEOUT:
		return REASON_DNS_TIMEOUT;
	}
	return REASON_DNS_FAILED;
}

static void on_found(void *user)
{
	struct locate *locate = user;
	struct hops hops; /* 20 KB: each hop is written before it counts */
	struct buf evidence;

	hops.n = hops.n_dead = 0;
	hops.lacks_listener = false;
	add_all(locate, &hops);
	buf_init(&evidence, MAX_EVIDENCE);
	if (locate->search)
		locate_search_tell(locate->search, &evidence);
	locate->is_telling = true;
	locate->done(locate->user, verdict(locate, &hops), hops.list, hops.n,
		     buf_text(&evidence));
	buf_fini(&evidence);
	locate_search_free(locate->search);
	free(locate);
}

/* What a URI asks for, but for TLS: a URI, which strangers write, cannot talk a rule out of
 * that. */
static enum conf_transport safe_transport(const struct rule *rule, enum conf_transport asked)
{
	enum conf_transport tls = TRANSPORT_TLS;
	bool has_plain = rule->n_servers == 0 && !rule->federation;

	if (rule->federation)
		tls = TRANSPORT_MTLS;

	for (size_t i = 0; i < rule->n_servers; i++) {
		has_plain |= !is_tls(rule->servers[i].transport);
		if (rule->servers[i].transport == TRANSPORT_MTLS)
			tls = TRANSPORT_MTLS;
	}
	return is_tls(asked) || !has_plain ? tls : asked;
}

/* What we can speak there, where neither the URI nor the rule says more: bits (RFC 3263
 * §4.1). */
static unsigned choices_of(const struct rule *rule)
{
	unsigned choices = 0;

	for (unsigned i = 0; i < RULES_N_TRANSPORTS; i++) {
		enum conf_transport transport = safe_transport(rule, (enum conf_transport)i);
		if (rule->listeners[transport][0] || rule->listeners[transport][1])
			choices |= 1u << transport;
	}
	return choices;
}

static enum err search_uri(struct locate *locate)
{
	const struct target *target = &locate->target;
	const struct rule *rule = target->rule;
	enum conf_transport transport = TRANSPORT_UDP; /* RFC 3263 §4.1 */

	if (target->has_transport)
		transport = target->transport;
	else if (rule->n_servers > 0)
		transport = rule->servers[0].transport;
	struct locate_wish wish = { .host = target->host,
				    .port = target->port,
				    .by_srv = target->port == 0,
				    .by_naptr = target->port == 0 &&
						(!target->has_transport || target->is_sips),
				    .choices = target->has_transport ? 0 : choices_of(rule),
				    .transport = safe_transport(rule, transport) };
	return locate_search_add(locate->search, &wish);
}

static enum err start_search(struct locate *locate)
{
	struct target *target = &locate->target;
	const struct rule *rule = target->rule;
	enum err err = ERR_OK;

	if (target->by_uri)
		return search_uri(locate);
	if (rule->federation) {
		struct locate_wish wish = { .host = rule->route->domain,
					    .by_srv = true,
					    .service = "_sipfederationtls._tcp.",
					    .transport = TRANSPORT_MTLS };
		return locate_search_add(locate->search, &wish);
	}
	for (size_t i = 0; i < rule->n_servers && err == ERR_OK; i++) {
		const struct rule_server *server = &rule->servers[i];
		struct locate_wish wish = { .host = server->host,
					    .port = server->port,
					    .by_srv = server->by_srv,
					    .by_naptr = server->by_naptr,
					    .transport = server->transport,
					    .group = i };
		err = locate_search_add(locate->search, &wish);
	}
	return err;
}

/* The usual case: nothing is to be asked for. */
static bool is_all_literal(const struct target *target)
{
	if (target->n_flows)
		return true;
	if (target->by_uri || (target->rule->n_servers == 0 && !target->rule->backend))
		return false;
	for (size_t i = 0; i < target->rule->n_servers; i++)
		if (!addr_is_set(&target->rule->servers[i].addr))
			return false;
	return true;
}

static void on_call(struct loop_call *call)
{
	on_found(container_of(call, struct locate, call));
}

struct locate *locate_start(struct loop *loop, struct dns *dns, struct health_table *health,
			    struct location *location, const struct target *target,
			    uint64_t budget_ms, locate_done *done, void *user)
{
	struct locate *locate = calloc(1, sizeof(*locate));
	if (!locate)
		return NULL;
	locate->loop = loop;
	locate->health = health;
	locate->location = location;
	target_copy(&locate->target, target);
	locate->done = done;
	locate->user = user;
	if (is_all_literal(target)) {
		loop_defer(loop, &locate->call, on_call);
		return locate;
	}
	locate->search = locate_search_new(loop, dns, budget_ms, on_found, locate);
	if (!locate->search || start_search(locate) != ERR_OK) {
		locate_search_free(locate->search);
		free(locate);
		return NULL;
	}
	locate_search_start(locate->search);
	return locate;
}

void locate_cancel(struct locate *locate)
{
	if (!locate || locate->is_telling) /* it ends when done returns */
		return;
	loop_defer_cancel(&locate->call);
	locate_search_free(locate->search);
	free(locate);
}

static bool read_host(const url_t *url, char *out, size_t size)
{
	char maddr[256];
	const char *host = url->url_host;

	if (url_has_param(url, "maddr")) { /* RFC 3263 §4: it is the target then */
		if (!uri_param(url, "maddr", maddr, sizeof(maddr)))
			return false;
		host = maddr;
	}
	return host && text_domain(host, out, size);
}

bool locate_target_from_uri(const url_t *url, const struct rule *rule, struct target *out)
{
	struct target target = { .rule = rule, .by_uri = true };
	int port;

	if ((url->url_type != url_sip && url->url_type != url_sips) || !rule)
		return false;
	port = uri_port(url);
	if (port < 0 || !read_host(url, target.host, sizeof(target.host)))
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
		target.is_sips = url->url_type == url_sips && !url_has_param(url, "transport");
		break;
	case URI_TRANSPORT_OTHER:
		return false;
	}
	*out = target;
	return true;
}
