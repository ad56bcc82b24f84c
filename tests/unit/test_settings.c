#include "conf/settings.h"

#include "conf/check.h"
#include "tests/unit/settings_base.h"

static struct settings *load_good(const char *text)
{
	struct settings *settings = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(load_text(text, report, &settings), ERR_OK);
	assert_int_equal(report_n_errors(report), 0);
	report_free(report);
	return settings;
}

static void test_base(void **state)
{
	char *text = changed(0, NULL);
	struct settings *settings = load_good(text);
	const struct settings_listener *wan = &settings->listeners[0];
	const struct settings_route *route = &settings->partners.routes[0];
	const struct settings_backend *backend = &settings->backends[0];

	assert_int_equal(settings->n_domains, 2);
	assert_int_equal(settings->n_listeners, 2);
	assert_string_equal(wan->name, "wan");
	assert_int_equal(wan->network, NETWORK_WAN);
	assert_int_equal(wan->transport, TRANSPORT_MTLS);
	assert_int_equal(wan->port, 15061);
	assert_int_equal(addr_port(&wan->addr), 15061);
	assert_true(addr_is_loopback(&wan->addr));
	assert_int_equal(wan->n_certificates, 1);
	assert_int_equal(wan->certificates[0].index, 0);
	assert_int_equal(wan->minimum, CONF_TLS_1_2);
	assert_true(wan->is_enabled);
	assert_string_equal(wan->advertise, "");
	assert_int_equal(wan->place.line, 4);

	assert_string_equal(settings->certificates[0].name, "edge");
	assert_string_equal(settings->certificates[0].chain.path, path_of("edge.pem"));
	assert_null(settings->certificates[0].pkcs12.path);
	assert_int_equal(settings->certificates[0].place.line, 11);

	assert_string_equal(backend->servers[0].host, "127.0.0.3");
	assert_int_equal(backend->servers[0].transport, TRANSPORT_TCP);
	assert_int_equal(addr_port(&backend->servers[0].addr), 15060);
	assert_int_equal(backend->listener.index, 1);
	assert_int_equal(backend->n_users, 2);
	assert_int_equal(backend->n_domains, 1);
	assert_int_equal(backend->weight, 1);
	assert_int_equal(backend->n_servers, 1);
	assert_string_equal(backend->username, "");
	assert_null(backend->password_file.path);
	assert_int_equal(backend->probe_ms, 30000);

	assert_true(settings->partners.is_enabled);
	assert_string_equal(route->domain, "partner.example");
	assert_true(route->is_trustworthy);
	assert_int_equal(route->n_servers, 1);
	assert_string_equal(route->servers[0].host, "sip.partner.example");
	assert_false(addr_is_set(&route->servers[0].addr));
	assert_true(route->servers[0].has_port);
	assert_int_equal(route->certificate.index, 0);
	assert_int_equal(route->services_in, SERVICE_PRESENCE | SERVICE_IM);
	assert_int_equal(route->services_out, SERVICE_PRESENCE | SERVICE_IM);
	assert_int_equal(route->probe_ms, 60000);

	assert_int_equal(settings->limits.requests.count, 200);
	assert_int_equal(settings->limits.requests.per_ms, 1000);
	assert_int_equal(settings->log.trace, LOG_TRACE_TLS);
	assert_int_equal(settings->service.n_workers, 2);
	assert_false(settings->service.is_workers_auto);
	assert_null(settings_free(settings));
	free(text);
}

