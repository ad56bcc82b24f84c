/* Stamping, pushing and popping Vias, and where a response goes. */
#include "proxy/sip/via.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define REST                                                                                   \
	"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1@a\r\n"           \
	"CSeq: 1 OPTIONS\r\nl: 0\r\n\r\n"

static msg_t *parse(const char *vias)
{
	char text[2048];
	msg_t *msg = NULL;

	(void)snprintf(text, sizeof(text), "OPTIONS sip:b@b.example SIP/2.0\r\n%s" REST, vias);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void assert_vias(const char *name, msg_t *msg, const char *want)
{
	char text[2048];
	struct wire *wire;

	(void)snprintf(text, sizeof(text), "OPTIONS sip:b@b.example SIP/2.0\r\n%s" REST, want);
	assert_int_equal(message_print(msg, &wire), ERR_OK);
	if (wire->len != strlen(text) || memcmp(wire->bytes, text, wire->len) != 0)
		fail_msg("%s: %.*s", name, (int)wire->len, wire->bytes);
	wire_unref(wire);
}

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_port(text, 5060, &addr), ERR_OK);
	return addr;
}

static void test_stamp(void **state)
{
	static const struct {
		const char *name, *in, *source, *want;
	} rows[] = {
		{ "sent-by is the source: untouched bytes",
		  "v : SIP/2.0/UDP  192.0.2.1:5070;branch=z9hG4bKa\r\n", "192.0.2.1:5070",
		  "v : SIP/2.0/UDP  192.0.2.1:5070;branch=z9hG4bKa\r\n" },
		{ "another port is no reason, RFC 3261 18.2.1",
		  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n", "192.0.2.1:9",
		  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n" },
		{ "another address", "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa\r\n",
		  "192.0.2.1:5060",
		  "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;received=192.0.2.1\r\n" },
		{ "a name", "Via: SIP/2.0/TCP a.example;branch=z9hG4bKa\r\n", "192.0.2.1:5060",
		  "Via: SIP/2.0/TCP a.example;branch=z9hG4bKa;received=192.0.2.1\r\n" },
		{ "rport asked, RFC 3581 4: received too",
		  "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKa\r\n", "192.0.2.1:9999",
		  "Via: SIP/2.0/UDP 192.0.2.1;rport=9999;branch=z9hG4bKa;received=192.0.2.1\r\n" },
		{ "a forged received",
		  "Via: SIP/2.0/UDP 192.0.2.1;received=9.9.9.9;branch=z9hG4bKa\r\n",
		  "192.0.2.1:5060",
		  "Via: SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;branch=z9hG4bKa\r\n" },
		{ "IPv6", "Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa\r\n",
		  "[2001:db8::1]:5060", "Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa\r\n" },
		{ "IPv6, another", "Via: SIP/2.0/UDP [2001:db8::2];rport;branch=z9hG4bKa\r\n",
		  "[2001:db8::1]:7",
		  "Via: SIP/2.0/UDP [2001:db8::2];rport=7;branch=z9hG4bKa;received=2001:db8::1\r\n" },
		{ "several on one line",
		  "Via: SIP/2.0/UDP a;branch=z9hG4bKa, SIP/2.0/TCP b ;x=y,SIP/2.0/UDP c\r\n",
		  "192.0.2.1:5060",
		  "Via: SIP/2.0/UDP a;branch=z9hG4bKa;received=192.0.2.1\r\nVia: SIP/2.0/TCP b;x=y\r\n"
		  "Via: SIP/2.0/UDP c\r\n" },
		{ "several lines",
		  "Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\nVia: SIP/2.0/TCP b ;x=y\r\n",
		  "192.0.2.1:5060",
		  "Via: SIP/2.0/UDP a;branch=z9hG4bKa;received=192.0.2.1\r\nVia: SIP/2.0/TCP b ;x=y\r\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr source = address(rows[i].source);
		msg_t *msg = parse(rows[i].in);
		assert_int_equal(via_stamp(msg, &source), ERR_OK);
		assert_vias(rows[i].name, msg, rows[i].want);
		/* as when it had to wait, and is received anew */
		assert_int_equal(via_stamp(msg, &source), ERR_OK);
		assert_vias(rows[i].name, msg, rows[i].want);
		message_unref(msg);
	}
}

static void test_push_and_pop(void **state)
{
	msg_t *msg = parse("Via: SIP/2.0/UDP a;branch=z9hG4bKa , SIP/2.0/UDP b\r\n");
	msg_t *copy = message_copy(msg);

	assert_int_equal(via_push(copy, "UDP", "us.example:5060", "z9hG4bKus"), ERR_OK);
	assert_vias("push", copy,
		    "Via: SIP/2.0/UDP us.example:5060;branch=z9hG4bKus;rport\r\n"
		    "Via: SIP/2.0/UDP a;branch=z9hG4bKa , SIP/2.0/UDP b\r\n");
	assert_string_equal(message_sip(copy)->sip_via->v_branch, "z9hG4bKus");
	via_pop(copy);
	assert_int_equal(via_push(copy, "TLS", "[2001:db8::1]:5061", "z9hG4bKus"), ERR_OK);
	assert_vias("push TLS", copy,
		    "Via: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKus\r\n"
		    "Via: SIP/2.0/UDP a;branch=z9hG4bKa , SIP/2.0/UDP b\r\n");
	via_pop(copy);
	via_pop(copy);
	assert_vias("pop of a list", copy, "Via: SIP/2.0/UDP b\r\n");
	via_pop(copy);
	assert_null(message_sip(copy)->sip_via);
	via_pop(copy);
	assert_vias("the original", msg,
		    "Via: SIP/2.0/UDP a;branch=z9hG4bKa , SIP/2.0/UDP b\r\n");
	message_unref(copy);
	message_unref(msg);
}

static void test_response_addr(void **state)
{
	static const struct {
		const char *name, *via, *want;
	} rows[] = {
		{ "rport", "Via: SIP/2.0/UDP h:5080;rport\r\n", "192.0.2.1:4444" },
		{ "sent-by's port", "Via: SIP/2.0/UDP h:5080\r\n", "192.0.2.1:5080" },
		{ "no port", "Via: SIP/2.0/UDP h\r\n", "192.0.2.1:5060" },
		{ "no port, TLS", "Via: SIP/2.0/TLS h\r\n", "192.0.2.1:5061" },
		{ "maddr makes no reflector of us",
		  "Via: SIP/2.0/UDP h:5080;maddr=198.51.100.7\r\n", "192.0.2.1:5080" },
		{ "received is not theirs to say",
		  "Via: SIP/2.0/UDP h:5080;received=198.51.100.7\r\n", "192.0.2.1:5080" },
		{ "a port that is none", "Via: SIP/2.0/UDP h:0\r\n", "192.0.2.1:5060" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[ADDR_TEXT_SIZE];
		struct addr out, source = address("192.0.2.1:4444");
		msg_t *msg = parse(rows[i].via);
		via_response_addr(message_sip(msg)->sip_via, &source, &out);
		if (strcmp(addr_text(&out, text), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, text);
		message_unref(msg);
	}
}

static void test_is_rfc3261(void **state)
{
	static const struct {
		const char *via;
		bool want;
	} rows[] = {
		{ "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n", true },
		{ "Via: SIP/2.0/UDP h;branch=Z9HG4BKx\r\n", true },
		{ "Via: SIP/2.0/UDP h;branch=z9hG4bK\r\n", false }, /* RFC 4475 3.2.1 */
		{ "Via: SIP/2.0/UDP h;branch=1\r\n", false },
		{ "Via: SIP/2.0/UDP h\r\n", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].via);
		if (via_is_rfc3261(message_sip(msg)->sip_via) != rows[i].want)
			fail_msg("%s", rows[i].via);
		message_unref(msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_push_and_pop),
		cmocka_unit_test(test_response_addr),
		cmocka_unit_test(test_is_rfc3261),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
