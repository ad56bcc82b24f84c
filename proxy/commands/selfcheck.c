#include "proxy/commands/check_text.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"

static const struct option_row *const options[] = { &option_json, &option_control,
						    &option_color, &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio selfcheck", "Shows what partners see of each domain of ours." },
	{ "nuncio selfcheck corp.example", "The same for one domain." },
	{ "nuncio selfcheck --json", "The same for a program." },
	{ 0 },
};

static enum exit_code selfcheck(const struct args *args)
{
	const struct client_query query[] = {
		{ "domain", args->n_operands ? args->operands[0] : NULL }, { 0 }
	};

	return check_text_ask(args, "/v1/selfcheck", query);
}

const struct verb verb_selfcheck = {
	.name = "selfcheck",
	.operands = "[DOMAIN]",
	.summary = "look at ourselves as partners do",
	.text = "Looks each domain of ours up as partners do that find us by DNS: the SRV "
		"record "
		"_sipfederationtls._tcp from every resolver, the host that it names, its "
		"addresses; connects to "
		"them, and looks at the certificates that are really served there, at the TLS "
		"versions and whether "
		"OPTIONS is answered. One line a fact: ok, warn, FAIL, or -- for what could "
		"not be tested, which is "
		"never taken for good. What is wrong has a code, what it means for which "
		"partners, who must act, "
		"and the remedy, where it can be as text to paste. The daemon does it, with "
		"its resolvers, for at "
		"most ten seconds; its own handshakes leave records in `nuncio why tls`.",
	.max_operands = 1,
	.options = options,
	.examples = examples,
	.output = output_selfcheck,
	.exits = { [EXIT_YES] = "nothing is wrong; there may be warnings",
		   [EXIT_NO] = "something is wrong, or the domain is none of ours",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] =
			   "no resolver answered, or as many checks are under way as may be" },
	.run = selfcheck,
};
