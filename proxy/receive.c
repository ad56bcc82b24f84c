#include "proxy/receive.h"

#include <string.h>

#include "proxy/alg_look.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/context.h"
#include "proxy/handover.h"
#include "proxy/hearing.h"
#include "proxy/hold.h"
#include "proxy/load.h"
#include "proxy/open_partner.h"
#include "proxy/refusal.h"
#include "proxy/registrar.h"
#include "proxy/request.h"
#include "proxy/request_home.h"
#include "proxy/sip/reply.h"
#include "proxy/sip/via.h"

enum { RETRY_AFTER_S = 5 }; /* when we are full: most of what we hold has ended by then */

static void reply(struct worker *worker, struct flow *flow, msg_t *request, msg_t *response)
{
	if (!response)
		return;
	if (server_txn_reply_stateless(worker->transport, flow, request, response))
		log_event(LOG_DEBUG, "reply not delivered", "peer", NULL, NULL);
	message_unref(response);
}

/* ---- CANCEL: RFC 3261 §9.2, §16.10 ---- */

bool receive_cancel(struct worker *worker, struct server_txn *invite, const struct addr *source,
		    const msg_t *cancel)
{
	struct context *context = server_txn_user(invite);

	/* Hop by hop, so it comes from where the INVITE came from. */
	if (!addr_same_host(&server_txn_flow(invite)->remote, source))
		return false;
	if (context)
		context_cancel(context, message_header(cancel, "Reason"));
	return true;
}

/* ---- requests ---- */

static void start_record(struct worker *worker, struct request *request)
{
	request->decision.id = ((uint64_t)worker->number << 56) | ++worker->next_decision_id;
	request->decision.worker = worker->number;
	request->decision.wall_us = loop_wall_us(worker->loop);
}

static void end_record(struct worker *worker, struct request *request, msg_t *response)
{
	request->decision.reason = request->reason;
	request->decision.status = response ? message_sip(response)->sip_status->st_status : 0;
	request->decision.took_us =
		(uint32_t)(loop_wall_us(worker->loop) - request->decision.wall_us);
	hearing_decision(worker, &request->decision);
}

/* What a discovered partner is told of its own bounds says nothing of our users, and is no
 * answer to what it asked. */
static bool is_about_bounds(enum reason reason)
{
	return reason == REASON_PARTNER_RATE_LIMITED || reason == REASON_PARTNER_SUSPICIOUS ||
	       reason == REASON_PARTNER_TOO_MANY_USERS || reason == REASON_PARTNER_BLOCKED ||
	       reason == REASON_RATE_LIMITED || reason == REASON_SHED_LOAD;
}

static void refuse(struct worker *worker, struct request *request)
{
	msg_t *response = request->is_ack ? NULL : refusal_new(request, request->reason);

	if (!is_about_bounds(request->reason))
		response =
			open_partner_conceal(worker->server, &request->origin,
					     request->arrival->msg, response, request->now_ms);
	end_record(worker, request, response);
	reply(worker, request->arrival->flow, request->arrival->msg, response);
}

static void answer(struct worker *worker, struct request *request, msg_t *response)
{
	end_record(worker, request, response);
	reply(worker, request->arrival->flow, request->arrival->msg, response);
}

static void act(struct worker *worker, struct request *request, enum request_outcome outcome)
{
	switch (outcome) {
	case REQUEST_FORWARD:
		if (worker->is_draining && !request->is_inside_dialog)
			request->reason = REASON_DRAINING;
		else
			context_begin(worker, request);
		if (request->reason == REASON_TOO_MANY_TRANSACTIONS ||
		    request->reason == REASON_OVERLOAD)
			request->retry_after_s = RETRY_AFTER_S;
		if (request->reason)
			refuse(worker, request);
		break;
	case REQUEST_ANSWER:
		answer(worker, request, refusal_options_ok(request));
		break;
	case REQUEST_REFUSE:
		refuse(worker, request);
		break;
	case REQUEST_CHALLENGE:
		answer(worker, request, refusal_challenge(request));
		break;
	case REQUEST_REGISTER:
		registrar_answer(worker, request);
		break;
	case REQUEST_DROP:
		end_record(worker, request, NULL);
		break;
	case REQUEST_WAIT: /* judge has seen to that */
		break;
	}
}

/* It was not even judged. */
static void refuse_unjudged(struct worker *worker, struct arrival *arrival, enum reason reason)
{
	struct request request;

	request_init(&request, worker->server, worker->snapshot, arrival);
	request.is_ack = !strcmp(message_method(arrival->sip), "ACK");
	request.reason = reason;
	start_record(worker, &request);
	request_describe(&request);
	request_recognise(&request);
	refuse(worker, &request);
	request_fini(&request);
}

