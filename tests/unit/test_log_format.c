#include "proxy/base/log_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define T "2026-11-21T09:12:04.112+01:00 "
#define J "{\"time\":\"2026-11-21T09:12:04.112+01:00\",\"level\":\"info\",\"event\":"

static const uint64_t at_us = 1795248724112345;

struct row {
	const char *name;
	unsigned flags;
	enum log_level level;
	const char *event, *want;
	const char *pairs[20]; /* key, value, key, value, ... */
};

static const struct row rows[] = {
	{ "the example of docs/operations.md",
	  0,
	  LOG_WARNING,
	  "refused",
	  T "warning refused INVITE bob@partner.example -> anna@corp.example: "
	    "identity-mismatch (certificate names sip.other.example) call=7f3a@x "
	    "peer=192.0.2.1:40001 listener=wan\n",
	  { "reason", "identity-mismatch", "method", "INVITE", "from", "bob@partner.example",
	    "to", "anna@corp.example", "msg", "certificate names sip.other.example", "call_id",
	    "7f3a@x", "peer", "192.0.2.1:40001", "listener", "wan" } },
	{ "event alone", 0, LOG_INFO, "ready", T "info ready\n", { NULL } },
	{ "levels", 0, LOG_ERROR, "x", T "error x\n", { NULL } },
	{ "debug", 0, LOG_DEBUG, "x", T "debug x\n", { NULL } },
	{ "msg without a reason", 0, LOG_INFO, "x", T "info x: a b\n", { "msg", "a b" } },
	{ "reason without msg", 0, LOG_INFO, "x", T "info x: loop\n", { "reason", "loop" } },
	{ "from without to", 0, LOG_INFO, "x", T "info x from=a@b\n", { "from", "a@b" } },
	{ "ruri where to is missing",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x a@b -> sip:c@d\n",
	  { "ruri", "sip:c@d", "from", "a@b" } },
	{ "to and ruri",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x a@b -> c@d ruri=sip:c@e\n",
	  { "from", "a@b", "to", "c@d", "ruri", "sip:c@e" } },
	{ "empty and missing values",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=a\n",
	  { "peer", NULL, "hop", "", "user", "a" } },
	{ "blanks are quoted",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x file=\"a b\" hop=c\n",
	  { "file", "a b", "hop", "c" } },
	{ "quotes", 0, LOG_INFO, "x", T "info x user=\"a\\\"b\\\\\"\n", { "user", "a\"b\\" } },
	{ "a line of its own",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=\"a\\r\\nerror y\"\n",
	  { "user", "a\r\nerror y" } },
	{ "terminal", 0, LOG_INFO, "x", T "info x: \\x1b[2J\\x7f\n", { "msg", "\033[2J\177" } },
	{ "C1 control",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=\\xc2\\x9b2J\n",
	  { "user", "\302\2332J" } },
	{ "UTF-8",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=J\303\274rgen\n",
	  { "user", "J\303\274rgen" } },
	{ "not UTF-8",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=J\\xfcr\\xc3\n",
	  { "user", "J\374r\303" } },
	{ "surrogate and overlong",
	  0,
	  LOG_INFO,
	  "x",
	  T "info x user=\\xed\\xa0\\x80\\xc0\\x80\n",
	  { "user", "\355\240\200\300\200" } },
	{ "journal",
	  LOG_FORMAT_JOURNAL,
	  LOG_WARNING,
	  "x",
	  "<4>warning x hop=a\n",
	  { "hop", "a" } },
	{ "journal error", LOG_FORMAT_JOURNAL, LOG_ERROR, "x", "<3>error x\n", { NULL } },
	{ "journal info", LOG_FORMAT_JOURNAL, LOG_INFO, "x", "<6>info x\n", { NULL } },
	{ "journal debug", LOG_FORMAT_JOURNAL, LOG_DEBUG, "x", "<7>debug x\n", { NULL } },

	{ "JSON",
	  LOG_FORMAT_JSON,
	  LOG_INFO,
	  "x",
	  J "\"x\",\"call_id\":\"7f3a@x\",\"method\":\"INVITE\"}\n",
	  { "call_id", "7f3a@x", "method", "INVITE" } },
	{ "JSON numbers",
	  LOG_FORMAT_JSON,
	  LOG_INFO,
	  "x",
	  J
	  "\"x\",\"status\":403,\"bytes\":0,\"count\":-1,\"duration_s\":0.25,\"line\":7,\"cseq\":1}\n",
	  { "status", "403", "bytes", "0", "count", "-1", "duration_s", "0.25", "line", "7",
	    "cseq", "1" } },
	{ "JSON, no numbers",
	  LOG_FORMAT_JSON,
	  LOG_INFO,
	  "x",
	  J "\"x\",\"status\":\"0403\",\"bytes\":\"1e5\",\"count\":\"-\",\"duration_s\":\"1.\","
	    "\"line\":\".5\",\"cseq\":\"1 INVITE\",\"user\":\"168\"}\n",
	  { "status", "0403", "bytes", "1e5", "count", "-", "duration_s", "1.", "line", ".5",
	    "cseq", "1 INVITE", "user", "168" } },
	{ "JSON escapes",
	  LOG_FORMAT_JSON,
	  LOG_INFO,
	  "x",
	  J "\"x\",\"msg\":\"a\\\"b\\\\c\\nd\\u0001\\u007f\\u009b\\ufffd\303\274\"}\n",
	  { "msg", "a\"b\\c\nd\001\177\302\233\374\303\274" } },
	{ "JSON left out",
	  LOG_FORMAT_JSON,
	  LOG_INFO,
	  "x",
	  J "\"x\"}\n",
	  { "msg", "", "to", NULL } },
	{ "JSON in the journal",
	  LOG_FORMAT_JSON | LOG_FORMAT_JOURNAL,
	  LOG_INFO,
	  "x",
	  "<6>" J "\"x\"}\n",
	  { NULL } },
};
static char *format(const struct log_line *line, unsigned flags)
{
	struct buf buf;

	buf_init(&buf, 0);
	log_format(&buf, line, flags);
	return buf_take(&buf);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct log_pair pairs[COUNT(rows[i].pairs) / 2 + 1] = { 0 };
		struct log_line line = { .wall_us = at_us,
					 .level = rows[i].level,
					 .event = rows[i].event,
					 .pairs = pairs };
		for (const char *const *at = rows[i].pairs; *at; at += 2)
			pairs[line.n_pairs++] = (struct log_pair){ at[0], at[1] };
		char *got = format(&line, rows[i].flags);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s:\n%s%s", rows[i].name, got, rows[i].want);
		free(got);
	}
}

