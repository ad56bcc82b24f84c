/* dtls: DTLS-SRTP (RFC 5763, RFC 5764) over datagrams that somebody else carries: a handshake,
 * the check of the peer's certificate against the fingerprint of its SDP, the keys. With
 * end_dtls the only part of media that knows of it; the only door to GnuTLS here. Contexts: any
 * thread; a session: the thread of its loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/relay.h"
#include "media/suite.h"
#include "proxy/base/error.h"

struct dtls_context; /* our certificate */
struct dtls_session;
struct loop;

/* Makes a key and a self-signed certificate (P-256). ERR_NO_MEMORY; ERR_TLS: the library
 * refuses. */
enum err dtls_context_new(struct dtls_context **out) MUST_CHECK;
struct dtls_context *dtls_context_free(struct dtls_context *context);

/* SHA-256 over the certificate (RFC 8122 5). */
void dtls_context_fingerprint(const struct dtls_context *context, uint8_t out[32]);

struct dtls_user {
	/* Sends one datagram to the peer. */
	void (*send)(struct dtls_session *session, const uint8_t *bytes, size_t len,
		     void *user);
	/* Once: the keys (err ERR_OK), or ERR_TLS (handshake), ERR_ACCESS (another
	 * certificate), ERR_TIMEOUT, ERR_UNSUPPORTED (no SRTP profile in common). The session
	 * must not be freed inside. */
	void (*on_end)(struct dtls_session *session, enum err err, const struct srtp_key *in,
		       const struct srtp_key *out, void *user);
	void *user;
};

enum { DTLS_TIMEOUT_MS = 30000 };

/* is_client: we are setup:active and begin with dtls_session_start. ERR_UNSUPPORTED: a hash
 * that we do not know. */
enum err dtls_session_new(const struct dtls_context *context, struct loop *loop, bool is_client,
			  const struct relay_fingerprint *fingerprint,
			  const struct dtls_user *user, struct dtls_session **out) MUST_CHECK;
struct dtls_session *dtls_session_free(struct dtls_session *session);

/* The client's first flight; a server waits for dtls_session_take. */
void dtls_session_start(struct dtls_session *session);

/* Takes one datagram from the peer. */
void dtls_session_take(struct dtls_session *session, const uint8_t *bytes, size_t len);

bool dtls_session_is_done(const struct dtls_session *session); /* on_end was called with keys */
bool dtls_session_has_failed(const struct dtls_session *session);