void receive_answer_cancel(struct worker *worker, struct flow *flow, msg_t *cancel, bool found)
{
	struct arrival arrival = { .flow = flow,
				   .msg = cancel,
				   .sip = message_sip(cancel),
				   .at_ms = loop_now_ms(worker->loop) };
	char tag[17];

	if (!found) {
		refuse_unjudged(worker, &arrival, REASON_NO_TRANSACTION);
		return;
	}
	reply_stateless_tag(arrival.sip, tag);
	reply(worker, flow, cancel, reply_new(cancel, 200, "OK", tag));
}

/* A CANCEL or ACK that this worker does not know costs the others a look, and us perhaps an
 * answer; a domain that is not known costs the resolver one: whoever sends more of them than
 * requests are allowed gets nothing (design.md D7). */
static bool is_flooding(struct worker *worker, const struct arrival *arrival)
{
	unsigned ignored;

	return arrival->flow->listener->network != NETWORK_LAN &&
	       account_request(worker->server->accounts, &arrival->flow->remote, "",
			       loop_now_ms(worker->loop), &ignored) != ACCOUNT_WELCOME;
}

/* What goes with a request while it is received: what DNS said of its domain, and, if it must
 * wait for that, which domain. */
struct reception {
	const struct trust_srv *srv; /* NULL: nobody asked yet */
	char *domain;
	size_t size;
};

/* An untrusted partner is known by its From alone: what certificate it shows is not the
 * partner's. And domains that nobody approved may be many; what they showed is in
 * federation/discovered, and must not displace what is known of others. */
static bool shows_own_certificate(const struct request *request)
{
	const struct origin *origin = &request->origin;

	switch (origin->kind) {
	case ORIGIN_STRANGER:
	case ORIGIN_PARTNER_UNTRUSTED:
	case ORIGIN_PHONE:
		return false;
	case ORIGIN_DISCOVERED:
		return !discovered_hides(request->server->discovered, origin->domain,
					 request->now_ms);
	default:
		return true;
	}
}

/* False: DNS must tell first who may speak for the domain. */
static bool judge(struct worker *worker, struct arrival *arrival,
		  const struct reception *reception)
{
	struct request request;
	enum request_outcome outcome;

	request_init(&request, worker->server, worker->snapshot, arrival);
	request.now_ms = loop_now_ms(worker->loop);
	request.counters = worker->counters;
	request.dns = worker->dns;
	request.srv = reception->srv;
	request.load = load_of_worker(worker);
	start_record(worker, &request);
	outcome = request_judge(&request);
	if (outcome == REQUEST_WAIT) {
		bool is_dropped = is_flooding(worker, arrival);

		text_copy(reception->domain, reception->size, request.from_domain);
		request_fini(&request);
		return is_dropped;
	}
	if (request.origin.kind != ORIGIN_PHONE)
		alg_look_note(worker, arrival->flow, request.origin.id);
	counter_add3(worker->counters, COUNTER_REQUESTS, arrival->flow->listener->network,
		     request.origin.kind, request.decision.counted_method, 1);
	hearing_peer(worker, arrival->flow, request.origin.id);
	if (shows_own_certificate(&request))
		hearing_certificate(worker, arrival->flow, request.origin.id);
	/* Also from one who is sought in vain: that a server speaks for a user does not depend
	 * on whom it asks for. */
	if (!request.only_phones &&
	    (outcome == REQUEST_FORWARD || request.reason == REASON_UNKNOWN_USER))
		request_home_learn(&request);
	act(worker, &request, outcome);
	request_fini(&request);
	return true;
}

/* A request that no transaction absorbed. False: it must wait. */
static bool on_new_request(struct worker *worker, struct arrival *arrival,
			   struct server_txn *invite, const struct reception *reception)
{
	const char *method = message_method(arrival->sip);
	bool is_cancel = !strcmp(method, "CANCEL");

	if (is_cancel && invite) {
		bool found =
			receive_cancel(worker, invite, &arrival->flow->remote, arrival->msg);

		receive_answer_cancel(worker, arrival->flow, arrival->msg, found);
		return true;
	}
	if (is_cancel && (is_flooding(worker, arrival) || handover_search(worker, arrival)))
		return true;
	if (is_cancel) {
		receive_answer_cancel(worker, arrival->flow, arrival->msg, false);
		return true;
	}
	/* The ACK to a stateless refusal of ours; it has the Route of its request, which a
	 * phone with an outbound proxy puts in all. */
	if (!strcmp(method, "ACK") && reply_is_acked(arrival->sip))
		return true;
	/* The ACK to another refusal, whose transaction may live elsewhere or nowhere; one to a
	 * 2xx has our Route. */
	if (!strcmp(method, "ACK") && !arrival->sip->sip_route) {
		if (worker->server->n_workers > 1 && !is_flooding(worker, arrival))
			handover_search(worker, arrival);
		return true;
	}
	return judge(worker, arrival, reception);
}

