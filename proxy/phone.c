#include "proxy/phone.h"

#include <stdio.h>
#include <string.h>

#include "federation/class_of_service.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"

enum { MAX_USERS_OF_FLOW = 8 };

static const char prefix[] = "phone:";

/* ---- users ---- */

bool phone_identity(const struct snapshot *snapshot, const struct user *user,
		    struct location_name *out)
{
	const char *at = strrchr(user->name, '@');
	const struct settings *settings = snapshot->settings;

	if (!settings->n_domains)
		return false;
	if (!at)
		return text_copy(out->user, sizeof(out->user), user->name) &&
		       text_copy(out->domain, sizeof(out->domain), settings->domains[0].name);
	return at > user->name &&
	       text_copy_len(out->user, sizeof(out->user), user->name,
			     (size_t)(at - user->name)) &&
	       text_domain(at + 1, out->domain, sizeof(out->domain)) &&
	       rules_is_local_domain(snapshot->rules, out->domain);
}

const struct user *phone_find(const struct snapshot *snapshot, const char *name,
			      const char *domain)
{
	const struct settings *settings = snapshot->settings;
	const struct user *user = NULL;
	char whole[USER_NAME_SIZE];

	if (!snapshot->users || !*name || !settings->n_domains)
		return NULL;
	if (!strcmp(domain, settings->domains[0].name) && !strchr(name, '@'))
		user = users_find(snapshot->users, name);
	if (!user &&
	    snprintf(whole, sizeof(whole), "%s@%s", name, domain) < (int)sizeof(whole) &&
	    rules_is_local_domain(snapshot->rules, domain))
		user = users_find(snapshot->users, whole);
	return user;
}

bool phone_id(const struct location_name *name, char out[PHONE_ID_SIZE])
{
	int len = snprintf(out, PHONE_ID_SIZE, "%s%s@%s", prefix, name->user, name->domain);

	return len > 0 && len < PHONE_ID_SIZE;
}

const struct user *phone_of_id(const struct snapshot *snapshot, const char *id)
{
	struct location_name name;
	const char *at;

	if (!text_starts_with(id, prefix))
		return NULL;
	id += strlen(prefix);
	at = strrchr(id, '@');
	if (!at || !text_copy_len(name.user, sizeof(name.user), id, (size_t)(at - id)))
		return NULL;
	return phone_find(snapshot, name.user, at + 1);
}

bool phone_is_allowed(const struct user *user)
{
	return user->is_on_internet && !user->is_locked;
}

uint64_t phone_proof(const struct snapshot *snapshot, const struct user *user)
{
	char text[1024];
	uint64_t proof;

	/* The text cannot be mistaken for an end of a dialog: those have no line ends. */
	(void)snprintf(text, sizeof(text), "phone\n%s\n%s\n%s\n%s\n%s\n%d", user->name,
		       snapshot->settings->realm, user->ha1.md5, user->ha1.sha_256,
		       user->ha1.sha_512_256, phone_is_allowed(user));
	proof = snapshot->keys ? record_route_end(snapshot->keys, text)
			       : random_keyed_hash(text, strlen(text));
	explicit_bzero(text, sizeof(text));
	return proof;
}

/* ---- flows ---- */

void phone_flow_of(const struct flow *flow, struct phone_flow *out)
{
	memset(out, 0, sizeof(*out));
	out->id = flow_is_reliable(flow) ? flow->id : 0;
	out->transport = flow->transport;
	out->remote = flow->remote;
	out->local = flow->local;
	text_copy(out->listener, sizeof(out->listener), flow->listener->name);
}

void phone_token_flow(const struct record_route_keys *keys, const struct flow *flow,
		      struct token_flow *out)
{
	memset(out, 0, sizeof(*out));
	out->is_set = true;
	out->listener = record_route_listener(keys, flow->listener->name);
	out->id = flow_is_reliable(flow) ? flow->id : 0;
	out->remote = flow->remote;
	out->local = flow->local;
}

bool phone_is_token_flow(const struct record_route_keys *keys, const struct flow *flow,
			 const struct token_flow *token)
{
	if (!token->is_set)
		return false;
	if (token->id || flow_is_reliable(flow))
		return flow_is_reliable(flow) && token->id == flow->id;
	return addr_equal(&token->remote, &flow->remote) &&
	       token->listener == record_route_listener(keys, flow->listener->name);
}

/* ---- who sent it ---- */

