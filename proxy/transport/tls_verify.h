/* What the certificate chain of a peer is worth, in the handshake (tls_callbacks.c) or long
 * after it. GnuTLS stays inside. */
#pragma once

#include "proxy/base/reason.h"
#include "proxy/transport/credentials.h"
#include "proxy/transport/peer_chain.h"
#include "proxy/transport/tls.h"
#include "proxy/transport/tls_diagnosis.h"

/* What the peer of a session that was shaken showed. ERR_NOT_FOUND: nothing; ERR_TOO_LARGE,
 * ERR_NO_MEMORY, ERR_INVALID. */
enum err tls_verify_keep(const struct tls_session *session, struct peer_chain **out) MUST_CHECK;

/* Judges what was kept as a handshake under that trust would now: anchors, CRLs, times, keys,
 * usage, but not names. REASON_NONE if it would do; else out_diagnosis, zeros before, tells of
 * the certificate that fails. Any thread. */
enum reason tls_verify_again(const struct peer_chain *kept, struct tls_trust *trust,
			     struct tls_diagnosis *out_diagnosis);
