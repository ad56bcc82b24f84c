#include "federation/discovered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum { BEGIN_MS = 1000000, WALL_S = 1800000000, MINUTE_MS = 60000 };

static const struct settings_federation bounds = {
	.rate = { 20, 1000 },
	.suspicious_rate = { 1, 1000 },
	.max_users = 5,
};

struct house {
	struct discovered *table;
	uint64_t now_ms;
	unsigned retry_after_s;
};

static int setup(void **state)
{
	struct house *house = calloc(1, sizeof(*house));

	house->now_ms = BEGIN_MS;
	assert_int_equal(discovered_new(160, &house->table), ERR_OK);
	discovered_set_bounds(house->table, &bounds);
	discovered_set_clock(house->table, BEGIN_MS, (uint64_t)WALL_S * 1000000);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	struct house *house = *state;

	assert_null(discovered_free(house->table));
	free(house);
	return 0;
}

static enum discovered_verdict ask(struct house *house, const char *domain, const char *user)
{
	const struct discovered_question question = { domain, user, "corp.example",
						      house->now_ms };

	house->retry_after_s = 0;
	return discovered_request(house->table, &question, &house->retry_after_s);
}

static struct discovered_view look(struct house *house, const char *domain)
{
	struct discovered_view view;

	(void)discovered_look(house->table, domain, house->now_ms, &view);
	return view;
}

static void answer(struct house *house, const char *domain, int status, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		discovered_answered(house->table, domain, status, house->now_ms);
}

static void test_new(void **state)
{
	struct house *house = *state;
	struct discovered_view view;

	assert_false(discovered_look(house->table, "a.example", BEGIN_MS, &view));
	assert_int_equal(ask(house, "a.example", "anna"), DISCOVERED_WELCOME);
	house->now_ms += 2000;
	assert_int_equal(ask(house, "a.example", NULL), DISCOVERED_WELCOME); /* in a dialog */
	answer(house, "a.example", 200, 1);
	answer(house, "a.example", 404, 1);
	discovered_sent(house->table, "a.example", house->now_ms);
	discovered_sent(house->table, "a.example", house->now_ms);
	discovered_sent_ended(house->table, "a.example", REASON_CONNECT_TIMEOUT, house->now_ms);
	view = look(house, "a.example");
	assert_int_equal(view.state, DISCOVERED_NEW);
	assert_int_equal(view.first_seen_s, WALL_S);
	assert_int_equal(view.last_seen_s, WALL_S + 2);
	assert_int_equal(view.n_received, 2);
	assert_int_equal(view.n_users, 1);
	assert_int_equal(view.n_succeeded, 1);
	assert_int_equal(view.n_failed, 1);
	assert_int_equal(view.n_sent, 2);
	assert_int_equal(view.n_sent_failed, 1);
	assert_true(discovered_hides(house->table, "a.example", house->now_ms));
	assert_true(discovered_hides(house->table, "unknown.example", house->now_ms));
}

static void test_rate(void **state)
{
	struct house *house = *state;

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(ask(house, "a.example", "anna"), DISCOVERED_WELCOME);
	assert_int_equal(ask(house, "a.example", "anna"), DISCOVERED_RATE_LIMITED);
	assert_int_equal(house->retry_after_s, 1);
	assert_int_equal(ask(house, "b.example", "anna"), DISCOVERED_WELCOME);
	house->now_ms += 50;
	assert_int_equal(ask(house, "a.example", "anna"), DISCOVERED_WELCOME);
	assert_int_equal(look(house, "a.example").state, DISCOVERED_WATCHED);
	assert_int_equal(look(house, "a.example").why, REASON_PARTNER_RATE_LIMITED);
	assert_int_equal(look(house, "a.example").n_refused, 1);
}

