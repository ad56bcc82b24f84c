#include "routing/location.h"

#include "location_journal.h"

static void learn(struct told *told, const char *user, const char *backend, uint64_t now_ms)
{
	location_learn(told->location, user, "corp.example", backend, now_ms);
}

/* "" if there is none */
static const char *home(struct told *told, const char *user, uint64_t now_ms)
{
	static char backend[LOCATION_BACKEND_SIZE];

	return location_home(told->location, user, "corp.example", now_ms, backend) ? backend
										    : "";
}

static size_t n_homes(struct told *told, const char *backend)
{
	struct location_counts counts;

	location_count(told->location, backend, 0, &counts);
	return counts.homes;
}

static void test_learn_and_forget(void **state)
{
	struct told *told = *state;
	char out[LOCATION_BACKEND_SIZE] = "untouched";

	assert_false(location_home(told->location, "anna", "corp.example", 0, out));
	assert_string_equal(out, "untouched");
	learn(told, "anna", "one", 0);
	learn(told, "berta", "two", 0);
	assert_string_equal(home(told, "anna", 0), "one");
	assert_string_equal(home(told, "berta", 0), "two");
	assert_string_equal(home(told, "Anna", 0), "");
	assert_false(location_home(told->location, "anna", "corp", 0, out));
	assert_false(location_home(told->location, "ann", "acorp.example", 0, out));
	told_expect(told, "+home anna@corp.example one\n+home berta@corp.example two");
	learn(told, "anna", "one", 5);
	told_expect(told, "");
	learn(told, "anna", "two", 5);
	told_expect(told, "+home anna@corp.example two");
	assert_string_equal(home(told, "anna", 5), "two");
	assert_int_equal(n_homes(told, "one"), 0);
	assert_int_equal(n_homes(told, "two"), 2);
	location_forget(told->location, "anna", "corp.example", "one"); /* not there any more */
	assert_string_equal(home(told, "anna", 5), "two");
	told_expect(told, "");
	location_forget(told->location, "anna", "corp.example", "two");
	assert_string_equal(home(told, "anna", 5), "");
	told_expect(told, "-home anna@corp.example two");
	location_forget(told->location, "anna", "corp.example", "two");
	told_expect(told, "");
	assert_int_equal(n_homes(told, NULL), 1);
}

static void test_long_names(void **state)
{
	struct told *told = *state;
	char name[700];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	learn(told, name, "one", 0);
	assert_string_equal(home(told, name, 0), "");
	location_forget(told->location, name, "corp.example", "one");
	name[LOCATION_BACKEND_SIZE] = '\0';
	learn(told, "anna", name, 0); /* no backend has such a name */
	assert_string_equal(home(told, "anna", 0), "");
	name[LOCATION_BACKEND_SIZE - 1] = '\0';
	learn(told, "anna", name, 0);
	assert_string_equal(home(told, "anna", 0), name);
}

static int setup_four(void **state)
{
	return told_setup_with(state, 0, 4);
}

static void test_longest_unused_gives_way(void **state)
{
	struct told *told = *state;

	learn(told, "a", "one", 1);
	learn(told, "b", "one", 2);
	learn(told, "c", "one", 3);
	learn(told, "d", "one", 4);
	assert_string_equal(home(told, "a", 5), "one"); /* a use */
	learn(told, "b", "one", 6);                     /* another */
	told->text[0] = '\0';
	learn(told, "e", "two", 7);
	told_expect(told, "-home c@corp.example one\n+home e@corp.example two");
	learn(told, "d", "two", 8); /* that too is a use */
	told->text[0] = '\0';
	learn(told, "f", "one", 9);
	told_expect(told, "-home a@corp.example one\n+home f@corp.example one");
	assert_int_equal(n_homes(told, NULL), 4);
	assert_int_equal(n_homes(told, "one"), 2);
	assert_string_equal(home(told, "b", 9), "one");
	assert_string_equal(home(told, "c", 9), "");
}

static int setup_none(void **state)
{
	return told_setup_with(state, 0, 0);
}

static void test_no_room_at_all(void **state)
{
	struct told *told = *state;

	learn(told, "a", "one", 1);
	assert_string_equal(home(told, "a", 1), "");
	assert_int_equal(n_homes(told, NULL), 0);
}

enum { MANY = 10000, IN_USE = 1000, STRANGERS = 30000 };

static int setup_many(void **state)
{
	return told_setup_with(state, 0, MANY);
}

/* A thousand that are used now and then outlive thirty thousand that come and go. */
static void test_bound_and_use(void **state)
{
	struct told *told = *state;
	uint64_t now_ms = 0;
	unsigned n_there = 0;
	char user[24];

	for (unsigned i = 0; i < IN_USE; i++) {
		snprintf(user, sizeof(user), "used%u", i);
		learn(told, user, "one", now_ms++);
	}
	for (unsigned i = 0; i < STRANGERS; i++) {
		snprintf(user, sizeof(user), "other%u", i);
		learn(told, user, "two", now_ms++);
		snprintf(user, sizeof(user), "used%u", i % IN_USE);
		n_there += strcmp(home(told, user, now_ms++), "one") == 0;
	}
	assert_int_equal(n_homes(told, NULL), MANY);
	assert_true(n_there > STRANGERS - STRANGERS / 100);
	assert_true(n_homes(told, "one") > IN_USE - IN_USE / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_learn_and_forget),
		TOLD_TEST(test_long_names),
		cmocka_unit_test_setup_teardown(test_longest_unused_gives_way, setup_four,
						told_teardown),
		cmocka_unit_test_setup_teardown(test_no_room_at_all, setup_none, told_teardown),
		cmocka_unit_test_setup_teardown(test_bound_and_use, setup_many, told_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
