/* What is loaded of our certificates and of whom we trust: credentials.c, certificate_file.c,
 * tls_trust.c. */
#include "proxy/transport/credentials.h"

#include "tests/unit/certs.h"

#include <gnutls/pkcs12.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/report.h"
#include "proxy/base/macros.h"
#include "proxy/transport/credentials_gnutls.h"

static char folder[] = "/tmp/nuncio-certs-XXXXXX";
static struct cert root, upper, lower, leaf, stranger;
static struct report *report;

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
	const struct cert_spec root_spec = { .cn = "Root", .is_ca = true };
	const struct cert_spec upper_spec = { .cn = "Upper", .is_ca = true };
	const struct cert_spec lower_spec = { .cn = "Lower", .is_ca = true };
	const struct cert_spec leaf_spec = { .cn = "sip.corp.example",
					     .dns = { "sip.corp.example" } };
	const struct cert_spec stranger_spec = { .cn = "Stranger", .is_ca = true };

	assert_non_null(mkdtemp(folder));
	root = cert_make(&root_spec, NULL);
	upper = cert_make(&upper_spec, &root);
	lower = cert_make(&lower_spec, &upper);
	leaf = cert_make(&leaf_spec, &lower);
	stranger = cert_make(&stranger_spec, NULL);
	cert_write_key(path_of("leaf.key"), &leaf);
	return 0;
}

