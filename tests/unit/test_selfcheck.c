/* What selfcheck says of worlds that differ in one thing from a good one; by a turned clock. */
#include "proxy/selfcheck.h"

#include "tests/unit/check_world.h"

#define SRV  "_sipfederationtls._tcp.corp.example"
#define HOST "sip.corp.example"
#define NAMES                                                                                  \
	{                                                                                      \
		"sip.corp.example", "corp.example"                                             \
	}
#define LISTENER(more)                                                                                        \
	"domains: [corp.example]\nlisteners:\n  - { name: wan, network: wan, bind: 203.0.113.7, port: 5061, " \
	"transport: mtls, certificate: edge" more " }\n"

/* clang-format off */
static const struct world_record good_records[] = {
	{ 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 },
	{ 0, HOST, DNS_A, { .status = DNS_FOUND }, "203.0.113.7", 0 },
};
static const struct world_server good_servers[] = {
	{ .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } },
};

/* What a row changes; the rest is good. A record replaces all that the good ones say of its name. */
static const struct selfcheck_row {
	const char *name, *config;
	const char *names[8];
	struct world_record records[3];
	struct world_server servers[2];
	const char *said;
	size_t n_failures;
	bool is_unknown;
} rows[] = {
	{ "all is well", NULL, NAMES, { { 0 } }, { { 0 } },
	  "ok SRV: _sipfederationtls._tcp -> 100 1 5061 sip.corp.example; ttl 300 (192.0.2.53, 192.0.2.54 agree)|"
	  "ok ADDRESS: sip.corp.example is 203.0.113.7, of listener wan, port 5061|ok CERT-CHAIN|ok CERT-NAME|"
	  "ok CERT-TIME: until|ok CERT-KEY|ok CERT-USE|ok OPTIONS: 203.0.113.7:5061 answers with 403|"
	  "ok TLS: offered: 1.2, 1.3; refused: 1.0, 1.1|untested PUBLIC-ADDRESS|untested FROM-OUTSIDE|!fail", 0, false },

	{ "NXDOMAIN", NULL, NAMES, { { 0, SRV, DNS_SRV, { .status = DNS_NO_NAME }, NULL, 0 } }, { { 0 } },
	  "fail SRV/srv-missing: _sipfederationtls._tcp -> NXDOMAIN|(192.0.2.53, 192.0.2.54 agree)|"
	  "[" SRV ". 300 IN SRV 100 1 5061 sip.corp.example.]|"
	  "fail CONNECT/not-reached: 203.0.113.7:5061, inside: connect-timeout|!ok ADDRESS", 2, false },
	{ "one resolver knows it, the other does not", NULL, NAMES,
	  { { 53, SRV, DNS_SRV, { .status = DNS_NO_NAME }, NULL, 0 },
	    { 54, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 } }, { { 0 } },
	  "warn SRV/dns-disagree: 192.0.2.53 says NXDOMAIN: the name does not exist; 192.0.2.54 says otherwise|"
	  "(192.0.2.54)", 0, false },
	{ "the order of records is no disagreement", NULL, NAMES,
	  { { 53, SRV, DNS_SRV, { .status = DNS_FOUND }, "1 1 5061 " HOST ", 2 1 5061 " HOST, 0 },
	    { 54, SRV, DNS_SRV, { .status = DNS_FOUND }, "2 1 5061 " HOST ", 1 1 5061 " HOST, 0 } }, { { 0 } },
	  "!dns-disagree|agree)", 0, false },
	{ "one resolver fails: a warning", NULL, NAMES,
	  { { 53, SRV, DNS_SRV, { .status = DNS_SERVER_FAILED }, NULL, 0 },
	    { 54, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 } }, { { 0 } },
	  "warn SRV/dns-servfail: 192.0.2.53 answers SERVFAIL for corp.example", 0, false },
	{ "all are silent: nobody knows", NULL, NAMES,
	  { { 0, SRV, DNS_SRV, { .status = DNS_FOUND }, NULL, WORLD_NEVER } }, { { 0 } },
	  "fail SRV/dns-silent: 192.0.2.53|fail SRV/dns-silent: 192.0.2.54|untested SRV|inside", 2, true },
	{ "all fail: the zone is broken", NULL, NAMES,
	  { { 0, SRV, DNS_SRV, { .status = DNS_SERVER_FAILED }, NULL, 0 } }, { { 0 } },
	  "fail SRV/dns-servfail: 192.0.2.53|fail SRV/dns-servfail: 192.0.2.54|untested SRV", 2, false },
	{ "REFUSED", NULL, NAMES,
	  { { 53, SRV, DNS_SRV, { .status = DNS_SERVER_FAILED, .is_refused = true }, NULL, 0 },
	    { 54, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 } }, { { 0 } },
	  "warn SRV/dns-refused: 192.0.2.53 answers REFUSED", 0, false },
	{ "silence of one", NULL, NAMES,
	  { { 53, SRV, DNS_SRV, { .status = DNS_FOUND }, NULL, WORLD_NEVER },
	    { 54, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 } }, { { 0 } },
	  "warn SRV/dns-silent: 192.0.2.53 does not answer|ok OPTIONS", 0, false },
	{ "slow", NULL, NAMES, { { 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 1500 } }, { { 0 } },
	  "warn SRV/dns-slow: 192.0.2.53 answers late|ok OPTIONS", 0, false },
	{ "cut, and no TCP", NULL, NAMES,
	  { { 0, SRV, DNS_SRV, { .status = DNS_FOUND, .was_cut = true, .tcp_failed = true }, "100 1 5061 " HOST, 0 } },
	  { { 0 } }, "fail SRV/dns-no-tcp: 192.0.2.53 cuts", 2, false },
	{ "no such service", NULL, NAMES,
	  { { 0, SRV, DNS_SRV, { .status = DNS_FOUND, .is_none = true, .n_records = 1 }, NULL, 0 } }, { { 0 } },
	  "fail SRV/srv-none", 1, false },
	{ "a domain that only ends alike is outside", NULL, { "sip.evilcorp.example", "corp.example" },
	  { { 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "1 1 5061 sip.evilcorp.example", 0 },
	    { 0, "sip.evilcorp.example", DNS_A, { .status = DNS_FOUND }, "203.0.113.7", 0 } }, { { 0 } },
	  "fail SRV/srv-outside: sip.evilcorp.example is not in corp.example", 1, false },
	{ "the domain itself as host", NULL, NAMES,
	  { { 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "1 1 5061 corp.example", 0 },
	    { 0, "corp.example", DNS_A, { .status = DNS_FOUND }, "203.0.113.7", 0 } }, { { 0 } },
	  "!srv-outside|ok ADDRESS", 0, false },
	{ "a CNAME of nothing", NULL, NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_NO_RECORD, .alias = "gone.example" }, NULL, 0 } }, { { 0 } },
	  "fail SRV/srv-cname: sip.corp.example is a CNAME of gone.example [sip.corp.example. 300 IN A 203.0.113.7]|"
	  "fail ADDRESS/address-missing", 2, false },
	{ "the address of somebody else", NULL, NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "203.0.113.99", 0 } }, { { 0 } },
	  "fail ADDRESS/address-wrong: sip.corp.example is 203.0.113.99|[sip.corp.example. 300 IN A 203.0.113.7]", 1,
	  false },
	{ "another port", NULL, NAMES, { { 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5060 " HOST, 0 } }, { { 0 } },
	  "fail SRV/srv-port: port 5060; listener wan answers partners at port 5061|IN SRV 100 1 5061 " HOST ".]", 1,
	  false },
	{ "IPv6 only", LISTENER("") "  - { name: six, network: wan, bind: '2001:db8::7', port: 5061, transport: mtls, "
	  "certificate: edge }\n", NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_NO_RECORD }, NULL, 0 },
	    { 0, HOST, DNS_AAAA, { .status = DNS_FOUND }, "2001:db8::7", 0 } },
	  { { .addr = "[2001:db8::7]:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } } },
	  "warn ADDRESS/address-ipv6-only|ok OPTIONS: [2001:db8::7]:5061 answers with 200", 0, false },

	{ "a router that lets nobody back in", LISTENER(", advertise: 198.51.100.1"), NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "198.51.100.1", 0 } }, { { 0 } },
	  "ok ADDRESS: sip.corp.example is 198.51.100.1, advertised by listener wan|untested HAIRPIN: not possible: "
	  "198.51.100.1:5061|ok OPTIONS: 203.0.113.7:5061, inside, answers", 0, false },
	{ "nobody says what our address is: unreachable",
	  "domains: [corp.example]\nlisteners:\n  - { name: wan, network: wan, bind: 10.99.0.7, port: 5061, transport: mtls, "
	  "certificate: edge }\n", NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "198.51.100.1", 0 } },
	  { { .addr = "10.99.0.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } } },
	  "untested HAIRPIN|ok OPTIONS: 10.99.0.7:5061, inside|!ok ADDRESS", 0, false },
	{ "nobody says what our address is: it is us",
	  "domains: [corp.example]\nlisteners:\n  - { name: wan, network: wan, bind: 10.99.0.7, port: 5061, transport: mtls, "
	  "certificate: edge }\n", NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "198.51.100.1", 0 } },
	  { { .addr = "198.51.100.1:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } } },
	  "ok ADDRESS: 198.51.100.1:5061 leads to us|ok OPTIONS", 0, false },
	{ "nobody says what our address is: it is another",
	  "domains: [corp.example]\nlisteners:\n  - { name: wan, network: wan, bind: 10.99.0.7, port: 5061, transport: mtls, "
	  "certificate: edge }\n", NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "198.51.100.1", 0 } },
	  { { .addr = "198.51.100.1:5061", .result = { .stage = CHECK_DONE, .has_tls = true,
	      .look = { .has_chain = true, .n = 1 } } },
	    { .addr = "10.99.0.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } } },
	  "fail ADDRESS/address-other: at 198.51.100.1:5061 answers a server|inside", 1, false },
	{ "a private address", "domains: [corp.example]\nlisteners:\n  - { name: wan, network: wan, bind: 10.99.0.7, "
	  "port: 5061, transport: mtls, certificate: edge }\n", NAMES,
	  { { 0, HOST, DNS_A, { .status = DNS_FOUND }, "10.99.0.7", 0 } },
	  { { .addr = "10.99.0.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } } },
	  "warn ADDRESS/address-private: sip.corp.example is 10.99.0.7 [sip.corp.example. 300 IN A YOUR-PUBLIC-ADDRESS]", 0,
	  false },
	{ "no listener for partners",
	  "domains: [corp.example]\nlisteners:\n  - { name: lan, network: lan, bind: 10.99.0.7, port: 5060, transport: tcp }\n",
	  NAMES, { { 0 } }, { { 0 } }, "fail LISTENER/no-mtls-listener|ok SRV", 1, false },

	{ "a certificate of another name", NULL, { "www.corp.example", "corp.example" }, { { 0 } }, { { 0 } },
	  "fail CERT-NAME/cert-name: it names www.corp.example, corp.example; the SRV record of corp.example leads to "
	  "sip.corp.example: no match [openssl req|subjectAltName=DNS:sip.corp.example,DNS:corp.example]", 1, false },
	{ "without the domain", NULL, { "sip.corp.example" }, { { 0 } }, { { 0 } }, "warn CERT-NAME/cert-domain", 0, false },
	{ "a wildcard", NULL, { "*.corp.example", "corp.example" }, { { 0 } }, { { 0 } },
	  "fail CERT-NAME/cert-wildcard: it names *.corp.example", 1, false },
	{ "expired while we run", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true,
	      .result = { .stage = CHECK_HANDSHAKE, .reason = REASON_TLS_PEER_EXPIRED,
			  .look = { .path = { { .not_after = -3 } } } } } },
	  "fail CERT-TIME/cert-expired: CN=edge ended on|untested OPTIONS: our listener does not take our own", 1, false },
	{ "expires in ten days", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403,
	      .look = { .path = { { .not_after = 10 } } } } } }, "warn CERT-TIME/cert-expires: CN=edge ends on|in 10 days", 0,
	  false },
	{ "not valid yet", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403,
	      .look = { .path = { { .not_before = 2 } } } } } }, "fail CERT-TIME/cert-not-yet-valid", 1, false },
	{ "weak key", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403,
	      .look = { .path = { { .has_weak_key = true } } } } } }, "fail CERT-KEY/cert-weak-key", 1, false },
	{ "weak signature", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403,
	      .look = { .path = { { .has_weak_signature = true } } } } } }, "fail CERT-KEY/cert-weak-signature", 1, false },
	{ "incomplete", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403,
	      .look = { .is_incomplete = true } } } },
	  "fail CERT-CHAIN/cert-chain: 1 certificate sent; missing is that of CN=Some CA", 1, false },
	{ "TLS 1.1 is offered", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .versions = 1 << CONF_TLS_1_1 | 1 << CONF_TLS_1_2 | 1 << CONF_TLS_1_3,
	      .result = { .stage = CHECK_DONE, .status = 403 } } }, "warn TLS/tls-old: TLS 1.1 is offered|!ok TLS", 0, false },
	{ "TLS 1.3 alone", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .versions = 1 << CONF_TLS_1_3,
	      .result = { .stage = CHECK_DONE, .status = 403 } } }, "warn TLS/tls-missing: TLS 1.2 is not offered", 0, false },
	{ "OPTIONS is not answered", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true, .result = { .stage = CHECK_ASK, .reason = REASON_NO_ANSWER } } },
	  "fail OPTIONS/options-unanswered: 203.0.113.7:5061 does not answer: no-answer", 1, false },
	{ "our own trust does not know our CA", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .shows_ours = true,
	      .result = { .stage = CHECK_ASK, .reason = REASON_TLS_PEER_UNKNOWN_CA, .was_refused_later = true } } },
	  "untested OPTIONS: our listener does not take our own certificate from us (tls-peer-unknown-ca)", 0, false },
	{ "our address, and nobody answers", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .result = { .stage = CHECK_CONNECT, .reason = REASON_CONNECT_REFUSED } } },
	  "fail CONNECT/not-reached: 203.0.113.7:5061: connect-refused", 2, false },
	{ "a server that hangs costs ten seconds", NULL, NAMES, { { 0 } },
	  { { .addr = "203.0.113.7:5061", .never_ends = true } }, "untested TIME: the rest: ten seconds are over|ok ADDRESS", 0,
	  false },
};
/* clang-format on */

