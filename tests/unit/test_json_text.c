#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "proxy/base/macros.h"
#include "proxy/json_text.h"

/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name, *in, *want;
} rows[] = {
	{ "plain", "sip:bob@partner.example", "{\"x\":\"sip:bob@partner.example\"}" },
	{ "nothing", NULL, "{\"x\":\"\"}" },
	{ "UTF-8 stays",
	  "Gr\xc3\xbc\xc3\x9f"
	  "e",
	  "{\"x\":\"Gr\xc3\xbc\xc3\x9f"
	  "e\"}" },
	{ "a stranger's Latin-1 must not lose the answer",
	  "Gr\xfc\xdf"
	  "e",
	  "{\"x\":\"Gr??e\"}" },
	{ "a cut UTF-8 character", "abc\xc3", "{\"x\":\"abc?\"}" },
	{ "control characters are escaped", "a\nb\x1b[2J", "{\"x\":\"a\\nb\\u001B[2J\"}" },
};
/* clang-format on */

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *object = json_object();
		char *text;

		json_object_set_new(object, "x", json_text(rows[i].in));
		text = json_take_text(object);
		assert_non_null(text);
		assert_string_equal(text, rows[i].want);
		free(text);
	}
	assert_null(json_take_text(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
