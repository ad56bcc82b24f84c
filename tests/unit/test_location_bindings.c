#include "routing/location.h"

#include "location_journal.h"

static enum err bind_at(struct told *told, const char *user, const char *backend,
			const char *contact, uint64_t expires_ms, uint64_t now_ms)
{
	struct binding binding = { .expires_ms = expires_ms };

	text_copy(binding.backend, sizeof(binding.backend), backend);
	text_copy(binding.contact, sizeof(binding.contact), contact);
	return location_bind(told->location, user, "corp.example", &binding, now_ms);
}

/* "one:a two:b" */
static const char *bindings(struct told *told, const char *user, uint64_t now_ms)
{
	static char text[1000];
	struct binding out[LOCATION_MAX_BINDINGS];
	size_t n = location_bindings(told->location, user, "corp.example", now_ms, out),
	       len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%s", i ? " " : "",
					out[i].backend, out[i].contact);
	return text;
}

static size_t n_bindings(struct told *told, const char *backend)
{
	struct location_counts counts;

	location_count(told->location, backend, 0, &counts);
	return counts.bindings;
}

static void test_bind(void **state)
{
	struct told *told = *state;
	struct binding out[LOCATION_MAX_BINDINGS];

	assert_string_equal(bindings(told, "anna", 0), "");
	assert_int_equal(bind_at(told, "anna", "one", "sip:a@1", 5000, 1000), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "two", "sip:a@1", 6000, 1000), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "one", "sip:b@1", 7000, 1000), ERR_OK);
	assert_int_equal(bind_at(told, "Anna", "one", "sip:A@1", 7000, 1000), ERR_OK);
	assert_int_equal(bind_at(told, "anna", "one", "sip:a@1", 8000, 2000),
			 ERR_OK); /* in its place */
	assert_string_equal(bindings(told, "anna", 5000),
			    "one:sip:a@1 two:sip:a@1 one:sip:b@1");
	assert_string_equal(bindings(told, "anna", 6000), "one:sip:a@1 one:sip:b@1");
	assert_string_equal(bindings(told, "anna", 8000), "");
	assert_string_equal(bindings(told, "Anna", 5000), "one:sip:A@1");
	assert_int_equal(location_bindings(told->location, "anna", "other.example", 0, out), 0);
	assert_int_equal(n_bindings(told, NULL), 4);
	assert_int_equal(n_bindings(told, "one"), 3);
	assert_int_equal(n_bindings(told, "two"), 1);
	assert_int_equal(n_bindings(told, "three"), 0);
}

static void test_all_that_is_kept(void **state)
{
	struct told *told = *state;
	struct binding in = { "one",          "sip:a@10.0.0.1;transport=tcp",
			      0xdeadbeefcafe, 77,
			      0x1234567890,   9000 };
	struct binding out[LOCATION_MAX_BINDINGS];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(location_bind(told->location, "a", "b", &in, 0), ERR_OK);
		assert_int_equal(location_bindings(told->location, "a", "b", 0, out), 1);
		assert_string_equal(out[0].backend, in.backend);
		assert_string_equal(out[0].contact, in.contact);
		assert_int_equal(out[0].call_id_hash, in.call_id_hash);
		assert_int_equal(out[0].cseq, in.cseq);
		assert_int_equal(out[0].proof, in.proof);
		assert_int_equal(out[0].expires_ms, in.expires_ms);
		in.call_id_hash++, in.cseq++, in.proof++, in.expires_ms++;
	}
}

static void test_unbind(void **state)
{
	static const struct {
		const char *name, *backend, *contact;
		size_t want_n;
		const char *want;
	} rows[] = {
		{ "one contact", "one", "sip:a", 1, "one:sip:b two:sip:a" },
		{ "all of a backend", "one", NULL, 2, "two:sip:a" },
		{ "the other's", "two", NULL, 1, "one:sip:a one:sip:b" },
		{ "a contact of another backend", "two", "sip:b", 0,
		  "one:sip:a one:sip:b two:sip:a" },
		{ "of a backend that has none", "three", NULL, 0,
		  "one:sip:a one:sip:b two:sip:a" },
	};
	struct told *told = *state;

	assert_int_equal(location_unbind(told->location, "anna", "corp.example", "one", NULL),
			 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(bind_at(told, "anna", "one", "sip:a", 5000, 0), ERR_OK);
		assert_int_equal(bind_at(told, "anna", "one", "sip:b", 5000, 0), ERR_OK);
		assert_int_equal(bind_at(told, "anna", "two", "sip:a", 5000, 0), ERR_OK);
		size_t n = location_unbind(told->location, "anna", "corp.example",
					   rows[i].backend, rows[i].contact);
		if (n != rows[i].want_n || strcmp(bindings(told, "anna", 0), rows[i].want) != 0)
			fail_msg("%s: %zu, %s", rows[i].name, n, bindings(told, "anna", 0));
		location_unbind(told->location, "anna", "corp.example", "one", NULL);
		location_unbind(told->location, "anna", "corp.example", "two", NULL);
		assert_int_equal(n_bindings(told, NULL), 0);
	}
}

