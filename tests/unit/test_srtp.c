#include "media/srtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "media/rtp.h"
#include "proxy/base/macros.h"

enum { PAYLOAD = 160, LEN = 12 + PAYLOAD };

struct bytes {
	uint8_t at[LEN + SRTP_ROOM] __attribute__((aligned(16)));
	size_t len;
};

/* A packet whose payload says which it is. */
static struct bytes packet(uint32_t ssrc, uint32_t index)
{
	struct bytes bytes = { .len = LEN };

	rtp_write_empty(0, (uint16_t)index, ssrc, bytes.at);
	memset(bytes.at + 12, (int)(index * 7 + ssrc), PAYLOAD);
	return bytes;
}

static struct bytes protected(struct srtp_way *out, uint32_t ssrc, uint32_t index)
{
	struct bytes bytes = packet(ssrc, index);

	assert_int_equal(srtp_way_protect(out, bytes.at, &bytes.len, false), SRTP_DONE);
	return bytes;
}

static enum srtp_result take(struct srtp_way *in, struct bytes bytes, uint32_t ssrc,
			     uint32_t index)
{
	struct bytes wanted = packet(ssrc, index);
	enum srtp_result result = srtp_way_unprotect(in, bytes.at, &bytes.len, false);

	if (result == SRTP_DONE) {
		assert_int_equal(bytes.len, wanted.len);
		assert_memory_equal(bytes.at, wanted.at, wanted.len);
	}
	return result;
}

static struct srtp_way *way(const struct srtp_key *key, bool is_in)
{
	struct srtp_way *made;

	assert_int_equal(srtp_way_new(key, is_in, NULL, &made), ERR_OK);
	return made;
}

struct ends {
	struct srtp_key key;
	struct srtp_way *out, *in;
};

static struct ends ends_of(enum srtp_suite suite)
{
	struct ends ends;

	suite_key_random(suite, &ends.key);
	ends.out = way(&ends.key, false);
	ends.in = way(&ends.key, true);
	return ends;
}

static void end(struct ends *ends)
{
	assert_null(srtp_way_free(ends->out));
	assert_null(srtp_way_free(ends->in));
}

static const struct {
	enum srtp_suite suite;
	size_t rtp_tag, rtcp_tag; /* RTCP: with its index */
} suites[] = {
	{ SRTP_AES_CM_128_HMAC_SHA1_80, 10, 14 }, { SRTP_AES_CM_128_HMAC_SHA1_32, 4, 14 },
	{ SRTP_AES_256_CM_HMAC_SHA1_80, 10, 14 }, { SRTP_AES_256_CM_HMAC_SHA1_32, 4, 14 },
	{ SRTP_AEAD_AES_128_GCM, 16, 20 },        { SRTP_AEAD_AES_256_GCM, 16, 20 },
};

static void test_each_suite(void **state)
{
	for (size_t i = 0; i < COUNT(suites); i++) {
		struct ends ends = ends_of(suites[i].suite);
		struct bytes rtp, rtcp = { .len = RTCP_HEADER_SIZE };

		assert_true(srtp_has_suite(suites[i].suite));
		rtp = protected(ends.out, 77, 65530);
		assert_int_equal(rtp.len, LEN + suites[i].rtp_tag);
		assert_memory_not_equal(rtp.at + 12, packet(77, 65530).at + 12, 16);
		assert_int_equal(take(ends.in, rtp, 77, 65530), SRTP_DONE);
		rtcp_write_empty(77, rtcp.at);
		assert_int_equal(srtp_way_protect(ends.out, rtcp.at, &rtcp.len, true),
				 SRTP_DONE);
		assert_int_equal(rtcp.len, RTCP_HEADER_SIZE + suites[i].rtcp_tag);
		assert_int_equal(srtp_way_unprotect(ends.in, rtcp.at, &rtcp.len, true),
				 SRTP_DONE);
		assert_int_equal(rtcp.len, RTCP_HEADER_SIZE);
		end(&ends);
	}
	assert_false(srtp_has_suite(SRTP_NONE));
}

/* RFC 3711 B.3's key derivation through RFC 4568's key text: what another implementation made
 * of a packet. The same is held against libsrtp's own ciphers when ours are installed. */
