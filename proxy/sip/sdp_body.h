/* The SDP in a message: its whole body, or one part of it (RFC 2046, RFC 5621). Only that part
 * is ever replaced. Of several that are alternatives of each other it is the last, which says
 * most (RFC 2046 §5.1.4; Lync sends one for older clients before it); the others go when it is
 * replaced, as nobody must take one that was not. */
#pragma once

#include <stddef.h>

#include "proxy/sip/message.h"

enum { SDP_BODY_MAX_CUTS = 3 };

enum sdp_body_kind {
	SDP_BODY_NONE, /* no SDP in it */
	SDP_BODY_ONE,
	/* there is SDP, but it cannot be read or replaced: encoded, several of it that are no
	 * alternatives, or parts that are damaged; or nobody knows what the body is */
	SDP_BODY_OPAQUE,
};

struct sdp_body {
	const char *text; /* the message's */
	size_t len;
	size_t at; /* where it begins in the body */
	/* The parts before it that go. */
	unsigned n_cuts;
	struct sdp_body_cut {
		size_t at, len;
	} cuts[SDP_BODY_MAX_CUTS];
};

bool sdp_body_is_type(const msg_content_type_t *type); /* "application/sdp"; NULL is none */

/* The message says what its body is, once, and so that it can be read (RFC 3261 §20.15); else
 * others may take it for SDP. */
bool sdp_body_has_type(const msg_t *msg);

/* The body as a whole is not what its type says (Content-Encoding, RFC 3261 §20.12). */
bool sdp_body_is_encoded(const msg_t *msg);

enum sdp_body_kind sdp_body_find(const msg_t *msg, struct sdp_body *out);

/* Puts text in the place of what was found in this very message. ERR_NO_MEMORY: the message is
 * as it was. */
enum err sdp_body_replace(msg_t *msg, const struct sdp_body *body, const char *text,
			  size_t len) MUST_CHECK;
