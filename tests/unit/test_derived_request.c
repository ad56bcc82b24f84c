/* ACK and CANCEL as a client transaction makes them. */
#include "proxy/sip/derived_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/sip/via.h"

static const char invite_text[] =
	"INVITE sip:b@b.example;x=%61 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n"
	"Route: <sip:r1;lr> , <sip:r2;lr>\r\nMax-Forwards: 10\r\nFrom: \"A\" <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\n"
	"Call-ID: 1@a\r\nCSeq: 7 INVITE\r\nContact: <sip:a@x>\r\nRequire: 100rel\r\nContent-Length: 2\r\n\r\nhi";
static const char response_text[] =
	"SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKus\r\nFrom: \"A\" <sip:a@a>;tag=1\r\n"
	"To: <sip:b@b>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";

static msg_t *parse(const char *text)
{
	msg_t *msg = NULL;

	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void assert_prints(msg_t *msg, const char *want)
{
	struct wire *wire;

	assert_int_equal(message_print(msg, &wire), ERR_OK);
	if (wire->len != strlen(want) || memcmp(wire->bytes, want, wire->len) != 0)
		fail_msg("%.*s", (int)wire->len, wire->bytes);
	wire_unref(wire);
}

static msg_t *our_invite(void)
{
	msg_t *invite = parse(invite_text);

	assert_int_equal(via_push(invite, "UDP", "us:5060", "z9hG4bKus"), ERR_OK);
	return invite;
}

static void test_ack(void **state)
{
	msg_t *invite = our_invite(), *response = parse(response_text);
	msg_t *ack = derived_request_ack(invite, message_sip(response));

	message_unref(invite);
	message_unref(response);
	assert_prints(
		ack,
		"ACK sip:b@b.example;x=a SIP/2.0\r\nVia: SIP/2.0/UDP us:5060;branch=z9hG4bKus;rport\r\n"
		"Route: <sip:r1;lr> , <sip:r2;lr>\r\nMax-Forwards: 70\r\nFrom: \"A\" <sip:a@a>;tag=1\r\n"
		"To: <sip:b@b>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n");
	message_unref(ack);
}

static void test_cancel(void **state)
{
	msg_t *invite = our_invite();
	msg_t *cancel = derived_request_cancel(invite, "SIP;cause=200;text=\"elsewhere\"");

	assert_prints(
		cancel,
		"CANCEL sip:b@b.example;x=a SIP/2.0\r\nVia: SIP/2.0/UDP us:5060;branch=z9hG4bKus;rport\r\n"
		"Route: <sip:r1;lr> , <sip:r2;lr>\r\nMax-Forwards: 70\r\nFrom: \"A\" <sip:a@a>;tag=1\r\n"
		"To: <sip:b@b>\r\nCall-ID: 1@a\r\nCSeq: 7 CANCEL\r\n"
		"Reason: SIP;cause=200;text=\"elsewhere\"\r\nContent-Length: 0\r\n\r\n");
	message_unref(cancel);
	cancel = derived_request_cancel(invite, NULL);
	assert_null(message_header(cancel, "Reason"));
	message_unref(cancel);
	message_unref(invite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
