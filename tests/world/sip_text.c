#include "tests/world/sip_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

void sip_text_start(const char *text, char *out, size_t size)
{
	text_copy_len(out, size, text, strcspn(text, "\r\n"));
}

static bool is_list(const char *name)
{
	static const char *const names[] = { "Via", "Route", "Record-Route", "Contact" };
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

/* The length of the first entry of a list: up to a comma that is neither quoted nor in
 * brackets. */
static size_t entry_len(const char *value, size_t len)
{
	bool is_quoted = false, is_bracketed = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (value[i] == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (value[i] == '<' || value[i] == '>'))
			is_bracketed = value[i] == '<';
		else if (value[i] == ',' && !is_quoted && !is_bracketed)
			break;
	}
	return i;
}

static void trim(const char **value, size_t *len)
{
	while (*len && strchr(" \t", **value)) {
		(*value)++;
		(*len)--;
	}
	while (*len && strchr(" \t\r", (*value)[*len - 1]))
		(*len)--;
}

/* Where to look next, and what was found there. */
struct cursor {
	const char *line; /* the next line */
	const char *rest; /* the rest of a list */
	size_t rest_len;
};

static bool next_value(struct cursor *cursor, const char *name, const char **value, size_t *len)
{
	const size_t name_len = strlen(name);

	while (!cursor->rest_len) {
		const char *line = cursor->line;
		size_t line_len = strcspn(line, "\n");

		if (!*line || *line == '\r' || *line == '\n')
			return false;
		cursor->line = line + line_len + (line[line_len] == '\n');
		if (strncasecmp(line, name, name_len) ||
		    line[name_len + strspn(line + name_len, " \t")] != ':')
			continue;
		cursor->rest = strchr(line, ':') + 1;
		cursor->rest_len = line_len - (size_t)(cursor->rest - line);
	}
	*value = cursor->rest;
	*len = is_list(name) ? entry_len(cursor->rest, cursor->rest_len) : cursor->rest_len;
	cursor->rest += *len;
	cursor->rest_len -= *len;
	if (cursor->rest_len) { /* the comma */
		cursor->rest++;
		cursor->rest_len--;
	}
	trim(value, len);
	return true;
}

static const char *first_header(const char *text)
{
	const char *end = strchr(text, '\n');

	return end ? end + 1 : "";
}

bool sip_text_header(const char *text, const char *name, unsigned n, char *out, size_t size)
{
	struct cursor cursor = { .line = first_header(text) };
	const char *value;
	size_t len;

	while (next_value(&cursor, name, &value, &len))
		if (!n--) {
			text_copy_len(out, size, value, len);
			return true;
		}
	*out = '\0';
	return false;
}

unsigned sip_text_count(const char *text, const char *name)
{
	struct cursor cursor = { .line = first_header(text) };
	const char *value;
	unsigned n = 0;
	size_t len;

	while (next_value(&cursor, name, &value, &len))
		n++;
	return n;
}

const char *sip_text_body(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	return end ? end + 4 : "";
}

bool sip_text_param(const char *value, const char *name, char *out, size_t size)
{
	const char *at = strchr(value, '>');
	const size_t len = strlen(name);

	*out = '\0';
	for (at = strchr(at ? at : value, ';'); at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " ");
		if (strncasecmp(at, name, len) || !strchr("=;", at[len]))
			continue;
		if (at[len] == '=')
			text_copy_len(out, size, at + len + 1,
				      strcspn(at + len + 1, ";, \t\r\n"));
		return true;
	}
	return false;
}

void sip_text_uri(const char *value, char *out, size_t size)
{
	const char *open = strchr(value, '<');

	if (open)
		text_copy_len(out, size, open + 1, strcspn(open + 1, ">"));
	else
		text_copy_len(out, size, value, strcspn(value, "; \t"));
}

int sip_text_status(const char *text)
{
	return text_starts_with(text, "SIP/2.0 ") ? atoi(text + 8) : 0;
}

void sip_text_method(const char *text, char *out, size_t size)
{
	char cseq[128];

	if (!sip_text_status(text)) {
		text_copy_len(out, size, text, strcspn(text, " \r\n"));
		return;
	}
	sip_text_header(text, "CSeq", 0, cseq, sizeof(cseq));
	text_copy(out, size, strchr(cseq, ' ') ? strchr(cseq, ' ') + 1 : "");
}
