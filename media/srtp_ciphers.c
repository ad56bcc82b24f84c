#include "media/srtp_ciphers.h"

#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/hmac.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SALT = 14, KEY_128 = 16, KEY_256 = 32 };

/* A cipher and its state in one piece, as the library wants them. */
struct counter_mode {
	srtp_cipher_t cipher;
	union {
		struct aes128_ctx aes128;
		struct aes256_ctx aes256;
	};
	bool is_256, is_spent; /* spent: the last call ended inside a block */
	uint8_t offset[AES_BLOCK_SIZE], counter[AES_BLOCK_SIZE];
};

struct sha1_auth {
	srtp_auth_t auth;
	struct hmac_sha1_ctx hmac;
};

static const srtp_cipher_type_t counter_128, counter_256;
static const srtp_auth_type_t hmac_sha1;

static srtp_err_status_t counter_alloc(srtp_cipher_pointer_t *out,
				       const srtp_cipher_type_t *type, int key_len)
{
	struct counter_mode *mode = calloc(1, sizeof(*mode));

	if (!mode)
		return srtp_err_status_alloc_fail;
	mode->is_256 = type == &counter_256;
	mode->cipher = (srtp_cipher_t){
		.type = type, .state = mode, .key_len = key_len, .algorithm = (int)type->id
	};
	*out = &mode->cipher;
	return srtp_err_status_ok;
}

static srtp_err_status_t alloc_128(srtp_cipher_pointer_t *out, int key_len, int tag_len)
{
	return key_len == KEY_128 + SALT ? counter_alloc(out, &counter_128, key_len)
					 : srtp_err_status_bad_param;
}

static srtp_err_status_t alloc_256(srtp_cipher_pointer_t *out, int key_len, int tag_len)
{
	return key_len == KEY_256 + SALT ? counter_alloc(out, &counter_256, key_len)
					 : srtp_err_status_bad_param;
}

static srtp_err_status_t counter_dealloc(srtp_cipher_pointer_t cipher)
{
	struct counter_mode *mode = cipher->state;

	explicit_bzero(mode, sizeof(*mode));
	free(mode);
	return srtp_err_status_ok;
}

static srtp_err_status_t counter_init(void *state, const uint8_t *key)
{
	struct counter_mode *mode = state;
	size_t key_len = mode->is_256 ? KEY_256 : KEY_128;

	if (mode->is_256)
		aes256_set_encrypt_key(&mode->aes256, key);
	else
		aes128_set_encrypt_key(&mode->aes128, key);
	memset(mode->offset, 0, sizeof(mode->offset));
	memcpy(mode->offset, key + key_len, SALT);
	mode->is_spent = true; /* until it has its counter */
	return srtp_err_status_ok;
}

/* The counter is the salt and the packet's index, or-ed without carry (RFC 3711 4.1.1). */
static srtp_err_status_t counter_set_iv(void *state, uint8_t *iv,
					srtp_cipher_direction_t direction)
{
	struct counter_mode *mode = state;

	for (unsigned i = 0; i < sizeof(mode->counter); i++)
		mode->counter[i] = mode->offset[i] ^ iv[i];
	mode->is_spent = false;
	return srtp_err_status_ok;
}

static srtp_err_status_t counter_crypt(void *state, uint8_t *bytes, unsigned *len)
{
	struct counter_mode *mode = state;

	if (mode->is_spent)
		return srtp_err_status_cipher_fail;
	if (mode->is_256)
		ctr_crypt(&mode->aes256, (nettle_cipher_func *)aes256_encrypt,
			  sizeof(mode->counter), mode->counter, *len, bytes, bytes);
	else
		ctr_crypt(&mode->aes128, (nettle_cipher_func *)aes128_encrypt,
			  sizeof(mode->counter), mode->counter, *len, bytes, bytes);
	mode->is_spent = *len % AES_BLOCK_SIZE != 0;
	return srtp_err_status_ok;
}

/* RFC 3711 B.2. */
static const uint8_t key_of_test[] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				       0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
				       0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
				       0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd };
static uint8_t index_of_test[16];
static const uint8_t zeros[32];
static const uint8_t stream_of_test[] = { 0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80,
					  0xe1, 0x66, 0xb1, 0x6d, 0xd9, 0x2b, 0x4e, 0xb4,
					  0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02, 0xd0, 0xf7,
					  0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab };
static const srtp_cipher_test_case_t test_128 = {
	.key_length_octets = sizeof(key_of_test),
	.key = key_of_test,
	.idx = index_of_test,
	.plaintext_length_octets = sizeof(zeros),
	.plaintext = zeros,
	.ciphertext_length_octets = sizeof(stream_of_test),
	.ciphertext = stream_of_test,
};

/* RFC 6188 7.1. */
static const uint8_t key_of_test_256[] = { 0x57, 0xf8, 0x2f, 0xe3, 0x61, 0x3f, 0xd1, 0x70,
					   0xa8, 0x5e, 0xc9, 0x3c, 0x40, 0xb1, 0xf0, 0x92,
					   0x2e, 0xc4, 0xcb, 0x0d, 0xc0, 0x25, 0xb5, 0x82,
					   0x72, 0x14, 0x7c, 0xc4, 0x38, 0x94, 0x4a, 0x98,
					   0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
					   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd };
