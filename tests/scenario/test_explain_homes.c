/* `nuncio explain` for users of the house: what it says is what traffic gets, wherever a home
 * comes from; and asking changes nothing. And `balance` at the level of requests: what the loss
 * of a backend moves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/explain.h"
#include "proxy/worker.h"
#include "tests/scenario/scenario.h"
#include "tests/world/script_inside.h"

enum { FAULT_SIZE = 80000, N_USERS = 1000, MAX_BACKENDS = 4 };

/* clang-format off */
#define START(PLACEMENT) \
	HOUSE_OF_BACKENDS \
	"placement: " PLACEMENT "\n" \
	"backends:\n"

#define PARIS "  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan, probe: 0, users: [paul] }\n"

static const char *const search[] = {
	START("search")
	PARIS
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n",
	NULL,
};
/* Nobody but those who log on. */
static const char *const logged_on[] = {
	START("search")
	PARIS
	"  - { name: oslo, username: ucs-oslo, password_file: berlin.pass, listener: lan-udp, probe: 0, users: [olga] }\n",
	NULL,
};
#define WEIGHED(N, WEIGHT) "  - { name: b" N ", address: 'sip:10.0.2." N ":5060;transport=tcp', listener: lan, probe: 0, weight: " WEIGHT " }\n"
static const char *const balance[] = { START("balance") WEIGHED("1", "1") WEIGHED("2", "2") WEIGHED("3", "5") WEIGHED("4", "0"), NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:max@corp.example" },
	{ "paris", "10.0.1.3:5060", "lan", "", "sip:paul@corp.example" },
	{ "oslo", "10.0.1.4:5060", "lan-udp", "", "sip:olga@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};
static const struct role balance_cast[] = {
	{ "b1", "10.0.2.1:5060", "lan", "", "sip:one@corp.example" },
	{ "b2", "10.0.2.2:5060", "lan", "", "sip:two@corp.example" },
	{ "b3", "10.0.2.3:5060", "lan", "", "sip:three@corp.example" },
	{ "b4", "10.0.2.4:5060", "lan", "", "sip:four@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define FAR "<sip:192.168.7.7:5060;transport=tcp>"
#define REGISTERED(WHO, USERNAME, PASSWORD, WHOM, CONTACT) \
	WHO " > REGISTER sip:corp.example | To: <sip:" WHOM "@corp.example> | Contact: " CONTACT "\n" \
	WHO " < 401\n" \
	WHO " > REGISTER sip:corp.example | To: <sip:" WHOM "@corp.example> | Contact: " CONTACT " |" \
	" Digest: " USERNAME " " PASSWORD " SHA-256\n" \
	WHO " < 200\n"
#define PARIS_LOGS_ON REGISTERED("paris", "ucs-paris", "hidden", "ucs-paris", FAR)
#define SEEN_AT_MUNICH \
	"munich is sip:carl@corp.example\n" \
	"munich > MESSAGE sip:bob@partner.example\n" \
	"bob < MESSAGE\n" \
	"bob > 200\n" \
	"munich < 200\n" \
	"munich is sip:max@corp.example\n"

/* Who asks whom for what, and which home is found; the script before makes it so. The source is what explain is asked with: NULL
 * leaves it to explain. */
static const struct row {
	const char *name;
	const char *const *configs;
	const char *before, *sender, *from, *to, *source, *listener;
	const char *destination, *step;
	enum reason reason;
} rows[] = {
	{ "listed", search, "", "bob", "bob@partner.example", "anna@corp.example", NULL, NULL,
	  "backend:berlin", "user 'anna' lives at backend:berlin", REASON_NONE },
	{ "bound", search,
	  PARIS_LOGS_ON REGISTERED("paris", "ucs-paris", "hidden", "carl", "<sip:carl@192.168.7.7>"),
	  "bob", "bob@partner.example", "carl@corp.example", NULL, NULL,
	  "backend:paris", "user 'carl' is registered by backend:paris at sip:carl@192.168.7.7", REASON_NONE },
	{ "learned", search, SEEN_AT_MUNICH, "bob", "bob@partner.example", "carl@corp.example", NULL, NULL,
	  "backend:munich", "user 'carl' was seen at backend:munich", REASON_NONE },
	{ "searched", search, "", "bob", "bob@partner.example", "carl@corp.example", NULL, NULL,
	  "backend:*", "one after the other: paris, berlin, munich", REASON_NONE },
	{ "between backends", search, "", "munich", "max@corp.example", "anna@corp.example", "10.0.1.2", "lan-udp",
	  "backend:berlin", "user 'anna' lives at backend:berlin", REASON_NONE },
	{ "between backends: the one that asks is not asked", search, "", "munich", "max@corp.example", "carl@corp.example",
	  "10.0.1.2", "lan-udp", "backend:*", "one after the other: paris, berlin", REASON_NONE },
	{ "learned at the one that asks", search, SEEN_AT_MUNICH, "munich", "max@corp.example", "carl@corp.example", "10.0.1.2",
	  "lan-udp", "backend:*", "user 'carl' was seen at backend:munich, which asks us itself: forgotten", REASON_NONE },
	{ "a backend that has logged on sends: explain stands for its connection", logged_on, PARIS_LOGS_ON,
	  "paris", "paul@corp.example", "bob@partner.example", NULL, NULL, "partner:partner.example", "*", REASON_NONE },
	{ "... asked by its address", logged_on, PARIS_LOGS_ON,
	  "paris", "paul@corp.example", "bob@partner.example", "10.0.1.3", "lan", "partner:partner.example", "*", REASON_NONE },
	{ "... to another backend", logged_on,
	  PARIS_LOGS_ON REGISTERED("oslo", "ucs-oslo", "secret", "ucs-oslo", "<sip:10.0.1.4>"),
	  "paris", "paul@corp.example", "olga@corp.example", NULL, NULL, "backend:oslo", "user 'olga' lives at backend:oslo",
	  REASON_NONE },
	{ "... by datagrams", logged_on, REGISTERED("oslo", "ucs-oslo", "secret", "ucs-oslo", "<sip:10.0.1.4>"),
	  "oslo", "olga@corp.example", "bob@partner.example", "10.0.1.4", "lan-udp", "partner:partner.example", "*", REASON_NONE },
	{ "before anybody logs on: nobody may speak for us", logged_on, "",
	  "paris", "paul@corp.example", "bob@partner.example", NULL, NULL, "", "*", REASON_STRANGER },
};
/* clang-format on */

static char fault[FAULT_SIZE];

static void say(struct stage *stage, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!stage_line(stage, line))
		fail_msg("%s", stage->fault);
}

static void explain(struct stage *stage, const struct row *row, struct decision *out)
{
	struct world *world = stage_world(stage);
	const char *what = "";
	const struct explain_question question = { .from = row->from,
						   .to = row->to,
						   .source = row->source,
						   .listener = row->listener };

	memset(out, 0, sizeof(*out));
	if (explain_request(world->server, world->server->snapshot, &question, out, &what))
		fail_msg("the question is wrong: %s", what);
}

static bool has_step(const struct decision *decision, const char *pattern)
{
	for (unsigned i = 0; i < decision->n_steps; i++)
		if (text_glob(pattern, decision_step_result(decision, i)))
			return true;
	return false;
}

static const struct agent *agent_called(const struct stage *stage, const char *name)
{
	for (unsigned i = 0; i < stage->n_agents; i++)
		if (!strcmp(stage->agents[i]->party.name, name))
			return stage->agents[i];
	fail_msg("nobody is called %s", name);
	return NULL;
}

static void ask_really(struct stage *stage, const struct row *row, struct decision *out)
{
	const struct agent *agent = agent_called(stage, row->sender);
	char call_id[sizeof(agent->call_id)];

	say(stage, "%s is sip:%s", row->sender, row->from);
	say(stage, "%s > MESSAGE sip:%s", row->sender, row->to);
	text_copy(call_id, sizeof(call_id), agent->call_id);
	say(stage, "everybody answers");
	for (unsigned i = 0; i < stage->world.n_workers; i++)
		if (decision_ring_find(stage->world.server->workers[i]->decisions, call_id,
				       false, out, 1))
			return;
	fail_msg("there is no record of %s", call_id);
}

static void check_counts(struct stage *stage, const struct location_counts *before)
{
	struct location_counts after;

	location_count(stage->world.server->location, NULL, loop_now_ms(stage->world.loop),
		       &after);
	assert_memory_equal(before, &after, sizeof(after));
}

static void test_row(void **state)
{
	static struct decision told, again, real;
	const struct row *row = *state;
	const struct play play = { row->name, row->before, row->configs, NULL, cast };
	struct stage *stage = stage_new(&play, 2, fault, sizeof(fault));
	struct location_counts before;

	if (!stage || !stage_play(stage, false, fault, sizeof(fault)))
		fail_msg("%s", fault);
	location_count(stage->world.server->location, NULL, loop_now_ms(stage->world.loop),
		       &before);
	explain(stage, row, &told);
	const char *to = decision_text(&told, DECISION_DESTINATION);

	if (told.reason != row->reason || !text_glob(row->destination, to) ||
	    !has_step(&told, row->step))
		fail_msg("explain says %s to '%s'; the last step: %s", reason_code(told.reason),
			 to, told.n_steps ? decision_step_result(&told, told.n_steps - 1) : "");
	/* Nothing was learned, forgotten, or marked as searched: it says the same, and so does
	 * traffic. */
	check_counts(stage, &before);
	explain(stage, row, &again);
	assert_string_equal(decision_text(&told, DECISION_DESTINATION),
			    decision_text(&again, DECISION_DESTINATION));
	assert_int_equal(told.n_steps, again.n_steps);
	ask_really(stage, row, &real);
	assert_int_equal(told.reason, real.reason);
	assert_string_equal(decision_text(&told, DECISION_ORIGIN_ID),
			    decision_text(&real, DECISION_ORIGIN_ID));
	assert_true(real.reason || has_step(&real, row->step));
	/* A search went on from where explain said that it begins. */
	if (!has_step(&real, "*one after the other*"))
		assert_string_equal(decision_text(&told, DECISION_DESTINATION),
				    decision_text(&real, DECISION_DESTINATION));
	if (!stage_settle(stage, fault, sizeof(fault)))
		fail_msg("%s", fault);
	stage_free(stage);
}

/* ---- balance ---- */

/* Sends a message to each user; whose inbox it came into. */
static void ask_all(struct stage *stage, int at[N_USERS])
{
	for (int user = 0; user < N_USERS; user++) {
		at[user] = -1;
		say(stage, "bob > MESSAGE sip:u%d@corp.example", user);
		for (int i = 0; i < MAX_BACKENDS; i++)
			if (party_first(&stage->agents[i]->party)) {
				assert_int_equal(at[user], -1);
				at[user] = i;
			}
		say(stage, "everybody answers");
		if (user % 20 == 0)
			world_turn(&stage->world, 1000);
	}
}

static unsigned count_at(const int at[N_USERS], int backend)
{
	unsigned n = 0;

	for (int user = 0; user < N_USERS; user++)
		n += at[user] == backend;
	return n;
}

static void test_balance(void **state)
{
	static const struct play play = { "balance", "", balance, NULL, balance_cast };
	static int first[N_USERS], second[N_USERS];
	struct stage *stage = stage_new(&play, 2, fault, sizeof(fault));

	if (!stage)
		fail_msg("%s", fault);
	ask_all(stage, first);
	/* 1 : 2 : 5 : 0, within four standard deviations */
	assert_in_range(count_at(first, 0), 125 - 42, 125 + 42);
	assert_in_range(count_at(first, 1), 250 - 55, 250 + 55);
	assert_in_range(count_at(first, 2), 625 - 62, 625 + 62);
	assert_int_equal(count_at(first, 3), 0);

	/* One is gone: its users alone move, to the others by their weights. */
	say(stage, "b2 refuses");
	say(stage, "b2 closes");
	ask_all(stage, second);
	for (int user = 0; user < N_USERS; user++)
		if (first[user] != 1)
			assert_int_equal(second[user], first[user]);
		else
			assert_true(second[user] == 0 || second[user] == 2);
	assert_true(count_at(second, 0) > count_at(first, 0) &&
		    count_at(second, 2) > count_at(first, 2));

	/* It is back, and so are its users. */
	say(stage, "b2 accepts");
	world_turn(&stage->world, 61000);
	ask_all(stage, second);
	assert_memory_equal(first, second, sizeof(first));
	if (!stage_settle(stage, fault, sizeof(fault)))
		fail_msg("%s", fault);
	stage_free(stage);
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(rows) + 1];
	int result;

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[i] = (struct CMUnitTest){ rows[i].name, test_row, NULL, NULL,
						(void *)&rows[i] };
	tests[COUNT(rows)] =
		(struct CMUnitTest){ "balance: 1,000 users", test_balance, NULL, NULL, NULL };
	if (log_start(&(struct log_settings){ .level = LOG_ERROR }))
		return 1;
	result = cmocka_run_group_tests_name("explain_homes", tests, NULL, NULL);
	log_stop();
	return result;
}
