#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/trace_areas.h"

/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name, *in;
	bool want;
	unsigned trace;
	const char *out; /* printed again */
} rows[] = {
	{ "one", "{\"areas\":[\"tls\"]}", true, LOG_TRACE_TLS, "[\"tls\"]" },
	{ "two, in our order", "{\"areas\":[\"dns\",\"tls\"]}", true,
	  LOG_TRACE_DNS | LOG_TRACE_TLS, "[\"tls\",\"dns\"]" },
	{ "all", "{\"areas\":[\"all\"]}", true, LOG_TRACE_ALL,
	  "[\"registration\",\"interconnection\",\"media\",\"tls\",\"dns\"]" },
	{ "registrations", "{\"areas\":[\"registration\"]}", true, LOG_TRACE_REGISTRATION,
	  "[\"registration\"]" },
	{ "media", "{\"areas\":[\"media\"]}", true, LOG_TRACE_MEDIA, "[\"media\"]" },
	{ "none", "{\"areas\":[]}", true, 0, "[]" },
	{ "an unknown one", "{\"areas\":[\"tls\",\"x\"]}", false, 0, "" },
	{ "not a text", "{\"areas\":[1]}", false, 0, "" },
	{ "not a list", "{\"areas\":\"tls\"}", false, 0, "" },
	{ "no areas", "{}", false, 0, "" },
	{ "given twice", "{\"areas\":[],\"areas\":[\"tls\"]}", false, 0, "" },
	{ "not an object", "[]", false, 0, "" },
	{ "not JSON", "areas=tls", false, 0, "" },
	{ "nothing", "", false, 0, "" },
};
/* clang-format on */

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned trace = 0;
		json_t *again;
		char *text;

		if (trace_areas_read(rows[i].in, strlen(rows[i].in), &trace) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (!rows[i].want)
			continue;
		assert_int_equal(trace, rows[i].trace);
		again = trace_areas_to_json(trace);
		text = json_dumps(again, JSON_COMPACT);
		assert_string_equal(text, rows[i].out);
		free(text);
		json_decref(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