/* Everything that is left out has the value of nuncio.yaml. */
static void test_presets(void **state)
{
	/* With the mark that editors of other systems begin UTF-8 with. */
	struct settings *settings = load_good("\xef\xbb\xbf"
					      "domains: [corp.example]\n");

	assert_int_equal(settings->tls.minimum, CONF_TLS_1_2);
	assert_true(settings->tls.trusts_system);
	assert_int_equal(settings->tls.n_trust, 0);
	assert_int_equal(settings->tls.min_key_bits, 2048);
	assert_false(settings->tls.accepts_wildcard);
	assert_int_equal(settings->tls.client_eku, EKU_ANY_TLS);
	assert_string_equal(settings->tls.priority, "");
	assert_int_equal(settings->placement, PLACEMENT_SEARCH);
	assert_int_equal(settings->registrar.min_expires_ms, 60000);
	assert_int_equal(settings->registrar.max_expires_ms, 3600000);
	assert_int_equal(settings->registrar.default_expires_ms, 300000);
	assert_true(settings->partners.is_enabled);
	assert_false(settings->federation.is_open);
	assert_int_equal(settings->federation.listener.index, -1);
	assert_int_equal(settings->federation.n_allow, 0);
	assert_int_equal(settings->federation.rate.count, 20);
	assert_int_equal(settings->federation.suspicious_rate.count, 1);
	assert_int_equal(settings->federation.suspicious_rate.per_ms, 1000);
	assert_int_equal(settings->federation.max_users, 1000);
	assert_int_equal(settings->dns.budget_ms, 4000);
	assert_int_equal(settings->dns.negative_ttl_ms, 30000);
	assert_string_equal(settings->realm, "corp.example");
	assert_null(settings->users_file.path);
	assert_int_equal(settings->password_policy.min_length, 10);
	assert_int_equal(settings->password_policy.classes, 3);
	assert_int_equal(settings->sip.t1_ms, 500);
	assert_int_equal(settings->sip.timer_c_ms, 180000);
	assert_int_equal(settings->sip.max_breadth, 60);
	assert_int_equal(settings->limits.message_size_bytes, 65536);
	assert_int_equal(settings->limits.connections, 20000);
	assert_int_equal(settings->limits.connections_per_source, 200);
	assert_int_equal(settings->limits.handshakes.count, 50);
	assert_int_equal(settings->limits.transactions, 200000);
	assert_int_equal(settings->limits.auth_failures.per_ms, 60000);
	assert_int_equal(settings->limits.ban_ms, 300000);
	assert_int_equal(settings->log.level, LOG_INFO);
	assert_false(settings->log.is_json);
	assert_string_equal(settings->log.directory, "");
	assert_int_equal(settings->log.max_size_bytes, 10 << 20);
	assert_int_equal(settings->log.n_files, 10);
	assert_true(settings->service.is_workers_auto);
	assert_true(settings->service.n_workers >= 1);
	assert_string_equal(settings->service.state_dir, "/var/lib/nuncio");
	assert_string_equal(settings->service.control, "/run/nuncio/control.sock");
	assert_true(settings->admin.has_http);
	assert_int_equal(addr_port(&settings->admin.http), 9580);
	settings_free(settings);
}

