/* Parsing, checking, printing and editing. The torture messages of RFC 4475 and RFC 5118 are in
 * tests/fuzz/corpus/message. */
#include "proxy/sip/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/sip_extra.h>

#include "proxy/base/macros.h"
#include "proxy/sip/via.h"

#define START "OPTIONS sip:b@b.example SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
#define REST                                                                                   \
	"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1@a\r\n"           \
	"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"

static const struct {
	const char *name;
	enum err want;
	enum reason want_reason;
} torture[] = {
	/* RFC 4475 3.1.1: valid */
	{ "wsinv", ERR_OK, REASON_NONE },
	{ "intmeth", ERR_SYNTAX, REASON_NONE }, /* holds a NUL: ours to refuse */
	{ "esc01", ERR_OK, REASON_NONE },
	{ "escnull", ERR_OK, REASON_NONE },
	{ "esc02", ERR_OK, REASON_NONE },
	{ "lwsdisp", ERR_OK, REASON_NONE },
	{ "longreq", ERR_OK, REASON_NONE },
	{ "dblreq", ERR_OK, REASON_NONE },
	{ "semiuri", ERR_OK, REASON_NONE },
	{ "transports", ERR_OK, REASON_NONE },
	{ "mpart01", ERR_OK, REASON_NONE },
	{ "unreason", ERR_OK, REASON_NONE },
	{ "noreason", ERR_OK, REASON_NONE },
	/* 3.1.2: invalid */
	{ "badinv01", ERR_SYNTAX, REASON_NONE },
	{ "clerr", ERR_OK, REASON_MALFORMED },
	{ "ncl", ERR_OK, REASON_MALFORMED },
	{ "scalar02", ERR_SYNTAX, REASON_NONE },
	{ "scalarlg", ERR_SYNTAX, REASON_NONE },
	{ "quotbal", ERR_SYNTAX, REASON_NONE },
	{ "ltgtruri", ERR_SYNTAX, REASON_NONE },
	{ "lwsruri", ERR_SYNTAX, REASON_NONE },
	{ "lwsstart", ERR_SYNTAX, REASON_NONE },
	{ "trws", ERR_SYNTAX, REASON_NONE },
	{ "escruri", ERR_OK, REASON_MALFORMED },
	{ "baddate", ERR_OK, REASON_NONE }, /* not a proxy's to look at */
	{ "regbadct", ERR_OK, REASON_NONE },
	{ "badaspec", ERR_OK, REASON_NONE },
	{ "baddn", ERR_SYNTAX, REASON_NONE },
	{ "badvers", ERR_OK, REASON_VERSION },
	{ "mismatch01", ERR_OK, REASON_MALFORMED },
	{ "mismatch02", ERR_OK, REASON_MALFORMED },
	{ "bigcode", ERR_SYNTAX, REASON_NONE },
	/* 3.2, 3.3, 3.4 */
	{ "badbranch", ERR_OK, REASON_NONE },
	{ "insuf", ERR_SYNTAX, REASON_NONE },
	{ "unkscm", ERR_OK, REASON_URI_SCHEME },
	{ "novelsc", ERR_OK, REASON_URI_SCHEME },
	{ "unksm2", ERR_OK, REASON_NONE },
	{ "bext01", ERR_OK, REASON_NONE },
	{ "invut", ERR_OK, REASON_NONE },
	{ "regaut01", ERR_OK, REASON_NONE },
	{ "multi01", ERR_OK, REASON_MALFORMED },
	{ "mcl01", ERR_OK, REASON_MALFORMED },
	{ "bcast", ERR_OK, REASON_NONE },
	{ "zeromf", ERR_OK, REASON_NONE },
	{ "cparam01", ERR_OK, REASON_NONE },
	{ "cparam02", ERR_OK, REASON_NONE },
	{ "regescrt", ERR_OK, REASON_NONE },
	{ "sdp01", ERR_OK, REASON_NONE },
	{ "inv2543", ERR_OK, REASON_NONE },
	/* RFC 5118 */
	{ "ipv6-good", ERR_OK, REASON_NONE },
	{ "ipv6-bad", ERR_SYNTAX, REASON_NONE },
	{ "port-ambiguous", ERR_OK, REASON_NONE },
	{ "port-unambiguous", ERR_OK, REASON_NONE },
	{ "via-received-param-with-delim", ERR_OK, REASON_NONE },
	{ "via-received-param-no-delim", ERR_OK, REASON_NONE },
	{ "ipv6-in-sdp", ERR_OK, REASON_NONE },
	{ "mult-ip-in-header", ERR_OK, REASON_NONE },
	{ "mult-ip-in-sdp", ERR_OK, REASON_NONE },
	{ "ipv4-mapped-ipv6", ERR_OK, REASON_NONE },
	{ "ipv6-bug-abnf-3-colons", ERR_OK, REASON_NONE },
	{ "ipv6-correct-abnf-2-colons", ERR_OK, REASON_NONE },
};

