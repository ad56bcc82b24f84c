#include <stdio.h>

#include "conf/schema.h"
#include "conf/settings_tables.h"
#include "proxy/base/buf.h"
#include "proxy/commands/args.h"

static const struct option_row option_json_schema = {
	.name = "json",
	.text = "print a JSON Schema (2020-12), which editors with a YAML language server use"
};
static const struct option_row *const options[] = { &option_json_schema, &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio schema", "Lists every key with its kind, range and default." },
	{ "nuncio schema --json > nuncio.schema.json", "Completion and checks in an editor." },
	{ 0 },
};

static enum exit_code schema(const struct args *args)
{
	struct buf text;
	enum exit_code code;

	buf_init(&text, 0);
	if (args_has(args, "json"))
		schema_print_json(&settings_table, &text);
	else
		schema_print(&settings_table, &text);
	code = text.err ? EXIT_NOT_KNOWN : EXIT_YES;
	fputs(buf_text(&text), stdout);
	buf_fini(&text);
	return code;
}

const struct verb verb_schema = {
	.name = "schema",
	.operands = "",
	.summary = "list the keys of the configuration",
	.text = "Prints every key of nuncio.yaml from the table by which the program reads it: "
		"kind, range, default, and "
		"whether a change takes effect at once, for the next connection, or by a "
		"restart.",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "printed", [EXIT_NOT_KNOWN] = "memory is short" },
	.run = schema,
};
