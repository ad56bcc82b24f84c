#include "routing/dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Pieces of responses: RFC 1035 §4.1. The question is for a.example; \xc0\x0c points to its
 * name. */
#define HEADER(n)  "\0\1\x81\x80\0\1\0" n "\0\0\0\0"
#define QUESTION   "\1a\7example\0\0\1\0\1"
#define SELF       "\xc0\x0c"
#define A(ttl, d)  SELF "\0\1\0\1" ttl "\0\4\xc0\0\2" d
#define AAAA(d)    SELF "\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" d
#define CNAME(ttl) SELF "\0\5\0\1" ttl "\0\4\1b" SELF
#define TTL(s)     "\0\0\0" s
#define SRV_HEAD   SELF "\0\x21\0\1\0\0\0\x3c"
#define NAPTR_HEAD SELF "\0\x23\0\1\0\0\0\x3c"
/* Its value, len bytes: flags and service with their lengths, the expression, where it
 * leads. */
#define NAPTR(len, order, flags, service, regexp, name)                                        \
	NAPTR_HEAD "\0" len "\0" order "\0\7" flags service regexp name
#define SIPS "\x8SIPS+D2T"

/* clang-format off */
static const struct {
	const char *name, *bytes;
	size_t len;
	enum dns_type type;
	enum dns_status want;
	size_t n;
	uint32_t ttl_s;
	bool had_cname;
} rows[] = {
#define ROW(text) text, sizeof(text) - 1
	{ "one address", ROW(HEADER("\1") QUESTION A(TTL("\x3c"), "\7")), DNS_A, DNS_FOUND, 1, 60, false },
	{ "two, the lesser TTL", ROW(HEADER("\2") QUESTION A(TTL("\x3c"), "\7") A(TTL("\x1e"), "\x8")), DNS_A, DNS_FOUND, 2, 30, false },
	{ "TTL 0 becomes 1 s", ROW(HEADER("\1") QUESTION A(TTL("\0"), "\7")), DNS_A, DNS_FOUND, 1, 1, false },
	{ "TTL with its first bit, RFC 2181 §8", ROW(HEADER("\1") QUESTION A("\x80\0\0\x3c", "\7")), DNS_A, DNS_FOUND, 1, 1, false },
	{ "a long TTL becomes a day", ROW(HEADER("\1") QUESTION A("\x7f\0\0\x3c", "\7")), DNS_A, DNS_FOUND, 1, 86400, false },
	{ "behind a CNAME", ROW(HEADER("\2") QUESTION CNAME(TTL("\5")) A(TTL("\x3c"), "\7")), DNS_A, DNS_FOUND, 1, 5, true },
	{ "a CNAME to nothing", ROW(HEADER("\1") QUESTION CNAME(TTL("\5"))), DNS_A, DNS_NO_RECORD, 0, 5, true },
	{ "IPv6", ROW(HEADER("\1") QUESTION AAAA("\1")), DNS_AAAA, DNS_FOUND, 1, 60, false },
	{ "of another type", ROW(HEADER("\1") QUESTION AAAA("\1")), DNS_A, DNS_NO_RECORD, 0, 86400, false },
	{ "SRV", ROW(HEADER("\1") QUESTION SRV_HEAD "\0\xa\0\1\0\2\x13\xc5\1s" SELF), DNS_SRV, DNS_FOUND, 1, 60, false },
	{ "SRV to nowhere, RFC 2782", ROW(HEADER("\1") QUESTION SRV_HEAD "\0\7\0\1\0\2\x13\xc5\0"), DNS_SRV, DNS_NO_RECORD, 0, 60, false },
	{ "SRV of port 0", ROW(HEADER("\1") QUESTION SRV_HEAD "\0\xa\0\1\0\2\0\0\1s" SELF), DNS_SRV, DNS_NO_RECORD, 0, 60, false },
	{ "SRV whose target points to itself", ROW(HEADER("\1") QUESTION SRV_HEAD "\0\x8\0\1\0\2\x13\xc5\xc0\x2d"), DNS_SRV, DNS_NO_RECORD, 0, 60, false },
	{ "SRV cut in its value", ROW(HEADER("\1") QUESTION SRV_HEAD "\0\4\0\1\0\2"), DNS_SRV, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR, RFC 3263 §4.1", ROW(HEADER("\1") QUESTION NAPTR("\x14", "\1", "\1s", SIPS, "\0", "\1t" SELF)), DNS_NAPTR, DNS_FOUND, 1, 60, false },
	{ "... in other letters", ROW(HEADER("\1") QUESTION NAPTR("\x13", "\1", "\1S", "\7sip+d2U", "\0", "\1t" SELF)), DNS_NAPTR, DNS_FOUND, 1, 60, false },
	{ "... two, and one of another service", ROW(HEADER("\3") QUESTION NAPTR("\x14", "\1", "\1s", SIPS, "\0", "\1t" SELF)
		NAPTR("\x14", "\1", "\1s", "\x8SIPS+D2S", "\0", "\1t" SELF) NAPTR("\x13", "\1", "\1s", "\7SIP+D2T", "\0", "\1t" SELF)), DNS_NAPTR, DNS_FOUND, 2, 60, false },
	{ "... behind a CNAME", ROW(HEADER("\2") QUESTION CNAME(TTL("\5")) NAPTR("\x14", "\1", "\1s", SIPS, "\0", "\1t" SELF)), DNS_NAPTR, DNS_FOUND, 1, 5, true },
	{ "NAPTR with a regular expression", ROW(HEADER("\1") QUESTION NAPTR("\x17", "\1", "\1s", SIPS, "\3!x!", "\1t" SELF)), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR that is no last one, RFC 3403 §4.1", ROW(HEADER("\1") QUESTION NAPTR("\x13", "\1", "\0", SIPS, "\0", "\1t" SELF)), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR to addresses", ROW(HEADER("\1") QUESTION NAPTR("\x14", "\1", "\1a", SIPS, "\0", "\1t" SELF)), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR of a telephone number, RFC 6116", ROW(HEADER("\1") QUESTION NAPTR("\x13", "\1", "\1u", "\7E2U+sip", "\0", "\1t" SELF)), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR to nowhere", ROW(HEADER("\1") QUESTION NAPTR("\x11", "\1", "\1s", SIPS, "\0", "\0")), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR whose service is longer than it", ROW(HEADER("\1") QUESTION NAPTR("\xf", "\1", "\1s", "\xffSIPS+D2T", "", "")), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR cut in its value", ROW(HEADER("\1") QUESTION NAPTR_HEAD "\0\5\0\1\0\7\1"), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "NAPTR whose name points to itself", ROW(HEADER("\1") QUESTION NAPTR("\x12", "\1", "\1s", SIPS, "\0", "\xc0\x36")), DNS_NAPTR, DNS_NO_RECORD, 0, 60, false },
	{ "no answers", ROW(HEADER("\0") QUESTION), DNS_A, DNS_NO_RECORD, 0, 86400, false },
	{ "fewer than announced", ROW(HEADER("\5") QUESTION A(TTL("\x3c"), "\7")), DNS_A, DNS_FOUND, 1, 60, false },
	{ "cut within a record", ROW(HEADER("\1") QUESTION SELF "\0\1\0\1\0\0\0\x3c\0\4\xc0"), DNS_A, DNS_NO_RECORD, 0, 86400, false },
	{ "an address of 3 bytes", ROW(HEADER("\1") QUESTION SELF "\0\1\0\1\0\0\0\x3c\0\3\xc0\0\2"), DNS_A, DNS_NO_RECORD, 0, 60, false },
	{ "another class", ROW(HEADER("\1") QUESTION SELF "\0\1\0\3\0\0\0\x3c\0\4\xc0\0\2\7"), DNS_A, DNS_NO_RECORD, 0, 86400, false },
	{ "no header", ROW("\0\1\x81"), DNS_A, DNS_SERVER_FAILED, 0, 0, false },
	{ "two questions", ROW("\0\1\x81\x80\0\2\0\1\0\0\0\0" QUESTION QUESTION), DNS_A, DNS_SERVER_FAILED, 0, 0, false },
	{ "cut within the question", ROW(HEADER("\1") "\1a\7exam"), DNS_A, DNS_SERVER_FAILED, 0, 0, false },
	{ "a name that points to itself", ROW(HEADER("\1") "\xc0\x0c\0\1\0\1"), DNS_A, DNS_SERVER_FAILED, 0, 0, false },
	{ "nothing", ROW(""), DNS_A, DNS_SERVER_FAILED, 0, 0, false },
};
/* clang-format on */

/* Read from memory that ends where they end, so that ASan sees one byte too much. */
static void read_row(const char *bytes, size_t len, enum dns_type type, struct dns_answer *out)
{
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	dns_answer_read(copy, len, type, out);
	free(copy);
}

static void test_rows(void **state)
{
	struct dns_answer answer;
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		read_row(rows[i].bytes, rows[i].len, rows[i].type, &answer);
		if (answer.status == rows[i].want && answer.n == rows[i].n &&
		    answer.ttl_s == rows[i].ttl_s && answer.had_cname == rows[i].had_cname)
			continue;
		print_error("%s: %s, %zu records, %u s\n", rows[i].name,
			    dns_status_text(answer.status), answer.n, answer.ttl_s);
		n_wrong++;
	}
	assert_int_equal(n_wrong, 0);
}

