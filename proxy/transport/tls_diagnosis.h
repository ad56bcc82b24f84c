/* Why a handshake failed, in one record: direction, who refused whom, with which certificate of
 * the chain, and who must act (field.md G4). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"

struct tls_diagnosis {
	bool is_inbound;
	enum reason reason; /* REASON_NONE: it went well */
	struct addr remote;
	char peer[256]; /* partner or backend that was dialled; "" inbound */
	char listener[64];
	char sni[256];    /* asked for, or asked of us */
	char version[16]; /* "TLS1.3"; "" if none was agreed */
	char cipher[96];
	int alert; /* -1: none */
	bool alert_from_peer;
	char alert_text[64];
	char verify[256]; /* our verify result in words */
	/* the certificate of the chain that failed; its issuer is what is missing */
	char failed_subject[256], failed_issuer[256];
	char failed_serial[41], failed_sha256[65]; /* of that, in hex */
	/* of that; seconds since 1970, 0: none failed */
	int64_t failed_not_before, failed_not_after;
	/* where the missing issuer can be fetched, as the certificate says (AIA) */
	char issuer_url[160];
	char presented[512]; /* names the peer presented */
	char expected[512];  /* names we wanted */
	char ca_list[512];   /* issuers that the peer announced in its certificate request */
	/* inbound: the versions that the client offers, "TLS1.1, TLS1.0" or "TLS1.1 at most" */
	char offered[64];
	char our_names[256], our_issuer[256]; /* of the certificate that we showed */
	bool is_ours_listed; /* one of the issuers in ca_list issued it, or one of its chain */
	bool asked_certificate, sent_certificate; /* it asked us for one; we had one to send */
	uint64_t took_ms;
	/* one sentence for the administrator: what happened and which side must act */
	char text[512];
};

/* Fills text from the rest. */
void tls_diagnosis_explain(struct tls_diagnosis *diagnosis);
