#include <stdio.h>

#include "conf/report.h"
#include "proxy/base/buf.h"
#include "proxy/commands/args.h"
#include "proxy/commands/output.h"
#include "proxy/commands/screen.h"
#include "proxy/server.h"
#include "proxy/transport/credentials_check.h"

static const struct option_row option_strict = { .name = "strict",
						 .text = "let warnings fail too" };
static const struct option_row *const options[] = { &option_strict, &option_json, &option_color,
						    &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio check", "Checks /etc/nuncio/nuncio.yaml and all it includes." },
	{ "nuncio check --strict new.yaml && sudo cp new.yaml /etc/nuncio/nuncio.yaml",
	  "Takes a new file into use only if there is nothing to remark." },
	{ "nuncio check --json new.yaml", "The same faults for a program." },
	{ 0 },
};

static void print_text(struct report *report, const struct screen *screen)
{
	struct buf text;

	buf_init(&text, 0);
	report_print(report, screen->has_colour, &text);
	if (text.len > 0)
		buf_puts(&text, "\n");
	report_print_count(report, &text);
	puts(buf_text(&text));
	buf_fini(&text);
}

static void print_json(struct report *report)
{
	struct buf text;

	buf_init(&text, 0);
	report_print_json(report, &text);
	fputs(buf_text(&text), stdout);
	buf_fini(&text);
}

/* The report tells already of a chain that is a leaf alone. */
static void check_chains(const struct snapshot *snapshot, struct report *report)
{
	char text[900];

	for (size_t i = 0; i < snapshot->settings->n_certificates; i++) {
		const struct settings_certificate *certificate =
			&snapshot->settings->certificates[i];
		const struct settings_file *file =
			certificate->chain.path ? &certificate->chain : &certificate->pkcs12;

		if (credentials_n_chain(snapshot->credentials[i]) > 1 &&
		    credentials_check_lacks_issuer(snapshot->credentials[i],
						   snapshot->tls_trust, text, sizeof(text)))
			report_warning(report, FAULT_CHAIN, &file->place, "chain",
				       "'%s': %.400s", certificate->name, text);
	}
}

static enum exit_code judge(struct report *report, enum err err, bool is_strict)
{
	if (err && report_n_errors(report) == 0) {
		fprintf(stderr, "nuncio check: %s\n", err_text(err));
		return EXIT_NOT_KNOWN;
	}
	if (err || report_n_errors(report) > 0)
		return EXIT_NO;
	return is_strict && report_n_warnings(report) > 0 ? EXIT_NO : EXIT_YES;
}

static enum exit_code check(const struct args *args)
{
	const char *path = args->n_operands > 0 ? args->operands[0] : path_config;
	struct server *server = NULL;
	struct report *report;
	struct screen screen;
	enum exit_code code;
	enum err err;

	if (report_new(&report)) {
		fputs("nuncio check: out of memory\n", stderr);
		return EXIT_NOT_KNOWN;
	}
	err = server_new_offline(path, NULL, report, &server);
	if (!err)
		check_chains(server->snapshot, report);
	screen_init(&screen, stdout, args);
	if (args_has(args, "json"))
		print_json(report);
	else
		print_text(report, &screen);
	code = judge(report, err, args_has(args, "strict"));
	server_free(server);
	report_free(report);
	return code;
}

const struct verb verb_check = {
	.name = "check",
	.operands = "[FILE]",
	.summary = "find all faults of a configuration file",
	.text = "Reads the file (default /etc/nuncio/nuncio.yaml) and everything that it "
		"names, and prints every "
		"fault at once: FILE:LINE:COLUMN, the line with a mark under the place, what "
		"was expected. Needs no "
		"network, no daemon and no root, opens no socket and changes nothing. "
		"Certificates and keys are loaded "
		"and must fit together. `nuncio help E012` explains a code.",
	.max_operands = 1,
	.completes = COMPLETES_FILE,
	.options = options,
	.examples = examples,
	.output = output_check,
	.exits = { [EXIT_YES] = "the daemon would take this file",
		   [EXIT_NO] = "it has errors (--strict: or warnings)",
		   [EXIT_NOT_KNOWN] = "it could not be checked: memory is short" },
	.run = check,
};
