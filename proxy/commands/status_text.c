#include "proxy/commands/status_text.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/nat_text.h"
#include "proxy/commands/record.h"

enum {
	SCREEN_LINES = 24,
	PROBLEM_LINES = 9, /* of the problems on one screen; the first is shown whole */
	TRAFFIC_LINES = 3,
	NAT_LINES = 1,
};

static enum ink ink_of(const char *state)
{
	if (strcmp(state, "up") == 0 || strcmp(state, "ok") == 0 ||
	    strcmp(state, "approved") == 0)
		return INK_OK;
	if (strcmp(state, "down") == 0 || strcmp(state, "fail") == 0)
		return INK_FAIL;
	return strcmp(state, "warn") == 0 || strcmp(state, "limited") == 0 ? INK_WARN
									   : INK_DETAIL;
}

static void add_listener(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state");
	char phones[GRID_CELL] = "";

	if (strcmp(record_text(row, "network"), "remote") == 0)
		snprintf(phones, sizeof(phones), "%lld phone%s",
			 (long long)record_number(row, "phones"),
			 record_number(row, "phones") == 1 ? "" : "s");
	grid_add(grid, ink_of(state), 0, state, record_text(row, "name"),
		 record_text(row, "network"), record_text(row, "transport"),
		 record_text(row, "address"), phones, NULL);
}

/* Where it is reached: by its log-on, if it has logged on. */
static void tell_place(const json_t *row, char out[GRID_CELL])
{
	const json_t *log_on = json_array_get(json_object_get(row, "log_ons"), 0);

	if (log_on)
		snprintf(out, GRID_CELL, "%s %s (logged on)", record_text(log_on, "transport"),
			 record_text(log_on, "address"));
	else
		snprintf(out, GRID_CELL, "%s %s", record_text(row, "transport"),
			 *record_text(row, "server") ? record_text(row, "server")
						     : "by its log-on");
}

static void add_peer(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state"), *domain = record_text(row, "domain");
	long long failure_s = record_number(row, "last_failure_s");
	char to[GRID_CELL], seen[40], failed[40], text[GRID_CELL];

	tell_place(row, to);
	snprintf(text, sizeof(text), "seen %s",
		 screen_ago(record_number(row, "last_seen_s"), seen));
	if (failure_s >= 0) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "; %s %s",
			 record_text(row, "last_reason"), screen_ago(failure_s, failed));
	}
	/* Its name leads nowhere, or it has not logged on: nothing was sent that could have
	 * failed. */
	if (failure_s < 0 && strcmp(state, "down") == 0)
		snprintf(text, sizeof(text), "seen %s; %s", seen,
			 record_text(row, "last_reason"));
	grid_add(grid, ink_of(state), 0, state, *domain ? domain : record_text(row, "name"),
		 !*domain                                            ? "-"
		 : json_is_true(json_object_get(row, "trustworthy")) ? "trusted"
								     : "not trusted",
		 to, text, NULL);
}

static void add_certificate(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state");
	char left[64];

	snprintf(left, sizeof(left), "%lld d left", record_number(row, "days_left"));
	grid_add(grid, ink_of(state), 0, strcmp(state, "fail") == 0 ? "FAIL" : state,
		 record_text(row, "name"), left, record_text(row, "not_after"),
		 record_text(row, "names"), NULL);
}

static const struct section {
	const char *key, *word;
	void (*add)(struct grid *grid, const json_t *row); /* NULL: counted alone */
	const char *states[5]; /* those that are counted, in the order of their worth */
} sections[] = {
	{ "listeners", "listeners", add_listener, { "up", "down", "off" } },
	{ "partners", "partners", add_peer, { "up", "down", "unknown", "off" } },
	{ "discovered",
	  "discovered",
	  NULL,
	  { "approved", "limited", "watched", "new", "blocked" } },
	{ "backends", "backends", add_peer, { "up", "down", "unknown", "off" } },
	{ "certificates", "certs", add_certificate, { "ok", "warn", "fail" } },
};

bool status_text_has_section(const char *word)
{
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (sections[i].add && strcmp(word, sections[i].word) == 0)
			return true;
	}
	return false;
}

/* ---- problems ---- */