static void test_known_packet(void **state)
{
	static const uint8_t wanted[] = { 0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad,
					  0xca, 0xfe, 0xba, 0xbe, 0x4e, 0x55, 0xdc, 0x4c,
					  0xe7, 0x99, 0x78, 0xd8, 0x8c, 0xa4, 0xd2, 0x15,
					  0x94, 0x9d, 0x24, 0x02, 0xb7, 0x8d, 0x6a, 0xcc,
					  0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb };
	static const uint8_t master[] = { 0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0,
					  0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39,
					  0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb,
					  0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6 };
	struct srtp_key key = { .suite = SRTP_AES_CM_128_HMAC_SHA1_80 };
	struct bytes bytes = { .at = { 0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca,
				       0xfe, 0xba, 0xbe },
			       .len = 28 };
	struct srtp_way *out;

	memcpy(key.bytes, master, sizeof(master));
	memset(bytes.at + 12, 0xab, 16);
	out = way(&key, false);
	assert_int_equal(srtp_way_protect(out, bytes.at, &bytes.len, false), SRTP_DONE);
	assert_int_equal(bytes.len, sizeof(wanted));
	assert_memory_equal(bytes.at, wanted, sizeof(wanted));
	srtp_way_free(out);
}

static void test_over_the_end_of_sequence(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);

	for (uint32_t index = 65530;
	     index<65530 + 3 * 65536; index += index % 65536> 65000 || index % 65536 < 500
		     ? 1
		     : 200)
		assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index),
				 SRTP_DONE);
	end(&ends);
}

/* The first packets were lost, or came before the latch: the sender's counter is 1 already. */
static void test_first_packets_lost_before_the_end_of_sequence(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);

	for (uint32_t index = 65530; index < 65540; index++)
	protected(ends.out, 5, index);
	for (uint32_t index = 65540; index < 65560; index++)
		assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index),
				 SRTP_DONE);
	end(&ends);
}

/* A key that is older than we: its counter is found if it can be as high. */
static void test_key_that_is_older(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct srtp_way *late = way(&ends.key, true);
	const uint32_t index = 5 * 65536 + 40000;

	for (uint32_t i = 0; i < index; i += 30000)
	protected(ends.out, 5, i);
	assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index), SRTP_FORGED);
	srtp_way_expect_roc(late, 4);
	assert_int_equal(take(late, protected(ends.out, 5, index + 1), 5, index + 1),
			 SRTP_FORGED);
	srtp_way_expect_roc(late, 6);
	for (uint32_t i = index + 2; i < index + 30; i++)
		assert_int_equal(take(late, protected(ends.out, 5, i), 5, i), SRTP_DONE);
	srtp_way_free(late);
	end(&ends);
}

/* Far from the beginning of an SSRC. */
static void go_on(struct ends *ends, uint32_t ssrc, uint32_t index)
{
	for (uint32_t i = 0; i < index; i += 30000)
	protected(ends->out, ssrc, i);
}

static void forge(struct srtp_way *late, struct bytes bytes, uint32_t ssrc)
{
	bytes.at[11] = (uint8_t)ssrc;
	bytes.at[20] ^= 1;
	assert_int_equal(take(late, bytes, ssrc, 7), SRTP_FORGED);
}

/* Strangers send ten packets for each of a sender whose counter is looked for: they delay it,
 * and not each packet is looked at. */
static void test_key_that_is_older_among_forgeries(void **state)
{
	enum { FIRST = 1000, N = 30, INDEX = 5 * 65536 + 40000 };
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct srtp_way *late = way(&ends.key, true);
	const struct bytes forged = protected(ends.out, 100, 7);
	unsigned n_at_once = 0;

	srtp_way_expect_roc(late, 1000000);
	for (uint32_t i = 0; i < 20; i++) /* sixty-four tries each: what was free is over */
		forge(late, forged, 100 + i % 10);
	for (uint32_t ssrc = FIRST; ssrc < FIRST + N; ssrc++) {
		uint32_t n = 0;

		go_on(&ends, ssrc, INDEX);
		for (; n < 600; n++) {
			for (uint32_t i = 0; i < 10; i++)
				forge(late, forged, 100 + i);
			if (take(late, protected(ends.out, ssrc, INDEX + n), ssrc, INDEX + n) ==
			    SRTP_DONE)
				break;
		}
		assert_true(n < 600); /* one in 10^16 */
		n_at_once += n == 0;
		assert_int_equal(take(late, protected(ends.out, ssrc, INDEX + n + 1), ssrc,
				      INDEX + n + 1),
				 SRTP_DONE);
	}
	assert_true(n_at_once < N / 2); /* one in 10^9 */
	srtp_way_free(late);
	end(&ends);
}

