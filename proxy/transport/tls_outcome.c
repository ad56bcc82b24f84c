#include "proxy/transport/tls_inside.h"

#include <string.h>

/* GnuTLS goes down to a version that it was told not to speak, and then finds no cipher for
 * it. */
static bool is_version_refused(const struct tls_session *session)
{
	gnutls_protocol_t version = gnutls_protocol_get_version(session->gnutls);
	const unsigned *allowed = NULL;

	int n = gnutls_priority_protocol_list(session->trust->priorities[session->minimum],
					      &allowed);
	for (int i = 0; i < n; i++) {
		if (allowed[i] == (unsigned)version)
			return false;
	}
	return version != GNUTLS_VERSION_UNKNOWN;
}

/* What GnuTLS found wrong on our side. */
enum reason tls_reason_of_error(const struct tls_session *session, int result)
{
	switch (result) {
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED:
		return session->is_server ? REASON_TLS_NO_CLIENT_CERTIFICATE
					  : REASON_TLS_BAD_CERTIFICATE;
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return REASON_TLS_VERSION;
	case GNUTLS_E_NO_CIPHER_SUITES:
	case GNUTLS_E_NO_COMMON_KEY_SHARE:
	case GNUTLS_E_UNKNOWN_CIPHER_SUITE:
	case GNUTLS_E_UNWANTED_ALGORITHM:
	case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
	case GNUTLS_E_INSUFFICIENT_SECURITY:
	case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
	case GNUTLS_E_ECC_UNSUPPORTED_CURVE:
	case GNUTLS_E_INAPPROPRIATE_FALLBACK:
		return is_version_refused(session) ? REASON_TLS_VERSION : REASON_TLS_NO_CIPHER;
	case GNUTLS_E_KEY_USAGE_VIOLATION:
		return REASON_TLS_USAGE;
	case GNUTLS_E_CERTIFICATE_ERROR:
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
	case GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE:
	case GNUTLS_E_ASN1_DER_ERROR:
	case GNUTLS_E_ASN1_TAG_ERROR:
	case GNUTLS_E_PK_SIG_VERIFY_FAILED:
		return REASON_TLS_BAD_CERTIFICATE;
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
	case GNUTLS_E_SESSION_EOF:
		return REASON_TLS_PEER_CLOSED;
	default:
		return REASON_TLS_INTERNAL;
	}
}

/* What the peer did not like about us. handshake_failure says little; what had happened before
 * says more. */
enum reason tls_reason_of_alert(const struct tls_session *session, int alert)
{
	const struct tls_diagnosis *diagnosis = session->diagnosis;
	bool was_asked = !session->is_server && diagnosis->asked_certificate;

	switch (alert) {
	case GNUTLS_A_UNKNOWN_CA:
		return REASON_TLS_PEER_UNKNOWN_CA;
	case GNUTLS_A_CERTIFICATE_EXPIRED:
		return REASON_TLS_PEER_EXPIRED;
	case GNUTLS_A_CERTIFICATE_REVOKED:
		return REASON_TLS_PEER_REVOKED;
	case GNUTLS_A_BAD_CERTIFICATE:
	case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
	case GNUTLS_A_CERTIFICATE_UNKNOWN:
		return was_asked && !diagnosis->sent_certificate
			       ? REASON_TLS_PEER_WANTS_CERTIFICATE
			       : REASON_TLS_PEER_BAD_CERTIFICATE;
	case GNUTLS_A_CERTIFICATE_REQUIRED:
	case GNUTLS_A_SSL3_NO_CERTIFICATE:
		return REASON_TLS_PEER_WANTS_CERTIFICATE;
	case GNUTLS_A_PROTOCOL_VERSION:
		return REASON_TLS_PEER_VERSION;
	case GNUTLS_A_HANDSHAKE_FAILURE:
	case GNUTLS_A_INSUFFICIENT_SECURITY:
		if (was_asked) /* the cipher was agreed before that */
			return diagnosis->sent_certificate ? REASON_TLS_PEER_BAD_CERTIFICATE
							   : REASON_TLS_PEER_WANTS_CERTIFICATE;
		return REASON_TLS_PEER_NO_CIPHER;
	case GNUTLS_A_UNRECOGNIZED_NAME:
		return REASON_TLS_PEER_UNKNOWN_NAME;
	case GNUTLS_A_ACCESS_DENIED:
		return REASON_TLS_PEER_ACCESS_DENIED;
	case GNUTLS_A_CLOSE_NOTIFY:
	case GNUTLS_A_USER_CANCELED:
		return REASON_TLS_PEER_CLOSED;
	default:
		return REASON_TLS_ALERT;
	}
}

int tls_plain_alert(const struct tls_session *session, int result)
{
	static const unsigned char fatal[] = { 0x15, 0x03, 0x03, 0x00, 0x02, GNUTLS_AL_FATAL };

	if (result != GNUTLS_E_DECRYPTION_FAILED || session->is_handshaken ||
	    memcmp(session->last, fatal, sizeof(fatal)) != 0)
		return -1;
	return session->last[TLS_ALERT_SIZE - 1];
}

/* RFC 8446 §6.2, RFC 5246 §7.2.2: the partner's administrator reads this in his log. */
int tls_alert_for(const struct tls_session *session, enum reason reason, int result)
{
	int level = 0;

	switch (reason) {
	case REASON_TLS_EXPIRED:
	case REASON_TLS_NOT_YET_VALID:
		return GNUTLS_A_CERTIFICATE_EXPIRED;
	case REASON_TLS_REVOKED:
		return GNUTLS_A_CERTIFICATE_REVOKED;
	case REASON_TLS_UNKNOWN_CA:
	case REASON_TLS_SELF_SIGNED:
	case REASON_TLS_INCOMPLETE_CHAIN:
		return GNUTLS_A_UNKNOWN_CA;
	case REASON_TLS_USAGE:
		return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
	case REASON_TLS_NAME_MISMATCH:
	case REASON_TLS_WILDCARD:
		return GNUTLS_A_CERTIFICATE_UNKNOWN;
	case REASON_TLS_WEAK_KEY:
	case REASON_TLS_WEAK_SIGNATURE:
	case REASON_TLS_CONSTRAINTS:
	case REASON_TLS_BAD_CERTIFICATE:
		return GNUTLS_A_BAD_CERTIFICATE;
	case REASON_TLS_NO_CLIENT_CERTIFICATE:
		return gnutls_protocol_get_version(session->gnutls) == GNUTLS_TLS1_3
			       ? GNUTLS_A_CERTIFICATE_REQUIRED
			       : GNUTLS_A_HANDSHAKE_FAILURE;
	case REASON_TLS_VERSION:
		return GNUTLS_A_PROTOCOL_VERSION;
	case REASON_TLS_NO_CIPHER:
		return GNUTLS_A_HANDSHAKE_FAILURE;
	case REASON_TLS_PEER_CLOSED:
		return -1;
	default:
		return gnutls_error_to_alert(result, &level);
	}
}
