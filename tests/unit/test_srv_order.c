#include "routing/srv_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { MAX = 6 };

/* Draws what the row says, and remembers between what it was asked to draw. */
struct draws {
	const uint32_t *values;
	size_t n_drawn;
	uint32_t asked[MAX];
};

static uint32_t draw(void *user, uint32_t n)
{
	struct draws *draws = user;
	uint32_t value = draws->values[draws->n_drawn];

	draws->asked[draws->n_drawn++] = n;
	assert_true(value <= n);
	return value;
}

static const struct {
	const char *name;
	size_t n;
	uint16_t in[MAX][2]; /* priority, weight */
	uint32_t draws[MAX];
	size_t want[MAX]; /* index of what is tried first, second, ... */
	size_t n_draws;
	uint32_t asked[MAX];
	/* clang-format off */
} rows[] = {
	{ "nothing", 0, { { 0 } }, { 0 }, { 0 }, 0, { 0 } },
	{ "one needs no draw", 1, { { 5, 7 } }, { 0 }, { 0 }, 0, { 0 } },
	{ "lowest priority first", 3, { { 30, 0 }, { 10, 0 }, { 20, 0 } },
	  { 0 }, { 1, 2, 0 }, 0, { 0 } },
	{ "drawn 0 takes the first", 2, { { 1, 70 }, { 1, 30 } }, { 0 }, { 0, 1 }, 1, { 100 } },
	{ "a sum that equals the draw is taken", 2, { { 1, 70 }, { 1, 30 } },
	  { 70 }, { 0, 1 }, 1, { 100 } },
	{ "one more goes to the next", 2, { { 1, 70 }, { 1, 30 } }, { 71 }, { 1, 0 }, 1, { 100 } },
	{ "the sum shrinks with what was taken", 3, { { 1, 10 }, { 1, 20 }, { 1, 30 } },
	  { 60, 30 }, { 2, 1, 0 }, 2, { 60, 30 } },
	{ "weight 0 stands first and has its chance", 2, { { 1, 5 }, { 1, 0 } },
	  { 0 }, { 1, 0 }, 1, { 5 } },
	{ "weight 0 waits when 1 is drawn", 2, { { 1, 5 }, { 1, 0 } }, { 1 }, { 0, 1 }, 1, { 5 } },
	{ "all of weight 0 keep their order", 3, { { 1, 0 }, { 1, 0 }, { 1, 0 } },
	  { 0, 0 }, { 0, 1, 2 }, 2, { 0, 0 } },
	{ "each priority draws by itself", 4, { { 2, 1 }, { 1, 1 }, { 2, 9 }, { 1, 9 } },
	  { 2, 10 }, { 3, 1, 2, 0 }, 2, { 10, 10 } },
	{ "the greatest weights do not overflow", 3, { { 0, 65535 }, { 0, 65535 }, { 0, 65535 } },
	  { 196605, 131070 }, { 2, 1, 0 }, 2, { 196605, 131070 } },
};
/* clang-format on */

/* RFC 2782, "Weight". */
static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct srv_entry entries[MAX];
		struct draws draws = { .values = rows[i].draws };

		for (size_t k = 0; k < rows[i].n; k++)
			entries[k] =
				(struct srv_entry){ rows[i].in[k][0], rows[i].in[k][1], k };
		srv_order(entries, rows[i].n, draw, &draws);
		for (size_t k = 0; k < rows[i].n; k++)
			if (entries[k].index != rows[i].want[k])
				fail_msg("%s: place %zu holds %zu", rows[i].name, k,
					 entries[k].index);
		if (draws.n_drawn != rows[i].n_draws ||
		    memcmp(draws.asked, rows[i].asked, rows[i].n_draws * sizeof(uint32_t)) != 0)
			fail_msg("%s: %zu draws", rows[i].name, draws.n_drawn);
	}
}

static uint32_t even(void *user, uint32_t n)
{
	uint32_t *seed = user;

	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % (n + 1);
}

/* Of many orders, each server comes first about as often as its weight says. */
static void test_shares(void **state)
{
	unsigned n_first[2] = { 0 };
	uint32_t seed = 1;

	for (unsigned i = 0; i < 10000; i++) {
		struct srv_entry entries[] = {
			{ 1, 300, 0 },
			{ 1, 100, 1 },
		};
		srv_order(entries, COUNT(entries), even, &seed);
		n_first[entries[0].index]++;
	}
	assert_in_range(n_first[0], 7200, 7800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
