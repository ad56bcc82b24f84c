#include "proxy/location_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

/* The wall clock at the start, in seconds, and that of the loop then. */
enum { WALL_S = 1800000000, BEGIN_MS = 500000 };

#define SIP_A_HASH "76fef07e031c5d3d" /* of the contact "sip:a" in a key */

struct house {
	char directory[64];
	struct store *store;
	struct location *location;
	struct location_store *ls;
	struct location_restored restored;
};

/* Starts with the wall clock at WALL_S + after_s, and the loop's anywhere. */
static void start(struct house *house, int64_t after_s, uint64_t now_ms)
{
	const struct location_limits limits = { 1000, 200000 };

	assert_int_equal(store_open(house->directory, NULL, NULL, &house->store), ERR_OK);
	assert_int_equal(location_new(&limits, &house->location), ERR_OK);
	assert_int_equal(location_store_attach(house->location, house->store, now_ms,
					       (uint64_t)(WALL_S + after_s) * 1000000,
					       &house->restored, &house->ls),
			 ERR_OK);
}

static void stop(struct house *house)
{
	assert_null(location_store_detach(house->ls));
	house->location = location_free(house->location);
	house->store = store_close(house->store);
}

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));

	strcpy(house->directory, "/tmp/nuncio-location-XXXXXX");
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

static enum err bind_until(struct house *house, const char *user, const char *contact,
			   uint64_t expires_ms)
{
	struct binding binding = {
		"one", "", 0xfeedfacecafebeef, 4000000000, 0xabc, expires_ms
	};

	text_copy(binding.contact, sizeof(binding.contact), contact);
	return location_bind(house->location, user, "corp.example", &binding, BEGIN_MS);
}

static size_t n_records(struct house *house)
{
	struct store_state state;

	store_flush(house->store);
	store_look(house->store, &state);
	return state.n_records;
}

static size_t n_written(struct house *house)
{
	struct store_state state;

	store_flush(house->store);
	store_look(house->store, &state);
	return state.n_written;
}

static void test_bindings(void **state)
{
	struct house *house = *state;
	struct binding out[LOCATION_MAX_BINDINGS];

	assert_int_equal(bind_until(house, "anna", "sip:anna@10.0.0.1:5060;transport=tcp;x=-",
				    BEGIN_MS + 100000),
			 ERR_OK);
	assert_int_equal(bind_until(house, "berta", "sip:b", BEGIN_MS + 59999), ERR_OK);
	assert_int_equal(bind_until(house, "carl", "sip:c", BEGIN_MS + 100000), ERR_OK);
	assert_int_equal(bind_until(house, "dora", "sip:d", UINT64_MAX), ERR_OK);
	assert_int_equal(location_unbind(house->location, "carl", "corp.example", "one", NULL),
			 1);
	stop(house);
	start(house, 60, 1000); /* a minute later the machine has just begun */
	assert_int_equal(house->restored.bindings, 2);
	assert_int_equal(house->restored.dropped, 1);
	assert_int_equal(location_bindings(house->location, "anna", "corp.example", 1000, out),
			 1);
	assert_string_equal(out[0].backend, "one");
	assert_string_equal(out[0].contact, "sip:anna@10.0.0.1:5060;transport=tcp;x=-");
	assert_int_equal(out[0].call_id_hash, 0xfeedfacecafebeef);
	assert_int_equal(out[0].cseq, 4000000000);
	assert_int_equal(out[0].proof, 0xabc);
	assert_int_equal(out[0].expires_ms, 1000 + 40000);
	assert_int_equal(location_bindings(house->location, "berta", "corp.example", 1000, out),
			 0);
	assert_int_equal(location_bindings(house->location, "carl", "corp.example", 1000, out),
			 0);
	assert_int_equal(location_bindings(house->location, "dora", "corp.example", 1000, out),
			 1);
	assert_int_equal(n_records(house), 2); /* what has expired is deleted there too */
	location_expire(house->location, 41000);
	assert_int_equal(n_records(house), 1);
}

