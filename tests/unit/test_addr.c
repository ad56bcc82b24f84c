#include "proxy/base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	return addr;
}

static void test_parse(void **state)
{
	static const struct {
		const char *name, *in, *want; /* want NULL: ERR_SYNTAX */
	} rows[] = {
		{ "IPv4", "192.0.2.1", "192.0.2.1:5060" },
		{ "IPv6", "2001:DB8::1", "[2001:db8::1]:5060" },
		{ "IPv6 in brackets", "[2001:db8::1]", "[2001:db8::1]:5060" },
		{ "any", "::", "[::]:5060" },
		{ "mapped IPv4 is IPv4", "::ffff:192.0.2.1", "192.0.2.1:5060" },
		{ "zone by number", "fe80::1%1", "[fe80::1%1]:5060" },
		{ "zone by name", "fe80::1%lo", "[fe80::1%1]:5060" },
		{ "zone that is none", "fe80::1%no-such-if", NULL },
		{ "empty zone", "fe80::1%", NULL },
		{ "zone 0", "fe80::1%0", NULL },
		{ "empty", "", NULL },
		{ "a name", "localhost", NULL },
		{ "IPv4 in brackets", "[192.0.2.1]", NULL },
		{ "open bracket", "[2001:db8::1", NULL },
		{ "something behind the bracket", "[2001:db8::1]x", NULL },
		{ "a port is too much", "192.0.2.1:5060", NULL },
		{ "short IPv4", "192.0.2", NULL },
		{ "octal looks", "192.0.2.256", NULL },
		{ "blank", " 192.0.2.1", NULL },
		{ "very long",
		  "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444:"
		  "5555:6666:7777:8888:9999",
		  NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr addr = { .len = 0 };
		char text[ADDR_TEXT_SIZE];
		enum err err = addr_parse(rows[i].in, 5060, &addr);

		if (err != (rows[i].want ? ERR_OK : ERR_SYNTAX))
			fail_msg("%s: %s", rows[i].name, err_text(err));
		if (strcmp(addr_text(&addr, text), rows[i].want ? rows[i].want : "") != 0)
			fail_msg("%s: %s", rows[i].name, text);
	}
}

static void test_parse_port(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "IPv4 and port", "192.0.2.1:5061", "192.0.2.1:5061" },
		{ "IPv4 alone", "192.0.2.1", "192.0.2.1:53" },
		{ "IPv6 and port", "[2001:db8::1]:5061", "[2001:db8::1]:5061" },
		{ "IPv6 in brackets alone", "[2001:db8::1]", "[2001:db8::1]:53" },
		{ "IPv6 alone", "2001:db8::1", "[2001:db8::1]:53" },
		{ "mapped", "[::ffff:192.0.2.1]:1", "192.0.2.1:1" },
		{ "highest port", "192.0.2.1:65535", "192.0.2.1:65535" },
		{ "port too high", "192.0.2.1:65536", NULL },
		{ "port far too high", "192.0.2.1:4294967297", NULL },
		{ "no digits", "192.0.2.1:", NULL },
		{ "sign", "192.0.2.1:+1", NULL },
		{ "no digits behind the bracket", "[::1]:", NULL },
		{ "no colon behind the bracket", "[::1]5060", NULL },
		{ "port alone", ":5060", NULL },
		{ "a name", "sip.partner.example:5061", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr addr = { .len = 0 };
		char text[ADDR_TEXT_SIZE];
		enum err err = addr_parse_port(rows[i].in, 53, &addr);

		if (err != (rows[i].want ? ERR_OK : ERR_SYNTAX))
			fail_msg("%s: %s", rows[i].name, err_text(err));
		if (strcmp(addr_text(&addr, text), rows[i].want ? rows[i].want : "") != 0)
			fail_msg("%s: %s", rows[i].name, text);
	}
}