static int drop_world(void **state)
{
	char command[64];

	cert_free(&root);
	cert_free(&upper);
	cert_free(&lower);
	cert_free(&leaf);
	cert_free(&stranger);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int new_report(void **state)
{
	assert_int_equal(report_new(&report), ERR_OK);
	return 0;
}

static int drop_report(void **state)
{
	report = report_free(report);
	return 0;
}

/* The one fault that is expected, or none; and never a piece of a key in it. */
static void check_fault(bool is_error, enum fault fault)
{
	const struct report_row *rows = NULL;
	size_t n = report_rows(report, &rows);

	for (size_t i = 0; i < n; i++) {
		print_message("  %s\n", rows[i].text);
		assert_null(strstr(rows[i].text, "PRIVATE"));
	}
	assert_int_equal(n, fault ? 1 : 0);
	if (fault) {
		assert_int_equal(rows[0].fault, fault);
		assert_int_equal(rows[0].is_error, is_error);
	}
}

static void check_remedy(const char *words)
{
	const struct report_row *rows = NULL;

	if (words)
		assert_true(report_rows(report, &rows) > 0 && strstr(rows[0].text, words));
}

static struct settings_certificate pem_settings(const char *chain, const char *key)
{
	struct settings_certificate settings = { .name = "edge" };

	settings.chain.path = path_of(chain);
	settings.key.path = key ? path_of(key) : NULL;
	return settings;
}

static void write_chain(const char *name, const struct cert *const *certs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cert_write_crt(path_of(name), i > 0, certs[i], GNUTLS_X509_FMT_PEM);
}

static void check_link(const struct credentials *credentials, unsigned i,
		       const struct cert *cert)
{
	gnutls_datum_t der = cert_der(cert);

	assert_int_equal(credentials->chain[i].cert.size, der.size);
	assert_memory_equal(credentials->chain[i].cert.data, der.data, der.size);
	gnutls_free(der.data);
}

/* Six orders, one chain. */
static void test_order_does_not_matter(void **state)
{
	static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const struct cert *const certs[] = { &leaf, &lower, &upper };
	char first[FINGERPRINT_SIZE] = "";

	for (size_t i = 0; i < COUNT(orders); i++) {
		const struct cert *ordered[] = { certs[orders[i][0]], certs[orders[i][1]],
						 certs[orders[i][2]] };
		struct settings_certificate settings = pem_settings("chain.pem", "leaf.key");
		struct credentials *credentials = NULL;

		write_chain("chain.pem", ordered, 3);
		assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
		check_fault(false, 0);
		assert_int_equal(credentials->n_chain, 3);
		for (unsigned k = 0; k < 3; k++)
			check_link(credentials, k, certs[k]);
		if (!first[0])
			memcpy(first, credentials_fingerprint(credentials), sizeof(first));
		assert_string_equal(credentials_fingerprint(credentials), first);
		assert_string_equal(credentials_name(credentials), "edge");
		assert_string_equal(credentials_identity(credentials)->names[0].text,
				    "sip.corp.example");
		credentials_unref(credentials);
	}
}

static void test_root_and_strangers_stay_out(void **state)
{
	const struct cert *with_root[] = { &root, &upper, &lower, &leaf };
	const struct cert *with_stranger[] = { &stranger, &leaf, &lower };
	struct settings_certificate settings = pem_settings("chain.pem", "leaf.key");
	struct credentials *credentials = NULL;

	write_chain("chain.pem", with_root, 4);
	assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
	check_fault(false, FAULT_CHAIN);
	assert_int_equal(credentials->n_chain, 3);
	credentials_unref(credentials);

	drop_report(NULL);
	new_report(NULL);
	write_chain("chain.pem", with_stranger, 3);
	assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
	check_fault(false, FAULT_CHAIN);
	assert_int_equal(credentials->n_chain, 2);
	credentials_unref(credentials);
}

static void test_key_in_the_same_file(void **state)
{
	const struct cert *certs[] = { &leaf, &lower };
	struct settings_certificate settings = pem_settings("both.pem", NULL);
	struct credentials *credentials = NULL;
	gnutls_datum_t key = { 0 };

	write_chain("both.pem", certs, 2);
	CERT_OK(gnutls_x509_privkey_export2(leaf.key, GNUTLS_X509_FMT_PEM, &key));
	cert_write(path_of("both.pem"), "a", key);
	assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
	check_fault(false, 0);
	credentials_unref(credentials);
}

static void test_der(void **state)
{
	struct settings_certificate settings = pem_settings("leaf.der", "leaf.key.der");
	struct credentials *credentials = NULL;
	gnutls_datum_t key = { 0 };

	cert_write_crt(path_of("leaf.der"), false, &leaf, GNUTLS_X509_FMT_DER);
	CERT_OK(gnutls_x509_privkey_export2(leaf.key, GNUTLS_X509_FMT_DER, &key));
	cert_write(path_of("leaf.key.der"), "w", key);
	assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
	check_fault(false, 0);
	assert_int_equal(credentials->n_chain, 1);
	credentials_unref(credentials);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void write_encrypted_key(const char *name, const char *passphrase)
{
	char bytes[4096];
	size_t size = sizeof(bytes);

	CERT_OK(gnutls_x509_privkey_export_pkcs8(leaf.key, GNUTLS_X509_FMT_PEM, passphrase,
						 GNUTLS_PKCS_PBES2_AES_256, bytes, &size));
	bytes[size] = '\0';
	write_text(name, bytes);
}

static const struct {
	const char *name, *chain, *key, *passphrase;
	enum fault fault; /* 0: it loads */
} broken[] = {
	{ "all is well", "good.pem", "leaf.key", NULL, 0 },
	{ "no such file", "missing.pem", "leaf.key", NULL, FAULT_FILE_UNREADABLE },
	{ "no such key", "good.pem", "missing.key", NULL, FAULT_FILE_UNREADABLE },
	{ "a folder", ".", "leaf.key", NULL, FAULT_FILE_UNREADABLE },
	{ "no certificate", "text", "leaf.key", NULL, FAULT_CERTIFICATE },
	{ "empty", "empty", "leaf.key", NULL, FAULT_CERTIFICATE },
	{ "no key", "good.pem", "text", NULL, FAULT_KEY },
	{ "another key", "good.pem", "stranger.key", NULL, FAULT_KEY_MISMATCH },
	{ "encrypted key", "good.pem", "encrypted.key", "good.pass", 0 },
	{ "encrypted key, no passphrase", "good.pem", "encrypted.key", NULL, FAULT_KEY },
	{ "encrypted key, wrong passphrase", "good.pem", "encrypted.key", "wrong.pass",
	  FAULT_KEY },
};

static void test_files_that_do_not_load(void **state)
{
	const struct cert *certs[] = { &leaf, &lower, &upper };

	write_chain("good.pem", certs, 3);
	cert_write_key(path_of("stranger.key"), &stranger);
	write_text("text", "just some text\n");
	write_text("empty", "");
	write_text("good.pass", "secret\n");
	write_text("wrong.pass", "wrong");
	write_encrypted_key("encrypted.key", "secret");
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct settings_certificate settings =
			pem_settings(broken[i].chain, broken[i].key);
		struct credentials *credentials = NULL;

		print_message("%s\n", broken[i].name);
		if (broken[i].passphrase)
			settings.passphrase.path = path_of(broken[i].passphrase);
		new_report(NULL);
		assert_int_equal(credentials_load(&settings, report, &credentials),
				 broken[i].fault ? ERR_INVALID : ERR_OK);
		check_fault(true, broken[i].fault);
		assert_int_equal(credentials != NULL, broken[i].fault == 0);
		credentials_unref(credentials);
		drop_report(NULL);
	}
}

static void write_pkcs12(const char *name, const char *passphrase)
{
	gnutls_pkcs12_t container;
	gnutls_pkcs12_bag_t bag;
	gnutls_datum_t bytes = { 0 };
	char key[4096];
	size_t size = sizeof(key);
	const struct cert *certs[] = { &upper, &leaf, &lower };

	CERT_OK(gnutls_pkcs12_init(&container));
	CERT_OK(gnutls_pkcs12_bag_init(&bag));
	for (size_t i = 0; i < COUNT(certs); i++)
		CERT_OK(gnutls_pkcs12_bag_set_crt(bag, certs[i]->crt));
	CERT_OK(gnutls_pkcs12_bag_encrypt(bag, passphrase, GNUTLS_PKCS_PBES2_AES_256));
	CERT_OK(gnutls_pkcs12_set_bag(container, bag));
	gnutls_pkcs12_bag_deinit(bag);

	CERT_OK(gnutls_x509_privkey_export_pkcs8(leaf.key, GNUTLS_X509_FMT_DER, passphrase,
						 GNUTLS_PKCS_PBES2_AES_256, key, &size));
	gnutls_datum_t datum = { (unsigned char *)key, (unsigned)size };
	CERT_OK(gnutls_pkcs12_bag_init(&bag));
	CERT_OK(gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, &datum));
	CERT_OK(gnutls_pkcs12_set_bag(container, bag));
	gnutls_pkcs12_bag_deinit(bag);
	CERT_OK(gnutls_pkcs12_generate_mac(container, passphrase));
	CERT_OK(gnutls_pkcs12_export2(container, GNUTLS_X509_FMT_DER, &bytes));
	gnutls_pkcs12_deinit(container);
	cert_write(path_of(name), "w", bytes);
}

