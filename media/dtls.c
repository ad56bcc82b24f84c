#include "media/dtls.h"

#include <errno.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "proxy/base/loop.h"
#include "proxy/base/mac.h"
#include "proxy/base/random.h"
#include "proxy/base/timer.h"

enum {
	MTU = 1200,
	RETRANSMIT_MS = 500,
	DAY_S = 86400,
	VALID_DAYS = 3650, /* the fingerprint is what counts (RFC 5763 5) */
	MAX_ROUNDS = 16,
	MASTER_SIZE = 64,
	CERTIFICATE_SIZE = 4096,
};

struct dtls_context {
	gnutls_certificate_credentials_t credentials;
	uint8_t fingerprint[32];
};

enum dtls_state { SHAKING, DONE, FAILED };

struct dtls_session {
	gnutls_session_t tls;
	struct loop *loop;
	struct timer again, deadline;
	struct dtls_user user;
	gnutls_digest_algorithm_t hash;
	struct relay_fingerprint fingerprint;
	bool is_client;
	enum dtls_state state;
	const uint8_t *in; /* the datagram that is being taken; NULL: none */
	size_t in_len;
};

static const struct {
	const char *name;
	gnutls_digest_algorithm_t hash;
	uint8_t len;
} hashes[] = {
	{ "sha-1", GNUTLS_DIG_SHA1, 20 },     { "sha-224", GNUTLS_DIG_SHA224, 28 },
	{ "sha-256", GNUTLS_DIG_SHA256, 32 }, { "sha-384", GNUTLS_DIG_SHA384, 48 },
	{ "sha-512", GNUTLS_DIG_SHA512, 64 },
};

static int sign(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
	uint8_t serial[8];
	time_t now = time(NULL);
	int result;

	random_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	result = gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (!result)
		result = gnutls_x509_crt_set_version(certificate, 3);
	if (!result)
		result = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
	if (!result)
		result = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME,
						       0, "media", 5);
	if (!result)
		result = gnutls_x509_crt_set_activation_time(certificate, now - DAY_S);
	if (!result)
		result = gnutls_x509_crt_set_expiration_time(certificate,
							     now + (time_t)VALID_DAYS * DAY_S);
	if (!result)
		result = gnutls_x509_crt_set_key(certificate, key);
	if (!result)
		result = gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256,
					       0);
	return result;
}

static int make_certificate(struct dtls_context *context)
{
	gnutls_x509_crt_t certificate = NULL;
	gnutls_x509_privkey_t key = NULL;
	size_t len = sizeof(context->fingerprint);
	int result = gnutls_x509_crt_init(&certificate);

	if (!result)
		result = gnutls_x509_privkey_init(&key);
	if (!result)
		result = sign(certificate, key);
	if (!result)
		result = gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256,
							 context->fingerprint, &len);
	if (!result)
		result = gnutls_certificate_set_x509_key(context->credentials, &certificate, 1,
							 key);
	if (key)
		gnutls_x509_privkey_deinit(key);
	if (certificate)
		gnutls_x509_crt_deinit(certificate);
	return result;
}

enum err dtls_context_new(struct dtls_context **out)
{
	struct dtls_context *context = calloc(1, sizeof(*context));
	int result;

	if (!context)
		return ERR_NO_MEMORY;
	result = gnutls_certificate_allocate_credentials(&context->credentials);
	if (result == 0)
		result = make_certificate(context);
	if (result < 0) {
		dtls_context_free(context);
		return result == GNUTLS_E_MEMORY_ERROR ? ERR_NO_MEMORY : ERR_TLS;
	}
	*out = context;
	return ERR_OK;
}

struct dtls_context *dtls_context_free(struct dtls_context *context)
{
	if (!context)
		return NULL;
	if (context->credentials)
		gnutls_certificate_free_credentials(context->credentials);
	free(context);
	return NULL;
}

void dtls_context_fingerprint(const struct dtls_context *context, uint8_t out[32])
{
	memcpy(out, context->fingerprint, sizeof(context->fingerprint));
}

