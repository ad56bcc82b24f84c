#include "proxy/sip/ms_diagnostics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg_parser.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum { MAX_VALUE = 1024, MAX_ID_DIGITS = 6 };

/* [MS-OCER] "SipStack": the words that administrators of such servers search for. */
static const struct {
	unsigned id;
	const char *text;
} rows[] = {
	{ 1002, "From URI not authorized to communicate with federated partners" },
	{ 1003, "User does not exist" },
	{ 1004, "Route set is no longer valid" },
	{ 1005, "Cannot route to destination domain" },
	{ 1007, "Temporarily cannot route" },
	{ 1008, "Unable to resolve DNS SRV record" },
	{ 1009, "Conflicting SRV and host domains in DNS" },
	{ 1010, "Certificate trust with next-hop server could not be established" },
	{ 1012, "From URI is not authorized to communicate with users outside the enterprise" },
	{ 1014, "Unable to resolve DNS A record" },
	{ 1027, "Cannot route this type of SIP request to or from federated partners" },
	{ 1047, "Failed to complete TLS negotiation with a federated peer server" },
};

const char *ms_diagnostics_text(unsigned id)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].id == id)
			return rows[i].text;
	}
	return "";
}

/* A folded line or a quote in a quoted string must not become one of ours. */
static void copy_clean(char *to, size_t size, const char *from)
{
	text_copy(to, size, from);
	for (char *byte = to; *byte; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			*byte = ' ';
		else if (*byte == '"' || *byte == '\\')
			*byte = '\'';
	}
}

static void copy_param(msg_param_t const *params, const char *name, char *to, size_t size)
{
	const char *value = msg_params_find(params, name);
	char plain[MAX_VALUE];

	if (!value || strlen(value) >= sizeof(plain))
		return;
	if (value[0] != '"')
		copy_clean(to, size, value);
	else if (msg_unquote(plain, value))
		copy_clean(to, size, plain);
}

/* "1034;reason=\"...\";source=\"...\"", "17021.2 ; ...". */
static bool read_value(const char *value, struct ms_diagnostics *out)
{
	size_t n_digits = strspn(value, "0123456789");
	su_home_t home[1] = { SU_HOME_INIT(home) };
	msg_param_t const *params = NULL;
	char text[MAX_VALUE], *at;

	if (n_digits == 0 || n_digits > MAX_ID_DIGITS)
		return false;
	out->id = (unsigned)strtoul(value, NULL, 10);
	text_copy(text, sizeof(text), value);
	at = text + strcspn(text, ";");
	su_home_init(home);
	/* Where the rest makes no sense, the number still does. */
	if (*at && msg_params_d(home, &at, &params) >= 0 && params) {
		copy_param(params, "reason=", out->reason, sizeof(out->reason));
		copy_param(params, "source=", out->source, sizeof(out->source));
	}
	su_home_deinit(home);
	return true;
}

bool ms_diagnostics_read(const msg_t *msg, struct ms_diagnostics *out)
{
	static const char *const names[] = { "ms-diagnostics", "ms-diagnostics-public" };
	const char *value;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < COUNT(names); i++)
		for (unsigned n = 0; (value = message_header_at(msg, names[i], n)); n++)
			if (read_value(value, out))
				return true;
	return false;
}

enum err ms_diagnostics_add(msg_t *response, const struct ms_diagnostics *diagnostics)
{
	char value[2 * MS_DIAGNOSTICS_REASON_SIZE + MS_DIAGNOSTICS_SOURCE_SIZE];
	int len = snprintf(value, sizeof(value), "%u", diagnostics->id);

	if (diagnostics->reason[0])
		len += snprintf(value + len, sizeof(value) - (size_t)len, ";reason=\"%s\"",
				diagnostics->reason);
	if (diagnostics->source[0])
		snprintf(value + len, sizeof(value) - (size_t)len, ";source=\"%s\"",
			 diagnostics->source);
	return message_add_header(response, "ms-diagnostics", value);
}
