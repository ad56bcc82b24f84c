/* Phones in the location table: RFC 3261 §10.3, RFC 5626 §6. */
#include "routing/location.h"

#include "location_journal.h"

/* flow: "7" is a connection, "203.0.113.1:5060" datagrams. */
static struct phone_flow flow_of(const char *text)
{
	struct phone_flow flow = { .transport = TRANSPORT_UDP, .listener = "phones" };

	if (strchr(text, ':')) {
		assert_int_equal(addr_parse_port(text, 0, &flow.remote), ERR_OK);
	} else {
		flow.transport = TRANSPORT_TCP;
		flow.id = strtoull(text, NULL, 10);
	}
	return flow;
}

struct said {
	const char *contact, *flow, *instance;
	uint32_t reg_id;
	uint64_t call_id_hash;
};

static enum err say(struct told *told, const struct said *said, uint64_t expires_ms)
{
	struct binding binding = { .expires_ms = expires_ms,
				   .flow = flow_of(said->flow),
				   .reg_id = said->reg_id,
				   .proof = 5,
				   .call_id_hash = said->call_id_hash };

	text_copy(binding.contact, sizeof(binding.contact), said->contact);
	text_copy(binding.instance, sizeof(binding.instance),
		  said->instance ? said->instance : "");
	return location_bind(told->location, "anna", "corp.example", &binding, 1000);
}

/* "b:8 a:7": the contacts with their flows, the last one first. */
static const char *phones(struct told *told, uint64_t now_ms)
{
	static char text[1000];
	struct binding out[LOCATION_MAX_BINDINGS];
	size_t n = location_phones(told->location, "anna", "corp.example", now_ms, out),
	       len = 0;
	char remote[ADDR_TEXT_SIZE];

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:", i ? " " : "",
					out[i].contact);
		if (out[i].flow.id)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%llu",
						(unsigned long long)out[i].flow.id);
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
						addr_text(&out[i].flow.remote, remote));
	}
	return text;
}

static void test_which_is_replaced(void **state)
{
	static const struct {
		const char *name;
		struct said said[3];
		const char *want;
	} rows[] = {
		{ "two contacts", { { "a", "7" }, { "b", "8" } }, "b:8 a:7" },
		{ "the same contact once more", { { "a", "7" }, { "a", "7" } }, "a:7" },
		{ "it has another connection now", { { "a", "7" }, { "a", "8" } }, "a:8" },
		{ "its router gave it another port",
		  { { "a", "203.0.113.1:1" }, { "a", "203.0.113.1:2" } },
		  "a:203.0.113.1:2" },
		{ "RFC 5626 §6: two flows of one instance",
		  { { "a", "7", "urn:x", 1 }, { "a", "8", "urn:x", 2 } },
		  "a:8 a:7" },
		{ "the newest of a reg-id",
		  { { "a", "7", "urn:x", 1 }, { "b", "8", "urn:x", 1 } },
		  "b:8" },
		{ "of its own instance",
		  { { "a", "7", "urn:x", 1 }, { "b", "8", "urn:y", 1 } },
		  "b:8 a:7" },
		{ "of its own reg-id",
		  { { "a", "7", "urn:x", 1 },
		    { "b", "8", "urn:x", 2 },
		    { "c", "9", "urn:x", 1 } },
		  "c:9 b:8" },
		{ "same contact, but outbound",
		  { { "a", "7" }, { "a", "8", "urn:x", 1 } },
		  "a:8 a:7" },
		{ "an instance that began anew",
		  { { "a", "7", "urn:x", 0, 1 }, { "b", "8", "urn:x", 0, 2 } },
		  "b:8" },
		{ "an instance with two contacts",
		  { { "a", "7", "urn:x", 0, 1 }, { "b", "7", "urn:x", 0, 1 } },
		  "b:7 a:7" },
	};
	struct told *told = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < COUNT(rows[i].said) && rows[i].said[k].contact; k++)
			assert_int_equal(say(told, &rows[i].said[k], 5000), ERR_OK);
		if (strcmp(phones(told, 2000), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, phones(told, 2000));
		location_unbind(told->location, "anna", "corp.example", "", NULL);
		assert_string_equal(phones(told, 2000), "");
	}
}