static ssize_t push(gnutls_transport_ptr_t pointer, const void *bytes, size_t len)
{
	struct dtls_session *session = pointer;

	session->user.send(session, bytes, len, session->user.user);
	return (ssize_t)len; /* what is lost is sent again */
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t size)
{
	struct dtls_session *session = pointer;
	size_t len = session->in_len < size ? session->in_len : size;

	if (!session->in) {
		gnutls_transport_set_errno(session->tls, EAGAIN);
		return -1;
	}
	memcpy(bytes, session->in, len);
	session->in = NULL;
	return (ssize_t)len;
}

/* We never wait. */
static int pull_timeout(gnutls_transport_ptr_t pointer, unsigned ms)
{
	const struct dtls_session *session = pointer;

	return session->in ? 1 : 0;
}

static int set_up(struct dtls_session *session, const struct dtls_context *context)
{
	gnutls_session_t tls = session->tls;
	int result = gnutls_set_default_priority(tls);

	if (!result)
		result = gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE,
						context->credentials);
	if (!result)
		result = gnutls_srtp_set_profile(tls, GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80);
	if (!result)
		result = gnutls_srtp_set_profile(tls, GNUTLS_SRTP_AES128_CM_HMAC_SHA1_32);
	if (!session->is_client)
		gnutls_certificate_server_set_request(tls, GNUTLS_CERT_REQUIRE);
	gnutls_dtls_set_mtu(tls, MTU);
	gnutls_dtls_set_timeouts(tls, RETRANSMIT_MS, DTLS_TIMEOUT_MS);
	/* 0 would end a handshake at once, as its start is then not noted */
	gnutls_handshake_set_timeout(tls, DTLS_TIMEOUT_MS);
	gnutls_transport_set_ptr(tls, session);
	gnutls_transport_set_push_function(tls, push);
	gnutls_transport_set_pull_function(tls, pull);
	gnutls_transport_set_pull_timeout_function(tls, pull_timeout);
	return result;
}

enum err dtls_session_new(const struct dtls_context *context, struct loop *loop, bool is_client,
			  const struct relay_fingerprint *fingerprint,
			  const struct dtls_user *user, struct dtls_session **out)
{
	struct dtls_session *session = calloc(1, sizeof(*session));

	if (!session)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < COUNT(hashes); i++)
		if (strcasecmp(hashes[i].name, fingerprint->hash) == 0 &&
		    hashes[i].len == fingerprint->len)
			session->hash = hashes[i].hash;
	session->loop = loop;
	session->is_client = is_client;
	session->fingerprint = *fingerprint;
	session->user = *user;
	if (session->hash == GNUTLS_DIG_UNKNOWN) {
		free(session);
		return ERR_UNSUPPORTED;
	}
	if (gnutls_init(&session->tls, (is_client ? GNUTLS_CLIENT : GNUTLS_SERVER) |
					       GNUTLS_DATAGRAM | GNUTLS_NONBLOCK) ||
	    set_up(session, context)) {
		dtls_session_free(session);
		return ERR_NO_MEMORY;
	}
	*out = session;
	return ERR_OK;
}

struct dtls_session *dtls_session_free(struct dtls_session *session)
{
	if (!session)
		return NULL;
	timer_stop(&session->again);
	timer_stop(&session->deadline);
	if (session->tls)
		gnutls_deinit(session->tls);
	free(session);
	return NULL;
}

static void end_with(struct dtls_session *session, enum err err, const struct srtp_key *in,
		     const struct srtp_key *out)
{
	timer_stop(&session->again);
	timer_stop(&session->deadline);
	session->state = err ? FAILED : DONE;
	session->user.on_end(session, err, in, out, session->user.user);
}

static bool is_the_peer(struct dtls_session *session)
{
	unsigned n_certificates = 0;
	const gnutls_datum_t *certificates =
		gnutls_certificate_get_peers(session->tls, &n_certificates);
	uint8_t found[RELAY_FINGERPRINT_SIZE];
	size_t len = sizeof(found);

	return n_certificates > 0 &&
	       !gnutls_fingerprint(session->hash, &certificates[0], found, &len) &&
	       len == session->fingerprint.len &&
	       mac_equal(found, session->fingerprint.bytes, len);
}

