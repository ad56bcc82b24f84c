#include "routing/location.h"

#include "location_journal.h"

static struct addr address(const char *text)
{
	struct addr addr = { 0 };

	if (*text)
		assert_int_equal(addr_parse_port(text, 5060, &addr), ERR_OK);
	return addr;
}

static struct logon logon_of(const char *backend, uint64_t flow_id, const char *source,
			     const char *reach, uint64_t expires_ms)
{
	struct logon logon = {
		.flow_id = flow_id,
		.transport = flow_id ? TRANSPORT_TCP : TRANSPORT_UDP,
		.source = address(source),
		.reach = address(reach),
		.expires_ms = expires_ms,
	};

	text_copy(logon.backend, sizeof(logon.backend), backend);
	return logon;
}

static enum err log_on(struct told *told, const char *backend, uint64_t flow_id,
		       const char *source, const char *reach, uint64_t expires_ms,
		       uint64_t now_ms)
{
	struct logon logon = logon_of(backend, flow_id, source, reach, expires_ms);

	return location_log_on(told->location, &logon, now_ms);
}

/* "7 0" are the connections of a backend's logons, with @ those that were since then, / what
 * they expire at. */
static const char *logons(struct told *told, const char *backend, uint64_t now_ms)
{
	static char text[400];
	struct logon out[LOCATION_MAX_LOGONS];
	size_t n = location_logons(told->location, backend, now_ms, out), len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(out[i].backend, backend);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu@%llu/%llu",
					i ? " " : "", (unsigned long long)out[i].flow_id,
					(unsigned long long)out[i].since_ms,
					(unsigned long long)out[i].expires_ms);
	}
	return text;
}

static void test_replaced(void **state)
{
	struct told *told = *state;

	assert_string_equal(logons(told, "one", 0), "");
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:40000", "", 5000, 1000), ERR_OK);
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:40000", "", 9000, 2000), ERR_OK);
	assert_string_equal(logons(told, "one", 2000), "7@1000/9000");
	assert_int_equal(log_on(told, "one", 8, "10.0.0.1:40001", "", 9100, 3000), ERR_OK);
	assert_int_equal(log_on(told, "one", 0, "10.0.0.1:5060", "", 9200, 3100), ERR_OK);
	assert_int_equal(log_on(told, "one", 0, "10.0.0.1:5060", "", 9300, 3200), ERR_OK);
	assert_int_equal(log_on(told, "one", 0, "10.0.0.2:5060", "", 9400, 3300), ERR_OK);
	assert_int_equal(log_on(told, "two", 9, "10.0.0.3:40000", "", 9500, 3400), ERR_OK);
	/* Connections first, then the newest. */
	assert_string_equal(logons(told, "one", 3400),
			    "8@3000/9100 7@1000/9000 0@3300/9400 0@3100/9300");
	assert_string_equal(logons(told, "two", 3400), "9@3400/9500");
	assert_string_equal(logons(told, "one", 9200), "0@3300/9400 0@3100/9300");
	assert_string_equal(logons(told, "one", 9400), "");
	told_expect(told, ""); /* none can be dialled */
}

static void test_since_is_given(void **state)
{
	struct told *told = *state;
	struct logon logon = logon_of("one", 0, "10.0.0.1:5060", "10.0.0.1:5060", 9000);

	logon.since_ms = 40;
	assert_int_equal(location_log_on(told->location, &logon, 1000), ERR_OK);
	assert_string_equal(logons(told, "one", 1000), "0@40/9000");
}

