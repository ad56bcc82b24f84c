#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/decision_json.h"

static struct decision *make(enum reason reason)
{
	struct decision *decision = calloc(1, sizeof(*decision));
	const struct place place = { "/etc/nuncio/nuncio.yaml", 31, 7 };

	assert_non_null(decision);
	decision->id = 7;
	decision->wall_us = 1795248724112345;
	decision->reason = reason;
	decision->status = reason_row(reason)->status;
	decision->origin = ORIGIN_PARTNER;
	decision_set(decision, DECISION_METHOD, "INVITE");
	decision_set(decision, DECISION_CALL_ID, "7f3a@x");
	decision_set(decision, DECISION_FROM,
		     "sip:b\xf6se@partner.example"); /* a stranger's Latin-1 */
	decision_add(decision, "classify", "route-pins-name", &place, "name %s", "\xff");
	decision_add_hop(decision, "mtls 192.0.2.7:5061", REASON_CONNECT_REFUSED, 0);
	decision_add_hop(decision, "mtls 192.0.2.8:5061", REASON_NONE, 200);
	return decision;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_real_traffic(void **state)
{
	struct decision *decision = make(REASON_IDENTITY_MISMATCH);
	json_t *record = decision_to_json(decision, false), *step, *hops;

	assert_non_null(record);
	assert_true(json_is_false(json_object_get(record, "accepted")));
	assert_string_equal(text_of(record, "reason"), "identity-mismatch");
	assert_int_equal(json_integer_value(json_object_get(record, "status")), 403);
	assert_string_equal(text_of(record, "call_id"), "7f3a@x");
	assert_string_equal(text_of(record, "from"), "sip:b?se@partner.example");
	assert_string_equal(text_of(record, "remedy"),
			    reason_row(REASON_IDENTITY_MISMATCH)->remedy);
	assert_int_equal(json_integer_value(json_object_get(record, "id")), 7);
	step = json_array_get(json_object_get(record, "steps"), 0);
	assert_string_equal(text_of(step, "rule"), "route-pins-name");
	assert_string_equal(text_of(step, "result"), "name ?");
	assert_non_null(strstr(text_of(step, "place"), ":31:7"));
	hops = json_object_get(record, "hops");
	assert_int_equal(json_array_size(hops), 2);
	assert_string_equal(text_of(json_array_get(hops, 0), "reason"), "connect-refused");
	assert_null(text_of(json_array_get(hops, 1), "reason"));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(hops, 1), "status")),
			 200);
	json_decref(record);
	free(decision);
}

/* What never happened has no number, no time and no Call-ID. */
static void test_dry_run(void **state)
{
	struct decision *decision = make(REASON_NONE);
	json_t *answer = decision_answer(decision, true),
	       *record = json_object_get(answer, "decision");

	assert_int_equal(json_integer_value(json_object_get(answer, "version")), 1);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(json_array_size(json_object_get(answer, "problems")), 0);
	assert_null(json_object_get(record, "id"));
	assert_null(json_object_get(record, "time"));
	assert_null(json_object_get(record, "call_id"));
	assert_true(json_is_true(json_object_get(record, "accepted")));
	json_decref(answer);
	free(decision);
}

static void test_every_refusal_is_a_problem(void **state)
{
	for (int reason = 1; reason < N_REASONS; reason++) {
		struct decision *decision = make((enum reason)reason);
		json_t *answer = decision_answer(decision, true);
		json_t *problem = json_array_get(json_object_get(answer, "problems"), 0);

		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_string_equal(text_of(problem, "code"), reason_code((enum reason)reason));
		assert_non_null(text_of(problem, "act"));
		json_decref(answer);
		free(decision);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_traffic),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_every_refusal_is_a_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