static void print_verdict(const struct screen *screen, const json_t *status)
{
	const json_t *counts = json_object_get(json_object_get(status, "counts"), "problems");
	long long n = record_number(counts, "error") + record_number(counts, "warning");
	uint64_t uptime_s = (uint64_t)record_number(status, "uptime_s");
	char uptime[32];

	fprintf(screen->file, "nuncio %s %s %s, ", record_text(status, "program"),
		json_is_true(json_object_get(status, "draining")) ? "ends after" : "running",
		uptime_s == 0 ? "just now" : text_duration(uptime_s * 1000, uptime));
	if (n == 0)
		screen_print(screen, INK_OK, "no problems");
	else
		screen_print(screen, INK_FAIL, "%lld problem%s", n, n == 1 ? "" : "s");
	fprintf(screen->file, "; %lld requests in progress\n", record_number(status, "busy"));
}

static void print_problem(const struct screen *screen, const json_t *problem)
{
	const char *where = record_text(problem, "where");
	bool is_error = strcmp(record_text(problem, "severity"), "error") == 0;

	screen_print(screen, is_error ? INK_FAIL : INK_WARN, "  %-4s",
		     is_error ? "FAIL" : "warn");
	fputc(' ', screen->file);
	screen_put(screen, where, SIZE_MAX);
	fputs(": ", screen->file);
	screen_paragraph(screen, (unsigned)strlen(where) + 9, 7, record_text(problem, "text"));
	fprintf(screen->file, "       [%s] who must act: %s\n", record_text(problem, "code"),
		record_text(problem, "act"));
}

/* How many lines a problem takes: printed to nowhere. */
static unsigned problem_lines(const struct screen *screen, const json_t *problem)
{
	struct screen trial = *screen;
	char *text = NULL;
	size_t size = 0;
	unsigned n = 0;

	trial.file = open_memstream(&text, &size);
	if (!trial.file)
		return 2;
	print_problem(&trial, problem);
	fclose(trial.file);
	for (const char *end = text; (end = strchr(end, '\n')); end++)
		n++;
	free(text);
	return n;
}

/* Returns how many lines it took. max_lines 0: all problems. */
static unsigned print_problems(const struct screen *screen, const json_t *status,
			       unsigned max_lines)
{
	const json_t *problems = json_object_get(status, "problems"), *problem,
		     *counts = json_object_get(json_object_get(status, "counts"), "problems");
	long long n_left = record_number(counts, "error") + record_number(counts, "warning");
	unsigned n_lines = 0;
	size_t i;

	json_array_foreach(problems, i, problem) {
		unsigned n = max_lines ? problem_lines(screen, problem) : 0;

		if (i > 0 && n_lines + n > max_lines)
			break;
		print_problem(screen, problem);
		n_lines += n;
		n_left--;
	}
	if (n_left <= 0)
		return n_lines;
	screen_print(screen, INK_DETAIL, "  %lld more problem%s: nuncio status --all\n", n_left,
		     n_left == 1 ? "" : "s");
	return n_lines + 1;
}

/* ---- sections ---- */

/* How many things the section has, shown or not. */
static long long section_total(const json_t *status, const struct section *section)
{
	const json_t *counts = json_object_get(json_object_get(status, "counts"), section->key);
	long long n = 0;

	for (size_t i = 0; i < COUNT(section->states) && section->states[i]; i++)
		n += record_number(counts, section->states[i]);
	return n;
}

static void print_title(const struct screen *screen, const json_t *status,
			const struct section *section)
{
	const json_t *counts = json_object_get(json_object_get(status, "counts"), section->key);
	const char *sign = ": ";

	screen_print(screen, INK_STRONG, "%s", section->key);
	for (size_t i = 0; i < COUNT(section->states) && section->states[i]; i++) {
		const char *state = section->states[i];
		long long n = record_number(counts, state);

		if (n == 0)
			continue;
		fputs(sign, screen->file);
		screen_print(screen, ink_of(state), "%lld %s", n, state);
		sign = ", ";
	}
	fputc('\n', screen->file);
}

static bool is_remarkable(const json_t *row)
{
	static const char *const states[] = { "down", "warn", "fail" };

	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(record_text(row, "state"), states[i]) == 0)
			return true;
	return false;
}

/* At most max rows, those in trouble first. */
static void print_section(const struct screen *screen, const json_t *status,
			  const struct section *section, size_t max)
{
	const json_t *rows = json_object_get(status, section->key), *row;
	size_t shown = 0, i;
	struct grid grid;

	if (section_total(status, section) == 0)
		return;
	grid_init(&grid, screen);
	for (int pass = 0; pass < 2; pass++) {
		json_array_foreach(rows, i, row) {
			if (is_remarkable(row) != (pass == 0) || shown >= max)
				continue;
			section->add(&grid, row);
			shown++;
		}
	}
	print_title(screen, status, section);
	grid_print(&grid);
}

