#include "routing/self_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/sip/uri.h"

enum { N = 6 };

/* clang-format off */
static const struct {
	const char *name, *address;
	uint16_t bound_port;
	const char *host;
	uint16_t port;
	enum conf_transport transport;
} house[N] = {
	{ "wan", "192.0.2.10", 5061, "sip.corp.example", 5061, TRANSPORT_MTLS },
	{ "nat", "10.0.0.9", 5071, "203.0.113.7", 443, TRANSPORT_TLS },
	{ "lan-udp", "10.0.0.2", 5060, "10.0.0.2", 5060, TRANSPORT_UDP },
	{ "lan-tcp", "10.0.0.2", 5060, "10.0.0.2", 5060, TRANSPORT_TCP },
	{ "six", "2001:db8::10", 5060, "[2001:db8::10]", 5060, TRANSPORT_TCP },
	{ "all", "0.0.0.0", 5090, "192.0.2.10", 5090, TRANSPORT_UDP },
};

static const struct {
	const char *name, *uri, *want; /* NULL: not us */
} rows[] = {
	{ "advertised name", "sip:x@sip.corp.example:5061;lr;transport=tls", "wan" },
	{ "upper case, dot", "sip:SIP.Corp.Example.:5061;lr", "wan" },
	{ "its address, pitfall 15", "sip:192.0.2.10:5061;transport=tls;lr", "wan" },
	{ "no port: TLS has 5061", "sip:sip.corp.example;transport=tls;lr", "wan" },
	{ "no port: sips has 5061", "sips:sip.corp.example;lr", "wan" },
	{ "no port: 5060, where nothing is", "sip:sip.corp.example;lr", NULL },
	{ "another port", "sip:sip.corp.example:5062;lr", NULL },
	{ "our domain is no listener", "sip:corp.example:5061;lr", NULL },
	{ "a look-alike", "sip:sip.corp.example.evil.example:5061", NULL },
	{ "advertised address behind a NAT", "sip:203.0.113.7:443;transport=tls;lr", "nat" },
	{ "bound address behind a NAT", "sip:10.0.0.9:5071;transport=tls;lr", "nat" },
	{ "advertised address, bound port", "sip:203.0.113.7:5071;transport=tls;lr", NULL },
	{ "second listener: UDP", "sip:10.0.0.2;lr", "lan-udp" },
	{ "second listener: TCP", "sip:10.0.0.2:5060;transport=tcp;lr", "lan-tcp" },
	{ "a transport that is not there is us still", "sip:10.0.0.2:5060;transport=tls;lr", "lan-udp" },
	{ "IPv6", "sip:[2001:db8::10]:5060;lr;transport=tcp", "six" },
	{ "IPv6 written otherwise, RFC 5118 §4.5", "sip:[2001:0DB8:0:0::10]:5060;lr", "six" },
	{ "bound to all: loopback is an address", "sip:127.0.0.1:5090;lr", "all" },
	{ "bound to all: the advertised one", "sip:192.0.2.10:5090;lr", "all" },
	{ "a stranger", "sip:198.51.100.1:5060;lr", NULL },
	{ "a telephone number", "tel:+49302222", NULL },
};
/* clang-format on */

static void test_rows(void **state)
{
	static struct listener listeners[N];
	struct listener *pointers[N + 1] = { NULL }, *found;
	su_home_t *home = su_home_new(sizeof(*home));
	struct self_names *names;

	for (size_t i = 0; i < N; i++) {
		pointers[i + 1] = &listeners[i]; /* the first one is disabled */
		strcpy(listeners[i].name, house[i].name);
		strcpy(listeners[i].host, house[i].host);
		listeners[i].port = house[i].port;
		listeners[i].transport = house[i].transport;
		assert_int_equal(
			addr_parse(house[i].address, house[i].bound_port, &listeners[i].addr),
			ERR_OK);
	}
	assert_int_equal(self_names_new(pointers, N + 1, &names), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		url_t *url = uri_parse(home, rows[i].uri);
		assert_non_null(url);
		found = NULL;
		bool is_us = self_names_has(names, url, &found);
		assert_int_equal(is_us, self_names_has(names, url, NULL));
		if (is_us != (rows[i].want != NULL) ||
		    (is_us && strcmp(found->name, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].name, is_us ? found->name : "not us");
	}
	assert_null(self_names_free(names));
	assert_null(self_names_free(NULL));
	su_home_unref(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
