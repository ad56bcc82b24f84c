/* Datagrams: proxy/transport/udp.c, udp_socket.c. */
#include "proxy/transport/udp.h"

#include "tests/unit/sides.h"

#include <netinet/in.h>

static struct loop *loop;
static struct side a, b;
static struct listener *of_a, *of_b;

static int setup(void **state)
{
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	side_init(&b, loop, 0);
	of_a = side_listener("127.0.0.1", TRANSPORT_UDP, 0, NULL, 1);
	of_b = side_listener("127.0.0.1", TRANSPORT_UDP, 0, NULL, 1);
	assert_int_equal(transport_listen(a.transport, &of_a, 1), ERR_OK);
	assert_int_equal(transport_listen(b.transport, &of_b, 1), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	side_fini(&a);
	side_fini(&b);
	of_a = listener_unref(of_a);
	of_b = listener_unref(of_b);
	loop = loop_free(loop);
	return 0;
}

static void test_request_and_response(void **state)
{
	struct hop hop = side_hop(of_b, of_a);

	b.responds = true;
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	assert_int_equal(a.n_ended, 0);
	UNTIL(loop, a.n_responses == 1 && a.n_ended == 1);
	assert_int_equal(a.ended_err, ERR_OK);
	assert_true(addr_equal(&b.last_flow->remote, &of_a->addr));
	assert_ptr_equal(a.sending.flow, a.last_flow); /* one flow for both directions */
	assert_false(flow_is_reliable(a.last_flow));
}

static void test_many_at_once(void **state)
{
	struct flow *flow = transport_udp_flow(a.transport, of_a, &of_b->addr);
	struct wire *wire = side_request("c", 200);

	assert_non_null(flow);
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(flow_send(flow, wire), ERR_OK);
	UNTIL(loop, b.n_messages == 150);
	assert_int_equal(flow->n_sent_bytes, 150 * wire->len);
	assert_int_equal(b.last_flow->n_received_bytes, 150 * wire->len);
	wire_unref(wire);
	flow_unref(flow);
}

static void test_cancelled(void **state)
{
	struct hop hop = side_hop(of_b, of_a);

	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	transport_cancel(&a.sending);
	side_settle(loop);
	assert_int_equal(a.n_ended, 0);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
}

static void test_too_large(void **state)
{
	struct hop hop = side_hop(of_b, of_a);

	assert_int_equal(side_send(&a, &hop, "c1", 65507), ERR_TOO_LARGE);
	assert_false(a.sending.is_active);
	/* larger than any MTU of a real link, but a datagram */
	assert_int_equal(side_send(&a, &hop, "c1", 60000), ERR_OK);
	UNTIL(loop, b.n_messages == 1);
}

static void test_no_socket_for_it(void **state)
{
	struct hop hop = side_hop(of_b, NULL);

	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(a.ended_err, ERR_NOT_FOUND);
	assert_int_equal(a.ended_reason, REASON_NO_LISTENER);

	hop.listener = of_a;
	assert_int_equal(addr_parse("::1", 5060, &hop.remote),
			 ERR_OK); /* IPv4 socket, IPv6 hop */
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 2);
	assert_int_equal(a.ended_reason, REASON_NO_LISTENER);
}

static void test_unreachable(void **state)
{
	struct hop hop = side_hop(of_b, of_a);

	/* from a socket that is bound to loopback no other network is reached */
	assert_int_equal(addr_parse("192.0.2.1", 5060, &hop.remote), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(a.ended_err, ERR_UNREACHABLE);
	assert_int_equal(a.ended_reason, REASON_CONNECT_UNREACHABLE);
}

static const struct {
	const char *name, *bytes;
	size_t len;
	const char *fault; /* NULL: nothing is said about it */
} datagrams[] = {
	{ "empty", "", 0, NULL },
	{ "CRLF keepalive", "\r\n\r\n", 4, NULL },
	{ "zeros", "\0\0\0\0", 4, NULL },
	{ "one zero", "\0", 1, NULL },
	{ "garbage", "hello", 5, "not a SIP message" },
	{ "STUN", "\0\1\0\0\x21\x12\xa4\x42", 8, "not a SIP message" },
};

static void test_what_is_no_message(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(datagrams); i++) {
		print_message("%s\n", datagrams[i].name);
		assert_int_equal(sendto(fd, datagrams[i].bytes, datagrams[i].len, 0,
					&of_b->addr.sa, of_b->addr.len),
				 datagrams[i].len);
		n += datagrams[i].fault != NULL;
		if (datagrams[i].fault) {
			UNTIL(loop, b.n_malformed == n);
			assert_string_equal(b.fault, datagrams[i].fault);
		} else {
			side_settle(loop);
			assert_int_equal(b.n_malformed, n);
		}
	}
	assert_int_equal(b.n_messages, 0);
	close(fd);
}

static void test_message_bound(void **state)
{
	struct transport_limits limits = { .message_bytes = 1000, .queue_bytes = 1000 };
	struct hop hop = side_hop(of_b, of_a);

	transport_set_limits(b.transport, &limits);
	assert_int_equal(side_send(&a, &hop, "c1", 1000), ERR_OK);
	UNTIL(loop, b.n_malformed == 1);
	assert_string_equal(b.fault, "message over the bound");
}

