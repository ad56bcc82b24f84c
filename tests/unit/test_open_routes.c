/* Rules of domains that DNS finds: made when they are needed, and strangers leave places for
 * our own users. */
#include "routing/open_routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static struct settings settings;
static struct open_routes *routes;

static uint64_t hash(void *user, const char *id)
{
	return strlen(id);
}

static int setup(void **state)
{
	const struct rules_parts parts = { .settings = &settings, .hash = hash };

	memset(&settings, 0, sizeof(settings));
	settings.federation = (struct settings_federation){ .is_open = true,
							    .listener = { .index = -1 },
							    .max_connections = 3 };
	assert_int_equal(open_routes_new(&parts, &routes), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	routes = open_routes_free(routes);
	return 0;
}

static const struct rule *get(unsigned n, enum open_routes_way way)
{
	char domain[32];

	snprintf(domain, sizeof(domain), "d%u.example", n);
	return open_routes_get(routes, domain, way);
}

static void test_made_once(void **state)
{
	const struct rule *rule;

	assert_null(open_routes_find(routes, "d1.example")); /* looking makes none */
	rule = get(1, OPEN_ROUTES_IN);
	assert_non_null(rule);
	assert_string_equal(rule->id, "partner:d1.example");
	assert_int_equal(rule->max_connections, 3);
	assert_ptr_equal(get(1, OPEN_ROUTES_OUT), rule);
	assert_ptr_equal(open_routes_find(routes, "d1.example"), rule);
	settings.federation.is_open = false;
	assert_null(open_routes_find(routes, "d1.example"));
	assert_null(get(1, OPEN_ROUTES_OUT));
}

static void test_strangers_leave_room(void **state)
{
	unsigned n;

	for (n = 0; n < OPEN_ROUTES_MAX_IN; n++)
		assert_non_null(get(n, OPEN_ROUTES_IN));
	assert_null(get(n, OPEN_ROUTES_IN));
	assert_non_null(get(0, OPEN_ROUTES_IN)); /* it has its place */
	for (; n < OPEN_ROUTES_MAX; n++)
		assert_non_null(get(n, OPEN_ROUTES_OUT));
	assert_null(get(n, OPEN_ROUTES_OUT));
	assert_non_null(get(n - 1, OPEN_ROUTES_IN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers_leave_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