static void test_log_off(void **state)
{
	static const struct {
		const char *name;
		uint64_t flow_id;
		const char *source, *want;
	} rows[] = {
		{ "by its connection", 7, "10.0.0.1:40000", "8 0 0" },
		{ "by datagram, from its source", 0, "10.0.0.1:5060", "7 8 0" },
		{ "from another port", 0, "10.0.0.1:5061", "7 8 0 0" },
		{ "by a connection that nobody knows", 9, "10.0.0.7:1", "7 8 0 0" },
		{ "that connection went, and a new one came", 9, "10.0.0.9:2", "7 8 0" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct told *told = *state;
		struct addr source = address(rows[i].source);
		struct logon out[LOCATION_MAX_LOGONS];
		char text[100] = "";

		assert_int_equal(
			log_on(told, "one", 5, "10.0.0.9:1", "10.0.0.9:5060", 9000, 1000),
			ERR_OK);
		assert_true(location_flow_gone(told->location, 5));
		assert_int_equal(log_on(told, "one", 0, "10.0.0.1:5060", "", 9000, 2000),
				 ERR_OK);
		assert_int_equal(log_on(told, "one", 8, "10.0.0.1:40001", "", 9000, 3000),
				 ERR_OK);
		assert_int_equal(log_on(told, "one", 7, "10.0.0.1:40000", "", 9000, 4000),
				 ERR_OK);
		location_log_off(told->location, "two", rows[i].flow_id, &source);
		location_log_off(told->location, "one", rows[i].flow_id, &source);
		size_t n = location_logons(told->location, "one", 5000, out);
		for (size_t j = 0; j < n; j++)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
				       j ? " " : "", (unsigned)out[j].flow_id);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, text);
		location_expire(told->location, 9000);
	}
}

static void test_flow_gone(void **state)
{
	struct told *told = *state;

	assert_false(location_flow_gone(told->location, 7));
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:40000", "", 9000, 1000), ERR_OK);
	assert_int_equal(log_on(told, "two", 8, "10.0.0.2:40000", "10.0.0.2:5060", 9000, 1000),
			 ERR_OK);
	told_expect(told, "+logon two 10.0.0.2:5060 9000");
	assert_true(location_flow_gone(told->location, 7));
	assert_true(location_flow_gone(told->location, 8));
	assert_false(location_flow_gone(told->location, 8));
	assert_false(location_flow_gone(told->location, 0)); /* that is nobody's connection */
	assert_string_equal(logons(told, "one", 1000), "");
	assert_string_equal(logons(told, "two", 1000), "0@1000/9000");
	told_expect(told, "");

	/* It connects again, from another port: the same logon, not one more. */
	for (unsigned i = 0; i < 3 * LOCATION_MAX_LOGONS; i++) {
		assert_int_equal(log_on(told, "two", 100 + i, "10.0.0.2:40001", "10.0.0.2:5060",
					9000, 2000),
				 ERR_OK);
		assert_true(location_flow_gone(told->location, 100 + i));
	}
	assert_string_equal(logons(told, "two", 2000), "0@1000/9000");
	/* Two connections with the same reach: when one goes, the other says it all. */
	assert_int_equal(
		log_on(told, "two", 201, "10.0.0.2:40001", "10.0.0.2:5060", 9000, 2000),
		ERR_OK);
	assert_int_equal(
		log_on(told, "two", 202, "10.0.0.2:40002", "10.0.0.2:5060", 9000, 3000),
		ERR_OK);
	assert_true(location_flow_gone(told->location, 201));
	assert_string_equal(logons(told, "two", 3000), "202@3000/9000");
}

static void test_limit(void **state)
{
	struct told *told = *state;

	for (unsigned i = 1; i <= LOCATION_MAX_LOGONS; i++)
		assert_int_equal(log_on(told, "one", i, "10.0.0.1:1", "", 1000 * i, 500),
				 ERR_OK);
	assert_int_equal(log_on(told, "one", 3, "10.0.0.1:1", "", 9000, 600),
			 ERR_OK); /* replaced */
	assert_int_equal(log_on(told, "two", 99, "10.0.0.1:1", "", 9000, 700), ERR_OK);
	/* The one that would have expired first gives way. */
	assert_int_equal(log_on(told, "one", 98, "10.0.0.1:1", "", 9000, 800), ERR_OK);
	assert_string_equal(logons(told, "one", 800),
			    "98@800/9000 2@500/2000 3@500/9000 4@500/4000 5@500/5000"
			    " 6@500/6000 7@500/7000 8@500/8000");
	/* ... but before it one without a connection. */
	assert_int_equal(log_on(told, "one", 0, "10.0.0.1:1", "10.0.0.1:1", 9000, 800), ERR_OK);
	assert_int_equal(log_on(told, "one", 97, "10.0.0.1:2", "", 9000, 900), ERR_OK);
	assert_string_equal(logons(told, "one", 900),
			    "97@900/9000 98@800/9000 3@500/9000 4@500/4000 5@500/5000"
			    " 6@500/6000 7@500/7000 8@500/8000");
}

