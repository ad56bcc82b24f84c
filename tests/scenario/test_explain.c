/* `nuncio explain` says what traffic gets (design.md D5): for every question of a table the dry
 * run's verdict and destination are those of the decision that the same request leaves behind
 * when it is really sent. */
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

/* clang-format off */
/* Who sends, and by which listener. */
static const struct {
	const char *name, *listener;
} senders[] = {
	{ "berlin", "lan" },	{ "munich", "lan-udp" }, { "berlin", "wan-tcp" }, { "bob", "wan" },
	{ "bob", "wan-tls" },	{ "bob", "wan-tcp" },	 { "bob", "wan-udp" },	  { "dora", "wan-udp" },
	{ "dora", "lan-udp" },	{ "will", "wan-tcp" },	 { "mary", "wan-tcp" },	  { "eve", "wan" },
	{ "eve", "wan-udp" },	{ "mallory", "wan-udp" }, { "mallory", "lan" },
};

static const char *const froms[] = {
	"anna@corp.example", "bob@partner.example", "dora@plain.example", "will@weak.example", "x@many.example",
	"x@off.example",     "eve@evil.example",
};

static const char *const targets[] = {
	"anna@corp.example", "carl@corp.example", "team1@corp.example", "nobody@corp.example", "bob@partner.example",
	"dora@plain.example", "x@many.example",	  "x@off.example",	"x@elsewhere.example", "corp.example",
	"anna@127.0.2.10:5061", "x@203.0.113.20",
};

static const char *const methods[] = { "MESSAGE", "INVITE", "OPTIONS", "REGISTER" };

/* clang-format on */

struct question {
	const char *sender, *listener, *from, *to, *method;
};

static struct agent *agent_called(const struct stage *stage, const char *name)
{
	for (unsigned i = 0; i < stage->n_agents; i++)
		if (!strcmp(stage->agents[i]->party.name, name))
			return stage->agents[i];
	fail_msg("nobody is called %s", name);
	return NULL;
}

static void explain(struct stage *stage, const struct question *question, struct decision *out)
{
	struct world *world = stage_world(stage);
	struct agent *agent = agent_called(stage, question->sender);
	char source[ADDR_TEXT_SIZE], names[256], *rest = names, *name;
	const char *cert_names[8];
	const char *what = "";
	struct explain_question asked = {
		.from = question->from,
		.to = question->to,
		.method = question->method,
		.listener = question->listener,
		.source = addr_host(&agent->party.addr, source),
		.cert_names = cert_names,
	};

	text_copy(names, sizeof(names), agent->party.names);
	while (listener_is_tls(world_listener(world, question->listener)) &&
	       (name = strsep(&rest, ",")))
		cert_names[asked.n_cert_names++] = name;
	if (explain_request(world->server, world->server->snapshot, &asked, out, &what))
		fail_msg("the question is wrong: %s", what);
}

/* The record of the agent's call. */
static void find_record(const struct stage *stage, const struct agent *agent,
			struct decision *out)
{
	for (unsigned i = 0; i < stage->world.n_workers; i++)
		if (decision_ring_find(stage->world.server->workers[i]->decisions,
				       agent->call_id, false, out, 1))
			return;
	fail_msg("there is no record of %s", agent->call_id);
}

static void ask_really(struct stage *stage, const struct question *question,
		       struct decision *out)
{
	char line[512];

	snprintf(line, sizeof(line), "%s by %s", question->sender, question->listener);
	assert_true(stage_line(stage, line));
	snprintf(line, sizeof(line), "%s is sip:%s", question->sender, question->from);
	assert_true(stage_line(stage, line));
	snprintf(line, sizeof(line), "%s > %s sip:%s", question->sender, question->method,
		 question->to);
	if (!stage_line(stage, line))
		fail_msg("%s", stage->fault);
	snprintf(line, sizeof(line), "everybody answers");
	if (!stage_line(stage, line))
		fail_msg("%s", stage->fault);
	find_record(stage, agent_called(stage, question->sender), out);
}

static bool compare(struct stage *stage, const struct question *question, unsigned *n_welcome)
{
	static struct decision told, real;

	memset(&told, 0, sizeof(told));
	memset(&real, 0, sizeof(real));
	explain(stage, question, &told);
	ask_really(stage, question, &real);
	*n_welcome += !real.reason;
	const char *told_to = decision_text(&told, DECISION_DESTINATION),
		   *real_to = decision_text(&real, DECISION_DESTINATION);
	const char *told_of = decision_text(&told, DECISION_ORIGIN_ID),
		   *real_of = decision_text(&real, DECISION_ORIGIN_ID);

	if (told.reason == real.reason && !strcmp(told_to, real_to) &&
	    told.origin == real.origin && !strcmp(told_of, real_of))
		return true;
	print_error("%s by %s, %s, %s -> %s: explain says %s to '%s' (%s), traffic got %s to "
		    "'%s' (%s)\n",
		    question->sender, question->listener, question->method, question->from,
		    question->to, reason_code(told.reason), told_to, told_of,
		    reason_code(real.reason), real_to, real_of);
	return false;
}

static void test_all(void **state)
{
	static const struct play play = { "explain", "", house, house_users, house_cast };
	static char fault[80000];
	struct stage *stage = stage_new(&play, 1, fault, sizeof(fault));
	unsigned n = 0, n_different = 0, n_welcome = 0;
	char line[] = "dns sip.partner.example A 203.0.113.10";

	if (!stage)
		fail_msg("%s", fault);
	assert_true(stage_line(stage, line));
	for (size_t i = 0; i < COUNT(senders) * COUNT(froms) * COUNT(targets) * COUNT(methods);
	     i += 3, n++) {
		size_t rest = i;
		struct question question = { .method = methods[rest % COUNT(methods)] };

		rest /= COUNT(methods);
		question.to = targets[rest % COUNT(targets)];
		rest /= COUNT(targets);
		question.from = froms[rest % COUNT(froms)];
		rest /= COUNT(froms);
		question.sender = senders[rest].name;
		question.listener = senders[rest].listener;
		n_different += !compare(stage, &question, &n_welcome);
		if (n % 20 == 0) /* nobody shall reach a limit */
			world_turn(&stage->world, 1000);
	}
	stage_settle(stage, fault, sizeof(fault));
	stage_free(stage);
	assert_true(n > 1000);
	assert_in_range(n_welcome, 25, n);
	assert_int_equal(n_different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };
	int result;

	if (log_start(&(struct log_settings){ .level = LOG_ERROR }))
		return 1;
	result = cmocka_run_group_tests_name("explain", tests, NULL, NULL);
	log_stop();
	return result;
}
