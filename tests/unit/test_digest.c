/* Digest authentication: the hashes of RFC 7616 3.9.1, challenges, verdicts, replays. */
#include "proxy/sip/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/crypto.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/sip/reply.h"

#define REALM "a.example"
#define RFC_CREDENTIALS                                                                        \
	"username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "      \
	"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "

static msg_t *parse(const char *method, const char *header)
{
	char text[4096];
	msg_t *msg = NULL;

	(void)snprintf(
		text, sizeof(text),
		"%s sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\n"
		"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, method, header);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static struct digest_nonces *nonces_new(void)
{
	struct digest_nonces *nonces;

	assert_int_equal(digest_nonces_new(&nonces), ERR_OK);
	return nonces;
}

/* A foreign nonce is stale for whoever has the password, and nothing but wrong for others. */
static void test_rfc7616(void **state)
{
	static const struct {
		const char *name, *credentials;
		enum digest_verdict want;
	} rows[] = {
		{ "MD5",
		  "algorithm=MD5, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth,"
		  " response=\"8ca523f5e9506fed4657c9700eebdbec\"",
		  DIGEST_STALE },
		{ "MD5 by default, upper case",
		  "nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\","
		  " qop=\"auth\", response=\"8CA523F5E9506FED4657C9700EEBDBEC\"",
		  DIGEST_STALE },
		{ "SHA-256",
		  "algorithm=SHA-256, nc=00000001, qop=auth,"
		  " cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\","
		  " response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
		  DIGEST_STALE },
		{ "SHA-512-256",
		  "algorithm=SHA-512-256, nc=00000001, qop=auth,"
		  " cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\","
		  " response=\"430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0\"",
		  DIGEST_STALE },
		{ "without qop, as in RFC 2069",
		  "algorithm=MD5, response=\"7b2cc3b30e75b4777ea31027084363fd\"",
		  DIGEST_STALE },
		{ "one digit wrong",
		  "algorithm=MD5, nc=00000001, qop=auth,"
		  " cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\","
		  " response=\"8ca523f5e9506fed4657c9700eebdbed\"",
		  DIGEST_WRONG },
		{ "cut short",
		  "algorithm=MD5, nc=00000001, qop=auth,"
		  " cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", response=\"8ca523f5\"",
		  DIGEST_WRONG },
		{ "other count than hashed",
		  "algorithm=MD5, nc=00000002, qop=auth,"
		  " cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\","
		  " response=\"8ca523f5e9506fed4657c9700eebdbec\"",
		  DIGEST_WRONG },
		{ "no response", "algorithm=MD5", DIGEST_MALFORMED },
		{ "unknown algorithm",
		  "algorithm=MD5-sess, response=\"8ca523f5e9506fed4657c9700eebdbec\"",
		  DIGEST_MALFORMED },
		{ "auth-int was not offered",
		  "algorithm=MD5, nc=00000001, cnonce=\"f2\", qop=auth-int, response=\"1\"",
		  DIGEST_MALFORMED },
		{ "nc that is no number",
		  "algorithm=MD5, nc=0000000x, cnonce=\"f2\", qop=auth, response=\"1\"",
		  DIGEST_MALFORMED },
		{ "quotes that do not end", "algorithm=MD5, response=\"1",
		  DIGEST_MISSING }, /* Sofia refuses it */
	};
	struct digest_secret secret;
	struct digest_nonces *nonces = nonces_new();

	digest_make_secret("Mufasa", "http-auth@example.org", "Circle of Life", &secret);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char header[1024];
		(void)snprintf(header, sizeof(header),
			       "Authorization: Digest " RFC_CREDENTIALS "%s\r\n",
			       rows[i].credentials);
		msg_t *msg = parse("GET", header);
		enum digest_verdict verdict =
			digest_verify(message_sip(msg), false, "http-auth@example.org", &secret,
				      nonces, 1000);
		if (verdict != rows[i].want)
			fail_msg("%s: %d", rows[i].name, verdict);
		message_unref(msg);
	}
	digest_nonces_free(nonces);
}

/* A client of our own: hashes by GnuTLS. */
static void hash(gnutls_digest_algorithm_t algorithm, const char *text, char out[65])
{
	uint8_t bytes[32];

	assert_int_equal(gnutls_hash_fast(algorithm, text, strlen(text), bytes), 0);
	text_hex(bytes, gnutls_hash_get_len(algorithm), out);
}

struct attempt {
	const char *password, *nonce;
	unsigned count;
};

static msg_t *authorized(const struct attempt *attempt)
{
	char text[1024], ha1[65], ha2[65], response[65];

	(void)snprintf(text, sizeof(text), "al\"ice:%s:%s", REALM, attempt->password);
	hash(GNUTLS_DIG_SHA256, text, ha1);
	hash(GNUTLS_DIG_SHA256, "MESSAGE:sip:b@b", ha2);
	(void)snprintf(text, sizeof(text), "%s:%s:%08x:c:auth:%s", ha1, attempt->nonce,
		       attempt->count, ha2);
	hash(GNUTLS_DIG_SHA256, text, response);
	(void)snprintf(
		text, sizeof(text),
		"Proxy-Authorization: Digest realm=\"other\", username=\"x\", nonce=\"y\", uri=\"z\", response=\"1\"\r\n"
		"Proxy-Authorization: Digest realm=\"" REALM
		"\", username=\"al\\\"ice\", nonce=\"%s\","
		" uri=\"sip:b@b\", response=\"%s\", nc=%08x, cnonce=\"c\", qop=auth, algorithm=SHA-256\r\n",
		attempt->nonce, response, attempt->count);
	return parse("MESSAGE", text);
}

static void take_nonce(struct digest_nonces *nonces, uint64_t now_ms, char out[128])
{
	msg_t *request = parse("MESSAGE", ""), *reply = reply_new(request, 407, NULL, "t");

	assert_int_equal(digest_challenge(reply, nonces, REALM, DIGEST_ALL, false, now_ms),
			 ERR_OK);
	const char *nonce = msg_params_find(
		message_sip(reply)->sip_proxy_authenticate->au_params, "nonce=");
	assert_true(strlen(nonce) < 128);
	assert_non_null(msg_unquote(out, nonce));
	message_unref(reply);
	message_unref(request);
}

static void test_conversation(void **state)
{
	enum { BEGAN_MS = 5000 };
	static const struct {
		const char *name, *password;
		unsigned count;
		uint64_t now_ms;
		enum digest_verdict want;
	} rows[] = {
		{ "wrong password", "secret1", 1, BEGAN_MS, DIGEST_WRONG },
		{ "right", "secret", 1, BEGAN_MS + 1, DIGEST_OK },
		{ "the same again", "secret", 1, BEGAN_MS + 2, DIGEST_REPLAYED },
		{ "the next", "secret", 2, BEGAN_MS + 3, DIGEST_OK },
		{ "far ahead", "secret", 60, BEGAN_MS + 4, DIGEST_OK },
		{ "overtaken on the way", "secret", 59, BEGAN_MS + 5, DIGEST_OK },
		{ "overtaken, again", "secret", 59, BEGAN_MS + 6, DIGEST_REPLAYED },
		{ "two again, after the jump", "secret", 2, BEGAN_MS + 6, DIGEST_REPLAYED },
		{ "further ahead", "secret", 200, BEGAN_MS + 7, DIGEST_OK },
		{ "too far behind to know", "secret", 100, BEGAN_MS + 8, DIGEST_REPLAYED },
		{ "zero", "secret", 0, BEGAN_MS + 8, DIGEST_REPLAYED },
		{ "before it was made", "secret", 201, BEGAN_MS - 1, DIGEST_STALE },
		{ "still good", "secret", 202, BEGAN_MS + 300000, DIGEST_OK },
		{ "too old", "secret", 203, BEGAN_MS + 300001, DIGEST_STALE },
		{ "too old and wrong", "secret1", 204, BEGAN_MS + 300001, DIGEST_WRONG },
	};
	struct digest_secret secret;
	struct digest_nonces *nonces = nonces_new();
	char nonce[128];

	digest_make_secret("al\"ice", REALM, "secret", &secret);
	take_nonce(nonces, BEGAN_MS, nonce);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct attempt attempt = { rows[i].password, nonce, rows[i].count };
		msg_t *msg = authorized(&attempt);
		char user[256];
		assert_int_equal(digest_claimed_user(message_sip(msg), true, REALM, user),
				 DIGEST_OK);
		assert_string_equal(user, "al\"ice");
		enum digest_verdict verdict = digest_verify(message_sip(msg), true, REALM,
							    &secret, nonces, rows[i].now_ms);
		if (verdict != rows[i].want)
			fail_msg("%s: %d", rows[i].name, verdict);
		message_unref(msg);
	}
	digest_nonces_free(nonces);
}

