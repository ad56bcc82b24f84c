#include "proxy/transport/roll.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"

enum { N_THREADS = 4, N_ROUNDS = 4000, BOUND = 3 };

static struct roll *roll;
static uint64_t next_id;

static int setup(void **state)
{
	assert_int_equal(roll_new(&roll), ERR_OK);
	next_id = 1;
	return 0;
}

static int teardown(void **state)
{
	roll = roll_free(roll);
	return 0;
}

static struct hop hop_to(const char *address, const char *peer, unsigned max_connections)
{
	struct hop hop = { .transport = TRANSPORT_TCP,
			   .peer = peer,
			   .max_connections = max_connections };

	assert_int_equal(addr_parse_port(address, 5060, &hop.remote), ERR_OK);
	return hop;
}

static enum roll_way ask(const struct hop *hop, bool has_own, size_t own_load,
			 struct roll_entry **out)
{
	const struct roll_question question = { .hop = hop,
						.flow_id = next_id++,
						.has_own = has_own,
						.own_load = own_load,
						.may_dial = true };
	enum roll_way way;

	assert_int_equal(roll_ask(roll, &question, out, &way), ERR_OK);
	return way;
}

/* One after the other asks, and dials what it may. */
static void test_the_bound(void **state)
{
	static const struct {
		const char *name, *address, *peer, *bind;
		unsigned max;
		enum roll_way way;
		unsigned joins; /* the connection of that row */
	} rows[] = {
		{ "the first", "192.0.2.1", "partner:a", NULL, 2, ROLL_DIAL, 0 },
		{ "a second, as two are allowed", "192.0.2.1", "partner:a", NULL, 2, ROLL_DIAL,
		  0 },
		{ "no third one", "192.0.2.1", "partner:a", NULL, 2, ROLL_JOIN, 0 },
		{ "another partner at the same address", "192.0.2.1", "partner:b", NULL, 1,
		  ROLL_DIAL, 0 },
		{ "... and its second request", "192.0.2.1", "partner:b", NULL, 1, ROLL_JOIN,
		  3 },
		{ "another server: it could not be reached else", "192.0.2.2", "partner:b",
		  NULL, 1, ROLL_DIAL, 0 },
		{ "... which is used then", "192.0.2.2", "partner:b", NULL, 1, ROLL_JOIN, 5 },
		{ "from another address of ours", "192.0.2.2", "partner:b", "192.0.2.99", 1,
		  ROLL_DIAL, 0 },
		{ "a third server, of two that are allowed: its first one", "192.0.2.3",
		  "partner:a", NULL, 2, ROLL_DIAL, 0 },
	};
	struct roll_entry *entries[COUNT(rows)] = { NULL };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct hop hop = hop_to(rows[i].address, rows[i].peer, rows[i].max);

		print_message("%s\n", rows[i].name);
		if (rows[i].bind)
			assert_int_equal(addr_parse(rows[i].bind, 0, &hop.bind), ERR_OK);
		assert_int_equal(ask(&hop, false, 0, &entries[i]), rows[i].way);
		if (rows[i].way == ROLL_JOIN)
			assert_ptr_equal(entries[i], entries[rows[i].joins]);
	}
	assert_true(roll_is_beyond(entries[5]));
	assert_true(roll_is_beyond(entries[8]));
	roll_end(entries[0], ERR_RESET, REASON_CONNECTION_LOST);
	assert_false(roll_is_beyond(entries[8]));
	for (size_t i = 1; i < COUNT(rows); i++)
		rows[i].way == ROLL_JOIN ? roll_left(entries[i])
					 : roll_end(entries[i], ERR_CLOSED, REASON_NONE);
}

