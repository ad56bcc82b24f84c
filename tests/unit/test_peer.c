#include "federation/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

/* The words stand in logs, metrics and JSON: they must not change. */
static void test_words(void **state)
{
	static const struct {
		enum origin_kind kind;
		const char *want;
	} rows[] = {
		{ ORIGIN_STRANGER, "stranger" },
		{ ORIGIN_BACKEND, "backend" },
		{ ORIGIN_PARTNER, "partner" },
		{ ORIGIN_PARTNER_UNTRUSTED, "partner-untrusted" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(origin_kind_text(rows[i].kind), rows[i].want);
}

/* What nobody filled in is a stranger. */
static void test_zero_is_stranger(void **state)
{
	struct origin origin = { 0 };

	assert_int_equal(origin.kind, ORIGIN_STRANGER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_zero_is_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