static enum srtp_suite suite_of(gnutls_srtp_profile_t profile)
{
	if (profile == GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80)
		return SRTP_AES_CM_128_HMAC_SHA1_80;
	return profile == GNUTLS_SRTP_AES128_CM_HMAC_SHA1_32 ? SRTP_AES_CM_128_HMAC_SHA1_32
							     : SRTP_NONE;
}

static bool join(enum srtp_suite suite, const gnutls_datum_t *key, const gnutls_datum_t *salt,
		 struct srtp_key *out)
{
	if (key->size + salt->size != suite_key_len(suite))
		return false;
	memset(out, 0, sizeof(*out));
	out->suite = suite;
	memcpy(out->bytes, key->data, key->size);
	memcpy(out->bytes + key->size, salt->data, salt->size);
	return true;
}

/* The handshake is over: whose certificate was it, and which keys (RFC 5764 4.2)? */
static void finish(struct dtls_session *session)
{
	gnutls_datum_t client_key, client_salt, server_key, server_salt;
	gnutls_srtp_profile_t profile;
	uint8_t material[MASTER_SIZE * 2];
	struct srtp_key client = { .suite = SRTP_NONE }, server = { .suite = SRTP_NONE };
	enum err err = ERR_OK;

	if (!is_the_peer(session)) {
		end_with(session, ERR_ACCESS, NULL, NULL);
		return;
	}
	if (gnutls_srtp_get_selected_profile(session->tls, &profile) < 0 ||
	    suite_of(profile) == SRTP_NONE ||
	    gnutls_srtp_get_keys(session->tls, material, sizeof(material), &client_key,
				 &client_salt, &server_key, &server_salt) < 0 ||
	    !join(suite_of(profile), &client_key, &client_salt, &client) ||
	    !join(suite_of(profile), &server_key, &server_salt, &server))
		err = ERR_UNSUPPORTED;
	end_with(session, err, session->is_client ? &server : &client,
		 session->is_client ? &client : &server);
	explicit_bzero(material, sizeof(material));
	suite_key_wipe(&client);
	suite_key_wipe(&server);
}

static void shake(struct dtls_session *session);

static void on_again(struct timer *timer)
{
	shake(container_of(timer, struct dtls_session, again));
}

static void on_deadline(struct timer *timer)
{
	end_with(container_of(timer, struct dtls_session, deadline), ERR_TIMEOUT, NULL, NULL);
}

static void shake(struct dtls_session *session)
{
	int result = GNUTLS_E_AGAIN;

	for (unsigned i = 0; i < MAX_ROUNDS; i++) {
		result = gnutls_handshake(session->tls);
		if (result == 0) {
			finish(session);
			return;
		}
		if (result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED ||
		    gnutls_error_is_fatal(result))
			break;
	}
	if (result < 0 && gnutls_error_is_fatal(result)) {
		end_with(session, result == GNUTLS_E_TIMEDOUT ? ERR_TIMEOUT : ERR_TLS, NULL,
			 NULL);
		return;
	}
	timer_start(session->loop, &session->again, gnutls_dtls_get_timeout(session->tls) + 1,
		    on_again);
}

void dtls_session_start(struct dtls_session *session)
{
	if (session->state != SHAKING || timer_is_running(&session->deadline))
		return;
	timer_start(session->loop, &session->deadline, DTLS_TIMEOUT_MS, on_deadline);
	shake(session);
}

void dtls_session_take(struct dtls_session *session, const uint8_t *bytes, size_t len)
{
	uint8_t ignored[MTU];

	session->in = bytes;
	session->in_len = len;
	switch (session->state) {
	case SHAKING:
		if (!timer_is_running(&session->deadline))
			timer_start(session->loop, &session->deadline, DTLS_TIMEOUT_MS,
				    on_deadline);
		shake(session);
		break;
	case DONE: /* a repeat of the last flight is answered in there; data is nobody's */
		for (unsigned i = 0; session->in && i < MAX_ROUNDS; i++)
			(void)gnutls_record_recv(
				session->tls, ignored,
				sizeof(ignored)); /* whatever it is, the keys stay */
		break;
	case FAILED:
		break;
	}
	session->in = NULL;
}

bool dtls_session_is_done(const struct dtls_session *session)
{
	return session->state == DONE;
}

bool dtls_session_has_failed(const struct dtls_session *session)
{
	return session->state == FAILED;
}
