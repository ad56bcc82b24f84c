#include "federation/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SDP           "Content-Type: application/sdp\r\n"
#define HEAD          "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO         "m=audio 4000 RTP/AVP 0 8\r\n"
#define VIDEO         "m=video 4002 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define MSRP          "m=message 7654 TCP/MSRP *\r\n"
#define MSIM          "m=x-ms-message 5060 sip null\r\n"
#define MIXED         "Content-Type: multipart/alternative; boundary=b1\r\n"
#define PART          "--b1\r\nContent-Type: application/sdp\r\n\r\n"
#define IN_PART(a, b) "--b" a "\r\nContent-Type: multipart/mixed;boundary=b" b "\r\n\r\n"
#define VIDEO_IN(a)                                                                            \
	"--b" a "\r\nContent-Type: application/sdp\r\n\r\n" HEAD VIDEO "\r\n--b" a "--\r\n\r\n"
#define TEXT_PART  "--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n"
#define FOUR_TEXTS TEXT_PART TEXT_PART TEXT_PART TEXT_PART

/* clang-format off */
static const struct {
	const char *name, *method, *headers, *body;
	unsigned want;
} rows[] = {
	{ "MESSAGE", "MESSAGE", "Content-Type: text/plain\r\n", "hello", SERVICE_IM },
	{ "SUBSCRIBE to presence", "SUBSCRIBE", "Event: presence\r\n", "", SERVICE_PRESENCE },
	{ "SUBSCRIBE to watchers", "SUBSCRIBE", "Event: presence.winfo;id=7\r\n", "", SERVICE_PRESENCE },
	{ "compact Event", "NOTIFY", "o: Presence\r\nSubscription-State: active\r\n", "", SERVICE_PRESENCE },
	{ "PUBLISH", "PUBLISH", "Event: presence\r\n", "", SERVICE_PRESENCE },
	{ "another event", "SUBSCRIBE", "Event: dialog\r\n", "", 0 },
	{ "an event whose name begins alike", "SUBSCRIBE", "Event: presencex\r\n", "", 0 },
	{ "no event", "SUBSCRIBE", "", "", 0 },
	{ "OPTIONS", "OPTIONS", "", "", 0 },
	{ "BYE", "BYE", "", "", 0 },
	{ "REFER", "REFER", "", "", 0 },
	{ "unknown method with SDP", "FOO", SDP, HEAD AUDIO, 0 },
	{ "INVITE, offer to come, RFC 3261 §13.2.1", "INVITE", "", "", SERVICE_AUDIO },
	{ "audio", "INVITE", SDP, HEAD AUDIO, SERVICE_AUDIO },
	{ "audio and video", "INVITE", SDP, HEAD AUDIO VIDEO, SERVICE_AUDIO | SERVICE_VIDEO },
	{ "video alone", "INVITE", SDP, HEAD VIDEO, SERVICE_VIDEO },
	{ "video that is switched off, RFC 3264 §6", "INVITE", SDP, HEAD AUDIO "m=video 0 RTP/AVP 96\r\n", SERVICE_AUDIO },
	{ "MSRP, RFC 4975", "INVITE", SDP, HEAD MSRP, SERVICE_IM },
	{ "Lync's chat", "INVITE", SDP, HEAD MSIM, SERVICE_IM },
	{ "shared screen", "INVITE", SDP, HEAD "m=applicationsharing 5000 TCP/RTP/SAVP 127\r\n", SERVICE_VIDEO },
	{ "fax", "INVITE", SDP, HEAD "m=image 5000 udptl t38\r\n", SERVICE_AUDIO },
	{ "upper case type", "INVITE", "Content-Type: Application/SDP\r\n", HEAD VIDEO, SERVICE_VIDEO },
	{ "UPDATE adds video", "UPDATE", SDP, HEAD AUDIO VIDEO, SERVICE_AUDIO | SERVICE_VIDEO },
	{ "UPDATE without SDP, RFC 4028", "UPDATE", "", "", 0 },
	{ "answer in ACK", "ACK", SDP, HEAD VIDEO, SERVICE_VIDEO },
	{ "ACK", "ACK", "", "", 0 },
	{ "alternatives", "INVITE", MIXED, PART HEAD AUDIO "\r\n" PART HEAD VIDEO "\r\n--b1--\r\n", SERVICE_AUDIO | SERVICE_VIDEO },
	{ "parts without SDP", "INVITE", MIXED, "--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b1--\r\n", SERVICE_AUDIO },
	{ "parts that are none may be anything", "INVITE", MIXED, "nothing of the kind", SERVICE_ALL },
	{ "parts without their end may be anything", "INVITE", MIXED, PART HEAD AUDIO "\r\n" PART HEAD VIDEO, SERVICE_ALL },
	{ "a part that is encoded may be anything", "INVITE", MIXED,
	  "--b1\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0wDQo=\r\n--b1--\r\n", SERVICE_ALL },
	{ "parts that are encoded together may be anything", "INVITE", MIXED,
	  "--b1\r\nContent-Type: multipart/mixed;boundary=b2\r\nContent-Encoding: gzip\r\n\r\nxyz\r\n--b1--\r\n", SERVICE_ALL },
	{ "parts of parts", "INVITE", MIXED, IN_PART("1", "2") IN_PART("2", "3") VIDEO_IN("3") "--b2--\r\n\r\n" PART HEAD AUDIO "\r\n--b1--\r\n",
	  SERVICE_AUDIO | SERVICE_VIDEO },
	{ "parts five deep may be anything", "INVITE", MIXED,
	  IN_PART("1", "2") IN_PART("2", "3") IN_PART("3", "4") IN_PART("4", "5") VIDEO_IN("5") "--b4--\r\n\r\n--b3--\r\n\r\n--b2--\r\n\r\n--b1--\r\n",
	  SERVICE_ALL },
	{ "seventeen parts may be anything", "INVITE", MIXED, FOUR_TEXTS FOUR_TEXTS FOUR_TEXTS FOUR_TEXTS PART HEAD VIDEO "\r\n--b1--\r\n", SERVICE_ALL },
	{ "parts without a boundary may be anything", "INVITE", "Content-Type: multipart/mixed\r\n", PART HEAD AUDIO "\r\n--b1--\r\n", SERVICE_ALL },
	{ "SDP that is none may be anything", "INVITE", SDP, "nonsense", SERVICE_ALL },
	{ "SDP that is encoded may be anything, RFC 3261 §20.12", "INVITE", SDP "Content-Encoding: gzip\r\n", "xyz", SERVICE_ALL },
	{ "with the short name", "INVITE", SDP "e: gzip\r\n", "xyz", SERVICE_ALL },
	{ "and so may parts that are", "INVITE", MIXED "Content-Encoding: deflate\r\n", PART HEAD AUDIO "\r\n--b1--\r\n", SERVICE_ALL },
	{ "identity is no encoding", "INVITE", SDP "Content-Encoding: identity\r\n", HEAD AUDIO, SERVICE_AUDIO },
	{ "encoded in an UPDATE", "UPDATE", SDP "Content-Encoding: gzip\r\n", "xyz", SERVICE_ALL },
	{ "media that nobody knows may be anything", "INVITE", SDP, HEAD AUDIO "m=data 4004 TCP/X x\r\n", SERVICE_ALL },
	{ "unless they are switched off", "INVITE", SDP, HEAD AUDIO "m=data 0 TCP/X x\r\n", SERVICE_AUDIO },
	{ "Skype's shared screen", "INVITE", SDP, HEAD "m=applicationsharing-video 5000 RTP/SAVP 127\r\n", SERVICE_VIDEO },
	{ "two types: nobody knows which one counts", "UPDATE", "Content-Type: text/plain\r\nContent-Type: application/sdp\r\n", HEAD VIDEO, SERVICE_ALL },
	{ "the other way round", "UPDATE", "Content-Type: application/sdp\r\nc: text/plain\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "a body of no type, RFC 3261 §20.15", "UPDATE", "", HEAD AUDIO, SERVICE_ALL },
	{ "a type that is damaged", "UPDATE", "Content-Type: application/sdp;;\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "a type with more behind it", "INVITE", "Content-Type: application/sdp,x\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "a type in quotes", "INVITE", "Content-Type: \"application/sdp\"\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "a type that ends with a semicolon", "INVITE", "Content-Type: application/sdp;\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "two encodings", "INVITE", SDP "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", HEAD AUDIO, SERVICE_ALL },
	{ "spaces in the type", "INVITE", "Content-Type: application / sdp ; charset=x\r\n", HEAD VIDEO, SERVICE_VIDEO },
	{ "the short name of the type", "INVITE", "c: application/sdp\r\n", HEAD VIDEO, SERVICE_VIDEO },
	{ "SDP in another body", "INVITE", "Content-Type: application/pkcs7-mime\r\n", "\1\2\3", SERVICE_AUDIO },
	{ "a byte above ASCII, pitfall 9", "INVITE", SDP, HEAD "m=video 4000 RTP/AVP \xe4 0\r\n", SERVICE_ALL },
	{ "a control byte in an m-line's protocol", "INVITE", SDP, HEAD "m=video 4000 RTP/AVPX\1 0\r\n", SERVICE_VIDEO },
	{ "two spaces in an m-line that is no RTP", "INVITE", SDP, HEAD "m=video 4000 a  b\r\n", SERVICE_VIDEO },
	{ "a bracket in an m-line's formats", "INVITE", SDP, HEAD "m=video 4000 a b(c\r\n", SERVICE_VIDEO },
	{ "video behind a line of spaces", "INVITE", SDP, HEAD AUDIO "  \r\n" VIDEO, SERVICE_AUDIO | SERVICE_VIDEO },
	{ "video behind a line of one letter", "INVITE", SDP, HEAD "x\r\n" VIDEO, SERVICE_VIDEO },
	{ "a byte above ASCII in the media", "INVITE", SDP, HEAD "m=\xff\xfe 4000 RTP/AVP 0\r\n" VIDEO, SERVICE_ALL },
};
/* clang-format on */

static msg_t *make_request(const char *method, const char *headers, const char *body,
			   size_t body_bytes)
{
	size_t size = 2000 + strlen(headers) + body_bytes;
	char *text = malloc(size);
	msg_t *msg;

	assert_non_null(text);
	int len = snprintf(text, size,
			   "%s sip:anna@corp.example SIP/2.0\r\nVia: SIP/2.0/TLS "
			   "p.example;branch=z9hG4bK1\r\n"
			   "From: <sip:bob@partner.example>;tag=1\r\nTo: "
			   "<sip:anna@corp.example>\r\nCall-ID: c1\r\n"
			   "CSeq: 1 %s\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n",
			   method, method, headers, body_bytes);
	memcpy(text + len, body, body_bytes);
	assert_int_equal(message_parse(text, (size_t)len + body_bytes, &msg), ERR_OK);
	free(text);
	return msg;
}

static void test_services(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = make_request(rows[i].method, rows[i].headers, rows[i].body,
					  strlen(rows[i].body));
		unsigned got = screen_services(msg);
		if (got != rows[i].want) {
			print_error("%s: %u\n", rows[i].name, got);
			n_wrong++;
		}
		message_unref(msg);
	}
	assert_int_equal(n_wrong, 0);
}

