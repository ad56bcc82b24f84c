#include "conf/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const char acme[] = "partners:\n"
			   "  routes:\n"
			   "    - domain: acme.example\n"
			   "      trustworty: true\n";

static struct report *make(void)
{
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	return report;
}

static void assert_printed(struct report *report, bool is_coloured, const char *wanted)
{
	struct buf out;

	buf_init(&out, 0);
	report_print(report, is_coloured, &out);
	assert_string_equal(buf_text(&out), wanted);
	buf_fini(&out);
}

/* The layout of docs/operations: the first line for editors and grep, then the line and a
 * caret. */
static void test_print(void **state)
{
	struct report *report = make();

	report_source(report, "n.yaml", "certificate: egde # \t\xc3\xa9\nb: [ x ]\n", 32,
		      false);
	report_source(report, "acme.yaml", acme, strlen(acme), false);
	report_error(report, FAULT_DANGLING, &(struct place){ "n.yaml", 1, 14 }, NULL,
		     "certificate '%s' is not defined", "egde");
	report_hint(report, "defined at n.yaml:%d: edge, other", 24);
	report_error(report, FAULT_UNKNOWN_KEY, &(struct place){ "acme.yaml", 4, 7 }, NULL,
		     "unknown key 'trustworty' in a route");
	report_hint(report, "did you mean 'trustworthy'?");
	report_warning(report, FAULT_NO_TLS, NULL, "transport", "no TLS");
	report_hint(report, "use mtls");
	assert_printed(report, false,
		       "warning: transport: no TLS [W028]\n"
		       "     = use mtls\n"
		       "\n"
		       "acme.yaml:4:7: error: unknown key 'trustworty' in a route [E012]\n"
		       "   4 |       trustworty: true\n"
		       "     |       ^^^^^^^^^^ did you mean 'trustworthy'?\n"
		       "\n"
		       "n.yaml:1:14: error: certificate 'egde' is not defined [E021]\n"
		       "   1 | certificate: egde # \t\xc3\xa9\n"
		       "     |              ^^^^ defined at n.yaml:24: edge, other\n");
	assert_null(report_free(report));
	assert_null(report_free(NULL));
}

static void test_colours(void **state)
{
	struct report *report = make();

	report_source(report, "f", "a: b\n", 5, false);
	report_error(report, FAULT_BAD_VALUE, &(struct place){ "f", 1, 4 }, "a", "bad");
	assert_printed(report, true,
		       "\033[1mf:1:4: \033[0m\033[1;31merror:\033[0m a: bad [E013]\n"
		       "   1 | a: b\n"
		       "     |    \033[1;32m^\033[0m\n");
	report_free(report);
}

static const struct {
	const char *name, *line;
	unsigned column;
	const char *caret;
} carets[] = {
	{ "a tab before the word", "\tkey: 1", 2, "\t^^^" },
	{ "characters, not bytes", "\xc3\xa9\xc3\xa9: x", 5, "    ^" },
	{ "a quoted text", "a: \"b c\" # d", 4, "   ^^^^^" },
	{ "single quotes", "a: 'b, c', d", 4, "   ^^^^^^" },
	{ "an unclosed quote", "a: \"b", 4, "   ^^" },
	{ "in a list", "[a, bcd]", 5, "    ^^^" },
	{ "in a group", "{ ab: cd }", 7, "      ^^" },
	{ "a colon inside", "a: sip:x:1", 4, "   ^^^^^^^" },
	{ "behind the end", "a:", 3, "  ^" },
	{ "far behind the end", "a:", 99, "  ^" },
	{ "on a blank", "a:  ", 3, "  ^" },
};

