/* Digest authentication, server side (RFC 3261 §22, RFC 7616, RFC 8760): MD5, SHA-256,
 * SHA-512-256. Nonces carry their own proof (time and keyed hash), so that a challenge costs no
 * memory; a repeated nonce count is refused by a small bounded table of the nonces in use. */
#pragma once

#include "proxy/sip/message.h"

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256, N_DIGEST_ALGORITHMS };

enum { DIGEST_ALL = (1 << N_DIGEST_ALGORITHMS) - 1 };

/* H(auth_user:realm:password) in hex for each algorithm; "" where it is not known. */
struct digest_secret {
	char ha1[N_DIGEST_ALGORITHMS][65];
};

enum digest_verdict {
	DIGEST_OK,
	DIGEST_MISSING,
	DIGEST_STALE,
	DIGEST_WRONG,
	DIGEST_REPLAYED,
	DIGEST_MALFORMED
};

/* In the words of a decision record. */
const char *digest_verdict_text(enum digest_verdict verdict);

struct digest_nonces; /* the key and the replay table; shared by workers (short lock) */

enum err digest_nonces_new(struct digest_nonces **out) MUST_CHECK;
struct digest_nonces *digest_nonces_free(struct digest_nonces *nonces);

/* Computes H(user:realm:password) for every algorithm. */
void digest_make_secret(const char *user, const char *realm, const char *password,
			struct digest_secret *out);

/* Adds WWW-Authenticate (401) or Proxy-Authenticate (407) headers to a response, strongest
 * first (RFC 8760 §2.3), qop=auth. algorithms: bits 1 << enum digest_algorithm. */
enum err digest_challenge(msg_t *response, struct digest_nonces *nonces, const char *realm,
			  unsigned algorithms, bool is_stale, uint64_t now_ms) MUST_CHECK;

/* The same with nonces that are good for scope alone, such as an address: whoever repeats one
 * was there to read it. */
enum err digest_challenge_at(msg_t *response, struct digest_nonces *nonces, const char *realm,
			     const char *scope, unsigned algorithms, bool is_stale,
			     uint64_t now_ms) MUST_CHECK;
enum digest_verdict digest_verify_at(const sip_t *sip, bool is_proxy, const char *realm,
				     const char *scope, const struct digest_secret *secret,
				     struct digest_nonces *nonces, uint64_t now_ms);
/* True if the credentials name a nonce of ours, young enough and for that scope, whatever else
 * they are. */
bool digest_was_challenged(const sip_t *sip, bool is_proxy, const char *realm,
			   const char *scope, struct digest_nonces *nonces, uint64_t now_ms);

/* Finds the credentials for realm in Proxy-Authorization (is_proxy) or Authorization; out_user
 * (size 256) gets the user name they claim. DIGEST_MISSING if there are none, DIGEST_MALFORMED
 * if unreadable; DIGEST_OK means only: found. */
enum digest_verdict digest_claimed_user(const sip_t *sip, bool is_proxy, const char *realm,
					char out_user[256]);

/* Verifies the credentials of a request against a secret, in constant time. */
enum digest_verdict digest_verify(const sip_t *sip, bool is_proxy, const char *realm,
				  const struct digest_secret *secret,
				  struct digest_nonces *nonces, uint64_t now_ms);

/* Takes the credentials of realm out of a request before it leaves us. */
void digest_strip(msg_t *msg, bool is_proxy, const char *realm);
