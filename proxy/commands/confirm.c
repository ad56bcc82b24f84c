#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/changes.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"

static const struct option_row *const options[] = { &option_json, &option_control,
						    &option_color, &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio confirm",
	  "Keeps the configuration that `nuncio reload --confirm` took into use." },
	{ "nuncio reload --confirm 5m && ./test-calls && nuncio confirm",
	  "Keeps it only if the tests are content." },
	{ 0 },
};

static enum exit_code tell(const struct args *args, const struct client_answer *answer)
{
	const json_t *changes = json_object_get(answer->json, "changes");
	struct screen screen;
	char left[32];

	if (args_has(args, "json"))
		client_print_json(answer->json);
	if (answer->status != 200) {
		if (!args_has(args, "json"))
			client_complain(args, answer);
		return EXIT_NO;
	}
	if (args_has(args, "json"))
		return EXIT_YES;
	screen_init(&screen, stdout, args);
	printf("confirmed %s before its time: the configuration stays, %zu change%s\n",
	       text_duration((uint64_t)record_number(answer->json, "left_s") * 1000, left),
	       json_array_size(changes), json_array_size(changes) == 1 ? "" : "s");
	changes_print(&screen, changes);
	return EXIT_YES;
}

static enum exit_code confirm(const struct args *args)
{
	struct client_answer answer;
	enum exit_code code = client_ask(args, "/v1/confirm", NULL, "", &answer);

	if (code != EXIT_YES)
		return code;
	code = tell(args, &answer);
	json_decref(answer.json);
	return code;
}

const struct verb verb_confirm = {
	.name = "confirm",
	.operands = "",
	.summary = "keep the configuration that waits for it",
	.text = "Ends the time of `nuncio reload --confirm TIME`: the configuration that runs "
		"stays, and what it changed against the last one that was confirmed is printed. "
		"Where nothing waits, because nothing was to be confirmed or the time was over and "
		"the old configuration is back, it says so and ends with 1.",
	.options = options,
	.examples = examples,
	.output = output_confirm,
	.exits = { [EXIT_YES] = "the configuration stays",
		   [EXIT_NO] = "nothing waits for a confirmation",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not change anything (root and group nuncio may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = confirm,
};
