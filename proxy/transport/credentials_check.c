#include "proxy/transport/credentials_check.h"

#include <stdio.h>

#include "proxy/transport/credentials_gnutls.h"

/* Our chain in the form in which it can be verified. */
struct shown {
	gnutls_x509_crt_t crts[TLS_MAX_CHAIN];
	unsigned n;
};

static void free_shown(struct shown *shown)
{
	for (unsigned i = 0; i < shown->n; i++)
		gnutls_x509_crt_deinit(shown->crts[i]);
}

static bool take(const struct credentials *credentials, struct shown *shown)
{
	shown->n = 0;
	for (unsigned i = 0; i < credentials->n_chain; i++) {
		if (gnutls_pcert_export_x509((gnutls_pcert_st *)&credentials->chain[i],
					     &shown->crts[i]) < 0)
			return false;
		shown->n++;
	}
	return shown->n > 0;
}

static bool leads_to(gnutls_x509_trust_list_t anchors, struct shown *shown)
{
	unsigned status = 0;

	return gnutls_x509_trust_list_verify_crt2(anchors, shown->crts, shown->n, NULL, 0,
						  GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
							  GNUTLS_VERIFY_DISABLE_CRL_CHECKS,
						  &status, NULL) >= 0 &&
	       !(status & GNUTLS_CERT_SIGNER_NOT_FOUND);
}

static bool leads_to_system(struct shown *shown)
{
	gnutls_x509_trust_list_t anchors;
	bool does = false;

	if (gnutls_x509_trust_list_init(&anchors, 0) < 0)
		return true; /* not known: nothing is said */
	if (gnutls_x509_trust_list_add_system_trust(anchors, 0, 0) > 0)
		does = leads_to(anchors, shown);
	gnutls_x509_trust_list_deinit(anchors, 1);
	return does;
}

/* The issuer of the top, and where it can be fetched. False if it does not say. */
static bool describe_missing(gnutls_x509_crt_t top, char *out, size_t size)
{
	gnutls_datum_t uri = { 0 }, issuer = { 0 };

	if (gnutls_x509_crt_get_authority_info_access(top, 0, GNUTLS_IA_CAISSUERS_URI, &uri,
						      NULL) < 0)
		return false;
	if (gnutls_x509_crt_get_issuer_dn3(top, &issuer, 0) < 0)
		issuer = (gnutls_datum_t){ 0 };
	snprintf(out, size, "its chain lacks the certificate of %.*s, which stands at %.*s",
		 (int)issuer.size, issuer.data ? (char *)issuer.data : "", (int)uri.size,
		 (char *)uri.data);
	gnutls_free(issuer.data);
	gnutls_free(uri.data);
	return true;
}

bool credentials_check_lacks_issuer(const struct credentials *credentials,
				    const struct tls_trust *trust, char *out, size_t size)
{
	struct shown shown;
	bool lacks = false;

	if (take(credentials, &shown)) {
		gnutls_x509_crt_t top = shown.crts[shown.n - 1];

		lacks = !gnutls_x509_crt_check_issuer(top, top) &&
			describe_missing(top, out, size) && !leads_to(trust->anchors, &shown) &&
			!leads_to_system(&shown);
	}
	free_shown(&shown);
	return lacks;
}

bool credentials_check_may_sign(const struct credentials *credentials)
{
	unsigned usage = 0, is_critical;
	struct shown shown;
	bool may = true;

	if (take(credentials, &shown))
		may = gnutls_x509_crt_get_key_usage(shown.crts[0], &usage, &is_critical) < 0 ||
		      usage & GNUTLS_KEY_DIGITAL_SIGNATURE;
	free_shown(&shown);
	return may;
}

const char *credentials_check_key(const struct credentials *credentials, char *out, size_t size)
{
	unsigned bits = 0;
	int algorithm = gnutls_pubkey_get_pk_algorithm(credentials->chain[0].pubkey, &bits);
	const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm);

	snprintf(out, size, "%s %u", name ? name : "unknown", bits);
	return out;
}
