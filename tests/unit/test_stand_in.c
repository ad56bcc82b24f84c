/* Sending over a connection that another worker has: two transports on one turned loop, whose
 * letters the test delivers when it wants. a (worker 1) sends, b (worker 0) has the connection,
 * which c dialled from behind its NAT. */
#include "proxy/transport/stand_in.h"

#include "tests/unit/sides.h"

enum { MAX_LETTERS = 4096, MAX_STAND_INS = 1024, IDLE_MS = 60000 };

struct note {
	enum { SEND, LEFT, WANTED, OPENED, LOST } kind;
	struct side *from, *to;
	uint64_t id;
	struct wire *wire;
	bool is_counted;
};

static struct loop *loop;
static struct side a, b, c;
static struct listener *listener;
static struct note notes[MAX_LETTERS];
static unsigned n_notes, n_left, n_lost, n_told;
static enum err answer; /* of the mailbox */
static enum err served; /* the last */
static uint64_t id;
static struct roll *roll;

/* The other one; a connection is named by its worker. */
static struct side *other(const struct side *side)
{
	return side == &a ? &b : &a;
}

static unsigned number(const struct side *side)
{
	return side == &a ? 1 : 0;
}

static struct note *put(int kind, struct side *from, uint64_t flow_id)
{
	assert_true(n_notes < MAX_LETTERS);
	notes[n_notes] =
		(struct note){ .kind = kind, .from = from, .to = other(from), .id = flow_id };
	return &notes[n_notes++];
}

static enum err send_elsewhere(void *user, uint64_t flow_id, struct wire *wire, bool is_counted)
{
	if (answer == ERR_OK) {
		struct note *note = put(SEND, user, flow_id);

		note->wire = wire_copy(wire->bytes, wire->len);
		note->is_counted = is_counted;
	}
	return answer;
}

static void tell_left(void *user, uint64_t flow_id)
{
	put(LEFT, user, flow_id);
}

static void tell_lost(void *user, unsigned worker, uint64_t flow_id)
{
	assert_int_equal(worker, number(other(user)));
	put(LOST, user, flow_id);
}

static enum err tell_wanted(void *user, uint64_t flow_id)
{
	if (answer == ERR_OK)
		put(WANTED, user, flow_id);
	return answer;
}

static void tell_opened(void *user, unsigned worker, uint64_t flow_id)
{
	assert_int_equal(worker, number(other(user)));
	put(OPENED, user, flow_id);
}

/* Delivers all letters, also those that come of it. */
static void post(void)
{
	for (unsigned i = 0; i < n_notes; i++) {
		struct note note = notes[i];

		switch (note.kind) {
		case SEND:
			served = stand_in_serve(note.to->transport, note.id, number(note.from),
						note.wire, note.is_counted);
			if (served == ERR_CLOSED)
				put(LOST, note.to, note.id);
			wire_unref(note.wire);
			break;
		case LEFT:
			n_left++;
			stand_in_left(note.to->transport, note.id, number(note.from));
			break;
		case WANTED:
			if (stand_in_wanted(note.to->transport, note.id, number(note.from)))
				put(LOST, note.to, note.id);
			break;
		case OPENED:
			stand_in_opened(note.to->transport, note.id);
			break;
		case LOST:
			n_lost++;
			stand_in_lost(note.to->transport, note.id);
			break;
		}
	}
	n_notes = 0;
}

static void side_init_among(struct side *side, unsigned worker)
{
	struct transport_user user;

	memset(side, 0, sizeof(*side));
	side->loop = loop;
	user = side_user(side);
	user.send_elsewhere = send_elsewhere;
	user.tell_left = tell_left;
	user.tell_lost = tell_lost;
	user.tell_wanted = tell_wanted;
	user.tell_opened = tell_opened;
	assert_int_equal(transport_new(loop, worker, &user, NULL, &side->transport), ERR_OK);
	transport_share(side->transport, roll);
}

