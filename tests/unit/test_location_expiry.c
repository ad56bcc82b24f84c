#include "routing/location_expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { N = 500 };

static uint64_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Against a plain look at all of them, through thousands of random changes. */
static void test_random_changes(void **state)
{
	struct expiry_heap heap = { 0 };
	struct expiry entries[N] = { 0 };
	uint64_t random = 7;
	size_t n = 0;

	for (unsigned i = 0; i < 30000; i++) {
		struct expiry *entry = &entries[draw(&random) % N];
		uint64_t at_ms = draw(&random) % 1000, soonest = UINT64_MAX;
		if (!entry->index) {
			assert_int_equal(expiry_add(&heap, entry, at_ms), ERR_OK);
			n++;
		} else if (i % 3 == 0) {
			expiry_remove(&heap, entry);
			assert_int_equal(entry->index, 0);
			n--;
		} else {
			expiry_change(&heap, entry, at_ms);
		}
		for (size_t j = 0; j < N; j++)
			if (entries[j].index && entries[j].at_ms < soonest)
				soonest = entries[j].at_ms;
		assert_int_equal(heap.n, n);
		if (n > 0)
			assert_int_equal(expiry_first(&heap)->at_ms, soonest);
		else
			assert_null(expiry_first(&heap));
	}
	expiry_heap_fini(&heap);
}

static void test_empties_in_order(void **state)
{
	struct expiry_heap heap = { 0 };
	struct expiry entries[N] = { 0 };
	uint64_t random = 3, last_ms = 0;

	assert_null(expiry_first(&heap));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(expiry_add(&heap, &entries[i], draw(&random) % 100), ERR_OK);
	for (size_t i = 0; i < N; i++) {
		struct expiry *first = expiry_first(&heap);
		assert_true(first->at_ms >= last_ms);
		last_ms = first->at_ms;
		expiry_remove(&heap, first);
	}
	assert_null(expiry_first(&heap));
	expiry_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes),
		cmocka_unit_test(test_empties_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
