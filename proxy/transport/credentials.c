#include "proxy/transport/credentials.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/text.h"
#include "proxy/transport/certificate_file.h"
#include "proxy/transport/credentials_gnutls.h"

enum { MIN_RSA_BITS = 2048, SOON_S = 30 * 86400 };

/* One load under way. */
struct load {
	const struct settings_certificate *settings;
	struct report *report;
	struct certificate_file file; /* NULL where a certificate was taken into the chain */
	gnutls_x509_crt_t chain[TLS_MAX_CHAIN];
	unsigned n_chain;
};

static bool is_self_signed(gnutls_x509_crt_t crt)
{
	return gnutls_x509_crt_check_issuer(crt, crt) != 0;
}

/* The certificate that belongs to the key, wherever in the file it stands. */
static enum err find_leaf(struct load *load)
{
	unsigned char of_key[64], of_crt[64];
	size_t key_len = sizeof(of_key);

	if (gnutls_x509_privkey_get_key_id(load->file.key, GNUTLS_KEYID_USE_SHA256, of_key,
					   &key_len) < 0)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < load->file.n_crts; i++) {
		size_t len = sizeof(of_crt);
		if (gnutls_x509_crt_get_key_id(load->file.crts[i], GNUTLS_KEYID_USE_SHA256,
					       of_crt, &len) < 0 ||
		    len != key_len || memcmp(of_key, of_crt, len) != 0)
			continue;
		load->chain[load->n_chain++] = load->file.crts[i];
		load->file.crts[i] = NULL;
		return ERR_OK;
	}
	report_error(load->report, FAULT_KEY_MISMATCH,
		     load->settings->key.path ? &load->settings->key.place
					      : &load->settings->place,
		     "key", "the key belongs to none of the certificates of '%s'",
		     load->settings->name);
	return ERR_INVALID;
}

/* Takes the issuer of crt out of what is left; NULL if it is not there. */
static gnutls_x509_crt_t take_issuer(struct load *load, gnutls_x509_crt_t crt)
{
	for (unsigned i = 0; i < load->file.n_crts; i++) {
		gnutls_x509_crt_t issuer = load->file.crts[i];
		unsigned verify = 0;
		if (!issuer || !gnutls_x509_crt_check_issuer(crt, issuer) ||
		    gnutls_x509_crt_verify(crt, &issuer, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
					   &verify) < 0 ||
		    (verify & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND)))
			continue;
		load->file.crts[i] = NULL;
		return issuer;
	}
	return NULL;
}

static bool has_aia(gnutls_x509_crt_t crt)
{
	gnutls_datum_t uri = { 0 };
	bool has = gnutls_x509_crt_get_authority_info_access(crt, 0, GNUTLS_IA_CAISSUERS_URI,
							     &uri, NULL) >= 0;
	gnutls_free(uri.data);
	return has;
}

/* Orders what was found from the leaf upwards; a root stays out (RFC 8446 §4.4.2 lets us omit
 * it, and partners have their own). */
static void link_chain(struct load *load)
{
	const struct settings_file *file =
		load->settings->chain.path ? &load->settings->chain : &load->settings->pkcs12;
	unsigned n_left = 0;

	while (!is_self_signed(load->chain[load->n_chain - 1]) &&
	       load->n_chain < TLS_MAX_CHAIN) {
		gnutls_x509_crt_t issuer = take_issuer(load, load->chain[load->n_chain - 1]);
		if (!issuer)
			break;
		if (is_self_signed(issuer)) {
			report_warning(
				load->report, FAULT_CHAIN, &file->place, "chain",
				"%s holds the root certificate; it is not sent to partners",
				file->path);
			gnutls_x509_crt_deinit(issuer);
			break;
		}
		load->chain[load->n_chain++] = issuer;
	}
	for (unsigned i = 0; i < load->file.n_crts; i++)
		n_left += load->file.crts[i] != NULL;
	gnutls_x509_crt_t top = load->chain[load->n_chain - 1];
	if (n_left > 0 && !is_self_signed(load->chain[0]))
		report_warning(load->report, FAULT_CHAIN, &file->place, "chain",
			       "%u certificates in %s do not belong to the chain of '%s'",
			       n_left, file->path, load->settings->name);
	/* A CA that says where its own certificate can be fetched is hardly a root of the
	 * partner's store. */
	if (load->n_chain == 1 && !is_self_signed(top) && has_aia(top))
		report_warning(load->report, FAULT_CHAIN, &file->place, "chain",
			       "%s holds no intermediate certificate; partners may not be able "
			       "to build the chain",
			       file->path);
}

static void check_time(struct load *load, gnutls_x509_crt_t crt, const char *which)
{
	time_t now = time(NULL), begin = gnutls_x509_crt_get_activation_time(crt),
	       end = gnutls_x509_crt_get_expiration_time(crt);
	char text[32];

	const char *name = load->settings->name;
	const struct place *place = &load->settings->place;

	text_time((uint64_t)(begin > now ? begin : end) * 1000000, text);
	if (end < now)
		report_warning(
			load->report, FAULT_CERTIFICATE_TIME, place, NULL,
			"the %s certificate of '%s' expired on %s, and partners refuse it: put a new one in its place, then `nuncio reload`",
			which, name, text);
	else if (begin > now)
		report_warning(
			load->report, FAULT_CERTIFICATE_TIME, place, NULL,
			"the %s certificate of '%s' is not valid before %s, and partners refuse it until then: is this host's clock right?",
			which, name, text);
	else if (end - now < SOON_S)
		report_warning(
			load->report, FAULT_CERTIFICATE_TIME, place, NULL,
			"the %s certificate of '%s' expires on %s: put its successor in its place before, then `nuncio reload`",
			which, name, text);
}

