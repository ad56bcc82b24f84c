#include <stdlib.h>
#include <string.h>

#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"

static const struct option_row *const options[] = { &option_json, &option_control, &option_help,
						    NULL };
static const struct example_row examples[] = {
	{ "nuncio trace on tls interconnection",
	  "Writes handshakes and decrypted SIP with partners to the log." },
	{ "nuncio trace on", "Traces all areas." },
	{ "nuncio trace off",
	  "Ends it; a reload does too, and restores log.trace of the file." },
	{ 0 },
};

static char *make_body(const struct args *args)
{
	json_t *areas = json_array(), *body = json_pack("{s:o}", "areas", areas);
	char *text;

	for (unsigned i = 1; i < args->n_operands; i++)
		json_array_append_new(areas, json_string(args->operands[i]));
	if (strcmp(args->operands[0], "on") == 0 && args->n_operands == 1)
		json_array_append_new(areas, json_string("all"));
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

static void print_areas(const char *title, const json_t *areas)
{
	const json_t *area;
	size_t i;

	fputs(title, stdout);
	json_array_foreach(areas, i, area)
		printf(" %s", json_string_value(area));
	if (json_array_size(areas) == 0)
		fputs(" off", stdout);
}

static enum exit_code tell(const struct args *args, const struct client_answer *answer)
{
	if (answer->status != 200) {
		client_complain(args, answer);
		return answer->status == 400 ? EXIT_USAGE : EXIT_NO;
	}
	if (args_has(args, "json")) {
		client_print_json(answer->json);
		return EXIT_YES;
	}
	print_areas("trace:", json_object_get(answer->json, "areas"));
	print_areas(" (was:", json_object_get(answer->json, "before"));
	puts("); the next reload restores log.trace");
	return EXIT_YES;
}

static enum exit_code trace(const struct args *args)
{
	struct client_answer answer;
	enum exit_code code;
	char *body;

	if (strcmp(args->operands[0], "on") != 0 && strcmp(args->operands[0], "off") != 0) {
		fprintf(stderr, "nuncio trace: 'on' or 'off', not '%s'\n", args->operands[0]);
		return EXIT_USAGE;
	}
	if (strcmp(args->operands[0], "off") == 0 && args->n_operands > 1) {
		fputs("nuncio trace: 'off' ends all areas; name those to keep after 'on'\n",
		      stderr);
		return EXIT_USAGE;
	}
	body = make_body(args);
	if (!body) {
		fputs("nuncio trace: out of memory, or an area that is not text\n", stderr);
		return EXIT_NOT_KNOWN;
	}
	code = client_ask(args, "/v1/trace", NULL, body, &answer);
	free(body);
	if (code != EXIT_YES)
		return code;
	code = tell(args, &answer);
	json_decref(answer.json);
	return code;
}

const struct verb verb_trace = {
	.name = "trace",
	.operands = "on|off [AREA]...",
	.summary = "switch the trace of decrypted messages on or off",
	.text = "Changes log.trace of the daemon that runs, at once and until the next reload. "
		"Areas are registration, interconnection, media, tls, dns, all; exactly those that are "
		"named are on afterwards. Decrypted messages go to the log, without credentials, media keys "
		"and bodies other than SDP; look at who can read it all the same.",
	.min_operands = 1,
	.max_operands = 7,
	.completes = COMPLETES_WORDS,
	.words = "on off registration interconnection media tls dns all",
	.options = options,
	.examples = examples,
	.output = output_trace,
	.exits = { [EXIT_YES] = "done",
		   [EXIT_NO] = "the daemon could not do it",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not change anything (root and group nuncio may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = trace,
};
