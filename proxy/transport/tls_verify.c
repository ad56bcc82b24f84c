#include "proxy/transport/tls_verify.h"

#include <gnutls/x509.h>
#include <gnutls/x509-ext.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/base/text.h"
#include "proxy/transport/tls_inside.h"

enum {
	DAY_S = 86400,
	MAX_CERTIFICATE = 16 * 1024, /* bytes; the longest that are sold have half of it */
	MAX_CHAIN_BYTES = 32 * 1024,
};

/* The chain that a peer showed, in the order from its leaf upwards. */
struct chain {
	gnutls_x509_crt_t crts[TLS_MAX_CHAIN];
	unsigned n;
};

static enum reason refuse(struct tls_session *session, gnutls_x509_crt_t crt,
			  enum reason reason)
{
	tls_describe_failed(session->diagnosis, crt);
	return reason;
}

static bool is_self_signed(gnutls_x509_crt_t crt)
{
	return gnutls_x509_crt_check_issuer(crt, crt) != 0;
}

static bool import_all(const gnutls_datum_t *ders, unsigned n, struct chain *chain)
{
	for (unsigned i = 0; i < n; i++) {
		if (gnutls_x509_crt_init(&chain->crts[i]) < 0)
			return false;
		chain->n++;
		if (gnutls_x509_crt_import(chain->crts[i], &ders[i], GNUTLS_X509_FMT_DER) < 0)
			return false;
	}
	return true;
}

/* Puts the issuers in order behind the leaf; returns how many belong to the path. What some
 * servers send beside it (old roots, neighbours) is not looked at. */
static unsigned order_path(struct chain *chain)
{
	unsigned n = 1;

	while (n < chain->n && !is_self_signed(chain->crts[n - 1])) {
		unsigned i = n;
		while (i < chain->n &&
		       !gnutls_x509_crt_check_issuer(chain->crts[n - 1], chain->crts[i]))
			i++;
		if (i == chain->n)
			break;
		gnutls_x509_crt_t issuer = chain->crts[i];
		chain->crts[i] = chain->crts[n];
		chain->crts[n++] = issuer;
	}
	return n;
}

static const char *which(unsigned i)
{
	return i == 0 ? "leaf" : "intermediate";
}

static bool is_known_organisation(const struct tls_trust *trust, gnutls_x509_crt_t crt)
{
	char name[256];
	size_t size = sizeof(name);

	if (gnutls_x509_crt_get_issuer_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0,
						 name, &size) < 0)
		return false;
	for (size_t i = 0; i < trust->n_organisations; i++) {
		if (strcmp(trust->organisations[i], name) == 0)
			return true;
	}
	return false;
}

/* Nobody whom we trust has signed the top of the path. Whether the CA is strange to us or only
 * its intermediate was left out cannot be known for sure: an issuer that tells where to fetch
 * it (AIA) is no root, and one of an organisation whose root we have is most likely its
 * intermediate. */
static enum reason judge_untrusted(struct tls_session *session, const struct chain *path)
{
	gnutls_x509_crt_t top = path->crts[path->n - 1];
	struct tls_diagnosis *diagnosis = session->diagnosis;

	tls_describe_failed(diagnosis, top);
	if (is_self_signed(top)) {
		snprintf(diagnosis->verify, sizeof(diagnosis->verify),
			 "%s is self-signed and not trusted",
			 path->n == 1 ? "the certificate" : "the root that was sent");
		return path->n == 1 ? REASON_TLS_SELF_SIGNED : REASON_TLS_UNKNOWN_CA;
	}
	bool has_url = tls_describe_issuer_url(top, diagnosis->issuer_url,
					       sizeof(diagnosis->issuer_url));
	bool is_missing = has_url || is_known_organisation(session->trust, top);
	snprintf(diagnosis->verify, sizeof(diagnosis->verify),
		 "the issuer was neither sent nor is it trusted%s%s",
		 is_missing ? "; it looks like an intermediate" : "",
		 has_url ? " (obtainable by AIA)" : "");
	return is_missing ? REASON_TLS_INCOMPLETE_CHAIN : REASON_TLS_UNKNOWN_CA;
}

static enum reason check_revoked(struct tls_session *session, const struct chain *path)
{
	const struct tls_trust *trust = session->trust;