/* Exact, those that it addressed before go on, and nothing differs by whether a user exists. */
static void test_users(void **state)
{
	struct house *house = *state;
	static const char *const users[] = { "a", "b", "c", "d", "e" };

	for (size_t i = 0; i < COUNT(users); i++) {
		assert_int_equal(ask(house, "h.example", users[i]), DISCOVERED_WELCOME);
		assert_int_equal(look(house, "h.example").n_users, i + 1);
		assert_int_equal(look(house, "h.example").state, i < 2   ? DISCOVERED_NEW
								 : i < 4 ? DISCOVERED_WATCHED
									 : DISCOVERED_LIMITED);
	}
	assert_int_equal(ask(house, "h.example", "f"), DISCOVERED_TOO_MANY_USERS);
	assert_true(house->retry_after_s > 60);
	assert_int_equal(ask(house, "h.example", "a"), DISCOVERED_WELCOME);
	assert_int_equal(ask(house, "h.example", ""), DISCOVERED_WELCOME);
	assert_int_equal(look(house, "h.example").n_users, 5);
	assert_int_equal(look(house, "h.example").why, REASON_PARTNER_TOO_MANY_USERS);
	house->now_ms += 60 * MINUTE_MS; /* time alone does not help */
	assert_int_equal(ask(house, "h.example", "f"), DISCOVERED_TOO_MANY_USERS);
}

/* 10,000 names: however fast, a thousand are answered, and then none. */
static void test_harvest(void **state)
{
	struct house *house = *state;
	struct settings_federation wider = bounds;
	unsigned n_welcome = 0;
	char user[32];

	wider.max_users = 1000;
	discovered_set_bounds(house->table, &wider);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(user, sizeof(user), "user%u", i);
		n_welcome += ask(house, "h.example", user) == DISCOVERED_WELCOME;
		house->now_ms += 50;
	}
	assert_int_equal(n_welcome, 1000);
	assert_int_equal(look(house, "h.example").n_refused, 9000);
	wider.max_users = 3000; /* a new bound: of an estimate */
	discovered_set_bounds(house->table, &wider);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(user, sizeof(user), "other%u", i);
		n_welcome += ask(house, "h.example", user) == DISCOVERED_WELCOME;
		house->now_ms += 50;
	}
	assert_in_range(n_welcome, 2850, 3150);
	assert_int_equal(ask(house, "h.example", "user1"), DISCOVERED_TOO_MANY_USERS);
}

static void test_suspicious(void **state)
{
	struct house *house = *state;

	(void)ask(house, "s.example", "anna");
	answer(house, "s.example", 404, 19);
	answer(house, "s.example", 487, 50);                              /* says nothing */
	answer(house, "s.example", 503, 50);                              /* our own */
	assert_int_equal(look(house, "s.example").state, DISCOVERED_NEW); /* too few to say */
	answer(house, "s.example", 404, 1);
	assert_int_equal(look(house, "s.example").state, DISCOVERED_LIMITED);
	assert_int_equal(look(house, "s.example").why, REASON_PARTNER_SUSPICIOUS);
	assert_int_equal(ask(house, "s.example", "anna"), DISCOVERED_WELCOME);
	assert_int_equal(ask(house, "s.example", "anna"), DISCOVERED_SUSPICIOUS);
	assert_int_equal(house->retry_after_s, 1);
	house->now_ms += 1000;
	assert_int_equal(ask(house, "s.example", "anna"), DISCOVERED_WELCOME);
	answer(house, "s.example", 200, 30); /* two fifths fail: still on its way */
	assert_int_equal(look(house, "s.example").state, DISCOVERED_LIMITED);
	answer(house, "s.example", 486, 40);
	assert_int_equal(look(house, "s.example").state, DISCOVERED_WATCHED);
	answer(house, "s.example", 604, 200);
	assert_int_equal(look(house, "s.example").state, DISCOVERED_LIMITED);
	house->now_ms += 6 * MINUTE_MS; /* the window before still counts */
	answer(house, "s.example", 404, 1);
	assert_int_equal(look(house, "s.example").state, DISCOVERED_LIMITED);
	house->now_ms += 10 * MINUTE_MS;
	assert_int_equal(look(house, "s.example").state, DISCOVERED_WATCHED);
	assert_int_equal(ask(house, "s.example", "anna"), DISCOVERED_WELCOME);
	assert_int_equal(ask(house, "s.example", "anna"), DISCOVERED_WELCOME);
}

