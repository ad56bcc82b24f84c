#include "proxy/sip/registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"

/* delta-seconds (RFC 3261 §25.1): what is larger than fits is as long as can be; what is no number is as if it were not there. */
static bool read_seconds(const char *text, uint32_t *out)
{
	char *end;
	unsigned long long value;

	if (!text || *text < '0' || *text > '9')
		return false;
	value = strtoull(text, &end, 10);
	if (*end != '\0')
		return false;
	*out = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	return true;
}

/* Adds the parameters but bnc, each with its semicolon. */
static size_t append_params(char *out, size_t size, size_t len, const char *params)
{
	while (params && *params) {
		size_t n = strcspn(params, ";");
		char one[REGISTRATION_URI_SIZE];

		if (n && !(n == 3 && !strncasecmp(params, "bnc", 3))) {
			if (!text_copy_len(one, sizeof(one), params, n))
				return size;
			len = text_append(out, size, len, ";");
			len = text_append(out, size, len, one);
		}
		params += n + (params[n] == ';');
	}
	return len;
}

/* Sofia takes more for a URI than may stand in a Request-URI or between brackets, where this one will (RFC 3261 §25.1). */
static bool is_one_uri(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>\"\\", *text))
			return false;
	return true;
}

static enum err print_uri(const url_t *url, char out[REGISTRATION_URI_SIZE])
{
	size_t len = text_append(out, REGISTRATION_URI_SIZE, 0, url->url_type == url_sips ? "sips:" : "sip:");

	if (url->url_user) {
		len = text_append(out, REGISTRATION_URI_SIZE, len, url->url_user);
		len = text_append(out, REGISTRATION_URI_SIZE, len, "@");
	}
	len = text_append(out, REGISTRATION_URI_SIZE, len, url->url_host);
	if (url->url_port && *url->url_port) {
		len = text_append(out, REGISTRATION_URI_SIZE, len, ":");
		len = text_append(out, REGISTRATION_URI_SIZE, len, url->url_port);
	}
	len = append_params(out, REGISTRATION_URI_SIZE, len, url->url_params);
	return len + 1 < REGISTRATION_URI_SIZE && is_one_uri(out) ? ERR_OK : ERR_SYNTAX;
}

static enum err read_contact(const sip_contact_t *contact, struct registration_contact *out)
{
	const url_t *url = contact->m_url;
	int port;

	if (url->url_type != url_sip && url->url_type != url_sips)
		return ERR_SYNTAX;
	port = uri_port(url);
	if (port < 0 || !url->url_host || !text_domain(url->url_host, out->host, sizeof(out->host)))
		return ERR_SYNTAX;
	out->port = (uint16_t)port;
	out->transport = uri_transport(url);
	out->is_bulk = url_has_param(url, "bnc");
	if (out->is_bulk && url->url_user)
		return ERR_SYNTAX;
	out->has_expires = read_seconds(contact->m_expires, &out->expires_s);
	return print_uri(url, out->uri);
}

static void read_require(const sip_t *sip, struct registration *out)
{
	const sip_require_t *require;
	size_t i;

	for (require = sip->sip_require; require; require = (const sip_require_t *)require->k_next) {
		for (i = 0; require->k_items && require->k_items[i]; i++) {
			if (!strcasecmp(require->k_items[i], "gin"))
				out->wants_bulk = true;
			else if (!out->unsupported)
				out->unsupported = require->k_items[i];
		}
	}
}

static enum err read_line(const sip_contact_t *contact, struct registration *out)
{
	for (; contact; contact = contact->m_next) {
		enum err err;

		if (contact->m_url->url_type == url_any) {
			out->is_wildcard = true;
			continue;
		}
		if (out->n_contacts == REGISTRATION_MAX_CONTACTS)
			return ERR_LIMIT;
		err = read_contact(contact, &out->contacts[out->n_contacts]);
		if (err)
			return err;
		out->n_contacts++;
	}
	return ERR_OK;
}

/* Requests that are passed on need no Contact, so it is taken apart only here. */
static enum err read_contacts(su_home_t *home, const msg_t *msg, struct registration *out)
{
	enum err err = ERR_OK;
	const char *line;
	unsigned n;

	for (n = 0; !err && (line = message_header_at(msg, "Contact", n)); n++) {
		const sip_contact_t *contact = sip_contact_make(home, line);

		err = contact ? read_line(contact, out) : ERR_SYNTAX;
	}
	if (!err && out->is_wildcard && (n > 1 || out->n_contacts || !out->has_expires || out->expires_s))
		err = ERR_SYNTAX;
	return err;
}

enum err registration_read(const msg_t *msg, struct registration *out)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	enum err err;

	memset(out, 0, sizeof(*out));
	read_require(message_sip(msg), out);
	out->has_expires = read_seconds(message_header(msg, "Expires"), &out->expires_s);
	su_home_init(home);
	err = read_contacts(home, msg, out);
	su_home_deinit(home);
	return err;
}

enum err registration_add_contact(msg_t *response, const char *uri, bool is_bulk, uint64_t expires_s)
{
	char value[REGISTRATION_URI_SIZE + 64];

	snprintf(value, sizeof(value), "<%.255s%s>;expires=%llu", uri, is_bulk ? ";bnc" : "",
		 (unsigned long long)expires_s);
	return message_add_header(response, "Contact", value);
}
