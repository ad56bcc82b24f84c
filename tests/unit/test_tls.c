/* Handshakes, both ways: proxy/transport/tls*.c with stream.c. Every refusal is a row: what is
 * wrong, what each side says of it (field.md G4). */
#include "proxy/transport/tls.h"

#include "tests/unit/certs.h"
#include "tests/unit/sides.h"

#include <netinet/in.h>

#include "proxy/base/text.h"

enum { MAX_CHAIN = 4 };

/* The world of certificates; made once. */
static char folder[] = "/tmp/nuncio-tls-XXXXXX";
static struct cert root, intermediate, other_root, old_intermediate;
static struct report *report;

static struct loop *loop;
static struct side a, b; /* a dials, b accepts */

static const char *path_of(const char *name)
{
	static char paths[8][128];
	static unsigned i;
	char *path = paths[i++ % COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static int make_world(void **state)
{
	const struct cert_spec root_spec = { .cn = "Test Root",
					     .organisation = "Test Org",
					     .is_ca = true };
	const struct cert_spec intermediate_spec = { .cn = "Test Issuing CA",
						     .organisation = "Test Org",
						     .is_ca = true };
	const struct cert_spec old_spec = { .cn = "Old Issuing CA",
					    .organisation = "Test Org",
					    .is_ca = true,
					    .starts_in_s = -86400,
					    .ends_in_s = -3600 };
	const struct cert_spec other_spec = { .cn = "Other Root",
					      .organisation = "Other Org",
					      .is_ca = true };

	assert_non_null(mkdtemp(folder));
	root = cert_make(&root_spec, NULL);
	intermediate = cert_make(&intermediate_spec, &root);
	old_intermediate = cert_make(&old_spec, &root);
	other_root = cert_make(&other_spec, NULL);
	cert_write_crt(path_of("root.pem"), false, &root, GNUTLS_X509_FMT_PEM);
	cert_write_crt(path_of("other.pem"), false, &other_root, GNUTLS_X509_FMT_PEM);
	cert_write_crl(path_of("empty.crl"), &intermediate, NULL);
	assert_int_equal(report_new(&report), ERR_OK);
	return 0;
}

static int drop_world(void **state)
{
	char command[64];

	cert_free(&root);
	cert_free(&intermediate);
	cert_free(&old_intermediate);
	cert_free(&other_root);
	report = report_free(report);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* Our certificate with its key and what is sent beside it. */
struct ours {
	struct cert_spec spec;
	const struct cert *issuer;          /* NULL: self-signed */
	const struct cert *sent[MAX_CHAIN]; /* beside the leaf */
};

static struct credentials *load_ours(const struct ours *ours, struct cert *out_cert)
{
	struct cert cert = cert_make(&ours->spec, ours->issuer);
	struct settings_certificate settings = { .name = "edge",
						 .chain = { .path = path_of("edge.pem") },
						 .key = { .path = path_of("edge.key") } };
	struct credentials *credentials = NULL;

	cert_write_crt(settings.chain.path, false, &cert, GNUTLS_X509_FMT_PEM);
	for (unsigned i = 0; i < MAX_CHAIN && ours->sent[i]; i++)
		cert_write_crt(settings.chain.path, true, ours->sent[i], GNUTLS_X509_FMT_PEM);
	cert_write_key(settings.key.path, &cert);
	assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
	if (out_cert)
		*out_cert = cert;
	else
		cert_free(&cert);
	return credentials;
}

struct trusted {
	const char *anchor; /* file name; NULL: root.pem */
	const char *crl;
	unsigned min_key_bits;
	enum conf_eku eku;
	const char *priority;
};

static struct tls_trust *load_trust(const struct trusted *trusted, unsigned minimum)
{
	struct settings_file anchor = { .path = path_of(trusted->anchor ? trusted->anchor
									: "root.pem") };
	struct settings_file crl = { .path = trusted->crl ? path_of(trusted->crl) : NULL };
	struct settings_tls settings = {
		.minimum = minimum ? minimum : CONF_TLS_1_2,
		.trust = &anchor,
		.n_trust = 1,
		.crl = &crl,
		.n_crl = trusted->crl ? 1 : 0,
		.min_key_bits = trusted->min_key_bits ? trusted->min_key_bits : 2048,
		.client_eku = trusted->eku,
		.priority = trusted->priority ? trusted->priority : "",
	};
	struct tls_trust *trust = NULL;

	assert_int_equal(tls_trust_load(&settings, report, &trust), ERR_OK);
	return trust;
}

static int setup(void **state)
{
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	side_init(&b, loop, 0);
	return 0;
}

static int teardown(void **state)
{
	side_fini(&a);
	side_fini(&b);
	loop = loop_free(loop);
	return 0;
}

static const struct ours good_server = {
	.spec = { .cn = "sip.partner.example", .dns = { "sip.partner.example" } },
	.issuer = &intermediate,
	.sent = { &intermediate },
};
static const struct ours good_client = {
	.spec = { .cn = "sip.corp.example", .dns = { "sip.corp.example", "corp.example" } },
	.issuer = &intermediate,
	.sent = { &intermediate },
};

/* What a row changes; everything that it does not name is good. */
struct row {
	const char *name;
	struct ours server, client; /* spec.cn NULL: the good one */
	bool no_client_certificate;
	struct trusted server_trusts, client_trusts;
	enum conf_transport transport; /* of the listener; of the hop too, unless hop_is_tls */
	bool hop_is_tls;
	unsigned server_minimum, client_minimum;
	bool allow_wildcard;
	const char *host, *want_name; /* NULL: sip.partner.example */
	enum reason wants_server, wants_client;
	const char *server_verify, *client_verify; /* a part of the diagnosis' words */
};

static const struct row good[] = {
	{ .name = "tls", .transport = TRANSPORT_TLS },
	{ .name = "mtls", .transport = TRANSPORT_MTLS },
	{ .name = "mtls 1.2",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .priority = "-VERS-TLS1.3" } },
	{ .name = "mtls, 1.3 alone",
	  .transport = TRANSPORT_MTLS,
	  .server_minimum = CONF_TLS_1_3 },
	{ .name = "tls 1.1 where it is allowed",
	  .transport = TRANSPORT_TLS,
	  .server_minimum = CONF_TLS_1_1,
	  .client_minimum = CONF_TLS_1_1,
	  .client_trusts = { .priority = "-VERS-TLS1.3:-VERS-TLS1.2:+SIGN-RSA-SHA1:+SIGN-ECDSA-"
					 "SHA1:"
					 "%VERIFY_ALLOW_SIGN_WITH_SHA1" },
	  .server_trusts = { .priority = "+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1:%VERIFY_ALLOW_SIGN_"
					 "WITH_SHA1" } },
	{ .name = "wildcard where it is allowed",
	  .transport = TRANSPORT_MTLS,
	  .allow_wildcard = true,
	  .server = { .spec = { .cn = "x", .dns = { "*.partner.example" } },
		      .issuer = &intermediate,
		      .sent = { &intermediate } } },
	{ .name = "root and a stranger are sent too",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" },
		      .issuer = &intermediate,
		      .sent = { &intermediate, &root, &other_root } } },
	{ .name = "serverAuth alone is enough for a connecting server, G6",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .usages = { GNUTLS_KP_TLS_WWW_SERVER } },
		      .issuer = &root } },
	{ .name = "clientAuth, strict",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .eku = EKU_STRICT },
	  .client = { .spec = { .cn = "corp.example", .usages = { GNUTLS_KP_TLS_WWW_CLIENT } },
		      .issuer = &root } },
	{ .name = "sipDomain, sip (RFC 5924)",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .eku = EKU_SIP },
	  .client = { .spec = { .cn = "corp.example", .usages = { "1.3.6.1.5.5.7.3.20" } },
		      .issuer = &root } },
	{ .name = "no usage at all, sip",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .eku = EKU_SIP } },
	{ .name = "RSA 2048",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .rsa_bits = 2048 }, .issuer = &root } },
	{ .name = "CRL of the intermediate that names another",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .crl = "empty.crl" },
	  .client_trusts = { .crl = "empty.crl" } },
	{ .name = "address as host: no SNI", .transport = TRANSPORT_MTLS, .host = "127.0.0.1" },
};

