#include "proxy/discovered_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { WALL_S = 1800000000, BEGIN_MS = 500000 };

struct house {
	char directory[64];
	struct store *store;
	struct discovered *table;
	struct discovered_store *ds;
	struct discovered_restored restored;
	uint64_t now_ms;
};

static void start(struct house *house, int64_t after_s, uint64_t now_ms)
{
	const struct settings_federation bounds = { .rate = { 100, 1000 },
						    .suspicious_rate = { 1, 1000 },
						    .max_users = 5 };

	house->now_ms = now_ms;
	assert_int_equal(store_open(house->directory, NULL, NULL, &house->store), ERR_OK);
	assert_int_equal(discovered_new(160, &house->table), ERR_OK);
	discovered_set_bounds(house->table, &bounds);
	discovered_set_clock(house->table, now_ms, (uint64_t)(WALL_S + after_s) * 1000000);
	assert_int_equal(discovered_store_attach(house->table, house->store, now_ms,
						 &house->restored, &house->ds),
			 ERR_OK);
}

static void stop(struct house *house)
{
	assert_null(discovered_store_detach(house->ds));
	house->table = discovered_free(house->table);
	house->store = store_close(house->store);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));

	strcpy(house->directory, "/tmp/nuncio-discovered-XXXXXX");
	assert_non_null(mkdtemp(house->directory));
	start(house, 0, BEGIN_MS);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;
	char path[100];

	stop(house);
	snprintf(path, sizeof(path), "%s/nuncio.db", house->directory);
	(void)unlink(path);
	int result = rmdir(house->directory);
	free(house);
	return result;
}

static enum discovered_verdict ask(struct house *house, const char *domain, const char *user)
{
	const struct discovered_question question = { domain, user, "corp.example",
						      house->now_ms };
	unsigned retry_after_s;

	return discovered_request(house->table, &question, &retry_after_s);
}

static struct discovered_view look(struct house *house, const char *domain)
{
	struct discovered_view view;

	(void)discovered_look(house->table, domain, house->now_ms, &view);
	return view;
}

static void test_all_comes_back(void **state)
{
	struct house *house = *state;
	struct identity_name name = { IDENTITY_DNS, "sip.l.example" };
	struct identity identity = { .names = &name,
				     .n_names = 1,
				     .sha256 = "0123",
				     .not_after = WALL_S + 5,
				     .issuer = "CN=\"\xfc\"" };
	struct discovered_view before, was, is;
	char user[8];

	for (unsigned i = 0; i < 7; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		(void)ask(house, "l.example", user);
	}
	discovered_answered(house->table, "l.example", 200, BEGIN_MS);
	discovered_answered(house->table, "l.example", 404, BEGIN_MS);
	discovered_sent(house->table, "l.example", BEGIN_MS);
	discovered_sent_ended(house->table, "l.example", REASON_DNS_FAILED, BEGIN_MS);
	discovered_note(house->table, "l.example", &identity, "sip.l.example:5061",
			"certificate-names-domain");
	assert_int_equal(discovered_approve(house->table, "a.example", WALL_S + 3600,
					    "a friend", BEGIN_MS, &before),
			 ERR_OK);
	assert_int_equal(discovered_block(house->table, "b.example", "spam", BEGIN_MS, &before),
			 ERR_OK);
	was = look(house, "l.example");
	stop(house);
	start(house, 600, 1000); /* ten minutes later the machine has just begun */
	assert_int_equal(house->restored.domains, 3);
	assert_int_equal(house->restored.dropped, 0);

	is = look(house, "l.example");
	assert_int_equal(is.state, DISCOVERED_LIMITED);
	assert_int_equal(is.n_users, 5);
	assert_string_equal(is.facts.issuer, "CN=\"?\"");
	memcpy(is.facts.issuer, was.facts.issuer, sizeof(is.facts.issuer));
	assert_memory_equal(&is, &was, sizeof(is)); /* the rest is the same */
	assert_int_equal(ask(house, "l.example", "u4"), DISCOVERED_WELCOME);
	assert_int_equal(ask(house, "l.example", "u5"), DISCOVERED_TOO_MANY_USERS);

	assert_int_equal(look(house, "a.example").state, DISCOVERED_APPROVED);
	assert_int_equal(look(house, "a.example").until_s, WALL_S + 3600);
	assert_string_equal(look(house, "a.example").note, "a friend");
	assert_int_equal(ask(house, "b.example", "u1"), DISCOVERED_IS_BLOCKED);
	assert_string_equal(look(house, "b.example").note, "spam");
	assert_int_equal(look(house, "b.example").said_s, WALL_S);
	stop(house);
	start(house, 3601, 1000);
	assert_int_equal(look(house, "a.example").state, DISCOVERED_NEW); /* ended meanwhile */
	assert_int_equal(ask(house, "b.example", "u1"), DISCOVERED_IS_BLOCKED);
}

