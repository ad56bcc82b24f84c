#include "routing/health.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static int setup(void **state)
{
	struct health_table *table;

	assert_int_equal(health_table_new(&table), ERR_OK);
	*state = table;
	return 0;
}

static int teardown(void **state)
{
	assert_null(health_table_free(*state));
	return health_table_free(NULL) != NULL;
}

static enum health_state state_of(struct health *health)
{
	struct health_view view;

	health_look(health, &view);
	return view.state;
}

/* pitfall 3: what one server does says nothing of another port, transport or peer. */
static void test_keys(void **state)
{
	struct addr a = address("192.0.2.1", 5061), b = address("192.0.2.1", 5062),
		    six = address("2001:db8::1", 5061);
	struct health *health = health_of(*state, "partner:a", &a, TRANSPORT_MTLS);

	assert_non_null(health);
	assert_ptr_equal(health_of(*state, "partner:a", &a, TRANSPORT_MTLS), health);
	assert_ptr_not_equal(health_of(*state, "partner:a", &b, TRANSPORT_MTLS), health);
	assert_ptr_not_equal(health_of(*state, "partner:a", &a, TRANSPORT_TCP), health);
	assert_ptr_not_equal(health_of(*state, "partner:b", &a, TRANSPORT_MTLS), health);
	assert_ptr_not_equal(health_of(*state, "partner:a", &six, TRANSPORT_MTLS), health);
	health_failed(health, REASON_CONNECT_REFUSED, 1000);
	assert_int_equal(state_of(health_of(*state, "partner:b", &a, TRANSPORT_MTLS)),
			 HEALTH_UNKNOWN);
}

/* What happens at a time, and what is so then. */
enum step { FAIL, SUCCEED, ASK };

static void test_half_open(void **state)
{
	static const struct {
		uint64_t at_ms;
		enum step step;
		bool may_try; /* of ASK */
		enum health_state want;
	} steps[] = {
		{ 1000, ASK, true, HEALTH_UNKNOWN },  { 1000, FAIL, false, HEALTH_DOWN },
		{ 1000, FAIL, false, HEALTH_DOWN }, /* of the same burst */
		{ 2999, ASK, false, HEALTH_DOWN },    { 3000, ASK, true, HEALTH_TRYING },
		{ 3000, ASK, false, HEALTH_TRYING }, /* for one alone */
		{ 3100, FAIL, false, HEALTH_DOWN },   { 7099, ASK, false, HEALTH_DOWN },
		{ 7100, ASK, true, HEALTH_TRYING },   { 39099, ASK, false, HEALTH_TRYING },
		{ 39100, ASK, true, HEALTH_TRYING }, /* the one never reported */
		{ 39200, SUCCEED, false, HEALTH_UP }, { 39200, ASK, true, HEALTH_UP },
		{ 39300, FAIL, false, HEALTH_DOWN },  { 41299, ASK, false, HEALTH_DOWN },
		{ 41300, ASK, true, HEALTH_TRYING }, /* begins at 2 s again */
	};
	struct addr addr = address("192.0.2.1", 5061);
	struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_MTLS);

	for (size_t i = 0; i < COUNT(steps); i++) {
		switch (steps[i].step) {
		case FAIL:
			health_failed(health, REASON_NO_ANSWER, steps[i].at_ms);
			break;
		case SUCCEED:
			health_succeeded(health, steps[i].at_ms);
			break;
		case ASK:
			assert_int_equal(!health_is_down(health, steps[i].at_ms),
					 steps[i].may_try);
			assert_int_equal(health_may_try(health, steps[i].at_ms),
					 steps[i].may_try);
			break;
		}
		if (state_of(health) != steps[i].want)
			fail_msg("step %zu: state %d", i, state_of(health));
	}
}

static void test_lost_connection_rests_nobody(void **state)
{
	struct addr addr = address("192.0.2.1", 5061);
	struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_MTLS);
	struct health_view view;

	health_succeeded(health, 1000);
	health_failed(health, REASON_CONNECTION_LOST, 1500);
	assert_true(health_may_try(health, 1500));
	health_look(health, &view);
	assert_int_equal(view.n_failures, 1);
	assert_int_equal(view.last_reason, REASON_CONNECTION_LOST);
	health_failed(health, REASON_CONNECT_REFUSED, 1600); /* it is down indeed */
	assert_false(health_may_try(health, 1600));
	assert_true(health_may_try(health, 3600));
	health_failed(health, REASON_CONNECTION_LOST, 3700); /* the one that tried */
	assert_false(health_may_try(health, 7600));
}

static void test_doubles_to_a_minute(void **state)
{
	static const uint64_t want[] = { 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	struct addr addr = address("192.0.2.1", 5061);
	struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_MTLS);
	struct health_view view;
	uint64_t now_ms = 5000;

	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(health_may_try(health, now_ms));
		health_failed(health, REASON_CONNECT_TIMEOUT, now_ms);
		health_look(health, &view);
		assert_int_equal(view.retry_at_ms - now_ms, want[i]);
		now_ms = view.retry_at_ms;
	}
	assert_int_equal(view.n_failures, COUNT(want));
	assert_int_equal(view.n_failures_in_a_row, COUNT(want));
	assert_int_equal(view.last_reason, REASON_CONNECT_TIMEOUT);
	health_succeeded(health, now_ms);
	health_look(health, &view);
	assert_int_equal(view.n_failures_in_a_row, 0);
	assert_int_equal(view.n_successes, 1);
	assert_int_equal(view.since_ms, now_ms);
	assert_int_equal(view.last_success_ms, now_ms);
}

