#include "proxy/base/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static void test_rows_are_complete(void **state)
{
	for (int i = 0; i < N_REASONS; i++) {
		const struct reason_row *row = reason_row((enum reason)i);

		if (!row->code)
			fail_msg("row %d is missing", i);
		if (!row->phrase || !row->cause || !row->remedy || strlen(row->cause) < 20 ||
		    strlen(row->remedy) < 20)
			fail_msg("%s: cause or remedy is missing", row->code);
		if (row->cause[strlen(row->cause) - 1] != '.' ||
		    row->remedy[strlen(row->remedy) - 1] != '.')
			fail_msg("%s: a sentence ends with a full stop", row->code);
		if (strstr(row->cause, "  ") || strstr(row->remedy, "  ") ||
		    strstr(row->cause, " .") || strstr(row->remedy, " ."))
			fail_msg("%s: blanks", row->code);
		if (row->status != 0 &&
		    (row->status < 400 || row->status > 699 || !*row->phrase))
			fail_msg("%s: status or phrase", row->code);
		if (row->status == 0 && *row->phrase)
			fail_msg("%s: a phrase without a status", row->code);
		if (strcmp(actor_text(row->act), "") == 0)
			fail_msg("%s: actor", row->code);
	}
}

static void test_codes_are_unique_kebab_case(void **state)
{
	for (int i = 0; i < N_REASONS; i++) {
		const char *code = reason_code((enum reason)i);

		assert_in_range(strlen(code), 3, 40);
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(code));
		assert_null(strstr(code, "--"));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(code, reason_code((enum reason)j));
		assert_int_equal(reason_by_code(code), i);
	}
	assert_int_equal(reason_by_code("no-such-code"), REASON_NONE);
	assert_int_equal(reason_by_code(""), REASON_NONE);
}

/* What other folders and the manual rely on. */
static void test_stable_rows(void **state)
{
	static const struct {
		enum reason reason;
		const char *code;
		int status;
		enum actor act;
	} rows[] = {
		{ REASON_IDENTITY_MISMATCH, "identity-mismatch", 403, ACT_EITHER },
		{ REASON_MALFORMED, "malformed", 400, ACT_SENDER },
		{ REASON_TOO_MANY_HOPS, "too-many-hops", 483, ACT_EITHER },
		{ REASON_MAX_BREADTH, "max-breadth", 440, ACT_EITHER },
		{ REASON_AUTHORIZATION_NEEDED, "authorization-needed", 407, ACT_NOBODY },
		{ REASON_BANNED, "banned", 0, ACT_EITHER },
		{ REASON_NEXT_HOP_503, "next-hop-503", 500, ACT_PARTNER },
		{ REASON_UNKNOWN_USER, "unknown-user", 404, ACT_EITHER },
		{ REASON_CANCELLED, "cancelled", 487, ACT_NOBODY },
		{ REASON_TLS_UNKNOWN_CA, "tls-unknown-ca", 0, ACT_YOU },
		{ REASON_TLS_PEER_UNKNOWN_CA, "tls-peer-unknown-ca", 0, ACT_PARTNER },
		{ REASON_TLS_INCOMPLETE_CHAIN, "tls-incomplete-chain", 0, ACT_PARTNER },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct reason_row *row = reason_row(rows[i].reason);

		assert_string_equal(row->code, rows[i].code);
		assert_int_equal(row->status, rows[i].status);
		assert_int_equal(row->act, rows[i].act);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_complete),
		cmocka_unit_test(test_codes_are_unique_kebab_case),
		cmocka_unit_test(test_stable_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
