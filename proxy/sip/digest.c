#include "proxy/sip/digest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>
#include <nettle/md5.h>
#include <sofia-sip/msg_header.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/sip/digest_nonce.h"

enum {
	MAX_DIGEST = 32, /* bytes of the longest hash */
	MAX_PARAM = 512, /* of what a client writes */
	MAX_REALM = 256,
};

static const struct algorithm {
	const char *name;
	const struct nettle_hash *hash; /* GnuTLS has no SHA-512/256 */
} algorithms[N_DIGEST_ALGORITHMS] = {
	[DIGEST_MD5] = { .name = "MD5", .hash = &nettle_md5 },
	[DIGEST_SHA256] = { .name = "SHA-256", .hash = &nettle_sha256 },
	[DIGEST_SHA512_256] = { .name = "SHA-512-256", .hash = &nettle_sha512_256 },
};

/* Strongest first: RFC 8760 §2.3. */
static const enum digest_algorithm by_strength[] = { DIGEST_SHA512_256, DIGEST_SHA256,
						     DIGEST_MD5 };

/* What a client wrote, unquoted. */
struct claim {
	enum digest_algorithm algorithm;
	char user[256];
	char nonce[MAX_PARAM], uri[MAX_PARAM * 4], response[MAX_PARAM];
	char cnonce[MAX_PARAM], nc[16], qop[16];
	bool has_qop;
};

/* H(texts joined by colons), in hex. */
static void hash_texts(enum digest_algorithm algorithm, const char *const *texts, size_t n,
		       char out[65])
{
	const struct nettle_hash *hash = algorithms[algorithm].hash;
	union {
		struct md5_ctx md5;
		struct sha256_ctx sha256;
		struct sha512_256_ctx sha512_256;
	} context;
	uint8_t digest[MAX_DIGEST];

	hash->init(&context);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			hash->update(&context, 1, (const uint8_t *)":");
		hash->update(&context, strlen(texts[i]), (const uint8_t *)texts[i]);
	}
	hash->digest(&context, hash->digest_size, digest);
	text_hex(digest, hash->digest_size, out);
}

void digest_make_secret(const char *user, const char *realm, const char *password,
			struct digest_secret *out)
{
	const char *texts[] = { user, realm, password };

	for (unsigned i = 0; i < N_DIGEST_ALGORITHMS; i++)
		hash_texts((enum digest_algorithm)i, texts, COUNT(texts), out->ha1[i]);
}

enum err digest_challenge(msg_t *response, struct digest_nonces *nonces, const char *realm,
			  unsigned wanted, bool is_stale, uint64_t now_ms)
{
	return digest_challenge_at(response, nonces, realm, "", wanted, is_stale, now_ms);
}

enum err digest_challenge_at(msg_t *response, struct digest_nonces *nonces, const char *realm,
			     const char *scope, unsigned wanted, bool is_stale, uint64_t now_ms)
{
	const sip_status_t *status = message_sip(response)->sip_status;
	const char *name =
		status && status->st_status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
	char nonce[DIGEST_NONCE_SIZE];
	struct buf value;
	enum err err = ERR_OK;

	if (strpbrk(realm, "\"\\\r\n"))
		return ERR_SYNTAX;
	digest_nonce_make(nonces, realm, scope, now_ms, nonce);
	buf_init(&value, 1024);
	for (size_t i = 0; i < COUNT(by_strength) && !err; i++) {
		if (!(wanted & 1U << by_strength[i]))
			continue;
		buf_clear(&value);
		buf_printf(&value,
			   "Digest realm=\"%s\", qop=\"auth\", nonce=\"%s\", algorithm=%s%s",
			   realm, nonce, algorithms[by_strength[i]].name,
			   is_stale ? ", stale=true" : "");
		err = value.err ? value.err
				: message_add_header(response, name, buf_text(&value));
	}
	buf_fini(&value);
	return err;
}

/* Copies a parameter without its quotes; false if it is too long or its quotes do not end. ""
 * if there is none. */
static bool read_param(const msg_auth_t *auth, const char *name, char *out, size_t size)
{
	const char *value = auth->au_params ? msg_params_find(auth->au_params, name) : NULL;

	out[0] = '\0';
	if (!value)
		return true;
	if (strlen(value) >= size)
		return false;
	return value[0] == '"' ? msg_unquote(out, value) != NULL : text_copy(out, size, value);
}

static const msg_auth_t *find(const sip_t *sip, bool is_proxy, const char *realm)
{
	const msg_auth_t *auth =
		is_proxy ? sip->sip_proxy_authorization : sip->sip_authorization;
	char its_realm[MAX_REALM];

	for (; auth; auth = auth->au_next)
		if (auth->au_scheme && strcasecmp(auth->au_scheme, "Digest") == 0 &&
		    read_param(auth, "realm=", its_realm, sizeof(its_realm)) &&
		    strcmp(its_realm, realm) == 0)
			return auth;
	return NULL;
}

static bool read_algorithm(const char *name, enum digest_algorithm *out)
{
	if (name[0] == '\0') {
		*out = DIGEST_MD5; /* RFC 7616 §3.3 */
		return true;
	}
	for (unsigned i = 0; i < N_DIGEST_ALGORITHMS; i++) {
		if (strcasecmp(name, algorithms[i].name) == 0) {
			*out = (enum digest_algorithm)i;
			return true;
		}
	}
	return false;
}

/* userhash is not offered, and -sess algorithms neither: whoever uses them did not read the
 * challenge. */