static void test_forms(void **state)
{
	struct settings *settings = load_good(
		"domains: [Corp.Example.]\n"
		"certificates: { a: { chain: edge.pem, key: edge.key }, b: { pkcs12: other.p12 "
		"} }\n"
		"tls: { trust: [system, ., edge.pem], wildcard: true, minimum: \"1.3\" }\n"
		"listeners:\n"
		"- { name: w, network: wan, bind: \"*\", transport: tls, certificate: b, "
		"certificates: [a, b],"
		"    advertise: \"[2001:db8::1]:5062\" }\n"
		"- { name: lo, network: lan, bind: lo, transport: udp }\n"
		"- { name: lo-tcp, network: lan, bind: lo, transport: tcp }\n"
		"backends:\n"
		"- { name: x, address: \"sips:[::1]\", listener: lo, users: [\"*\"] }\n"
		"partners: { routes: [\n"
		"  { domain: \"*.P.example\", transport: tcp, server: 10.1.2.3, trustworthy: "
		"true,"
		"    identity: [Edge.P.example], wildcard: false, probe: 0 },\n"
		"  { domain: q.example, enabled: false, servers: [\n"
		"     { host: \"[2001:db8::2]\", transport: udp, priority: 2, weight: 7 }, { "
		"host: h.q.example } ] } ] }\n"
		"admin: { http: \"\" }\n"
		"service: { state_dir: run, control: ./run/c.sock }\n"
		"dns: { servers: [127.0.0.1, \"[::1]:5353\"] }\n"
		"log: { format: json, trace: [all], directory: logs }\n"
		"federation: { open: false }\n");
	const struct settings_listener *wan = &settings->listeners[0];
	const struct settings_route *p = &settings->partners.routes[0],
				    *q = &settings->partners.routes[1];

	assert_string_equal(settings->domains[0].name, "corp.example");
	assert_true(addr_is_wildcard(&wan->addr));
	assert_int_equal(wan->port, 5061);
	assert_int_equal(wan->n_certificates, 2);
	assert_int_equal(wan->certificates[0].index, 1);
	assert_int_equal(wan->certificates[1].index, 0);
	assert_string_equal(wan->advertise, "[2001:db8::1]:5062");
	assert_int_equal(wan->minimum, CONF_TLS_1_3);
	assert_int_equal(settings->listeners[1].port, 5060);
	assert_true(addr_is_loopback(&settings->listeners[1].addr));
	assert_true(settings->tls.trusts_system);
	assert_int_equal(settings->tls.n_trust, 2);

	assert_string_equal(settings->backends[0].servers[0].host, "::1");
	assert_int_equal(settings->backends[0].servers[0].transport, TRANSPORT_TLS);
	assert_int_equal(settings->backends[0].servers[0].port, 5061);
	assert_false(settings->backends[0].servers[0].has_port);
	assert_int_equal(settings->backends[0].n_domains, 1);

	assert_string_equal(p->domain, "*.p.example");
	assert_true(p->is_trustworthy);
	assert_false(p->accepts_wildcard);
	assert_true(q->accepts_wildcard);
	assert_string_equal(p->identities[0].text, "edge.p.example");
	assert_int_equal(p->probe_ms, 0);
	assert_int_equal(p->services_in, SERVICE_ALL);
	assert_int_equal(addr_port(&p->servers[0].addr), 5060);
	assert_false(q->is_enabled);
	assert_false(q->is_trustworthy);
	assert_int_equal(q->n_servers, 2);
	assert_string_equal(q->servers[0].host, "2001:db8::2");
	assert_int_equal(q->servers[0].priority, 2);
	assert_int_equal(q->servers[0].weight, 7);
	assert_int_equal(q->servers[1].transport, TRANSPORT_MTLS);
	assert_int_equal(q->servers[1].port, 5061);
	assert_int_equal(q->certificate.index, 1); /* the first wan listener's */

	assert_false(settings->admin.has_http);
	assert_string_equal(settings->service.state_dir, path_of("run"));
	assert_string_equal(settings->service.control, path_of("run/c.sock"));
	assert_int_equal(settings->dns.n_servers, 2);
	assert_int_equal(addr_port(&settings->dns.servers[0]), 53);
	assert_int_equal(addr_port(&settings->dns.servers[1]), 5353);
	assert_true(settings->log.is_json);
	assert_int_equal(settings->log.trace, LOG_TRACE_ALL);
	assert_string_equal(settings->log.directory, path_of("logs"));
	settings_free(settings);
}

static void test_services(void **state)
{
	static const struct {
		const char *written;
		unsigned in, out;
	} rows[] = {
		{ "[]", 0, 0 },
		{ "[audio]", SERVICE_AUDIO, SERVICE_AUDIO },
		{ "{}", SERVICE_ALL, SERVICE_ALL },
		{ "{ in: [presence, im] }", SERVICE_PRESENCE | SERVICE_IM, SERVICE_ALL },
		{ "{ out: [] }", SERVICE_ALL, 0 },
		{ "{ out: [video], in: [im] }", SERVICE_IM, SERVICE_VIDEO },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings *settings;
		const struct settings_route *route;
		char line[80], *text;

		snprintf(line, sizeof(line), "      services: %s", rows[i].written);
		text = changed(29, line);
		settings = load_good(text);
		route = &settings->partners.routes[0];
		if (route->services_in != rows[i].in || route->services_out != rows[i].out)
			fail_msg("%s: %u %u", rows[i].written, route->services_in,
				 route->services_out);
		settings_free(settings);
		free(text);
	}
}

