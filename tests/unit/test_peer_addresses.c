#include "federation/peer_addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static void test_replace_and_forget(void **state)
{
	struct addr one[] = { address("192.0.2.1", 0), address("2001:db8::1", 0) };
	struct addr two[] = { address("192.0.2.2", 5060) };
	struct addr asked = address("192.0.2.1", 40000), ipv6 = address("2001:db8::1", 1);
	struct peer_addresses *addresses;

	assert_int_equal(peer_addresses_new(&addresses), ERR_OK);
	assert_false(peer_addresses_has(addresses, "partner:a", &asked));
	peer_addresses_set(addresses, "partner:a", one, COUNT(one));
	assert_true(peer_addresses_has(addresses, "partner:a", &asked)); /* whatever the port */
	assert_true(peer_addresses_has(addresses, "partner:a", &ipv6));
	assert_false(peer_addresses_has(addresses, "partner:b", &asked));
	peer_addresses_set(addresses, "partner:a", two, COUNT(two));
	assert_false(peer_addresses_has(addresses, "partner:a", &asked));
	assert_true(peer_addresses_has(addresses, "partner:a", &two[0]));
	assert_true(peer_addresses_has_port(addresses, "partner:a", &two[0]));
	addr_set_port(&two[0], 5061);
	assert_true(peer_addresses_has(addresses, "partner:a", &two[0]));
	assert_false(peer_addresses_has_port(addresses, "partner:a", &two[0]));
	assert_false(peer_addresses_has_port(addresses, "partner:b", &two[0]));
	peer_addresses_set(addresses, "partner:a", NULL, 0);
	assert_false(peer_addresses_has(addresses, "partner:a", &two[0]));
	assert_null(peer_addresses_free(addresses));
	assert_null(peer_addresses_free(NULL));
	assert_false(peer_addresses_has(NULL, "partner:a", &asked));
}

static void test_bounds(void **state)
{
	static struct addr many[PEER_ADDRESSES_MAX_EACH + 1];
	struct peer_addresses *addresses;
	char id[400], text[32];

	assert_int_equal(peer_addresses_new(&addresses), ERR_OK);
	for (size_t i = 0; i < COUNT(many); i++) {
		(void)snprintf(text, sizeof(text), "198.51.100.%zu", i);
		many[i] = address(text, 0);
	}
	peer_addresses_set(addresses, "partner:many", many, COUNT(many));
	assert_true(peer_addresses_has(addresses, "partner:many",
				       &many[PEER_ADDRESSES_MAX_EACH - 1]));
	assert_false(
		peer_addresses_has(addresses, "partner:many", &many[PEER_ADDRESSES_MAX_EACH]));

	memset(id, 'x', sizeof(id) - 1); /* a cut id could be another peer's */
	id[sizeof(id) - 1] = '\0';
	peer_addresses_set(addresses, id, many, 1);
	id[271] = '\0';
	assert_false(peer_addresses_has(addresses, id, &many[0]));

	for (unsigned i = 1; i <= PEER_ADDRESSES_MAX_PEERS; i++) {
		(void)snprintf(id, sizeof(id), "partner:%u", i);
		peer_addresses_set(addresses, id, many, 1);
	}
	assert_true(peer_addresses_has(addresses, "partner:4095", &many[0]));
	assert_false(peer_addresses_has(addresses, "partner:4096", &many[0]));
	peer_addresses_set(addresses, "partner:1", many + 1,
			   1); /* a known one may still change */
	assert_true(peer_addresses_has(addresses, "partner:1", &many[1]));
	peer_addresses_free(addresses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_and_forget),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
