/* docs/configuration.md and conf/examples against the tables of the program. */
#include "conf/settings_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/file.h"
#include "proxy/base/text.h"

static char *read_tree(const char *name)
{
	char path[512], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), TESTS_DIR "/../%s", name);
	assert_int_equal(file_read(path, 1 << 20, &text, &len), ERR_OK);
	return text;
}

/* "| `path` | kind | default | range | effect |": all but the meaning, which people write. */
static void row_start(const struct schema_row *row, char *out, size_t size)
{
	char preset[128] = "";

	if (row->field->flags & NOT_BUILT)
		snprintf(preset, sizeof(preset), "not in this version");
	else if (row->field->flags & REQUIRED)
		snprintf(preset, sizeof(preset), "required");
	else if (*row->preset)
		snprintf(preset, sizeof(preset), "`%s`", row->preset);
	snprintf(out, size, "| `%s` | %s | %s | %s | %s |", row->path, row->kind, preset,
		 row->range, row->effect);
}

static void require_row(void *user, const struct schema_row *row)
{
	char start[512];

	row_start(row, start, sizeof(start));
	if (!strstr(user, start))
		fail_msg("docs/configuration.md lacks: %s", start);
}

static void test_every_key_is_documented(void **state)
{
	char *docs = read_tree("docs/configuration.md");

	schema_each(&settings_table, require_row, docs);
	free(docs);
}

struct search {
	char path[128];
	bool is_found;
};

static void compare_path(void *user, const struct schema_row *row)
{
	struct search *search = user;

	search->is_found |= strcmp(search->path, row->path) == 0;
}

static void test_every_documented_key_exists(void **state)
{
	char *docs = read_tree("docs/configuration.md");
	size_t n = 0;

	for (const char *line = strstr(docs, "\n| `"); line; line = strstr(line + 1, "\n| `")) {
		struct search search = { .is_found = false };
		const char *path = line + strlen("\n| `");

		assert_true(text_copy_len(search.path, sizeof(search.path), path,
					  (size_t)(strchrnul(path, '`') - path)));
		schema_each(&settings_table, compare_path, &search);
		if (!search.is_found)
			fail_msg("docs/configuration.md has a key that does not exist: %s",
				 search.path);
		n++;
	}
	assert_true(n > 90);
	free(docs);
}

/* Each key stands in full.yaml, built ones as keys, later ones in a comment. */
static void require_key(void *user, const struct schema_row *row)
{
	char key[64];

	snprintf(key, sizeof(key), "%s:", row->field->key);
	if (!strstr(user, key))
		fail_msg("conf/examples/full.yaml lacks %s", row->path);
}

static void test_full_example_has_every_key(void **state)
{
	char *text = read_tree("conf/examples/full.yaml");

	schema_each(&settings_table, require_key, text);
	free(text);
}

static const struct {
	const char *file;
	size_t n_warnings;
} examples[] = {
	{ "conf/examples/quickstart.yaml", 0 },  { "conf/examples/backends.yaml", 0 },
	{ "conf/examples/two-sites/a.yaml", 0 }, { "conf/examples/two-sites/b.yaml", 0 },
	{ "conf/examples/full.yaml", 4 }, /* no listener for the carrier, no users yet */
};

/* The certificates of the examples are made by scripts; everything else must be right. */
static void test_examples_load(void **state)
{
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct settings *settings = NULL;
		const struct report_row *rows;
		struct report *report;
		char path[512];
		size_t n_others = 0, n;
		enum err err;

		snprintf(path, sizeof(path), TESTS_DIR "/../%s", examples[i].file);
		assert_int_equal(report_new(&report), ERR_OK);
		err = settings_load(path, report, &settings);
		n = report_rows(report, &rows);
		for (size_t j = 0; j < n; j++) {
			if (rows[j].is_error && rows[j].fault != FAULT_FILE_UNREADABLE)
				fail_msg("%s:%u: %s", rows[j].file, rows[j].line, rows[j].text);
			n_others += !rows[j].is_error;
		}
		assert_int_equal(n_others, examples[i].n_warnings);
		assert_int_equal(err, report_n_errors(report) ? ERR_INVALID : ERR_OK);
		settings_free(settings);
		report_free(report);
	}
}

/* Every fault that is reported can be looked up, and the table has no holes. */
static void test_faults_have_help(void **state)
{
	const char *title, *help;
	char code[8];
	unsigned number;
	size_t i;

	for (i = 0; (number = conf_fault_at(i, &title)); i++) {
		help = conf_fault_help(report_code(true, (enum fault)number, code));
		assert_non_null(help);
		assert_true(strlen(help) > 20 && strlen(title) > 5);
		assert_true(*conf_fault_remedy((enum fault)number));
		assert_ptr_equal(conf_fault_help(report_code(false, (enum fault)number, code)),
				 help);
	}
	assert_true(i > 30);
	assert_null(conf_fault_help("E000"));
	assert_null(conf_fault_help("X012"));
	assert_null(conf_fault_help("E12"));
	assert_null(conf_fault_help("E0x2"));
	assert_null(conf_fault_help(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_documented),
		cmocka_unit_test(test_every_documented_key_exists),
		cmocka_unit_test(test_full_example_has_every_key),
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_faults_have_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
