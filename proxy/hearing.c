#include "proxy/hearing.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/elsewhere.h"
#include "proxy/receive.h"
#include "proxy/registrar.h"
#include "proxy/stun_door.h"

/* ---- what the transport asks and tells ---- */

static enum reason may_connect(void *user, const struct listener *listener,
			       const struct addr *source, bool is_tls)
{
	struct worker *worker = user;
	char peer[ADDR_TEXT_SIZE];
	enum reason reason;

	reason = account_connection(worker->server->accounts, source, is_tls,
				    loop_now_ms(worker->loop));
	if (reason)
		counter_add1(worker->counters, COUNTER_LIMITED,
			     reason == REASON_TOO_MANY_HANDSHAKES ? COUNTER_LIMIT_HANDSHAKES
			     : reason == REASON_BANNED            ? COUNTER_LIMIT_AUTH_FAILURES
								  : COUNTER_LIMIT_CONNECTIONS,
			     1);
	if (reason)
		log_event(LOG_WARNING, "refused", "reason", reason_code(reason), "msg",
			  "a connection", "peer", addr_text(source, peer), "listener",
			  listener->name, NULL);
	return reason;
}

static void connection_ended(void *user, const struct addr *source)
{
	struct worker *worker = user;

	account_connection_ended(worker->server->accounts, source);
}

static void on_malformed(void *user, struct flow *flow, const void *bytes, size_t len,
			 enum reason reason, const char *fault)
{
	const enum conf_network network = flow->listener->network;
	struct worker *worker = user;
	char peer[ADDR_TEXT_SIZE];

	if (reason == REASON_MESSAGE_TOO_LARGE) {
		counter_add2(worker->counters, COUNTER_MALFORMED, network,
			     COUNTER_MALFORMED_SIZE, 1);
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_MESSAGE_SIZE, 1);
		if (receive_too_large(worker, flow, bytes, len))
			return; /* the decision's line says more */
	} else {
		counter_add2(worker->counters, COUNTER_MALFORMED, network,
			     flow_is_reliable(flow) ? COUNTER_MALFORMED_FRAME
						    : COUNTER_MALFORMED_SYNTAX,
			     1);
	}
	log_event(LOG_INFO, "refused", "reason", reason_code(reason), "msg", fault, "peer",
		  addr_text(&flow->remote, peer), "listener", flow->listener->name, NULL);
}

void hearing_certificate(struct worker *worker, struct flow *flow, const char *id)
{
	struct server *server = worker->server;
	int64_t not_after = peer_certificates_note(server->peer_certificates, id, flow,
						   loop_now_ms(worker->loop));

	if (not_after)
		peer_stats_certificate(server->peer_stats, id, not_after);
}

/* A domain that nobody named would take the room of others; what it shows is kept with it
 * (federation/discovered). */
static bool is_named(const struct worker *worker, const char *id)
{
	static const char partner[] = "partner:";
	struct server *server = worker->server;

	if (!worker->snapshot)
		return false;
	return rules_by_hash(worker->snapshot->rules, record_route_end(server->keys, id)) ||
	       (text_starts_with(id, partner) &&
		!discovered_hides(server->discovered, id + strlen(partner),
				  loop_now_ms(worker->loop)));
}

static void count_connection(struct worker *worker, struct flow *flow, const char *id)
{
	flow->is_counted = true;
	peer_stats_connected(worker->server->peer_stats, id, flow->is_inbound, 1);
}

void hearing_peer(struct worker *worker, struct flow *flow, const char *id)
{
	if (flow_is_reliable(flow) && flow_note_peer(flow, id) && is_named(worker, id))
		count_connection(worker, flow, id);
}

static void on_opened(void *user, struct flow *flow)
{
	struct worker *worker = user;
	char peer[ADDR_TEXT_SIZE], names[160] = "";
	const bool is_of_named = is_named(worker, flow->peer_name);

	if (!flow->is_inbound && is_of_named)
		count_connection(worker, flow, flow->peer_name);
	if (is_of_named)
		hearing_certificate(worker, flow, flow->peer_name);
	if (!log_wants(LOG_DEBUG))
		return;
	if (flow->identity)
		identity_text(flow->identity, names, sizeof(names));
	log_event(LOG_DEBUG, "connection opened", "peer", addr_text(&flow->remote, peer),
		  "listener", flow->listener->name, "transport",
		  conf_transport_text(flow->transport), "partner", flow->peer_name,
		  "cert_names", names, NULL);
}

static void on_closed(void *user, struct flow *flow, enum reason reason)
{
	struct worker *worker = user;
	char peer[ADDR_TEXT_SIZE];

	if (flow->is_counted)
		peer_stats_connected(worker->server->peer_stats,
				     flow->is_inbound ? flow->speaks_for : flow->peer_name,
				     flow->is_inbound, -1);
	registrar_flow_gone(user, flow, reason);
	if (log_wants(LOG_DEBUG))
		log_event(LOG_DEBUG, "connection closed", "peer",
			  addr_text(&flow->remote, peer), "listener", flow->listener->name,
			  "reason", reason ? reason_code(reason) : NULL, NULL);
}

