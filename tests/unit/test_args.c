#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/commands/args.h"

static const struct option_row json = { .name = "json", .text = "x" };
static const struct option_row config = {
	.name = "config", .letter = 'c', .argument = "FILE", .text = "x"
};
static const struct option_row name = {
	.name = "cert-name", .argument = "NAME", .is_repeated = true, .text = "x"
};
static const struct option_row help = { .name = "help", .letter = 'h', .text = "x" };
static const struct option_row *const options[] = { &json, &config, &name, &help, NULL };
static const struct verb verb = {
	.name = "explain",
	.operands = "FROM [TO]",
	.min_operands = 1,
	.max_operands = 2,
	.options = options,
};

/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name;
	const char *words[8]; /* after the verb */
	bool want;
	const char *config, *first; /* "" for none */
	unsigned n_operands, n_names;
	bool has_json;
	const char *complaint; /* a part of it */
} rows[] = {
	{ "operands alone", { "a", "b" }, true, "", "a", 2, 0, false, "" },
	{ "an option after operands", { "a", "--json", "b" }, true, "", "a", 2, 0, true, "" },
	{ "a value in its own word",
	  { "--config", "f", "a" },
	  true,
	  "f",
	  "a",
	  1,
	  0,
	  false,
	  "" },
	{ "a value behind =", { "--config=f", "a" }, true, "f", "a", 1, 0, false, "" },
	{ "a letter, value apart", { "-c", "f", "a" }, true, "f", "a", 1, 0, false, "" },
	{ "a letter, value behind it", { "-cf", "a" }, true, "f", "a", 1, 0, false, "" },
	{ "a value that looks like an option",
	  { "--config", "--json", "a" },
	  true,
	  "--json",
	  "a",
	  1,
	  0,
	  false,
	  "" },
	{ "repeated where it may be",
	  { "--cert-name", "x", "--cert-name=y", "a" },
	  true,
	  "",
	  "a",
	  1,
	  2,
	  false,
	  "" },
	{ "operands after --", { "--", "--json" }, true, "", "--json", 1, 0, false, "" },
	{ "help needs no operands", { "--help" }, true, "", "", 0, 0, false, "" },
	{ "an abbreviation is refused",
	  { "a", "--js" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "did you mean '--json'?" },
	{ "an abbreviation with a value is refused",
	  { "a", "--conf=f" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "did you mean '--config'?" },
	{ "an abbreviation, value apart, is refused",
	  { "a", "--conf", "f" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "unknown option '--conf'" },
	{ "a typo has a nearest",
	  { "a", "--jsno" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "did you mean '--json'?" },
	{ "nothing near",
	  { "a", "--zzzzzz" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "unknown option '--zzzzzz'\n" },
	{ "an unknown letter",
	  { "a", "-x" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "unknown option '-x'" },
	{ "an unknown letter in a bundle",
	  { "a", "-hx" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "unknown option '-x'" },
	{ "a value where none belongs",
	  { "a", "--json=1" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "takes no argument" },
	{ "a missing value",
	  { "a", "--config" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "an argument is missing" },
	{ "given twice",
	  { "--config=f", "--config=g", "a" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "given twice" },
	{ "too few operands", { NULL }, false, "", "", 0, 0, false, "something is missing" },
	{ "too many operands",
	  { "a", "b", "c" },
	  false,
	  "",
	  "",
	  0,
	  0,
	  false,
	  "one word too many: 'c'" },
};
/* clang-format on */

/* What the call wrote to standard error. */
static void read_complaint(FILE *file, char *out, size_t size)
{
	rewind(file);
	out[fread(out, 1, size - 1, file)] = '\0';
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *argv[10] = { (char *)"explain" }, complaint[1024];
		FILE *errors = tmpfile();
		int argc = 1, kept = dup(STDERR_FILENO);
		struct args args;
		const char *const *names;
		bool got;

		for (; rows[i].words[argc - 1]; argc++)
			argv[argc] = (char *)rows[i].words[argc - 1];
		fflush(stderr);
		dup2(fileno(errors), STDERR_FILENO);
		got = args_read(&args, &verb, argc, argv);
		fflush(stderr);
		dup2(kept, STDERR_FILENO);
		close(kept);
		read_complaint(errors, complaint, sizeof(complaint));
		fclose(errors);
		if (got != rows[i].want || !strstr(complaint, rows[i].complaint) ||
		    (got && *complaint))
			fail_msg("%s: %d, %s", rows[i].name, got, complaint);
		if (!got)
			continue;
		assert_string_equal(args_value(&args, "config", ""), rows[i].config);
		assert_int_equal(args.n_operands, rows[i].n_operands);
		assert_string_equal(args.n_operands ? args.operands[0] : "", rows[i].first);
		assert_int_equal(args_has(&args, "json"), rows[i].has_json);
		assert_int_equal(args_values(&args, "cert-name", &names), rows[i].n_names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
