#include "conf/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define AT(member) offsetof(struct house, member)

/* One table with a row of every kind. */
struct room {
	const char *name;
	unsigned floor;
};

struct house {
	bool is_open;
	unsigned count;
	uint16_t port, small;
	uint32_t wait_ms;
	uint64_t size_bytes;
	struct rate rate;
	int word;
	const char *text, *name, *host, *domain, *path;
	struct settings_file file;
	struct settings_ref ref;
	struct addr addr;
	unsigned words;
	const struct settings_text *texts;
	size_t n_texts;
	const struct settings_domain *domains;
	size_t n_domains;
	const struct settings_file *files;
	size_t n_files;
	const struct settings_ref *refs;
	size_t n_refs;
	const struct addr *addrs;
	size_t n_addrs;
	struct room room;
	const struct room *rooms;
	size_t n_rooms;
	const struct room *named;
	size_t n_named;
	unsigned n_finished;
};

static const struct word words[] = {
	{ "one", 1, false },
	{ "two", 2, false },
	{ "four", 4, true },
	{ NULL, 0, false },
};

static const struct field room_fields[] = {
	{ "floor", KIND_COUNT, offsetof(struct room, floor), 0, 9, "3", RESTART, "its floor" },
};

static const struct table room_table = { "in a room", room_fields, COUNT(room_fields),
					 sizeof(struct room) };

/* clang-format off */
static const struct field fields[] = {
	{ "bool", KIND_BOOL, AT(is_open), 0, 0, "true", LIVE, "a bool" },
	{ "count", KIND_COUNT, AT(count), 1, 9, "5", LIVE, "a count" },
	{ "port", KIND_PORT, AT(port), 1, 65535, NULL, LIVE, "a port" },
	{ "small", KIND_SMALL, AT(small), 0, 65535, "7", LIVE, "a small" },
	{ "wait", KIND_DURATION, AT(wait_ms), 1000, 5000, "2s", LIVE, "a duration" },
	{ "size", KIND_SIZE, AT(size_bytes), 0, 1 << 20, "1KB", LIVE, "a size" },
	{ "rate", KIND_RATE, AT(rate), 1, 100, "5/m", LIVE, "a rate" },
	{ "word", KIND_WORD, AT(word), 0, 0, "two", NEXT_CONNECTION, "a word", words },
	{ "text", KIND_TEXT, AT(text), 2, 4, "ab", LIVE, "a text" },
	{ "name", KIND_NAME, AT(name), 1, 63, NULL, LIVE, "a name" },
	{ "host", KIND_HOST, AT(host), 0, 253, NULL, LIVE, "a host" },
	{ "domain", KIND_DOMAIN, AT(domain), 0, 253, NULL, LIVE, "a domain" },
	{ "path", KIND_PATH, AT(path), 0, 0, "/p", LIVE, "a path" },
	{ "file", KIND_FILE, AT(file), 0, 0, NULL, LIVE, "a file" },
	{ "ref", KIND_REF, AT(ref), 0, 63, NULL, LIVE, "a ref" },
	{ "addr", KIND_ADDRESS_PORT, AT(addr), 0, 0, "", LIVE, "an address" },
	{ "words", KIND_WORDS, AT(words), 0, 0, "one", LIVE, "words", words },
	{ "texts", KIND_TEXTS, AT(texts), 0, 2, "preset", LIVE, "texts" },
	{ "domains", KIND_DOMAINS, AT(domains), 0, 2, NULL, LIVE, "domains" },
	{ "files", KIND_FILES, AT(files), 0, 2, NULL, LIVE, "files" },
	{ "refs", KIND_REFS, AT(refs), 0, 2, NULL, LIVE, "refs" },
	{ "addrs", KIND_ADDRESSES, AT(addrs), 0, 2, NULL, LIVE, "addresses" },
	{ "room", KIND_GROUP, AT(room), 0, 0, NULL, RESTART, "a group", NULL, &room_table },
	{ "rooms", KIND_LIST, AT(rooms), 0, 0, NULL, LIVE, "a list", NULL, &room_table },
	{ "named", KIND_NAMED, AT(named), 0, 0, NULL, LIVE, "by name", NULL, &room_table },
	{ "later", KIND_GROUP, NOWHERE, 0, 0, NULL, LIVE, "later", NULL, NULL, NOT_BUILT },
	{ "checked", KIND_COUNT, NOWHERE, 1, 1, "1", LIVE, "checked and left" },
	{ "must", KIND_BOOL, NOWHERE, 0, 0, NULL, LIVE, "the must", NULL, NULL, REQUIRED },
	{ "secret", KIND_COUNT, NOWHERE, 0, 9, NULL, LIVE, "a secret", NULL, NULL, SECRET },
};
/* clang-format on */

