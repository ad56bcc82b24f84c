#include <dirent.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proxy/base/text.h"
#include "proxy/transport/certificate_file.h"
#include "proxy/transport/credentials.h"
#include "proxy/transport/credentials_gnutls.h"
#include "proxy/transport/tls_callbacks.h"

enum { ANCHOR_LIST_SIZE = 512, MAX_FOLDER_FILES = 1024, MAX_ORGANISATIONS = 1024 };

/* One load under way. */
struct load {
	const struct settings_tls *settings;
	struct report *report;
	struct tls_trust *trust;
};

static enum err add_file(struct load *load, const char *path, const char **out_fault)
{
	gnutls_datum_t bytes = { 0 };
	gnutls_x509_crt_t *crts = NULL;
	unsigned n_crts = 0;

	enum err err = tls_read_file(path, &bytes);
	if (err != ERR_OK) {
		*out_fault = err_text(err);
		return err;
	}
	int result = gnutls_x509_crt_list_import2(&crts, &n_crts, &bytes,
						  tls_file_format(&bytes), 0);
	gnutls_free(bytes.data);
	if (result < 0) {
		*out_fault = gnutls_strerror(result);
		return ERR_SYNTAX;
	}
	/* The list owns the certificates from here on, also those that it had already. */
	result = gnutls_x509_trust_list_add_cas(load->trust->anchors, crts, n_crts,
						GNUTLS_TL_NO_DUPLICATES);
	gnutls_free(crts);
	if (result < 0) {
		*out_fault = gnutls_strerror(result);
		return ERR_NO_MEMORY;
	}
	return ERR_OK;
}

/* Sorted, so that the same folder always gives the same list. What is no certificate is passed
 * over with a warning: folders hold other things too. */
static enum err add_folder(struct load *load, const struct settings_file *folder)
{
	struct dirent **entries = NULL;
	unsigned n_added = 0;

	int n = scandir(folder->path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[4096];
		const char *fault = NULL, *name = entries[i]->d_name;

		if (name[0] != '.' && i < MAX_FOLDER_FILES &&
		    snprintf(path, sizeof(path), "%s/%s", folder->path, name) <
			    (int)sizeof(path)) {
			enum err err = add_file(load, path, &fault);
			n_added += err == ERR_OK;
			if (err != ERR_OK &&
			    err != ERR_INVALID) /* a folder inside is no fault */
				report_warning(load->report, FAULT_TRUST, &folder->place,
					       "tls.trust", "no CA certificate in %s: %s", path,
					       fault);
		}
		free(entries[i]);
	}
	free(entries);
	if (n_added > 0)
		return ERR_OK;
	report_error(load->report, FAULT_TRUST, &folder->place, "tls.trust",
		     "no CA certificate in the folder %s", folder->path);
	return ERR_INVALID;
}

static enum err add_anchors(struct load *load)
{
	const struct settings_tls *settings = load->settings;
	enum err worst = ERR_OK;

	if (settings->trusts_system &&
	    gnutls_x509_trust_list_add_system_trust(load->trust->anchors, 0, 0) <= 0)
		report_warning(
			load->report, FAULT_TRUST, &settings->place, "tls.trust",
			"the system has no CA certificates (Debian: install ca-certificates)");
	for (size_t i = 0; i < settings->n_trust; i++) {
		const struct settings_file *file = &settings->trust[i];
		const char *fault = NULL;
		struct stat stat_buf;

		if (stat(file->path, &stat_buf) == 0 && S_ISDIR(stat_buf.st_mode)) {
			if (add_folder(load, file) != ERR_OK)
				worst = ERR_INVALID;
		} else if (add_file(load, file->path, &fault) != ERR_OK) {
			if (!report_has_error_at(load->report, &file->place))
				report_error(load->report, FAULT_TRUST, &file->place,
					     "tls.trust", "no CA certificate in %s: %s",
					     file->path, fault);
			worst = ERR_INVALID;
		}
	}
	return worst;
}

static void check_crl(struct load *load, const struct settings_file *file,
		      gnutls_x509_crl_t crl)
{
	time_t next = gnutls_x509_crl_get_next_update(crl);
	char text[32];

	if (next != (time_t)-1 && next < time(NULL))
		report_warning(load->report, FAULT_TRUST, &file->place, "tls.crl",
			       "a newer list than %s was due on %s", file->path,
			       text_time((uint64_t)next * 1000000, text));
}

/* The trust list takes a CRL of an intermediate although it has not its certificate; the plain
 * loader of GnuTLS refuses it. */
