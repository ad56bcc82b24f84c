#include <string.h>
#include <time.h>

#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

static const struct option_row *const options[] = { &option_json, &option_control,
						    &option_color, &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio reload", "Takes the configuration file into use and prints what changed." },
	{ "nuncio check --strict && nuncio reload",
	  "Reloads only if there is nothing to remark." },
	{ "systemctl reload nuncio",
	  "The same by systemd, which fails visibly if the file has faults." },
	{ 0 },
};

static enum ink ink_of(const char *sign)
{
	return *sign == '+' ? INK_OK : *sign == '-' ? INK_FAIL : INK_WARN;
}

static void print_changes(const struct screen *screen, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes"), *change,
		     *kept = json_object_get(answer, "kept");
	const json_t *count;
	struct grid grid;
	const char *key;
	size_t i;
	bool is_first = true;

	printf("reloaded in %lld ms: %lld file%s read, %zu change%s\n",
	       record_number(answer, "took_ms"), record_number(answer, "n_files"),
	       record_number(answer, "n_files") == 1 ? "" : "s", json_array_size(changes),
	       json_array_size(changes) == 1 ? "" : "s");
	grid_init(&grid, screen);
	json_array_foreach(changes, i, change) {
		char what[GRID_CELL];

		snprintf(what, sizeof(what), "%s %s %s", record_text(change, "sign"),
			 record_text(change, "what"), record_text(change, "name"));
		grid_add(&grid, ink_of(record_text(change, "sign")), 0, what,
			 record_text(change, "text"), NULL);
	}
	grid_print(&grid);
	json_object_foreach((json_t *)kept, key, count) {
		long long n = json_integer_value(count);

		printf("%s%lld %.*s", is_first ? "kept: " : ", ", n, (int)strlen(key) - (n == 1), key);
		is_first = false;
	}
	if (!is_first)
		putchar('\n');
}

/* In the form of `nuncio check`, so that editors find the place. */
static void print_problems(FILE *file, const json_t *answer, bool is_rejected)
{
	const char *text = record_text(answer, "text");
	time_t since = (time_t)(record_number(answer, "running_since_us") / 1000000);
	char when[32] = "";
	struct tm tm;

	if (*text)
		fprintf(file, "%s\n", text);
	if (!is_rejected)
		return;
	if (localtime_r(&since, &tm))
		strftime(when, sizeof(when), "%d %b %H:%M", &tm);
	fprintf(file, "%s; the running configuration (%s) is unchanged\n", record_text(answer, "count"), when);
}

static enum exit_code reload(const struct args *args)
{
	struct client_answer answer;
	struct screen screen;
	enum exit_code code = client_ask(args, "/v1/reload", NULL, "", &answer);
	bool ok;

	if (code != EXIT_YES)
		return code;
	ok = answer.status == 200 && json_is_true(json_object_get(answer.json, "ok"));
	screen_init(&screen, stdout, args);
	if (args_has(args, "json"))
		client_print_json(answer.json);
	else if (ok)
		print_changes(&screen, answer.json);
	if (!args_has(args, "json"))
		print_problems(stderr, answer.json, !ok);
	json_decref(answer.json);
	return ok ? EXIT_YES : EXIT_NO;
}

const struct verb verb_reload = {
	.name = "reload",
	.operands = "",
	.summary = "take the changed configuration into use, tell what changed",
	.text = "Makes the daemon read its configuration again, waits for the outcome and "
		"prints what changed. A file with "
		"a fault changes nothing: all faults are printed and the exit code is 1. "
		"Calls, dialogs, transactions "
		"and connections that the change does not touch go on.",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "the configuration is in use; also: nothing had changed",
		   [EXIT_NO] = "it has faults; the old one stays",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not change anything (root and group nuncio may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = reload,
};
