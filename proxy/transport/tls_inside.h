/* What the TLS files share of struct tls_session. */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport/credentials_gnutls.h"
#include "proxy/transport/tls.h"
#include "proxy/transport/tls_look.h"

enum { TLS_ALERT_SIZE = 7 }; /* a whole record: type, version, length 2, level, description */

struct tls_session {
	gnutls_session_t gnutls;
	bool is_server, is_mutual, allow_wildcard, is_handshaken, has_received, is_first_seen;
	bool was_asked; /* for our certificate */
	unsigned minimum, n_renegotiations;
	struct listener *listener;       /* server: counted */
	struct credentials *ours;        /* client: counted, may be NULL */
	const struct credentials *shown; /* of ours or the listener's */
	struct tls_trust *trust;         /* counted */
	/* client: any of these must be in the certificate; owned, until it was */
	char *names[HOP_MAX_NAMES + 1];
	unsigned n_names;
	struct identity *identity;
	enum reason verdict; /* of the callbacks: why they refused */
	uint64_t began_ms;
	const unsigned char *in; /* what was fed and not used yet; the caller's */
	size_t in_len;
	/* the bytes that were used last, while the handshake goes on */
	unsigned char last[TLS_ALERT_SIZE];
	unsigned char *out; /* owned */
	size_t out_at, out_len, out_size;
	struct tls_diagnosis *diagnosis; /* owned; NULL once forgotten */
	struct tls_look *look;           /* owned; NULL: it does not look, it verifies */
};

/* tls_verify.c: looks at the chain that the peer showed, takes its identity, and says whether
 * it will do; the details go to the diagnosis. */
enum reason tls_verify_peer(struct tls_session *session);

/* tls_describe.c: notes the certificate of theirs that failed; where its issuer can be fetched
 * (false: it does not say); what we show, and whether one of the CAs that they name issued it;
 * those CAs. */
void tls_describe_failed(struct tls_diagnosis *diagnosis, gnutls_x509_crt_t crt);
bool tls_describe_issuer_url(gnutls_x509_crt_t crt, char *out, size_t size);
void tls_describe_ours(struct tls_diagnosis *diagnosis, const struct credentials *shown,
		       const struct gnutls_cert_retr_st *info);
void tls_describe_authorities(struct tls_diagnosis *diagnosis,
			      const struct gnutls_cert_retr_st *info);

/* Notes the versions that the client of this session offers, once its hello comes. */
void tls_describe_offer(gnutls_session_t gnutls);

/* tls_look.c: notes the path that the peer showed (gnutls_x509_crt_t[n], from the leaf upwards,
 * of n_sent certificates), if the session looks; and once the verdict is there, lets the
 * handshake of one that looks go on. */
void tls_look_note(struct tls_session *session, const void *crts, unsigned n, unsigned n_sent);
int tls_look_conclude(struct tls_session *session);

/* tls_outcome.c: what a failure of the handshake means, and which alert tells the peer; -1:
 * none. */
enum reason tls_reason_of_error(const struct tls_session *session, int result);
enum reason tls_reason_of_alert(const struct tls_session *session, int alert);

/* The alert that the peer sent when the result says that a record could not be decrypted, -1 if
 * it was none: a TLS 1.3 client that refuses our certificate may not have switched its keys on
 * yet (OpenSSL does so with its own certificate), and GnuTLS takes its plain alert for a broken
 * record. Whoever can forge it can reset the connection as well. */
int tls_plain_alert(const struct tls_session *session, int result);

int tls_alert_for(const struct tls_session *session, enum reason reason, int result);
