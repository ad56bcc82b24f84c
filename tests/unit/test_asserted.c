#include "federation/asserted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/text.h"

#define OWN    "P-Asserted-Identity: \"Bob\" <sip:bob@partner.example>\r\n"
#define OTHER  "P-Asserted-Identity: <sip:eve@other.example>\r\n"
#define NUMBER "P-Asserted-Identity: <tel:+49302222>\r\n"
#define BOTH   "P-Asserted-Identity: <sip:bob@partner.example>, <tel:+49302222>\r\n"
#define WISH   "P-Preferred-Identity: <sip:bob@partner.example>\r\n"
#define ID     "Privacy: id\r\n"

#define BOB "bob@partner.example"

/* clang-format off */
static const struct {
	const char *name;
	enum origin_kind kind;
	const char *domain, *headers;
	bool receiver_is_trusted;
	const char *kept, *gone; /* parts of what is printed then; NULL: nothing to look for */
} rows[] = {
	{ "backend to a trusted partner", ORIGIN_BACKEND, "corp.example", OWN, true, BOB, NULL },
	{ "backend asserts a number", ORIGIN_BACKEND, "corp.example", NUMBER, true, "tel:+49302222", NULL },
	{ "backend asserts both", ORIGIN_BACKEND, "corp.example", BOTH, true, "<sip:" BOB ">, <tel:+49302222>", NULL },
	{ "to an untrusted partner, §5", ORIGIN_BACKEND, "corp.example", BOTH, false, NULL, "P-Asserted-Identity" },
	{ "Privacy: id, §9.3", ORIGIN_BACKEND, "corp.example", OWN ID, true, "Privacy: id", "P-Asserted-Identity" },
	{ "Privacy: header;id", ORIGIN_BACKEND, "corp.example", OWN "Privacy: header ; ID\r\n", true, NULL, "P-Asserted-Identity" },
	{ "Privacy: none", ORIGIN_BACKEND, "corp.example", OWN "Privacy: none\r\n", true, BOB, NULL },
	{ "another priv-value that holds id", ORIGIN_BACKEND, "corp.example", OWN "Privacy: idx;xid\r\n", true, BOB, NULL },
	{ "partner's Privacy inside our house", ORIGIN_PARTNER, "partner.example", OWN ID, true, BOB, NULL },
	{ "partner asserts its own", ORIGIN_PARTNER, "partner.example", OWN, true, BOB, NULL },
	{ "partner asserts another's", ORIGIN_PARTNER, "partner.example", OTHER, true, NULL, "P-Asserted-Identity" },
	{ "partner asserts ours", ORIGIN_PARTNER, "partner.example", "P-Asserted-Identity: <sip:ceo@corp.example>\r\n", true, NULL, "P-Asserted-Identity" },
	{ "partner asserts a number", ORIGIN_PARTNER, "partner.example", NUMBER, true, NULL, "P-Asserted-Identity" },
	{ "one of two is its own", ORIGIN_PARTNER, "partner.example", BOTH, true, BOB, "tel:" },
	{ "one of two headers is its own", ORIGIN_PARTNER, "partner.example", OTHER OWN, true, BOB, "eve" },
	{ "upper case", ORIGIN_PARTNER, "partner.example", "p-asserted-identity: <sip:bob@Partner.Example.>\r\n", true, "bob@Partner.Example.", NULL },
	{ "a sub-domain is another", ORIGIN_PARTNER, "partner.example", "P-Asserted-Identity: <sip:bob@a.partner.example>\r\n", true, NULL, "P-Asserted-Identity" },
	{ "route of sub-domains", ORIGIN_PARTNER, "*.partner.example", "P-Asserted-Identity: <sip:bob@a.partner.example>\r\n", true, "bob@a.partner.example", NULL },
	{ "untrusted partner", ORIGIN_PARTNER_UNTRUSTED, "partner.example", OWN, true, NULL, "P-Asserted-Identity" },
	{ "stranger", ORIGIN_STRANGER, "", OWN, true, NULL, "P-Asserted-Identity" },
	{ "what is preferred goes no further, §7", ORIGIN_BACKEND, "corp.example", WISH OWN, true, BOB, "P-Preferred-Identity" },
	{ "preferred, from a partner", ORIGIN_PARTNER, "partner.example", WISH, true, NULL, "P-Preferred-Identity" },
	{ "no URI at all", ORIGIN_PARTNER, "partner.example", "P-Asserted-Identity: nonsense\r\n", true, NULL, "nonsense" },
	{ "nothing there", ORIGIN_PARTNER, "partner.example", "", true, NULL, "Asserted" },
};
/* clang-format on */

static msg_t *make_request(const char *headers)
{
	char text[2000];
	msg_t *msg;

	int len = snprintf(text, sizeof(text),
			   "INVITE sip:anna@corp.example SIP/2.0\r\n"
			   "Via: SIP/2.0/TLS edge.partner.example;branch=z9hG4bK1\r\n"
			   "From: <sip:anonymous@anonymous.invalid>;tag=1\r\nTo: "
			   "<sip:anna@corp.example>\r\n"
			   "Call-ID: call-1\r\nCSeq: 1 INVITE\r\nMax-Forwards: "
			   "70\r\n%sContent-Length: 0\r\n\r\n",
			   headers);
	assert_int_equal(message_parse(text, (size_t)len, &msg), ERR_OK);
	return msg;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct origin origin = { .kind = rows[i].kind };
		msg_t *original = make_request(rows[i].headers), *msg = message_copy(original);
		struct wire *wire;

		text_copy(origin.domain, sizeof(origin.domain), rows[i].domain);
		assert_int_equal(asserted_filter(msg, &origin, rows[i].receiver_is_trusted),
				 ERR_OK);
		assert_int_equal(message_print(msg, &wire), ERR_OK);
		if (rows[i].kept &&
		    !memmem(wire->bytes, wire->len, rows[i].kept, strlen(rows[i].kept)))
			fail_msg("%s: lost: %.*s", rows[i].name, (int)wire->len, wire->bytes);
		if (rows[i].gone &&
		    memmem(wire->bytes, wire->len, rows[i].gone, strlen(rows[i].gone)))
			fail_msg("%s: still there: %.*s", rows[i].name, (int)wire->len,
				 wire->bytes);
		assert_non_null(memmem(wire->bytes, wire->len, "Call-ID: call-1", 15));
		wire_unref(wire);
		message_unref(msg);
		message_unref(original);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