/* A log-on that is refreshed in time: what was told last must not end while it goes on, or a
 * restart forgets it. */
static const struct {
	const char *name;
	unsigned expires_s, every_s;
	bool is_told_each_time;
} refresh_rows[] = {
	{ "for a minute, every 56 s", 60, 56, true },
	{ "for ten seconds, every 6 s", 10, 6, true },
	{ "for an hour, every half", 3600, 1800, true },
	{ "for an hour, every minute", 3600, 60, true },
	{ "for an hour, every half a minute", 3600, 30, false },
};

static void test_refresh(void **state)
{
	struct told *told = *state;
	char name[8];
	size_t i;

	for (i = 0; i < COUNT(refresh_rows); i++) {
		uint64_t every_ms = refresh_rows[i].every_s * 1000;
		uint64_t left_ms = refresh_rows[i].expires_s * 1000;

		snprintf(name, sizeof(name), "b%zu", i);
		assert_int_equal(
			log_on(told, name, i + 1, "10.0.0.1:1", "10.0.0.1:5060", left_ms, 0),
			ERR_OK);
		told->text[0] = '\0';
		assert_int_equal(log_on(told, name, i + 1, "10.0.0.1:1", "10.0.0.1:5060",
					every_ms + left_ms, every_ms),
				 ERR_OK);
		if ((told->text[0] != '\0') != refresh_rows[i].is_told_each_time)
			fail_msg("%s: told '%s'", refresh_rows[i].name, told->text);
	}
}

static void test_journal(void **state)
{
	struct told *told = *state;
	struct addr source = address("10.0.0.1:1");

	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:1", "10.0.0.1:5060", 600000, 0),
			 ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5060 600000");
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:1", "10.0.0.1:5060", 659999, 1000),
			 ERR_OK);
	told_expect(told, ""); /* less than a minute later */
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:1", "10.0.0.1:5060", 660000, 2000),
			 ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5060 660000");
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:1", "10.0.0.1:5070", 660000, 3000),
			 ERR_OK);
	told_expect(told, "-logon one 10.0.0.1:5060 660000\n+logon one 10.0.0.1:5070 660000");
	assert_int_equal(log_on(told, "one", 7, "10.0.0.1:1", "", 660000, 3000), ERR_OK);
	told_expect(told, "-logon one 10.0.0.1:5070 660000");

	struct logon logon = logon_of("one", 7, "10.0.0.1:1", "10.0.0.1:5070", 660000);
	assert_int_equal(location_log_on(told->location, &logon, 4000), ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5070 660000");
	logon.proof = 9;
	assert_int_equal(location_log_on(told->location, &logon, 4000), ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5070 660000");
	strcpy(logon.bulk, "sip:10.0.0.1:5070");
	assert_int_equal(location_log_on(told->location, &logon, 4000), ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5070 660000");
	assert_int_equal(location_log_on(told->location, &logon, 4000), ERR_OK);
	told_expect(told, "");

	/* Known twice, by the same reach: gone with the last. */
	logon.flow_id = 8;
	assert_int_equal(location_log_on(told->location, &logon, 5000), ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5070 660000");
	location_log_off(told->location, "one", 7, &source);
	told_expect(told, "");
	location_log_off(told->location, "one", 8, &source);
	told_expect(told, "-logon one 10.0.0.1:5070 660000");
	assert_int_equal(location_log_on(told->location, &logon, 5000), ERR_OK);
	told_expect(told, "+logon one 10.0.0.1:5070 660000");
	location_expire(told->location, 660000);
	told_expect(told, "-logon one 10.0.0.1:5070 660000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_replaced), TOLD_TEST(test_since_is_given),
		TOLD_TEST(test_log_off),  TOLD_TEST(test_flow_gone),
		TOLD_TEST(test_limit),    TOLD_TEST(test_refresh),
		TOLD_TEST(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
