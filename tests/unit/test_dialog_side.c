/* What is learned of the sides of a dialog, and the BYE that is made of it (RFC 3261 §12). */
#include "proxy/sip/dialog_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/wire.h"

static msg_t *parse(const char *text)
{
	msg_t *msg = NULL;

	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

#define VIA  "Via: SIP/2.0/TCP a.example;branch=z9hG4bK1\r\n"
#define REST "Call-ID: c@x\r\nContent-Length: 0\r\n"

static bool is_ours(const url_t *route, void *user)
{
	return route->url_user && !strcmp(route->url_user, user);
}

/* The callee's routes are those above ours, in reverse; the caller's all of its INVITE as they
 * stand. */
static const struct {
	const char *name;
	const char *invite_routes, *response_routes; /* header lines */
	/* Route; NULL: none; "!": there can be no BYE */
	const char *to_caller, *to_callee;
} rows[] = {
	{ "nobody but us", "", "Record-Route: <sip:us@n;lr>\r\n", NULL, NULL },
	{ "proxies on both sides, RFC 3261 §12.1.1, §12.1.2",
	  "Record-Route: <sip:b;lr>, <sip:a;lr>\r\n",
	  "Record-Route: <sip:d;lr>,<sip:c;lr>\r\nRecord-Route: <sip:us@n;lr>, <sip:us@m;lr>, <sip:b;lr>, <sip:a;lr>\r\n",
	  "<sip:b;lr>, <sip:a;lr>", "<sip:c;lr>, <sip:d;lr>" },
	{ "ours was lost on the way back", "", "Record-Route: <sip:d;lr>\r\n", NULL, "!" },
};

static void learn(struct dialog_side sides[2], const char *invite_routes,
		  const char *response_routes)
{
	char text[4096];
	msg_t *msg;

	snprintf(text, sizeof(text),
		 "INVITE sip:b@x SIP/2.0\r\n" VIA
		 "%sFrom: \"A\r\n  a\" <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCSeq: 7 INVITE\r\n"
		 "Contact: <sip:a@1.example;ob>;expires=5\r\n" REST "\r\n",
		 invite_routes);
	msg = parse(text);
	dialog_side_of_invite(&sides[0], msg);
	message_unref(msg);
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\r\n" VIA
		 "%sFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCSeq: 7 INVITE\r\n"
		 "Contact: <sip:b@2.example>\r\n" REST "\r\n",
		 response_routes);
	msg = parse(text);
	dialog_side_of_response(&sides[1], msg, dialog_side_n_routes(msg, is_ours, "us"));
	message_unref(msg);
}

static void check_bye(const char *name, const struct dialog_side *to,
		      const struct dialog_side *from, const char *routes)
{
	msg_t *bye = NULL;
	const enum err err = dialog_side_bye(to, from, "c@x", "SIP;cause=200", &bye);
	const char *found;

	if (routes && !strcmp(routes, "!")) {
		if (err != ERR_INVALID)
			fail_msg("%s: there is a BYE", name);
		return;
	}
	if (err)
		fail_msg("%s: there is no BYE: %s", name, err_text(err));
	found = message_header(bye, "Route");
	if (!found != !routes || (routes && strcmp(found, routes) != 0))
		fail_msg("%s: Route: %s", name, found ? found : "none");
	message_unref(bye);
}

static void test_routes(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dialog_side sides[2] = { { 0 } };

		learn(sides, rows[i].invite_routes, rows[i].response_routes);
		check_bye(rows[i].name, &sides[0], &sides[1], rows[i].to_caller);
		check_bye(rows[i].name, &sides[1], &sides[0], rows[i].to_callee);
		dialog_side_fini(&sides[0]);
		dialog_side_fini(&sides[1]);
	}
}

/* Both BYEs, whole; and what a folded header holds stays in that header. */
static void test_whole(void **state)
{
	static const char *const wants[2] = {
		"BYE sip:a@1.example;ob SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:b@x>;tag=2\r\nTo: \"A    a\" <sip:a@x>;tag=1\r\n"
		"Call-ID: c@x\r\nCSeq: 1 BYE\r\nReason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n",
		"BYE sip:b@2.example SIP/2.0\r\nMax-Forwards: 70\r\nFrom: \"A    a\" <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n"
		"Call-ID: c@x\r\nCSeq: 8 BYE\r\nReason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n",
	};
	struct dialog_side sides[2] = { { 0 } };

	learn(sides, "", "Record-Route: <sip:us@n;lr>\r\n");
	for (unsigned i = 0; i < 2; i++) {
		struct wire *wire;
		msg_t *bye;

		assert_int_equal(
			dialog_side_bye(&sides[i], &sides[!i], "c@x", "SIP;cause=200", &bye),
			ERR_OK);
		assert_int_equal(message_print(bye, &wire), ERR_OK);
		if (wire->len != strlen(wants[i]) ||
		    memcmp(wire->bytes, wants[i], wire->len) != 0)
			fail_msg("%.*s", (int)wire->len, (const char *)wire->bytes);
		wire_unref(wire);
		message_unref(bye);
	}
	dialog_side_fini(&sides[0]);
	dialog_side_fini(&sides[1]);
}

