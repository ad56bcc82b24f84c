/* Which flows the media workers order into the kernel, and when they take them out: a relay
 * with two phones over loopback, a turned clock, and a kernel that does as it is told. */
#include "tests/unit/media_world.h"

#include "tests/unit/fake_door.h"

static struct phone a, b;
static struct relay_end a_end, b_end;
static struct relay *relay;
static uint32_t number;

static void begin_with(const struct relay_end *a_wanted, const struct relay_end *b_wanted,
		       uint32_t timeout_ms)
{
	fake_door_reset();
	world_begin_with_door(&fake_door);
	assert_int_equal(relays_set_kernel(relays, true), ERR_OK);
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	relay = open_between("127.32.0.1", "127.32.0.1", 1, timeout_ms);
	a_end = *a_wanted;
	b_end = *b_wanted;
	a_end.rtp = a.addr;
	b_end.rtp = b.addr;
	number = 0;
	set(relay, 0, RELAY_CALLER, &a_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
}

static void begin(void)
{
	const struct relay_end plain = { .rtp.len = 0 };

	begin_with(&plain, &plain, 0);
}

static void finish(void)
{
	close(a.fd);
	close(b.fd);
	world_end();
	assert_false(door.is_open);
	assert_int_equal(count_events(RELAY_CLOSED), 1);
}

/* Both talk for so long, by the program where the kernel does not take it. */
static void talk(uint32_t ms)
{
	for (uint32_t at_ms = 0; at_ms < ms; at_ms += 20) {
		number++;
		send_rtp(&a, relay, RELAY_CALLER, 1, number);
		send_rtp(&b, relay, RELAY_CALLEE, 2, number);
		turn(20);
	}
}

static void enter_both(void)
{
	talk(1500);
	assert_int_equal(door.n_flows, 2);
}

/* The kernel passes packets on from one of them. */
static void by_kernel(const struct phone *phone, uint64_t n)
{
	for (unsigned i = 0; i < door.n_flows; i++) {
		if (!addr_equal(&door.flows[i].ends.source, &phone->addr))
			continue;
		door.flows[i].packets += n;
		door.flows[i].bytes += n * 32;
		return;
	}
	fail_msg("it is not in the kernel");
}

static void test_enters_when_it_has_settled(void **state)
{
	begin();
	talk(900);
	assert_int_equal(door.n_flows, 0);
	talk(600);
	assert_int_equal(door.n_flows, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct kernel_ends *ends = &door.flows[i].ends;
		const bool is_a = addr_equal(&ends->source, &a.addr);
		const struct addr towards_a =
					  relay_addr(relay, 0, RELAY_CALLER, "127.32.0.1", 0),
				  towards_b =
					  relay_addr(relay, 0, RELAY_CALLEE, "127.32.0.1", 0);

		assert_true(addr_equal(&ends->source, is_a ? &a.addr : &b.addr));
		assert_true(addr_equal(&ends->ours, is_a ? &towards_a : &towards_b));
		assert_true(addr_equal(&ends->sender, is_a ? &towards_b : &towards_a));
		assert_true(addr_equal(&ends->target, is_a ? &b.addr : &a.addr));
	}
	finish();
}

static void test_a_direction_enters_by_itself(void **state)
{
	begin();
	for (number = 1; number < 75; number++) {
		send_rtp(&a, relay, RELAY_CALLER, 1, number);
		turn(20);
	}
	assert_int_equal(door.n_flows, 1);
	assert_true(addr_equal(&door.flows[0].ends.target, &b.addr));
	finish();
}

static const struct {
	const char *name;
	struct relay_end a, b;
	unsigned n_flows;
} rows[] = {
	{ "plain", { .is_muxed = false }, { .is_muxed = false }, 2 },
	{ "RTCP by the same port", { .is_muxed = true }, { .is_muxed = true }, 2 },
	{ "SRTP between the ends", { .is_sealed = true }, { .is_sealed = true }, 2 },
	{ "both latch", { .is_latching = true }, { .is_latching = true }, 2 },
	{ "nothing from there is passed on",
	  { .is_blocked = true },
	  { .is_blocked = false },
	  1 },
	{ "a keepalive goes there", { .keepalive_ms = 15000 }, { .keepalive_ms = 0 }, 1 },
	{ "no RTP", { .is_opaque = true }, { .is_opaque = true }, 0 },
	{ "ICE", { .has_ice = true, .ice_ufrag = "abcd" }, { .has_ice = false }, 0 },
};

static void test_what_fits(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin_with(&rows[i].a, &rows[i].b, 0);
		talk(1600);
		if (door.n_flows != rows[i].n_flows)
			fail_msg("%s: %u flows", rows[i].name, door.n_flows);
		finish();
	}
}