/* The lists of open federation: normalised and sorted, whatever the order of the file. */
static void test_federation(void **state)
{
	char *text = changed(
		36, "federation:\n  listener: wan\n  open: true\n"
		    "  allow: [\"*.Z.example\", b.example, \"*.y.z.example\", y.z.example]\n"
		    "  deny: [bad.example.]\n  hosters: [Sipfed.Online.Lync.COM]\n"
		    "  discovered: { rate: 100/m, suspicious_rate: 2/s, max_users: 5 }");
	struct settings *settings = load_good(text);
	const struct settings_federation *federation = &settings->federation;
	static const struct {
		const char *domain, *entry; /* NULL: none fits */
	} rows[] = {
		{ "b.example", "b.example" },
		{ "x.b.example", NULL },
		{ "z.example", NULL },
		{ "x.z.example", "*.z.example" },
		{ "y.z.example", "y.z.example" },
		{ "x.y.z.example", "*.y.z.example" },
		{ "xz.example", NULL },
		{ "a.x.z.example", "*.z.example" },
		{ "", NULL },
		{ "b.example.org", NULL },
	};

	assert_true(federation->is_open);
	assert_int_equal(federation->listener.index, 0);
	assert_int_equal(federation->place.line, 37);
	assert_int_equal(federation->rate.count, 100);
	assert_int_equal(federation->rate.per_ms, 60000);
	assert_int_equal(federation->suspicious_rate.count, 2);
	assert_int_equal(federation->max_users, 5);
	assert_int_equal(federation->n_deny, 1);
	assert_string_equal(federation->deny[0].text, "bad.example");
	assert_int_equal(federation->n_hosters, 1);
	assert_string_equal(federation->hosters[0].text, "sipfed.online.lync.com");
	assert_int_equal(federation->n_allow, 4);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct settings_text *found = settings_find_domain(
			federation->allow, federation->n_allow, rows[i].domain);

		if (found && rows[i].entry)
			assert_string_equal(found->text, rows[i].entry);
		else
			assert_true(!found && !rows[i].entry);
	}
	assert_null(settings_find_domain(NULL, 0, "b.example"));
	settings_free(settings);
	free(text);
}

/* A backend that logs on, one that has a static address too, and a pair in standby. */
static void test_backends(void **state)
{
	struct settings *settings = load_good(
		"domains: [corp.example]\n"
		"listeners:\n"
		"- { name: lan, network: lan, bind: 127.0.0.1, port: 15060, transport: tcp }\n"
		"- { name: udp, network: lan, bind: 127.0.0.1, port: 15060, transport: udp }\n"
		"backends:\n"
		"- { name: berlin, username: uc-berlin, password_file: berlin.pass, listener: lan }\n"
		"- { name: munich, username: uc-munich, password_file: other.p12, listener: lan,\n"
		"    address: \"sip:10.0.1.5;transport=tcp\" }\n"
		"- { name: hamburg, listener: lan, probe: 0, weight: 0, servers: [\n"
		"    { host: 10.0.2.5, transport: tcp },\n"
		"    { host: Two.lan, port: 5070, transport: udp, priority: 2, weight: 7 } ] }\n"
		"placement: balance\n"
		"registrar: { min_expires: 10s, max_expires: 10m, default_expires: 10m }\n"
		"log: { trace: [registration] }\n");
	const struct settings_backend *backends = settings->backends;

	assert_int_equal(settings->n_backends, 3);
	assert_int_equal(backends[0].n_servers, 0);
	assert_string_equal(backends[0].username, "uc-berlin");
	assert_int_equal(backends[0].username_place.line, 6);
	assert_string_equal(backends[0].password_file.path, path_of("berlin.pass"));
	assert_int_equal(backends[1].n_servers, 1);
	assert_string_equal(backends[1].username, "uc-munich");
	assert_int_equal(backends[1].servers[0].port, 5060);
	assert_int_equal(backends[2].n_servers, 2);
	assert_int_equal(backends[2].servers[0].priority, 1);
	assert_true(addr_is_set(&backends[2].servers[0].addr));
	assert_string_equal(backends[2].servers[1].host, "two.lan");
	assert_int_equal(backends[2].servers[1].priority, 2);
	assert_int_equal(backends[2].servers[1].weight, 7);
	assert_int_equal(backends[2].servers[1].transport, TRANSPORT_UDP);
	assert_int_equal(backends[2].probe_ms, 0);
	assert_int_equal(backends[2].weight, 0);
	assert_int_equal(settings->placement, PLACEMENT_BALANCE);
	assert_int_equal(settings->registrar.min_expires_ms, 10000);
	assert_int_equal(settings->registrar.max_expires_ms, 600000);
	assert_int_equal(settings->log.trace, LOG_TRACE_REGISTRATION);
	settings_free(settings);
}

