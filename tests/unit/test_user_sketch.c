#include "federation/user_sketch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/random.h"

/* The same hashes in every run. */
static uint64_t hash_of(uint64_t series, uint64_t i)
{
	const uint64_t key[2] = { series, 0x6e756e63696f };

	return random_siphash(key, &i, sizeof(i));
}

static void add(struct user_sketch *sketch, uint64_t series, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_int_equal(user_sketch_add(sketch, hash_of(series, i)), ERR_OK);
}

static void test_exact_up_to_a_thousand(void **state)
{
	struct user_sketch sketch = { 0 };

	assert_int_equal(user_sketch_count(&sketch), 0);
	assert_int_equal(user_sketch_look(&sketch, hash_of(1, 0)), USER_NEW);
	for (unsigned i = 0; i < USER_SKETCH_EXACT; i++) {
		add(&sketch, 1, i, i + 1);
		add(&sketch, 1, i / 2, i / 2 + 1); /* one that was there */
		assert_int_equal(user_sketch_count(&sketch), i + 1);
	}
	for (unsigned i = 0; i < USER_SKETCH_EXACT; i++)
		assert_int_equal(user_sketch_look(&sketch, hash_of(1, i)), USER_KNOWN);
	assert_int_equal(user_sketch_look(&sketch, hash_of(1, USER_SKETCH_EXACT)), USER_NEW);
	add(&sketch, 1, USER_SKETCH_EXACT, USER_SKETCH_EXACT + 1);
	assert_int_equal(user_sketch_look(&sketch, hash_of(1, 0)), USER_NOT_KNOWN);
	user_sketch_fini(&sketch);
	assert_int_equal(user_sketch_count(&sketch), 0);
}

/* The standard error is 1.6 %; the same user counts once, also if it was counted exactly
 * before. */
static void test_estimate(void **state)
{
	static const unsigned counts[] = {
		1001, 1500, 3000, 10000, 12000, 30000, 100000, 300000
	};
	double squares = 0;
	unsigned n_done = 0;

	for (uint64_t series = 1; series < 9; series++) {
		struct user_sketch sketch = { 0 };
		unsigned n = 0;

		for (size_t i = 0; i < COUNT(counts); i++) {
			double error;

			add(&sketch, series, n, counts[i]);
			add(&sketch, series, 0, counts[0]);
			n = counts[i];
			error = (double)user_sketch_count(&sketch) / n - 1;
			squares += error * error;
			n_done++;
			assert_true(error < 0.05 && error > -0.05);
		}
		user_sketch_fini(&sketch);
	}
	assert_true(squares / n_done < 0.02 * 0.02);
}

static void test_written_and_read(void **state)
{
	static const unsigned counts[] = { 0, 1, 7, 8, 9, 1000, 1001, 50000 };
	unsigned char bytes[USER_SKETCH_BYTES], again[USER_SKETCH_BYTES];

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct user_sketch sketch = { 0 }, read;
		size_t len;

		add(&sketch, 1, 0, counts[i]);
		len = user_sketch_write(&sketch, bytes);
		assert_in_range(len, 1, USER_SKETCH_BYTES);
		assert_int_equal(user_sketch_read(&read, bytes, len), ERR_OK);
		assert_int_equal(user_sketch_count(&read), user_sketch_count(&sketch));
		assert_int_equal(user_sketch_write(&read, again), len);
		assert_memory_equal(bytes, again, len);
		add(&read, 1, 0, counts[i] + 5); /* it goes on counting */
		assert_in_range(user_sketch_count(&read), counts[i] - counts[i] / 20,
				counts[i] * 1.05 + 6);
		user_sketch_fini(&sketch);
		user_sketch_fini(&read);
	}
}

static void test_damaged(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
		{ "nothing", "", 0 },
		{ "another kind", "\3abcd", 5 },
		{ "half a hash", "\1abcde", 6 },
		{ "twice the same", "\1abcdabcd", 9 },
		{ "not sorted", "\1bbbbaaaa", 9 },
		{ "few registers", "\2abc", 4 },
	};
	struct user_sketch sketch;
	unsigned char bytes[1 + 3072];

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (user_sketch_read(&sketch, rows[i].bytes, rows[i].len) != ERR_SYNTAX)
			fail_msg("%s", rows[i].name);
		assert_int_equal(user_sketch_count(&sketch), 0);
	}
	memset(bytes, 0xff, sizeof(bytes)); /* registers higher than there are */
	bytes[0] = 2;
	assert_int_equal(user_sketch_read(&sketch, bytes, sizeof(bytes)), ERR_SYNTAX);
	memset(bytes + 1, 0, sizeof(bytes) - 1); /* an estimate of nobody */
	assert_int_equal(user_sketch_read(&sketch, bytes, sizeof(bytes)), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_up_to_a_thousand),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_written_and_read),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
