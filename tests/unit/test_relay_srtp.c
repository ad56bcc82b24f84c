#include "tests/unit/media_world.h"

/* A caller with SRTP, a callee that is what a row needs. */
struct secure_phone {
	struct srtp_key own, relays;
	struct srtp_way *out, *in;
};

static struct relay *relay;
static struct phone a, b, stranger;
static struct relay_end a_end, b_end;

static void use_keys(struct secure_phone *phone, const struct srtp_key *own,
		     const struct srtp_key *relays_key)
{
	phone->own = *own;
	phone->relays = *relays_key;
	assert_int_equal(srtp_way_new(own, false, NULL, &phone->out), ERR_OK);
	assert_int_equal(srtp_way_new(relays_key, true, NULL, &phone->in), ERR_OK);
}

static struct secure_phone secure(enum srtp_suite suite, struct relay_end *end)
{
	struct secure_phone phone;
	struct srtp_key own, other;

	suite_key_random(suite, &own);
	suite_key_random(suite, &other);
	use_keys(&phone, &own, &other);
	end->security = RELAY_SDES;
	end->key_in = own;
	end->key_out = other;
	return phone;
}

static void drop_keys(struct secure_phone *phone)
{
	srtp_way_free(phone->out);
	srtp_way_free(phone->in);
}

static void begin(void)
{
	world_begin();
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	stranger = phone_at("127.32.0.66:46666");
	relay = open_relay(1);
	a_end = (struct relay_end){ .rtp = a.addr };
	b_end = (struct relay_end){ .rtp = b.addr };
}

static void tell(void)
{
	set(relay, 0, RELAY_CALLER, &a_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
}

static const struct relay_event *finish(void)
{
	const struct relay_event *event = close_relay(relay);

	close(a.fd);
	close(b.fd);
	close(stranger.fd);
	world_end();
	return event;
}

static void send_secure(const struct phone *from, struct secure_phone *phone,
			enum relay_leg leg, uint32_t ssrc, uint32_t index)
{
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
	size_t len = make_rtp(ssrc, index, bytes);

	assert_int_equal(srtp_way_protect(phone->out, bytes, &len, false), SRTP_DONE);
	send_bytes(from, relay, leg, 0, bytes, len);
}

static void assert_secure(const struct phone *at, struct secure_phone *phone, uint32_t ssrc,
			  uint32_t index)
{
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16))), wanted[WORLD_ROOM];
	size_t wanted_len = make_rtp(ssrc, index, wanted);
	ssize_t got = take_bytes(at, bytes, NULL);
	size_t len = (size_t)got;

	assert_true(got > (ssize_t)wanted_len);
	assert_int_equal(srtp_way_unprotect(phone->in, bytes, &len, false), SRTP_DONE);
	assert_int_equal(len, wanted_len);
	assert_memory_equal(bytes, wanted, len);
}

/* Both directions of one call, over the end of the sequence numbers. */
static void talk(struct secure_phone *caller, struct secure_phone *callee, uint32_t from,
		 uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		send_secure(&a, caller, RELAY_CALLER, 1, i);
		if (callee)
			assert_secure(&b, callee, 1, i);
		else
			assert_rtp(&b, relay, RELAY_CALLEE, 1, i);
		if (callee)
			send_secure(&b, callee, RELAY_CALLEE, 2, i);
		else
			send_rtp(&b, relay, RELAY_CALLEE, 2, i);
		assert_secure(&a, caller, 2, i);
	}
}

static void test_rtp_to_srtp_in_each_suite(void **state)
{
	for (unsigned suite = SRTP_NONE + 1; suite < SRTP_N_SUITES; suite++) {
		struct secure_phone phone;

		begin();
		phone = secure((enum srtp_suite)suite, &a_end);
		tell();
		talk(&phone, NULL, 65530, 65550);
		finish();
		drop_keys(&phone);
	}
}

static void test_srtp_to_srtp_with_other_keys(void **state)
{
	struct secure_phone caller, callee;

	begin();
	caller = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	callee = secure(SRTP_AEAD_AES_256_GCM, &b_end);
	tell();
	talk(&caller, &callee, 65530, 65550);
	finish();
	drop_keys(&caller);
	drop_keys(&callee);
}

