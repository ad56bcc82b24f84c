#include "proxy/explain.h"

#include <stdlib.h>

#include "conf/report.h"
#include "proxy/base/buf.h"
#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"
#include "proxy/decision_json.h"

enum { MAX_NAMES = 16 };

static const struct option_row
	option_method = { .name = "method",
			  .argument = "METHOD",
			  .text = "the request's method; default MESSAGE",
			  .completes = COMPLETES_METHOD },
	option_listener = { .name = "listener",
			    .argument = "NAME",
			    .completes = COMPLETES_LISTENER,
			    .text = "where it comes in; default: the first wan or lan "
				    "listener, as FROM fits" },
	option_from_ip = { .name = "from-ip",
			   .argument = "ADDRESS",
			   .text = "the address it comes from" },
	option_cert_name = { .name = "cert-name",
			     .argument = "NAME",
			     .is_repeated = true,
			     .text = "a name in the certificate that is shown; may be "
				     "repeated" },
	option_all = { .name = "all",
		       .text = "show every rule that was asked, not only those that decided" };
static const struct option_row *const options[] = { &option_method,
						    &option_listener,
						    &option_from_ip,
						    &option_cert_name,
						    &option_all,
						    &option_config,
						    &option_json,
						    &option_control,
						    &option_color,
						    &option_help,
						    NULL };
static const struct example_row examples[] = {
	{ "nuncio explain bob@partner.example anna@corp.example --cert-name "
	  "sip.partner.example",
	  "May the partner's server bring a message to anna?" },
	{ "nuncio explain anna@corp.example bob@partner.example --method INVITE",
	  "Where would a call of anna's go?" },
	{ "nuncio explain bob@partner.example anna@corp.example --from-ip 192.0.2.1 --listener "
	  "wan --all",
	  "All rules for a request from this address." },
	{ "nuncio explain --config new.yaml bob@partner.example anna@corp.example",
	  "The same under a file that the daemon has not taken yet." },
	{ 0 },
};

static enum exit_code ask_daemon(const struct args *args, struct client_answer *out)
{
	const char *const *names;
	unsigned n_names = args_values(args, "cert-name", &names), n = 5;
	struct client_query query[5 + VERB_MAX_REPEATS + 1] = {
		{ "from", args->operands[0] },
		{ "to", args->operands[1] },
		{ "method", args_value(args, "method", NULL) },
		{ "listener", args_value(args, "listener", NULL) },
		{ "from_ip", args_value(args, "from-ip", NULL) },
	};
	enum exit_code code;

	for (unsigned i = 0; i < n_names; i++)
		query[n++] = (struct client_query){ "cert_name", names[i] };
	code = client_ask(args, "/v1/explain", query, NULL, out);
	if (code == EXIT_YES && out->status == 400) {
		client_complain(args, out);
		json_decref(out->json);
		return EXIT_USAGE;
	}
	if (code == EXIT_YES && out->status != 200) {
		client_complain(args, out);
		json_decref(out->json);
		return EXIT_NOT_KNOWN;
	}
	return code;
}

static enum exit_code complain_faults(struct report *report, enum err err)
{
	struct buf text;

	buf_init(&text, 0);
	report_print(report, false, &text);
	fprintf(stderr, "%s%snuncio explain: %s\n", buf_text(&text), text.len ? "\n" : "",
		report_n_errors(report) ? "the configuration has errors, so nothing can be told"
					: err_text(err));
	buf_fini(&text);
	return report_n_errors(report) ? EXIT_NO : EXIT_NOT_KNOWN;
}

static enum exit_code ask_file(const struct args *args, struct server *server, json_t **out)
{
	struct decision *decision = calloc(1, sizeof(*decision));
	const char *what = "FROM or TO";
	struct explain_question question = {
		.from = args->operands[0],
		.to = args->operands[1],
		.method = args_value(args, "method", NULL),
		.listener = args_value(args, "listener", NULL),
		.source = args_value(args, "from-ip", NULL),
	};
	enum exit_code code = EXIT_YES;
	enum err err;

	question.n_cert_names = args_values(args, "cert-name", &question.cert_names);
	err = decision ? explain_request(server, server->snapshot, &question, decision, &what)
		       : ERR_NO_MEMORY;
	if (err) {
		fprintf(stderr, "nuncio explain: %s%s\n",
			err == ERR_INVALID ? "cannot be understood: " : "",
			err == ERR_INVALID ? what : err_text(err));
		code = err == ERR_INVALID ? EXIT_USAGE : EXIT_NOT_KNOWN;
	} else {
		*out = decision_answer(decision, true);
	}
	free(decision);
	return code;
}

static enum exit_code explain_offline(const struct args *args, json_t **out)
{
	struct server *server = NULL;
	struct report *report;
	enum exit_code code;
	enum err err;

	if (report_new(&report)) {
		fputs("nuncio explain: out of memory\n", stderr);
		return EXIT_NOT_KNOWN;
	}
	err = server_new_offline(args_value(args, "config", NULL), NULL, report, &server);
	code = err ? complain_faults(report, err) : ask_file(args, server, out);
	server_free(server);
	report_free(report);
	return code;
}

static enum exit_code explain(const struct args *args)
{
	struct client_answer answer = { 0 };
	struct screen screen;
	enum exit_code code;

	if (args_has(args, "config"))
		code = explain_offline(args, &answer.json);
	else
		code = ask_daemon(args, &answer);
	if (code != EXIT_YES)
		return code;
	screen_init(&screen, stdout, args);
	if (args_has(args, "json")) {
		client_print_json(answer.json);
	} else {
		screen_print(&screen, INK_DETAIL, "dry run: nothing was sent\n\n");
		record_print(&screen, json_object_get(answer.json, "decision"),
			     args_has(args, "all"));
	}
	code = json_is_true(json_object_get(answer.json, "ok")) ? EXIT_YES : EXIT_NO;
	json_decref(answer.json);
	return code;
}

const struct verb verb_explain = {
	.name = "explain",
	.operands = "FROM TO",
	.summary = "tell what would be done with a request, and why",
	.text = "Runs the rules of the traffic on a request that nobody sent, and prints which "
		"of them decided, the line "
		"of the configuration they stem from, the verdict, and for a refusal the "
		"reason, who must act and what "
		"to do. Nothing is sent and nothing is charged. FROM and TO are user@domain or "
		"SIP URIs. The daemon is "
		"asked; with --config the answer comes from the file, without a daemon.",
	.min_operands = 2,
	.max_operands = 2,
	.completes = COMPLETES_DOMAIN,
	.options = options,
	.examples = examples,
	.output = output_explain,
	.exits = { [EXIT_YES] = "the request would be accepted",
		   [EXIT_NO] = "it would be refused",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may)",
		   [EXIT_NOT_KNOWN] = "could not be found out" },
	.run = explain,
};
