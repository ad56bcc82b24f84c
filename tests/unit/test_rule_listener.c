#include "routing/rule_listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8 };

/* clang-format off */
static const struct {
	const char *name, *address;
	enum conf_network network;
	enum conf_transport transport;
} house[N] = {
	{ "wan", "192.0.2.10", NETWORK_WAN, TRANSPORT_MTLS },
	{ "wan-tls", "192.0.2.10", NETWORK_WAN, TRANSPORT_TLS },
	{ "wan6", "2001:db8::10", NETWORK_WAN, TRANSPORT_MTLS },
	{ "wan-b", "192.0.2.11", NETWORK_WAN, TRANSPORT_MTLS },
	{ "lan", "10.0.0.2", NETWORK_LAN, TRANSPORT_TCP },
	{ "lan-udp", "10.0.0.2", NETWORK_LAN, TRANSPORT_UDP },
	{ "phones", "::", NETWORK_REMOTE, TRANSPORT_UDP },
	{ NULL, NULL, 0, 0 }, /* disabled */
};

static const struct {
	const char *name;
	enum conf_transport transport;
	const char *bind;
	enum conf_network network;
	bool is_ipv6;
	const char *want; /* NULL: none */
} rows[] = {
	{ "the first of its kind", TRANSPORT_MTLS, NULL, NETWORK_WAN, false, "wan" },
	{ "tls is not mtls where both are", TRANSPORT_TLS, NULL, NETWORK_WAN, false, "wan-tls" },
	{ "the family", TRANSPORT_MTLS, NULL, NETWORK_WAN, true, "wan6" },
	{ "family before kind: tls stands for mtls", TRANSPORT_TLS, NULL, NETWORK_WAN, true, "wan6" },
	{ "bind address", TRANSPORT_MTLS, "192.0.2.11", NETWORK_WAN, false, "wan-b" },
	{ "bind address of nobody", TRANSPORT_MTLS, "192.0.2.99", NETWORK_WAN, false, "wan" },
	{ "another network if it must be", TRANSPORT_TCP, NULL, NETWORK_WAN, false, "lan" },
	{ "its network before the family", TRANSPORT_UDP, NULL, NETWORK_LAN, true, "lan-udp" },
	{ "never where phones come in", TRANSPORT_UDP, "198.51.100.1", NETWORK_LAN, false, "lan-udp" },
	{ "phones nowhere else", TRANSPORT_UDP, "10.0.0.2", NETWORK_REMOTE, false, "phones" },
	{ "[::] serves both families", TRANSPORT_UDP, NULL, NETWORK_REMOTE, false, "phones" },
};
/* clang-format on */

static void test_choose(void **state)
{
	static struct listener listeners[N];
	struct listener *pointers[N] = { NULL };
	struct addr bind;

	for (size_t i = 0; i < N && house[i].name; i++) {
		pointers[i] = &listeners[i];
		strcpy(listeners[i].name, house[i].name);
		listeners[i].network = house[i].network;
		listeners[i].transport = house[i].transport;
		assert_int_equal(addr_parse(house[i].address, 5060, &listeners[i].addr),
				 ERR_OK);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct listener_wish wish = { rows[i].transport, NULL, rows[i].network,
					      rows[i].is_ipv6 };
		if (rows[i].bind) {
			assert_int_equal(addr_parse(rows[i].bind, 0, &bind), ERR_OK);
			wish.bind = &bind;
		}
		const struct listener *got = rule_listener_choose(pointers, N, &wish);
		if (strcmp(got ? got->name : "none", rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, got ? got->name : "none");
	}
	struct listener_wish udp = { TRANSPORT_UDP, NULL, NETWORK_WAN, false };
	assert_null(rule_listener_choose(pointers, 4, &udp)); /* nothing but TLS */
	assert_null(rule_listener_choose(pointers, 0, &udp));
}

/* A socket for IPv4 sends nothing to IPv6; a connection has a socket of its own. */
static void test_family_of_udp(void **state)
{
	static struct listener udp = { .transport = TRANSPORT_UDP },
			       tcp = { .transport = TRANSPORT_TCP };
	struct rule rule = { 0 };
	struct addr ipv6;

	assert_int_equal(addr_parse("10.0.0.2", 5060, &udp.addr), ERR_OK);
	tcp.addr = udp.addr;
	rule.listeners[TRANSPORT_UDP][0] = rule.listeners[TRANSPORT_UDP][1] = &udp;
	rule.listeners[TRANSPORT_TCP][0] = rule.listeners[TRANSPORT_TCP][1] = &tcp;
	assert_int_equal(addr_parse("2001:db8::1", 5060, &ipv6), ERR_OK);
	assert_null(rules_listener(&rule, TRANSPORT_UDP, &ipv6));
	assert_ptr_equal(rules_listener(&rule, TRANSPORT_UDP, &udp.addr), &udp);
	assert_ptr_equal(rules_listener(&rule, TRANSPORT_TCP, &ipv6), &tcp);
	assert_null(rules_listener(&rule, TRANSPORT_TLS, &ipv6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_family_of_udp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