static size_t load(const char *name, char *bytes, size_t size)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/fuzz/corpus/message/%s.sip", TESTS_DIR, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(bytes, 1, size, file);
	fclose(file);
	return len;
}

static msg_t *parse_len(const char *bytes, size_t len)
{
	msg_t *msg = NULL;

	assert_int_equal(message_parse(bytes, len, &msg), ERR_OK);
	return msg;
}

static msg_t *parse(const char *text)
{
	return parse_len(text, strlen(text));
}

static void assert_prints(msg_t *msg, const char *want)
{
	struct wire *wire;

	assert_int_equal(message_print(msg, &wire), ERR_OK);
	char *text = strndup(wire->bytes, wire->len);
	assert_string_equal(text, want);
	free(text);
	wire_unref(wire);
}

static unsigned n_vias(const sip_t *sip)
{
	unsigned n = 0;

	for (const sip_via_t *via = sip->sip_via; via; via = via->v_next)
		n++;
	return n;
}

/* A copy that went through the edits of a proxy means the same, and the original is as it
 * was. */
static void assert_survives_forwarding(msg_t *msg, const char *bytes)
{
	struct wire *before, *wire;
	msg_t *again, *copy = message_copy(msg);
	const sip_t *old = message_sip(msg);

	assert_non_null(copy);
	assert_int_equal(message_set_max_forwards(copy, 42), ERR_OK);
	assert_int_equal(message_push_record_route(copy, "<sip:192.0.2.99;lr>"), ERR_OK);
	assert_int_equal(via_push(copy, "TCP", "192.0.2.99", "z9hG4bKnew"), ERR_OK);
	assert_int_equal(message_print(copy, &wire), ERR_OK);
	message_unref(copy);
	assert_int_equal(message_parse(wire->bytes, wire->len, &again), ERR_OK);

	const sip_t *new = message_sip(again);
	assert_int_equal(message_check(new, NULL), REASON_NONE);
	assert_int_equal(n_vias(new), n_vias(old) + 1);
	assert_string_equal(new->sip_call_id->i_id, old->sip_call_id->i_id);
	assert_string_equal(new->sip_via->v_branch, "z9hG4bKnew");
	assert_int_equal(new->sip_max_forwards->mf_count, 42);
	assert_string_equal(message_method(new), message_method(old));
	assert_int_equal(new->sip_payload ? new->sip_payload->pl_len : 0,
			 old->sip_payload ? old->sip_payload->pl_len : 0);
	message_unref(again);
	wire_unref(wire);

	assert_int_equal(message_print(msg, &before), ERR_OK);
	if (message_header(msg, "Content-Length") && old->sip_content_length->l_common->h_data)
		assert_memory_equal(before->bytes, bytes, before->len);
	wire_unref(before);
}

static void test_torture(void **state)
{
	static char bytes[16384];
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(torture); i++) {
		msg_t *msg = NULL;
		size_t len = load(torture[i].name, bytes, sizeof(bytes));
		enum err err = message_parse(bytes, len, &msg);
		if (err != torture[i].want) {
			print_error("%s: %s\n", torture[i].name, err_text(err));
			n_wrong++;
		}
		if (err)
			continue;
		const char *what = NULL;
		enum reason reason = message_check(message_sip(msg), &what);
		if (reason != torture[i].want_reason) {
			print_error("%s: %s %s\n", torture[i].name, reason_code(reason), what);
			n_wrong++;
		}
		if (reason == REASON_NONE)
			assert_survives_forwarding(msg, bytes);
		message_unref(msg);
	}
	assert_int_equal(n_wrong, 0);
}

