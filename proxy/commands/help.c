#include "proxy/commands/help.h"

#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/reason.h"
#include "proxy/base/text.h"
#include "proxy/commands/args.h"

static const char *const exit_texts[N_EXIT_CODES] = {
	[EXIT_YES] = "yes, done; also: there was nothing to do",
	[EXIT_NO] = "no",
	[EXIT_USAGE] = "wrong usage",
	[EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
	[EXIT_NOT_ALLOWED] = "not permitted",
	[EXIT_NOT_KNOWN] = "could not find out (time is up, or the answer made no sense)",
};

/* "-c, --config FILE" */
static void option_title(const struct option_row *row, char *out, size_t size)
{
	snprintf(out, size, "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		 row->argument ? " " : "", row->argument ? row->argument : "");
}

static void print_options(const struct screen *screen, const struct verb *verb)
{
	screen_print(screen, INK_STRONG, "\nOptions\n");
	for (size_t i = 0; verb->options[i]; i++) {
		char title[64];

		option_title(verb->options[i], title, sizeof(title));
		fprintf(screen->file, "  %-24s ", title);
		if (strlen(title) > 24)
			fprintf(screen->file, "\n%27s", "");
		screen_paragraph(screen, 27, 27, verb->options[i]->text);
	}
}

void help_verb(const struct screen *screen, const struct verb *verb)
{
	screen_print(screen, INK_STRONG, "nuncio %s", verb->name);
	fprintf(screen->file, "%s%s [options]\n\n", *verb->operands ? " " : "", verb->operands);
	screen_paragraph(screen, 0, 0, verb->text);
	print_options(screen, verb);
	screen_print(screen, INK_STRONG, "\nExamples\n");
	for (const struct example_row *row = verb->examples; row->command; row++)
		fprintf(screen->file, "  %s\n      %s\n", row->command, row->text);
	screen_print(screen, INK_STRONG, "\nExit codes\n");
	for (int code = 0; code < N_EXIT_CODES; code++) {
		if (verb->exits[code] || code == EXIT_USAGE)
			fprintf(screen->file, "  %d  %s\n", code,
				verb->exits[code] ? verb->exits[code] : exit_texts[code]);
	}
}

void help_overview(const struct screen *screen)
{
	screen_print(screen, INK_STRONG, "nuncio VERB");
	fputs(" [options]: a SIP proxy for the border of an organisation\n\n", screen->file);
	for (size_t i = 0; verbs[i]; i++)
		fprintf(screen->file, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\n`nuncio VERB --help` has options, examples and exit codes;\n"
	      "`nuncio help CODE` explains the code of a refusal or fault; nuncio(8) is the "
	      "manual.\n",
	      screen->file);
}

bool help_reason(const struct screen *screen, const char *code)
{
	enum reason reason = reason_by_code(code);
	const struct reason_row *row = reason_row(reason);

	if (reason == REASON_NONE && strcmp(code, row->code) != 0)
		return false;
	screen_print(screen, INK_STRONG, "%s", row->code);
	if (row->status)
		fprintf(screen->file, ": answered with %d %s", row->status, row->phrase);
	fputs("\n\n  what happened  ", screen->file);
	screen_paragraph(screen, 17, 17, row->cause);
	fprintf(screen->file, "  who must act   %s\n  what to do     ", actor_text(row->act));
	screen_paragraph(screen, 17, 17, row->remedy);
	return true;
}

void help_scdoc_text(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\_*`", *text))
			fputc('\\', file);
		fputc(*text, file);
	}
}

static void scdoc_head(FILE *file, const char *name, int section, const char *summary)
{
	fprintf(file, "%s(%d)\n\n# NAME\n\n%s - ", name, section, name);
	help_scdoc_text(file, summary);
	fputs("\n\n", file);
}

static void scdoc_options(FILE *file, const struct verb *verb)
{
	fputs("# OPTIONS\n\n", file);
	for (size_t i = 0; verb->options[i]; i++) {
		const struct option_row *row = verb->options[i];

		if (row->letter)
			fprintf(file, "*-%c*, ", row->letter);
		fprintf(file, "*--%s*", row->name);
		if (row->argument)
			fprintf(file, " _%s_", row->argument);
		fputs("\n\t", file);
		help_scdoc_text(file, row->text);
		fputs("\n\n", file);
	}
}

static void scdoc_exits(FILE *file, const struct verb *verb)
{
	fputs("# EXIT STATUS\n\n", file);
	for (int code = 0; code < N_EXIT_CODES; code++) {
		if (!verb->exits[code] && code != EXIT_USAGE)
			continue;
		fprintf(file, "*%d*\n\t", code);
		help_scdoc_text(file, verb->exits[code] ? verb->exits[code] : exit_texts[code]);
		fputs("\n\n", file);
	}
}

void help_verb_scdoc(FILE *file, const struct verb *verb)
{
	char name[64];

	snprintf(name, sizeof(name), "nuncio-%s", verb->name);
	scdoc_head(file, name, 8, verb->summary);
	fprintf(file, "# SYNOPSIS\n\n*nuncio %s* ", verb->name);
	help_scdoc_text(file, verb->operands);
	fputs(" [options]\n\n# DESCRIPTION\n\n", file);
	help_scdoc_text(file, verb->text);
	fputs("\n\n", file);
	scdoc_options(file, verb);
	fputs("# EXAMPLES\n\n", file);
	for (const struct example_row *row = verb->examples; row->command; row++) {
		fprintf(file, "```\n%s\n```\n\n", row->command);
		help_scdoc_text(file, row->text);
		fputs("\n\n", file);
	}
	scdoc_exits(file, verb);
	fputs("# SEE ALSO\n\n*nuncio*(8), *nuncio.yaml*(5), *nuncio-reasons*(7)\n", file);
}

void help_reasons_scdoc(FILE *file)
{
	scdoc_head(file, "nuncio-reasons", 7,
		   "why nuncio refused or could not deliver a request");
	fputs("# DESCRIPTION\n\n"
	      "Every refusal and every failed delivery has one of these codes: in the log, in "
	      "`nuncio why`, in the\n"
	      "metrics, and towards known partners in the Reason header. `nuncio help CODE` "
	      "prints one of them.\n\n"
	      "# CODES\n\n",
	      file);
	for (int i = 1; i < N_REASONS; i++) {
		const struct reason_row *row = reason_row((enum reason)i);

		fprintf(file, "*%s*", row->code);
		if (row->status)
			fprintf(file, " (%d %s)", row->status, row->phrase);
		fputs("\n\t", file);
		help_scdoc_text(file, row->cause);
		fprintf(file, "\n\n\tWho must act: %s. ", actor_text(row->act));
		help_scdoc_text(file, row->remedy);
		fputs("\n\n", file);
	}
	fputs("# SEE ALSO\n\n*nuncio*(8), *nuncio-why*(8), *nuncio-explain*(8)\n", file);
}
