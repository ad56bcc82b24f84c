#include "nat/nat_detect.h"

#include <stdio.h>

#include "tests/unit/nat_world.h"

#define EI  NAT_ENDPOINT_INDEPENDENT
#define AD  NAT_ADDRESS_DEPENDENT
#define APD NAT_ADDRESS_AND_PORT_DEPENDENT
#define NO  NAT_BEHAVIOUR_UNKNOWN

struct row {
	const char *name;
	bool is_translated, is_blocked, has_no_network, is_outbound_filtered;
	enum nat_behaviour mapping, filtering;
	unsigned n_servers;
	enum world_server kinds[MAX_SERVERS];
	enum nat_type want;
	enum nat_behaviour want_mapping, want_filtering;
	enum nat_confidence want_confidence;
	const char *want_reason; /* part of it */
	bool is_linux;
};

static const struct row rows[] = {
	/* the eight names, by two servers that can change their address */
	{ "Full Cone", true, .mapping = EI, .filtering = EI, .n_servers = 2,
	  .want = NAT_FULL_CONE, .want_mapping = EI, .want_filtering = EI,
	  .want_confidence = NAT_HIGH },
	{ "Restricted Cone", true, .mapping = EI, .filtering = AD, .n_servers = 2,
	  .want = NAT_RESTRICTED_CONE, .want_mapping = EI, .want_filtering = AD,
	  .want_confidence = NAT_HIGH },
	{ "Port Restricted Cone", true, .mapping = EI, .filtering = APD, .n_servers = 2,
	  .want = NAT_PORT_RESTRICTED_CONE, .want_mapping = EI, .want_filtering = APD,
	  .want_confidence = NAT_HIGH },
	{ "Symmetric NAT", true, .mapping = APD, .filtering = APD, .n_servers = 2,
	  .want = NAT_SYMMETRIC, .want_mapping = APD, .want_filtering = APD,
	  .want_confidence = NAT_HIGH },
	{ "Symmetric NAT, by address", true, .mapping = AD, .filtering = AD, .n_servers = 2,
	  .want = NAT_SYMMETRIC, .want_mapping = AD, .want_filtering = AD,
	  .want_confidence = NAT_HIGH },
	{ "Open Internet", false, .filtering = EI, .n_servers = 2, .want = NAT_OPEN_INTERNET,
	  .want_mapping = EI, .want_filtering = EI, .want_confidence = NAT_HIGH },
	{ "Symmetric UDP Firewall", false, .filtering = APD, .n_servers = 2,
	  .want = NAT_SYMMETRIC_FIREWALL, .want_mapping = EI, .want_filtering = APD,
	  .want_confidence = NAT_HIGH },
	{ "Symmetric UDP Firewall, by address", false, .filtering = AD, .n_servers = 2,
	  .want = NAT_SYMMETRIC_FIREWALL, .want_mapping = EI, .want_filtering = AD,
	  .want_confidence = NAT_HIGH },
	{ "Firewall blocking UDP", true, true, .n_servers = 2, .want = NAT_UDP_BLOCKED,
	  .want_confidence = NAT_HIGH,
	  .want_reason =
		  "no answer by UDP from 2 servers, while 2 of them can be reached by TCP" },
	{ "Unknown: no network", true, false, true, .n_servers = 2,
	  .want_reason = "no request could be sent" },
	{ "Unknown: silence by UDP and TCP", true, .n_servers = 2,
	  .kinds = { IS_DOWN, IS_DOWN }, .want_reason = "no server answered" },
	{ "Unknown: nobody to ask", true, .n_servers = 0,
	  .want_reason = "no STUN server is configured" },
	{ "Port Restricted Cone of Linux, which is none for who was asked for in vain", true,
	  .mapping = EI, .filtering = APD, .n_servers = 2, .want = NAT_PORT_RESTRICTED_CONE,
	  .want_mapping = EI, .want_filtering = APD, .want_confidence = NAT_HIGH,
	  .is_linux = true },
	/* one server is less sure */
	{ "one server", true, .mapping = EI, .filtering = APD, .n_servers = 1,
	  .want = NAT_PORT_RESTRICTED_CONE, .want_mapping = EI, .want_filtering = APD,
	  .want_confidence = NAT_MEDIUM },
	{ "one server, UDP blocked", true, true, .n_servers = 1, .want = NAT_UDP_BLOCKED,
	  .want_confidence = NAT_MEDIUM },
	{ "a dead server beside a good one", true, .mapping = EI, .filtering = EI,
	  .n_servers = 2, .kinds = { IS_DOWN, SERVES }, .want = NAT_FULL_CONE,
	  .want_mapping = EI, .want_filtering = EI, .want_confidence = NAT_MEDIUM },
	{ "servers are down, their hosts are not", true, .n_servers = 2,
	  .kinds = { IS_DOWN_HOST_UP, IS_DOWN_HOST_UP }, .want_reason = "no server answered" },
	/* servers as they are (field.md P16) */
	{ "none can change: a cone, which one is not known", true, .mapping = EI,
	  .filtering = EI, .n_servers = 2, .kinds = { CANNOT_CHANGE, CANNOT_CHANGE },
	  .want_mapping = EI, .want_reason = "filtering was not tested" },
	{ "none can change: symmetric all the same", true, .mapping = APD, .filtering = APD,
	  .n_servers = 2, .kinds = { CANNOT_CHANGE, CANNOT_CHANGE }, .want = NAT_SYMMETRIC,
	  .want_mapping = APD, .want_confidence = NAT_MEDIUM },
	{ "one that cannot change knows nothing of the mapping", true, .mapping = APD,
	  .filtering = APD, .n_servers = 1, .kinds = { CANNOT_CHANGE },
	  .want_reason = "filtering was not tested" },
	{ "no NAT, and none can change", false, .filtering = EI, .n_servers = 2,
	  .kinds = { CANNOT_CHANGE, CANNOT_CHANGE }, .want_mapping = EI,
	  .want_reason = "filtering was not tested" },
	{ "it says that it changes, and does not", true, .mapping = EI, .filtering = APD,
	  .n_servers = 1, .kinds = { PRETENDS }, .want_mapping = EI,
	  .want_reason = "no server can answer from another address" },
	{ "its other address is wrong", true, .mapping = EI, .filtering = EI, .n_servers = 1,
	  .kinds = { POINTS_NOWHERE },
	  .want_reason = "the other address of a server does not answer" },
	{ "wrong other address beside a good server", true, .mapping = EI, .filtering = EI,
	  .n_servers = 2, .kinds = { POINTS_NOWHERE, SERVES }, .want = NAT_FULL_CONE,
	  .want_mapping = EI, .want_filtering = EI, .want_confidence = NAT_MEDIUM },
	{ "two that say different addresses", true, .mapping = EI, .filtering = EI,
	  .n_servers = 2, .kinds = { SERVES, LIES }, .want_reason = "disagree on our address" },
	{ "one of three lies", true, .mapping = EI, .filtering = EI, .n_servers = 3,
	  .kinds = { LIES, SERVES, SERVES }, .want = NAT_FULL_CONE, .want_mapping = EI,
	  .want_filtering = EI, .want_confidence = NAT_HIGH },
	/* mission 172 */
	{ "outbound filtered: not symmetric", true, false, false, true, EI, APD, .n_servers = 2,
	  .want_reason = "outbound traffic is filtered" },
	{ "outbound filtered without NAT", false, false, false, true, EI, EI, .n_servers = 2,
	  .want_filtering = EI, .want = NAT_OPEN_INTERNET, .want_confidence = NAT_MEDIUM },
};