/* Whatever is cut off, nothing is read beyond the end. */
static void test_every_cut(void **state)
{
	struct dns_answer answer;

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t len = 0; len < rows[i].len; len++)
			read_row(rows[i].bytes, len, rows[i].type, &answer);
}

static void test_values(void **state)
{
	static const char a[] = HEADER("\1") QUESTION A(TTL("\x3c"), "\7");
	static const char srv[] =
		HEADER("\1") QUESTION SRV_HEAD "\0\xa\0\1\0\2\x13\xc5\1S" SELF;
	static const char naptr[] =
		HEADER("\1") QUESTION NAPTR("\x14", "\1", "\1s", SIPS, "\0", "\1T" SELF);
	struct dns_answer answer;
	char text[ADDR_TEXT_SIZE];

	read_row(a, sizeof(a) - 1, DNS_A, &answer);
	assert_string_equal(addr_text(&answer.addrs[0], text), "192.0.2.7:0");
	read_row(srv, sizeof(srv) - 1, DNS_SRV, &answer);
	assert_int_equal(answer.srv[0].priority, 1);
	assert_int_equal(answer.srv[0].weight, 2);
	assert_int_equal(answer.srv[0].port, 5061);
	assert_string_equal(answer.srv[0].target, "s.a.example");
	read_row(naptr, sizeof(naptr) - 1, DNS_NAPTR, &answer);
	assert_int_equal(answer.naptr[0].order, 1);
	assert_int_equal(answer.naptr[0].preference, 7);
	assert_int_equal(answer.naptr[0].service, DNS_SIPS_D2T);
	assert_string_equal(answer.naptr[0].replacement, "t.a.example");
}

static void test_truncated(void **state)
{
	static const char one[] = A(TTL("\x3c"), "\7");
	char bytes[2000] = HEADER("\x12") QUESTION;
	size_t len = sizeof(HEADER("\x12") QUESTION) - 1;
	struct dns_answer answer;

	for (unsigned i = 0; i < 18; i++, len += sizeof(one) - 1)
		memcpy(bytes + len, one, sizeof(one) - 1);
	read_row(bytes, len, DNS_A, &answer);
	assert_int_equal(answer.n, DNS_MAX_RECORDS);
	assert_true(answer.is_truncated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
