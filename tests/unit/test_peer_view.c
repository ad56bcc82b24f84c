#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/peer_view.h"

enum { UP = 'u', DOWN = 'd', NOTHING = 0 };

/* One peer's servers, each as what happened to it last, beside two other peers whose names
 * surround it. */
/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name;
	const char *servers; /* "ud": the first answered, the second failed */
	bool is_off, are_all_off;
	enum peer_state want;
	uint64_t want_seen_ms, want_failure_ms;
	enum reason want_reason;
} rows[] = {
	{ "nothing was sent yet", "", false, false, PEER_UNKNOWN, 0, 0, REASON_NONE },
	{ "one answers", "u", false, false, PEER_UP, 1000, 0, REASON_NONE },
	{ "one fails", "d", false, false, PEER_DOWN, 0, 1000, REASON_CONNECT_REFUSED },
	{ "the second answers", "du", false, false, PEER_UP, 2000, 1000,
	  REASON_CONNECT_REFUSED },
	{ "the first answers", "ud", false, false, PEER_UP, 1000, 2000,
	  REASON_CONNECT_REFUSED },
	{ "all fail", "ddd", false, false, PEER_DOWN, 0, 3000, REASON_CONNECT_REFUSED },
	{ "switched off, whatever it did", "u", true, false, PEER_OFF, 1000, 0, REASON_NONE },
	{ "all are switched off", "d", false, true, PEER_OFF, 0, 1000, REASON_CONNECT_REFUSED },
};
/* clang-format on */

static void note(struct health_table *table, const char *peer, unsigned port, char what)
{
	struct addr addr;
	struct health *health;

	assert_int_equal(addr_parse("192.0.2.1", (uint16_t)port, &addr), ERR_OK);
	health = health_of(table, peer, &addr, TRANSPORT_TCP);
	assert_non_null(health);
	if (what == UP)
		health_succeeded(health, port * 1000);
	/* More than one: what counts as down is the table's business. */
	for (int i = 0; what == DOWN && i < 10; i++)
		health_failed(health, REASON_CONNECT_REFUSED, port * 1000);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings settings = { .partners = { .is_enabled =
								   !rows[i].are_all_off } };
		struct settings_route route = { .domain = "b.example",
						.is_enabled = !rows[i].is_off };
		struct snapshot snapshot = { .settings = &settings };
		struct server server = { .snapshot = &snapshot };
		struct rule rule = { .route = &route, .id = "partner:b.example" };
		struct peer_views *views;
		struct peer_view got;

		assert_int_equal(health_table_new(&server.health), ERR_OK);
		note(server.health, "partner:a.example", 9, DOWN);
		note(server.health, "partner:b.example.org", 9, DOWN);
		for (unsigned s = 0; rows[i].servers[s]; s++)
			note(server.health, rule.id, s + 1, rows[i].servers[s]);
		assert_int_equal(peer_views_new(&server, &views), ERR_OK);
		peer_views_look(views, &rule, &got);
		if (got.state != rows[i].want || got.last_seen_ms != rows[i].want_seen_ms ||
		    got.last_failure_ms != rows[i].want_failure_ms ||
		    got.last_reason != rows[i].want_reason ||
		    got.n_servers != strlen(rows[i].servers))
			fail_msg("%s: %s, seen %llu, failure %llu, %zu servers", rows[i].name,
				 peer_state_text(got.state),
				 (unsigned long long)got.last_seen_ms,
				 (unsigned long long)got.last_failure_ms, got.n_servers);
		peer_views_free(views);
		health_table_free(server.health);
	}
}

/* What is off is off for routes alone: a backend has no such switch. */
static void test_backends(void **state)
{
	struct settings settings = { .partners = { .is_enabled = false } };
	struct settings_backend backend = { .name = "berlin" };
	struct snapshot snapshot = { .settings = &settings };
	struct server server = { .snapshot = &snapshot };
	struct rule rule = { .backend = &backend, .id = "backend:berlin", .n_servers = 1 };
	struct peer_views *views;
	struct peer_view got;

	assert_int_equal(health_table_new(&server.health), ERR_OK);
	note(server.health, rule.id, 1, UP);
	assert_int_equal(peer_views_new(&server, &views), ERR_OK);
	peer_views_look(views, &rule, &got);
	assert_int_equal(got.state, PEER_UP);
	assert_int_equal(got.n_successes, 1);
	peer_views_free(views);
	health_table_free(server.health);
}

