/* What names a dialog. */
#include "proxy/sip/dialog_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static msg_t *parse(const char *from, const char *to, const char *call_id)
{
	char text[1024];
	msg_t *msg = NULL;

	(void)snprintf(
		text, sizeof(text),
		"BYE sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
		"CSeq: 1 BYE\r\n\r\n",
		from, to, call_id);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void test_hash(void **state)
{
	static const struct {
		const char *name, *from, *to, *call_id;
		bool is_inside, is_same;
	} rows[] = {
		{ "the same", "<sip:a@a>;tag=1", "<sip:b@b>;tag=2", "x", true, true },
		{ "the other direction", "<sip:b@b>;tag=2", "<sip:a@a>;tag=1", "x", true,
		  true },
		{ "URIs do not count, RFC 3261 12", "<sip:c@c>;tag=1", "<sip:d@d>;tag=2", "x",
		  true, true },
		{ "another Call-ID", "<sip:a@a>;tag=1", "<sip:b@b>;tag=2", "y", true, false },
		{ "another tag", "<sip:a@a>;tag=3", "<sip:b@b>;tag=2", "x", true, false },
		{ "tags run together", "<sip:a@a>;tag=12", "<sip:b@b>", "x", false, false },
		{ "no To tag", "<sip:a@a>;tag=1", "<sip:b@b>", "x", false, false },
	};
	msg_t *first = parse("<sip:a@a>;tag=1", "<sip:b@b>;tag=2", "x");

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].from, rows[i].to, rows[i].call_id);
		bool is_same =
			dialog_id_hash(message_sip(msg)) == dialog_id_hash(message_sip(first));
		if (is_same != rows[i].is_same ||
		    dialog_id_is_inside(message_sip(msg)) != rows[i].is_inside)
			fail_msg("%s", rows[i].name);
		message_unref(msg);
	}
	message_unref(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
