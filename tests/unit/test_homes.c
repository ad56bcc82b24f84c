#include "routing/homes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct settings_domain domains[] = { { .name = "corp.example" },
						  { .name = "corp.test" } };
static const struct settings_text berlin[] = { { .text = "anna" },
					       { .text = "49302222*" },
					       { .text = "anna" } };
static const struct settings_text munich[] = { { .text = "*" }, { .text = "bob" } };
static const struct settings_text bonn[] = { { .text = "4930*" }, { .text = "Anna" } };
static const struct settings_text test[] = { { .text = "*" } };

/* clang-format off */
static const struct settings_backend backends[] = {
	{ .name = "berlin", .domains = domains, .n_domains = 2, .users = berlin, .n_users = 3, .weight = 1 },
	{ .name = "munich", .domains = domains, .n_domains = 1, .users = munich, .n_users = 2, .weight = 1 },
	{ .name = "bonn", .domains = domains, .n_domains = 1, .users = bonn, .n_users = 2, .weight = 0 },
	{ .name = "test", .domains = domains + 1, .n_domains = 1, .users = test, .n_users = 1, .weight = 1 },
	{ .name = "none", .domains = domains, .n_domains = 2, .weight = 1 },
};

static const struct {
	const char *name, *user, *domain;
	size_t n, want[4];
} rows[] = {
	{ "named before everybody", "anna", "corp.example", 1, { 0 } },
	{ "users are case-sensitive, RFC 3261 §19.1.4", "Anna", "corp.example", 1, { 2 } },
	{ "nobody names it", "carol", "corp.example", 1, { 1 } },
	{ "a name of one that takes everybody", "bob", "corp.example", 1, { 1 } },
	{ "a pattern before everybody", "4930111", "corp.example", 1, { 2 } },
	{ "the other domain", "anna", "corp.test", 1, { 0 } },
	{ "a domain of nobody", "anna", "corp.invalid", 0, { 0 } },
	{ "no user", "", "corp.example", 1, { 1 } },
};
/* clang-format on */

static void test_rows(void **state)
{
	struct homes *homes;
	size_t found[8];

	assert_int_equal(homes_new(backends, COUNT(backends), &homes), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = homes_find(homes, rows[i].user, rows[i].domain, found, COUNT(found));
		if (n != rows[i].n || memcmp(found, rows[i].want, n * sizeof(*found)) != 0)
			fail_msg("%s: %zu found, %zu first", rows[i].name, n, n ? found[0] : 0);
		assert_int_equal(homes_find(homes, rows[i].user, rows[i].domain, found, 1),
				 n ? 1 : 0);
	}
	assert_null(homes_free(homes));
	assert_null(homes_free(NULL));
}

/* Among equals the weights decide, and always alike for one user. */
static void test_weights(void **state)
{
	struct settings_backend equals[2] = { backends[3], backends[3] };
	unsigned n_first[2] = { 0 };
	struct homes *homes;
	size_t found[2], again[2];
	char user[16];

	equals[0].weight = 3;
	assert_int_equal(homes_new(equals, COUNT(equals), &homes), ERR_OK);
	for (unsigned i = 0; i < 4000; i++) {
		(void)snprintf(user, sizeof(user), "user%u", i);
		assert_int_equal(homes_find(homes, user, "corp.test", found, 2), 2);
		assert_int_equal(homes_find(homes, user, "corp.test", again, 2), 2);
		assert_memory_equal(found, again, sizeof(found));
		n_first[found[0]]++;
	}
	homes_free(homes);
	assert_in_range(n_first[0], 2800,
			3400); /* RFC 2782 draws 0..sum: a little more for the first */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
