/* What is shed first, and what last. */
#include "proxy/sip/importance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static msg_t *parse(const char *method)
{
	char text[1024];
	msg_t *msg = NULL;

	(void)snprintf(
		text, sizeof(text),
		"%s sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: x\r\n"
		"CSeq: 1 %s\r\n\r\n",
		method, method);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void test_methods(void **state)
{
	static const struct {
		const char *method;
		enum importance outside, inside;
	} rows[] = {
		{ "INVITE", IMPORTANCE_NEW_CALL, IMPORTANCE_CALL },
		{ "ACK", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "BYE", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "CANCEL", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "PRACK", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "UPDATE", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "INFO", IMPORTANCE_MESSAGE, IMPORTANCE_CALL },
		{ "REGISTER", IMPORTANCE_CALL, IMPORTANCE_CALL },
		{ "MESSAGE", IMPORTANCE_MESSAGE, IMPORTANCE_MESSAGE },
		{ "SUBSCRIBE", IMPORTANCE_MESSAGE, IMPORTANCE_MESSAGE },
		{ "PUBLISH", IMPORTANCE_MESSAGE, IMPORTANCE_MESSAGE },
		{ "OPTIONS", IMPORTANCE_MESSAGE, IMPORTANCE_CALL },
		{ "NOTIFY", IMPORTANCE_NOTICE, IMPORTANCE_NOTICE },
		{ "BENOTIFY", IMPORTANCE_MESSAGE, IMPORTANCE_MESSAGE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].method);

		print_message("%s\n", rows[i].method);
		assert_int_equal(importance_of(message_sip(msg), false), rows[i].outside);
		assert_int_equal(importance_of(message_sip(msg), true), rows[i].inside);
		message_unref(msg);
	}
}

static void test_shares(void **state)
{
	assert_int_equal(importance_share(IMPORTANCE_CALL, 4000), 4000);
	assert_int_equal(importance_share(IMPORTANCE_NEW_CALL, 4000), 3000);
	assert_int_equal(importance_share(IMPORTANCE_MESSAGE, 4000), 2000);
	assert_int_equal(importance_share(IMPORTANCE_NOTICE, 4000), 1000);
	assert_int_equal(importance_share(IMPORTANCE_NOTICE, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
