#include "proxy/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "proxy/request.h"

/* A request that was never received, with all that it would stand on. */
struct rehearsal {
	const struct explain_question *question;
	struct server *server;
	struct snapshot *snapshot;
	struct flow flow;
	struct identity identity;
	msg_t *msg;
	char from_domain[256];
	bool from_is_local;
	bool assumes_certificate;
};

/* No header may be smuggled in by an argument. */
static bool is_clean(const char *text)
{
	return text && *text && strlen(text) < 256 && !strpbrk(text, "\r\n\t <>\"");
}

/* user@domain has none, whatever the user is called ("sipuser@a.example:5061"); schemes have no
 * case (RFC 3986 §3.1). */
static const char *scheme_for(const char *uri)
{
	static const char *const schemes[] = { "sip:", "sips:", "tel:", "im:", "pres:" };

	for (size_t i = 0; i < COUNT(schemes); i++)
		if (!strncasecmp(uri, schemes[i], strlen(schemes[i])))
			return "";
	return "sip:";
}

static enum err build_message(struct rehearsal *rehearsal, const char **out_what)
{
	const struct explain_question *question = rehearsal->question;
	const char *method = question->method ? question->method : "MESSAGE";
	const char *from = question->from, *to = question->to;
	const char *from_scheme, *to_scheme;
	char text[2048], user[256];
	int len;

	if (!strcmp(method, "ACK") || !strcmp(method, "CANCEL")) {
		*out_what = "--method: ACK and CANCEL follow the request that they belong to";
		return ERR_INVALID;
	}
	*out_what = !is_clean(from)     ? "FROM"
		    : !is_clean(to)     ? "TO"
		    : !is_clean(method) ? "--method"
					: NULL;
	if (*out_what)
		return ERR_INVALID;
	from_scheme = scheme_for(from);
	to_scheme = scheme_for(to);
	len = snprintf(
		text, sizeof(text),
		"%s %s%s SIP/2.0\r\n"
		"Via: SIP/2.0/%s explain.invalid;branch=z9hG4bK-explain\r\n"
		"Max-Forwards: 70\r\nFrom: <%s%s>;tag=explain\r\nTo: <%s%s>\r\n"
		"Call-ID: explain@explain.invalid\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, to_scheme, to, "TCP", from_scheme, from, to_scheme, to, method);
	if (len < 0 || (size_t)len >= sizeof(text) ||
	    message_parse(text, (size_t)len, &rehearsal->msg)) {
		*out_what = "FROM or TO";
		return ERR_INVALID;
	}
	if (!message_uri_parts(message_sip(rehearsal->msg)->sip_from->a_url, user, sizeof(user),
			       rehearsal->from_domain, sizeof(rehearsal->from_domain)))
		rehearsal->from_domain[0] = '\0';
	rehearsal->from_is_local =
		rules_is_local_domain(rehearsal->snapshot->rules, rehearsal->from_domain);
	return ERR_OK;
}

/* The listener by its name; else where such a request would come: the lan for users of ours,
 * else the wan, by certificate first. */
static struct listener *pick_listener(const struct rehearsal *rehearsal, const char *name)
{
	const enum conf_network network = rehearsal->from_is_local ? NETWORK_LAN : NETWORK_WAN;
	struct listener *best = NULL;
	size_t i;