/* Shares the lines out, one to each section in turn. */
static void share(const json_t *status, unsigned n_lines, size_t shares[COUNT(sections)])
{
	bool was_given = true;

	memset(shares, 0, COUNT(sections) * sizeof(*shares));
	while (n_lines > 0 && was_given) {
		was_given = false;
		for (size_t i = 0; i < COUNT(sections) && n_lines > 0; i++) {
			const json_t *rows = json_object_get(status, sections[i].key);

			if (shares[i] >= json_array_size(rows))
				continue;
			shares[i]++;
			n_lines--;
			was_given = true;
		}
	}
}

static void print_traffic(const struct screen *screen, const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");

	screen_print(screen, INK_STRONG, "traffic since the start\n");
	fprintf(screen->file,
		"  %lld requests, %lld refused, %lld malformed, %lld over a limit, %lld repeated\n",
		record_number(counters, "requests"), record_number(counters, "refusals"),
		record_number(counters, "malformed"), record_number(counters, "limited"),
		record_number(counters, "retransmissions"));
	fprintf(screen->file, "  now: %lld connections, %lld transactions\n",
		record_number(counters, "connections"),
		record_number(counters, "transactions"));
}

static bool relays(const json_t *status)
{
	return json_is_true(json_object_get(json_object_get(status, "media"), "on"));
}

/* ", 24 flows by the kernel": where media.kernel is on. */
static void print_kernel(const struct screen *screen, const json_t *kernel)
{
	const char *state = record_text(kernel, "state");

	if (strcmp(state, "on") == 0)
		fprintf(screen->file, ", %lld flows by the kernel",
			record_number(kernel, "flows"));
	else if (strcmp(state, "off") != 0)
		fputs(", none by the kernel", screen->file);
}

static void print_media(const struct screen *screen, const json_t *status)
{
	const json_t *media = json_object_get(status, "media"),
		     *channels = json_object_get(media, "channels"),
		     *ports = json_object_get(media, "ports");

	if (!relays(status))
		return;
	screen_print(screen, INK_STRONG, "media");
	fprintf(screen->file,
		": %lld of %lld channels (%lld partner, %lld device, %lld inside), %lld of %lld pairs of ports, %lld calls refused, %lld packets",
		record_number(channels, "used"), record_number(channels, "max"),
		record_number(channels, "partner"), record_number(channels, "device"),
		record_number(channels, "inside"), record_number(ports, "used"),
		record_number(ports, "pairs"), record_number(channels, "refused"),
		record_number(media, "packets"));
	print_kernel(screen, json_object_get(media, "kernel"));
	fputc('\n', screen->file);
}

void status_text_overview(const struct screen *screen, const json_t *status)
{
	unsigned n_used = 1 + TRAFFIC_LINES + NAT_LINES + 1 + relays(status);
	size_t shares[COUNT(sections)], n_shown = 0;
	long long n_all = 0;

	print_verdict(screen, status);
	n_used += print_problems(screen, status, PROBLEM_LINES);
	for (size_t i = 0; i < COUNT(sections); i++) {
		long long n = section_total(status, &sections[i]);

		n_used += n > 0;
		n_all += sections[i].add ? n : 0;
	}
	share(status, n_used < SCREEN_LINES ? SCREEN_LINES - n_used : 0, shares);
	for (size_t i = 0; i < COUNT(sections); i++) {
		print_section(screen, status, &sections[i], shares[i]);
		n_shown += shares[i];
	}
	nat_text_line(screen, json_object_get(status, "nat"));
	print_media(screen, status);
	print_traffic(screen, status);
	if ((long long)n_shown < n_all)
		screen_print(
			screen, INK_DETAIL,
			"all: nuncio status listeners|partners|backends|certs, or --all\n");
}

void status_text_all(const struct screen *screen, const json_t *status, const char *only)
{
	if (!only) {
		print_verdict(screen, status);
		print_problems(screen, status, 0);
	}
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (!only || strcmp(only, sections[i].word) == 0)
			print_section(screen, status, &sections[i], SIZE_MAX);
	}
	if (!only) {
		nat_text_line(screen, json_object_get(status, "nat"));
		print_media(screen, status);
		print_traffic(screen, status);
	}
}