static void test_trace(void **state)
{
	static const char text[] = "BYE sip:a@b SIP/2.0\r\nl: 0\r\n\r\n\tx\033";
	const struct log_pair pairs[] = { { "area", "tls" } };
	struct log_line line = { .wall_us = at_us,
				 .level = LOG_DEBUG,
				 .event = "received",
				 .pairs = pairs,
				 .n_pairs = 1,
				 .text = text,
				 .text_len = sizeof(text) - 1 };
	char *got = format(&line, 0);

	assert_string_equal(got,
			    T "debug received area=tls\n\tBYE sip:a@b SIP/2.0\n\tl: 0\n\t\n"
			      "\t\\tx\\x1b\n");
	free(got);
	got = format(&line, LOG_FORMAT_JOURNAL);
	assert_string_equal(got,
			    "<7>debug received area=tls\n<7>\tBYE sip:a@b SIP/2.0\n<7>\tl: 0\n"
			    "<7>\t\n<7>\t\\tx\\x1b\n");
	free(got);
	got = format(&line, LOG_FORMAT_JSON);
	assert_non_null(strstr(got,
			       "\"area\":\"tls\",\"text\":\"BYE sip:a@b SIP/2.0\\r\\nl: 0\\r\\n"
			       "\\r\\n\\tx\\u001b\"}\n"));
	free(got);
}

static void test_bounds(void **state)
{
	char *huge = malloc(100001);
	const struct log_pair pairs[] = { { "user", huge } };
	struct log_line line = { .wall_us = at_us, .event = "x", .pairs = pairs, .n_pairs = 1 };
	char *got;

	assert_non_null(huge);
	memset(huge, 'a', 100000);
	huge[100000] = '\0';
	got = format(&line, 0);
	assert_in_range(strlen(got), 1024, 1100);
	assert_non_null(strstr(got, "aaa...\n"));
	free(got);
	got = format(&line, LOG_FORMAT_JSON);
	assert_in_range(strlen(got), 1024, 1150);
	free(got);

	line.n_pairs = 0;
	line.text = huge;
	line.text_len = 100000;
	got = format(&line, 0);
	assert_non_null(strstr(got, "\n\t... 34464 more bytes\n"));
	assert_in_range(strlen(got), 65536, 65536 + 200);
	free(got);
	got = format(&line, LOG_FORMAT_JSON);
	assert_non_null(strstr(got, "aaa...\"}\n"));
	assert_in_range(strlen(got), 65536, 65536 + 200);
	free(got);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_bounds),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
