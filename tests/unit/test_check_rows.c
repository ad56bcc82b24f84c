#include "proxy/check_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void fill(struct check_rows *rows)
{
	strcpy(rows->subject, "corp.example");
	rows->is_ours = true;
	check_ok(rows, "SRV", "%s", "a \xff stranger's");
	check_took(rows, 12);
	check_fault(rows, CHECK_FAIL, CHECK_SRV_CNAME, "x. 300 IN A 192.0.2.1", "%d", 7);
	check_fault(rows, CHECK_WARN, CHECK_CERT_EXPIRES, NULL, "soon");
	check_untested(rows, "HAIRPIN", "%s", "");
	check_refused(rows, "TLS", REASON_TLS_EXPIRED, "late");
}

static void test_json(void **state)
{
	struct check_rows rows = { 0 };
	json_t *json, *list, *row;

	fill(&rows);
	json = check_rows_to_json(&rows);
	assert_non_null(json);
	assert_true(json_is_false(json_object_get(json, "ok")));
	assert_true(json_is_true(json_object_get(json, "known")));
	list = json_object_get(json, "rows");
	assert_int_equal(json_array_size(list), 5);
	row = json_array_get(list, 0);
	assert_string_equal(text(row, "state"), "ok");
	assert_string_equal(text(row, "evidence"), "a ? stranger's");
	assert_int_equal(number(row, "took_ms"), 12);
	row = json_array_get(list, 1);
	assert_string_equal(text(row, "code"), "srv-cname");
	assert_string_equal(text(row, "act"), "your DNS");
	assert_string_equal(text(row, "remedy"), "x. 300 IN A 192.0.2.1");
	assert_true(json_is_true(json_object_get(row, "paste")));
	row = json_array_get(list, 3);
	assert_string_equal(text(row, "state"), "untested");
	assert_string_equal(text(row, "code"), "");
	assert_string_equal(text(json_array_get(list, 4), "code"), "tls-expired");
	assert_int_equal(json_array_size(json_object_get(json, "problems")), 3);
	assert_int_equal(number(json_object_get(json, "counts"), "facts"), 5);
	assert_int_equal(number(json_object_get(json, "counts"), "failures"), 2);
	assert_int_equal(number(json_object_get(json, "counts"), "warnings"), 1);
	assert_int_equal(number(json_object_get(json, "counts"), "untested"), 1);
	json_decref(json);
	check_rows_fini(&rows);
}

/* A warning is no failure; what nobody knows is no success either. */
static void test_ok(void **state)
{
	struct check_rows rows = { .is_unknown = true };
	json_t *json;

	check_fault(&rows, CHECK_WARN, CHECK_DNS_SLOW, NULL, "x");
	assert_string_equal(rows.rows[0].act, "the partner's DNS");
	json = check_rows_to_json(&rows);
	assert_true(json_is_true(json_object_get(json, "ok")));
	assert_true(json_is_false(json_object_get(json, "known")));
	json_decref(json);
	check_rows_fini(&rows);
}

static void test_append(void **state)
{
	struct check_rows all = { 0 }, one = { 0 }, none = { 0 };

	fill(&all);
	fill(&one);
	one.is_unknown = true;
	check_rows_append(&all, &one);
	check_rows_append(&all, &none);
	assert_int_equal(all.n, 10);
	assert_int_equal(one.n, 0);
	assert_true(all.is_unknown);
	assert_int_equal(check_rows_count(&all, CHECK_FAIL), 4);
	check_rows_fini(&all);
	check_rows_fini(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_append),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
