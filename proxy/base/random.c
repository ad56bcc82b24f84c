#include "proxy/base/random.h"

#include <endian.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { POOL_SIZE = 512 };

/* Random bytes drawn ahead. A tag or a branch must be hard to guess (RFC 3261 §19.3), and we
 * make several for each request: one call into GnuTLS serves some dozens of them. */
struct pool {
	unsigned char bytes[POOL_SIZE];
	size_t left;
};

static _Thread_local struct pool pool;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t hash_key[2]; /* written once, before the first hash */
static atomic_bool has_hash_key;

static void draw(gnutls_rnd_level_t level, void *out, size_t len)
{
	if (gnutls_rnd(level, out, len) == 0)
		return;

	unsigned char *to = out;
	while (len > 0) {
		ssize_t got = getrandom(to, len < 256 ? len : 256, 0);
		if (got <= 0)
			abort(); /* no token and no key can be trusted from here on */
		to += got;
		len -= (size_t)got;
	}
}

/* Takes len bytes, at most POOL_SIZE, out of the pool, where they leave zeros. */
static void take(void *out, size_t len)
{
	if (pool.left < len) {
		draw(GNUTLS_RND_RANDOM, pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
	}

	unsigned char *from = pool.bytes + sizeof(pool.bytes) - pool.left;
	memcpy(out, from, len);
	memset(from, 0, len);
	pool.left -= len;
}

void random_bytes(void *out, size_t len)
{
	draw(GNUTLS_RND_KEY, out, len);
}

uint64_t random_u64(void)
{
	uint64_t number;

	take(&number, sizeof(number));
	return number;
}

void random_token(char *out, size_t n_chars)
{
	static const char alphabet[36] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = 0;

	while (n < n_chars) {
		unsigned char bytes[32];
		size_t n_bytes = n_chars - n < sizeof(bytes) ? n_chars - n : sizeof(bytes);

		take(bytes, n_bytes);
		for (size_t i = 0; i < n_bytes; i++)
			if (bytes[i] <
			    252) /* a multiple of 36, so that no character is likelier */
				out[n++] = alphabet[bytes[i] % 36];
	}
	out[n_chars] = '\0';
}

static void make_hash_key(void)
{
	draw(GNUTLS_RND_RANDOM, hash_key, sizeof(hash_key));
	atomic_store_explicit(&has_hash_key, true, memory_order_release);
}

static inline uint64_t rotate_left(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

/* What is left after the last whole word: of a longer text the end of its last eight bytes. */
static uint64_t last_bytes(const unsigned char *from, size_t len)
{
	const unsigned n = (unsigned)len % 8;
	uint64_t word = 0;

	if (n == 0)
		return 0;
	if (len > 8) {
		memcpy(&word, from + n - 8, 8);
		return le64toh(word) >> (64 - 8 * n);
	}
	for (unsigned i = 0; i < n; i++)
		word |= (uint64_t)from[i] << (8 * i);
	return word;
}

uint64_t random_siphash(const uint64_t key[2], const void *bytes, size_t len)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	const unsigned char *from = bytes;
	uint64_t word;

	for (size_t left = len; left >= 8; left -= 8, from += 8) {
		memcpy(&word, from, 8);
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}

	word = (uint64_t)len << 56 | last_bytes(from, len);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;

	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t random_keyed_hash(const void *bytes, size_t len)
{
	if (!atomic_load_explicit(&has_hash_key, memory_order_acquire))
		pthread_once(&key_once, make_hash_key);
	return random_siphash(hash_key, bytes, len);
}

/* Texts that do not fit together into the buffer: a hash of their hashes. */
static uint64_t hash_each(const char *const *texts, size_t n)
{
	uint64_t hash = n;

	for (size_t i = 0; i < n; i++) {
		const uint64_t chain[] = {
			hash, texts[i] != NULL,
			texts[i] ? random_keyed_hash(texts[i], strlen(texts[i])) : 0
		};
		hash = random_keyed_hash(chain, sizeof(chain));
	}
	return hash;
}

uint64_t random_keyed_hash_texts(const char *const *texts, size_t n)
{
	char together[256];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t text_len = texts[i] ? strlen(texts[i]) : 0;

		if (sizeof(together) - len < text_len + 2)
			return hash_each(texts, n);
		together[len++] = texts[i] != NULL; /* 0: nothing more of it follows */
		if (!texts[i])
			continue;
		memcpy(together + len, texts[i], text_len + 1);
		len += text_len + 1;
	}
	return random_keyed_hash(together, len);
}
