#include "proxy/base/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

/* RFC 4231 §4.2, §4.3, §4.7. */
static void test_vectors(void **state)
{
	char ones[131], twenty[20];
	const struct {
		const char *name, *key;
		size_t key_len;
		const char *text, *want;
	} rows[] = {
		{ "case 1", twenty, sizeof(twenty), "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "case 2", "Jefe", 4, "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ "case 6, key longer than a block", ones, sizeof(ones),
		  "Test Using Larger Than Block-Size Key - Hash Key First",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	};
	unsigned char mac[MAC_SIZE];
	char hex[2 * MAC_SIZE + 1];

	memset(twenty, 0x0b, sizeof(twenty));
	memset(ones, 0xaa, sizeof(ones));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mac_key key;

		mac_key_set(&key, rows[i].key, rows[i].key_len);
		for (unsigned n = 0; n < 2; n++) { /* a key serves again */
			mac_sha256(&key, rows[i].text, strlen(rows[i].text), mac);
			text_hex(mac, sizeof(mac), hex);
			assert_string_equal(hex, rows[i].want);
		}
	}
}

static void test_equal(void **state)
{
	assert_true(mac_equal("abc", "abd", 2));
	assert_false(mac_equal("abc", "abd", 3));
	assert_false(mac_equal("xbc", "abc", 3));
	assert_true(mac_equal("", "", 0));
}

/* RFC 2202 §3. */
static void test_sha1(void **state)
{
	unsigned char mac[MAC_SHA1_SIZE];
	char hex[2 * MAC_SHA1_SIZE + 1];

	mac_sha1("Jefe", 4, "what do ya want for nothing?", 28, mac);
	text_hex(mac, sizeof(mac), hex);
	assert_string_equal(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
