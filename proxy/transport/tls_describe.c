/* What of certificates goes into the record of a handshake: their failing one, ours, and the
 * CAs that they asked for. */
#include <gnutls/x509.h>
#include <gnutls/x509-ext.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/transport/tls_inside.h"

enum { SUPPORTED_VERSIONS = 43, MAX_SERIAL = 20 }; /* RFC 8446 §4.2.1; RFC 5280 §4.1.2.2 */

static void take_text(gnutls_datum_t *text, int result, char *out, size_t size)
{
	if (result >= 0)
		text_copy(out, size, (const char *)text->data);
	if (result >= 0)
		gnutls_free(text->data);
}

void tls_describe_failed(struct tls_diagnosis *diagnosis, gnutls_x509_crt_t crt)
{
	unsigned char bytes[64];
	size_t size = sizeof(bytes);
	gnutls_datum_t text = { 0 };

	take_text(&text, gnutls_x509_crt_get_dn3(crt, &text, 0), diagnosis->failed_subject,
		  sizeof(diagnosis->failed_subject));
	take_text(&text, gnutls_x509_crt_get_issuer_dn3(crt, &text, 0),
		  diagnosis->failed_issuer, sizeof(diagnosis->failed_issuer));
	if (gnutls_x509_crt_get_serial(crt, bytes, &size) >= 0 && size <= MAX_SERIAL)
		text_hex(bytes, size, diagnosis->failed_serial);
	size = sizeof(bytes);
	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, bytes, &size) >= 0)
		text_hex(bytes, size, diagnosis->failed_sha256);
	diagnosis->failed_not_before = gnutls_x509_crt_get_activation_time(crt);
	diagnosis->failed_not_after = gnutls_x509_crt_get_expiration_time(crt);
}

bool tls_describe_issuer_url(gnutls_x509_crt_t crt, char *out, size_t size)
{
	gnutls_datum_t uri = { 0 };

	if (gnutls_x509_crt_get_authority_info_access(crt, 0, GNUTLS_IA_CAISSUERS_URI, &uri,
						      NULL) < 0)
		return false;
	snprintf(out, size, "%.*s", (int)uri.size, (const char *)uri.data);
	gnutls_free(uri.data);
	return true;
}

/* ---- ours ---- */

/* RFC 8446 §4.2.4: one of our chain is issued by one of theirs. */
static bool is_of(const gnutls_pcert_st *shown, const gnutls_datum_t *names, unsigned n_names)
{
	gnutls_datum_t issuer = { 0 };
	gnutls_x509_crt_t crt;
	bool is = false;

	if (gnutls_pcert_export_x509((gnutls_pcert_st *)shown, &crt) < 0)
		return false;
	if (gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) >= 0) {
		for (unsigned i = 0; i < n_names && !is; i++)
			is = names[i].size == issuer.size &&
			     memcmp(names[i].data, issuer.data, issuer.size) == 0;
		gnutls_free(issuer.data);
	}
	gnutls_x509_crt_deinit(crt);
	return is;
}

void tls_describe_ours(struct tls_diagnosis *diagnosis, const struct credentials *shown,
		       const struct gnutls_cert_retr_st *info)
{
	diagnosis->sent_certificate = true;
	identity_text(shown->identity, diagnosis->our_names, sizeof(diagnosis->our_names));
	text_copy(diagnosis->our_issuer, sizeof(diagnosis->our_issuer),
		  shown->identity->issuer);
	if (diagnosis->is_inbound) /* a client tells no CAs */
		return;
	for (unsigned i = 0;
	     i < shown->n_chain && info->nreqs > 0 && !diagnosis->is_ours_listed; i++)
		diagnosis->is_ours_listed =
			is_of(&shown->chain[i], info->req_ca_rdn, info->nreqs);
}

void tls_describe_authorities(struct tls_diagnosis *diagnosis,
			      const struct gnutls_cert_retr_st *info)
{
	size_t len = 0;

	diagnosis->asked_certificate = true;
	for (unsigned i = 0; i < info->nreqs; i++) {
		gnutls_datum_t text = { 0 };
		if (gnutls_x509_rdn_get2(&info->req_ca_rdn[i], &text, 0) < 0)
			continue;
		if (len + text.size + 3 < sizeof(diagnosis->ca_list)) {
			memcpy(diagnosis->ca_list + len, "; ", len ? 2 : 0);
			len += len ? 2 : 0;
			memcpy(diagnosis->ca_list + len, text.data, text.size);
			len += text.size;
			diagnosis->ca_list[len] = '\0';
		}
		gnutls_free(text.data);
	}
}

/* ---- what a client offers ---- */

static const char *version_text(unsigned major, unsigned minor)
{
	static const char *const names[] = { "SSL3.0", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3" };

	return major == 3 && minor < COUNT(names) ? names[minor] : NULL;
}

static int on_extension(void *user, unsigned id, const unsigned char *bytes, unsigned len)
{
	struct tls_diagnosis *diagnosis = user;
	size_t at = 0;

	if (id != SUPPORTED_VERSIONS || len < 1 || bytes[0] > len - 1)
		return 0;
	diagnosis->offered[0] = '\0';
	for (unsigned i = 1; i + 1 <= bytes[0]; i += 2) {
		/* not those made up by RFC 8701 */
		const char *name = version_text(bytes[i], bytes[i + 1]);
		if (!name)
			continue;
		at = text_append(diagnosis->offered, sizeof(diagnosis->offered), at,
				 at ? ", " : "");
		at = text_append(diagnosis->offered, sizeof(diagnosis->offered), at, name);
	}
	return 0;
}

/* Never ends the handshake: what the hello is worth is for GnuTLS to say. */
static int on_client_hello(gnutls_session_t gnutls, unsigned type, unsigned when,
			   unsigned is_incoming, const gnutls_datum_t *msg)
{
	struct tls_session *session = gnutls_session_get_ptr(gnutls);
	const char *most;

	if (!session->diagnosis || !is_incoming || msg->size < 2)
		return 0;
	most = version_text(msg->data[0], msg->data[1]);
	if (most) /* without the extension it names the newest (RFC 8446 §4.1.2) */
		snprintf(session->diagnosis->offered, sizeof(session->diagnosis->offered),
			 "%s at most", most);
	(void)!gnutls_ext_raw_parse(session->diagnosis, on_extension, msg,
				    GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
	return 0;
}

void tls_describe_offer(gnutls_session_t gnutls)
{
	gnutls_handshake_set_hook_function(gnutls, GNUTLS_HANDSHAKE_CLIENT_HELLO,
					   GNUTLS_HOOK_PRE, on_client_hello);
}
