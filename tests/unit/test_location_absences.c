/* Users whom no backend has: known for a moment, bounded, and ended by a sign of them. */
#include "tests/unit/location_journal.h"

#define CORP "corp.example"

static bool is_absent(struct told *told, const char *user, const char *method, uint64_t now_ms)
{
	return location_is_absent(told->location, user, CORP, method, now_ms);
}

static void test_time(void **state)
{
	struct told *told = *state;

	assert_false(is_absent(told, "carl", "MESSAGE", 0));
	location_note_absent(told->location, "carl", CORP, "MESSAGE", 1000);
	assert_true(is_absent(told, "carl", "MESSAGE", 1000));
	assert_true(is_absent(told, "carl", "MESSAGE", 999 + LOCATION_ABSENT_MS));
	assert_false(is_absent(told, "carl", "MESSAGE", 1000 + LOCATION_ABSENT_MS));
	assert_false(is_absent(told, "dan", "MESSAGE", 1000));
	assert_false(is_absent(told, "carl", "SUBSCRIBE", 1000));
	assert_false(
		location_is_absent(told->location, "carl", "other.example", "MESSAGE", 1000));
	assert_string_equal(told->text, ""); /* it is not kept over a restart */
}

static void test_signs(void **state)
{
	struct told *told = *state;
	struct binding binding = { .backend = "one", .contact = "sip:a", .expires_ms = 9000 };

	location_note_absent(told->location, "carl", CORP, "MESSAGE", 1000);
	location_learn(told->location, "dan", CORP, "one", 1000);
	assert_true(is_absent(told, "carl", "MESSAGE", 1000));
	location_learn(told->location, "carl", CORP, "one", 1000);
	assert_false(is_absent(told, "carl", "MESSAGE", 1000));

	location_note_absent(told->location, "emil", CORP, "MESSAGE", 1000);
	assert_int_equal(location_bind(told->location, "emil", CORP, &binding, 1000), ERR_OK);
	assert_false(is_absent(told, "emil", "MESSAGE", 1000));
}

static bool keep(void *user, const char *backend, uint64_t proof, bool has_proof)
{
	return true;
}

static void test_reload(void **state)
{
	struct told *told = *state;

	location_note_absent(told->location, "carl", CORP, "MESSAGE", 1000);
	location_keep(told->location, keep, NULL);
	assert_false(is_absent(told, "carl", "MESSAGE", 1000));
}

/* The newest is known whatever was noted before. */
static void test_many(void **state)
{
	struct told *told = *state;
	unsigned n_known = 0;
	char user[24];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(user, sizeof(user), "user%u", i);
		location_note_absent(told->location, user, CORP, "MESSAGE", 1000);
		assert_true(is_absent(told, user, "MESSAGE", 1000));
	}
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(user, sizeof(user), "user%u", i);
		n_known += is_absent(told, user, "MESSAGE", 1000);
	}
	assert_in_range(n_known, 1000, 4096);
}

static void test_names(void **state)
{
	struct told *told = *state;
	char name[LOCATION_USER_SIZE + 1];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	location_note_absent(told->location, name, CORP, "MESSAGE", 1000);
	assert_false(is_absent(told, name, "MESSAGE", 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_time), TOLD_TEST(test_signs), TOLD_TEST(test_reload),
		TOLD_TEST(test_many), TOLD_TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
