/* What the command line consists of: one row a verb, with everything that help, man pages and
 * completion say about it (docs/operations.md). A verb's file holds its row and what it does;
 * verbs.c lists them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The same for all verbs, and in every man page. */
enum exit_code {
	EXIT_YES = 0,         /* yes, done; also: nothing to do */
	EXIT_NO = 1,          /* faults found, request would be refused, reload rejected */
	EXIT_USAGE = 2,       /* wrong usage */
	EXIT_UNREACHABLE = 3, /* the daemon does not run, or does not answer on the socket */
	EXIT_NOT_ALLOWED = 4, /* not permitted */
	EXIT_NOT_KNOWN = 5,   /* could not find out */
	N_EXIT_CODES
};

enum { VERB_MAX_OPTIONS = 16, VERB_MAX_OPERANDS = 64, VERB_MAX_REPEATS = 32 };

/* What completes an option's value or an operand. */
enum completes {
	COMPLETES_NOTHING,
	COMPLETES_FILE,
	COMPLETES_LISTENER,
	COMPLETES_DOMAIN,
	COMPLETES_CALL_ID,
	COMPLETES_METHOD,
	COMPLETES_PARTNER, /* one of words, then a partner's domain */
	COMPLETES_VERB,    /* and topics of help */
	COMPLETES_WORDS,
};

struct option_row {
	const char *name;     /* "json", without dashes */
	char letter;          /* 'c', 0: none */
	const char *argument; /* "FILE"; NULL: it takes none */
	const char *text;     /* one sentence, lower case, without a full stop */
	enum completes completes;
	const char *words; /* COMPLETES_WORDS: separated by blanks */
	bool is_repeated;
};

struct example_row {
	const char *command, *text;
};

struct args;
struct output_row;

struct verb {
	const char *name;
	const char *operands; /* as usage shows them: "FROM TO" */
	const char *summary;  /* at most 60 characters */
	const char *text;     /* what it does, a paragraph or two */
	unsigned min_operands, max_operands;
	enum completes completes; /* the operands */
	const char *words;
	const struct option_row *const *options; /* ended by NULL */
	const struct example_row *examples;      /* ended by a row without command */
	/* what it prints with --json; NULL: not ours to say */
	const struct output_row *output;
	/* What the exit codes mean for this verb; NULL: it never ends so. */
	const char *exits[N_EXIT_CODES];
	enum exit_code (*run)(const struct args *args);
};

/* Where files are looked for when nobody says otherwise. */
extern const char path_config[], path_control[];

/* Options that several verbs take. */
extern const struct option_row option_help, option_config, option_config_run, option_control,
	option_json, option_color;

/* The verbs in the order in which help lists them; ended by NULL. */
extern const struct verb *const verbs[];
extern const struct verb verb_run, verb_check, verb_reload, verb_confirm, verb_status,
	verb_explain, verb_why, verb_passwd, verb_selfcheck, verb_nat, verb_partner, verb_trace,
	verb_schema, verb_completion, verb_help, verb_version;

const struct verb *verb_by_name(const char *name);
/* The nearest verb to a word that is none; NULL if none is near. */
const char *verb_nearest(const char *word);

/* The program: argv[1] is the verb. Returns the exit code. */
int verbs_main(int argc, char **argv);
