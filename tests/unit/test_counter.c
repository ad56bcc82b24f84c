#include "proxy/base/counter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proxy/base/counter_table.h"
#include "proxy/base/macros.h"
#include "proxy/base/reason.h"

enum { WAN, LAN, REMOTE };    /* as enum conf_network */
enum { UDP, TCP, TLS, MTLS }; /* as enum conf_transport */

static char *page_of(struct counters *const *workers, unsigned n, bool is_openmetrics)
{
	struct buf buf;
	char *text;

	buf_init(&buf, 0);
	counters_print(&buf, (const struct counters *const *)workers, n, is_openmetrics);
	counter_print_end(&buf, is_openmetrics);
	text = buf_take(&buf);
	assert_non_null(text);
	return text;
}

static void assert_line(const char *page, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = page; (at = strstr(at, line)); at++) {
		if ((at == page || at[-1] == '\n') && at[len] == '\n')
			return;
	}
	fail_msg("no line: %s", line);
}

static void test_families_are_complete(void **state)
{
	for (int i = 0; i < N_COUNTERS; i++) {
		const struct counter_family *family = counter_family((enum counter)i);
		unsigned n_labels = counter_n_labels(family);
		char out[COUNTER_VALUE_SIZE];

		if (!family->name || !family->help || strlen(family->help) < 15)
			fail_msg("row %d", i);
		size_t len = strlen(family->name);
		bool is_total = len > 6 && strcmp(family->name + len - 6, "_total") == 0;
		if (is_total != (family->type == COUNTER_TYPE_COUNTER))
			fail_msg("%s: counters, and they alone, end in _total", family->name);
		if (family->help[strlen(family->help) - 1] != '.' ||
		    strpbrk(family->help, "\\\n\""))
			fail_msg("%s: help", family->name);
		if ((family->type == COUNTER_TYPE_HISTOGRAM) != !!family->bounds_us)
			fail_msg("%s: buckets", family->name);
		for (unsigned k = 0; k < n_labels; k++) {
			const struct counter_label *label = family->labels[k];
			if (family->is_callers != (label->n == 0))
				fail_msg("%s: label %s", family->name, label->name);
			for (unsigned v = 0; v < label->n; v++)
				assert_true(strlen(label->value(label, v, out)) > 0);
		}
		for (const uint64_t *bound = family->bounds_us; bound && bound[0] && bound[1];
		     bound++)
			assert_true(bound[0] < bound[1]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(family->name,
						counter_family((enum counter)j)->name);
	}
}

static void test_sum_over_workers(void **state)
{
	struct counters *workers[2] = { counters_new(), counters_new() };
	const unsigned invite = counter_method("INVITE");
	char *page;

	counter_add3(workers[0], COUNTER_REQUESTS, WAN, COUNTER_ORIGIN_PARTNER, invite, 2);
	counter_add3(workers[1], COUNTER_REQUESTS, WAN, COUNTER_ORIGIN_PARTNER, invite, 3);
	counter_add3(workers[1], COUNTER_REQUESTS, REMOTE, COUNTER_ORIGIN_PHONE,
		     counter_method("X-UNKNOWN"), 1);
	counter_add1(workers[0], COUNTER_TRANSACTIONS, COUNTER_SERVER, 5);
	counter_add1(workers[0], COUNTER_TRANSACTIONS, COUNTER_SERVER, -4);
	counter_add4(workers[0], COUNTER_CONNECTION_FAILURES, WAN, MTLS, COUNTER_OUT,
		     REASON_TLS_INTERNAL, 1);
	counter_add3(workers[0], COUNTER_TLS_HANDSHAKES, LAN, COUNTER_IN, REASON_NONE, 7);
	counter_add2(workers[0], COUNTER_REFUSALS, REASON_IDENTITY_MISMATCH, WAN, 1);
	counter_add2(workers[1], COUNTER_RECEIVED_BYTES, WAN, UDP, 5000000000);
	counter_add3(workers[1], COUNTER_RESPONSES, WAN, COUNTER_OUT, counter_code(403), 1);
	assert_int_equal(
		counters_sum((const struct counters *const *)workers, 2, COUNTER_REQUESTS,
			     (const unsigned[]){ WAN, COUNTER_ORIGIN_PARTNER, invite, 0 }),
		5);
	assert_int_equal(
		counters_total((const struct counters *const *)workers, 2, COUNTER_REQUESTS),
		6);
	assert_int_equal(counters_total((const struct counters *const *)workers, 2,
					COUNTER_TRANSACTIONS),
			 1);

	page = page_of(workers, 2, false);
	assert_line(page, "# TYPE nuncio_requests_total counter");
	assert_line(page, "nuncio_requests_total{network=\"wan\",origin=\"partner\",method="
			  "\"INVITE\"} 5");
	assert_line(page, "nuncio_requests_total{network=\"remote\",origin=\"phone\",method="
			  "\"other\"} 1");
	assert_null(strstr(page, "method=\"BYE\"")); /* many possible series: no zeros */
	assert_line(page, "nuncio_transactions{kind=\"server\"} 1");
	assert_line(page, "nuncio_transactions{kind=\"client\"} 0"); /* few: zeros too */
	assert_line(page, "nuncio_connection_failures_total{network=\"wan\",transport=\"mtls\","
			  "direction=\"outbound\",reason=\"tls-internal\"} 1");
	assert_line(page, "nuncio_tls_handshakes_total{network=\"lan\",direction=\"inbound\","
			  "result=\"ok\"} 7");
	assert_line(page,
		    "nuncio_refusals_total{reason=\"identity-mismatch\",network=\"wan\"} 1");
	assert_line(
		page,
		"nuncio_received_bytes_total{network=\"wan\",transport=\"udp\"} 5000000000");
	assert_line(
		page,
		"nuncio_responses_total{network=\"wan\",direction=\"sent\",code=\"403\"} 1");
	assert_null(strstr(page, "# EOF"));
	free(page);
	counters_free(workers[0]);
	assert_null(counters_free(workers[1]));
}

static void test_openmetrics(void **state)
{
	struct counters *worker = counters_new();
	char *page;

	counter_add1(worker, COUNTER_AUTH_FAILURES, WAN, 1);
	page = page_of(&worker, 1, true);
	assert_line(page, "# TYPE nuncio_auth_failures counter");
	assert_line(page, "nuncio_auth_failures_total{network=\"wan\"} 1");
	assert_line(page, "# TYPE nuncio_transactions gauge");
	assert_string_equal(page + strlen(page) - 6, "# EOF\n");
	free(page);
	counters_free(worker);
}

/* No index, however wrong, counts elsewhere or writes outside. */
static void test_wrong_indices(void **state)
{
	struct counters *worker = counters_new();
	char *before = page_of(&worker, 1, false), *after;

	counter_add2(worker, COUNTER_REFUSALS, N_REASONS, WAN, 1);
	counter_add2(worker, COUNTER_REFUSALS, REASON_LOOP, REMOTE + 1, 1);
	counter_add4(worker, COUNTER_REQUESTS, 0, 0, 0, 1, 1);
	counter_add1(worker, COUNTER_TRANSACTIONS, 4000000000, 1);
	counter_add1(worker, COUNTER_PARTNER_UP, 0, 1); /* the caller's */
	counter_observe(worker, COUNTER_PARTNER_UP, 0, 1);
	counter_observe(worker, COUNTER_REQUESTS, 0, 1);
	counter_observe(worker, COUNTER_FORWARD_DELAY, 15, 1);
	counter_add1(NULL, COUNTER_TRANSACTIONS, 0, 1);
	counter_observe(NULL, COUNTER_LOOP_LAG, 0, 1);
	assert_int_equal(counters_sum((const struct counters *const *)&worker, 1,
				      COUNTER_REFUSALS,
				      (const unsigned[]){ N_REASONS, 0, 0, 0 }),
			 0);
	after = page_of(&worker, 1, false);
	assert_string_equal(before, after);
	free(before);
	free(after);
	counters_free(worker);
}

/* The last series of every family, so that two families that overlap would be seen. */
static void test_places_do_not_overlap(void **state)
{
	struct counters *worker = counters_new();
	unsigned at[N_COUNTERS][COUNTER_MAX_LABELS] = { 0 };

	for (int i = 0; i < N_COUNTERS; i++) {
		const struct counter_family *family = counter_family((enum counter)i);
		for (unsigned k = 0; k < counter_n_labels(family); k++)
			at[i][k] = family->labels[k]->n - 1;
		if (family->is_callers)
			continue;
		for (int n = 0; n <= i; n++) {
			if (family->type == COUNTER_TYPE_HISTOGRAM)
				counter_observe(worker, (enum counter)i, at[i][0], 1000000000);
			else
				counter_add4(worker, (enum counter)i, at[i][0], at[i][1],
					     at[i][2], at[i][3], 1);
		}
	}
	for (int i = 0; i < N_COUNTERS; i++) {
		int64_t want = counter_family((enum counter)i)->is_callers ? 0 : i + 1;
		assert_int_equal(counters_sum((const struct counters *const *)&worker, 1,
					      (enum counter)i, at[i]),
				 want);
	}
	counters_free(worker);
}

static void test_histograms(void **state)
{
	struct counters *workers[2] = { counters_new(), counters_new() };
	const unsigned message = counter_method("MESSAGE");
	char *page;

	counter_observe(workers[0], COUNTER_FORWARD_DELAY, message,
			50); /* the end is in its bucket */
	counter_observe(workers[1], COUNTER_FORWARD_DELAY, message, 51);
	counter_observe(workers[1], COUNTER_FORWARD_DELAY, message, 9000000);
	counter_observe(workers[1], COUNTER_LOOP_LAG, 0, 2000000);
	page = page_of(workers, 2, false);
	assert_line(page, "# TYPE nuncio_forward_delay_seconds histogram");
	assert_line(page,
		    "nuncio_forward_delay_seconds_bucket{method=\"MESSAGE\",le=\"5e-05\"} 1");
	assert_line(page,
		    "nuncio_forward_delay_seconds_bucket{method=\"MESSAGE\",le=\"0.0001\"} 2");
	assert_line(page,
		    "nuncio_forward_delay_seconds_bucket{method=\"MESSAGE\",le=\"1.0\"} 2");
	assert_line(page,
		    "nuncio_forward_delay_seconds_bucket{method=\"MESSAGE\",le=\"+Inf\"} 3");
	assert_line(page, "nuncio_forward_delay_seconds_count{method=\"MESSAGE\"} 3");
	assert_line(page, "nuncio_forward_delay_seconds_sum{method=\"MESSAGE\"} 9.000101");
	assert_null(strstr(page, "nuncio_forward_delay_seconds_count{method=\"BYE\"}"));
	assert_line(page, "nuncio_loop_lag_seconds_count{worker=\"0\"} 0");
	assert_line(page, "nuncio_loop_lag_seconds_bucket{worker=\"1\",le=\"1.0\"} 0");
	assert_line(page, "nuncio_loop_lag_seconds_bucket{worker=\"1\",le=\"4.0\"} 1");
	assert_line(page, "nuncio_loop_lag_seconds_count{worker=\"1\"} 1");
	assert_int_equal(counters_sum((const struct counters *const *)workers, 2,
				      COUNTER_FORWARD_DELAY,
				      (const unsigned[]){ message, 0, 0, 0 }),
			 3);
	free(page);
	counters_free(workers[0]);
	counters_free(workers[1]);
}

static void test_indices_of_words(void **state)
{
	static const struct {
		int status;
		const char *want;
	} rows[] = {
		{ 100, "100" }, { 200, "200" },  { 440, "440" },   { 608, "608" },
		{ 101, "1xx" }, { 299, "2xx" },  { 399, "3xx" },   { 499, "4xx" },
		{ 599, "5xx" }, { 699, "6xx" },  { 700, "other" }, { 99, "other" },
		{ 0, "other" }, { -1, "other" },
	};
	const struct counter_label *code = counter_family(COUNTER_RESPONSES)->labels[2];
	const struct counter_label *method = counter_family(COUNTER_REQUESTS)->labels[2];
	char out[COUNTER_VALUE_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned index = counter_code(rows[i].status);
		assert_true(index < code->n);
		assert_string_equal(code->value(code, index, out), rows[i].want);
	}
	assert_int_equal(method->n, 15);
	for (unsigned i = 0; i < method->n; i++)
		assert_int_equal(counter_method(method->value(method, i, out)), i);
	assert_int_equal(counter_method("invite"), 14); /* methods are case-sensitive */
	assert_int_equal(counter_method(""), 14);
}

static void test_callers_families(void **state)
{
	struct buf buf;
	const char *const values[] = { "a\"b\\c\nd", "received" };

	buf_init(&buf, 0);
	counter_print_head(&buf, COUNTER_PARTNER_REQUESTS, true);
	counter_print_sample(&buf, COUNTER_PARTNER_REQUESTS, values, 3);
	counter_print_head(&buf, COUNTER_CONFIG_WARNINGS, false);
	counter_print_sample(&buf, COUNTER_CONFIG_WARNINGS, NULL, 0.25);
	counter_print_head(&buf, COUNTER_BUILD_INFO, true);
	assert_string_equal(
		buf_text(&buf),
		"# HELP nuncio_partner_requests Requests from and to the partner.\n"
		"# TYPE nuncio_partner_requests counter\n"
		"nuncio_partner_requests_total{partner=\"a\\\"b\\\\c\\nd\","
		"direction=\"received\"} 3\n"
		"# HELP nuncio_config_warnings Warnings of the running configuration.\n"
		"# TYPE nuncio_config_warnings gauge\n"
		"nuncio_config_warnings 0.25\n"
		"# HELP nuncio_build The version that runs.\n"
		"# TYPE nuncio_build info\n");
	buf_clear(&buf);
	counter_print_head(&buf, COUNTER_BUILD_INFO, false);
	counter_print_sample(&buf, COUNTER_CERTIFICATE_NOT_AFTER, values, 1798761600);
	assert_string_equal(buf_text(&buf),
			    "# HELP nuncio_build_info The version that runs.\n"
			    "# TYPE nuncio_build_info gauge\n"
			    "nuncio_certificate_not_after_timestamp_seconds{certificate="
			    "\"a\\\"b\\\\c\\nd\"} 1798761600\n");
	buf_fini(&buf);
}

static double value_of(const char *page, const char *name)
{
	for (const char *at = page; (at = strstr(at, name)); at++) {
		if (at == page || at[-1] == '\n')
			return strtod(at + strlen(name), NULL);
	}
	fail_msg("no %s", name);
	return 0;
}

static void test_process(void **state)
{
	struct buf buf;
	double now = (double)time(NULL);

	buf_init(&buf, 0);
	counter_print_process(&buf, false);
	assert_true(value_of(buf_text(&buf), "process_cpu_seconds_total ") > 0);
	assert_true(value_of(buf_text(&buf), "process_resident_memory_bytes ") > 100000);
	assert_true(value_of(buf_text(&buf), "process_open_fds ") >= 3);
	assert_true(value_of(buf_text(&buf), "process_max_fds ") >
		    value_of(buf_text(&buf), "process_open_fds "));
	assert_true(value_of(buf_text(&buf), "process_start_time_seconds ") > now - 600);
	assert_true(value_of(buf_text(&buf), "process_start_time_seconds ") < now + 2);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families_are_complete),
		cmocka_unit_test(test_sum_over_workers),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_wrong_indices),
		cmocka_unit_test(test_places_do_not_overlap),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_indices_of_words),
		cmocka_unit_test(test_callers_families),
		cmocka_unit_test(test_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
