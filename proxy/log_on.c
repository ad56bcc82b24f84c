#include "proxy/log_on.h"

#include <string.h>

#include "proxy/backend_secrets.h"
#include "proxy/base/text.h"
#include "proxy/phone.h"

static const char prefix[] = "backend:";

const char *log_on_backend_name(const char *id)
{
	return text_starts_with(id, prefix) ? id + strlen(prefix) : NULL;
}

const char *log_on_of_flow(const struct snapshot *snapshot, const struct flow *flow,
			   uint64_t now_ms)
{
	const struct backend_secret *secret;
	const char *name;

	if (!flow->is_inbound || !flow->proof || flow->proof_until_ms <= now_ms)
		return "";
	name = log_on_backend_name(flow->peer_name);
	secret = name ? backend_secrets_of_backend(snapshot->backend_secrets, name) : NULL;
	return secret && secret->proof == flow->proof ? flow->peer_name : "";
}

/* Only the credentials of backends are looked at: those of phones and partners are of no use
 * here, nor these there. */
static enum digest_verdict verify(const struct request *request, char name[256],
				  const struct backend_secret **out)
{
	static const struct digest_secret nobody;
	const char *realm = request->snapshot->settings->realm;
	const sip_t *sip = request->arrival->sip;
	enum digest_verdict verdict = digest_claimed_user(sip, false, realm, name);
	const struct backend_secret *secret;

	if (verdict != DIGEST_OK)
		return verdict;
	secret = backend_secrets_find(request->snapshot->backend_secrets, name);
	/* An unknown one is verified against nothing, so that it takes as long as a known
	 * one. */
	verdict = digest_verify(sip, false, realm, secret ? &secret->secret : &nobody,
				request->server->nonces, request->now_ms);
	if (!secret && verdict == DIGEST_OK)
		verdict = DIGEST_WRONG;
	*out = secret;
	return verdict;
}

static void set_origin(struct request *request, const struct settings_backend *backend)
{
	struct origin *origin = &request->origin;

	origin->kind = ORIGIN_BACKEND;
	origin->reason = REASON_NONE;
	origin->route = NULL;
	origin->backend = backend;
	origin->rule = "log-on";
	text_copy(origin->id, sizeof(origin->id), prefix);
	text_copy(origin->id + strlen(prefix), sizeof(origin->id) - strlen(prefix),
		  backend->name);
	text_copy(origin->domain, sizeof(origin->domain), request->to_domain);
	text_copy(origin->evidence, sizeof(origin->evidence), "digest");
	request->decision.origin = ORIGIN_BACKEND;
	decision_set(&request->decision, DECISION_ORIGIN_ID, origin->id);
}

/* Whom it registers: the To, which must be in a domain that the backend serves. An address of
 * ours stands for its first one. */
static enum reason check_whom(struct request *request, const struct settings_backend *backend)
{
	const url_t *to = request->arrival->sip->sip_to->a_url;

	if (!message_uri_parts(to, request->to_user, sizeof(request->to_user),
			       request->to_domain, sizeof(request->to_domain)))
		return REASON_URI_SCHEME;
	if (backend->n_domains && self_names_has(request->snapshot->self_names, to, NULL))
		text_copy(request->to_domain, sizeof(request->to_domain),
			  backend->domains[0].name);
	if (settings_backend_serves(backend, request->to_domain))
		return REASON_NONE;
	decision_add(&request->decision, "log-on", "backend-domains", &backend->place,
		     "%.60s is no domain that backend %.60s serves", request->to_domain,
		     backend->name);
	return REASON_FOREIGN_DOMAIN_FROM_INSIDE;
}

static enum reason check_listener(struct request *request,
				  const struct settings_backend *backend)
{
	const struct listener *listener = request->arrival->flow->listener;
	const char *wanted = backend->listener.name;

	if (!strcmp(listener->name, wanted))
		return REASON_NONE;
	decision_add(&request->decision, "log-on", "listener", &backend->place,
		     "backend %.60s logs on at listener %.60s", backend->name, wanted);
	return REASON_WRONG_LISTENER;
}

static enum reason accept_backend(struct request *request, const struct backend_secret *secret)
{
	const struct settings_backend *backend = secret->backend;
	enum reason reason = check_listener(request, backend);

	if (!reason)
		reason = check_whom(request, backend);
	if (reason)
		return reason;
	set_origin(request, backend);
	request->log_on = secret;
	return REASON_NONE;
}

enum reason request_log_on(struct request *request)
{
	const struct flow *flow = request->arrival->flow;
	const struct backend_secret *secret = NULL;
	enum digest_verdict verdict;
	char name[256] = "";

	if (strcmp(message_method(request->arrival->sip), "REGISTER"))
		return REASON_NONE;
	if (flow->listener->network == NETWORK_REMOTE)
		return phone_log_on(request);
	if (flow->listener->network != NETWORK_LAN ||
	    !backend_secrets_count(request->snapshot->backend_secrets))
		return REASON_NONE;
	/* On the lan nobody is banned from anything else: a backend with a wrong password goes
	 * on to serve its users. */
	if (account_is_banned(request->server->accounts, &flow->remote, request->now_ms))
		return REASON_BANNED;
	verdict = verify(request, name, &secret);
	decision_add(&request->decision, "log-on", "digest",
		     secret ? &secret->backend->place : NULL, "user '%.60s': %s", name,
		     digest_verdict_text(verdict));
	switch (verdict) {
	case DIGEST_OK:
		return accept_backend(request, secret);
	case DIGEST_MISSING:
		return REASON_LOG_ON_NEEDED;
	case DIGEST_STALE:
	case DIGEST_REPLAYED:
		request->challenge_stale = "true";
		return REASON_LOG_ON_STALE;
	case DIGEST_WRONG:
	case DIGEST_MALFORMED:
		break;
	}
	if (!request->is_dry_run)
		account_auth_failure(request->server->accounts, &flow->remote, request->now_ms);
	return REASON_AUTHORIZATION_WRONG;
}
