/* suite: the crypto suites of SRTP (RFC 4568 6.2, RFC 6188, RFC 7714), their names and key
 * sizes, and keys: made, printed and read as the key-params of SDP have them. Keys are wiped by
 * who is done with them (suite_key_wipe); nobody logs them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum srtp_suite {
	SRTP_NONE,
	SRTP_AES_CM_128_HMAC_SHA1_80,
	SRTP_AES_CM_128_HMAC_SHA1_32,
	SRTP_AES_256_CM_HMAC_SHA1_80,
	SRTP_AES_256_CM_HMAC_SHA1_32,
	SRTP_AEAD_AES_128_GCM,
	SRTP_AEAD_AES_256_GCM,
	SRTP_N_SUITES
};

enum { SRTP_KEY_SIZE = 46, SRTP_MKI_SIZE = 16, SRTP_KEY_TEXT_SIZE = 65 };

/* A master key with its salt behind it. mki_len 0: packets carry no MKI, else they end with the
 * first mki_len bytes of mki (before the tag, RFC 3711 3.1), network order as SDP says it. */
struct srtp_key {
	enum srtp_suite suite;
	uint8_t bytes[SRTP_KEY_SIZE];
	uint8_t mki_len, mki[SRTP_MKI_SIZE];
};

/* The name that SDP and `media.suites` have, "AES_CM_128_HMAC_SHA1_80"; NULL for SRTP_NONE. */
const char *suite_name(enum srtp_suite suite);

/* The suite of that name (case matters not), SRTP_NONE if there is none. */
enum srtp_suite suite_by_name(const char *name);

/* Bytes of master key and salt together: 30, 46, 28 or 44. */
size_t suite_key_len(enum srtp_suite suite);

/* A new random key without MKI. */
void suite_key_random(enum srtp_suite suite, struct srtp_key *out);

/* The base64 of key and salt, terminated: what follows "inline:". Returns out. */
const char *suite_key_print(const struct srtp_key *key, char out[SRTP_KEY_TEXT_SIZE]);

/* Reads base64 of exactly the suite's length (text_len characters, padding as it may be).
 * ERR_SYNTAX if it is none, or of another length. Without MKI: the caller sets it. */
enum err suite_key_read(enum srtp_suite suite, const char *text, size_t text_len,
			struct srtp_key *out) MUST_CHECK;

/* Same suite, key, salt and MKI. Takes the same time wherever they differ. */
bool suite_key_equal(const struct srtp_key *a, const struct srtp_key *b);

void suite_key_wipe(struct srtp_key *key);