/* A nonce that was given to one address is none for another, and who was never challenged is
 * known. */
static void test_scope(void **state)
{
	static const struct {
		const char *given, *shown;
		enum digest_verdict want;
		bool was_challenged;
	} rows[] = {
		{ "198.51.100.1", "198.51.100.1", DIGEST_OK, true },
		{ "198.51.100.1", "198.51.100.2", DIGEST_STALE, false },
		{ "198.51.100.1", "", DIGEST_STALE, false },
		{ "", "198.51.100.1", DIGEST_STALE, false },
		{ "", "", DIGEST_OK, true },
	};
	struct digest_secret secret;
	struct digest_nonces *nonces = nonces_new();

	digest_make_secret("al\"ice", REALM, "secret", &secret);
	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *request = parse("MESSAGE", ""),
		      *reply = reply_new(request, 407, NULL, "t");
		char nonce[128];

		assert_int_equal(digest_challenge_at(reply, nonces, REALM, rows[i].given,
						     1 << DIGEST_SHA256, false, 1000),
				 ERR_OK);
		/* one algorithm was wanted */
		assert_null(message_sip(reply)->sip_proxy_authenticate->au_next);
		assert_non_null(msg_unquote(
			nonce,
			msg_params_find(message_sip(reply)->sip_proxy_authenticate->au_params,
					"nonce=")));
		msg_t *msg = authorized(&(struct attempt){ "secret", nonce, 1 });
		assert_int_equal(digest_was_challenged(message_sip(msg), true, REALM,
						       rows[i].shown, nonces, 1001),
				 rows[i].was_challenged);
		assert_false(digest_was_challenged(message_sip(msg), true, REALM, rows[i].shown,
						   nonces, 400000));
		if (digest_verify_at(message_sip(msg), true, REALM, rows[i].shown, &secret,
				     nonces, 1001) != rows[i].want)
			fail_msg("row %zu", i);
		message_unref(msg);
		message_unref(reply);
		message_unref(request);
	}
	digest_nonces_free(nonces);
}

