#include "proxy/base/log_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/reason.h"

/* "|" stands for the end of a field. */
/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name;
	enum log_level level;
	const char *event, *want;
	const char *pairs[8];
	const char *text;
} rows[] = {
	{ "event alone",
	  LOG_INFO,
	  "ready",
	  "PRIORITY=6|MESSAGE=info ready|SYSLOG_IDENTIFIER=nuncio|NUNCIO_EVENT=ready|",
	  { NULL },
	  NULL },
	{ "keys are fields",
	  LOG_WARNING,
	  "x",
	  "PRIORITY=4|MESSAGE=warning x call=a@b "
	  "hop=c|SYSLOG_IDENTIFIER=nuncio|NUNCIO_EVENT=x|NUNCIO_CALL_ID=a@b|"
	  "NUNCIO_HOP=c|",
	  { "call_id", "a@b", "peer", NULL, "hop", "c" },
	  NULL },
	{ "a reason has its MESSAGE_ID",
	  LOG_WARNING,
	  "refused",
	  "PRIORITY=4|MESSAGE=warning refused: "
	  "loop|SYSLOG_IDENTIFIER=nuncio|NUNCIO_EVENT=refused|NUNCIO_REASON=loop|"
	  "MESSAGE_ID=$loop|",
	  { "reason", "loop" },
	  NULL },
	{ "a reason that is none has none",
	  LOG_INFO,
	  "x",
	  "PRIORITY=6|MESSAGE=info x: "
	  "else|SYSLOG_IDENTIFIER=nuncio|NUNCIO_EVENT=x|NUNCIO_REASON=else|",
	  { "reason", "else" },
	  NULL },
	{ "strangers cannot end a field or an entry",
	  LOG_INFO,
	  "x",
	  "PRIORITY=6|MESSAGE=info x "
	  "hop=\"a\\x1eMESSAGE=b\\x1d\\n\"|SYSLOG_IDENTIFIER=nuncio|NUNCIO_EVENT=x|"
	  "NUNCIO_HOP=a?MESSAGE=b??|",
	  { "hop", "a\x1eMESSAGE=b\x1d\n" },
	  NULL },
};
/* clang-format on */

static void expand(const char *want, char *out, size_t size)
{
	char id[REASON_MESSAGE_ID_SIZE];
	const char *dollar = strchr(want, '$');

	reason_message_id(reason_by_code("loop"), id);
	if (dollar)
		snprintf(out, size, "\x1d%.*s%s%s", (int)(dollar - want), want, id, dollar + 5);
	else
		snprintf(out, size, "\x1d%s", want);
	for (char *bar = out; (bar = strchr(bar, '|')); bar++)
		*bar = '\x1e';
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct log_pair pairs[4] = { 0 };
		struct log_line line = { .level = rows[i].level,
					 .event = rows[i].event,
					 .pairs = pairs };
		char want[1024];
		struct buf buf;

		for (; rows[i].pairs[2 * line.n_pairs]; line.n_pairs++)
			pairs[line.n_pairs] =
				(struct log_pair){ rows[i].pairs[2 * line.n_pairs],
						   rows[i].pairs[2 * line.n_pairs + 1] };
		buf_init(&buf, 0);
		log_journal_format(&buf, &line, 0);
		assert_int_equal(buf.err, ERR_OK);
		expand(rows[i].want, want, sizeof(want));
		if (strcmp(buf_text(&buf), want) != 0)
			fail_msg("%s: %s", rows[i].name, buf_text(&buf));
		assert_true(log_journal_is_entry(buf.bytes, buf.len));
		buf_fini(&buf);
	}
	assert_false(log_journal_is_entry("<4>x\n", 5));
	assert_false(log_journal_is_entry("", 0));
}

/* A trace is many lines, one entry, without the prefix that text for standard error carries. */
static void test_trace(void **state)
{
	struct log_line line = { .level = LOG_DEBUG,
				 .event = "sent",
				 .text = "INVITE\r\nVia: <4>x\r\n",
				 .text_len = 19 };
	struct buf buf;

	buf_init(&buf, 0);
	log_journal_format(&buf, &line, 0);
	assert_non_null(strstr(buf_text(&buf), "MESSAGE=debug sent\n"));
	assert_non_null(strstr(buf_text(&buf), "Via: <4>x"));
	assert_null(strstr(buf_text(&buf), "<7>"));
	buf_fini(&buf);
}

static void test_out_of_room(void **state)
{
	struct log_line line = { .level = LOG_INFO,
				 .event = "a longer event than there is room for" };
	struct buf buf;

	buf_init(&buf, 16);
	log_journal_format(&buf, &line, 0);
	assert_int_not_equal(buf.err, ERR_OK);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_out_of_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