static void test_flow_gone(void **state)
{
	static const struct said said[] = { { "a", "7" },
					    { "b", "7" },
					    { "c", "203.0.113.1:5" } };
	struct told *told = *state;
	struct location_name names[4];
	struct phone_flow seven = flow_of("7"), other = flow_of("203.0.113.1:6"),
			  third = flow_of("203.0.113.1:5");
	const char *const listeners[] = { "lan", "phones" };
	size_t counts[2];

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(told, &said[i], 5000), ERR_OK);
	location_phones_count(told->location, listeners, 2, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 3);
	assert_int_equal(location_phone_users(told->location, &seven, 2000, names, 4), 2);
	assert_string_equal(names[0].user, "anna");
	assert_string_equal(names[0].domain, "corp.example");
	assert_true(
		location_has_phone(told->location, "anna", "corp.example", &third, 5, 2000));
	assert_false(location_has_phone(told->location, "anna", "corp.example", &third, 6,
					2000)); /* another password */
	assert_false(
		location_has_phone(told->location, "anna", "corp.example", &third, 5, 5000));
	assert_false(
		location_has_phone(told->location, "anna", "corp.example", &other, 5, 2000));
	assert_false(
		location_has_phone(told->location, "berta", "corp.example", &third, 5, 2000));
	assert_int_equal(location_phone_flow_gone(told->location, &other), 0);
	assert_int_equal(location_phone_flow_gone(told->location, &seven), 2);
	assert_string_equal(phones(told, 2000), "c:203.0.113.1:5");
	assert_int_equal(location_phone_users(told->location, &seven, 2000, names, 4), 0);
	location_expire(told->location, 5000);
	assert_int_equal(location_phone_users(told->location, &third, 2000, names, 4), 0);
}

/* Phones take no backend's place, and the other way round. */
static void test_beside_backends(void **state)
{
	struct told *told = *state;
	struct binding binding = { .backend = "one", .contact = "sip:a@1", .expires_ms = 5000 },
		       out[LOCATION_MAX_BINDINGS];
	struct location_counts counts;
	char contact[2] = "a";

	assert_int_equal(location_bind(told->location, "anna", "corp.example", &binding, 1000),
			 ERR_OK);
	for (unsigned i = 0; i < LOCATION_MAX_BINDINGS; i++, contact[0]++)
		assert_int_equal(say(told, &(struct said){ contact, "7" }, 5000), ERR_OK);
	assert_int_equal(say(told, &(struct said){ contact, "7" }, 5000), ERR_LIMIT);
	text_copy(binding.contact, sizeof(binding.contact), "sip:b@1");
	assert_int_equal(location_bind(told->location, "anna", "corp.example", &binding, 1000),
			 ERR_OK);
	assert_int_equal(location_bindings(told->location, "anna", "corp.example", 1000, out),
			 2);
	assert_int_equal(location_phones(told->location, "anna", "corp.example", 1000, out),
			 LOCATION_MAX_BINDINGS);
	location_count(told->location, NULL, 1000, &counts);
	assert_int_equal(counts.bindings, 2 + LOCATION_MAX_BINDINGS);
	assert_int_equal(counts.phones, LOCATION_MAX_BINDINGS);
	assert_int_equal(location_unbind(told->location, "anna", "corp.example", "one", NULL),
			 2);
	assert_int_equal(location_unbind(told->location, "anna", "corp.example", "", NULL),
			 LOCATION_MAX_BINDINGS);
}

/* Each once in the interval, and not all at once. */
static void test_due(void **state)
{
	struct told *told = *state;
	struct phone_flow out[8];
	char flow[32], contact[2] = "a";
	size_t n = 0;

	assert_int_equal(say(told, &(struct said){ "x", "7" }, 500000),
			 ERR_OK); /* a connection is not asked */
	for (unsigned i = 0; i < 6; i++, contact[0]++) {
		snprintf(flow, sizeof(flow), "203.0.113.1:%u", 5060 + i);
		assert_int_equal(say(told, &(struct said){ contact, flow }, 500000), ERR_OK);
	}
	assert_int_equal(location_phones_due(told->location, 10000, 30000, out, 8), 0);
	assert_int_equal(location_phones_due(told->location, 31000, 30000, out, 8), 1);
	assert_int_equal(addr_port(&out[0].remote), 5060);
	assert_int_equal(location_phones_due(told->location, 31000, 30000, out, 8), 1);
	assert_int_equal(addr_port(&out[0].remote), 5061);
	for (uint64_t now_ms = 32000; now_ms < 61000; now_ms += 1000)
		n += location_phones_due(told->location, now_ms, 30000, out, 8);
	assert_int_equal(n, 4);
	assert_int_equal(location_phones_due(told->location, 61000, 30000, out, 8), 1);
	assert_int_equal(addr_port(&out[0].remote), 5060);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOLD_TEST(test_which_is_replaced),
		TOLD_TEST(test_flow_gone),
		TOLD_TEST(test_beside_backends),
		TOLD_TEST(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