/* Many nonces at once: none that was used serves twice, however full the table is. */
static void test_no_replay_when_full(void **state)
{
	enum { N_NONCES = 12000 };
	struct digest_secret secret;
	struct digest_nonces *nonces = nonces_new();
	msg_t *first = NULL;
	char nonce[128];

	digest_make_secret("al\"ice", REALM, "secret", &secret);
	for (uint64_t i = 0; i < N_NONCES; i++) {
		take_nonce(nonces, 1000 + i, nonce);
		const struct attempt attempt = { "secret", nonce, 1 };
		msg_t *msg = authorized(&attempt);
		assert_int_equal(
			digest_verify(message_sip(msg), true, REALM, &secret, nonces, 1000 + i),
			DIGEST_OK);
		if (i == 0)
			first = message_ref(msg);
		message_unref(msg);
	}
	assert_int_not_equal(digest_verify(message_sip(first), true, REALM, &secret, nonces,
					   1000 + N_NONCES),
			     DIGEST_OK);
	message_unref(first);
	digest_nonces_free(nonces);
}

static void test_challenge(void **state)
{
	struct digest_nonces *nonces = nonces_new();
	msg_t *request = parse("MESSAGE", "");

	for (int status = 401; status <= 407; status += 6) {
		static const char *const algorithms[] = { "SHA-512-256", "SHA-256",
							  "MD5" }; /* RFC 8760 2.3 */
		struct wire *wire;
		msg_t *again = NULL, *reply = reply_new(request, status, NULL, "t");
		assert_int_equal(digest_challenge(reply, nonces, "a, b", DIGEST_ALL, true, 1),
				 ERR_OK);
		assert_int_equal(digest_challenge(reply, nonces, "a\"b", DIGEST_ALL, true, 1),
				 ERR_SYNTAX);
		assert_int_equal(message_print(reply, &wire), ERR_OK);
		assert_int_equal(message_parse(wire->bytes, wire->len, &again), ERR_OK);
		const sip_t *sip = message_sip(again);
		const msg_auth_t *auth =
			status == 407 ? sip->sip_proxy_authenticate : sip->sip_www_authenticate;
		for (size_t i = 0; i < COUNT(algorithms); i++, auth = auth->au_next) {
			assert_string_equal(auth->au_scheme, "Digest");
			assert_string_equal(msg_params_find(auth->au_params, "realm="),
					    "\"a, b\"");
			assert_string_equal(msg_params_find(auth->au_params, "algorithm="),
					    algorithms[i]);
			assert_string_equal(msg_params_find(auth->au_params, "qop="),
					    "\"auth\"");
			assert_string_equal(msg_params_find(auth->au_params, "stale="), "true");
		}
		assert_null(auth);
		message_unref(again);
		message_unref(reply);
		wire_unref(wire);
	}
	message_unref(request);
	digest_nonces_free(nonces);
}