static const struct row bad[] = {
	{ .name = "client: expired",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example",
				.starts_in_s = -7200,
				.ends_in_s = -3600 },
		      .issuer = &root },
	  .wants_server = REASON_TLS_EXPIRED,
	  .wants_client = REASON_TLS_PEER_EXPIRED,
	  .server_verify = "the leaf certificate expired on" },
	{ .name = "client: its intermediate expired",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" },
		      .issuer = &old_intermediate,
		      .sent = { &old_intermediate } },
	  .wants_server = REASON_TLS_EXPIRED,
	  .wants_client = REASON_TLS_PEER_EXPIRED,
	  .server_verify = "the intermediate certificate expired on" },
	{ .name = "client: not yet valid",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .starts_in_s = 3600, .ends_in_s = 7200 },
		      .issuer = &root },
	  .wants_server = REASON_TLS_NOT_YET_VALID,
	  .wants_client = REASON_TLS_PEER_EXPIRED,
	  .server_verify = "is not valid before" },
	{ .name = "client: no certificate, 1.3",
	  .transport = TRANSPORT_MTLS,
	  .no_client_certificate = true,
	  .wants_server = REASON_TLS_NO_CLIENT_CERTIFICATE,
	  .wants_client = REASON_TLS_PEER_WANTS_CERTIFICATE },
	{ .name = "client: no certificate, 1.2",
	  .transport = TRANSPORT_MTLS,
	  .no_client_certificate = true,
	  .server_trusts = { .priority = "-VERS-TLS1.3" },
	  .wants_server = REASON_TLS_NO_CLIENT_CERTIFICATE,
	  .wants_client = REASON_TLS_PEER_WANTS_CERTIFICATE },
	{ .name = "client: route says tls, listener mtls",
	  .transport = TRANSPORT_MTLS,
	  .hop_is_tls = true,
	  .wants_server = REASON_TLS_NO_CLIENT_CERTIFICATE,
	  .wants_client = REASON_TLS_PEER_WANTS_CERTIFICATE },
	{ .name = "client: unknown CA",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" }, .issuer = &other_root },
	  .wants_server = REASON_TLS_UNKNOWN_CA,
	  .wants_client = REASON_TLS_PEER_UNKNOWN_CA },
	{ .name = "client: unknown CA, 1.2",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" }, .issuer = &other_root },
	  .server_trusts = { .priority = "-VERS-TLS1.3" },
	  .wants_server = REASON_TLS_UNKNOWN_CA,
	  .wants_client = REASON_TLS_PEER_UNKNOWN_CA },
	{ .name = "client: self-signed",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" } },
	  .wants_server = REASON_TLS_SELF_SIGNED,
	  .wants_client = REASON_TLS_PEER_UNKNOWN_CA },
	{ .name = "client: incomplete chain",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example" }, .issuer = &intermediate },
	  .wants_server = REASON_TLS_INCOMPLETE_CHAIN,
	  .wants_client = REASON_TLS_PEER_UNKNOWN_CA,
	  .server_verify = "looks like an intermediate" },
	{ .name = "client: incomplete chain, by AIA",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .aia = "http://ca.example/ca.cer" },
		      .issuer = &other_root },
	  .wants_server = REASON_TLS_INCOMPLETE_CHAIN,
	  .wants_client = REASON_TLS_PEER_UNKNOWN_CA,
	  .server_verify = "AIA" },
	{ .name = "client: serverAuth alone, strict",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .eku = EKU_STRICT },
	  .client = { .spec = { .cn = "corp.example", .usages = { GNUTLS_KP_TLS_WWW_SERVER } },
		      .issuer = &root },
	  .wants_server = REASON_TLS_USAGE,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .server_verify = "serverAuth only" },
	{ .name = "client: clientAuth alone, sip",
	  .transport = TRANSPORT_MTLS,
	  .server_trusts = { .eku = EKU_SIP },
	  .client = { .spec = { .cn = "corp.example", .usages = { GNUTLS_KP_TLS_WWW_CLIENT } },
		      .issuer = &root },
	  .wants_server = REASON_TLS_USAGE,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE },
	{ .name = "client: mail certificate",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example",
				.usages = { GNUTLS_KP_EMAIL_PROTECTION } },
		      .issuer = &root },
	  .wants_server = REASON_TLS_USAGE,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE },
	{ .name = "client: weak key",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .rsa_bits = 1024 }, .issuer = &root },
	  .wants_server = REASON_TLS_WEAK_KEY,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .server_verify = "1024 bits" },
	{ .name = "client: weak signature",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .hash = GNUTLS_DIG_SHA1 },
		      .issuer = &root },
	  .wants_server = REASON_TLS_WEAK_SIGNATURE,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE },
	{ .name = "server: expired",
	  .transport = TRANSPORT_MTLS,
	  .server = { .spec = { .cn = "sip.partner.example",
				.starts_in_s = -7200,
				.ends_in_s = -3600 },
		      .issuer = &root },
	  .wants_server = REASON_TLS_PEER_EXPIRED,
	  .wants_client = REASON_TLS_EXPIRED },
	{ .name = "server: wrong name",
	  .transport = TRANSPORT_MTLS,
	  .want_name = "sip.other.example",
	  .wants_server = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .wants_client = REASON_TLS_NAME_MISMATCH },
	{ .name = "server: wildcard, RFC 5922 7.2",
	  .transport = TRANSPORT_MTLS,
	  .server = { .spec = { .cn = "x", .dns = { "*.partner.example" } }, .issuer = &root },
	  .wants_server = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .wants_client = REASON_TLS_WILDCARD },
	{ .name = "server: unknown CA",
	  .transport = TRANSPORT_TLS,
	  .client_trusts = { .anchor = "other.pem" },
	  .server = { .spec = { .cn = "sip.partner.example" },
		      .issuer = &root,
		      .sent = { &root } },
	  .wants_server = REASON_TLS_PEER_UNKNOWN_CA,
	  .wants_client = REASON_TLS_UNKNOWN_CA },
	{ .name = "server: self-signed",
	  .transport = TRANSPORT_TLS,
	  .server = { .spec = { .cn = "sip.partner.example" } },
	  .wants_server = REASON_TLS_PEER_UNKNOWN_CA,
	  .wants_client = REASON_TLS_SELF_SIGNED },
	{ .name = "server: client certificate only",
	  .transport = TRANSPORT_TLS,
	  .server = { .spec = { .cn = "sip.partner.example",
				.usages = { GNUTLS_KP_TLS_WWW_CLIENT } },
		      .issuer = &root },
	  .wants_server = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .wants_client = REASON_TLS_USAGE },
	{ .name = "server: weak key",
	  .transport = TRANSPORT_TLS,
	  .server = { .spec = { .cn = "sip.partner.example", .rsa_bits = 1024 },
		      .issuer = &root },
	  .wants_server = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .wants_client = REASON_TLS_WEAK_KEY },
	{ .name = "old version offered",
	  .transport = TRANSPORT_TLS,
	  .client_minimum = CONF_TLS_1_0,
	  .client_trusts = { .priority = "-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1" },
	  .wants_server = REASON_TLS_VERSION,
	  .wants_client = REASON_TLS_PEER_VERSION },
	{ .name = "1.3 asked, 1.2 offered",
	  .transport = TRANSPORT_TLS,
	  .server_minimum = CONF_TLS_1_3,
	  .client_trusts = { .priority = "-VERS-TLS1.3" },
	  .wants_server = REASON_TLS_VERSION,
	  .wants_client = REASON_TLS_PEER_VERSION },
	{ .name = "no common cipher, 1.3",
	  .transport = TRANSPORT_TLS,
	  .client_minimum = CONF_TLS_1_3,
	  .server_trusts = { .priority = "-CIPHER-ALL:+AES-256-GCM" },
	  .client_trusts = { .priority = "-CIPHER-ALL:+CHACHA20-POLY1305" },
	  .wants_server = REASON_TLS_NO_CIPHER,
	  .wants_client = REASON_TLS_PEER_NO_CIPHER },
	{ .name = "no common cipher, 1.2",
	  .transport = TRANSPORT_TLS,
	  .server_trusts = { .priority = "-VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM" },
	  .client_trusts = { .priority = "-VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305" },
	  .wants_server = REASON_TLS_NO_CIPHER,
	  .wants_client = REASON_TLS_PEER_NO_CIPHER },
};