static const struct {
	const char *name, *file, *passphrase;
	enum fault fault;
} containers[] = {
	{ "with its passphrase", "edge.p12", "good.pass", 0 },
	{ "with a wrong one", "edge.p12", "wrong.pass", FAULT_KEY },
	{ "with none", "edge.p12", NULL, FAULT_KEY },
	{ "whose passphrase's file is not there", "edge.p12", "missing.pass",
	  FAULT_FILE_UNREADABLE },
	{ "that is none", "text", "good.pass", FAULT_CERTIFICATE },
};

static void test_pkcs12(void **state)
{
	write_pkcs12("edge.p12", "secret");
	for (size_t i = 0; i < COUNT(containers); i++) {
		struct settings_certificate settings = { .name = "edge" };
		struct credentials *credentials = NULL;

		print_message("%s\n", containers[i].name);
		settings.pkcs12.path = path_of(containers[i].file);
		settings.passphrase.path =
			containers[i].passphrase ? path_of(containers[i].passphrase) : NULL;
		new_report(NULL);
		assert_int_equal(credentials_load(&settings, report, &credentials),
				 containers[i].fault ? ERR_INVALID : ERR_OK);
		check_fault(true, containers[i].fault);
		if (credentials) {
			assert_int_equal(credentials->n_chain, 3);
			check_link(credentials, 0, &leaf);
			check_link(credentials, 2, &upper);
		}
		credentials_unref(credentials);
		drop_report(NULL);
	}
}

static const struct {
	const char *name;
	struct cert_spec spec;
	enum fault fault;
	const char *remedy; /* words of the text; NULL: not looked at */
} doubtful[] = {
	{ "expired",
	  { .cn = "a.example", .starts_in_s = -7200, .ends_in_s = -3600 },
	  FAULT_CERTIFICATE_TIME,
	  "partners refuse it: put a new one in its place" },
	{ "not yet valid",
	  { .cn = "a.example", .starts_in_s = 3600, .ends_in_s = 99 * 86400 },
	  FAULT_CERTIFICATE_TIME,
	  "is this host's clock right?" },
	{ "expires soon",
	  { .cn = "a.example", .starts_in_s = -3600, .ends_in_s = 86400 },
	  FAULT_CERTIFICATE_TIME,
	  "put its successor in its place before" },
	{ "weak", { .cn = "a.example", .rsa_bits = 1024 }, FAULT_WEAK_KEY },
	{ "nameless", { .cn = "Our Company" }, FAULT_CERTIFICATE_NAME },
	{ "for clients only",
	  { .cn = "a.example", .usages = { GNUTLS_KP_TLS_WWW_CLIENT } },
	  FAULT_CERTIFICATE_USAGE },
	{ "without its intermediate",
	  { .cn = "a.example", .aia = "http://ca.example/i.cer" },
	  FAULT_CHAIN },
};

static void test_doubtful_certificates_load_with_a_warning(void **state)
{
	for (size_t i = 0; i < COUNT(doubtful); i++) {
		struct cert cert = cert_make(&doubtful[i].spec, &root);
		struct settings_certificate settings = pem_settings("doubt.pem", "doubt.key");
		struct credentials *credentials = NULL;

		print_message("%s\n", doubtful[i].name);
		cert_write_crt(settings.chain.path, false, &cert, GNUTLS_X509_FMT_PEM);
		cert_write_key(settings.key.path, &cert);
		new_report(NULL);
		assert_int_equal(credentials_load(&settings, report, &credentials), ERR_OK);
		check_fault(false, doubtful[i].fault);
		check_remedy(doubtful[i].remedy);
		credentials_unref(credentials);
		cert_free(&cert);
		drop_report(NULL);
	}
}

