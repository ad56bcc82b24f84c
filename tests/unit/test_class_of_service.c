/* What may not be dialled, however it is written: RFC 3966 §5.1.1, RFC 3261 §19.1.1. */
#include "federation/class_of_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/sip/uri.h"

static const struct settings_text deny[] = { { .text = "+*" },
					     { .text = "00*" },
					     { .text = "boss" } };
static const struct settings_class inside = { .name = "inside",
					      .deny = deny,
					      .n_deny = COUNT(deny) };
static const struct settings_class everything = { .name = "everything" };

static void test_denied(void **state)
{
	static const struct {
		const char *uri, *want;
	} rows[] = {
		{ "sip:123@corp.example", NULL },
		{ "sip:0049@corp.example", "00*" },
		{ "sip:+4930@partner.example", "+*" },
		{ "sip:%2B4930@partner.example", "+*" },
		{ "sip:%30%30@partner.example", "00*" },
		{ "sip:0-0.4(9)@partner.example", "00*" },
		{ "sip:0%200@partner.example", "00*" },
		{ "sip:(00)@partner.example", "00*" },
		{ "sip:00;phone-context=x@partner.example", "00*" },
		{ "tel:+49-30", "+*" },
		{ "tel:00-49", "00*" },
		{ "tel:0-11", NULL },
		{ "sips:0049@corp.example", "00*" },
		{ "sip:boss@corp.example", "boss" },
		{ "sip:bosses@corp.example", NULL },
		{ "sip:b.oss@corp.example", NULL },
		{ "sip:corp.example", NULL },
		{ "sip:12%00@corp.example", "+*" }, /* it cannot be read */
	};
	su_home_t home[1] = { SU_HOME_INIT(home) };

	for (size_t i = 0; i < COUNT(rows); i++) {
		const url_t *url = uri_parse(home, rows[i].uri);
		const char *got = url ? class_of_service_denies(&inside, url) : "no URI";

		if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].uri, got ? got : "allowed");
		if (url) {
			assert_null(class_of_service_denies(&everything, url));
			assert_null(class_of_service_denies(NULL, url));
		}
	}
	su_home_deinit(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_denied) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
