#include "routing/location.h"

#include <pthread.h>
#include <stdatomic.h>

#include "location_journal.h"

static enum err bind_at(struct told *told, const char *user, const char *backend,
			const char *contact, uint64_t proof)
{
	struct binding binding = { .expires_ms = 5000, .proof = proof };

	text_copy(binding.backend, sizeof(binding.backend), backend);
	text_copy(binding.contact, sizeof(binding.contact), contact);
	return location_bind(told->location, user, "corp.example", &binding, 0);
}

static enum err log_on(struct told *told, const char *backend, uint64_t flow_id, uint64_t proof)
{
	struct logon logon = { .flow_id = flow_id, .proof = proof, .expires_ms = 5000 };

	text_copy(logon.backend, sizeof(logon.backend), backend);
	return location_log_on(told->location, &logon, 0);
}

/* "logons/bindings/homes" */
static const char *counts(struct told *told, const char *backend)
{
	static char text[64];
	struct location_counts counted;

	location_count(told->location, backend, 0, &counted);
	snprintf(text, sizeof(text), "%zu/%zu/%zu", counted.logons, counted.bindings,
		 counted.homes);
	return text;
}

static bool keep_two_and_proof_1(void *user, const char *backend, uint64_t proof,
				 bool has_proof)
{
	++*(unsigned *)user;
	assert_true(has_proof || proof == 0);
	return strcmp(backend, "gone") != 0 && (!has_proof || proof == 1);
}

static void test_keep(void **state)
{
	struct told *told = *state;
	unsigned n_asked = 0;

	assert_int_equal(log_on(told, "gone", 1, 1), ERR_OK);
	assert_int_equal(log_on(told, "stays", 2, 1), ERR_OK);
	assert_int_equal(log_on(told, "stays", 3, 2), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "gone", "sip:1", 1), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "stays", "sip:2", 1), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "stays", "sip:3", 2), ERR_OK);
	assert_int_equal(bind_at(told, "berta", "gone", "sip:4", 1), ERR_OK);
	for (unsigned i = 0; i < 200; i++) {
		char user[24];
		snprintf(user, sizeof(user), "%u", i);
		location_learn(told->location, user, "corp.example", i % 2 ? "gone" : "stays",
			       0);
	}
	assert_string_equal(counts(told, NULL), "3/4/200");
	assert_string_equal(counts(told, "gone"), "1/2/100");
	told->text[0] = '\0';
	unsigned n_told = told->n;
	location_keep(told->location, keep_two_and_proof_1, &n_asked);
	assert_string_equal(counts(told, NULL), "1/1/100");
	assert_string_equal(counts(told, "gone"), "0/0/0");
	assert_string_equal(counts(told, "stays"), "1/1/100");
	assert_int_equal(told->n - n_told, 3 + 100); /* logons by connection are not told */
	assert_int_equal(n_asked, 2 + 3 + 4);

	/* It may come back. */
	location_learn(told->location, "1", "corp.example", "gone", 0);
	assert_string_equal(counts(told, "gone"), "0/0/1");
}

static void test_expire_ends_all_kinds(void **state)
{
	struct told *told = *state;

	assert_int_equal(log_on(told, "one", 1, 1), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "one", "sip:1", 1), ERR_OK);
	location_learn(told->location, "anna", "corp.example", "one", 0);
	assert_string_equal(counts(told, "one"), "1/1/1");
	location_expire(told->location, 4999);
	assert_string_equal(counts(told, "one"), "1/1/1");
	location_expire(told->location, 5000);
	assert_string_equal(counts(told, "one"), "0/0/1"); /* homes do not expire */
	assert_string_equal(counts(told, "two"), "0/0/0");
}

static void test_searches(void **state)
{
	struct location *location = ((struct told *)*state)->location;
	char name[700];

#define IS_SEARCHED(user, domain, backend) location_is_searched(location, user, domain, backend)
	assert_false(IS_SEARCHED("anna", "corp.example", "one"));
	location_search_end(location, "anna", "corp.example", "one"); /* never begun */
	assert_int_equal(location_search_begin(location, "anna", "corp.example", "one"),
			 ERR_OK);
	assert_int_equal(location_search_begin(location, "anna", "corp.example", "one"),
			 ERR_OK);
	assert_int_equal(location_search_begin(location, "anna", "corp.example", "two"),
			 ERR_OK);
	assert_true(IS_SEARCHED("anna", "corp.example", "one"));
	assert_false(IS_SEARCHED("anna", "corp.example", "three"));
	assert_false(IS_SEARCHED("anna", "other.example", "one"));
	assert_false(IS_SEARCHED("berta", "corp.example", "one"));
	location_search_end(location, "anna", "corp.example", "one");
	assert_true(IS_SEARCHED("anna", "corp.example", "one")); /* the other search goes on */
	location_search_end(location, "anna", "corp.example", "one");
	assert_false(IS_SEARCHED("anna", "corp.example", "one"));
	assert_true(IS_SEARCHED("anna", "corp.example", "two"));

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(location_search_begin(location, name, "corp.example", "one"),
			 ERR_TOO_LARGE);
	assert_int_equal(location_search_begin(location, "anna", "corp.example", name),
			 ERR_TOO_LARGE);
	assert_false(IS_SEARCHED("anna", "corp.example", name));
	location_search_end(location, "anna", "corp.example", name);
#undef IS_SEARCHED
}

