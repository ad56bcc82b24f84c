#include <string.h>
#include <unistd.h>

#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"
#include "proxy/commands/status_text.h"

enum { MANY = 5 }; /* a monitoring system shows one line: it names so many problems */

static const struct option_row
	option_watch = { .name = "watch", .text = "print it anew each second" },
	option_all = { .name = "all", .text = "list everything, however long" },
	option_plugin = { .name = "plugin",
			  .text = "one line, and the exit codes of monitoring plugins: 0 ok, 1 "
				  "warning, 2 critical, 3 unknown" };
static const struct option_row *const options[] = { &option_watch,   &option_all,
						    &option_plugin,  &option_json,
						    &option_control, &option_color,
						    &option_help,    NULL };
static const struct example_row examples[] = {
	{ "nuncio status", "One screen, problems first." },
	{ "nuncio status partners", "All partners with what was last seen of them." },
	{ "nuncio status --json", "The same facts for a program." },
	{ "nuncio status --plugin", "For Nagios, Icinga and their like." },
	{ 0 },
};

/* One screen needs no list of all partners. */
static bool wants_all(const struct args *args)
{
	return args_has(args, "json") || args_has(args, "all") || args->n_operands > 0;
}

static const struct client_query summary_query[] = { { "summary", "1" }, { 0 } };

static enum exit_code show(const struct args *args, const struct screen *screen)
{
	struct client_answer answer;
	enum exit_code code = client_ask(args, "/v1/status",
					 wants_all(args) ? NULL : summary_query, NULL, &answer);

	if (code != EXIT_YES)
		return code;
	if (screen->is_terminal && args_has(args, "watch"))
		fputs("\033[H\033[2J", stdout);
	if (args_has(args, "json"))
		client_print_json(answer.json);
	else if (wants_all(args))
		status_text_all(screen, answer.json,
				args->n_operands > 0 ? args->operands[0] : NULL);
	else
		status_text_overview(screen, answer.json);
	fflush(stdout);
	code = json_is_true(json_object_get(answer.json, "ok")) ? EXIT_YES : EXIT_NO;
	json_decref(answer.json);
	return code;
}

/* As Nagios and its heirs want it; not our exit codes, so only when it is asked for. */
static enum exit_code plug(const struct args *args)
{
	enum { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };
	const json_t *counts, *problems, *problem;
	struct client_answer answer;
	long long n, n_errors;
	int code = PLUGIN_OK;
	size_t i;

	if (client_ask(args, "/v1/status", summary_query, NULL, &answer) != EXIT_YES) {
		puts("NUNCIO UNKNOWN: no answer");
		return (enum exit_code)PLUGIN_UNKNOWN;
	}
	problems = json_object_get(answer.json, "problems");
	counts = json_object_get(json_object_get(answer.json, "counts"), "problems");
	n_errors = record_number(counts, "error");
	n = n_errors + record_number(counts, "warning");
	if (n > 0)
		code = n_errors > 0 ? PLUGIN_CRITICAL : PLUGIN_WARNING;
	printf("NUNCIO %s: %lld problem%s",
	       code == PLUGIN_OK        ? "OK"
	       : code == PLUGIN_WARNING ? "WARNING"
					: "CRITICAL",
	       n, n == 1 ? "" : "s");
	json_array_foreach(problems, i, problem) {
		if (i == MANY)
			break;
		printf("%s %s (%s)", i == 0 ? ":" : ",", record_text(problem, "where"),
		       record_text(problem, "code"));
	}
	if (n > (long long)i)
		printf(", and %lld more", n - (long long)i);
	putchar('\n');
	json_decref(answer.json);
	return (enum exit_code)code;
}

static enum exit_code status(const struct args *args)
{
	struct screen screen;
	enum exit_code code;

	if (args->n_operands > 0 && !status_text_has_section(args->operands[0])) {
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
	.text = "Prints on one screen of 24 lines the verdict, then the problems with who must "
		"act, then listeners, partners, backends and certificates: how many are in which "
		"state, and as many of them as there is room for, those in trouble first. A "
		"section's name lists all of it, --all everything. A partner is up when one of its servers answered last, down "
		"when none of those that "
		"were tried did, unknown before anything was sent.",
	.max_operands = 1,
	.completes = COMPLETES_WORDS,
	.words = "listeners partners backends certs",
	.options = options,
	.examples = examples,
	.output = output_status,
	.exits = { [EXIT_YES] = "no problems",
		   [EXIT_NO] = "there are problems",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = status,
};
