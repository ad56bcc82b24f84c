/* The n-th allocation fails, for every n: each action does all that it says, or nothing of it;
 * the counts and the journal agree with what is there, and afterwards everything works. Linked
 * with --wrap (meson.build). */
#include "routing/location.h"

#include "location_journal.h"
#include "tests/world/faults.h"

enum { N_STEPS = 40 };

static bool is_bound(struct told *told, const char *user)
{
	struct binding out[LOCATION_MAX_BINDINGS];

	return location_bindings(told->location, user, "corp.example", 0, out) > 0;
}

/* One of some actions on user number i. */
static void act(struct told *told, unsigned i, const char *user, unsigned *n_bound,
		unsigned *n_homes)
{
	struct binding binding = { "one", "sip:a@b", 1, 1, 1, 5000 };
	struct logon logon = { .backend = "two", .flow_id = 1 + i % 4, .expires_ms = 5000 };
	char backend[LOCATION_BACKEND_SIZE];
	enum err err = location_bind(told->location, user, "corp.example", &binding, 0);

	assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
	assert_int_equal(is_bound(told, user), err == ERR_OK);
	*n_bound += err == ERR_OK;
	err = location_log_on(told->location, &logon, 0);
	assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
	location_learn(told->location, user, "corp.example", "three", i);
	location_learn(told->location, user, "corp.example", "four", i);
	if (location_home(told->location, user, "corp.example", i, backend))
		assert_string_equal(backend, "four");
	*n_homes += 1;
	if (location_search_begin(told->location, user, "corp.example", "one") == ERR_OK) {
		assert_true(location_is_searched(told->location, user, "corp.example", "one"));
		location_search_end(told->location, user, "corp.example", "one");
	}
	assert_false(location_is_searched(told->location, user, "corp.example", "one"));
}

static bool play(void **state, unsigned n, bool is_lasting)
{
	struct told *told = *state;
	struct location_counts counts;
	unsigned n_bound = 0, n_homes = 0;
	char user[24];

	faults_begin(n, is_lasting);
	for (unsigned i = 0; i < N_STEPS; i++) {
		snprintf(user, sizeof(user), "%u", i);
		act(told, i, user, &n_bound, &n_homes);
	}
	bool has_failed = faults_end();
	location_count(told->location, NULL, 0, &counts);
	assert_int_equal(counts.bindings, n_bound);
	assert_true(counts.homes <= n_homes);
	if (!is_lasting)
		assert_true(counts.homes + 2 >= N_STEPS && n_bound + 1 >= N_STEPS);
	n_bound = n_homes = 0;
	location_expire(told->location, 5000);
	for (unsigned i = 0; i < N_STEPS; i++) {
		snprintf(user, sizeof(user), "%u", i);
		act(told, i, user, &n_bound, &n_homes);
	}
	location_count(told->location, NULL, 0, &counts);
	assert_int_equal(counts.bindings, N_STEPS);
	assert_int_equal(counts.homes, N_STEPS);
	assert_int_equal(counts.logons, 4);
	return has_failed;
}

static void test_each_allocation(void **state)
{
	for (unsigned is_lasting = 0; is_lasting < 2; is_lasting++) {
		unsigned n = 1;
		for (bool has_failed = true; has_failed; n++) {
			void *told;
			assert_int_equal(told_setup(&told), 0);
			has_failed = play(&told, n, is_lasting);
			assert_int_equal(told_teardown(&told), 0);
		}
		assert_in_range(n, N_STEPS, 10000); /* it did allocate */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