static enum err add_crl(struct load *load, const struct settings_file *file)
{
	struct tls_trust *trust = load->trust;
	gnutls_datum_t bytes = { 0 };
	gnutls_x509_crl_t *crls = NULL;
	unsigned n_crls = 0;

	enum err err = tls_read_file(file->path, &bytes);
	int result = err == ERR_OK ? gnutls_x509_crl_list_import2(&crls, &n_crls, &bytes,
								  tls_file_format(&bytes), 0)
				   : 0;
	gnutls_free(bytes.data);
	if (err != ERR_OK || result < 0 || n_crls == 0) {
		if (!report_has_error_at(load->report, &file->place))
			report_error(load->report, FAULT_TRUST, &file->place, "tls.crl",
				     "no CRL in %s: %s", file->path,
				     err != ERR_OK ? err_text(err) : gnutls_strerror(result));
		return ERR_INVALID;
	}
	gnutls_x509_crl_t *all = realloc(trust->crls, (trust->n_crls + n_crls) * sizeof(*all));
	if (all)
		trust->crls = all;
	if (!all ||
	    gnutls_x509_trust_list_add_crls(trust->anchors, crls, n_crls, 0, 0) < (int)n_crls) {
		gnutls_free(crls);
		return ERR_NO_MEMORY;
	}
	for (unsigned i = 0; i < n_crls; i++) {
		check_crl(load, file, crls[i]);
		trust->crls[trust->n_crls++] = crls[i];
	}
	gnutls_free(crls);
	return ERR_OK;
}

/* What is ours, and then what the expert wrote: a whole string replaces our base but never the
 * versions; one that begins with an operator is put behind ours and has the last word. */
static enum err make_priority(struct load *load, enum conf_tls_version minimum)
{
	static const char *const versions[] = {
		[CONF_TLS_1_0] = ":+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0",
		[CONF_TLS_1_1] = ":+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1",
		[CONF_TLS_1_2] = ":+VERS-TLS1.3:+VERS-TLS1.2",
		[CONF_TLS_1_3] = ":+VERS-TLS1.3",
	};
	const char *expert = load->settings->priority ? load->settings->priority : "";
	bool is_appended = expert[0] && strchr(":+-!%", expert[0]);
	const char *fault = NULL;
	char text[1024];

	snprintf(text, sizeof(text), "%s:-VERS-ALL%s%s%s",
		 !expert[0] || is_appended ? "NORMAL" : expert, versions[minimum],
		 is_appended && expert[0] != ':' ? ":" : "", is_appended ? expert : "");
	int result = gnutls_priority_init(&load->trust->priorities[minimum], text, &fault);
	if (result >= 0)
		return ERR_OK;
	/* An expert may take a version away that some other minimum would leave as the only
	 * one. */
	if (result == GNUTLS_E_NO_PRIORITIES_WERE_SET && minimum != load->settings->minimum)
		return ERR_OK;
	report_error(load->report, FAULT_PRIORITY, &load->settings->priority_place,
		     "tls.priority",
		     result == GNUTLS_E_NO_PRIORITIES_WERE_SET
			     ? "this priority string leaves no TLS version, cipher or group%s"
			     : "GnuTLS does not know this priority string, from '%.40s' on",
		     result == GNUTLS_E_NO_PRIORITIES_WERE_SET || !fault ? "" : fault);
	return ERR_INVALID;
}

static enum err make_priorities(struct load *load)
{
	for (unsigned minimum = CONF_TLS_1_0; minimum <= CONF_TLS_1_3; minimum++) {
		enum err err = make_priority(load, minimum);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err remember_organisation(struct tls_trust *trust, gnutls_x509_crt_t crt)
{
	char name[256];
	size_t size = sizeof(name);

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0, name,
					  &size) < 0 ||
	    trust->n_organisations >= MAX_ORGANISATIONS)
		return ERR_OK;
	for (size_t i = 0; i < trust->n_organisations; i++) {
		if (strcmp(trust->organisations[i], name) == 0)
			return ERR_OK;
	}
	char **all = realloc(trust->organisations, (trust->n_organisations + 1) * sizeof(*all));
	if (!all)
		return ERR_NO_MEMORY;
	trust->organisations = all;
	all[trust->n_organisations] = strdup(name);
	if (!all[trust->n_organisations])
		return ERR_NO_MEMORY;
	trust->n_organisations++;
	return ERR_OK;
}

static enum err hash_anchors(struct tls_trust *trust, gnutls_hash_hd_t hash)
{
	gnutls_x509_trust_list_iter_t iter = NULL;
	gnutls_x509_crt_t crt;
	enum err err = ERR_OK;

