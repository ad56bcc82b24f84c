/* HMAC-SHA-256 and, where a protocol has nothing better, HMAC-SHA-1 (RFC 2104), and the comparison that tells nobody how far it came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"

enum { MAC_SIZE = 32, MAC_SHA1_SIZE = 20 };

/* ERR_IO if the library refuses, which it does only when memory is short; out is then
 * untouched. Any thread. */
enum err mac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
		    unsigned char out[MAC_SIZE]) MUST_CHECK;

/* For STUN's MESSAGE-INTEGRITY (RFC 8489 §14.5). Any thread. */
void mac_sha1(const void *key, size_t key_len, const void *bytes, size_t len, unsigned char out[MAC_SHA1_SIZE]);

/* True if both hold the same len bytes; takes the same time wherever they differ. */
bool mac_equal(const void *a, const void *b, size_t len);
