#include "proxy/transport/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/transport/tls_inside.h"

enum { MAX_OUTPUT = 4 << 20, MIN_OUTPUT = 2048, MAX_RECORD = 16384, MAX_STEPS = 64 };

/* First bytes of a TLS connection (RFC 8446 §5.1), and of the hello of SSL 2. */
enum { ALERT_RECORD = 0x15, HANDSHAKE_RECORD = 0x16, SSL2_HELLO = 0x80 };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The record that GnuTLS could not make sense of is looked at again by tls_plain_alert. */
static void keep_last(struct tls_session *session, size_t len)
{
	size_t n = len < sizeof(session->last) ? len : sizeof(session->last);

	memmove(session->last, session->last + n, sizeof(session->last) - n);
	memcpy(session->last + sizeof(session->last) - n, session->in + len - n, n);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *bytes, size_t size)
{
	struct tls_session *session = ptr;
	size_t len = size < session->in_len ? size : session->in_len;

	if (len == 0) {
		gnutls_transport_set_errno(session->gnutls, EAGAIN);
		return -1;
	}
	memcpy(bytes, session->in, len);
	if (!session->is_handshaken)
		keep_last(session, len);
	session->in += len;
	session->in_len -= len;
	return (ssize_t)len;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct tls_session *session = ptr;

	return session->in_len > 0;
}

/* Never partial and never later: the stream bounds what it lets us encrypt. */
static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
	struct tls_session *session = ptr;
	size_t size = session->out_size ? session->out_size : MIN_OUTPUT;

	while (size < session->out_len + len)
		size *= 2;
	if (size > MAX_OUTPUT) {
		gnutls_transport_set_errno(session->gnutls, ENOMEM);
		return -1;
	}
	if (size > session->out_size) {
		unsigned char *out = realloc(session->out, size);
		if (!out) {
			gnutls_transport_set_errno(session->gnutls, ENOMEM);
			return -1;
		}
		session->out = out;
		session->out_size = size;
	}
	memcpy(session->out + session->out_len, bytes, len);
	session->out_len += len;
	return (ssize_t)len;
}

static struct tls_session *make(bool is_server, struct tls_trust *trust,
				const struct addr *remote)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->diagnosis = calloc(1, sizeof(*session->diagnosis));
	if (!session->diagnosis) {
		free(session);
		return NULL;
	}
	session->is_server = is_server;
	session->trust = tls_trust_ref(trust);
	session->began_ms = now_ms();
	session->diagnosis->is_inbound = is_server;
	session->diagnosis->remote = *remote;
	session->diagnosis->alert = -1;
	return session;
}

/* What servers and clients have in common; flags are those of gnutls_init. */
static enum err start(struct tls_session *session, unsigned flags, unsigned minimum)
{
	gnutls_session_t gnutls;
	struct tls_trust *trust = session->trust;

