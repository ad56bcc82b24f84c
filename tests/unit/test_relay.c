#include "tests/unit/media_world.h"

#include <netinet/ip.h>

/* Two phones that are told where they are, without NAT and SRTP. */
struct call {
	struct relay *relay;
	struct phone a, b, a_rtcp, b_rtcp;
	struct relay_end a_end, b_end;
};

static struct call call_begin(uint32_t timeout_ms)
{
	struct call call;

	world_begin();
	call = (struct call){ .a = phone_at("127.32.0.2:42000"),
			      .b = phone_at("127.32.0.3:43000"),
			      .a_rtcp = phone_at("127.32.0.2:42001"),
			      .b_rtcp = phone_at("127.32.0.3:43001") };
	call.relay = open_between("127.32.0.1", "127.32.0.1", 1, timeout_ms);
	call.a_end.rtp = call.a.addr;
	call.b_end.rtp = call.b.addr;
	set(call.relay, 0, RELAY_CALLER, &call.a_end);
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	return call;
}

static void call_end(struct call *call)
{
	close(call->a.fd);
	close(call->b.fd);
	close(call->a_rtcp.fd);
	close(call->b_rtcp.fd);
	world_end();
}

static size_t make_report(uint32_t lost, uint8_t out[32])
{
	memset(out, 0, 32);
	out[0] = 0x81, out[1] = 201, out[3] = 7, out[7] = 9;
	out[15] = (uint8_t)lost, out[27 - 4] = 80;
	return 32;
}

static void test_both_ways_and_counted(void **state)
{
	struct call call = call_begin(0);
	const struct relay_event *closed;
	const struct relay_end_stats *a, *b;

	assert_int_equal(relay_port(call.relay, 0, RELAY_CALLER) % 2, 0);
	assert_int_not_equal(relay_port(call.relay, 0, RELAY_CALLER),
			     relay_port(call.relay, 0, RELAY_CALLEE));
	assert_int_equal(relay_port(call.relay, 1, RELAY_CALLER), 0);
	for (unsigned i = 0; i < 10; i++) {
		turn(20);
		send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 65530 + i);
		assert_rtp(&call.b, call.relay, RELAY_CALLEE, 1, 65530 + i);
		if (i == 4)
			continue;
		send_rtp(&call.b, call.relay, RELAY_CALLEE, 2, i);
		assert_rtp(&call.a, call.relay, RELAY_CALLER, 2, i);
	}
	assert_int_equal(relay_ask_stats(call.relay), ERR_OK);
	turn(0);
	assert_int_equal(last_event(RELAY_STATS, NULL)->stats[0][RELAY_CALLER].packets, 10);
	closed = close_relay(call.relay);
	assert_int_equal(closed->n_streams, 1);
	a = &closed->stats[0][RELAY_CALLER];
	b = &closed->stats[0][RELAY_CALLEE];
	assert_int_equal(a->packets, 10);
	assert_int_equal(a->bytes, 10 * (12 + WORLD_PAYLOAD));
	assert_int_equal(a->lost, 0);
	assert_int_equal(a->sent_packets, 9);
	assert_true(addr_equal(&a->source, &call.a.addr));
	assert_int_equal(b->packets, 9);
	assert_int_equal(b->lost, 1);
	assert_int_equal(b->sent_packets, 10);
	assert_int_equal(a->rejected_sources + b->rejected_sources + a->dropped + b->dropped,
			 0);
	call_end(&call);
}

static void test_totals(void **state)
{
	struct call call = call_begin(0);
	struct relays_totals totals;

	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 1);
	relays_totals(relays, &totals);
	assert_int_equal(totals.packets, 1);
	assert_int_equal(totals.n_relays, 1);
	assert_int_equal(totals.n_streams, 1);
	assert_int_equal(totals.n_pairs_used, 2);
	close_relay(call.relay);
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_relays, 0);
	assert_int_equal(totals.n_streams, 0);
	assert_int_equal(totals.n_pairs_used, 0);
	assert_int_equal(totals.n_pairs_resting, 2);
	call_end(&call);
}

