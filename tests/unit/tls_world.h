/* Two transports, a dials and b accepts, with certificates of their own making: what a
 * handshake needs, and what is changed for one row of a test. Included by the tests of one
 * program each, hence static inline. */
#pragma once

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

static inline const char *path_of(const char *name)
{
	static char paths[8][128];
	static unsigned i;
	char *path = paths[i++ % COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline int make_world(void **state)
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

static inline int drop_world(void **state)
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

static inline struct credentials *load_ours(const struct ours *ours, struct cert *out_cert)
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

static inline struct tls_trust *load_trust(const struct trusted *trusted, unsigned minimum)
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

static inline int setup(void **state)
{
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	side_init(&a, loop, 0);
	side_init(&b, loop, 0);
	return 0;
}

static inline int teardown(void **state)
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

struct world {
	struct credentials *server, *client;
	struct tls_trust *server_trust, *client_trust;
	struct listener *listener;
	struct hop hop;
};

static inline struct world make(const struct row *row)
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

static inline void drop(struct world *world)
{
	assert_int_equal(transport_listen(b.transport, NULL, 0), ERR_OK);
	listener_unref(world->listener);
	credentials_unref(world->server);
	credentials_unref(world->client);
	tls_trust_unref(world->server_trust);
	tls_trust_unref(world->client_trust);
}

/* Waits until both sides have told how it went. */
static inline bool have_told(void)
{
	uint64_t end_ms = side_clock_ms() + 5000;

	while ((a.n_handshakes == 0 || b.n_handshakes == 0) && side_clock_ms() < end_ms)
		loop_turn(loop, 0);
	side_settle(loop);
	return a.n_handshakes == 1 && b.n_handshakes == 1;
}

/* What a row's handshake came to; false, and a line for each difference, if it is not what the
 * row wants. */
static inline bool came_as_wanted(const struct row *row)
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
static inline void check_request_was_told(enum reason wanted)
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