/* A refresh every half minute is written once a minute. */
static void test_refresh_is_written_seldom(void **state)
{
	struct house *house = *state;

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
			bind_until(house, "anna", "sip:a", BEGIN_MS + 60000 + i * 30000),
			ERR_OK);
	assert_true(n_written(house) <= 10);
	uint64_t before = n_written(house);
	location_learn(house->location, "anna", "corp.example", "one", 0);
	for (unsigned i = 0; i < 20; i++)
		location_learn(house->location, "anna", "corp.example", "one", i);
	assert_int_equal(n_written(house), before + 1);
}

static const char *home(struct house *house, const char *user, const char *domain)
{
	static char backend[LOCATION_BACKEND_SIZE];

	return location_home(house->location, user, domain, 0, backend) ? backend : "";
}

static void test_homes(void **state)
{
	struct house *house = *state;

	location_learn(house->location, "anna", "corp.example", "one", 0);
	location_learn(house->location, "anna", "b.example", "two", 0);
	location_learn(house->location, "anna", "b.example", "one two", 0);
	location_learn(house->location, "a b@c", "corp.example", "three", 0);
	location_learn(house->location, "", "corp.example", "one", 0);
	location_learn(house->location, "tab\t", "corp.example", "one", 0); /* not kept */
	location_learn(house->location, "gone", "corp.example", "one", 0);
	location_forget(house->location, "gone", "corp.example", "one");
	assert_int_equal(n_records(house), 4);
	stop(house);
	start(house, 100000000, 0);
	assert_string_equal(home(house, "anna", "corp.example"), "one");
	assert_string_equal(home(house, "anna", "b.example"), "");
	assert_string_equal(home(house, "a b@c", "corp.example"), "three");
	assert_string_equal(home(house, "", "corp.example"), "one");
	assert_string_equal(home(house, "gone", "corp.example"), "");
	assert_int_equal(house->restored.homes, 3);
	assert_int_equal(house->restored.dropped, 1); /* no backend is called "one two" */
}

static struct logon logon_of(uint64_t flow_id, const char *source, const char *reach)
{
	struct logon logon = {
		.backend = "one",
		.flow_id = flow_id,
		.transport = TRANSPORT_TLS,
		.reach_transport = TRANSPORT_TLS,
		.bulk = "sip:10.0.1.5:5060",
		.proof = UINT64_MAX,
		.since_ms = BEGIN_MS - 10000,
		.expires_ms = BEGIN_MS + 100000,
	};

	if (source)
		assert_int_equal(addr_parse_port(source, 0, &logon.source), ERR_OK);
	if (reach)
		assert_int_equal(addr_parse_port(reach, 0, &logon.reach), ERR_OK);
	return logon;
}

static void test_logons(void **state)
{
	struct house *house = *state;
	struct logon out[LOCATION_MAX_LOGONS],
		by_flow = logon_of(7, "10.0.1.5:40000", NULL),
		by_both = logon_of(8, "[2001:db8::1]:40000", "[2001:db8::1]:5061");
	struct addr want;

	assert_int_equal(location_log_on(house->location, &by_flow, BEGIN_MS), ERR_OK);
	assert_int_equal(location_log_on(house->location, &by_both, BEGIN_MS), ERR_OK);
	assert_int_equal(n_records(house), 1);
	stop(house);
	start(house, 60, 900000);
	assert_int_equal(house->restored.logons, 1);
	assert_int_equal(location_logons(house->location, "one", 900000, out), 1);
	assert_int_equal(out[0].flow_id, 0);
	assert_int_equal(out[0].reach_transport, TRANSPORT_TLS);
	assert_int_equal(out[0].proof, UINT64_MAX);
	assert_string_equal(out[0].bulk, "sip:10.0.1.5:5060");
	assert_int_equal(out[0].since_ms, 900000 - 70000);
	assert_int_equal(out[0].expires_ms, 900000 + 40000);
	assert_int_equal(addr_parse_port("[2001:db8::1]:5061", 0, &want), ERR_OK);
	assert_true(addr_equal(&out[0].reach, &want));
	assert_int_equal(addr_parse_port("[2001:db8::1]:40000", 0, &want), ERR_OK);
	assert_true(addr_equal(&out[0].source, &want));

	/* It logs on again, by a new connection: the same one. */
	by_both.flow_id = 3;
	by_both.bulk[0] = '\0';
	by_both.expires_ms = 900000 + 200000;
	assert_int_equal(location_log_on(house->location, &by_both, 900000), ERR_OK);
	assert_int_equal(n_records(house), 1);
	stop(house);
	start(house, 70, 20000); /* the loop's clock began after it logged on */
	assert_int_equal(location_logons(house->location, "one", 20000, out), 1);
	assert_string_equal(out[0].bulk, "");
	assert_int_equal(out[0].since_ms, 1);
	location_expire(house->location, UINT64_MAX);
	assert_int_equal(n_records(house), 0);
}

