#include "proxy/sip/contacts.h"

#include <string.h>

#include <sofia-sip/su_alloc.h>

#include "proxy/base/text.h"
#include "proxy/sip/message_bounds.h"

enum { MAX_LINES = 16, MAX_PARAMS = 512 };

/* qvalue (§25.1): "0" or "1", and up to three digits. */
static unsigned read_q(const char *text)
{
	unsigned q = 0, unit = 100;

	if (!text || (*text != '0' && *text != '1'))
		return 1000;
	q = (unsigned)(*text - '0') * 1000;
	if (text[1] != '.')
		return q;
	for (text += 2; *text >= '0' && *text <= '9' && unit; text++, unit /= 10)
		q += (unsigned)(*text - '0') * unit;
	return q > 1000 ? 1000 : q;
}

/* Without the parameter that may not stand in a Request-URI; params holds MAX_PARAMS bytes. */
static bool copy_params(const char *from, char *params)
{
	size_t len = 0;

	params[0] = '\0';
	while (from && *from) {
		size_t n = strcspn(from, ";");
		char one[MAX_PARAMS];

		if (!text_copy_len(one, sizeof(one), from, n))
			return false;
		if (n && strncasecmp(one, "method=", strlen("method="))) {
			if (len + n + 2 > MAX_PARAMS)
				return false;
			len = text_append(params, MAX_PARAMS, len, len ? ";" : "");
			len = text_append(params, MAX_PARAMS, len, one);
		}
		from += n + (from[n] == ';');
	}
	return true;
}

/* Sofia takes more for a URI than may stand in a request line (§25.1). */
static bool is_one_uri(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>\"\\", *text))
			return false;
	return true;
}

static void read_contact(su_home_t *home, const sip_contact_t *contact, struct contact *out)
{
	url_t url = *contact->m_url;
	char params[MAX_PARAMS];
	const char *text;

	memset(out, 0, sizeof(*out));
	out->q = read_q(contact->m_q);
	out->is_sip = url.url_type == url_sip || url.url_type == url_sips;
	url.url_headers = NULL;
	url.url_fragment = NULL;
	if (!copy_params(url.url_params, params))
		return;
	url.url_params = *params ? params : NULL;
	text = url_as_string(home, &url);
	if (text && is_one_uri(text) && !text_copy(out->uri, sizeof(out->uri), text))
		out->uri[0] = '\0';
}

sip_contact_t *contacts_make(su_home_t *home, const char *line)
{
	return message_bounds_hold(line) ? sip_contact_make(home, line) : NULL;
}

/* Sofia's, of all lines; what passes this proxy without being acted on is not taken apart
 * before. */
static sip_contact_t *parse(su_home_t *home, const msg_t *msg)
{
	sip_contact_t *first = NULL, **end = &first;
	const char *line;

	for (unsigned n = 0; n < MAX_LINES && (line = message_header_at(msg, "Contact", n));
	     n++) {
		*end = contacts_make(home, line);
		if (!*end)
			return NULL;
		while (*end)
			end = &(*end)->m_next;
	}
	return first;
}

size_t contacts_read(const msg_t *msg, struct contact out[CONTACTS_MAX])
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	size_t n = 0;

	su_home_init(home);
	for (const sip_contact_t *contact = parse(home, msg); contact && n < CONTACTS_MAX;
	     contact = contact->m_next)
		read_contact(home, contact, &out[n++]);
	su_home_deinit(home);
	return n;
}

bool contacts_first_host(const msg_t *msg, char *out, size_t size)
{
	const char *line = message_header_at(msg, "Contact", 0);
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const sip_contact_t *contact;
	bool has_host;

	if (!line)
		return false;
	su_home_init(home);
	contact = contacts_make(home, line);
	has_host = contact && contact->m_url->url_host &&
		   text_copy(out, size, contact->m_url->url_host);
	su_home_deinit(home);
	return has_host;
}

enum err contacts_remove(msg_t *msg, const bool is_gone[CONTACTS_MAX])
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_contact_t *contact;
	enum err err = ERR_OK;
	size_t n = 0;

	su_home_init(home);
	contact = parse(home, msg);
	message_remove_header(msg, "Contact");
	for (; contact && !err; contact = contact->m_next, n++) {
		const char *text;

		if (n < CONTACTS_MAX && is_gone[n])
			continue;
		text = sip_header_as_string(home, (const sip_header_t *)contact);
		err = text ? message_add_header(msg, "Contact", text) : ERR_NO_MEMORY;
	}
	su_home_deinit(home);
	return err;
}
