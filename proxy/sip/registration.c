#include "proxy/sip/registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>

#include "proxy/base/text.h"
#include "proxy/sip/contacts.h"
#include "proxy/sip/message_bounds.h"

/* delta-seconds (RFC 3261 §25.1): what is larger than fits is as long as can be; what is no
 * number is as if it were not there. */
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

/* Sofia takes more for a URI than may stand in a Request-URI or between brackets, where this
 * one will (RFC 3261 §25.1). */
static bool is_one_uri(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>\"\\", *text))
			return false;
	return true;
}

static enum err print_uri(const url_t *url, char out[REGISTRATION_URI_SIZE])
{
	size_t len = text_append(out, REGISTRATION_URI_SIZE, 0,
				 url->url_type == url_sips ? "sips:" : "sip:");

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
	if (port < 0 || !url->url_host ||
	    !text_domain(url->url_host, out->host, sizeof(out->host)))
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

	for (require = sip->sip_require; require;
	     require = (const sip_require_t *)require->k_next) {
		for (i = 0; require->k_items && require->k_items[i]; i++) {
			if (!strcasecmp(require->k_items[i], "gin"))
				out->gin = require->k_items[i];
			else if (!strcasecmp(require->k_items[i], "outbound"))
				out->outbound = require->k_items[i];
			else if (!out->unsupported)
				out->unsupported = require->k_items[i];
		}
	}
}

/* RFC 5626 §4.2.1; what is longer than an option tag is none. */
static bool supports(su_home_t *home, const msg_t *msg, const char *option)
{
	const char *line;
	unsigned n;
	size_t i;

	for (n = 0; (line = message_header_at(msg, "Supported", n)); n++) {
		const sip_supported_t *supported =
			message_bounds_hold(line) ? sip_supported_make(home, line) : NULL;

		for (i = 0; supported && supported->k_items && supported->k_items[i]; i++)
			if (!strcasecmp(supported->k_items[i], option))
				return true;
	}
	return false;
}

/* A URN between brackets (RFC 5626 §4.1). */
static bool is_instance(const char *text)
{
	const size_t len = strlen(text);

	return len > 2 && text[0] == '<' && text[len - 1] == '>' &&
	       strcspn(text, " \t\"\\,;") == len && strspn(text + 1, "<>") == 0;
}

static enum err read_flow(const sip_contact_t *contact, bool supports_outbound,
			  struct registration_contact *out)
{
	const char *instance =
		contact->m_params ? msg_params_find(contact->m_params, "+sip.instance=") : NULL;
	const char *reg_id =
		contact->m_params ? msg_params_find(contact->m_params, "reg-id=") : NULL;
	char unquoted[REGISTRATION_INSTANCE_SIZE + 2];

	if (!instance || !*instance)
		return ERR_OK;
	if (strlen(instance) >= sizeof(unquoted))
		return ERR_SYNTAX;
	if (instance[0] == '"' ? !msg_unquote(unquoted, instance)
			       : !text_copy(unquoted, sizeof(unquoted), instance))
		return ERR_SYNTAX;
	if (!is_instance(unquoted) ||
	    !text_copy(out->instance, sizeof(out->instance), unquoted))
		return ERR_SYNTAX;
	if (supports_outbound && reg_id &&
	    (!read_seconds(reg_id, &out->reg_id) || !out->reg_id))
		return ERR_SYNTAX;
	return ERR_OK;
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
		if (!err)
			err = read_flow(contact, out->supports_outbound,
					&out->contacts[out->n_contacts]);
		if (err)
			return err;
		out->n_contacts++;
	}
	return ERR_OK;
}

/* Each flow is registered by itself, over itself (RFC 5626 §4.2.1, §6). */
static bool has_two_flows(const struct registration *said)
{
	unsigned n = 0, i;

	for (i = 0; i < said->n_contacts; i++) {
		const struct registration_contact *contact = &said->contacts[i];
		const bool goes = contact->has_expires ? !contact->expires_s
						       : said->has_expires && !said->expires_s;

		n += contact->reg_id && !goes;
	}
	return n > 1;
}

/* Requests that are passed on need no Contact, so it is taken apart only here. */
static enum err read_contacts(su_home_t *home, const msg_t *msg, struct registration *out)
{
	enum err err = ERR_OK;
	const char *line;
	unsigned n;

	for (n = 0; !err && (line = message_header_at(msg, "Contact", n)); n++) {
		const sip_contact_t *contact = contacts_make(home, line);

		err = contact ? read_line(contact, out) : ERR_SYNTAX;
	}
	if (!err && has_two_flows(out))
		err = ERR_SYNTAX;
	if (!err && out->is_wildcard &&
	    (n > 1 || out->n_contacts || !out->has_expires || out->expires_s))
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
	out->supports_outbound =
		!message_sip(msg)->sip_via->v_next && supports(home, msg, "outbound");
	err = read_contacts(home, msg, out);
	su_home_deinit(home);
	return err;
}

enum err registration_add_contact(msg_t *response, const char *uri, bool is_bulk,
				  uint64_t expires_s)
{
	char value[REGISTRATION_URI_SIZE + 64];

	snprintf(value, sizeof(value), "<%.255s%s>;expires=%llu", uri, is_bulk ? ";bnc" : "",
		 (unsigned long long)expires_s);
	return message_add_header(response, "Contact", value);
}

enum err registration_add_phone(msg_t *response, const char *uri, const char *instance,
				uint32_t reg_id, uint64_t expires_s)
{
	char value[REGISTRATION_URI_SIZE + REGISTRATION_INSTANCE_SIZE + 96], flow[24] = "";

	if (reg_id)
		snprintf(flow, sizeof(flow), ";reg-id=%u", (unsigned)reg_id);
	snprintf(value, sizeof(value), "<%.255s>%s%.127s%s%s;expires=%llu", uri,
		 *instance ? ";+sip.instance=\"" : "", instance, *instance ? "\"" : "", flow,
		 (unsigned long long)expires_s);
	return message_add_header(response, "Contact", value);
}
