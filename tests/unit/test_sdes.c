#include "media/sdes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define KEY   "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define GCM   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define SUITE "AES_CM_128_HMAC_SHA1_80"

static const struct {
	const char *name, *text;
	enum err want;
	unsigned tag;
	enum srtp_suite suite;
	unsigned mki_len, mki_last;
} rows[] = {
	{ "RFC 4568 §9.2", "1 " SUITE " inline:" KEY, ERR_OK, 1, SRTP_AES_CM_128_HMAC_SHA1_80,
	  0, 0 },
	{ "lifetime as a power, RFC 4568 §6.1", "2 AES_CM_128_HMAC_SHA1_32 inline:" KEY "|2^20",
	  ERR_OK, 2, SRTP_AES_CM_128_HMAC_SHA1_32, 0, 0 },
	{ "lifetime and MKI, RFC 4568 §6.1", "3 " SUITE " inline:" KEY "|1048576|7:4", ERR_OK,
	  3, SRTP_AES_CM_128_HMAC_SHA1_80, 4, 7 },
	{ "MKI without lifetime", "4 " SUITE " inline:" KEY "|259:2", ERR_OK, 4,
	  SRTP_AES_CM_128_HMAC_SHA1_80, 2, 3 },
	{ "MKI that does not fit", "4 " SUITE " inline:" KEY "|256:1", ERR_SYNTAX, 0, 0, 0, 0 },
	{ "MKI of no bytes", "4 " SUITE " inline:" KEY "|1:0", ERR_SYNTAX, 0, 0, 0, 0 },
	{ "MKI longer than we keep", "4 " SUITE " inline:" KEY "|1:128", ERR_UNSUPPORTED, 0, 0,
	  0, 0 },
	{ "GCM, RFC 7714 §14.1", "1 AEAD_AES_128_GCM inline:" GCM, ERR_OK, 1,
	  SRTP_AEAD_AES_128_GCM, 0, 0 },
	{ "window size hint, RFC 4568 §6.3.5", "1 " SUITE " inline:" KEY " WSH=128", ERR_OK, 1,
	  SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0 },
	{ "not encrypted, RFC 4568 §6.3.3", "1 " SUITE " inline:" KEY " UNENCRYPTED_SRTP",
	  ERR_UNSUPPORTED, 0, 0, 0, 0 },
	{ "not authenticated", "1 " SUITE " inline:" KEY " WSH=64 UNAUTHENTICATED_SRTP",
	  ERR_UNSUPPORTED, 0, 0, 0, 0 },
	{ "key derivation rate", "1 " SUITE " inline:" KEY " KDR=2", ERR_UNSUPPORTED, 0, 0, 0,
	  0 },
	{ "two keys", "1 " SUITE " inline:" KEY "|1:4;inline:" KEY "|2:4", ERR_UNSUPPORTED, 0,
	  0, 0, 0 },
	{ "a suite of another time", "1 F8_128_HMAC_SHA1_80 inline:" KEY, ERR_UNSUPPORTED, 0, 0,
	  0, 0 },
	{ "a key method that is none", "1 " SUITE " uri:" KEY, ERR_UNSUPPORTED, 0, 0, 0, 0 },
	{ "a key that is too short", "1 " SUITE " inline:WVNf", ERR_SYNTAX, 0, 0, 0, 0 },
	{ "a key that is too long", "1 " SUITE " inline:" KEY "AAAA", ERR_SYNTAX, 0, 0, 0, 0 },
	{ "no key", "1 " SUITE, ERR_SYNTAX, 0, 0, 0, 0 },
	{ "no tag", SUITE " inline:" KEY, ERR_SYNTAX, 0, 0, 0, 0 },
	{ "the largest tag, RFC 4568 §9.1", "999999999 " SUITE " inline:" KEY, ERR_OK,
	  999999999, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0 },
	{ "a larger one", "1000000000 " SUITE " inline:" KEY, ERR_SYNTAX, 0, 0, 0, 0 },
	{ "nothing", "", ERR_SYNTAX, 0, 0, 0, 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sdes sdes = { 0 };
		enum err err = sdes_read(rows[i].text, &sdes);
		const unsigned last = sdes.key.mki_len ? sdes.key.mki[sdes.key.mki_len - 1] : 0;

		if (err != rows[i].want || sdes.tag != rows[i].tag ||
		    sdes.key.suite != rows[i].suite || sdes.key.mki_len != rows[i].mki_len ||
		    last != rows[i].mki_last)
			fail_msg("%s: %s, tag %u", rows[i].name, err_text(err), sdes.tag);
	}
}

static void test_print(void **state)
{
	static const char text[] = "7 " SUITE " inline:" KEY;
	struct sdes sdes;
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(sdes_read(text, &sdes), ERR_OK);
	sdes_print(&sdes, &buf);
	assert_string_equal(buf_text(&buf), text);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_print) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