/* Who has nineteen failures must not learn from the limit whether the next user is away or does
 * not exist. */
static void test_suspicion_tells_nothing(void **state)
{
	static const int last[] = { 404, 410, 480, 484, 485, 604 };
	struct house *house = *state;
	char domain[32];

	for (size_t i = 0; i < COUNT(last); i++) {
		snprintf(domain, sizeof(domain), "t%zu.example", i);
		(void)ask(house, domain, "anna");
		answer(house, domain, 404, 19);
		answer(house, domain, last[i], 1);
		assert_int_equal(look(house, domain).state, DISCOVERED_LIMITED);
		assert_int_equal(look(house, domain).n_failed, 20);
	}
}

/* Who has series of its own: approved ones first, then the busiest; the others are summed
 * up. */
static void test_busiest(void **state)
{
	struct house *house = *state;
	struct discovered_traffic best[3], rest;
	struct discovered_view before;
	char domain[32];

	assert_int_equal(discovered_busiest(house->table, house->now_ms, 3, best, &rest), 0);
	for (unsigned i = 1; i <= 9; i++) { /* d1 asks once, d9 nine times */
		snprintf(domain, sizeof(domain), "d%u.example", i);
		for (unsigned k = 0; k < i; k++)
			(void)ask(house, domain, "anna");
	}
	discovered_sent(house->table, "d1.example", house->now_ms);
	assert_int_equal(discovered_approve(house->table, "d2.example", WALL_S + 3600, "",
					    house->now_ms, &before),
			 ERR_OK);
	assert_int_equal(discovered_busiest(house->table, house->now_ms, 3, best, &rest), 3);
	assert_string_equal(best[0].domain, "d2.example");
	assert_string_equal(best[1].domain, "d8.example");
	assert_string_equal(best[2].domain, "d9.example");
	assert_true(best[0].is_approved && best[0].n_received == 2);
	assert_int_equal(rest.n_received, 1 + 3 + 4 + 5 + 6 + 7);
	assert_int_equal(rest.n_sent, 1);
	assert_string_equal(rest.domain, "");
	house->now_ms += 3601000; /* the approval has ended */
	assert_int_equal(discovered_busiest(house->table, house->now_ms, 3, best, &rest), 3);
	assert_string_equal(best[0].domain, "d7.example");
	assert_int_equal(discovered_busiest(house->table, house->now_ms, 0, best, &rest), 0);
	assert_int_equal(rest.n_received, 45);
}

static void test_approved(void **state)
{
	struct house *house = *state;
	struct discovered_view before;
	char user[8];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		(void)ask(house, "p.example", user);
	}
	assert_int_equal(discovered_approve(house->table, "p.example", WALL_S + 3600, "known",
					    house->now_ms, &before),
			 ERR_OK);
	assert_int_equal(before.state, DISCOVERED_LIMITED);
	assert_false(discovered_hides(house->table, "p.example", house->now_ms));
	for (unsigned i = 0; i < 60; i++) {
		snprintf(user, sizeof(user), "v%u", i);
		assert_int_equal(ask(house, "p.example", user), DISCOVERED_WELCOME);
	}
	answer(house, "p.example", 404, 100);
	assert_int_equal(look(house, "p.example").state, DISCOVERED_APPROVED);
	assert_int_equal(look(house, "p.example").n_users, 65);
	assert_string_equal(look(house, "p.example").note, "known");
	assert_int_equal(look(house, "p.example").said_s, WALL_S);

	house->now_ms += 3600 * 1000; /* it ends by itself, and nothing is held against it */
	assert_true(discovered_hides(house->table, "p.example", house->now_ms));
	assert_int_equal(look(house, "p.example").state, DISCOVERED_NEW);
	assert_string_equal(look(house, "p.example").note, "");
	assert_int_equal(ask(house, "p.example", "w"), DISCOVERED_WELCOME);
	assert_int_equal(look(house, "p.example").n_users, 1);
	assert_int_equal(look(house, "p.example").n_received, 67);
}

