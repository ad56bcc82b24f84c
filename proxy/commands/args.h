/* The words after the verb, read by its rows: options in any order, none abbreviated.
 * Complaints go to standard error. */
#pragma once

#include "proxy/commands/verb.h"

struct args_option {
	const struct option_row *row;
	const char *values[VERB_MAX_REPEATS]; /* "" for options without argument */
	unsigned n_values;
};

struct args {
	const struct verb *verb;
	struct args_option options[VERB_MAX_OPTIONS];
	unsigned n_options;
	const char *operands[VERB_MAX_OPERANDS];
	unsigned n_operands;
};

/* Reads argv[1..] (argv[0] is the verb's name). False after a complaint: the exit code is then
 * EXIT_USAGE. The values stay argv's. */
bool args_read(struct args *args, const struct verb *verb, int argc, char **argv);

/* Was the option given? */
bool args_has(const struct args *args, const char *name);
/* Its last value; preset if it was not given. */
const char *args_value(const struct args *args, const char *name, const char *preset);
/* All its values. */
unsigned args_values(const struct args *args, const char *name, const char *const **out);