static void test_nothing_before_it_is_set(void **state)
{
	struct phone a, b;
	struct relay *relay;
	struct relay_end end = { 0 };

	world_begin();
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	relay = open_relay(1);
	send_rtp(&a, relay, RELAY_CALLER, 1, 1);
	end.rtp = a.addr;
	set(relay, 0, RELAY_CALLER, &end);
	send_rtp(&a, relay, RELAY_CALLER, 1, 2); /* nobody there yet */
	assert_nothing(&b);
	end.rtp = b.addr;
	set(relay, 0, RELAY_CALLEE, &end);
	send_rtp(&a, relay, RELAY_CALLER, 1, 3);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 3);
	assert_int_equal(close_relay(relay)->stats[0][RELAY_CALLER].rejected_sources, 1);
	close(a.fd);
	close(b.fd);
	world_end();
}

static void test_rtcp_both_ways(void **state)
{
	struct call call = call_begin(0);
	uint8_t report[32], bytes[WORLD_ROOM];
	size_t len = make_report(5, report);
	const struct relay_event *closed;
	struct addr from;

	send_bytes(&call.a_rtcp, call.relay, RELAY_CALLER, 1, report, len);
	assert_int_equal(take_bytes(&call.b_rtcp, bytes, &from), len);
	assert_memory_equal(bytes, report, len);
	assert_int_equal(addr_port(&from), relay_port(call.relay, 0, RELAY_CALLEE) + 1);
	send_bytes(&call.b_rtcp, call.relay, RELAY_CALLEE, 1, report, len);
	assert_int_equal(take_bytes(&call.a_rtcp, bytes, NULL), len);
	call.b_end.is_sealed = true; /* what its reports say is not for us */
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	report[15] = 99;
	send_bytes(&call.b_rtcp, call.relay, RELAY_CALLEE, 1, report, len);
	assert_int_equal(take_bytes(&call.a_rtcp, bytes, NULL), len);
	closed = close_relay(call.relay);
	assert_int_equal(closed->stats[0][RELAY_CALLEE].told_lost, 5);
	assert_int_equal(closed->stats[0][RELAY_CALLER].rtcp_packets, 1);
	assert_int_equal(closed->stats[0][RELAY_CALLER].sent_rtcp_packets, 2);
	assert_int_equal(closed->stats[0][RELAY_CALLER].told_lost, 5);
	call_end(&call);
}

/* RFC 5761 towards the caller, two ports towards the callee. */
static void test_mux_on_one_side(void **state)
{
	struct call call = call_begin(0);
	uint8_t report[32], bytes[WORLD_ROOM];
	size_t len = make_report(0, report);

	call.a_end.is_muxed = true;
	set(call.relay, 0, RELAY_CALLER, &call.a_end);
	send_bytes(&call.a, call.relay, RELAY_CALLER, 0, report, len);
	assert_int_equal(take_bytes(&call.b_rtcp, bytes, NULL), len);
	send_bytes(&call.b_rtcp, call.relay, RELAY_CALLEE, 1, report, len);
	assert_int_equal(take_bytes(&call.a, bytes, NULL), len);
	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 1);
	assert_rtp(&call.b, call.relay, RELAY_CALLEE, 1, 1);
	close_relay(call.relay);
	call_end(&call);
}

static void test_rtcp_address_of_its_own(void **state)
{
	struct call call = call_begin(0);
	struct phone elsewhere = phone_at("127.32.0.9:49000");
	uint8_t report[32], bytes[WORLD_ROOM];
	size_t len = make_report(0, report);

	call.b_end.rtcp = elsewhere.addr;
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	send_bytes(&call.a_rtcp, call.relay, RELAY_CALLER, 1, report, len);
	assert_int_equal(take_bytes(&elsewhere, bytes, NULL), len);
	assert_nothing(&call.b_rtcp);
	close(elsewhere.fd);
	close_relay(call.relay);
	call_end(&call);
}

static void test_latched_and_told(void **state)
{
	struct call call = call_begin(0);
	struct phone nat = phone_at("127.32.0.7:47000");
	const struct relay_event *latched;

	call.a_end.is_latching = true;
	set(call.relay, 0, RELAY_CALLER, &call.a_end);
	send_rtp(&nat, call.relay, RELAY_CALLER, 1, 1);
	latched = last_event(RELAY_LATCHED, NULL);
	assert_non_null(latched);
	assert_int_equal(latched->leg, RELAY_CALLER);
	assert_false(latched->is_rtcp);
	assert_true(addr_equal(&latched->addr, &nat.addr));
	assert_rtp(&call.b, call.relay, RELAY_CALLEE, 1, 1);
	send_rtp(&call.b, call.relay, RELAY_CALLEE, 2, 1);
	assert_rtp(&nat, call.relay, RELAY_CALLER, 2, 1);
	assert_nothing(&call.a);
	close(nat.fd);
	close_relay(call.relay);
	call_end(&call);
}