static void finish(struct schema_reader *reader, const struct node *node, void *item)
{
	struct house *house = item;

	(void)node;
	assert_ptr_equal(reader->root, house);
	house->n_finished++;
}

static const struct table house_table = { "in the house",       fields, COUNT(fields),
					  sizeof(struct house), 0,      finish };

/* A house with what holds it. */
struct built {
	struct arena arena;
	struct report *report;
	struct house house;
};

static void build(struct built *built, const char *text)
{
	struct schema_reader reader = { &built->arena, NULL, &built->house };
	struct node *root = NULL;

	*built = (struct built){ 0 };
	arena_init(&built->arena);
	assert_int_equal(report_new(&built->report), ERR_OK);
	reader.report = built->report;
	assert_int_equal(yaml_parse(&built->arena, "/etc/t.yaml", text, strlen(text),
				    built->report, &root),
			 ERR_OK);
	schema_read(&reader, &house_table, root, &built->house);
	assert_false(built->arena.is_broken);
}

static void built_fini(struct built *built)
{
	report_free(built->report);
	arena_fini(&built->arena);
}

static void test_presets(void **state)
{
	struct built built;
	const struct house *house = &built.house;

	build(&built, "must: true\n");
	assert_int_equal(report_n_errors(built.report), 0);
	assert_true(house->is_open);
	assert_int_equal(house->count, 5);
	assert_int_equal(house->port, 0);
	assert_int_equal(house->small, 7);
	assert_int_equal(house->wait_ms, 2000);
	assert_int_equal(house->size_bytes, 1024);
	assert_int_equal(house->rate.count, 5);
	assert_int_equal(house->rate.per_ms, 60000);
	assert_int_equal(house->word, 2);
	assert_string_equal(house->text, "ab");
	assert_string_equal(house->name, ""); /* never NULL */
	assert_string_equal(house->host, "");
	assert_string_equal(house->domain, "");
	assert_string_equal(house->path, "/p");
	assert_null(house->file.path);
	assert_string_equal(house->ref.name, "");
	assert_int_equal(house->ref.index, -1);
	assert_false(addr_is_set(&house->addr));
	assert_int_equal(house->words, 1);
	assert_int_equal(house->n_texts, 1);
	assert_string_equal(house->texts[0].text, "preset");
	assert_int_equal(house->n_domains, 0);
	assert_int_equal(house->room.floor, 3); /* of a group that is not written */
	assert_int_equal(house->n_rooms, 0);
	assert_int_equal(house->n_finished, 1);
	built_fini(&built);
}

static void test_values(void **state)
{
	struct built built;
	const struct house *house = &built.house;

	build(&built,
	      "must: true\nbool: false\ncount: 9\nport: 65535\nsmall: 0\nwait: 1s\nsize: 1MB\n"
	      "rate: 100/s\nword: one\ntext: abcd\nname: a.b-c_9\nhost: \"[2001:db8::1]\"\n"
	      "domain: A.Example.\npath: ./x/y\nfile: z\nref: r\naddr: \"[::1]:80\"\n"
	      "words: [one, two]\ntexts: []\ndomains: [b.example]\nfiles: [/abs, rel]\n"
	      "refs: [x, y]\naddrs: [127.0.0.1]\nroom: { floor: 1 }\n"
	      "rooms: [{ floor: 2 }, {}]\nnamed: { attic: { floor: 9 } }\n");
	assert_int_equal(report_n_errors(built.report), 0);
	assert_false(house->is_open);
	assert_int_equal(house->port, 65535);
	assert_int_equal(house->small, 0);
	assert_int_equal(house->size_bytes, 1 << 20);
	assert_int_equal(house->word, 1);
	assert_string_equal(house->host, "2001:db8::1");
	assert_string_equal(house->domain, "a.example");
	assert_string_equal(house->path, "/etc/x/y");
	assert_string_equal(house->file.path, "/etc/z");
	assert_int_equal(house->file.place.line, 15);
	assert_string_equal(house->ref.name, "r");
	assert_int_equal(addr_port(&house->addr), 80);
	assert_int_equal(house->words, 3);
	assert_int_equal(house->n_texts, 0);
	assert_string_equal(house->domains[0].name, "b.example");
	assert_string_equal(house->files[0].path, "/abs");
	assert_string_equal(house->files[1].path, "/etc/rel");
	assert_int_equal(house->n_refs, 2);
	assert_int_equal(addr_port(&house->addrs[0]), 53);
	assert_int_equal(house->room.floor, 1);
	assert_int_equal(house->n_rooms, 2);
	assert_int_equal(house->rooms[0].floor, 2);
	assert_int_equal(house->rooms[1].floor, 3);
	assert_int_equal(house->n_named, 1);
	assert_string_equal(house->named[0].name, "attic");
	assert_int_equal(house->named[0].floor, 9);
	built_fini(&built);
}