	for (i = 0; i < rehearsal->snapshot->n_open_listeners; i++) {
		struct listener *listener = rehearsal->snapshot->open_listeners[i];

		if (name && strcmp(name, listener->name))
			continue;
		if (name)
			return listener;
		if (listener->network == network &&
		    (!best || (listener->transport == TRANSPORT_MTLS &&
			       best->transport != TRANSPORT_MTLS)))
			best = listener;
	}
	return best ? best : name || !i ? NULL : rehearsal->snapshot->open_listeners[0];
}

static bool has_address(const struct rule *rule)
{
	for (size_t i = 0; i < rule->n_servers; i++)
		if (addr_is_set(&rule->servers[i].addr))
			return true;
	return false;
}

static bool may_send(const struct rehearsal *rehearsal, const struct rule *rule)
{
	const struct settings_backend *backend = rule->backend;

	for (size_t i = 0; backend && i < backend->n_domains; i++)
		if (!strcmp(backend->domains[i].name, rehearsal->from_domain))
			return true;
	return false;
}

/* The backend that would send it and is known by an address; NULL: there is none. */
static const struct rule *find_backend(const struct rehearsal *rehearsal)
{
	const struct rules *rules = rehearsal->snapshot->rules;

	for (size_t i = 0; i < rules_count(rules); i++)
		if (may_send(rehearsal, rules_at(rules, i)) && has_address(rules_at(rules, i)))
			return rules_at(rules, i);
	return NULL;
}

/* Stands for the connection or address by which the backend logged on. host: where it must be;
 * NULL: anywhere. */
static bool take_logon(struct rehearsal *rehearsal, const struct rule *rule,
		       const struct addr *host)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	struct server *server = rehearsal->server;
	const uint64_t now_ms = server->loop ? loop_now_ms(server->loop) : 0;
	size_t n = location_logons(server->location, rule->backend->name, now_ms, logons), i;
	struct flow *flow = &rehearsal->flow;

	for (i = 0; i < n; i++) {
		struct listener *listener =
			rules_listener(rule, logons[i].transport, &logons[i].source);

		if (!listener || (host && !addr_same_host(&logons[i].source, host)) ||
		    (rehearsal->question->listener && flow->listener != listener))
			continue;
		flow->listener = listener;
		flow->remote = logons[i].source;
		if (!logons[i].flow_id)
			return true;
		text_copy(flow->peer_name, sizeof(flow->peer_name), rule->id);
		flow->proof = logons[i].proof;
		flow->proof_until_ms = logons[i].expires_ms;
		return true;
	}
	return false;
}

static bool take_any_logon(struct rehearsal *rehearsal, const struct addr *host)
{
	const struct rules *rules = rehearsal->snapshot->rules;

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		if (may_send(rehearsal, rule) && *rule->backend->username &&
		    take_logon(rehearsal, rule, host))
			return true;
	}
	return false;
}

static void pick_source(struct rehearsal *rehearsal)
{
	const struct rule *rule = NULL;
	size_t i;

	if (rehearsal->from_is_local)
		rule = find_backend(rehearsal);
	else if (rules_find(rehearsal->snapshot->rules, rehearsal->from_domain, &rule) !=
		 RULES_FOUND)
		rule = NULL;
	for (i = 0; rule && i < rule->n_servers; i++)
		if (addr_is_set(&rule->servers[i].addr)) {
			rehearsal->flow.remote = rule->servers[i].addr;
			return;
		}
	if (rehearsal->from_is_local && take_any_logon(rehearsal, NULL))
		return;
	if (addr_parse("192.0.2.1", 40001, &rehearsal->flow.remote))
		rehearsal->flow.remote.len = 0; /* cannot be: the text is an address */
}

/* The address that was asked for: a backend that logged on from there speaks by its
 * connection. */
static enum err take_source(struct rehearsal *rehearsal, const char *text)
{
	struct flow *flow = &rehearsal->flow;

	if (addr_parse(text, 40001, &flow->remote))
		return ERR_INVALID;
	if (rehearsal->from_is_local && flow->listener->network == NETWORK_LAN) {
		const struct addr host = flow->remote;

		(void)take_any_logon(rehearsal, &host); /* else it is as it stands */
	}
	return ERR_OK;
}

static enum err add_name(struct rehearsal *rehearsal, const char *name)
{
	struct identity_name *to = &rehearsal->identity.names[rehearsal->identity.n_names];

