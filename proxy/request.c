#include "proxy/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "federation/asserted.h"
#include "federation/screen.h"
#include "proxy/base/text.h"
#include "proxy/hold.h"
#include "proxy/load.h"
#include "proxy/log_on.h"
#include "proxy/open_partner.h"
#include "proxy/phone.h"
#include "proxy/request_phone.h"
#include "proxy/request_dialog.h"
#include "proxy/request_route.h"
#include "proxy/sip/dialog_id.h"
#include "proxy/sip/via.h"
#include "proxy/transaction/txn_table.h"

static bool is_method(const struct request *request, const char *method)
{
	return !strcmp(message_method(request->arrival->sip), method);
}

/* ---- validate: RFC 3261 §16.3 ---- */

static enum reason validate_hops(struct request *request)
{
	const sip_t *sip = request->arrival->sip;
	const unsigned max_breadth = request->snapshot->settings->sip.max_breadth;

	if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count &&
	    !is_method(request, "OPTIONS")) {
		decision_add(&request->decision, "validate", "max-forwards", NULL,
			     "Max-Forwards is 0");
		return REASON_TOO_MANY_HOPS;
	}
	if (!message_max_breadth(request->arrival->msg, max_breadth)) {
		decision_add(&request->decision, "validate", "max-breadth", NULL,
			     "Max-Breadth is 0");
		return REASON_MAX_BREADTH;
	}
	return REASON_NONE;
}

/* RFC 6140 §5.2: a REGISTER in bulk asks the proxies on its way for "gin", and the registrar
 * understands it. */
static bool is_bulk_registration(const sip_t *sip)
{
	const msg_param_t *items = sip->sip_proxy_require->k_items;

	return sip->sip_request->rq_method == sip_method_register && items && items[0] &&
	       !strcasecmp(items[0], "gin") && !items[1];
}

static enum reason validate(struct request *request)
{
	const sip_t *sip = request->arrival->sip;
	const char *what = "";
	enum reason reason = message_check(sip, &what);
	const url_t *url = sip->sip_request ? sip->sip_request->rq_url : NULL;

	if (reason) {
		decision_add(&request->decision, "validate", "message", NULL,
			     "%s is missing or wrong", what ? what : "a header");
		return reason;
	}
	if (!url || (url->url_type != url_sip && url->url_type != url_sips &&
		     url->url_type != url_tel)) {
		decision_add(&request->decision, "validate", "uri-scheme", NULL,
			     "the Request-URI is neither sip, sips nor tel");
		return REASON_URI_SCHEME;
	}
	if (sip->sip_proxy_require && !request->is_ack && !is_bulk_registration(sip)) {
		request->refused_header =
			message_header(request->arrival->msg, "Proxy-Require");
		decision_add(&request->decision, "validate", "proxy-require", NULL, "%.80s",
			     request->refused_header ? request->refused_header : "");
		return REASON_PROXY_REQUIRE;
	}
	return validate_hops(request);
}

/* ---- loop detection: RFC 3261 §16.3 item 4 as RFC 5393 §4.2 corrects it ---- */

static enum reason check_loop(struct request *request)
{
	const sip_via_t *via;
	char mine[REQUEST_LOOP_SIZE], theirs[REQUEST_LOOP_SIZE];

	if (!request->arrival->sip->sip_via->v_next)
		return REASON_NONE; /* it was nowhere before */
	request_loop_hash(request->snapshot, request->arrival->sip, mine);
	for (via = request->arrival->sip->sip_via; via; via = via->v_next) {
		if (!via->v_branch || !txn_branch_loop(via->v_branch, theirs, sizeof(theirs)))
			continue;
		request->is_passed_on = true;
		if (strcmp(mine, theirs))
			continue;
		decision_add(&request->decision, "validate", "loop", NULL,
			     "it was here before with the same Request-URI and Route");
		return REASON_LOOP;
	}
	return REASON_NONE;
}

/* ---- classify: who sent it (design.md 3) ---- */

/* Inside a dialog, whose ends our signed Route names, the connection by which a backend had
 * logged on still stands for it when its time is over: else a call could not be ended any
 * more. */
static const char *dialled_for(const struct request *request, const struct flow *flow)
{
	if (!flow->is_inbound)
		return flow->peer_name;
	return log_on_of_flow(request->snapshot, flow,
			      request->is_inside_dialog ? 0 : request->now_ms);
}

static void ask_trust(struct request *request, const struct trust_srv *srv)
{
	const struct flow *flow = request->arrival->flow;
	struct trust_question question = {
		.network = flow->listener->network,
		.transport = flow->transport,
		.identity = flow->identity,
		.source = flow->remote,
		.from_domain = request->from_domain,
		.dialled_for = dialled_for(request, flow),
		.has_logged_on = flow->is_inbound,
		.srv = srv,
	};

	trust_classify(request->snapshot->trust, &question, &request->origin);
}

/* What was looked up before costs no wait. */
static bool know_srv(const struct request *request, struct trust_srv *out)
{
	struct dns_answer answer;
	char name[300];

	snprintf(name, sizeof(name), "_sipfederationtls._tcp.%s", request->from_domain);
	if (!request->dns || !dns_peek(request->dns, name, DNS_SRV, &answer))
		return false;
	hold_read_srv(&answer, out);
	return true;
}

