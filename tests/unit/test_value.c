#include "conf/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const struct {
	const char *text;
	enum err err;
	uint64_t ms;
	const char *printed;
} durations[] = {
	{ "500ms", ERR_OK, 500, "500ms" },
	{ "15s", ERR_OK, 15000, "15s" },
	{ "5m", ERR_OK, 300000, "5m" },
	{ "1h", ERR_OK, 3600000, "1h" },
	{ "0", ERR_OK, 0, "0" },
	{ "0s", ERR_OK, 0, "0" },
	{ "90s", ERR_OK, 90000, "90s" },
	{ "60m", ERR_OK, 3600000, "1h" },
	{ "1500ms", ERR_OK, 1500, "1500ms" },
	{ "15", ERR_SYNTAX, 0, "" },
	{ "", ERR_SYNTAX, 0, "" },
	{ "s", ERR_SYNTAX, 0, "" },
	{ "-1s", ERR_SYNTAX, 0, "" },
	{ "1.5s", ERR_SYNTAX, 0, "" },
	{ "1 s", ERR_SYNTAX, 0, "" },
	{ " 1s", ERR_SYNTAX, 0, "" },
	{ "1S", ERR_SYNTAX, 0, "" },
	{ "1d", ERR_SYNTAX, 0, "" },
	{ "1sx", ERR_SYNTAX, 0, "" },
	{ "18446744073709551615h", ERR_SYNTAX, 0, "" }, /* overflows in milliseconds */
	{ "18446744073709551616ms", ERR_SYNTAX, 0, "" },
};

static void test_duration(void **state)
{
	char printed[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(durations); i++) {
		uint64_t ms = 4711;

		assert_int_equal(value_duration(durations[i].text, &ms), durations[i].err);
		assert_int_equal(ms, durations[i].err ? 4711 : durations[i].ms);
		if (!durations[i].err)
			assert_string_equal(value_duration_text(ms, printed),
					    durations[i].printed);
	}
}

static const struct {
	const char *text;
	enum err err;
	uint64_t bytes;
	const char *printed;
} sizes[] = {
	{ "512B", ERR_OK, 512, "512B" },        { "64KB", ERR_OK, 65536, "64KB" },
	{ "10MB", ERR_OK, 10 << 20, "10MB" },   { "1GB", ERR_OK, 1 << 30, "1GB" },
	{ "1024KB", ERR_OK, 1 << 20, "1MB" },   { "0", ERR_OK, 0, "0" },
	{ "64kb", ERR_SYNTAX, 0, "" },          { "64", ERR_SYNTAX, 0, "" },
	{ "64K", ERR_SYNTAX, 0, "" },           { "KB", ERR_SYNTAX, 0, "" },
	{ "17179869184GB", ERR_SYNTAX, 0, "" }, /* 2^64 bytes */
};

static void test_size(void **state)
{
	char printed[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint64_t bytes = 4711;

		assert_int_equal(value_size(sizes[i].text, &bytes), sizes[i].err);
		assert_int_equal(bytes, sizes[i].err ? 4711 : sizes[i].bytes);
		if (!sizes[i].err)
			assert_string_equal(value_size_text(bytes, printed), sizes[i].printed);
	}
}

static const struct {
	const char *text;
	enum err err;
	struct rate rate;
} rates[] = {
	{ "20/s", ERR_OK, { 20, 1000 } },         { "100/m", ERR_OK, { 100, 60000 } },
	{ "5/h", ERR_OK, { 5, 3600000 } },        { "20", ERR_SYNTAX, { 0, 0 } },
	{ "20/", ERR_SYNTAX, { 0, 0 } },          { "/s", ERR_SYNTAX, { 0, 0 } },
	{ "20/ms", ERR_SYNTAX, { 0, 0 } },        { "20 /s", ERR_SYNTAX, { 0, 0 } },
	{ "4294967296/s", ERR_SYNTAX, { 0, 0 } },
};

