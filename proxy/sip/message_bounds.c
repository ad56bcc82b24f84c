#include "proxy/sip/message_bounds.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/sip/message_class.h"

enum {
	MAX_SEPARATORS = 256, /* commas and semicolons of one header that Sofia takes apart */
	MAX_ENTRIES =
		1024, /* commas of all such headers: Sofia walks each list for each entry */
	MAX_START_LINE = 8192, /* bytes */
};

/* One header with its continuation lines. */
struct header_lines {
	const char *start;
	size_t len;
};

/* The length of the line without its CRLF, or -1. A CR or LF alone is refused, not taken for a
 * line end as Sofia would: neighbours disagree about them, and what one takes for a body
 * another takes for headers. */
static long line_length(const char *line, size_t left)
{
	const char *end = memchr(line, '\n', left);
	if (!end || memchr(line, '\r', left) != end - 1)
		return -1;
	return end - 1 - line;
}

/* A request line has two spaces, one after the method and one before the version (RFC 3261
 * §7.1). Sofia takes more, and other letters; what is forwarded with its bytes has to be
 * right. */
static bool is_start_line(const char *line, size_t len)
{
	unsigned n_spaces = 0;

	if (len >= 4 && memcmp(line, "SIP/", 4) == 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)line[i];

		if (c == ' ' && (++n_spaces > 2 || i == 0 || line[i - 1] == ' '))
			return false;
		if (c < ' ' || c == '<' || c == '>' || c == '"')
			return false;
	}
	return n_spaces == 2 && line[len - 1] != ' ';
}

/* Adds the header's commas to n_entries; true if that, or the header alone, is over a bound.
 * Most headers have none. */
static bool has_too_many_entries(const struct header_lines *header, unsigned *n_entries)
{
	const char *end = header->start + header->len;
	unsigned n_commas = 0, n_semicolons = 0;

	for (const char *c = header->start; (c = memchr(c, ',', (size_t)(end - c))); c++)
		n_commas++;
	if (header->len > MAX_SEPARATORS)
		for (const char *c = header->start; (c = memchr(c, ';', (size_t)(end - c)));
		     c++)
			n_semicolons++;
	if (n_commas + n_semicolons == 0 || !message_class_parses(header->start))
		return false;
	*n_entries += n_commas;
	return n_commas + n_semicolons > MAX_SEPARATORS || *n_entries > MAX_ENTRIES;
}

bool message_bounds_hold(const char *text)
{
	unsigned n = 0;

	for (; (text = strpbrk(text, ",;")); text++)
		if (++n > MAX_SEPARATORS)
			return false;
	return true;
}

static bool is_folded(const char *line)
{
	return line[0] == ' ' || line[0] == '\t';
}

/* All headers, whose lines are known to be well. */
static bool have_too_many_entries(const char *bytes, const struct message_bounds *bounds)
{
	unsigned n_entries = 0;

	for (unsigned i = 0; i < bounds->n_lines; i++) {
		const size_t at = bounds->lines[i], end = bounds->lines[i + 1];
		const struct header_lines header = { bytes + at, end - at };

		if (has_too_many_entries(&header, &n_entries))
			return true;
	}
	return false;
}

/* Short headers, and few of them, need no counting. */
static enum err check_entries(const char *bytes, const struct message_bounds *bounds)
{
	size_t longest = 0;

	for (unsigned i = 0; i < bounds->n_lines; i++)
		if (bounds->lines[i + 1] - bounds->lines[i] > longest)
			longest = bounds->lines[i + 1] - bounds->lines[i];
	if (longest <= MAX_SEPARATORS && bounds->body - bounds->lines[0] <= MAX_ENTRIES)
		return ERR_OK;
	return have_too_many_entries(bytes, bounds) ? ERR_LIMIT : ERR_OK;
}

/* Goes through the header lines after the start line, which begin at at. */
static enum err find_body(const char *bytes, size_t len, size_t at, struct message_bounds *out)
{
	out->n_lines = 0;
	while (at < len) {
		const char *line = bytes + at;
		long line_len = line_length(line, len - at);
		if (line_len < 0)
			return ERR_SYNTAX;

		if (is_folded(line)) {
			if (out->n_lines == 0)
				return ERR_SYNTAX; /* nothing to continue */
		} else {
			out->lines[out->n_lines] = (uint32_t)at;
			if (line_len > 0 && ++out->n_lines > MESSAGE_MAX_HEADERS)
				return ERR_LIMIT;
		}
		at += (size_t)line_len + 2;
		if (line_len > 0)
			continue;

		if (memchr(bytes, '\0', at))
			return ERR_SYNTAX;
		out->body = at;
		return check_entries(bytes, out);
	}
	return ERR_SYNTAX;
}

enum err message_bounds_find(const char *bytes, size_t len, struct message_bounds *out)
{
	size_t start = 0;

	if (len > MESSAGE_MAX_BYTES)
		return ERR_LIMIT;
	while (start + 1 < len && bytes[start] == '\r' && bytes[start + 1] == '\n')
		start += 2;
	if (start == len)
		return ERR_SYNTAX;

	bytes += start;
	len -= start;
	long line_len = line_length(bytes, len);
	if (line_len <= 0)
		return ERR_SYNTAX;
	if (line_len > MAX_START_LINE)
		return ERR_LIMIT;
	if (!is_start_line(bytes, (size_t)line_len))
		return ERR_SYNTAX;

	out->start = start;
	return find_body(bytes, len, (size_t)line_len + 2, out);
}
