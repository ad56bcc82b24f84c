/* What a look at a server sees of it, whatever traffic would say: tls_look.c. */
#include "proxy/transport/tls_look.h"

#include "tests/unit/tls_world.h"

static void pump(struct tls_session *from, struct tls_session *to, enum tls_step *step)
{
	size_t len = 0;
	const void *bytes = tls_session_output(from, &len);

	if (len == 0)
		return;
	tls_session_feed(to, bytes, len);
	*step = tls_session_handshake(to);
	tls_session_sent(from, len);
}

/* clang-format off: rows are laid out by hand */
static const struct look_row {
	const char *name;
	struct ours server;
	const char *anchor, *want_name;
	enum conf_tls_version only;
	enum tls_step step;
	enum reason verdict;
	const char *want; /* "sent path flags" */
} rows[] = {
	{ "a good one",
	  { .spec.cn = NULL },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_NONE,
	  "2 2 trusted" },
	{ "TLS 1.3 alone",
	  { .spec.cn = NULL },
	  NULL,
	  NULL,
	  CONF_TLS_1_3,
	  TLS_DONE,
	  REASON_NONE,
	  "2 2 trusted" },
	{ "TLS 1.1 alone is refused",
	  { .spec.cn = NULL },
	  NULL,
	  NULL,
	  CONF_TLS_1_1,
	  TLS_FAILED,
	  REASON_NONE,
	  "0 0" },
	{ "another name",
	  { .spec.cn = NULL },
	  NULL,
	  "else.example",
	  0,
	  TLS_DONE,
	  REASON_TLS_NAME_MISMATCH,
	  "2 2 trusted" },
	{ "expired",
	  { .spec = { .cn = "x",
		      .dns = { "sip.partner.example" },
		      .starts_in_s = -7200,
		      .ends_in_s = -3600 },
	    .issuer = &intermediate,
	    .sent = { &intermediate } },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_TLS_EXPIRED,
	  "2 2 trusted expired" },
	{ "without its intermediate",
	  { .spec = { .cn = "x", .organisation = "Test Org", .dns = { "sip.partner.example" } },
	    .issuer = &intermediate },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_TLS_INCOMPLETE_CHAIN,
	  "1 1 incomplete" },
	{ "without it, but we trust the intermediate itself",
	  { .spec = { .cn = "x", .dns = { "sip.partner.example" } }, .issuer = &intermediate },
	  "middle.pem",
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_NONE,
	  "1 1 trusted incomplete" },
	{ "its root is not sent by us, whatever the file has",
	  { .spec = { .cn = "x", .dns = { "sip.partner.example" } },
	    .issuer = &root,
	    .sent = { &root } },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_NONE,
	  "1 1 trusted" },
	{ "of a CA that we do not know",
	  { .spec = { .cn = "x", .dns = { "sip.partner.example" } }, .issuer = &other_root },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_TLS_UNKNOWN_CA,
	  "1 1" },
	{ "self-signed",
	  { .spec = { .cn = "x", .dns = { "sip.partner.example" } } },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_TLS_SELF_SIGNED,
	  "1 1 self-signed" },
	{ "a weak key",
	  { .spec = { .cn = "x", .dns = { "sip.partner.example" }, .rsa_bits = 1024 },
	    .issuer = &root },
	  NULL,
	  NULL,
	  0,
	  TLS_DONE,
	  REASON_TLS_WEAK_KEY,
	  "1 1 trusted weak" },
};
/* clang-format on */

static void describe(const struct tls_look *look, char *out, size_t size)
{
	const struct tls_shown *leaf = &look->path[0];

	snprintf(out, size, "%u %u%s%s%s%s%s%s", look->n_sent, look->n,
		 look->is_trusted ? " trusted" : "", look->is_incomplete ? " incomplete" : "",
		 look->has_root ? " root" : "", leaf->is_self_signed ? " self-signed" : "",
		 look->n && leaf->not_after < time(NULL) ? " expired" : "",
		 leaf->has_weak_key ? " weak" : "");
}

static void check(const struct look_row *row)
{
	struct row plain = { .transport = TRANSPORT_MTLS,
			     .server = row->server,
			     .client_trusts = { .anchor = row->anchor },
			     .want_name = row->want_name };
	struct world world = make(&plain);
	struct tls_session *client, *server;
	enum tls_step ours = TLS_AGAIN, theirs = TLS_AGAIN;
	char seen[128];

	assert_int_equal(tls_session_look(&world.hop, row->only, &client), ERR_OK);
	assert_int_equal(tls_session_accept(world.listener, &world.hop.remote, &server),
			 ERR_OK);
	ours = tls_session_handshake(client);
	for (int i = 0; i < 10 && ours == TLS_AGAIN; i++) {
		pump(client, server, &theirs);
		pump(server, client, &ours);
	}
	describe(tls_session_seen(client), seen, sizeof(seen));
	if (ours != row->step || tls_session_seen(client)->verdict != row->verdict ||
	    strcmp(seen, row->want) != 0)
		fail_msg("%s: step %d, %s, '%s', not '%s'", row->name, (int)ours,
			 reason_code(tls_session_seen(client)->verdict), seen, row->want);
	if (ours == TLS_DONE)
		assert_int_equal(tls_session_diagnosis(client)->reason, REASON_NONE);
	tls_session_free(client);
	tls_session_free(server);
	drop(&world);
}

static void test_looks(void **state)
{
	cert_write_crt(path_of("middle.pem"), false, &intermediate, GNUTLS_X509_FMT_PEM);
	for (size_t i = 0; i < COUNT(rows); i++) {
		setup(NULL);
		check(&rows[i]);
		teardown(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