/* The good records but for those whose name a row has, and the row's. */
static size_t merge(const struct selfcheck_row *row, struct world_record out[8])
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(good_records); i++) {
		bool is_replaced = false;

		for (size_t k = 0; k < COUNT(row->records) && row->records[k].name; k++)
			is_replaced |= strcmp(row->records[k].name, good_records[i].name) == 0;
		if (!is_replaced)
			out[n++] = good_records[i];
	}
	for (size_t k = 0; k < COUNT(row->records) && row->records[k].name; k++)
		out[n++] = row->records[k];
	return n;
}

static void check(const struct selfcheck_row *row)
{
	struct world_record records[8];
	struct selfcheck *selfcheck;
	struct world world;

	world_open(&world, row->config ? row->config : LISTENER(""), row->names);
	world.records = records;
	world.n_records = merge(row, records);
	world.servers = row->servers[0].addr ? row->servers : good_servers;
	world.n_servers = row->servers[1].addr ? 2 : 1;
	if (strcmp(row->name, "NXDOMAIN") == 0)
		world.n_servers = 0; /* then the listener is looked at, and nobody answers */
	assert_int_equal(selfcheck_start(&world.means, NULL, world_on_done, &world, &selfcheck),
			 ERR_OK);
	world_turn(&world);
	world_expect(&world, row->name, row->said);
	if (world.n_failures != row->n_failures || world.is_unknown != row->is_unknown) {
		print_error("%s: %zu failures, not %zu; unknown %d\n%s", row->name,
			    world.n_failures, row->n_failures, world.is_unknown, world.said);
		world_n_wrong++;
	}
	world_close(&world);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
	assert_int_equal(world_n_wrong, 0);
}