static void test_claims_and_strip(void **state)
{
	static const struct {
		const char *name, *header;
		enum digest_verdict want;
	} rows[] = {
		{ "none", "", DIGEST_MISSING },
		{ "for somebody else",
		  "Proxy-Authorization: Digest realm=\"other\", username=\"x\"\r\n",
		  DIGEST_MISSING },
		{ "not for a proxy",
		  "Authorization: Digest realm=\"" REALM "\", username=\"x\"\r\n",
		  DIGEST_MISSING },
		{ "another scheme", "Proxy-Authorization: Basic realm=\"" REALM "\"\r\n",
		  DIGEST_MISSING },
		{ "half of it",
		  "Proxy-Authorization: Digest realm=\"" REALM "\", username=\"x\"\r\n",
		  DIGEST_MALFORMED },
		{ "whole",
		  "Proxy-Authorization: digest REALM=\"" REALM
		  "\", username=x, nonce=\"n\", uri=\"u\","
		  " response=\"1\"\r\n",
		  DIGEST_OK },
		{ "userhash was not offered",
		  "Proxy-Authorization: Digest realm=\"" REALM "\", username=\"x\","
		  " nonce=\"n\", uri=\"u\", response=\"1\", userhash=true\r\n",
		  DIGEST_MALFORMED },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char user[256] = "";
		msg_t *msg = parse("MESSAGE", rows[i].header);
		enum digest_verdict verdict =
			digest_claimed_user(message_sip(msg), true, REALM, user);
		if (verdict != rows[i].want)
			fail_msg("%s: %d", rows[i].name, verdict);
		digest_strip(msg, true, REALM);
		assert_int_equal(digest_claimed_user(message_sip(msg), true, REALM, user),
				 DIGEST_MISSING);
		message_unref(msg);
	}
	const struct attempt attempt = { "p", "n", 1 };
	msg_t *msg = authorized(&attempt);
	digest_strip(msg, true, REALM);
	/* the other realm's stays */
	assert_non_null(message_sip(msg)->sip_proxy_authorization);
	assert_null(message_sip(msg)->sip_proxy_authorization->au_next);
	message_unref(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7616),   cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_scope),     cmocka_unit_test(test_no_replay_when_full),
		cmocka_unit_test(test_challenge), cmocka_unit_test(test_claims_and_strip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