static void test_blocked_and_forgotten(void **state)
{
	struct house *house = *state;
	struct discovered_view before;

	assert_int_equal(discovered_block(house->table, "b.example", "spam", BEGIN_MS, &before),
			 ERR_OK);
	assert_string_equal(before.domain, ""); /* in advance */
	assert_int_equal(ask(house, "b.example", "anna"), DISCOVERED_IS_BLOCKED);
	assert_int_equal(look(house, "b.example").state, DISCOVERED_BLOCKED);
	assert_int_equal(look(house, "b.example").n_refused, 1);
	assert_true(discovered_is_blocked(house->table, "b.example"));
	assert_false(discovered_is_blocked(house->table, "unknown.example"));
	assert_int_equal(look(house, "b.example").n_users, 0);
	assert_int_equal(
		discovered_approve(house->table, "b.example", 0, NULL, BEGIN_MS, &before),
		ERR_OK);
	assert_int_equal(before.state, DISCOVERED_BLOCKED);
	assert_false(discovered_is_blocked(house->table, "b.example"));
	assert_string_equal(before.note, "spam");
	assert_int_equal(ask(house, "b.example", "anna"), DISCOVERED_WELCOME);
	assert_true(discovered_knows(house->table, "b.example"));
	assert_int_equal(discovered_forget(house->table, "b.example", BEGIN_MS, &before),
			 ERR_OK);
	assert_int_equal(before.state, DISCOVERED_APPROVED);
	assert_false(discovered_knows(house->table, "b.example"));
	assert_int_equal(discovered_forget(house->table, "b.example", BEGIN_MS, &before),
			 ERR_NOT_FOUND);
	assert_true(discovered_hides(house->table, "b.example", BEGIN_MS));
}

/* Strangers who bring ever new domains push out each other, but nobody of whom something was
 * said. */
static void test_bounded(void **state)
{
	struct house *house = *state;
	unsigned counts[N_DISCOVERED_STATES], n = 0;
	struct discovered_view before;
	char domain[64];

	assert_int_equal(
		discovered_approve(house->table, "good.example", 0, "", BEGIN_MS, &before),
		ERR_OK);
	assert_int_equal(discovered_block(house->table, "bad.example", "", BEGIN_MS, &before),
			 ERR_OK);
	for (unsigned i = 0; i < 3; i++) /* watched */
		(void)ask(house, "w.example", i == 0 ? "a" : i == 1 ? "b" : "c");
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		assert_int_equal(ask(house, domain, "anna"), DISCOVERED_WELCOME);
		assert_string_equal(look(house, domain).domain, domain);
	}
	discovered_count(house->table, BEGIN_MS, counts);
	for (size_t i = 0; i < N_DISCOVERED_STATES; i++)
		n += counts[i];
	assert_int_equal(n, 160);
	assert_int_equal(counts[DISCOVERED_APPROVED], 1);
	assert_int_equal(counts[DISCOVERED_BLOCKED], 1);
	assert_int_equal(counts[DISCOVERED_WATCHED], 1);
}

