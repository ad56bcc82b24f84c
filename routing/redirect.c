#include "routing/redirect.h"

#include <string.h>

#include "proxy/base/text.h"
#include "proxy/sip/uri.h"

bool redirect_is_followed(int status)
{
	return status == 300 || status == 301 || status == 302;
}

/* The parts of a URI that is compared. */
struct address {
	char user[CONTACTS_URI_SIZE], host[256]; /* user without escapes */
};

static bool read_address(const url_t *url, struct address *out)
{
	return message_uri_parts(url, out->user, sizeof(out->user), out->host,
				 sizeof(out->host));
}

/* What a gateway may dial: it may cost money (RFC 3261 §19.1.1, user=phone; RFC 3966). */
static bool is_number(const url_t *url, const char *user)
{
	char kind[16];
	size_t n_digits = 0;

	if (uri_param(url, "user", kind, sizeof(kind)) && text_equal_nocase(kind, "phone"))
		return true;
	for (; *user && *user != ';'; user++) {
		if (!strchr("0123456789+-.()*#", *user))
			return false;
		n_digits += *user >= '0' && *user <= '9';
	}
	return n_digits > 0;
}

static bool is_asked_number(const char *user, const struct redirect_past *past)
{
	struct address asked;

	return read_address(past->asked, &asked) && strcmp(user, asked.user) == 0;
}

static bool is_tried(su_home_t *home, const url_t *url, const struct redirect_past *past)
{
	if (uri_equal(url, past->asked))
		return true;
	for (size_t i = 0; i < past->n_tried; i++) {
		const url_t *tried = uri_parse(home, past->tried[i]);
		if (tried && uri_equal(url, tried))
			return true;
	}
	return false;
}

static enum reason judge(su_home_t *home, const struct contact *contact,
			 const struct redirect_past *past)
{
	struct address address;
	const url_t *url;

	if (!*contact->uri)
		return REASON_MALFORMED;
	url = uri_parse(home, contact->uri);
	if (url && url->url_type == url_tel)
		/* whom that is to be dialled by is for the one who asks */
		return REASON_REDIRECT_NUMBER;
	if (!contact->is_sip)
		return REASON_URI_SCHEME;
	if (!url || !read_address(url, &address))
		return REASON_MALFORMED;
	if (past->asked->url_type == url_sips && url->url_type != url_sips)
		return REASON_URI_SCHEME; /* §16.7 item 4 */
	if (is_tried(home, url, past))
		return REASON_REDIRECT_LOOP;
	if (is_number(url, address.user) && !is_asked_number(address.user, past))
		return REASON_REDIRECT_NUMBER;
	return past->depth >= REDIRECT_MAX_DEPTH ? REASON_REDIRECT_LIMIT : REASON_NONE;
}

/* Whether an equal one stands before it in the same response (§8.1.3.4: each once). */
static bool is_repeat(su_home_t *home, const struct redirect_choice *choices, size_t i)
{
	const url_t *url = uri_parse(home, choices[i].contact.uri);

	for (size_t k = 0; k < i; k++) {
		const url_t *other =
			choices[k].reason ? NULL : uri_parse(home, choices[k].contact.uri);
		if (url && other && uri_equal(url, other))
			return true;
	}
	return false;
}

size_t redirect_choose(const msg_t *response, const struct redirect_past *past,
		       struct redirect_choice out[CONTACTS_MAX])
{
	su_home_t *home = msg_home(response);
	struct contact contacts[CONTACTS_MAX];
	size_t n = contacts_read(response, contacts);

	for (size_t i = 0; i < n; i++) {
		size_t at = i;
		for (; at > 0 && out[at - 1].contact.q < contacts[i].q; at--)
			out[at] = out[at - 1];
		out[at] = (struct redirect_choice){ contacts[i], i,
						    judge(home, &contacts[i], past) };
	}
	for (size_t i = 0; i < n; i++)
		if (!out[i].reason && is_repeat(home, out, i))
			out[i].reason = REASON_REDIRECT_LOOP;
	return n;
}
