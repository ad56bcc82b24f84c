#include "nat/public_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static struct public_addresses *addresses;

static int set_up(void **state)
{
	return public_addresses_new(&addresses) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	addresses = public_addresses_free(addresses);
	return 0;
}

static struct addr at(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	return addr;
}

static enum public_news hear(const char *text, uint64_t wall_us)
{
	const struct addr addr = at(text);

	return public_addresses_heard(addresses, "wan", 0, &addr, "stun.example", wall_us);
}

static void test_news(void **state)
{
	struct public_view view;
	char text[ADDR_TEXT_SIZE];

	assert_false(public_addresses_look(addresses, "wan", &view));
	assert_true(public_addresses_silent(addresses, "wan", 0, 1));
	assert_false(public_addresses_silent(addresses, "wan", 0, 2)); /* no news */
	assert_true(public_addresses_look(addresses, "wan", &view));
	assert_int_equal(view.state, PUBLIC_UNKNOWN);
	assert_int_equal(hear("203.0.113.7:5060", 3), PUBLIC_FIRST);
	assert_int_equal(hear("203.0.113.7:5060", 4), PUBLIC_SAME);
	assert_true(public_addresses_silent(addresses, "wan", 0, 5));
	assert_true(public_addresses_look(addresses, "wan", &view));
	assert_int_equal(view.state, PUBLIC_LOST);
	assert_string_equal(addr_text(&view.addr, text),
			    "203.0.113.7:5060"); /* what was known stands */
	assert_int_equal(hear("203.0.113.7:5060", 6), PUBLIC_BACK);
	assert_int_equal(hear("203.0.113.8:5060", 7), PUBLIC_CHANGED);
	assert_true(public_addresses_look(addresses, "wan", &view));
	assert_int_equal(view.state, PUBLIC_KNOWN);
	assert_int_equal(view.n_changes, 1);
	assert_int_equal(view.changed_us, 7);
	assert_int_equal(view.n_former, 1);
	assert_string_equal(addr_text(&view.former[0], text), "203.0.113.7:5060");
}

/* The newest of many are kept; one that comes back is no former one any more. */
static void test_former(void **state)
{
	struct public_view view;
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "203.0.113.%u:5060", i);
		hear(text, i + 1);
	}
	assert_true(public_addresses_look(addresses, "wan", &view));
	assert_int_equal(view.n_former, PUBLIC_MAX_FORMER);
	assert_string_equal(addr_text(&view.former[0], text), "203.0.113.18:5060");
	assert_string_equal(addr_text(&view.former[PUBLIC_MAX_FORMER - 1], text),
			    "203.0.113.11:5060");
	assert_int_equal(hear("203.0.113.15:5060", 30), PUBLIC_CHANGED);
	assert_true(public_addresses_look(addresses, "wan", &view));
	assert_int_equal(view.n_former, PUBLIC_MAX_FORMER);
	for (unsigned i = 0; i < view.n_former; i++)
		assert_string_not_equal(addr_text(&view.former[i], text), "203.0.113.15:5060");
	assert_string_equal(addr_text(&view.former[0], text), "203.0.113.19:5060");
}

static bool is_lan(void *user, const char *listener)
{
	return strcmp(listener, "lan") == 0;
}

static void test_networks_and_prune(void **state)
{
	const struct addr wan = at("203.0.113.7:5060"), remote = at("203.0.113.9:5070"),
			  six = at("[2001:db8::7]:5060");
	struct public_view views[4];
	struct addr out;
	char text[ADDR_TEXT_SIZE];

	public_addresses_heard(addresses, "wan", 0, &wan, "s", 1);
	public_addresses_heard(addresses, "wan6", 0, &six, "s", 1);
	public_addresses_heard(addresses, "phones", 2, &remote, "s", 1);
	public_addresses_silent(addresses, "lan", 1, 1);
	assert_true(public_addresses_of_network(addresses, 0, false, &out));
	assert_string_equal(addr_text(&out, text),
			    "203.0.113.7:0"); /* the relay has ports of its own */
	assert_true(public_addresses_of_network(addresses, 0, true, &out));
	assert_string_equal(addr_host(&out, text), "2001:db8::7");
	assert_true(public_addresses_of_network(addresses, 2, false, &out));
	assert_string_equal(addr_host(&out, text), "203.0.113.9");
	assert_false(public_addresses_of_network(addresses, 1, false, &out));
	assert_int_equal(public_addresses_list(addresses, views, 4), 4);
	assert_string_equal(views[0].listener, "wan");
	public_addresses_prune(addresses, is_lan, NULL);
	assert_int_equal(public_addresses_list(addresses, views, 4), 1);
	assert_string_equal(views[0].listener, "lan");
}

/* Whom media ports ask: of their own family, in order, and no more than were wanted. */
static void test_servers(void **state)
{
	struct addr servers[PUBLIC_MAX_KNOWN_SERVERS + 1], out[PUBLIC_MAX_KNOWN_SERVERS];
	char text[ADDR_TEXT_SIZE];

	assert_int_equal(public_addresses_servers(addresses, false, out, 4), 0);
	for (unsigned i = 0; i < COUNT(servers); i++)
		assert_int_equal(addr_parse(i % 2 ? "2001:db8::7" : "203.0.113.7",
					    (uint16_t)(100 + i), &servers[i]),
				 ERR_OK);
	public_addresses_set_servers(addresses, servers, COUNT(servers));
	assert_int_equal(public_addresses_servers(addresses, false, out, COUNT(out)),
			 PUBLIC_MAX_KNOWN_SERVERS / 2);
	assert_string_equal(addr_text(&out[1], text), "203.0.113.7:102");
	assert_int_equal(public_addresses_servers(addresses, true, out, 2), 2);
	assert_string_equal(addr_text(&out[0], text), "[2001:db8::7]:101");
	public_addresses_set_servers(addresses, NULL, 0);
	assert_int_equal(public_addresses_servers(addresses, false, out, 4), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_news), TEST(test_former),
					    TEST(test_networks_and_prune), TEST(test_servers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