struct world {
	struct credentials *server, *client;
	struct tls_trust *server_trust, *client_trust;
	struct listener *listener;
	struct hop hop;
};

static struct world make(const struct row *row)
{
	struct world world = {
		.server = load_ours(row->server.spec.cn ? &row->server : &good_server, NULL),
		.client = load_ours(row->client.spec.cn ? &row->client : &good_client, NULL),
		.server_trust = load_trust(&row->server_trusts, row->server_minimum),
		.client_trust = load_trust(&row->client_trusts, row->client_minimum),
		.listener = side_listener("127.0.0.1", row->transport, 0, NULL, 1),
	};

	world.listener->certificates[world.listener->n_certificates++] =
		credentials_ref(world.server);
	world.listener->trust = tls_trust_ref(world.server_trust);
	if (row->server_minimum)
		world.listener->tls_minimum = row->server_minimum;
	world.hop = side_hop(world.listener, NULL);
	if (row->hop_is_tls)
		world.hop.transport = TRANSPORT_TLS;
	world.hop.credentials = row->no_client_certificate ? NULL : world.client;
	world.hop.trust = world.client_trust;
	world.hop.allow_wildcard = row->allow_wildcard;
	world.hop.tls_minimum = row->client_minimum ? row->client_minimum : CONF_TLS_1_2;
	world.hop.names[world.hop.n_names++] =
		row->want_name ? row->want_name : "sip.partner.example";
	if (row->host)
		snprintf(world.hop.host, sizeof(world.hop.host), "%s", row->host);
	assert_int_equal(transport_listen(b.transport, &world.listener, 1), ERR_OK);
	return world;
}

