#include <string.h>

#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"

static const struct option_row option_all = { .name = "all",
					      .text = "show every rule that was asked" };
static const struct option_row *const options[] = { &option_all,     &option_json,
						    &option_control, &option_color,
						    &option_help,    NULL };
static const struct example_row examples[] = {
	{ "nuncio why last",
	  "Tells why the newest refusal happened, who must act, and what to do." },
	{ "nuncio why 7f3a9c@partner.example",
	  "Tells what was decided about the requests with this Call-ID." },
	{ "nuncio why tls", "Tells of the TLS handshakes that failed, newest first." },
	{ "nuncio why 192.0.2.1", "Tells what was refused to this address, handshakes too." },
	{ "nuncio why last --json", "The same for a program." },
	{ 0 },
};

static void print_all(const struct args *args, const json_t *decisions)
{
	const json_t *decision;
	struct screen screen;
	size_t i;

	screen_init(&screen, stdout, args);
	json_array_foreach(decisions, i, decision) {
		if (i > 0)
			fputs("\n----\n\n", stdout);
		if (strcmp(record_text(decision, "kind"), "handshake") == 0)
			record_print_handshake(&screen, decision);
		else if (strcmp(record_text(decision, "kind"), "media") == 0)
			record_print_media(&screen, decision);
		else
			record_print(&screen, decision, args_has(args, "all"));
	}
}

static enum exit_code why(const struct args *args)
{
	bool is_last = strcmp(args->operands[0], "last") == 0;
	struct client_query query[] = {
		{ is_last ? "last" : "about", is_last ? "refusal" : args->operands[0] }, { 0 }
	};
	struct client_answer answer;
	const json_t *decisions;
	enum exit_code code = client_ask(args, "/v1/decisions", query, NULL, &answer);

	if (code != EXIT_YES)
		return code;
	decisions = json_object_get(answer.json, "decisions");
	if (args_has(args, "json"))
		client_print_json(answer.json);
	else if (json_array_size(decisions) > 0)
		print_all(args, decisions);
	else if (is_last)
		fputs("nuncio why: nothing was refused since the daemon started\n", stderr);
	else
		fprintf(stderr,
			"nuncio why: no record of Call-ID, address or partner %s (the newest refusals, "
			"requests and failed handshakes are kept)\n",
			args->operands[0]);
	code = json_array_size(decisions) > 0 ? EXIT_YES : EXIT_NO;
	json_decref(answer.json);
	return code;
}

const struct verb verb_why = {
	.name = "why",
	.operands = "CALL-ID|ADDRESS|PARTNER|tls|last",
	.summary = "tell what was decided about real traffic, and why",
	.text = "Prints decision records, newest first: who sent the request, which rules decided, "
		"which servers were tried, the reason, who must act, and what to do. Of a TLS "
		"handshake that failed: who dialled whom, what each side asked for and showed, what "
		"we found wrong or which alert they sent. `last` is the newest refusal of either kind; "
		"a Call-ID, all about its requests, and what a relayed call's media came to; `tls`, the handshakes; an address, a partner's "
		"domain or a backend's name, what was refused by or to it (a stranger's handshake is "
		"found by the names that its certificate claims). The daemon keeps the newest records "
		"of each worker; refused requests and handshakes, in and out, have room of their own, "
		"and one peer does not take all of it.",
	.min_operands = 1,
	.max_operands = 1,
	.completes = COMPLETES_CALL_ID,
	.words = "last tls",
	.options = options,
	.examples = examples,
	.output = output_why,
	.exits = { [EXIT_YES] = "there is a record",
		   [EXIT_NO] = "there is none",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] = "the daemon did not answer in time" },
	.run = why,
};
