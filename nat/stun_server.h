/* Answers Binding requests: RFC 8489, those of RFC 3489, and the tests of RFC 5780 where we
 * have a second address. Keeps nothing of who asks but how often: an answer is a little longer
 * than its request, so that a source, which may be forged, gets few of them, and all sources
 * together not many. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/stun.h"

/* Where a request came to. */
struct stun_seat {
	struct addr local;
	/* differs in host and in port, and is served like local; unset: there is none */
	struct addr other;
};

struct stun_reply {
	struct stun_writer writer;
	/* where it has to leave from, as it was asked to */
	bool from_other_ip, from_other_port;
};

/* Writes the answer to bytes, which came from source. False: there is none (it is no Binding
 * request). */
bool stun_server_answer(const struct stun_seat *seat, const struct addr *source,
			const void *bytes, size_t len, struct stun_reply *out);

/* How many requests of a source, and of all, are answered. One thread. */
struct stun_limiter;

enum {
	STUN_PER_SOURCE = 20, /* a second, and as many at once */
	STUN_IN_ALL = 1000,   /* a second, and as many at once */
};

enum err stun_limiter_new(struct stun_limiter **out) MUST_CHECK;
struct stun_limiter *stun_limiter_free(struct stun_limiter *limiter);
/* Whether this one is answered: it is counted then. */
bool stun_limiter_allows(struct stun_limiter *limiter, const struct addr *source,
			 uint64_t now_ms);