static void test_silence_is_told_once_each_time(void **state)
{
	struct call call = call_begin(60000);
	struct relays_totals totals;

	turn(59999);
	assert_int_equal(count_events(RELAY_SILENT), 0);
	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 1);
	turn(59999);
	assert_int_equal(count_events(RELAY_SILENT), 0);
	turn(1);
	assert_int_equal(count_events(RELAY_SILENT), 1);
	turn(600000);
	assert_int_equal(count_events(RELAY_SILENT), 1);
	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 2); /* it works on, and is watched on */
	turn(60000);
	assert_int_equal(count_events(RELAY_SILENT), 2);
	relays_totals(relays, &totals);
	assert_int_equal(totals.timeouts, 2);
	assert_int_equal(relay_set_timeout(call.relay, 0), ERR_OK);
	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 3);
	turn(3600000);
	assert_int_equal(count_events(RELAY_SILENT), 2);
	close_relay(call.relay);
	call_end(&call);
}

/* What strangers send is no life. */
static void test_strangers_do_not_keep_a_call(void **state)
{
	struct call call = call_begin(60000);
	struct phone stranger = phone_at("127.32.0.66:46666");

	for (unsigned i = 0; i < 7; i++) {
		send_rtp(&stranger, call.relay, RELAY_CALLER, 1, i);
		turn(10000);
	}
	assert_int_equal(count_events(RELAY_SILENT), 1);
	close(stranger.fd);
	close_relay(call.relay);
	call_end(&call);
}

static void test_blocked_side_is_not_heard(void **state)
{
	struct call call = call_begin(60000);

	call.a_end.is_blocked = true;
	set(call.relay, 0, RELAY_CALLER, &call.a_end);
	for (unsigned i = 0; i < 7; i++) {
		send_rtp(&call.a, call.relay, RELAY_CALLER, 1, i);
		turn(10000);
	}
	assert_nothing(&call.b);
	assert_int_equal(count_events(RELAY_SILENT), 0); /* but it lives */
	send_rtp(&call.b, call.relay, RELAY_CALLEE, 2, 1);
	assert_rtp(&call.a, call.relay, RELAY_CALLER, 2, 1);
	close_relay(call.relay);
	call_end(&call);
}

/* RFC 6263: RTP with a free payload type and RTCP, while nothing else is sent. */
static void test_keepalive_on_hold(void **state)
{
	struct call call = call_begin(0);
	uint8_t bytes[WORLD_ROOM];
	struct rtp_header header;
	uint16_t first;

	call.b_end.keepalive_ms = 15000;
	call.b_end.keepalive_payload = 120;
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	turn(14999);
	assert_nothing(&call.b);
	turn(1);
	assert_int_equal(take_bytes(&call.b, bytes, NULL), RTP_HEADER_SIZE);
	assert_true(rtp_read(bytes, RTP_HEADER_SIZE, &header));
	assert_int_equal(header.payload_type, 120);
	first = header.sequence;
	assert_int_equal(take_bytes(&call.b_rtcp, bytes, NULL), RTCP_HEADER_SIZE);
	assert_int_equal(packet_kind_of(bytes, RTCP_HEADER_SIZE), PACKET_RTCP);
	turn(15000);
	assert_int_equal(take_bytes(&call.b, bytes, NULL), RTP_HEADER_SIZE);
	assert_true(rtp_read(bytes, RTP_HEADER_SIZE, &header));
	assert_int_equal(header.sequence, (uint16_t)(first + 1));
	assert_nothing(&call.a);
	for (unsigned i = 0; i < 800; i++) { /* 16 s of media: RTP needs no help meanwhile */
		send_rtp(&call.a, call.relay, RELAY_CALLER, 1, i);
		assert_rtp(&call.b, call.relay, RELAY_CALLEE, 1, i);
		turn(20);
	}
	assert_nothing(&call.b);
	call.b_end.keepalive_ms = 0;
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	turn(60000);
	assert_nothing(&call.b);
	close_relay(call.relay);
	call_end(&call);
}

