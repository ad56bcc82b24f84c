/* The TLS handshakes of one worker that failed, for `nuncio why`: what came in and what we
 * dialled apart, and both apart from refused requests, so that a scanner washes neither away.
 * Of one peer and reason there is one record in ten seconds, which counts the similar ones; one
 * peer has no more than a few, and takes the place of its own oldest then. An IPv6 /64 is one
 * peer. The worker puts, other threads read copies: a short lock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/transport/tls_diagnosis.h"

enum { HANDSHAKES_KEPT = 64, HANDSHAKES_OF_ONE = 8, HANDSHAKES_WINDOW_MS = 10000 };

struct handshake {
	uint64_t id;        /* as a decision's: unique in the process */
	uint64_t wall_us;   /* when the newest of them ended */
	uint64_t n_similar; /* that came after the first one of this record */
	unsigned worker;
	/* the version that our configuration asks for at least, "1.2"; "" if it is not known
	 * any more */
	char minimum[8];
	struct tls_diagnosis diagnosis; /* of the newest */
};

struct handshakes;

enum err handshakes_new(struct handshakes **out) MUST_CHECK;
struct handshakes *handshakes_free(struct handshakes *handshakes); /* NULL is fine */

/* Copies it; now_ms is the loop's clock. */
void handshakes_put(struct handshakes *handshakes, const struct handshake *handshake,
		    uint64_t now_ms);

/* Copies the newest first those that are about something: an address with or without port, a
 * partner's domain or backend's name, the id of either, or a domain that the certificate or the
 * SNI named, itself or one below it. NULL: all. Returns how many. */
size_t handshakes_find(struct handshakes *handshakes, const char *about, struct handshake *out,
		       size_t max);