static void test_carets(void **state)
{
	for (size_t i = 0; i < COUNT(carets); i++) {
		struct report *report = make();
		char wanted[256];

		report_source(report, "f", carets[i].line, strlen(carets[i].line), false);
		report_error(report, FAULT_YAML, &(struct place){ "f", 1, carets[i].column },
			     NULL, "x");
		snprintf(wanted, sizeof(wanted),
			 "f:1:%u: error: x [E002]\n   1 | %s\n     | %s\n", carets[i].column,
			 carets[i].line, carets[i].caret);
		assert_printed(report, false, wanted);
		report_free(report);
	}
}

/* A file whose line is missing, unknown, secret or hostile is no reason to fail. */
static void test_sources(void **state)
{
	struct report *report = make();

	report_source(report, "secret", "ha1: 0123\n", 10, true);
	report_error(report, FAULT_USERS, &(struct place){ "secret", 1, 1 }, "ha1", "bad");
	assert_printed(report, false, "secret:1:1: error: ha1: bad [E042]\n");
	report_free(report);

	report = make();
	report_source(report, "short", "a", 1, false);
	report_source(report, "empty", "", 0, false);
	report_error(report, FAULT_YAML, &(struct place){ "empty", 1, 1 }, NULL, "x");
	report_error(report, FAULT_YAML, &(struct place){ "short", 7, 1 }, NULL, "y");
	report_hint(report, "what began in line 1");
	report_error(report, FAULT_YAML, &(struct place){ "unknown", 7, 1 }, NULL, "z");
	assert_printed(report, false,
		       "empty:1:1: error: x [E002]\n\n"
		       "short:7:1: error: y [E002]\n     = what began in line 1\n\n"
		       "unknown:7:1: error: z [E002]\n");
	report_free(report);

	report = make();
	report_source(report, "f", "a: \x1b[2J\r\n", 9, false);
	report_error(report, FAULT_YAML, &(struct place){ "f", 1, 4 }, "a\n", "\x1b[2J\n");
	assert_printed(report, false,
		       "f:1:4: error: a?: ?[2J? [E002]\n   1 | a: ?[2J\n     |    ^^^^\n");
	report_free(report);
}

