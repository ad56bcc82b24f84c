#include "media/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const struct {
	const char *name;
	uint8_t first, second;
	size_t len;
	enum packet_kind want;
} kinds[] = {
	{ "RTP", 0x80, 0, 172, PACKET_RTP },
	{ "RTP, marker and type 127", 0x80, 0xff, 172, PACKET_RTP },
	{ "RTP without payload", 0x80, 0, 12, PACKET_RTP },
	{ "RTP cut", 0x80, 0, 11, PACKET_OTHER },
	{ "RTCP SR, RFC 5761 4", 0x80, 200, 28, PACKET_RTCP },
	{ "RTCP, the lowest", 0x80, 192, 8, PACKET_RTCP },
	{ "RTCP, the highest", 0x80, 223, 8, PACKET_RTCP },
	{ "below RTCP", 0x80, 191, 12, PACKET_RTP },
	{ "above RTCP", 0x80, 224, 12, PACKET_RTP },
	{ "RTCP cut", 0x80, 200, 7, PACKET_OTHER },
	{ "STUN, RFC 7983 7", 0, 1, 20, PACKET_STUN },
	{ "STUN cut", 0, 1, 19, PACKET_OTHER },
	{ "the last of STUN", 3, 0, 20, PACKET_STUN },
	{ "ZRTP", 16, 0, 40, PACKET_OTHER },
	{ "DTLS, the first", 20, 254, 13, PACKET_DTLS },
	{ "DTLS, the last", 63, 254, 13, PACKET_DTLS },
	{ "DTLS cut", 22, 254, 12, PACKET_OTHER },
	{ "TURN channel", 64, 0, 20, PACKET_OTHER },
	{ "QUIC", 127, 0, 20, PACKET_OTHER },
	{ "beyond RTP", 192, 0, 20, PACKET_OTHER },
	{ "nothing", 0x80, 0, 0, PACKET_OTHER },
};

static void test_kinds(void **state)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		uint8_t bytes[200] = { kinds[i].first, kinds[i].second };

		if (packet_kind_of(bytes, kinds[i].len) != kinds[i].want)
			fail_msg("%s", kinds[i].name);
	}
}

