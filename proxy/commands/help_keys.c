#include <string.h>

#include "conf/schema.h"
#include "conf/settings_tables.h"
#include "proxy/commands/help.h"

/* The page around the keys; they come from the table by which the program reads the file. */
static const char head[] =
	"nuncio.yaml(5)\n\n# NAME\n\nnuncio.yaml - the configuration of nuncio\n\n# "
	"DESCRIPTION\n\n"
	"The file is YAML without anchors, aliases and tags. Durations are written 500ms 15s "
	"5m 1h, sizes 64KB 10MB, rates\n"
	"20/s 100/m. Relative paths stand beside the file that names them. *include:* names "
	"further files, which may hold\n"
	"the list-valued sections. An unknown key, a wrong type, a duplicate or a dangling "
	"name is an error, and a file\n"
	"with an error is never half applied: *nuncio check* prints all of them at once.\n\n"
	"A change takes effect by *nuncio reload* or SIGHUP. \"live\" means at once, \"next "
	"connection\" that open\n"
	"connections keep the old value, \"restart\" that the daemon must be started "
	"anew.\n\n# KEYS\n\n";

static const char tail[] = "# FILES\n\n_/etc/nuncio/nuncio.yaml_\n\n# SEE ALSO\n\n*nuncio*(8), "
			   "*nuncio-check*(8), *nuncio-federation*(7)\n";

static void print_key(void *user, const struct schema_row *row)
{
	FILE *file = user;

	if (row->field->flags & NOT_BUILT)
		return;
	fprintf(file, "*%s*: ", row->path);
	help_scdoc_text(file, row->kind);
	if (*row->range) {
		fputs(", ", file);
		help_scdoc_text(file, row->range);
	}
	if (*row->preset) {
		fputs("; default ", file);
		help_scdoc_text(file, row->preset);
	}
	fprintf(file, "; %s\n\t", row->effect);
	help_scdoc_text(file, row->field->about ? row->field->about : "");
	fputs("\n\n", file);
}

void help_keys_scdoc(FILE *file)
{
	fputs(head, file);
	schema_each(&settings_table, print_key, file);
	fputs(tail, file);
}
