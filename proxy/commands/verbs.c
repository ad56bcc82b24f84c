#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/help.h"
#include "proxy/commands/screen.h"
#include "proxy/commands/verb.h"

const char path_config[] = "/etc/nuncio/nuncio.yaml",
	   path_control[] = "/run/nuncio/control.sock";

const struct option_row option_help = { .name = "help",
					.letter = 'h',
					.text = "print this and end" };
const struct option_row option_config = {
	.name = "config",
	.letter = 'c',
	.argument = "FILE",
	.text = "look into this file, without asking the daemon",
	.completes = COMPLETES_FILE
};
const struct option_row option_config_run = {
	.name = "config",
	.letter = 'c',
	.argument = "FILE",
	.text = "the configuration; default /etc/nuncio/nuncio.yaml",
	.completes = COMPLETES_FILE
};
const struct option_row option_control = {
	.name = "control",
	.argument = "SOCKET",
	.text = "the daemon's control socket; default $NUNCIO_CONTROL, then "
		"/run/nuncio/control.sock",
	.completes = COMPLETES_FILE
};
const struct option_row option_json = { .name = "json",
					.text = "print one JSON object instead of text" };
const struct option_row option_color = {
	.name = "color",
	.argument = "WHEN",
	.text = "auto (a terminal, and NO_COLOR is not set), always or never",
	.completes = COMPLETES_WORDS,
	.words = "auto always never"
};

const struct verb *const verbs[] = {
	&verb_run,     &verb_check, &verb_reload,    &verb_confirm,    &verb_status,
	&verb_explain, &verb_why,   &verb_selfcheck, &verb_nat,        &verb_partner,
	&verb_passwd,  &verb_trace, &verb_schema,    &verb_completion, &verb_help,
	&verb_version, NULL,
};

const struct verb *verb_by_name(const char *name)
{
	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

const char *verb_nearest(const char *word)
{
	const char *names[32];
	size_t n = 0;

	for (; verbs[n] && n < COUNT(names); n++)
		names[n] = verbs[n]->name;
	for (size_t i = 0; *word && i < n; i++) {
		if (text_starts_with(names[i], word))
			return names[i];
	}
	return text_nearest(word, names, n);
}

static int complain_verb(const char *word)
{
	const char *nearest = verb_nearest(word);

	fprintf(stderr, "nuncio: unknown verb '%s'", word);
	if (nearest)
		fprintf(stderr, "; did you mean '%s'?", nearest);
	fputs("\nsee `nuncio help`\n", stderr);
	return EXIT_USAGE;
}

static bool is_colour_word(const char *word)
{
	return strcmp(word, "auto") == 0 || strcmp(word, "always") == 0 ||
	       strcmp(word, "never") == 0;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct args args;
	struct screen screen;

	if (!args_read(&args, verb, argc, argv))
		return EXIT_USAGE;
	if (!is_colour_word(args_value(&args, "color", "auto"))) {
		fprintf(stderr, "nuncio %s: --color is auto, always or never\n", verb->name);
		return EXIT_USAGE;
	}
	if (args_has(&args, "help")) {
		screen_init(&screen, stdout, &args);
		help_verb(&screen, verb);
		return EXIT_YES;
	}
	return (int)verb->run(&args);
}

int verbs_main(int argc, char **argv)
{
	char *help[] = { (char *)"help", NULL }, *version[] = { (char *)"version", NULL };
	const struct verb *verb;

	if (argc < 2) {
		struct screen screen;

		screen_init(&screen, stderr, NULL);
		help_overview(&screen);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return run_verb(&verb_help, 1, help);
	if (strcmp(argv[1], "--version") == 0)
		return run_verb(&verb_version, 1, version);
	verb = verb_by_name(argv[1]);
	return verb ? run_verb(verb, argc - 1, argv + 1) : complain_verb(argv[1]);
}
