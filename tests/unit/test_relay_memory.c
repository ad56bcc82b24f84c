/* The n-th allocation fails, for every n: what could not be done was refused or told, no port
 * and no memory is left behind, and afterwards everything works. Linked with --wrap
 * (meson.build). */
#include "tests/unit/media_world.h"

#include "tests/unit/fake_door.h"
#include "tests/world/faults.h"

static struct relay_end secure_end(const struct phone *phone)
{
	struct relay_end end = { .rtp = phone->addr, .security = RELAY_SDES };

	suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &end.key_in);
	suite_key_random(SRTP_AES_256_CM_HMAC_SHA1_80, &end.key_out);
	return end;
}

static void may_fail(enum err err)
{
	assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
}

/* A call with everything that takes memory; true if it came up. */
static bool play(const struct phone *a, const struct phone *b)
{
	struct relay_settings settings = {
		.bind = { address("127.32.0.1"), address("127.32.0.1") }, .n_streams = 1
	};
	struct relay_owner owner = { .mailbox = mailbox, .on_event = on_event, .user = &loop };
	struct relay_end a_end = secure_end(a), b_end = { .rtp = b->addr, .is_latching = true },
			 dtls = { .rtp = b->addr };
	struct addr server = b->addr;
	struct relay *relay;
	enum err err = relay_open(relays, &settings, &owner, &relay);

	may_fail(err);
	if (err)
		return false;
	may_fail(relay_set(relay, 0, RELAY_CALLER, &a_end));
	may_fail(relay_set(relay, 0, RELAY_CALLEE, &b_end));
	may_fail(relay_add_streams(relay, 1));
	dtls.security = RELAY_DTLS;
	dtls.fingerprint = (struct relay_fingerprint){ .hash = "sha-256", .len = 32 };
	if (relay_n_streams(relay) == 2)
		may_fail(relay_set(relay, 1, RELAY_CALLEE, &dtls));
	may_fail(relay_ask_mapping(relay, RELAY_CALLEE, &server, 1, 100));
	turn(0);
	send_rtp(a, relay, RELAY_CALLER, 1, 1); /* in clear: refused, if it has its keys */
	send_rtp(b, relay, RELAY_CALLEE, 2, 1);
	may_fail(relay_ask_stats(relay));
	may_fail(relay_set_timeout(relay, 1000));
	turn(1000);
	relay_close(relay);
	turn(0);
	return true;
}

static void drain(const struct phone *phone)
{
	uint8_t bytes[WORLD_ROOM];

	while (take_bytes(phone, bytes, NULL) >= 0)
		;
}

static bool fail_at(const struct phone *a, const struct phone *b, unsigned n, bool is_lasting)
{
	struct relays_totals totals;
	bool was_open, has_failed;

	n_events = 0;
	faults_begin(n, is_lasting);
	was_open = play(a, b);
	has_failed = faults_end();
	turn(1000);
	assert_int_equal(count_events(RELAY_CLOSED), was_open); /* needs no memory */
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_relays, 0);
	assert_int_equal(totals.n_streams, 0);
	assert_int_equal(totals.n_pairs_used, 0);
	drain(a);
	drain(b);
	turn(30000); /* the pairs have rested */
	return has_failed;
}

static void test_each_allocation_of_a_call(void **state)
{
	struct phone a, b;

	world_begin();
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	for (unsigned is_lasting = 0; is_lasting < 2; is_lasting++) {
		unsigned n = 1;

		while (fail_at(&a, &b, n, is_lasting))
			n++;
		assert_true(n > 10);                            /* so many there are at least */
		assert_int_equal(count_events(RELAY_STATS), 1); /* and the last one went well */
		assert_int_equal(count_events(RELAY_SILENT), 1);
		assert_int_equal(count_events(RELAY_LATCHED), 1);
		assert_int_equal(count_events(RELAY_MAPPED), 4);
	}
	close(a.fd);
	close(b.fd);
	world_end();
}

/* A call that settles while the kernel path is switched on. What cannot be had goes through the
 * program. */
static bool settle(const struct phone *a, const struct phone *b)
{
	struct relay_settings settings = {
		.bind = { address("127.32.0.1"), address("127.32.0.1") }, .n_streams = 1
	};
	struct relay_owner owner = { .mailbox = mailbox, .on_event = on_event, .user = &loop };
	struct relay_end a_end = { .rtp = a->addr }, b_end = { .rtp = b->addr };
	struct relay *relay;
	enum err err;

	may_fail(relays_set_kernel(relays, true));
	err = relay_open(relays, &settings, &owner, &relay);
	may_fail(err);
	if (err)
		return false;
	may_fail(relay_set(relay, 0, RELAY_CALLER, &a_end));
	may_fail(relay_set(relay, 0, RELAY_CALLEE, &b_end));
	for (unsigned i = 0; i < 12; i++) {
		turn(200);
		send_rtp(a, relay, RELAY_CALLER, 1, i);
		send_rtp(b, relay, RELAY_CALLEE, 2, i);
	}
	/* also while one alone is in */
	may_fail(relays_set_kernel(relays, door.n_flows % 2 == 1));
	turn(0);
	relay_close(relay);
	turn(0);
	return true;
}

static void test_each_allocation_of_the_kernel_path(void **state)
{
	bool has_failed = true;
	struct phone a, b;

	fake_door_reset();
	world_begin_with_door(&fake_door);
	a = phone_at("127.32.0.2:42000");
	b = phone_at("127.32.0.3:43000");
	for (unsigned n = 1; has_failed; n++) {
		bool was_open;

		n_events = 0;
		faults_begin(n, false);
		was_open = settle(&a, &b);
		has_failed = faults_end();
		turn(1000);
		assert_int_equal(count_events(RELAY_CLOSED), was_open);
		assert_int_equal(door.n_flows, 0);
		drain(&a);
		drain(&b);
		turn(30000);
	}
	assert_true(door.n_changes > 8); /* it did enter and leave */
	close(a.fd);
	close(b.fd);
	world_end();
	assert_false(door.is_open);
}

static void test_each_allocation_of_the_start(void **state)
{
	struct relays_settings settings = { .first_port = WORLD_PORTS,
					    .last_port = WORLD_PORTS + 9 };
	bool has_failed = true;

	assert_int_equal(loop_new_turned(0, &loop), ERR_OK);
	settings.loop = loop;
	for (unsigned n = 1; has_failed; n++) {
		enum err err;

		faults_begin(n, false);
		err = relays_new(&settings, &relays);
		has_failed = faults_end();
		assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
		assert_int_equal(err == ERR_OK, !has_failed);
		if (!err)
			relays = relays_free(relays);
	}
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_allocation_of_a_call, no_files_left,
						no_files_more),
		cmocka_unit_test_setup_teardown(test_each_allocation_of_the_kernel_path,
						no_files_left, no_files_more),
		cmocka_unit_test_setup_teardown(test_each_allocation_of_the_start,
						no_files_left, no_files_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
