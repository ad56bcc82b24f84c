#include "routing/locate.h"

#include "proxy/base/text.h"
#include "proxy/sip/uri.h"
#include "tests/unit/fake_dns.h"

/* A rule with its servers, in a house with a listener for IPv4 on each transport and one for
 * IPv6 over TCP. */

static const struct fake_record records[] = {
	{ "sip.partner.example", DNS_A, DNS_FOUND, 0, "192.0.2.1 192.0.2.2" },
	{ "sip.partner.example", DNS_AAAA, DNS_FOUND, 0, "2001:db8::1" },
	{ "fail.example", DNS_A, DNS_SERVER_FAILED, 0, NULL },
	{ "fail.example", DNS_AAAA, DNS_SERVER_FAILED, 0, NULL },
	{ "dead.example", DNS_A, DNS_FOUND, FAKE_NEVER, NULL },
	{ "dead.example", DNS_AAAA, DNS_FOUND, FAKE_NEVER, NULL },
	{ "six.example", DNS_AAAA, DNS_FOUND, 0, "2001:db8::6" },
	{ "_sips._tcp.partner.example", DNS_SRV, DNS_FOUND, 0,
	  "2 1 5062 b.partner.example,1 1 5061 a.partner.example" },
	{ "_sip._udp.partner.example", DNS_SRV, DNS_FOUND, 0, "1 1 5070 a.partner.example" },
	{ "nap.example", DNS_NAPTR, DNS_FOUND, 0,
	  "10 2 SIPS+D2T _sips._tcp.partner.example,10 1 SIPS+D2T _one.example,5 1 SIP+D2T _two.example" },
	{ "_one.example", DNS_SRV, DNS_FOUND, 0, "9 1 5099 a.partner.example" },
	{ "_two.example", DNS_SRV, DNS_FOUND, 0, "1 1 5098 a.partner.example" },
	{ "a.partner.example", DNS_A, DNS_FOUND, 0, "192.0.2.11" },
	{ "b.partner.example", DNS_A, DNS_FOUND, 0, "192.0.2.12" },
	{ "late.example", DNS_A, DNS_FOUND, 500, "192.0.2.13" },
	{ "late.example", DNS_AAAA, DNS_NO_RECORD, 0, NULL },
};

enum { MAX_SERVERS = 3, MAX_NAMES = 20 };

struct server_row {
	const char *host;
	uint16_t port, priority, weight;
	bool by_srv;
	enum conf_transport transport;
};

struct fixture {
	struct loop *loop;
	struct fake_dns fake;
	struct dns *dns;
	struct health_table *health;
	struct listener ipv4[RULES_N_TRANSPORTS], ipv6_tcp;
	struct rule rule;
	struct rule_server servers[MAX_SERVERS];
	const char *names[MAX_NAMES];
	char certificate;

	unsigned n_done;
	enum reason reason;
	struct hop hops[LOCATE_MAX_HOPS];
	size_t n_hops;
	char evidence[400];
	struct locate *cancel_inside;
};

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new_turned(1000, &f->loop), ERR_OK);
	f->dns = fake_dns_new(&f->fake, f->loop, records, COUNT(records));
	assert_int_equal(health_table_new(&f->health), ERR_OK);
	for (unsigned i = 0; i < RULES_N_TRANSPORTS; i++) {
		f->ipv4[i].transport = (enum conf_transport)i;
		f->ipv4[i].addr = address("10.0.0.1", 5060);
		f->rule.listeners[i][0] = f->rule.listeners[i][1] = &f->ipv4[i];
	}
	f->ipv6_tcp.transport = TRANSPORT_TCP;
	f->ipv6_tcp.addr = address("2001:db8::10", 5060);
	f->rule.listeners[TRANSPORT_TCP][1] = &f->ipv6_tcp;
	strcpy(f->rule.id, "partner:partner.example");
	f->rule.servers = f->servers;
	f->rule.names = f->names;
	f->rule.credentials = (struct credentials *)(void *)&f->certificate;
	f->rule.tls_minimum = CONF_TLS_1_3;
	f->rule.accepts_wildcard = true;
	f->names[f->rule.n_names++] = "partner.example";
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->fake.n_open, 0);
	dns_free(f->dns);
	health_table_free(f->health);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void set_servers(struct fixture *f, const struct server_row *rows, size_t n)
{
	f->rule.n_servers = 0;
	for (size_t i = 0; i < n && rows[i].host; i++) {
		struct rule_server *server = &f->servers[f->rule.n_servers++];
		memset(server, 0, sizeof(*server));
		text_copy(server->host, sizeof(server->host), rows[i].host);
		server->port = rows[i].port;
		server->priority = rows[i].priority;
		server->weight = rows[i].weight;
		server->by_srv = rows[i].by_srv;
		server->transport = rows[i].transport;
		if (addr_parse(rows[i].host, rows[i].port, &server->addr) != ERR_OK)
			server->addr.len = 0;
	}
}

