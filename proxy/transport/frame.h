/* Cuts a stream into SIP messages by Content-Length (RFC 3261 §18.3) and finds the keepalives
 * of RFC 5626 §4.4.1 and the STUN messages of RFC 8489 between them. It looks at each byte
 * once, however small the pieces are in which they come, and refuses what is not SIP as early
 * as it can be told. It keeps no bytes: the stream does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame {
	FRAME_PARTIAL, /* more bytes are needed; out_used is 0 */
	FRAME_CRLF,    /* one CRLF between messages: a pong, or nothing */
	FRAME_PING,    /* the second of two: answer with one CRLF */
	FRAME_MESSAGE, /* one whole message */
	/* one whole STUN message of the Binding method (RFC 8489 §6.2.2), in place of a SIP
	 * one */
	FRAME_STUN,
	FRAME_TOO_LARGE, /* headers, or headers and the announced body, are over the bound */
	/* not SIP, or without a usable Content-Length: nothing after it can be cut */
	FRAME_BAD,
};

/* How far one stream was looked at. Zeroed memory stands at the start of a message. */
struct framer {
	size_t n_seen;        /* bytes of the current message that were looked at */
	size_t header_bytes;  /* with the empty line; 0: its end was not seen yet */
	size_t line_bytes;    /* of the line that is being read */
	uint64_t body_bytes;  /* Content-Length as read so far */
	uint64_t seen_length; /* of an earlier Content-Length header of the same message */
	uint8_t line, name_len, number;
	char name[16];
	char tail[4]; /* of the start line: finds "SIP/" */
	bool has_sip_word, has_length, has_seen_length, had_crlf, after_cr;
	const char *fault;
};

/* Looks at bytes[0..len), which begin where the last message ended. Except with FRAME_PARTIAL,
 * out_used bytes are done with and the framer stands at the start again; the caller goes on
 * behind them. With FRAME_PARTIAL it calls again with the same bytes and more behind them. max
 * bounds a whole message. After FRAME_BAD and FRAME_TOO_LARGE framer->fault says what was
 * wrong, out_used covers the headers where their end was seen, else all bytes, and the stream
 * cannot be used any more. */
enum frame frame_next(struct framer *framer, const char *bytes, size_t len, size_t max,
		      size_t *out_used);

/* The whole length of the message that is being read, 0 if that is not known yet: how much to
 * buffer. */
size_t frame_expected(const struct framer *framer);
