#include "proxy/way_back.h"

#include "proxy/backend_secrets.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/reach.h"
#include "routing/location.h"

enum { KEEP_ALIVE_MS = 30 * 1000 };

static const char *name_of(const struct request *request)
{
	return request->log_on->backend->name;
}

void way_back_note(struct server *server, const struct rule *rule, uint64_t now_ms)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	struct addr addrs[2 * LOCATION_MAX_LOGONS];
	size_t n, n_addrs = 0, i;

	n = location_logons(server->location, rule->backend->name, now_ms, logons);
	for (i = 0; i < n; i++) {
		if (addr_is_set(&logons[i].reach))
			addrs[n_addrs++] = logons[i].reach;
		if (logons[i].transport ==
		    TRANSPORT_UDP) /* it may listen elsewhere, at the same host */
			addrs[n_addrs++] = logons[i].source;
	}
	peer_addresses_set(server->addresses, rule->id, addrs, n_addrs);
}

/* From now on the connection speaks for the backend, as long as it is logged on. */
static void mark_flow(struct worker *worker, const struct request *request, uint64_t until_ms)
{
	struct flow *flow = request->arrival->flow;

	if (!flow_is_reliable(flow))
		return;
	if (flow->is_inbound) { /* one that we dialled speaks for whom it was dialled for */
		text_copy(flow->peer_name, sizeof(flow->peer_name), request->origin.id);
		flow->proof = request->log_on->proof;
		flow->proof_until_ms = until_ms;
	}
	/* Without it the connection may die unseen; it stands as long as it stands. */
	(void)!transport_keep_alive(worker->transport, flow->id, KEEP_ALIVE_MS);
}

static void unmark_flow(struct worker *worker, const struct request *request)
{
	struct flow *flow = request->arrival->flow;

	if (!flow_is_reliable(flow))
		return;
	if (flow->is_inbound) {
		flow->peer_name[0] = '\0';
		flow->proof = 0;
	}
	(void)!transport_keep_alive(worker->transport, flow->id, 0); /* it is there, and ours */
}

static void tell(const struct request *request, const char *event)
{
	const struct flow *flow = request->arrival->flow;
	char peer[ADDR_TEXT_SIZE];

	log_event(LOG_INFO, event, "backend", name_of(request), "peer",
		  addr_text(&flow->remote, peer), "listener", flow->listener->name, "transport",
		  conf_transport_text(flow->transport), NULL);
}

enum err way_back_log_on(struct worker *worker, const struct request *request,
			 const struct registration_contact *contact, uint32_t expires_s)
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
	if (contact)
		reach_of_contact(flow, contact, request->snapshot, &logon);
	else
		reach_as_before(worker->server->location, flow, request->now_ms, &logon);
	location_count(worker->server->location, name_of(request), request->now_ms, &before);
	err = location_log_on(worker->server->location, &logon, request->now_ms);
	if (err)
		return err;
	mark_flow(worker, request, logon.expires_ms);
	reach_is_alive(worker->server->health, request->origin.id, &logon, request->now_ms);
	if (!before.logons)
		tell(request, "backend logged on");
	return ERR_OK;
}

void way_back_log_off(struct worker *worker, const struct request *request)
{
	const struct flow *flow = request->arrival->flow;

	location_log_off(worker->server->location, name_of(request),
			 flow_is_reliable(flow) ? flow->id : 0, &flow->remote);
	unmark_flow(worker, request);
	tell(request, "backend logged off");
}