static void test_given_back(void **state)
{
	struct hop hop = hop_to("192.0.2.1", "partner:a", 1);
	struct roll_entry *first, *second, *joined;
	enum reason reason;
	enum err err;

	assert_int_equal(ask(&hop, false, 0, &first), ROLL_DIAL);
	assert_int_equal(ask(&hop, false, 0, &joined), ROLL_JOIN);
	assert_int_equal(roll_flow_id(joined), roll_flow_id(first));
	assert_false(roll_is_open(joined, NULL));
	assert_false(roll_how_it_ended(joined, &err, &reason));
	assert_false(roll_withdraw_unused(first)); /* somebody uses it */
	assert_int_equal(ask(&hop, true, 0, &second), ROLL_STAY);
	roll_end(first, ERR_REFUSED, REASON_CONNECT_REFUSED);
	assert_true(roll_how_it_ended(joined, &err, &reason));
	assert_int_equal(err, ERR_REFUSED);
	assert_int_equal(reason, REASON_CONNECT_REFUSED);
	assert_false(roll_takes_requests(joined));
	assert_int_equal(ask(&hop, false, 0, &second), ROLL_DIAL);
	roll_left(joined);
	/* One that a reload took away counts no more, and is given back once. */
	roll_withdraw(second);
	assert_int_equal(ask(&hop, false, 0, &first), ROLL_DIAL);
	roll_withdraw(second);
	assert_int_equal(ask(&hop, false, 0, &joined), ROLL_JOIN);
	assert_ptr_equal(joined, first);
	roll_left(joined);
	assert_true(roll_withdraw_unused(first));
	roll_end(first, ERR_CLOSED, REASON_NONE);
	roll_end(second, ERR_CLOSED, REASON_NONE);
}

static void test_the_least_loaded(void **state)
{
	struct hop hop = hop_to("192.0.2.1", "partner:a", 2);
	struct roll_entry *a, *b, *joined;

	assert_int_equal(ask(&hop, false, 0, &a), ROLL_DIAL);
	assert_int_equal(ask(&hop, false, 0, &b), ROLL_DIAL);
	roll_note_load(a, 1000, true, 5000);
	assert_true(roll_is_slow(a));
	assert_int_equal(roll_room(a), 5000);
	assert_int_equal(ask(&hop, false, 0, &joined), ROLL_JOIN);
	assert_ptr_equal(joined, b);
	roll_under_way(b, 2000); /* letters to its owner */
	roll_left(joined);
	assert_int_equal(ask(&hop, false, 0, &joined), ROLL_JOIN);
	assert_ptr_equal(joined, a);
	roll_left(joined);
	assert_int_equal(ask(&hop, true, 999, &joined), ROLL_STAY);
	assert_null(joined);
	assert_int_equal(ask(&hop, true, 1001, &joined), ROLL_JOIN);
	assert_ptr_equal(joined, a);
	roll_left(joined);
	roll_under_way(b, -2000);
	assert_int_equal(roll_load(b), 0);
	roll_end(a, ERR_CLOSED, REASON_NONE);
	roll_end(b, ERR_CLOSED, REASON_NONE);
}

/* Who may dial none joins the one that fewest others use; a bound that a reload made less holds
 * at once. */
static void test_spread_and_surplus(void **state)
{
	struct hop hop = hop_to("192.0.2.1", "partner:a", 2);
	struct roll_entry *dialled[2], *joined[4];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask(&hop, false, 0, &dialled[i]), ROLL_DIAL);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ask(&hop, false, 0, &joined[i]), ROLL_JOIN);
		assert_ptr_equal(joined[i], dialled[i % 2]);
	}
	assert_false(roll_withdraw_surplus(dialled[0], 2));
	assert_true(roll_withdraw_surplus(dialled[0], 1));
	assert_false(roll_withdraw_surplus(dialled[1], 1));
	assert_true(roll_withdraw_surplus(dialled[0], 1)); /* still */
	assert_false(roll_takes_requests(joined[0]));
	assert_true(roll_takes_requests(joined[1]));
	for (unsigned i = 0; i < 4; i++)
		roll_left(joined[i]);
	for (unsigned i = 0; i < 2; i++)
		roll_end(dialled[i], ERR_CLOSED, REASON_NONE);
}

static void test_no_room_to_dial(void **state)
{
	struct hop hop = hop_to("192.0.2.1", "partner:a", 4);
	struct roll_question question = { .hop = &hop, .flow_id = 9, .may_dial = false };
	struct roll_entry *first, *entry;
	enum roll_way way;

	assert_int_equal(roll_ask(roll, &question, &entry, &way), ERR_OK);
	assert_int_equal(way, ROLL_NONE);
	assert_int_equal(ask(&hop, false, 0, &first), ROLL_DIAL);
	assert_int_equal(roll_ask(roll, &question, &entry, &way), ERR_OK);
	assert_int_equal(way, ROLL_JOIN);
	roll_left(entry);
	roll_end(first, ERR_CLOSED, REASON_NONE);
}

static struct identity *identity_of(const char *name)
{
	struct identity *identity = calloc(1, sizeof(*identity));

