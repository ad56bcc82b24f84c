#include "routing/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { N_USERS = 100000, MAX = 8 };

static const struct settings_domain corp[] = { { "corp.example" } },
				    both[] = { { "corp.example" }, { "b.example" } };

static struct settings_backend backend_of(const char *name, unsigned weight)
{
	return (struct settings_backend){
		.name = name, .weight = weight, .domains = corp, .n_domains = 1
	};
}

/* The name of the first one, NULL if there is none. */
static const char *first(const struct settings_backend *backends, size_t n, unsigned user)
{
	char text[24];
	size_t out[MAX];

	snprintf(text, sizeof(text), "user%u", user);
	return placement_order(PLACEMENT_BALANCE, backends, n, text, "corp.example", out, 1)
		       ? backends[out[0]].name
		       : NULL;
}

static void test_shares_follow_weights(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		unsigned weights[MAX];
	} rows[] = {
		{ "equals", 3, { 1, 1, 1 } },
		{ "one of double weight", 3, { 1, 2, 1 } },
		{ "far apart", 4, { 100, 10, 40, 50 } },
		{ "none for weight 0", 4, { 3, 0, 5, 0 } },
		{ "alone", 1, { 7 } },
		{ "eight", 8, { 1, 2, 3, 4, 5, 6, 7, 8 } },
	};
	static const char *const names[MAX] = { "one",  "two", "three", "four",
						"five", "six", "seven", "eight" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings_backend backends[MAX];
		unsigned counts[MAX] = { 0 }, sum = 0;

		for (size_t j = 0; j < rows[i].n; j++) {
			backends[j] = backend_of(names[j], rows[i].weights[j]);
			sum += rows[i].weights[j];
		}
		for (unsigned user = 0; user < N_USERS; user++) {
			const char *name = first(backends, rows[i].n, user);
			for (size_t j = 0; j < rows[i].n; j++)
				counts[j] += name == names[j];
		}
		for (size_t j = 0; j < rows[i].n; j++) {
			double want = (double)N_USERS * rows[i].weights[j] / sum;
			double off = counts[j] - want;
			if (off > want * 0.03 || off < -want * 0.03)
				fail_msg("%s: %s has %u, not %.0f", rows[i].name, names[j],
					 counts[j], want);
		}
	}
}

/* What is lost moves, to the one that was second; nothing else does. And back. */
static void test_loss_moves_its_users_only(void **state)
{
	struct settings_backend all[] = { backend_of("one", 1), backend_of("two", 2),
					  backend_of("three", 1), backend_of("four", 1) };
	struct settings_backend left[] = { all[0], all[2], all[3] };
	unsigned n_moved = 0;

	for (unsigned user = 0; user < N_USERS; user++) {
		char text[24];
		size_t order[MAX];

		snprintf(text, sizeof(text), "user%u", user);
		assert_int_equal(placement_order(PLACEMENT_BALANCE, all, COUNT(all), text,
						 "corp.example", order, MAX),
				 4);
		const char *now = first(left, COUNT(left), user);
		if (order[0] == 1) {
			assert_string_equal(now, all[order[1]].name);
			n_moved++;
		} else {
			assert_string_equal(now, all[order[0]].name);
		}
	}
	assert_in_range(n_moved, N_USERS * 39 / 100, N_USERS * 41 / 100);
}

static void test_new_weight_moves_its_share_only(void **state)
{
	struct settings_backend before[] = { backend_of("one", 2), backend_of("two", 2) };
	struct settings_backend after[] = { backend_of("one", 2), backend_of("two", 4) };
	unsigned n_moved = 0;

	for (unsigned user = 0; user < N_USERS; user++) {
		const char *old = first(before, 2, user), *new = first(after, 2, user);
		if (strcmp(old, new) == 0)
			continue;
		assert_string_equal(new, "two");
		n_moved++;
	}
	/* From one half to two thirds. */
	assert_in_range(n_moved, N_USERS * 16 / 100, N_USERS * 18 / 100);
}

