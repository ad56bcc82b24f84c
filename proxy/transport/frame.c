#include "proxy/transport/frame.h"

#include <string.h>
#include <strings.h>

enum { MAX_START_LINE = 8192, MAX_METHOD = 64 };
enum { STUN_HEADER_SIZE = 20, STUN_MAX_SIZE = 1280, STUN_FIRST_BYTES = 4 };

/* What kind of line is being read. */
enum { METHOD, START_LINE, FIRST_HEADER, NAME, COLON, VALUE, LENGTH };

/* Where in a Content-Length value we stand. */
enum { BEFORE_NUMBER, IN_NUMBER, BEHIND_NUMBER };

/* token of RFC 3261 §25.1, and the slash of a status line's "SIP/2.0". */
static bool is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-.!%*_+`'~", c));
}

static enum frame bad(struct framer *framer, const char *fault)
{
	framer->fault = fault;
	return FRAME_BAD;
}

/* The first byte tells most strangers apart: a TLS record, a binary protocol. */
static enum frame on_method(struct framer *framer, unsigned char c)
{
	if (c == ' ' && framer->line_bytes > 1) {
		framer->line = START_LINE;
		return FRAME_PARTIAL;
	}
	if (framer->line_bytes == 1 && c == 0x16)
		return bad(framer, "TLS handshake on a port without TLS");
	if (c == '/' && framer->line_bytes == 4) /* a response, if it is "SIP/" */
		return memcmp(framer->name, "SIP", 3) == 0
			       ? (framer->has_sip_word = true, FRAME_PARTIAL)
			       : bad(framer, "not a SIP start line");
	if (!is_token(c) || framer->line_bytes > MAX_METHOD)
		return bad(framer, "not a SIP start line");
	if (framer->line_bytes <= 3)
		framer->name[framer->line_bytes - 1] = (char)(c & ~0x20);
	return FRAME_PARTIAL;
}

/* A request line ends with "SIP/" and a version; any version, so that 505 can be answered. */
static enum frame on_start_line(struct framer *framer, unsigned char c)
{
	memmove(framer->tail, framer->tail + 1, 3);
	framer->tail[3] = (char)(c & ~0x20);
	if (c == '/' && memcmp(framer->tail, "SIP\x0f", 4) == 0)
		framer->has_sip_word = true;
	if (framer->line_bytes > MAX_START_LINE)
		return bad(framer, "start line too long");
	return FRAME_PARTIAL;
}

static bool is_length_name(const struct framer *framer)
{
	if (framer->name_len == 1)
		return framer->name[0] == 'l' || framer->name[0] == 'L';
	return framer->name_len == 14 && strncasecmp(framer->name, "Content-Length", 14) == 0;
}

static enum frame on_colon(struct framer *framer)
{
	framer->line = is_length_name(framer) ? LENGTH : VALUE;
	if (framer->line == VALUE)
		return FRAME_PARTIAL;

	/* All must say the same: two readers must not see two different bodies. */
	if (framer->has_length) {
		if (framer->has_seen_length && framer->seen_length != framer->body_bytes)
			return bad(framer, "two different Content-Lengths");
		framer->has_seen_length = true;
		framer->seen_length = framer->body_bytes;
	}
	framer->has_length = false;
	framer->body_bytes = 0;
	framer->number = BEFORE_NUMBER;
	return FRAME_PARTIAL;
}

static enum frame on_length(struct framer *framer, unsigned char c)
{
	if (c == ' ' || c == '\t') {
		if (framer->number == IN_NUMBER)
			framer->number = BEHIND_NUMBER;
		return FRAME_PARTIAL;
	}
	if (c < '0' || c > '9' || framer->number == BEHIND_NUMBER)
		return bad(framer, "Content-Length is not a number");
	framer->number = IN_NUMBER;
	framer->has_length = true;
	framer->body_bytes = framer->body_bytes * 10 + (c - '0');
	if (framer->body_bytes > UINT32_MAX) {
		framer->fault = "Content-Length over the bound";
		return FRAME_TOO_LARGE;
	}
	return FRAME_PARTIAL;
}

/* The first byte of a line tells whether it goes on with the header before it (RFC 3261
 * §7.3.1). */
static enum frame on_line_start(struct framer *framer, unsigned char c)
{
	if (c == ' ' || c == '\t') {
		if (framer->line == FIRST_HEADER)
			return bad(framer, "blank at the start of the first header line");
		return framer->line == LENGTH ? on_length(framer, ' ') : FRAME_PARTIAL;
	}
	if (framer->line == LENGTH && !framer->has_length)
		return bad(framer, "Content-Length is not a number");
	framer->line = NAME;
	framer->name_len = 0;
	return FRAME_PARTIAL;
}

static enum frame on_header_byte(struct framer *framer, unsigned char c)
{
	if (framer->line_bytes == 1) {
		enum frame frame = on_line_start(framer, c);
		if (frame != FRAME_PARTIAL || c == ' ' || c == '\t')
			return frame;
	}
	switch (framer->line) {
	case NAME:
		if (c == ':')
			return on_colon(framer);
		if (c == ' ' || c == '\t')
			framer->line = COLON;
		else if (framer->name_len < sizeof(framer->name))
			framer->name[framer->name_len++] = (char)c;
		return FRAME_PARTIAL;
	case COLON: /* blanks between the name and its colon: HCOLON of §25.1 */
		return c == ':' ? on_colon(framer) : FRAME_PARTIAL;
	case LENGTH:
		return on_length(framer, c);
	default:
		return FRAME_PARTIAL;
	}
}

static enum frame on_headers_end(struct framer *framer)
{
	framer->header_bytes = framer->n_seen;
	if (framer->line == LENGTH && !framer->has_length)
		return bad(framer, "Content-Length is not a number");
	if (!framer->has_length)
		return bad(framer, "no Content-Length on a stream");
	if (framer->has_seen_length && framer->seen_length != framer->body_bytes)
		return bad(framer, "two different Content-Lengths");
	return FRAME_PARTIAL;
}

/* The end of a line, without the byte or bytes that made it. */
static enum frame on_line_end(struct framer *framer)
{
	if (framer->line_bytes == 0)
		return on_headers_end(framer);
	if (framer->line == METHOD)
		return bad(framer, "not a SIP start line");
	if (framer->line == START_LINE) {
		if (!framer->has_sip_word)
			return bad(framer, "start line without SIP version");
		framer->line = FIRST_HEADER;
	} else if (framer->line == NAME || framer->line == COLON) {
		return bad(framer, "header line without a colon");
	}
	framer->line_bytes = 0;
	return FRAME_PARTIAL;
}

static enum frame on_byte(struct framer *framer, unsigned char c)
{
	if (c == '\n') {
		framer->after_cr = false;
		return on_line_end(framer);
	}
	/* A parser may take a lone CR for the end of a line: it must not see headers that we
	 * did not. */
	if (framer->after_cr)
		return bad(framer, "CR without LF");
	if (c == '\r') {
		framer->after_cr = true;
		return FRAME_PARTIAL;
	}
	if (c == '\0')
		return bad(framer, "NUL in the headers");

	framer->line_bytes++;
	if (framer->line == METHOD)
		return on_method(framer, c);
	if (framer->line == START_LINE)
		return on_start_line(framer, c);
	return on_header_byte(framer, c);
}

/* CRLFs in front of a message: RFC 3261 §7.5 ignores them, RFC 5626 §4.4.1 gives two of them a
 * meaning. */
static enum frame between_messages(struct framer *framer, const char *bytes, size_t len,
				   size_t *out_used)
{
	if (len == 1)
		return FRAME_PARTIAL;
	if (bytes[1] != '\n') {
		*out_used = len;
		return bad(framer, "CR without LF");
	}
	if (framer->had_crlf || (len >= 4 && memcmp(bytes, "\r\n\r\n", 4) == 0)) {
		*out_used = framer->had_crlf ? 2 : 4;
		framer->had_crlf = false;
		return FRAME_PING;
	}
	framer->had_crlf = true;
	*out_used = 2;
	return FRAME_CRLF;
}

/* No SIP message begins with a byte below 4, and Binding is the only method (RFC 8489 §5): the
 * type, the length, and the cookie, by which it is told from whatever else is binary. */
static enum frame on_stun(struct framer *framer, const char *bytes, size_t len,
			  size_t *out_used)
{
	static const unsigned char cookie[] = { 0x21, 0x12, 0xa4, 0x42 };
	const unsigned char *at = (const unsigned char *)bytes;
	size_t n_cookie = len < 8 ? len > 4 ? len - 4 : 0 : sizeof(cookie);
	size_t size =
		len >= 4 ? STUN_HEADER_SIZE + ((size_t)at[2] << 8 | at[3]) : STUN_HEADER_SIZE;

	if (at[0] > 1 || (len > 1 && at[1] != 0x01 && at[1] != 0x11) ||
	    memcmp(bytes + 4, cookie, n_cookie) != 0 || size > STUN_MAX_SIZE || size % 4) {
		*out_used = len;
		return bad(framer, "neither SIP nor a STUN Binding");
	}
	if (len < STUN_HEADER_SIZE || len < size)
		return FRAME_PARTIAL;
	*out_used = size;
	return FRAME_STUN;
}

static enum frame scan_headers(struct framer *framer, const char *bytes, size_t len, size_t max)
{
	while (framer->n_seen < len && framer->header_bytes == 0) {
		enum frame frame = on_byte(framer, (unsigned char)bytes[framer->n_seen++]);
		if (frame != FRAME_PARTIAL)
			return frame;
		if (framer->n_seen > max) {
			framer->fault = "headers over the bound";
			return FRAME_TOO_LARGE;
		}
	}
	return FRAME_PARTIAL;
}

size_t frame_expected(const struct framer *framer)
{
	return framer->header_bytes ? framer->header_bytes + (size_t)framer->body_bytes : 0;
}

enum frame frame_next(struct framer *framer, const char *bytes, size_t len, size_t max,
		      size_t *out_used)
{
	*out_used = 0;
	if (len == 0)
		return FRAME_PARTIAL;
	if (framer->n_seen == 0 && bytes[0] == '\r')
		return between_messages(framer, bytes, len, out_used);
	framer->had_crlf = false;
	if (framer->n_seen == 0 && (unsigned char)bytes[0] < STUN_FIRST_BYTES)
		return on_stun(framer, bytes, len, out_used);

	if (framer->header_bytes == 0) {
		enum frame frame = scan_headers(framer, bytes, len, max);
		if (frame != FRAME_PARTIAL) {
			*out_used = framer->header_bytes ? framer->header_bytes : len;
			return frame;
		}
	}
	if (framer->header_bytes == 0)
		return FRAME_PARTIAL;
	if (frame_expected(framer) > max) {
		*out_used = framer->header_bytes;
		framer->fault = "message over the bound";
		return FRAME_TOO_LARGE;
	}
	if (len < frame_expected(framer))
		return FRAME_PARTIAL;

	*out_used = frame_expected(framer);
	memset(framer, 0, sizeof(*framer));
	return FRAME_MESSAGE;
}
