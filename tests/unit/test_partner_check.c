/* A partner stage by stage, in worlds that differ in one thing from a good one; by a turned
 * clock. */
#include "proxy/partner_check.h"

#include "tests/unit/check_world.h"
#include "tests/unit/fake_dns.h"

#define SRV  "_sipfederationtls._tcp.partner.example"
#define HOST "sip.partner.example"

static const char config[] =
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 203.0.113.7, port: 5061, transport: mtls, certificate: edge }\n"
	"  - { name: plain, network: wan, bind: 203.0.113.7, port: 5060, transport: udp }\n"
	"partners:\n  routes:\n"
	"    - { domain: routed.example, server: 192.0.2.9, port: 5061, transport: mtls, certificate: edge,"
	" identity: [sip.corp.example] }\n"
	"    - { domain: named.example, server: sip.named.example, port: 5061, transport: mtls, certificate: edge }\n"
	"    - { domain: off.example, server: 192.0.2.9, port: 5061, transport: mtls, certificate: edge,"
	" enabled: false }\n"
	"    - { domain: udp.example, server: 192.0.2.10, port: 5060, transport: udp }\n";

/* clang-format off */
static const struct world_record records[] = {
	{ 0, SRV, DNS_SRV, { .status = DNS_FOUND }, "100 1 5061 " HOST, 0 },
	{ 0, HOST, DNS_A, { .status = DNS_FOUND }, "192.0.2.9", 0 },
	{ 0, "_sipfederationtls._tcp.hosted.example", DNS_SRV, { .status = DNS_FOUND }, "1 1 5061 sipfed.hoster.example", 0 },
	{ 0, "sipfed.hoster.example", DNS_A, { .status = DNS_FOUND }, "192.0.2.9", 0 },
};

/* The certificate of the servers is our own: it names sip.corp.example and corp.example. */
static const struct partner_row {
	const char *name, *domain;
	bool as_if_allowed;
	struct world_server server; /* its address is 192.0.2.9 */
	const char *said;
	size_t n_failures;
} rows[] = {
	{ "a static route", "routed.example", false, { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } },
	  "ok POLICY: route routed.example at nuncio.yaml:12, trusted by its certificate|"
	  "ok ADDRESS: mtls 192.0.2.9:5061|ok CONNECT|ok TLS: TLS1.3|"
	  "ok IDENTITY: certificate name sip.corp.example is one of the route|ok OUR-CERT: it asked, and took edge|"
	  "ok OPTIONS: answered with 200|ok INBOUND: a request from @routed.example over this certificate would be "
	  "classified as partner (route-pins-name: certificate name sip.corp.example)", 0 },
	{ "nobody there", "routed.example", false, { .result = { .stage = CHECK_CONNECT, .reason = REASON_CONNECT_REFUSED } },
	  "fail CONNECT/connect-refused: mtls 192.0.2.9:5061|!TLS|untested INBOUND", 1 },
	{ "the handshake fails", "routed.example", false,
	  { .result = { .stage = CHECK_HANDSHAKE, .reason = REASON_TLS_PEER_CLOSED, .has_tls = true } },
	  "ok CONNECT|fail TLS/tls-peer-closed|!IDENTITY|!OPTIONS|untested INBOUND", 1 },
	{ "another name", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_HANDSHAKE, .reason = REASON_TLS_NAME_MISMATCH,
	    .diagnosis = { .presented = "else.example", .expected = "routed.example" } } },
	  "ok TLS|fail IDENTITY/tls-name-mismatch: it names else.example; needs routed.example|!OPTIONS|untested INBOUND", 1 },
	{ "it refuses our certificate", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_ASK, .reason = REASON_TLS_PEER_UNKNOWN_CA, .was_refused_later = true,
	    .diagnosis = { .ca_list = "CN=Their CA" } } },
	  "ok IDENTITY|fail OUR-CERT/tls-peer-unknown-ca: it asked for our certificate, got edge; it names the issuers "
	  "CN=Their CA, and ours is|!OPTIONS|ok INBOUND", 1 },
	{ "no answer to OPTIONS", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_ASK, .reason = REASON_NO_ANSWER } },
	  "ok OUR-CERT|fail OPTIONS/no-answer|ok INBOUND", 1 },
	{ "503", "routed.example", false, { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 503 } },
	  "fail OPTIONS/next-hop-503", 1 },
	{ "403: they do not know us", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 403 } }, "warn OPTIONS/options-refused", 0 },
	{ "its root is sent", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200, .look = { .has_root = true } } },
	  "warn CERT-CHAIN/cert-root|ok OPTIONS", 0 },
	{ "its certificate ends soon", "routed.example", false,
	  { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200, .look = { .path = { { .not_after = 3 } } } } },
	  "warn CERT-TIME/cert-expires", 0 },
	{ "a server that hangs", "routed.example", false, { .never_ends = true }, "untested TIME", 0 },
	{ "switched off", "off.example", false, { 0 }, "fail POLICY/route-disabled: route off.example at nuncio.yaml:14|!CONNECT", 1 },
	{ "switched off, looked at all the same", "off.example", true,
	  { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } },
	  "fail POLICY/route-disabled|ok OPTIONS|fail INBOUND/route-disabled", 2 },
	{ "by name", "named.example", false, { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } },
	  "ok ADDRESS: mtls 192.0.2.9:5061 (sip.named.example)|ok OPTIONS", 0 },
	{ "without a certificate", "udp.example", false, { .result = { .stage = CHECK_DONE, .status = 200 } },
	  "not trusted: its requests need digest|!CONNECT|ok OPTIONS|from this address would be classified as "
	  "partner-untrusted", 0 },
	{ "a domain of ours", "corp.example", true, { 0 }, "fail POLICY/own-domain|!SRV", 1 },
	{ "no partner", "partner.example", false, { 0 }, "fail POLICY/not-a-partner|!SRV", 1 },
	{ "no partner, found by DNS", "partner.example", true,
	  { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } },
	  "fail POLICY/not-a-partner|ok SRV: _sipfederationtls._tcp -> 100 1 5061 sip.partner.example|"
	  "ok ADDRESS: mtls 192.0.2.9:5061 (sip.partner.example)|ok OPTIONS|fail INBOUND/not-a-partner", 2 },
	{ "a hoster", "hosted.example", true, { .shows_ours = true, .result = { .stage = CHECK_DONE, .status = 200 } },
	  "warn SRV/srv-outside: sipfed.hoster.example is not in hosted.example|ok OPTIONS", 2 },
	{ "no record", "nothing.example", true, { 0 },
	  "fail SRV/srv-missing|the partner|Ask the partner to publish:  _sipfederationtls._tcp.nothing.example. 300 IN SRV|"
	  "!ADDRESS", 2 },
};
static const struct fake_record traffic_records[] = {
	{ "sip.named.example", DNS_A, DNS_FOUND, 0, "192.0.2.9" },
};
/* clang-format on */