static void check_leaf(struct load *load, const struct identity *identity)
{
	unsigned bits = 0;
	int algorithm = gnutls_x509_crt_get_pk_algorithm(load->chain[0], &bits);

	check_time(load, load->chain[0], "server");
	for (unsigned i = 1; i < load->n_chain; i++)
		check_time(load, load->chain[i], "intermediate");
	if (algorithm == GNUTLS_PK_RSA && bits < MIN_RSA_BITS)
		report_warning(load->report, FAULT_WEAK_KEY, &load->settings->place, NULL,
			       "the key of '%s' has %u bits; partners may refuse less than %d",
			       load->settings->name, bits, MIN_RSA_BITS);
	if (identity->n_names == 0)
		report_warning(load->report, FAULT_CERTIFICATE_NAME, &load->settings->place,
			       NULL, "the certificate of '%s' names no domain (RFC 5922)",
			       load->settings->name);
	if (identity->has_eku && !identity->has_server_auth && !identity->has_any_eku)
		report_warning(load->report, FAULT_CERTIFICATE_USAGE, &load->settings->place,
			       NULL,
			       "the certificate of '%s' is not for servers (no serverAuth)",
			       load->settings->name);
}

static enum err read_identity(struct load *load, struct credentials *credentials)
{
	gnutls_hash_hd_t hash;
	unsigned char digest[32];
	enum err err = ERR_OK;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < load->n_chain && err == ERR_OK; i++) {
		gnutls_datum_t der = { 0 };
		if (gnutls_x509_crt_export2(load->chain[i], GNUTLS_X509_FMT_DER, &der) < 0) {
			err = ERR_NO_MEMORY;
			break;
		}
		gnutls_hash(hash, der.data, der.size);
		if (i == 0)
			err = identity_from_der(der.data, der.size, &credentials->identity);
		gnutls_free(der.data);
	}
	gnutls_hash_deinit(hash, digest);
	text_hex(digest, sizeof(digest), credentials->fingerprint);
	return err;
}

static void note_end(struct credentials *credentials, gnutls_x509_crt_t const *chain)
{
	gnutls_datum_t text = { 0 };
	unsigned first = 0;

	for (unsigned i = 1; i < credentials->n_chain; i++) {
		if (gnutls_x509_crt_get_expiration_time(chain[i]) <
		    gnutls_x509_crt_get_expiration_time(chain[first]))
			first = i;
	}
	credentials->not_after = gnutls_x509_crt_get_expiration_time(chain[first]);
	if (first == 0 || gnutls_x509_crt_get_dn3(chain[first], &text, 0) < 0)
		return;
	text_copy(credentials->ends_first, sizeof(credentials->ends_first),
		  (const char *)text.data);
	gnutls_free(text.data);
}

/* Turns what was loaded into what a handshake uses. */
static enum err fill(struct load *load, struct credentials *credentials)
{
	text_copy(credentials->name, sizeof(credentials->name), load->settings->name);
	credentials->algorithm = gnutls_x509_crt_get_pk_algorithm(load->chain[0], NULL);
	for (unsigned i = 0; i < load->n_chain; i++) {
		if (gnutls_pcert_import_x509(&credentials->chain[i], load->chain[i], 0) < 0)
			return ERR_NO_MEMORY;
		credentials->n_chain++;
	}
	note_end(credentials, load->chain);
	if (gnutls_privkey_init(&credentials->key) < 0 ||
	    gnutls_privkey_import_x509(credentials->key, load->file.key,
				       GNUTLS_PRIVKEY_IMPORT_COPY) < 0)
		return ERR_NO_MEMORY;
	return read_identity(load, credentials);
}

enum err credentials_load(const struct settings_certificate *certificate, struct report *report,
			  struct credentials **out)
{
	struct load load = { .settings = certificate, .report = report };
	enum err err;

	struct credentials *credentials = calloc(1, sizeof(*credentials));
	if (!credentials)
		return ERR_NO_MEMORY;
	credentials->n_refs = 1;

	err = certificate_file_read(certificate, report, &load.file);
	if (err == ERR_OK)
		err = find_leaf(&load);
	if (err == ERR_OK) {
		link_chain(&load);
		err = fill(&load, credentials);
	}
	if (err == ERR_OK)
		check_leaf(&load, credentials->identity);
	certificate_file_fini(&load.file);
	for (unsigned i = 0; i < load.n_chain; i++)
		gnutls_x509_crt_deinit(load.chain[i]);
	if (err != ERR_OK) {
		credentials_unref(credentials);
		return err;
	}
	*out = credentials;
	return ERR_OK;
}

struct credentials *credentials_ref(struct credentials *credentials)
{
	__atomic_add_fetch(&credentials->n_refs, 1, __ATOMIC_RELAXED);
	return credentials;
}

struct credentials *credentials_unref(struct credentials *credentials)
{
	if (!credentials || __atomic_sub_fetch(&credentials->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	for (unsigned i = 0; i < credentials->n_chain; i++)
		gnutls_pcert_deinit(&credentials->chain[i]);
	if (credentials->key)
		gnutls_privkey_deinit(credentials->key);
	identity_unref(credentials->identity);
	free(credentials);
	return NULL;
}

unsigned credentials_n_chain(const struct credentials *credentials)
{
	return credentials->n_chain;
}

const char *credentials_name(const struct credentials *credentials)
{
	return credentials->name;
}

const struct identity *credentials_identity(const struct credentials *credentials)
{
	return credentials->identity;
}

int64_t credentials_not_after(const struct credentials *credentials, const char **out_which)
{
	if (out_which)
		*out_which = credentials->ends_first;
	return credentials->not_after;
}

const char *credentials_fingerprint(const struct credentials *credentials)
{
	return credentials ? credentials->fingerprint : "";
}