	if (minimum < CONF_TLS_1_0 || minimum > CONF_TLS_1_3)
		minimum = CONF_TLS_1_2;
	if (!trust->priorities[minimum])
		return ERR_INVALID;
	if (gnutls_init(&gnutls, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
		return ERR_NO_MEMORY;
	session->gnutls = gnutls;
	session->minimum = minimum;
	if (gnutls_priority_set(gnutls, trust->priorities[minimum]) < 0 ||
	    gnutls_credentials_set(gnutls, GNUTLS_CRD_CERTIFICATE,
				   session->is_server ? trust->server : trust->client) < 0)
		return ERR_NO_MEMORY;
	gnutls_session_set_ptr(gnutls, session);
	gnutls_transport_set_ptr(gnutls, session);
	gnutls_transport_set_pull_function(gnutls, pull);
	gnutls_transport_set_pull_timeout_function(gnutls, pull_timeout);
	gnutls_transport_set_push_function(gnutls, push);
	return ERR_OK;
}

enum err tls_session_accept(struct listener *listener, const struct addr *remote,
			    struct tls_session **out)
{
	bool is_mutual = listener->transport == TRANSPORT_MTLS;

	if (!listener->trust || listener->n_certificates == 0)
		return ERR_INVALID;
	struct tls_session *session = make(true, listener->trust, remote);
	if (!session)
		return ERR_NO_MEMORY;
	session->listener = listener_ref(listener);
	session->is_mutual = is_mutual;
	text_copy(session->diagnosis->listener, sizeof(session->diagnosis->listener),
		  listener->name);

	/* A ticket would let a client in without its certificate being looked at again, by CRLs
	 * and anchors that may have changed; and one of a tls listener, without any. Servers
	 * keep their connections anyway. */
	enum err err = start(session, GNUTLS_SERVER | (is_mutual ? GNUTLS_NO_TICKETS : 0),
			     listener->tls_minimum);
	if (err != ERR_OK) {
		tls_session_free(session);
		return err;
	}
	tls_describe_offer(session->gnutls);
	if (!is_mutual && gnutls_session_ticket_enable_server(session->gnutls,
							      &listener->trust->ticket_key) < 0)
		log_event(LOG_DEBUG, "no session tickets", "listener", listener->name, NULL);
	gnutls_certificate_server_set_request(session->gnutls, is_mutual ? GNUTLS_CERT_REQUIRE
									 : GNUTLS_CERT_IGNORE);
	*out = session;
	return ERR_OK;
}

static void add_expected(struct tls_diagnosis *diagnosis, const char *name)
{
	size_t len = strlen(diagnosis->expected);

	if (len + strlen(name) + 3 > sizeof(diagnosis->expected))
		return;
	if (len > 0)
		strcat(diagnosis->expected, ", ");
	strcat(diagnosis->expected, name);
}

static enum err add_wanted_name(struct tls_session *session, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return ERR_NO_MEMORY;
	session->names[session->n_names++] = copy;
	add_expected(session->diagnosis, name);
	return ERR_OK;
}

static enum err copy_names(struct tls_session *session, const struct hop *hop)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < hop->n_names && i < HOP_MAX_NAMES && !err; i++)
		err = add_wanted_name(session, hop->names[i]);
	if (!err && (hop->n_names == 0 || hop->accepts_host))
		err = add_wanted_name(session, hop->host);
	return err;
}

static bool is_address(const char *host)
{
	struct addr addr;

	return addr_parse(host, 0, &addr) == ERR_OK;
}

enum err tls_session_dial(const struct hop *hop, struct tls_session **out)
{
	if (!hop->trust)
		return ERR_INVALID;
	struct tls_session *session = make(false, hop->trust, &hop->remote);
	if (!session)
		return ERR_NO_MEMORY;
	struct tls_diagnosis *diagnosis = session->diagnosis;
	session->is_mutual = hop->transport == TRANSPORT_MTLS;
	session->allow_wildcard = hop->allow_wildcard;
	if (session->is_mutual && hop->credentials)
		session->ours = credentials_ref(hop->credentials);
	text_copy(diagnosis->peer, sizeof(diagnosis->peer), hop->peer ? hop->peer : "");
	if (hop->listener)
		text_copy(diagnosis->listener, sizeof(diagnosis->listener),
			  hop->listener->name);

	/* Our certificate goes out whatever CAs the server names: its list is often wrong
	 * (field.md pitfall 25). */
	enum err err =
		start(session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_TICKETS,
		      hop->tls_minimum);
	if (err == ERR_OK)
		err = copy_names(session, hop);
	/* RFC 6066 §3: no literal addresses in SNI. */
	if (err == ERR_OK && hop->host[0] && !is_address(hop->host)) {
		text_copy(diagnosis->sni, sizeof(diagnosis->sni), hop->host);
		if (gnutls_server_name_set(session->gnutls, GNUTLS_NAME_DNS, hop->host,
					   strlen(hop->host)) < 0)
			err = ERR_NO_MEMORY;
	}
	if (err != ERR_OK) {
		tls_session_free(session);
		return err;
	}
	*out = session;
	return ERR_OK;
}

static void forget_names(struct tls_session *session)
{
	for (unsigned i = 0; i < session->n_names; i++)
		free(session->names[i]);
	session->n_names = 0;
}

struct tls_session *tls_session_free(struct tls_session *session)
{
	if (!session)
		return NULL;
	if (session->gnutls)
		gnutls_deinit(session->gnutls);
	forget_names(session);
	identity_unref(session->identity);
	credentials_unref(session->ours);
	listener_unref(session->listener);
	tls_trust_unref(session->trust);
	free(session->out);
	free(session->diagnosis);
	free(session->look);
	free(session);
	return NULL;
}

void tls_session_feed(struct tls_session *session, const void *bytes, size_t len)
{
	session->in = bytes;
	session->in_len = len;
}