static void test_kinds(void **state)
{
	static const struct {
		const char *in;
		bool is_private, is_loopback, is_wildcard;
	} rows[] = {
		{ "10.0.0.1", true, false, false },
		{ "10.255.255.255", true, false, false },
		{ "11.0.0.0", false, false, false },
		{ "172.15.255.255", false, false, false },
		{ "172.16.0.0", true, false, false },
		{ "172.31.255.255", true, false, false },
		{ "172.32.0.0", false, false, false },
		{ "192.168.1.1", true, false, false },
		{ "192.169.0.0", false, false, false },
		{ "100.63.255.255", false, false, false },
		{ "100.64.0.0", true, false, false },
		{ "100.127.255.255", true, false, false },
		{ "100.128.0.0", false, false, false },
		{ "169.254.9.9", true, false, false },
		{ "127.0.0.1", true, true, false },
		{ "127.9.9.9", true, true, false },
		{ "0.0.0.0", false, false, true },
		{ "8.8.8.8", false, false, false },
		{ "::1", true, true, false },
		{ "::", false, false, true },
		{ "fc00::1", true, false, false },
		{ "fdff::1", true, false, false },
		{ "fe00::1", false, false, false },
		{ "fe80::1", true, false, false },
		{ "febf::1", true, false, false },
		{ "fec0::1", false, false, false },
		{ "2001:db8::1", false, false, false },
		{ "::ffff:10.0.0.1", true, false, false },
		{ "::ffff:127.0.0.1", true, true, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr addr = addr_of(rows[i].in);

		if (addr_is_private(&addr) != rows[i].is_private ||
		    addr_is_loopback(&addr) != rows[i].is_loopback ||
		    addr_is_wildcard(&addr) != rows[i].is_wildcard)
			fail_msg("%s", rows[i].in);
	}
}

static void test_no_address(void **state)
{
	struct addr none = { .len = 0 }, some = addr_of("192.0.2.1:1");
	char text[ADDR_TEXT_SIZE];

	assert_false(addr_is_set(&none));
	assert_true(addr_is_set(&some));
	assert_false(addr_is_ipv6(&none));
	assert_false(addr_is_private(&none));
	assert_false(addr_is_loopback(&none));
	assert_false(addr_is_wildcard(&none));
	assert_int_equal(addr_port(&none), 0);
	addr_set_port(&none, 5);
	assert_int_equal(addr_port(&none), 0);
	assert_string_equal(addr_text(&none, text), "");
	assert_string_equal(addr_host(&none, text), "");
	assert_string_equal(addr_uri_host(&none, text), "");
	assert_true(addr_equal(&none, &none));
	assert_false(addr_equal(&none, &some));
	assert_false(addr_equal(&some, &none));
}

static void test_equal_and_hash(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_equal, is_same_host;
	} rows[] = {
		{ "192.0.2.1:1", "192.0.2.1:1", true, true },
		{ "192.0.2.1:1", "192.0.2.1:2", false, true },
		{ "192.0.2.1:1", "192.0.2.2:1", false, false },
		{ "192.0.2.1:1", "[::ffff:192.0.2.1]:1", true, true },
		{ "[2001:db8::1]:1", "[2001:db8:0::1]:1", true, true },
		{ "[2001:db8::1]:1", "[2001:db8::1]:2", false, true },
		{ "[2001:db8::1]:1", "[2001:db8::2]:1", false, false },
		{ "[fe80::1%1]:1", "[fe80::1%2]:1", false, false },
		{ "0.0.0.0:1", "[::]:1", false, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a = addr_of(rows[i].a), b = addr_of(rows[i].b);

		if (addr_equal(&a, &b) != rows[i].is_equal ||
		    addr_same_host(&a, &b) != rows[i].is_same_host ||
		    (addr_hash(&a, true) == addr_hash(&b, true)) != rows[i].is_equal ||
		    (addr_hash(&a, false) == addr_hash(&b, false)) != rows[i].is_same_host)
			fail_msg("%s %s", rows[i].a, rows[i].b);
	}
}

static void test_from_sockaddr(void **state)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(5060) };
	struct sockaddr_in short_one = { .sin_family = AF_INET };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct addr addr;
	char text[ADDR_TEXT_SIZE];

	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1", 16);
	addr_from_sockaddr(&addr, (struct sockaddr *)&mapped, sizeof(mapped));
	assert_string_equal(addr_text(&addr, text), "192.0.2.1:5060");
	assert_int_equal(addr.len, sizeof(struct sockaddr_in));

	addr_from_sockaddr(&addr, (struct sockaddr *)&short_one, 4);
	assert_false(addr_is_set(&addr));
	addr_from_sockaddr(&addr, &other, sizeof(other));
	assert_false(addr_is_set(&addr));
}

static void test_hosts(void **state)
{
	struct addr addr = addr_of("[2001:db8::1]:5061");
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_host(&addr, text), "2001:db8::1");
	assert_string_equal(addr_uri_host(&addr, text), "[2001:db8::1]");
	addr_set_port(&addr, 7);
	assert_string_equal(addr_text(&addr, text), "[2001:db8::1]:7");

	addr = addr_of("fe80::1%1");
	assert_string_equal(addr_host(&addr, text), "fe80::1%1");
	assert_string_equal(addr_uri_host(&addr, text), "[fe80::1]");

	addr = addr_of("192.0.2.1:5061");
	assert_string_equal(addr_host(&addr, text), "192.0.2.1");
	assert_string_equal(addr_uri_host(&addr, text), "192.0.2.1");
	addr_set_port(&addr, 8);
	assert_string_equal(addr_text(&addr, text), "192.0.2.1:8");

	addr = addr_of("[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
	assert_string_equal(addr_text(&addr, text),
			    "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),          cmocka_unit_test(test_parse_port),
		cmocka_unit_test(test_kinds),          cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_equal_and_hash), cmocka_unit_test(test_from_sockaddr),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
