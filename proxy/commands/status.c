#include <string.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

enum { MANY = 6 }; /* more rows than these are summed up without --all */

static const struct option_row option_watch = { .name = "watch",
						.text = "print it anew each second" },
			       option_all = { .name = "all",
					      .text = "list everything, however long" },
			       option_plugin = {
				       .name = "plugin",
				       .text = "one line, and the exit codes of monitoring plugins: 0 ok, 1 "
					       "warning, 2 critical, 3 unknown"
			       };
static const struct option_row *const options[] = { &option_watch, &option_all,     &option_plugin,
						    &option_json,  &option_control,
						    &option_color, &option_help,
						    NULL };
static const struct example_row examples[] = {
	{ "nuncio status", "One screen, problems first." },
	{ "nuncio status partners --all", "All partners with what was last seen of them." },
	{ "nuncio status --json", "The same facts for a program." },
	{ "nuncio status --plugin", "For Nagios, Icinga and their like." },
	{ 0 },
};

static bool is_down(const char *state)
{
	return strcmp(state, "down") == 0 || strcmp(state, "not logged on") == 0;
}

static enum ink ink_of(const char *state)
{
	return strcmp(state, "up") == 0     ? INK_OK
	       : is_down(state)             ? INK_FAIL
					    : INK_DETAIL;
}

static void print_verdict(const struct screen *screen, const json_t *status)
{
	const json_t *problems = json_object_get(status, "problems"), *problem;
	size_t n = json_array_size(problems), i;
	uint64_t uptime_s = (uint64_t)record_number(status, "uptime_s");
	char uptime[32];

	printf("nuncio %s %s %s, ", record_text(status, "program"),
	       json_is_true(json_object_get(status, "draining")) ? "ends after" : "running",
	       uptime_s == 0 ? "just now" : text_duration(uptime_s * 1000, uptime));
	if (n == 0)
		screen_print(screen, INK_OK, "no problems");
	else
		screen_print(screen, INK_FAIL, "%zu problem%s", n, n == 1 ? "" : "s");
	printf("; %lld requests in progress\n", record_number(status, "busy"));
	json_array_foreach(problems, i, problem) {
		bool is_error = strcmp(record_text(problem, "severity"), "error") == 0;

		screen_print(screen, is_error ? INK_FAIL : INK_WARN, "  %-4s",
			     is_error ? "FAIL" : "warn");
		printf(" %s: ", record_text(problem, "where"));
		screen_paragraph(screen, (unsigned)strlen(record_text(problem, "where")) + 9, 7,
				 record_text(problem, "text"));
		printf("       [%s] who must act: %s\n", record_text(problem, "code"),
		       record_text(problem, "act"));
	}
}

static void print_traffic(const struct screen *screen, const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");

	screen_print(screen, INK_STRONG, "traffic since the start\n");
	printf("  %lld requests, %lld refused, %lld malformed, %lld over a limit, %lld repeated\n",
	       record_number(counters, "requests"), record_number(counters, "refusals"),
	       record_number(counters, "malformed"), record_number(counters, "limited"),
	       record_number(counters, "retransmissions"));
	printf("  now: %lld connections, %lld transactions\n", record_number(counters, "connections"),
	       record_number(counters, "transactions"));
}

static void add_listener(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state");

	grid_add(grid, ink_of(state), 0, state, record_text(row, "name"),
		 record_text(row, "network"), record_text(row, "transport"),
		 record_text(row, "address"), NULL);
}

static void add_peer(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state"), *domain = record_text(row, "domain");
	long long failure_s = record_number(row, "last_failure_s");
	char to[GRID_CELL], seen[40], failed[40], text[GRID_CELL];

	snprintf(to, sizeof(to), "%s %s", record_text(row, "transport"),
		 *record_text(row, "server") ? record_text(row, "server") : "by its log-on");
	snprintf(text, sizeof(text), "seen %s",
		 screen_ago(record_number(row, "last_seen_s"), seen));
	if (failure_s >= 0) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "; %s %s",
			 record_text(row, "last_reason"), screen_ago(failure_s, failed));
	}
	/* Its name leads nowhere: nothing was sent that could have failed. */
	if (failure_s < 0 && strcmp(state, "down") == 0)
		snprintf(text, sizeof(text), "seen never; %s", record_text(row, "last_reason"));
	grid_add(grid, ink_of(state), 0, state, *domain ? domain : record_text(row, "name"),
		 !*domain                                            ? "-"
		 : json_is_true(json_object_get(row, "trustworthy")) ? "trusted"
								     : "not trusted",
		 to, text, NULL);
}

static void add_certificate(struct grid *grid, const json_t *row)
{
	long long days = record_number(row, "days_left");
	char left[64];

	snprintf(left, sizeof(left), "%lld d left", days);
	grid_add(grid,
		 days < 0    ? INK_FAIL
		 : days < 14 ? INK_WARN
			     : INK_OK,
		 0,
		 days < 0    ? "FAIL"
		 : days < 14 ? "warn"
			     : "ok",
		 record_text(row, "name"), left, record_text(row, "not_after"),
		 record_text(row, "names"), NULL);
}