static void drop(struct world *world)
{
	assert_int_equal(transport_listen(b.transport, NULL, 0), ERR_OK);
	listener_unref(world->listener);
	credentials_unref(world->server);
	credentials_unref(world->client);
	tls_trust_unref(world->server_trust);
	tls_trust_unref(world->client_trust);
}

/* Waits until both sides have told how it went. */
static bool have_told(void)
{
	uint64_t end_ms = side_clock_ms() + 5000;

	while ((a.n_handshakes == 0 || b.n_handshakes == 0) && side_clock_ms() < end_ms)
		loop_turn(loop, 0);
	side_settle(loop);
	return a.n_handshakes == 1 && b.n_handshakes == 1;
}

/* What a row's handshake came to; false, and a line for each difference, if it is not what the
 * row wants. */
static bool came_as_wanted(const struct row *row)
{
	bool is_good = have_told();

	print_message("  server: %s\n  client: %s\n", b.diagnosis.text, a.diagnosis.text);
	if (b.diagnosis.reason != row->wants_server || a.diagnosis.reason != row->wants_client)
		is_good = false;
	if (!strstr(b.diagnosis.verify, row->server_verify ? row->server_verify : ""))
		is_good = false;
	if (!is_good)
		print_error("  wanted: server %s (%s), client %s; reports %u, %u\n",
			    reason_code(row->wants_server),
			    row->server_verify ? row->server_verify : "",
			    reason_code(row->wants_client), b.n_handshakes, a.n_handshakes);
	return is_good;
}

