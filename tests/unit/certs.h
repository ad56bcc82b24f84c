/* Certificates for tests, made with GnuTLS while the test runs: nothing of them is in the
 * tree, and none ever expires there. Included by the tests of one program each, hence static
 * inline. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

struct cert_spec {
	const char *cn, *organisation;
	const char *dns[8], *uris[4];
	const char *email;
	const void *raw_dns; /* a SAN DNS with bytes that a string cannot hold */
	unsigned raw_dns_len;
	const char *usages[4]; /* EKU OIDs */
	bool is_ca;
	unsigned rsa_bits;              /* 0: ECDSA P-256 */
	long starts_in_s, ends_in_s;    /* 0, 0: from an hour ago, for 90 days */
	gnutls_digest_algorithm_t hash; /* 0: SHA-256 */
	const char *aia;                /* caIssuers */
};

#define CERT_OK(call) assert_true((call) >= 0)

static inline void cert_free(struct cert *cert)
{
	if (cert->crt)
		gnutls_x509_crt_deinit(cert->crt);
	if (cert->key)
		gnutls_x509_privkey_deinit(cert->key);
	memset(cert, 0, sizeof(*cert));
}

static inline void cert_set_names(gnutls_x509_crt_t crt, const struct cert_spec *spec)
{
	if (spec->cn)
		CERT_OK(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
						      spec->cn, (unsigned)strlen(spec->cn)));
	if (spec->organisation)
		CERT_OK(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
						      spec->organisation,
						      (unsigned)strlen(spec->organisation)));
	for (size_t i = 0; i < 8 && spec->dns[i]; i++)
		CERT_OK(gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_DNSNAME, spec->dns[i], (unsigned)strlen(spec->dns[i]),
			GNUTLS_FSAN_APPEND));
	for (size_t i = 0; i < 4 && spec->uris[i]; i++)
		CERT_OK(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_URI, spec->uris[i],
							     (unsigned)strlen(spec->uris[i]),
							     GNUTLS_FSAN_APPEND));
	if (spec->email)
		CERT_OK(gnutls_x509_crt_set_subject_alt_name(
			crt, GNUTLS_SAN_RFC822NAME, spec->email, (unsigned)strlen(spec->email),
			GNUTLS_FSAN_APPEND));
	if (spec->raw_dns) { /* by hand: GnuTLS ends it at the NUL */
		unsigned char san[64] = { 0x30, (unsigned char)(spec->raw_dns_len + 2), 0x82,
					  (unsigned char)spec->raw_dns_len };
		memcpy(san + 4, spec->raw_dns, spec->raw_dns_len);
		CERT_OK(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", san,
							     spec->raw_dns_len + 4, 0));
	}
}

static inline void cert_set_usage(gnutls_x509_crt_t crt, const struct cert_spec *spec)
{
	CERT_OK(gnutls_x509_crt_set_basic_constraints(crt, spec->is_ca, -1));
	if (spec->is_ca)
		CERT_OK(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN |
								   GNUTLS_KEY_CRL_SIGN));
	for (size_t i = 0; i < 4 && spec->usages[i]; i++)
		CERT_OK(gnutls_x509_crt_set_key_purpose_oid(crt, spec->usages[i], 0));
	if (spec->aia) {
		gnutls_datum_t uri = { (unsigned char *)spec->aia,
				       (unsigned)strlen(spec->aia) };
		CERT_OK(gnutls_x509_crt_set_authority_info_access(crt, GNUTLS_IA_CAISSUERS_URI,
								  &uri));
	}
}

