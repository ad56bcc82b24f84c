/* The files of one certificate of ours, as they are: PEM or DER chain and key, or PKCS#12, in
 * whatever order. What they are worth is for credentials.c to say. GnuTLS files only. */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/error.h"

struct certificate_file {
	gnutls_x509_crt_t *crts; /* all that were found, in the files' order */
	unsigned n_crts;
	gnutls_x509_privkey_t key;
};

/* Reads them; what cannot be read goes to report: ERR_INVALID, ERR_NO_MEMORY. Give back with
 * certificate_file_fini, also after an error. */
enum err certificate_file_read(const struct settings_certificate *settings,
			       struct report *report, struct certificate_file *out) MUST_CHECK;

/* Frees what is left in it; certificates that were taken out are NULL. */
void certificate_file_fini(struct certificate_file *file);

/* Reads a whole file of at most 4 MiB, with a NUL behind it; free with gnutls_free.
 * ERR_NOT_FOUND, ERR_ACCESS, ERR_TOO_LARGE, ERR_INVALID for what is no file, ERR_NO_MEMORY. */
enum err tls_read_file(const char *path, gnutls_datum_t *out) MUST_CHECK;

/* PEM if an armour line is in it, else DER. */
gnutls_x509_crt_fmt_t tls_file_format(const gnutls_datum_t *bytes);