static void take_as(struct request *request, const struct location_name *name, const char *rule,
		    const char *evidence)
{
	struct origin *origin = &request->origin;

	origin->kind = ORIGIN_PHONE;
	origin->reason = REASON_NONE;
	origin->rule = rule;
	(void)phone_id(name, origin->id);
	text_copy(origin->domain, sizeof(origin->domain), name->domain);
	text_copy(origin->evidence, sizeof(origin->evidence), evidence);
	request->decision.origin = ORIGIN_PHONE;
	decision_set(&request->decision, DECISION_ORIGIN_ID, origin->id);
}

static void note(struct request *request, const struct user *user)
{
	decision_add(&request->decision, "classify", request->origin.rule,
		     user ? &user->place : NULL, "%s: %.60s, %.60s",
		     origin_kind_text(request->origin.kind), request->origin.id,
		     request->origin.evidence);
}

static bool is_end(const struct request *request, const struct location_name *name,
		   uint64_t end)
{
	char id[PHONE_ID_SIZE];

	return phone_id(name, id) && record_route_end(request->server->keys, id) == end;
}

/* The token of our topmost Route, which knows the flow of each phone in the dialog. */
static bool read_token(const struct request *request, struct record_route_token *out)
{
	const sip_t *sip = request->arrival->sip;

	return sip->sip_route && sip->sip_call_id &&
	       record_route_verify(request->server->keys, sip->sip_route->r_url,
				   sip->sip_call_id->i_id, out) == RECORD_ROUTE_VALID;
}

/* Whose end of the dialog that is: the user in From, or one who registered by the flow that it
 * came by. False: nobody's who may speak here any more. */
static bool find_end(const struct request *request, const struct location_name *from,
		     uint64_t end, struct location_name *out)
{
	struct location_name names[MAX_USERS_OF_FLOW];
	struct phone_flow flow;
	const struct user *user;
	size_t n, i;

	phone_flow_of(request->arrival->flow, &flow);
	n = location_phone_users(request->server->location, &flow, request->now_ms, names,
				 COUNT(names) - 1);
	names[n++] = *from;
	for (i = 0; i < n; i++) {
		user = is_end(request, &names[i], end)
			       ? phone_find(request->snapshot, names[i].user, names[i].domain)
			       : NULL;
		if (!user || !phone_is_allowed(user))
			continue;
		*out = names[i];
		return true;
	}
	return false;
}

/* Inside a dialog: by the very flow that our signed Route names for an end, it is that end; an
 * ACK, which cannot be challenged (RFC 3261 §22.1), by any. */
static bool is_known_end(struct request *request, const struct location_name *from)
{
	const struct record_route_keys *keys = request->server->keys;
	const struct flow *flow = request->arrival->flow;
	struct record_route_token token;
	struct location_name name;

	if (!request->is_inside_dialog || !read_token(request, &token))
		return false;
	if (phone_is_token_flow(keys, flow, &token.callee_flow) &&
	    find_end(request, from, token.callee, &name)) {
		take_as(request, &name, "signed-route", "by the flow of its dialog");
		return true;
	}
	if (phone_is_token_flow(keys, flow, &token.caller_flow) &&
	    find_end(request, from, token.caller, &name)) {
		take_as(request, &name, "signed-route", "by the flow of its dialog");
		return true;
	}
	if (!request->is_ack ||
	    (!is_end(request, from, token.caller) && !is_end(request, from, token.callee)))
		return false;
	take_as(request, from, "signed-route", "an ACK of its dialog");
	return true;
}

/* Nobody else can write into a connection by which the user registered. A datagram's source is
 * written by whoever sends it. */
static bool is_known_connection(struct request *request, const struct user *user,
				const struct location_name *from)
{
	struct phone_flow flow;

	if (!user || !phone_is_allowed(user) || !flow_is_reliable(request->arrival->flow))
		return false;
	phone_flow_of(request->arrival->flow, &flow);
	if (!location_has_phone(request->server->location, from->user, from->domain, &flow,
				phone_proof(request->snapshot, user), request->now_ms))
		return false;
	take_as(request, from, "registered-flow", "registered by this connection");
	return true;
}

static enum reason refuse_stranger(struct request *request, const char *why)
{
	request->origin.rule = "own-domain";
	text_copy(request->origin.evidence, sizeof(request->origin.evidence), why);
	request->decision.origin = ORIGIN_STRANGER;
	decision_add(&request->decision, "classify", "own-domain", NULL, "stranger: %.100s",
		     why);
	return REASON_STRANGER;
}

