#include "proxy/base/mac.h"

#include <gnutls/gnutls.h>

void mac_key_set(struct mac_key *key, const void *bytes, size_t len)
{
	hmac_sha256_set_key(&key->ctx, len, bytes);
}

void mac_sha256(const struct mac_key *key, const void *bytes, size_t len,
		unsigned char out[MAC_SIZE])
{
	struct hmac_sha256_ctx ctx = key->ctx;

	hmac_sha256_update(&ctx, len, bytes);
	hmac_sha256_digest(&ctx, MAC_SIZE, out);
}

void mac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
	      unsigned char out[MAC_SHA1_SIZE])
{
	struct hmac_sha1_ctx ctx;

	hmac_sha1_set_key(&ctx, key_len, key);
	hmac_sha1_update(&ctx, len, bytes);
	hmac_sha1_digest(&ctx, MAC_SHA1_SIZE, out);
}

bool mac_equal(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}
