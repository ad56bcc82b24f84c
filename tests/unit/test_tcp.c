/* TCP streams: proxy/transport/stream.c, stream_io.c, acceptor.c, linger.c. */
#include "proxy/transport/stream.h"

#include "tests/unit/sides.h"

#include <errno.h>
#include <netinet/in.h>

static struct loop *loop;
static struct side a, b;
static struct listener *to_b;

static int setup(void **state)
{
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	side_init(&b, loop, 0);
	to_b = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_listen(b.transport, &to_b, 1), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	side_fini(&a);
	side_fini(&b);
	listener_unref(to_b);
	loop = loop_free(loop);
	return 0;
}

static void test_request_and_response(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	b.responds = true;
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	assert_int_equal(a.n_ended, 0); /* never inside */
	UNTIL(loop, a.n_responses == 1);
	assert_int_equal(a.ended_err, ERR_OK);
	assert_int_equal(a.n_ended, 1);
	assert_int_equal(b.n_messages, 1);
	assert_ptr_equal(a.sending.flow, a.last_flow);
	assert_string_equal(a.last_flow->peer_name, "partner.example");
	assert_true(b.last_flow->is_inbound && !a.last_flow->is_inbound);
	assert_true(addr_equal(&a.last_flow->local, &b.last_flow->remote));
	assert_int_equal(b.n_charged, 1);
	assert_int_equal(a.n_opened, 1);
	assert_int_equal(b.n_opened, 1);
}

static void test_second_request_uses_the_same(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(side_send(&a, &hop, "c1", 100), ERR_OK);
		UNTIL(loop, b.n_messages == i && a.n_ended == i);
	}
	assert_int_equal(b.n_opened, 1);
}

static void test_large_message(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	b.responds = true;
	assert_int_equal(side_send(&a, &hop, "big", 60000), ERR_OK);
	UNTIL(loop, a.n_responses == 1);
	assert_true(a.last_len > 60000);
}

static void test_one_byte_at_a_time(void **state)
{
	struct wire *wire = side_request("slow", 10);
	int fd = side_connect(&to_b->addr);

	for (size_t i = 0; i < wire->len; i++) {
		assert_int_equal(send(fd, wire->bytes + i, 1, 0), 1);
		loop_turn(loop, 0);
	}
	UNTIL(loop, b.n_messages == 1);
	assert_int_equal(b.last_len, wire->len);
	assert_memory_equal(b.last, wire->bytes, wire->len);
	wire_unref(wire);
	close(fd);
}

static void test_two_and_a_half(void **state)
{
	struct wire *wire = side_request("x", 5);
	char bytes[4096];
	int fd = side_connect(&to_b->addr);

	memcpy(bytes, wire->bytes, wire->len);
	memcpy(bytes + wire->len, wire->bytes, wire->len);
	memcpy(bytes + 2 * wire->len, wire->bytes, wire->len);
	size_t first = 2 * wire->len + wire->len / 2;
	assert_int_equal(send(fd, bytes, first, 0), first);
	UNTIL(loop, b.n_messages == 2);
	assert_int_equal(send(fd, bytes + first, 3 * wire->len - first, 0),
			 3 * wire->len - first);
	UNTIL(loop, b.n_messages == 3);
	wire_unref(wire);
	close(fd);
}

static void test_ping(void **state)
{
	char bytes[16];
	int fd = side_connect(&to_b->addr);

	assert_int_equal(send(fd, "\r\n\r\n", 4, 0), 4);
	ssize_t got = -1;
	UNTIL(loop, (got = side_recv(fd, bytes, sizeof(bytes))) > 0);
	assert_int_equal(got, 2);
	assert_memory_equal(bytes, "\r\n", 2);
	assert_int_equal(b.n_closed, 0);
	close(fd);
}

