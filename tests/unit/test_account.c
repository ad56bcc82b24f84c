#include "federation/account.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct settings_limits preset = {
	.connections = 100,
	.connections_per_source = 3,
	.handshakes = { 2, 1000 },
	.requests = { 5, 1000 },
	.transactions = 40,
	.auth_failures = { 2, 60000 },
	.ban_ms = 300000,
};

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, 5060, &addr), ERR_OK);
	return addr;
}

static int setup(void **state)
{
	struct accounts *accounts;

	assert_int_equal(accounts_new(&accounts), ERR_OK);
	accounts_set_limits(accounts, &preset);
	*state = accounts;
	return 0;
}

static int teardown(void **state)
{
	assert_null(accounts_free(*state));
	return accounts_free(NULL) != NULL;
}

/* How many of n requests at that moment are welcome, refused, silent. */
struct counts {
	unsigned welcome, refused, silent, retry_after_s;
};

static struct counts ask(struct accounts *accounts, const char *source, const char *id,
			 uint64_t now_ms, unsigned n)
{
	struct addr addr = address(source);
	struct counts counts = { 0 };

	for (unsigned i = 0; i < n; i++) {
		switch (account_request(accounts, &addr, id, now_ms, &counts.retry_after_s)) {
		case ACCOUNT_WELCOME:
			counts.welcome++;
			break;
		case ACCOUNT_REFUSED:
			counts.refused++;
			break;
		case ACCOUNT_SILENT:
			counts.silent++;
			break;
		}
	}
	return counts;
}

static void expect(struct counts got, unsigned welcome, unsigned refused, unsigned silent)
{
	assert_int_equal(got.welcome, welcome);
	assert_int_equal(got.refused, refused);
	assert_int_equal(got.silent, silent);
}

/* mission 87: refused for a while, then silence; in time it is welcome again. */
static void test_rate(void **state)
{
	expect(ask(*state, "192.0.2.1", "", 1000, 40), 5, 20, 15);
	expect(ask(*state, "192.0.2.1", "", 1199, 1), 0, 0, 1);
	expect(ask(*state, "192.0.2.1", "", 1200, 2), 1, 0, 1); /* 200 ms a token */
	expect(ask(*state, "192.0.2.1", "", 1800, 4), 3, 1, 0); /* a refusal was earned, too */
	expect(ask(*state, "192.0.2.1", "", 90000, 30), 5, 20, 5);
	expect(ask(*state, "192.0.2.2", "", 90000, 5), 5, 0,
	       0); /* another source has its own */
	expect(ask(*state, "192.0.2.2", "", 80000, 1), 0, 1,
	       0); /* a clock that is behind earns nothing */
}

static void test_retry_after(void **state)
{
	struct settings_limits slow = preset;

	assert_int_equal(ask(*state, "192.0.2.1", "", 1000, 6).retry_after_s, 1);
	slow.requests = (struct rate){ 1, 10000 };
	accounts_set_limits(*state, &slow);
	assert_int_equal(ask(*state, "192.0.2.2", "", 1000, 2).retry_after_s, 10);
	assert_int_equal(ask(*state, "192.0.2.2", "", 4500, 1).retry_after_s, 7);
	slow.requests = (struct rate){ 1, 3600000 };
	accounts_set_limits(*state, &slow);
	assert_int_equal(ask(*state, "192.0.2.3", "", 1000, 2).retry_after_s, 60);
	slow.requests = (struct rate){ 0, 1000 };
	accounts_set_limits(*state, &slow);
	expect(ask(*state, "192.0.2.3", "", 1000, 1000), 1000, 0, 0); /* no bound */
}

/* A source is an IPv4 address, or an IPv6 /64; a partner is one, wherever it comes from. */
static void test_who_is_charged(void **state)
{
	expect(ask(*state, "2001:db8:1:2::1", "", 1000, 5), 5, 0, 0);
	expect(ask(*state, "2001:db8:1:2:ffff::9", "", 1000, 1), 0, 1, 0);
	expect(ask(*state, "2001:db8:1:3::1", "", 1000, 5), 5, 0, 0);
	expect(ask(*state, "192.0.2.1", "partner:a.example", 1000, 3), 3, 0, 0);
	expect(ask(*state, "192.0.2.2", "partner:a.example", 1000, 3), 2, 1, 0);
	expect(ask(*state, "192.0.2.1", "partner:b.example", 1000, 5), 5, 0, 0);
	expect(ask(*state, "192.0.2.1", "", 1000, 5), 5, 0,
	       0); /* the stranger there is another */
	expect(ask(*state, "127.0.0.1", "", 1000, 6), 5, 1, 0); /* loopback like any */
}