static const struct {
	const char *text;
	enum fault fault;
	const char *says, *hint;
} faults[] = {
	{ "bool: yes", FAULT_BAD_VALUE, "'yes', expected true or false", "" },
	{ "bool: [true]", FAULT_WRONG_KIND, "a list, expected true or false", "" },
	{ "count: 0", FAULT_OUT_OF_RANGE, "expected 1 to 9", "" },
	{ "count: 10", FAULT_OUT_OF_RANGE, "expected 1 to 9", "" },
	{ "port: 0", FAULT_OUT_OF_RANGE, "expected 1 to 65535", "" },
	{ "small: 65536", FAULT_OUT_OF_RANGE, "expected 0 to 65535", "" },
	{ "wait: 999ms", FAULT_OUT_OF_RANGE, "expected 1s to 5s", "" },
	{ "size: 2MB", FAULT_OUT_OF_RANGE, "expected 0 to 1MB", "" },
	{ "rate: 101/s", FAULT_OUT_OF_RANGE, "expected 1 to 100", "" },
	{ "word: tow", FAULT_BAD_VALUE, "'tow', expected one or two", "'two'" },
	{ "word: four", FAULT_NOT_IN_VERSION, "'four' is not in this version", "" },
	{ "words: [one, tow]", FAULT_BAD_VALUE, "expected one or two", "'two'" },
	{ "words: one", FAULT_WRONG_KIND, "expected a list", "" },
	{ "text: a", FAULT_BAD_VALUE, "", "" },
	{ "text: abcde", FAULT_BAD_VALUE, "", "" },
	{ "text: \"a\\nb\"", FAULT_BAD_VALUE, "without control characters", "" },
	{ "name: \"a b\"", FAULT_BAD_VALUE, "a name of letters", "" },
	{ "name: a\xc3\xa9", FAULT_BAD_VALUE, "a name of letters", "" },
	{ "host: a:1", FAULT_BAD_VALUE, "without scheme and port", "" },
	{ "domain: 192.0.2.1", FAULT_BAD_VALUE, "a domain name", "" },
	{ "domains: [\"*.a\"]", FAULT_BAD_VALUE, "a domain name", "" },
	{ "domains: [\"\"]", FAULT_BAD_VALUE, "a domain name", "" },
	{ "domains: [a, b, c]", FAULT_OUT_OF_RANGE, "3 entries, expected at most 2", "" },
	{ "domains: [[a]]", FAULT_WRONG_KIND, "a list, expected a domain name", "" },
	{ "addr: 127.0.0.1", FAULT_BAD_VALUE, "an address with a port", "" },
	{ "addr: name:1", FAULT_BAD_VALUE, "an address with a port", "" },
	{ "addrs: [name]", FAULT_BAD_VALUE, "with or without a port", "" },
	{ "room: 1", FAULT_WRONG_KIND, "a single value in a room, expected a group", "" },
	{ "room:", FAULT_WRONG_KIND, "nothing in a room, expected a group", "" },
	{ "room: { flor: 1 }", FAULT_UNKNOWN_KEY, "unknown key 'flor' in a room", "'floor'" },
	{ "rooms: { a: { floor: 1 } }", FAULT_WRONG_KIND, "a group of keys, expected a list",
	  "" },
	{ "rooms: [1]", FAULT_WRONG_KIND, "expected a group of keys", "" },
	{ "named: [1]", FAULT_WRONG_KIND, "expected names, each with a group", "" },
	{ "later: 1", FAULT_NOT_IN_VERSION, "not in this version", "" },
	{ "checked: 2", FAULT_OUT_OF_RANGE, "expected 1 to 1", "" },
	{ "porch: 1", FAULT_UNKNOWN_KEY, "unknown key 'porch' in the house", "'port'" },
	{ "garden: 1", FAULT_UNKNOWN_KEY, "unknown key 'garden' in the house", "" },
	{ "secret: hunter2", FAULT_BAD_VALUE, "not what was expected: a number", "" },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		const struct report_row *rows;
		struct built built;
		char text[128];

		snprintf(text, sizeof(text), "must: true\n%s\n", faults[i].text);
		build(&built, text);
		if (report_rows(built.report, &rows) != 1 || rows[0].fault != faults[i].fault ||
		    !strstr(rows[0].text, faults[i].says) ||
		    !strstr(rows[0].hint, faults[i].hint) || rows[0].line != 2)
			fail_msg("%s: %zu faults, the first is %u: %s (%s)", faults[i].text,
				 report_n_errors(built.report), rows[0].fault, rows[0].text,
				 rows[0].hint);
		built_fini(&built);
	}
}