/* The same in every process, version and order: these are what it was when it was written. */
static void test_stable(void **state)
{
	static const struct {
		const char *user, *want;
	} rows[] = {
		{ "anna", "north west east" }, { "berta", "west east north" },
		{ "carl", "west east north" }, { "dora", "north west east" },
		{ "", "west north east" },
	};
	struct settings_backend backends[] = { backend_of("east", 1), backend_of("north", 1),
					       backend_of("west", 3) };
	struct settings_backend turned[] = { backends[2], backends[0], backends[1] };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[40] = "", text_turned[40] = "";
		size_t out[MAX], out_turned[MAX];

		assert_int_equal(placement_order(PLACEMENT_BALANCE, backends, 3, rows[i].user,
						 "corp.example", out, MAX),
				 3);
		assert_int_equal(placement_order(PLACEMENT_BALANCE, turned, 3, rows[i].user,
						 "corp.example", out_turned, MAX),
				 3);
		for (size_t j = 0; j < 3; j++) {
			strcat(strcat(text, j ? " " : ""), backends[out[j]].name);
			strcat(strcat(text_turned, j ? " " : ""), turned[out_turned[j]].name);
		}
		assert_string_equal(text, text_turned);
		assert_string_equal(text, rows[i].want);
	}
}

static void test_which(void **state)
{
	static const struct {
		const char *name;
		enum conf_placement placement;
		const char *domain;
		size_t max;
		const char *want;
	} rows[] = {
		{ "search: in the order of the file", PLACEMENT_SEARCH, "corp.example", MAX,
		  "0 1 2 3" },
		{ "search: who serves it", PLACEMENT_SEARCH, "b.example", MAX, "1 3" },
		{ "search: so many", PLACEMENT_SEARCH, "corp.example", 2, "0 1" },
		{ "search: nobody serves it", PLACEMENT_SEARCH, "c.example", MAX, "" },
		{ "balance: who serves it, but for weight 0", PLACEMENT_BALANCE, "b.example",
		  MAX, "3" },
		{ "balance: the best alone", PLACEMENT_BALANCE, "corp.example", 1, "3" },
		{ "balance: nobody serves it", PLACEMENT_BALANCE, "c.example", MAX, "" },
		{ "balance: no room", PLACEMENT_BALANCE, "corp.example", 0, "" },
		{ "reject", PLACEMENT_REJECT, "corp.example", MAX, "" },
	};
	struct settings_backend backends[] = { backend_of("a", 1), backend_of("b", 0),
					       backend_of("c", 1), backend_of("d", 100000) };

	backends[1].domains = backends[3].domains = both;
	backends[1].n_domains = backends[3].n_domains = 2;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t out[MAX];
		char text[40] = "";
		size_t n = placement_order(rows[i].placement, backends, COUNT(backends), "anna",
					   rows[i].domain, out, rows[i].max);
		for (size_t j = 0; j < n; j++)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
				       "%s%zu", j ? " " : "", out[j]);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, text);
	}
}

/* The best of a hundred, whatever the room. */
static void test_many(void **state)
{
	static struct settings_backend backends[100];
	static char names[100][8];
	size_t out[100], few[3];

	for (size_t i = 0; i < COUNT(backends); i++) {
		snprintf(names[i], sizeof(names[i]), "b%zu", i);
		backends[i] = backend_of(names[i], 1);
	}
	assert_int_equal(placement_order(PLACEMENT_BALANCE, backends, 100, "anna",
					 "corp.example", out, 100),
			 64);
	assert_int_equal(placement_order(PLACEMENT_BALANCE, backends, 100, "anna",
					 "corp.example", few, 3),
			 3);
	assert_memory_equal(out, few, sizeof(few));
	for (size_t i = 0; i < 64; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(out[i], out[j]);
	assert_int_equal(placement_order(PLACEMENT_SEARCH, backends, 100, "anna",
					 "corp.example", out, 100),
			 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_loss_moves_its_users_only),
		cmocka_unit_test(test_new_weight_moves_its_share_only),
		cmocka_unit_test(test_stable),
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