static void test_forgotten(void **state)
{
	struct house *house = *state;
	struct discovered_view before;
	struct store_state store;

	assert_int_equal(discovered_block(house->table, "b.example", "", BEGIN_MS, &before),
			 ERR_OK);
	(void)ask(house, "c.example", "anna");
	discovered_store_save(house->ds, 1);
	discovered_store_save(house->ds, 9);
	assert_int_equal(discovered_forget(house->table, "b.example", BEGIN_MS, &before),
			 ERR_OK);
	assert_int_equal(discovered_forget(house->table, "c.example", BEGIN_MS, &before),
			 ERR_OK);
	stop(house);
	start(house, 1, 1000);
	assert_int_equal(house->restored.domains, 0);
	store_flush(house->store);
	store_look(house->store, &store);
	assert_int_equal(store.n_records, 1); /* the key */
}

/* Some at a time, and nothing is written twice. */
static void test_save(void **state)
{
	struct house *house = *state;
	struct store_state before, after;
	char domain[32];

	store_flush(house->store);
	store_look(house->store, &before);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		(void)ask(house, domain, NULL);
	}
	discovered_store_save(house->ds, 4);
	store_flush(house->store);
	store_look(house->store, &after);
	assert_int_equal(after.n_written - before.n_written, 4);
	for (unsigned i = 0; i < 3; i++)
		discovered_store_save(house->ds, 4);
	store_flush(house->store);
	store_look(house->store, &after);
	assert_int_equal(after.n_written - before.n_written, 10);
	discovered_store_save(NULL, 4);
}

static void test_damaged(void **state)
{
	struct house *house = *state;
	static const struct {
		const char *kind, *key, *value;
	} rows[] = {
		{ "discovered", "x.example", "" },
		{ "discovered", "y.example", "{\"layout\":2,\"state\":\"new\"}" },
		{ "discovered", "z.example", "{\"layout\":1,\"state\":\"friendly\"}" },
		{ "discovered", "n.example",
		  "{\"layout\":1,\"state\":\"new\",\"received\":-1}" },
		{ "discovered", "UPPER.example", "{\"layout\":1,\"state\":\"blocked\"}" },
		{ "discovered", "not a domain", "{\"layout\":1,\"state\":\"blocked\"}" },
		{ "discovered", "good.example",
		  "{\"layout\":1,\"state\":\"blocked\",\"why\":\"no-such-code\",\"note\":7}" },
		{ "discovered-users", "good.example", "\1abc" },
		{ "discovered-users", "gone.example", "\1abcd" },
	};
	struct store_state store;

	for (size_t i = 0; i < COUNT(rows); i++)
		store_put(house->store, rows[i].kind, rows[i].key, rows[i].value,
			  strlen(rows[i].value));
	stop(house);
	start(house, 1, 1000);
	assert_int_equal(house->restored.domains, 1);
	assert_int_equal(house->restored.dropped, 6);
	assert_int_equal(ask(house, "good.example", "anna"), DISCOVERED_IS_BLOCKED);
	store_flush(house->store);
	store_look(house->store, &store);
	assert_int_equal(store.n_records, 2);
}

/* Without its key the hashes say nothing: the users are counted anew. */
static void test_lost_key(void **state)
{
	struct house *house = *state;

	for (unsigned i = 0; i < 6; i++)
		(void)ask(house, "l.example",
			  (const char *const[]){ "a", "b", "c", "d", "e", "f" }[i]);
	discovered_store_save(house->ds, 9);
	store_put(house->store, "discovered-key", "key", "short", 5);
	stop(house);
	start(house, 1, 1000);
	assert_int_equal(look(house, "l.example").n_users, 0);
	assert_int_equal(ask(house, "l.example", "f"), DISCOVERED_WELCOME);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_all_comes_back), ROW(test_forgotten), ROW(test_save),
		ROW(test_damaged),        ROW(test_lost_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
