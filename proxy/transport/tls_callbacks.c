#include "proxy/transport/tls_callbacks.h"

#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "proxy/transport/tls_inside.h"

/* How well a certificate of the listener answers the name that the client asked for. */
enum fit { FIT_PRESET, FIT_WILDCARD, FIT_EXACT };

static enum fit fit_of(const struct credentials *credentials, const char *sni)
{
	const char *name = NULL;

	if (!sni[0] || !identity_matches(credentials->identity, sni, true, &name, NULL))
		return FIT_PRESET;
	return name[0] == '*' ? FIT_WILDCARD : FIT_EXACT;
}

static bool can_use(const struct credentials *credentials,
		    const struct gnutls_cert_retr_st *info)
{
	if (info->pk_algos_length == 0)
		return true;
	for (unsigned i = 0; i < info->pk_algos_length; i++) {
		if (info->pk_algos[i] == credentials->algorithm)
			return true;
	}
	return false;
}

/* By SNI among the listener's certificates (RFC 6066 §3), the first where none fits; of two
 * that fit equally, RSA and ECDSA, the one that the client can verify. */
static const struct credentials *choose(const struct listener *listener, const char *sni,
					const struct gnutls_cert_retr_st *info)
{
	const struct credentials *best = NULL;
	unsigned best_score = 0;

	for (unsigned i = 0; i < listener->n_certificates; i++) {
		const struct credentials *credentials = listener->certificates[i];
		unsigned score =
			1 + 2 * fit_of(credentials, sni) + 6 * can_use(credentials, info);
		if (score > best_score) {
			best = credentials;
			best_score = score;
		}
	}
	return best;
}

static int on_retrieve(gnutls_session_t gnutls, const struct gnutls_cert_retr_st *info,
		       gnutls_pcert_st **out_chain, unsigned *out_n,
		       gnutls_ocsp_data_st **out_ocsp, unsigned *out_n_ocsp,
		       gnutls_privkey_t *out_key, unsigned *out_flags)
{
	struct tls_session *session = gnutls_session_get_ptr(gnutls);
	char sni[256];
	size_t len = sizeof(sni) - 1;
	unsigned type = 0;

	*out_n = 0;
	*out_chain = NULL;
	*out_key = NULL;
	*out_ocsp = NULL;
	*out_n_ocsp = 0;
	*out_flags = 0; /* all of it stays ours */
	if (session->is_server) {
		if (gnutls_server_name_get(gnutls, sni, &len, &type, 0) < 0)
			len = 0;
		sni[len] = '\0';
		session->shown = choose(session->listener, sni, info);
	} else {
		if (session->diagnosis)
			tls_describe_authorities(session->diagnosis, info);
		session->was_asked = true;
		session->shown = session->ours;
	}
	if (!session->shown)
		return 0;
	if (session->diagnosis)
		tls_describe_ours(session->diagnosis, session->shown, info);
	*out_chain = (gnutls_pcert_st *)session->shown->chain;
	*out_n = session->shown->n_chain;
	*out_key = session->shown->key;
	return 0;
}

static int on_verify(gnutls_session_t gnutls)
{
	struct tls_session *session = gnutls_session_get_ptr(gnutls);

	session->verdict = tls_verify_peer(session);
	if (session->look)
		return tls_look_conclude(session);
	return session->verdict == REASON_NONE ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

void tls_callbacks_set(gnutls_certificate_credentials_t server,
		       gnutls_certificate_credentials_t client)
{
	gnutls_certificate_set_retrieve_function3(server, on_retrieve);
	gnutls_certificate_set_retrieve_function3(client, on_retrieve);
	gnutls_certificate_set_verify_function(server, on_verify);
	gnutls_certificate_set_verify_function(client, on_verify);
}
