#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/commands/args.h"
#include "proxy/commands/output.h"
#include "proxy/commands/partner_check.h"

static const struct option_row *const options[] = { &option_as_if_allowed, &option_json,
						    &option_control,       &option_color,
						    &option_help,          NULL };
static const struct example_row examples[] = {
	{ "nuncio partner check partner.example",
	  "Shows how far one comes towards the partner, and what stops it." },
	{ "nuncio partner check --as-if-allowed partner.example",
	  "The same before there is a route for it." },
	{ "nuncio partner check partner.example --json", "The same for a program." },
	{ 0 },
};

/* What is done with partners. */
static const struct {
	const char *word;
	enum exit_code (*run)(const struct args *args, const char *domain);
} actions[] = {
	{ "check", partner_check_run },
};

static enum exit_code partner(const struct args *args)
{
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(actions[i].word, args->operands[0]) == 0)
			return actions[i].run(args, args->operands[1]);
	fprintf(stderr, "nuncio partner: unknown word '%s'; there is: check\n",
		args->operands[0]);
	return EXIT_USAGE;
}

const struct verb verb_partner = {
	.name = "partner",
	.operands = "check DOMAIN",
	.summary = "check a partner, stage by stage",
	.text = "check: may the domain federate with us, where is it (its route, or its SRV "
		"record), does TCP "
		"connect, does its certificate hold and by which rule does it speak for the "
		"domain, what became of "
		"ours, is OPTIONS answered; and what a request from the domain would be that "
		"comes with the "
		"certificate its server showed. A server's first stage that fails ends it, "
		"with its code, who must "
		"act and what to do. The daemon does it, with its resolvers and certificates, "
		"for at most ten "
		"seconds.",
	.min_operands = 2,
	.max_operands = 2,
	.completes = COMPLETES_WORDS,
	.words = "check",
	.options = options,
	.examples = examples,
	.output = output_partner,
	.exits = { [EXIT_YES] = "nothing is wrong; there may be warnings",
		   [EXIT_NO] = "something is wrong",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] =
			   "no resolver answered, or as many checks are under way as may be" },
	.run = partner,
};