/* Who is nobody's home depends on what becomes of those whom nobody names. */
static const struct {
	const char *backend, *placement;
	size_t n_warnings;
} homes[] = {
	{ "address: sip:10.0.1.5", "reject", 1 },
	{ "address: sip:10.0.1.5, users: [anna]", "reject", 0 },
	{ "address: sip:10.0.1.5", "search", 0 },
	{ "address: sip:10.0.1.5", "balance", 0 },
	{ "username: u, password_file: berlin.pass", "reject", 0 }, /* it registers its users */
};

static void test_homes(void **state)
{
	for (size_t i = 0; i < COUNT(homes); i++) {
		struct settings *settings = NULL;
		const struct report_row *rows;
		struct report *report;
		char text[512];

		snprintf(
			text, sizeof(text),
			"domains: [corp.example]\n"
			"listeners: [{ name: lan, network: lan, bind: 127.0.0.1, transport: udp }]\n"
			"backends: [{ name: b, listener: lan, %s }]\nplacement: %s\n",
			homes[i].backend, homes[i].placement);
		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(load_text(text, report, &settings), ERR_OK);
		assert_int_equal(report_rows(report, &rows), homes[i].n_warnings);
		if (homes[i].n_warnings)
			assert_int_equal(rows[0].fault, FAULT_NOTHING_SERVED);
		settings_free(settings);
		report_free(report);
	}
}

/* The host of the test has no public address: the check alone. */
static const struct {
	const char *address, *username;
	enum conf_transport transport;
	size_t n_warnings;
} log_ons[] = {
	{ "198.51.100.7", "u", TRANSPORT_TCP, 1 },
	{ "2001:db8::7", "u", TRANSPORT_UDP, 1 },
	{ "198.51.100.7", "u", TRANSPORT_TLS, 0 },
	{ "198.51.100.7", "", TRANSPORT_TCP, 0 }, /* it does not log on */
	{ "10.0.0.2", "u", TRANSPORT_TCP, 0 },
	{ "0.0.0.0", "u", TRANSPORT_TCP, 0 }, /* who knows */
};

static void test_plain_log_on(void **state)
{
	for (size_t i = 0; i < COUNT(log_ons); i++) {
		struct settings_listener listener = { .name = "lan",
						      .network = NETWORK_LAN,
						      .is_enabled = true,
						      .transport = log_ons[i].transport };
		struct settings_backend backend = { .name = "b",
						    .username = log_ons[i].username };
		struct settings settings = { .listeners = &listener,
					     .n_listeners = 1,
					     .backends = &backend,
					     .n_backends = 1 };
		const struct report_row *rows;
		struct report *report;

		assert_int_equal(addr_parse(log_ons[i].address, 5060, &listener.addr), ERR_OK);
		assert_int_equal(report_new(&report), ERR_OK);
		check_backends(&settings, report);
		assert_int_equal(report_rows(report, &rows), log_ons[i].n_warnings);
		if (log_ons[i].n_warnings)
			assert_int_equal(rows[0].fault, FAULT_NO_TLS);
		report_free(report);
	}
}

/* All faults of one load, and in the order of the file. */
static void test_all_at_once(void **state)
{
	static const char text[] = "domain: [a.example]\n"
				   "listeners: [{ name: x }]\n"
				   "limits: { ban: never }\n"
				   "backends: [{ name: b, address: \"sip:127.0.0.1\", "
				   "listener: y, users: [\"*\"] }]\n"
				   "log: { level: loud }\n";
	static const unsigned lines[] = { 1, 2, 2, 2, 3, 4, 5 };
	const struct report_row *rows;
	struct settings *settings = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(load_text(text, report, &settings), ERR_INVALID);
	assert_null(settings);
	assert_int_equal(report_rows(report, &rows), COUNT(lines));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(rows[i].line, lines[i]);
	report_free(report);
}

