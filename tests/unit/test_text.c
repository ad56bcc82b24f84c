#include "proxy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static void test_equal_nocase(void **state)
{
	assert_true(text_equal_nocase("Sip", "sIP"));
	assert_false(text_equal_nocase("Sip", "Sips"));
	assert_false(text_equal_nocase("Sips", "Sip"));
	assert_true(text_equal_nocase("", ""));
	assert_false(text_equal_nocase("@", "`")); /* differ by 32, and are no letters */
	assert_true(text_equal_nocase(NULL, NULL));
	assert_false(text_equal_nocase(NULL, ""));
	assert_false(text_equal_nocase("", NULL));
	assert_true(text_starts_with("abc", "ab"));
	assert_true(text_starts_with("abc", ""));
	assert_false(text_starts_with("ab", "abc"));
}

static void test_copy(void **state)
{
	char to[4];

	assert_true(text_copy(to, sizeof(to), "abc"));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof(to), "abcd"));
	assert_string_equal(to, "abc");
	assert_true(text_copy_len(to, sizeof(to), "xyzzy", 2));
	assert_string_equal(to, "xy");
	assert_false(text_copy(to, 1, "a"));
	assert_string_equal(to, "");
	assert_false(text_copy(to, 0, ""));
	text_copy(to, sizeof(to), "AzZ");
	text_lower(to);
	assert_string_equal(to, "azz");
}

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static void test_domain(void **state)
{
	static const struct {
		const char *name, *in, *want; /* want NULL: refused */
	} rows[] = {
		{ "lower case", "Corp.EXAMPLE", "corp.example" },
		{ "dot at the end", "corp.example.", "corp.example" },
		{ "service name", "_sipfederationtls._tcp.corp.example",
		  "_sipfederationtls._tcp.corp.example" },
		{ "one label", "localhost", "localhost" },
		{ "IPv4", "192.0.2.1", "192.0.2.1" },
		{ "IPv6", "2001:DB8::1", "2001:db8::1" },
		{ "IPv6 in brackets", "[2001:DB8::1]", "[2001:db8::1]" },
		{ "longest label", LABEL63 ".example", LABEL63 ".example" },
		{ "label too long", LABEL63 "x.example", NULL },
		{ "longest name",
		  LABEL63 "." LABEL63 "." LABEL63 "."
			  "a123456789a123456789a123456789a123456789a123456789a123456789a",
		  LABEL63 "." LABEL63 "." LABEL63 "."
			  "a123456789a123456789a123456789a123456789a123456789a123456789a" },
		{ "name too long",
		  LABEL63 "." LABEL63 "." LABEL63 "."
			  "a123456789a123456789a123456789a123456789a123456789a123456789ab",
		  NULL },
		{ "empty", "", NULL },
		{ "dot", ".", NULL },
		{ "two dots at the end", "corp.example..", NULL },
		{ "empty label", "corp..example", NULL },
		{ "dot at the start", ".example", NULL },
		{ "blank", "corp .example", NULL },
		{ "line break", "corp.example\r\n", NULL },
		{ "pattern", "*.example", NULL },
		{ "not ASCII", "b\303\274ro.example", NULL },
		{ "port", "corp.example:5060", NULL },
		{ "colons only", "::::", NULL },
		{ "open bracket", "[::1", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[254] = "untouched";
		bool ok = text_domain(rows[i].in, out, sizeof(out));

		if (ok != !!rows[i].want || strcmp(out, ok ? rows[i].want : "untouched") != 0)
			fail_msg("%s: %s", rows[i].name, out);
	}

	char small[12];
	assert_false(text_domain("corp.example", small, sizeof(small)));
	assert_true(text_domain("corp.exampl", small, sizeof(small)));
}

static void test_domain_matches(void **state)
{
	static const struct {
		const char *pattern, *domain;
		bool want;
	} rows[] = {
		{ "a.example", "a.example", true },
		{ "a.example", "b.example", false },
		{ "*.a.example", "x.a.example", true },
		{ "*.a.example", "x.y.a.example", true },
		{ "*.a.example", "a.example", false },
		{ "*.a.example", ".a.example", false },
		{ "*.a.example", "xa.example", false },
		{ "a.example", "x.a.example", false },
		{ "*.a.example", "x.a.example.b", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (text_domain_matches(rows[i].pattern, rows[i].domain) != rows[i].want)
			fail_msg("%s %s", rows[i].pattern, rows[i].domain);
	}
}

static void test_domain_holds(void **state)
{
	static const struct {
		const char *domain, *host;
		bool want;
	} rows[] = {
		{ "a.example", "a.example", true },
		{ "a.example", "sip.a.example", true },
		{ "a.example", "x.y.a.example", true },
		{ "a.example", "ba.example", false },
		{ "a.example", ".a.example", false },
		{ "a.example", "example", false },
		{ "a.example", "b.example", false },
		{ "a.example", "a.example.b", false },
		{ "a.example", "", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (text_domain_holds(rows[i].domain, rows[i].host) != rows[i].want)
			fail_msg("%s %s", rows[i].domain, rows[i].host);
	}
}

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} rows[] = {
		{ "anna", "anna", true },
		{ "anna", "annab", false },
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "49302222*", "4930222217", true },
		{ "49302222*", "4930222", false },
		{ "*22", "49022", true },
		{ "*22", "490221", false },
		{ "*22", "2", false },
		{ "a*c", "abc", true },
		{ "a*c", "ac", true },
		{ "a*a", "a", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "acb", false },
		{ "**", "x", true },
		{ "*b*", "abc", true },
		{ "*ab*ab*", "abab", true },
		{ "*ab*ab*", "aba", false },
		{ "*aab", "aaab", true },
		{ "A*", "abc", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (text_glob(rows[i].pattern, rows[i].text) != rows[i].want)
			fail_msg("%s %s", rows[i].pattern, rows[i].text);
	}
}

/* With backtracking this would take years. */
static void test_glob_is_linear(void **state)
{
	enum { LEN = 100000 };
	char *text = malloc(LEN + 1), *pattern = malloc(LEN + 1);

	assert_non_null(text);
	assert_non_null(pattern);
	memset(text, 'a', LEN);
	text[LEN] = '\0';
	for (unsigned i = 0; i < LEN; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	memcpy(pattern + LEN - 2, "*b", 3);
	assert_false(text_glob(pattern, text));
	free(text);
	free(pattern);
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "port",   "transport", "trustworthy",
					     "domain", "domains",   "enabled",
					     "bind",   "t1",        "log" };
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "prot", "port" },
		{ "trustworty", "trustworthy" },
		{ "domian", "domain" },
		{ "domans", "domains" },
		{ "Enabeld", "enabled" },
		{ "TRANSPORT", "transport" },
		{ "completely-else", NULL },
		{ "", NULL },
		{ "t2", "t1" },
		{ "x", NULL },
		{ "xyz", NULL },
		{ "lgo", "log" },
		{ "binds", "bind" },
	};
	char longest[300];

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = text_nearest(rows[i].word, words, COUNT(words));
		if (got != rows[i].want &&
		    (!got || !rows[i].want || strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].word, got ? got : "none");
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_null(text_nearest(longest, words, COUNT(words)));
	assert_null(text_nearest("port", words, 0));
}

