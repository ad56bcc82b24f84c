#include "proxy/selfcheck.h"

#include <stdio.h>

#include "conf/report.h"
#include "proxy/base/buf.h"
#include "proxy/check_rehearsal.h"
#include "proxy/commands/check_text.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"

static const struct option_row *const options[] = { &option_config,  &option_json,
						    &option_control, &option_color,
						    &option_help,    NULL };
static const struct example_row examples[] = {
	{ "nuncio selfcheck", "Shows what partners see of each domain of ours." },
	{ "nuncio selfcheck corp.example", "The same for one domain." },
	{ "nuncio selfcheck --config /etc/nuncio/nuncio.yaml",
	  "Before the daemon runs: what DNS and the files of the certificates say." },
	{ "nuncio selfcheck --json", "The same for a program." },
	{ 0 },
};

/* ---- without the daemon ---- */

struct offline {
	const struct args *args;
	struct server *server;
	enum exit_code code;
};

static void on_done(void *user, const struct check_rows *rows)
{
	struct offline *offline = user;
	json_t *answer = check_rows_to_json(rows);

	offline->code = answer ? check_text_show(offline->args, answer) : EXIT_NOT_KNOWN;
	json_decref(answer);
	loop_stop(offline->server->loop);
}

static enum exit_code look(const struct args *args, struct server *server)
{
	struct check_means means = { .server = server,
				     .looker = { .loop = server->loop },
				     .prober = { .loop = server->loop,
						 .ops = &check_rehearsal_ops } };
	struct offline offline = { args, server, EXIT_NOT_KNOWN };
	const char *domain = args->n_operands ? args->operands[0] : NULL;
	struct selfcheck *check;
	enum err err = selfcheck_start(&means, domain, on_done, &offline, &check);

	if (err) {
		fprintf(stderr, "nuncio selfcheck: %s: %s\n", domain ? domain : "the domains",
			err == ERR_NOT_FOUND ? "it is none of ours" : err_text(err));
		return err == ERR_NOT_FOUND ? EXIT_NO : EXIT_NOT_KNOWN;
	}
	loop_run(server->loop);
	return offline.code;
}

static enum exit_code complain(struct report *report, enum err err)
{
	struct buf text;

	buf_init(&text, 0);
	report_print(report, false, &text);
	fprintf(stderr, "%s%snuncio selfcheck: %s\n", buf_text(&text), text.len ? "\n" : "",
		report_n_errors(report) ? "the configuration has errors" : err_text(err));
	buf_fini(&text);
	return report_n_errors(report) ? EXIT_NO : EXIT_NOT_KNOWN;
}

static enum exit_code look_offline(const struct args *args)
{
	struct server *server = NULL;
	struct report *report;
	enum exit_code code;
	enum err err;

	if (report_new(&report)) {
		fputs("nuncio selfcheck: out of memory\n", stderr);
		return EXIT_NOT_KNOWN;
	}
	err = server_new_offline(args_value(args, "config", NULL), NULL, report, &server);
	if (!err)
		err = loop_new(&server->loop); /* the server's */
	code = err ? complain(report, err) : look(args, server);
	server_free(server);
	report_free(report);
	return code;
}

static enum exit_code selfcheck(const struct args *args)
{
	const struct client_query query[] = {
		{ "domain", args->n_operands ? args->operands[0] : NULL }, { 0 }
	};

	return args_has(args, "config") ? look_offline(args)
					: check_text_ask(args, "/v1/selfcheck", query);
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
		"most ten seconds; its own handshakes leave records in `nuncio why tls`. With "
		"--config no daemon is needed: DNS is asked, and the certificates of the file are "
		"looked at, but nobody is dialled.",
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