/* What was agreed, as far as it was. */
static void describe(struct tls_session *session)
{
	struct tls_diagnosis *diagnosis = session->diagnosis;
	gnutls_protocol_t version = gnutls_protocol_get_version(session->gnutls);
	const char *cipher = gnutls_ciphersuite_get(session->gnutls);
	size_t len = sizeof(diagnosis->sni) - 1;
	unsigned type = 0;

	const char *version_text = version ? gnutls_protocol_get_name(version) : NULL;
	text_copy(diagnosis->version, sizeof(diagnosis->version),
		  version_text ? version_text : "");
	text_copy(diagnosis->cipher, sizeof(diagnosis->cipher), cipher ? cipher : "");
	if (session->is_server &&
	    gnutls_server_name_get(session->gnutls, diagnosis->sni, &len, &type, 0) < 0)
		diagnosis->sni[0] = '\0';
	diagnosis->took_ms = now_ms() - session->began_ms;
}

static enum tls_step fail(struct tls_session *session, enum reason reason)
{
	describe(session);
	session->diagnosis->reason = reason;
	if (reason == REASON_TLS_VERSION || reason == REASON_TLS_PEER_VERSION)
		session->diagnosis->version[0] = '\0'; /* none was agreed */
	tls_diagnosis_explain(session->diagnosis);
	return TLS_FAILED;
}

static void note_alert(struct tls_session *session, int alert, bool from_peer)
{
	struct tls_diagnosis *diagnosis = session->diagnosis;
	const char *text = gnutls_alert_get_strname((gnutls_alert_description_t)alert);

	diagnosis->alert = alert;
	diagnosis->alert_from_peer = from_peer;
	if (!text)
		snprintf(diagnosis->alert_text, sizeof(diagnosis->alert_text), "alert %d",
			 alert);
	else /* "GNUTLS_A_UNKNOWN_CA" is unknown_ca in the RFC */
		text_copy(diagnosis->alert_text, sizeof(diagnosis->alert_text),
			  text_starts_with(text, "GNUTLS_A_") ? text + strlen("GNUTLS_A_")
							      : text);
	text_lower(diagnosis->alert_text);
}

/* The handshake or the session broke with a fatal result: whose fault it is, and who must be
 * told. */
static enum tls_step on_fatal(struct tls_session *session, int result)
{
	enum reason reason;

	if (!session->diagnosis)
		return TLS_FAILED;
	int alert = result == GNUTLS_E_FATAL_ALERT_RECEIVED
			    ? (int)gnutls_alert_get(session->gnutls)
			    : tls_plain_alert(session, result);
	if (alert >= 0) {
		note_alert(session, alert, true);
		reason = tls_reason_of_alert(session, alert);
	} else {
		reason = session->verdict != REASON_NONE ? session->verdict
							 : tls_reason_of_error(session, result);
		alert = tls_alert_for(session, reason, result);
		if (alert >= 0) {
			note_alert(session, alert, false);
			(void)!gnutls_alert_send(session->gnutls, GNUTLS_AL_FATAL,
						 (gnutls_alert_description_t)alert);
		}
	}
	if (!session->diagnosis->verify[0] && !session->diagnosis->alert_from_peer)
		text_copy(session->diagnosis->verify, sizeof(session->diagnosis->verify),
			  gnutls_strerror(result));
	return fail(session, reason);
}

/* Bytes that are not TLS at all are told from a broken handshake by the very first of them. */
static enum reason judge_first_byte(const struct tls_session *session, unsigned char first)
{
	if (session->is_server)
		return first == HANDSHAKE_RECORD ? REASON_NONE
		       : first == SSL2_HELLO     ? REASON_TLS_VERSION
						 : REASON_TLS_NOT_TLS;
	return first == HANDSHAKE_RECORD || first == ALERT_RECORD ? REASON_NONE
								  : REASON_TLS_PEER_NOT_TLS;
}

static enum tls_step on_handshaken(struct tls_session *session)
{
	session->is_handshaken = true;
	forget_names(session);
	describe(session);
	session->diagnosis->reason = REASON_NONE;
	tls_diagnosis_explain(session->diagnosis);
	return TLS_DONE;
}