static inline void cert_make_key(struct cert *cert, unsigned rsa_bits)
{
	CERT_OK(gnutls_x509_privkey_init(&cert->key));
	if (rsa_bits)
		CERT_OK(gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_RSA, rsa_bits, 0));
	else
		CERT_OK(gnutls_x509_privkey_generate(
			cert->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

/* Makes a certificate and its key; issuer NULL: it signs itself. */
static inline struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer)
{
	struct cert cert = { 0 };
	unsigned char serial[12];
	time_t now = time(NULL);

	cert_make_key(&cert, spec->rsa_bits);
	CERT_OK(gnutls_x509_crt_init(&cert.crt));
	CERT_OK(gnutls_x509_crt_set_version(cert.crt, 3));
	CERT_OK(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)));
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 1);
	CERT_OK(gnutls_x509_crt_set_serial(cert.crt, serial, sizeof(serial)));
	bool is_preset = spec->starts_in_s == 0 && spec->ends_in_s == 0;
	CERT_OK(gnutls_x509_crt_set_activation_time(
		cert.crt, now + (is_preset ? -3600 : spec->starts_in_s)));
	CERT_OK(gnutls_x509_crt_set_expiration_time(
		cert.crt, now + (is_preset ? 90 * 86400 : spec->ends_in_s)));
	CERT_OK(gnutls_x509_crt_set_key(cert.crt, cert.key));
	cert_set_names(cert.crt, spec);
	cert_set_usage(cert.crt, spec);

	unsigned char id[64];
	size_t id_len = sizeof(id);
	CERT_OK(gnutls_x509_crt_get_key_id(cert.crt, 0, id, &id_len));
	CERT_OK(gnutls_x509_crt_set_subject_key_id(cert.crt, id, id_len));
	if (issuer) {
		id_len = sizeof(id);
		CERT_OK(gnutls_x509_crt_get_key_id(issuer->crt, 0, id, &id_len));
		CERT_OK(gnutls_x509_crt_set_authority_key_id(cert.crt, id, id_len));
	}
	CERT_OK(gnutls_x509_crt_sign2(cert.crt, issuer ? issuer->crt : cert.crt,
				      issuer ? issuer->key : cert.key,
				      spec->hash ? spec->hash : GNUTLS_DIG_SHA256, 0));
	return cert;
}

/* The certificate as DER; free with gnutls_free. */
static inline gnutls_datum_t cert_der(const struct cert *cert)
{
	gnutls_datum_t der = { 0 };

	CERT_OK(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_DER, &der));
	return der;
}

static inline void cert_write(const char *path, const char *mode, gnutls_datum_t bytes)
{
	FILE *file = fopen(path, mode);

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
	assert_int_equal(fclose(file), 0);
	gnutls_free(bytes.data);
}

/* Writes a certificate to path, or adds it to what stands there already. */
static inline void cert_write_crt(const char *path, bool append, const struct cert *cert,
				  gnutls_x509_crt_fmt_t format)
{
	gnutls_datum_t bytes = { 0 };

	CERT_OK(gnutls_x509_crt_export2(cert->crt, format, &bytes));
	cert_write(path, append ? "a" : "w", bytes);
}

static inline void cert_write_key(const char *path, const struct cert *cert)
{
	gnutls_datum_t bytes = { 0 };

	CERT_OK(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &bytes));
	cert_write(path, "w", bytes);
}

/* Writes a CRL of issuer that holds revoked (NULL: none). */
static inline void cert_write_crl(const char *path, const struct cert *issuer,
				  const struct cert *revoked)
{
	gnutls_x509_crl_t crl;
	gnutls_datum_t bytes = { 0 };
	time_t now = time(NULL);

	CERT_OK(gnutls_x509_crl_init(&crl));
	CERT_OK(gnutls_x509_crl_set_version(crl, 2));
	CERT_OK(gnutls_x509_crl_set_this_update(crl, now - 60));
	CERT_OK(gnutls_x509_crl_set_next_update(crl, now + 86400));
	CERT_OK(gnutls_x509_crl_set_number(crl, "\1", 1));
	if (revoked)
		CERT_OK(gnutls_x509_crl_set_crt(crl, revoked->crt, now - 60));
	CERT_OK(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
	CERT_OK(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &bytes));
	gnutls_x509_crl_deinit(crl);
	cert_write(path, "w", bytes);
}
