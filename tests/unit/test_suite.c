#include "media/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const struct {
	const char *name;
	size_t key_len;
} rows[] = {
	{ "AES_CM_128_HMAC_SHA1_80", 30 }, { "AES_CM_128_HMAC_SHA1_32", 30 },
	{ "AES_256_CM_HMAC_SHA1_80", 46 }, { "AES_256_CM_HMAC_SHA1_32", 46 },
	{ "AEAD_AES_128_GCM", 28 },        { "AEAD_AES_256_GCM", 44 },
};

static void test_names_and_lengths(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum srtp_suite suite = suite_by_name(rows[i].name);

		assert_string_equal(suite_name(suite), rows[i].name);
		assert_int_equal(suite_key_len(suite), rows[i].key_len);
	}
	assert_int_equal(suite_by_name("aes_cm_128_hmac_sha1_80"),
			 SRTP_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(suite_by_name("F8_128_HMAC_SHA1_80"), SRTP_NONE);
	assert_int_equal(suite_by_name(""), SRTP_NONE);
	assert_null(suite_name(SRTP_NONE));
	assert_int_equal(suite_key_len(SRTP_NONE), 0);
	assert_int_equal(suite_key_len((enum srtp_suite)99), 0);
}

/* Printed and read, each suite: with and without padding as base64 of that length has it. */
static void test_keys_survive_text(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[SRTP_KEY_TEXT_SIZE];
		struct srtp_key key, read;

		suite_key_random(suite_by_name(rows[i].name), &key);
		suite_key_print(&key, text);
		assert_int_equal(suite_key_read(key.suite, text, strlen(text), &read), ERR_OK);
		assert_true(suite_key_equal(&key, &read));
		read.bytes[rows[i].key_len - 1] ^= 1;
		assert_false(suite_key_equal(&key, &read));
		assert_int_equal(suite_key_read(key.suite, text, strlen(text) - 3, &read),
				 ERR_SYNTAX);
	}
}

static void test_key_of_the_rfc(void **state)
{
	/* RFC 4568 9.1's form: 16 bytes of key, 14 of salt. */
	static const char text[] = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
	struct srtp_key key;
	char again[SRTP_KEY_TEXT_SIZE];

	assert_int_equal(suite_key_read(SRTP_AES_CM_128_HMAC_SHA1_80, text, strlen(text), &key),
			 ERR_OK);
	assert_memory_equal(key.bytes, "wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#", 30);
	assert_string_equal(suite_key_print(&key, again), text);
}

static void test_bad_keys(void **state)
{
	static const char *const bad[] = { "",
					   "====",
					   "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo",
					   "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSo!",
					   "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSojAA",
					   "d0Rm=mcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj" };
	struct srtp_key key;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(suite_key_read(SRTP_AES_CM_128_HMAC_SHA1_80, bad[i],
						strlen(bad[i]), &key),
				 ERR_SYNTAX);
	assert_int_equal(suite_key_read(SRTP_NONE, "", 0, &key), ERR_SYNTAX);
}

static void test_wiped(void **state)
{
	static const struct srtp_key none;
	struct srtp_key key;

	suite_key_random(SRTP_AES_256_CM_HMAC_SHA1_80, &key);
	suite_key_wipe(&key);
	assert_memory_equal(&key, &none, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_lengths),
		cmocka_unit_test(test_keys_survive_text),
		cmocka_unit_test(test_key_of_the_rfc),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