/* Where all was said by administrators, new domains share one account and leave no trace. */
static void test_no_room(void **state)
{
	struct house *house = *state;
	unsigned n_limit = 0, n_welcome = 0, counts[N_DISCOVERED_STATES];
	struct discovered_view before;
	char domain[64];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		n_limit += discovered_block(house->table, domain, "", BEGIN_MS, &before) ==
			   ERR_LIMIT;
	}
	assert_int_equal(n_limit, 2000 - 160);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(domain, sizeof(domain), "e%u.example", i);
		n_welcome += ask(house, domain, NULL) == DISCOVERED_WELCOME;
		answer(house, domain, 404, 1);
	}
	assert_in_range(n_welcome, 16,
			16 * 20); /* what one domain may, for each of the sixteen parts */
	discovered_count(house->table, BEGIN_MS, counts);
	assert_int_equal(counts[DISCOVERED_BLOCKED], 160);
	assert_int_equal(counts[DISCOVERED_NEW], 0);
	assert_int_equal(ask(house, "d1.example", NULL), DISCOVERED_IS_BLOCKED);
}

static void test_notes(void **state)
{
	struct house *house = *state;
	struct identity_name names[] = { { IDENTITY_DNS, "a.example" },
					 { IDENTITY_DNS, "sip.a.example" } };
	struct identity identity = { .n_refs = 1,
				     .names = names,
				     .n_names = 2,
				     .sha256 = "0123",
				     .not_after = 77,
				     .issuer = "CN=ca" };

	discovered_note(house->table, "a.example", &identity, "sip.a.example:5061", "rule");
	assert_string_equal(look(house, "a.example").domain, ""); /* makes no entry */
	(void)ask(house, "a.example", "anna");
	discovered_note(house->table, "a.example", &identity, NULL, NULL);
	discovered_note(house->table, "a.example", NULL, "sip.a.example:5061",
			"certificate-names-domain");
	assert_string_equal(look(house, "a.example").facts.names, "a.example, sip.a.example");
	assert_string_equal(look(house, "a.example").facts.sha256, "0123");
	assert_string_equal(look(house, "a.example").facts.issuer, "CN=ca");
	assert_int_equal(look(house, "a.example").facts.not_after, 77);
	assert_string_equal(look(house, "a.example").facts.srv_target, "sip.a.example:5061");
	assert_string_equal(look(house, "a.example").facts.rule, "certificate-names-domain");
}

static void test_lists(void **state)
{
	struct house *house = *state;
	struct discovered_name *names;
	struct discovered_view before;
	size_t n;

	(void)ask(house, "b.example", "anna");
	(void)ask(house, "a.example", "anna");
	assert_int_equal(discovered_block(house->table, "c.example", "", BEGIN_MS, &before),
			 ERR_OK);
	assert_int_equal(discovered_domains(house->table, ~0U, BEGIN_MS, &names, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_string_equal(names[0].text, "a.example");
	assert_string_equal(names[1].text, "b.example");
	assert_string_equal(names[2].text, "c.example");
	free(names);
	assert_int_equal(discovered_domains(house->table, 1U << DISCOVERED_BLOCKED, BEGIN_MS,
					    &names, &n),
			 ERR_OK);
	assert_int_equal(n, 1);
	assert_string_equal(names[0].text, "c.example");
	free(names);
}

enum { N_THREADS = 4, N_ROUNDS = 3000 };

static void *hammer(void *user)
{
	struct discovered *table = user;
	unsigned char users[USER_SKETCH_BYTES];
	unsigned counts[N_DISCOVERED_STATES], retry_after_s;
	struct discovered_view view;
	char domain[32], name[32];
	size_t len;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		struct discovered_question question = { domain, name, "corp.example",
							BEGIN_MS + i };

		snprintf(domain, sizeof(domain), "d%u.example", i % 300);
		snprintf(name, sizeof(name), "u%u", i % 7);
		(void)discovered_request(table, &question, &retry_after_s);
		discovered_answered(table, domain, i % 3 ? 404 : 200, BEGIN_MS + i);
		discovered_sent(table, domain, BEGIN_MS + i);
		if (i % 50 == 0)
			(void)!discovered_block(table, domain, "x", BEGIN_MS + i, &view);
		if (i % 60 == 0)
			(void)!discovered_forget(table, domain, BEGIN_MS + i, &view);
		if (i % 100 == 0)
			discovered_count(table, BEGIN_MS + i, counts);
		if (i % 200 == 0)
			discovered_tick(table, BEGIN_MS + i);
		(void)discovered_take_changed(table, &view, users, &len);
	}
	return NULL;
}

/* For ThreadSanitizer; here that nothing is lost or counted twice. */
static void test_threads(void **state)
{
	struct house *house = *state;
	unsigned counts[N_DISCOVERED_STATES], n = 0;
	pthread_t threads[N_THREADS];

	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, house->table), 0);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	discovered_count(house->table, BEGIN_MS + N_ROUNDS, counts);
	for (size_t i = 0; i < N_DISCOVERED_STATES; i++)
		n += counts[i];
	assert_in_range(n, 100, 160);
}

