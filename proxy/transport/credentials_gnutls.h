/* What the TLS files, and nobody else, see of credentials.h: the GnuTLS objects in it. All of
 * it is read only once loaded, and so used by every worker at once (GnuTLS manual, "Thread
 * safety"). */
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"
#include "proxy/transport/credentials.h"

enum { TLS_MAX_CHAIN = 16 };

struct credentials {
	int n_refs; /* atomic */
	char name[64];
	gnutls_pcert_st chain[TLS_MAX_CHAIN]; /* leaf first, no root */
	unsigned n_chain;
	gnutls_privkey_t key;
	gnutls_pk_algorithm_t algorithm;
	struct identity *identity;
	int64_t not_after;    /* of the one that ends first */
	char ends_first[160]; /* which that is; "": the leaf */
	/* of the whole chain: equal means the same for a partner */
	char fingerprint[FINGERPRINT_SIZE];
};

struct tls_trust {
	int n_refs; /* atomic */
	gnutls_x509_trust_list_t anchors;
	gnutls_x509_crl_t *crls; /* the list owns what they point to */
	size_t n_crls;
	char **organisations; /* O= of the anchors: hints at a missing intermediate */
	size_t n_organisations;
	unsigned min_key_bits;
	enum conf_eku client_eku;
	gnutls_priority_t priorities[CONF_TLS_1_3 + 1]; /* by minimum; CONF_TLS_UNSET is NULL */
	/* empty but for the callbacks of tls.c */
	gnutls_certificate_credentials_t server, client;
	gnutls_datum_t ticket_key;
	char fingerprint[FINGERPRINT_SIZE]; /* of anchors, CRLs and policies */
};