static void set_up(const struct row *row, struct nat_world *world)
{
	*world = (struct nat_world){ .is_translated = row->is_translated,
				     .is_blocked = row->is_blocked,
				     .has_no_network = row->has_no_network,
				     .is_outbound_filtered = row->is_outbound_filtered,
				     .is_linux = row->is_linux,
				     .mapping = row->mapping,
				     .filtering = row->filtering,
				     .n_servers = row->n_servers };
	memcpy(world->kinds, row->kinds, sizeof(world->kinds));
}

static void test_rows(void **state)
{
	struct nat_world *world = malloc(sizeof(*world));
	char text[ADDR_TEXT_SIZE];

	assert_non_null(world);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];

		set_up(row, world);
		world_detect(world);
		print_message("%s: %s, %s/%s, %s: %s\n", row->name,
			      nat_type_text(world->verdict.type),
			      nat_behaviour_text(world->verdict.mapping),
			      nat_behaviour_text(world->verdict.filtering),
			      nat_confidence_text(world->verdict.confidence),
			      world->verdict.reason);
		assert_int_equal(world->verdict.type, row->want);
		assert_int_equal(world->verdict.mapping, row->want_mapping);
		assert_int_equal(world->verdict.filtering, row->want_filtering);
		assert_int_equal(world->verdict.confidence, row->want_confidence);
		assert_int_equal(world->verdict.is_inconclusive,
				 row->want == NAT_UNKNOWN && row->n_servers > 0);
		assert_true(*world->verdict.reason != '\0');
		assert_non_null(strstr(world->verdict.reason,
				       row->want_reason ? row->want_reason : ""));
		if (row->want != NAT_UNKNOWN) {
			assert_int_equal(world->verdict.is_behind_nat, row->is_translated);
			addr_host(&world->verdict.address, text);
			assert_string_equal(text, "203.0.113.7");
		}
	}
	free(world);
}

