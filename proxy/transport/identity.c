#include "proxy/transport/identity.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/addr.h"
#include "proxy/base/text.h"

enum {
	MAX_ALTERNATIVES = 512, /* SAN entries that are looked at */
	MAX_USAGES = 32,
	MAX_URI = IDENTITY_NAME_SIZE + 64,
};

/* RFC 5924 §4.1 */
static const char SIP_DOMAIN_OID[] = "1.3.6.1.5.5.7.3.20";

/* A domain name as we compare them; "*.example.com" keeps its star, any other star is no name.
 * An address is none either: RFC 5922 §7.1 knows only domains. */
static bool normalise(const char *text, char out[IDENTITY_NAME_SIZE])
{
	bool is_wildcard = text_starts_with(text, "*.");
	const char *domain = is_wildcard ? text + 2 : text;

	if (strchr(domain, '*') || strchr(domain, ':'))
		return false;
	if (!text_domain(domain, out + (is_wildcard ? 2 : 0), IDENTITY_NAME_SIZE - 2))
		return false;
	if (is_wildcard)
		memcpy(out, "*.", 2);
	return !is_wildcard || strchr(out + 2, '.');
}

static enum err add_name(struct identity *identity, enum identity_name_kind kind,
			 const char *text)
{
	char name[IDENTITY_NAME_SIZE];

	if (identity->n_names >= IDENTITY_MAX_NAMES || !normalise(text, name))
		return ERR_OK; /* nobody can be known by it */

	struct identity_name *names =
		realloc(identity->names, (identity->n_names + 1) * sizeof(*names));
	if (!names)
		return ERR_NO_MEMORY;
	identity->names = names;
	names[identity->n_names].kind = kind;
	memcpy(names[identity->n_names].text, name, sizeof(name));
	identity->n_names++;
	return ERR_OK;
}

/* RFC 5922 §7.1: only sip URIs, never one with a user part, which names a person and no
 * domain. */
static enum err add_uri(struct identity *identity, const char *uri)
{
	char host[MAX_URI];

	if (strncasecmp(uri, "sip:", 4) != 0 || strchr(uri, '@'))
		return ERR_OK;
	if (!text_copy_len(host, sizeof(host), uri + 4, strcspn(uri + 4, ":;?")))
		return ERR_OK;
	return add_name(identity, IDENTITY_URI, host);
}

/* iPAddress holds the bytes of the address (RFC 5280 §4.2.1.6). */
static enum err add_address(struct identity *identity, const char *bytes, size_t len)
{
	char text[ADDR_TEXT_SIZE];
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct addr addr;

	if (len == sizeof(in4.sin_addr)) {
		memcpy(&in4.sin_addr, bytes, len);
		addr_from_sockaddr(&addr, (const struct sockaddr *)&in4, sizeof(in4));
	} else if (len == sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, bytes, len);
		addr_from_sockaddr(&addr, (const struct sockaddr *)&in6, sizeof(in6));
	} else {
		return ERR_OK;
	}
	return add_name(identity, IDENTITY_IP, addr_host(&addr, text));
}

/* Reads the SAN; out_found tells whether the extension is there with anything in it. */
static enum err read_alternatives(struct identity *identity, gnutls_x509_crt_t crt,
				  bool *out_found)
{
	*out_found = false;
	for (unsigned i = 0; i < MAX_ALTERNATIVES; i++) {
		char text[MAX_URI];
		size_t size = sizeof(text) - 1;
		unsigned type = 0;
		enum err err = ERR_OK;

		int result =
			gnutls_x509_crt_get_subject_alt_name2(crt, i, text, &size, &type, NULL);
		if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		*out_found = true;
		if (result < 0 || size >= sizeof(text))
			continue; /* longer than any name, or a kind that is not read */
		if (type == GNUTLS_SAN_IPADDRESS) {
			err = add_address(identity, text, size);
			if (err != ERR_OK)
				return err;
			continue;
		}
		text[size] = '\0';
		if (memchr(text, '\0', size))
			continue; /* "good.example\0.evil.example" */
		if (type == GNUTLS_SAN_DNSNAME)
			err = add_name(identity, IDENTITY_DNS, text);
		else if (type == GNUTLS_SAN_URI)
			err = add_uri(identity, text);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* RFC 5922 §7.1 allows the CN only where there is no subjectAltName. Of several, none is
 * meant. */
static enum err read_common_name(struct identity *identity, gnutls_x509_crt_t crt)
{
	char text[IDENTITY_NAME_SIZE], other[IDENTITY_NAME_SIZE];
	size_t size = sizeof(text) - 1, other_size = sizeof(other);
	gnutls_datum_t ace = { 0 };

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 1, 0, other,
					  &other_size) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return ERR_OK;
	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) <
		    0 ||
	    size >= sizeof(text) || memchr(text, '\0', size))
		return ERR_OK;
	text[size] = '\0';

	/* A CN is UTF-8; what we compare with is the ACE form (RFC 5891). */
	if (gnutls_idna_map(text, (unsigned)size, &ace, 0) < 0)
		return ERR_OK;
	enum err err = add_name(identity, IDENTITY_CN, (const char *)ace.data);
	gnutls_free(ace.data);
	return err;
}

static void add_usage(struct identity *identity, const gnutls_datum_t *bytes)
{
	char oid[128];

	if (!text_copy_len(oid, sizeof(oid), (const char *)bytes->data, bytes->size))
		return;
	identity->has_server_auth |= strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0;
	identity->has_client_auth |= strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0;
	identity->has_sip_domain |= strcmp(oid, SIP_DOMAIN_OID) == 0;
	identity->has_any_eku |= strcmp(oid, GNUTLS_KP_ANY) == 0;
}

