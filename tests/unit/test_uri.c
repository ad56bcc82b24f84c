/* SIP URIs: RFC 3261 19.1.4 with its own examples. */
#include "proxy/sip/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool want;
	} rows[] = {
		/* the RFC's list of equivalent ones */
		{ "sip:%61lice@atlanta.com;transport=TCP",
		  "sip:alice@AtLanTa.CoM;Transport=tcp", true },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true },
		{ "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on",
		  true },
		{ "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		  "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
		  true },
		{ "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		  "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
		/* and of those that are not */
		{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP",
		  false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting",
		  false },
		{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
		{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off",
		  false },
		/* ours */
		{ "sip:a@b", "sips:a@b", false },
		{ "sip:a@b;lr", "sip:a@b;lr", true },
		{ "sip:a@b;lr=on", "sip:a@b;lr", false },
		{ "sip:a@b;maddr=c", "sip:a@b", false },
		{ "sip:a:pw@b", "sip:a@b", false },
		{ "sip:a@b?x=1&x=1", "sip:a@b?x=1", false },
		{ "sip:b", "sip:a@b", false },
	};
	su_home_t home[1] = { SU_HOME_INIT(home) };

	for (size_t i = 0; i < COUNT(rows); i++) {
		url_t *a = uri_parse(home, rows[i].a), *b = uri_parse(home, rows[i].b);
		assert_non_null(a);
		assert_non_null(b);
		if (uri_equal(a, b) != rows[i].want || uri_equal(b, a) != rows[i].want)
			fail_msg("%s %s", rows[i].a, rows[i].b);
		assert_true(uri_equal(a, a));
	}
	su_home_deinit(home);
}

static void test_parts(void **state)
{
	static const struct {
		const char *uri;
		enum uri_transport transport;
		int port;
	} rows[] = {
		{ "sip:a@b", URI_TRANSPORT_NONE, 0 },
		{ "sip:a@b:5070;transport=UDP", URI_TRANSPORT_UDP, 5070 },
		{ "sip:b:65535;transport=tcp", URI_TRANSPORT_TCP, 65535 },
		{ "sip:b:65536;x=y;transport=tls", URI_TRANSPORT_TLS, -1 },
		{ "sip:b:0;transport=ws", URI_TRANSPORT_OTHER, -1 },
		{ "sip:b:;transport", URI_TRANSPORT_OTHER, 0 },
		{ "sip:[2001:db8::1]:5061;transport=averyveryverylongtransport",
		  URI_TRANSPORT_OTHER, 5061 },
		{ "sips:b", URI_TRANSPORT_TLS, 0 },
		{ "sips:b;transport=tcp", URI_TRANSPORT_TLS, 0 },
		{ "tel:+1234", URI_TRANSPORT_NONE, 0 },
	};
	su_home_t home[1] = { SU_HOME_INIT(home) };

	for (size_t i = 0; i < COUNT(rows); i++) {
		url_t *url = uri_parse(home, rows[i].uri);
		assert_non_null(url);
		if (uri_transport(url) != rows[i].transport || uri_port(url) != rows[i].port)
			fail_msg("%s: %u %d", rows[i].uri, uri_transport(url), uri_port(url));
	}
	su_home_deinit(home);
}

static void test_not_ours(void **state)
{
	static const char *const rows[] = {
		"",           "http://a.example", "sip:",         "a@b",
		"sip:a@b%zz", "sip:a b@c",        "sip:a@b:port", "<sip:a@b>"
	};
	su_home_t home[1] = { SU_HOME_INIT(home) };

	for (size_t i = 0; i < COUNT(rows); i++)
		if (uri_parse(home, rows[i]))
			fail_msg("%s", rows[i]);
	su_home_deinit(home);
}

static void test_param(void **state)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	url_t *url = uri_parse(home, "sip:a@b;lr;ttl=15;Maddr=c.example;t");
	char out[9];

	assert_true(uri_param(url, "lr", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(uri_param(url, "ttl", out, sizeof(out)));
	assert_string_equal(out, "15");
	assert_true(uri_param(url, "t", out, sizeof(out)));
	assert_false(
		uri_param(url, "maddr", out, sizeof(out))); /* nine characters and the end */
	assert_false(uri_param(url, "l", out, sizeof(out)));
	su_home_deinit(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_param),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