static void on_done(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		    const char *evidence)
{
	struct fixture *f = user;

	f->n_done++;
	f->reason = reason;
	memcpy(f->hops, hops, n_hops * sizeof(*hops));
	f->n_hops = n_hops;
	text_copy(f->evidence, sizeof(f->evidence), evidence);
	locate_cancel(f->cancel_inside);
}

static struct locate *start(struct fixture *f, const struct target *target)
{
	f->n_done = 0;
	f->fake.asked[0] = '\0';
	struct locate *locate =
		locate_start(f->loop, f->dns, f->health, NULL, target, 4000, on_done, f);
	assert_non_null(locate);
	assert_int_equal(f->n_done, 0);
	return locate;
}

/* "mtls 192.0.2.1:5061 mtls 192.0.2.2:5061". */
static void print(const struct fixture *f, char out[1000])
{
	char text[ADDR_TEXT_SIZE];

	out[0] = '\0';
	for (size_t i = 0; i < f->n_hops; i++) {
		size_t len = strlen(out);
		(void)snprintf(out + len, 1000 - len, "%s%s %s", i ? " " : "",
			       conf_transport_text(f->hops[i].transport),
			       addr_text(&f->hops[i].remote, text));
	}
}

/* clang-format off */
static const struct {
	const char *name;
	struct server_row servers[MAX_SERVERS];
	uint64_t took_ms;
	enum reason reason;
	const char *want;
} rows[] = {
	{ "an address", { { "192.0.2.7", 5061, 0, 0, false, TRANSPORT_MTLS } }, 0,
	  REASON_NONE, "mtls 192.0.2.7:5061" },
	{ "all addresses of a name, the listener's family first", { { "sip.partner.example", 5061, 0, 0, false, TRANSPORT_MTLS } }, 0,
	  REASON_NONE, "mtls 192.0.2.1:5061 mtls 192.0.2.2:5061 mtls [2001:db8::1]:5061" },
	{ "UDP from an IPv4 socket reaches no IPv6", { { "sip.partner.example", 5060, 0, 0, false, TRANSPORT_UDP } }, 0,
	  REASON_NONE, "udp 192.0.2.1:5060 udp 192.0.2.2:5060" },
	{ "IPv6 alone, over UDP: no listener", { { "six.example", 5060, 0, 0, false, TRANSPORT_UDP } }, 0,
	  REASON_NO_LISTENER, "" },
	{ "IPv6 alone, over TCP", { { "six.example", 5060, 0, 0, false, TRANSPORT_TCP } }, 0,
	  REASON_NONE, "tcp [2001:db8::6]:5060" },
	{ "priorities, RFC 2782", { { "192.0.2.30", 1, 3, 0, false, TRANSPORT_TCP }, { "192.0.2.10", 1, 1, 0, false, TRANSPORT_TCP }, { "192.0.2.20", 1, 2, 0, false, TRANSPORT_UDP } }, 0,
	  REASON_NONE, "tcp 192.0.2.10:1 udp 192.0.2.20:1 tcp 192.0.2.30:1" },
	{ "what fails is left out", { { "fail.example", 1, 1, 0, false, TRANSPORT_TCP }, { "192.0.2.20", 1, 2, 0, false, TRANSPORT_TCP } }, 0,
	  REASON_NONE, "tcp 192.0.2.20:1" },
	{ "a slow one is waited for", { { "late.example", 1, 1, 0, false, TRANSPORT_TCP }, { "192.0.2.20", 1, 2, 0, false, TRANSPORT_TCP } }, 500,
	  REASON_NONE, "tcp 192.0.2.13:1 tcp 192.0.2.20:1" },
	{ "a dead one costs the budget, not the others", { { "dead.example", 1, 1, 0, false, TRANSPORT_TCP }, { "192.0.2.20", 1, 2, 0, false, TRANSPORT_TCP } }, 4000,
	  REASON_NONE, "tcp 192.0.2.20:1" },
	{ "no address", { { "none.example", 1, 1, 0, false, TRANSPORT_TCP } }, 0, REASON_DNS_NO_ADDRESS, "" },
	{ "failure", { { "none.example", 1, 1, 0, false, TRANSPORT_TCP }, { "fail.example", 1, 1, 0, false, TRANSPORT_TCP } }, 0,
	  REASON_DNS_FAILED, "" },
	{ "timeout", { { "dead.example", 1, 1, 0, false, TRANSPORT_TCP }, { "fail.example", 1, 1, 0, false, TRANSPORT_TCP } }, 4000,
	  REASON_DNS_TIMEOUT, "" },
	{ "SRV by its priorities, before the next server", { { "partner.example", 5061, 1, 0, true, TRANSPORT_MTLS }, { "192.0.2.7", 5061, 2, 0, false, TRANSPORT_MTLS } }, 0,
	  REASON_NONE, "mtls 192.0.2.11:5061 mtls 192.0.2.12:5062 mtls 192.0.2.7:5061" },
	{ "no server at all", { { 0 } }, 0, REASON_DNS_NO_ADDRESS, "" },
};
/* clang-format on */

