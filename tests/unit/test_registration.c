#include "proxy/sip/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

#define TEN    ";a;a;a;a;a;a;a;a;a;a"
#define PARAMS TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static msg_t *make(const char *headers)
{
	char text[4096];
	msg_t *msg = NULL;
	int len = snprintf(text, sizeof(text),
			   "REGISTER sip:corp.example SIP/2.0\r\n"
			   "Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK1\r\n"
			   "From: <sip:ucs@corp.example>;tag=1\r\n"
			   "To: <sip:ucs@corp.example>\r\n"
			   "Call-ID: 1\r\n"
			   "CSeq: 1 REGISTER\r\n"
			   "%s"
			   "Content-Length: 0\r\n\r\n",
			   headers);

	assert_int_equal(message_parse(text, (size_t)len, &msg), ERR_OK);
	return msg;
}

static const struct {
	const char *name, *headers;
	enum err want;
	unsigned n;
	const char *uri; /* of the first contact */
	int expires_s;   /* of the first; -1: none is written */
	bool is_bulk;
} rows[] = {
	{ "none: it only asks, RFC 3261 §10.2.3", "", ERR_OK, 0, NULL, -1, false },
	{ "one", "Contact: <sip:10.0.0.9:5080;transport=tcp>\r\n", ERR_OK, 1,
	  "sip:10.0.0.9:5080;transport=tcp", -1, false },
	{ "without brackets its parameters are the header's, §20.10",
	  "Contact: sip:10.0.0.9;expires=77\r\n", ERR_OK, 1, "sip:10.0.0.9", 77, false },
	{ "headers of the URI are left out", "Contact: <sip:a@10.0.0.9?Subject=x>\r\n", ERR_OK,
	  1, "sip:a@10.0.0.9", -1, false },
	{ "two in one line", "Contact: <sip:a@10.0.0.9>;expires=60, <sip:b@10.0.0.9>\r\n",
	  ERR_OK, 2, "sip:a@10.0.0.9", 60, false },
	{ "compact form", "m: <sip:a@10.0.0.9>\r\n", ERR_OK, 1, "sip:a@10.0.0.9", -1, false },
	{ "IPv6", "Contact: <sip:a@[2001:db8::1]:5070>\r\n", ERR_OK, 1,
	  "sip:a@[2001:db8::1]:5070", -1, false },
	{ "sips", "Contact: <sips:a@host.example>\r\n", ERR_OK, 1, "sips:a@host.example", -1,
	  false },
	{ "in bulk, RFC 6140 §5.2",
	  "Contact: <sip:10.0.0.9;bnc>;expires=300\r\nRequire: gin\r\n", ERR_OK, 1,
	  "sip:10.0.0.9", 300, true },
	{ "in bulk, among other parameters",
	  "Contact: <sip:10.0.0.9;transport=tcp;BNC;x=y>\r\n", ERR_OK, 1,
	  "sip:10.0.0.9;transport=tcp;x=y", -1, true },
	{ "in bulk with a user", "Contact: <sip:pbx@10.0.0.9;bnc>\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "a time that is no number counts as none, §10.3 item 7",
	  "Contact: <sip:a@10.0.0.9>;expires=soon\r\n", ERR_OK, 1, "sip:a@10.0.0.9", -1,
	  false },
	{ "a time beyond all bounds",
	  "Contact: <sip:a@10.0.0.9>;expires=99999999999999999999\r\n", ERR_OK, 1,
	  "sip:a@10.0.0.9", -2, false },
	{ "a wildcard", "Contact: *\r\nExpires: 0\r\n", ERR_OK, 0, NULL, -1, false },
	{ "a wildcard without Expires, §10.2.2", "Contact: *\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "a wildcard with a time", "Contact: *\r\nExpires: 60\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "another scheme", "Contact: <mailto:a@b.example>\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "a telephone", "Contact: <tel:+4930123>\r\n", ERR_SYNTAX, 0, NULL, -1, false },
	{ "a port that is none", "Contact: <sip:a@10.0.0.9:99999>\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "what cannot be read", "Contact: <sip:a@10.0.0.9\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "what would end a Request-URI", "Contact: <sip:10.0.0.9;x=a SIP/2.0 y>\r\n",
	  ERR_SYNTAX, 0, NULL, -1, false },
	{ "over two lines", "Contact: <sip:10.0.0.9;x=a\r\n y>\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "what would end the brackets of an answer", "Contact: <sip:10.0.0.9;bn<s <sip=x>\r\n",
	  ERR_SYNTAX, 0, NULL, -1, false },
	{ "quotes", "Contact: <sip:10.0.0.9;x=\"y\">\r\n", ERR_SYNTAX, 0, NULL, -1, false },
	{ "longer than a contact may be",
	  "Contact: <sip:" LONG LONG LONG "@10.0.0.9;x=" LONG ">\r\n", ERR_SYNTAX, 0, NULL, -1,
	  false },
	{ "eight",
	  "Contact: <sip:1@h>,<sip:2@h>,<sip:3@h>,<sip:4@h>,<sip:5@h>,<sip:6@h>,<sip:7@h>,<sip:8@h>\r\n",
	  ERR_OK, 8, "sip:1@h", -1, false },
	{ "more than Sofia may see", "Contact: <sip:10.0.0.9>" PARAMS PARAMS PARAMS "\r\n",
	  ERR_SYNTAX, 0, NULL, -1, false },
	{ "nine",
	  "Contact: <sip:1@h>,<sip:2@h>,<sip:3@h>,<sip:4@h>,<sip:5@h>,<sip:6@h>,<sip:7@h>,<sip:8@h>,<sip:9@h>\r\n",
	  ERR_LIMIT, 0, NULL, -1, false },
};

static void test_contacts(void **state)
{
	struct registration got;

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = make(rows[i].headers);
		enum err err = registration_read(msg, &got);

		if (err != rows[i].want)
			fail_msg("%s: %s", rows[i].name, err_text(err));
		if (!err && got.n_contacts != rows[i].n)
			fail_msg("%s: %u contacts", rows[i].name, got.n_contacts);
		if (!err && rows[i].n) {
			const struct registration_contact *contact = &got.contacts[0];

			if (strcmp(contact->uri, rows[i].uri) ||
			    contact->is_bulk != rows[i].is_bulk)
				fail_msg("%s: '%s'", rows[i].name, contact->uri);
			if (contact->has_expires != (rows[i].expires_s != -1) ||
			    (contact->has_expires &&
			     contact->expires_s != (rows[i].expires_s == -2
							    ? UINT32_MAX
							    : (uint32_t)rows[i].expires_s)))
				fail_msg("%s: expires %u", rows[i].name, contact->expires_s);
		}
		message_unref(msg);
	}
}

