#include "proxy/sip/digest_nonce.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

enum {
	N_SETS = 1024,
	N_WAYS = 4,
	MAC_BYTES = 16,
	STAMP_LEN = 32, /* hex digits of time and salt, before those of the mac */
	WINDOW = 64,    /* counts that may overtake each other, as datagrams do */
};

struct use {
	uint64_t salt, made_ms;
	uint64_t seen;    /* a bit for each count up to WINDOW below highest */
	uint32_t highest; /* 0: this entry is free */
};

/* Nonces fall into sets by their salt. One that had to make room leaves its age: nonces as old
 * as it that are not here may have been used, and are stale. */
struct use_set {
	struct use uses[N_WAYS];
	uint64_t forgotten_ms;
};

struct digest_nonces {
	uint8_t key[32];
	pthread_mutex_t lock;
	struct use_set sets[N_SETS];
};

enum err digest_nonces_new(struct digest_nonces **out)
{
	struct digest_nonces *nonces = calloc(1, sizeof(*nonces));
	if (!nonces)
		return ERR_NO_MEMORY;

	if (pthread_mutex_init(&nonces->lock, NULL) != 0) {
		free(nonces);
		return ERR_NO_MEMORY;
	}
	random_bytes(nonces->key, sizeof(nonces->key));
	*out = nonces;
	return ERR_OK;
}

struct digest_nonces *digest_nonces_free(struct digest_nonces *nonces)
{
	if (!nonces)
		return NULL;
	pthread_mutex_destroy(&nonces->lock);
	explicit_bzero(nonces->key, sizeof(nonces->key));
	free(nonces);
	return NULL;
}

static void make_mac(const struct digest_nonces *nonces, const char *stamp, const char *realm,
		     const char *scope, uint8_t out[MAC_BYTES])
{
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, sizeof(nonces->key), nonces->key);
	hmac_sha256_update(&hmac, STAMP_LEN, (const uint8_t *)stamp);
	hmac_sha256_update(&hmac, strlen(realm), (const uint8_t *)realm);
	if (*scope) { /* a realm holds no line end */
		hmac_sha256_update(&hmac, 1, (const uint8_t *)"\n");
		hmac_sha256_update(&hmac, strlen(scope), (const uint8_t *)scope);
	}
	hmac_sha256_digest(&hmac, MAC_BYTES, out);
}

void digest_nonce_make(struct digest_nonces *nonces, const char *realm, const char *scope,
		       uint64_t now_ms, char out[DIGEST_NONCE_SIZE])
{
	uint8_t mac[MAC_BYTES];

	(void)snprintf(out, DIGEST_NONCE_SIZE, "%016" PRIx64 "%016" PRIx64, now_ms,
		       random_u64());
	make_mac(nonces, out, realm, scope, mac);
	text_hex(mac, sizeof(mac), out + STAMP_LEN);
}

static bool read_hex(const char *text, uint64_t *out)
{
	uint8_t bytes[8];
	char digits[17];

	(void)text_copy_len(digits, sizeof(digits), text, 16);
	if (!text_unhex(digits, bytes, sizeof(bytes)))
		return false;
	*out = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*out = *out << 8 | bytes[i];
	return true;
}

static bool is_ours(const struct digest_nonces *nonces, const char *nonce, const char *realm,
		    const char *scope)
{
	uint8_t want[MAC_BYTES], is[MAC_BYTES];

	if (strlen(nonce) != DIGEST_NONCE_SIZE - 1 ||
	    !text_unhex(nonce + STAMP_LEN, is, sizeof(is)))
		return false;
	make_mac(nonces, nonce, realm, scope, want);
	return memeql_sec(want, is, sizeof(want)) != 0;
}

static enum digest_verdict count_use(struct use *use, uint32_t count)
{
	if (count > use->highest) {
		uint32_t ahead = count - use->highest;
		use->seen = ahead < WINDOW ? use->seen << ahead | 1 : 1;
		use->highest = count;
		return DIGEST_OK;
	}
	uint32_t behind = use->highest - count;
	if (behind >= WINDOW || use->seen >> behind & 1)
		return DIGEST_REPLAYED;
	use->seen |= 1ULL << behind;
	return DIGEST_OK;
}

static enum digest_verdict use_in_set(struct use_set *set, uint64_t salt, uint64_t made_ms,
				      uint32_t count)
{
	struct use *oldest = &set->uses[0];

	for (struct use *use = set->uses; use < set->uses + N_WAYS; use++) {
		if (use->highest && use->salt == salt && use->made_ms == made_ms)
			return count_use(use, count);
		if (oldest->highest && (!use->highest || use->made_ms < oldest->made_ms))
			oldest = use;
	}
	if (made_ms <= set->forgotten_ms)
		return DIGEST_STALE;
	if (oldest->highest)
		set->forgotten_ms = oldest->made_ms;
	*oldest = (struct use){ .salt = salt, .made_ms = made_ms, .seen = 1, .highest = count };
	return DIGEST_OK;
}

bool digest_nonce_is_good(struct digest_nonces *nonces, const char *nonce, const char *realm,
			  const char *scope, uint64_t now_ms)
{
	uint64_t made_ms;

	return is_ours(nonces, nonce, realm, scope) && read_hex(nonce, &made_ms) &&
	       made_ms <= now_ms && now_ms - made_ms <= DIGEST_NONCE_LIFE_MS;
}

enum digest_verdict digest_nonce_use(struct digest_nonces *nonces, const char *nonce,
				     const char *realm, const char *scope, uint32_t count,
				     uint64_t now_ms)
{
	uint64_t made_ms, salt;

	if (!is_ours(nonces, nonce, realm, scope) || !read_hex(nonce, &made_ms) ||
	    !read_hex(nonce + 16, &salt))
		return DIGEST_STALE;
	if (made_ms > now_ms || now_ms - made_ms > DIGEST_NONCE_LIFE_MS)
		return DIGEST_STALE;
	if (count == 0)
		return DIGEST_REPLAYED; /* counts begin at 1: RFC 7616 §3.4 */

	pthread_mutex_lock(&nonces->lock);
	enum digest_verdict verdict =
		use_in_set(&nonces->sets[salt % N_SETS], salt, made_ms, count);
	pthread_mutex_unlock(&nonces->lock);
	return verdict;
}