/* T.38 over UDP, and whatever else: untouched, from the told source alone. */
static void test_opaque(void **state)
{
	struct call call = call_begin(0);
	uint8_t bytes[WORLD_ROOM], udptl[] = { 0, 1, 2, 6, 0, 0xc0, 1, 0x80 };

	call.a_end.is_opaque = call.b_end.is_opaque = true;
	set(call.relay, 0, RELAY_CALLER, &call.a_end);
	set(call.relay, 0, RELAY_CALLEE, &call.b_end);
	send_bytes(&call.a, call.relay, RELAY_CALLER, 0, udptl, sizeof(udptl));
	assert_int_equal(take_bytes(&call.b, bytes, NULL), sizeof(udptl));
	assert_memory_equal(bytes, udptl, sizeof(udptl));
	send_bytes(&call.a_rtcp, call.relay, RELAY_CALLER, 0, udptl,
		   sizeof(udptl)); /* another port of that host */
	assert_nothing(&call.b);
	assert_int_equal(close_relay(call.relay)->stats[0][RELAY_CALLER].packets, 1);
	call_end(&call);
}

/* Ends that have SRTP or DTLS between themselves. */
static void test_passthrough(void **state)
{
	struct call call = call_begin(0);
	uint8_t bytes[WORLD_ROOM], dtls[40] = { 22, 254, 253 };

	send_bytes(&call.a, call.relay, RELAY_CALLER, 0, dtls, sizeof(dtls));
	assert_nothing(&call.b); /* not before its source is known */
	send_rtp(&call.a, call.relay, RELAY_CALLER, 1, 1);
	assert_rtp(&call.b, call.relay, RELAY_CALLEE, 1, 1);
	send_bytes(&call.a, call.relay, RELAY_CALLER, 0, dtls, sizeof(dtls));
	assert_int_equal(take_bytes(&call.b, bytes, NULL), sizeof(dtls));
	assert_memory_equal(bytes, dtls, sizeof(dtls));
	close_relay(call.relay);
	call_end(&call);
}

static void test_ipv4_to_ipv6(void **state)
{
	struct phone a, b;
	struct relay_end a_end = { 0 }, b_end = { 0 };
	struct relay *relay;
	struct addr to;
	uint8_t bytes[WORLD_ROOM];

	world_begin();
	a = phone_at("127.32.0.2:42000");
	b = phone_at("[::1]:0");
	relay = open_between("127.32.0.1", "::1", 1, 0);
	a_end.rtp = a.addr;
	b_end.rtp = b.addr;
	set(relay, 0, RELAY_CALLER, &a_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
	send_rtp(&a, relay, RELAY_CALLER, 1, 1);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 1);
	to = relay_addr(relay, 0, RELAY_CALLEE, "::1", 0);
	make_rtp(2, 1, bytes);
	send_to(&b, &to, bytes, RTP_HEADER_SIZE + WORLD_PAYLOAD);
	assert_rtp(&a, relay, RELAY_CALLER, 2, 1);
	close_relay(relay);
	close(a.fd);
	close(b.fd);
	world_end();
}

static void test_all_streams_or_none(void **state)
{
	struct relay_settings settings = {
		.bind = { address("127.32.0.1"), address("127.32.0.1") }, .n_streams = 2
	};
	struct relay_owner owner = { .on_event = on_event, .user = &loop };
	struct relays_totals totals;
	struct relay *relay;

	world_begin_with(3);
	owner.mailbox = mailbox;
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_LIMIT);
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_pairs_used, 0);
	assert_int_equal(totals.n_relays, 0);
	turn(30000); /* what was opened in vain rests, too */
	settings.n_streams = 1;
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_OK);
	assert_int_equal(relay_add_streams(relay, 1), ERR_LIMIT);
	assert_int_equal(relay_n_streams(relay), 1);
	close_relay(relay);
	settings.n_streams = 0;
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_INVALID);
	settings.n_streams = RELAY_MAX_STREAMS + 1;
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_INVALID);
	settings.n_streams = 1;
	settings.bind[0] = address("192.0.2.77");
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_ADDRESS);
	world_end();
}

