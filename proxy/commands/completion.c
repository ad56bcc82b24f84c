#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/record.h"

static const struct option_row *const options[] = { &option_help, NULL };
static const struct example_row examples[] = {
	{ "source <(nuncio completion bash)",
	  "Completion for this shell; the package installs it for all." },
	{ "nuncio completion words -- nuncio status --w",
	  "What would complete the last word; for the shell's script." },
	{ 0 },
};

static const char script[] = "# bash completion for nuncio; made by `nuncio completion bash`\n"
			     "_nuncio() {\n"
			     "\tlocal word=${COMP_WORDS[COMP_CWORD]} line\n"
			     "\tCOMPREPLY=()\n"
			     "\twhile IFS= read -r line; do\n"
			     "\t\tif [ \"$line\" = :files: ]; then\n"
			     "\t\t\tcompopt -o default 2>/dev/null\n"
			     "\t\telse\n"
			     "\t\t\tCOMPREPLY+=(\"$line\")\n"
			     "\t\tfi\n"
			     "\tdone < <(\"${COMP_WORDS[0]}\" completion words -- "
			     "\"${COMP_WORDS[@]:0:COMP_CWORD}\" \"$word\" 2>/dev/null)\n"
			     "}\n"
			     "complete -F _nuncio nuncio\n";

static const char methods[] =
	"INVITE MESSAGE SUBSCRIBE NOTIFY PUBLISH OPTIONS INFO REFER BYE UPDATE PRACK REGISTER";

static void offer(const char *start, const char *word)
{
	if (text_starts_with(word, start))
		puts(word);
}

static void offer_words(const char *start, const char *words)
{
	char word[64];

	for (; words && *words; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");

		if (text_copy_len(word, sizeof(word), words, len))
			offer(start, word);
		words += len;
	}
}

/* Names out of a list of the daemon's answer; nothing if it does not run. */
static void offer_live(const char *start, const char *path, const char *list, const char *key)
{
	json_t *answer = client_peek(client_socket(NULL), path), *row;
	const char *before = "";
	size_t i;

	json_array_foreach(json_object_get(answer, list), i, row) {
		const char *text = record_text(row, key);

		if (*text && strcmp(text, before) != 0)
			offer(start, text);
		before = text;
	}
	json_decref(answer);
}

/* "anna@par" completes with the domains that the daemon knows. */
static void offer_domains(const char *start)
{
	const char *at = strrchr(start, '@');
	json_t *answer, *row;
	char word[512];
	size_t i;

	if (!at)
		return;
	answer = client_peek(client_socket(NULL), "/v1/status");
	json_array_foreach(json_object_get(answer, "partners"), i, row) {
		snprintf(word, sizeof(word), "%.*s%s", (int)(at + 1 - start), start,
			 record_text(row, "domain"));
		offer(start, word);
	}
	json_decref(answer);
}

static void offer_verbs(const char *start)
{
	for (size_t i = 0; verbs[i]; i++)
		offer(start, verbs[i]->name);
}

static void offer_kind(enum completes completes, const char *words, const char *start)
{
	switch (completes) {
	case COMPLETES_NOTHING:
		break;
	case COMPLETES_FILE:
		puts(":files:");
		break;
	case COMPLETES_LISTENER:
		offer_live(start, "/v1/status?summary=1", "listeners", "name");
		break;
	case COMPLETES_DOMAIN:
		offer_domains(start);
		break;
	case COMPLETES_CALL_ID:
		offer_words(start, words);
		offer_live(start, "/v1/decisions", "decisions", "call_id");
		break;
	case COMPLETES_METHOD:
		offer_words(start, methods);
		break;
	case COMPLETES_PARTNER:
		offer_live(start, "/v1/partners", "routes", "domain");
		offer_live(start, "/v1/partners", "discovered", "domain");
		break;
	case COMPLETES_VERB:
		offer_verbs(start);
		break;
	case COMPLETES_WORDS:
		offer_words(start, words);
		break;
	}
}

static const struct option_row *option_of(const struct verb *verb, const char *word)
{
	for (size_t i = 0; verb->options[i]; i++) {
		const struct option_row *row = verb->options[i];
		bool is_letter =
			word[0] == '-' && word[1] && word[1] == row->letter && !word[2];

		if (row->argument && (is_letter || (strncmp(word, "--", 2) == 0 &&
						    strcmp(word + 2, row->name) == 0)))
			return row;
	}
	return NULL;
}

/* words: "nuncio", the verb, ..., the word that is not finished. */
static void complete(const char *const *words, unsigned n)
{
	const char *start = words[n - 1];
	const struct verb *verb = n > 2 ? verb_by_name(words[1]) : NULL;
	const struct option_row *row;
	char option[64];

	if (n == 2) {
		offer_verbs(start);
		return;
	}
	if (!verb)
		return;
	row = option_of(verb, words[n - 2]);
	if (row) {
		offer_kind(row->completes, row->words, start);
		return;
	}
	if (*start != '-') {
		offer_kind(n == 3 && verb->completes == COMPLETES_PARTNER ? COMPLETES_WORDS
									  : verb->completes,
			   verb->words, start);
		return;
	}
	for (size_t i = 0; verb->options[i]; i++) {
		snprintf(option, sizeof(option), "--%s", verb->options[i]->name);
		offer(start, option);
	}
}

static enum exit_code completion(const struct args *args)
{
	if (args->n_operands == 1 && strcmp(args->operands[0], "bash") == 0) {
		fputs(script, stdout);
		return EXIT_YES;
	}
	if (strcmp(args->operands[0], "words") == 0) {
		if (args->n_operands > 2)
			complete(args->operands + 1, args->n_operands - 1);
		return EXIT_YES;
	}
	fprintf(stderr,
		"nuncio completion: there is one for bash, none for '%s' (zsh: bashcompinit "
		"takes that one)\n",
		args->operands[0]);
	return EXIT_USAGE;
}

const struct verb verb_completion = {
	.name = "completion",
	.operands = "bash | words -- WORD...",
	.summary = "print the completion script of a shell",
	.text = "Prints a script for bash which asks `nuncio completion words` for what fits: "
		"verbs and options from the "
		"program's tables, and listeners, partner domains and Call-IDs from the "
		"running daemon, if it answers "
		"within 0.3 s.",
	.min_operands = 1,
	.max_operands = VERB_MAX_OPERANDS,
	.completes = COMPLETES_WORDS,
	.words = "bash",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "printed, even if nothing fits" },
	.run = completion,
};
