/* What a new trust or certificate would break, told before partners find out. */
#include "proxy/reload_preflight.h"

#include "tests/unit/certs.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/macros.h"

static char folder[] = "/tmp/nuncio-preflight-XXXXXX";
static struct cert root, other, middle;

static const char *path_of(const char *name)
{
	static char paths[8][128];
	static unsigned i;
	char *path = paths[i++ % COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* edge.pem: ours. */
static void write_edge(const struct cert_spec *spec, const struct cert *issuer,
		       const struct cert *sent)
{
	struct cert leaf = cert_make(spec, issuer);

	cert_write_crt(path_of("edge.pem"), false, &leaf, GNUTLS_X509_FMT_PEM);
	if (sent)
		cert_write_crt(path_of("edge.pem"), true, sent, GNUTLS_X509_FMT_PEM);
	cert_write_key(path_of("edge.key"), &leaf);
	cert_free(&leaf);
}

#define EDGE                                                                                   \
	{                                                                                      \
		.cn = "edge", .dns = { "corp.example", "sip.corp.example", "x.corp.example" }, \
		.usages = {                                                                    \
			GNUTLS_KP_TLS_WWW_SERVER,                                              \
			GNUTLS_KP_TLS_WWW_CLIENT                                               \
		}                                                                              \
	}

static const struct cert_spec edge_spec = EDGE;

static int make_folder(void **state)
{
	const struct cert_spec root_spec = { .cn = "Root", .is_ca = true },
			       other_spec = { .cn = "Other Root", .is_ca = true },
			       middle_spec = { .cn = "Middle",
					       .is_ca = true,
					       .aia = "http://ca.example/root.cer" };

	assert_non_null(mkdtemp(folder));
	root = cert_make(&root_spec, NULL);
	other = cert_make(&other_spec, NULL);
	middle = cert_make(&middle_spec, &other);
	cert_write_crt(path_of("root.pem"), false, &root, GNUTLS_X509_FMT_PEM);
	cert_write_crt(path_of("other.pem"), false, &other, GNUTLS_X509_FMT_PEM);
	return 0;
}

static int drop_folder(void **state)
{
	char command[64];

	cert_free(&root);
	cert_free(&other);
	cert_free(&middle);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void write_config(const char *tls, const char *routes)
{
	FILE *file = fopen(path_of("nuncio.yaml"), "w");

	assert_non_null(file);
	fprintf(file,
		"version: 1\n"
		"domains: [corp.example]\n"
		"listeners:\n"
		"  - { name: wan, network: wan, bind: 127.0.0.1, port: 5061, transport: mtls, certificate: edge,"
		" advertise: sip.corp.example }\n"
		"certificates:\n"
		"  edge: { chain: edge.pem, key: edge.key }\n"
		"tls: { %s }\n"
		"partners:\n"
		"  routes:\n%s",
		tls, routes);
	assert_int_equal(fclose(file), 0);
}

#define ROUTE(domain)                                                                          \
	"    - { domain: " domain                                                              \
	", server: 192.0.2.1, port: 5061, transport: mtls, certificate: edge }\n"

static struct server *open_server(void)
{
	struct server *server = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(server_new_offline(path_of("nuncio.yaml"), NULL, report, &server),
			 ERR_OK);
	report_free(report);
	return server;
}

static struct snapshot *load(struct server *server)
{
	struct snapshot_parts parts = { .keys = server->keys, .addresses = server->addresses };
	struct snapshot *snapshot = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(snapshot_build(path_of("nuncio.yaml"), &parts, report, &snapshot),
			 ERR_OK);
	report_free(report);
	return snapshot;
}

/* The partner's leaf, of root. */
static struct cert peer;

static enum err give_chain(struct flow *flow, struct peer_chain **out)
{
	gnutls_datum_t der = cert_der(&peer);
	enum err err = peer_chain_new(der.size, out);

	assert_int_equal(err, ERR_OK);
	peer_chain_add(*out, der.data, der.size);
	(*out)->is_inbound = flow->is_inbound;
	gnutls_free(der.data);
	return ERR_OK;
}

static void see(struct server *server, const char *id, bool is_inbound)
{
	struct identity identity = { .n_refs = 1, .sha256 = "aa", .issuer = "CN=Root" };
	struct flow flow = { .ops = &(const struct flow_ops){ .peer_chain = give_chain },
			     .identity = &identity,
			     .is_inbound = is_inbound };

	peer_certificates_note(server->peer_certificates, id, &flow, 1);
}

/* All rows, a line each. */
static char *say(struct server *server)
{
	struct snapshot *to = load(server);
	json_t *rows = reload_preflight(server, to), *row;
	static char text[4096];
	size_t i, len = 0;

	assert_non_null(rows);
	text[0] = '\0';
	json_array_foreach(rows, i, row)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s %s [%s]: %s\n",
			json_string_value(json_object_get(row, "what")),
			json_string_value(json_object_get(row, "name")),
			json_object_get(row, "reason")
				? json_string_value(json_object_get(row, "reason"))
				: "",
			json_string_value(json_object_get(row, "text")));
	json_decref(rows);
	snapshot_unref(to);
	print_message("%s", text);
	return text;
}

static const struct {
	const char *name, *tls, *routes;
	const char *want[3]; /* each is in what is said */
	unsigned n_lines;
} trusts[] = {
	{ "nothing", "trust: [root.pem]", ROUTE("p.example"), { 0 }, 0 },
	{ "one more CA", "trust: [root.pem, other.pem]", ROUTE("p.example"), { 0 }, 0 },
	{ "another CA",
	  "trust: [other.pem]",
	  ROUTE("p.example"),
	  { "tls.trust partner:p.example [tls-unknown-ca]: partner p.example would no longer be trusted (issuer CN=Root), when we "
	    "connect to it: ",
	    "tls.trust partner:p.example [tls-unknown-ca]: partner p.example would no longer be trusted (issuer CN=Root), when it "
	    "connects: " },
	  2 },
	{ "longer keys",
	  "trust: [root.pem], min_key_bits: 8192",
	  ROUTE("p.example"),
	  { "[tls-weak-key]", "bits, less than" },
	  2 },
	{ "strict usage binds those who connect",
	  "trust: [root.pem], client_eku: strict",
	  ROUTE("p.example"),
	  { "[tls-usage]", "when it connects" },
	  1 },
	{ "a partner that is gone is no matter",
	  "trust: [other.pem]",
	  ROUTE("new.example"),
	  { "tls.trust not tested []: new.example: not tested" },
	  1 },
	{ "who was never seen is not tested",
	  "trust: [root.pem, other.pem]",
	  ROUTE("p.example") ROUTE("new.example"),
	  { "tls.trust not tested []: new.example: not tested, as no certificate of theirs was seen yet" },
	  1 },
};

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_trust(void **state)
{
	const struct cert_spec peer_spec = { .cn = "p.example",
					     .dns = { "p.example" },
					     .usages = { GNUTLS_KP_TLS_WWW_SERVER } };
	struct server *server;

	peer = cert_make(&peer_spec, &root);
	write_edge(&edge_spec, &root, NULL);
	write_config("trust: [root.pem]", ROUTE("p.example"));
	server = open_server();
	see(server, "partner:p.example", true);
	see(server, "partner:p.example", false);
	for (size_t i = 0; i < COUNT(trusts); i++) {
		const char *said;

		print_message("%s\n", trusts[i].name);
		write_config(trusts[i].tls, trusts[i].routes);
		said = say(server);
		assert_int_equal(count_lines(said), trusts[i].n_lines);
		for (size_t k = 0; k < 3 && trusts[i].want[k]; k++)
			assert_non_null(strstr(said, trusts[i].want[k]));
	}
	server_free(server);
	cert_free(&peer);
}

/* What was refused before is not news. */
static void test_expired_before(void **state)
{
	const struct cert_spec peer_spec = { .cn = "p.example",
					     .starts_in_s = -7200,
					     .ends_in_s = -3600 };
	struct server *server;

	peer = cert_make(&peer_spec, &root);
	write_edge(&edge_spec, &root, NULL);
	write_config("trust: [root.pem]", ROUTE("p.example"));
	server = open_server();
	see(server, "partner:p.example", true);
	write_config("trust: [other.pem]", ROUTE("p.example"));
	assert_string_equal(say(server), "");
	server_free(server);
	cert_free(&peer);
}

static const struct {
	const char *name;
	struct cert_spec spec;
	const struct cert *issuer, *sent;
	const char *want[2];
	unsigned n_lines;
} certificates[] = {
	{ "renewed", EDGE, &root, NULL, { 0 }, 0 },
	{ "names are lost",
	  { .cn = "edge",
	    .dns = { "x.corp.example" },
	    .usages = { GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_TLS_WWW_CLIENT } },
	  &root,
	  NULL,
	  { "certificate edge []: no longer names corp.example (a domain of ours), sip.corp.example (the name of listener wan); "
	    "partners who look for these refuse us" },
	  1 },
	{ "another issuer, whose chain is incomplete",
	  EDGE,
	  &middle,
	  &middle,
	  { "is issued by CN=Middle (was: CN=Root)",
	    "lacks the certificate of CN=Other Root, which stands at http://ca.example/root.cer" },
	  2 },
	{ "a key of another kind",
	  { .cn = "edge",
	    .dns = { "corp.example", "sip.corp.example", "x.corp.example" },
	    .rsa_bits = 2048,
	    .usages = { GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_TLS_WWW_CLIENT } },
	  &root,
	  NULL,
	  { "has a key of another kind, RSA 2048 (was: EC/ECDSA 256)" },
	  1 },
	{ "no clientAuth, as public CAs sell it",
	  { .cn = "edge",
	    .dns = { "corp.example", "sip.corp.example", "x.corp.example" },
	    .usages = { GNUTLS_KP_TLS_WWW_SERVER } },
	  &root,
	  NULL,
	  { "is no longer for clients (no clientAuth)" },
	  1 },
	{ "no serverAuth",
	  { .cn = "edge",
	    .dns = { "corp.example", "sip.corp.example", "x.corp.example" },
	    .usages = { GNUTLS_KP_TLS_WWW_CLIENT } },
	  &root,
	  NULL,
	  { "is no longer for servers (no serverAuth)" },
	  1 },
};

static void test_certificates(void **state)
{
	for (size_t i = 0; i < COUNT(certificates); i++) {
		struct server *server;
		const char *said;

		print_message("%s\n", certificates[i].name);
		write_edge(&edge_spec, &root, NULL);
		write_config("trust: [root.pem]", ROUTE("p.example"));
		server = open_server();
		write_edge(&certificates[i].spec, certificates[i].issuer, certificates[i].sent);
		said = say(server);
		assert_int_equal(count_lines(said), certificates[i].n_lines);
		for (size_t k = 0; k < 2 && certificates[i].want[k]; k++)
			assert_non_null(strstr(said, certificates[i].want[k]));
		server_free(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_expired_before),
		cmocka_unit_test(test_certificates),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