	for (unsigned i = 0; i < path->n && trust->n_crls > 0; i++) {
		if (gnutls_x509_crt_check_revocation(path->crts[i], trust->crls,
						     (unsigned)trust->n_crls) != 1)
			continue;
		snprintf(session->diagnosis->verify, sizeof(session->diagnosis->verify),
			 "the %s certificate is revoked", which(i));
		return refuse(session, path->crts[i], REASON_TLS_REVOKED);
	}
	return REASON_NONE;
}

/* Nobody issues a certificate for tomorrow: one of the clocks goes wrong. */
static void note_skew(struct tls_diagnosis *diagnosis, time_t early_s)
{
	size_t len = strlen(diagnosis->verify);
	char left[32];

	if (early_s < DAY_S)
		snprintf(
			diagnosis->verify + len, sizeof(diagnosis->verify) - len,
			", which is in %s: most likely a clock is wrong, ours or that of its CA",
			text_duration((uint64_t)early_s * 1000, left));
}

static enum reason check_times(struct tls_session *session, const struct chain *path)
{
	time_t now = time(NULL);

	for (unsigned i = 0; i < path->n; i++) {
		time_t begin = gnutls_x509_crt_get_activation_time(path->crts[i]),
		       end = gnutls_x509_crt_get_expiration_time(path->crts[i]);
		char text[32];

		if (begin <= now && now <= end)
			continue;
		text_time((uint64_t)(now > end ? end : begin) * 1000000, text);
		snprintf(session->diagnosis->verify, sizeof(session->diagnosis->verify),
			 "the %s certificate %s %s", which(i),
			 now > end ? "expired on" : "is not valid before", text);
		if (now < begin)
			note_skew(session->diagnosis, begin - now);
		return refuse(session, path->crts[i],
			      now > end ? REASON_TLS_EXPIRED : REASON_TLS_NOT_YET_VALID);
	}
	return REASON_NONE;
}

/* The root is not looked at: it is trusted for being ours, not for its signature. */
static enum reason check_strength(struct tls_session *session, const struct chain *path)
{
	unsigned min_rsa = session->trust->min_key_bits;
	unsigned min_ec = gnutls_sec_param_to_pk_bits(
		GNUTLS_PK_ECDSA, gnutls_pk_bits_to_sec_param(GNUTLS_PK_RSA, min_rsa));

	for (unsigned i = 0; i < path->n; i++) {
		gnutls_x509_crt_t crt = path->crts[i];
		unsigned bits = 0;
		int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
		bool is_rsa = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS ||
			      algorithm == GNUTLS_PK_DSA;

		if (is_self_signed(crt) && i > 0)
			break;
		if (algorithm < 0 || bits < (is_rsa ? min_rsa : min_ec)) {
			snprintf(session->diagnosis->verify, sizeof(session->diagnosis->verify),
				 "the key of the %s certificate has %u bits, less than %u",
				 which(i), bits, is_rsa ? min_rsa : min_ec);
			return refuse(session, crt, REASON_TLS_WEAK_KEY);
		}
		int signature = gnutls_x509_crt_get_signature_algorithm(crt);
		if (!is_self_signed(crt) &&
		    !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)signature,
					    GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS)) {
			const char *name =
				gnutls_sign_get_name((gnutls_sign_algorithm_t)signature);
			snprintf(session->diagnosis->verify, sizeof(session->diagnosis->verify),
				 "the %s certificate is signed with %s", which(i),
				 name ? name : "?");
			return refuse(session, crt, REASON_TLS_WEAK_SIGNATURE);
		}
	}
	return REASON_NONE;
}

/* RFC 5924 §4: a certificate without the extension is for everything; sipDomain is meant for
 * us. */
static enum reason check_usage(struct tls_session *session, gnutls_x509_crt_t leaf)
{
	const struct identity *identity = session->identity;
	bool is_good = !identity->has_eku || identity->has_any_eku || identity->has_sip_domain;