/* The request that waited for the handshake: it ended with the handshake's reason, or, where
 * TLS 1.3 let us send before we were refused, its flow did. */
static void check_request_was_told(enum reason wanted)
{
	struct flow_user nobody = { 0 };

	assert_int_equal(a.n_ended, 1);
	if (a.ended_err != ERR_OK) {
		assert_int_equal(a.ended_err, ERR_TLS);
		assert_int_equal(a.ended_reason, wanted);
		return;
	}
	assert_int_equal(flow_watch(a.sending.flow, &nobody, NULL), ERR_CLOSED);
	assert_int_equal(a.sending.flow->end_err, ERR_TLS);
	assert_int_equal(a.sending.flow->end_reason, wanted);
	assert_int_equal(a.closed_reason, wanted);
}

static void test_good_handshakes(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(good); i++) {
		const struct row *row = &good[i];

		print_message("%s\n", row->name);
		setup(NULL);
		struct world world = make(row);
		b.responds = true;
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		if (came_as_wanted(row)) {
			UNTIL(loop, a.n_responses == 1 && a.n_ended == 1);
			assert_int_equal(a.ended_err, ERR_OK);
			assert_true(a.diagnosis.version[0] && a.diagnosis.cipher[0]);
			assert_non_null(a.last_flow->identity);
			assert_int_equal(b.last_flow->identity != NULL,
					 row->transport == TRANSPORT_MTLS);
			assert_string_equal(b.diagnosis.sni,
					    row->host ? "" : "sip.partner.example");
		} else {
			n_wrong++;
		}
		drop(&world);
		teardown(NULL);
	}
	assert_int_equal(n_wrong, 0);
}

static void test_refusals(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(bad); i++) {
		print_message("%s\n", bad[i].name);
		setup(NULL);
		struct world world = make(&bad[i]);
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		if (came_as_wanted(&bad[i])) {
			check_request_was_told(bad[i].wants_client);
			assert_int_equal(b.n_messages, 0);
			assert_int_equal(b.n_charged, 0);
			assert_true(strlen(a.diagnosis.text) > 40 &&
				    strlen(b.diagnosis.text) > 40);
		} else {
			n_wrong++;
		}
		drop(&world);
		teardown(NULL);
	}
	assert_int_equal(n_wrong, 0);
}

/* Waits for the handshake that a stranger on a raw socket spoils. */
static void check_spoilt(enum reason wanted)
{
	UNTIL(loop, b.n_handshakes == 1);
	print_message("  %s\n", b.diagnosis.text);
	assert_string_equal(reason_code(b.diagnosis.reason), reason_code(wanted));
	side_settle(loop);
	assert_int_equal(b.n_opened + b.n_closed, 0);
	assert_int_equal(b.n_charged, 0);
	assert_true(b.diagnosis.is_inbound);
}

static const struct row plain_mtls = { .name = "", .transport = TRANSPORT_MTLS };

