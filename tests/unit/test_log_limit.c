#include "proxy/base/log_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct log_suppressed ended;

static struct log_limit *limit_new(void)
{
	struct log_limit *limit;

	assert_int_equal(log_limit_new(&limit), ERR_OK);
	return limit;
}

static void test_one_line_a_window(void **state)
{
	struct log_limit *limit = limit_new();

	assert_true(log_limit_admits(limit, 1000, "loop", "192.0.2.1:5060", &ended));
	for (unsigned i = 0; i < 412; i++)
		assert_false(log_limit_admits(limit, 1001 + i, "loop", "192.0.2.1:9", &ended));
	assert_int_equal(ended.n, 0);
	assert_true(log_limit_admits(limit, 1001, "loop", "192.0.2.2:5060", &ended));
	assert_true(log_limit_admits(limit, 1001, "stranger", "192.0.2.1:5060", &ended));

	assert_false(log_limit_take_ended(limit, 10999, &ended));
	assert_true(log_limit_take_ended(limit, 11000, &ended));
	assert_int_equal(ended.n, 412);
	assert_string_equal(ended.reason, "loop");
	assert_string_equal(ended.peer, "192.0.2.1");
	assert_false(log_limit_take_ended(limit, 99999,
					  &ended)); /* the others: nothing suppressed */
	log_limit_free(limit);
}

static void test_next_window_tells_the_last(void **state)
{
	struct log_limit *limit = limit_new();

	assert_true(log_limit_admits(limit, 0, "loop", "[2001:db8::1]:5060", &ended));
	assert_false(log_limit_admits(limit, 9999, "loop", "[2001:db8::1]:5061", &ended));
	assert_int_equal(ended.n, 0);
	assert_true(log_limit_admits(limit, 10000, "loop", "2001:db8::1", &ended));
	assert_int_equal(ended.n, 1);
	assert_string_equal(ended.peer, "2001:db8::1");
	assert_false(log_limit_admits(limit, 10001, "loop", "2001:db8::1", &ended));
	assert_int_equal(ended.n, 0);
	assert_true(log_limit_take_ended(limit, 20000, &ended));
	assert_int_equal(ended.n, 1);
	log_limit_free(limit);
}

static void test_no_address_and_long_words(void **state)
{
	struct log_limit *limit = limit_new();
	static const char long_word[] = "a-word-that-is-longer-than-any-reason-code-or-address-"
					"that-we-would-ever-make-up";

	assert_true(log_limit_admits(limit, 0, "", "", &ended));
	assert_false(log_limit_admits(limit, 1, "", "", &ended));
	assert_true(log_limit_admits(limit, 0, long_word, long_word, &ended));
	assert_false(log_limit_admits(limit, 1, long_word, long_word, &ended));
	log_limit_free(limit);
}

/* A scanner with very many addresses: the lines are bounded, and nothing is lost from the
 * count. */
static void test_full_table(void **state)
{
	enum { N_PEERS = 20000 };
	struct log_limit *limit = limit_new();
	unsigned n_admitted = 0;
	uint64_t n_suppressed = 0;
	char peer[32];

	for (unsigned i = 0; i < N_PEERS; i++) {
		snprintf(peer, sizeof(peer), "10.0.%u.%u", i / 256, i % 256);
		n_admitted += log_limit_admits(limit, i / 100, "stranger", peer, &ended);
	}
	assert_in_range(n_admitted, 900, 1024);
	while (log_limit_take_ended(limit, 20000, &ended)) {
		assert_string_equal(ended.peer, "");
		n_suppressed += ended.n;
	}
	assert_int_equal(n_admitted + n_suppressed, N_PEERS);

	/* Afterwards there is room again. */
	assert_true(log_limit_admits(limit, 20000, "stranger", "192.0.2.77", &ended));
	log_limit_free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_a_window),
		cmocka_unit_test(test_next_window_tells_the_last),
		cmocka_unit_test(test_no_address_and_long_words),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