static void test_order_changes_at_the_end_of_sequence(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes packets[12];
	static const unsigned order[] = { 0, 1, 6, 2, 7, 3, 5, 4, 8, 11, 10, 9 };

	for (unsigned i = 0; i < COUNT(packets); i++)
		packets[i] = protected(ends.out, 5, 65530 + i);
	for (unsigned i = 0; i < COUNT(order); i++)
		assert_int_equal(take(ends.in, packets[order[i]], 5, 65530 + order[i]),
				 SRTP_DONE);
	end(&ends);
}

static void test_replay(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes first = protected(ends.out, 5, 100);

	assert_int_equal(take(ends.in, first, 5, 100), SRTP_DONE);
	assert_int_equal(take(ends.in, first, 5, 100), SRTP_REPLAYED);
	for (uint32_t index = 101; index < 2000; index++)
		assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index),
				 SRTP_DONE);
	assert_int_equal(take(ends.in, first, 5, 100), SRTP_REPLAYED);
	end(&ends);
}

/* Two different packets under one index would give their contents away. */
static void test_nothing_is_encrypted_twice(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes again = packet(5, 100);

	protected(ends.out, 5, 100);
	memset(again.at + 12, 0x55, PAYLOAD);
	assert_int_equal(srtp_way_protect(ends.out, again.at, &again.len, false),
			 SRTP_REPLAYED);
	end(&ends);
}

static void test_forged(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80),
		    other = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes good = protected(ends.out, 5, 100), bad;

	for (size_t at = 0; at < good.len; at++) {
		bad = good;
		bad.at[at] ^= 0x10;
		assert_int_not_equal(take(ends.in, bad, 5, 100), SRTP_DONE);
	}
	for (size_t len = 0; len < good.len; len++) {
		bad = good;
		bad.len = len;
		assert_int_not_equal(take(ends.in, bad, 5, 100), SRTP_DONE);
	}
	assert_int_equal(take(ends.in, protected(other.out, 5, 100), 5, 100), SRTP_FORGED);
	assert_int_equal(take(ends.in, packet(5, 100), 5, 100), SRTP_FORGED); /* plain RTP */
	assert_int_equal(take(ends.in, good, 5, 100), SRTP_DONE); /* and none of it did harm */
	end(&ends);
	end(&other);
}

static void test_forged_rtcp(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes bye = { .at = { 0x81, 203, 0, 1, 0, 0, 0, 5 }, .len = 8 };

	assert_int_equal(srtp_way_unprotect(ends.in, bye.at, &bye.len, true), SRTP_FORGED);
	end(&ends);
}

static void test_another_ssrc_begins_at_0(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);

	for (uint32_t index = 65500; index < 65600; index++)
		assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index),
				 SRTP_DONE);
	for (uint32_t index = 65500; index < 65600; index++)
		assert_int_equal(take(ends.in, protected(ends.out, 6, index), 6, index),
				 SRTP_DONE);
	assert_int_equal(take(ends.in, protected(ends.out, 5, 65600), 5, 65600), SRTP_DONE);
	end(&ends);
}

static void test_ssrcs_are_bounded(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct srtp_way *out = way(&ends.key, false);
	struct bytes more;

	for (uint32_t ssrc = 0; ssrc < SRTP_MAX_SSRCS; ssrc++)
		assert_int_equal(take(ends.in, protected(ends.out, ssrc, 1), ssrc, 1),
				 SRTP_DONE);
	more = packet(SRTP_MAX_SSRCS, 1);
	assert_int_equal(srtp_way_protect(ends.out, more.at, &more.len, false), SRTP_REFUSED);
	assert_int_equal(take(ends.in, protected(out, SRTP_MAX_SSRCS, 1), SRTP_MAX_SSRCS, 1),
			 SRTP_REFUSED);
	assert_int_equal(take(ends.in, protected(ends.out, 3, 2), 3, 2), SRTP_DONE);
	srtp_way_free(out);
	end(&ends);
}

