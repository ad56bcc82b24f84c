#include "routing/route_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/su_alloc.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"

/* In the rows {T} is the token of this dialog, {U} one of another pass of it, {F} a forged
 * one. */

static struct listener wan = { .name = "wan", .transport = TRANSPORT_MTLS, .port = 5061 };
static struct listener lan = { .name = "lan", .transport = TRANSPORT_TCP, .port = 5060 };
static struct record_route_keys *keys;
static struct self_names *names;
static char tokens[3][128]; /* T, U, F */

static void make_token(char out[128], uint32_t made_at_s, const char *call_id)
{
	struct record_route_token token = { .caller = 1, .callee = 2, .made_at_s = made_at_s };
	char value[RECORD_ROUTE_VALUE_SIZE];

	assert_int_equal(record_route_value(keys, &token, call_id, &wan, value), ERR_OK);
	assert_true(text_copy_len(out, 128, value + 5, strcspn(value + 5, "@")));
}

static int setup(void **state)
{
	struct listener *listeners[] = { &wan, &lan };

	strcpy(wan.host, "sip.corp.example");
	strcpy(wan.sent_by, "sip.corp.example:5061");
	strcpy(lan.host, "10.0.0.2");
	strcpy(lan.sent_by, "10.0.0.2:5060");
	assert_int_equal(addr_parse("192.0.2.10", 5061, &wan.addr), ERR_OK);
	assert_int_equal(addr_parse("10.0.0.2", 5060, &lan.addr), ERR_OK);
	assert_int_equal(record_route_keys_load(NULL, &keys), ERR_OK);
	assert_int_equal(self_names_new(listeners, COUNT(listeners), &names), ERR_OK);
	make_token(tokens[0], 1000, "call-1");
	make_token(tokens[1], 1001, "call-1");
	make_token(tokens[2], 1000, "call-2");
	return 0;
}

static int teardown(void **state)
{
	self_names_free(names);
	record_route_keys_free(keys);
	return 0;
}

static void add_expanded(struct buf *buf, const char *text)
{
	for (; *text; text++) {
		if (text[0] == '{') {
			buf_puts(buf, tokens[text[1] == 'T' ? 0 : text[1] == 'U' ? 1 : 2]);
			text += 2;
		} else {
			buf_add(buf, text, 1);
		}
	}
}