static bool read_from(struct request *request, struct location_name *out)
{
	if (!message_uri_parts(request->arrival->sip->sip_from->a_url, out->user,
			       sizeof(out->user), out->domain, sizeof(out->domain)))
		return false;
	text_copy(request->from_domain, sizeof(request->from_domain), out->domain);
	return *out->user && rules_is_local_domain(request->snapshot->rules, out->domain);
}

enum reason phone_classify(struct request *request)
{
	struct location_name from = { "", "" };
	const bool is_own = read_from(request, &from);
	const struct user *user =
		is_own ? phone_find(request->snapshot, from.user, from.domain) : NULL;

	origin_clear(&request->origin);
	if (is_known_end(request, &from) || is_known_connection(request, user, &from)) {
		note(request, user);
		return REASON_NONE;
	}
	if (request->is_ack)
		return refuse_stranger(request, "an ACK of no dialog of a phone");
	/* Inside a dialog From is what the other end calls the phone. */
	if (!is_own && !request->is_inside_dialog)
		return refuse_stranger(request, "From is no user of ours");
	/* whoever it is: that a user does not exist is nobody's business */
	request->must_prove = true;
	request->decision.origin = ORIGIN_STRANGER;
	decision_add(&request->decision, "classify", "digest", NULL,
		     "nothing proves yet that it is %.60s@%.60s", from.user, from.domain);
	return REASON_NONE;
}

/* ---- digest ---- */

void phone_secret(const struct settings *settings, const struct user *user,
		  struct digest_secret *out)
{
	const char *const hashes[N_DIGEST_ALGORITHMS] = {
		[DIGEST_MD5] = user->ha1.md5,
		[DIGEST_SHA256] = user->ha1.sha_256,
		[DIGEST_SHA512_256] = user->ha1.sha_512_256,
	};
	unsigned i;

	for (i = 0; i < N_DIGEST_ALGORITHMS; i++)
		text_copy(out->ha1[i], sizeof(out->ha1[i]),
			  settings->digest_algorithms & 1U << i ? hashes[i] : "");
}

const char *phone_nonce_scope(const struct flow *flow, char text[ADDR_TEXT_SIZE])
{
	return flow->listener->network == NETWORK_REMOTE ? addr_host(&flow->remote, text) : "";
}

static enum digest_verdict verify(const struct request *request, bool is_proxy,
				  char name[USER_NAME_SIZE], const struct user **out)
{
	const struct snapshot *snapshot = request->snapshot;
	const sip_t *sip = request->arrival->sip;
	enum digest_verdict verdict =
		digest_claimed_user(sip, is_proxy, snapshot->settings->realm, name);
	struct digest_secret secret = { 0 };
	char scope[ADDR_TEXT_SIZE];
	const struct user *user;

	if (verdict != DIGEST_OK)
		return verdict;
	user = snapshot->users ? users_find_auth(snapshot->users, name) : NULL;
	if (user)
		phone_secret(snapshot->settings, user, &secret);
	/* An unknown user is verified against nothing, so that it takes as long as a known
	 * one. */
	verdict = digest_verify_at(sip, is_proxy, snapshot->settings->realm,
				   phone_nonce_scope(request->arrival->flow, scope), &secret,
				   request->server->nonces, request->now_ms);
	explicit_bzero(&secret, sizeof(secret));
	if (verdict == DIGEST_OK && user)
		*out = user;
	return verdict == DIGEST_OK && !user ? DIGEST_WRONG : verdict;
}

static bool was_challenged(const struct request *request, bool is_proxy)
{
	char scope[ADDR_TEXT_SIZE];

	return digest_was_challenged(request->arrival->sip, is_proxy,
				     request->snapshot->settings->realm,
				     phone_nonce_scope(request->arrival->flow, scope),
				     request->server->nonces, request->now_ms);
}

/* The reason to refuse or to challenge with; or *out, whose password it was, and who may come
 * in. */
static enum reason prove(struct request *request, bool is_proxy, const struct user **out)
{
	const struct user *user = NULL;
	char name[USER_NAME_SIZE] = "";
	enum digest_verdict verdict = verify(request, is_proxy, name, &user);