static const char two_domains[] =
	"domains: [corp.example, other.example]\nlisteners:\n  - { name: wan, network: wan, bind: 203.0.113.7, "
	"port: 5061, transport: mtls, certificate: edge }\n";

/* Two domains at one place: versions are tested once, rows stay apart and in order; one can be
 * had alone. */
static void test_domains(void **state)
{
	static const struct world_record records[] = {
		{ 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 900 },
		{ 0,
		  "_sipfederationtls._tcp.other.example",
		  DNS_SRV,
		  { .status = DNS_FOUND },
		  "100 1 5061 sip.other.example",
		  0 },
		{ 0, HOST, DNS_A, { .status = DNS_FOUND }, "203.0.113.7", 0 },
		{ 0, "sip.other.example", DNS_A, { .status = DNS_FOUND }, "203.0.113.7", 0 },
	};
	static const char *const names[8] = { "sip.corp.example", "corp.example",
					      "sip.other.example", "other.example" };
	struct selfcheck *selfcheck;
	struct world world;

	world_open(&world, two_domains, names);
	world.records = records;
	world.n_records = COUNT(records);
	world.servers = good_servers;
	world.n_servers = 1;
	assert_int_equal(selfcheck_start(&world.means, NULL, world_on_done, &world, &selfcheck),
			 ERR_OK);
	world_turn(&world);
	assert_int_equal(world.n_handshakes, 4);
	assert_true(strstr(world.said, "sip.corp.example is 203") <
		    strstr(world.said, "sip.other.example is 203"));
	world.n_done = world.n_asked = 0;
	assert_int_equal(selfcheck_start(&world.means, "other.example", world_on_done, &world,
					 &selfcheck),
			 ERR_OK);
	world_turn(&world);
	assert_int_equal(world.n_asked, 4);
	assert_null(strstr(world.said, "corp.example"));
	assert_int_equal(selfcheck_start(&world.means, "else.example", world_on_done, &world,
					 &selfcheck),
			 ERR_NOT_FOUND);
	world_close(&world);
}

/* Whoever goes away at whatever moment leaves nothing behind. */
static void test_cancel(void **state)
{
	static const char *const names[8] = NAMES;
	struct world world;

	world_open(&world, two_domains, names);
	world.records = good_records;
	world.n_records = COUNT(good_records);
	world.servers = good_servers;
	world.n_servers = 1;
	for (unsigned ms = 0; ms < 40; ms++) {
		struct selfcheck *selfcheck;

		world.n_done = 0;
		assert_int_equal(
			selfcheck_start(&world.means, NULL, world_on_done, &world, &selfcheck),
			ERR_OK);
		loop_turn(world.server->loop, ms);
		if (!world.n_done)
			assert_null(selfcheck_cancel(selfcheck));
		loop_turn(world.server->loop, 20);
	}
	assert_null(selfcheck_cancel(NULL));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
