#include "nat/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const struct {
	const char *name, *source, *via_host, *received, *rport, *contact;
	bool has_further_vias;
	unsigned want;
} rows[] = {
	/* what honest ends and routers produce */
	{ "a phone behind a NAT", "203.0.113.7", "192.168.1.5", NULL, "", "192.168.1.5", false,
	  0 },
	{ "a phone that asked a STUN server for its Contact", "203.0.113.7", "192.168.1.5",
	  NULL, "", "203.0.113.7", false, 0 },
	{ "... and for its Via", "203.0.113.7", "203.0.113.7", NULL, NULL, "203.0.113.7", false,
	  0 },
	{ "a server with a name", "203.0.113.7", "sip.partner.example", NULL, NULL,
	  "sip.partner.example", false, 0 },
	{ "a proxy with a public address before a phone with a private one", "203.0.113.7",
	  "203.0.113.7", NULL, "", "10.1.2.3", true, 0 },
	{ "all of it in the house", "10.0.0.5", "10.0.0.5", NULL, "", "10.0.0.6", false, 0 },
	{ "no Contact", "203.0.113.7", "203.0.113.7", NULL, "", NULL, false, 0 },
	/* and what they do not */
	{ "received in the sender's own Via", "203.0.113.7", "192.168.1.5", "203.0.113.7", "",
	  "192.168.1.5", false, ALG_VIA_RECEIVED },
	{ "rport with a value", "203.0.113.7", "192.168.1.5", NULL, "4711", "192.168.1.5",
	  false, ALG_VIA_RPORT },
	{ "both, of a proxy", "203.0.113.7", "10.0.0.2", "203.0.113.7", "4711", "10.1.2.3",
	  true, ALG_VIA_RECEIVED | ALG_VIA_RPORT },
	{ "the Via rewritten, the Contact not", "203.0.113.7", "203.0.113.7", NULL, NULL,
	  "192.168.1.5", false, ALG_CONTACT_LEFT },
	{ "IPv6: a Contact of fd00::/8", "2001:db8::7", "[2001:db8::7]", NULL, NULL,
	  "[fd00::5]", false, ALG_CONTACT_LEFT },
};

static void test_requests(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr source;
		struct alg_request request = { .source = &source,
					       .via_host = rows[i].via_host,
					       .via_received = rows[i].received,
					       .via_rport = rows[i].rport,
					       .is_from_its_end = !rows[i].has_further_vias,
					       .contact_host = rows[i].contact };

		print_message("%s\n", rows[i].name);
		assert_int_equal(addr_parse(rows[i].source, 40000, &source), ERR_OK);
		assert_int_equal(alg_signs_of_request(&request), rows[i].want);
	}
}

static void test_responses(void **state)
{
	struct addr outside, inside;

	assert_int_equal(addr_parse("198.51.100.7", 5060, &outside), ERR_OK);
	assert_int_equal(addr_parse("10.0.0.7", 5060, &inside), ERR_OK);
	assert_int_equal(alg_signs_of_response(&outside, "203.0.113.7"), 0);
	assert_int_equal(alg_signs_of_response(&outside, NULL), 0);
	assert_int_equal(alg_signs_of_response(&inside, "10.0.0.2"), 0);
	assert_int_equal(alg_signs_of_response(&outside, "10.0.0.2"), ALG_ANSWER_PRIVATE);
	assert_int_equal(alg_signs_of_response(&outside, "nonsense"), 0);
}

static void test_surplus(void **state)
{
	static const struct {
		const char *name, *rest;
		size_t len;
		unsigned want;
	} surplus[] = {
		{ "nothing", "", 0, 0 },
		{ "a line end too many", "\r\n", 2, 0 },
		{ "filled up with zeros", "\0\0\0", 3, 0 },
		{ "the end of the last line, as an address before it got longer", "101\r\n", 5,
		  ALG_BODY_LONGER },
		{ "... behind a line end", "\r\na=x\r\n", 7, ALG_BODY_LONGER },
	};

	for (size_t i = 0; i < COUNT(surplus); i++) {
		print_message("%s\n", surplus[i].name);
		assert_int_equal(alg_signs_of_surplus(surplus[i].rest, surplus[i].len),
				 surplus[i].want);
	}
}

#define HOST "1 1 UDP 2130706431 192.168.1.5 4000 typ host"
#define SEEN "2 1 UDP 1694498815 203.0.113.7 62000 typ srflx raddr 192.168.1.5 rport 4000"

static void test_media(void **state)
{
	static const struct {
		const char *name, *host;
		unsigned port;
		const char *candidates[3];
		unsigned want;
	} media[] = {
		/* RFC 8839 §4.2.5 */
		{ "its own address", "192.168.1.5", 4000, { HOST, SEEN }, 0 },
		{ "what a STUN server saw", "203.0.113.7", 62000, { HOST, SEEN }, 0 },
		{ "c= rewritten, the candidates not",
		  "203.0.113.7",
		  4000,
		  { HOST },
		  ALG_NO_CANDIDATE },
		{ "m= rewritten", "192.168.1.5", 5000, { HOST }, ALG_NO_CANDIDATE },
		{ "both, to what is no candidate",
		  "203.0.113.7",
		  31000,
		  { HOST, SEEN },
		  ALG_NO_CANDIDATE },
		{ "IPv6", "2001:db8::5", 4000, { "1 1 udp 1 2001:db8::5 4000 typ host" }, 0 },
		{ "no ICE", "203.0.113.7", 4000, { NULL }, 0 },
		{ "refused", "203.0.113.7", 0, { HOST }, 0 },
		{ "trickled, RFC 8838", "0.0.0.0", 9, { HOST }, 0 },
		{ "... to port 9 alone", "203.0.113.7", 9, { HOST }, 0 },
		{ "... to zeros alone", "::", 4000, { HOST }, 0 },
		{ "a candidate that is a name",
		  "203.0.113.7",
		  4000,
		  { HOST, "3 1 UDP 1 4f9a.local 4000 typ host" },
		  0 },
		{ "a name in c=", "phone.example", 4000, { HOST }, 0 },
		{ "a candidate that is none", "203.0.113.7", 4000, { "1 1 UDP" }, 0 },
		{ "... whose port is none",
		  "203.0.113.7",
		  4000,
		  { "1 1 UDP 1 192.168.1.5 70000 typ host" },
		  0 },
	};

	for (size_t i = 0; i < COUNT(media); i++) {
		struct alg_media of = { media[i].host, media[i].port, media[i].candidates, 0 };

		while (of.n_candidates < COUNT(media[i].candidates) &&
		       media[i].candidates[of.n_candidates])
			of.n_candidates++;
		print_message("%s\n", media[i].name);
		assert_int_equal(alg_signs_of_media(&of), media[i].want);
	}
}

static void test_text(void **state)
{
	char text[256], little[12];

	assert_string_equal(alg_signs_text(0, text, sizeof(text)), "");
	assert_string_equal(
		alg_signs_text(ALG_VIA_RECEIVED | ALG_VIA_RPORT, text, sizeof(text)),
		"its Via says already where it came from; its Via says already from which port it came");
	assert_int_equal(strlen(alg_signs_text(15, little, sizeof(little))), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests),
					    cmocka_unit_test(test_responses),
					    cmocka_unit_test(test_surplus),
					    cmocka_unit_test(test_media),
					    cmocka_unit_test(test_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
