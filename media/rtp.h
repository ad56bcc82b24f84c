/* rtp: what a packet is, by its first bytes (RFC 7983, RFC 5761 4), the headers of RTP and RTCP
 * (RFC 3550 5.1, 6.4), and what can be told from a stream of them: loss and jitter (RFC 3550
 * A.3, A.8). Bytes come from strangers; no state, no memory but the caller's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_kind {
	PACKET_RTP,
	PACKET_RTCP,
	PACKET_STUN,
	PACKET_DTLS,
	PACKET_OTHER, /* ZRTP, TURN channels, or nothing that has a name */
};

enum { RTP_HEADER_SIZE = 12, RTCP_HEADER_SIZE = 8, RTP_MAX_SSRCS = 4 };

/* By first byte, and payload type for RTP or RTCP on one port. Too short for its kind is
 * PACKET_OTHER. */
enum packet_kind packet_kind_of(const uint8_t *bytes, size_t len);

struct rtp_header {
	uint8_t payload_type;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
};

/* Reads the fixed header; false unless version, CSRCs and extension fit into len bytes. Padding
 * is not looked at: with SRTP it is encrypted. */
bool rtp_read(const uint8_t *bytes, size_t len, struct rtp_header *out);

/* What a receiver says about what it gets. */
struct rtcp_report {
	uint32_t lost, jitter; /* packets so far, timestamp units */
};

/* Reads the last report block (RR or SR) of a compound RTCP packet in clear; false if there is
 * none. Stops at what does not fit. */
bool rtcp_read_report(const uint8_t *bytes, size_t len, struct rtcp_report *out);

/* Writes an empty receiver report (RFC 3550 6.4.2), which keeps a pinhole open (RFC 6263 4.5);
 * 8 bytes. */
void rtcp_write_empty(uint32_t ssrc, uint8_t out[RTCP_HEADER_SIZE]);

/* Writes an RTP header for a packet without payload (RFC 6263 4.6). */
void rtp_write_empty(uint8_t payload_type, uint16_t sequence, uint32_t ssrc,
		     uint8_t out[RTP_HEADER_SIZE]);

/* One SSRC of a stream. */
struct rtp_source {
	uint32_t ssrc;
	uint32_t cycles, base; /* extended sequence numbers (A.1) */
	uint16_t max_sequence;
	bool is_used;
	bool is_resting; /* the next packet begins anew */
	uint64_t received;
	uint32_t transit, jitter_16; /* timestamp units; jitter times 16 */
};

/* What comes in at one end: zeros is a stream that has not begun. Sources beyond RTP_MAX_SSRCS
 * take the place of the one that came first; what was lost of it stays counted. */
struct rtp_stream {
	struct rtp_source sources[RTP_MAX_SSRCS];
	unsigned current, n_ssrcs;
	uint64_t lost_before;
	uint32_t clock_hz;
	uint32_t max_jitter_us;
};

/* Takes note of one packet that arrived at_us (any monotonic clock). */
void rtp_stream_note(struct rtp_stream *stream, const struct rtp_header *header,
		     uint64_t at_us);

/* Packets will come that nobody notes: what comes after them begins anew, and what was lost
 * stays counted. */
void rtp_stream_rest(struct rtp_stream *stream);

uint64_t rtp_stream_lost(const struct rtp_stream *stream);
uint32_t rtp_stream_jitter_us(const struct rtp_stream *stream); /* of the SSRC that came last */