static void test_rtcp_is_translated(void **state)
{
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16))), wanted[RTCP_HEADER_SIZE];
	struct secure_phone phone;
	size_t len = RTCP_HEADER_SIZE;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	a_end.is_muxed = b_end.is_muxed = true;
	tell();
	rtcp_write_empty(1, bytes);
	rtcp_write_empty(1, wanted);
	assert_int_equal(srtp_way_protect(phone.out, bytes, &len, true), SRTP_DONE);
	send_bytes(&a, relay, RELAY_CALLER, 0, bytes, len);
	assert_int_equal(take_bytes(&b, bytes, NULL), RTCP_HEADER_SIZE);
	assert_memory_equal(bytes, wanted, RTCP_HEADER_SIZE);
	send_bytes(&b, relay, RELAY_CALLEE, 0, wanted, RTCP_HEADER_SIZE);
	len = (size_t)take_bytes(&a, bytes, NULL);
	assert_int_equal(len, RTCP_HEADER_SIZE + 14);
	assert_int_equal(srtp_way_unprotect(phone.in, bytes, &len, true), SRTP_DONE);
	assert_memory_equal(bytes, wanted, RTCP_HEADER_SIZE);
	finish();
	drop_keys(&phone);
}

/* Hold and resume of an old call: the key stays, so do the counters, on both sides. */
static void test_counters_survive_signalling(void **state)
{
	struct secure_phone caller, callee;

	begin();
	caller = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	callee = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &b_end);
	tell();
	talk(&caller, &callee, 65500, 65600);
	a_end.is_blocked = b_end.is_blocked = true;
	tell();
	a_end.is_blocked = b_end.is_blocked = false;
	a_end.is_relatching = true;
	tell();
	talk(&caller, &callee, 65600, 65700);
	finish();
	drop_keys(&caller);
	drop_keys(&callee);
}

static void test_new_keys(void **state)
{
	struct secure_phone old, phone, callee;

	begin();
	old = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	callee = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &b_end);
	tell();
	talk(&old, &callee, 65500, 65600);
	phone = secure(SRTP_AES_256_CM_HMAC_SHA1_80, &a_end);
	tell();
	/* The callee's key stayed, and with it its counter; the caller's begins anew. */
	for (uint32_t i = 65600; i < 65610; i++) {
		send_secure(&a, &phone, RELAY_CALLER, 1, i);
		assert_secure(&b, &callee, 1, i);
	}
	send_secure(&a, &old, RELAY_CALLER, 1, 65610); /* under the key of before */
	assert_nothing(&b);
	assert_int_equal(finish()->stats[0][RELAY_CALLER].srtp_failures, 1);
	drop_keys(&old);
	drop_keys(&phone);
	drop_keys(&callee);
}

/* Early media of two branches in turn: the first one answers, and its counters are where they
 * were. */
static void test_keys_come_back(void **state)
{
	struct secure_phone first, second;
	struct relay_end first_end, second_end;

	begin();
	first = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	first_end = a_end;
	tell();
	talk(&first, NULL, 65530, 65540);
	second = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	second_end = a_end;
	set(relay, 0, RELAY_CALLER, &second_end);
	for (uint32_t i = 1; i < 5; i++) {
		send_secure(&a, &second, RELAY_CALLER, 3, i);
		assert_rtp(&b, relay, RELAY_CALLEE, 3, i);
	}
	set(relay, 0, RELAY_CALLER, &first_end);
	talk(&first, NULL, 65540, 65550);
	finish();
	drop_keys(&first);
	drop_keys(&second);
}

static void test_ssrc_changes(void **state)
{
	struct secure_phone phone;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	tell();
	talk(&phone, NULL, 65530, 65540);
	for (uint32_t i = 40000; i < 40005; i++) {
		send_secure(&a, &phone, RELAY_CALLER, 99, i);
		assert_rtp(&b, relay, RELAY_CALLEE, 99, i);
		send_rtp(&b, relay, RELAY_CALLEE, 98, i);
		assert_secure(&a, &phone, 98, i);
	}
	assert_int_equal(finish()->stats[0][RELAY_CALLER].n_ssrcs, 2);
	drop_keys(&phone);
}

