#include "tests/bench/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && !memcmp(span.at, text, span.len);
}

/* True if the line's name is long_name or its compact form (RFC 3261 §7.3.3). */
static bool is_named(struct span line, const char *long_name, const char *compact)
{
	size_t n = strlen(long_name);

	if (line.len > n && !strncasecmp(line.at, long_name, n) &&
	    (line.at[n] == ':' || line.at[n] == ' '))
		return true;
	n = strlen(compact);
	return n && line.len > n && !strncasecmp(line.at, compact, n) &&
	       (line.at[n] == ':' || line.at[n] == ' ');
}

/* What follows "Name:" and blanks. */
static struct span line_value(struct span line)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct span value = { line.at + line.len, 0 };

	if (!colon)
		return value;
	for (colon++; colon < line.at + line.len && *colon == ' '; colon++)
		;
	value.at = colon;
	value.len = (size_t)(line.at + line.len - colon);
	return value;
}

static bool read_start(const char *text, size_t len, struct words *words)
{
	const char *blank = memchr(text, ' ', len);

	if (!blank)
		return false;
	if (len > 12 && !memcmp(text, "SIP/2.0 ", 8)) {
		words->status = atoi(text + 8);
		return words->status >= 100;
	}
	words->method = (struct span){ text, (size_t)(blank - text) };
	return true;
}

static void read_cseq(struct words *words)
{
	struct span value = line_value(words->cseq_line);
	char *end;

	words->cseq = (uint32_t)strtoul(value.at, &end, 10);
	while (*end == ' ')
		end++;
	words->cseq_method = (struct span){ end, (size_t)(value.at + value.len - end) };
}

static void read_line(struct span line, struct words *words)
{
	if (is_named(line, "Via", "v")) {
		if (words->n_via < WORDS_LINES)
			words->via[words->n_via++] = line;
	} else if (is_named(line, "Record-Route", "")) {
		if (words->n_record_route < WORDS_LINES)
			words->record_route[words->n_record_route++] = line;
	} else if (is_named(line, "From", "f")) {
		words->from = line;
	} else if (is_named(line, "To", "t")) {
		words->to = line;
	} else if (is_named(line, "Call-ID", "i")) {
		words->call_id = line;
	} else if (is_named(line, "CSeq", "")) {
		words->cseq_line = line;
		read_cseq(words);
	} else if (is_named(line, "Contact", "m")) {
		words->contact = line;
	}
}

bool words_read(const char *text, size_t len, struct words *words)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4), *at, *eol;

	memset(words, 0, sizeof(*words));
	if (!end)
		return false;
	end += 2;
	at = memmem(text, len, "\r\n", 2);
	if (!at || !read_start(text, (size_t)(at - text), words))
		return false;
	for (at += 2; at < end; at = eol + 2) {
		eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		read_line((struct span){ at, (size_t)(eol - at) }, words);
	}
	return words->n_via && words->from.len && words->to.len && words->call_id.len &&
	       words->cseq_line.len;
}

bool words_ids(const struct words *words, uint32_t *out_slot, uint32_t *out_seq)
{
	struct span value = line_value(words->call_id);
	char *end;
	unsigned long slot, seq;

	slot = strtoul(value.at, &end, 16);
	if (end == value.at || *end != '-')
		return false;
	seq = strtoul(end + 1, &end, 16);
	if (*end != '-')
		return false;
	*out_slot = (uint32_t)slot;
	*out_seq = (uint32_t)seq;
	return true;
}

static char *put(char *at, const char *end, struct span span)
{
	if ((size_t)(end - at) < span.len + 2)
		return at;
	memcpy(at, span.at, span.len);
	memcpy(at + span.len, "\r\n", 2);
	return at + span.len + 2;
}

static bool has_tag(struct span to)
{
	return memmem(to.at, to.len, ";tag=", 5) != NULL;
}

size_t words_response(const struct words *request, const char *status, const char *to_tag,
		      const char *more, char *out, size_t room)
{
	const char *end = out + room;
	char *at = out;

	at += snprintf(at, room, "SIP/2.0 %s\r\n", status);
	for (size_t i = 0; i < request->n_via; i++)
		at = put(at, end, request->via[i]);
	for (size_t i = 0; i < request->n_record_route; i++)
		at = put(at, end, request->record_route[i]);
	at = put(at, end, request->from);
	at = put(at, end, request->to);
	if (!has_tag(request->to))
		at += snprintf(at - 2, (size_t)(end - at), ";tag=%s\r\n", to_tag) - 2;
	at = put(at, end, request->call_id);
	at = put(at, end, request->cseq_line);
	at += snprintf(at, (size_t)(end - at), "%s%s", more,
		       strstr(more, "\r\n\r\n") ? "" : "Content-Length: 0\r\n\r\n");
	return (size_t)(at - out);
}

/* Cuts the values of Record-Route lines, in order; commas inside <> do not separate. */
static size_t split_routes(const struct words *words, struct span *out)
{
	size_t n = 0;

	for (size_t i = 0; i < words->n_record_route; i++) {
		struct span rest = line_value(words->record_route[i]);

		while (rest.len && n < WORDS_ROUTES) {
			const char *close = memchr(rest.at, '>', rest.len);
			const char *comma =
				close ? memchr(close, ',', (size_t)(rest.at + rest.len - close))
				      : NULL;
			size_t len = comma ? (size_t)(comma - rest.at) : rest.len;

			out[n++] = (struct span){ rest.at, len };
			rest.at += len + (comma ? 1 : 0);
			rest.len -= len + (comma ? 1 : 0);
			while (rest.len && *rest.at == ' ')
				rest.at++, rest.len--;
		}
	}
	return n;
}

bool words_dialog(const struct words *response, struct dialog *out)
{
	struct span contact = line_value(response->contact), routes[WORDS_ROUTES];
	const char *open = memchr(contact.at, '<', contact.len);
	const char *close =
		open ? memchr(open, '>', contact.len - (size_t)(open - contact.at)) : NULL;
	size_t n = split_routes(response, routes), used = 0;

	if (!close || (size_t)(close - open) > sizeof(out->target))
		return false;
	snprintf(out->target, sizeof(out->target), "%.*s", (int)(close - open - 1), open + 1);

	if (n && !memmem(routes[n - 1].at, routes[n - 1].len, ";lr", 3))
		return false;
	out->route[0] = '\0';
	while (n--) {
		int len = snprintf(out->route + used, sizeof(out->route) - used,
				   "Route: %.*s\r\n", (int)routes[n].len, routes[n].at);

		if (len < 0 || (size_t)len >= sizeof(out->route) - used)
			return false;
		used += (size_t)len;
	}
	return true;
}