/* At once: asked for each by its number GnuTLS would take the whole extension apart for
 * each. */
static enum err read_usages(struct identity *identity, gnutls_x509_crt_t crt)
{
	gnutls_x509_key_purposes_t usages = NULL;
	gnutls_datum_t bytes = { 0 }, oid;
	enum err err = ERR_OK;
	int result = gnutls_x509_crt_get_extension_by_oid2(
		crt, GNUTLS_X509EXT_OID_EXTENDED_KEY_USAGE, 0, &bytes, NULL);

	/* also one that cannot be read: it allows nothing */
	identity->has_eku = result != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
	if (result < 0)
		return ERR_OK;
	if (gnutls_x509_key_purpose_init(&usages) < 0)
		err = ERR_NO_MEMORY;
	else
		(void)gnutls_x509_ext_import_key_purposes(&bytes, usages, 0);
	for (unsigned i = 0;
	     !err && i < MAX_USAGES && gnutls_x509_key_purpose_get(usages, i, &oid) >= 0; i++)
		add_usage(identity, &oid);
	if (usages)
		gnutls_x509_key_purpose_deinit(usages);
	gnutls_free(bytes.data);
	return err;
}

static enum err read_certificate(struct identity *identity, gnutls_x509_crt_t crt)
{
	unsigned char sha256[32];
	size_t size = sizeof(sha256);
	gnutls_datum_t issuer = { 0 };
	bool has_alternatives = false;

	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, sha256, &size) < 0)
		return ERR_SYNTAX;
	text_hex(sha256, sizeof(sha256), identity->sha256);
	identity->not_before = gnutls_x509_crt_get_activation_time(crt);
	identity->not_after = gnutls_x509_crt_get_expiration_time(crt);
	if (gnutls_x509_crt_get_issuer_dn3(crt, &issuer, 0) >= 0) {
		text_copy(identity->issuer, sizeof(identity->issuer),
			  (const char *)issuer.data);
		gnutls_free(issuer.data);
	}

	enum err err = read_usages(identity, crt);
	if (err == ERR_OK)
		err = read_alternatives(identity, crt, &has_alternatives);
	if (err == ERR_OK && !has_alternatives)
		err = read_common_name(identity, crt);
	return err;
}

enum err identity_from_der(const void *der, size_t len, struct identity **out)
{
	gnutls_datum_t datum = { .data = (unsigned char *)der, .size = (unsigned)len };
	gnutls_x509_crt_t crt = NULL;
	enum err err = ERR_SYNTAX;

	struct identity *identity = calloc(1, sizeof(*identity));
	if (!identity || gnutls_x509_crt_init(&crt) < 0) {
		free(identity);
		return ERR_NO_MEMORY;
	}
	identity->n_refs = 1;
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) >= 0)
		err = read_certificate(identity, crt);
	gnutls_x509_crt_deinit(crt);
	if (err != ERR_OK) {
		identity_unref(identity);
		return err;
	}
	*out = identity;
	return ERR_OK;
}

struct identity *identity_ref(struct identity *identity)
{
	__atomic_add_fetch(&identity->n_refs, 1, __ATOMIC_RELAXED);
	return identity;
}

struct identity *identity_unref(struct identity *identity)
{
	if (identity && __atomic_sub_fetch(&identity->n_refs, 1, __ATOMIC_ACQ_REL) == 0) {
		free(identity->names);
		free(identity);
	}
	return NULL;
}

/* A wildcard stands for exactly one label, the leftmost (RFC 6125 §6.4.3). */
static bool wildcard_matches(const char *name, const char *domain)
{
	const char *dot = strchr(domain, '.');

	return dot && dot > domain && text_equal_nocase(name + 1, dot);
}

bool identity_matches(const struct identity *identity, const char *domain, bool allow_wildcard,
		      const char **out_name, bool *out_wildcard_only)
{
	char wanted[IDENTITY_NAME_SIZE];
	const char *wildcard = NULL;

	if (out_wildcard_only)
		*out_wildcard_only = false;
	/* A pattern is not a name: nobody is asked whether he is "*.example". */
	if (!normalise(domain, wanted) || wanted[0] == '*')
		return false;

	for (size_t i = 0; i < identity->n_names; i++) {
		const char *name = identity->names[i].text;
		if (strcmp(name, wanted) == 0) {
			if (out_name)
				*out_name = name;
			return true;
		}
		if (name[0] == '*' && !wildcard && wildcard_matches(name, wanted))
			wildcard = name;
	}
	if (!wildcard)
		return false;
	if (!allow_wildcard) {
		if (out_wildcard_only)
			*out_wildcard_only = true;
		return false;
	}
	if (out_name)
		*out_name = wildcard;
	return true;
}

const char *identity_text(const struct identity *identity, char *out, size_t size)
{
	size_t len = 0;

	if (size == 0)
		return "";
	out[0] = '\0';
	for (size_t i = 0; i < identity->n_names; i++) {
		const char *name = identity->names[i].text;
		size_t separator_len = len ? 2 : 0;
		if (len + separator_len + strlen(name) >= size)
			break;
		memcpy(out + len, ", ", separator_len);
		len += separator_len;
		memcpy(out + len, name, strlen(name) + 1);
		len += strlen(name);
	}
	return out;
}