struct told {
	unsigned n_changed, n_gone;
	enum discovered_state before, after;
	char domain[64];
};

static void on_changed(void *user, const struct discovered_view *view,
		       enum discovered_state before)
{
	struct told *told = user;

	told->n_changed++;
	told->before = before;
	told->after = view->state;
	text_copy(told->domain, sizeof(told->domain), view->domain);
}

static void on_gone(void *user, const char *domain)
{
	struct told *told = user;

	told->n_gone++;
	text_copy(told->domain, sizeof(told->domain), domain);
}

static void test_journal(void **state)
{
	struct house *house = *state;
	struct told told = { 0 };
	const struct discovered_journal journal = { on_changed, on_gone, &told };
	struct discovered_view before;

	discovered_set_journal(house->table, &journal);
	(void)ask(house, "a.example", "anna");
	assert_int_equal(told.n_changed, 0); /* everybody begins as a new one */
	answer(house, "a.example", 404, 20);
	assert_int_equal(told.n_changed, 1);
	assert_int_equal(told.after, DISCOVERED_LIMITED);
	assert_int_equal(discovered_approve(house->table, "a.example", WALL_S + 1000, "",
					    house->now_ms, &before),
			 ERR_OK);
	assert_int_equal(told.n_changed, 2);
	discovered_tick(house->table, house->now_ms + 999000);
	assert_int_equal(told.n_changed, 2);
	discovered_tick(house->table, house->now_ms + 1000000); /* without a request */
	assert_int_equal(told.n_changed, 3);
	assert_int_equal(told.before, DISCOVERED_APPROVED);
	assert_int_equal(told.after, DISCOVERED_NEW);
	assert_int_equal(discovered_forget(house->table, "a.example", house->now_ms, &before),
			 ERR_OK);
	assert_int_equal(told.n_gone, 1);
	discovered_set_journal(house->table, NULL);
}

static void test_restored(void **state)
{
	struct house *house = *state;
	struct discovered *again;
	struct discovered_view view, before;
	unsigned char users[USER_SKETCH_BYTES];
	const uint64_t key[2] = { 1, 2 };
	size_t len;

	discovered_set_key(house->table, key);
	for (unsigned i = 0; i < 6; i++)
		(void)ask(house, "l.example",
			  (const char *const[]){ "a", "b", "c", "d", "e", "f" }[i]);
	assert_true(discovered_take_changed(house->table, &view, users, &len));
	assert_true(len > 0);
	assert_int_equal(view.n_refused, 1);
	assert_false(discovered_take_changed(house->table, &before, users + len, &len));

	assert_int_equal(discovered_new(160, &again), ERR_OK);
	discovered_set_bounds(again, &bounds);
	discovered_set_key(again, key);
	assert_int_equal(discovered_restore_users(again, "l.example", users, 21),
			 ERR_NOT_FOUND);
	assert_int_equal(discovered_restore(again, &view, 5), ERR_OK);
	assert_int_equal(discovered_restore(again, &view, 5), ERR_EXISTS);
	assert_int_equal(discovered_restore_users(again, "l.example", users, 20), ERR_SYNTAX);
	assert_int_equal(discovered_restore_users(again, "l.example", users, 21), ERR_OK);
	discovered_free(house->table);
	house->table = again;
	assert_int_equal(look(house, "l.example").state, DISCOVERED_LIMITED);
	assert_int_equal(look(house, "l.example").n_received, 6);
	assert_int_equal(look(house, "l.example").first_seen_s, WALL_S);
	assert_int_equal(ask(house, "l.example", "g"), DISCOVERED_TOO_MANY_USERS);
	assert_int_equal(ask(house, "l.example", "e"), DISCOVERED_WELCOME);
	assert_true(discovered_take_changed(again, &view, users, &len));
	assert_int_equal(len, 0); /* no new users */
}