static void test_clock(void **state)
{
	struct house *house = *state;
	struct binding out[LOCATION_MAX_BINDINGS];

	/* Set while we run: an hour later at once. */
	location_store_set_clock(house->ls, BEGIN_MS + 1000,
				 (uint64_t)(WALL_S + 3601) * 1000000);
	assert_int_equal(bind_until(house, "anna", "sip:a", BEGIN_MS + 101000), ERR_OK);
	stop(house);
	start(house, 3611, 5000);
	assert_int_equal(location_bindings(house->location, "anna", "corp.example", 5000, out),
			 1);
	assert_int_equal(out[0].expires_ms, 5000 + 90000);
	stop(house);
	/* Years back over the restart: not longer than it had when it was written. */
	start(house, -100000000, 5000);
	assert_int_equal(location_bindings(house->location, "anna", "corp.example", 5000, out),
			 1);
	assert_int_equal(out[0].expires_ms, 5000 + 100000);
}

/* Records that no version of us wrote, or another one. */
static void test_nonsense(void **state)
{
	static const struct {
		const char *kind, *key, *value;
	} rows[] = {
		{ "home", "anna", "1 one" },
		{ "home", "anna\tb\tc", "1 one" },
		{ "home", "anna\tcorp.example", "2 one" },
		{ "home", "anna\tcorp.example", "1" },
		{ "home", "anna\tcorp.example", "1 " },
		{ "home", "anna\tcorp.example", "" },
		{ "home", "anna\tcorp.example", "1 -" },
		{ "home", "anna\tcorp.example", "1 one more" },
		{ "home", "anna\tcorp.example", "one" },
		{ "home", "anna\tcorp.example",
		  "1 a-name-that-is-longer-than-any-backend-may-have-which-is-sixty-three" },
		{ "binding", "a\tb\tone\t0000000000000000",
		  "1 1900000000 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone", "1 1900000000 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\t\tHASH", "1 1900000000 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "7 1900000000 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 -1900000000 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 19e8 1800000000 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 99999999999999999999 0 0 0 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH",
		  "1 1900000000 1800000000 0 4294967296 0 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 1900000000 1800000000 0 0 x 0 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 1900000000 1800000000 0 0 0 2 sip:a" },
		{ "binding", "a\tb\tone\tHASH", "1 1900000000 1800000000 0 0 0 0 sip:a more" },
		{ "binding", "a\tb\tone\tHASH", "1 1900000000 1800000000 0 0 0 0" },
		{ "logon", "one\ttls", "1 1900000000 1800000000 0 0 - -" },
		{ "logon", "one\tsctp\t10.0.0.1:5060", "1 1900000000 1800000000 0 0 - -" },
		{ "logon", "one\ttls\tsomewhere", "1 1900000000 1800000000 0 0 - -" },
		{ "logon", "one\ttls\t10.0.0.1", "1 1900000000 1800000000 0 0 - -" },
		{ "logon", "\ttls\t10.0.0.1:5060", "1 1900000000 1800000000 0 0 - -" },
		{ "logon", "one\ttls\t10.0.0.1:5060", "1 1900000000 1800000000 0 0 x -" },
		{ "logon", "one\ttls\t10.0.0.1:5060", "1 1900000000 1800000000 0 0 -" },
	};
	struct house *house = *state;
	struct store_state now;

	/* One that is in order, and shows that SIP_A_HASH is right. */
	store_put(house->store, "binding", "x\tcorp.example\tone\t" SIP_A_HASH,
		  "1 1900000000 1800000000 0 0 0 0 sip:a", 37);
	assert_int_equal(n_records(house), 1);
	assert_int_equal(bind_until(house, "x", "sip:a", BEGIN_MS + 1000000), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char key[200];
		const char *hash = strstr(rows[i].key, "HASH");
		snprintf(key, sizeof(key), "%.*s%s", (int)(hash ? hash - rows[i].key : 100),
			 rows[i].key, hash ? SIP_A_HASH : "");
		store_put(house->store, rows[i].kind, key, rows[i].value,
			  strlen(rows[i].value));
		stop(house);
		start(house, 1, BEGIN_MS);
		if (house->restored.dropped != 1 || house->restored.bindings != 1 ||
		    house->restored.homes + house->restored.logons != 0)
			fail_msg("%s %s: dropped %zu", key, rows[i].value,
				 house->restored.dropped);
		store_flush(house->store);
		store_look(house->store, &now);
		assert_int_equal(now.n_records, 1);
	}
	store_put(house->store, "home", "a\tb", "1 one\0two", 9);
	store_put(house->store, "future", "a\tb", "whatever", 8); /* not ours to judge */
	stop(house);
	start(house, 1, BEGIN_MS);
	assert_int_equal(house->restored.dropped, 1);
	assert_int_equal(n_records(house), 2);
}