static void wildcard_answers_from(const char *family, const char *to)
{
	struct listener *any = side_listener(family, TRANSPORT_UDP, 0, NULL, 1);
	struct sockaddr_storage source;
	socklen_t len = sizeof(source);
	struct addr target, from;
	char bytes[2048];
	ssize_t got = -1;

	assert_int_equal(transport_listen(b.transport, &any, 1), ERR_OK);
	assert_int_equal(addr_parse(to, any->port, &target), ERR_OK);
	b.responds = true;
	struct wire *wire = side_request("c", 0);
	int fd = socket(target.sa.sa_family, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, wire->bytes, wire->len, 0, &target.sa, target.len),
			 wire->len);
	UNTIL(loop, (got = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				    (struct sockaddr *)&source, &len)) > 0);
	addr_from_sockaddr(&from, (struct sockaddr *)&source, len);
	assert_true(addr_equal(&from, &target));
	assert_true(addr_equal(&b.last_flow->local, &target));
	close(fd);
	wire_unref(wire);
	b.last_flow = flow_unref(b.last_flow);
	listener_unref(any);
}

static void test_wildcard_answers_from_where_it_was_asked(void **state)
{
	wildcard_answers_from("0.0.0.0", "127.0.0.7");
	wildcard_answers_from("*", "127.0.0.8");
	wildcard_answers_from("*", "::1");
	wildcard_answers_from("::", "::1");
}

static void test_wildcard_sends_from_bind(void **state)
{
	struct listener *any = side_listener("*", TRANSPORT_UDP, 0, NULL, 1);
	struct hop hop = side_hop(of_b, any);

	assert_int_equal(transport_listen(a.transport, &any, 1), ERR_OK);
	assert_int_equal(addr_parse("127.0.0.3", 0, &hop.bind), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1);
	assert_true(addr_same_host(&b.last_flow->remote, &hop.bind));
	assert_int_equal(addr_port(&b.last_flow->remote), any->port);
	listener_unref(any);
}

static void test_reload_keeps_the_socket(void **state)
{
	struct hop hop = side_hop(of_b, of_a);
	struct listener *again = side_listener("127.0.0.1", TRANSPORT_UDP, of_b->port, of_b, 1);

	assert_true(addr_equal(&again->addr, &of_b->addr));
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	loop_turn(loop, 0); /* it is in the socket, or on its way */
	assert_int_equal(transport_listen(b.transport, &again, 1), ERR_OK);
	of_b = listener_unref(of_b);
	UNTIL(loop, b.n_messages == 1);
	assert_int_equal(side_send(&a, &hop, "c2", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2);
	assert_ptr_equal(b.last_flow->listener, again);
	of_b = again;
}

static void test_removed_listener_still_answers(void **state)
{
	struct hop hop = side_hop(of_b, of_a);
	struct wire *wire = side_request("c", 0);

	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1);
	assert_int_equal(transport_listen(b.transport, NULL, 0), ERR_OK);
	of_b = listener_unref(of_b);
	assert_int_equal(flow_send(b.last_flow, wire),
			 ERR_OK); /* the answer of a transaction */
	UNTIL(loop, a.n_messages == 1);
	wire_unref(wire);
}

static void on_flow_closed(struct flow_user *user, enum err err, enum reason reason)
{
	user->on_closed = NULL;
}

/* Others pushing a flow out of the cache is not its end. */
static void test_flow_outlives_the_cache(void **state)
{
	struct flow *flow = transport_udp_flow(a.transport, of_a, &of_b->addr);
	struct flow_user user = { 0 };
	struct wire *wire = side_request("c", 0);

	assert_int_equal(flow_watch(flow, &user, on_flow_closed), ERR_OK);
	for (uint16_t port = 20000; port < 24000; port++) {
		struct addr other = of_b->addr;
		addr_set_port(&other, port);
		flow_unref(transport_udp_flow(a.transport, of_a, &other));
	}
	loop_turn(loop, 0);
	assert_non_null(user.on_closed);
	assert_int_equal(flow_send(flow, wire), ERR_OK);
	UNTIL(loop, b.n_messages == 1);
	flow_close(flow, REASON_NONE);
	flow_close(flow, REASON_NONE);
	assert_non_null(user.on_closed); /* never inside */
	loop_turn(loop, 0);
	assert_null(user.on_closed);
	assert_int_equal(flow_send(flow, wire), ERR_CLOSED);
	wire_unref(wire);
	flow_unref(flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_request_and_response),
		TEST(test_many_at_once),
		TEST(test_cancelled),
		TEST(test_too_large),
		TEST(test_no_socket_for_it),
		TEST(test_unreachable),
		TEST(test_what_is_no_message),
		TEST(test_message_bound),
		TEST(test_wildcard_answers_from_where_it_was_asked),
		TEST(test_wildcard_sends_from_bind),
		TEST(test_reload_keeps_the_socket),
		TEST(test_removed_listener_still_answers),
		TEST(test_flow_outlives_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