static void test_forged_and_replayed_are_counted(void **state)
{
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
	struct secure_phone phone, forger;
	const struct relay_event *closed;
	struct relay_end other = { 0 };
	size_t len = make_rtp(1, 10, bytes);

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	forger = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &other);
	tell();
	assert_int_equal(srtp_way_protect(phone.out, bytes, &len, false), SRTP_DONE);
	send_bytes(&a, relay, RELAY_CALLER, 0, bytes, len);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 10);
	send_bytes(&a, relay, RELAY_CALLER, 0, bytes, len);
	send_secure(&a, &forger, RELAY_CALLER, 1, 11);
	send_rtp(&a, relay, RELAY_CALLER, 1, 12); /* in clear */
	assert_nothing(&b);
	talk(&phone, NULL, 13, 20);
	closed = finish();
	assert_int_equal(closed->stats[0][RELAY_CALLER].srtp_failures, 3);
	assert_int_equal(closed->stats[0][RELAY_CALLER].packets, 8);
	drop_keys(&phone);
	drop_keys(&forger);
}

/* With SRTP a latch believes authentic packets alone: strangers first, in between, and
 * later. */
static void test_strangers_do_not_latch(void **state)
{
	struct secure_phone phone, forger;
	struct relay_end other = { 0 };
	struct phone nat;

	begin();
	nat = phone_at("127.32.0.7:47000");
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	forger = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &other);
	a_end.is_latching = true;
	tell();
	for (uint32_t i = 1; i < 20; i++)
		send_secure(&stranger, &forger, RELAY_CALLER, 1, i);
	send_rtp(&stranger, relay, RELAY_CALLER, 1, 20);
	assert_int_equal(count_events(RELAY_LATCHED), 0);
	send_secure(&nat, &phone, RELAY_CALLER, 1, 1);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 1);
	assert_int_equal(count_events(RELAY_LATCHED), 1);
	send_secure(&stranger, &forger, RELAY_CALLER, 1, 21);
	turn(1000);
	send_secure(&nat, &phone, RELAY_CALLER, 1, 2);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 2);
	send_secure(&stranger, &forger, RELAY_CALLER, 1, 22); /* not even looked at any more */
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
	assert_secure(&nat, &phone, 2, 1);
	assert_nothing(&stranger);
	assert_nothing(&b);
	assert_int_equal(last_event(RELAY_LATCHED, NULL)->addr.in4.sin_port,
			 nat.addr.in4.sin_port);
	close(nat.fd);
	assert_int_equal(finish()->stats[0][RELAY_CALLER].rejected_sources, 2);
	drop_keys(&phone);
	drop_keys(&forger);
}

static void test_forged_bye(void **state)
{
	static const uint8_t bye[] = { 0x81, 203, 0, 1, 0, 0, 0, 1, 0x80, 0, 0,
				       1,    1,   2, 3, 4, 5, 6, 7, 8,    9, 10 };
	struct secure_phone phone;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	a_end.is_muxed = b_end.is_muxed = true;
	tell();
	talk(&phone, NULL, 1, 5);
	send_bytes(&a, relay, RELAY_CALLER, 0, bye,
		   sizeof(bye)); /* with the source forged as well */
	send_bytes(&stranger, relay, RELAY_CALLER, 0, bye, sizeof(bye));
	assert_nothing(&b);
	talk(&phone, NULL, 5, 10);
	assert_int_equal(last_event(RELAY_CLOSED, NULL), NULL);
	assert_int_equal(finish()->stats[0][RELAY_CALLER].srtp_failures, 1);
	drop_keys(&phone);
}

/* A call that is taken up: the phone goes on with the key, and the counter, of before. */
static void test_key_that_is_older(void **state)
{
	struct secure_phone phone;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	for (uint32_t i = 0; i < 3 * 65536; i += 30000) { /* before us */
		uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
		size_t len = make_rtp(1, i, bytes);

		assert_int_equal(srtp_way_protect(phone.out, bytes, &len, false), SRTP_DONE);
	}
	a_end.max_roc_in = 5;
	tell();
	for (uint32_t i = 3 * 65536; i < 3 * 65536 + 5; i++) {
		send_secure(&a, &phone, RELAY_CALLER, 1, i);
		assert_rtp(&b, relay, RELAY_CALLEE, 1, i);
	}
	assert_int_equal(finish()->stats[0][RELAY_CALLER].srtp_failures, 0);
	drop_keys(&phone);
}