static void check(const struct partner_row *row)
{
	static const char *const names[8] = { "sip.corp.example", "corp.example",
					      "sip.named.example" };
	struct world_server servers[2] = { row->server, row->server };
	struct partner_check *check;
	struct fake_dns dns;
	struct world world;

	world_open(&world, config, names);
	servers[0].addr = "192.0.2.9:5061";
	servers[1].addr = "192.0.2.10:5060";
	world.records = records;
	world.n_records = COUNT(records);
	world.servers = servers;
	world.n_servers = COUNT(servers);
	world.means.dns =
		fake_dns_new(&dns, world.server->loop, traffic_records, COUNT(traffic_records));
	assert_int_equal(partner_check_start(&world.means, row->domain, row->as_if_allowed,
					     world_on_done, &world, &check),
			 ERR_OK);
	assert_int_equal(world.n_done, 0);
	world_turn(&world);
	world_expect(&world, row->name, row->said);
	if (world.n_failures != row->n_failures) {
		print_error("%s: %zu failures, not %zu\n%s", row->name, world.n_failures,
			    row->n_failures, world.said);
		world_n_wrong++;
	}
	dns_free(world.means.dns);
	world_close(&world);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
	assert_int_equal(world_n_wrong, 0);
}

static void test_cancel(void **state)
{
	static const char *const names[8] = { "corp.example" };
	static const struct world_server server = { .addr = "192.0.2.9:5061",
						    .shows_ours = true,
						    .result = { .stage = CHECK_DONE,
								.status = 200 } };
	struct world world;

	world_open(&world, config, names);
	world.records = records;
	world.n_records = COUNT(records);
	world.servers = &server;
	world.n_servers = 1;
	for (unsigned ms = 0; ms < 20; ms++) {
		struct partner_check *check;

		world.n_done = 0;
		assert_int_equal(partner_check_start(&world.means, "partner.example", true,
						     world_on_done, &world, &check),
				 ERR_OK);
		loop_turn(world.server->loop, ms);
		if (!world.n_done)
			assert_null(partner_check_cancel(check));
		loop_turn(world.server->loop, 20);
	}
	assert_null(partner_check_cancel(NULL));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
