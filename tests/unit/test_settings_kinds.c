/* Every key with a value of every kind: read or refused, and a group or a list that is none is
 * refused. The keys come from the schema, so a new one is tried without a row here. */
#include "conf/settings_tables.h"

#include "tests/unit/settings_base.h"

/* clang-format off */
static const char *const values[] = {
	"5", "yes", "\"\"", "word", "~", "", "[]", "[5]", "[[5]]", "[{}]", "[~]", "{}",
	"{ 5: 5 }", "{ a: ~ }", "{ a: [] }", "{ a: {} }", "[{ a: 5 }, 5]", "18446744073709551616",
};
/* clang-format on */

static const struct field *find(const struct table *table, const char *key, size_t len)
{
	for (size_t i = 0; table && i < table->n_fields; i++) {
		if (strlen(table->fields[i].key) == len &&
		    memcmp(table->fields[i].key, key, len) == 0)
			return &table->fields[i];
	}
	return NULL;
}

/* `a.b.NAME.c` written as `a: { b: { x: { c: VALUE } } }`, lists with one item. */
static void write_path(const struct table *table, const char *path, const char *value,
		       struct buf *out)
{
	size_t len = strcspn(path, ".");
	const struct field *field = find(table, path, len);

	if (!field)
		fail_msg("'%s' has no place in its table", path);
	buf_printf(out, "%s: ", field->key);
	path += len;
	if (!*path) {
		buf_puts(out, value);
		return;
	}
	path++;
	if (field->kind == KIND_NAMED)
		path += strlen("NAME.");
	buf_puts(out, field->kind == KIND_LIST    ? "[{ "
		      : field->kind == KIND_NAMED ? "{ x: { "
						  : "{ ");
	write_path(field->table, path, value, out);
	buf_puts(out, field->kind == KIND_LIST    ? " }]"
		      : field->kind == KIND_NAMED ? " }}"
						  : " }");
}

/* The errors that the text has; it is refused if there are any. */
static size_t n_errors_of(const char *text)
{
	struct settings *settings = NULL;
	struct report *report;
	size_t n_errors;
	enum err err;

	assert_int_equal(report_new(&report), ERR_OK);
	err = load_text(text, report, &settings);
	n_errors = report_n_errors(report);
	if (err == ERR_OK)
		settings_free(settings);
	assert_int_equal(err, n_errors ? ERR_INVALID : ERR_OK);
	report_free(report);
	return n_errors;
}

static void try_value(const struct schema_row *row, const char *value)
{
	enum kind kind = row->field->kind;
	struct buf text;
	size_t n_errors;

	buf_init(&text, 0);
	write_path(&settings_table, row->path, value, &text);
	n_errors = n_errors_of(buf_text(&text));
	if (kind == KIND_GROUP && *value != '{' && !n_errors)
		fail_msg("%s: no group, but taken", buf_text(&text));
	if (kind == KIND_LIST && *value != '[' && !n_errors)
		fail_msg("%s: no list, but taken", buf_text(&text));
	buf_fini(&text);
}

static void try_row(void *user, const struct schema_row *row)
{
	size_t *n_tried = user;

	for (size_t i = 0; i < COUNT(values); i++)
		try_value(row, values[i]);
	++*n_tried;
}

static void test_every_kind_everywhere(void **state)
{
	size_t n_tried = 0;

	schema_each(&settings_table, try_row, &n_tried);
	assert_in_range(n_tried, 100, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_everywhere),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