static bool read_claim(const msg_auth_t *auth, struct claim *out)
{
	char algorithm[32], userhash[8];

	if (!read_param(auth, "username=", out->user, sizeof(out->user)) ||
	    !read_param(auth, "nonce=", out->nonce, sizeof(out->nonce)) ||
	    !read_param(auth, "uri=", out->uri, sizeof(out->uri)) ||
	    !read_param(auth, "response=", out->response, sizeof(out->response)) ||
	    !read_param(auth, "cnonce=", out->cnonce, sizeof(out->cnonce)) ||
	    !read_param(auth, "nc=", out->nc, sizeof(out->nc)) ||
	    !read_param(auth, "qop=", out->qop, sizeof(out->qop)) ||
	    !read_param(auth, "algorithm=", algorithm, sizeof(algorithm)) ||
	    !read_param(auth, "userhash=", userhash, sizeof(userhash)))
		return false;
	out->has_qop = out->qop[0] != '\0';
	if (out->has_qop && (strcasecmp(out->qop, "auth") != 0 || out->cnonce[0] == '\0' ||
			     strlen(out->nc) != 8))
		return false;
	return out->user[0] != '\0' && out->nonce[0] != '\0' && out->uri[0] != '\0' &&
	       out->response[0] != '\0' && strcasecmp(userhash, "true") != 0 &&
	       read_algorithm(algorithm, &out->algorithm);
}

enum digest_verdict digest_claimed_user(const sip_t *sip, bool is_proxy, const char *realm,
					char out_user[256])
{
	const msg_auth_t *auth = find(sip, is_proxy, realm);
	struct claim claim;

	if (!auth)
		return DIGEST_MISSING;
	if (!read_claim(auth, &claim))
		return DIGEST_MALFORMED;
	memcpy(out_user, claim.user, sizeof(claim.user));
	return DIGEST_OK;
}

/* RFC 7616 §3.4.1; without qop as in RFC 2069. The digest-uri is taken as it is written: RFC
 * 3261 §22.4 item 5. */
static void make_response(const struct claim *claim, const char *method, const char *ha1,
			  char out[65])
{
	const char *request[] = { method, claim->uri };
	char ha2[65];

	hash_texts(claim->algorithm, request, COUNT(request), ha2);
	const char *with_qop[] = {
		ha1, claim->nonce, claim->nc, claim->cnonce, claim->qop, ha2
	};
	const char *without[] = { ha1, claim->nonce, ha2 };
	if (claim->has_qop)
		hash_texts(claim->algorithm, with_qop, COUNT(with_qop), out);
	else
		hash_texts(claim->algorithm, without, COUNT(without), out);
}

static bool read_count(const struct claim *claim, uint32_t *out)
{
	uint8_t bytes[4];

	*out = 1; /* without qop a nonce serves once */
	if (!claim->has_qop)
		return true;
	if (!text_unhex(claim->nc, bytes, sizeof(bytes)))
		return false;
	*out = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
	return true;
}

bool digest_was_challenged(const sip_t *sip, bool is_proxy, const char *realm,
			   const char *scope, struct digest_nonces *nonces, uint64_t now_ms)
{
	const msg_auth_t *auth = find(sip, is_proxy, realm);
	struct claim claim;

	return auth && read_claim(auth, &claim) &&
	       digest_nonce_is_good(nonces, claim.nonce, realm, scope, now_ms);
}

enum digest_verdict digest_verify(const sip_t *sip, bool is_proxy, const char *realm,
				  const struct digest_secret *secret,
				  struct digest_nonces *nonces, uint64_t now_ms)
{
	return digest_verify_at(sip, is_proxy, realm, "", secret, nonces, now_ms);
}

enum digest_verdict digest_verify_at(const sip_t *sip, bool is_proxy, const char *realm,
				     const char *scope, const struct digest_secret *secret,
				     struct digest_nonces *nonces, uint64_t now_ms)
{
	const msg_auth_t *auth = find(sip, is_proxy, realm);
	struct claim claim;
	char want[65];
	uint32_t count;

	if (!auth)
		return DIGEST_MISSING;
	if (!read_claim(auth, &claim) || !read_count(&claim, &count))
		return DIGEST_MALFORMED;

	const char *ha1 = secret->ha1[claim.algorithm];
	make_response(&claim, sip->sip_request->rq_method_name, ha1, want);
	text_lower(claim.response);
	bool is_right = strlen(want) == strlen(claim.response) &&
			memeql_sec(want, claim.response, strlen(want)) != 0;
	if (!is_right || ha1[0] == '\0')
		return DIGEST_WRONG;
	/* Only who knows the password learns that the nonce was the fault (RFC 7616 §3.3,
	 * stale). */
	return digest_nonce_use(nonces, claim.nonce, realm, scope, count, now_ms);
}

void digest_strip(msg_t *msg, bool is_proxy, const char *realm)
{
	for (;;) {
		const msg_auth_t *auth = find(message_sip(msg), is_proxy, realm);
		if (!auth)
			return;
		msg_header_remove(msg, NULL, (msg_header_t *)auth);
	}
}

const char *digest_verdict_text(enum digest_verdict verdict)
{
	switch (verdict) {
	case DIGEST_OK:
		return "accepted";
	case DIGEST_MISSING:
		return "no credentials for our realm";
	case DIGEST_STALE:
		return "stale nonce";
	case DIGEST_REPLAYED:
		return "nonce count used before";
	case DIGEST_WRONG:
		return "wrong";
	case DIGEST_MALFORMED:
		return "cannot be read";
	}
	return "wrong";
}
