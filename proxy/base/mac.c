#include "proxy/base/mac.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum err mac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
		    unsigned char out[MAC_SIZE])
{
	unsigned char mac[MAC_SIZE];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, bytes, len, mac) < 0)
		return ERR_IO;
	memcpy(out, mac, sizeof(mac));
	return ERR_OK;
}

bool mac_equal(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}
