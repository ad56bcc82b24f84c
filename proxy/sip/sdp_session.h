/* SDP by Sofia's parser, which must not be shown everything: of an m-line whose words are not
 * what it takes for tokens (a byte above ASCII, a bracket, two spaces in a row) it makes
 * entries without end, until memory is gone. So it reads a copy of ours in which such bytes are
 * others, and of which size, lines and media are bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sofia-sip/sdp.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/error.h"

enum {
	SDP_MAX_BYTES = 64 * 1024,
	SDP_MAX_LINES = 2048,
	SDP_MAX_LINE_BYTES = 8192,
	SDP_MAX_MEDIA = 64,
	/* of an m-line: there are 128 payload types, and Sofia looks through its formats for
	 * each a=rtpmap and a=fmtp */
	SDP_MAX_WORDS = 256,
};

/* The m-lines as Sofia may see them: true for the letters of an RFC 4566 §9 token. */
bool sdp_is_token_char(char c);

/* Parses; everything lives in home. out_is_clean (may be NULL): false if a byte of a line that
 * leads media (m=, c=, o=) had to be replaced, and what was read there is not what was sent.
 * ERR_SYNTAX; ERR_LIMIT over a bound; ERR_NO_MEMORY. RFC 4566 §5, read leniently: lines may end
 * by CR or LF alone, may be missing or out of order, c= may be missing. */
enum err sdp_session_read(su_home_t *home, const char *bytes, size_t len,
			  const sdp_session_t **out, bool *out_is_clean) MUST_CHECK;
