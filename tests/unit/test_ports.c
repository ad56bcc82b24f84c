#include "media/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "tests/unit/own_network.h"

enum { FIRST = 21001, LAST = 21009, REST_MS = 30000 }; /* pairs 21002, 21004, 21006, 21008 */

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, 0, &addr), ERR_OK);
	own_network(&addr);
	return addr;
}

static int take_port(const char *text, uint16_t port)
{
	struct addr addr = address(text);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	addr_set_port(&addr, port);
	assert_int_equal(bind(fd, &addr.sa, addr.len), 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct addr addr = { .len = sizeof(addr.in6) };

	assert_int_equal(getsockname(fd, &addr.sa, &addr.len), 0);
	return addr_port(&addr);
}

static void test_ranges(void **state)
{
	struct ports *ports = NULL;

	assert_int_equal(ports_new(0, 100, 0, &ports), ERR_INVALID);
	assert_int_equal(ports_new(21001, 21002, 0, &ports),
			 ERR_INVALID); /* no even port with a partner */
	assert_int_equal(ports_new(21003, 21002, 0, &ports), ERR_INVALID);
	assert_int_equal(ports_new(65535, 65535, 0, &ports), ERR_INVALID);
	assert_null(ports);
	assert_null(ports_free(NULL));
}

/* Even RTP, odd RTCP, each once; then there is none, and that is said. */
static void test_pairs_until_none_is_left(void **state)
{
	struct addr bind = address("127.32.0.1"), other = address("127.32.0.2");
	struct port_pair pairs[4], extra;
	struct ports_use use;
	struct ports *ports;
	unsigned seen = 0;

	assert_int_equal(ports_new(FIRST, LAST, REST_MS, &ports), ERR_OK);
	for (unsigned i = 0; i < COUNT(pairs); i++) {
		assert_int_equal(ports_open(ports, &bind, 1000, &pairs[i]), ERR_OK);
		assert_int_equal(pairs[i].port % 2, 0);
		assert_in_range(pairs[i].port, FIRST, LAST - 1);
		assert_int_equal(port_of(pairs[i].fds[0]), pairs[i].port);
		assert_int_equal(port_of(pairs[i].fds[1]), pairs[i].port + 1);
		seen |= 1u << (pairs[i].port - FIRST) / 2;
	}
	assert_int_equal(seen, 15);
	assert_int_equal(ports_open(ports, &bind, 1000, &extra), ERR_LIMIT);
	assert_int_equal(ports_open(ports, &other, 1000, &extra),
			 ERR_OK); /* each address has its own range */
	ports_use(ports, 1000, &use);
	assert_int_equal(use.n_pairs, 8);
	assert_int_equal(use.n_used, 5);
	for (unsigned i = 0; i < COUNT(pairs); i++)
		ports_close(ports, &pairs[i], 1000);
	ports_close(ports, &extra, 1000);
	ports_free(ports);
}

static void test_freed_pairs_rest(void **state)
{
	struct addr bind = address("127.32.0.1");
	struct port_pair first, second;
	struct ports_use use;
	struct ports *ports;

	assert_int_equal(ports_new(21002, 21003, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 1000, &first), ERR_OK);
	ports_close(ports, &first, 5000);
	ports_use(ports, 5000, &use);
	assert_int_equal(use.n_used, 0);
	assert_int_equal(use.n_resting, 1);
	assert_int_equal(use.n_least_free, 0);
	ports_use(ports, 5000 + REST_MS, &use);
	assert_int_equal(use.n_least_free, 1);
	assert_int_equal(ports_open(ports, &bind, 5000 + REST_MS - 1, &second), ERR_LIMIT);
	assert_int_equal(ports_open(ports, &bind, 5000 + REST_MS, &second), ERR_OK);
	ports_close(ports, &second, 50000);
	ports_free(ports);
}

/* Somebody holds the odd port of each pair but one: its even port must not stay open (45,000
 * descriptors in 38 days elsewhere). */
static void test_all_or_nothing(void **state)
{
	struct addr bind = address("127.32.0.1");
	int others[] = { take_port("127.32.0.1", 21003), take_port("127.32.0.1", 21005),
			 take_port("127.32.0.1", 21007) };
	struct port_pair pair;
	struct ports *ports;
	int before = dup(0), after;

	close(before);
	assert_int_equal(ports_new(FIRST, LAST, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 0, &pair), ERR_OK);
	assert_int_equal(pair.port, 21008);
	ports_close(ports, &pair, 0);
	assert_int_equal(ports_open(ports, &bind, 1, &pair), ERR_LIMIT);
	after = dup(0);
	close(after);
	assert_int_equal(after, before); /* no descriptor was left */
	for (unsigned i = 0; i < COUNT(others); i++)
		close(others[i]);
	assert_int_equal(ports_open(ports, &bind, REST_MS, &pair),
			 ERR_OK); /* they are tried again later */
	ports_close(ports, &pair, REST_MS);
	ports_free(ports);
}

static void test_not_our_address(void **state)
{
	struct addr bind = address("192.0.2.77");
	struct port_pair pair;
	struct ports *ports;

	assert_int_equal(ports_new(FIRST, LAST, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 0, &pair), ERR_ADDRESS);
	ports_free(ports);
}

static void test_ipv6(void **state)
{
	struct addr bind = address("::1");
	struct port_pair pair;
	struct ports *ports;

	assert_int_equal(ports_new(FIRST, LAST, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 0, &pair), ERR_OK);
	assert_int_equal(port_of(pair.fds[1]), pair.port + 1);
	ports_close(ports, &pair, 0);
	ports_free(ports);
}

/* A port that we have is nobody else's: SO_REUSEPORT would let two calls share it. */
static void test_not_shared(void **state)
{
	struct addr bind_to = address("127.32.0.1");
	struct port_pair pair;
	struct ports *ports;
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ports_new(21002, 21003, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind_to, 0, &pair), ERR_OK);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	addr_set_port(&bind_to, pair.port);
	assert_int_equal(bind(fd, &bind_to.sa, bind_to.len), -1);
	close(fd);
	ports_close(ports, &pair, 0);
	ports_free(ports);
}