static void test_searches_are_bounded(void **state)
{
	struct location *location = ((struct told *)*state)->location;
	unsigned n = 0;
	char user[24];

	for (; n < 100000; n++) {
		snprintf(user, sizeof(user), "%u", n);
		if (location_search_begin(location, user, "corp.example", "one"))
			break;
	}
	assert_int_equal(n, 65536);
	assert_int_equal(location_search_begin(location, "7", "corp.example", "one"), ERR_OK);
	location_search_end(location, "8", "corp.example", "one");
	assert_int_equal(location_search_begin(location, "new", "corp.example", "one"), ERR_OK);
}

enum { N_ROUNDS = 20000, N_USERS = 300 };

struct side {
	struct told *told;
	unsigned number;
	_Atomic unsigned n_wrong;
};

static bool keep_all(void *user, const char *backend, uint64_t proof, bool has_proof)
{
	return true;
}

static void change(struct side *side, unsigned i, const char *user)
{
	struct location *location = side->told->location;
	const char *backend = side->number ? "one" : "two";
	struct logon logon = { .flow_id = i % 5 + 1, .expires_ms = i + 100 };
	struct binding binding = { .expires_ms = i + 50 };

	text_copy(logon.backend, sizeof(logon.backend), backend);
	text_copy(binding.backend, sizeof(binding.backend), backend);
	text_copy(binding.contact, sizeof(binding.contact), "sip:a@b");
	location_learn(location, user, "corp.example", backend, i);
	if (location_log_on(location, &logon, i) ||
	    location_bind(location, user, "corp.example", &binding, i) ||
	    location_search_begin(location, user, "corp.example", backend))
		atomic_fetch_add(&side->n_wrong, 1);
	location_search_end(location, user, "corp.example", backend);
	if (i % 3 == 0)
		location_forget(location, user, "corp.example", backend);
	if (i % 5 == 0)
		location_unbind(location, user, "corp.example", backend, NULL);
	if (i % 7 == 0)
		location_flow_gone(location, i % 5 + 1);
	if (i % 100 == 0)
		location_expire(location, i);
	if (i % 1000 == 0)
		location_keep(location, keep_all, NULL);
}

static void look(struct side *side, unsigned i, const char *user)
{
	struct location *location = side->told->location;
	struct logon logons[LOCATION_MAX_LOGONS];
	struct binding bindings[LOCATION_MAX_BINDINGS];
	struct location_counts counted;
	char backend[LOCATION_BACKEND_SIZE] = "one";

	location_home(location, user, "corp.example", i, backend);
	size_t n = location_bindings(location, user, "corp.example", i, bindings);
	if (strlen(backend) != 3 || n > 2 ||
	    (n && strcmp(bindings[0].contact, "sip:a@b") != 0) ||
	    location_logons(location, "one", i, logons) > 5)
		atomic_fetch_add(&side->n_wrong, 1);
	location_is_searched(location, user, "corp.example", "one");
	location_count(location, NULL, i, &counted);
}

static void *work(void *user_pointer)
{
	struct side *side = user_pointer;
	char user[24];

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		snprintf(user, sizeof(user), "%u", i * 7 % N_USERS);
		change(side, i, user);
		snprintf(user, sizeof(user), "%u", i * 11 % N_USERS);
		look(side, i, user);
	}
	return NULL;
}

static int setup_tight(void **state)
{
	return told_setup_with(state, 1000, N_USERS / 2); /* homes give way all the time */
}

/* Also run under ThreadSanitizer. */
static void test_threads(void **state)
{
	struct side sides[2] = { { .told = *state, .number = 0 },
				 { .told = *state, .number = 1 } };
	struct told *told = *state;
	pthread_t threads[2];

	location_set_journal(told->location, NULL);
	for (size_t i = 0; i < COUNT(sides); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &sides[i]), 0);
	for (size_t i = 0; i < COUNT(sides); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(sides[i].n_wrong, 0);
	}
	location_expire(told->location, UINT64_MAX);
	struct location_counts all;
	location_count(told->location, NULL, 0, &all);
	assert_int_equal(all.logons, 0);
	assert_int_equal(all.bindings, 0);
	assert_in_range(all.homes, 1, N_USERS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_keep),
		TOLD_TEST(test_expire_ends_all_kinds),
		TOLD_TEST(test_searches),
		TOLD_TEST(test_searches_are_bounded),
		cmocka_unit_test_setup_teardown(test_threads, setup_tight, told_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
