#include "federation/asserted.h"

#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"

/* True if the asserted identities are all of the domain that the sender speaks for. The header is read as Sofia reads an
 * address list; what cannot be read is not of that domain. */
static bool is_of_domain(const char *value, const char *domain)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const sip_from_t *from;
	char user[256], host[256];
	bool is_of = false;

	if (su_home_init(home) < 0)
		return false;
	from = sip_from_make(home, value);
	if (from && message_uri_parts(from->a_url, user, sizeof(user), host, sizeof(host)))
		is_of = from->a_url->url_type == url_tel || !strcmp(host, domain);
	su_home_deinit(home);
	return is_of;
}

/* RFC 3325 §5: what a node outside the trust domain says of its identity is not taken over; a partner vouches for its own
 * domain alone. */
static bool may_assert(const msg_t *msg, const struct origin *origin)
{
	const char *value = message_header(msg, "P-Asserted-Identity");

	if (!value || origin->kind == ORIGIN_BACKEND)
		return true;
	return origin->kind == ORIGIN_PARTNER && is_of_domain(value, origin->domain);
}

/* RFC 3325 §9.3: "id" among the values of Privacy, which are separated by semicolons (RFC 3323 §4.2). */
static bool wants_id_privacy(const msg_t *msg)
{
	const char *value = message_header(msg, "Privacy");

	while (value && *value) {
		size_t len;

		value += strspn(value, "; \t,");
		len = strcspn(value, "; \t,");
		if (len == 2 && !strncasecmp(value, "id", 2))
			return true;
		value += len;
	}
	return false;
}

enum err asserted_filter(msg_t *msg, const struct origin *origin, bool receiver_is_trusted)
{
	const bool goes_outside = !receiver_is_trusted || origin->kind == ORIGIN_BACKEND;

	if (!may_assert(msg, origin))
		message_remove_header(msg, "P-Asserted-Identity");
	if (origin->kind != ORIGIN_BACKEND || !receiver_is_trusted)
		message_remove_header(msg, "P-Preferred-Identity");
	if (!receiver_is_trusted || (goes_outside && wants_id_privacy(msg)))
		message_remove_header(msg, "P-Asserted-Identity");
	return ERR_OK;
}