static const struct {
	const char *name, *trust, *crl, *priority;

	enum fault fault;
	bool is_error;
} trusts[] = {
	{ "PEM", "root.pem", NULL, "", 0, false },
	{ "DER", "root.der", NULL, "", 0, false },
	{ "a folder of both", "cas", NULL, "", 0, false },
	{ "nothing at all", NULL, NULL, "", 0, false },
	{ "a CRL of an intermediate", "root.pem", "lower.crl", "", 0, false },
	{ "appended priority", "root.pem", NULL, "-CIPHER-ALL:+AES-256-GCM", 0, false },
	{ "priority of an expert", "root.pem", NULL, "SECURE192", 0, false },
	{ "missing file", "missing.pem", NULL, "", FAULT_TRUST, true },
	{ "no certificate", "text", NULL, "", FAULT_TRUST, true },
	{ "a folder without any", "void", NULL, "", FAULT_TRUST, true },
	{ "CRL that is none", "root.pem", "text", "", FAULT_TRUST, true },
	{ "unknown priority", "root.pem", NULL, "NORMAL:+FOO", FAULT_PRIORITY, true },
	{ "priority without ciphers", "root.pem", NULL, "-CIPHER-ALL", FAULT_PRIORITY, true },
};

static struct tls_trust *load_trust(size_t i, enum err wanted)
{
	struct settings_file anchor = { .path = trusts[i].trust ? path_of(trusts[i].trust)
								: NULL };
	struct settings_file crl = { .path = trusts[i].crl ? path_of(trusts[i].crl) : NULL };
	struct settings_tls settings = {
		.minimum = CONF_TLS_1_2,
		.trust = &anchor,
		.n_trust = anchor.path != NULL,
		.crl = &crl,
		.n_crl = crl.path != NULL,
		.min_key_bits = 2048,
		.priority = trusts[i].priority,
	};
	struct tls_trust *trust = NULL;

	assert_int_equal(tls_trust_load(&settings, report, &trust), wanted);
	return trust;
}

static void test_trust(void **state)
{
	cert_write_crt(path_of("root.pem"), false, &root, GNUTLS_X509_FMT_PEM);
	cert_write_crt(path_of("root.der"), false, &root, GNUTLS_X509_FMT_DER);
	assert_int_equal(mkdir(path_of("cas"), 0700), 0);
	assert_int_equal(mkdir(path_of("cas/inner"), 0700), 0);
	assert_int_equal(mkdir(path_of("void"), 0700), 0);
	cert_write_crt(path_of("cas/a.pem"), false, &root, GNUTLS_X509_FMT_PEM);
	cert_write_crt(path_of("cas/b.der"), false, &stranger, GNUTLS_X509_FMT_DER);
	cert_write_crl(path_of("lower.crl"), &lower, &leaf);
	for (size_t i = 0; i < COUNT(trusts); i++) {
		print_message("%s\n", trusts[i].name);
		new_report(NULL);
		struct tls_trust *trust = load_trust(i, trusts[i].fault ? ERR_INVALID : ERR_OK);
		check_fault(trusts[i].is_error, trusts[i].fault);
		tls_trust_unref(trust);
		drop_report(NULL);
	}
}

static void test_fingerprint_tells_what_changed(void **state)
{
	struct tls_trust *pem = load_trust(0, ERR_OK), *der = load_trust(1, ERR_OK),
			 *more = load_trust(2, ERR_OK), *crl = load_trust(4, ERR_OK);

	assert_string_equal(tls_trust_fingerprint(pem), tls_trust_fingerprint(der));
	assert_string_not_equal(tls_trust_fingerprint(pem), tls_trust_fingerprint(more));
	assert_string_not_equal(tls_trust_fingerprint(pem), tls_trust_fingerprint(crl));
	assert_string_equal(tls_trust_fingerprint(NULL), "");
	assert_string_equal(credentials_fingerprint(NULL), "");
	tls_trust_unref(pem);
	tls_trust_unref(der);
	tls_trust_unref(more);
	tls_trust_unref(crl);
	assert_null(tls_trust_unref(NULL));
	assert_null(credentials_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_report, drop_report)
		TEST(test_order_does_not_matter),
		TEST(test_root_and_strangers_stay_out),
		TEST(test_key_in_the_same_file),
		TEST(test_der),
		cmocka_unit_test(test_files_that_do_not_load),
		cmocka_unit_test(test_pkcs12),
		cmocka_unit_test(test_doubtful_certificates_load_with_a_warning),
		cmocka_unit_test(test_trust),
		TEST(test_fingerprint_tells_what_changed),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
