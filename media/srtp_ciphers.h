/* srtp_ciphers: AES in counter mode and HMAC-SHA1 of nettle as the ciphers of libsrtp2.
 * Debian's libsrtp2 takes those of NSS, which makes a context for each packet: six microseconds
 * for a packet of G.711 where these take one (docs/performance.md). */
#pragma once

#include "proxy/base/error.h"

/* Puts them in place of the library's own, which then holds them against its test vectors and
 * theirs (RFC 3711 B.2, RFC 2202). After srtp_init and before any session; once. ERR_IO if the
 * library refuses. */
enum err srtp_ciphers_install(void) MUST_CHECK;