static void read_from_domain(struct request *request)
{
	char user[256];

	if (!message_uri_parts(request->arrival->sip->sip_from->a_url, user, sizeof(user),
			       request->from_domain, sizeof(request->from_domain)))
		request->from_domain[0] = '\0';
}

static enum reason classify(struct request *request)
{
	struct origin *origin = &request->origin;
	const struct place *place = NULL;
	struct trust_srv srv;

	if (request->log_on || request->phone)
		return REASON_NONE; /* its credentials said so */
	if (request->arrival->flow->listener->network == NETWORK_REMOTE)
		return phone_classify(request);
	read_from_domain(request);
	ask_trust(request, request->srv);
	if (origin->needs_srv && !request->srv && know_srv(request, &srv))
		ask_trust(request, &srv);
	if (origin->reason == REASON_FOREIGN_DOMAIN_FROM_INSIDE)
		request_phone_from_backend(request);
	if (origin->needs_srv && request->dns)
		return REASON_DNS_TIMEOUT; /* it will be judged anew: outcome_of */
	if (origin->kind == ORIGIN_DISCOVERED)
		place = &request->snapshot->settings->federation.place;
	else if (origin->route)
		place = &origin->route->place;
	else if (origin->backend)
		place = &origin->backend->place;
	decision_add(&request->decision, "classify", origin->rule ? origin->rule : "", place,
		     "%s: %.96s", origin_kind_text(origin->kind), origin->evidence);
	request->decision.origin = origin->kind;
	decision_set(&request->decision, DECISION_ORIGIN_ID, origin->id);
	if (origin->kind == ORIGIN_STRANGER)
		return origin->reason ? origin->reason : REASON_STRANGER;
	return REASON_NONE;
}

void request_recognise(struct request *request)
{
	if (!request->arrival->sip->sip_from ||
	    request->arrival->flow->listener->network == NETWORK_REMOTE)
		return;
	read_from_domain(request);
	ask_trust(request, NULL);
	/* Of a domain that was never let in nothing is kept, and what it does is not charged to
	 * those that share its room. */
	if (request->origin.needs_srv ||
	    (request->origin.kind == ORIGIN_DISCOVERED &&
	     !discovered_knows(request->server->discovered, request->origin.domain)))
		origin_clear(&request->origin);
	request->decision.origin = request->origin.kind;
	decision_set(&request->decision, DECISION_ORIGIN_ID, request->origin.id);
}

/* ---- authorize: digest for a partner that is not trusted (mission 57) ---- */

static const struct user *find_user(const struct request *request, const char *auth_user)
{
	const struct users *users = request->snapshot->users;
	const struct user *user = users ? users_find_auth(users, auth_user) : NULL;

	return user && !user->is_locked ? user : NULL;
}

static enum digest_verdict verify(const struct request *request, char name[USER_NAME_SIZE])
{
	const char *realm = request->snapshot->settings->realm;
	const sip_t *sip = request->arrival->sip;
	enum digest_verdict verdict = digest_claimed_user(sip, true, realm, name);
	struct digest_secret secret = { 0 };
	const struct user *user;

	if (verdict != DIGEST_OK)
		return verdict;
	user = find_user(request, name);
	if (user) {
		phone_secret(request->snapshot->settings, user, &secret);
	}
	/* An unknown user is verified against nothing, so that it takes as long as a known
	 * one. */
	return digest_verify(sip, true, realm, &secret, request->server->nonces,
			     request->now_ms);
}

static enum reason authorize(struct request *request)
{
	char name[USER_NAME_SIZE] = "";
	enum digest_verdict verdict;

	if (request->must_prove)
		return phone_authorize(request);
	if (request->origin.kind != ORIGIN_PARTNER_UNTRUSTED)
		return REASON_NONE;
	/* An ACK cannot be challenged (RFC 3261 §22.1): its signed Route stands for it. */
	if (request->is_ack)
		return REASON_NONE;
	verdict = verify(request, name);
	decision_add(&request->decision, "authorize", "digest", &request->origin.route->place,
		     "user '%.60s': %s", name, digest_verdict_text(verdict));
	;
	switch (verdict) {
	case DIGEST_OK:
		return REASON_NONE;
	case DIGEST_MISSING:
		return REASON_AUTHORIZATION_NEEDED;
	case DIGEST_STALE:
	case DIGEST_REPLAYED:
		request->challenge_stale = "true";
		return REASON_AUTHORIZATION_STALE;
	case DIGEST_WRONG:
	case DIGEST_MALFORMED:
		break;
	}
	if (!request->is_dry_run)
		account_auth_failure(request->server->accounts, &request->arrival->flow->remote,
				     request->now_ms);
	return REASON_AUTHORIZATION_WRONG;
}

/* ---- limit ---- */

static enum reason limit(struct request *request)
{
	const struct flow *flow = request->arrival->flow;
	enum account_verdict verdict;