	assert_non_null(identity);
	identity->n_refs = 1;
	identity->names = calloc(1, sizeof(*identity->names));
	assert_non_null(identity->names);
	identity->n_names = 1;
	identity->names[0].kind = IDENTITY_DNS;
	strcpy(identity->names[0].text, name);
	return identity;
}

/* RFC 5923: what the partner opened counts, and serves every worker, if it proved the route's
 * name. */
static void test_accepted(void **state)
{
	static const struct {
		const char *name, *proved, *ours;
		bool is_joined;
	} rows[] = {
		{ "the name of the route", "partner.example", "", true },
		{ "another name", "other.example", "", false },
		{ "another certificate of ours was shown", "partner.example", "ab", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct hop hop = hop_to("192.0.2.1", "partner:a", 1);
		struct flow flow = { .id = 77,
				     .transport = TRANSPORT_MTLS,
				     .is_inbound = true };
		struct roll_entry *accepted, *entry;
		struct identity *identity = NULL;

		print_message("%s\n", rows[i].name);
		hop.transport = TRANSPORT_MTLS;
		hop.names[0] = "partner.example";
		hop.n_names = 1;
		assert_int_equal(addr_parse_port("192.0.2.1:40000", 0, &flow.remote), ERR_OK);
		flow.identity = identity_of(rows[i].proved);
		assert_int_equal(roll_add_accepted(roll, &flow, rows[i].ours, "", &accepted),
				 ERR_OK);
		assert_int_equal(ask(&hop, false, 0, &entry),
				 rows[i].is_joined ? ROLL_JOIN : ROLL_DIAL);
		if (rows[i].is_joined) {
			assert_true(roll_is_open(entry, &identity));
			assert_ptr_equal(identity, flow.identity);
			identity_unref(identity);
			roll_left(entry);
		} else {
			roll_end(entry, ERR_CLOSED, REASON_NONE);
		}
		roll_end(accepted, ERR_CLOSED, REASON_NONE);
		identity_unref(flow.identity);
	}
}

/* ---- many threads ---- */

static pthread_barrier_t start;
static int n_open, n_most, n_beyond;

static void *rush(void *user)
{
	struct hop hop = hop_to("192.0.2.1", "partner:a", BOUND);
	const uint64_t first_id = (uint64_t)(uintptr_t)user << FLOW_ID_WORKER_SHIFT;

	pthread_barrier_wait(&start);
	for (uint64_t i = 1; i <= N_ROUNDS; i++) {
		const struct roll_question question = { .hop = &hop,
							.flow_id = first_id + i,
							.may_dial = true };
		struct roll_entry *entry;
		enum roll_way way;
		int n;

		if (roll_ask(roll, &question, &entry, &way))
			abort();
		if (way == ROLL_JOIN) {
			roll_under_way(entry, 10);
			roll_is_open(entry, NULL);
			roll_under_way(entry, -10);
			roll_left(entry);
			continue;
		}
		n = __atomic_add_fetch(&n_open, 1, __ATOMIC_SEQ_CST);
		sched_yield();
		if (n > BOUND)
			__atomic_add_fetch(&n_beyond, 1, __ATOMIC_SEQ_CST);
		if (n > __atomic_load_n(&n_most, __ATOMIC_SEQ_CST))
			__atomic_store_n(&n_most, n, __ATOMIC_SEQ_CST);
		roll_opened(entry, NULL);
		roll_note_load(entry, i, false, 100);
		/* the next moment it may be another's */
		__atomic_sub_fetch(&n_open, 1, __ATOMIC_SEQ_CST);
		while (i % 7 && !roll_withdraw_unused(entry))
			sched_yield();
		roll_end(entry, ERR_CLOSED, REASON_NONE);
	}
	return NULL;
}

static void test_a_rush(void **state)
{
	pthread_t threads[N_THREADS];

	n_open = n_most = n_beyond = 0;
	pthread_barrier_init(&start, NULL, N_THREADS);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, rush, (void *)i), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	assert_int_equal(n_open, 0);
	print_message("%d at most\n", n_most);
	assert_int_equal(n_beyond, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_the_bound),        TEST(test_given_back),
		TEST(test_the_least_loaded), TEST(test_spread_and_surplus),
		TEST(test_no_room_to_dial),  TEST(test_accepted),
		TEST(test_a_rush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
