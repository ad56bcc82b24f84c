/* Help out of the tables: for the terminal, as scdoc for the man pages, as Markdown and as a
 * journal catalogue. */
#pragma once

#include "proxy/commands/screen.h"
#include "proxy/commands/verb.h"

/* What `nuncio VERB --help` prints. */
void help_verb(const struct screen *screen, const struct verb *verb);
/* What `nuncio help` prints. */
void help_overview(const struct screen *screen);

/* The same of one verb as a scdoc page nuncio-VERB(8). */
void help_verb_scdoc(FILE *file, const struct verb *verb);

/* The reason table: docs/reasons.md, nuncio-reasons(7), the journal's catalogue. */
void help_reasons_markdown(FILE *file);
void help_reasons_scdoc(FILE *file);
void help_reasons_catalog(FILE *file);

/* The page nuncio.yaml(5), with every key. */
void help_keys_scdoc(FILE *file);

/* Text in which nothing means anything to scdoc. */
void help_scdoc_text(FILE *file, const char *text);

/* What checks of the network find: docs/checks.md; and one of its codes, as `nuncio help CODE`
 * prints it, false if there is none of that code. */
void help_checks_markdown(FILE *file);
bool help_check(const struct screen *screen, const char *code);

/* One reason, as `nuncio help CODE` prints it; false if there is none of that code. */
bool help_reason(const struct screen *screen, const char *code);