static const uint8_t stream_of_test_256[] = { 0x92, 0xbd, 0xd2, 0x8a, 0x93, 0xc3, 0xf5, 0x25,
					      0x11, 0xc6, 0x77, 0xd0, 0x8b, 0x55, 0x15, 0xa4,
					      0x9d, 0xa7, 0x1b, 0x23, 0x78, 0xa8, 0x54, 0xf6,
					      0x70, 0x50, 0x75, 0x6d, 0xed, 0x16, 0x5b, 0xac };
static const srtp_cipher_test_case_t test_256 = {
	.key_length_octets = sizeof(key_of_test_256),
	.key = key_of_test_256,
	.idx = index_of_test,
	.plaintext_length_octets = sizeof(zeros),
	.plaintext = zeros,
	.ciphertext_length_octets = sizeof(stream_of_test_256),
	.ciphertext = stream_of_test_256,
};

static const srtp_cipher_type_t counter_128 = {
	.alloc = alloc_128,
	.dealloc = counter_dealloc,
	.init = counter_init,
	.encrypt = counter_crypt,
	.decrypt = counter_crypt,
	.set_iv = counter_set_iv,
	.description = "AES-128 counter mode of nettle",
	.test_data = &test_128,
	.id = SRTP_AES_ICM_128,
};

static const srtp_cipher_type_t counter_256 = {
	.alloc = alloc_256,
	.dealloc = counter_dealloc,
	.init = counter_init,
	.encrypt = counter_crypt,
	.decrypt = counter_crypt,
	.set_iv = counter_set_iv,
	.description = "AES-256 counter mode of nettle",
	.test_data = &test_256,
	.id = SRTP_AES_ICM_256,
};

static srtp_err_status_t auth_alloc(srtp_auth_pointer_t *out, int key_len, int out_len)
{
	struct sha1_auth *sha1;

	if (key_len < 0 || out_len < 0 || out_len > SHA1_DIGEST_SIZE)
		return srtp_err_status_bad_param;
	sha1 = calloc(1, sizeof(*sha1));
	if (!sha1)
		return srtp_err_status_alloc_fail;
	sha1->auth = (srtp_auth_t){
		.type = &hmac_sha1, .state = sha1, .out_len = out_len, .key_len = key_len
	};
	*out = &sha1->auth;
	return srtp_err_status_ok;
}

static srtp_err_status_t auth_dealloc(srtp_auth_pointer_t auth)
{
	struct sha1_auth *sha1 = auth->state;

	explicit_bzero(sha1, sizeof(*sha1));
	free(sha1);
	return srtp_err_status_ok;
}

static srtp_err_status_t auth_init(void *state, const uint8_t *key, int key_len)
{
	struct sha1_auth *sha1 = state;

	hmac_sha1_set_key(&sha1->hmac, (size_t)key_len, key);
	return srtp_err_status_ok;
}

static srtp_err_status_t auth_start(void *state)
{
	struct sha1_auth *sha1 = state;

	sha1->hmac.state = sha1->hmac.inner; /* whatever was begun is forgotten */
	return srtp_err_status_ok;
}

static srtp_err_status_t auth_update(void *state, const uint8_t *bytes, int len)
{
	struct sha1_auth *sha1 = state;

	hmac_sha1_update(&sha1->hmac, (size_t)len, bytes);
	return srtp_err_status_ok;
}

static srtp_err_status_t auth_compute(void *state, const uint8_t *bytes, int len, int tag_len,
				      uint8_t *tag)
{
	struct sha1_auth *sha1 = state;

	if (tag_len > SHA1_DIGEST_SIZE)
		return srtp_err_status_bad_param;
	hmac_sha1_update(&sha1->hmac, (size_t)len, bytes);
	hmac_sha1_digest(&sha1->hmac, (size_t)tag_len, tag); /* and begins anew */
	return srtp_err_status_ok;
}

/* RFC 2202 3. */
static const uint8_t key_of_auth_test[] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
					    0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
					    0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static const uint8_t text_of_auth_test[] = { 'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e' };
static const uint8_t tag_of_auth_test[] = { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72,
					    0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37,
					    0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00 };
static const srtp_auth_test_case_t auth_test = {
	.key_length_octets = sizeof(key_of_auth_test),
	.key = key_of_auth_test,
	.data_length_octets = sizeof(text_of_auth_test),
	.data = text_of_auth_test,
	.tag_length_octets = sizeof(tag_of_auth_test),
	.tag = tag_of_auth_test,
};

static const srtp_auth_type_t hmac_sha1 = {
	.alloc = auth_alloc,
	.dealloc = auth_dealloc,
	.init = auth_init,
	.compute = auth_compute,
	.update = auth_update,
	.start = auth_start,
	.description = "HMAC-SHA1 of nettle",
	.test_data = &auth_test,
	.id = SRTP_HMAC_SHA1,
};

enum err srtp_ciphers_install(void)
{
	bool is_done = srtp_replace_cipher_type(&counter_128, SRTP_AES_ICM_128) ==
			       srtp_err_status_ok &&
		       srtp_replace_cipher_type(&counter_256, SRTP_AES_ICM_256) ==
			       srtp_err_status_ok &&
		       srtp_replace_auth_type(&hmac_sha1, SRTP_HMAC_SHA1) == srtp_err_status_ok;

	return is_done ? ERR_OK : ERR_IO;
}