static void test_bounds(void **state)
{
	static const struct {
		const char *name, *before;
		const char *piece; /* repeated */
		unsigned n;
		const char *after;
		enum err want;
	} rows[] = {
		{ "nothing", "", "", 0, "", ERR_SYNTAX },
		{ "only empty lines", "", "\r\n", 9, "", ERR_SYNTAX },
		{ "empty lines before the start line, RFC 3261 7.5", "", "\r\n", 3,
		  START VIA REST "\r\n", ERR_OK },
		{ "no empty line at the end", START VIA REST, "", 0, "", ERR_SYNTAX },
		{ "LF alone ends a line",
		  START VIA REST "X: a\nP-Asserted-Identity: <sip:x@y>\r\n", "", 0, "\r\n",
		  ERR_SYNTAX },
		{ "CR alone ends a line", START VIA REST "X: a\rY: b\r\n", "", 0, "\r\n",
		  ERR_SYNTAX },
		{ "empty line of LFs", START VIA REST "X: a\n\nhidden", "", 0, "\r\n\r\n",
		  ERR_SYNTAX },
		{ "continuation of nothing", START " x\r\n" VIA REST, "", 0, "\r\n",
		  ERR_SYNTAX },
		{ "256 lines", START VIA REST, "X: y\r\n", 250, "\r\n", ERR_OK },
		{ "257 lines", START VIA REST, "X: y\r\n", 251, "\r\n", ERR_LIMIT },
		{ "70 Vias", START VIA REST, "v: SIP/2.0/UDP h\r\n", 69, "\r\n", ERR_OK },
		{ "71 Vias", START VIA REST, "v: SIP/2.0/UDP h\r\n", 70, "\r\n", ERR_LIMIT },
		{ "32 Routes", START VIA REST "Route: <sip:r>", ",<sip:r>", 31, "\r\n\r\n",
		  ERR_OK },
		{ "33 Routes", START VIA REST "Route: <sip:r>", ",<sip:r>", 32, "\r\n\r\n",
		  ERR_LIMIT },
		{ "33 Record-Routes", START VIA REST, "Record-Route: <sip:r>\r\n", 33, "\r\n",
		  ERR_LIMIT },
		{ "33 Contacts, which nobody takes apart", START VIA REST "m: <sip:r>",
		  ",<sip:r>", 32, "\r\n\r\n", ERR_OK },
		{ "a list as deep as the stack", START VIA REST "Route: <sip:r>", ",<sip:r>",
		  60000, "\r\n\r\n", ERR_LIMIT },
		{ "a deep folded list", START VIA REST "Route: <sip:r>", ",\r\n <sip:r>", 60000,
		  "\r\n\r\n", ERR_LIMIT },
		{ "parameters without end", START VIA REST "Route: <sip:r>", ";a", 300,
		  "\r\n\r\n", ERR_LIMIT },
		{ "lists on many lines", START VIA REST, "Reason: a,a,a,a,a,a\r\n", 204, "\r\n",
		  ERR_OK },
		{ "lists on too many lines", START VIA REST, "Require: a,a,a,a,a,a\r\n", 205,
		  "\r\n", ERR_LIMIT },
		{ "as many in a header nobody parses", START VIA REST, "Allow: a,a,a,a,a,a\r\n",
		  205, "\r\n", ERR_OK },
		{ "the same in a header nobody parses", START VIA REST "Subject: a", ";,", 3000,
		  "\r\n\r\n", ERR_OK },
		{ "start line of 9000", "OPTIONS sip:", "a", 9000,
		  " SIP/2.0\r\n" VIA REST "\r\n", ERR_LIMIT },
		{ "larger than any message", START VIA REST "\r\n", "0123456789abcdef", 65536,
		  "", ERR_LIMIT },
		{ "no From", START VIA "To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n", "",
		  0, "\r\n", ERR_SYNTAX },
		{ "not SIP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", 0, "", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t piece = strlen(rows[i].piece);
		char *text = malloc(strlen(rows[i].before) + piece * rows[i].n +
				    strlen(rows[i].after) + 1);
		char *end = stpcpy(text, rows[i].before);
		for (unsigned n = 0; n < rows[i].n; n++)
			end = stpcpy(end, rows[i].piece);
		stpcpy(end, rows[i].after);

		msg_t *msg = NULL;
		enum err err = message_parse(text, strlen(text), &msg);
		if (err != rows[i].want)
			fail_msg("%s: %s", rows[i].name, err_text(err));
		message_unref(msg);
		free(text);
	}
}

static void test_check(void **state)
{
	static const struct {
		const char *name, *text;
		enum reason want;
		const char *what;
	} rows[] = {
		{ "good", START VIA REST "\r\n", REASON_NONE, NULL },
		{ "two Max-Forwards", START VIA REST "Max-Forwards: 3\r\n\r\n",
		  REASON_MALFORMED, "Max-Forwards" },
		{ "Max-Forwards over 255",
		  START VIA "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
			    "CSeq: 1 OPTIONS\r\nMax-Forwards: 256\r\n\r\n",
		  REASON_MALFORMED, "Max-Forwards" },
		{ "Max-Forwards is no number",
		  START VIA "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
			    "CSeq: 1 OPTIONS\r\nMax-Forwards: x\r\n\r\n",
		  REASON_MALFORMED, "Max-Forwards" },
		{ "two From", START VIA REST "f: <sip:c@c>;tag=2\r\n\r\n", REASON_MALFORMED,
		  "From" },
		{ "two Call-IDs", START VIA REST "i: 2\r\n\r\n", REASON_MALFORMED, "Call-ID" },
		{ "Route that is none", START VIA REST "Route: <sip:x\r\n\r\n",
		  REASON_MALFORMED, "Route" },
		{ "a line that is no header", START VIA REST "what is this\r\n\r\n",
		  REASON_MALFORMED, "header line" },
		{ "Content-Length too long", START VIA REST "l: 5\r\n\r\nabc", REASON_MALFORMED,
		  "Content-Length" },
		{ "Content-Length with a sign", START VIA REST "l: +3\r\n\r\nabc",
		  REASON_MALFORMED, "Content-Length" },
		{ "two Content-Lengths", START VIA REST "l: 3\r\nContent-Length: 2\r\n\r\nabc",
		  REASON_MALFORMED, "Content-Length" },
		{ "CSeq of 2**31, RFC 3261 8.1.1.5",
		  START VIA "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\n"
			    "Call-ID: 1\r\nCSeq: 2147483648 OPTIONS\r\n\r\n",
		  REASON_MALFORMED, "CSeq" },
		{ "no space in the Via",
		  START "Via: SIP/2.0/UDP[2001:db8::1];branch=z9hG4bK1\r\n" REST "\r\n",
		  REASON_MALFORMED, "Via" },
		{ "an unknown transport",
		  START "Via: SIP/2.0/X-Y [2001:DB8::1]:1;branch=z9hG4bK1\r\n" REST "\r\n",
		  REASON_NONE, NULL },
		{ "a path in the Request-URI", "OPTIONS sip:b@b/c SIP/2.0\r\n" VIA REST "\r\n",
		  REASON_MALFORMED, "Request-URI" },
		{ "a path in the From",
		  START VIA "From: <sip:a@a/c>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
			    "CSeq: 1 OPTIONS\r\n\r\n",
		  REASON_MALFORMED, "From" },
		{ "a slash in the user part",
		  START VIA "From: <sip:a/c@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
			    "CSeq: 1 OPTIONS\r\n\r\n",
		  REASON_NONE, NULL },
		{ "method in other letters", "options sip:b@b SIP/2.0\r\n" VIA REST "\r\n",
		  REASON_MALFORMED, "CSeq" },
		{ "a broken header that is not ours",
		  START VIA REST "Event: \"\r\nContact: <<\r\n\r\n", REASON_NONE, NULL },
		{ "mail", "OPTIONS mailto:b@b SIP/2.0\r\n" VIA REST "\r\n", REASON_URI_SCHEME,
		  "Request-URI" },
		{ "tel", "OPTIONS tel:+1234 SIP/2.0\r\n" VIA REST "\r\n", REASON_NONE, NULL },
		{ "response", "SIP/2.0 200 OK\r\n" VIA REST "\r\n", REASON_NONE, NULL },
		{ "response 99", "SIP/2.0 099 No\r\n" VIA REST "\r\n", REASON_MALFORMED,
		  "start line" },
		{ "response 700", "SIP/2.0 700 No\r\n" VIA REST "\r\n", REASON_MALFORMED,
		  "start line" },
		{ "version 3", "OPTIONS sip:b@b SIP/3.0\r\n" VIA REST "\r\n", REASON_VERSION,
		  "start line" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *what = "?";
		msg_t *msg = parse(rows[i].text);
		enum reason reason = message_check(message_sip(msg), &what);
		if (reason != rows[i].want)
			fail_msg("%s: %s %s", rows[i].name, reason_code(reason), what);
		if (rows[i].want)
			assert_string_equal(what, rows[i].what);
		assert_int_equal(message_check(message_sip(msg), NULL), rows[i].want);
		message_unref(msg);
	}
}

/* What is not touched keeps its bytes; Content-Length is made right. */
static void test_print(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "order, folds, compact forms and unknown headers",
		  "OPTIONS sip:b%40@b SIP/2.0\r\nX-Y:  z \r\nv: SIP/2.0/UDP h;rport ,\r\n SIP/2.0/UDP i\r\nf:<sip:a@a>;tag=1\r\n"
		  "t: <sip:b@b>\r\ns: folded\r\n\t twice\r\ni: 1\r\nCSeq:  1   OPTIONS\r\nk: a,b\r\nk: c\r\nRequire: x\r\n"
		  "Require: y\r\nl: 0\r\n\r\n",
		  "OPTIONS sip:b%40@b SIP/2.0\r\nX-Y:  z \r\nv: SIP/2.0/UDP h;rport ,\r\n SIP/2.0/UDP i\r\nf:<sip:a@a>;tag=1\r\n"
		  "t: <sip:b@b>\r\ns: folded\r\n\t twice\r\ni: 1\r\nCSeq:  1   OPTIONS\r\nk: a,b\r\nk: c\r\nRequire: x\r\n"
		  "Require: y\r\nl: 0\r\n\r\n" },
		{ "no Content-Length, no body", START VIA REST "\r\n",
		  START VIA REST "Content-Length: 0\r\n\r\n" },
		{ "no Content-Length over UDP: all of it is body", START VIA REST "\r\nabc",
		  START VIA REST "Content-Length: 3\r\n\r\nabc" },
		{ "what follows the body is dropped, RFC 3261 18.3",
		  START VIA REST "l: 3\r\n\r\nabcdef", START VIA REST "l: 3\r\n\r\nabc" },
		{ "what may be once, twice, and is not ours to judge",
		  START VIA REST
		  "Expires: 1\r\nExpires: 2\r\nc: a/b\r\nc: c/d\r\nExpires: 3\r\nl: 0\r\n\r\n",
		  START VIA REST
		  "Expires: 1\r\nExpires: 2\r\nc: a/b\r\nc: c/d\r\nExpires: 3\r\nl: 0\r\n\r\n" },
		{ "empty body before more", START VIA REST "l: 0\r\n\r\nabcdef",
		  START VIA REST "l: 0\r\n\r\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].in);
		msg_t *copy = message_copy(msg);
		assert_prints(copy, rows[i].want);
		assert_prints(msg, rows[i].want);
		message_unref(msg);
		assert_prints(copy, rows[i].want); /* a copy keeps what it shares */
		message_unref(copy);
	}
}

static void test_binary_body(void **state)
{
	static const char bytes[] = START VIA REST "l: 9\r\n\r\n\0\r\n\r\n\0\xff\n\r";
	struct wire *wire;
	msg_t *msg = parse_len(bytes, sizeof(bytes) - 1);

	assert_int_equal(message_sip(msg)->sip_payload->pl_len, 9);
	assert_int_equal(message_print(msg, &wire), ERR_OK);
	assert_int_equal(wire->len, sizeof(bytes) - 1);
	assert_memory_equal(wire->bytes, bytes, wire->len);
	wire_unref(wire);
	message_unref(msg);
}

#define ROUTED(route) START VIA REST route "l: 0\r\n\r\n"

static void test_routes(void **state)
{
	static const struct {
		const char *name, *in;
		bool pop_last;
		const char *want;
	} rows[] = {
		{ "the only one", ROUTED("Route: <sip:a;lr>\r\n"), false, ROUTED("") },
		{ "first of one line", ROUTED("Route: <sip:a;lr>, <sip:b;lr>\r\n"), false,
		  ROUTED("Route: <sip:b;lr>\r\n") },
		{ "first of three on a line",
		  ROUTED("Route: <sip:a>,<sip:b;lr>;x=y , \"N, m\" <sip:c>\r\n"), false,
		  ROUTED("Route: <sip:b;lr>;x=y\r\nRoute: \"N, m\" <sip:c>\r\n") },
		{ "first of two lines", ROUTED("Route: <sip:a>\r\nRoute: <sip:b>,<sip:c>\r\n"),
		  false, ROUTED("Route: <sip:b>,<sip:c>\r\n") },
		{ "last of one line", ROUTED("Route: <sip:a>,<sip:b>,<sip:c>\r\n"), true,
		  ROUTED("Route: <sip:a>\r\nRoute: <sip:b>\r\n") },
		{ "last of two lines", ROUTED("Route: <sip:a>\r\nRoute: <sip:b>\r\n"), true,
		  ROUTED("Route: <sip:a>\r\n") },
		{ "none there", ROUTED(""), false, ROUTED("") },
		{ "none there, last", ROUTED(""), true, ROUTED("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].in);
		msg_t *copy = message_copy(msg);
		if (rows[i].pop_last)
			message_remove_last_route(copy);
		else
			message_pop_route(copy);
		assert_prints(copy, rows[i].want);
		assert_prints(msg, rows[i].in); /* the original is as it was */
		message_unref(copy);
		message_unref(msg);
	}
}

static void test_edits(void **state)
{
	msg_t *msg =
		parse(START VIA REST "Route: <sip:a>\r\nRecord-Route: <sip:r>\r\nl: 0\r\n\r\n");
	msg_t *copy = message_copy(msg);
	url_t *uri = url_make(msg_home(copy), "sip:c@c.example:5070;transport=tcp?Subject=x");

	assert_int_equal(message_set_request_uri(copy, uri), ERR_OK);
	assert_int_equal(message_set_max_forwards(copy, 69), ERR_OK);
	assert_int_equal(message_set_max_breadth(copy, 30), ERR_OK);
	assert_int_equal(message_max_breadth(copy, 60), 30);
	assert_int_equal(message_set_max_breadth(copy, 15), ERR_OK);
	assert_int_equal(message_push_record_route(copy, "<sip:us;lr>"), ERR_OK);
	assert_int_equal(message_push_route(copy, "<sip:first;lr>"), ERR_OK);
	assert_int_equal(message_append_route(copy, uri), ERR_OK);
	assert_int_equal(message_add_header(copy, "X-New", "value, of ours"), ERR_OK);
	assert_int_equal(message_add_header(copy, "P-Asserted-Identity", "<sip:a@a.example>"),
			 ERR_OK);
	assert_prints(
		copy,
		"OPTIONS sip:c@c.example:5070;transport=tcp SIP/2.0\r\n"
		"Route: <sip:first;lr>\r\nRecord-Route: <sip:us;lr>\r\n" VIA
		"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1@a\r\n"
		"CSeq: 1 OPTIONS\r\nMax-Forwards: 69\r\nRoute: <sip:a>\r\nRecord-Route: <sip:r>\r\nl: 0\r\n"
		"Max-Breadth: 15\r\nRoute: <sip:c@c.example:5070;transport=tcp>\r\n"
		"X-New: value, of ours\r\nP-Asserted-Identity: <sip:a@a.example>\r\n\r\n");
	assert_string_equal(message_sip(copy)->sip_route->r_url->url_host, "first");
	assert_prints(msg,
		      START VIA REST "Route: <sip:a>\r\nRecord-Route: <sip:r>\r\nl: 0\r\n\r\n");
	message_unref(copy);
	message_unref(msg);
}

static void test_no_line_breaks_in(void **state)
{
	msg_t *msg = parse(START VIA REST "l: 0\r\n\r\n");

	assert_int_equal(message_add_header(msg, "X", "a\r\nY: b"), ERR_SYNTAX);
	assert_int_equal(message_add_header(msg, "X\n", "a"), ERR_SYNTAX);
	assert_int_equal(message_add_header(msg, "", "a"), ERR_SYNTAX);
	assert_int_equal(message_push_route(msg, "<sip:a>\r\nY: b"), ERR_SYNTAX);
	assert_int_equal(message_push_record_route(msg, "<sip:a>\nY: b"), ERR_SYNTAX);
	assert_int_equal(message_push_route(msg, "<sip:a"), ERR_SYNTAX);
	assert_prints(msg, START VIA REST "l: 0\r\n\r\n");
	message_unref(msg);
}

/* Strict routing makes a Route the Request-URI (RFC 3261 §16.4): not with what tears the
 * request line. */
static void test_request_uri_from_route(void **state)
{
	static const struct {
		const char *route;
		enum err want;
	} rows[] = {
		{ "Route: <sip:a@b;x=y>\r\n", ERR_OK },
		{ "Route: <sip:a SIP/2.0@b>\r\n", ERR_SYNTAX },
		{ "Route: <sip:a@b;x\r\n =y>\r\n", ERR_SYNTAX },
		{ "Route: <sip:a@b;x\t=y>\r\n", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), "%s%s\r\n", START VIA REST, rows[i].route);
		msg_t *msg = parse(text);
		const sip_route_t *route = message_sip(msg)->sip_route;
		if (route && message_set_request_uri(msg, route->r_url) != rows[i].want)
			fail_msg("%s", rows[i].route);
		message_unref(msg);
	}
}

static void test_remove_header(void **state)
{
	static const struct {
		const char *what, *in, *want;
	} rows[] = {
		{ "P-Asserted-Identity",
		  "P-Asserted-Identity: <sip:a@a>\r\np-asserted-identity : <tel:1>\r\nX: y\r\n",
		  "X: y\r\n" },
		{ "P-Asserted-Identity", "P-Asserted-Identity: this is none >>\r\nX: y\r\n",
		  "X: y\r\n" },
		{ "P-Asserted-Identity", "P-Asserted-Identity\r\n : <sip:a@a>\r\nX: y\r\n",
		  "X: y\r\n" },
		{ "Subject", "s: a\r\nSubject: b\r\nX: y\r\n", "X: y\r\n" },
		{ "s", "s: a\r\nSubject: b\r\nX: y\r\n", "X: y\r\n" },
		{ "Contact", "m: <sip:a>, <sip:b>\r\nContact: <sip:c>\r\nX: y\r\n",
		  "X: y\r\n" },
		{ "Expires", "Expires: 1\r\nExpires: 2\r\nX: y\r\n", "X: y\r\n" },
		{ "Require", "Require: a\r\nRequire: b\r\nX: y\r\n", "X: y\r\n" },
		{ "Nothing", "X: y\r\n", "X: y\r\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char in[1024], want[1024];
		(void)snprintf(in, sizeof(in), "%s%sl: 0\r\n\r\n", START VIA REST, rows[i].in);
		(void)snprintf(want, sizeof(want), "%s%sl: 0\r\n\r\n", START VIA REST,
			       rows[i].want);
		msg_t *msg = parse(in);
		msg_t *copy = message_copy(msg);
		message_remove_header(copy, rows[i].what);
		assert_null(message_header(copy, rows[i].what));
		assert_prints(copy, want);
		message_unref(copy);
		message_remove_header(msg, rows[i].what);
		assert_prints(msg, want);
		message_unref(msg);
	}
}

static void test_header(void **state)
{
	msg_t *msg =
		parse(START VIA REST
		      "s:  a  folded\r\n\t subject \r\nUser-Agent:x/1 (y)\r\nk: 100rel\r\n"
		      "Empty:\r\nContact: <sip:a>, <sip:b>\r\nMax-Breadth: 7x\r\nl: 0\r\n\r\n");

	assert_string_equal(message_header(msg, "Subject"), "a  folded  \t subject");
	assert_string_equal(message_header(msg, "user-agent"), "x/1 (y)");
	assert_string_equal(message_header(msg, "Supported"), "100rel");
	assert_string_equal(message_header_at(msg, "Supported", 0), "100rel");
	assert_null(message_header_at(msg, "Subject", 1));
	assert_string_equal(message_header(msg, "Empty"), "");
	assert_string_equal(message_header(msg, "m"), "<sip:a>, <sip:b>");
	assert_string_equal(message_header(msg, "CSeq"), "1 OPTIONS");
	assert_null(message_header(msg, "Nothing"));
	assert_int_equal(message_max_breadth(msg, 60), 60);
	assert_int_equal(message_set_max_forwards(msg, 5), ERR_OK);
	assert_string_equal(message_header(msg, "Max-Forwards"), "5");
	message_unref(msg);
}

/* Plain ones are read by ours, the others by Sofia's parser: what comes out must not depend on
 * which. */
static void test_numbers(void **state)
{
	/* clang-format off */
	static const struct {
		const char *method, *cseq, *forwards, *length;
		sip_method_t want_method;
		uint32_t want_seq, want_length;
		unsigned want_forwards;
	} rows[] = {
		{ "OPTIONS", "1 OPTIONS", "70", "0", sip_method_options, 1, 0, 70 },
		{ "OPTIONS", "1\t OPTIONS", " 7 ", "0", sip_method_options, 1, 0, 7 },
		{ "MESSAGE", "123456789 MESSAGE", "0", "2", sip_method_message, 123456789, 2, 0 },
		{ "MESSAGE", "2147483647 MESSAGE", "0255", "002", sip_method_message, 2147483647, 2, 255 },
		{ "MESSAGEX", "7 MESSAGEX", "1", "2", sip_method_unknown, 7, 2, 1 },
		{ "message", "7 message", "1", "2", sip_method_unknown, 7, 2, 1 },
		{ "REFER", "000000007 REFER", "000000012", "0000000002", sip_method_refer, 7, 2, 12 },
	};
	/* clang-format on */
	char text[1024];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(
			text, sizeof(text),
			"%s sip:b@b.example SIP/2.0\r\n" VIA
			"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\n"
			"Call-ID: 1@a\r\nCSeq: %s\r\nMax-Forwards: %s\r\nContent-Length: %s\r\n\r\n%s",
			rows[i].method, rows[i].cseq, rows[i].forwards, rows[i].length,
			rows[i].want_length ? "ab" : "");
		msg_t *msg = parse(text);
		const sip_t *sip = message_sip(msg);

		assert_int_equal(sip->sip_request->rq_method, rows[i].want_method);
		assert_string_equal(sip->sip_request->rq_method_name, rows[i].method);
		assert_int_equal(sip->sip_cseq->cs_method, rows[i].want_method);
		assert_string_equal(sip->sip_cseq->cs_method_name, rows[i].method);
		assert_int_equal(sip->sip_cseq->cs_seq, rows[i].want_seq);
		assert_int_equal(sip->sip_max_forwards->mf_count, rows[i].want_forwards);
		assert_int_equal(sip->sip_content_length->l_length, rows[i].want_length);
		message_unref(msg);
	}
}

static void test_uri_parts(void **state)
{
	static const struct {
		const char *uri, *user, *host; /* NULL: refused */
	} rows[] = {
		{ "sip:alice@A.Example.", "alice", "a.example" },
		{ "sips:b%6Fb:pw@b.example:5061;x=y", "bob", "b.example" },
		{ "sip:a%40b@c.example", "a@b", "c.example" },
		{ "sip:c.example", "", "c.example" },
		{ "tel:+1-234;phone-context=x", "+1-234", "" },
		{ "sip:a%00b@c.example", NULL, NULL },
		{ "sip:123456789012345678901234567890123@c.example", NULL, NULL },
		{ "mailto:a@b.example", NULL, NULL },
	};
	su_home_t home[1] = { SU_HOME_INIT(home) };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char user[32], host[64];
		url_t *url = url_make(home, rows[i].uri);
		assert_non_null(url);
		bool is_good = message_uri_parts(url, user, sizeof(user), host, sizeof(host));
		if (is_good != (rows[i].user != NULL))
			fail_msg("%s", rows[i].uri);
		if (!is_good)
			continue;
		assert_string_equal(user, rows[i].user);
		assert_string_equal(host, rows[i].host);
	}
	su_home_deinit(home);
}

static void test_references(void **state)
{
	msg_t *msg = parse(START VIA REST "l: 0\r\n\r\n");

	assert_ptr_equal(message_ref(msg), msg);
	assert_null(message_unref(msg));
	assert_string_equal(message_method(message_sip(msg)), "OPTIONS");
	assert_null(message_unref(msg));
	assert_null(message_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torture),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_binary_body),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_no_line_breaks_in),
		cmocka_unit_test(test_remove_header),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_uri_parts),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_request_uri_from_route),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
