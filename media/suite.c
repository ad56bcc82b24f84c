#include "media/suite.h"

#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/mac.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"

static const struct {
	const char *name;
	/* master key and salt: 14 bytes (RFC 3711 8.2), 12 with GCM (RFC 7714 12) */
	uint8_t key_len;
} suites[SRTP_N_SUITES] = {
	[SRTP_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 16 + 14 },
	[SRTP_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 16 + 14 },
	[SRTP_AES_256_CM_HMAC_SHA1_80] = { "AES_256_CM_HMAC_SHA1_80", 32 + 14 },
	[SRTP_AES_256_CM_HMAC_SHA1_32] = { "AES_256_CM_HMAC_SHA1_32", 32 + 14 },
	[SRTP_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16 + 12 },
	[SRTP_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32 + 12 },
};

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *suite_name(enum srtp_suite suite)
{
	return (unsigned)suite < SRTP_N_SUITES ? suites[suite].name : NULL;
}

enum srtp_suite suite_by_name(const char *name)
{
	for (unsigned suite = SRTP_NONE + 1; suite < SRTP_N_SUITES; suite++)
		if (text_equal_nocase(suites[suite].name, name))
			return (enum srtp_suite)suite;
	return SRTP_NONE;
}

size_t suite_key_len(enum srtp_suite suite)
{
	return (unsigned)suite < SRTP_N_SUITES ? suites[suite].key_len : 0;
}

void suite_key_random(enum srtp_suite suite, struct srtp_key *out)
{
	memset(out, 0, sizeof(*out));
	out->suite = suite;
	random_bytes(out->bytes, suite_key_len(suite));
}

const char *suite_key_print(const struct srtp_key *key, char out[SRTP_KEY_TEXT_SIZE])
{
	size_t len = suite_key_len(key->suite), n = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)key->bytes[i] << 16;

		bits |= i + 1 < len ? (uint32_t)key->bytes[i + 1] << 8 : 0;
		bits |= i + 2 < len ? key->bytes[i + 2] : 0;
		out[n++] = base64_digits[bits >> 18];
		out[n++] = base64_digits[bits >> 12 & 63];
		out[n++] = i + 1 < len ? base64_digits[bits >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? base64_digits[bits & 63] : '=';
	}
	out[n] = '\0';
	return out;
}

/* The six bits of a digit; -1 for what is none. */
static int digit_value(char digit)
{
	const char *at = digit ? strchr(base64_digits, digit) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

enum err suite_key_read(enum srtp_suite suite, const char *text, size_t text_len,
			struct srtp_key *out)
{
	size_t wanted = suite_key_len(suite), n_bytes = 0;
	struct srtp_key key = { .suite = suite };
	uint32_t bits = 0;
	unsigned n_bits = 0;

	while (text_len > 0 && text[text_len - 1] == '=')
		text_len--;
	if (wanted == 0 || text_len != (wanted * 8 + 5) / 6)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text_len; i++) {
		int value = digit_value(text[i]);

		if (value < 0) {
			suite_key_wipe(&key);
			return ERR_SYNTAX;
		}
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			key.bytes[n_bytes++] = (uint8_t)(bits >> n_bits);
		}
	}
	*out = key;
	suite_key_wipe(&key);
	return ERR_OK;
}

bool suite_key_equal(const struct srtp_key *a, const struct srtp_key *b)
{
	return a->suite == b->suite && a->mki_len == b->mki_len &&
	       mac_equal(a->bytes, b->bytes, suite_key_len(a->suite)) &&
	       mac_equal(a->mki, b->mki, a->mki_len);
}

void suite_key_wipe(struct srtp_key *key)
{
	explicit_bzero(key, sizeof(*key));
}
