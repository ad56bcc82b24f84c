/* HMAC-SHA-256 (RFC 2104), and the comparison that tells nobody how far it came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"

enum { MAC_SIZE = 32 };

/* ERR_IO if the library refuses, which it does only when memory is short; out is then
 * untouched. Any thread. */
enum err mac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
		    unsigned char out[MAC_SIZE]) MUST_CHECK;

/* True if both hold the same len bytes; takes the same time wherever they differ. */
bool mac_equal(const void *a, const void *b, size_t len);
