/* The whole: listeners that change under traffic, the dialer of tests/world, the pool's
 * choices. */
#include "proxy/transport/transport.h"

#include "tests/unit/sides.h"

#include "proxy/base/counter.h"

/* A flow that a test dials instead of a socket. */
struct fake {
	struct flow flow;
	unsigned n_sent;
	enum err answer; /* to the next send */
	bool is_destroyed;
};

enum { MAX_FAKES = 8 };

static struct loop *loop;
static struct side a, b;
static struct fake fakes[MAX_FAKES];
static unsigned n_dialled;
static bool refuses;

static enum err fake_send(struct flow *flow, struct wire *wire)
{
	struct fake *fake = container_of(flow, struct fake, flow);

	if (fake->answer == ERR_OK)
		fake->n_sent++;
	return fake->answer;
}

static void fake_close(struct flow *flow, enum reason why)
{
	transport_flow_ended(flow, ERR_CLOSED, why);
}

static void fake_destroy(struct flow *flow)
{
	container_of(flow, struct fake, flow)->is_destroyed = true;
}

static const struct flow_ops fake_ops = { fake_send, fake_close, fake_destroy };

static struct flow *fake_dial(void *user, const struct hop *hop)
{
	struct fake *fake = &fakes[n_dialled++];

	assert_true(n_dialled <= MAX_FAKES);
	memset(fake, 0, sizeof(*fake));
	transport_flow_init(a.transport, &fake->flow, &fake_ops, hop->listener, hop->transport,
			    NULL, &hop->remote);
	if (refuses)
		transport_flow_ended(&fake->flow, ERR_REFUSED, REASON_CONNECT_REFUSED);
	return &fake->flow;
}

static int setup(void **state)
{
	n_dialled = 0;
	refuses = false;
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	side_init(&b, loop, 0);
	return 0;
}

static int teardown(void **state)
{
	side_fini(&a);
	side_fini(&b);
	loop = loop_free(loop);
	return 0;
}

static struct hop tcp_hop(const char *address, const char *peer)
{
	struct hop hop = { .transport = TRANSPORT_TCP, .peer = peer };

	assert_int_equal(addr_parse_port(address, 5060, &hop.remote), ERR_OK);
	return hop;
}

static void test_dialler_in_place_of_sockets(void **state)
{
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");

	transport_set_dialer(a.transport, fake_dial, NULL);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(n_dialled, 1);
	assert_int_equal(a.n_ended, 0);
	transport_flow_opened(&fakes[0].flow);
	assert_int_equal(fakes[0].n_sent, 1);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 1);
	assert_ptr_equal(a.sending.flow, &fakes[0].flow);
	assert_int_equal(a.n_opened, 1);

	struct wire *wire = side_request("d", 0);
	transport_deliver(&fakes[0].flow, wire->bytes, wire->len);
	assert_int_equal(a.n_messages, 1);
	wire_unref(wire);

	hop.transport = TRANSPORT_UDP;
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(fakes[1].n_sent, 1);
	assert_int_equal(a.n_ended, 2);
	struct flow *flow = transport_udp_flow(a.transport, NULL, &hop.remote);
	assert_ptr_equal(flow, &fakes[2].flow);
	flow_unref(flow);
}

static void test_dialler_refuses_at_once(void **state)
{
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");

	transport_set_dialer(a.transport, fake_dial, NULL);
	refuses = true;
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	assert_int_equal(a.n_ended, 0);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 1);
	assert_int_equal(a.ended_err, ERR_REFUSED);
	assert_int_equal(a.ended_reason, REASON_CONNECT_REFUSED);
	assert_true(fakes[0].is_destroyed);
}

static struct sending many[4];
static unsigned n_ends;
static enum reason end_reasons[4];

static void on_many_end(struct sending *sending, enum err err, enum reason reason)
{
	end_reasons[sending - many] = reason;
	n_ends++;
	sending->flow = flow_unref(sending->flow);
}

static void send_many(const struct hop *hop, unsigned first, unsigned last)
{
	struct wire *wire = side_request("m", 0);

	for (unsigned i = first; i <= last; i++)
		assert_int_equal(transport_send(a.transport, hop, wire, &many[i], on_many_end),
				 ERR_OK);
	wire_unref(wire);
}

