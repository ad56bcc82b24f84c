/* What partners say with [MS-OCER] headers, and what we say with them. */
#include "proxy/sip/ms_diagnostics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/reason.h"

#define HEAD                                                                                               \
	"SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TCP a;branch=z9hG4bKa\r\nFrom: <sip:a@a.example>;tag=1\r\n" \
	"To: <sip:b@b.example>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
#define LONG                                                                                                   \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
	const char *name, *headers;
	unsigned id;
	const char *reason, *source;
} rows[] = {
	{ "none", "", 0, "", "" },
	{ "as Microsoft writes it",
	  "ms-diagnostics: 1034;reason=\"Previous hop federated peer did not report diagnostic information\";"
	  "Domain=\"b.example\";PeerServer=\"sip.b.example\";source=\"sip.edge.example\"\r\n",
	  1034, "Previous hop federated peer did not report diagnostic information",
	  "sip.edge.example" },
	{ "source first, blanks, capitals",
	  "MS-Diagnostics:  1003 ; source=\"x.example\" ; reason=\"User does not exist\"\r\n",
	  1003, "User does not exist", "x.example" },
	{ "a number alone", "ms-diagnostics: 1008\r\n", 1008, "", "" },
	{ "with a sub-code", "ms-diagnostics: 17021.2;reason=\"x\"\r\n", 17021, "x", "" },
	{ "tokens instead of strings", "ms-diagnostics: 1005;reason=none;source=b.example\r\n",
	  1005, "none", "b.example" },
	{ "the public one", "ms-diagnostics-public: 4004;reason=\"x\";source=\"b\"\r\n", 4004,
	  "x", "b" },
	{ "the public one stands behind the other",
	  "ms-diagnostics-public: 4004;reason=\"x\"\r\nms-diagnostics: 1007;reason=\"y\"\r\n",
	  1007, "y", "" },
	{ "the first that makes sense",
	  "ms-diagnostics: x;reason=\"no\"\r\nms-diagnostics: 1009;reason=\"yes\"\r\n", 1009,
	  "yes", "" },
	{ "no number", "ms-diagnostics: reason=\"x\"\r\n", 0, "", "" },
	{ "far too large a number", "ms-diagnostics: 99999999999999999999\r\n", 0, "", "" },
	{ "a string that does not end", "ms-diagnostics: 1002;reason=\"x\r\n", 1002, "", "" },
	{ "quotes and a fold do not become ours",
	  "ms-diagnostics: 1002;reason=\"a\\\" ;source=\\\"b\r\n c\"\r\n", 1002,
	  "a' ;source='b   c", "" },
	{ "what is long is cut",
	  "ms-diagnostics: 1002;reason=\"" LONG "\";source=\"" LONG "\"\r\n", 1002, LONG,
	  LONG },
};

static msg_t *parse(const char *headers)
{
	char text[4096];
	msg_t *msg = NULL;

	snprintf(text, sizeof(text), "%s%sContent-Length: 0\r\n\r\n", HEAD, headers);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void test_read(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].headers);
		struct ms_diagnostics out;
		bool is_there = ms_diagnostics_read(msg, &out);

		if (is_there != (rows[i].id != 0) || out.id != rows[i].id ||
		    strncmp(out.reason, rows[i].reason, sizeof(out.reason) - 1) != 0 ||
		    strncmp(out.source, rows[i].source, sizeof(out.source) - 1) != 0)
			fail_msg("%s: %u '%s' '%s'", rows[i].name, out.id, out.reason,
				 out.source);
		message_unref(msg);
	}
}

/* What was read can be written, and read again. */
static void test_add(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *from = parse(rows[i].headers), *to = parse("");
		struct ms_diagnostics read, again;

		if (ms_diagnostics_read(from, &read)) {
			assert_int_equal(ms_diagnostics_add(to, &read), ERR_OK);
			assert_true(ms_diagnostics_read(to, &again));
			assert_int_equal(again.id, read.id);
			assert_string_equal(again.reason, read.reason);
			assert_string_equal(again.source, read.source);
		}
		message_unref(from);
		message_unref(to);
	}
}

static void test_every_number_of_a_reason_has_a_text(void **state)
{
	for (int i = 0; i < N_REASONS; i++) {
		const struct reason_row *row = reason_row((enum reason)i);

		if (row->ms_id && !*ms_diagnostics_text(row->ms_id))
			fail_msg("%s: %u", row->code, row->ms_id);
		if (strlen(ms_diagnostics_text(row->ms_id)) >= MS_DIAGNOSTICS_REASON_SIZE)
			fail_msg("%s: the text is too long", row->code);
	}
	assert_string_equal(ms_diagnostics_text(0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_every_number_of_a_reason_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