	/* The lan is ours; and what was welcome once may end: ACK and BYE free more than they
	 * cost. */
	if (flow->listener->network == NETWORK_LAN || request->is_dry_run || request->is_ack)
		return REASON_NONE;
	verdict = account_request(request->server->accounts, &flow->remote, request->origin.id,
				  request->now_ms, &request->retry_after_s);
	switch (verdict) {
	case ACCOUNT_WELCOME:
		return REASON_NONE;
	case ACCOUNT_REFUSED:
		decision_add(&request->decision, "limit", "requests", NULL,
			     "over limits.requests; Retry-After %u s", request->retry_after_s);
		return REASON_RATE_LIMITED;
	case ACCOUNT_SILENT:
		break;
	}
	return REASON_BANNED;
}

/* ---- screen: services of the partner it comes from (mission 66) ---- */

static enum reason screen(struct request *request)
{
	const enum screen_way way = request->is_inside_dialog ? SCREEN_DIALOG : SCREEN_IN;
	const char *what = "";
	unsigned services;

	if (request->is_ack || screen_is_open(request->origin.route, way))
		return REASON_NONE;
	services = screen_services(request->arrival->msg);
	if (screen_check(request->origin.route, way, services, &what) == REASON_NONE)
		return REASON_NONE;
	decision_add(&request->decision, "screen", "services", &request->origin.route->place,
		     "%s is not taken from this partner", what);
	return REASON_SERVICE_NOT_ALLOWED;
}

enum { N_STEPS_BEFORE_SENDER = 2 }; /* validate and loop look at the message alone */

/* The story of a request. */
static const struct {
	const char *name;
	enum reason (*take)(struct request *request);
} steps[] = {
	{ "validate", validate },          { "loop", check_loop },
	{ "log-on", request_log_on },      { "classify", classify },
	{ "authorize", authorize },        { "limit", limit },
	{ "load", request_load },          { "open-partner", request_open_partner },
	{ "dialog", request_dialog_step }, { "screen", screen },
	{ "route", request_route },
};

/* A stranger is charged like anybody else: by its address, before it gets even a refusal; and
 * so is whoever was refused before the limits were asked. */
static enum request_outcome charge_refusal(struct request *request)
{
	const struct flow *flow = request->arrival->flow;

	if (request->is_dry_run || flow->listener->network == NETWORK_LAN ||
	    (request->origin.kind != ORIGIN_STRANGER && !request->is_refused_early))
		return REQUEST_REFUSE;
	switch (account_request(request->server->accounts, &flow->remote, request->origin.id,
				request->now_ms, &request->retry_after_s)) {
	case ACCOUNT_WELCOME:
		return REQUEST_REFUSE;
	case ACCOUNT_REFUSED:
		request->reason = REASON_RATE_LIMITED;
		return REQUEST_REFUSE;
	case ACCOUNT_SILENT:
		break;
	}
	return REQUEST_DROP;
}

static enum request_outcome outcome_of(struct request *request)
{
	if (request->origin.needs_srv && request->dns && !request->srv)
		return REQUEST_WAIT;
	if (reason_is_challenge(request->reason)) {
		/* A challenge is longer than what asks for it, and a datagram's source is
		 * easily another's. */
		enum request_outcome outcome = charge_refusal(request);

		return outcome == REQUEST_REFUSE && reason_is_challenge(request->reason)
			       ? REQUEST_CHALLENGE
			       : outcome;
	}
	switch (request->reason) {
	case REASON_NONE:
		if (request->log_on || request->phone)
			return REQUEST_REGISTER;
		return request->is_for_us ? REQUEST_ANSWER : REQUEST_FORWARD;
	case REASON_BANNED:
		return REQUEST_DROP;
	default:
		/* No response to an ACK, ever (RFC 3261 §17.1.1.3). */
		if (request->is_ack)
			return REQUEST_DROP;
		return charge_refusal(request);
	}
}

void request_init(struct request *request, struct server *server, struct snapshot *snapshot,
		  struct arrival *arrival)
{
	/* The record and the targets are most of it; zeroing them cost a sixteenth of a
	 * transaction. */
	memset(request, 0, offsetof(struct request, origin));
	origin_clear(&request->origin);
	request->from_domain[0] = request->to_user[0] = request->to_domain[0] = '\0';
	decision_clear(&request->decision);
	request->server = server;
	request->snapshot = snapshot;
	request->arrival = arrival;
}

enum request_outcome request_judge(struct request *request)
{
	size_t i;

	request->is_ack = is_method(request, "ACK");
	request->is_inside_dialog = dialog_id_is_inside(request->arrival->sip);
	request->importance = importance_of(request->arrival->sip, request->is_inside_dialog);
	request_describe(request);
	for (i = 0; i < COUNT(steps) && !request->reason; i++)
		request->reason = steps[i].take(request);
	request->is_refused_early = request->reason && i <= N_STEPS_BEFORE_SENDER;
	if (request->is_refused_early)
		request_recognise(request);
	request->decision.reason = request->reason;
	return outcome_of(request);
}

void request_fini(struct request *request)
{
	request->msg = message_unref(request->msg);
}
