/* Responses that we make ourselves. */
#include "proxy/sip/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define HEAD                                                                                               \
	"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa , SIP/2.0/UDP b\r\n" \
	"v: SIP/2.0/TCP c\r\nMax-Forwards: 70\r\nf: \"A\" <sip:a@a.example>;tag=1\r\n"
#define TAIL                                                                                           \
	"Call-ID: 1@a\r\nCSeq: 7  INVITE\r\nContact: <sip:a@x>\r\nTimestamp: 54 1.5\r\nRequire: x\r\n" \
	"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
#define COPIED                                                                                 \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa , SIP/2.0/UDP b\r\nv: SIP/2.0/TCP c\r\n"   \
	"f: \"A\" <sip:a@a.example>;tag=1\r\n"

static void test_new(void **state)
{
	static const struct {
		const char *name, *to;
		int status;
		const char *phrase, *tag, *want;
	} rows[] = {
		{ "100 takes the Timestamp, no tag, RFC 3261 8.2.6", "To: <sip:b@b>\r\n", 100,
		  "Trying", NULL,
		  "SIP/2.0 100 Trying\r\n" COPIED
		  "To: <sip:b@b>\r\nCall-ID: 1@a\r\nCSeq: 7  INVITE\r\n"
		  "Timestamp: 54 1.5\r\nContent-Length: 0\r\n\r\n" },
		{ "a tag where there is none", "t: <sip:b@b>;x=y\r\n", 404, "Nobody", "t1",
		  "SIP/2.0 404 Nobody\r\n" COPIED
		  "To: <sip:b@b>;x=y;tag=t1\r\nCall-ID: 1@a\r\nCSeq: 7  INVITE\r\n"
		  "Content-Length: 0\r\n\r\n" },
		{ "a tag that is there stays", "To:  <sip:b@b>;tag=old\r\n", 481, NULL, "t1",
		  "SIP/2.0 481 Call/Transaction Does Not Exist\r\n" COPIED
		  "To:  <sip:b@b>;tag=old\r\n"
		  "Call-ID: 1@a\r\nCSeq: 7  INVITE\r\nContent-Length: 0\r\n\r\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1024];
		msg_t *request = NULL;
		struct wire *wire;
		stpcpy(stpcpy(stpcpy(text, HEAD), rows[i].to), TAIL);
		assert_int_equal(message_parse(text, strlen(text), &request), ERR_OK);
		msg_t *reply = reply_new(request, rows[i].status, rows[i].phrase, rows[i].tag);
		assert_non_null(reply);
		message_unref(request); /* the reply keeps what it shares */
		assert_int_equal(message_print(reply, &wire), ERR_OK);
		if (wire->len != strlen(rows[i].want) ||
		    memcmp(wire->bytes, rows[i].want, wire->len) != 0)
			fail_msg("%s: %.*s", rows[i].name, (int)wire->len, wire->bytes);
		wire_unref(wire);
		message_unref(reply);
	}
}

static void test_headers_can_be_added(void **state)
{
	msg_t *request = NULL, *again = NULL;
	struct wire *wire;

	assert_int_equal(message_parse(HEAD "To: <sip:b@b>\r\n" TAIL,
				       strlen(HEAD "To: <sip:b@b>\r\n" TAIL), &request),
			 ERR_OK);
	msg_t *reply = reply_new(request, 503, NULL, "x");
	assert_int_equal(message_add_header(reply, "Retry-After", "30"), ERR_OK);
	assert_int_equal(message_add_header(reply, "X-Why", "because"), ERR_OK);
	assert_int_equal(message_print(reply, &wire), ERR_OK);
	assert_int_equal(message_parse(wire->bytes, wire->len, &again), ERR_OK);
	assert_int_equal(message_check(message_sip(again), NULL), REASON_NONE);
	assert_int_equal(message_sip(again)->sip_retry_after->af_delta, 30);
	assert_string_equal(message_header(again, "X-Why"), "because");
	message_unref(again);
	message_unref(reply);
	message_unref(request);
	wire_unref(wire);
}

static void test_stateless_tag(void **state)
{
	static const struct {
		const char *name, *from, *to;
		bool is_same;
	} rows[] = {
		{ "a repeat", "z9hG4bKa", "z9hG4bKa", true },
		{ "another branch", "z9hG4bKa", "z9hG4bKb", false },
		{ "another Call-ID", "1@a", "2@a", false },
		{ "another CSeq", "CSeq: 7", "CSeq: 8", false },
		{ "another sent-by", "192.0.2.1", "192.0.2.2", false },
		{ "another To", "b@b", "c@b", true },
	};
	const char *text = HEAD "To: <sip:b@b>\r\n" TAIL;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char other[1024], tags[2][17];
		msg_t *a = NULL, *b = NULL;
		const char *at = strstr(text, rows[i].from);
		memcpy(other, text, (size_t)(at - text));
		stpcpy(stpcpy(other + (at - text), rows[i].to), at + strlen(rows[i].from));
		assert_int_equal(message_parse(text, strlen(text), &a), ERR_OK);
		assert_int_equal(message_parse(other, strlen(other), &b), ERR_OK);
		reply_stateless_tag(message_sip(a), tags[0]);
		reply_stateless_tag(message_sip(b), tags[1]);
		assert_int_equal(strlen(tags[0]), 16);
		if ((strcmp(tags[0], tags[1]) == 0) != rows[i].is_same)
			fail_msg("%s", rows[i].name);
		message_unref(a);
		message_unref(b);
	}
}

static void test_acked(void **state)
{
#define ACK(branch, call_id, cseq, tag)                                                        \
	"ACK sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=" branch             \
	"\r\nMax-Forwards: 70\r\n"                                                             \
	"Route: <sip:x;lr>\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b>" tag              \
	"\r\nCall-ID: " call_id "\r\nCSeq: " cseq " ACK\r\n\r\n"
	static const struct {
		const char *name, *text; /* %s: our tag */
		bool is_acked;
	} rows[] = {
		{ "its ACK", ACK("z9hG4bKa", "1@a", "7", ";tag=%s"), true },
		{ "of another transaction", ACK("z9hG4bKb", "1@a", "7", ";tag=%s"), false },
		{ "of another call", ACK("z9hG4bKa", "2@a", "7", ";tag=%s"), false },
		{ "of another request", ACK("z9hG4bKa", "1@a", "8", ";tag=%s"), false },
		{ "another's tag", ACK("z9hG4bKa", "1@a", "7", ";tag=0123456789abcdef"),
		  false },
		{ "no tag", ACK("z9hG4bKa", "1@a", "7", ""), false },
	};
	const char *text = HEAD "To: <sip:b@b>\r\n" TAIL;
	msg_t *request = NULL, *ack = NULL;
	char tag[17];

	assert_int_equal(message_parse(text, strlen(text), &request), ERR_OK);
	reply_stateless_tag(message_sip(request), tag);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char with_tag[1024];
		const char *at = strstr(rows[i].text, "%s");
		size_t len = at ? (size_t)(at - rows[i].text) : 0;

		memcpy(with_tag, rows[i].text, len);
		stpcpy(at ? stpcpy(with_tag + len, tag) : with_tag, at ? at + 2 : rows[i].text);
		assert_int_equal(message_parse(with_tag, strlen(with_tag), &ack), ERR_OK);
		if (reply_is_acked(message_sip(ack)) != rows[i].is_acked)
			fail_msg("%s", rows[i].name);
		message_unref(ack);
	}
	message_unref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_headers_can_be_added),
		cmocka_unit_test(test_stateless_tag),
		cmocka_unit_test(test_acked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
