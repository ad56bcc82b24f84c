/* What the checks of the network (`nuncio selfcheck`, `nuncio partner check`) can find wrong:
 * one row each, with what it means for partners and who must act. What a connection or a
 * handshake fails with has the code of its reason instead (reason.h). docs/checks.md is
 * compared with the rows by a test. */
#pragma once

#include <stdbool.h>

enum check_code {
	CHECK_LISTENER,
	CHECK_SRV_MISSING,
	CHECK_SRV_NONE,
	CHECK_SRV_OUTSIDE,
	CHECK_SRV_CNAME,
	CHECK_SRV_PORT,
	CHECK_SRV_MANY,
	CHECK_DNS_SERVFAIL,
	CHECK_DNS_REFUSED,
	CHECK_DNS_TIMEOUT,
	CHECK_DNS_UNREACHABLE,
	CHECK_DNS_CUT,
	CHECK_DNS_NO_TCP,
	CHECK_DNS_SLOW,
	CHECK_DNS_DISAGREE,
	CHECK_ADDRESS_MISSING,
	CHECK_ADDRESS_IPV6_ONLY,
	CHECK_ADDRESS_PRIVATE,
	CHECK_ADDRESS_WRONG,
	CHECK_ADDRESS_OTHER,
	CHECK_NOT_REACHED,
	CHECK_CERT_NAME,
	CHECK_CERT_DOMAIN,
	CHECK_CERT_WILDCARD,
	CHECK_CERT_CHAIN,
	CHECK_CERT_ROOT,
	CHECK_CERT_SELF_SIGNED,
	CHECK_CERT_EXPIRED,
	CHECK_CERT_NOT_YET,
	CHECK_CERT_EXPIRES,
	CHECK_CERT_SERVER_USE,
	CHECK_CERT_CLIENT_USE,
	CHECK_CERT_WEAK_KEY,
	CHECK_CERT_WEAK_SIGNATURE,
	CHECK_CERT_KEY_USE,
	CHECK_CERT_REVOKED,
	CHECK_CERT_CONSTRAINTS,
	CHECK_TLS_OLD,
	CHECK_TLS_MISSING,
	CHECK_OPTIONS,
	CHECK_OPTIONS_REFUSED,
	CHECK_POLICY_OWN,
	CHECK_NOT_ASKED,
	CHECK_SPEAKS_TLS,
	N_CHECK_CODES
};

/* Whose part it is; the domain that is checked is ours or a partner's. */
enum check_part {
	CHECK_PART_DNS,
	CHECK_PART_CERTIFICATE,
	CHECK_PART_SERVER,
	CHECK_PART_CONFIGURATION
};

struct check_code_row {
	const char *code; /* stable */
	const char *fact; /* which fact it is about: "SRV" */
	enum check_part part;
	const char *means;  /* for which kind of partner */
	const char *remedy; /* where there is no better one to paste */
};

/* Never NULL for 0 <= code < N_CHECK_CODES. */
const struct check_code_row *check_code_row(enum check_code code);

/* "your DNS", "the partner's DNS", ... */
const char *check_actor(enum check_part part, bool is_ours);