/* What has a fault keeps its preset, so that what follows finds something sensible. */
static void test_faulty_keeps_preset(void **state)
{
	const struct report_row *rows;
	struct built built;

	build(&built, "count: 10\nword: tow\nbool: x\n");
	assert_int_equal(built.house.count, 5);
	assert_int_equal(built.house.word, 2);
	assert_true(built.house.is_open);
	assert_int_equal(report_rows(built.report, &rows), 4);
	assert_int_equal(rows[0].fault, FAULT_MISSING_KEY);
	assert_string_equal(rows[0].text, "missing in the house, expected the must");
	built_fini(&built);
}

static void test_path(void **state)
{
	static const struct {
		const char *file, *path, *wanted;
	} rows[] = {
		{ "/etc/n.yaml", "a", "/etc/a" },
		{ "/etc/n.yaml", "/a", "/a" },
		{ "/etc/n.yaml", "././a", "/etc/a" },
		{ "/etc/n.yaml", "../a", "/etc/../a" },
		{ "/n.yaml", "a", "/a" },
		{ "/etc/n.yaml", "", "" },
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(schema_path(&arena, rows[i].file, rows[i].path),
				    rows[i].wanted);
	assert_int_equal(*schema_path(&arena, "n.yaml", "a"), '/');
	arena_fini(&arena);
}

static const struct field small_fields[] = {
	{ "w", KIND_WORD, NOWHERE, 0, 0, "one", LIVE, "a \"w\"", words },
	{ "n", KIND_COUNT, NOWHERE, 1, 9, NULL, RESTART, "an n", NULL, NULL, REQUIRED },
	{ "x", KIND_BOOL, NOWHERE, 0, 0, NULL, LIVE, "an x", NULL, NULL, NOT_BUILT },
	{ "g", KIND_NAMED, NOWHERE, 0, 0, NULL, LIVE, "a g", NULL, &room_table },
};

static const struct table small_table = { "in small", small_fields, COUNT(small_fields) };

static void test_print(void **state)
{
	struct buf out;

	buf_init(&out, 0);
	schema_print(&small_table, &out);
	assert_string_equal(
		buf_text(&out),
		"w\n    word: one, two; default one; live\n    a \"w\"\n"
		"n\n    number: 1 to 9; required; restart\n    an n\n"
		"x\n    true or false; not in this version; live\n    an x\n"
		"g\n    groups by name; live\n    a g\n"
		"g.NAME.floor\n    number: 0 to 9; default 3; restart\n    its floor\n");
	buf_clear(&out);
	schema_print_json(&small_table, &out);
	assert_string_equal(
		buf_text(&out),
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/"
		"schema\",\"title\":\"nuncio.yaml\","
		"\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"w\":{\"description\":\"a \\\"w\\\"\",\"enum\":[\"one\",\"two\"]},"
		"\"n\":{\"description\":\"an "
		"n\",\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
		"\"g\":{\"description\":\"a g\",\"type\":\"object\",\"additionalProperties\":{"
		"\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"floor\":{\"description\":\"its floor\",\"type\":\"integer\",\"minimum\":0,"
		"\"maximum\":9}}}}},\"required\":[\"n\"]}\n");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets), cmocka_unit_test(test_values),
		cmocka_unit_test(test_faults),  cmocka_unit_test(test_faulty_keeps_preset),
		cmocka_unit_test(test_path),    cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