static const struct {
	const char *name, *bytes, *fault;
} malformed[] = {
	{ "TLS on a plain port", "\x16\x03\x01\x02", "TLS handshake on a port without TLS" },
	{ "HTTP", "GET / HTTP/1.1\r\n", "start line without SIP version" },
	{ "no Content-Length", "OPTIONS sip:a SIP/2.0\r\n\r\n",
	  "no Content-Length on a stream" },
	{ "cut well, but no SIP", "OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n",
	  "not a SIP message" },
	{ "too large", "OPTIONS sip:a SIP/2.0\r\nl: 99999999\r\n\r\n",
	  "message over the bound" },
};

static void test_malformed_is_closed(void **state)
{
	for (size_t i = 0; i < COUNT(malformed); i++) {
		char bytes[16];
		int fd = side_connect(&to_b->addr);
		unsigned n = (unsigned)i + 1;

		print_message("%s\n", malformed[i].name);
		assert_true(send(fd, malformed[i].bytes, strlen(malformed[i].bytes), 0) > 0);
		UNTIL(loop, b.n_malformed == n && b.n_closed == n);
		assert_string_equal(b.fault, malformed[i].fault);
		ssize_t got = -1;
		UNTIL(loop,
		      (got = side_recv(fd, bytes, sizeof(bytes))) == 0 || errno == ECONNRESET);
		close(fd);
	}
	assert_int_equal(b.n_charged, 0);
}

/* More of the peer's bytes come after the refusal: they must not reset it away. */
static void test_refusal_arrives(void **state)
{
	char bytes[1024];
	ssize_t got = -1;

	b.responds = true;
	int fd = side_connect(&to_b->addr);
	assert_int_equal(send(fd, "hello world\r\n", 13, 0), 13);
	UNTIL(loop, b.n_closed == 1);
	assert_int_equal(send(fd, "and more of it\r\n", 16, 0), 16);
	side_settle(loop);
	assert_int_equal(send(fd, "and more\r\n", 10, 0), 10);
	UNTIL(loop, (got = side_recv(fd, bytes, sizeof(bytes))) > 0);
	assert_memory_equal(bytes, "SIP/2.0 400", 11);
	assert_int_equal(side_recv(fd, bytes, sizeof(bytes)), 0);
	close(fd);
}

static void test_refused(void **state)
{
	struct hop hop = side_hop(to_b, NULL);
	struct listener *nobody = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);

	hop.remote = nobody->addr;
	listener_unref(nobody);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(a.ended_err, ERR_REFUSED);
	assert_int_equal(a.ended_reason, REASON_CONNECT_REFUSED);
	assert_null(a.sending.flow);
	assert_int_equal(a.n_opened + a.n_closed, 0);
}

static void test_bind_to_a_foreign_address(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	assert_int_equal(addr_parse("192.0.2.77", 0, &hop.bind), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(a.ended_err, ERR_ADDRESS);
	assert_int_equal(a.ended_reason, REASON_CONNECT_UNREACHABLE);
}

static void test_bind_address(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	assert_int_equal(addr_parse("127.0.0.9", 0, &hop.bind), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1);
	assert_true(addr_same_host(&b.last_flow->remote, &hop.bind));
}

/* A listening socket whose backlog is full: SYNs are dropped, as a firewall does. */
static void test_connect_timeout(void **state)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in4);
	struct hop hop = side_hop(to_b, NULL);
	int fd = socket(AF_INET, SOCK_STREAM, 0), fillers[4];

	assert_int_equal(bind(fd, (struct sockaddr *)&in4, sizeof(in4)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in4, &len), 0);
	addr_from_sockaddr(&hop.remote, (struct sockaddr *)&in4, len);
	for (size_t i = 0; i < COUNT(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&in4, len);
	}
	side_settle(loop);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	side_settle(loop);
	assert_int_equal(a.n_ended, 0);
	loop_turn(loop, 5000);
	assert_int_equal(a.n_ended, 1);
	assert_int_equal(a.ended_err, ERR_TIMEOUT);
	assert_int_equal(a.ended_reason, REASON_CONNECT_TIMEOUT);
	for (size_t i = 0; i < COUNT(fillers); i++)
		close(fillers[i]);
	close(fd);
}