static int setup(void **state)
{
	struct hop hop;

	n_notes = n_left = n_lost = n_told = 0;
	answer = served = ERR_OK;
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(roll_new(&roll), ERR_OK);
	side_init_among(&a, 1);
	side_init_among(&b, 0);
	side_init(&c, loop, 0);
	listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_listen(b.transport, &listener, 1), ERR_OK);
	hop = side_hop(listener, NULL);
	assert_int_equal(side_send(&c, &hop, "register", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && c.n_ended == 1);
	id = b.last_flow->id;
	b.last_flow = flow_unref(b.last_flow);
	return 0;
}

static int teardown(void **state)
{
	side_fini(&a);
	post();
	side_fini(&b);
	post();
	side_fini(&c);
	roll = roll_free(roll);
	listener_unref(listener);
	loop = loop_free(loop);
	return 0;
}

static struct hop hop_to(uint64_t flow_id)
{
	struct hop hop = side_hop(listener, listener);

	hop.flow_id = flow_id;
	hop.peer = "backend:berlin";
	return hop;
}

static void count_flow(const struct flow *flow, void *user)
{
	++*(unsigned *)user;
}

static void on_lost(struct flow_user *user, enum err err, enum reason reason)
{
	assert_int_equal(err, ERR_RESET);
	assert_int_equal(reason, REASON_CONNECTION_LOST);
	n_told++;
}

/* One request of worker 1, as far as the letter. */
static void ask(uint64_t flow_id)
{
	struct hop hop = hop_to(flow_id);

	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(a.ended_err, ERR_OK);
}

static void test_by_that_connection(void **state)
{
	struct flow *first;
	unsigned n = 0;

	c.responds = true;
	ask(id);
	first = a.sending.flow;
	assert_int_equal(first->id, id);
	assert_true(flow_is_stand_in(first) && flow_is_reliable(first));
	assert_string_equal(first->peer_name, "backend:berlin");
	post();
	UNTIL(loop, b.n_responses == 1); /* which its worker hands over */
	assert_int_equal(c.n_messages, 1);
	ask(id);
	assert_ptr_equal(a.sending.flow, first);
	post();
	UNTIL(loop, b.n_responses == 2);
	assert_int_equal(c.n_opened, 1);
	/* It is no connection of ours. */
	transport_each_flow(a.transport, count_flow, &n);
	assert_int_equal(n + a.n_opened, 0);
	assert_int_equal(first->n_sent_bytes, 0);
}

static void test_the_connection_ends(void **state)
{
	struct flow_user user = { 0 };
	struct hop hop = hop_to(id);

	ask(id);
	post();
	assert_int_equal(flow_watch(a.sending.flow, &user, on_lost), ERR_OK);
	flow_close(transport_find_flow(b.transport, id), REASON_NONE);
	assert_int_equal(n_lost, 0);
	post();
	assert_int_equal(n_told, 0);
	loop_turn(loop, 0);
	assert_int_equal(n_told, 1);
	assert_int_equal(n_left, 0);
	assert_int_equal(a.n_closed, 0); /* nobody heard it open */
	/* The next one finds out by itself. */
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(flow_watch(a.sending.flow, &user, on_lost), ERR_OK);
	post();
	loop_turn(loop, 0);
	assert_int_equal(n_told, 2);
}

static const struct {
	const char *name;
	uint64_t id; /* 0: of the one that is there */
	enum conf_transport transport;
	bool is_own;
	enum err err;
	bool is_lost; /* the owner says so */
} ids[] = {
	{ "another worker's", 0, TRANSPORT_TCP, false, ERR_OK, false },
	{ "another worker's that is gone", 12345, TRANSPORT_TCP, false, ERR_OK, true },
	{ "our own", 0, TRANSPORT_TCP, true, ERR_OK, false },
	{ "our own that is gone: it is not dialled", 12345, TRANSPORT_TCP, true, ERR_CLOSED,
	  false },
	{ "of datagrams, which have none", 12345, TRANSPORT_UDP, false, ERR_CLOSED, false },
};