	to->kind = IDENTITY_DNS;
	if (text_starts_with(name, "sip:")) {
		to->kind = IDENTITY_URI;
		name += 4;
	}
	if (!text_domain(text_starts_with(name, "*.") ? name + 2 : name, to->text,
			 sizeof(to->text)))
		return ERR_INVALID;
	if (text_starts_with(name, "*.") && !text_copy(to->text, sizeof(to->text), name))
		return ERR_INVALID;
	rehearsal->identity.n_names++;
	return ERR_OK;
}

static enum err pick_identity(struct rehearsal *rehearsal, const char **out_what)
{
	const struct explain_question *question = rehearsal->question;
	unsigned i;

	if (!listener_is_tls(rehearsal->flow.listener) && question->n_cert_names) {
		*out_what = "--cert-name (the listener is without TLS)";
		return ERR_INVALID;
	}
	rehearsal->assumes_certificate =
		rehearsal->flow.listener->transport == TRANSPORT_MTLS &&
		!question->n_cert_names && *rehearsal->from_domain;
	if (!question->n_cert_names && !rehearsal->assumes_certificate)
		return ERR_OK;
	rehearsal->identity.names =
		calloc(question->n_cert_names + 1, sizeof(struct identity_name));
	if (!rehearsal->identity.names)
		return ERR_NO_MEMORY;
	rehearsal->identity.n_refs = 1;
	rehearsal->flow.identity = &rehearsal->identity;
	*out_what = "--cert-name";
	if (rehearsal->assumes_certificate)
		return add_name(rehearsal, rehearsal->from_domain);
	for (i = 0; i < question->n_cert_names && i < IDENTITY_MAX_NAMES; i++)
		if (add_name(rehearsal, question->cert_names[i]))
			return ERR_INVALID;
	return ERR_OK;
}

static enum err build_flow(struct rehearsal *rehearsal, const char **out_what)
{
	const struct explain_question *question = rehearsal->question;
	struct flow *flow = &rehearsal->flow;

	*out_what = "--listener";
	flow->listener = pick_listener(rehearsal, question->listener);
	if (!flow->listener)
		return ERR_INVALID;
	flow->is_inbound = flow->is_open = true;
	list_init(&flow->users);
	*out_what = "--from-ip";
	if (!question->source)
		pick_source(rehearsal);
	else if (take_source(rehearsal, question->source))
		return ERR_INVALID;
	flow->transport = flow->listener->transport;
	return pick_identity(rehearsal, out_what);
}

static void add_hop_with(struct decision *decision, enum conf_transport transport,
			 const char *host, unsigned port, enum reason reason)
{
	char text[96];
	int len =
		snprintf(text, sizeof(text), "%s %.60s", conf_transport_text(transport), host);

	if (port)
		snprintf(text + len, sizeof(text) - (size_t)len, ":%u", port);
	decision_add_hop(decision, text, reason, 0);
}

static void add_hop(struct decision *decision, enum conf_transport transport, const char *host,
		    unsigned port)
{
	add_hop_with(decision, transport, host, port, REASON_NONE);
}

/* How a backend has logged on: in the order in which locate tries them. */
static void add_logons(const struct request *request, const struct rule *rule,
		       struct decision *decision)
{
	struct logon logons[LOCATION_MAX_LOGONS];
	size_t n = location_logons(request->server->location, rule->backend->name,
				   request->now_ms, logons);
	char host[ADDR_TEXT_SIZE];
	size_t i;

	for (i = 0; i < n; i++)
		if (logons[i].flow_id)
			add_hop(decision, logons[i].transport,
				addr_host(&logons[i].source, host),
				addr_port(&logons[i].source));
	for (i = 0; i < n; i++)
		if (addr_is_set(&logons[i].reach))
			add_hop(decision, logons[i].reach_transport,
				addr_host(&logons[i].reach, host), addr_port(&logons[i].reach));
}

/* Where it would go, as configured: names are not looked up. Of servers of one priority the
 * traffic draws lots by weight (RFC 2782). */