static void test_rule(void **state)
{
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };
	char got[1000];

	for (size_t i = 0; i < COUNT(rows); i++) {
		set_servers(f, rows[i].servers, MAX_SERVERS);
		start(f, &target);
		loop_turn(f->loop, rows[i].took_ms ? rows[i].took_ms - 1 : 0);
		assert_int_equal(f->n_done, rows[i].took_ms ? 0 : 1);
		loop_turn(f->loop, rows[i].took_ms ? 1 : 0);
		assert_int_equal(f->n_done, 1);
		print(f, got);
		if (f->reason != rows[i].reason || strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].name, reason_code(f->reason), got,
				 f->evidence);
	}
}

/* RFC 2782: over many searches the weights show. */
static void test_weights(void **state)
{
	static const struct server_row servers[] = {
		{ "192.0.2.1", 1, 1, 90, false, TRANSPORT_TCP },
		{ "192.0.2.2", 1, 1, 10, false, TRANSPORT_TCP }
	};
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };
	struct addr first = address("192.0.2.1", 1);
	unsigned n_first = 0;

	set_servers(f, servers, COUNT(servers));
	for (unsigned i = 0; i < 1000; i++) {
		start(f, &target);
		loop_turn(f->loop, 0);
		assert_int_equal(f->n_hops, 2);
		n_first += addr_equal(&f->hops[0].remote, &first);
	}
	assert_in_range(n_first, 800, 980);
}

/* What a hop takes from its rule. */
static void test_hop(void **state)
{
	static const struct server_row servers[] = { { "sip.partner.example", 5061, 0, 0, false,
						       TRANSPORT_MTLS } };
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };

	set_servers(f, servers, 1);
	f->rule.bind = address("10.0.0.7", 0);
	for (unsigned i = 0; i < MAX_NAMES - 2; i++)
		f->names[f->rule.n_names++] = "pin.example";
	f->names[f->rule.n_names++] =
		"sip.partner.example"; /* the last, and yet it must be among them */
	start(f, &target);
	loop_turn(f->loop, 0);
	assert_int_equal(f->n_hops, 3);
	const struct hop *hop = &f->hops[0];
	assert_ptr_equal(hop->listener, &f->ipv4[TRANSPORT_MTLS]);
	assert_ptr_equal(hop->credentials, f->rule.credentials);
	assert_int_equal(hop->tls_minimum, CONF_TLS_1_3);
	assert_true(hop->allow_wildcard);
	assert_string_equal(hop->host, "sip.partner.example");
	assert_string_equal(hop->peer, "partner:partner.example");
	assert_int_equal(hop->n_names, HOP_MAX_NAMES);
	assert_string_equal(hop->names[0], "sip.partner.example");
	assert_string_equal(hop->names[1], "partner.example");
	assert_ptr_equal(hop->health,
			 health_of(f->health, f->rule.id, &hop->remote, TRANSPORT_MTLS));
	assert_true(addr_same_host(&hop->bind, &f->rule.bind));
	assert_false(addr_is_set(&f->hops[2].bind)); /* the bind address is IPv4 */
}