/* RFC 3261 §21.5.4: Retry-After. */
static void test_rest(void **state)
{
	struct addr addr = address("192.0.2.1", 5061);
	struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_MTLS);

	health_succeeded(health, 10000);
	health_rest(health, 10000, REASON_NEXT_HOP_503); /* over before it began */
	assert_int_equal(state_of(health), HEALTH_UP);
	health_rest(health, 40000, REASON_NEXT_HOP_503);
	assert_int_equal(state_of(health), HEALTH_DOWN);
	assert_false(health_may_try(health, 39999));
	assert_true(health_may_try(health, 40000));
	health_succeeded(health, 40100);
	health_rest(health, UINT64_MAX, REASON_NEXT_HOP_503);
	assert_false(health_may_try(health, 41000));
	assert_true(health_may_try(health, 41000 + 10 * 60 * 1000));
}

static void append_peer(const struct health_view *view, void *user)
{
	char text[ADDR_TEXT_SIZE], *out = user;

	(void)snprintf(out + strlen(out), 400 - strlen(out), "%s %s %d\n", view->peer,
		       addr_text(&view->addr, text), view->transport);
}

static void test_each_in_order(void **state)
{
	struct addr a = address("192.0.2.1", 5061), b = address("192.0.2.1", 5060),
		    c = address("10.0.0.1", 9);
	char out[400] = "";

	assert_non_null(health_of(*state, "partner:b", &c, TRANSPORT_UDP));
	assert_non_null(health_of(*state, "partner:a", &a, TRANSPORT_MTLS));
	assert_non_null(health_of(*state, "partner:a", &a, TRANSPORT_TCP));
	assert_non_null(health_of(*state, "partner:a", &b, TRANSPORT_TCP));
	assert_non_null(health_of(*state, "backend:z", &a, TRANSPORT_TCP));
	health_each(*state, append_peer, out);
	assert_string_equal(out, "backend:z 192.0.2.1:5061 1\n"
				 "partner:a 192.0.2.1:5060 1\n"
				 "partner:a 192.0.2.1:5061 1\n"
				 "partner:a 192.0.2.1:5061 3\n"
				 "partner:b 10.0.0.1:9 0\n");
}

static void count(const struct health_view *view, void *user)
{
	++*(unsigned *)user;
}

/* Bounded: while all are in use nothing gives way, and the unused do. */
static void test_bound(void **state)
{
	unsigned n_made = 0, n_kept = 0;
	struct addr addr = address("10.0.0.1", 5060);
	struct health *known = health_of(*state, "partner:known", &addr, TRANSPORT_UDP);

	health_succeeded(known, 1000);
	for (unsigned i = 0; i < 20000; i++) {
		addr.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
		struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_UDP);
		n_made += health != NULL;
		if (health)
			health_succeeded(health, 1000);
	}
	assert_in_range(n_made, 7000, 16 * 512);
	health_each(*state, count, &n_kept);
	assert_int_equal(n_kept, n_made + 1);
	for (unsigned i = 0; i < 2000;
	     i++) { /* long after: each shard is told the time by its first one */
		addr.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
		struct health *health = health_of(*state, "partner:a", &addr, TRANSPORT_UDP);
		if (health)
			health_succeeded(health, 10000000);
	}
	n_made = 0;
	for (unsigned i = 0; i < 1000; i++) {
		addr.in4.sin_addr.s_addr = htonl(0x0b000000 + i);
		n_made += health_of(*state, "partner:b", &addr, TRANSPORT_UDP) != NULL;
	}
	assert_int_equal(n_made, 1000);
}

struct race {
	struct health *health;
	unsigned n_allowed;
};

static void *try(void *user)
{
	struct race *race = user;

	for (unsigned i = 0; i < 1000; i++)
		race->n_allowed += health_may_try(race->health, 3000);
	return NULL;
}

/* Of several workers one may try. */
static void test_one_of_two_threads(void **state)
{
	struct addr addr = address("192.0.2.1", 5061);
	struct race races[2] = { { .health = health_of(*state, "partner:a", &addr,
						       TRANSPORT_MTLS) } };
	pthread_t threads[2];

	races[1].health = races[0].health;
	health_failed(races[0].health, REASON_NO_ANSWER, 1000);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try, &races[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(races[0].n_allowed + races[1].n_allowed, 1);
}

/* Memory was short when its record was wanted: then nothing is known of the server. */
static void test_no_record(void **state)
{
	struct health_view view;

	assert_true(health_may_try(NULL, 1000));
	assert_false(health_is_down(NULL, 1000));
	health_succeeded(NULL, 1000);
	health_failed(NULL, REASON_NO_ANSWER, 1000);
	health_look(NULL, &view);
	assert_int_equal(view.state, HEALTH_UNKNOWN);
	assert_int_equal(view.retry_at_ms, 0);
	health_rest(NULL, 2000, REASON_NEXT_HOP_503);
	assert_true(health_may_try(NULL, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_connection_rests_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_doubles_to_a_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_two_threads, setup, teardown),
		cmocka_unit_test(test_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
