#include "proxy/sip/sdp_session.h"

#include <string.h>

bool sdp_is_token_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]", c);
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static size_t line_len(const char *line, const char *end)
{
	size_t len = 0;

	while (line + len < end && !is_line_end(line[len]))
		len++;
	return len;
}

/* Type, port, protocol, formats. What stands behind a port and its number of ports Sofia takes
 * for the protocol, and then the protocol for a format, in which a slash lets it allocate
 * without end: one slash, between digits. */
static bool is_of_word(unsigned word, char c, const char *word_so_far, size_t len)
{
	switch (word) {
	case 1:
		return (c >= '0' && c <= '9') ||
		       (c == '/' && len > 0 && !memchr(word_so_far, '/', len));
	case 2:
		return sdp_is_token_char(c) || c == '/';
	default:
		return sdp_is_token_char(c);
	}
}

static bool has_too_many_words(const char *line, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += line[i] == ' ' || line[i] == '\t';
	return n >= SDP_MAX_WORDS;
}

/* The words of an m-line, one space between them; what no token holds becomes a letter, but for
 * the slash of port and protocol. */
static size_t copy_media_line(char *to, const char *line, size_t len, bool *is_clean)
{
	unsigned word = 0;
	size_t n = 0, start = 0; /* of the word */

	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (c == ' ' || c == '\t') {
			/* a number of ports that is none */
			if (n > 2 && to[n - 1] == '/' && word == 1) {
				*is_clean = false;
				to[n - 1] = '0';
			}
			if (n > 2 && to[n - 1] != ' ') {
				to[n++] = ' ';
				word++;
				start = n;
			}
			continue;
		}
		if (i >= 2 && !is_of_word(word, c, to + start, n - start)) {
			*is_clean = false;
			c = word == 1 ? '0' : 'x';
		}
		to[n++] = c;
	}
	while (n > 2 && to[n - 1] == ' ')
		n--;
	return n;
}

static size_t copy_line(char *to, const char *line, size_t len, bool *is_clean)
{
	const bool leads = *line == 'c' || *line == 'o';

	if (*line == 'm')
		return copy_media_line(to, line, len, is_clean);
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)line[i];
		const bool is_plain = c >= ' ' ? c < 0x7f : c == '\t';

		if (leads && !is_plain)
			*is_clean = false;
		to[i] = is_plain ? (char)c : 'x';
	}
	return len;
}

/* Sofia looks for a line's letter behind spaces, so an m-line behind some would pass uncleaned.
 * And at a line of spaces, or of one letter, it is done: others read on, and the media there
 * would be seen by nobody here. Both get lost in the copy, and are not clean. */
static size_t n_spaces_before(const char *line, size_t len, bool *is_clean)
{
	size_t n = 0;

	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	if (len - n < 2)
		n = len;
	if (n > 0)
		*is_clean = false;
	return n;
}

/* The whole copy; ERR_LIMIT over the bounds. to has room for len bytes and one more for each
 * line. */
static enum err copy(char *to, const char *bytes, size_t len, size_t *out_len, bool *is_clean)
{
	const char *at = bytes, *end = bytes + len;
	unsigned n_lines = 0, n_media = 0;
	size_t n = 0;

	while (at < end) {
		size_t line = line_len(at, end), n_spaces;

		if (line > SDP_MAX_LINE_BYTES || ++n_lines > SDP_MAX_LINES)
			return ERR_LIMIT;
		n_spaces = n_spaces_before(at, line, is_clean);
		at += n_spaces;
		line -= n_spaces;
		if (line > 0) {
			if (*at == 'm' &&
			    (++n_media > SDP_MAX_MEDIA || has_too_many_words(at, line)))
				return ERR_LIMIT;
			n += copy_line(to + n, at, line, is_clean);
			to[n++] = '\n';
		}
		at += line;
		while (at < end && is_line_end(*at))
			at++;
	}
	*out_len = n;
	return ERR_OK;
}

enum err sdp_session_read(su_home_t *home, const char *bytes, size_t len,
			  const sdp_session_t **out, bool *out_is_clean)
{
	bool is_clean = true;
	size_t n = 0;

	if (len > SDP_MAX_BYTES)
		return ERR_LIMIT;
	if (len == 0 || memchr(bytes, '\0', len))
		return ERR_SYNTAX;
	char *text = su_alloc(home, (isize_t)len + 2);
	if (!text)
		return ERR_NO_MEMORY;

	enum err err = copy(text, bytes, len, &n, &is_clean);
	if (err)
		return err;
	text[n] = '\0';
	sdp_parser_t *parser = sdp_parse(home, text, (issize_t)n,
					 sdp_f_insane | sdp_f_anynet | sdp_f_c_missing);
	const sdp_session_t *session = parser ? sdp_session(parser) : NULL;
	if (!session)
		return parser ? ERR_SYNTAX : ERR_NO_MEMORY;
	if (out_is_clean)
		*out_is_clean = is_clean;
	*out = session;
	return ERR_OK;
}
