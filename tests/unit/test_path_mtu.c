#include "proxy/transport/path_mtu.h"

#include "tests/unit/sides.h"

static unsigned n_asked, known;

static unsigned ask(const struct addr *remote, const struct addr *local)
{
	n_asked++;
	return known;
}

static struct addr address(const char *text)
{
	struct addr addr = { .len = 0 };

	if (text)
		assert_int_equal(addr_parse_port(text, 5060, &addr), ERR_OK);
	return addr;
}

static const struct {
	const char *name;
	unsigned mtu;
	size_t want;
} sizes[] = {
	{ "Ethernet", 1500, 1300 },
	{ "it is not known, RFC 3261 §18.1.1", 0, 1300 },
	{ "a tunnel", 1420, 1220 },
	{ "the least of IPv6", 1280, 1080 },
	{ "jumbo frames", 9000, 8800 },
	{ "loopback", 65536, 65336 },
	{ "more than UDP can hold", 4000000000u, 65507 },
	{ "somebody's ICMP says nonsense", 68, 376 },
};

static void test_sizes(void **state)
{
	const struct addr remote = address("192.0.2.1"), none = { .len = 0 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct path_mtu_table *table = NULL;

		print_message("%s\n", sizes[i].name);
		known = sizes[i].mtu;
		assert_int_equal(path_mtu_table_new(ask, &table), ERR_OK);
		assert_int_equal(path_mtu_max_bytes(table, &remote, &none, 1000),
				 sizes[i].want);
		path_mtu_table_free(table);
	}
}

static const struct {
	const char *name, *remote;
	uint64_t at_ms;
	unsigned mtu;
	bool is_forgotten; /* before */
	unsigned n_asked;  /* in all */
	size_t want;
} steps[] = {
	{ "the first", "192.0.2.1:5060", 1000, 1500, false, 1, 1300 },
	{ "it is remembered", "192.0.2.1:5060", 120999, 1400, false, 1, 1300 },
	{ "for another port, too", "192.0.2.1:5070", 2000, 1400, false, 1, 1300 },
	{ "another host", "[2001:db8::1]:5060", 2000, 1400, false, 2, 1200 },
	{ "two minutes later", "192.0.2.1:5060", 121000, 1400, false, 3, 1200 },
	{ "the kernel says no", "192.0.2.1:5060", 122000, 1300, true, 4, 1100 },
	{ "... and knows better for a while", "192.0.2.1:5060", 241999, 1500, false, 4, 1100 },
};

static void test_memory(void **state)
{
	struct path_mtu_table *table = NULL;
	const struct addr none = { .len = 0 };

	n_asked = 0;
	assert_int_equal(path_mtu_table_new(ask, &table), ERR_OK);
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct addr remote = address(steps[i].remote);

		print_message("%s\n", steps[i].name);
		known = steps[i].mtu;
		if (steps[i].is_forgotten)
			path_mtu_forget(table, &remote);
		assert_int_equal(path_mtu_max_bytes(table, &remote, &none, steps[i].at_ms),
				 steps[i].want);
		assert_int_equal(n_asked, steps[i].n_asked);
	}
	path_mtu_table_free(table);
}

static const struct {
	const char *name, *remote, *local;
	unsigned want;
} routes[] = {
	{ "loopback", "127.0.0.1:5060", NULL, 65535 },
	{ "from an address of ours", "127.0.0.1:5060", "127.0.0.2:5060", 65535 },
	{ "one of the other family does not matter", "127.0.0.1:5060", "[::1]:5060", 65535 },
	{ "an address that is not ours", "127.0.0.1:5060", "192.0.2.1:5060", 0 },
	{ "nowhere", "0.0.0.0:0", "192.0.2.1:5060", 0 },
};

static void test_kernel(void **state)
{
	for (size_t i = 0; i < COUNT(routes); i++) {
		struct addr remote = address(routes[i].remote),
			    local = address(routes[i].local);

		print_message("%s\n", routes[i].name);
		assert_int_equal(path_mtu_ask(&remote, &local), routes[i].want);
	}
}

/* The whole way: from a listener on loopback, and with a dialer, where there is no path. */
static struct flow *dial(void *user, const struct hop *hop)
{
	return NULL;
}

static void test_hop(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_UDP, 0, NULL, 1);
	struct loop *loop = NULL;
	struct side a;

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	struct hop hop = side_hop(listener, listener);
	assert_int_equal(transport_max_datagram(a.transport, &hop), 65335);
	transport_set_dialer(a.transport, dial, NULL);
	assert_int_equal(transport_max_datagram(a.transport, &hop), 1300);
	side_fini(&a);
	listener_unref(listener);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
