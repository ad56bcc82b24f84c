#include "tests/world/certificates.h"

#include <string.h>

#include "tests/unit/certs.h"

enum { PEM_SIZE = 8192 };

static struct {
	bool is_made;
	char ca[PEM_SIZE], chain[PEM_SIZE], key[PEM_SIZE];
} pem;

static void take(char to[PEM_SIZE], gnutls_datum_t bytes)
{
	assert_true(bytes.size < PEM_SIZE);
	memcpy(to, bytes.data, bytes.size);
	to[bytes.size] = '\0';
	gnutls_free(bytes.data);
}

static void make(void)
{
	static const struct cert_spec ca_spec = { .cn = "CA of the world", .is_ca = true };
	static const struct cert_spec edge_spec = { .dns = { "sip.corp.example",
							     "corp.example" } };
	struct cert ca, edge;
	gnutls_datum_t bytes;

	if (pem.is_made)
		return;
	ca = cert_make(&ca_spec, NULL);
	edge = cert_make(&edge_spec, &ca);
	CERT_OK(gnutls_x509_crt_export2(ca.crt, GNUTLS_X509_FMT_PEM, &bytes));
	take(pem.ca, bytes);
	CERT_OK(gnutls_x509_crt_export2(edge.crt, GNUTLS_X509_FMT_PEM, &bytes));
	take(pem.chain, bytes);
	CERT_OK(gnutls_x509_privkey_export2(edge.key, GNUTLS_X509_FMT_PEM, &bytes));
	take(pem.key, bytes);
	cert_free(&edge);
	cert_free(&ca);
	pem.is_made = true;
}

const char *certificates_ca(void)
{
	make();
	return pem.ca;
}

const char *certificates_chain(void)
{
	make();
	return pem.chain;
}

const char *certificates_key(void)
{
	make();
	return pem.key;
}