static void test_ids(void **state)
{
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct side *side = ids[i].is_own ? &b : &a;
		struct hop hop = hop_to(ids[i].id ? ids[i].id : id);
		unsigned n_ended = side->n_ended, n_lost_before = n_lost,
			 n_accepted = b.n_opened;

		print_message("%s\n", ids[i].name);
		hop.transport = ids[i].transport;
		assert_int_equal(side_send(side, &hop, "c", 0), ERR_OK);
		assert_int_equal(side->n_ended, n_ended); /* never inside */
		loop_turn(loop, 0);
		assert_int_equal(side->n_ended, n_ended + 1);
		assert_int_equal(side->ended_err, ids[i].err);
		if (ids[i].err)
			assert_int_equal(side->ended_reason, REASON_CONNECTION_LOST);
		post();
		side_settle(loop);
		assert_int_equal(n_lost - n_lost_before, ids[i].is_lost);
		assert_int_equal(b.n_opened, n_accepted);
	}
}

static void test_a_full_mailbox(void **state)
{
	struct hop hop = hop_to(id);

	answer = ERR_LIMIT;
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_LIMIT);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 0);
	answer = ERR_OK;
	ask(id);
	post();
	UNTIL(loop, c.n_messages == 1);
}

/* What the connection's queue does not take is lost, and said so; the stand-in goes on. */
static void test_a_full_queue(void **state)
{
	struct transport_limits limits = { .message_bytes = 65536,
					   .queue_bytes = 400,
					   .connections = 10,
					   .idle_ms = 3600 * 1000 };

	transport_set_limits(b.transport, &limits);
	ask(id);
	ask(id);
	post();
	assert_int_equal(served, ERR_LIMIT);
	UNTIL(loop, c.n_messages == 1);
	ask(id);
	post();
	assert_int_equal(served, ERR_OK);
	UNTIL(loop, c.n_messages == 2);
}

static bool is_any(const struct flow *flow, void *user)
{
	return true;
}

static unsigned retire(struct side *side)
{
	return transport_retire_if(side->transport, is_any, NULL, REASON_DRAINING);
}

/* A reload takes the listener or the backend: the connection waits for whoever has a request on
 * the way. */
static void test_retired_connections_wait_for_the_others(void **state)
{
	struct flow_user user = { 0 };

	ask(id);
	post();
	UNTIL(loop, c.n_messages == 1);
	assert_int_equal(flow_watch(a.sending.flow, &user, on_lost), ERR_OK);
	assert_int_equal(retire(&b), 1);
	assert_int_equal(retire(&a), 1);
	flow_unwatch(&user);
	assert_int_equal(retire(&a), 1); /* its user has a reference still */
	a.sending.flow = flow_unref(a.sending.flow);
	assert_int_equal(retire(&a), 0);
	assert_int_equal(retire(&b), 1);
	post();
	assert_int_equal(n_left, 1);
	assert_int_equal(retire(&b), 0);
	UNTIL(loop, b.n_closed == 1);
	assert_int_equal(n_notes, 0); /* nobody is left to be told */
}

static void test_idle_ones_end(void **state)
{
	ask(id);
	post();
	loop_turn(loop, 2 * IDLE_MS);
	assert_int_equal(n_notes, 0); /* who holds it needs it */
	a.sending.flow = flow_unref(a.sending.flow);
	loop_turn(loop, IDLE_MS - 1000);
	ask(id);
	post();
	a.sending.flow = flow_unref(a.sending.flow);
	loop_turn(loop, IDLE_MS - 1000);
	assert_non_null(transport_find_flow(a.transport, id));
	loop_turn(loop, 1000);
	assert_null(transport_find_flow(a.transport, id));
	post();
	assert_int_equal(n_left, 1);
	flow_close(transport_find_flow(b.transport, id), REASON_NONE);
	assert_int_equal(n_notes, 0);
}

