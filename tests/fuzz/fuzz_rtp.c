/* What strangers send to a media port: first bytes, headers of RTP and RTCP, and SRTP under a
 * key that they do not have. The bytes are in a piece of memory of exactly their length, so
 * that one read too far is seen; statistics must stay sane whatever sequence numbers say; and
 * nothing that was not made with the key is taken for authentic. */
#include <stdlib.h>
#include <string.h>

#include "media/rtp.h"
#include "media/srtp.h"

enum { PIECE = 40, MAX_LEN = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

/* The input as a stream of short packets. */
static void note_all(const uint8_t *bytes, size_t len)
{
	struct rtp_stream stream = { 0 };
	struct rtp_header header;
	uint64_t n = 0, at_us = 1;

	for (; len >= RTP_HEADER_SIZE; bytes += PIECE, len = len > PIECE ? len - PIECE : 0) {
		if (!rtp_read(bytes, len < PIECE ? len : PIECE, &header))
			continue;
		at_us += 1 + header.timestamp % 40000;
		rtp_stream_note(&stream, &header, at_us);
		n++;
	}
	must(rtp_stream_lost(&stream) <= n * 65536);
	must(stream.n_ssrcs <= n);
	must(rtp_stream_jitter_us(&stream) <= stream.max_jitter_us);
}

/* Made once: that takes longer than all the rest. */
static struct srtp_way *way_of(enum srtp_suite suite)
{
	static struct srtp_way *ways[SRTP_N_SUITES];
	struct srtp_key key = { .suite = suite, .bytes = { 1, 2, 3 } };

	if (!ways[suite])
		must(!srtp_start() && !srtp_way_new(&key, true, NULL, &ways[suite]));
	return ways[suite];
}

static void must_be_refused(const uint8_t *bytes, size_t len, enum srtp_suite suite)
{
	uint8_t copy[MAX_LEN] __attribute__((aligned(16)));

	if (len > sizeof(copy))
		return;
	for (unsigned is_rtcp = 0; is_rtcp < 2; is_rtcp++) {
		size_t left = len;

		memcpy(copy, bytes, len);
		must(srtp_way_unprotect(way_of(suite), copy, &left, is_rtcp) != SRTP_DONE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct rtp_header header;
	struct rtcp_report report;
	enum packet_kind kind;

	if (!exact)
		return 0;
	if (len > 0)
		memcpy(exact, bytes, len);
	kind = packet_kind_of(exact, len);
	if (rtp_read(exact, len, &header))
		must(len >= RTP_HEADER_SIZE);
	if (kind == PACKET_RTCP)
		must(len >= RTCP_HEADER_SIZE);
	(void)rtcp_read_report(exact, len, &report);
	note_all(exact, len);
	must_be_refused(exact, len, SRTP_AES_CM_128_HMAC_SHA1_80);
	must_be_refused(exact, len, SRTP_AEAD_AES_128_GCM);
	free(exact);
	return 0;
}
