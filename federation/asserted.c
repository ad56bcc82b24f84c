#include "federation/asserted.h"

#include <string.h>
#include <strings.h>

#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/text.h"

enum { MAX_IDENTITIES = 2 }; /* RFC 3325 §9.1: a SIP URI and a telephone number */

static const char ASSERTED[] = "P-Asserted-Identity", PREFERRED[] = "P-Preferred-Identity";

/* What Sofia could not read stands among the errors. */
static bool may_be_in(const msg_t *msg, const void *parsed)
{
	return parsed || message_sip(msg)->sip_error;
}

bool asserted_may_be_in(const msg_t *msg)
{
	return may_be_in(msg, sip_p_asserted_identity(message_sip(msg)));
}

/* RFC 3325 §9.3: "id" among the priv-values. */
static bool asks_privacy(const msg_t *msg)
{
	const char *value = message_header(msg, "Privacy");

	while (value && *value) {
		value += strspn(value, "; \t");
		size_t len = strcspn(value, "; \t");
		if (len == 2 && strncasecmp(value, "id", 2) == 0)
			return true;
		value += len;
	}
	return false;
}

/* A partner speaks for its own domain; a telephone number is in nobody's. */
static bool may_assert(const struct origin *origin, const url_t *url)
{
	char user[256], host[256];

	switch (origin->kind) {
	case ORIGIN_BACKEND:
		return true;
	case ORIGIN_PARTNER:
		return url->url_type != url_tel &&
		       message_uri_parts(url, user, sizeof(user), host, sizeof(host)) &&
		       text_domain_matches(origin->domain, host);
	case ORIGIN_PARTNER_UNTRUSTED:
	case ORIGIN_DISCOVERED: /* that it is who it says proves its domain, not its users */
	case ORIGIN_PHONE:      /* who it is was proved, and stands in From */
	case ORIGIN_STRANGER:
		return false;
	}
	return false;
}

/* Keeps what the sender may assert: the values are taken out and the good ones put back. */
static enum err keep_own(msg_t *msg, const struct origin *origin,
			 const sip_p_asserted_identity_t *first)
{
	const char *kept[MAX_IDENTITIES];
	size_t n_kept = 0;

	for (const sip_p_asserted_identity_t *value = first; value && n_kept < COUNT(kept);
	     value = value->paid_next) {
		if (!may_assert(origin, value->paid_url))
			continue;
		kept[n_kept] = sip_header_as_string(msg_home(msg), (const sip_header_t *)value);
		if (!kept[n_kept])
			return ERR_NO_MEMORY;
		n_kept++;
	}
	message_remove_header(msg, ASSERTED);
	for (size_t i = 0; i < n_kept; i++) {
		enum err err = message_add_header(msg, ASSERTED, kept[i]);
		if (err != ERR_OK) {
			message_remove_header(msg, ASSERTED);
			return err;
		}
	}
	return ERR_OK;
}

enum err asserted_filter(msg_t *msg, const struct origin *origin, bool receiver_is_trusted)
{
	/* What a user agent prefers is for its own proxy, and goes no further (RFC 3325 §7). */
	if (may_be_in(msg, sip_p_preferred_identity(message_sip(msg))))
		message_remove_header(msg, PREFERRED);
	if (!asserted_may_be_in(msg) || !message_header(msg, ASSERTED))
		return ERR_OK;

	/* A user of ours who asks for privacy asks for it towards partners, trusted ones too:
	 * they are other houses. Which of the trusted ones the receiver is cannot be told here,
	 * so backends do not see it either. */
	bool wants_privacy = (origin->kind == ORIGIN_BACKEND || origin->kind == ORIGIN_PHONE) &&
			     asks_privacy(msg);
	const sip_p_asserted_identity_t *first = sip_p_asserted_identity(message_sip(msg));
	if (!receiver_is_trusted || wants_privacy || !first) {
		message_remove_header(msg, ASSERTED);
		return ERR_OK;
	}
	return origin->kind == ORIGIN_BACKEND ? ERR_OK : keep_own(msg, origin, first);
}