	while (err == ERR_OK &&
	       gnutls_x509_trust_list_iter_get_ca(trust->anchors, &iter, &crt) >= 0) {
		unsigned char sha256[32];
		size_t size = sizeof(sha256);
		if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, sha256, &size) >= 0)
			gnutls_hash(hash, sha256, size);
		err = remember_organisation(trust, crt);
		gnutls_x509_crt_deinit(crt);
	}
	if (iter)
		gnutls_x509_trust_list_iter_deinit(iter);
	return err;
}

/* Two loads of the same files are the same trust: connections that it let in may be used
 * again. */
static enum err make_fingerprint(struct load *load)
{
	struct tls_trust *trust = load->trust;
	unsigned policies[] = { trust->min_key_bits, trust->client_eku };
	unsigned char digest[32];
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return ERR_NO_MEMORY;
	enum err err = hash_anchors(trust, hash);
	for (size_t i = 0; i < trust->n_crls; i++) {
		gnutls_datum_t der = { 0 };
		if (gnutls_x509_crl_export2(trust->crls[i], GNUTLS_X509_FMT_DER, &der) < 0)
			continue;
		gnutls_hash(hash, der.data, der.size);
		gnutls_free(der.data);
	}
	gnutls_hash(hash, policies, sizeof(policies));
	gnutls_hash_deinit(hash, digest);
	text_hex(digest, sizeof(digest), trust->fingerprint);
	return err;
}

static enum err make_callbacks(struct tls_trust *trust)
{
	if (gnutls_certificate_allocate_credentials(&trust->server) < 0 ||
	    gnutls_certificate_allocate_credentials(&trust->client) < 0)
		return ERR_NO_MEMORY;
	tls_callbacks_set(trust->server, trust->client);
	if (gnutls_session_ticket_key_generate(&trust->ticket_key) < 0)
		return ERR_NO_MEMORY;
	return ERR_OK;
}

enum err tls_trust_load(const struct settings_tls *tls, struct report *report,
			struct tls_trust **out)
{
	struct tls_trust *trust = calloc(1, sizeof(*trust));
	if (!trust)
		return ERR_NO_MEMORY;

	struct load load = { tls, report, trust };
	trust->n_refs = 1;
	trust->min_key_bits = tls->min_key_bits;
	trust->client_eku = tls->client_eku;
	enum err err = gnutls_x509_trust_list_init(&trust->anchors, ANCHOR_LIST_SIZE) < 0
			       ? ERR_NO_MEMORY
			       : ERR_OK;
	/* Every fault is told at once, so a bad anchor does not hide a bad CRL. */
	if (err == ERR_OK)
		err = add_anchors(&load);
	for (size_t i = 0; i < tls->n_crl && trust->anchors; i++) {
		enum err crl_err = add_crl(&load, &tls->crl[i]);
		err = err == ERR_OK ? crl_err : err;
	}
	enum err priority_err = make_priorities(&load);
	if (err == ERR_OK)
		err = priority_err;
	if (err == ERR_OK)
		err = make_callbacks(trust);
	if (err == ERR_OK)
		err = make_fingerprint(&load);
	if (err != ERR_OK) {
		tls_trust_unref(trust);
		return err;
	}
	*out = trust;
	return ERR_OK;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
	__atomic_add_fetch(&trust->n_refs, 1, __ATOMIC_RELAXED);
	return trust;
}

struct tls_trust *tls_trust_unref(struct tls_trust *trust)
{
	if (!trust || __atomic_sub_fetch(&trust->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	for (size_t i = 0; i < COUNT(trust->priorities); i++) {
		if (trust->priorities[i])
			gnutls_priority_deinit(trust->priorities[i]);
	}
	if (trust->anchors)
		gnutls_x509_trust_list_deinit(trust->anchors, 1);
	free(trust->crls);
	for (size_t i = 0; i < trust->n_organisations; i++)
		free(trust->organisations[i]);
	free(trust->organisations);
	if (trust->server)
		gnutls_certificate_free_credentials(trust->server);
	if (trust->client)
		gnutls_certificate_free_credentials(trust->client);
	if (trust->ticket_key.data)
		gnutls_memset(trust->ticket_key.data, 0, trust->ticket_key.size);
	gnutls_free(trust->ticket_key.data);
	free(trust);
	return NULL;
}

const char *tls_trust_fingerprint(const struct tls_trust *trust)
{
	return trust ? trust->fingerprint : "";
}