enum tls_step tls_session_handshake(struct tls_session *session)
{
	if (!session->is_first_seen && session->in_len > 0) {
		enum reason reason = judge_first_byte(session, session->in[0]);
		session->is_first_seen = true;
		if (reason != REASON_NONE)
			return fail(session, reason);
	}
	for (unsigned n = 0; n < MAX_STEPS; n++) {
		size_t in_before = session->in_len;
		int result = gnutls_handshake(session->gnutls);
		if (result == GNUTLS_E_SUCCESS)
			return on_handshaken(session);
		if (result == GNUTLS_E_AGAIN &&
		    (session->in_len == 0 || session->in_len == in_before))
			return TLS_AGAIN;
		if (result == GNUTLS_E_WARNING_ALERT_RECEIVED)
			note_alert(session, (int)gnutls_alert_get(session->gnutls), true);
		else if (result != GNUTLS_E_AGAIN && gnutls_error_is_fatal(result))
			return on_fatal(session, result);
	}
	return on_fatal(session, GNUTLS_E_UNEXPECTED_PACKET);
}

/* RFC 5746 makes a renegotiation safe; nothing in SIP needs one. */
static bool refuse_renegotiation(struct tls_session *session)
{
	if (++session->n_renegotiations > 1)
		return false;
	return gnutls_alert_send(session->gnutls, GNUTLS_AL_WARNING,
				 GNUTLS_A_NO_RENEGOTIATION) >= 0;
}

enum tls_step tls_session_read(struct tls_session *session, void *bytes, size_t size,
			       size_t *out_len)
{
	for (unsigned n = 0; n < MAX_STEPS; n++) {
		ssize_t got = gnutls_record_recv(session->gnutls, bytes, size);
		if (got > 0) {
			session->has_received = true;
			*out_len = (size_t)got;
			return TLS_DONE;
		}
		if (got == 0)
			return TLS_END;
		/* A message of TLS itself, such as a ticket, also ends a read. */
		if (got == GNUTLS_E_AGAIN && session->in_len == 0)
			return TLS_AGAIN;
		if (got == GNUTLS_E_REHANDSHAKE && !refuse_renegotiation(session))
			return TLS_FAILED;
		if (got != GNUTLS_E_AGAIN && got != GNUTLS_E_REHANDSHAKE &&
		    gnutls_error_is_fatal((int)got))
			return on_fatal(session, (int)got);
	}
	return session->in_len == 0 ? TLS_AGAIN
				    : TLS_FAILED; /* nothing but messages without content */
}

enum err tls_session_write(struct tls_session *session, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	while (len > 0) {
		ssize_t sent = gnutls_record_send(session->gnutls, from,
						  len < MAX_RECORD ? len : MAX_RECORD);
		if (sent == GNUTLS_E_INTERRUPTED)
			continue;
		if (sent <= 0)
			return sent == GNUTLS_E_MEMORY_ERROR ? ERR_NO_MEMORY : ERR_TLS;
		from += sent;
		len -= (size_t)sent;
	}
	return ERR_OK;
}

void tls_session_bye(struct tls_session *session)
{
	if (session->is_handshaken)
		(void)!gnutls_bye(session->gnutls, GNUTLS_SHUT_WR);
}

const void *tls_session_output(const struct tls_session *session, size_t *out_len)
{
	*out_len = session->out_len - session->out_at;
	return session->out + session->out_at;
}

void tls_session_sent(struct tls_session *session, size_t len)
{
	session->out_at += len;
	if (session->out_at < session->out_len)
		return;
	free(session->out); /* an idle connection costs its session, and no buffers */
	session->out = NULL;
	session->out_at = session->out_len = session->out_size = 0;
}

void tls_session_abort(struct tls_session *session, enum reason reason)
{
	if (session->diagnosis && session->diagnosis->reason == REASON_NONE)
		fail(session, reason);
}

struct identity *tls_session_identity(const struct tls_session *session)
{
	return session->identity;
}

const char *tls_session_shown(const struct tls_session *session)
{
	return credentials_fingerprint(session->shown);
}

bool tls_session_is_unconfirmed(const struct tls_session *session)
{
	return !session->is_server && session->was_asked && !session->has_received &&
	       gnutls_protocol_get_version(session->gnutls) == GNUTLS_TLS1_3;
}

const struct tls_diagnosis *tls_session_diagnosis(const struct tls_session *session)
{
	return session->diagnosis;
}

void tls_session_forget_diagnosis(struct tls_session *session)
{
	free(session->diagnosis);
	session->diagnosis = NULL;
}
