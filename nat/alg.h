/* Signs that a router on the way rewrites SIP (an application layer gateway, "SIP ALG";
 * field.md G14): what nobody writes who sends the message, or what was changed by half. No
 * proof, but nothing that an honest end and an honest router produce. Of messages that a router
 * can read alone: not over TLS. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/addr.h"

enum {
	/* the sender's own Via names where it came from: that is for who receives it (RFC 3261
	 * §18.2.1) */
	ALG_VIA_RECEIVED = 1 << 0,
	ALG_VIA_RPORT = 1 << 1, /* likewise its port (RFC 3581 §4) */
	/* the Via names the public source, the Contact a private address: one was changed, the
	 * other not */
	ALG_CONTACT_LEFT = 1 << 2,
	/* somebody out there says that it saw us at a private address */
	ALG_ANSWER_PRIVATE = 1 << 3,
	/* a datagram goes on behind the SDP whose length it tells: addresses in it got
	 * longer */
	ALG_BODY_LONGER = 1 << 4,
	/* the SDP's address is none of its own candidates: RFC 8839 §4.2.5 calls it
	 * ice-mismatch */
	ALG_NO_CANDIDATE = 1 << 5,
	ALG_N_SIGNS = 6,
};

/* A request as it came. Texts may be NULL: it has none. */
struct alg_request {
	const struct addr *source;
	/* of the topmost Via; rport as written, "" without a value */
	const char *via_host, *via_received, *via_rport;
	bool is_from_its_end; /* one Via: who sent it made it */
	const char *contact_host;
};

unsigned alg_signs_of_request(const struct alg_request *request);

/* Of what a datagram has behind the body that its Content-Length tells. Line ends, blanks and
 * zeros are no sign: some senders fill up. */
unsigned alg_signs_of_surplus(const void *bytes, size_t len);

/* Where an m-line of SDP wants to be sent to, and its candidates. */
struct alg_media {
	const char *host; /* of its c= */
	unsigned port;
	const char *const *candidates; /* values of a=candidate, as written */
	size_t n_candidates;
};

/* Nothing where one of the candidates is a name, or no packet is wanted yet (RFC 8838: port 9,
 * or an address of zeros). */
unsigned alg_signs_of_media(const struct alg_media *media);

/* Of a response: received of our own Via, and where the response came from. */
unsigned alg_signs_of_response(const struct addr *source, const char *via_received);

/* Which they are, in words, separated by "; ". Returns out. */
const char *alg_signs_text(unsigned signs, char *out, size_t size);