static void test_order(void **state)
{
	static const char *const wanted[] = { "1", "2", "3", "4", "5", "6", "7" };
	const struct report_row *rows;
	struct report *report = make();

	report_warning(report, FAULT_YAML, &(struct place){ "b", 1, 1 }, NULL, "6");
	report_error(report, FAULT_DANGLING, &(struct place){ "b", 1, 1 }, NULL, "5");
	report_error(report, FAULT_YAML, &(struct place){ "b", 1, 1 }, NULL, "4");
	report_error(report, FAULT_YAML, &(struct place){ "b", 10, 1 }, NULL, "7");
	report_error(report, FAULT_YAML, &(struct place){ "a", 20, 1 }, NULL, "3");
	report_error(report, FAULT_YAML, &(struct place){ "a", 3, 9 }, NULL, "2");
	report_error(report, FAULT_YAML, &(struct place){ "a", 3, 1 }, NULL, "1");
	assert_int_equal(report_rows(report, &rows), COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(rows[i].text, wanted[i]);

	/* a hint belongs to the fault before it, never to one that was sorted there */
	report_hint(report, "nobody's");
	report_rows(report, &rows);
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(rows[i].hint, "");
	report_free(report);
}

static void test_bound(void **state)
{
	const struct report_row *rows;
	struct report *report = make();
	struct buf out;

	for (unsigned i = 0; i < REPORT_MAX_FAULTS + 5; i++) {
		report_error(report, FAULT_YAML, &(struct place){ "f", i + 1, 1 }, NULL, "x");
		report_hint(report, "h");
	}
	report_warning(report, FAULT_YAML, NULL, NULL, "w");
	assert_int_equal(report_n_errors(report), REPORT_MAX_FAULTS + 5);
	assert_int_equal(report_n_warnings(report), 1);
	assert_int_equal(report_rows(report, &rows), REPORT_MAX_FAULTS);
	buf_init(&out, 0);
	report_print(report, false, &out);
	assert_non_null(strstr(buf_text(&out), "\n... and 6 more\n"));
	buf_fini(&out);
	report_free(report);
}

/* Hundreds of partners with a warning each must not hide the one error for which nothing
 * loads. */
static void test_error_among_too_many_warnings(void **state)
{
	const struct report_row *rows;
	struct report *report = make();
	size_t n_errors = 0;

	for (unsigned i = 0; i < REPORT_MAX_FAULTS + 5; i++)
		report_warning(report, FAULT_NO_LISTENER, &(struct place){ "f", i + 1, 1 },
			       NULL, "w");
	report_error(report, FAULT_YAML, &(struct place){ "f", 7, 2 }, NULL, "first");
	report_hint(report, "h1");
	report_error(report, FAULT_YAML, &(struct place){ "f", 9, 2 }, NULL, "second");
	assert_int_equal(report_rows(report, &rows), REPORT_MAX_FAULTS);
	for (size_t i = 0; i < REPORT_MAX_FAULTS; i++)
		n_errors += rows[i].is_error;
	assert_int_equal(n_errors, 2);
	assert_string_equal(rows[7].text, "first");
	assert_string_equal(rows[7].hint, "h1");
	assert_int_equal(report_n_warnings(report), REPORT_MAX_FAULTS + 5);
	report_free(report);
}

static void test_count(void **state)
{
	static const struct {
		size_t n_errors, n_warnings, n_files;
		const char *wanted;
	} rows[] = {
		{ 0, 0, 0, "no faults" },
		{ 1, 0, 1, "1 error in 1 file" },
		{ 2, 1, 2, "2 errors, 1 warning in 2 files" },
		{ 0, 2, 1, "2 warnings in 1 file" },
		{ 1, 0, 0, "1 error" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct report *report = make();
		struct place place = { "b", 1, 1 };
		struct buf out;

		if (rows[i].n_files == 0)
			place.file = NULL;
		for (size_t j = 0; j < rows[i].n_errors; j++)
			report_error(report, FAULT_YAML, &place, NULL, "x");
		if (rows[i].n_files == 2)
			place.file = "a";
		for (size_t j = 0; j < rows[i].n_warnings; j++)
			report_warning(report, FAULT_YAML, &place, NULL, "x");
		buf_init(&out, 0);
		report_print_count(report, &out);
		assert_string_equal(buf_text(&out), rows[i].wanted);
		buf_fini(&out);
		report_free(report);
	}
}

static void test_json(void **state)
{
	struct report *report = make();
	struct buf out;

	buf_init(&out, 0);
	report_print_json(report, &out);
	assert_string_equal(buf_text(&out),
			    "{\"version\":1,\"ok\":true,\"errors\":0,\"warnings\":0,"
			    "\"problems\":[]}\n");
	buf_clear(&out);
	report_error(report, FAULT_BAD_VALUE, &(struct place){ "a\"b", 2, 3 }, "key",
		     "'\\' \xc3\xa9 \xff");
	report_warning(report, FAULT_NO_TLS, NULL, NULL, "w");
	report_hint(report, "do");
	report_print_json(report, &out);
	assert_string_equal(
		buf_text(&out),
		"{\"version\":1,\"ok\":false,\"errors\":1,\"warnings\":1,\"problems\":["
		"{\"code\":\"W028\",\"severity\":\"warning\",\"where\":\"\",\"file\":\"\","
		"\"line\":0,"
		"\"column\":0,\"key\":\"\",\"text\":\"w\",\"act\":\"you\",\"remedy\":\"do\"},"
		"{\"code\":\"E013\",\"severity\":\"error\",\"where\":\"a\\\"b:2:3\",\"file\":"
		"\"a\\\"b\","
		"\"line\":2,\"column\":3,\"key\":\"key\",\"text\":\"'\\\\' \xc3\xa9 \\ufffd\","
		"\"act\":\"you\",\"remedy\":\"write what was expected\"}]}\n");
	buf_fini(&out);
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_carets),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_error_among_too_many_warnings),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