static void test_srtp_does_not_fit(void **state)
{
	struct relay_end secure = { .security = RELAY_SDES }, plain = { .rtp.len = 0 };

	suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &secure.key_in);
	suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &secure.key_out);
	begin_with(&secure, &plain, 0);
	talk(1600);
	assert_int_equal(door.n_flows, 0);
	/* The call becomes a plain one, and back again. */
	set(relay, 0, RELAY_CALLER, &(struct relay_end){ .rtp = a.addr });
	enter_both();
	secure.rtp = a.addr;
	set(relay, 0, RELAY_CALLER, &secure);
	assert_int_equal(door.n_flows, 0);
	talk(1600);
	assert_int_equal(door.n_flows, 0);
	finish();
}

static void test_one_side_that_is_silent_and_latches(void **state)
{
	struct relay_end latching = { .is_latching = true }, plain = { .rtp.len = 0 };

	begin_with(&plain, &latching, 0);
	for (number = 1; number < 100; number++) { /* where b really is, is not known */
		send_rtp(&a, relay, RELAY_CALLER, 1, number);
		turn(20);
	}
	assert_int_equal(door.n_flows, 0);
	finish();
}

static void test_signalling_takes_it_out(void **state)
{
	begin();
	enter_both();
	set(relay, 0, RELAY_CALLER, &a_end); /* a re-INVITE that changes nothing */
	assert_int_equal(door.n_flows, 0);
	talk(900);
	assert_int_equal(door.n_flows, 0);
	talk(600);
	assert_int_equal(door.n_flows, 2);
	finish();
}

static void test_another_source_takes_it_out(void **state)
{
	struct phone other;

	begin();
	a_end.rtp = address("127.32.0.2:42500"); /* it sends from another port than it told */
	set(relay, 0, RELAY_CALLER, &a_end);
	enter_both();
	other = phone_at("127.32.0.2:42500");
	/* the told address has the last word */
	send_rtp(&other, relay, RELAY_CALLER, 1, ++number);
	assert_int_equal(door.n_flows, 0);
	talk(200); /* b alone is heard at once */
	close(other.fd);
	finish();
}

static void test_strangers_change_nothing(void **state)
{
	struct phone stranger;

	begin();
	enter_both();
	stranger = phone_at("127.32.0.9:42000");
	for (unsigned i = 0; i < 50; i++)
		send_rtp(&stranger, relay, RELAY_CALLER, 9, i);
	turn(2000);
	assert_int_equal(door.n_flows, 2);
	assert_int_equal(close_relay(relay)->stats[0][RELAY_CALLER].rejected_sources, 50);
	close(stranger.fd);
	finish();
}

static void test_counted_and_nothing_is_lost(void **state)
{
	const struct relay_event *closed;
	const struct relay_end_stats *stats;
	struct relays_totals totals;

	begin();
	enter_both();
	const uint32_t by_program = number;
	by_kernel(&a, 1000);
	by_kernel(&b, 400);
	turn(1100);
	set(relay, 0, RELAY_CALLER, &a_end);
	number += 1000; /* what went by the kernel had numbers, too */
	talk(500);
	closed = close_relay(relay);
	stats = closed->stats[0];
	assert_int_equal(stats[RELAY_CALLER].packets, by_program + 1000 + 25);
	assert_int_equal(stats[RELAY_CALLER].kernel_packets, 1000);
	assert_int_equal(stats[RELAY_CALLER].bytes, (by_program + 1000 + 25) * 32);
	assert_int_equal(stats[RELAY_CALLER].sent_packets, by_program + 400 + 25);
	assert_int_equal(stats[RELAY_CALLEE].packets, by_program + 400 + 25);
	assert_int_equal(stats[RELAY_CALLEE].sent_packets, by_program + 1000 + 25);
	assert_int_equal(stats[RELAY_CALLER].lost, 0);
	assert_int_equal(stats[RELAY_CALLEE].lost, 0);
	assert_int_equal(stats[RELAY_CALLER].n_ssrcs, 1);
	relays_totals(relays, &totals);
	assert_int_equal(totals.packets, 2 * by_program + 1400 + 50);
	finish();
}