static void test_cancelled_while_connecting(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	transport_cancel(&a.sending);
	transport_cancel(&a.sending);
	side_settle(loop);
	assert_int_equal(a.n_ended, 0);
	assert_int_equal(b.n_messages, 0);

	/* and once more when the bytes are on their way already */
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	transport_cancel(&a.sending);
	side_settle(loop);
	assert_int_equal(a.n_ended, 0);
}

static void test_not_allowed(void **state)
{
	char bytes[4];

	b.answer = REASON_TOO_MANY_CONNECTIONS;
	int fd = side_connect(&to_b->addr);
	UNTIL(loop, b.n_refused == 1);
	UNTIL(loop, side_recv(fd, bytes, sizeof(bytes)) == 0);
	assert_int_equal(b.n_opened, 0);
	assert_int_equal(b.n_charged, 0);
	close(fd);
}

static struct transport_limits limits(void)
{
	const struct transport_limits limits = {
		.message_bytes = 65536,
		.queue_bytes = 1 << 20,
		.connections = 3,
		.connect_ms = 4000,
		.handshake_ms = 5000,
		.first_message_ms = 10000,
		.idle_ms = 60000,
		.write_stall_ms = 7000,
	};

	return limits;
}

static void test_connection_limit(void **state)
{
	struct transport_limits few = limits();
	char bytes[4];
	int fds[4];

	transport_set_limits(b.transport, &few);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = side_connect(&to_b->addr);
		side_settle(loop);
	}
	assert_int_equal(b.n_opened, 3);
	UNTIL(loop, side_recv(fds[3], bytes, sizeof(bytes)) == 0);
	close(fds[0]);
	UNTIL(loop, b.n_closed == 1);
	close(fds[3]);
	fds[3] = side_connect(&to_b->addr);
	UNTIL(loop, b.n_opened == 4);
	for (size_t i = 1; i < COUNT(fds); i++)
		close(fds[i]);
}

static void test_says_nothing(void **state)
{
	struct transport_limits short_limits = limits();
	char bytes[4];

	transport_set_limits(b.transport, &short_limits);
	int fd = side_connect(&to_b->addr);
	UNTIL(loop, b.n_opened == 1);
	assert_int_equal(send(fd, "\r\n\r\n", 4, 0), 4); /* keepalives are no message */
	loop_turn(loop, 9000);
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 1000);
	assert_int_equal(b.n_closed, 1);
	assert_int_equal(b.n_charged, 0);
	UNTIL(loop, side_recv(fd, bytes, sizeof(bytes)) <= 0);
	close(fd);
}

static void test_never_finishes_a_message(void **state)
{
	struct transport_limits short_limits = limits();
	struct wire *wire = side_request("x", 0);

	transport_set_limits(b.transport, &short_limits);
	int fd = side_connect(&to_b->addr);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 1);
	loop_turn(loop, 20000);
	assert_int_equal(b.n_closed, 0);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(send(fd, wire->bytes + i, 1, 0), 1);
		side_settle(loop);
		loop_turn(loop, 1000);
	}
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 1000);
	assert_int_equal(b.n_closed, 1);
	wire_unref(wire);
	close(fd);
}

static void test_idle(void **state)
{
	struct transport_limits short_limits = limits();
	struct hop hop = side_hop(to_b, NULL);

	transport_set_limits(a.transport, &short_limits);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	loop_turn(loop, 50000);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2 && a.n_ended == 2);
	loop_turn(loop, 50000);
	assert_int_equal(a.n_closed, 0);
	b.last_flow = flow_unref(b.last_flow);
	loop_turn(loop, 10000);
	assert_int_equal(a.n_closed, 1);
	assert_int_equal(a.closed_reason, REASON_NONE);
	UNTIL(loop, b.n_closed == 1);
}