static void add_hops(struct request *request, const struct target *target)
{
	struct decision *decision = &request->decision;
	const struct rule *rule = target->rule;
	unsigned priority = 0;
	size_t i;

	if (target->by_uri) {
		add_hop(decision, target->transport, target->host, target->port);
		return;
	}
	for (i = 0; i < target->n_flows; i++) {
		char host[ADDR_TEXT_SIZE];

		add_hop(decision, target->flows[i].listener->transport,
			addr_host(&target->flows[i].remote, host),
			addr_port(&target->flows[i].remote));
	}
	if (rule->backend)
		add_logons(request, rule, decision);
	while (priority <= UINT16_MAX) {
		unsigned next = UINT16_MAX + 1;

		for (i = 0; i < rule->n_servers; i++) {
			const struct rule_server *server = &rule->servers[i];

			if (server->priority == priority)
				add_hop_with(decision, server->transport, server->host,
					     server->by_srv ? 0 : server->port,
					     server->listener ? REASON_NONE
							      : REASON_NO_LISTENER);
			else if (server->priority > priority && server->priority < next)
				next = server->priority;
		}
		priority = next;
	}
}

struct health_question {
	struct decision *decision;
	const char *peer;
	uint64_t now_ms;
};

static void add_if_down(const struct health_view *view, void *user)
{
	const struct health_question *question = user;
	char addr[ADDR_TEXT_SIZE];

	if ((view->state != HEALTH_DOWN && view->state != HEALTH_TRYING) ||
	    view->retry_at_ms <= question->now_ms || strcmp(view->peer, question->peer))
		return;
	decision_add(question->decision, "health", "server", NULL,
		     "%s %s rests for %u s: %.40s", conf_transport_text(view->transport),
		     addr_text(&view->addr, addr),
		     (unsigned)((view->retry_at_ms - question->now_ms + 999) / 1000),
		     reason_code(view->last_reason));
}

/* What failed a short time ago is tried last, or not at all: without it the answer would
 * promise what the traffic refuses. */
static void add_health(struct request *request)
{
	struct health_question question = { .decision = &request->decision,
					    .now_ms = request->now_ms };

	for (unsigned i = 0; i < request->n_targets; i++) {
		question.peer = request->targets[i].rule->id;
		if (i == 0 || strcmp(question.peer, request->targets[i - 1].rule->id))
			health_each(request->server->health, add_if_down, &question);
	}
}

static void rehearse(struct rehearsal *rehearsal, struct decision *out)
{
	struct arrival arrival = { .flow = &rehearsal->flow,
				   .msg = rehearsal->msg,
				   .sip = message_sip(rehearsal->msg) };
	struct request request;
	enum request_outcome outcome;
	unsigned i;

	request_init(&request, rehearsal->server, rehearsal->snapshot, &arrival);
	request.is_dry_run = true;
	request.now_ms = rehearsal->server->loop ? loop_now_ms(rehearsal->server->loop) : 0;
	if (rehearsal->assumes_certificate)
		decision_add(
			&request.decision, "assume", "certificate", NULL,
			"the peer shows a valid certificate for %.90s (--cert-name says otherwise)",
			rehearsal->from_domain);
	outcome = request_judge(&request);
	if (!request.reason && outcome == REQUEST_FORWARD) {
		for (i = 0; i < request.n_targets; i++)
			add_hops(&request, &request.targets[i]);
		add_health(&request);
	}
	request.decision.status = reason_row(request.reason)->status;
	decision_copy(out, &request.decision);
	request_fini(&request);
}

enum err explain_request(struct server *server, struct snapshot *snapshot,
			 const struct explain_question *question, struct decision *out,
			 const char **out_what)
{
	struct rehearsal rehearsal = { .question = question,
				       .server = server,
				       .snapshot = snapshot };
	enum err err = build_message(&rehearsal, out_what);

	if (!err)
		err = build_flow(&rehearsal, out_what);
	if (!err)
		rehearse(&rehearsal, out);
	free(rehearsal.identity.names);
	message_unref(rehearsal.msg);
	return err;
}