/* Phones are behind NATs: their answers go where their requests come from (RFC 3581), also of
 * those that do not ask for it. */
static enum err stamp(const struct arrival *arrival)
{
	const struct flow *flow = arrival->flow;

	if (flow->listener->network == NETWORK_REMOTE)
		via_want_rport(arrival->msg);
	return via_stamp(arrival->msg, &flow->remote);
}

/* False: it must wait. */
static bool on_request(struct worker *worker, struct arrival *arrival,
		       const struct reception *reception)
{
	struct server_txn *invite = NULL;
	unsigned ignored;

	if (arrival->flow->listener->network != NETWORK_LAN &&
	    account_is_banned(worker->server->accounts, &arrival->flow->remote,
			      loop_now_ms(worker->loop))) {
		counter_add1(worker->counters, COUNTER_LIMITED, COUNTER_LIMIT_AUTH_FAILURES, 1);
		return true;
	}
	if (stamp(arrival))
		return true; /* no memory: the sender repeats it */
	switch (txn_table_match(worker->txns, arrival, &invite, &ignored)) {
	case TXN_NEW:
		return on_new_request(worker, arrival, invite, reception);
	case TXN_ABSORBED:
	case TXN_RESPONSE:
	case TXN_STRAY:
	case TXN_ELSEWHERE:
	case TXN_NOT_OURS:
		break;
	}
	return true;
}

bool receive_held(struct worker *worker, struct arrival *arrival, const struct trust_srv *srv,
		  char *domain, size_t size)
{
	const struct reception reception = { .srv = srv, .domain = domain, .size = size };

	return on_request(worker, arrival, &reception);
}

static void receive_request(struct worker *worker, struct arrival *arrival)
{
	char domain[256] = "";
	const struct reception reception = { .domain = domain, .size = sizeof(domain) };

	alg_look_at_request(arrival);
	if (!hold_is_waiting(arrival->flow) && on_request(worker, arrival, &reception))
		return;
	if (!hold_request(worker, arrival, domain) && !is_flooding(worker, arrival) &&
	    !stamp(arrival))
		refuse_unjudged(worker, arrival, REASON_OVERLOAD);
}

static void on_response(struct worker *worker, struct arrival *arrival)
{
	const unsigned signs = alg_look_at_response(arrival); /* before our Via goes */
	unsigned to = 0;

	if (message_check(arrival->sip, NULL))
		/* unusable: as if it had been lost, and its transaction goes on waiting */
		return;
	switch (txn_table_match(worker->txns, arrival, NULL, &to)) {
	case TXN_ELSEWHERE:
		handover_response(worker, arrival, to, signs);
		break;
	case TXN_RESPONSE:
		alg_look_note_response(worker, arrival->flow, signs);
		break;
	case TXN_NEW:
	case TXN_ABSORBED:
	case TXN_STRAY: /* a proxy that knows its transactions drops it (RFC 6026 §7.3) */
	case TXN_NOT_OURS:
		break;
	}
}

bool receive_too_large(struct worker *worker, struct flow *flow, const void *bytes, size_t len)
{
	struct arrival arrival = {
		.flow = flow, .bytes = bytes, .len = len, .at_ms = loop_now_ms(worker->loop)
	};
	bool is_answered = false;
	unsigned ignored;

	/* Whoever does this often gets no answer, as with all refusals of strangers. */
	if (flow->listener->network != NETWORK_LAN &&
	    account_request(worker->server->accounts, &flow->remote, "", arrival.at_ms,
			    &ignored) != ACCOUNT_WELCOME)
		return false;
	if (message_parse(bytes, len, &arrival.msg))
		return false; /* without its headers there is nobody to answer */
	arrival.sip = message_sip(arrival.msg);
	if (arrival.sip->sip_request && !stamp(&arrival)) {
		refuse_unjudged(worker, &arrival, REASON_MESSAGE_TOO_LARGE);
		is_answered = true;
	}
	message_unref(arrival.msg);
	return is_answered;
}

void receive_message(void *user, struct arrival *arrival)
{
	struct worker *worker = user;

	if (arrival->sip->sip_request)
		receive_request(worker, arrival);
	else if (arrival->sip->sip_status)
		on_response(worker, arrival);
	message_unref(arrival->msg);
}