/* The network of a listener; wan for one that a reload has taken away. */
static enum conf_network network_of(const struct worker *worker, const char *listener)
{
	const struct snapshot *snapshot = worker->snapshot;
	size_t i;

	for (i = 0; snapshot && i < snapshot->n_open_listeners; i++)
		if (!strcmp(snapshot->open_listeners[i]->name, listener))
			return snapshot->open_listeners[i]->network;
	return NETWORK_WAN;
}

static void trace_handshake(const struct tls_diagnosis *diagnosis)
{
	char peer[ADDR_TEXT_SIZE], took[24];

	snprintf(took, sizeof(took), "%llu", (unsigned long long)diagnosis->took_ms);
	log_trace(LOG_TRACE_TLS, "handshake", diagnosis->text, strlen(diagnosis->text),
		  "direction", diagnosis->is_inbound ? "in" : "out", "reason",
		  diagnosis->reason ? reason_code(diagnosis->reason) : NULL, "peer",
		  addr_text(&diagnosis->remote, peer), "listener", diagnosis->listener,
		  "partner", diagnosis->peer, "sni", diagnosis->sni, "version",
		  diagnosis->version, "cipher", diagnosis->cipher, "alert",
		  diagnosis->alert_text, "verify", diagnosis->verify, "subject",
		  diagnosis->failed_subject, "issuer", diagnosis->failed_issuer, "cert_names",
		  diagnosis->presented, "expected", diagnosis->expected, "ca_list",
		  diagnosis->ca_list, "took_ms", took, NULL);
}

/* Which version we ask for at least: of the listener, or of the route that was dialled. */
static const char *minimum_of(const struct worker *worker,
			      const struct tls_diagnosis *diagnosis)
{
	const struct snapshot *snapshot = worker->snapshot;
	const struct rule *rule = NULL;

	for (size_t i = 0;
	     snapshot && diagnosis->is_inbound && i < snapshot->settings->n_listeners; i++)
		if (strcmp(snapshot->settings->listeners[i].name, diagnosis->listener) == 0)
			return conf_tls_version_text(snapshot->settings->listeners[i].minimum);
	if (snapshot && !diagnosis->is_inbound)
		rule = rules_by_hash(snapshot->rules,
				     record_route_end(worker->server->keys, diagnosis->peer));
	return rule && rule->route ? conf_tls_version_text(rule->route->minimum) : "";
}

static void keep_handshake(struct worker *worker, const struct tls_diagnosis *diagnosis)
{
	struct handshake handshake = {
		.id = ((uint64_t)worker->number << 56) | ++worker->next_decision_id,
		.wall_us = loop_wall_us(worker->loop),
		.worker = worker->number,
		.diagnosis = *diagnosis,
	};

	text_copy(handshake.minimum, sizeof(handshake.minimum), minimum_of(worker, diagnosis));
	handshakes_put(worker->handshakes, &handshake, loop_now_ms(worker->loop));
}

static void on_handshake(void *user, const struct tls_diagnosis *diagnosis)
{
	const unsigned direction = diagnosis->is_inbound ? COUNTER_IN : COUNTER_OUT;
	struct worker *worker = user;
	char peer[ADDR_TEXT_SIZE];

	counter_add3(worker->counters, COUNTER_TLS_HANDSHAKES,
		     network_of(worker, diagnosis->listener), direction, diagnosis->reason, 1);
	if (!diagnosis->reason)
		counter_observe(worker->counters, COUNTER_TLS_DURATION, direction,
				diagnosis->took_ms * 1000);
	if (log_traces(LOG_TRACE_TLS))
		trace_handshake(diagnosis);
	if (!diagnosis->reason)
		return;
	keep_handshake(worker, diagnosis);
	log_event(LOG_WARNING, "TLS handshake failed", "reason", reason_code(diagnosis->reason),
		  "msg", diagnosis->text, "peer", addr_text(&diagnosis->remote, peer),
		  "listener", diagnosis->listener, "partner", diagnosis->peer, "alert",
		  diagnosis->alert_text, NULL);
}

/* ---- decisions ---- */

static void log_refusal(const struct decision *decision)
{
	const char *why = decision->n_steps
				  ? decision_step_result(decision, decision->n_steps - 1)
				  : NULL;

	/* clang-format off */
	log_event(LOG_WARNING, "refused", "reason", reason_code(decision->reason),
		  "method", decision_text(decision, DECISION_METHOD), "from", decision_text(decision, DECISION_FROM),
		  "to", decision_text(decision, DECISION_REQUEST_URI), "msg", why,
		  "call_id", decision_text(decision, DECISION_CALL_ID), "peer", decision_text(decision, DECISION_SOURCE),
		  "listener", decision_text(decision, DECISION_LISTENER),
		  "cert_names", decision_text(decision, DECISION_CERTIFICATE),
		  "target", decision_text(decision, DECISION_DESTINATION), NULL);
	/* clang-format on */
}

