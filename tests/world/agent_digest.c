/* The client's side of digest authorization (RFC 7616 §3.4). */
#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/sip/digest.h"
#include "tests/world/agent.h"
#include "tests/world/sip_text.h"

/* digest_make_secret computes H(a:b:c): the one hash that all steps of RFC 7616 are made of. */
static void hash(enum digest_algorithm algorithm, const char *first, const char *second,
		 const char *third, char out[65])
{
	struct digest_secret secret;

	digest_make_secret(first, second, third, &secret);
	text_copy(out, 65, secret.ha1[algorithm]);
}

static bool read_algorithm(const char *text, enum digest_algorithm *out)
{
	static const char *const names[] = {
		[DIGEST_MD5] = "MD5",
		[DIGEST_SHA256] = "SHA-256",
		[DIGEST_SHA512_256] = "SHA-512-256",
	};
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i], text)) {
			*out = (enum digest_algorithm)i;
			return true;
		}
	return false;
}

/* The quoted value behind name=. */
static bool read_quoted(const char *challenge, const char *name, char *out, size_t size)
{
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "%s=\"", name);
	at = strstr(challenge, start);
	if (at)
		text_copy_len(out, size, at + strlen(start), strcspn(at + strlen(start), "\""));
	return at != NULL;
}

/* The challenge that names the algorithm. */
static bool find_challenge(const char *text, const char *algorithm, char *out, size_t size)
{
	char wanted[64];
	unsigned i;

	const char *header =
		sip_text_status(text) == 401 ? "WWW-Authenticate" : "Proxy-Authenticate";

	snprintf(wanted, sizeof(wanted), "algorithm=%s", algorithm);
	for (i = 0; sip_text_header(text, header, i, out, size); i++) {
		const char *at = strstr(out, wanted);

		if (at && strchr(", ", at[strlen(wanted)]))
			return true;
	}
	return false;
}

bool agent_authorize(const struct agent *agent, const char *method, const char *uri,
		     const char *auth_user, const char *password, const char *algorithm,
		     const char *nc, char *out, size_t size)
{
	char challenge[1024], realm[256], nonce[256], ha1[65], ha2[65], rest[512], response[65],
		scheme[16];
	const char *colon = strchr(uri, ':');
	enum digest_algorithm which;

	if (!colon || !read_algorithm(algorithm, &which) ||
	    !find_challenge(agent->challenge, algorithm, challenge, sizeof(challenge)) ||
	    !read_quoted(challenge, "realm", realm, sizeof(realm)) ||
	    !read_quoted(challenge, "nonce", nonce, sizeof(nonce)))
		return false;
	hash(which, auth_user, realm, password, ha1);
	text_copy_len(scheme, sizeof(scheme), uri, (size_t)(colon - uri));
	hash(which, method, scheme, colon + 1, ha2);
	snprintf(rest, sizeof(rest), "%s:cnonce1:auth:%s", nc, ha2);
	hash(which, ha1, nonce, rest, response);
	snprintf(out, size,
		 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
		 "response=\"%s\", algorithm=%s, "
		 "cnonce=\"cnonce1\", qop=auth, nc=%s",
		 auth_user, realm, nonce, uri, response, algorithm, nc);
	return true;
}