	decision_add(&request->decision, is_proxy ? "authorize" : "log-on", "digest",
		     user ? &user->place : NULL, "user '%.60s': %s", name,
		     digest_verdict_text(verdict));
	switch (verdict) {
	case DIGEST_OK:
		break;
	case DIGEST_MISSING:
		return is_proxy ? REASON_AUTHORIZATION_NEEDED : REASON_LOG_ON_NEEDED;
	case DIGEST_STALE:
	case DIGEST_REPLAYED:
		request->challenge_stale = "true";
		return is_proxy ? REASON_AUTHORIZATION_STALE : REASON_LOG_ON_STALE;
	case DIGEST_WRONG:
	case DIGEST_MALFORMED:
		/* Who was never challenged did not guess: it may be anybody who writes a
		 * phone's address as the source, so that the phone is banned. */
		if (!request->is_dry_run && was_challenged(request, is_proxy))
			account_auth_failure(request->server->accounts,
					     &request->arrival->flow->remote, request->now_ms);
		return REASON_AUTHORIZATION_WRONG;
	}
	if (phone_is_allowed(user)) {
		*out = user;
		return REASON_NONE;
	}
	decision_add(&request->decision, is_proxy ? "authorize" : "log-on",
		     user->is_locked ? "locked" : "internet", &user->place,
		     user->is_locked ? "user '%.60s' is locked"
				     : "user '%.60s' may not come from the internet",
		     user->name);
	return REASON_PHONE_NOT_ALLOWED;
}

static enum reason refuse_identity(struct request *request, const struct user *user,
				   const char *header)
{
	decision_add(&request->decision, "authorize", "identity", &user->place,
		     "%s is another than user '%.60s'", header, user->name);
	return REASON_PHONE_IDENTITY;
}

static bool is_of(const url_t *url, const struct location_name *name)
{
	struct location_name its;

	return message_uri_parts(url, its.user, sizeof(its.user), its.domain,
				 sizeof(its.domain)) &&
	       !strcmp(its.user, name->user) && !strcmp(its.domain, name->domain);
}

enum reason phone_authorize(struct request *request)
{
	const struct user *user = NULL;
	struct location_name name;
	enum reason reason = prove(request, true, &user);

	if (reason)
		return reason;
	/* Inside a dialog its ends decide: request_dialog_step. */
	if (!phone_identity(request->snapshot, user, &name) ||
	    (!request->is_inside_dialog &&
	     !is_of(request->arrival->sip->sip_from->a_url, &name)))
		return refuse_identity(request, user, "From");
	take_as(request, &name, "digest", "digest");
	return REASON_NONE;
}

/* RFC 3261 §10.3 items 1 to 5. */
enum reason phone_log_on(struct request *request)
{
	const sip_t *sip = request->arrival->sip;
	const struct user *user = NULL;
	char ignored[256], host[256];
	struct location_name name;
	enum reason reason = prove(request, false, &user);

	if (reason)
		return reason;
	if (!message_uri_parts(sip->sip_request->rq_url, ignored, sizeof(ignored), host,
			       sizeof(host)) ||
	    (!rules_is_local_domain(request->snapshot->rules, host) &&
	     !self_names_has(request->snapshot->self_names, sip->sip_request->rq_url, NULL))) {
		decision_add(&request->decision, "log-on", "domain", NULL,
			     "the Request-URI is no domain of ours");
		return REASON_NO_RELAY;
	}
	if (!phone_identity(request->snapshot, user, &name) ||
	    !is_of(sip->sip_from->a_url, &name))
		return refuse_identity(request, user, "From");
	if (!is_of(sip->sip_to->a_url, &name))
		return refuse_identity(request, user, "To");
	take_as(request, &name, "digest", "digest");
	text_copy(request->to_user, sizeof(request->to_user), name.user);
	text_copy(request->to_domain, sizeof(request->to_domain), name.domain);
	request->phone = user;
	return REASON_NONE;
}

/* ---- class of service ---- */

enum reason phone_check_class(struct request *request, const url_t *url)
{
	const struct user *user = request->origin.kind == ORIGIN_PHONE
					  ? phone_of_id(request->snapshot, request->origin.id)
					  : NULL;
	const struct settings_class *class;
	const char *pattern;

	if (request->origin.kind != ORIGIN_PHONE)
		return REASON_NONE;
	class = user && *user->class ? settings_find_class(request->snapshot->settings,
							   user->class)
				     : NULL;
	pattern = class_of_service_denies(class, url);
	if (!pattern)
		return REASON_NONE;
	decision_add(&request->decision, "class-of-service", class->name, &class->place,
		     "\"%.60s\" of class %.40s forbids user '%.60s' to dial that", pattern,
		     class->name, user->name);
	return REASON_DIAL_DENIED;
}