/* All that waited for one connection hear of its end; each exactly once. */
static void test_waiting_ones_share_the_fate(void **state)
{
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");

	n_ends = 0;
	transport_set_dialer(a.transport, fake_dial, NULL);
	send_many(&hop, 0, 3);
	assert_int_equal(n_dialled, 1);
	transport_cancel(&many[1]);
	transport_flow_ended(&fakes[0].flow, ERR_TLS, REASON_TLS_EXPIRED);
	transport_cancel(&many[2]); /* ended, and not told yet */
	loop_turn(loop, 0);
	assert_int_equal(n_ends, 2);
	assert_int_equal(end_reasons[0], REASON_TLS_EXPIRED);
	assert_int_equal(end_reasons[3], REASON_TLS_EXPIRED);
	send_many(&hop, 0, 0);
	assert_int_equal(n_dialled, 2);
	transport_cancel(&many[0]);
}

static void test_waiting_queue_is_bounded(void **state)
{
	struct transport_limits limits = { .message_bytes = 65536,
					   .queue_bytes = 3000,
					   .connections = 10 };
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");
	struct wire *wire = side_request("m", 2000);

	n_ends = 0;
	transport_set_limits(a.transport, &limits);
	transport_set_dialer(a.transport, fake_dial, NULL);
	assert_int_equal(transport_send(a.transport, &hop, wire, &many[0], on_many_end),
			 ERR_OK);
	assert_int_equal(transport_send(a.transport, &hop, wire, &many[1], on_many_end),
			 ERR_LIMIT);
	assert_false(many[1].is_active);
	transport_cancel(&many[0]);
	assert_int_equal(transport_send(a.transport, &hop, wire, &many[1], on_many_end),
			 ERR_OK);
	transport_cancel(&many[1]);
	wire_unref(wire);
}

static void test_full_queue_is_told_at_once(void **state)
{
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");

	transport_set_dialer(a.transport, fake_dial, NULL);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	transport_flow_opened(&fakes[0].flow);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 1);
	fakes[0].answer = ERR_LIMIT;
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_LIMIT);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 1);
}

static const struct {
	const char *name, *address, *peer, *bind;
	bool is_shared; /* with the first row's connection */
} keys[] = {
	{ "the first", "192.0.2.1:5060", "one.example", NULL, false },
	{ "the same again", "192.0.2.1:5060", "one.example", NULL, true },
	{ "another partner at the same place, opensips #1651", "192.0.2.1:5060", "two.example",
	  NULL, false },
	{ "another port", "192.0.2.1:5070", "one.example", NULL, false },
	{ "another address", "192.0.2.2:5060", "one.example", NULL, false },
	{ "another address of ours", "192.0.2.1:5060", "one.example", "10.0.0.1", false },
};

static void test_pool_key(void **state)
{
	unsigned wanted = 0;

	transport_set_dialer(a.transport, fake_dial, NULL);
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct hop hop = tcp_hop(keys[i].address, keys[i].peer);

		print_message("%s\n", keys[i].name);
		if (keys[i].bind)
			assert_int_equal(addr_parse(keys[i].bind, 0, &hop.bind), ERR_OK);
		wanted += !keys[i].is_shared;
		assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
		assert_int_equal(n_dialled, wanted);
		transport_flow_opened(&fakes[n_dialled - 1].flow);
		loop_turn(loop, 0);
		assert_int_equal(a.n_ended, i + 1);
	}
}

static void on_user_closed(struct flow_user *user, enum err err, enum reason reason)
{
}

/* ---- several connections to a peer ---- */

enum { QUEUE_BYTES = 1 << 20, MUCH = 70000, SPARE_IDLE_MS = 60000 };

static const struct transport_limits several = { .message_bytes = 65536,
						 .queue_bytes = QUEUE_BYTES,
						 .connections = 100,
						 .spare_idle_ms = SPARE_IDLE_MS };

/* The kernel has taken no more since then. */
static void fill(unsigned fake, size_t n_bytes)
{
	fakes[fake].flow.is_slow = n_bytes > 0;
	transport_flow_queued(&fakes[fake].flow, n_bytes);
}

static enum err send_for(const struct hop *hop, uint64_t call, enum importance importance)
{
	struct hop asked = *hop;

	asked.call = call;
	asked.importance = importance;
	enum err err = side_send(&a, &asked, "c", 0);
	while (n_dialled > 0 && !fakes[n_dialled - 1].flow.is_open &&
	       !fakes[n_dialled - 1].flow.is_closed && err == ERR_OK)
		transport_flow_opened(&fakes[n_dialled - 1].flow);
	loop_turn(loop, 0);
	return err;
}

static struct hop hop_with(unsigned max_connections)
{
	struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");

	transport_set_limits(a.transport, &several);
	transport_set_dialer(a.transport, fake_dial, NULL);
	hop.max_connections = max_connections;
	return hop;
}