static void send_report(const struct phone *from, struct secure_phone *phone)
{
	uint8_t bytes[WORLD_ROOM]
		__attribute__((aligned(16))) = { 0x80, 201, 0, 1, 0, 0, 0, 7 };
	size_t len = RTCP_HEADER_SIZE;

	assert_int_equal(srtp_way_protect(phone->out, bytes, &len, true), SRTP_DONE);
	send_bytes(from, relay, RELAY_CALLER, 1, bytes, len);
}

/* Nor does the latch of RTCP's port believe others. */
static void test_strangers_do_not_latch_rtcp(void **state)
{
	struct secure_phone phone, forger;
	struct relay_end other = { 0 };
	struct phone nat, b_rtcp;
	uint8_t bytes[WORLD_ROOM];

	begin();
	nat = phone_at("127.32.0.7:47123");
	b_rtcp = phone_at("127.32.0.3:43001");
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	forger = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &other);
	a_end.is_latching = true;
	tell();
	send_report(&stranger, &forger);
	assert_int_equal(count_events(RELAY_LATCHED), 0);
	turn(1000);
	send_report(&nat, &phone);
	assert_int_equal(count_events(RELAY_LATCHED), 1);
	assert_true(addr_equal(&last_event(RELAY_LATCHED, NULL)->addr, &nat.addr));
	assert_int_equal(take_bytes(&b_rtcp, bytes, NULL), RTCP_HEADER_SIZE);
	assert_nothing(&b_rtcp);
	close(nat.fd);
	close(b_rtcp.fd);
	assert_int_equal(finish()->stats[0][RELAY_CALLER].srtp_failures, 1);
	drop_keys(&phone);
	drop_keys(&forger);
}

/* A call whose phone is gone ends by the clock, though somebody who knows its address sends on,
 * without its key. */
static void test_forged_packets_keep_no_call(void **state)
{
	struct secure_phone phone, forger;
	struct relay_end other = { 0 };

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	forger = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &other);
	tell();
	assert_int_equal(relay_set_timeout(relay, 60000), ERR_OK);
	turn(0);
	talk(&phone, NULL, 1, 3);
	for (uint32_t i = 0; i < 7; i++) {
		send_secure(&a, &forger, RELAY_CALLER, 1, 100 + i);
		turn(10000);
	}
	assert_int_equal(count_events(RELAY_SILENT), 1);
	assert_int_equal(finish()->stats[0][RELAY_CALLER].srtp_failures, 7);
	drop_keys(&phone);
	drop_keys(&forger);
}

static void test_keepalive_is_protected(void **state)
{
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
	struct secure_phone phone;
	size_t len;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	a_end.keepalive_ms = 15000;
	tell();
	for (unsigned i = 0; i < 3; i++) {
		turn(15000);
		len = (size_t)take_bytes(&a, bytes, NULL);
		assert_int_equal(len, RTP_HEADER_SIZE + 10);
		assert_int_equal(srtp_way_unprotect(phone.in, bytes, &len, false), SRTP_DONE);
	}
	finish();
	drop_keys(&phone);
}

static void test_srtp_is_taken_off(void **state)
{
	struct secure_phone phone;

	begin();
	phone = secure(SRTP_AES_CM_128_HMAC_SHA1_80, &a_end);
	tell();
	talk(&phone, NULL, 1, 5);
	a_end.security = RELAY_PLAIN;
	tell();
	send_rtp(&a, relay, RELAY_CALLER, 1, 5);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 5);
	a_end.security = RELAY_SDES;
	tell();
	talk(&phone, NULL, 6, 10); /* the same keys go on where they were */
	finish();
	drop_keys(&phone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtp_to_srtp_in_each_suite),
		cmocka_unit_test(test_srtp_to_srtp_with_other_keys),
		cmocka_unit_test(test_rtcp_is_translated),
		cmocka_unit_test(test_counters_survive_signalling),
		cmocka_unit_test(test_new_keys),
		cmocka_unit_test(test_keys_come_back),
		cmocka_unit_test(test_ssrc_changes),
		cmocka_unit_test(test_forged_and_replayed_are_counted),
		cmocka_unit_test(test_strangers_do_not_latch),
		cmocka_unit_test(test_key_that_is_older),
		cmocka_unit_test(test_strangers_do_not_latch_rtcp),
		cmocka_unit_test(test_forged_packets_keep_no_call),
		cmocka_unit_test(test_forged_bye),
		cmocka_unit_test(test_keepalive_is_protected),
		cmocka_unit_test(test_srtp_is_taken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