/* A change of keys in an old call: senders that begin at 0 (RFC 4568 7.1.4), and senders that
 * keep their counter (RFC 3711 3.3.1), are both understood. */
static void test_new_key(void **state)
{
	for (unsigned keeps = 0; keeps < 2; keeps++) {
		struct ends old = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
		struct srtp_key key;
		struct srtp_way *in, *out;
		uint32_t index;

		for (index = 60000; index < 3 * 65536; index += 100)
			assert_int_equal(take(old.in, protected(old.out, 5, index), 5, index),
					 SRTP_DONE);
		suite_key_random(SRTP_AES_256_CM_HMAC_SHA1_80, &key);
		assert_int_equal(srtp_way_new(&key, true, old.in, &in), ERR_OK);
		out = way(&key, false);
		/* A sender's counter is where its stream has been: run it there. */
		for (uint32_t at = keeps ? 60000 : index; at < index; at += 100)
		protected(out, 5, at);
		for (unsigned i = 0; i < 10; i++, index++)
			assert_int_equal(take(in, protected(out, 5, index), 5, index),
					 SRTP_DONE);
		srtp_way_free(in);
		srtp_way_free(out);
		end(&old);
	}
}

static void test_same_key_is_known(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct srtp_key other = ends.key;

	assert_true(srtp_way_has_key(ends.in, &ends.key));
	other.suite = SRTP_AES_CM_128_HMAC_SHA1_32;
	assert_false(srtp_way_has_key(ends.in, &other));
	other = ends.key;
	other.mki_len = 1;
	assert_false(srtp_way_has_key(ends.in, &other));
	end(&ends);
}

static void test_mki(void **state)
{
	struct srtp_key key, other;
	struct srtp_way *out, *in, *in_other;
	struct bytes bytes;

	suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &key);
	key.mki_len = 4;
	key.mki[3] = 1;
	other = key;
	other.mki[3] = 2;
	out = way(&key, false);
	in = way(&key, true);
	in_other = way(&other, true);
	bytes = protected(out, 5, 100);
	assert_int_equal(bytes.len, LEN + 10 + 4);
	assert_int_equal(take(in_other, bytes, 5, 100), SRTP_FORGED);
	assert_int_equal(take(in, bytes, 5, 100), SRTP_DONE);
	key.mki_len = SRTP_MKI_SIZE + 1;
	assert_int_equal(srtp_way_new(&key, true, NULL, &in), ERR_INVALID);
	srtp_way_free(out);
	srtp_way_free(in);
	srtp_way_free(in_other);
}

/* RTCP before RTP does not fix RTP's counter. */
static void test_rtcp_comes_first(void **state)
{
	struct ends ends = ends_of(SRTP_AES_CM_128_HMAC_SHA1_80);
	struct bytes rtcp = { .len = RTCP_HEADER_SIZE };

	for (uint32_t index = 65530; index < 65540; index++)
	protected(ends.out, 5, index);
	rtcp_write_empty(5, rtcp.at);
	assert_int_equal(srtp_way_protect(ends.out, rtcp.at, &rtcp.len, true), SRTP_DONE);
	assert_int_equal(srtp_way_unprotect(ends.in, rtcp.at, &rtcp.len, true), SRTP_DONE);
	for (uint32_t index = 65540; index < 65560; index++)
		assert_int_equal(take(ends.in, protected(ends.out, 5, index), 5, index),
				 SRTP_DONE);
	end(&ends);
}

static int start(void **state)
{
	assert_int_equal(srtp_start(), ERR_OK);
	assert_int_equal(srtp_start(), ERR_OK);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_suite),
		cmocka_unit_test(test_known_packet),
		cmocka_unit_test(test_over_the_end_of_sequence),
		cmocka_unit_test(test_first_packets_lost_before_the_end_of_sequence),
		cmocka_unit_test(test_order_changes_at_the_end_of_sequence),
		cmocka_unit_test(test_key_that_is_older),
		cmocka_unit_test(test_key_that_is_older_among_forgeries),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_nothing_is_encrypted_twice),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_forged_rtcp),
		cmocka_unit_test(test_another_ssrc_begins_at_0),
		cmocka_unit_test(test_ssrcs_are_bounded),
		cmocka_unit_test(test_new_key),
		cmocka_unit_test(test_same_key_is_known),
		cmocka_unit_test(test_mki),
		cmocka_unit_test(test_rtcp_comes_first),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