/* A BYE with that Request-URI and those Routes, each on a line of its own. */
static msg_t *make_request(const char *uri, const char *const *routes, size_t n)
{
	struct buf buf;
	msg_t *msg;

	buf_init(&buf, 0);
	buf_puts(&buf, "BYE ");
	add_expanded(&buf, uri);
	buf_puts(&buf, " SIP/2.0\r\nVia: SIP/2.0/TCP a.example;branch=z9hG4bK1\r\n");
	for (size_t i = 0; i < n && routes[i]; i++) {
		buf_puts(&buf, "Route: ");
		add_expanded(&buf, routes[i]);
		buf_puts(&buf, "\r\n");
	}
	buf_puts(&buf, "From: <sip:a@a.example>;tag=1\r\nTo: "
		       "<sip:b@b.example>;tag=2\r\nCall-ID: call-1\r\n"
		       "CSeq: 2 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(message_parse(buf_text(&buf), buf.len, &msg), ERR_OK);
	buf_fini(&buf);
	return msg;
}

/* "Request-URI|Route|Route" with tokens written as in the rows. */
static void print(msg_t *msg, struct buf *out)
{
	su_home_t *home = su_home_new(sizeof(*home));

	buf_puts(out, url_as_string(home, message_sip(msg)->sip_request->rq_url));
	for (const sip_route_t *route = message_sip(msg)->sip_route; route;
	     route = route->r_next) {
		buf_puts(out, "|");
		buf_puts(out, url_as_string(home, route->r_url));
	}
	su_home_unref(home);
}

enum { MAX_ROUTES = 4 };

/* clang-format off */
static const struct {
	const char *name, *uri, *routes[MAX_ROUTES], *want;
	bool had_own, was_strict;
	enum record_route_verdict verdict;
	struct listener *in, *out;
} rows[] = {
	{ "no Route", "sip:b@b.example", { 0 }, "sip:b@b.example", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "another's Route stays", "sip:b@b.example", { "<sip:p.example;lr>" },
	  "sip:b@b.example|sip:p.example;lr", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "ours alone, §16.4", "sip:b@b.example", { "<sip:{T}@sip.corp.example:5061;lr;transport=tls>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_VALID, &wan, &wan },
	{ "ours, then another's", "sip:b@b.example", { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:p.example;lr>" },
	  "sip:b@b.example|sip:p.example;lr", true, false, RECORD_ROUTE_VALID, &wan, &wan },
	{ "double entry, RFC 5658", "sip:b@b.example",
	  { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:{T}@10.0.0.2:5060;lr;transport=tcp>", "<sip:p.example;lr>" },
	  "sip:b@b.example|sip:p.example;lr", true, false, RECORD_ROUTE_VALID, &wan, &lan },
	{ "double entry on one line", "sip:b@b.example",
	  { "<sip:{T}@10.0.0.2:5060;lr;transport=tcp>, <sip:{T}@sip.corp.example:5061;lr>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_VALID, &lan, &wan },
	{ "by the address instead of the name", "sip:b@b.example", { "<sip:{T}@192.0.2.10:5061;lr;transport=tls>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_VALID, &wan, &wan },
	{ "a third of ours belongs to another pass", "sip:b@b.example",
	  { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:{T}@10.0.0.2:5060;lr>", "<sip:{U}@10.0.0.2:5060;lr>" },
	  "sip:b@b.example|sip:U@10.0.0.2:5060;lr", true, false, RECORD_ROUTE_VALID, &wan, &lan },
	{ "a second of another pass stays", "sip:b@b.example",
	  { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:{U}@10.0.0.2:5060;lr>" },
	  "sip:b@b.example|sip:U@10.0.0.2:5060;lr", true, false, RECORD_ROUTE_VALID, &wan, &wan },
	{ "ours under another's comes later", "sip:b@b.example",
	  { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:p.example;lr>", "<sip:{T}@10.0.0.2:5060;lr>" },
	  "sip:b@b.example|sip:p.example;lr|sip:T@10.0.0.2:5060;lr", true, false, RECORD_ROUTE_VALID, &wan, &wan },
	{ "the first names a listener that is no more", "sip:b@b.example",
	  { "<sip:{T}@192.0.2.99:5071;lr>", "<sip:{T}@10.0.0.2:5060;lr>", "<sip:p.example;lr>" },
	  "sip:b@b.example|sip:p.example;lr", true, false, RECORD_ROUTE_VALID, NULL, &lan },
	{ "the second names a listener that is no more", "sip:b@b.example",
	  { "<sip:{T}@10.0.0.2:5060;lr>", "<sip:{T}@192.0.2.99:5071;lr>", "<sip:p.example;lr>" },
	  "sip:b@b.example|sip:p.example;lr", true, false, RECORD_ROUTE_VALID, &lan, NULL },
	{ "forged, and not at us", "sip:b@b.example", { "<sip:{F}@192.0.2.99:5071;lr>" },
	  "sip:b@b.example|sip:F@192.0.2.99:5071;lr", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "pre-loaded, without a token", "sip:b@b.example", { "<sip:sip.corp.example:5061;lr>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_NONE, &wan, &wan },
	{ "token of another call", "sip:b@b.example", { "<sip:{F}@sip.corp.example:5061;lr>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_FORGED, &wan, &wan },
	{ "second token of another call", "sip:b@b.example",
	  { "<sip:{T}@sip.corp.example:5061;lr>", "<sip:{F}@10.0.0.2:5060;lr>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_FORGED, &wan, &lan },
	{ "first without, second with a token", "sip:b@b.example",
	  { "<sip:sip.corp.example:5061;lr>", "<sip:{T}@10.0.0.2:5060;lr>" },
	  "sip:b@b.example", true, false, RECORD_ROUTE_VALID, &wan, &lan },

	{ "strict router before us, §16.4", "sip:{T}@sip.corp.example:5061;lr", { "<sip:p.example;lr>", "<sip:b@b.example>" },
	  "sip:b@b.example|sip:p.example;lr", true, true, RECORD_ROUTE_VALID, &wan, &wan },
	{ "strict router, double entry", "sip:{T}@sip.corp.example:5061;lr",
	  { "<sip:{T}@10.0.0.2:5060;lr>", "<sip:p.example;lr>", "<sip:b@b.example>" },
	  "sip:b@b.example|sip:p.example;lr", true, true, RECORD_ROUTE_VALID, &wan, &lan },
	{ "strict router, forged", "sip:{F}@sip.corp.example:5061;lr", { "<sip:b@b.example>" },
	  "sip:b@b.example", true, true, RECORD_ROUTE_FORGED, &wan, &wan },
	{ "ours in the Request-URI, no Route", "sip:{T}@sip.corp.example:5061;lr", { 0 },
	  "sip:T@sip.corp.example:5061;lr", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "our host in the Request-URI is no strict router", "sip:b@10.0.0.2:5060", { "<sip:p.example;lr>" },
	  "sip:b@10.0.0.2:5060|sip:p.example;lr", false, false, RECORD_ROUTE_NONE, NULL, NULL },

	{ "maddr is us, §16.4", "sip:b@b.example:5070;maddr=10.0.0.2;transport=tcp;user=phone", { 0 },
	  "sip:b@b.example:5070;maddr=10.0.0.2;transport=tcp;user=phone", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "maddr and port are us, §16.4", "sip:b@b.example:5060;maddr=10.0.0.2;transport=tcp;user=phone", { 0 },
	  "sip:b@b.example;user=phone", false, false, RECORD_ROUTE_NONE, NULL, NULL },
	{ "maddr is another", "sip:b@b.example;maddr=10.0.0.3", { 0 },
	  "sip:b@b.example;maddr=10.0.0.3", false, false, RECORD_ROUTE_NONE, NULL, NULL },
};
/* clang-format on */

/* Tokens in what was printed back to one letter. */
static void shorten(struct buf *buf)
{
	for (size_t i = 0; i < COUNT(tokens); i++) {
		char *at;
		while ((at = strstr(buf->bytes, tokens[i]))) {
			*at = "TUF"[i];
			memmove(at + 1, at + strlen(tokens[i]),
				strlen(at + strlen(tokens[i])) + 1);
		}
	}
}

static void test_take(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = make_request(rows[i].uri, rows[i].routes, MAX_ROUTES);
		struct route_view view;
		struct buf buf;

		buf_init(&buf, 0);
		assert_int_equal(route_set_take(msg, names, keys, &view), ERR_OK);
		print(msg, &buf);
		shorten(&buf);
		if (strcmp(buf_text(&buf), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, buf_text(&buf));
		if (view.had_own != rows[i].had_own || view.was_strict != rows[i].was_strict ||
		    view.token_verdict != rows[i].verdict || view.in != rows[i].in ||
		    view.out != rows[i].out)
			fail_msg("%s: own %d strict %d verdict %d in %s out %s", rows[i].name,
				 view.had_own, view.was_strict, view.token_verdict,
				 view.in ? view.in->name : "-",
				 view.out ? view.out->name : "-");
		if (view.token_verdict == RECORD_ROUTE_VALID)
			assert_int_equal(view.token.made_at_s, 1000);
		buf_fini(&buf);
		message_unref(msg);
	}
}

/* RFC 3261 §16.6 item 6. */
static void test_prepare_next(void **state)
{
	static const struct {
		const char *name, *uri, *routes[MAX_ROUTES], *want;
	} next[] = {
		{ "no Route", "sip:b@b.example", { 0 }, "sip:b@b.example" },
		{ "a loose router",
		  "sip:b@b.example",
		  { "<sip:p.example;lr>" },
		  "sip:b@b.example|sip:p.example;lr" },
		{ "lr with a value",
		  "sip:b@b.example",
		  { "<sip:p.example;lr=on>" },
		  "sip:b@b.example|sip:p.example;lr=on" },
		{ "lr outside of brackets",
		  "sip:b@b.example",
		  { "sip:p.example;lr" },
		  "sip:b@b.example|sip:p.example" },
		{ "a strict router",
		  "sip:b@b.example",
		  { "<sip:p.example>" },
		  "sip:p.example|sip:b@b.example" },
		{ "a strict router before a loose one",
		  "sip:b@b.example",
		  { "<sip:p.example>", "<sip:q.example;lr>" },
		  "sip:p.example|sip:q.example;lr|sip:b@b.example" },
	};

	for (size_t i = 0; i < COUNT(next); i++) {
		msg_t *msg = make_request(next[i].uri, next[i].routes, MAX_ROUTES);
		struct buf buf;

		buf_init(&buf, 0);
		assert_int_equal(route_set_prepare_next(msg), ERR_OK);
		print(msg, &buf);
		if (strcmp(buf_text(&buf), next[i].want) != 0)
			fail_msg("%s: %s", next[i].name, buf_text(&buf));
		buf_fini(&buf);
		message_unref(msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_prepare_next),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