static void test_allowed(void **state)
{
	static const struct settings_text allow[] = { { .text = "*.b.example" },
						      { .text = "a.example" } },
					  deny[] = { { .text = "*.bad.b.example" },
						     { .text = "c.example" } };
	const struct settings_federation open = { .deny = deny, .n_deny = 2 }, listed = {
		.allow = allow, .n_allow = 2, .deny = deny, .n_deny = 2
	};
	static const struct {
		const char *domain;
		enum discovered_listing open, listed;
	} rows[] = {
		{ "a.example", DISCOVERED_ALLOWED, DISCOVERED_ALLOWED },
		{ "x.a.example", DISCOVERED_ALLOWED, DISCOVERED_NOT_LISTED },
		{ "b.example", DISCOVERED_ALLOWED, DISCOVERED_NOT_LISTED },
		{ "x.b.example", DISCOVERED_ALLOWED, DISCOVERED_ALLOWED },
		{ "x.bad.b.example", DISCOVERED_DENIED, DISCOVERED_DENIED },
		{ "bad.b.example", DISCOVERED_ALLOWED, DISCOVERED_ALLOWED },
		{ "c.example", DISCOVERED_DENIED, DISCOVERED_DENIED },
		{ "x.c.example", DISCOVERED_ALLOWED, DISCOVERED_NOT_LISTED },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (discovered_is_allowed(&open, rows[i].domain) != rows[i].open ||
		    discovered_is_allowed(&listed, rows[i].domain) != rows[i].listed)
			fail_msg("%s", rows[i].domain);
}

static void test_hidden_status(void **state)
{
	static const int hidden[] = { 404, 410, 480, 484, 485, 604 },
			 shown[] = { 200, 302, 401, 403, 486, 487, 503, 603 };

	for (size_t i = 0; i < COUNT(hidden); i++)
		assert_int_equal(discovered_hidden_status(hidden[i]), 480);
	for (size_t i = 0; i < COUNT(shown); i++)
		assert_int_equal(discovered_hidden_status(shown[i]), shown[i]);
}

static void test_words(void **state)
{
	for (int i = 0; i < N_DISCOVERED_STATES; i++)
		assert_true(*discovered_state_text((enum discovered_state)i));
	assert_int_equal(discovered_reason(DISCOVERED_WELCOME), REASON_NONE);
	assert_int_equal(discovered_reason(DISCOVERED_RATE_LIMITED),
			 REASON_PARTNER_RATE_LIMITED);
	assert_int_equal(discovered_reason(DISCOVERED_SUSPICIOUS), REASON_PARTNER_SUSPICIOUS);
	assert_int_equal(discovered_reason(DISCOVERED_TOO_MANY_USERS),
			 REASON_PARTNER_TOO_MANY_USERS);
	assert_int_equal(discovered_reason(DISCOVERED_IS_BLOCKED), REASON_PARTNER_BLOCKED);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_new),
		ROW(test_rate),
		ROW(test_users),
		ROW(test_harvest),
		ROW(test_suspicious),
		ROW(test_suspicion_tells_nothing),
		ROW(test_busiest),
		ROW(test_approved),
		ROW(test_bounded),
		ROW(test_blocked_and_forgotten),
		ROW(test_no_room),
		ROW(test_notes),
		ROW(test_lists),
		ROW(test_journal),
		ROW(test_threads),
		ROW(test_restored),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_hidden_status),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