static const struct {
	const char *name, *bytes;
	size_t len;
	bool closes;
	uint64_t wait_ms;
	enum reason wanted;
} strangers[] = {
	{ "plain SIP on a TLS port", "OPTIONS sip:a SIP/2.0\r\n", 23, false, 0,
	  REASON_TLS_NOT_TLS },
	{ "SSL 2 hello", "\x80\x2e\x01\x00\x02", 5, false, 0, REASON_TLS_VERSION },
	{ "nothing at all", "", 0, false, 5000, REASON_TLS_TIMEOUT },
	{ "half a hello", "\x16\x03\x01\x01\x00\x01", 6, false, 5000, REASON_TLS_TIMEOUT },
	{ "closes at once", "", 0, true, 0, REASON_TLS_PEER_CLOSED },
	{ "closes in the hello", "\x16\x03\x01\x01\x00\x01", 6, true, 0,
	  REASON_TLS_PEER_CLOSED },
	{ "an alert as its first word", "\x15\x03\x01\x00\x02\x02\x30", 7, false, 0,
	  REASON_TLS_NOT_TLS },
};

static void test_strangers_on_a_tls_port(void **state)
{
	for (size_t i = 0; i < COUNT(strangers); i++) {
		print_message("%s\n", strangers[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		int fd = side_connect(&world.listener->addr);
		if (strangers[i].len > 0)
			assert_true(send(fd, strangers[i].bytes, strangers[i].len, 0) > 0);
		if (strangers[i].closes)
			assert_int_equal(close(fd), 0);
		UNTIL(loop, b.n_charged == 1 || b.n_handshakes == 1);
		side_settle(loop);
		if (strangers[i].wait_ms > 0) {
			loop_turn(loop, strangers[i].wait_ms - 1);
			assert_int_equal(b.n_handshakes, 0);
			loop_turn(loop, 1);
		}
		check_spoilt(strangers[i].wanted);
		if (!strangers[i].closes)
			close(fd);
		drop(&world);
		teardown(NULL);
	}
}

static const struct {
	const char *name, *bytes;
	size_t len;
	bool closes;
	enum reason wanted;
} servers[] = {
	{ "a server without TLS", "SIP/2.0 400 Bad\r\n", 17, false, REASON_TLS_PEER_NOT_TLS },
	{ "a server that closes", "", 0, true, REASON_TLS_PEER_CLOSED },
	{ "a server that hangs", "", 0, false, REASON_TLS_TIMEOUT },
	{ "unrecognized_name", "\x15\x03\x03\x00\x02\x02\x70", 7, false,
	  REASON_TLS_PEER_UNKNOWN_NAME },
	{ "access_denied", "\x15\x03\x03\x00\x02\x02\x31", 7, false,
	  REASON_TLS_PEER_ACCESS_DENIED },
	{ "certificate_revoked", "\x15\x03\x03\x00\x02\x02\x2c", 7, false,
	  REASON_TLS_PEER_REVOKED },
	{ "internal_error", "\x15\x03\x03\x00\x02\x02\x50", 7, false, REASON_TLS_ALERT },
};

static void test_strange_servers(void **state)
{
	for (size_t i = 0; i < COUNT(servers); i++) {
		char bytes[4096];

		print_message("%s\n", servers[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		struct listener *plain = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
		world.hop.remote = plain->addr;
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		side_settle(loop);
		int fd = accept(plain->fds[0], NULL, NULL);
		assert_true(fd >= 0);
		UNTIL(loop, side_recv(fd, bytes, sizeof(bytes)) > 0); /* its hello */
		if (servers[i].len > 0)
			assert_true(send(fd, servers[i].bytes, servers[i].len, 0) > 0);
		if (servers[i].closes)
			assert_int_equal(close(fd), 0);
		side_settle(loop);
		if (servers[i].wanted == REASON_TLS_TIMEOUT)
			loop_turn(loop, 5000);
		UNTIL(loop, a.n_handshakes == 1 && a.n_ended == 1);
		print_message("  %s\n", a.diagnosis.text);
		assert_string_equal(reason_code(a.diagnosis.reason),
				    reason_code(servers[i].wanted));
		assert_string_equal(a.diagnosis.peer, "partner.example");
		assert_string_equal(a.diagnosis.sni, "sip.partner.example");
		assert_int_equal(a.ended_err, ERR_TLS);
		assert_int_equal(a.ended_reason, servers[i].wanted);
		if (!servers[i].closes)
			close(fd);
		listener_unref(plain);
		drop(&world);
		teardown(NULL);
	}
}

/* GnuTLS's plain loader refuses the CRL of an intermediate; ours must not. */
static void test_revoked_by_its_intermediate(void **state)
{
	struct row row = { .transport = TRANSPORT_MTLS,
			   .server_trusts = { .crl = "bad.crl" },
			   .wants_server = REASON_TLS_REVOKED,
			   .wants_client = REASON_TLS_PEER_REVOKED,
			   .server_verify = "the leaf certificate is revoked" };
	struct cert cert;

	setup(NULL);
	struct credentials *client = load_ours(&good_client, &cert);
	cert_write_crl(path_of("bad.crl"), &intermediate, &cert);
	struct world world = make(&row);
	world.hop.credentials = client;
	assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
	assert_true(came_as_wanted(&row));
	assert_string_equal(b.diagnosis.failed_subject, "CN=sip.corp.example");
	check_request_was_told(REASON_TLS_PEER_REVOKED);
	credentials_unref(client);
	cert_free(&cert);
	drop(&world);
	teardown(NULL);
}

static const struct {
	const char *name, *sni, *want;
} asked[] = {
	{ "first one", "sip.partner.example", "sip.partner.example" },
	{ "second one", "sip.second.example", "sip.second.example" },
	{ "by wildcard of our own", "any.third.example", "*.third.example" },
	{ "unknown: the preset", "sip.fourth.example", "sip.partner.example" },
	{ "none: the preset", "127.0.0.1", "sip.partner.example" },
};

static void test_certificate_by_sni(void **state)
{
	const struct ours second = { .spec = { .dns = { "sip.second.example" } },
				     .issuer = &root };
	const struct ours third = { .spec = { .dns = { "*.third.example" } }, .issuer = &root };

	for (size_t i = 0; i < COUNT(asked); i++) {
		print_message("%s\n", asked[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		world.listener->certificates[world.listener->n_certificates++] =
			load_ours(&second, NULL);
		world.listener->certificates[world.listener->n_certificates++] =
			load_ours(&third, NULL);
		snprintf(world.hop.host, sizeof(world.hop.host), "%s", asked[i].sni);
		world.hop.names[0] = asked[i].want[0] == '*' ? asked[i].sni : asked[i].want;
		world.hop.allow_wildcard = true;
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		UNTIL(loop, a.n_ended == 1 && b.n_handshakes == 1);
		assert_int_equal(a.ended_err, ERR_OK);
		assert_string_equal(a.sending.flow->identity->names[0].text, asked[i].want);
		drop(&world);
		teardown(NULL);
	}
}

/* A reload that loads the same files keeps the connection; another certificate of ours makes a
 * new one (field.md pitfall 11). */
static void test_pool_compares_certificates(void **state)
{
	struct trusted again = { 0 }, tighter = { .min_key_bits = 3072 };
	struct settings_certificate same = { .name = "edge",
					     .chain = { .path = path_of("edge.pem") },
					     .key = { .path = path_of("edge.key") } };
	struct credentials *other;

	setup(NULL);
	struct world world = make(&plain_mtls);
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(credentials_load(&same, report, &other),
			 ERR_OK); /* make() wrote the client's last */
	struct tls_trust *other_trust = load_trust(&again, 0);
	world.hop.credentials = other;
	world.hop.trust = other_trust;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 2);
	assert_int_equal(a.n_opened, 1);
	credentials_unref(other);

	other = load_ours(&good_client, NULL); /* a new key */
	world.hop.credentials = other;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 3);
	assert_int_equal(a.n_opened, 2);
	tls_trust_unref(other_trust);

	other_trust = load_trust(&tighter, 0); /* other policy */
	world.hop.trust = other_trust;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 4);
	assert_int_equal(a.n_opened, 3);

	world.hop.names[0] = "sip.elsewhere.example"; /* names are asked anew each time */
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 5);
	assert_int_equal(a.ended_reason, REASON_TLS_NAME_MISMATCH);
	credentials_unref(other);
	tls_trust_unref(other_trust);
	drop(&world);
	teardown(NULL);
}

/* RFC 5923: a connection that a partner made carries our requests to it, if it has proved the
 * name. */
static void test_accepted_connection_is_reused(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);
	struct hop back = side_hop(world.listener, NULL);

	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	back.credentials = world.server;
	back.trust = world.server_trust;
	back.names[0] = "corp.example";
	back.n_names = 1;
	addr_set_port(&back.remote, 9); /* nobody listens there */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 1);
	assert_int_equal(b.ended_err, ERR_OK);
	UNTIL(loop, a.n_messages == 1);
	assert_int_equal(b.n_opened, 1);

	back.names[0] = "other.example"; /* not proved */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 2);
	assert_int_equal(b.ended_err, ERR_REFUSED);

	back.names[0] = "corp.example";
	back.credentials = world.client; /* we would show another certificate */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 3);
	assert_int_equal(b.ended_err, ERR_REFUSED);

	back.credentials = world.server;
	assert_int_equal(addr_parse("127.0.0.5", 9, &back.remote), ERR_OK); /* another host */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 4);
	assert_int_equal(b.ended_err, ERR_REFUSED);
	drop(&world);
	teardown(NULL);
}