/* Never wrong with a tenth of the packets lost: right, or inconclusive with a reason (and
 * seldom that). */
static void test_loss(void **state)
{
	enum { N_RUNS = 200 };
	struct nat_world *world = malloc(sizeof(*world));
	unsigned n_right = 0, n_open = 0;

	assert_non_null(world);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];

		if (row->want == NAT_UNKNOWN)
			continue;
		for (unsigned run = 0; run < N_RUNS; run++) {
			set_up(row, world);
			world->loss_percent = 10;
			world->seed = 1000 * i + run;
			world_detect(world);
			if (world->verdict.type == row->want) {
				n_right++;
				continue;
			}
			n_open++;
			if (!world->verdict.is_inconclusive)
				print_message("%s, run %u: %s\n", row->name, run,
					      nat_type_text(world->verdict.type));
			assert_true(world->verdict.is_inconclusive && *world->verdict.reason);
		}
	}
	print_message("%u right, %u inconclusive\n", n_right, n_open);
	assert_true(n_open * 100 < n_right);
	free(world);
}

/* With most packets lost much stays open, and nothing is made up. */
static void test_heavy_loss(void **state)
{
	struct nat_world *world = malloc(sizeof(*world));
	unsigned n_open = 0;

	assert_non_null(world);
	for (unsigned run = 0; run < 100; run++) {
		set_up(&rows[0], world);
		world->loss_percent = 65;
		world->seed = run;
		world_detect(world);
		n_open += world->verdict.is_inconclusive;
		/* A cone that answers from its other address now and then is none that is open
		 * for all, at worst. */
		assert_true(world->verdict.type != NAT_SYMMETRIC &&
			    world->verdict.type != NAT_OPEN_INTERNET &&
			    world->verdict.type != NAT_SYMMETRIC_FIREWALL);
	}
	print_message("%u inconclusive\n", n_open);
	assert_true(n_open > 0);
	free(world);
}

/* Cancelled at any moment, nothing comes any more, and nothing is left (the sanitizers
 * look). */
static void test_cancel(void **state)
{
	struct nat_world *world = malloc(sizeof(*world));
	struct nat_server server = { .name = "stun1.example",
				     .addr = world_server_addr(0, false, false) };
	struct nat_detect *detect;

	assert_non_null(world);
	for (unsigned ms = 0; ms < 4000; ms += 10) {
		set_up(&rows[2], world);
		world->n_servers = 1;
		world->ways = (struct nat_ways){ .user = world,
						 .open = world_open,
						 .close = world_close,
						 .ask_tcp = world_ask_tcp };
		world->bind = world_addr("10.0.0.2", 0);
		assert_int_equal(loop_new_turned(1000, &world->loop), ERR_OK);
		assert_int_equal(nat_detect_start(world->loop, &world->ways, &world->bind,
						  &server, 1, world_done, world, &detect),
				 ERR_OK);
		loop_turn(world->loop, ms);
		if (!world->n_done) {
			nat_detect_cancel(detect);
			loop_turn(world->loop, 90000);
			assert_int_equal(world->n_done, 0);
		}
		loop_free(world->loop);
	}
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_heavy_loss),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