/* field.md pitfall 10: bytes that are stuck in one connection do not stop the next request. */
static void test_further_connections(void **state)
{
	static const struct {
		const char *name;
		unsigned max_connections, wanted;
	} rows[] = {
		{ "one, and no more", 1, 1 },
		{ "two", 2, 2 },
		{ "four", 4, 4 },
		{ "none said", 0, 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct hop hop;

		print_message("%s\n", rows[i].name);
		side_fini(&a);
		side_init(&a, loop, 0);
		n_dialled = 0;
		hop = hop_with(rows[i].max_connections);
		for (uint64_t call = 1; call < 8; call++) {
			assert_int_equal(send_for(&hop, call, IMPORTANCE_CALL), ERR_OK);
			fill(n_dialled - 1, MUCH);
		}
		assert_int_equal(n_dialled, rows[i].wanted);
	}
}

static void test_when_no_further_one_helps(void **state)
{
	struct hop hop = hop_with(4);

	assert_int_equal(send_for(&hop, 1, IMPORTANCE_CALL), ERR_OK);
	transport_flow_queued(&fakes[0].flow, MUCH); /* just not written yet */
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 1);
	fill(0, 1000); /* not much */
	assert_int_equal(send_for(&hop, 3, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 1);
	fill(0, MUCH);
	assert_int_equal(send_for(&hop, 4, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 2);
	assert_int_equal(fakes[1].n_sent, 1);
	assert_int_equal(send_for(&hop, 5, IMPORTANCE_CALL), ERR_OK); /* the least loaded */
	assert_int_equal(fakes[1].n_sent, 2);
	/* Its other server counts as well: one it must have, but no second one. */
	fill(1, MUCH);
	hop.max_connections = 3;
	assert_int_equal(addr_parse_port("192.0.2.2:5060", 5060, &hop.remote), ERR_OK);
	assert_int_equal(send_for(&hop, 6, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 3);
	fill(2, MUCH);
	assert_int_equal(send_for(&hop, 7, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 3);
}

static void test_a_call_stays_in_order(void **state)
{
	struct hop hop = hop_with(4);

	assert_int_equal(send_for(&hop, 1, IMPORTANCE_CALL), ERR_OK);
	fill(0, MUCH);
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 2);
	/* behind what it sent before */
	assert_int_equal(send_for(&hop, 1, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(fakes[0].n_sent, 2);
	fill(0, 0);
	fill(1, MUCH);
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(fakes[1].n_sent, 2);
	flow_close(&fakes[1].flow, REASON_NONE); /* that is over */
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(fakes[0].n_sent, 3);
	assert_int_equal(n_dialled, 2);
}

static void test_a_spare_connection_ends(void **state)
{
	struct hop hop = hop_with(4);
	struct flow_user waiting = { 0 };

	assert_int_equal(send_for(&hop, 1, IMPORTANCE_CALL), ERR_OK);
	fill(0, MUCH);
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	a.sending.flow = flow_unref(a.sending.flow);
	loop_turn(loop, SPARE_IDLE_MS - 1);
	fakes[1].flow.last_received_ms = loop_now_ms(loop); /* still of use */
	loop_turn(loop, SPARE_IDLE_MS - 1);
	assert_false(fakes[1].is_destroyed);
	assert_int_equal(flow_watch(&fakes[1].flow, &waiting, on_user_closed), ERR_OK);
	loop_turn(loop, 2 * SPARE_IDLE_MS);
	assert_false(fakes[1].is_destroyed); /* somebody waits for an answer */
	flow_unwatch(&waiting);
	loop_turn(loop, SPARE_IDLE_MS);
	assert_true(fakes[1].is_destroyed);
	loop_turn(loop, 10 * SPARE_IDLE_MS);
	assert_false(fakes[0].is_destroyed);
}

static void test_the_last_one_is_no_spare(void **state)
{
	struct hop hop = hop_with(4);

	assert_int_equal(send_for(&hop, 1, IMPORTANCE_CALL), ERR_OK);
	fill(0, MUCH);
	assert_int_equal(send_for(&hop, 2, IMPORTANCE_CALL), ERR_OK);
	flow_close(&fakes[0].flow, REASON_NONE);
	loop_turn(loop, 10 * SPARE_IDLE_MS);
	assert_false(fakes[1].is_destroyed);
}

static void test_what_is_shed_first(void **state)
{
	static const struct {
		const char *name;
		size_t n_bytes;
		enum importance least; /* that still finds room */
	} rows[] = {
		{ "nothing waits", 0, IMPORTANCE_NOTICE },
		{ "less than a quarter", QUEUE_BYTES / 4 - 1000, IMPORTANCE_NOTICE },
		{ "a quarter", QUEUE_BYTES / 4, IMPORTANCE_MESSAGE },
		{ "a half", QUEUE_BYTES / 2, IMPORTANCE_NEW_CALL },
		{ "three quarters", QUEUE_BYTES / 4 * 3, IMPORTANCE_CALL },
	};
	struct hop hop = hop_with(1);

	assert_int_equal(send_for(&hop, 0, IMPORTANCE_CALL), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		fill(0, rows[i].n_bytes);
		for (unsigned importance = 0; importance < N_IMPORTANCES; importance++)
			assert_int_equal(send_for(&hop, 0, (enum importance)importance),
					 importance <= rows[i].least ? ERR_OK : ERR_LIMIT);
	}
	fill(0, QUEUE_BYTES);
	assert_int_equal(send_for(&hop, 0, IMPORTANCE_CALL), ERR_LIMIT);
}

/* The less is left for all, the less one may take; who has nothing yet always finds room. */
static void test_one_peer_leaves_room_for_others(void **state)
{
	struct transport_limits limits = several;
	struct hop one = hop_with(1), two = one;

	limits.all_queues_bytes = QUEUE_BYTES;
	transport_set_limits(a.transport, &limits);
	two.peer = "other.example";
	assert_int_equal(send_for(&one, 0, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(send_for(&two, 0, IMPORTANCE_CALL), ERR_OK);
	assert_int_equal(n_dialled, 2);
	fill(0, QUEUE_BYTES / 5 - 1000); /* of what is left, a quarter */
	assert_int_equal(send_for(&one, 0, IMPORTANCE_CALL), ERR_OK);
	fill(0, QUEUE_BYTES / 5);
	assert_int_equal(send_for(&one, 0, IMPORTANCE_CALL), ERR_LIMIT);
	assert_int_equal(send_for(&two, 0, IMPORTANCE_NOTICE), ERR_OK);
	fill(1, 10000);
	assert_int_equal(send_for(&two, 0, IMPORTANCE_NOTICE), ERR_OK);
	fill(0, QUEUE_BYTES);
	assert_int_equal(send_for(&two, 0, IMPORTANCE_CALL), ERR_LIMIT);
	fill(1, 0);
	assert_int_equal(send_for(&two, 0, IMPORTANCE_NOTICE), ERR_OK);
	fill(0, 0);
	assert_int_equal(send_for(&one, 0, IMPORTANCE_NOTICE), ERR_OK);
}

static bool is_to_port(const struct flow *flow, void *user)
{
	return addr_port(&flow->remote) == *(uint16_t *)user;
}

static void count_flow(const struct flow *flow, void *user)
{
	++*(unsigned *)user;
}

static void test_close_if(void **state)
{
	uint16_t port = 5061;
	unsigned n = 0;

	n_ends = 0;
	transport_set_dialer(a.transport, fake_dial, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct hop hop = tcp_hop("192.0.2.1:5060", "partner.example");
		addr_set_port(&hop.remote, (uint16_t)(5060 + i));
		send_many(&hop, i, i);
		transport_flow_opened(&fakes[i].flow);
	}
	transport_each_flow(a.transport, count_flow, &n);
	assert_int_equal(n, 3);
	transport_close_if(a.transport, is_to_port, &port, REASON_ROUTE_DISABLED);
	loop_turn(loop, 0);
	assert_int_equal(a.n_closed, 1);
	assert_int_equal(a.closed_reason, REASON_ROUTE_DISABLED);
	n = 0;
	transport_each_flow(a.transport, count_flow, &n);
	assert_int_equal(n, 2);
}

/* A transaction that waits on the connection keeps it, but it takes no other. */
static void test_retire_if(void **state)
{
	struct hop hop = tcp_hop("192.0.2.1:5061", "partner.example");
	struct flow_user waiting = { 0 };
	uint16_t port = 5061;

	n_ends = 0;
	transport_set_dialer(a.transport, fake_dial, NULL);
	send_many(&hop, 0, 0);
	transport_flow_opened(&fakes[0].flow);
	assert_int_equal(flow_watch(&fakes[0].flow, &waiting, on_user_closed), ERR_OK);
	assert_int_equal(transport_retire_if(a.transport, is_to_port, &port, REASON_DRAINING),
			 1);
	loop_turn(loop, 0);
	assert_int_equal(a.n_closed, 0);
	flow_unwatch(&waiting);
	assert_int_equal(transport_retire_if(a.transport, is_to_port, &port, REASON_DRAINING),
			 0);
	loop_turn(loop, 0);
	assert_int_equal(a.n_closed, 1);
	assert_int_equal(a.closed_reason, REASON_DRAINING);
}

/* The same port goes on under a new listener, with what waits in its backlog, and what is open
 * stays open. */
static void test_reload_loses_no_connection(void **state)
{
	struct listener *before = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct hop hop = side_hop(before, NULL);

	assert_int_equal(transport_listen(b.transport, &before, 1), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	int waiting = side_connect(&before->addr); /* stands in the backlog during the reload */

	struct listener *after =
		side_listener("127.0.0.1", TRANSPORT_TCP, before->port, before, 1);
	assert_int_equal(transport_listen(b.transport, &after, 1), ERR_OK);
	UNTIL(loop, b.n_opened == 2);
	assert_int_equal(side_send(&a, &hop, "c2", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2 && a.n_ended == 2);
	assert_int_equal(a.n_opened, 1);
	assert_int_equal(b.n_closed, 0);
	assert_ptr_equal(b.last_flow->listener, before); /* it came in there */
	int late = side_connect(&after->addr);
	UNTIL(loop, b.n_opened == 3);
	close(waiting);
	close(late);
	listener_unref(before);
	listener_unref(after);
}

static void test_removed_listener_keeps_its_connections(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct hop hop = side_hop(listener, NULL);
	struct addr addr = listener->addr;

	assert_int_equal(transport_listen(b.transport, &listener, 1), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	assert_int_equal(transport_listen(b.transport, NULL, 0), ERR_OK);
	listener_unref(listener);
	assert_int_equal(side_send(&a, &hop, "c2", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2 && a.n_ended == 2);

	b.last_flow = flow_unref(b.last_flow);
	uint64_t id = a.sending.flow->id;
	flow_close(transport_find_flow(a.transport, id), REASON_NONE);
	UNTIL(loop, b.n_closed == 1); /* and with it the listener's socket goes */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &addr.sa, addr.len), -1);
	close(fd);
}

static void test_drain(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct hop hop = side_hop(listener, NULL);

	assert_int_equal(transport_listen(b.transport, &listener, 1), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	transport_stop_listening(b.transport);
	assert_int_equal(side_send(&a, &hop, "c2", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 2 && a.n_ended == 2);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &listener->addr.sa, listener->addr.len), -1);
	side_settle(loop);
	assert_int_equal(b.n_opened, 1);
	close(fd);
	listener_unref(listener);
}

static void test_worker_without_a_socket(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 0);

	assert_int_equal(transport_listen(b.transport, &listener, 1), ERR_INVALID);
	listener_unref(listener);
}

static void on_message(void *user, struct arrival *arrival)
{
	message_unref(arrival->msg);
}

static void test_counters(void **state)
{
	const struct transport_user user = { .on_message = on_message };
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct hop hop = side_hop(listener, NULL);
	struct counters *counters = counters_new();
	struct transport *counted = NULL;
	const struct counters *all[] = { counters };
	const unsigned connections[] = { NETWORK_WAN, TRANSPORT_TCP, COUNTER_IN, 0 };
	const unsigned bytes[] = { NETWORK_WAN, TRANSPORT_TCP, 0, 0 };

	assert_int_equal(transport_new(loop, 0, &user, counters, &counted), ERR_OK);
	assert_int_equal(transport_listen(counted, &listener, 1), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "c1", 0), ERR_OK);
	UNTIL(loop, counters_sum(all, 1, COUNTER_RECEIVED_BYTES, bytes) > 100);
	assert_int_equal(counters_sum(all, 1, COUNTER_CONNECTIONS, connections), 1);
	transport_free(counted);
	assert_int_equal(counters_sum(all, 1, COUNTER_CONNECTIONS, connections), 0);
	assert_int_equal(counters_sum(all, 1, COUNTER_CONNECTIONS_OPENED, connections), 1);
	UNTIL(loop, a.n_closed == 1);
	counters_free(counters);
	listener_unref(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_dialler_in_place_of_sockets),
		TEST(test_dialler_refuses_at_once),
		TEST(test_waiting_ones_share_the_fate),
		TEST(test_waiting_queue_is_bounded),
		TEST(test_full_queue_is_told_at_once),
		TEST(test_pool_key),
		TEST(test_further_connections),
		TEST(test_when_no_further_one_helps),
		TEST(test_a_call_stays_in_order),
		TEST(test_a_spare_connection_ends),
		TEST(test_the_last_one_is_no_spare),
		TEST(test_what_is_shed_first),
		TEST(test_one_peer_leaves_room_for_others),
		TEST(test_close_if),
		TEST(test_retire_if),
		TEST(test_reload_loses_no_connection),
		TEST(test_removed_listener_keeps_its_connections),
		TEST(test_drain),
		TEST(test_worker_without_a_socket),
		TEST(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
