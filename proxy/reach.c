#include "proxy/reach.h"

#include "proxy/base/text.h"

static enum conf_transport transport_of(const struct flow *flow,
					const struct registration_contact *contact)
{
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

static void reach_of_source(const struct flow *flow, struct logon *logon)
{
	if (flow_is_reliable(flow))
		return;
	logon->reach_transport = TRANSPORT_UDP;
	logon->reach = flow->remote;
}

/* On the same machine a contact may be wrong by a port, and lead to ourselves. */
static bool is_ours(const struct snapshot *snapshot, const struct flow *flow,
		    const struct addr *addr)
{
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++) {
		const struct addr *bound = &snapshot->open_listeners[i]->addr;

		if (addr_equal(bound, addr) ||
		    (addr_is_wildcard(bound) && addr_port(bound) == addr_port(addr) &&
		     addr_same_host(&flow->local, addr)))
			return true;
	}
	return false;
}

void reach_of_contact(const struct flow *flow, const struct registration_contact *contact,
		      const struct snapshot *snapshot, struct logon *logon)
{
	const enum conf_transport transport = transport_of(flow, contact);
	struct addr addr;

	if (contact->is_bulk)
		text_copy(logon->bulk, sizeof(logon->bulk), contact->uri);
	if (addr_parse(contact->host, 0, &addr) || !addr_same_host(&addr, &flow->remote)) {
		reach_of_source(flow, logon);
		return;
	}
	addr_set_port(&addr, contact->port ? contact->port : conf_transport_port(transport));
	if (is_ours(snapshot, flow, &addr)) {
		reach_of_source(flow, logon);
		return;
	}
	logon->reach_transport = transport;
	logon->reach = addr;
}

static bool is_same_way(const struct logon *logon, const struct flow *flow)
{
	if (flow_is_reliable(flow))
		return logon->flow_id == flow->id;
	return !logon->flow_id && logon->transport == TRANSPORT_UDP &&
	       addr_equal(&logon->source, &flow->remote);
}

void reach_as_before(struct location *location, const struct flow *flow, uint64_t now_ms,
		     struct logon *logon)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	size_t n = location_logons(location, logon->backend, now_ms, logons);
	size_t i;

	reach_of_source(flow, logon);
	for (i = 0; i < n; i++) {
		if (!is_same_way(&logons[i], flow))
			continue;
		logon->reach_transport = logons[i].reach_transport;
		logon->reach = logons[i].reach;
		text_copy(logon->bulk, sizeof(logon->bulk), logons[i].bulk);
		if (logons[i].expires_ms > logon->expires_ms)
			logon->expires_ms = logons[i].expires_ms;
	}
}

void reach_is_alive(struct health_table *health, const char *id, const struct logon *logon,
		    uint64_t now_ms)
{
	if (logon->flow_id)
		health_succeeded(health_of(health, id, &logon->source, logon->transport),
				 now_ms);
	else if (addr_is_set(&logon->reach))
		health_succeeded(health_of(health, id, &logon->reach, logon->reach_transport),
				 now_ms);
}