static void test_rate(void **state)
{
	char printed[VALUE_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rates); i++) {
		struct rate rate = { 0, 0 };

		assert_int_equal(value_rate(rates[i].text, &rate), rates[i].err);
		assert_int_equal(rate.count, rates[i].rate.count);
		assert_int_equal(rate.per_ms, rates[i].rate.per_ms);
		if (!rates[i].err)
			assert_string_equal(value_rate_text(rate, printed), rates[i].text);
	}
}

static void test_bool_and_number(void **state)
{
	static const char *const no_bools[] = { "yes", "on", "True", "1", "", "true " };
	uint64_t number = 0;
	bool is_true = false;

	assert_int_equal(value_bool("true", &is_true), ERR_OK);
	assert_true(is_true);
	assert_int_equal(value_bool("false", &is_true), ERR_OK);
	assert_false(is_true);
	for (size_t i = 0; i < COUNT(no_bools); i++)
		assert_int_equal(value_bool(no_bools[i], &is_true), ERR_SYNTAX);

	assert_int_equal(value_number("18446744073709551615", &number), ERR_OK);
	assert_true(number == UINT64_MAX);
	assert_int_equal(value_number("18446744073709551616", &number), ERR_SYNTAX);
	assert_int_equal(value_number("0x10", &number), ERR_SYNTAX);
	assert_int_equal(value_number("", &number), ERR_SYNTAX);
	assert_int_equal(value_number("+1", &number), ERR_SYNTAX);
}

static const struct {
	const char *text;
	enum err err;
	const char *host;
	uint16_t port;
	bool is_address;
} hosts[] = {
	{ "Sip.Partner.Example.", ERR_OK, "sip.partner.example", 0, false },
	{ "sip.partner.example:5061", ERR_OK, "sip.partner.example", 5061, false },
	{ "192.0.2.1", ERR_OK, "192.0.2.1", 0, true },
	{ "192.0.2.1:5060", ERR_OK, "192.0.2.1", 5060, true },
	{ "2001:DB8::1", ERR_OK, "2001:db8::1", 0, true },
	{ "[2001:db8::1]", ERR_OK, "2001:db8::1", 0, true },
	{ "[2001:db8::1]:5062", ERR_OK, "2001:db8::1", 5062, true },
	{ "192.0.2.256", ERR_SYNTAX, "", 0, false }, /* meant as an address, so no name */
	{ "1.2.3", ERR_SYNTAX, "", 0, false },
	{ "host:0", ERR_SYNTAX, "", 0, false },
	{ "host:65536", ERR_SYNTAX, "", 0, false },
	{ "host:", ERR_SYNTAX, "", 0, false },
	{ ":5060", ERR_SYNTAX, "", 0, false },
	{ "", ERR_SYNTAX, "", 0, false },
	{ "*.example", ERR_SYNTAX, "", 0, false },
	{ "sip:host", ERR_SYNTAX, "", 0, false },
	{ "bad name", ERR_SYNTAX, "", 0, false },
	{ "[2001:db8::1", ERR_SYNTAX, "", 0, false },
};

static void test_host_port(void **state)
{
	for (size_t i = 0; i < COUNT(hosts); i++) {
		char host[VALUE_HOST_SIZE] = "";
		struct addr addr = { 0 };
		uint16_t port = 0;

		assert_int_equal(value_host_port(hosts[i].text, host, &addr, &port),
				 hosts[i].err);
		assert_int_equal(port, hosts[i].port);
		if (hosts[i].err)
			continue;
		assert_string_equal(host, hosts[i].host);
		assert_int_equal(addr_is_set(&addr), hosts[i].is_address);
		if (hosts[i].is_address)
			assert_int_equal(addr_port(&addr), hosts[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),  cmocka_unit_test(test_size),
		cmocka_unit_test(test_rate),      cmocka_unit_test(test_bool_and_number),
		cmocka_unit_test(test_host_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
