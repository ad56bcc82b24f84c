/* The SDP in a message: its whole body, or one part of it (RFC 2046, RFC 5621). Only that part is ever replaced. */
#pragma once

#include <stddef.h>

#include "proxy/sip/message.h"

enum sdp_body_kind {
	SDP_BODY_NONE, /* no SDP in it */
	SDP_BODY_ONE,
	SDP_BODY_OPAQUE, /* there is SDP, but it cannot be read or replaced: encoded, several of it, or parts that are damaged */
};

struct sdp_body {
	const char *text; /* the message's */
	size_t len;
	size_t at; /* where it begins in the body */
};

enum sdp_body_kind sdp_body_find(const msg_t *msg, struct sdp_body *out);

/* Puts text in the place of what was found in this very message. ERR_NO_MEMORY: the message is as it was. */
enum err sdp_body_replace(msg_t *msg, const struct sdp_body *body, const char *text, size_t len) MUST_CHECK;
