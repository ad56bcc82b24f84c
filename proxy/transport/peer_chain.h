/* The certificates that a peer showed in a handshake that went well, as bytes: kept so that
 * another trust can be tried on them before it is in use. Counted; immutable; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { PEER_CHAIN_MAX = 16, PEER_CHAIN_MAX_BYTES = 16384 };

struct peer_chain {
	int n_refs;      /* atomic */
	bool is_inbound; /* shown by one who connected to us: it was used as a client's */
	/* of that one of the path to its CA which ends first; seconds since 1970 */
	int64_t not_after;
	unsigned n;
	/* of the certificates (DER), as they were sent: the leaf first */
	size_t lens[PEER_CHAIN_MAX];
	unsigned char bytes[]; /* one behind the other */
};

/* An empty one, with room for size bytes. ERR_TOO_LARGE, ERR_NO_MEMORY. */
enum err peer_chain_new(size_t size, struct peer_chain **out) MUST_CHECK;
/* Appends a certificate, for which there must be room. */
void peer_chain_add(struct peer_chain *chain, const void *der, size_t len);
struct peer_chain *peer_chain_ref(struct peer_chain *chain);
struct peer_chain *peer_chain_unref(struct peer_chain *chain); /* returns NULL; NULL is fine */