static void test_connections(void **state)
{
	struct addr a = address("192.0.2.1"), b = address("192.0.2.2");
	struct settings_limits limits = preset;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(account_connection(*state, &a, false, 1000), REASON_NONE);
	assert_int_equal(account_connection(*state, &a, false, 1000),
			 REASON_TOO_MANY_CONNECTIONS);
	account_connection_ended(*state, &a);
	assert_int_equal(account_connection(*state, &a, false, 1000), REASON_NONE);

	limits.connections = 4;
	accounts_set_limits(*state, &limits);
	assert_int_equal(account_connection(*state, &b, false, 1000), REASON_NONE);
	assert_int_equal(account_connection(*state, &b, false, 1000),
			 REASON_TOO_MANY_CONNECTIONS); /* of all */
	account_connection_ended(*state, &a);
	assert_int_equal(account_connection(*state, &b, false, 1000), REASON_NONE);
	for (unsigned i = 0; i < 10; i++) /* more ends than begins do no harm */
		account_connection_ended(*state, &b);
	assert_int_equal(account_connection(*state, &b, false, 1000), REASON_NONE);
}

static void test_handshakes(void **state)
{
	struct addr a = address("192.0.2.1");

	assert_int_equal(account_connection(*state, &a, true, 1000), REASON_NONE);
	account_connection_ended(*state, &a);
	assert_int_equal(account_connection(*state, &a, true, 1000), REASON_NONE);
	account_connection_ended(*state, &a);
	assert_int_equal(account_connection(*state, &a, true, 1000),
			 REASON_TOO_MANY_HANDSHAKES);
	assert_int_equal(account_connection(*state, &a, false, 1000),
			 REASON_NONE); /* without TLS it costs none */
	assert_int_equal(account_connection(*state, &a, true, 1500), REASON_NONE);
}

static unsigned fill(struct accounts *accounts, const char *source, const char *id, unsigned n)
{
	struct addr addr = address(source);
	unsigned n_begun = 0;

	for (unsigned i = 0; i < n; i++)
		n_begun += account_transaction(accounts, &addr, id) == REASON_NONE;
	return n_begun;
}

static void test_transactions(void **state)
{
	struct addr a = address("192.0.2.1");

	assert_int_equal(fill(*state, "192.0.2.1", "", 10), 4);           /* a tenth */
	assert_int_equal(fill(*state, "192.0.2.2", "partner:a", 30), 20); /* a half */
	assert_int_equal(fill(*state, "192.0.2.3", "backend:b", 30), 16); /* what is left */
	assert_int_equal(fill(*state, "192.0.2.4", "partner:c", 1), 0);
	account_transaction_ended(*state, &a, "");
	assert_int_equal(fill(*state, "192.0.2.4", "partner:c", 2), 1);
	account_transaction_ended(*state, &a, "partner:nobody"); /* was never charged */
	assert_int_equal(fill(*state, "192.0.2.4", "partner:c", 1), 0);
}

static void test_ban(void **state)
{
	struct addr a = address("192.0.2.1"), b = address("192.0.2.2");
	unsigned retry_after_s;

	assert_false(account_is_banned(*state, &a, 1000));
	assert_false(account_auth_failure(*state, &a, 1000));
	assert_false(account_auth_failure(*state, &a, 1000));
	assert_int_equal(accounts_n_banned(*state, 1000), 0);
	assert_true(account_auth_failure(*state, &a, 1000));
	assert_true(account_auth_failure(*state, &a, 1001));
	assert_true(account_is_banned(*state, &a, 300999));
	assert_false(account_is_banned(*state, &b, 1000));
	assert_int_equal(accounts_n_banned(*state, 300999), 1);
	assert_int_equal(account_request(*state, &a, "", 2000, &retry_after_s), ACCOUNT_SILENT);
	assert_int_equal(account_request(*state, &b, "", 2000, &retry_after_s),
			 ACCOUNT_WELCOME);
	assert_int_equal(account_connection(*state, &a, true, 2000), REASON_BANNED);
	assert_false(account_is_banned(*state, &a, 301000));
	assert_int_equal(accounts_n_banned(*state, 301000), 0);
	assert_false(account_auth_failure(*state, &a, 400000)); /* begins anew */
}

/* Strangers cannot fill the memory, nor wash away those who are banned or connected. */
static void test_bound(void **state)
{
	struct addr banned = address("192.0.2.1"), connected = address("192.0.2.2"),
		    many = address("10.0.0.0");
	struct settings_limits limits = preset;
	unsigned retry_after_s, n_welcome = 0;

	limits.connections = 0;
	accounts_set_limits(*state, &limits);
	for (unsigned i = 0; i < 3; i++) {
		(void)account_auth_failure(*state, &banned, 1000);
		assert_int_equal(account_connection(*state, &connected, false, 1000),
				 REASON_NONE);
	}
	for (unsigned i = 0; i < 150000; i++) {
		many.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
		n_welcome += account_request(*state, &many, "", 2000, &retry_after_s) ==
			     ACCOUNT_WELCOME;
	}
	assert_int_equal(n_welcome, 150000);
	assert_true(account_is_banned(*state, &banned, 2000));
	assert_int_equal(account_connection(*state, &connected, false, 2000),
			 REASON_TOO_MANY_CONNECTIONS);
}

