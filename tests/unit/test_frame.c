#include "proxy/transport/frame.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"

#define START "A b SIP/2.0\r\n"
#define STUN(type_and_length)                                                                  \
	type_and_length "\x21\x12\xa4\x42"                                                     \
			"twelve bytes"

enum { MAX = 4096 };

static const struct {
	const char *name, *in;
	size_t len; /* 0: strlen(in) */
	enum frame want;
	size_t used; /* FRAME_BAD: 0 is all of it */
} rows[] = {
	{ "nothing", "", 0, FRAME_PARTIAL, 0 },
	{ "half a start line", "OPTIONS sip:", 0, FRAME_PARTIAL, 0 },
	{ "one CRLF, RFC 3261 7.5", "\r\n", 0, FRAME_CRLF, 2 },
	{ "half a CRLF", "\r", 0, FRAME_PARTIAL, 0 },
	{ "ping, RFC 5626 4.4.1", "\r\n\r\n", 0, FRAME_PING, 4 },
	{ "CRLF before a message", "\r\nA", 0, FRAME_CRLF, 2 },
	{ "CR and something else", "\rA", 0, FRAME_BAD, 0 },
	{ "shortest message", START "l:0\r\n\r\n", 0, FRAME_MESSAGE, 20 },
	{ "response", "SIP/2.0 200 OK\r\nl: 0\r\n\r\n", 0, FRAME_MESSAGE, 24 },
	{ "body", START "Content-Length: 3\r\n\r\nabcrest", 0, FRAME_MESSAGE, 37 },
	{ "half a body", START "Content-Length: 3\r\n\r\nab", 0, FRAME_PARTIAL, 0 },
	{ "any case, 7.3.1", START "cONTENT-lENGTH: 1\r\n\r\nx", 0, FRAME_MESSAGE, 35 },
	{ "compact form, 7.3.3", START "L: 1\r\n\r\nx", 0, FRAME_MESSAGE, 22 },
	{ "blanks before the colon, 25.1", START "l \t : 1\r\n\r\nx", 0, FRAME_MESSAGE, 25 },
	{ "folded value, 7.3.1", START "l:\r\n  1\r\n\r\nx", 0, FRAME_MESSAGE, 25 },
	{ "folded behind the value", START "l: 1\r\n \r\n\r\nx", 0, FRAME_MESSAGE, 25 },
	{ "number broken by folding", START "l: 1\r\n 2\r\n\r\nx", 0, FRAME_BAD, 0 },
	{ "other folded header that looks like one",
	  START "Subject: a\r\n l: 9\r\nl: 1\r\n\r\nx", 0, FRAME_MESSAGE, 41 },
	{ "name that only begins like it", START "lx: 9\r\nContent-Lengthy: 9\r\nl: 0\r\n\r\n",
	  0, FRAME_MESSAGE, 48 },
	{ "none on a stream, 18.3", START "Subject: a\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "empty", START "l: \r\nSubject: a\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "empty, last", START "l: \r\n\r\n", 0, FRAME_BAD, 0 },
	{ "negative", START "l: -1\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "hexadecimal", START "l: 0x10\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "two numbers", START "l: 1 2\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "twice the same", START "l: 1\r\nContent-Length: 1\r\n\r\nx", 0, FRAME_MESSAGE, 41 },
	{ "two that differ", START "l: 1\r\nContent-Length: 2\r\n\r\nxy", 0, FRAME_BAD, 40 },
	{ "three, and the first differs", START "l: 1\r\nl: 0\r\nl: 0\r\n\r\n", 0, FRAME_BAD,
	  0 },
	{ "second one empty", START "l: 1\r\nl:\r\n\r\nx", 0, FRAME_BAD, 25 },
	{ "longer than any number", START "l: 99999999999999999999999\r\n\r\n", 0,
	  FRAME_TOO_LARGE, 43 },
	{ "over the bound", START "l: 4090\r\n\r\n", 0, FRAME_TOO_LARGE, 24 },
	{ "LF alone ends a line too", "A b SIP/2.0\nl: 1\n\nx", 0, FRAME_MESSAGE, 19 },
	{ "CR alone does not", START "Subject: a\rl: 5\r\nl: 0\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "NUL in the headers", START "Subject: \0\r\nl: 0\r\n\r\n", 32, FRAME_BAD, 0 },
	{ "NUL in a body is fine", START "l: 1\r\n\r\n\0", 22, FRAME_MESSAGE, 22 },
	{ "line without a colon", START "Subject\r\nl: 0\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "first header folded", START " x\r\nl: 0\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "TLS ClientHello on a plain port", "\x16\x03\x01", 3, FRAME_BAD, 0 },
	{ "binary", "\0\2", 2, FRAME_BAD, 0 },
	{ "zeros", "\0\0\0\0", 4, FRAME_BAD, 0 },
	{ "the beginning of a STUN Binding, RFC 8489 6.2.2", "\0\1", 2, FRAME_PARTIAL, 0 },
	{ "... with half a cookie", "\0\1\0\0\x21\x12", 6, FRAME_PARTIAL, 0 },
	{ "... with another one", "\0\1\0\0\x21\x13", 6, FRAME_BAD, 0 },
	{ "a request", STUN("\0\1\0\0"), 20, FRAME_STUN, 20 },
	{ "... all but its last byte", STUN("\0\1\0\0"), 19, FRAME_PARTIAL, 0 },
	{ "... and SIP behind it", STUN("\0\1\0\0") "A b", 23, FRAME_STUN, 20 },
	{ "with an attribute", STUN("\0\1\0\4") "\x80\x22\0\0", 24, FRAME_STUN, 24 },
	{ "... that is not there yet", STUN("\0\1\0\4") "\x80\x22", 22, FRAME_PARTIAL, 0 },
	{ "a response", STUN("\1\1\0\0"), 20, FRAME_STUN, 20 },
	{ "another method", STUN("\0\3\0\0"), 20, FRAME_BAD, 0 },
	{ "a length that is no multiple of 4", STUN("\0\1\0\2") "\0\0", 22, FRAME_BAD, 0 },
	{ "too long for STUN", STUN("\0\1\5\0"), 20, FRAME_BAD, 0 },
	{ "HTTP request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, FRAME_BAD, 0 },
	{ "HTTP response", "HTTP/", 0, FRAME_BAD, 0 },
	{ "text without a method", "hello\r\n", 0, FRAME_BAD, 0 },
	{ "endless method", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	  0, FRAME_BAD, 0 },
	{ "another version is not ours to judge", "A b SIP/7.0\r\nl: 0\r\n\r\n", 0,
	  FRAME_MESSAGE, 21 },
	{ "version in small letters, 7.1", "A b sip/2.0\r\nl: 0\r\n\r\n", 0, FRAME_MESSAGE,
	  21 },
	{ "LF first", "\nA", 0, FRAME_BAD, 1 },
};

static size_t row_len(size_t i)
{
	return rows[i].len ? rows[i].len : strlen(rows[i].in);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct framer framer = { 0 };
		size_t used = 99;

		print_message("%s\n", rows[i].name);
		assert_int_equal(frame_next(&framer, rows[i].in, row_len(i), MAX, &used),
				 rows[i].want);
		assert_int_equal(used, rows[i].used                ? rows[i].used
				       : rows[i].want == FRAME_BAD ? row_len(i)
								   : 0);
		if (rows[i].want == FRAME_BAD || rows[i].want == FRAME_TOO_LARGE)
			assert_non_null(framer.fault);
	}
}

/* The pieces in which bytes come do not change what they are; only a fault may be seen
 * sooner. */
static void test_byte_by_byte(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct framer framer = { 0 };
		enum frame frame = FRAME_PARTIAL;
		size_t used = 0;

		print_message("%s\n", rows[i].name);
		for (size_t len = 1; len <= row_len(i) && frame == FRAME_PARTIAL; len++)
			frame = frame_next(&framer, rows[i].in, len, MAX, &used);
		if (rows[i].want == FRAME_PING)
			assert_int_equal(frame, FRAME_CRLF);
		else
			assert_int_equal(frame, rows[i].want);
		if (frame == FRAME_MESSAGE)
			assert_int_equal(used, rows[i].used);
	}
}

static void test_ping_in_pieces(void **state)
{
	struct framer framer = { 0 };
	size_t used = 0;

	assert_int_equal(frame_next(&framer, "\r\n\r", 3, MAX, &used), FRAME_CRLF);
	assert_int_equal(frame_next(&framer, "\r", 1, MAX, &used), FRAME_PARTIAL);
	assert_int_equal(frame_next(&framer, "\r\n", 2, MAX, &used), FRAME_PING);
	assert_int_equal(frame_next(&framer, "\r\n", 2, MAX, &used), FRAME_CRLF);
	assert_int_equal(frame_next(&framer, START "l:0\r\n\r\n", 20, MAX, &used),
			 FRAME_MESSAGE);
	/* the two CRLFs around the message are no ping */
	assert_int_equal(frame_next(&framer, "\r\n", 2, MAX, &used), FRAME_CRLF);
}

static void test_several_messages(void **state)
{
	const char in[] = START "l: 2\r\n\r\nab\r\n" START "l: 0\r\n\r\n" START;
	const enum frame want[] = { FRAME_MESSAGE, FRAME_CRLF, FRAME_MESSAGE, FRAME_PARTIAL };
	struct framer framer = { 0 };
	size_t at = 0, used = 0;

	for (size_t i = 0; i < COUNT(want); i++) {
		assert_int_equal(frame_next(&framer, in + at, sizeof(in) - 1 - at, MAX, &used),
				 want[i]);
		at += used;
	}
	assert_int_equal(at, sizeof(in) - 1 - strlen(START));
}

static void test_header_bound(void **state)
{
	char *in = calloc(1, 2 * MAX);
	struct framer framer = { 0 };
	size_t used = 0;

	assert_non_null(in);
	strcpy(in, START "Subject: ");
	memset(in + strlen(in), 'x', MAX);
	assert_int_equal(frame_next(&framer, in, MAX, MAX, &used), FRAME_PARTIAL);
	assert_int_equal(frame_next(&framer, in, MAX + 1, MAX, &used), FRAME_TOO_LARGE);
	free(in);
}

static void test_expected(void **state)
{
	struct framer framer = { 0 };
	size_t used = 0;

	assert_int_equal(frame_next(&framer, START, strlen(START), MAX, &used), FRAME_PARTIAL);
	assert_int_equal(frame_expected(&framer), 0);
	assert_int_equal(frame_next(&framer, START "l: 100\r\n\r\n", 23, MAX, &used),
			 FRAME_PARTIAL);
	assert_int_equal(frame_expected(&framer), 123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),           cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_ping_in_pieces), cmocka_unit_test(test_several_messages),
		cmocka_unit_test(test_header_bound),   cmocka_unit_test(test_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
