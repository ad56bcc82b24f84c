#include "federation/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned take_all(struct bucket *bucket, const struct rate *rate, uint64_t now_ms)
{
	unsigned n = 0;

	while (n < 1000 && bucket_take(bucket, rate, now_ms))
		n++;
	return n;
}

static void test_fills_with_time(void **state)
{
	const struct rate rate = { 20, 1000 };
	struct bucket bucket = { 0 };

	assert_int_equal(take_all(&bucket, &rate, 5000), 20);
	assert_int_equal(bucket_wait_s(&bucket, &rate), 1);
	assert_int_equal(take_all(&bucket, &rate, 5049), 0);
	assert_int_equal(take_all(&bucket, &rate, 5050), 1);
	assert_int_equal(take_all(&bucket, &rate, 5549),
			 9); /* 9.98, and the rest is not lost */
	assert_int_equal(take_all(&bucket, &rate, 5550), 1);
	assert_int_equal(take_all(&bucket, &rate, 99000), 20);
	assert_int_equal(take_all(&bucket, &rate, 5000),
			 0); /* a clock that goes back gives nothing */
}

static void test_waits(void **state)
{
	const struct rate slow = { 1, 3600000 }, none = { 0, 1000 };
	struct bucket bucket = { 0 };

	assert_int_equal(take_all(&bucket, &slow, 1), 1);
	assert_int_equal(bucket_wait_s(&bucket, &slow),
			 60); /* nobody is told to wait for longer */
	assert_int_equal(take_all(&bucket, &none, 1), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_with_time),
		cmocka_unit_test(test_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