static void test_stream_is_added(void **state)
{
	struct call call = call_begin(0);
	struct addr to;
	uint8_t bytes[WORLD_ROOM];
	size_t len = make_rtp(7, 7, bytes);

	assert_int_equal(relay_set(call.relay, 1, RELAY_CALLER, &call.a_end), ERR_INVALID);
	assert_int_equal(relay_add_streams(call.relay, 1), ERR_OK);
	assert_int_equal(relay_n_streams(call.relay), 2);
	set(call.relay, 1, RELAY_CALLER, &call.a_end);
	set(call.relay, 1, RELAY_CALLEE, &call.b_end);
	to = relay_addr(call.relay, 1, RELAY_CALLER, "127.32.0.1", 0);
	send_to(&call.a, &to, bytes, len);
	assert_int_equal(take_bytes(&call.b, bytes, &to), len);
	assert_int_equal(addr_port(&to), relay_port(call.relay, 1, RELAY_CALLEE));
	assert_int_equal(relay_add_streams(call.relay, RELAY_MAX_STREAMS), ERR_INVALID);
	assert_int_equal(close_relay(call.relay)->stats[1][RELAY_CALLER].packets, 1);
	call_end(&call);
}

static void test_contradictions_are_refused(void **state)
{
	struct call call = call_begin(0);
	struct relay_end end = { .security = RELAY_SDES };

	assert_int_equal(relay_set(call.relay, 0, RELAY_CALLER, &end),
			 ERR_INVALID); /* without keys */
	end = (struct relay_end){ .security = RELAY_DTLS };
	assert_int_equal(relay_set(call.relay, 0, RELAY_CALLER, &end),
			 ERR_INVALID); /* without fingerprint */
	end = (struct relay_end){ .is_opaque = true, .security = RELAY_SDES };
	suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &end.key_in);
	end.key_out = end.key_in;
	assert_int_equal(relay_set(call.relay, 0, RELAY_CALLER, &end), ERR_INVALID);
	end = (struct relay_end){ .keepalive_payload = 128 };
	assert_int_equal(relay_set(call.relay, 0, RELAY_CALLER, &end), ERR_INVALID);
	close_relay(call.relay);
	call_end(&call);
}

static void test_dscp(void **state)
{
	struct relay_settings settings = { .bind = { address("127.32.0.1"),
						     address("127.32.0.1") },
					   .n_streams = 1,
					   .dscp = { 0, 46 } };
	struct relay_owner owner = { .on_event = on_event, .user = &loop };
	struct phone a, b;
	struct relay_end a_end = { 0 }, b_end = { 0 };
	char control[64];
	uint8_t bytes[WORLD_ROOM];
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr head = { .msg_iov = &part,
			       .msg_iovlen = 1,
			       .msg_control = control,
			       .msg_controllen = sizeof(control) };
	struct relay *relay;
	int on = 1;

	world_begin();
	owner.mailbox = mailbox;
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	assert_int_equal(setsockopt(b.fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_OK);
	a_end.rtp = a.addr;
	b_end.rtp = b.addr;
	set(relay, 0, RELAY_CALLER, &a_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
	send_rtp(&a, relay, RELAY_CALLER, 1, 1);
	assert_true(recvmsg(b.fd, &head, 0) > 0);
	assert_non_null(CMSG_FIRSTHDR(&head));
	assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&head)), 46 << 2);
	settings.dscp[0] = 64;
	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_INVALID);
	close(a.fd);
	close(b.fd);
	world_end();
}

/* The workers end while calls are up. */
static void test_end_of_the_workers(void **state)
{
	struct call call = call_begin(60000);

	open_relay(2);
	relays = relays_free(relays);
	turn(0);
	assert_int_equal(count_events(RELAY_CLOSED), 2);
	call_end(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways_and_counted, no_files_left,
						no_files_more),
		cmocka_unit_test_setup_teardown(test_totals, no_files_left, no_files_more),
		cmocka_unit_test(test_nothing_before_it_is_set),
		cmocka_unit_test(test_rtcp_both_ways),
		cmocka_unit_test(test_mux_on_one_side),
		cmocka_unit_test(test_rtcp_address_of_its_own),
		cmocka_unit_test(test_latched_and_told),
		cmocka_unit_test(test_silence_is_told_once_each_time),
		cmocka_unit_test(test_strangers_do_not_keep_a_call),
		cmocka_unit_test(test_blocked_side_is_not_heard),
		cmocka_unit_test(test_keepalive_on_hold),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_passthrough),
		cmocka_unit_test(test_ipv4_to_ipv6),
		cmocka_unit_test_setup_teardown(test_all_streams_or_none, no_files_left,
						no_files_more),
		cmocka_unit_test(test_stream_is_added),
		cmocka_unit_test(test_contradictions_are_refused),
		cmocka_unit_test(test_dscp),
		cmocka_unit_test_setup_teardown(test_end_of_the_workers, no_files_left,
						no_files_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