	if (!session->is_server) {
		is_good |= identity->has_server_auth;
	} else {
		switch (session->trust->client_eku) {
		case EKU_ANY_TLS: /* the peer is a server: public CAs sell it no other
				     certificate (field.md G6) */
			is_good |= identity->has_server_auth || identity->has_client_auth;
			break;
		case EKU_STRICT:
			is_good = identity->has_client_auth;
			break;
		case EKU_SIP:
			break;
		}
	}
	if (is_good)
		return REASON_NONE;
	snprintf(session->diagnosis->verify, sizeof(session->diagnosis->verify),
		 "its extended key usage has%s%s%s",
		 identity->has_server_auth ? " serverAuth" : "",
		 identity->has_client_auth ? " clientAuth" : "",
		 identity->has_server_auth || identity->has_client_auth ? " only"
									: " no use of TLS");
	return refuse(session, leaf, REASON_TLS_USAGE);
}

/* RFC 5922 §7.4: the server must be whom we called. */
static enum reason check_names(struct tls_session *session, gnutls_x509_crt_t leaf)
{
	bool had_wildcard = false;

	if (session->is_server)
		return REASON_NONE;
	for (unsigned i = 0; i < session->n_names; i++) {
		bool is_wildcard = false;
		if (identity_matches(session->identity, session->names[i],
				     session->allow_wildcard, NULL, &is_wildcard))
			return REASON_NONE;
		had_wildcard |= is_wildcard;
	}
	return refuse(session, leaf,
		      had_wildcard ? REASON_TLS_WILDCARD : REASON_TLS_NAME_MISMATCH);
}

static void note_status(struct tls_diagnosis *diagnosis, unsigned status)
{
	gnutls_datum_t text = { 0 };

	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
		return;
	text_copy(diagnosis->verify, sizeof(diagnosis->verify), (const char *)text.data);
	gnutls_free(text.data);
}

/* What the trust list says about signatures and constraints; times and revocation have been
 * looked at by then, as it does not tell which certificate it means. */
static enum reason check_trust(struct tls_session *session, struct chain *path)
{
	unsigned status = 0;

	int result = gnutls_x509_trust_list_verify_crt2(
		session->trust->anchors, path->crts, path->n, NULL, 0,
		GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_CRL_CHECKS, &status,
		NULL);
	if (result < 0) {
		text_copy(session->diagnosis->verify, sizeof(session->diagnosis->verify),
			  gnutls_strerror(result));
		return refuse(session, path->crts[0], REASON_TLS_BAD_CERTIFICATE);
	}
	if (status == 0)
		return REASON_NONE;
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
		return judge_untrusted(session, path);
	note_status(session->diagnosis, status);
	if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
		return refuse(session, path->crts[0], REASON_TLS_WEAK_SIGNATURE);
	if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
		return refuse(session, path->crts[0], REASON_TLS_USAGE);
	if (status & (GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE))
		return refuse(session, path->crts[0], REASON_TLS_CONSTRAINTS);
	return refuse(session, path->crts[0], REASON_TLS_BAD_CERTIFICATE);
}

/* All but the names. */
static enum reason check_certificates(struct tls_session *session, struct chain *path)
{
	enum reason reason = check_strength(session, path);

	if (reason == REASON_NONE)
		reason = check_trust(session, path);
	if (reason == REASON_NONE)
		reason = check_revoked(session, path);
	if (reason == REASON_NONE)
		reason = check_times(session, path);
	if (reason == REASON_NONE)
		reason = check_usage(session, path->crts[0]);
	return reason;
}

static enum reason check_path(struct tls_session *session, struct chain *path)
{
	enum reason reason = check_certificates(session, path);

	return reason == REASON_NONE ? check_names(session, path->crts[0]) : reason;
}

static void free_chain(struct chain *chain)
{
	for (unsigned i = 0; i < chain->n; i++)
		gnutls_x509_crt_deinit(chain->crts[i]);
}

/* What GnuTLS needs for the names of a certificate grows with the square of its length: a tenth
 * of a second for a hundred kilobytes, which a handshake may have, and before anybody knows
 * whose certificate it is. */
static bool is_too_large(const gnutls_datum_t *ders, unsigned n,
			 struct tls_diagnosis *diagnosis)
{
	size_t longest = 0, all = 0;

	for (unsigned i = 0; i < n; i++) {
		all += ders[i].size;
		longest = ders[i].size > longest ? ders[i].size : longest;
	}
	if (longest <= MAX_CERTIFICATE && all <= MAX_CHAIN_BYTES)
		return false;
	snprintf(diagnosis->verify, sizeof(diagnosis->verify),
		 "%zu bytes of certificates, one of %zu, are too many", all, longest);
	return true;
}