static const struct section {
	const char *key, *word, *title;
	void (*add)(struct grid *grid, const json_t *row);
} sections[] = {
	{ "listeners", "listeners", "listeners", add_listener },
	{ "partners", "partners", "partners", add_peer },
	{ "backends", "backends", "backends", add_peer },
	{ "certificates", "certs", "certificates", add_certificate },
};

static bool is_remarkable(const json_t *row)
{
	const char *state = record_text(row, "state");

	return is_down(state) || (!*state && record_number(row, "days_left") < 14);
}

static void print_section(const struct screen *screen, const json_t *status,
			  const struct section *section, bool with_all)
{
	const json_t *rows = json_object_get(status, section->key), *row;
	size_t n = json_array_size(rows), shown = 0, i;
	struct grid grid;

	if (n == 0)
		return;
	grid_init(&grid, screen);
	/* Those in trouble first, then the others as far as they fit. */
	for (int pass = 0; pass < 2; pass++) {
		json_array_foreach(rows, i, row) {
			if (is_remarkable(row) != (pass == 0) || (!with_all && shown >= MANY))
				continue;
			section->add(&grid, row);
			shown++;
		}
	}
	screen_print(screen, INK_STRONG, "%s\n", section->title);
	grid_print(&grid);
	if (shown < n)
		screen_print(screen, INK_DETAIL, "  %zu more: nuncio status %s --all\n",
			     n - shown, section->word);
}

static void print_status(const struct args *args, const struct screen *screen,
			 const json_t *status)
{
	const char *only = args->n_operands > 0 ? args->operands[0] : NULL;

	if (!only)
		print_verdict(screen, status);
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (!only || strcmp(only, sections[i].word) == 0)
			print_section(screen, status, &sections[i], args_has(args, "all"));
	}
	if (!only)
		print_traffic(screen, status);
}

static bool is_section(const char *word)
{
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (strcmp(word, sections[i].word) == 0)
			return true;
	}
	return false;
}

static enum exit_code show(const struct args *args, const struct screen *screen)
{
	struct client_answer answer;
	enum exit_code code = client_ask(args, "/v1/status", NULL, NULL, &answer);

	if (code != EXIT_YES)
		return code;
	if (screen->is_terminal && args_has(args, "watch"))
		fputs("\033[H\033[2J", stdout);
	if (args_has(args, "json"))
		client_print_json(answer.json);
	else
		print_status(args, screen, answer.json);
	fflush(stdout);
	code = json_is_true(json_object_get(answer.json, "ok")) ? EXIT_YES : EXIT_NO;
	json_decref(answer.json);
	return code;
}

/* As Nagios and its heirs want it; not our exit codes, so only when it is asked for. */
static enum exit_code plug(const struct args *args)
{
	enum { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };
	const json_t *problems, *problem;
	struct client_answer answer;
	int code = PLUGIN_OK;
	size_t i;

	if (client_ask(args, "/v1/status", NULL, NULL, &answer) != EXIT_YES) {
		puts("NUNCIO UNKNOWN: no answer");
		return (enum exit_code)PLUGIN_UNKNOWN;
	}
	problems = json_object_get(answer.json, "problems");
	json_array_foreach(problems, i, problem) {
		bool is_error = strcmp(record_text(problem, "severity"), "error") == 0;

		if (code != PLUGIN_CRITICAL)
			code = is_error ? PLUGIN_CRITICAL : PLUGIN_WARNING;
	}
	printf("NUNCIO %s: %zu problem%s",
	       code == PLUGIN_OK	? "OK" :
	       code == PLUGIN_WARNING ? "WARNING" :
					  "CRITICAL",
	       json_array_size(problems), json_array_size(problems) == 1 ? "" : "s");
	json_array_foreach(problems, i, problem)
		printf("%s %s (%s)", i == 0 ? ":" : ",", record_text(problem, "where"),
		       record_text(problem, "code"));
	putchar('\n');
	json_decref(answer.json);
	return (enum exit_code)code;
}

static enum exit_code status(const struct args *args)
{
	struct screen screen;
	enum exit_code code;

	if (args->n_operands > 0 && !is_section(args->operands[0])) {
		fprintf(stderr,
			"nuncio status: listeners, partners, backends or certs, not '%s'\n",
			args->operands[0]);
		return EXIT_USAGE;
	}
	if (args_has(args, "plugin"))
		return plug(args);
	screen_init(&screen, stdout, args);
	code = show(args, &screen);
	while (args_has(args, "watch") && code <= EXIT_NO && !ferror(stdout)) {
		sleep(1);
		code = show(args, &screen);
	}
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.operands = "[listeners|partners|backends|certs]",
	.summary = "tell how it goes: one screen, problems first",
	.text = "Prints the verdict, then each problem with who must act, then listeners, "
		"partners, backends and "
		"certificates. A partner is up when one of its servers answered last, down "
		"when none of those that "
		"were tried did, unknown before anything was sent. A backend without servers of "
		"its own is not logged on until it has registered.",
	.max_operands = 1,
	.completes = COMPLETES_WORDS,
	.words = "listeners partners backends certs",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "no problems",
		   [EXIT_NO] = "there are problems",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = status,
};
