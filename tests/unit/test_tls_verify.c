/* Handshakes that go well and such that are refused, as rows: what is wrong, and what each side
 * says of it (field.md G4, G6): tls_verify.c, tls_outcome.c. */
#include "tests/unit/tls_world.h"

#include "proxy/transport/tls_verify.h"

static char long_url[16 * 1024]; /* filled in main */

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
	{ .name = "client: a certificate that takes long to read",
	  .transport = TRANSPORT_MTLS,
	  .client = { .spec = { .cn = "corp.example", .aia = long_url }, .issuer = &root },
	  .wants_server = REASON_TLS_BAD_CERTIFICATE,
	  .wants_client = REASON_TLS_PEER_BAD_CERTIFICATE,
	  .server_verify = "are too many" },
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

/* What the record holds beside the reason. */
static void test_failures_are_described(void **state)
{
	static const struct row rows[] = {
		{ .name = "expired",
		  .transport = TRANSPORT_MTLS,
		  .client = { .spec = { .cn = "corp.example",
					.starts_in_s = -7200,
					.ends_in_s = -3600 },
			      .issuer = &root },
		  .wants_server = REASON_TLS_EXPIRED,
		  .wants_client = REASON_TLS_PEER_EXPIRED },
		{ .name = "valid in an hour: a clock is wrong",
		  .transport = TRANSPORT_MTLS,
		  .client = { .spec = { .cn = "corp.example",
					.starts_in_s = 3600,
					.ends_in_s = 7200 },
			      .issuer = &root },
		  .wants_server = REASON_TLS_NOT_YET_VALID,
		  .wants_client = REASON_TLS_PEER_EXPIRED,
		  .server_verify = "most likely a clock is wrong" },
		{ .name = "an issuer that can be fetched",
		  .transport = TRANSPORT_MTLS,
		  .client = { .spec = { .cn = "corp.example",
					.aia = "http://ca.example/ca.cer" },
			      .issuer = &other_root },
		  .wants_server = REASON_TLS_INCOMPLETE_CHAIN,
		  .wants_client = REASON_TLS_PEER_UNKNOWN_CA },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		setup(NULL);
		struct world world = make(&rows[i]);
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		assert_true(came_as_wanted(&rows[i]));
		assert_string_equal(b.diagnosis.failed_sha256,
				    credentials_identity(world.client)->sha256);
		assert_int_equal(b.diagnosis.failed_not_after,
				 credentials_identity(world.client)->not_after);
		assert_int_equal(b.diagnosis.failed_not_before,
				 credentials_identity(world.client)->not_before);
		assert_true(b.diagnosis.failed_serial[0]);
		assert_string_equal(b.diagnosis.issuer_url,
				    rows[i].client.spec.aia ? "http://ca.example/ca.cer" : "");
		assert_string_equal(b.diagnosis.offered, "TLS1.3, TLS1.2");
		/* Both sides know what they showed themselves. */
		assert_string_equal(a.diagnosis.our_names, "corp.example");
		assert_string_equal(b.diagnosis.our_names, "sip.partner.example");
		assert_string_equal(b.diagnosis.our_issuer, "O=Test Org,CN=Test Issuing CA");
		drop(&world);
		teardown(NULL);
	}
}

static void test_a_far_start_is_no_wrong_clock(void **state)
{
	const struct row row = { .transport = TRANSPORT_MTLS,
				 .client = { .spec = { .cn = "corp.example",
						       .starts_in_s = 90000,
						       .ends_in_s = 99999 },
					     .issuer = &root },
				 .wants_server = REASON_TLS_NOT_YET_VALID,
				 .wants_client = REASON_TLS_PEER_EXPIRED };

	setup(NULL);
	struct world world = make(&row);
	assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
	assert_true(came_as_wanted(&row));
	assert_null(strstr(b.diagnosis.verify, "clock"));
	drop(&world);
	teardown(NULL);
}

static void test_offered_versions(void **state)
{
	const struct row row = {
		.transport = TRANSPORT_TLS,
		.client_minimum = CONF_TLS_1_0,
		.client_trusts = { .priority = "-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1" },
		.wants_server = REASON_TLS_VERSION,
		.wants_client = REASON_TLS_PEER_VERSION,
	};

	setup(NULL);
	struct world world = make(&row);
	assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
	assert_true(came_as_wanted(&row));
	assert_string_equal(b.diagnosis.offered, "TLS1.1 at most");
	assert_non_null(strstr(b.diagnosis.text, "It offers: TLS1.1 at most."));
	drop(&world);
	teardown(NULL);
}

/* What a partner showed is kept, and judged again under another trust. */
static void test_chains_are_kept(void **state)
{
	static const struct {
		const char *name;
		struct trusted trusted;
		enum reason want_in, want_out;
	} rows[] = {
		{ "the same", { 0 }, REASON_NONE, REASON_NONE },
		{ "another CA",
		  { .anchor = "other.pem" },
		  REASON_TLS_UNKNOWN_CA,
		  REASON_TLS_UNKNOWN_CA },
		{ "its CRL, which names nobody",
		  { .crl = "empty.crl" },
		  REASON_NONE,
		  REASON_NONE },
		{ "longer keys",
		  { .min_key_bits = 15360 },
		  REASON_TLS_WEAK_KEY,
		  REASON_TLS_WEAK_KEY },
		{ "strict usage binds clients",
		  { .eku = EKU_STRICT },
		  REASON_TLS_USAGE,
		  REASON_NONE },
	};
	struct row row = { .transport = TRANSPORT_MTLS };
	struct peer_chain *in, *out;

	setup(NULL);
	struct world world = make(&row);
	b.responds = true;
	assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
	assert_true(came_as_wanted(&row));
	UNTIL(loop, a.n_responses == 1);
	assert_int_equal(flow_peer_chain(b.last_flow, &in), ERR_OK);
	assert_int_equal(flow_peer_chain(a.last_flow, &out), ERR_OK);
	assert_true(in->is_inbound && !out->is_inbound);
	assert_int_equal(in->n, 2);
	/* made first, ends first */
	assert_int_equal(in->not_after, gnutls_x509_crt_get_expiration_time(intermediate.crt));
	drop(&world);
	teardown(NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_trust *trust = load_trust(&rows[i].trusted, 0);
		struct tls_diagnosis diagnosis = { 0 };

		print_message("%s\n", rows[i].name);
		assert_int_equal(tls_verify_again(in, trust, &diagnosis), rows[i].want_in);
		if (rows[i].want_in)
			assert_true(diagnosis.verify[0] && diagnosis.failed_subject[0] &&
				    diagnosis.failed_issuer[0]);
		assert_int_equal(tls_verify_again(out, trust, &diagnosis), rows[i].want_out);
		tls_trust_unref(trust);
	}
	peer_chain_unref(in);
	peer_chain_unref(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_handshakes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_revoked_by_its_intermediate),
		cmocka_unit_test(test_failures_are_described),
		cmocka_unit_test(test_a_far_start_is_no_wrong_clock),
		cmocka_unit_test(test_offered_versions),
		cmocka_unit_test(test_chains_are_kept),
	};

	memset(long_url, 'u', sizeof(long_url) - 1);
	return cmocka_run_group_tests(tests, make_world, drop_world);
}
