#include "tests/unit/media_world.h"

/* A phone behind a NAT, a callee that is told where it is, and strangers: plain RTP. Nothing of
 * theirs may arrive, nothing may flow to them, all of it is counted (field.md pitfall 21: RTP
 * bleed, injection). */
static struct relay *relay;
static struct phone nat, b, stranger;
static struct relay_end nat_end, b_end;

static void begin(const char *told, const char *nat_host)
{
	world_begin();
	nat = phone_at("127.32.0.7:47000");
	b = phone_at("127.32.0.3:43000");
	stranger = phone_at("127.32.0.66:46666");
	relay = open_relay(1);
	nat_end = (struct relay_end){ .rtp = address(told), .is_latching = true };
	if (*nat_host)
		nat_end.nat_host = address(nat_host);
	b_end = (struct relay_end){ .rtp = b.addr };
	set(relay, 0, RELAY_CALLER, &nat_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
}

static const struct relay_end_stats *finish(void)
{
	const struct relay_event *event = close_relay(relay);

	close(nat.fd);
	close(b.fd);
	close(stranger.fd);
	world_end();
	return &event->stats[0][RELAY_CALLER];
}

static void talk(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		send_rtp(&nat, relay, RELAY_CALLER, 1, i);
		assert_rtp(&b, relay, RELAY_CALLEE, 1, i);
		send_rtp(&b, relay, RELAY_CALLEE, 2, i);
		assert_rtp(&nat, relay, RELAY_CALLER, 2, i);
		turn(20);
	}
}

static void test_before_latching_when_the_host_is_known(void **state)
{
	begin("10.0.0.5:4000", "127.32.0.7:5060");
	for (uint32_t i = 0; i < 100; i++)
		send_rtp(&stranger, relay, RELAY_CALLER, 9, i);
	assert_nothing(&b);
	talk(1, 10);
	assert_nothing(&stranger);
	assert_int_equal(finish()->rejected_sources, 100);
}

/* Told and found address are the same: the stranger who came first loses at the phone's first
 * packet. */
static void test_before_latching_when_the_address_was_told(void **state)
{
	begin("127.32.0.7:47000", "");
	send_rtp(&stranger, relay, RELAY_CALLER, 9, 1);
	assert_rtp(&b, relay, RELAY_CALLEE, 9, 1);
	talk(1, 3);
	for (uint32_t i = 2; i < 50; i++)
		send_rtp(&stranger, relay, RELAY_CALLER, 9, i);
	talk(3, 10);
	assert_nothing(&stranger);
	assert_int_equal(finish()->rejected_sources, 48);
}

static void test_during_the_window(void **state)
{
	begin("10.0.0.5:4000", "");
	talk(1, 2);
	for (uint32_t i = 0; i < 50; i++) {
		send_rtp(&stranger, relay, RELAY_CALLER, 9, i);
		assert_nothing(&b);
		send_rtp(&b, relay, RELAY_CALLEE, 2, 100 + i);
		assert_rtp(&nat, relay, RELAY_CALLER, 2, 100 + i);
		turn(5);
	}
	talk(200, 205);
	assert_nothing(&stranger);
	assert_int_equal(finish()->rejected_sources, 50);
}

static void test_after_latching(void **state)
{
	begin("10.0.0.5:4000", "");
	talk(1, 40); /* 800 ms */
	for (uint32_t i = 0; i < 50; i++)
		send_rtp(&stranger, relay, RELAY_CALLER, 1, 40 + i); /* with the right SSRC */
	talk(100, 110);
	assert_nothing(&stranger);
	assert_int_equal(count_events(RELAY_LATCHED), 1);
	assert_int_equal(finish()->rejected_sources, 50);
}

/* A re-INVITE opens the window; a flood in that moment takes nothing over while the phone sends
 * on. */
static void test_flood_at_a_re_invite(void **state)
{
	begin("10.0.0.5:4000", "127.32.0.7:5060");
	talk(1, 40);
	nat_end.is_relatching = true;
	set(relay, 0, RELAY_CALLER, &nat_end);
	for (uint32_t i = 0; i < 50; i++)
		send_rtp(&stranger, relay, RELAY_CALLER, 1, 40 + i);
	assert_nothing(&b);
	talk(100, 110);
	assert_nothing(&stranger);
	assert_int_equal(finish()->rejected_sources, 50);
}

