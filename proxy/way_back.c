#include "proxy/way_back.h"

#include "proxy/backend_secrets.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "routing/location.h"

enum { KEEP_ALIVE_MS = 30 * 1000 };

static const char *name_of(const struct request *request)
{
	return request->log_on->backend->name;
}

static enum conf_transport transport_of(const struct request *request, const struct registration_contact *contact)
{
	const struct flow *flow = request->arrival->flow;

	switch (contact->transport) {
	case URI_TRANSPORT_UDP:
		return TRANSPORT_UDP;
	case URI_TRANSPORT_TCP:
		return TRANSPORT_TCP;
	case URI_TRANSPORT_TLS:
		return flow->transport == TRANSPORT_MTLS ? TRANSPORT_MTLS : TRANSPORT_TLS;
	case URI_TRANSPORT_NONE:
	case URI_TRANSPORT_OTHER:
		break;
	}
	return flow->transport;
}

/* On the same machine it may be wrong by a port. */
static bool is_ours(const struct request *request, const struct addr *addr)
{
	const struct snapshot *snapshot = request->snapshot;
	const struct addr *local = &request->arrival->flow->local;
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++) {
		const struct addr *bound = &snapshot->open_listeners[i]->addr;

		if (addr_equal(bound, addr) || (addr_is_wildcard(bound) && addr_port(bound) == addr_port(addr) &&
						addr_same_host(local, addr)))
			return true;
	}
	return false;
}

/* Where it can be dialled: only where the Contact names the very host that it came from. Elsewhere it stands behind a NAT, or names a
 * host that we have no reason to send to. Datagrams go back to where they came from then. */
static void set_reach(const struct request *request, const struct registration_contact *contact, struct logon *logon)
{
	const struct flow *flow = request->arrival->flow;
	const enum conf_transport transport = contact ? transport_of(request, contact) : TRANSPORT_UDP;
	struct addr addr;

	if (contact && !addr_parse(contact->host, 0, &addr) && addr_same_host(&addr, &flow->remote)) {
		addr_set_port(&addr, contact->port ? contact->port : conf_transport_port(transport));
		if (!is_ours(request, &addr)) {
			logon->reach_transport = transport;
			logon->reach = addr;
			return;
		}
	}
	if (!flow_is_reliable(flow)) {
		logon->reach_transport = TRANSPORT_UDP;
		logon->reach = flow->remote;
	}
}

void way_back_note(struct server *server, const struct rule *rule, uint64_t now_ms)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	struct addr addrs[LOCATION_MAX_LOGONS];
	size_t n, n_addrs = 0, i;

	n = location_logons(server->location, rule->backend->name, now_ms, logons);
	for (i = 0; i < n; i++)
		if (addr_is_set(&logons[i].reach))
			addrs[n_addrs++] = logons[i].reach;
	peer_addresses_set(server->addresses, rule->id, addrs, n_addrs);
}

/* From now on the connection speaks for the backend, as long as it is logged on. */
static void mark_flow(struct worker *worker, const struct request *request, uint64_t until_ms)
{
	struct flow *flow = request->arrival->flow;

	if (!flow_is_reliable(flow))
		return;
	text_copy(flow->peer_name, sizeof(flow->peer_name), request->origin.id);
	flow->proof = request->log_on->proof;
	flow->proof_until_ms = until_ms;
	/* Without it the connection may die unseen; it stands as long as it stands. */
	(void)!transport_keep_alive(worker->transport, flow->id, KEEP_ALIVE_MS);
}

static void unmark_flow(struct worker *worker, const struct request *request)
{
	struct flow *flow = request->arrival->flow;

	if (!flow_is_reliable(flow))
		return;
	flow->peer_name[0] = '\0';
	flow->proof = 0;
	(void)!transport_keep_alive(worker->transport, flow->id, 0); /* it is there, and ours */
}

static void tell(const struct request *request, const char *event)
{
	const struct flow *flow = request->arrival->flow;
	char peer[ADDR_TEXT_SIZE];

	log_event(LOG_INFO, event, "backend", name_of(request), "peer", addr_text(&flow->remote, peer), "listener",
		  flow->listener->name, "transport", conf_transport_text(flow->transport), NULL);
}

/* A user's registration says only that the backend is there: what it said of itself by the same way still holds. */
static void keep_own(struct worker *worker, const struct request *request, struct logon *logon)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	size_t n = location_logons(worker->server->location, name_of(request), request->now_ms, logons);
	size_t i;

	for (i = 0; i < n; i++) {
		if (logons[i].flow_id != logon->flow_id ||
		    (!logon->flow_id && !addr_equal(&logons[i].source, &logon->source)))
			continue;
		if (logons[i].expires_ms > logon->expires_ms)
			logon->expires_ms = logons[i].expires_ms;
		logon->reach = logons[i].reach;
		logon->reach_transport = logons[i].reach_transport;
		text_copy(logon->bulk, sizeof(logon->bulk), logons[i].bulk);
	}
}

enum err way_back_log_on(struct worker *worker, const struct request *request, const struct registration_contact *contact,
			 uint32_t expires_s)
{
	const struct flow *flow = request->arrival->flow;
	struct location_counts before;
	struct logon logon = {
		.flow_id = flow_is_reliable(flow) ? flow->id : 0,
		.transport = flow->transport,
		.source = flow->remote,
		.proof = request->log_on->proof,
		.since_ms = request->now_ms,
		.expires_ms = request->now_ms + expires_s * 1000ULL,
	};
	enum err err;

	text_copy(logon.backend, sizeof(logon.backend), name_of(request));
	set_reach(request, contact, &logon);
	if (!contact)
		keep_own(worker, request, &logon);
	else if (contact->is_bulk)
		text_copy(logon.bulk, sizeof(logon.bulk), contact->uri);
	location_count(worker->server->location, name_of(request), request->now_ms, &before);
	err = location_log_on(worker->server->location, &logon, request->now_ms);
	if (err)
		return err;
	mark_flow(worker, request, logon.expires_ms);
	if (!before.logons)
		tell(request, "backend logged on");
	return ERR_OK;
}

void way_back_log_off(struct worker *worker, const struct request *request)
{
	const struct flow *flow = request->arrival->flow;

	location_log_off(worker->server->location, name_of(request), flow_is_reliable(flow) ? flow->id : 0,
			 &flow->remote);
	unmark_flow(worker, request);
	tell(request, "backend logged off");
}
