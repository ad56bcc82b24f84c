#include "conf/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"

/* A parse with what belongs to it. */
struct parsed {
	struct arena arena;
	struct report *report;
	struct node *root;
	enum err err;
};

static void parse(struct parsed *parsed, const char *text, size_t len)
{
	*parsed = (struct parsed){ 0 };
	arena_init(&parsed->arena);
	assert_int_equal(report_new(&parsed->report), ERR_OK);
	parsed->err =
		yaml_parse(&parsed->arena, "t.yaml", text, len, parsed->report, &parsed->root);
}

static void parsed_fini(struct parsed *parsed)
{
	report_free(parsed->report);
	arena_fini(&parsed->arena);
}

static void test_tree(void **state)
{
	static const char text[] = "\xef\xbb\xbf# a comment behind a byte order mark\n"
				   "name: \"168\"\n"
				   "list:\n"
				   "  - a\n"
				   "  - { k: v, \xc3\xa9t\xc3\xa9: 'it''s' }\n"
				   "nothing:\n"
				   "also: ~\n"
				   "quoted: \"\"\n";
	const struct node *node;
	struct parsed parsed;

	parse(&parsed, text, sizeof(text) - 1);
	assert_int_equal(parsed.err, ERR_OK);
	assert_int_equal(parsed.root->kind, NODE_MAPPING);
	assert_int_equal(parsed.root->n_children, 5);

	node = node_get(parsed.root, "name");
	assert_string_equal(node->text, "168");
	assert_true(node->is_quoted);
	assert_string_equal(node->place.file, "t.yaml");
	assert_int_equal(node->place.line, 2);
	assert_int_equal(node->place.column, 7);
	assert_int_equal(node->key->place.column, 1);

	node = node_get(parsed.root, "list");
	assert_int_equal(node->kind, NODE_LIST);
	assert_int_equal(node->n_children, 2);
	assert_string_equal(node->first->text, "a");
	node = node_get(node->last, "\xc3\xa9t\xc3\xa9");
	assert_string_equal(node->text, "it's");
	assert_int_equal(node->place.line, 5);
	assert_int_equal(node->place.column, 18); /* in characters */

	assert_int_equal(node_get(parsed.root, "nothing")->kind, NODE_EMPTY);
	assert_int_equal(node_get(parsed.root, "also")->kind, NODE_EMPTY);
	assert_int_equal(node_get(parsed.root, "quoted")->kind, NODE_SCALAR);
	assert_null(node_get(parsed.root, "none"));
	assert_null(node_get(NULL, "none"));
	parsed_fini(&parsed);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "\n", "# only a comment\n" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct parsed parsed;

		parse(&parsed, texts[i], strlen(texts[i]));
		assert_int_equal(parsed.err, ERR_OK);
		assert_null(parsed.root);
		parsed_fini(&parsed);
	}
}