/* A backend without servers is there by its log-on, whatever was reached of it before. */
static void test_not_logged_on(void **state)
{
	struct settings settings = { .partners = { .is_enabled = true } };
	struct settings_backend backend = { .name = "berlin", .username = "uc" };
	struct snapshot snapshot = { .settings = &settings };
	struct server server = { .snapshot = &snapshot };
	struct rule rule = { .backend = &backend, .id = "backend:berlin" };
	struct peer_views *views;
	struct peer_view got;

	assert_int_equal(health_table_new(&server.health), ERR_OK);
	note(server.health, rule.id, 1, UP);
	assert_int_equal(peer_views_new(&server, &views), ERR_OK);
	peer_views_look(views, &rule, &got);
	assert_int_equal(got.state, PEER_DOWN);
	assert_int_equal(got.last_reason, REASON_NOT_LOGGED_ON);
	/* so that it is known since when it is away */
	assert_int_equal(got.last_seen_ms, 1000);
	rule.n_servers = 1; /* it has a static address, too */
	peer_views_look(views, &rule, &got);
	assert_int_equal(got.state, PEER_UP);
	peer_views_free(views);
	health_table_free(server.health);
}

/* A log-on by tcp: port 1 is the far end of its connection, port 2 where it can be dialled. */
static const struct {
	const char *name;
	bool is_connected;
	const char *servers; /* "ud": port 1 answered, port 2 failed */
	enum peer_state want;
} log_on_rows[] = {
	{ "connected, and nothing was sent yet", true, "", PEER_UP },
	{ "connected, whatever dialling once gave", true, "ud", PEER_UP },
	{ "the connection ended, and nothing was tried since", false, "u", PEER_UP },
	{ "the connection ended, and dialling it failed", false, "ud", PEER_DOWN },
	{ "the connection ended, and dialling it works", false, "uu", PEER_UP },
};

static void test_log_on(void **state)
{
	size_t i;

	for (i = 0; i < COUNT(log_on_rows); i++) {
		const char *what = log_on_rows[i].servers;
		struct settings settings = { .partners = { .is_enabled = true } };
		struct settings_backend backend = { .name = "berlin", .username = "uc" };
		struct snapshot snapshot = { .settings = &settings };
		struct server server = { .snapshot = &snapshot };
		struct rule rule = { .backend = &backend, .id = "backend:berlin" };
		struct location_limits limits = { 8, 8 };
		struct logon logon = { .backend = "berlin",
				       .flow_id = log_on_rows[i].is_connected ? 7 : 0,
				       .transport = TRANSPORT_TCP,
				       .expires_ms = UINT64_MAX };
		struct peer_views *views;
		struct peer_view got;

		assert_int_equal(addr_parse("192.0.2.1", 1, &logon.source), ERR_OK);
		assert_int_equal(addr_parse("192.0.2.1", 2, &logon.reach), ERR_OK);
		assert_int_equal(loop_new_turned(5000, &server.loop), ERR_OK);
		assert_int_equal(health_table_new(&server.health), ERR_OK);
		assert_int_equal(location_new(&limits, &server.location), ERR_OK);
		assert_int_equal(location_log_on(server.location, &logon, 5000), ERR_OK);
		for (unsigned port = 1; *what; port++)
			note(server.health, rule.id, port, *what++);
		assert_int_equal(peer_views_new(&server, &views), ERR_OK);
		peer_views_look(views, &rule, &got);
		if (got.state != log_on_rows[i].want)
			fail_msg("%s: %s", log_on_rows[i].name, peer_state_text(got.state));
		peer_views_free(views);
		location_free(server.location);
		health_table_free(server.health);
		loop_free(server.loop);
	}
}

/* A partner whose name leads nowhere has no server to have a state, and is down all the
 * same. */
static void test_name_without_address(void **state)
{
	struct settings settings = { .partners = { .is_enabled = true } };
	struct settings_route route = { .domain = "b.example", .is_enabled = true };
	struct snapshot snapshot = { .settings = &settings };
	struct server server = { .snapshot = &snapshot };
	struct rule rule = { .route = &route, .id = "partner:b.example" };
	struct peer_views *views;
	struct peer_view got;

	assert_int_equal(health_table_new(&server.health), ERR_OK);
	assert_int_equal(peer_stats_new(&server.peer_stats), ERR_OK);
	peer_stats_looked_up(server.peer_stats, rule.id, REASON_DNS_NO_ADDRESS);
	assert_int_equal(peer_views_new(&server, &views), ERR_OK);
	peer_views_look(views, &rule, &got);
	assert_int_equal(got.state, PEER_DOWN);
	assert_int_equal(got.last_reason, REASON_DNS_NO_ADDRESS);
	peer_stats_looked_up(server.peer_stats, rule.id, REASON_NONE);
	peer_views_look(views, &rule, &got);
	assert_int_equal(got.state, PEER_UNKNOWN);
	peer_views_free(views);
	peer_stats_free(server.peer_stats);
	health_table_free(server.health);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_backends),
					    cmocka_unit_test(test_not_logged_on),
					    cmocka_unit_test(test_log_on),
					    cmocka_unit_test(test_name_without_address) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
