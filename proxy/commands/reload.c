#include <string.h>
#include <time.h>

#include "conf/value.h"
#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/changes.h"
#include "proxy/commands/client.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"
#include "proxy/reload_confirm.h"

static const struct option_row option_confirm = {
	.name = "confirm",
	.argument = "TIME",
	.text = "take the change back after TIME (1s to 24h) unless `nuncio confirm` comes before",
	.completes = COMPLETES_WORDS,
	.words = "1m 5m 15m 1h"
};
static const struct option_row *const options[] = { &option_confirm, &option_json,
						    &option_control, &option_color,
						    &option_help,    NULL };
static const struct example_row examples[] = {
	{ "nuncio reload", "Takes the configuration file into use and prints what changed." },
	{ "nuncio check --strict && nuncio reload",
	  "Reloads only if there is nothing to remark." },
	{ "nuncio reload --confirm 5m",
	  "The same on trial: after 5 minutes the old one is back, unless `nuncio confirm` says "
	  "that all is well." },
	{ "systemctl reload nuncio",
	  "The same by systemd, which fails visibly if the file has faults." },
	{ 0 },
};

static void print_kept(const json_t *kept)
{
	const json_t *count;
	const char *key;
	bool is_first = true;

	json_object_foreach((json_t *)kept, key, count) {
		long long n = json_integer_value(count);

		printf("%s%lld %.*s", is_first ? "kept: " : ", ", n,
		       (int)strlen(key) - (n == 1), key);
		is_first = false;
	}
	if (!is_first)
		putchar('\n');
}

/* Below the changes, as they are: what they may break. */
static void print_preflight(const struct screen *screen, const json_t *rows)
{
	const json_t *row;
	struct grid grid;
	size_t i;

	grid_init(&grid, screen);
	json_array_foreach(rows, i, row) {
		char what[GRID_CELL];
		bool is_ours = strcmp(record_text(row, "what"), "certificate") == 0;

		snprintf(what, sizeof(what), "~ %s%s%s", record_text(row, "what"),
			 is_ours ? " " : "", is_ours ? record_text(row, "name") : "");
		grid_add(&grid, INK_WARN, 0, what, record_text(row, "text"), NULL);
	}
	grid_print(&grid);
}

static void print_applied(const struct screen *screen, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes"),
		     *confirm = json_object_get(answer, "confirm");
	char left[32];

	printf("reloaded in %lld ms: %lld file%s read, %zu change%s\n",
	       record_number(answer, "took_ms"), record_number(answer, "n_files"),
	       record_number(answer, "n_files") == 1 ? "" : "s", json_array_size(changes),
	       json_array_size(changes) == 1 ? "" : "s");
	changes_print(screen, changes);
	print_preflight(screen, json_object_get(answer, "preflight"));
	print_kept(json_object_get(answer, "kept"));
	if (confirm)
		screen_print(
			screen, INK_WARN, "reverts in %s unless confirmed: nuncio confirm\n",
			text_duration((uint64_t)record_number(confirm, "left_s") * 1000, left));
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
	fprintf(file, "%s; the running configuration (%s) is unchanged\n",
		record_text(answer, "count"), when);
}

/* The same parser as the daemon's, so that what is wrong is told without one. "" without the
 * option. */
static bool make_body(const struct args *args, char *out, size_t size)
{
	const char *time = args_value(args, "confirm", NULL);
	uint64_t ms;

	*out = '\0';
	if (!time)
		return true;
	if (value_duration(time, &ms) != ERR_OK || ms < RELOAD_CONFIRM_MIN_MS ||
	    ms > RELOAD_CONFIRM_MAX_MS) {
		fprintf(stderr,
			"nuncio reload: --confirm is a time from 1s to 24h, like 5m; not '%s'\n",
			time);
		return false;
	}
	snprintf(out, size, "{\"confirm\":\"%s\"}", time);
	return true;
}

static enum exit_code reload(const struct args *args)
{
	struct client_answer answer;
	struct screen screen;
	enum exit_code code;
	char body[64];
	bool ok;

	if (!make_body(args, body, sizeof(body)))
		return EXIT_USAGE;
	code = client_ask(args, "/v1/reload", NULL, body, &answer);
	if (code != EXIT_YES)
		return code;
	ok = answer.status == 200 && json_is_true(json_object_get(answer.json, "ok"));
	screen_init(&screen, stdout, args);
	if (args_has(args, "json"))
		client_print_json(answer.json);
	else if (ok)
		print_applied(&screen, answer.json);
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
		"and connections that the change does not touch go on. With --confirm the "
		"configuration that ran before comes back by itself, as it was in memory, unless "
		"`nuncio confirm` arrives in time. Until then a reload without --confirm, SIGHUP "
		"too, is refused; another one with --confirm is taken, and counts the time anew: "
		"what comes back is still the last one that was confirmed. A daemon that is "
		"started anew reads the file.",
	.options = options,
	.examples = examples,
	.output = output_reload,
	.exits = { [EXIT_YES] = "the configuration is in use; also: nothing had changed",
		   [EXIT_NO] =
			   "it has faults, or another one waits for its confirmation; the running one stays",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not change anything (root and group nuncio may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = reload,
};