static void test_no_store(void **state)
{
	const struct location_limits limits = { 10, 10 };
	struct location_restored restored;
	struct location_store *ls;
	struct location *location;
	struct store *store;

	assert_int_equal(store_open("/proc/nowhere", NULL, NULL, &store), ERR_OK);
	assert_int_equal(location_new(&limits, &location), ERR_OK);
	assert_int_equal(location_store_attach(location, store, 0, 0, &restored, &ls), ERR_OK);
	assert_int_equal(
		restored.homes + restored.bindings + restored.logons + restored.dropped, 0);
	location_learn(location, "anna", "corp.example", "one", 0);
	location_store_detach(ls);
	assert_null(location_store_detach(NULL));
	location_learn(location, "berta", "corp.example", "one", 0); /* told to nobody */
	location_free(location);
	store_close(store);
}

static void test_hundred_thousand_homes(void **state)
{
	struct house *house = *state;
	struct timespec begin, end;
	char user[24];

	for (unsigned i = 0; i < 100000; i++) {
		snprintf(user, sizeof(user), "user%u", i);
		location_learn(house->location, user, "corp.example", i % 3 ? "one" : "two", 0);
	}
	assert_int_equal(n_records(house), 100000);
	stop(house);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	start(house, 1, 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(house->restored.homes, 100000);
	assert_string_equal(home(house, "user99999", "corp.example"), "two");
	assert_string_equal(home(house, "user99998", "corp.example"), "one");
	assert_true(end.tv_sec - begin.tv_sec < 15); /* some 0.2 s without sanitizers */
}

#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_HOUSE(test_bindings),
		IN_HOUSE(test_refresh_is_written_seldom),
		IN_HOUSE(test_homes),
		IN_HOUSE(test_logons),
		IN_HOUSE(test_clock),
		IN_HOUSE(test_nonsense),
		cmocka_unit_test(test_no_store),
		IN_HOUSE(test_hundred_thousand_homes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