static const struct {
	const char *name;
	uint8_t bytes[24];
	size_t len;
	bool want;
} headers[] = {
	{ "plain", { 0x80, 0x88, 0xff, 0xfa, 0, 0, 1, 0, 1, 2, 3, 4 }, 12, true },
	{ "version 1", { 0x40, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, false },
	{ "two CSRCs fit", { 0x82, 8 }, 20, true },
	{ "two CSRCs do not fit", { 0x82, 8 }, 19, false },
	{ "extension fits",
	  { 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1 },
	  20,
	  true },
	{ "extension does not fit",
	  { 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2 },
	  20,
	  false },
	{ "extension of 256 KiB",
	  { 0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0xff, 0xff },
	  24,
	  false },
	{ "extension's head is cut", { 0x90, 8 }, 15, false },
};

static void test_headers(void **state)
{
	struct rtp_header header;

	for (size_t i = 0; i < COUNT(headers); i++)
		if (rtp_read(headers[i].bytes, headers[i].len, &header) != headers[i].want)
			fail_msg("%s", headers[i].name);
	assert_true(rtp_read(headers[0].bytes, 12, &header));
	assert_int_equal(header.payload_type, 8);
	assert_int_equal(header.sequence, 0xfffa);
	assert_int_equal(header.timestamp, 256);
	assert_int_equal(header.ssrc, 0x01020304);
}

static void test_report_is_read(void **state)
{
	/* An SR with one block, and an SDES behind it; RFC 3550 6.4.1. */
	uint8_t bytes[28 + 24 + 8] = { 0x81, 200, 0, 12, 1, 2, 3, 4 };
	struct rtcp_report report;

	bytes[28 + 5] = 0, bytes[28 + 6] = 1, bytes[28 + 7] = 2;
	bytes[28 + 14] = 3, bytes[28 + 15] = 4;
	bytes[52] = 0x80, bytes[53] = 202, bytes[55] = 1;
	assert_true(rtcp_read_report(bytes, sizeof(bytes), &report));
	assert_int_equal(report.lost, 0x102);
	assert_int_equal(report.jitter, 0x304);
	bytes[28 + 5] = 0xff; /* negative: duplicates */
	assert_true(rtcp_read_report(bytes, sizeof(bytes), &report));
	assert_int_equal(report.lost, 0);
	assert_false(rtcp_read_report(bytes, 51, &report));
	bytes[0] = 0x82; /* two blocks where one fits */
	assert_false(rtcp_read_report(bytes, sizeof(bytes), &report));
}

static void test_empty_ones_are_valid(void **state)
{
	uint8_t rtp[RTP_HEADER_SIZE], rtcp[RTCP_HEADER_SIZE];
	struct rtp_header header;
	struct rtcp_report report;

	rtp_write_empty(126, 65530, 0xdeadbeef, rtp);
	assert_int_equal(packet_kind_of(rtp, sizeof(rtp)), PACKET_RTP);
	assert_true(rtp_read(rtp, sizeof(rtp), &header));
	assert_int_equal(header.payload_type, 126);
	assert_int_equal(header.sequence, 65530);
	assert_int_equal(header.ssrc, 0xdeadbeef);
	rtcp_write_empty(0xdeadbeef, rtcp);
	assert_int_equal(packet_kind_of(rtcp, sizeof(rtcp)), PACKET_RTCP);
	assert_false(rtcp_read_report(rtcp, sizeof(rtcp), &report));
}

static void note(struct rtp_stream *stream, uint32_t ssrc, uint16_t sequence, uint64_t at_ms)
{
	struct rtp_header header = { .sequence = sequence,
				     .timestamp = sequence * 160u,
				     .ssrc = ssrc };

	rtp_stream_note(stream, &header, at_ms * 1000);
}

static void test_loss(void **state)
{
	struct rtp_stream stream = { 0 };

	assert_int_equal(rtp_stream_lost(&stream), 0);
	for (unsigned i = 0; i < 20;
	     i++) /* over the end of the sequence numbers, three are missing */
		if (i != 3 && i != 8 && i != 9)
			note(&stream, 1, (uint16_t)(65530 + i), i * 20);
	assert_int_equal(rtp_stream_lost(&stream), 3);
	note(&stream, 1, (uint16_t)(65530 + 8), 500); /* late */
	assert_int_equal(rtp_stream_lost(&stream), 2);
	note(&stream, 2, 40000, 520); /* another SSRC loses nothing */
	note(&stream, 2, 40002, 540);
	assert_int_equal(rtp_stream_lost(&stream), 3);
	assert_int_equal(stream.n_ssrcs, 2);
	note(&stream, 2, 100, 560); /* begins anew: not 25,000 lost */
	note(&stream, 2, 101, 580);
	assert_int_equal(rtp_stream_lost(&stream), 3);
}

/* Packets that nobody noted are not lost; what was lost before is. */
static void test_rest(void **state)
{
	struct rtp_stream stream = { 0 };

	rtp_stream_rest(&stream);
	note(&stream, 1, 10, 0);
	note(&stream, 1, 12, 40);
	note(&stream, 2, 500, 40);
	rtp_stream_rest(&stream);
	assert_int_equal(rtp_stream_lost(&stream), 1);
	note(&stream, 1, 1012, 20040);
	note(&stream, 1, 1013, 20060);
	assert_int_equal(rtp_stream_lost(&stream), 1);
	note(&stream, 1, 1015, 20100);
	note(&stream, 2, 100, 20100); /* and over the end in between */
	assert_int_equal(rtp_stream_lost(&stream), 2);
	rtp_stream_rest(&stream);
	rtp_stream_rest(&stream);
	assert_int_equal(rtp_stream_lost(&stream), 2);
	assert_int_equal(stream.n_ssrcs, 2);
}

static void test_duplicates_are_no_gain(void **state)
{
	struct rtp_stream stream = { 0 };

	note(&stream, 1, 10, 0);
	for (unsigned i = 0; i < 5; i++)
		note(&stream, 1, 11, 20);
	assert_int_equal(rtp_stream_lost(&stream), 0);
}

static void test_many_ssrcs(void **state)
{
	struct rtp_stream stream = { 0 };

	for (unsigned i = 0; i < 100; i++) {
		note(&stream, i, 10, i * 40);
		note(&stream, i, 12, i * 40 + 20);
	}
	assert_int_equal(stream.n_ssrcs, 100);
	assert_int_equal(rtp_stream_lost(&stream), 100);
}

/* RFC 3550 A.8: an even stream has none; one that comes 10 ms late every second time tends to
 * 10 ms. */
static void test_jitter(void **state)
{
	struct rtp_stream even = { 0 }, uneven = { .clock_hz = 8000 };

	for (unsigned i = 0; i < 300; i++) {
		note(&even, 1, (uint16_t)(65400 + i), i * 20);
		note(&uneven, 1, (uint16_t)(65400 + i), i * 20 + i % 2 * 10);
	}
	assert_int_equal(rtp_stream_jitter_us(&even), 0);
	assert_in_range(rtp_stream_jitter_us(&uneven), 9000, 10500);
	assert_in_range(uneven.max_jitter_us, 9000, 10500);
	note(&uneven, 1, (uint16_t)(65400 + 300), 60000); /* a pause of a minute is no jitter */
	assert_in_range(rtp_stream_jitter_us(&uneven), 9000, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_report_is_read),
		cmocka_unit_test(test_empty_ones_are_valid),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_duplicates_are_no_gain),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_many_ssrcs),
		cmocka_unit_test(test_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
