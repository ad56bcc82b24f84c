#include "proxy/transport/tls_look.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/transport/tls_inside.h"

static gnutls_priority_t make_priority(enum conf_tls_version only)
{
	static const char *const versions[] = {
		[CONF_TLS_1_0] = "NORMAL:-VERS-ALL:+VERS-TLS1.0",
		[CONF_TLS_1_1] = "NORMAL:-VERS-ALL:+VERS-TLS1.1",
		[CONF_TLS_1_2] = "NORMAL:-VERS-ALL:+VERS-TLS1.2",
		[CONF_TLS_1_3] = "NORMAL:-VERS-ALL:+VERS-TLS1.3",
	};
	gnutls_priority_t priority;

	return gnutls_priority_init(&priority, versions[only], NULL) < 0 ? NULL : priority;
}

/* The session keeps a reference of its own to the priorities. */
static enum err offer_only(struct tls_session *session, enum conf_tls_version only)
{
	gnutls_priority_t priority = make_priority(only);
	int result;

	if (!priority)
		return ERR_UNSUPPORTED;
	result = gnutls_priority_set(session->gnutls, priority);
	gnutls_priority_deinit(priority);
	return result < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

enum err tls_session_look(const struct hop *hop, enum conf_tls_version only,
			  struct tls_session **out)
{
	struct tls_session *session;
	enum err err = tls_session_dial(hop, &session);

	if (err != ERR_OK)
		return err;
	session->look = calloc(1, sizeof(*session->look));
	if (!session->look)
		err = ERR_NO_MEMORY;
	else if (only != CONF_TLS_UNSET)
		err = offer_only(session, only);
	if (err != ERR_OK) {
		tls_session_free(session);
		return err;
	}
	*out = session;
	return ERR_OK;
}

const struct tls_look *tls_session_seen(const struct tls_session *session)
{
	return session->look;
}

static void take_text(char *out, size_t size, int result, gnutls_datum_t *text)
{
	if (result < 0)
		return;
	text_copy(out, size, (const char *)text->data);
	gnutls_free(text->data);
}

static void read_key(const struct tls_trust *trust, gnutls_x509_crt_t crt,
		     struct tls_shown *out)
{
	unsigned bits = 0, min_rsa = trust->min_key_bits;
	int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
	int signature = gnutls_x509_crt_get_signature_algorithm(crt);
	const char *key = gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm),
		   *name = gnutls_sign_get_name((gnutls_sign_algorithm_t)signature);
	bool is_rsa = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS ||
		      algorithm == GNUTLS_PK_DSA;
	unsigned minimum =
		is_rsa ? min_rsa
		       : gnutls_sec_param_to_pk_bits(
				 GNUTLS_PK_ECDSA,
				 gnutls_pk_bits_to_sec_param(GNUTLS_PK_RSA, min_rsa));

	snprintf(out->key, sizeof(out->key), "%.20s %u", key ? key : "?", bits);
	snprintf(out->signature, sizeof(out->signature), "%.30s", name ? name : "?");
	out->has_weak_key = bits < minimum;
	out->has_weak_signature = !out->is_self_signed &&
				  !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)signature,
							  GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS);
}

static void read_certificate(const struct tls_trust *trust, gnutls_x509_crt_t crt,
			     struct tls_shown *out)
{
	gnutls_datum_t text = { 0 };

	take_text(out->subject, sizeof(out->subject), gnutls_x509_crt_get_dn3(crt, &text, 0),
		  &text);
	take_text(out->issuer, sizeof(out->issuer),
		  gnutls_x509_crt_get_issuer_dn3(crt, &text, 0), &text);
	out->not_before = gnutls_x509_crt_get_activation_time(crt);
	out->not_after = gnutls_x509_crt_get_expiration_time(crt);
	out->is_self_signed = gnutls_x509_crt_check_issuer(crt, crt) != 0;
	read_key(trust, crt, out);
}

/* An anchor of ours that is itself signed by somebody else: others need it to be sent. */
static bool ends_below_root(const struct tls_trust *trust, gnutls_x509_crt_t top,
			    bool *out_is_known)
{
	gnutls_x509_crt_t issuer = NULL;

	*out_is_known = gnutls_x509_trust_list_get_issuer(trust->anchors, top, &issuer, 0) >= 0;
	return *out_is_known && !gnutls_x509_crt_check_issuer(issuer, issuer);
}

void tls_look_note(struct tls_session *session, const void *crts, unsigned n, unsigned n_sent)
{
	const gnutls_x509_crt_t *path = crts;
	struct tls_look *look = session->look;
	bool is_below_root;

	if (!look || n == 0)
		return;
	look->has_chain = true;
	look->n_sent = n_sent;
	look->n = n < TLS_LOOK_MAX ? n : TLS_LOOK_MAX;
	for (unsigned i = 0; i < look->n; i++)
		read_certificate(session->trust, path[i], &look->path[i]);
	is_below_root = ends_below_root(session->trust, path[n - 1], &look->is_trusted);
	look->has_root = n > 1 && gnutls_x509_crt_check_issuer(path[n - 1], path[n - 1]);
	look->is_incomplete = is_below_root;
}

int tls_look_conclude(struct tls_session *session)
{
	struct tls_look *look = session->look;

	look->verdict = session->verdict;
	look->is_incomplete |= look->verdict == REASON_TLS_INCOMPLETE_CHAIN;
	session->verdict = REASON_NONE;
	return 0;
}
