/* One TLS session, without a socket: bytes from the peer go in, plaintext comes out, and the
 * other way round. It knows who may be at the other end, and explains a handshake that failed
 * (field.md G4). The only door to GnuTLS's sessions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/identity.h"
#include "proxy/transport/listener.h"
#include "proxy/transport/tls_diagnosis.h"

struct tls_session;

enum tls_step {
	TLS_AGAIN,  /* all bytes that came were used; more are needed */
	TLS_DONE,   /* the handshake is finished; or bytes were read */
	TLS_END,    /* the peer said goodbye (close_notify) */
	TLS_FAILED, /* the session is over; the diagnosis says why */
};

/* A session on a connection that a tls or mtls listener accepted, or that was dialled for hop.
 * What it needs of them it counts or copies. ERR_NO_MEMORY, ERR_INVALID without a trust. */
enum err tls_session_accept(struct listener *listener, const struct addr *remote,
			    struct tls_session **out) MUST_CHECK;
enum err tls_session_dial(const struct hop *hop, struct tls_session **out) MUST_CHECK;
struct tls_session *tls_session_free(struct tls_session *session);

/* The bytes that the next calls may use; they stay the caller's, and each call that returns
 * TLS_AGAIN has used all. */
void tls_session_feed(struct tls_session *session, const void *bytes, size_t len);

/* Goes on with the handshake. After TLS_FAILED an alert may be among the bytes to send. */
enum tls_step tls_session_handshake(struct tls_session *session);

/* Reads at most size bytes of plaintext; out_len is more than 0 with TLS_DONE. */
enum tls_step tls_session_read(struct tls_session *session, void *bytes, size_t size,
			       size_t *out_len);

/* Encrypts. ERR_NO_MEMORY, ERR_TLS. */
enum err tls_session_write(struct tls_session *session, const void *bytes,
			   size_t len) MUST_CHECK;

/* Says goodbye. */
void tls_session_bye(struct tls_session *session);

/* The bytes that have to go to the peer, and how many of them went. */
const void *tls_session_output(const struct tls_session *session, size_t *out_len);
void tls_session_sent(struct tls_session *session, size_t len);

/* The peer closed, or time ran out, in the middle of the handshake. */
void tls_session_abort(struct tls_session *session, enum reason reason);

/* The peer's identity, NULL if it showed no certificate; stays the session's. */
struct identity *tls_session_identity(const struct tls_session *session);

/* The fingerprint of the certificate that we showed, "" for none. */
const char *tls_session_shown(const struct tls_session *session);

/* True for a client that showed a certificate in TLS 1.3 and has not heard a word since: the
 * server's refusal may still come (RFC 8446 §4.4.2.4). */
bool tls_session_is_unconfirmed(const struct tls_session *session);

/* How it went: complete once the handshake has ended, gone once it was forgotten. */
const struct tls_diagnosis *tls_session_diagnosis(const struct tls_session *session);
void tls_session_forget_diagnosis(struct tls_session *session);
