#include "conf/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/report.h"
#include "proxy/base/macros.h"

/* A configuration without a fault, one string a line: the rows below change one line of it. */
static const char *const base[] = {
	"version: 1",
	"domains: [corp.example, corp.test]",
	"listeners:",
	/* clang-format off */
	"  - { name: wan, network: wan, bind: 127.0.0.1, port: 15061, transport: mtls, certificate: edge }",
	/* clang-format on */
	"  - name: lan", /* 5 */
	"    network: lan",
	"    bind: 127.0.0.1",
	"    port: 15060",
	"    transport: tcp",
	"certificates:", /* 10 */
	"  edge: { chain: edge.pem, key: edge.key }",
	"tls:",
	"  minimum: \"1.2\"",
	"  min_key_bits: 2048",
	"backends:", /* 15 */
	"  - name: berlin",
	"    address: sip:127.0.0.3:15060;transport=tcp",
	"    listener: lan",
	"    domains: [corp.example]",
	"    users: [\"anna\", \"*\"]", /* 20 */
	"partners:",
	"  enabled: true",
	"  routes:",
	"    - domain: partner.example",
	"      server: sip.partner.example", /* 25 */
	"      port: 15061",
	"      transport: mtls",
	"      certificate: edge",
	"      services: [presence, im]",
	"      probe: 60s", /* 30 */
	"placement: reject",
	"limits:",
	"  message_size: 64KB",
	"  requests: 200/s",
	"  ban: 5m", /* 35 */
	"log: { level: info, trace: [tls] }",
	"service: { workers: 2 }",
};