static void test_nat_gives_another_port(void **state)
{
	struct phone moved;

	begin("10.0.0.5:4000", "127.32.0.7:5060");
	moved = phone_at("127.32.0.7:47999");
	talk(1, 40);
	send_rtp(&moved, relay, RELAY_CALLER, 1, 40); /* without signalling: not yet */
	assert_nothing(&b);
	nat_end.is_relatching = true;
	set(relay, 0, RELAY_CALLER, &nat_end);
	send_rtp(&moved, relay, RELAY_CALLER, 1, 41);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 41);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 50);
	assert_rtp(&moved, relay, RELAY_CALLER, 2, 50);
	assert_nothing(&nat);
	close(moved.fd);
	assert_int_equal(finish()->rejected_sources, 1);
}

/* Every port of ours is tried by a stranger, with everything that has a name. */
static void test_port_scan(void **state)
{
	static const uint8_t firsts[] = { 0x00, 0x10, 0x16, 0x40, 0x80, 0x90, 0xff };
	uint8_t bytes[64];
	struct relays_totals totals;

	begin("10.0.0.5:4000", "127.32.0.7:5060");
	for (size_t i = 0; i < COUNT(firsts); i++) {
		memset(bytes, 0, sizeof(bytes));
		bytes[0] = firsts[i];
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
			for (unsigned component = 0; component < 2; component++) {
				send_bytes(&stranger, relay, (enum relay_leg)leg, component,
					   bytes, sizeof(bytes));
				send_bytes(&stranger, relay, (enum relay_leg)leg, component,
					   bytes, 0);
				send_bytes(&stranger, relay, (enum relay_leg)leg, component,
					   bytes, 1);
			}
		}
	}
	assert_nothing(&b);
	assert_nothing(&nat);
	assert_nothing(&stranger); /* nobody learns that something is there */
	relays_totals(relays, &totals);
	assert_int_equal(totals.packets, 0);
	assert_int_equal(totals.rejected_sources, COUNT(firsts) * 12);
	talk(1, 5);
	finish();
}

/* RTCP BYE: from a stranger it goes nowhere; from the peer it is passed on, and ends
 * nothing. */
static void test_rtcp_bye(void **state)
{
	static const uint8_t bye[] = { 0x81, 203, 0, 1, 0, 0, 0, 1 };
	struct phone nat_rtcp, b_rtcp;
	uint8_t bytes[WORLD_ROOM];

	begin("10.0.0.5:4000", "");
	nat_rtcp = phone_at("127.32.0.7:47001");
	b_rtcp = phone_at("127.32.0.3:43001");
	talk(1, 40);
	send_bytes(&stranger, relay, RELAY_CALLER, 1, bye,
		   sizeof(bye)); /* RTP's latch says which host it is */
	assert_nothing(&b_rtcp);
	send_bytes(&nat_rtcp, relay, RELAY_CALLER, 1, bye, sizeof(bye));
	assert_int_equal(take_bytes(&b_rtcp, bytes, NULL), sizeof(bye));
	talk(40, 50);
	assert_int_equal(count_events(RELAY_CLOSED) + count_events(RELAY_SILENT), 0);
	close(nat_rtcp.fd);
	close(b_rtcp.fd);
	assert_int_equal(finish()->rejected_sources, 1);
}

static void test_garbage_from_the_right_source(void **state)
{
	uint8_t bytes[WORLD_ROOM] = { 0x80 };
	struct relays_totals totals;

	begin("10.0.0.5:4000", "");
	talk(1, 5);
	bytes[0] = 0x90; /* an extension that does not fit */
	memset(bytes + 12, 0xff, 8);
	send_bytes(&nat, relay, RELAY_CALLER, 0, bytes, 20);
	assert_nothing(&b);
	memset(bytes, 0x80, sizeof(bytes));
	send_bytes(&nat, relay, RELAY_CALLER, 1, bytes, 40); /* RTP on the RTCP port */
	assert_nothing(&b);
	talk(5, 10);
	relays_totals(relays, &totals);
	assert_int_equal(totals.dropped, 2);
	finish();
}

static void test_too_long(void **state)
{
	static uint8_t bytes[9000] = { 0x80 };

	begin("10.0.0.5:4000", "");
	talk(1, 5);
	send_bytes(&nat, relay, RELAY_CALLER, 0, bytes, sizeof(bytes));
	assert_nothing(&b);
	talk(5, 10);
	assert_int_equal(finish()->dropped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_latching_when_the_host_is_known),
		cmocka_unit_test(test_before_latching_when_the_address_was_told),
		cmocka_unit_test(test_during_the_window),
		cmocka_unit_test(test_after_latching),
		cmocka_unit_test(test_flood_at_a_re_invite),
		cmocka_unit_test(test_nat_gives_another_port),
		cmocka_unit_test(test_port_scan),
		cmocka_unit_test(test_rtcp_bye),
		cmocka_unit_test(test_garbage_from_the_right_source),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