static void test_plain_hop_has_no_certificate(void **state)
{
	static const struct server_row servers[] = { { "192.0.2.1", 5060, 0, 0, false,
						       TRANSPORT_TCP } };
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };

	set_servers(f, servers, 1);
	start(f, &target);
	loop_turn(f->loop, 0);
	assert_null(f->hops[0].credentials);
	assert_int_equal(f->hops[0].n_names, 0);
}

/* field.md pitfall 3: the dead come last, until it is time to try them. */
static void test_dead_last(void **state)
{
	static const struct server_row servers[] = {
		{ "192.0.2.1", 1, 1, 0, false, TRANSPORT_TCP },
		{ "192.0.2.2", 1, 2, 0, false, TRANSPORT_TCP },
		{ "192.0.2.3", 1, 3, 0, false, TRANSPORT_TCP }
	};
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };
	struct addr first = address("192.0.2.1", 1);
	char got[1000];

	set_servers(f, servers, COUNT(servers));
	health_failed(health_of(f->health, f->rule.id, &first, TRANSPORT_TCP),
		      REASON_CONNECT_REFUSED, 1000);
	start(f, &target);
	loop_turn(f->loop, 0);
	print(f, got);
	assert_string_equal(got, "tcp 192.0.2.2:1 tcp 192.0.2.3:1 tcp 192.0.2.1:1");
	loop_turn(f->loop, 2000);
	start(f, &target);
	loop_turn(f->loop, 0);
	print(f, got);
	assert_string_equal(got, "tcp 192.0.2.1:1 tcp 192.0.2.2:1 tcp 192.0.2.3:1");
}

#define MTLS_SERVER                                                                            \
	{                                                                                      \
		"192.0.2.7", 5061, 0, 0, false, TRANSPORT_MTLS                                 \
	}
#define TCP_SERVER                                                                             \
	{                                                                                      \
		"192.0.2.7", 5060, 0, 0, false, TRANSPORT_TCP                                  \
	}
#define UDP_SERVER                                                                             \
	{                                                                                      \
		"192.0.2.7", 5060, 0, 0, false, TRANSPORT_UDP                                  \
	}

/* clang-format off */
static const struct {
	const char *name;
	struct server_row server;
	const char *uri;
	bool is_target;
	const char *want, *asked; /* asked: NULL: whatever */
} uri_rows[] = {
	{ "address and port", TCP_SERVER, "sip:192.0.2.8:5077;transport=tcp", true, "tcp 192.0.2.8:5077", "" },
	{ "address without port, RFC 3263 §4.2", TCP_SERVER, "sip:192.0.2.8", true, "tcp 192.0.2.8:5060", "" },
	{ "IPv6", TCP_SERVER, "sip:[2001:db8::9]:5070;transport=tcp", true, "tcp [2001:db8::9]:5070", "" },
	{ "a name with a port has no SRV", UDP_SERVER, "sip:a.partner.example:5099", true, "udp 192.0.2.11:5099",
	  "A a.partner.example;AAAA a.partner.example;" },
	{ "a name without a port: SRV", UDP_SERVER, "sip:partner.example;lr", true, "udp 192.0.2.11:5070", NULL },
	{ "over TLS: _sips", MTLS_SERVER, "sip:partner.example;lr", true, "mtls 192.0.2.11:5061 mtls 192.0.2.12:5062", NULL },
	{ "NAPTR, RFC 3263 §4.1: all of the preferred one before the next, and never without TLS", MTLS_SERVER, "sip:nap.example", true,
	  "mtls 192.0.2.11:5099 mtls 192.0.2.11:5061 mtls 192.0.2.12:5062", NULL },
	{ "... where the rule is plain: as the owner wants it", UDP_SERVER, "sip:nap.example", true, "tcp 192.0.2.11:5098", NULL },
	{ "... sips: TLS alone", TCP_SERVER, "sips:nap.example", true,
	  "tls 192.0.2.11:5099 tls 192.0.2.11:5061 tls 192.0.2.12:5062", NULL },
	{ "... is not asked where the transport is written", UDP_SERVER, "sip:partner.example;transport=udp", true, "udp 192.0.2.11:5070",
	  "A partner.example;AAAA partner.example;SRV _sip._udp.partner.example;A a.partner.example;AAAA a.partner.example;" },
	{ "... nor where the port is", UDP_SERVER, "sip:a.partner.example:5060", true, "udp 192.0.2.11:5060",
	  "A a.partner.example;AAAA a.partner.example;" },
	{ "sips", MTLS_SERVER, "sips:192.0.2.8", true, "mtls 192.0.2.8:5061", "" },
	{ "transport=tls is the rule's mtls", MTLS_SERVER, "sip:192.0.2.8;transport=tls", true, "mtls 192.0.2.8:5061", "" },
	{ "a URI cannot talk an mtls rule into TCP", MTLS_SERVER, "sip:192.0.2.8:5060;transport=tcp", true, "mtls 192.0.2.8:5060", "" },
	{ "nor by saying nothing", MTLS_SERVER, "sip:192.0.2.8:5061", true, "mtls 192.0.2.8:5061", "" },
	{ "TLS where the rule is plain", TCP_SERVER, "sip:192.0.2.8;transport=tls", true, "tls 192.0.2.8:5061", "" },
	{ "another plain transport", TCP_SERVER, "sip:192.0.2.8;transport=UDP", true, "udp 192.0.2.8:5060", "" },
	{ "maddr, RFC 3263 §4", TCP_SERVER, "sip:partner.example:5060;maddr=192.0.2.9", true, "tcp 192.0.2.9:5060", "" },
	{ "a transport that we have not", TCP_SERVER, "sip:192.0.2.8;transport=ws", false, NULL, NULL },
	{ "a telephone number", TCP_SERVER, "tel:+4930", false, NULL, NULL },
};
/* clang-format on */

