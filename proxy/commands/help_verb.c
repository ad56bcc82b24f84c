#include <stdlib.h>
#include <string.h>

#include "conf/report.h"
#include "proxy/base/reason.h"
#include "proxy/base/text.h"
#include "proxy/check_code.h"
#include "proxy/commands/args.h"
#include "proxy/commands/help.h"

static const struct option_row option_as = {
	.name = "as",
	.argument = "FORM",
	.text = "text, scdoc (a verb, reasons, keys), markdown (reasons, checks) or catalog (reasons)",
	.completes = COMPLETES_WORDS,
	.words = "text scdoc markdown catalog"
};
static const struct option_row *const options[] = { &option_as, &option_color, &option_help,
						    NULL };
static const struct example_row examples[] = {
	{ "nuncio help", "Lists the verbs." },
	{ "nuncio help explain", "The same as `nuncio explain --help`." },
	{ "nuncio help identity-mismatch", "Explains the code of a refusal." },
	{ "nuncio help E012", "Explains the code of a fault in the configuration." },
	{ "nuncio help srv-cname", "Explains what a check found." },
	{ "nuncio help reasons --as markdown", "Prints the page docs/reasons.md." },
	{ 0 },
};

static const char *fault_title(const char *code)
{
	const char *title;
	unsigned number;

	for (size_t i = 0; (number = conf_fault_at(i, &title)) != 0; i++) {
		if ((unsigned long)number == strtoul(code + 1, NULL, 10))
			return title;
	}
	return "";
}

static bool help_fault(const struct screen *screen, const char *code)
{
	const char *text = conf_fault_help(code);

	if (!text)
		return false;
	screen_print(screen, INK_STRONG, "%s", code);
	fprintf(screen->file, ": %s\n\n%s\n", fault_title(code), text);
	return true;
}

static void list_codes(const struct screen *screen)
{
	const char *title;
	unsigned number;

	screen_print(screen, INK_STRONG,
		     "Why a request was refused, or could not be delivered\n");
	for (int i = 1; i < N_REASONS; i++)
		fprintf(screen->file, "  %s\n", reason_code((enum reason)i));
	screen_print(screen, INK_STRONG, "\nWhat a check of the network finds\n");
	for (int i = 0; i < N_CHECK_CODES; i++)
		fprintf(screen->file, "  %s\n", check_code_row((enum check_code)i)->code);
	screen_print(screen, INK_STRONG, "\nFaults in a configuration\n");
	for (size_t i = 0; (number = conf_fault_at(i, &title)) != 0; i++)
		fprintf(screen->file, "  E%03u  %s\n", number, title);
}

static bool help_in_form(const char *topic, const char *form)
{
	const struct verb *verb = verb_by_name(topic);
	bool is_reasons = strcmp(topic, "reasons") == 0;

	if (strcmp(form, "scdoc") == 0 && verb)
		help_verb_scdoc(stdout, verb);
	else if (strcmp(form, "scdoc") == 0 && is_reasons)
		help_reasons_scdoc(stdout);
	else if (strcmp(form, "scdoc") == 0 && strcmp(topic, "keys") == 0)
		help_keys_scdoc(stdout);
	else if (strcmp(form, "markdown") == 0 && is_reasons)
		help_reasons_markdown(stdout);
	else if (strcmp(form, "markdown") == 0 && strcmp(topic, "checks") == 0)
		help_checks_markdown(stdout);
	else if (strcmp(form, "catalog") == 0 && is_reasons)
		help_reasons_catalog(stdout);
	else
		return false;
	return true;
}

static enum exit_code complain_topic(const char *topic)
{
	const char *nearest = verb_nearest(topic), *codes[N_REASONS];

	for (int i = 0; i < N_REASONS; i++)
		codes[i] = reason_code((enum reason)i);
	if (!nearest)
		nearest = text_nearest(topic, codes, N_REASONS);
	fprintf(stderr, "nuncio help: there is no verb and no code '%s'", topic);
	if (nearest)
		fprintf(stderr, "; did you mean '%s'?", nearest);
	fputs("\n`nuncio help` lists the verbs, `nuncio help reasons` the codes\n", stderr);
	return EXIT_USAGE;
}

static enum exit_code help(const struct args *args)
{
	const char *form = args_value(args, "as", "text"),
		   *topic = args->n_operands > 0 ? args->operands[0] : NULL;
	const struct verb *verb = topic ? verb_by_name(topic) : NULL;
	struct screen screen;

	screen_init(&screen, stdout, args);
	if (strcmp(form, "text") != 0) {
		if (topic && help_in_form(topic, form))
			return EXIT_YES;
		fprintf(stderr, "nuncio help: there is no %s of that\n", form);
		return EXIT_USAGE;
	}
	if (!topic)
		help_overview(&screen);
	else if (verb)
		help_verb(&screen, verb);
	else if (strcmp(topic, "reasons") == 0)
		list_codes(&screen);
	else if (!help_reason(&screen, topic) && !help_check(&screen, topic) &&
		 !help_fault(&screen, topic))
		return complain_topic(topic);
	return EXIT_YES;
}

const struct verb verb_help = {
	.name = "help",
	.operands = "[TOPIC]",
	.summary = "explain a verb, a reason code or a fault code",
	.text = "Without a topic, lists the verbs. A topic is a verb, the code of a refusal "
		"(identity-mismatch), what a check found (srv-cname), the "
		"code of a configuration fault (E012), or `reasons` for the list of all codes.",
	.max_operands = 1,
	.completes = COMPLETES_VERB,
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "always, but for a topic that does not exist" },
	.run = help,
};
