#include "proxy/transport/certificate_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/pkcs12.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 4 << 20, MAX_CERTIFICATES = 64 };

struct reading {
	const struct settings_certificate *settings;
	struct report *report;
	struct certificate_file *out;
};

enum err tls_read_file(const char *path, gnutls_datum_t *out)
{
	struct stat stat;
	size_t len = 0;

	/* Without waiting: a named pipe in a folder of certificates must not hang the
	 * program. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_from_errno(errno);
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_size > MAX_FILE) {
		close(fd);
		return S_ISREG(stat.st_mode) ? ERR_TOO_LARGE : ERR_INVALID;
	}
	unsigned char *bytes = gnutls_malloc((size_t)stat.st_size + 1);
	while (bytes && len < (size_t)stat.st_size) {
		ssize_t got = read(fd, bytes + len, (size_t)stat.st_size - len);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	close(fd);
	if (!bytes)
		return ERR_NO_MEMORY;
	bytes[len] = '\0';
	*out = (gnutls_datum_t){ .data = bytes, .size = (unsigned)len };
	return ERR_OK;
}

gnutls_x509_crt_fmt_t tls_file_format(const gnutls_datum_t *bytes)
{
	return memmem(bytes->data, bytes->size, "-----BEGIN ", 11) ? GNUTLS_X509_FMT_PEM
								   : GNUTLS_X509_FMT_DER;
}

/* What is known of the file besides GnuTLS's word for it. */
static void hint(struct reading *reading, bool is_locked, bool has_other)
{
	if (is_locked)
		report_hint(
			reading->report,
			reading->settings->passphrase.path
				? "is that the passphrase of this file?"
				: "it is encrypted: add passphrase_file:, a file with its passphrase");
	else if (has_other)
		report_hint(reading->report, "are chain and key exchanged?");
}

static bool holds(const gnutls_datum_t *bytes, const char *words)
{
	return memmem(bytes->data, bytes->size, words, strlen(words)) != NULL;
}

/* Keys and passphrases do not stay in freed memory. */
static void wipe_file(gnutls_datum_t *bytes)
{
	if (bytes->data)
		gnutls_memset(bytes->data, 0, bytes->size);
	gnutls_free(bytes->data);
	bytes->data = NULL;
}

static enum err read_named(struct reading *reading, const struct settings_file *file,
			   const char *key, gnutls_datum_t *out)
{
	enum err err = tls_read_file(file->path, out);

	if (err != ERR_OK && !report_has_error_at(reading->report, &file->place))
		report_error(reading->report, FAULT_FILE_UNREADABLE, &file->place, key,
			     "cannot read %s: %s", file->path, err_text(err));
	return err;
}

static enum err read_chain(struct reading *reading)
{
	const struct settings_file *file = &reading->settings->chain;
	gnutls_datum_t bytes = { 0 };

	if (read_named(reading, file, "chain", &bytes) != ERR_OK)
		return ERR_INVALID;
	int result = gnutls_x509_crt_list_import2(&reading->out->crts, &reading->out->n_crts,
						  &bytes, tls_file_format(&bytes), 0);
	bool has_key = holds(&bytes, "PRIVATE KEY-----");
	wipe_file(&bytes); /* a key may stand in the same file */
	if (result < 0 || reading->out->n_crts == 0 ||
	    reading->out->n_crts > MAX_CERTIFICATES) {
		report_error(reading->report, FAULT_CERTIFICATE, &file->place, "chain",
			     "%s holds no usable certificate: %s", file->path,
			     result < 0 ? gnutls_strerror(result) : "none, or too many");
		hint(reading, false, has_key);
		return ERR_INVALID;
	}
	return ERR_OK;
}

/* The passphrase without the line end that editors put behind it. */
static enum err read_passphrase(struct reading *reading, gnutls_datum_t *out)
{
	const struct settings_file *file = &reading->settings->passphrase;

	if (!file->path)
		return ERR_OK;
	if (read_named(reading, file, "passphrase_file", out) != ERR_OK)
		return ERR_INVALID;
	out->data[strcspn((char *)out->data, "\r\n")] = '\0';
	return ERR_OK;
}

static enum err read_key(struct reading *reading)
{
	const struct settings_file *file = reading->settings->key.path
						   ? &reading->settings->key
						   : &reading->settings->chain;
	gnutls_datum_t bytes = { 0 }, passphrase = { 0 };