/* A body that no call needs is not looked at. */
static void test_bounds(void **state)
{
	enum { BYTES = 200 * 1024 };
	char *body = malloc(BYTES);
	size_t len = strlen(HEAD);

	assert_non_null(body);
	memcpy(body, HEAD, len);
	while (len + 30 < 60 * 1024) {
		memcpy(body + len, "m=message 9 TCP/MSRP *\r\n", 24);
		len += 24;
	}
	msg_t *msg = make_request("INVITE", SDP, body, len);
	assert_int_equal(screen_services(msg), SERVICE_ALL); /* thousands of streams */
	message_unref(msg);

	memset(body + len, '\n', BYTES - len);
	msg = make_request("INVITE", SDP, body, BYTES);
	assert_int_equal(screen_services(msg), SERVICE_ALL); /* more than is read */
	message_unref(msg);

	memcpy(body, HEAD VIDEO "\0", strlen(HEAD VIDEO) + 1);
	msg = make_request("INVITE", SDP, body, strlen(HEAD VIDEO) + 1);
	/* a NUL, where others may stop and others not */
	assert_int_equal(screen_services(msg), SERVICE_ALL);
	message_unref(msg);
	free(body);
}

/* Sofia would end the program at it. */
static void test_nul(void **state)
{
	static const char body[] =
		"--b1\r\nContent-Type: appl\0ication/sdp\r\n\r\n" HEAD VIDEO "\r\n--b1--\r\n";
	msg_t *msg = make_request("INVITE", MIXED, body, sizeof(body) - 1);

	assert_int_equal(screen_services(msg), SERVICE_ALL);
	message_unref(msg);
}