static void test_range_changes(void **state)
{
	struct addr bind = address("127.32.0.1");
	struct port_pair used[2], rest[4];
	struct ports_use use;
	struct ports *ports;

	assert_int_equal(ports_new(21002, 21005, REST_MS, &ports), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 0, &used[0]), ERR_OK);
	assert_int_equal(ports_open(ports, &bind, 0, &used[1]), ERR_OK);
	assert_int_equal(ports_set_range(ports, 21005, 21005), ERR_INVALID);
	assert_int_equal(ports_set_range(ports, 21004, 21009),
			 ERR_OK); /* 21004 is in use, 21006 and 21008 are new */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ports_open(ports, &bind, 0, &rest[i]), ERR_OK);
		assert_true(rest[i].port >= 21006);
	}
	assert_int_equal(ports_open(ports, &bind, 0, &rest[2]), ERR_LIMIT);
	ports_use(ports, 0, &use);
	assert_int_equal(use.n_used, 3);
	ports_close(ports, &used[0], 10); /* one of them is of no range any more */
	ports_close(ports, &used[1], 10);
	ports_use(ports, 10, &use);
	assert_int_equal(use.n_used, 2);
	assert_int_equal(use.n_resting, 1);
	assert_int_equal(use.n_least_free, 0);
	assert_int_equal(ports_set_range(ports, 21002, 21009),
			 ERR_OK); /* who rests goes on resting */
	ports_use(ports, 10, &use);
	assert_int_equal(use.n_resting, 1);
	assert_int_equal(ports_open(ports, &bind, 10, &rest[2]), ERR_OK);
	assert_int_equal(rest[2].port, 21002);
	assert_int_equal(ports_open(ports, &bind, 10, &rest[3]), ERR_LIMIT);
	for (unsigned i = 0; i < 3; i++)
		ports_close(ports, &rest[i], 20);
	ports_free(ports);
}

static const struct {
	uint16_t first, last;
	const char *range, *reserved;
	unsigned want;
} overlaps[] = {
	{ 30528, 30887, "32768\t60999\n", "\n", 0 },
	{ 30528, 32768, "32768\t60999\n", "\n", 1 },
	{ 40000, 40009, "32768\t60999\n", "", 10 },
	{ 60990, 65535, "32768\t60999\n", "\n", 10 },
	{ 61000, 65535, "32768\t60999\n", "\n", 0 },
	{ 1, 65535, "1024\t1024\n", "\n", 1 },
	{ 1, 65535, "nonsense", "\n", 0 },
	{ 40000, 40009, "32768\t60999\n", "40000-40009\n", 0 },
	{ 40000, 40009, "32768\t60999\n", "8080,40000-40004,40009,50000\n", 4 },
	{ 32760, 32770, "32768\t60999\n", "32000-32768\n", 2 },
	{ 40000, 40009, "32768\t60999\n", "nonsense", 10 },
};

static void test_overlap(void **state)
{
	for (size_t i = 0; i < COUNT(overlaps); i++)
		assert_int_equal(ports_overlap(overlaps[i].first, overlaps[i].last,
					       overlaps[i].range, overlaps[i].reserved),
				 overlaps[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_pairs_until_none_is_left),
		cmocka_unit_test(test_freed_pairs_rest),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_not_our_address),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_not_shared),
		cmocka_unit_test(test_range_changes),
		cmocka_unit_test(test_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
