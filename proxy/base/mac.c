#include "proxy/base/mac.h"

#include <gnutls/gnutls.h>
#include <nettle/hmac.h>

enum err mac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
		    unsigned char out[MAC_SIZE])
{
	/* By nettle, which is under GnuTLS: gnutls_hmac_fast allocates for each, and this is on the way of each
	 * request inside a dialog. */
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key_len, key);
	hmac_sha256_update(&ctx, len, bytes);
	hmac_sha256_digest(&ctx, MAC_SIZE, out);
	return ERR_OK;
}

void mac_sha1(const void *key, size_t key_len, const void *bytes, size_t len, unsigned char out[MAC_SHA1_SIZE])
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