/* What moves the target and what does not, and whose CSeq counts. */
static void test_requests(void **state)
{
	static const struct {
		const char *name, *method;
		unsigned cseq;
		const char *contact;
		const char *target; /* afterwards */
		unsigned highest;
	} steps[] = {
		{ "re-INVITE, RFC 3261 §12.2.2", "INVITE", 8, "<sip:a@3.example>",
		  "sip:a@3.example", 8 },
		{ "INFO has a CSeq, and moves nothing", "INFO", 11, "<sip:a@4.example>",
		  "sip:a@3.example", 11 },
		{ "ACK to the re-INVITE: an old CSeq", "ACK", 8, "<sip:a@4.example>",
		  "sip:a@3.example", 11 },
		{ "UPDATE, RFC 3311 §5", "UPDATE", 12, "<sip:a@5.example>", "sip:a@5.example",
		  12 },
		{ "UPDATE without Contact", "UPDATE", 13, "", "sip:a@5.example", 13 },
	};
	struct dialog_side sides[2] = { { 0 } };
	char text[1024];

	learn(sides, "", "Record-Route: <sip:us@n;lr>\r\n");
	for (size_t i = 0; i < COUNT(steps); i++) {
		msg_t *msg;

		snprintf(
			text, sizeof(text),
			"%s sip:b@x SIP/2.0\r\n" VIA
			"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCSeq: %u %s\r\n%s%s%s" REST
			"\r\n",
			steps[i].method, steps[i].cseq, steps[i].method,
			*steps[i].contact ? "Contact: " : "", steps[i].contact,
			*steps[i].contact ? "\r\n" : "");
		msg = parse(text);
		dialog_side_of_request(&sides[0], msg);
		message_unref(msg);
		if (strcmp(sides[0].target, steps[i].target) != 0 ||
		    sides[0].cseq != steps[i].highest)
			fail_msg("%s: %s %u", steps[i].name, sides[0].target, sides[0].cseq);
	}
	dialog_side_fini(&sides[0]);
	dialog_side_fini(&sides[1]);
}

/* A dialog whose beginning was not seen: of a request inside it, and of one the other way. */
static const struct {
	const char *name;
	const char *vias, *routes;           /* header lines of the caller's request */
	const char *to_sender, *to_receiver; /* Route; NULL: none; "!": there can be no BYE */
} midway[] = {
	{ "nobody between", VIA, "", NULL, NULL },
	{ "proxies behind us", VIA, "Route: <sip:c;lr>, <sip:d;lr>\r\n", NULL,
	  "<sip:c;lr>, <sip:d;lr>" },
	{ "proxies before us that say so, RFC 3261 §16.6", VIA VIA VIA,
	  "Record-Route: <sip:b;lr>\r\nRecord-Route: <sip:a;lr>\r\n", "<sip:b;lr>, <sip:a;lr>",
	  NULL },
	{ "one of them does not", VIA VIA VIA, "Record-Route: <sip:b;lr>\r\n", "!", NULL },
};

static void test_midway(void **state)
{
	for (size_t i = 0; i < COUNT(midway); i++) {
		struct dialog_side sides[2] = { { 0 } };
		char text[1024];
		msg_t *msg;

		snprintf(
			text, sizeof(text),
			"INVITE sip:b@2.example SIP/2.0\r\n%s%sFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCSeq: 8 INVITE\r\n"
			"Contact: <sip:a@1.example>\r\n" REST "\r\n",
			midway[i].vias, midway[i].routes);
		msg = parse(text);
		dialog_side_of_midway(&sides[0], &sides[1], msg);
		dialog_side_of_request(&sides[0], msg);
		message_unref(msg);
		check_bye(midway[i].name, &sides[0], &sides[1], midway[i].to_sender);
		check_bye(midway[i].name, &sides[1], &sides[0], midway[i].to_receiver);

		msg = parse(
			"INFO sip:a@9.example SIP/2.0\r\n" VIA
			"Route: <sip:z;lr>\r\nFrom: <sip:b@x>;tag=2\r\nTo: <sip:a@x>;tag=1\r\nCSeq: 5 INFO\r\n" REST
			"\r\n");
		dialog_side_of_midway(&sides[1], &sides[0], msg);
		dialog_side_of_request(&sides[1], msg);
		message_unref(msg);
		check_bye(midway[i].name, &sides[0], &sides[1],
			  midway[i].to_sender && !strcmp(midway[i].to_sender, "!")
				  ? "<sip:z;lr>"
				  : midway[i].to_sender);
		assert_int_equal(sides[1].cseq, 5);
		dialog_side_fini(&sides[0]);
		dialog_side_fini(&sides[1]);
	}
}

/* What is too long is not kept, and then there is no BYE that would go astray. */
static void test_bounds(void **state)
{
	struct dialog_side sides[2] = { { 0 } }, copy;
	static char routes[3 * DIALOG_SIDE_MAX_TEXT];
	size_t len = 0;

	for (unsigned i = 0; i < 30; i++)
		len += (size_t)snprintf(
			routes + len, sizeof(routes) - len,
			"Record-Route: <sip:proxy%u.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.com;lr>\r\n",
			i);
	learn(sides, routes, "Record-Route: <sip:us@n;lr>\r\n");
	check_bye("thirty proxies with long names", &sides[0], &sides[1], "!");
	dialog_side_copy(&copy, &sides[0]);
	check_bye("and its copy", &copy, &sides[1], "!");
	check_bye("the other side", &sides[1], &sides[0], NULL);
	sides[0].cseq = 0x7fffffff;
	check_bye("a CSeq at its end, RFC 3261 §8.1.1.5", &sides[1], &sides[0], "!");
	dialog_side_fini(&copy);
	dialog_side_fini(&sides[0]);
	dialog_side_fini(&sides[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),   cmocka_unit_test(test_whole),
		cmocka_unit_test(test_requests), cmocka_unit_test(test_midway),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