/* RFC 5923 section 9.3 */
static void test_closes_when_its_certificate_expires(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);
	struct transport_limits patient = { .message_bytes = 65536,
					    .queue_bytes = 65536,
					    .connections = 10,
					    .connect_ms = 5000,
					    .handshake_ms = 5000,
					    .first_message_ms = 5000,
					    .idle_ms = UINT64_C(1) << 50,
					    .write_stall_ms = 5000,
					    .connections_per_hop = 1 };

	transport_set_limits(a.transport, &patient);
	transport_set_limits(b.transport, &patient);
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	uint64_t now_s = loop_wall_us(loop) / 1000000;
	uint64_t left_s = (uint64_t)b.last_flow->identity->not_after - now_s;
	loop_turn(loop, (left_s - 1) * 1000);
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 2000);
	assert_int_equal(b.n_closed, 1);
	assert_int_equal(b.closed_reason, REASON_TLS_EXPIRED);
	drop(&world);
	teardown(NULL);
}

static void test_large_messages_over_tls(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);

	b.responds = true;
	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(side_send(&a, &world.hop, "c", 60000), ERR_OK);
		UNTIL(loop, a.n_ended == i && a.n_responses == i);
	}
	assert_int_equal(a.n_opened, 1);
	assert_true(a.last_len > 60000);
	drop(&world);
	teardown(NULL);
}