static void test_hex(void **state)
{
	char hex[9];
	unsigned char bytes[4] = { 0 };

	text_hex("\x00\x1f\xa0\xff", 4, hex);
	assert_string_equal(hex, "001fa0ff");
	assert_true(text_unhex("001FA0ff", bytes, 4));
	assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
	assert_false(text_unhex("001fa0f", bytes, 4));
	assert_false(text_unhex("001fa0ff0", bytes, 4));
	assert_false(text_unhex("001fa0fg", bytes, 4));
	assert_false(text_unhex("", bytes, 4));
	assert_true(text_unhex("", bytes, 0));
	assert_memory_equal(bytes, "\x00\x1f\xa0\xff", 4);
	text_hex("", 0, hex);
	assert_string_equal(hex, "");
}

static void test_time(void **state)
{
	char out[32];

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_string_equal(text_time(1795248724112345, out), "2026-11-21T09:12:04.112+01:00");
	assert_string_equal(text_time(1782036724000999, out), "2026-06-21T12:12:04.000+02:00");
	setenv("TZ", "NST3:30", 1);
	tzset();
	assert_string_equal(text_time(0, out), "1969-12-31T20:30:00.000-03:30");
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(text_time(0, out), "1970-01-01T00:00:00.000+00:00");
	assert_string_equal(text_time(UINT64_MAX, out), "");
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t ms;
		const char *want;
	} rows[] = {
		{ 0, "0 ms" },
		{ 250, "250 ms" },
		{ 999, "999 ms" },
		{ 1000, "1 s" },
		{ 12999, "12 s" },
		{ 60000, "1 min" },
		{ 61000, "1 min 1 s" },
		{ 3600000, "1 h" },
		{ 3660000, "1 h 1 min" },
		{ 86400000, "1 d" },
		{ 273600000, "3 d 4 h" },
		{ 273599999, "3 d 3 h" },
		{ UINT64_MAX, "213503982334 d 14 h" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[32];
		assert_string_equal(text_duration(rows[i].ms, out), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_nocase),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_domain_matches),
		cmocka_unit_test(test_domain_holds),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_is_linear),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
