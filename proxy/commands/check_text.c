#include "proxy/commands/check_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proxy/commands/client.h"
#include "proxy/commands/record.h"
#include "proxy/commands/screen.h"

enum { INDENT = 24, NAME_WIDTH = 15 };

static void print_state(const struct screen *screen, const char *state)
{
	if (strcmp(state, "ok") == 0)
		screen_print(screen, INK_OK, "  ok    ");
	else if (strcmp(state, "warn") == 0)
		screen_print(screen, INK_WARN, "  warn  ");
	else if (strcmp(state, "fail") == 0)
		screen_print(screen, INK_FAIL, "  FAIL  ");
	else
		screen_print(screen, INK_DETAIL, "  --    ");
}

/* What is wrong, where something is; else what it is about. */
static void print_name(const struct screen *screen, const json_t *row)
{
	const char *code = record_text(row, "code");
	const char *name = *code ? code : record_text(row, "fact");
	int n = 0;

	for (; name[n]; n++)
		fputc(toupper((unsigned char)name[n]), screen->file);
	if (n > NAME_WIDTH)
		fprintf(screen->file, "\n%*s", INDENT, "");
	else
		fprintf(screen->file, "%*s", NAME_WIDTH - n + 1, "");
}

static void print_evidence(const struct screen *screen, const json_t *row)
{
	const json_t *took = json_object_get(row, "took_ms");
	char text[4200];

	snprintf(text, sizeof(text), "%s%.4000s",
		 strcmp(record_text(row, "state"), "untested") ? "" : "not tested: ",
		 record_text(row, "evidence"));
	if (took)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " (%lld ms)",
			 record_number(row, "took_ms"));
	screen_paragraph(screen, INDENT, INDENT, text);
}

/* What is to be pasted stands in one line, however long. */
static void print_remedy(const struct screen *screen, const json_t *row)
{
	const char *remedy = record_text(row, "remedy");

	fprintf(screen->file, "%*s", INDENT, "");
	screen_paragraph(screen, INDENT, INDENT, record_text(row, "means"));
	fprintf(screen->file, "%*sact: ", INDENT, "");
	screen_paragraph(screen, INDENT + 5, INDENT, record_text(row, "act"));
	if (!*remedy)
		return;
	fprintf(screen->file, "%*s", INDENT, "");
	if (json_is_true(json_object_get(row, "paste"))) {
		screen_put(screen, remedy, SIZE_MAX);
		fputc('\n', screen->file);
	} else {
		screen_paragraph(screen, INDENT, INDENT, remedy);
	}
}

static void print_counts(const struct screen *screen, const json_t *counts)
{
	long long n_facts = record_number(counts, "facts"),
		  n_failures = record_number(counts, "failures"),
		  n_warnings = record_number(counts, "warnings");

	fprintf(screen->file, "%lld fact%s, %lld failure%s, %lld warning%s, %lld not tested\n",
		n_facts, n_facts == 1 ? "" : "s", n_failures, n_failures == 1 ? "" : "s",
		n_warnings, n_warnings == 1 ? "" : "s", record_number(counts, "untested"));
}

static void print(const struct screen *screen, const json_t *answer)
{
	const char *subject = "";
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "rows"), i, row) {
		if (strcmp(record_text(row, "subject"), subject) != 0) {
			subject = record_text(row, "subject");
			fputs(i ? "\n" : "", screen->file);
			screen_put(screen, subject, SIZE_MAX);
			fputc('\n', screen->file);
		}
		print_state(screen, record_text(row, "state"));
		print_name(screen, row);
		print_evidence(screen, row);
		if (*record_text(row, "code"))
			print_remedy(screen, row);
	}
	print_counts(screen, json_object_get(answer, "counts"));
}

enum exit_code check_text_show(const struct args *args, const json_t *answer)
{
	struct screen screen;

	screen_init(&screen, stdout, args);
	if (args_has(args, "json"))
		client_print_json(answer);
	else
		print(&screen, answer);
	if (!json_is_true(json_object_get(answer, "known")))
		return EXIT_NOT_KNOWN;
	return json_is_true(json_object_get(answer, "ok")) ? EXIT_YES : EXIT_NO;
}

enum exit_code check_text_ask(const struct args *args, const char *path,
			      const struct client_query *query)
{
	struct client_answer answer;
	enum exit_code code = client_ask(args, path, query, NULL, &answer);

	if (code != EXIT_YES)
		return code;
	if (answer.status != 200) {
		if (args_has(args, "json"))
			client_print_json(answer.json);
		else
			client_complain(args, &answer);
		code = answer.status == 400 ? EXIT_NO : EXIT_NOT_KNOWN;
	} else {
		code = check_text_show(args, answer.json);
	}
	json_decref(answer.json);
	return code;
}
