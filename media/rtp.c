#include "media/rtp.h"

#include <string.h>

enum {
	VERSION = 2,
	PRESET_CLOCK_HZ = 8000,
	MAX_DROPOUT = 3000, /* RFC 3550 A.1 */
	RTCP_SR = 200,
	RTCP_RR = 201,
	BLOCK = 24,
	SENDER_INFO = 20,
};

static uint16_t read_16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void write_32(uint8_t *out, uint32_t number)
{
	out[0] = (uint8_t)(number >> 24);
	out[1] = (uint8_t)(number >> 16);
	out[2] = (uint8_t)(number >> 8);
	out[3] = (uint8_t)number;
}

enum packet_kind packet_kind_of(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return PACKET_OTHER;
	if (bytes[0] >= 128 && bytes[0] <= 191) {
		if (len >= RTCP_HEADER_SIZE && bytes[1] >= 192 && bytes[1] <= 223)
			return PACKET_RTCP;
		return len >= RTP_HEADER_SIZE ? PACKET_RTP : PACKET_OTHER;
	}
	if (bytes[0] <= 3)
		return len >= 20 ? PACKET_STUN : PACKET_OTHER;
	if (bytes[0] >= 20 && bytes[0] <= 63)
		return len >= 13 ? PACKET_DTLS : PACKET_OTHER;
	return PACKET_OTHER;
}

bool rtp_read(const uint8_t *bytes, size_t len, struct rtp_header *out)
{
	size_t header_len;

	if (len < RTP_HEADER_SIZE || bytes[0] >> 6 != VERSION)
		return false;
	header_len = RTP_HEADER_SIZE + 4u * (bytes[0] & 15u);
	if (bytes[0] & 0x10) {
		if (len < header_len + 4)
			return false;
		header_len += 4 + 4u * read_16(bytes + header_len + 2);
	}
	if (len < header_len)
		return false;
	out->payload_type = bytes[1] & 127;
	out->sequence = read_16(bytes + 2);
	out->timestamp = read_32(bytes + 4);
	out->ssrc = read_32(bytes + 8);
	return true;
}

bool rtcp_read_report(const uint8_t *bytes, size_t len, struct rtcp_report *out)
{
	bool is_found = false;

	while (len >= RTCP_HEADER_SIZE && bytes[0] >> 6 == VERSION) {
		size_t packet_len = 4u * (read_16(bytes + 2) + 1u), n_blocks = bytes[0] & 31u;
		size_t at = RTCP_HEADER_SIZE + (bytes[1] == RTCP_SR ? SENDER_INFO : 0);

		if (packet_len > len)
			break;
		if ((bytes[1] == RTCP_SR || bytes[1] == RTCP_RR) && n_blocks > 0 &&
		    at + BLOCK * n_blocks <= packet_len) {
			const uint8_t *block = bytes + at + BLOCK * (n_blocks - 1);
			uint32_t lost = read_32(block + 4) & 0xffffff;

			out->lost = lost & 0x800000 ? 0 : lost; /* negative: duplicates */
			out->jitter = read_32(block + 12);
			is_found = true;
		}
		bytes += packet_len;
		len -= packet_len;
	}
	return is_found;
}

void rtcp_write_empty(uint32_t ssrc, uint8_t out[RTCP_HEADER_SIZE])
{
	static const uint8_t head[4] = { VERSION << 6, RTCP_RR, 0, 1 };

	memcpy(out, head, sizeof(head));
	write_32(out + 4, ssrc);
}

void rtp_write_empty(uint8_t payload_type, uint16_t sequence, uint32_t ssrc,
		     uint8_t out[RTP_HEADER_SIZE])
{
	memset(out, 0, RTP_HEADER_SIZE);
	out[0] = VERSION << 6;
	out[1] = payload_type & 127;
	out[2] = (uint8_t)(sequence >> 8);
	out[3] = (uint8_t)sequence;
	write_32(out + 8, ssrc);
}

static uint64_t lost_of(const struct rtp_source *source)
{
	uint64_t expected = (uint64_t)source->cycles + source->max_sequence - source->base + 1;

	return source->is_used && expected > source->received ? expected - source->received : 0;
}

