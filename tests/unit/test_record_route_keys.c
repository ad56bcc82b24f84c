#include "routing/record_route_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[128];

static int setup(void **state)
{
	strcpy(directory, "/tmp/test-record-route-XXXXXX");
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/record_route.key", directory);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(directory); /* fails if a temporary file was left */
}

static void write_file(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_made_once(void **state)
{
	struct record_route_keys *first, *second;
	struct stat status;

	assert_int_equal(record_route_keys_load(directory, &first), ERR_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(record_route_keys_load(directory, &second), ERR_OK);
	assert_memory_equal(first, second, sizeof(*first));
	assert_false(first->has_previous);
	record_route_keys_free(first);
	assert_null(record_route_keys_free(second));
	assert_null(record_route_keys_free(NULL));
}

/* After one replacement both keys are known, after two the first is gone; ends keep their
 * hash. */
static void test_replace(void **state)
{
	struct record_route_keys *old, *now;

	assert_int_equal(record_route_keys_load(directory, &old), ERR_OK);
	assert_int_equal(record_route_keys_replace(directory), ERR_OK);
	assert_int_equal(record_route_keys_load(directory, &now), ERR_OK);
	assert_true(record_route_end(old, "x") == record_route_end(now, "x"));
	assert_int_not_equal(now->current.number, old->current.number);
	const struct record_route_key *found = record_route_keys_find(now, old->current.number);
	assert_non_null(found);
	assert_memory_equal(found->bytes, old->current.bytes, sizeof(found->bytes));
	assert_memory_not_equal(now->current.bytes, old->current.bytes, sizeof(found->bytes));
	record_route_keys_free(now);

	assert_int_equal(record_route_keys_replace(directory), ERR_OK);
	assert_int_equal(record_route_keys_load(directory, &now), ERR_OK);
	assert_null(record_route_keys_find(now, old->current.number));
	record_route_keys_free(now);
	record_route_keys_free(old);
}

#define ENDS "ends 00112233445566778899aabbccddeeff\n"
#define KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define HEAD "nuncio record-route keys 1\n"

static void test_damaged(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		enum err want;
	} rows[] = {
		{ "sound", HEAD ENDS "current 7 " KEY, 0600, ERR_OK },
		{ "sound, with a previous one", HEAD ENDS "current 7 " KEY "previous 6 " KEY,
		  0600, ERR_OK },
		{ "empty", "", 0600, ERR_SYNTAX },
		{ "another version", "nuncio record-route keys 2\n" ENDS "current 7 " KEY, 0600,
		  ERR_SYNTAX },
		{ "cut", HEAD ENDS "current 7 0011", 0600, ERR_SYNTAX },
		{ "no number", HEAD ENDS "current " KEY, 0600, ERR_SYNTAX },
		{ "a number too large", HEAD ENDS "current 256 " KEY, 0600, ERR_SYNTAX },
		{ "no hex", HEAD "ends 00112233445566778899aabbccddeefg\ncurrent 7 " KEY, 0600,
		  ERR_SYNTAX },
		{ "too short a key", HEAD ENDS "current 7 0011\n", 0600, ERR_SYNTAX },
		{ "something behind", HEAD ENDS "current 7 " KEY "x", 0600, ERR_SYNTAX },
		{ "the group may read", HEAD ENDS "current 7 " KEY, 0640, ERR_ACCESS },
		{ "all may read", HEAD ENDS "current 7 " KEY, 0604, ERR_ACCESS },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record_route_keys *keys = NULL;
		write_file(rows[i].text, rows[i].mode);
		enum err err = record_route_keys_load(directory, &keys);
		if (err != rows[i].want)
			fail_msg("%s: %s", rows[i].name, err_text(err));
		if (err == ERR_OK)
			assert_int_equal(keys->current.number, 7);
		record_route_keys_free(keys);
	}
}

static void test_no_directory(void **state)
{
	struct record_route_keys *keys;
	char gone[128];

	(void)snprintf(gone, sizeof(gone), "%s/gone", directory);
	assert_int_equal(record_route_keys_load(gone, &keys), ERR_NOT_FOUND);
	assert_int_equal(record_route_keys_replace(gone), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
