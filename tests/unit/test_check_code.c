#include "proxy/check_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proxy/base/reason.h"

static void test_rows_are_complete(void **state)
{
	for (int i = 0; i < N_CHECK_CODES; i++) {
		const struct check_code_row *row = check_code_row((enum check_code)i);

		if (!row->code || !row->fact || !row->means || !row->remedy)
			fail_msg("row %d has holes", i);
		if (strlen(row->means) < 20 || row->means[strlen(row->means) - 1] != '.' ||
		    strstr(row->means, "  ") || strstr(row->remedy, "  "))
			fail_msg("%s: what it means is no sentence", row->code);
		assert_true(*check_actor(row->part, true) && *check_actor(row->part, false));
	}
}

/* `nuncio help CODE` knows both tables. */
static void test_codes_are_unique(void **state)
{
	for (int i = 0; i < N_CHECK_CODES; i++) {
		const char *code = check_code_row((enum check_code)i)->code;

		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(code));
		assert_int_equal(reason_by_code(code), REASON_NONE);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(code, check_code_row((enum check_code)k)->code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_complete),
		cmocka_unit_test(test_codes_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