static const struct {
	const char *route;
	size_t n_warnings;
} trusts[] = {
	{ "server: 10.0.0.1, transport: udp, trustworthy: true", 0 },     /* private: fine */
	{ "server: 198.51.100.1, transport: udp, trustworthy: true", 1 }, /* forged at will */
	{ "server: 198.51.100.1, transport: tcp, trustworthy: true", 1 },
	{ "server: 198.51.100.1, transport: tcp", 0 },
	{ "server: sip.p.example, transport: tcp, trustworthy: true", 1 }, /* DNS decides */
	{ "server: 198.51.100.1, transport: udp, trustworthy: true, enabled: false", 0 },
};

static void test_weak_trust(void **state)
{
	for (size_t i = 0; i < COUNT(trusts); i++) {
		const struct report_row *rows;
		struct settings *settings = NULL;
		struct report *report;
		char text[1024];
		size_t n, n_weak = 0;

		snprintf(
			text, sizeof(text),
			"domains: [corp.example]\npartners: { routes: [{ domain: p.example, "
			"%s }] }\n"
			"certificates: { edge: { chain: edge.pem, key: edge.key } }\n"
			"listeners:\n"
			"- { name: u, network: wan, bind: 127.0.0.1, transport: udp }\n"
			"- { name: t, network: wan, bind: 127.0.0.1, transport: tcp }\n"
			"- { name: m, network: wan, bind: 127.0.0.1, transport: mtls, certificate: edge }\n",
			trusts[i].route);
		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(load_text(text, report, &settings), ERR_OK);
		n = report_rows(report, &rows);
		for (size_t j = 0; j < n; j++)
			n_weak += rows[j].fault == FAULT_WEAK_TRUST;
		assert_int_equal(n_weak, trusts[i].n_warnings);
		settings_free(settings);
		report_free(report);
	}
}

static const struct {
	const char *listener;
	bool is_duplicate;
} sockets[] = {
	{ "network: lan, bind: 127.0.0.1, port: 7000, transport: tcp", true },
	{ "network: wan, bind: 127.0.0.1, port: 7000, transport: tls, certificate: edge",
	  true },
	{ "network: lan, bind: 127.0.0.1, port: 7000, transport: udp", false },
	{ "network: lan, bind: 127.0.0.2, port: 7000, transport: tcp", false },
	{ "network: lan, bind: 127.0.0.1, port: 7001, transport: tcp", false },
	{ "network: lan, bind: 127.0.0.1, port: 7000, transport: tcp, enabled: false", false },
};

static void test_sockets(void **state)
{
	for (size_t i = 0; i < COUNT(sockets); i++) {
		struct settings *settings = NULL;
		struct report *report;
		char text[512];

		snprintf(text, sizeof(text),
			 "certificates: { edge: { chain: edge.pem, key: edge.key } }\n"
			 "listeners:\n"
			 "- { name: a, network: lan, bind: 127.0.0.1, port: 7000, transport: "
			 "tcp }\n"
			 "- { name: b, %s }\n",
			 sockets[i].listener);
		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(load_text(text, report, &settings),
				 sockets[i].is_duplicate ? ERR_INVALID : ERR_OK);
		assert_int_equal(report_n_errors(report), sockets[i].is_duplicate ? 1 : 0);
		settings_free(settings);
		report_free(report);
	}
}

static void test_unreadable(void **state)
{
	struct settings *settings = NULL;
	struct report *report;
	const struct report_row *rows;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(settings_load(path_of("none.yaml"), report, &settings), ERR_INVALID);
	assert_int_equal(settings_load(dir, report, &settings), ERR_INVALID);
	assert_int_equal(report_rows(report, &rows), 2);
	assert_int_equal(rows[0].fault, FAULT_FILE);
	assert_null(settings);
	assert_null(settings_free(NULL));
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),       cmocka_unit_test(test_presets),
		cmocka_unit_test(test_forms),      cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_weak_trust), cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_backends),
		cmocka_unit_test(test_federation), cmocka_unit_test(test_services),
		cmocka_unit_test(test_homes),      cmocka_unit_test(test_plain_log_on),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
