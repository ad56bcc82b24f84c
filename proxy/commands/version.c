#include <stdio.h>

#include "proxy/commands/args.h"
#include "proxy/commands/output.h"

static const struct option_row *const options[] = { &option_json, &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio version", "Prints the program's version." },
	{ "nuncio version --json", "The same for a program." },
	{ 0 },
};

static enum exit_code version(const struct args *args)
{
	if (args_has(args, "json"))
		printf("{\"ok\": true, \"problems\": [], \"program\": \"%s\", \"version\": "
		       "1}\n",
		       NUNCIO_VERSION);
	else
		printf("nuncio %s\n", NUNCIO_VERSION);
	return EXIT_YES;
}

const struct verb verb_version = {
	.name = "version",
	.operands = "",
	.summary = "print the program's version",
	.text = "Prints the version of this program; `nuncio status` tells that of the daemon "
		"that runs.",
	.options = options,
	.examples = examples,
	.output = output_version,
	.exits = { [EXIT_YES] = "always" },
	.run = version,
};
