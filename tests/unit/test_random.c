#include "proxy/base/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

/* Another program's values: Rust's DefaultHasher is SipHash-1-3 under a key of zeros. The input
 * is 00 01 02 ...; the lengths go over the ends of the words of eight bytes. */
static void test_siphash_values(void **state)
{
	static const uint64_t zeros[2];
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{ 0, 0xd1fba762150c532c },  { 1, 0x68a914128e01e473 },
		{ 7, 0x2f098ab0c751325a },  { 8, 0xead411e67ebe2eea },
		{ 9, 0x75927f9d95124362 },  { 15, 0xf30eb725bb91c9ea },
		{ 16, 0x8972188433a5c5b7 }, { 63, 0x385d3e39e5f37359 },
	};
	uint8_t in[64];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(random_siphash(zeros, in, rows[i].len) == rows[i].want);
}

static void test_keyed_hash(void **state)
{
	const char text[] = "the same bytes at another alignment";
	char shifted[sizeof(text) + 1];

	memcpy(shifted + 1, text, sizeof(text));
	assert_true(random_keyed_hash(text, sizeof(text)) ==
		    random_keyed_hash(shifted + 1, sizeof(text)));
	for (size_t len = 1; len < sizeof(text); len++) /* each length takes part */
		assert_true(random_keyed_hash(text, len) != random_keyed_hash(text, len - 1));
	assert_true(random_keyed_hash("", 0) == random_keyed_hash("x", 0));
}

static void test_token(void **state)
{
	char token[2001], other[25];
	unsigned seen[256] = { 0 };

	random_token(token, 2000);
	assert_int_equal(strlen(token), 2000);
	assert_int_equal(strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789"), 2000);
	for (const char *c = token; *c; c++)
		seen[(unsigned char)*c]++;
	for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789"; *c; c++)
		assert_true(seen[(unsigned char)*c] > 10); /* 55 of each on the average */

	random_token(token, 24);
	random_token(other, 24);
	assert_string_not_equal(token, other);
	random_token(token, 0);
	assert_string_equal(token, "");
}

static void test_bytes(void **state)
{
	uint8_t bytes[4096] = { 0 };
	unsigned n_bits = 0;

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		n_bits += (unsigned)__builtin_popcount(bytes[i]);
	assert_in_range(n_bits, 16384 - 800, 16384 + 800); /* nine standard deviations */
	assert_true(random_u64() != random_u64());
}

enum { N_THREADS = 4, N_NUMBERS = 1000 };

static void *draw_many(void *numbers)
{
	for (unsigned i = 0; i < N_NUMBERS; i++)
		((uint64_t *)numbers)[i] = random_u64();
	return (void *)(uintptr_t)random_keyed_hash("x", 1);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_threads_draw_different_numbers(void **state)
{
	static uint64_t numbers[N_THREADS][N_NUMBERS];
	pthread_t threads[N_THREADS];
	uint64_t *flat = numbers[0];

	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, draw_many, numbers[i]), 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		void *hash;
		pthread_join(threads[i], &hash);
		assert_true((uintptr_t)hash == (uintptr_t)random_keyed_hash("x", 1));
	}
	qsort(flat, N_THREADS * N_NUMBERS, sizeof(*flat), by_number);
	for (unsigned i = 1; i < N_THREADS * N_NUMBERS; i++)
		assert_true(flat[i] != flat[i - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_values),
		cmocka_unit_test(test_keyed_hash),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_threads_draw_different_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