static void begin(struct rtp_source *source, const struct rtp_header *header, uint32_t transit)
{
	*source = (struct rtp_source){ .ssrc = header->ssrc,
				       .base = header->sequence,
				       .max_sequence = header->sequence,
				       .is_used = true,
				       .received = 1,
				       .transit = transit };
}

static struct rtp_source *find(struct rtp_stream *stream, uint32_t ssrc)
{
	if (stream->sources[stream->current].ssrc == ssrc &&
	    stream->sources[stream->current].is_used)
		return &stream->sources[stream->current];
	for (unsigned i = 0; i < RTP_MAX_SSRCS; i++) {
		if (stream->sources[i].is_used && stream->sources[i].ssrc == ssrc) {
			stream->current = i;
			return &stream->sources[i];
		}
	}
	return NULL;
}

/* A.1: a step forwards, perhaps over the end; a late one or a repeat moves nothing. A jump
 * begins anew. */
static bool note_sequence(struct rtp_source *source, uint16_t sequence)
{
	uint16_t ahead = (uint16_t)(sequence - source->max_sequence);

	if (ahead < MAX_DROPOUT) {
		if (sequence < source->max_sequence)
			source->cycles += 1u << 16;
		source->max_sequence = sequence;
	} else if (ahead <= UINT16_MAX - 100) {
		return false;
	}
	source->received++;
	return true;
}

static void note_jitter(struct rtp_stream *stream, struct rtp_source *source, uint32_t transit)
{
	int32_t difference = (int32_t)(transit - source->transit);
	uint32_t distance = difference < 0 ? 0u - (uint32_t)difference : (uint32_t)difference;
	uint32_t jitter_us;

	source->transit = transit;
	if (distance > stream->clock_hz) /* a second: the timestamps began anew */
		return;
	source->jitter_16 += distance - ((source->jitter_16 + 8) >> 4);
	jitter_us = rtp_stream_jitter_us(stream);
	if (jitter_us > stream->max_jitter_us)
		stream->max_jitter_us = jitter_us;
}

void rtp_stream_note(struct rtp_stream *stream, const struct rtp_header *header, uint64_t at_us)
{
	uint32_t clock_hz = stream->clock_hz ? stream->clock_hz : PRESET_CLOCK_HZ;
	/* In two parts, since microseconds since the machine's start times the clock rate may
	 * be too large. */
	uint32_t now =
		(uint32_t)(at_us / 1000000 * clock_hz + at_us % 1000000 * clock_hz / 1000000);
	uint32_t transit = now - header->timestamp;
	struct rtp_source *source = find(stream, header->ssrc);

	stream->clock_hz = clock_hz;
	if (!source) {
		stream->current = stream->n_ssrcs++ % RTP_MAX_SSRCS;
		source = &stream->sources[stream->current];
		stream->lost_before += lost_of(source);
		begin(source, header, transit);
	} else if (source->is_resting) {
		const uint32_t jitter_16 = source->jitter_16;

		begin(source, header, transit);
		source->jitter_16 = jitter_16;
	} else if (!note_sequence(source, header->sequence)) {
		stream->lost_before += lost_of(source);
		begin(source, header, transit);
	} else {
		note_jitter(stream, source, transit);
	}
}

void rtp_stream_rest(struct rtp_stream *stream)
{
	for (unsigned i = 0; i < RTP_MAX_SSRCS; i++) {
		struct rtp_source *source = &stream->sources[i];

		stream->lost_before += lost_of(source);
		source->is_resting = source->is_used;
		source->received = 1;
		source->cycles = 0;
		source->base = source->max_sequence;
	}
}

uint64_t rtp_stream_lost(const struct rtp_stream *stream)
{
	uint64_t lost = stream->lost_before;

	for (unsigned i = 0; i < RTP_MAX_SSRCS; i++)
		lost += lost_of(&stream->sources[i]);
	return lost;
}

uint32_t rtp_stream_jitter_us(const struct rtp_stream *stream)
{
	uint64_t jitter = stream->sources[stream->current].jitter_16 >> 4;

	return stream->clock_hz ? (uint32_t)(jitter * 1000000 / stream->clock_hz) : 0;
}