/* field.md pitfall 10 */
static void test_peer_that_does_not_read(void **state)
{
	struct transport_limits short_limits = limits();
	struct wire *big = side_request("x", 50000);
	enum err err = ERR_OK;

	transport_set_limits(b.transport, &short_limits);
	int fd = side_connect(&to_b->addr);
	struct wire *wire = side_request("x", 0);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 1);
	for (unsigned i = 0; i < 1000 && err == ERR_OK; i++) {
		err = flow_send(b.last_flow, big);
		loop_turn(loop, 0);
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_true(b.last_flow->n_queued_bytes <= short_limits.queue_bytes);
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 6999);
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 1);
	assert_int_equal(b.n_closed, 1);
	assert_int_equal(b.closed_reason, REASON_PEER_NOT_READING);
	assert_int_equal(flow_send(b.last_flow, wire), ERR_CLOSED);
	wire_unref(wire);
	wire_unref(big);
	close(fd);
}

/* It reads again in time: nothing of it may be lost or changed. */
static void test_slow_reader(void **state)
{
	struct wire *wire = side_request("x", 40000);
	static char bytes[100000];
	size_t n_read = 0, n_sent = 0;

	int fd = side_connect(&to_b->addr);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 1);
	while (flow_send(b.last_flow, wire) == ERR_OK) {
		n_sent += wire->len;
		loop_turn(loop, 0);
	}
	while (n_read < n_sent) {
		ssize_t got = side_recv(fd, bytes, sizeof(bytes));
		for (ssize_t i = 0; i < got; i++)
			assert_int_equal(bytes[i],
					 wire->bytes[(n_read + (size_t)i) % wire->len]);
		n_read += got > 0 ? (size_t)got : 0;
		loop_turn(loop, 0);
	}
	loop_turn(loop, 20000); /* no stall timer is left */
	assert_int_equal(b.n_closed, 0);
	assert_int_equal(b.last_flow->n_queued_bytes, 0);
	wire_unref(wire);
	close(fd);
}

static void test_half_closed_still_gets_its_answer(void **state)
{
	struct wire *wire = side_request("x", 0);
	char bytes[2048];

	int fd = side_connect(&to_b->addr);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	UNTIL(loop, b.n_messages == 1);
	side_settle(loop);
	assert_int_equal(b.n_closed, 0); /* last_flow is held, as a server transaction would */
	assert_int_equal(flow_send(b.last_flow, wire), ERR_OK);
	ssize_t got = -1;
	UNTIL(loop, (got = side_recv(fd, bytes, sizeof(bytes))) > 0);
	assert_int_equal(got, wire->len);
	b.last_flow = flow_unref(b.last_flow);
	loop_turn(loop, 10000);
	assert_int_equal(b.n_closed, 1);
	wire_unref(wire);
	close(fd);
}

static void test_peer_resets(void **state)
{
	struct hop hop = side_hop(to_b, NULL);

	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	flow_close(b.last_flow, REASON_NONE);
	UNTIL(loop, a.n_closed == 1);
	assert_int_equal(a.closed_reason, REASON_CONNECTION_LOST);
	assert_int_equal(b.n_closed, 1);
	/* the next one dials anew */
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2 && a.n_ended == 2);
	assert_int_equal(a.ended_err, ERR_OK);
}

static void test_closed_inside_a_message(void **state)
{
	struct wire *wire = side_request("x", 5);
	char bytes[4096];

	b.closes = true;
	int fd = side_connect(&to_b->addr);
	/* the first half alone, so that the bytes stand in the stream's own buffer when it is
	 * closed */
	assert_int_equal(send(fd, wire->bytes, 20, 0), 20);
	side_settle(loop);
	memcpy(bytes, wire->bytes, wire->len);
	memcpy(bytes + wire->len, wire->bytes, wire->len);
	assert_int_equal(send(fd, bytes + 20, 2 * wire->len - 20, 0), 2 * wire->len - 20);
	UNTIL(loop, b.n_closed == 1);
	assert_int_equal(b.n_messages, 1);
	wire_unref(wire);
	close(fd);
}

/* ---- STUN among SIP, RFC 8489 §6.2.2 ---- */

static unsigned n_stun;
static bool wants_stun;

