#include "conf/settings.h"

#include "tests/unit/settings_base.h"

/* One change, one fault: where it is reported, and with what. */
static const struct mutation {
	unsigned changed_line;
	const char *text;
	unsigned line, column;
	const char *code, *says, *hint;
} mutations[] = {
	/* clang-format off */
	/* YAML itself */
	{ 6, "\tnetwork: lan", 6, 1, "E002", "a tab", "" },
	{ 5, "  - name: lan # \xc3\xbc\xc3\xbc\n\tnetwork: lan", 6, 1, "E002", "a tab", "" },
	{ 2, "domains:[corp.example, corp.test]", 2, 1, "E002", "could not find expected ':'", "with the space" },
	{ 1, "\xef\xbb\xbfversion: 2", 1, 10, "E014", "1 to 1", "" },
	{ 2, "domains: [corp.example", 3, 10, "E002", "did not find expected ',' or ']'", "line 2" },
	{ 31, "placement: 'reject", 38, 1, "E002", "unexpected end of stream", "line 31" },
	{ 31, "placement: rej\xff" "ect", 31, 15, "E002", "UTF-8", "" },
	{ 12, "tls: &tls", 12, 6, "E003", "anchor", "" },
	{ 24, "    - domain: *.partner.example", 24, 16, "E002", "", "quotes" },
	{ 31, "placement: *alias", 31, 12, "E003", "alias", "" },
	{ 31, "placement: !!str reject", 31, 12, "E003", "tag", "" },
	{ 31, "placement: reject\n---\nversion: 1", 32, 1, "E002", "second document", "" },
	{ 31, "placement: reject\nplacement: reject", 32, 1, "E010", "duplicate key 'placement'", "line 31" },
	{ 37, "service: {a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", 37, 28, "E004", "16 levels", "" },

	/* unknown keys, with the nearest */
	{ 31, "placment: reject", 31, 1, "E012", "unknown key 'placment' at the top level", "'placement'" },
	{ 29, "      trustworty: true", 29, 7, "E012", "unknown key 'trustworty' in a route", "'trustworthy'" },
	{ 34, "  request: 200/s", 34, 3, "E012", "unknown key 'request' in limits", "'requests'" },
	{ 14, "  min_key_bit: 2048", 14, 3, "E012", "in tls", "'min_key_bits'" },
	{ 11, "  edge: { chain: edge.pem, key: edge.key, kez: a }", 11, 43, "E012", "in a certificate", "'key'" },
	{ 20, "    users: [\"*\"]\n    user: x", 21, 5, "E012", "in a backend", "'users'" },
	{ 37, "service: { worker: 2 }", 37, 12, "E012", "in service", "'workers'" },
	{ 36, "log: { levle: info }", 36, 8, "E012", "in log", "'level'" },
	{ 36, "log: { completely_different: info }", 36, 8, "E012", "in log", "" },
	{ 9, "    transport: tcp\n    enable: false", 10, 5, "E012", "in a listener", "'enabled'" },

	/* wrong kinds and values */
	{ 2, "domains: corp.example", 2, 10, "E011", "a single value, expected a list", "" },
	{ 36, "log: [info]", 36, 6, "E011", "a list in log, expected a group of keys", "" },
	{ 36, "log: { level: [info] }", 36, 15, "E011", "a list, expected error, warning, info or debug", "" },
	{ 36, "log: { level: }", 36, 15, "E011", "nothing, expected", "" },
	{ 36, "log: { level: inof }", 36, 15, "E013", "'inof', expected error, warning, info or debug", "'info'" },
	{ 36, "log: { trace: [tsl] }", 36, 16, "E013", "interconnection, media, tls, dns or all", "'tls'" },
	{ 22, "  enabled: yes", 22, 12, "E013", "'yes', expected true or false", "" },
	{ 30, "      probe: 60", 30, 14, "E013", "'60', expected a duration", "" },
	{ 30, "      probe: 25h", 30, 14, "E014", "expected 0 to 24h", "" },
	{ 35, "  ban: 5 m", 35, 8, "E013", "'5 m', expected a duration", "" },
	{ 33, "  message_size: 64kb", 33, 17, "E013", "expected a size", "" },
	{ 33, "  message_size: 1KB", 33, 17, "E014", "expected 4KB to 1MB", "" },
	{ 33, "  message_size: 2MB", 33, 17, "E014", "expected 4KB to 1MB", "" },
	{ 34, "  requests: 200", 34, 13, "E013", "expected a rate", "" },
	{ 34, "  requests: 0/s", 34, 13, "E014", "out of range", "" },
	{ 8, "    port: 65536", 8, 11, "E014", "expected 0 to 65535", "" },
	{ 8, "    port: -1", 8, 11, "E013", "expected a port", "" },
	{ 14, "  min_key_bits: 99999999999999999999", 14, 17, "E013", "expected a number", "" },
	{ 13, "  minimum: \"1.1\"", 13, 12, "E013", "expected 1.2 or 1.3", "" },
	{ 2, "domains: [corp.example, corp.test, \"bad domain\"]", 2, 36, "E013", "expected a domain name", "" },
	{ 2, "domains: [corp.example, corp.test, 192.0.2.1]", 2, 36, "E013", "expected a domain name", "" },
	{ 24, "    - domain: \"partner.*\"", 24, 15, "E013", "\"*.\" and a domain name", "" },
	{ 25, "      server: sip:sip.partner.example", 25, 15, "E013", "without scheme and port", "" },
	{ 17, "    address: 127.0.0.3:15060", 17, 14, "E013", "expected sip:HOST", "" },
	{ 17, "    address: sip:127.0.0.3:15060;maddr=1", 17, 14, "E013", "expected sip:HOST", "" },
	{ 17, "    servers: [{ port: 5060, transport: tcp }]", 17, 15, "E015", "host: missing in a server", "" },
	{ 20, "    users: [\"*\"]\n    username: \"a:b\"\n    password_file: berlin.pass", 21, 15, "E013", "username: quotes, backslashes or colons", "" },
	{ 20, "    users: [\"*\"]\n    username: \"\"\n    password_file: berlin.pass", 21, 15, "E013", "username: ''", "" },
	{ 20, "    users: [\"*\"]\n    probe: 25h", 21, 12, "E014", "expected 0 to 24h", "" },
	{ 31, "placement: serch", 31, 12, "E013", "expected search, balance or reject", "'search'" },
	{ 37, "registrar: { min_expires: 500ms }", 37, 27, "E014", "expected 1s to 24h", "" },
	{ 37, "registrar: { min_expires: 10m }", 37, 27, "E014", "min_expires <= default_expires <= max_expires", "" },
	{ 37, "registrar: { max_expires: 2m }", 37, 27, "E014", "min_expires <= default_expires <= max_expires", "" },
	{ 37, "registrar: { max_expires: 10m, default_expires: 11m }", 37, 49, "E014", "default_expires: expected min_expires <=", "" },
	{ 37, "registrar: { expires: 2m }", 37, 14, "E012", "in registrar", "" },
	{ 37, "service: { workers: 65 }", 37, 21, "E014", "expected auto, or 1 to 64", "" },
	{ 37, "service: { workers: many }", 37, 21, "E014", "expected auto, or 1 to 64", "" },
	{ 37, "admin: { http: 127.0.0.1 }", 37, 16, "E013", "an address with a port", "" },
	{ 37, "dns: { servers: [resolver.example] }", 37, 18, "E013", "an address, with or without a port", "" },
	{ 37, "sip: { timer_c: 1m }", 37, 17, "E014", "3m to 1h", "" },
	{ 37, "realm: 'a\"b'", 37, 8, "E013", "quotes", "" },
	{ 1, "version: 2", 1, 10, "E014", "1 to 1", "" },

	{ 29, "      redirect: folow", 29, 17, "E013", "'folow', expected forward or follow", "'follow'" },
	{ 29, "      services: presence", 29, 17, "E011", "a single value, expected a list: [...], or { in: [...], out: [...] }", "" },
	{ 29, "      services: { in: im }", 29, 23, "E011", "services: a single value, expected a list: [...]", "" },
	{ 29, "      services: { in: [im], uot: [im] }", 29, 29, "E012", "unknown key 'uot' in services, expected in or out", "" },
	{ 29, "      services: { out: [im, vidoe] }", 29, 29, "E013", "'vidoe', expected presence, im, audio or video", "'video'" },

	/* missing, and excluding each other */
	{ 7, NULL, 5, 5, "E015", "bind: missing in a listener", "" },
	{ 25, NULL, 24, 7, "E015", "server: missing in a route", "" },
	{ 17, NULL, 16, 5, "E015", "address: missing in a backend, expected address, servers, or username", "" },
	{ 17, "    servers: []", 17, 14, "E015", "servers: empty, expected at least one", "" },
	{ 17, "    address: sip:127.0.0.3;transport=tcp\n    servers: [{ host: 127.0.0.4, transport: tcp }]", 17, 5, "E017", "address: stands beside servers", "" },
	{ 17, "    username: ucserver", 17, 5, "E015", "password_file: missing in a backend that logs on", "" },
	{ 20, "    users: [\"*\"]\n    username: ucserver\n    password_file: \"\"", 22, 20, "E015", "password_file: empty", "" },
	{ 20, "    users: [\"*\"]\n    password_file: berlin.pass", 21, 5, "E015", "username: missing in a backend that logs on", "" },
	{ 11, "  edge: { chain: edge.pem }", 11, 3, "E015", "key: missing in certificate 'edge'", "" },
	{ 11, "  edge: { chain: edge.pem, key: edge.key, pkcs12: other.p12 }", 11, 51, "E017", "beside chain or key", "" },
	{ 26, "      servers: [{ host: a.example, port: 15061 }]", 25, 7, "E017", "server: stands beside servers", "" },
	{ 9, "    transport: tcp\n    certificate: edge", 10, 18, "E017", "tcp listener shows no certificate", "" },
	{ 4, "  - { name: wan, network: wan, bind: 127.0.0.1, port: 15061, transport: mtls }", 4, 73, "E024", "mtls without a certificate", "" },

	/* not in this version */
	{ 29, "      refer: local", 29, 14, "E016", "'local' is not in this version", "" },
	{ 9, "    transport: ws", 9, 16, "E016", "'ws' is not in this version", "" },

	/* phones */
	{ 3, "listeners:\n  - { name: far, network: remote, bind: 127.0.0.1, port: 15070, transport: udp }", 4, 5, "E015",
	  "users_file: missing, and the remote listener 'far'", "" },
	{ 3, "users_file: edge.key\nlisteners:\n  - { name: far, network: remote, bind: 127.0.0.1, port: 15070, transport: mtls, certificate: edge }",
	  5, 76, "E017", "the remote listener 'far' asks phones for certificates", "" },
	{ 3, "users_file: edge.key\nlisteners:\n  - { name: far, network: remote, bind: 127.0.0.1, port: 5060, transport: udp }", 5, 5, "W027",
	  "the remote listener 'far' has port 5060", "" },
	{ 31, "classes: { inside: { dny: [] } }", 31, 22, "E012", "in a class", "'deny'" },
	{ 31, "classes: [inside]", 31, 10, "E011", "classes", "" },

	/* NAT */
	{ 9, "    transport: tcp\n    advertise: stun", 5, 5, "E015", "listener 'lan' advertises what STUN servers see, and none is named",
	  "nat: { stun_servers: [HOST, HOST] }" },
	{ 31, "nat: { stun_servers: [\"stun:3478:1\"] }", 31, 23, "E013", "'stun:3478:1', expected a host name or address", "" },
	{ 31, "nat: { monitor: 10ms }", 31, 17, "E014", "", "" },
	{ 29, "      stun_server: \"a b\"", 29, 20, "E013", "'a b', expected a host name or address", "" },

	/* media */
	{ 31, "media: { relay: [van] }", 31, 18, "E013", "'van', expected wan, lan or remote", "'wan'" },
	{ 31, "media: { ports: 30000 }", 31, 17, "E013", "'30000', expected FIRST-LAST", "" },
	{ 31, "media: { ports: 30001-30000 }", 31, 17, "E013", "expected FIRST-LAST", "" },
	{ 31, "media: { ports: 30000-70000 }", 31, 17, "E013", "expected FIRST-LAST", "" },
	{ 31, "media: { ports: 30001-30003 }", 31, 17, "E014", "less than two pairs", "" },
	{ 31, "media: { ports: 30000-30100 }", 31, 17, "W014", "50 pairs of ports for 180 channels", "" },
	{ 31, "media: { ports: 30001-30400 }", 31, 17, "W014", "30001 is odd", "" },
	{ 31, "media: { srtp: { wan: maybe } }", 31, 23, "E013", "'maybe', expected off, passthrough, prefer or require", "" },
	{ 31, "media: { suites: [AES_CM_128_HMAC_SHA1_80, NULL_NULL] }", 31, 44, "E013", "'NULL_NULL', expected AES_CM_128", "" },
	{ 31, "media: { dscp: 64 }", 31, 16, "E014", "expected 0 to 63", "" },
	{ 31, "media: { bind: { lan: 192.0.2.200 } }", 31, 23, "E025", "is not an address of this host", "" },
	{ 31, "media: { bind: { lan: \"*\" } }", 31, 23, "E013", "is no address that stands in SDP", "" },
	{ 31, "media: { bind: { van: 127.0.0.1 } }", 31, 18, "E012", "in bind", "'wan'" },

	/* what does not fit together */
	{ 2, "domains: [corp.example, corp.test, CORP.example.]", 2, 36, "E020", "domain 'corp.example' is defined twice", ":2" },
	{ 9, "    transport: tcp\n  - { name: lan, network: lan, bind: 127.0.0.1, port: 15060, " "transport: udp }", 10, 5, "E020", "listener 'lan' is defined twice", ":5" },
	{ 8, "    port: 15061", 5, 5, "E020", "listener 'lan' has the socket of 'wan'", ":4" },
	{ 30, "      probe: 60s\n    - { domain: PARTNER.example, server: x.example, port: 15061 }", 31, 17, "E020", "a route for domain 'partner.example'", ":24" },
	{ 28, "      certificate: egde", 28, 20, "E021", "certificate 'egde' is not defined", "'edge'" },
	{ 18, "    listener: lna", 18, 15, "E021", "listener 'lna' is not defined", "'lan'" },
	{ 18, "    listener: elsewhere", 18, 15, "E021", "listener 'elsewhere' is not defined", ":4: wan, lan" },
	{ 18, "    listener: wan", 18, 15, "E017", "expected a lan listener", "" },
	{ 17, "    username: ucserver\n    password_file: berlin.pass\n    listener: lan\n  - name: munich\n    username: ucserver\n    password_file: other.p12", 21, 15, "E020", "username 'ucserver' is defined twice", ":17" },
	{ 17, "    username: ucserver\n    password_file: berlin.pass\n    listener: lan\n  - name: munich\n    username: ucserver-munich\n    password_file: berlin.pass", 22, 20, "W020", "password_file: is that of backend 'berlin'", ":18" },
	{ 24, "    - domain: corp.example", 24, 15, "E022", "our own domain 'corp.example'", ":2" },
	{ 24, "    - domain: \"*.corp.example\"", 24, 15, "E022", "inside our own domain", ":2" },
	{ 24, "    - domain: branch.corp.test", 24, 15, "E022", "inside our own domain 'corp.test'", ":2" },
	{ 24, "    - domain: \"*.example\"", 24, 15, "W022", "covers our own domain", "" },
	{ 19, "    domains: [other.example]", 19, 15, "E023", "'other.example' is none of ours", "" },
	{ 7, "    bind: 192.0.2.77", 7, 11, "E025", "not an address of this host", "ip addr" },
	{ 7, "    bind: nonesuch0", 7, 11, "E025", "neither an address nor an interface", "" },
	{ 29, "      bind: 192.0.2.77", 29, 13, "W025", "not an address of this host", "ip addr" },
	{ 26, "      port: 5061", 25, 15, "W026", "no enabled wan listener", "" },
	{ 17, "    address: sip:127.0.0.3:15060;transport=tls", 17, 14, "W026", "reached by tls, but listener 'lan' is tcp", "" },
	{ 17, "    servers: [{ host: 127.0.0.3, transport: tcp }, { host: 127.0.0.4, transport: tls }]", 17, 60, "W026", "reached by tls, but listener 'lan' is tcp", "" },
	{ 17, "    address: sip:127.0.0.3:15060;transport=udp", 17, 14, "E061", "no listener speaks udp, so backend 'berlin'", "" },
	{ 27, "      transport: udp", 25, 15, "E061", "no listener speaks udp, so partner 'partner.example'", "" },
	{ 9, "    transport: tcp\n    enabled: false", 18, 14, "W061", "only listener 'lan' speaks tcp, which is not enabled: backend 'berlin' cannot be reached", "" },
	{ 9, "    transport: tcp\n    enabled: false\n  - { name: more, network: lan, bind: 127.0.0.1, port: 15062, transport: tcp }", 20, 15, "W026",
	  "'lan' is not enabled: backend 'berlin' is reached by another one", "" },
	{ 29, "      trustworthy: false", 29, 20, "W017", "always trusted", "" },
	{ 29, "      minimum: \"1.0\"", 29, 16, "W029", "TLS 1.0 is deprecated", "" },
	{ 20, NULL, 16, 5, "W030", "nobody's home", "everybody" },

	/* open federation; line 36 is free */
	{ 36, "federation: { open: yes }", 36, 21, "E013", "'yes', expected true or false", "" },
	{ 36, "federation: { open: true }", 36, 13, "E015", "listener: missing in federation", "" },
	{ 36, "federation: { open: true, listener: lan }", 36, 37, "E017", "'lan' is a lan listener with transport tcp, expected a wan", "" },
	{ 36, "federation: { listener: wna }", 36, 25, "E021", "listener 'wna' is not defined", "'wan'" },
	{ 36, "federation: { allow: [a.example, \"a.*\"] }", 36, 34, "E013", "allow: 'a.*', expected a domain name, or", "" },
	{ 36, "federation: { deny: [192.0.2.1] }", 36, 22, "E013", "deny: '192.0.2.1', expected a domain name", "" },
	{ 36, "federation: { hosters: [\"*.hoster.example\"] }", 36, 25, "E013", "hosters: '*.hoster.example'", "" },
	{ 36, "federation: { allow: [A.example, b.example],\n  deny: [x.example, a.example.] }", 36, 23, "E017", "'a.example' is denied as well", ":37" },
	{ 36, "federation: { allow: [a.b.example],\n  deny: [\"*.example\"] }", 36, 23, "W017", "'a.b.example' has no effect: deny wins", "'*.example' stands at" },
	{ 36, "federation: { allow: [a.example, corp.test] }", 36, 34, "W022", "'corp.test' is our own domain", "" },
	{ 36, "federation: { deny: [b.example, a.example, B.example] }", 36, 44, "W020", "deny: 'b.example' stands there twice", "" },
	{ 36, "federation: { discovered: { max_users: 0 } }", 36, 40, "E014", "1 to 1000000", "" },
	{ 36, "federation: { discovered: { rate: 20 } }", 36, 35, "E013", "expected a rate", "" },
	{ 36, "federation: { discovered: { max_user: 5 } }", 36, 29, "E012", "in discovered", "'max_users'" },
	{ 36, "federation: { dicovered: { } }", 36, 15, "E012", "in federation", "'discovered'" },

	/* files */
	{ 11, "  edge: { chain: none.pem, key: edge.key }", 11, 18, "E040", "none.pem cannot be read: not found", "" },
	{ 11, "  edge: { chain: ., key: edge.key }", 11, 18, "E040", "is no file", "" },
	{ 11, "  edge: { chain: edge.pem, key: open.key }", 11, 33, "W041", "read by every user", "chmod o=" },
	{ 14, "  trust: [system, none]", 14, 19, "E040", "trust:", "" },
	{ 17, "    username: ucserver\n    password_file: none.pass", 18, 20, "E040", "password_file: ", "" },
	{ 17, "    username: ucserver\n    password_file: open.pass", 18, 20, "W041", "open.pass can be read by every user", "chmod o=" },
	{ 37, "users_file: nobody.yaml", 37, 13, "W040", "does not exist yet", "" },
	{ 37, "include: [a.yaml]", 37, 10, "E005", "not a file", "" },
	/* clang-format on */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