static void test_check(void **state)
{
	static const struct {
		const char *name;
		unsigned allowed, wanted;
		const char *what; /* NULL: let through */
	} checks[] = {
		{ "all is exchanged", SERVICE_ALL, SERVICE_ALL, NULL },
		{ "nothing in particular", 0, 0, NULL },
		{ "presence is not", SERVICE_IM | SERVICE_AUDIO, SERVICE_PRESENCE, "presence" },
		{ "im is not", SERVICE_PRESENCE, SERVICE_IM, "im" },
		{ "audio is not", SERVICE_PRESENCE | SERVICE_VIDEO,
		  SERVICE_AUDIO | SERVICE_VIDEO, "audio" },
		{ "video is not", SERVICE_AUDIO, SERVICE_AUDIO | SERVICE_VIDEO, "video" },
	};

	for (size_t i = 0; i < COUNT(checks); i++) {
		struct settings_route route = { .services_in = checks[i].allowed };
		const char *what = "untouched";
		enum reason reason = screen_check(&route, SCREEN_IN, checks[i].wanted, &what);
		if (reason != (checks[i].what ? REASON_SERVICE_NOT_ALLOWED : REASON_NONE) ||
		    strcmp(what, checks[i].what ? checks[i].what : "untouched") != 0)
			fail_msg("%s: %s", checks[i].name, what);
		assert_int_equal(screen_check(NULL, SCREEN_IN, checks[i].wanted, &what),
				 REASON_NONE);
	}
}