static void test_limits(void **state)
{
	struct told *told = *state;
	char contact[40], user[600];

	for (unsigned i = 0; i < LOCATION_MAX_BINDINGS; i++) {
		snprintf(contact, sizeof(contact), "sip:%u", i);
		assert_int_equal(bind_at(told, "anna", "one", contact, 1000 + i, 0), ERR_OK);
	}
	assert_int_equal(bind_at(told, "anna", "one", "sip:9", 5000, 999), ERR_LIMIT);
	assert_int_equal(bind_at(told, "anna", "one", "sip:7", 5000, 999),
			 ERR_OK); /* replaced */
	assert_int_equal(bind_at(told, "anna", "one", "sip:9", 5000, 1001),
			 ERR_OK); /* two have expired */
	assert_string_equal(bindings(told, "anna", 1005), "one:sip:6 one:sip:7 one:sip:9");
	assert_int_equal(bind_at(told, "berta", "one", "sip:a", 5000, 0),
			 ERR_OK); /* 8: the table is full */
	assert_int_equal(bind_at(told, "carl", "one", "sip:a", 5000, 1001), ERR_LIMIT);
	assert_int_equal(bind_at(told, "carl", "one", "sip:a", 5000, 1002),
			 ERR_OK); /* one has expired */
	assert_int_equal(n_bindings(told, NULL), 8);

	memset(user, 'u', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	assert_int_equal(bind_at(told, user, "one", "sip:a", 5000, 1005), ERR_TOO_LARGE);
	assert_string_equal(bindings(told, user, 0), "");
	assert_int_equal(location_unbind(told->location, user, "corp.example", "one", NULL), 0);
}

static int setup_small(void **state)
{
	return told_setup_with(state, 8, 0);
}

static void test_all_of_a_user_expired(void **state)
{
	struct told *told = *state;
	char contact[40];

	for (unsigned i = 0; i < LOCATION_MAX_BINDINGS; i++) {
		snprintf(contact, sizeof(contact), "sip:%u", i);
		assert_int_equal(bind_at(told, "anna", "one", contact, 1000, 0), ERR_OK);
	}
	assert_int_equal(bind_at(told, "anna", "one", "sip:new", 5000, 1000), ERR_OK);
	assert_string_equal(bindings(told, "anna", 1000), "one:sip:new");
	assert_int_equal(n_bindings(told, NULL), 1);
}

static void test_expire(void **state)
{
	struct told *told = *state;
	char user[24];

	for (unsigned i = 0; i < 900; i++) {
		snprintf(user, sizeof(user), "%u", i);
		assert_int_equal(bind_at(told, user, "one", "sip:a", 1000 + (i * 7) % 900, 0),
				 ERR_OK);
	}
	told->text[0] = '\0';
	location_expire(told->location, 999);
	assert_int_equal(n_bindings(told, NULL), 900);
	told_expect(told, "");
	location_expire(told->location, 1000);
	assert_int_equal(n_bindings(told, NULL), 899);
	told_expect(told, "-binding 0@corp.example one sip:a 1000");
	location_expire(told->location, 1898);
	assert_int_equal(n_bindings(told, "one"), 1);
	location_expire(told->location, UINT64_MAX);
	assert_int_equal(n_bindings(told, NULL), 0);
}

static void test_journal(void **state)
{
	struct told *told = *state;
	struct binding binding = { "one", "sip:a", 1, 1, 1, 600000 };

#define BIND()                                                                                 \
	assert_int_equal(location_bind(told->location, "anna", "b.c", &binding, 0), ERR_OK)
	BIND();
	told_expect(told, "+binding anna@b.c one sip:a 600000");
	binding.expires_ms = 659999, binding.cseq = 2;
	BIND();
	told_expect(told, "");
	binding.expires_ms = 660000, binding.cseq = 3;
	BIND();
	told_expect(told, "+binding anna@b.c one sip:a 660000");
	binding.expires_ms = 600000; /* a minute less */
	BIND();
	told_expect(told, "+binding anna@b.c one sip:a 600000");
	binding.expires_ms = 631000; /* half a minute more, of one that is left */
	assert_int_equal(location_bind(told->location, "anna", "b.c", &binding, 570000),
			 ERR_OK);
	told_expect(told, "+binding anna@b.c one sip:a 631000");
	binding.expires_ms = 600000;
	assert_int_equal(location_bind(told->location, "anna", "b.c", &binding, 570000),
			 ERR_OK);
	told_expect(told, "+binding anna@b.c one sip:a 600000");
	binding.proof = 2;
	BIND();
	told_expect(told, "+binding anna@b.c one sip:a 600000");
	binding.call_id_hash = 2;
	BIND();
	told_expect(told, "+binding anna@b.c one sip:a 600000");
	location_unbind(told->location, "anna", "b.c", "one", NULL);
	told_expect(told, "-binding anna@b.c one sip:a 600000");
	location_set_journal(told->location, NULL);
	BIND();
	told_expect(told, "");
	told_listen(told);
	location_expire(told->location, 600000);
	told_expect(told, "-binding anna@b.c one sip:a 600000");
#undef BIND
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_bind),
		TOLD_TEST(test_all_that_is_kept),
		TOLD_TEST(test_unbind),
		cmocka_unit_test_setup_teardown(test_limits, setup_small, told_teardown),
		TOLD_TEST(test_all_of_a_user_expired),
		TOLD_TEST(test_expire),
		TOLD_TEST(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