/* The reason a session of a tls listener may not be resumed at an mtls one: no tickets there.
 */
static void test_ticket_does_not_replace_a_certificate(void **state)
{
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t ticket = { 0 };
	int result;

	setup(NULL);
	struct world world = make(&(struct row){ .transport = TRANSPORT_TLS });
	struct listener *mutual = side_listener("127.0.0.1", TRANSPORT_MTLS, 0, NULL, 1);
	mutual->certificates[mutual->n_certificates++] = credentials_ref(world.server);
	mutual->trust = tls_trust_ref(world.server_trust); /* the same ticket key */
	struct listener *both[] = { world.listener, mutual };
	assert_int_equal(transport_listen(b.transport, both, 2), ERR_OK);
	CERT_OK(gnutls_certificate_allocate_credentials(&credentials));

	for (unsigned i = 0; i < 2; i++) {
		int fd = side_connect(&both[i]->addr);
		CERT_OK(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
		/* TLS 1.2: there the ticket comes before the handshake's end */
		CERT_OK(gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.2",
						   NULL));
		CERT_OK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
		if (ticket.data)
			CERT_OK(gnutls_session_set_data(session, ticket.data, ticket.size));
		gnutls_transport_set_int(session, fd);
		struct timeval patience = { .tv_usec = 1000 };
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
			0);
		uint64_t end_ms = side_clock_ms() + 5000;
		do {
			loop_turn(loop, 0);
			result = gnutls_handshake(session);
		} while (result < 0 && !gnutls_error_is_fatal(result) &&
			 side_clock_ms() < end_ms);
		UNTIL(loop, b.n_handshakes == i + 1);
		if (i == 0) {
			assert_int_equal(result, 0);
			CERT_OK(gnutls_session_get_data2(session, &ticket));
		} else {
			assert_true(result < 0);
			assert_int_equal(b.diagnosis.reason, REASON_TLS_NO_CLIENT_CERTIFICATE);
		}
		gnutls_deinit(session);
		close(fd);
	}
	gnutls_free(ticket.data);
	gnutls_certificate_free_credentials(credentials);
	listener_unref(mutual);
	drop(&world);
	teardown(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_handshakes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_strangers_on_a_tls_port),
		cmocka_unit_test(test_strange_servers),
		cmocka_unit_test(test_revoked_by_its_intermediate),
		cmocka_unit_test(test_certificate_by_sni),
		cmocka_unit_test(test_pool_compares_certificates),
		cmocka_unit_test(test_accepted_connection_is_reused),
		cmocka_unit_test(test_closes_when_its_certificate_expires),
		cmocka_unit_test(test_large_messages_over_tls),
		cmocka_unit_test(test_ticket_does_not_replace_a_certificate),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
