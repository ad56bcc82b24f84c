#include "proxy/refusal.h"

#include <stdio.h>

#include "proxy/base/text.h"
#include "proxy/phone.h"
#include "proxy/sip/ms_diagnostics.h"
#include "proxy/sip/reply.h"

/* True for those who may read why: the others learn nothing about us from a status alone. */
static bool is_known(enum origin_kind asker)
{
	return asker != ORIGIN_STRANGER;
}

/* Partners' servers, and those who run them, know the numbers of [MS-OCER]. A backend gets none
 * of ours: a number of a refusal means to it that the partner spoke. */
static enum err add_number(msg_t *response, enum reason reason, enum origin_kind asker,
			   const char *agent)
{
	struct ms_diagnostics ours = { .id = reason_row(reason)->ms_id };

	if (!ours.id || !is_known(asker) || asker == ORIGIN_BACKEND || asker == ORIGIN_PHONE)
		return ERR_OK;
	text_copy(ours.reason, sizeof(ours.reason), ms_diagnostics_text(ours.id));
	text_copy(ours.source, sizeof(ours.source), agent);
	return ms_diagnostics_add(response, &ours);
}

msg_t *refusal_for(msg_t *msg, enum reason reason, enum origin_kind asker, const char *agent,
		   unsigned retry_after_s)
{
	const struct reason_row *row = reason_row(reason);
	char value[400], tag[17];
	msg_t *response;

	reply_stateless_tag(message_sip(msg), tag);
	response = reply_new(msg, row->status ? row->status : 503,
			     row->status ? row->phrase : "Service Unavailable", tag);
	if (!response)
		return NULL;
	if (is_known(asker)) {
		/* RFC 3261 §20.43: 399 is a warning for a person or a log. Reason (RFC 3326) is
		 * not allowed in these responses. */
		snprintf(value, sizeof(value), "399 %.255s \"nuncio: %s\"", agent,
			 reason_code(reason));
		if (message_add_header(response, "Warning", value))
			return message_unref(response);
	}
	if (add_number(response, reason, asker, agent))
		return message_unref(response);
	if (retry_after_s) {
		snprintf(value, sizeof(value), "%u", retry_after_s);
		if (message_add_header(response, "Retry-After", value))
			return message_unref(response);
	}
	return response;
}

msg_t *refusal_new(const struct request *request, enum reason reason)
{
	const struct listener *listener = request->arrival->flow->listener;
	msg_t *response = refusal_for(request->arrival->msg, reason, request->origin.kind,
				      listener->host, request->retry_after_s);

	if (!response)
		return NULL;
	if ((reason == REASON_PROXY_REQUIRE || reason == REASON_EXTENSION_UNSUPPORTED) &&
	    request->refused_header &&
	    message_add_header(response, "Unsupported", request->refused_header))
		return message_unref(response);
	if (reason == REASON_METHOD && message_add_header(response, "Allow", "OPTIONS"))
		return message_unref(response);
	return response;
}

msg_t *refusal_challenge(const struct request *request)
{
	const char *realm = request->snapshot->settings->realm;
	const struct reason_row *row = reason_row(request->reason);
	unsigned algorithms = DIGEST_ALL;
	msg_t *response;
	char tag[17], scope[ADDR_TEXT_SIZE];

	reply_stateless_tag(request->arrival->sip, tag);
	response = reply_new(request->arrival->msg, row->status, row->phrase, tag);
	if (!response)
		return NULL;
	if (request->arrival->flow->listener->network !=
	    NETWORK_LAN) /* a backend's password is known, not its hashes */
		algorithms = request->snapshot->settings->digest_algorithms;
	if (digest_challenge_at(response, request->server->nonces, realm,
				phone_nonce_scope(request->arrival->flow, scope), algorithms,
				request->challenge_stale != NULL, request->now_ms))
		return message_unref(response);
	return response;
}

msg_t *refusal_options_ok(const struct request *request)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ "Allow",
		  "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH, "
		  "INFO, UPDATE, PRACK, REFER" },
		{ "Accept", "application/sdp, text/plain, application/pidf+xml" },
	};
	char contact[300], tag[17];
	const struct listener *listener = request->arrival->flow->listener;
	msg_t *response;
	size_t i;

	reply_stateless_tag(request->arrival->sip, tag);
	response = reply_new(request->arrival->msg, 200, "OK", tag);
	if (!response)
		return NULL;
	for (i = 0; i < COUNT(rows); i++)
		if (message_add_header(response, rows[i].name, rows[i].value))
			return message_unref(response);
	/* Some partners refuse a response to their probe that has no Contact. */
	snprintf(contact, sizeof(contact), "<sip:%.271s>", listener->sent_by);
	if (message_add_header(response, "Contact", contact))
		return message_unref(response);
	return response;
}