/* Failures are those of the servers that were tried; where none was, of the request's own way
 * to or from the partner. Domains that open federation found have numbers of their own
 * (federation/discovered): here they would take the room of others. */
static void count_for_peers(struct worker *worker, const struct decision *decision)
{
	const char *destination = decision_text(decision, DECISION_DESTINATION);
	const char *from = decision->origin == ORIGIN_DISCOVERED
				   ? ""
				   : decision_text(decision, DECISION_ORIGIN_ID);
	const char *to = decision->is_found ? "" : destination;
	const bool is_to_phone = text_starts_with(to, "phone:");
	struct peer_stats *stats = worker->server->peer_stats;
	unsigned n_failed = 0, i;

	/* Phones are many, and would take the room of partners. */
	if (decision->origin == ORIGIN_PHONE)
		from = "";
	if (is_to_phone)
		to = "";

	if (*from)
		peer_stats_received(stats, from);
	if (*to)
		peer_stats_sent(stats, to);
	for (i = 0; i < decision->n_hops; i++) {
		if (!decision->hops[i].reason)
			continue;
		if (*to)
			peer_stats_failed(stats, to, decision->hops[i].reason);
		n_failed++;
	}
	if (decision->reason && !n_failed)
		peer_stats_failed(stats, *destination ? to : from, decision->reason);
}

/* What a refusal counts for beside itself. */
static void count_refusal(struct worker *worker, enum reason reason, enum conf_network network)
{
	switch (reason) {
	case REASON_RATE_LIMITED:
	case REASON_BANNED:
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_REQUESTS, 1);
		break;
	case REASON_TOO_MANY_TRANSACTIONS:
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_TRANSACTIONS, 1);
		break;
	case REASON_SEND_QUEUE_FULL:
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_SEND_QUEUE, 1);
		break;
	case REASON_SHED_LOAD:
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_LOAD, 1);
		break;
	case REASON_AUTHORIZATION_WRONG:
	case REASON_ROUTE_TOKEN_FORGED:
		counter_add1(worker->counters, COUNTER_AUTH_FAILURES, network, 1);
		break;
	case REASON_MALFORMED:
		counter_add2(worker->counters, COUNTER_MALFORMED, network,
			     COUNTER_MALFORMED_HEADER, 1);
		break;
	case REASON_VERSION:
		counter_add2(worker->counters, COUNTER_MALFORMED, network,
			     COUNTER_MALFORMED_VERSION, 1);
		break;
	default:
		break;
	}
}

void hearing_decision(struct worker *worker, const struct decision *decision)
{
	enum conf_network network;

	decision_ring_put(worker->decisions, decision);
	count_for_peers(worker, decision);
	if (!decision->reason) {
		/* clang-format off */
		log_event(LOG_DEBUG, "forwarded", "method", decision_text(decision, DECISION_METHOD),
			  "from", decision_text(decision, DECISION_FROM), "to", decision_text(decision, DECISION_REQUEST_URI),
			  "call_id", decision_text(decision, DECISION_CALL_ID), "peer", decision_text(decision, DECISION_SOURCE),
			  "target", decision_text(decision, DECISION_DESTINATION), NULL);
		/* clang-format on */
		return;
	}
	network = network_of(worker, decision_text(decision, DECISION_LISTENER));
	counter_add2(worker->counters, COUNTER_REFUSALS, decision->reason, network, 1);
	count_refusal(worker, decision->reason, network);
	if (decision->reason == REASON_SEND_QUEUE_FULL || decision->reason == REASON_SHED_LOAD)
		counter_add3(worker->counters, COUNTER_SHED, network, decision->counted_method,
			     decision->reason == REASON_SHED_LOAD ? COUNTER_SHED_LOAD
								  : COUNTER_SHED_SEND_QUEUE,
			     1);
	/* A challenge and a caller who gives up are no news. */
	if (!reason_is_challenge(decision->reason) && decision->reason != REASON_CANCELLED)
		log_refusal(decision);
}

struct transport_user hearing_user(struct worker *worker)
{
	return (struct transport_user){
		.user = worker,
		.on_message = receive_message,
		.on_malformed = on_malformed,
		.on_stun = stun_door_receive,
		.on_opened = on_opened,
		.on_closed = on_closed,
		.on_handshake = on_handshake,
		.may_connect = may_connect,
		.connection_ended = connection_ended,
		.send_elsewhere = elsewhere_send,
		.tell_left = elsewhere_tell_left,
		.tell_lost = elsewhere_tell_lost,
		.tell_wanted = elsewhere_tell_wanted,
		.tell_opened = elsewhere_tell_opened,
	};
}
