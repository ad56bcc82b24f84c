/* What GnuTLS asks in the middle of a handshake: which certificate of ours to show, and whether
 * theirs will do. GnuTLS files only. */
#pragma once

#include <gnutls/gnutls.h>

/* Makes the handshakes that use these objects ask struct tls_session
 * (gnutls_session_get_ptr). */
void tls_callbacks_set(gnutls_certificate_credentials_t server,
		       gnutls_certificate_credentials_t client);
