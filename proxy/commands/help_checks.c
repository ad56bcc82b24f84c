#include <string.h>

#include "proxy/check_code.h"
#include "proxy/commands/help.h"

/* Whoever has the domain: of a code alone it is not known whose it is. */
static const char *actors(enum check_part part)
{
	static const char *const texts[] = { [CHECK_PART_DNS] = "your DNS, or the partner's",
					     [CHECK_PART_CERTIFICATE] = "you, or the partner",
					     [CHECK_PART_SERVER] = "you, or the partner",
					     [CHECK_PART_CONFIGURATION] = "you" };

	return texts[part];
}

void help_checks_markdown(FILE *file)
{
	fputs("# Checks\n\n"
	      "What `nuncio selfcheck` and `nuncio partner check` can find wrong with DNS, "
	      "addresses, "
	      "certificates and\n"
	      "answers. A connection or a handshake that fails has a code of "
	      "[reasons.md](reasons.md) instead. "
	      "A remedy that can\n"
	      "be pasted (a line of a zone, a command) stands beside the finding itself. "
	      "`nuncio help CODE` prints one of them.\n\n"
	      "This page is made from the table in `proxy/check_code.c`:\n"
	      "`nuncio help checks --as markdown > docs/checks.md`.\n",
	      file);
	for (int i = 0; i < N_CHECK_CODES; i++) {
		const struct check_code_row *row = check_code_row((enum check_code)i);

		fprintf(file,
			"\n## %s\n\nAbout: %s. Who must act: **%s**.\n\n%s\n\n*Remedy:* %s\n",
			row->code, row->fact, actors(row->part), row->means, row->remedy);
	}
}

bool help_check(const struct screen *screen, const char *code)
{
	for (int i = 0; i < N_CHECK_CODES; i++) {
		const struct check_code_row *row = check_code_row((enum check_code)i);

		if (strcmp(row->code, code) != 0)
			continue;
		screen_print(screen, INK_STRONG, "%s", row->code);
		fputs("\n\n  what it means  ", screen->file);
		screen_paragraph(screen, 17, 17, row->means);
		fprintf(screen->file, "  who must act   %s\n  what to do     ",
			actors(row->part));
		screen_paragraph(screen, 17, 17, row->remedy);
		return true;
	}
	return false;
}