static char dir[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/nuncio-settings-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_file("edge.pem", "a chain", 0644);
	write_file("edge.key", "a key", 0600);
	write_file("open.key", "a key", 0644);
	write_file("other.p12", "both", 0600);
	return 0;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

/* The base with one line replaced; text may hold several lines, or be NULL for none. */
static char *changed(unsigned line, const char *text)
{
	struct buf buf;

	buf_init(&buf, 0);
	for (unsigned i = 1; i <= COUNT(base); i++) {
		if (i != line)
			buf_printf(&buf, "%s\n", base[i - 1]);
		else if (text)
			buf_printf(&buf, "%s\n", text);
	}
	return buf_take(&buf);
}

static enum err load_text(const char *text, struct report *report, struct settings **out)
{
	return settings_load_text(path_of("nuncio.yaml"), text, strlen(text), report, out);
}

/* One change, one fault: where it is reported, and with what. */
static const struct mutation {
	unsigned changed_line;
	const char *text;
	unsigned line, column;
	const char *code, *says, *hint;
} mutations[] = {
	/* YAML itself */
	{ 6, "\tnetwork: lan", 6, 1, "E002", "a tab", "" },
	{ 2, "domains: [corp.example", 3, 10, "E002", "did not find expected ',' or ']'",
	  "line 2" },
	{ 31, "placement: 'reject", 38, 1, "E002", "unexpected end of stream", "line 31" },
	{ 31,
	  "placement: rej\xff"
	  "ect",
	  31, 15, "E002", "UTF-8", "" },
	{ 12, "tls: &tls", 12, 6, "E003", "anchor", "" },
	{ 24, "    - domain: *.partner.example", 24, 16, "E002", "", "quotes" },
	{ 31, "placement: *alias", 31, 12, "E003", "alias", "" },
	{ 31, "placement: !!str reject", 31, 12, "E003", "tag", "" },
	{ 31, "placement: reject\n---\nversion: 1", 32, 1, "E002", "second document", "" },
	{ 31, "placement: reject\nplacement: reject", 32, 1, "E010",
	  "duplicate key 'placement'", "line 31" },
	{ 37, "service: {a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", 37, 28, "E004", "16 levels",
	  "" },

	/* unknown keys, with the nearest */
	{ 31, "placment: reject", 31, 1, "E012", "unknown key 'placment' at the top level",
	  "'placement'" },
	{ 29, "      trustworty: true", 29, 7, "E012", "unknown key 'trustworty' in a route",
	  "'trustworthy'" },
	{ 34, "  request: 200/s", 34, 3, "E012", "unknown key 'request' in limits",
	  "'requests'" },
	{ 14, "  min_key_bit: 2048", 14, 3, "E012", "in tls", "'min_key_bits'" },
	{ 11, "  edge: { chain: edge.pem, key: edge.key, kez: a }", 11, 43, "E012",
	  "in a certificate", "'key'" },
	{ 20, "    users: [\"*\"]\n    user: x", 21, 5, "E012", "in a backend", "'users'" },
	{ 37, "service: { worker: 2 }", 37, 12, "E012", "in service", "'workers'" },
	{ 36, "log: { levle: info }", 36, 8, "E012", "in log", "'level'" },
	{ 36, "log: { completely_different: info }", 36, 8, "E012", "in log", "" },
	{ 9, "    transport: tcp\n    enable: false", 10, 5, "E012", "in a listener",
	  "'enabled'" },

	/* wrong kinds and values */
	{ 2, "domains: corp.example", 2, 10, "E011", "a single value, expected a list", "" },
	{ 36, "log: [info]", 36, 6, "E011", "a list in log, expected a group of keys", "" },
	{ 36, "log: { level: [info] }", 36, 15, "E011",
	  "a list, expected error, warning, info or debug", "" },
	{ 36, "log: { level: }", 36, 15, "E011", "nothing, expected", "" },
	{ 36, "log: { level: inof }", 36, 15, "E013",
	  "'inof', expected error, warning, info or debug", "'info'" },
	{ 36, "log: { trace: [tsl] }", 36, 16, "E013", "interconnection, tls, dns or all",
	  "'tls'" },
	{ 22, "  enabled: yes", 22, 12, "E013", "'yes', expected true or false", "" },
	{ 30, "      probe: 60", 30, 14, "E013", "'60', expected a duration", "" },
	{ 30, "      probe: 25h", 30, 14, "E014", "expected 0 to 24h", "" },
	{ 35, "  ban: 5 m", 35, 8, "E013", "'5 m', expected a duration", "" },
	{ 33, "  message_size: 64kb", 33, 17, "E013", "expected a size", "" },
	{ 33, "  message_size: 1KB", 33, 17, "E014", "expected 4KB to 16MB", "" },
	{ 34, "  requests: 200", 34, 13, "E013", "expected a rate", "" },
	{ 34, "  requests: 0/s", 34, 13, "E014", "out of range", "" },
	{ 8, "    port: 65536", 8, 11, "E014", "expected 0 to 65535", "" },
	{ 8, "    port: -1", 8, 11, "E013", "expected a port", "" },
	{ 14, "  min_key_bits: 99999999999999999999", 14, 17, "E013", "expected a number", "" },
	{ 13, "  minimum: \"1.1\"", 13, 12, "E013", "expected 1.2 or 1.3", "" },
	{ 2, "domains: [corp.example, corp.test, \"bad domain\"]", 2, 36, "E013",
	  "expected a domain name", "" },
	{ 2, "domains: [corp.example, corp.test, 192.0.2.1]", 2, 36, "E013",
	  "expected a domain name", "" },
	{ 24, "    - domain: \"partner.*\"", 24, 15, "E013", "\"*.\" and a domain name", "" },
	{ 25, "      server: sip:sip.partner.example", 25, 15, "E013",
	  "without scheme and port", "" },
	{ 17, "    address: 127.0.0.3:15060", 17, 14, "E013", "expected sip:HOST", "" },
	{ 17, "    address: sip:127.0.0.3:15060;maddr=1", 17, 14, "E013", "expected sip:HOST",
	  "" },
	{ 37, "service: { workers: 65 }", 37, 21, "E014", "expected auto, or 1 to 64", "" },
	{ 37, "service: { workers: many }", 37, 21, "E014", "expected auto, or 1 to 64", "" },
	{ 37, "admin: { http: 127.0.0.1 }", 37, 16, "E013", "an address with a port", "" },
	{ 37, "dns: { servers: [resolver.example] }", 37, 18, "E013",
	  "an address, with or without a port", "" },
	{ 37, "sip: { timer_c: 1m }", 37, 17, "E014", "3m to 1h", "" },
	{ 37, "realm: 'a\"b'", 37, 8, "E013", "quotes", "" },
	{ 1, "version: 2", 1, 10, "E014", "1 to 1", "" },

	/* missing, and excluding each other */
	{ 7, NULL, 5, 5, "E015", "bind: missing in a listener", "" },
	{ 25, NULL, 24, 7, "E015", "server: missing in a route", "" },
	{ 11, "  edge: { chain: edge.pem }", 11, 3, "E015",
	  "key: missing in certificate 'edge'", "" },
	{ 11, "  edge: { chain: edge.pem, key: edge.key, pkcs12: other.p12 }", 11, 51, "E017",
	  "beside chain or key", "" },
	{ 26, "      servers: [{ host: a.example, port: 15061 }]", 25, 7, "E017",
	  "server: stands beside servers", "" },
	{ 9, "    transport: tcp\n    certificate: edge", 10, 18, "E017",
	  "tcp listener shows no certificate", "" },
	{ 4, "  - { name: wan, network: wan, bind: 127.0.0.1, port: 15061, transport: mtls }",
	  4, 73, "E024", "mtls without a certificate", "" },

	/* not in this version */
	{ 6, "    network: remote", 6, 14, "E016", "'remote' is not in this version", "" },
	{ 31, "placement: balance", 31, 12, "E016", "'balance' is not in this version", "" },
	{ 31, "media: { relay: [] }", 31, 1, "E016", "media: not in this version", "" },
	{ 31, "nat: {}", 31, 1, "E016", "nat: not in this version", "" },
	{ 31, "federation: { open: true }", 31, 21, "E016", "'true' is not in this version",
	  "" },
	{ 29, "      redirect: follow", 29, 17, "E016", "'follow' is not in this version", "" },
	{ 29, "      refer: local", 29, 14, "E016", "'local' is not in this version", "" },
	{ 20, "    users: [\"*\"]\n    username: x", 21, 5, "E016",
	  "username: not in this version", "" },
	{ 9, "    transport: ws", 9, 16, "E016", "'ws' is not in this version", "" },
	{ 9, "    transport: tcp\n    advertise: stun", 10, 16, "E016",
	  "'stun' is not in this version", "" },

	/* what does not fit together */
	{ 2, "domains: [corp.example, corp.test, CORP.example.]", 2, 36, "E020",
	  "domain 'corp.example' is defined twice", ":2" },
	{ 9,
	  "    transport: tcp\n  - { name: lan, network: lan, bind: 127.0.0.1, port: 15060, "
	  "transport: udp }",
	  10, 5, "E020", "listener 'lan' is defined twice", ":5" },
	{ 8, "    port: 15061", 5, 5, "E020", "listener 'lan' has the socket of 'wan'", ":4" },
	{ 30,
	  "      probe: 60s\n    - { domain: PARTNER.example, server: x.example, port: 15061 }",
	  31, 17, "E020", "a route for domain 'partner.example'", ":24" },
	{ 28, "      certificate: egde", 28, 20, "E021", "certificate 'egde' is not defined",
	  "'edge'" },
	{ 18, "    listener: lna", 18, 15, "E021", "listener 'lna' is not defined", "'lan'" },
	{ 18, "    listener: elsewhere", 18, 15, "E021", "listener 'elsewhere' is not defined",
	  ":4: wan, lan" },
	{ 18, "    listener: wan", 18, 15, "E017", "expected a lan listener", "" },
	{ 24, "    - domain: corp.example", 24, 15, "E022", "our own domain 'corp.example'",
	  ":2" },
	{ 24, "    - domain: \"*.corp.example\"", 24, 15, "E022", "inside our own domain",
	  ":2" },
	{ 24, "    - domain: branch.corp.test", 24, 15, "E022",
	  "inside our own domain 'corp.test'", ":2" },
	{ 24, "    - domain: \"*.example\"", 24, 15, "W022", "covers our own domain", "" },
	{ 19, "    domains: [other.example]", 19, 15, "E023", "'other.example' is none of ours",
	  "" },
	{ 7, "    bind: 192.0.2.77", 7, 11, "E025", "not an address of this host", "ip addr" },
	{ 7, "    bind: nonesuch0", 7, 11, "E025", "neither an address nor an interface", "" },
	{ 29, "      bind: 192.0.2.77", 29, 13, "W025", "not an address of this host",
	  "ip addr" },
	{ 26, "      port: 5061", 25, 15, "W026", "no enabled wan listener", "" },
	{ 17, "    address: sip:127.0.0.3:15060;transport=udp", 17, 14, "W026",
	  "reached by udp, but listener 'lan' is tcp", "" },
	{ 9, "    transport: tcp\n    enabled: false", 19, 15, "W026", "'lan' is not enabled",
	  "" },
	{ 29, "      trustworthy: false", 29, 20, "W017", "always trusted", "" },
	{ 29, "      minimum: \"1.0\"", 29, 16, "W029", "TLS 1.0 is deprecated", "" },
	{ 20, NULL, 16, 5, "W030", "nobody's home", "everybody" },

	/* files */
	{ 11, "  edge: { chain: none.pem, key: edge.key }", 11, 18, "E040",
	  "none.pem cannot be read: not found", "" },
	{ 11, "  edge: { chain: ., key: edge.key }", 11, 18, "E040", "is no file", "" },
	{ 11, "  edge: { chain: edge.pem, key: open.key }", 11, 33, "W041",
	  "read by every user", "chmod o=" },
	{ 14, "  trust: [system, none]", 14, 19, "E040", "trust:", "" },
	{ 37, "users_file: nobody.yaml", 37, 13, "W040", "does not exist yet", "" },
	{ 37, "include: [a.yaml]", 37, 10, "E005", "not a file", "" },
};

/* Is it the one fault that the row wants? */
static bool is_wanted(const struct mutation *row, enum err err, const struct report_row *got)
{
	char code[8], all[2048];

	snprintf(all, sizeof(all), "%s: %s", got->key, got->text);
	return got->line == row->line && got->column == row->column &&
	       err == (got->is_error ? ERR_INVALID : ERR_OK) &&
	       strcmp(got->file, path_of("nuncio.yaml")) == 0 &&
	       strcmp(report_code(got->is_error, got->fault, code), row->code) == 0 &&
	       strstr(all, row->says) && strstr(got->hint, row->hint);
}

static bool check_mutation(const struct mutation *row)
{
	char *text = changed(row->changed_line, row->text);
	const struct report_row *rows;
	struct settings *settings = NULL;
	struct report *report;
	struct buf got;
	enum err err;
	bool is_right;

	assert_int_equal(report_new(&report), ERR_OK);
	err = load_text(text, report, &settings);
	is_right = report_rows(report, &rows) == 1 && is_wanted(row, err, &rows[0]);
	if (!is_right) {
		buf_init(&got, 0);
		report_print(report, false, &got);
		print_error("line %u as '%s': wanted %u:%u %s '%s' '%s', got:\n%s\n",
			    row->changed_line, row->text ? row->text : "", row->line,
			    row->column, row->code, row->says, row->hint, buf_text(&got));
		buf_fini(&got);
	}
	settings_free(settings);
	report_free(report);
	free(text);
	return is_right;
}

static void test_mutations(void **state)
{
	size_t n_wrong = 0;

	for (size_t i = 0; i < COUNT(mutations); i++)
		n_wrong += !check_mutation(&mutations[i]);
	assert_int_equal(n_wrong, 0);
}

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

	assert_string_equal(backend->server.host, "127.0.0.3");
	assert_int_equal(backend->server.transport, TRANSPORT_TCP);
	assert_int_equal(addr_port(&backend->server.addr), 15060);
	assert_int_equal(backend->listener.index, 1);
	assert_int_equal(backend->n_users, 2);
	assert_int_equal(backend->n_domains, 1);
	assert_int_equal(backend->weight, 1);

	assert_true(settings->partners.is_enabled);
	assert_string_equal(route->domain, "partner.example");
	assert_true(route->is_trustworthy);
	assert_int_equal(route->n_servers, 1);
	assert_string_equal(route->servers[0].host, "sip.partner.example");
	assert_false(addr_is_set(&route->servers[0].addr));
	assert_true(route->servers[0].has_port);
	assert_int_equal(route->certificate.index, 0);
	assert_int_equal(route->services, SERVICE_PRESENCE | SERVICE_IM);
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
	struct settings *settings = load_good("domains: [corp.example]\n");

	assert_int_equal(settings->tls.minimum, CONF_TLS_1_2);
	assert_true(settings->tls.trusts_system);
	assert_int_equal(settings->tls.n_trust, 0);
	assert_int_equal(settings->tls.min_key_bits, 2048);
	assert_false(settings->tls.accepts_wildcard);
	assert_int_equal(settings->tls.client_eku, EKU_ANY_TLS);
	assert_string_equal(settings->tls.priority, "");
	assert_int_equal(settings->placement, PLACEMENT_REJECT);
	assert_true(settings->partners.is_enabled);
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

	assert_string_equal(settings->backends[0].server.host, "::1");
	assert_int_equal(settings->backends[0].server.transport, TRANSPORT_TLS);
	assert_int_equal(settings->backends[0].server.port, 5061);
	assert_false(settings->backends[0].server.has_port);
	assert_int_equal(settings->backends[0].n_domains, 1);

	assert_string_equal(p->domain, "*.p.example");
	assert_true(p->is_trustworthy);
	assert_false(p->accepts_wildcard);
	assert_true(q->accepts_wildcard);
	assert_string_equal(p->identities[0].text, "edge.p.example");
	assert_int_equal(p->probe_ms, 0);
	assert_int_equal(p->services, SERVICE_ALL);
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
		char text[512];
		size_t n, n_weak = 0;

		snprintf(text, sizeof(text),
			 "domains: [corp.example]\npartners: { routes: [{ domain: p.example, "
			 "%s }] }\n",
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
		cmocka_unit_test(test_base),        cmocka_unit_test(test_presets),
		cmocka_unit_test(test_forms),       cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_weak_trust),
		cmocka_unit_test(test_sockets),     cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
