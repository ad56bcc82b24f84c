/* What partners may make of a certificate of ours: as far as it can be known here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/transport/credentials.h"

/* True if what we show lacks an intermediate: it leads neither to a CA that we trust nor to one
 * of the system, and its top says where its issuer can be fetched, as roots and private CAs do
 * not. out gets the words for it, with that issuer and address. Reads the system's CAs, so not
 * for every request. Any thread. */
bool credentials_check_lacks_issuer(const struct credentials *credentials,
				    const struct tls_trust *trust, char *out, size_t size);

/* False if its key usage (RFC 5280 §4.2.1.3) has no digitalSignature: then hardly a handshake
 * succeeds. */
bool credentials_check_may_sign(const struct credentials *credentials);

/* "RSA 2048", "EC/ECDSA 256". Returns out. */
const char *credentials_check_key(const struct credentials *credentials, char *out,
				  size_t size);
