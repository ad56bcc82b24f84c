/* Nonces that carry their own proof: when they were made, and a keyed hash over that and the
 * realm. What must be remembered is only which counts of a nonce in use were seen. For digest.c
 * alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/sip/digest.h"

enum { DIGEST_NONCE_SIZE = 65, DIGEST_NONCE_LIFE_MS = 300 * 1000 };

/* scope: for whom it is good, beside the realm; "": for everybody. */
void digest_nonce_make(struct digest_nonces *nonces, const char *realm, const char *scope,
		       uint64_t now_ms, char out[DIGEST_NONCE_SIZE]);

/* Ours, of that realm and scope, and young enough; nothing is counted. */
bool digest_nonce_is_good(struct digest_nonces *nonces, const char *nonce, const char *realm,
			  const char *scope, uint64_t now_ms);

/* DIGEST_OK: ours, young enough, and this count of it was not seen before; it now is.
 * DIGEST_STALE: it is not ours (perhaps of before a restart), too old, or forgotten.
 * DIGEST_REPLAYED: the count was seen, or is too far behind. Any thread. */
enum digest_verdict digest_nonce_use(struct digest_nonces *nonces, const char *nonce,
				     const char *realm, const char *scope, uint32_t count,
				     uint64_t now_ms);
