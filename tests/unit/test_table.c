#include "proxy/base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct entry {
	char name[16];
	unsigned number;
	UT_hash_handle hh;
};

static void test_add_find_delete(void **state)
{
	enum { N_ENTRIES = 5000 };
	struct entry *table = NULL, *entry, *next;
	char name[16];

	for (unsigned i = 0; i < N_ENTRIES; i++) {
		entry = calloc(1, sizeof(*entry));
		assert_non_null(entry);
		snprintf(entry->name, sizeof(entry->name), "user%u", i);
		entry->number = i;
		HASH_ADD_STR(table, name, entry);
	}
	assert_int_equal(HASH_COUNT(table), N_ENTRIES);
	for (unsigned i = 0; i < N_ENTRIES; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		HASH_FIND_STR(table, name, entry);
		assert_non_null(entry);
		assert_int_equal(entry->number, i);
	}
	HASH_FIND_STR(table, "user5000", entry);
	assert_null(entry);
	HASH_ITER(hh, table, entry, next)
	{
		HASH_DEL(table, entry);
		free(entry);
	}
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_add_find_delete) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
