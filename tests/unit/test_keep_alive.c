/* Pings on a connection that a NAT could forget, and what ends one whose peer is gone. */
#include "proxy/transport/transport.h"

#include "tests/unit/sides.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static struct loop *loop;
static struct side b;
static struct listener *listener;
static int fd;
static uint64_t id;

static int setup(void **state)
{
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&b, loop, 0);
	listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_listen(b.transport, &listener, 1), ERR_OK);
	fd = side_connect(&listener->addr);

	struct wire *wire = side_request("c", 0);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	wire_unref(wire);
	UNTIL(loop, b.n_messages == 1);
	id = b.last_flow->id;
	b.last_flow = flow_unref(b.last_flow);
	return 0;
}

static int teardown(void **state)
{
	close(fd);
	side_fini(&b);
	listener_unref(listener);
	loop = loop_free(loop);
	return 0;
}

/* How many bytes came; they must be empty lines. */
static size_t pings(void)
{
	char bytes[4096];
	ssize_t n;

	side_settle(loop);
	n = side_recv(fd, bytes, sizeof(bytes) - 1);
	if (n < 0)
		return 0;
	bytes[n] = '\0';
	assert_int_equal(strspn(bytes, "\r\n"), n);
	return (size_t)n;
}

static void test_ping_in_silence(void **state)
{
	assert_int_equal(transport_keep_alive(b.transport, id, 30000), ERR_OK);
	loop_turn(loop, 29999);
	assert_int_equal(pings(), 0);
	loop_turn(loop, 1);
	assert_int_equal(pings(), 4);
	loop_turn(loop, 30000);
	assert_int_equal(pings(), 4);
	assert_int_equal(b.n_malformed, 0);
}

static void test_traffic_puts_it_off(void **state)
{
	struct wire *wire = side_request("d", 0);

	assert_int_equal(transport_keep_alive(b.transport, id, 30000), ERR_OK);
	loop_turn(loop, 20000);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 2);
	loop_turn(loop, 29000);
	assert_int_equal(pings(), 0);
	loop_turn(loop, 1000);
	assert_int_equal(pings(), 4);
	wire_unref(wire);
}

static void test_it_is_never_idle(void **state)
{
	struct transport_limits limits = { .message_bytes = 65536,
					   .queue_bytes = 100000,
					   .connections = 10,
					   .first_message_ms = 30000,
					   .idle_ms = 60000,
					   .write_stall_ms = 20000 };

	transport_set_limits(b.transport, &limits);
	assert_int_equal(transport_keep_alive(b.transport, id, 30000), ERR_OK);
	loop_turn(loop, 4000 * 1000);
	assert_int_equal(b.n_closed, 0);
	assert_int_equal(transport_keep_alive(b.transport, id, 0), ERR_OK);
	pings();
	loop_turn(loop, 30000);
	assert_int_equal(pings(), 0);
	loop_turn(loop, 3600 * 1000);
	assert_int_equal(b.n_closed, 1);
	assert_int_equal(transport_keep_alive(b.transport, id, 30000), ERR_CLOSED);
}

static void test_it_ends_with_the_connection(void **state)
{
	assert_int_equal(transport_keep_alive(b.transport, id, 30000), ERR_OK);
	flow_close(transport_find_flow(b.transport, id), REASON_NONE);
	loop_turn(loop, 100000);
	assert_int_equal(b.n_closed, 1);
}

/* The kernel gives up what is not acknowledged: that takes minutes of real time to see, so its
 * word is taken. */
static void test_patience_with_the_dead(void **state)
{
	unsigned n_patient = 0;

	for (int i = 3; i < 64; i++) {
		unsigned value = 0;
		socklen_t len = sizeof(value);

		if (i != fd && !getsockopt(i, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len))
			n_patient += value == 20000;
	}
	assert_int_equal(n_patient, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_ping_in_silence),        TEST(test_traffic_puts_it_off),
		TEST(test_it_is_never_idle),       TEST(test_it_ends_with_the_connection),
		TEST(test_patience_with_the_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