/* When every account is in use the others share one, and their connections are counted rightly
 * all the same. */
static void test_overflow(void **state)
{
	enum { N = 100000 };
	struct addr many = address("10.0.0.0");
	struct settings_limits limits = preset;
	unsigned n_open = 0;

	limits.connections = 0;
	limits.connections_per_source = 100;
	accounts_set_limits(*state, &limits);
	for (unsigned i = 0; i < N; i++) {
		many.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
		n_open += account_connection(*state, &many, false, 1000) == REASON_NONE;
	}
	assert_in_range(n_open, 16 * 4096, 16 * 4096 + 16 * 100);
	many.in4.sin_addr.s_addr = htonl(0x0a000000 + N - 1);
	assert_int_equal(account_connection(*state, &many, false, 1000),
			 REASON_TOO_MANY_CONNECTIONS);
	account_connection_ended(*state, &many);
	assert_int_equal(account_connection(*state, &many, false, 1000), REASON_NONE);
}

struct thread {
	struct accounts *accounts;
	unsigned n_welcome;
};

static void *run(void *user)
{
	struct thread *thread = user;
	struct addr addr = address("192.0.2.9");
	unsigned retry_after_s;

	for (unsigned i = 0; i < 1000; i++) {
		thread->n_welcome += account_request(thread->accounts, &addr, "partner:x", 5000,
						     &retry_after_s) == ACCOUNT_WELCOME;
		if (account_connection(thread->accounts, &addr, false, 5000) == REASON_NONE)
			account_connection_ended(thread->accounts, &addr);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct thread threads[2] = { { *state, 0 }, { *state, 0 } };
	pthread_t ids[2];

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, run, &threads[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(ids[i], NULL);
	assert_int_equal(threads[0].n_welcome + threads[1].n_welcome, 5);
}

/* Who floods is told from who only sends. */
static void test_who_is_heavy(void **state)
{
	static const struct {
		const char *name;
		unsigned n_own, n_others[3]; /* requests in one second */
		bool is_heavy;
	} rows[] = {
		{ "alone", 1, { 0 }, true },
		{ "two with the same", 10, { 10 }, false },
		{ "more than half", 11, { 10 }, true },
		{ "a half of all among four", 15, { 5, 5, 5 }, false },
		{ "twice its part of four", 12, { 4, 4, 4 }, false },
		{ "more than that", 13, { 4, 4, 4 }, true },
		{ "silent", 0, { 5, 5, 5 }, false },
	};
	static const char *const others[] = { "partner:b", "partner:c", "partner:d" };
	struct addr source = address("192.0.2.1");
	struct settings_limits none = preset;
	uint64_t now_ms = 10000;

	none.requests = (struct rate){ 0, 1000 };
	accounts_set_limits(*state, &none);
	for (size_t i = 0; i < COUNT(rows); i++, now_ms += 10000) {
		print_message("%s\n", rows[i].name);
		ask(*state, "192.0.2.1", "partner:a", now_ms, rows[i].n_own);
		for (size_t k = 0; k < COUNT(others); k++)
			ask(*state, "192.0.2.1", others[k], now_ms + 500, rows[i].n_others[k]);
		assert_int_equal(account_is_heavy(*state, &source, "partner:a", now_ms + 1000),
				 rows[i].is_heavy);
		assert_int_equal(account_is_heavy(*state, &source, "partner:a", now_ms + 1999),
				 rows[i].is_heavy);
		assert_false(account_is_heavy(*state, &source, "partner:a",
					      now_ms + 2000)); /* that is over */
		assert_false(
			account_is_heavy(*state, &source, "partner:nobody", now_ms + 1000));
	}
}

static void test_fullness(void **state)
{
	static const struct {
		unsigned n, wanted;
	} rows[] = { { 0, 0 },  { 47, 0 }, { 48, 1 }, { 55, 1 }, { 56, 2 },
		     { 59, 2 }, { 60, 3 }, { 62, 4 }, { 64, 4 } };
	struct settings_limits limits = preset;
	struct addr source = address("192.0.2.1");
	unsigned n = 0;

	limits.transactions = 64;
	accounts_set_limits(*state, &limits);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (; n < rows[i].n; n++)
			assert_int_equal(account_transaction(*state, &source, "backend:x"),
					 REASON_NONE);
		print_message("%u\n", n);
		assert_int_equal(accounts_fullness(*state), rows[i].wanted);
	}
	limits.transactions = 0; /* no bound */
	accounts_set_limits(*state, &limits);
	assert_int_equal(accounts_fullness(*state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_charged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ban, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_heavy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fullness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
