#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/commands/output.h"
#include "proxy/commands/verb.h"

static bool prints_json(const struct verb *verb)
{
	for (size_t i = 0; verb->options[i]; i++)
		if (strcmp(verb->options[i]->name, "json") == 0)
			return true;
	return false;
}

static bool has_row(const struct output_row *rows, const char *path, size_t len)
{
	for (; rows->path; rows++)
		if (strlen(rows->path) == len && strncmp(rows->path, path, len) == 0)
			return true;
	return false;
}

static unsigned n_of(const struct output_row *rows, const char *path)
{
	unsigned n = 0;

	for (; rows->path; rows++)
		n += strcmp(rows->path, path) == 0;
	return n;
}

/* What stands below something stands below a row; a list is written as one; nothing needs an
 * escape. */
static void check_row(const char *verb, const struct output_row *rows,
		      const struct output_row *row)
{
	const char *dot = strrchr(row->path, '.');
	bool is_list = row->path[strlen(row->path) - 1] == ']';

	if (dot && !has_row(rows, row->path, (size_t)(dot - row->path)))
		fail_msg("%s: nothing is above %s", verb, row->path);
	if (n_of(rows, row->path) != 1)
		fail_msg("%s: %s stands there twice", verb, row->path);
	if (is_list != (row->kind == OUTPUT_LIST))
		fail_msg("%s: %s: a list ends with [], and nothing else does", verb, row->path);
	if ((row->kind == OUTPUT_WORD || row->kind == OUTPUT_WORDS) != (row->words != NULL))
		fail_msg("%s: %s: words", verb, row->path);
	if (!*row->about || strpbrk(row->about, "\"\\\n"))
		fail_msg("%s: %s: '%s'", verb, row->path, row->about);
}

static void test_tables(void **state)
{
	unsigned n = 0;

	for (size_t i = 0; verbs[i]; i++) {
		const struct output_row *rows = verbs[i]->output;

		if (prints_json(verbs[i]) != (rows != NULL) &&
		    strcmp(verbs[i]->name, "schema") != 0)
			fail_msg("%s: --json and a table belong together", verbs[i]->name);
		for (; rows && rows->path; rows++, n++)
			check_row(verbs[i]->name, verbs[i]->output, rows);
	}
	assert_true(n > 100);
}

static void test_print(void **state)
{
	static const struct output_row rows[] = {
		{ "version", OUTPUT_ONE, false, "one", NULL },
		{ "list[]", OUTPUT_LIST, true, "a list", NULL },
		{ "list[].word", OUTPUT_WORD, false, "a word", "a b" },
		{ "list[].deep", OUTPUT_OBJECT, true, "below", NULL },
		{ "list[].deep.counts", OUTPUT_COUNTS, false, "numbers", NULL },
		{ "listed", OUTPUT_TEXTS, false, "no child of list", NULL },
		{ 0 },
	};
	static const char want[] =
		"{'$schema':'https://json-schema.org/draft/2020-12/schema','title':'nuncio x --json',"
		"'type':'object','required':['version','listed'],'properties':{"
		"'version':{'description':'one','const':1},"
		"'list':{'description':'a list','type':'array','items':{'type':'object',"
		"'required':['word'],'properties':{"
		"'word':{'description':'a word','enum':['a','b']},"
		"'deep':{'description':'below','type':'object','required':['counts'],'properties':{"
		"'counts':{'description':'numbers','type':'object',"
		"'additionalProperties':{'type':'integer'}}}}}}},"
		"'listed':{'description':'no child of list','type':'array','items':{'type':'string'}}}}";
	char text[sizeof(want)];
	struct buf out;
	json_t *got, *wanted;

	for (size_t i = 0; i < sizeof(want); i++)
		text[i] = want[i] == '\'' ? '"' : want[i];
	buf_init(&out, 0);
	output_print_schema("x", rows, &out);
	got = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
	wanted = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(wanted);
	if (!json_equal(got, wanted))
		fail_msg("%s", buf_text(&out));
	json_decref(got);
	json_decref(wanted);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables),
					    cmocka_unit_test(test_print) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