static void test_uri(void **state)
{
	struct fixture *f = *state;
	su_home_t *home = su_home_new(sizeof(*home));
	char got[1000];

	for (size_t i = 0; i < COUNT(uri_rows); i++) {
		struct target target;
		set_servers(f, &uri_rows[i].server, 1);
		bool is_target = locate_target_from_uri(uri_parse(home, uri_rows[i].uri),
							&f->rule, &target);
		if (is_target != uri_rows[i].is_target)
			fail_msg("%s: target %d", uri_rows[i].name, is_target);
		if (!is_target)
			continue;
		start(f, &target);
		loop_turn(f->loop, 0);
		assert_int_equal(f->n_done, 1);
		print(f, got);
		if (strcmp(got, uri_rows[i].want) != 0 ||
		    (uri_rows[i].asked && strcmp(f->fake.asked, uri_rows[i].asked) != 0))
			fail_msg("%s: %s; asked %s", uri_rows[i].name, got, f->fake.asked);
		if (f->hops[0].transport ==
		    TRANSPORT_MTLS) /* the peer's names, not the URI's host */
			assert_string_equal(f->hops[0].names[0], "partner.example");
	}
	struct target untouched = { .port = 7 };
	assert_false(
		locate_target_from_uri(uri_parse(home, "sip:a.example"), NULL, &untouched));
	assert_false(locate_target_from_uri(uri_parse(home, "sip:a.example:0"), &f->rule,
					    &untouched));
	assert_int_equal(untouched.port, 7);
	su_home_unref(home);
}

static void test_cancel(void **state)
{
	static const struct server_row servers[] = { { "late.example", 1, 1, 0, false,
						       TRANSPORT_TCP } };
	static const struct server_row literal[] = { TCP_SERVER };
	struct fixture *f = *state;
	struct target target = { .rule = &f->rule };

	set_servers(f, servers, 1);
	struct locate *locate = start(f, &target);
	loop_turn(f->loop, 100);
	locate_cancel(locate);
	loop_turn(f->loop, 5000);
	assert_int_equal(f->n_done, 0);

	set_servers(f, literal, 1);
	locate_cancel(start(f, &target));
	loop_turn(f->loop, 0);
	assert_int_equal(f->n_done, 0);

	f->cancel_inside = start(f, &target); /* from inside done it is over already */
	loop_turn(f->loop, 0);
	assert_int_equal(f->n_done, 1);
	locate_cancel(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_weights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_hop_has_no_certificate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_dead_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uri, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