enum reason tls_verify_peer(struct tls_session *session)
{
	struct tls_diagnosis *diagnosis = session->diagnosis;
	struct chain chain = { .n = 0 };
	enum reason reason = REASON_TLS_BAD_CERTIFICATE;
	unsigned n = 0;

	const gnutls_datum_t *ders = gnutls_certificate_get_peers(session->gnutls, &n);
	if (!ders || n == 0)
		return session->is_server ? REASON_TLS_NO_CLIENT_CERTIFICATE
					  : REASON_TLS_BAD_CERTIFICATE;
	if (session->identity || !diagnosis) /* a second certificate in one session */
		return REASON_TLS_BAD_CERTIFICATE;
	if (n > TLS_MAX_CHAIN) {
		snprintf(diagnosis->verify, sizeof(diagnosis->verify),
			 "%u certificates are too many", n);
		return REASON_TLS_BAD_CERTIFICATE;
	}
	if (is_too_large(ders, n, diagnosis))
		return REASON_TLS_BAD_CERTIFICATE;
	if (import_all(ders, n, &chain) &&
	    identity_from_der(ders[0].data, ders[0].size, &session->identity) == ERR_OK) {
		struct chain path = chain;
		path.n = order_path(&path);
		tls_look_note(session, path.crts, path.n, n);
		identity_text(session->identity, diagnosis->presented,
			      sizeof(diagnosis->presented));
		reason = check_path(session, &path);
	}
	free_chain(&chain);
	return reason;
}

static int64_t earliest_end(const struct chain *path)
{
	int64_t earliest = gnutls_x509_crt_get_expiration_time(path->crts[0]);

	for (unsigned i = 1; i < path->n; i++) {
		int64_t end = gnutls_x509_crt_get_expiration_time(path->crts[i]);
		if (end < earliest)
			earliest = end;
	}
	return earliest;
}

enum err tls_verify_keep(const struct tls_session *session, struct peer_chain **out)
{
	struct chain chain = { .n = 0 };
	struct peer_chain *kept = NULL;
	size_t size = 0;
	unsigned n = 0;

	const gnutls_datum_t *ders = gnutls_certificate_get_peers(session->gnutls, &n);
	if (!ders || n == 0)
		return ERR_NOT_FOUND;
	if (n > TLS_MAX_CHAIN || n > PEER_CHAIN_MAX)
		return ERR_TOO_LARGE;
	for (unsigned i = 0; i < n; i++)
		size += ders[i].size;
	enum err err = peer_chain_new(size, &kept);
	if (err != ERR_OK)
		return err;
	if (!import_all(ders, n, &chain)) {
		free_chain(&chain);
		peer_chain_unref(kept);
		return ERR_INVALID;
	}
	struct chain path = chain;
	path.n = order_path(&path);
	for (unsigned i = 0; i < n; i++)
		peer_chain_add(kept, ders[i].data, ders[i].size);
	kept->is_inbound = session->is_server;
	kept->not_after = earliest_end(&path);
	free_chain(&chain);
	*out = kept;
	return ERR_OK;
}

enum reason tls_verify_again(const struct peer_chain *kept, struct tls_trust *trust,
			     struct tls_diagnosis *out_diagnosis)
{
	struct tls_session session = { .is_server = kept->is_inbound,
				       .trust = trust,
				       .diagnosis = out_diagnosis };
	enum reason reason = REASON_TLS_BAD_CERTIFICATE;
	struct chain chain = { .n = 0 };
	gnutls_datum_t ders[PEER_CHAIN_MAX];
	size_t at = 0;

	for (unsigned i = 0; i < kept->n; i++) {
		ders[i] = (gnutls_datum_t){ .data = (unsigned char *)kept->bytes + at,
					    .size = (unsigned)kept->lens[i] };
		at += kept->lens[i];
	}
	if (import_all(ders, kept->n, &chain) &&
	    identity_from_der(ders[0].data, ders[0].size, &session.identity) == ERR_OK) {
		struct chain path = chain;
		path.n = order_path(&path);
		reason = check_certificates(&session, &path);
	}
	identity_unref(session.identity);
	free_chain(&chain);
	return reason;
}