static void test_require(void **state)
{
	static const struct {
		const char *headers;
		bool wants_bulk;
		const char *unsupported;
	} lines[] = {
		{ "", false, NULL },
		{ "Require: gin\r\n", true, NULL },
		{ "Require: path\r\n", false, "path" },
		{ "Require: GIN, outbound, x\r\n", true, "x" },
		{ "Require: gin\r\nRequire: x\r\n", true, "x" },
	};
	struct registration got;

	for (size_t i = 0; i < COUNT(lines); i++) {
		msg_t *msg = make(lines[i].headers);

		assert_int_equal(registration_read(msg, &got), ERR_OK);
		assert_int_equal(got.gin != NULL, lines[i].wants_bulk);
		if (lines[i].unsupported)
			assert_string_equal(got.unsupported, lines[i].unsupported);
		else
			assert_null(got.unsupported);
		message_unref(msg);
	}
}

/* RFC 5626 §4.1, §4.2.1, §6. */
static void test_flows(void **state)
{
	static const struct {
		const char *name, *headers;
		enum err want;
		const char *instance;
		uint32_t reg_id;
	} lines[] = {
		{ "a flow",
		  "Supported: path, outbound\r\nContact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=7\r\n",
		  ERR_OK, "<urn:uuid:1>", 7 },
		{ "in short",
		  "k: outbound\r\nm: <sip:a@h>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n",
		  ERR_OK, "<urn:uuid:1>", 1 },
		{ "it does not support outbound",
		  "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=7\r\n", ERR_OK,
		  "<urn:uuid:1>", 0 },
		{ "a reg-id without an instance",
		  "Supported: outbound\r\nContact: <sip:a@h>;reg-id=7\r\n", ERR_OK, "", 0 },
		{ "reg-id 0",
		  "Supported: outbound\r\nContact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=0\r\n",
		  ERR_SYNTAX, "", 0 },
		{ "reg-id that is no number",
		  "Supported: outbound\r\nContact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=x\r\n",
		  ERR_SYNTAX, "", 0 },
		{ "an instance that is none",
		  "Contact: <sip:a@h>;+sip.instance=\"urn:uuid:1\"\r\n", ERR_SYNTAX, "", 0 },
		{ "one that would end the quotes",
		  "Contact: <sip:a@h>;+sip.instance=\"<a\\\"b>\"\r\n", ERR_SYNTAX, "", 0 },
		{ "one that is too long",
		  "Contact: <sip:a@h>;+sip.instance=\"<" LONG LONG ">\"\r\n", ERR_SYNTAX, "",
		  0 },
		{ "two flows at a time",
		  "Supported: outbound\r\nContact: <sip:a@h>;+sip.instance=\"<x>\";reg-id=1,"
		  "<sip:b@h>;+sip.instance=\"<x>\";reg-id=2\r\n",
		  ERR_SYNTAX, "", 0 },
		{ "one comes and one goes",
		  "Supported: outbound\r\nContact: <sip:a@h>;+sip.instance=\"<x>\";reg-id=1,"
		  "<sip:b@h>;+sip.instance=\"<x>\";reg-id=2;expires=0\r\n",
		  ERR_OK, "<x>", 1 },
	};
	struct registration got;

	for (size_t i = 0; i < COUNT(lines); i++) {
		msg_t *msg = make(lines[i].headers);
		enum err err = registration_read(msg, &got);

		if (err != lines[i].want)
			fail_msg("%s: %s", lines[i].name, err_text(err));
		if (!err && (strcmp(got.contacts[0].instance, lines[i].instance) ||
			     got.contacts[0].reg_id != lines[i].reg_id))
			fail_msg("%s: '%s' %u", lines[i].name, got.contacts[0].instance,
				 got.contacts[0].reg_id);
		message_unref(msg);
	}
}

static void test_answer(void **state)
{
	msg_t *msg = make("");

	assert_int_equal(registration_add_contact(msg, "sip:a@10.0.0.9", false, 300), ERR_OK);
	assert_int_equal(registration_add_contact(msg, "sip:10.0.0.9;transport=tcp", true, 60),
			 ERR_OK);
	assert_string_equal(message_header_at(msg, "Contact", 0),
			    "<sip:a@10.0.0.9>;expires=300");
	assert_string_equal(message_header_at(msg, "Contact", 1),
			    "<sip:10.0.0.9;transport=tcp;bnc>;expires=60");
	message_unref(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_require),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