static bool on_stun(void *user, struct flow *flow, const void *bytes, size_t len)
{
	static const unsigned char request[] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

	assert_int_equal(len, 20);
	assert_memory_equal(bytes, request, sizeof(request));
	assert_ptr_equal(user, &b);
	assert_true(flow->is_inbound);
	n_stun++;
	return wants_stun;
}

static void test_stun(void **state)
{
	static const char stun[] = "\0\1\0\0\x21\x12\xa4\x42twelve bytes";
	struct transport_user user = side_user(&b);
	struct wire *wire = side_request("c", 7);
	int fd;

	user.on_stun = on_stun;
	side_fini(&b);
	listener_unref(to_b);
	to_b = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_new(loop, 0, &user, NULL, &b.transport), ERR_OK);
	assert_int_equal(transport_listen(b.transport, &to_b, 1), ERR_OK);
	n_stun = 0;
	wants_stun = true;
	fd = side_connect(&to_b->addr);
	assert_int_equal(send(fd, stun, 11, 0), 11);
	side_settle(loop);
	assert_int_equal(n_stun, 0);
	assert_int_equal(send(fd, stun + 11, 9, 0), 9);
	UNTIL(loop, n_stun == 1);
	assert_int_equal(send(fd, wire->bytes, wire->len, MSG_MORE), wire->len);
	assert_int_equal(send(fd, stun, 20, MSG_MORE), 20);
	assert_int_equal(send(fd, stun, 20, MSG_MORE), 20);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 2);
	assert_int_equal(n_stun, 3);
	assert_int_equal(b.n_malformed, 0);
	/* Where it is not wanted it is no better than anything else that is not SIP. */
	wants_stun = false;
	assert_int_equal(send(fd, stun, 20, 0), 20);
	UNTIL(loop, b.n_closed == 1);
	assert_int_equal(b.n_malformed, 1);
	assert_string_equal(b.fault, "STUN, which is not served here");
	wire_unref(wire);
	close(fd);
}

/* Who sends nothing but STUN said nothing: a connection is for SIP. */
static void test_nothing_but_stun(void **state)
{
	struct transport_limits limits = { .message_bytes = 65536,
					   .queue_bytes = 65536,
					   .connections = 10,
					   .idle_ms = 3600 * 1000,
					   .first_message_ms = 30000 };
	struct transport_user user = side_user(&b);
	int fd;

	user.on_stun = on_stun;
	side_fini(&b);
	listener_unref(to_b);
	to_b = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_new(loop, 0, &user, NULL, &b.transport), ERR_OK);
	transport_set_limits(b.transport, &limits);
	assert_int_equal(transport_listen(b.transport, &to_b, 1), ERR_OK);
	wants_stun = true;
	n_stun = 0;
	fd = side_connect(&to_b->addr);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(send(fd, "\0\1\0\0\x21\x12\xa4\x42twelve bytes", 20, 0), 20);
		UNTIL(loop, n_stun == i);
		loop_turn(loop, 9000);
	}
	loop_turn(loop, 4000);
	UNTIL(loop, b.n_closed == 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_request_and_response),
		TEST(test_second_request_uses_the_same),
		TEST(test_large_message),
		TEST(test_one_byte_at_a_time),
		TEST(test_two_and_a_half),
		TEST(test_ping),
		TEST(test_malformed_is_closed),
		TEST(test_refusal_arrives),
		TEST(test_refused),
		TEST(test_bind_to_a_foreign_address),
		TEST(test_bind_address),
		TEST(test_connect_timeout),
		TEST(test_cancelled_while_connecting),
		TEST(test_not_allowed),
		TEST(test_connection_limit),
		TEST(test_says_nothing),
		TEST(test_never_finishes_a_message),
		TEST(test_idle),
		TEST(test_peer_that_does_not_read),
		TEST(test_slow_reader),
		TEST(test_half_closed_still_gets_its_answer),
		TEST(test_peer_resets),
		TEST(test_closed_inside_a_message),
		TEST(test_stun),
		TEST(test_nothing_but_stun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
