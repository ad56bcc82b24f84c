/* What the TLS files share of struct tls_session. */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport/credentials_gnutls.h"
#include "proxy/transport/tls.h"

struct tls_session {
	gnutls_session_t gnutls;
	bool is_server, is_mutual, allow_wildcard, is_handshaken, has_received, is_first_seen;
	bool was_asked; /* for our certificate */
	unsigned minimum, n_renegotiations;
	struct listener *listener;       /* server: counted */
	struct credentials *ours;        /* client: counted, may be NULL */
	const struct credentials *shown; /* of ours or the listener's */
	struct tls_trust *trust;         /* counted */
	char *names[HOP_MAX_NAMES]; /* client: any of these must be in the certificate; owned,
				       until it was */
	unsigned n_names;
	struct identity *identity;
	enum reason verdict; /* of the callbacks: why they refused */
	uint64_t began_ms;
	const unsigned char *in; /* what was fed and not used yet; the caller's */
	size_t in_len;
	unsigned char *out; /* owned */
	size_t out_at, out_len, out_size;
	struct tls_diagnosis *diagnosis; /* owned; NULL once forgotten */
};

/* tls_verify.c: looks at the chain that the peer showed, takes its identity, and says whether
 * it will do; the details go to the diagnosis. */
enum reason tls_verify_peer(struct tls_session *session);

/* tls_outcome.c: what a failure of the handshake means, and which alert tells the peer; -1:
 * none. */
enum reason tls_reason_of_error(const struct tls_session *session, int result);
enum reason tls_reason_of_alert(const struct tls_session *session, int alert);
int tls_alert_for(const struct tls_session *session, enum reason reason, int result);
