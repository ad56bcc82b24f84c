#include "proxy/sip/sdp_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/buf.h"

#define SDP         "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\n"
#define MIXED       "Content-Type: multipart/mixed;boundary=b1\r\n"
#define PART        "--b1\r\nContent-Type: application/sdp\r\n"
#define TEXT        "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
#define END         "\r\n--b1--\r\n"
#define ALTERNATIVE "Content-Type: multipart/alternative;boundary=b1\r\n"
#define FALLBACK                                                                               \
	"--b1\r\nContent-Type: application/sdp\r\nContent-Disposition: session;handling=optional;ms-proxy-2007fallback\r\n\r\nv=0\r\no=old\r\n\r\n"
#define FOUR          TEXT TEXT TEXT TEXT
#define NESTED        "--b1\r\nContent-Type: multipart/alternative;boundary=b2\r\n\r\n"
#define SEVENTY       "0123456789012345678901234567890123456789012345678901234567890123456789"
#define IN_PART(a, b) "--b" a "\r\nContent-Type: multipart/mixed;boundary=b" b "\r\n\r\n"

static const struct {
	const char *name, *headers, *body;
	enum sdp_body_kind want;
	const char *after; /* once "NEW" stands in its place */
} rows[] = {
	{ "the whole body", "Content-Type: application/sdp\r\n", SDP, SDP_BODY_ONE, "NEW" },
	{ "upper case", "Content-Type: Application/SDP\r\n", SDP, SDP_BODY_ONE, "NEW" },
	{ "compact header", "c: application/sdp\r\n", SDP, SDP_BODY_ONE, "NEW" },
	{ "no body", "Content-Type: application/sdp\r\n", "", SDP_BODY_NONE, NULL },
	{ "another body", "Content-Type: text/plain\r\n", SDP, SDP_BODY_NONE, NULL },
	{ "no Content-Type: others may take it for SDP, RFC 3261 §20.15", "", SDP,
	  SDP_BODY_OPAQUE, NULL },
	{ "one that cannot be read", "Content-Type: application/sdp;\r\n", SDP, SDP_BODY_OPAQUE,
	  NULL },
	{ "two", "Content-Type: text/plain\r\nContent-Type: application/sdp\r\n", SDP,
	  SDP_BODY_OPAQUE, NULL },
	{ "a part whose type cannot be read", MIXED,
	  "--b1\r\nContent-Type: application/sdp;\r\n\r\n" SDP END, SDP_BODY_OPAQUE, NULL },
	{ "a part whose type cannot be read, by its short name", MIXED,
	  "--b1\r\nc: application/sdp;\r\n\r\n" SDP END, SDP_BODY_OPAQUE, NULL },
	{ "a part with a line that is no field", MIXED,
	  "--b1\r\nContent-Type application/sdp\r\n\r\n" SDP END, SDP_BODY_OPAQUE, NULL },
	{ "a part with two types", MIXED,
	  "--b1\r\nContent-Type: text/plain\r\nContent-Type: application/sdp\r\n\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "a part without a type is text, RFC 2046 §5.1", MIXED,
	  "--b1\r\nContent-ID: <x>\r\n\r\nx" END, SDP_BODY_NONE, NULL },
	{ "encoded, RFC 3261 §20.12",
	  "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", SDP, SDP_BODY_OPAQUE,
	  NULL },
	{ "encoded as nothing",
	  "Content-Type: application/sdp\r\nContent-Encoding: identity\r\n", SDP, SDP_BODY_ONE,
	  "NEW" },
	{ "one of two parts, RFC 5621", MIXED, TEXT PART "\r\n" SDP END, SDP_BODY_ONE,
	  TEXT PART "\r\nNEW" END },
	{ "a part that says its length", MIXED,
	  PART "Content-Length: 5\r\n\r\n" SDP "\r\n" TEXT "--b1--\r\n", SDP_BODY_ONE,
	  PART "X-Was-Length:   5\r\n\r\nNEW\r\n" TEXT "--b1--\r\n" },
	{ "parts without SDP", MIXED, TEXT "--b1--\r\n", SDP_BODY_NONE, NULL },
	{ "a boundary with a control byte",
	  "Content-Type: multipart/mixed;boundary=\"b\r\n 1\"\r\n", "--b\r\n 1" TEXT END,
	  SDP_BODY_OPAQUE, NULL },
	{ "a boundary with a byte above ASCII: Sofia writes behind its table",
	  "Content-Type: multipart/mixed;boundary=\"" SEVENTY "\xe4\"\r\n",
	  "--" SEVENTY "\xe4\r\nContent-Type: text/plain\r\n\r\nx\r\n--" SEVENTY "\xe4--\r\n",
	  SDP_BODY_OPAQUE, NULL },
	{ "a short one with such a byte",
	  "Content-Type: multipart/mixed;boundary=\"b\xe4\"\r\n",
	  "--b\xe4\r\n\r\nx\r\n--b\xe4--\r\n", SDP_BODY_OPAQUE, NULL },
	{ "a boundary of seventy characters",
	  "Content-Type: multipart/mixed;boundary=" SEVENTY "\r\n",
	  "--" SEVENTY "\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--" SEVENTY
	  "--\r\n",
	  SDP_BODY_ONE,
	  "--" SEVENTY "\r\nContent-Type: application/sdp\r\n\r\nNEW\r\n--" SEVENTY "--\r\n" },
	{ "a boundary in quotes, and one that is escaped",
	  "Content-Type: multipart/mixed;boundary=\"b\\1\"\r\n", TEXT PART "\r\n" SDP END,
	  SDP_BODY_ONE, TEXT PART "\r\nNEW" END },
	{ "two of it", MIXED, PART "\r\n" SDP "\r\n" PART "\r\n" SDP END, SDP_BODY_OPAQUE,
	  NULL },
	{ "base64, RFC 2045", MIXED, PART "Content-Transfer-Encoding: base64\r\n\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "the same text in a part before it", MIXED,
	  "--b1\r\nContent-Type: text/plain\r\n\r\n" SDP "\r\n" PART "\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "a part of a part, RFC 2046 §5.1", MIXED,
	  NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--b2--\r\n" END,
	  SDP_BODY_ONE,
	  NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\nNEW\r\n--b2--\r\n" END },
	{ "and both say their length, and one beside them", MIXED,
	  "--b1\r\nContent-Length: 5\r\n\r\nhello\r\n--b1\r\nContent-Length: 99\r\nContent-Type: multipart/alternative;boundary=b2\r\n\r\n"
	  "--b2\r\nContent-Type: application/sdp\r\ncontent-length: 5\r\n\r\n" SDP
	  "\r\n--b2--\r\n" END,
	  SDP_BODY_ONE,
	  "--b1\r\nContent-Length: 5\r\n\r\nhello\r\n--b1\r\nX-Was-Length:   99\r\nContent-Type: multipart/alternative;boundary=b2\r\n\r\n"
	  "--b2\r\nContent-Type: application/sdp\r\nX-Was-Length:   5\r\n\r\nNEW\r\n--b2--\r\n" END },
	{ "one beside and one in a part", MIXED,
	  PART "\r\n" SDP "\r\n" NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\n" SDP
	       "x\r\n--b2--\r\n" END,
	  SDP_BODY_OPAQUE, NULL },
	{ "parts in parts in parts in parts in parts", MIXED,
	  NESTED IN_PART("2", "3") IN_PART("3", "4") IN_PART("4", "5") IN_PART(
		  "5",
		  "6") "--b6\r\n\r\nx\r\n--b6--\r\n--b5--\r\n--b4--\r\n--b3--\r\n--b2--" END,
	  SDP_BODY_OPAQUE, NULL },
	{ "seventeen parts", MIXED, FOUR FOUR FOUR FOUR TEXT "--b1--\r\n", SDP_BODY_OPAQUE,
	  NULL },
	{ "sixteen", MIXED, FOUR FOUR FOUR TEXT TEXT TEXT PART "\r\n" SDP END, SDP_BODY_ONE,
	  FOUR FOUR FOUR TEXT TEXT TEXT PART "\r\nNEW" END },
	{ "alternatives, as Lync writes them, RFC 2046 §5.1.4", ALTERNATIVE,
	  FALLBACK PART "\r\n" SDP END, SDP_BODY_ONE, PART "\r\nNEW" END },
	{ "alternatives with a text before and behind", ALTERNATIVE,
	  TEXT FALLBACK TEXT PART "\r\n" SDP "\r\n" TEXT "--b1--\r\n", SDP_BODY_ONE,
	  TEXT TEXT PART "\r\nNEW\r\n" TEXT "--b1--\r\n" },
	{ "alternatives in a part", MIXED,
	  TEXT NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=old\r\n\r\n"
		      "--b2\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--b2--\r\n" END,
	  SDP_BODY_ONE,
	  TEXT NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\nNEW\r\n--b2--\r\n" END },
	{ "four of them", ALTERNATIVE,
	  FALLBACK PART "\r\nv=7\r\n\r\n" PART "\r\nv=1\r\n\r\n" PART "\r\n" SDP END,
	  SDP_BODY_ONE, PART "\r\nNEW" END },
	{ "five", ALTERNATIVE,
	  FALLBACK PART "\r\nv=1\r\n\r\n" PART "\r\nv=2\r\n\r\n" PART "\r\nv=3\r\n\r\n" PART
			"\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "alternatives of which the last is encoded", ALTERNATIVE,
	  FALLBACK PART "Content-Encoding: gzip\r\n\r\n" SDP END, SDP_BODY_OPAQUE, NULL },
	{ "alternatives, and one beside them", MIXED,
	  NESTED "--b2\r\nContent-Type: application/sdp\r\n\r\nv=7\r\n\r\n"
		 "--b2\r\nContent-Type: application/sdp\r\n\r\nv=8\r\n\r\n--b2--\r\n\r\n" PART
		 "\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "parts in a part that is encoded, RFC 2045 §6.4", MIXED,
	  "--b1\r\nContent-Type: multipart/mixed;boundary=b2\r\nContent-Transfer-Encoding: base64\r\n\r\nLS1iMg==\r\n" TEXT
	  "--b1--\r\n",
	  SDP_BODY_OPAQUE, NULL },
	{ "a part that is encoded", MIXED, PART "Content-Encoding: gzip\r\n\r\n" SDP END,
	  SDP_BODY_OPAQUE, NULL },
	{ "parts that are encoded as a whole, RFC 3261 §20.12",
	  MIXED "Content-Encoding: gzip\r\n", "\x1f\x8b nobody knows", SDP_BODY_OPAQUE, NULL },
	{ "parts that are none", MIXED, "nothing of the kind", SDP_BODY_OPAQUE, NULL },
	{ "less than a boundary", MIXED, "-", SDP_BODY_OPAQUE, NULL },
	{ "parts without their end", MIXED, PART "\r\n" SDP, SDP_BODY_OPAQUE, NULL },
	{ "no boundary, RFC 2046 §5.1.1", "Content-Type: multipart/mixed\r\n",
	  TEXT PART "\r\n" SDP END, SDP_BODY_OPAQUE, NULL },
};

static msg_t *make(const char *headers, const char *body)
{
	static char text[100000];
	msg_t *msg = NULL;

	snprintf(
		text, sizeof(text),
		"INVITE sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b.example>;tag=1\r\n"
		"To: <sip:a@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: %zu\r\n\r\n%s",
		headers, strlen(body), body);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

/* What goes out has the new text, its length, and nothing else changed; what it was copied from
 * has the old one. */
static void check_replaced(size_t row, msg_t *msg)
{
	msg_t *copy = message_copy(msg);
	struct sdp_body body;
	struct wire *wire;
	char length[64];

	assert_int_equal(sdp_body_find(copy, &body), SDP_BODY_ONE);
	assert_int_equal(sdp_body_replace(copy, &body, "NEW", 3), ERR_OK);
	assert_int_equal(message_print(copy, &wire), ERR_OK);
	const char *printed = memmem(wire->bytes, wire->len, "\r\n\r\n", 4);
	const size_t n = wire->len - (size_t)(printed + 4 - (const char *)wire->bytes);
	if (n != strlen(rows[row].after) || memcmp(printed + 4, rows[row].after, n) != 0)
		fail_msg("%s: came out as\n%.*s", rows[row].name, (int)n, printed + 4);
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", n);
	assert_non_null(memmem(wire->bytes, wire->len, length, strlen(length)));
	wire_unref(wire);
	message_unref(copy);
	assert_int_equal(sdp_body_find(msg, &body), SDP_BODY_ONE);
	assert_memory_equal(body.text, SDP, body.len);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = make(rows[i].headers, rows[i].body);
		struct sdp_body body;
		const enum sdp_body_kind kind = sdp_body_find(msg, &body);

		if (kind != rows[i].want)
			fail_msg("%s: %d", rows[i].name, kind);
		if (kind == SDP_BODY_ONE)
			check_replaced(i, msg);
		message_unref(msg);
	}
}

/* Sofia would end the program at one among the header fields of a part. */
static void test_nul(void **state)
{
	static const char headers[] = MIXED, parts[] = TEXT NESTED
					     "--b2\r\nContent-Type: application/sdp\r\n\r\n" SDP
					     "\r\n--b2--\r\n" END;
	char bytes[4096];
	unsigned n_opaque = 0;

	(void)state;
	for (size_t at = 0; at < sizeof(parts) - 1; at++) {
		struct sdp_body body;
		msg_t *msg = NULL;
		const int len = snprintf(
			bytes, sizeof(bytes),
			"INVITE sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b.example>;tag=1\r\n"
			"To: <sip:a@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n%s\r\n%s",
			headers, parts);

		bytes[(size_t)len - (sizeof(parts) - 1) + at] = '\0';
		assert_int_equal(message_parse(bytes, (size_t)len, &msg), ERR_OK);
		n_opaque += sdp_body_find(msg, &body) == SDP_BODY_OPAQUE;
		message_unref(msg);
	}
	/* among text and SDP it does no harm */
	assert_in_range(n_opaque, 100, sizeof(parts) - 30);
}

/* What is found in parts that begin with so many lines. */
static enum sdp_body_kind find_behind(const char *line, unsigned n)
{
	struct sdp_body found;
	struct buf body;

	buf_init(&body, 0);
	buf_puts(&body, "--b1\r\n");
	for (unsigned i = 0; i < n; i++)
		buf_puts(&body, line);
	buf_puts(&body, "\r\n\r\n" PART "\r\n" SDP END);
	assert_int_equal(body.err, ERR_OK);
	msg_t *msg = make(MIXED, buf_text(&body));
	enum sdp_body_kind kind = sdp_body_find(msg, &found);
	message_unref(msg);
	buf_fini(&body);
	return kind;
}

/* For each header field of a part Sofia walks through all others: sixty kilobytes of short ones
 * took two seconds. */
static void test_fields(void **state)
{
	(void)state;
	assert_int_equal(find_behind("a:\r\n", 250), SDP_BODY_ONE);
	assert_int_equal(find_behind("a:\r\n", 256), SDP_BODY_OPAQUE);
	assert_int_equal(find_behind("a:\n", 250), SDP_BODY_ONE);
	assert_int_equal(find_behind("a:\n", 256), SDP_BODY_OPAQUE);
	assert_int_equal(find_behind("a:\r", 250), SDP_BODY_ONE); /* to Sofia each is a line */
	assert_int_equal(find_behind("a:\r", 256), SDP_BODY_OPAQUE);
	assert_int_equal(find_behind("a: \r\n b\r\n", 200), SDP_BODY_OPAQUE);
	assert_int_equal(find_behind("\r\n-- \r\n>\r\n", 1000),
			 SDP_BODY_ONE); /* a text, not fields, whatever its dashes */
	assert_int_equal(find_behind("a:\r\n", 16000), SDP_BODY_OPAQUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_nul),
					    cmocka_unit_test(test_fields) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