	if (read_passphrase(reading, &passphrase) != ERR_OK)
		return ERR_INVALID;
	if (read_named(reading, file, "key", &bytes) != ERR_OK) {
		wipe_file(&passphrase);
		return ERR_INVALID;
	}
	int result = gnutls_x509_privkey_init(&reading->out->key);
	if (result >= 0)
		result = gnutls_x509_privkey_import2(reading->out->key, &bytes,
						     tls_file_format(&bytes),
						     (const char *)passphrase.data, 0);
	bool has_certificate = holds(&bytes, "BEGIN CERTIFICATE-----");
	wipe_file(&bytes);
	wipe_file(&passphrase);
	if (result < 0) {
		report_error(reading->report, FAULT_KEY, &file->place, "key",
			     "%s holds no usable private key: %s", file->path,
			     gnutls_strerror(result));
		hint(reading, result == GNUTLS_E_DECRYPTION_FAILED, has_certificate);
		return ERR_INVALID;
	}
	return ERR_OK;
}

/* Puts the certificates beside the chain, so that the order of a container does not matter. */
static enum err merge(struct reading *reading, gnutls_x509_crt_t *more, unsigned n_more)
{
	gnutls_x509_crt_t *all = gnutls_realloc(reading->out->crts,
						(reading->out->n_crts + n_more) * sizeof(*all));

	if (!all)
		return ERR_NO_MEMORY;
	memcpy(all + reading->out->n_crts, more, n_more * sizeof(*all));
	reading->out->crts = all;
	reading->out->n_crts += n_more;
	return ERR_OK;
}

static enum err unpack(struct reading *reading, gnutls_pkcs12_t container,
		       const char *passphrase)
{
	gnutls_x509_crt_t *extra = NULL;
	unsigned n_extra = 0;
	enum err err = ERR_OK;

	int result = gnutls_pkcs12_simple_parse(container, passphrase, &reading->out->key,
						&reading->out->crts, &reading->out->n_crts,
						&extra, &n_extra, NULL, 0);
	if (result < 0) {
		bool is_passphrase = result == GNUTLS_E_DECRYPTION_FAILED ||
				     result == GNUTLS_E_MAC_VERIFY_FAILED;
		report_error(reading->report, is_passphrase ? FAULT_KEY : FAULT_CERTIFICATE,
			     &reading->settings->pkcs12.place, "pkcs12", "cannot open %s: %s",
			     reading->settings->pkcs12.path, gnutls_strerror(result));
		hint(reading, is_passphrase, false);
		return ERR_INVALID;
	}
	if (n_extra > 0)
		err = merge(reading, extra, n_extra);
	for (unsigned i = 0; err != ERR_OK && i < n_extra; i++)
		gnutls_x509_crt_deinit(extra[i]);
	gnutls_free(extra);
	if (err == ERR_OK && (reading->out->n_crts == 0 || !reading->out->key)) {
		report_error(reading->report, FAULT_CERTIFICATE,
			     &reading->settings->pkcs12.place, "pkcs12",
			     "%s does not hold a certificate and its key",
			     reading->settings->pkcs12.path);
		return ERR_INVALID;
	}
	return err;
}

static enum err read_pkcs12(struct reading *reading)
{
	gnutls_datum_t bytes = { 0 }, passphrase = { 0 };
	gnutls_pkcs12_t container = NULL;
	enum err err = ERR_INVALID;

	if (read_passphrase(reading, &passphrase) != ERR_OK ||
	    read_named(reading, &reading->settings->pkcs12, "pkcs12", &bytes) != ERR_OK)
		goto end;
	if (gnutls_pkcs12_init(&container) < 0) {
		err = ERR_NO_MEMORY;
		goto end;
	}
	int result = gnutls_pkcs12_import(container, &bytes, tls_file_format(&bytes), 0);
	if (result < 0) {
		report_error(reading->report, FAULT_CERTIFICATE,
			     &reading->settings->pkcs12.place, "pkcs12",
			     "%s is no PKCS#12 container: %s", reading->settings->pkcs12.path,
			     gnutls_strerror(result));
		goto end;
	}
	err = unpack(reading, container, passphrase.data ? (const char *)passphrase.data : "");
end:
	if (container)
		gnutls_pkcs12_deinit(container);
	wipe_file(&bytes);
	wipe_file(&passphrase);
	return err;
}

enum err certificate_file_read(const struct settings_certificate *settings,
			       struct report *report, struct certificate_file *out)
{
	struct reading reading = { settings, report, out };

	memset(out, 0, sizeof(*out));
	if (settings->pkcs12.path)
		return read_pkcs12(&reading);

	enum err err = read_chain(&reading);
	return err == ERR_OK ? read_key(&reading) : err;
}

void certificate_file_fini(struct certificate_file *file)
{
	for (unsigned i = 0; i < file->n_crts; i++) {
		if (file->crts[i])
			gnutls_x509_crt_deinit(file->crts[i]);
	}
	gnutls_free(file->crts);
	file->crts = NULL;
	file->n_crts = 0;
	if (file->key)
		gnutls_x509_privkey_deinit(file->key);
	file->key = NULL;
}
