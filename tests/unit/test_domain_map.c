#include "proxy/base/domain_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const entries[] = {
	"partner.example", "*.partner.example",         "*.sub.partner.example",
	"*.example",       "exact.sub.partner.example", "192.0.2.1",
};

static const struct {
	const char *name, *domain, *want; /* want NULL: nothing is found */
} rows[] = {
	{ "the name itself", "partner.example", "partner.example" },
	{ "a sub-domain", "a.partner.example", "*.partner.example" },
	{ "at any depth", "a.b.c.partner.example", "*.partner.example" },
	{ "the longest pattern wins", "a.sub.partner.example", "*.sub.partner.example" },
	{ "the base of a pattern lies not under it", "sub.partner.example",
	  "*.partner.example" },
	{ "a name before a pattern", "exact.sub.partner.example", "exact.sub.partner.example" },
	{ "a look-alike is under the next pattern", "evilpartner.example", "*.example" },
	{ "the base of the shortest pattern", "example", NULL },
	{ "another top", "partner.example.org", NULL },
	{ "nothing", "", NULL },
	{ "a pattern is no name", "*.sub.partner.example", NULL },
	{ "an address", "192.0.2.1", "192.0.2.1" },
	{ "another address", "192.0.2.11", NULL },
	{ "a dot first", ".example", NULL },
};

static void test_rows(void **state)
{
	struct domain_map *map;

	assert_int_equal(domain_map_new(&map), ERR_OK);
	for (size_t i = 0; i < COUNT(entries); i++)
		assert_int_equal(domain_map_put(map, entries[i], entries[i]), ERR_OK);
	assert_int_equal(domain_map_put(map, "partner.example", ""), ERR_EXISTS);
	assert_int_equal(domain_map_put(map, "*.example", ""), ERR_EXISTS);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = domain_map_find(map, rows[i].domain);
		if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].name, got ? got : "nothing");
	}
	domain_map_free(map);
}

static void test_too_large(void **state)
{
	struct domain_map *map;
	char name[300];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(domain_map_new(&map), ERR_OK);
	assert_int_equal(domain_map_put(map, name, ""), ERR_TOO_LARGE);
	assert_null(domain_map_find(map, name));
	assert_null(domain_map_free(map));
	assert_null(domain_map_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