static void test_they_are_bounded(void **state)
{
	static struct flow_user users[MAX_STAND_INS];
	struct hop hop;

	for (unsigned i = 0; i < MAX_STAND_INS; i++) {
		ask(1000 + i);
		assert_int_equal(flow_watch(a.sending.flow, &users[i], on_lost), ERR_OK);
	}
	a.sending.flow = flow_unref(a.sending.flow);
	hop = hop_to(id);
	assert_int_equal(side_send(&a, &hop, "c", 0), ERR_LIMIT);
	flow_unwatch(&users[7]); /* it gives way */
	ask(id);
	assert_null(transport_find_flow(a.transport, 1007));
	post();
	assert_int_equal(n_left, 1);
	/* of the others there was none; the one that left asked, too */
	assert_int_equal(n_lost, MAX_STAND_INS);
	loop_turn(loop, 0);
	assert_int_equal(n_told, MAX_STAND_INS - 1);
}

static struct flow_user here, there, asker;

static void on_never(struct flow_user *user, enum err err, enum reason reason)
{
	fail_msg("it has an answer to give");
}

/* The peer says that it will send no more: requests on it will have no answer, those of it
 * still get theirs. */
static void test_half_closed(void **state)
{
	struct wire *wire = side_request("c", 0);
	struct hop hop = hop_to(id);
	struct flow *flow;
	int fd = side_connect(&listener->addr);

	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	UNTIL(loop, b.n_messages == 2);
	flow = b.last_flow; /* the asker holds it */
	hop.flow_id = flow->id;
	ask(flow->id);
	post();
	here.awaits_answers = true;
	assert_int_equal(flow_watch(flow, &here, on_lost), ERR_OK);
	assert_int_equal(flow_watch(flow, &asker, on_never), ERR_OK);
	assert_int_equal(flow_watch(a.sending.flow, &there, on_lost), ERR_OK);
	side_settle(loop);
	flow_ref(flow);
	shutdown(fd, SHUT_WR);
	UNTIL(loop, n_told == 1);
	post();
	loop_turn(loop, 0);
	assert_int_equal(n_told, 2);
	assert_false(flow->is_closed);
	assert_int_equal(side_send(&b, &hop, "d", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(b.ended_reason, REASON_CONNECTION_LOST);
	assert_int_equal(flow_send(flow, wire), ERR_OK); /* the answer */
	flow_unwatch(&asker);
	flow_unref(flow);
	wire_unref(wire);
	close(fd);
}

static void test_the_owner_goes_first(void **state)
{
	struct flow_user user = { 0 };

	ask(id);
	post();
	assert_int_equal(flow_watch(a.sending.flow, &user, on_lost), ERR_OK);
	side_fini(&b);
	post();
	loop_turn(loop, 0);
	assert_int_equal(n_told, 1);
}

static void test_the_sender_goes_first(void **state)
{
	struct flow *kept;

	ask(id);
	kept = flow_ref(a.sending.flow);
	side_fini(&a);
	post();
	assert_int_equal(n_left, 1);
	assert_int_equal(flow_send(kept, NULL), ERR_CLOSED);
	flow_unref(kept);
	side_fini(&b);
	assert_int_equal(n_notes, 0);
}

/* ---- one connection to a partner, whichever worker sends ---- */

static struct listener *partner; /* c's */

/* c listens, too. */
static struct hop hop_to_partner(void)
{
	struct hop hop;

	partner = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_listen(c.transport, &partner, 1), ERR_OK);
	hop = side_hop(partner, listener);
	hop.max_connections = 1;
	return hop;
}

static void forget_partner(void)
{
	a.sending.flow = flow_unref(a.sending.flow);
	b.sending.flow = flow_unref(b.sending.flow);
	partner = listener_unref(partner);
}

static void until_ended(struct side *side, unsigned n)
{
	UNTIL(loop, (post(), side->n_ended == n));
}

/* Both begin at once: the one dials, the other waits for it. */
static void test_joined_before_it_is_open(void **state)
{
	struct hop hop = hop_to_partner();

	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_int_equal(a.n_ended, 0);
	until_ended(&b, 1);
	until_ended(&a, 1);
	assert_int_equal(a.ended_err, ERR_OK);
	assert_true(flow_is_stand_in(a.sending.flow));
	UNTIL(loop, c.n_messages == 2);
	/* ... and once more, over the same. */
	assert_int_equal(side_send(&a, &hop, "e", 0), ERR_OK);
	post();
	UNTIL(loop, c.n_messages == 3);
	assert_int_equal(c.n_opened, 2); /* with its own to b */
	assert_int_equal(a.n_opened, 0);
	forget_partner();
}

static void test_it_cannot_be_opened(void **state)
{
	struct hop hop = hop_to_partner();

	transport_stop_listening(c.transport);
	forget_partner(); /* nobody listens there any more */
	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	until_ended(&b, 1);
	until_ended(&a, 1);
	assert_int_equal(a.ended_err, ERR_REFUSED);
	/* as if it had dialled itself */
	assert_int_equal(a.ended_reason, REASON_CONNECT_REFUSED);
	assert_int_equal(b.ended_reason, REASON_CONNECT_REFUSED);
}

/* It ends: who comes first dials, whoever had it before. */
static void test_the_next_one_is_anybodys(void **state)
{
	struct hop hop = hop_to_partner();

	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	until_ended(&b, 1);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	post();
	UNTIL(loop, c.n_messages == 2);
	flow_close(b.sending.flow, REASON_NONE);
	assert_int_equal(side_send(&a, &hop, "e", 0), ERR_OK); /* before the news is here */
	until_ended(&a, 2);
	assert_false(flow_is_stand_in(a.sending.flow));
	assert_int_equal(a.ended_err, ERR_OK);
	assert_int_equal(a.n_opened, 1);
	assert_int_equal(side_send(&b, &hop, "f", 0), ERR_OK);
	post();
	until_ended(&b, 2);
	assert_true(flow_is_stand_in(b.sending.flow));
	UNTIL(loop, c.n_messages == 4);
	forget_partner();
}

/* A reload took it from its owner: what is on its way goes on, but the next request takes
 * another. */
static void test_withdrawn(void **state)
{
	struct flow_user user = { 0 };
	struct hop hop = hop_to_partner();
	struct wire *wire = side_request("e", 0);
	struct flow *before;

	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	until_ended(&b, 1);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	until_ended(&a, 1);
	before = flow_ref(a.sending.flow);
	assert_int_equal(flow_watch(b.sending.flow, &user, on_never), ERR_OK);
	assert_in_range(retire(&b), 1, 2);
	assert_int_equal(side_send(&a, &hop, "f", 0), ERR_OK);
	until_ended(&a, 2);
	assert_false(flow_is_stand_in(a.sending.flow));
	assert_int_equal(flow_send(before, wire), ERR_OK); /* a CANCEL, say */
	post();
	assert_int_equal(served, ERR_OK);
	UNTIL(loop, c.n_messages == 4);
	flow_unwatch(&user);
	flow_unref(before);
	wire_unref(wire);
	forget_partner();
}

/* The partner does not read: whichever worker sheds, it sheds by what waits at the owner. */
static void test_back_pressure(void **state)
{
	const struct transport_limits limits = { .message_bytes = 65536,
						 .queue_bytes = 100000,
						 .connections = 10,
						 .idle_ms = 3600 * 1000,
						 .all_queues_bytes = 1000000 };
	struct hop hop = hop_to_partner();
	struct flow *flow;

	transport_set_limits(a.transport, &limits);
	transport_set_limits(b.transport, &limits);
	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	until_ended(&b, 1);
	flow = flow_ref(b.sending.flow);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	until_ended(&a, 1);
	flow->is_slow = true;
	transport_flow_queued(flow, 49000);
	hop.importance = IMPORTANCE_MESSAGE;
	assert_int_equal(side_send(&a, &hop, "e", 0), ERR_OK);
	loop_turn(loop, 0);
	/* That is under way still, and counts, here and there. */
	transport_flow_queued(flow, 49900);
	assert_int_equal(side_send(&a, &hop, "f", 0), ERR_LIMIT);
	assert_int_equal(side_send(&b, &hop, "f", 0), ERR_LIMIT);
	hop.importance = IMPORTANCE_CALL;
	assert_int_equal(side_send(&a, &hop, "g", 0), ERR_OK);
	loop_turn(loop, 0);
	flow->is_slow = false;
	transport_flow_queued(flow, 0);
	post();
	hop.importance = IMPORTANCE_MESSAGE;
	assert_int_equal(side_send(&a, &hop, "h", 0), ERR_OK);
	loop_turn(loop, 0);
	post();
	UNTIL(loop, c.n_messages == 5);
	flow_unref(flow);
	forget_partner();
}

/* What was sent by name (hop.flow_id) was never counted, so that serving it counts nothing off:
 * the connection of a backend by mtls is on the roll, too. */
static void test_named_and_on_the_roll(void **state)
{
	struct hop hop = hop_to_partner(), named;
	struct roll_entry *entry;

	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	until_ended(&b, 1);
	entry = b.sending.flow->shared;
	assert_non_null(entry);
	named = hop;
	named.flow_id = b.sending.flow->id;
	assert_int_equal(side_send(&a, &named, "d", 0), ERR_OK);
	loop_turn(loop, 0);
	assert_null(a.sending.flow->shared);
	post();
	assert_int_equal(served, ERR_OK);
	assert_int_equal(roll_under_way_bytes(entry), 0);
	UNTIL(loop, c.n_messages == 2);
	assert_int_equal(roll_load(entry), 0);
	forget_partner();
}

/* It is not idle as long as another worker may send on it. */
static void test_idle_for_its_owner(void **state)
{
	struct hop hop = hop_to_partner();
	struct transport_limits limits = { .message_bytes = 65536,
					   .queue_bytes = 100000,
					   .connections = 10,
					   .idle_ms = IDLE_MS / 2 };

	transport_set_limits(b.transport, &limits);
	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	until_ended(&b, 1);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	until_ended(&a, 1);
	UNTIL(loop, c.n_messages == 2);
	forget_partner();
	loop_turn(loop, IDLE_MS - 1000);
	assert_int_equal(c.n_closed, 1); /* its own to b, which nobody used */
	loop_turn(loop, 2000);           /* the stand-in ends */
	post();
	loop_turn(loop, IDLE_MS);
	UNTIL(loop, c.n_closed == 2);
}

/* The news of the opening got lost. */
static void test_no_news(void **state)
{
	struct hop hop = hop_to_partner();

	assert_int_equal(side_send(&b, &hop, "c", 0), ERR_OK);
	assert_int_equal(side_send(&a, &hop, "d", 0), ERR_OK);
	n_notes = 0;
	UNTIL(loop, b.n_ended == 1);
	n_notes = 0;
	loop_turn(loop, 20000);
	assert_int_equal(a.n_ended, 1);
	assert_int_equal(a.ended_reason, REASON_CONNECT_TIMEOUT);
	assert_int_equal(side_send(&a, &hop, "e", 0), ERR_OK);
	until_ended(&a, 2);
	assert_int_equal(a.ended_err, ERR_OK);
	answer = ERR_LIMIT; /* the mailbox is full: nothing waits for ever */
	assert_int_equal(side_send(&a, &hop, "f", 0), ERR_LIMIT);
	forget_partner();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_by_that_connection),
		TEST(test_the_connection_ends),
		TEST(test_ids),
		TEST(test_a_full_mailbox),
		TEST(test_a_full_queue),
		TEST(test_retired_connections_wait_for_the_others),
		TEST(test_idle_ones_end),
		TEST(test_they_are_bounded),
		TEST(test_half_closed),
		TEST(test_the_owner_goes_first),
		TEST(test_the_sender_goes_first),
		TEST(test_joined_before_it_is_open),
		TEST(test_it_cannot_be_opened),
		TEST(test_the_next_one_is_anybodys),
		TEST(test_withdrawn),
		TEST(test_back_pressure),
		TEST(test_named_and_on_the_roll),
		TEST(test_idle_for_its_owner),
		TEST(test_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