static const struct {
	const char *name, *text;
	size_t len; /* 0: strlen */
	enum fault fault;
	unsigned line, column;
} faults[] = {
	{ "tab as indentation", "a:\n\tb: 1\n", 0, FAULT_YAML, 2, 1 },
	{ "unclosed quote", "a: \"b\nc: d\n", 0, FAULT_YAML, 3, 1 },
	{ "unclosed bracket", "a: [b\n", 0, FAULT_YAML, 2, 1 },
	{ "bad indentation", "a:\n  b: 1\n c: 2\n", 0, FAULT_YAML, 3, 2 },
	{ "bytes that are not UTF-8", "a: b\nc: \xff\n", 0, FAULT_YAML, 2, 4 },
	{ "overlong UTF-8", "a: \xc0\x80\n", 0, FAULT_YAML, 1, 4 },
	{ "control character", "a: \x01\n", 0, FAULT_YAML, 1, 4 },
	{ "NUL in the text", "a: b\0c\n", 7, FAULT_YAML, 1, 5 },
	{ "NUL by an escape", "a: \"b\\0c\"\n", 0, FAULT_YAML, 1, 4 },
	{ "anchor", "a: &x b\n", 0, FAULT_ALIAS, 1, 4 },
	{ "anchor on a list", "a: &x [b]\n", 0, FAULT_ALIAS, 1, 4 },
	{ "alias", "a: *x\n", 0, FAULT_ALIAS, 1, 4 },
	{ "tag", "a: !!int 1\n", 0, FAULT_ALIAS, 1, 4 },
	{ "tag on a group", "a: !x { b: c }\n", 0, FAULT_ALIAS, 1, 4 },
	{ "a list as key", "[a, b]: c\n", 0, FAULT_YAML, 1, 1 },
	{ "two documents", "a: b\n---\nc: d\n", 0, FAULT_YAML, 2, 1 },
	{ "17 levels", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 0, FAULT_TOO_DEEP, 1, 17 },
	{ "same key twice", "a: 1\nb: 2\na: 3\n", 0, FAULT_DUPLICATE_KEY, 3, 1 },
	{ "same key twice, below", "x: { a: 1, 'a': 3 }\n", 0, FAULT_DUPLICATE_KEY, 1, 12 },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		const struct report_row *rows;
		struct parsed parsed;

		parse(&parsed, faults[i].text,
		      faults[i].len ? faults[i].len : strlen(faults[i].text));
		if (report_rows(parsed.report, &rows) != 1 || rows[0].line != faults[i].line ||
		    rows[0].column != faults[i].column || rows[0].fault != faults[i].fault)
			fail_msg("%s: %zu faults, the first is %u at %u:%u: %s", faults[i].name,
				 report_n_errors(parsed.report), rows[0].fault, rows[0].line,
				 rows[0].column, rows[0].text);
		assert_int_equal(parsed.err,
				 faults[i].fault == FAULT_DUPLICATE_KEY ? ERR_OK : ERR_INVALID);
		parsed_fini(&parsed);
	}
}

/* The later one is left out; the order of the others stays. */
static void test_duplicates_dropped(void **state)
{
	static const char text[] = "c: 1\na: 2\nc: 3\nb: 4\na: 5\nc: 6\n";
	static const char *const keys[] = { "c", "a", "b" }, *const values[] = { "1", "2",
										 "4" };
	const struct node *child;
	struct parsed parsed;

	parse(&parsed, text, sizeof(text) - 1);
	assert_int_equal(parsed.err, ERR_OK);
	assert_int_equal(report_n_errors(parsed.report), 3);
	assert_int_equal(parsed.root->n_children, 3);
	child = parsed.root->first;
	for (size_t i = 0; i < 3; i++, child = child->next) {
		assert_string_equal(child->key->text, keys[i]);
		assert_string_equal(child->text, values[i]);
	}
	assert_null(child);
	parsed_fini(&parsed);
}

static void test_bounds(void **state)
{
	static const struct yaml_bounds bounds = { .max_bytes = 40, .max_nodes = 8 };
	static const struct {
		const char *text;
		enum err err;
	} rows[] = {
		{ "[1,2,3,4,5,6,7]", ERR_OK },
		{ "[1,2,3,4,5,6,7,8]", ERR_INVALID },
		{ "# 4567890123456789012345678901234567890", ERR_OK },
		{ "# 45678901234567890123456789012345678901", ERR_OK },
		{ "# 456789012345678901234567890123456789012", ERR_INVALID },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct report *report;
		struct arena arena;
		struct node *root;

		arena_init(&arena);
		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(yaml_parse_bounded(&arena, "t", rows[i].text,
						    strlen(rows[i].text), &bounds, report,
						    &root),
				 rows[i].err);
		assert_int_equal(report_n_errors(report), rows[i].err ? 1 : 0);
		report_free(report);
		arena_fini(&arena);
	}
}

/* A hostile file with very many keys in one group is refused or read, but fast. */
static void test_many_keys(void **state)
{
	struct parsed parsed;
	struct buf text;

	buf_init(&text, 0);
	for (unsigned i = 0; i < 90000; i++)
		buf_printf(&text, "k%u: 1\n", i);
	buf_puts(&text, "k0: 2\n");
	parse(&parsed, buf_text(&text), text.len);
	assert_int_equal(parsed.err, ERR_OK);
	assert_int_equal(report_n_errors(parsed.report), 1);
	assert_int_equal(parsed.root->n_children, 90000);
	parsed_fini(&parsed);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),   cmocka_unit_test(test_empty),
		cmocka_unit_test(test_faults), cmocka_unit_test(test_duplicates_dropped),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