/* Each way has its list, and within a dialog both count. */
static void test_ways(void **state)
{
	const struct settings_route route = { .services_in = SERVICE_IM | SERVICE_AUDIO,
					      .services_out = SERVICE_PRESENCE | SERVICE_IM };
	static const struct {
		const char *name;
		enum screen_way way;
		unsigned wanted;
		const char *what; /* NULL: let through */
	} ways[] = {
		{ "in, open", SCREEN_IN, SERVICE_IM | SERVICE_AUDIO, NULL },
		{ "in, closed", SCREEN_IN, SERVICE_PRESENCE, "presence" },
		{ "out, open", SCREEN_OUT, SERVICE_PRESENCE, NULL },
		{ "out, closed", SCREEN_OUT, SERVICE_AUDIO | SERVICE_IM, "audio" },
		{ "NOTIFY of our subscription", SCREEN_DIALOG, SERVICE_PRESENCE, NULL },
		{ "our re-INVITE in their call", SCREEN_DIALOG, SERVICE_AUDIO, NULL },
		{ "video in their call", SCREEN_DIALOG, SERVICE_AUDIO | SERVICE_VIDEO,
		  "video" },
	};

	for (size_t i = 0; i < COUNT(ways); i++) {
		const char *what = "untouched";
		enum reason reason = screen_check(&route, ways[i].way, ways[i].wanted, &what);

		if (reason != (ways[i].what ? REASON_SERVICE_NOT_ALLOWED : REASON_NONE) ||
		    strcmp(what, ways[i].what ? ways[i].what : "untouched") != 0)
			fail_msg("%s: %s", ways[i].name, what);
		assert_int_equal(screen_check(NULL, ways[i].way, ways[i].wanted, &what),
				 REASON_NONE);
		assert_false(screen_is_open(&route, ways[i].way));
		assert_true(screen_is_open(NULL, ways[i].way));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_nul),      cmocka_unit_test(test_check),
		cmocka_unit_test(test_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
