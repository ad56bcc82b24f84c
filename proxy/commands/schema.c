#include <stdio.h>

#include "conf/schema.h"
#include "conf/settings_tables.h"
#include "proxy/base/buf.h"
#include "proxy/commands/args.h"
#include "proxy/commands/output.h"

static const struct option_row option_json_schema = {
	.name = "json",
	.text = "print a JSON Schema (2020-12), which editors with a YAML language server use"
};
static const struct option_row option_output = {
	.name = "output",
	.argument = "VERB",
	.text = "print a JSON Schema (2020-12) of what this verb prints with --json, instead",
	.completes = COMPLETES_VERB
};
static const struct option_row *const options[] = { &option_json_schema, &option_output,
						    &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio schema", "Lists every key with its kind, range and default." },
	{ "nuncio schema --json > nuncio.schema.json", "Completion and checks in an editor." },
	{ "nuncio schema --output status",
	  "What a program may rely on in `nuncio status --json`." },
	{ 0 },
};

static enum exit_code complain(const char *word)
{
	const struct verb *verb = verb_by_name(word);

	if (verb == &verb_schema)
		fputs("nuncio schema: --json prints a JSON Schema, whose form is "
		      "https://json-schema.org/draft/2020-12/schema\n",
		      stderr);
	else if (verb)
		fprintf(stderr, "nuncio schema: nuncio %s has no --json\n", word);
	else
		fprintf(stderr, "nuncio schema: there is no verb '%s'\n", word);
	fputs("with --json:", stderr);
	for (size_t i = 0; verbs[i]; i++)
		if (verbs[i]->output)
			fprintf(stderr, " %s", verbs[i]->name);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static enum exit_code schema(const struct args *args)
{
	const char *word = args_value(args, "output", NULL);
	const struct verb *verb = word ? verb_by_name(word) : NULL;
	enum exit_code code;
	struct buf text;

	if (word && (!verb || !verb->output))
		return complain(word);
	buf_init(&text, 0);
	if (verb)
		output_print_schema(verb->name, verb->output, &text);
	else if (args_has(args, "json"))
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
	.summary = "list the keys of the configuration, or of a verb's JSON",
	.text = "Prints every key of nuncio.yaml from the table by which the program reads it: "
		"kind, range, default, and whether a change takes effect at once, for the next "
		"connection, or by a restart. With --output, prints the JSON Schema of what a verb "
		"prints with --json. Keys are only added to that within version 1, so the schema "
		"does not forbid others.",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "printed", [EXIT_NOT_KNOWN] = "memory is short" },
	.run = schema,
};
