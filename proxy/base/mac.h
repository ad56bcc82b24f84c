/* HMAC-SHA-256 and, where a protocol has nothing better, HMAC-SHA-1 (RFC 2104), and the
 * comparison that tells nobody how far it came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <nettle/hmac.h>

enum { MAC_SIZE = 32, MAC_SHA1_SIZE = 20 };

/* A key made ready: what it puts before each text is worked out once, which is half of a short
 * text's HMAC. As secret as the key. By nettle, which is under GnuTLS: gnutls_hmac_fast
 * allocates for each, and this is on the way of each request inside a dialog. */
struct mac_key {
	struct hmac_sha256_ctx ctx;
};

void mac_key_set(struct mac_key *key, const void *bytes, size_t len);

/* Any thread, with the same key, too. */
void mac_sha256(const struct mac_key *key, const void *bytes, size_t len,
		unsigned char out[MAC_SIZE]);

/* For STUN's MESSAGE-INTEGRITY (RFC 8489 §14.5). Any thread. */
void mac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
	      unsigned char out[MAC_SHA1_SIZE]);

/* True if both hold the same len bytes; takes the same time wherever they differ. */
bool mac_equal(const void *a, const void *b, size_t len);