static void test_closed_while_it_is_in(void **state)
{
	const struct relay_event *closed;
	struct relays_totals totals;

	begin();
	enter_both();
	by_kernel(&a, 10); /* within the last second: told as it is taken out */
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_pairs_used, 2);
	closed = close_relay(relay);
	assert_int_equal(door.n_flows, 0);
	assert_int_equal(closed->stats[0][RELAY_CALLER].kernel_packets, 10);
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_pairs_used, 0);
	finish();
}

static void test_closed_while_it_enters(void **state)
{
	begin();
	talk(980);
	turn(40);
	/* The packet orders it in, and the end is in the mailbox before the answer. */
	struct addr to = relay_addr(relay, 0, RELAY_CALLER, "127.32.0.1", 0);
	uint8_t bytes[WORLD_ROOM];
	size_t len = make_rtp(1, ++number, bytes);

	assert_int_equal(sendto(a.fd, bytes, len, 0, &to.sa, to.len), len);
	relay_close(relay);
	turn(0);
	turn(0);
	assert_int_equal(door.n_flows, 0);
	assert_int_equal(count_events(RELAY_CLOSED), 1);
	finish();
}

static void test_silence(void **state)
{
	const struct relay_end plain = { .rtp.len = 0 };

	begin_with(&plain, &plain, 10000);
	enter_both();
	for (unsigned i = 0; i < 30; i++) { /* the kernel alone sees it, for thirty seconds */
		by_kernel(&a, 50);
		turn(1000);
	}
	assert_int_equal(count_events(RELAY_SILENT), 0);
	turn(8500);
	assert_int_equal(count_events(RELAY_SILENT), 0);
	turn(3000);
	assert_int_equal(count_events(RELAY_SILENT), 1);
	assert_int_equal(door.n_flows, 0); /* so that whatever comes now is seen */
	talk(1500);
	assert_int_equal(door.n_flows, 2);
	turn(12000);
	assert_int_equal(count_events(RELAY_SILENT), 2);
	finish();
}

static void test_refused(void **state)
{
	begin();
	door.way_err = ERR_UNSUPPORTED;
	talk(5000);
	assert_int_equal(door.n_flows, 0);
	assert_in_range(door.n_ways, 2, 4); /* not asked again with every packet */
	door.way_err = ERR_OK;
	talk(30000);
	assert_int_equal(door.n_flows, 2);
	finish();
}

static void test_evicted(void **state)
{
	begin();
	enter_both();
	door.rerouted_port = 43000;
	fake_news();
	turn(300);
	turn(0);
	assert_int_equal(door.n_flows, 1);
	talk(2500);
	assert_int_equal(door.n_flows, 2);
	finish();
}

static void test_switched(void **state)
{
	begin();
	enter_both();
	assert_int_equal(relays_set_kernel(relays, false), ERR_OK);
	turn(0);
	assert_false(door.is_open);
	talk(3000);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 1); /* all of it came */
	assert_int_equal(relays_set_kernel(relays, true), ERR_OK);
	turn(0);
	talk(2500);
	assert_int_equal(door.n_flows, 2);
	finish();
}

static void test_the_workers_end_while_it_is_in(void **state)
{
	begin();
	enter_both();
	by_kernel(&a, 3);
	turn(1100);
	finish(); /* with the relay open */
	assert_int_equal(last_event(RELAY_CLOSED, NULL)->stats[0][RELAY_CALLER].kernel_packets,
			 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enters_when_it_has_settled),
		cmocka_unit_test(test_a_direction_enters_by_itself),
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_srtp_does_not_fit),
		cmocka_unit_test(test_one_side_that_is_silent_and_latches),
		cmocka_unit_test(test_signalling_takes_it_out),
		cmocka_unit_test(test_another_source_takes_it_out),
		cmocka_unit_test(test_strangers_change_nothing),
		cmocka_unit_test(test_counted_and_nothing_is_lost),
		cmocka_unit_test(test_closed_while_it_is_in),
		cmocka_unit_test(test_closed_while_it_enters),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_evicted),
		cmocka_unit_test(test_switched),
		cmocka_unit_test(test_the_workers_end_while_it_is_in),
	};

	return cmocka_run_group_tests(tests, no_files_left, no_files_more);
}
