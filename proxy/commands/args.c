#include "proxy/commands/args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum { LONG_BASE = 1000 }; /* above any letter */

static struct args_option *find(const struct args *args, const char *name)
{
	for (unsigned i = 0; i < args->n_options; i++) {
		if (strcmp(args->options[i].row->name, name) == 0)
			return (struct args_option *)&args->options[i];
	}
	return NULL;
}

/* The nearest option to a word like "--jsno=x". */
static const char *nearest_option(const struct args *args, const char *word)
{
	const char *names[VERB_MAX_OPTIONS];
	char name[64];

	word += strspn(word, "-");
	text_copy_len(name, sizeof(name), word, strcspn(word, "="));
	for (unsigned i = 0; i < args->n_options; i++)
		names[i] = args->options[i].row->name;
	for (unsigned i = 0; i < args->n_options; i++) {
		if (*name && text_starts_with(names[i], name))
			return names[i];
	}
	return text_nearest(name, names, args->n_options);
}

static bool complain_unknown(const struct args *args, const char *word)
{
	const char *nearest = nearest_option(args, word);

	fprintf(stderr, "nuncio %s: unknown option '%.*s'", args->verb->name,
		(int)strcspn(word, "="), word);
	if (nearest && text_starts_with(word, "--"))
		fprintf(stderr, "; did you mean '--%s'?", nearest);
	fprintf(stderr, "\nsee `nuncio %s --help`\n", args->verb->name);
	return false;
}

static bool complain(const struct args *args, const char *what, const char *word)
{
	fprintf(stderr,
		"nuncio %s: %s '%s'\nusage: nuncio %s%s%s [options]; see `nuncio %s --help`\n",
		args->verb->name, what, word, args->verb->name,
		*args->verb->operands ? " " : "", args->verb->operands, args->verb->name);
	return false;
}

/* getopt_long takes abbreviations; scripts that use them break when a new option arrives. */
static bool is_whole(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, len) == 0 &&
	       (word[2 + len] == '\0' || word[2 + len] == '=');
}

static bool take(struct args *args, struct args_option *option, const char *value)
{
	if (option->n_values == 1 && option->row->argument && !option->row->is_repeated)
		return complain(args, "given twice: option", option->row->name);
	if (option->n_values == VERB_MAX_REPEATS)
		return complain(args, "given too often: option", option->row->name);
	option->values[option->n_values++] = value ? value : "";
	return true;
}

static void make_tables(struct args *args, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (unsigned i = 0; args->verb->options[i] && i < VERB_MAX_OPTIONS; i++) {
		const struct option_row *row = args->verb->options[i];

		args->options[args->n_options++].row = row;
		longs[i] = (struct option){ row->name,
					    row->argument ? required_argument : no_argument,
					    NULL, LONG_BASE + (int)i };
		if (row->letter)
			*shorts++ = row->letter;
		if (row->letter && row->argument)
			*shorts++ = ':';
	}
	*shorts = '\0';
}

static struct args_option *by_letter(struct args *args, int letter)
{
	for (unsigned i = 0; i < args->n_options; i++) {
		if (args->options[i].row->letter == letter)
			return &args->options[i];
	}
	return NULL;
}

/* What getopt_long could not place: a letter, a word, or an argument where none belongs. */
static bool complain_strange(const struct args *args, const char *word)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	if (optopt >= LONG_BASE && is_whole(word, args->options[optopt - LONG_BASE].row->name))
		return complain(args, "takes no argument: option",
				args->options[optopt - LONG_BASE].row->name);
	return complain_unknown(args, optopt > 0 && optopt < LONG_BASE ? letter : word);
}

static bool take_one(struct args *args, int got, char **argv)
{
	struct args_option *option = NULL;
	const char *word = argv[optind - 1];

	if (got == '?')
		return complain_strange(args, word);
	if (got >= LONG_BASE || (got == ':' && optopt >= LONG_BASE)) {
		option = &args->options[(got == ':' ? optopt : got) - LONG_BASE];
		if (got != ':' && option->row->argument && optarg == word)
			word = argv[optind - 2];
		if (!is_whole(word, option->row->name))
			return complain_unknown(args, word);
	} else {
		option = by_letter(args, got == ':' ? optopt : got);
	}
	if (got == ':')
		return complain(args, "an argument is missing after option", option->row->name);
	return take(args, option, optarg);
}

bool args_read(struct args *args, const struct verb *verb, int argc, char **argv)
{
	struct option longs[VERB_MAX_OPTIONS + 1] = { 0 };
	char shorts[2 * VERB_MAX_OPTIONS + 2];
	int got;

	memset(args, 0, sizeof(*args));
	args->verb = verb;
	make_tables(args, longs, shorts);
	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (!take_one(args, got, argv))
			return false;
	}
	if (args_has(args, "help"))
		return true;
	for (; optind < argc; optind++) {
		if (args->n_operands == verb->max_operands ||
		    args->n_operands == VERB_MAX_OPERANDS)
			return complain(args, "one word too many:", argv[optind]);
		args->operands[args->n_operands++] = argv[optind];
	}
	if (args->n_operands < verb->min_operands)
		return complain(args, "something is missing:", verb->operands);
	return true;
}

bool args_has(const struct args *args, const char *name)
{
	const struct args_option *option = find(args, name);

	return option && option->n_values > 0;
}

const char *args_value(const struct args *args, const char *name, const char *preset)
{
	const struct args_option *option = find(args, name);

	return option && option->n_values > 0 ? option->values[option->n_values - 1] : preset;
}

unsigned args_values(const struct args *args, const char *name, const char *const **out)
{
	const struct args_option *option = find(args, name);

	*out = option ? option->values : NULL;
	return option ? option->n_values : 0;
}
