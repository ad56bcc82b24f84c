#include "media/end_dtls.h"

#include <string.h>

#include "media/dtls.h"
#include "media/end.h"
#include "media/pass.h"
#include "media/worker.h"

enum { MAX_FAILURES = 8 }; /* handshakes that anybody may begin while a latch is open */

static const struct addr *target_of(const struct end_dtls *dtls)
{
	return latch_target(&dtls->end->sockets[dtls->component].latch);
}

static void on_send(struct dtls_session *session, const uint8_t *bytes, size_t len, void *user)
{
	struct end_dtls *dtls = user;
	const struct addr *to = addr_is_set(&dtls->peer) ? &dtls->peer : target_of(dtls);

	if (to)
		send_raw(dtls->end, dtls->component, bytes, len, to);
}

static void tell(const struct end_dtls *dtls, enum relay_event_kind kind, enum err err)
{
	struct relay_event event = { .kind = kind,
				     .stream = dtls->end->stream->number,
				     .leg = dtls->end->leg,
				     .is_rtcp = dtls->component == PORT_RTCP,
				     .err = err };

	worker_tell(dtls->end->stream->relay, &event);
}

static void on_end(struct dtls_session *session, enum err err, const struct srtp_key *in,
		   const struct srtp_key *out, void *user)
{
	struct end_dtls *dtls = user;

	if (err) {
		dtls->n_failed++;
		tell(dtls, RELAY_SECURE_FAILED, err);
		return;
	}
	set_end_keys(dtls->end, dtls->component, in, out);
	tell(dtls, RELAY_SECURED, ERR_OK);
}

static void stop(struct end_dtls *dtls)
{
	dtls->session = dtls_session_free(dtls->session);
}

static bool make(struct end_dtls *dtls)
{
	struct relay_end_state *end = dtls->end;
	struct media_worker *worker = end->stream->relay->worker;
	struct dtls_user user = { .send = on_send, .on_end = on_end, .user = dtls };
	enum err err;

	dtls->peer = (struct addr){ .len = 0 };
	err = dtls_session_new(worker->relays->dtls, worker->loop, end->is_dtls_client,
			       &end->fingerprint, &user, &dtls->session);
	if (err) {
		dtls->session = NULL;
		tell(dtls, RELAY_SECURE_FAILED, err);
	}
	return !err;
}

void end_dtls_stop(struct relay_end_state *end)
{
	for (unsigned i = 0; i < N_PORTS; i++)
		stop(&end->dtls[i]);
}

void end_dtls_found(struct relay_end_state *end)
{
	for (unsigned i = 0; i < N_PORTS; i++)
		if (end->dtls[i].session && end->is_dtls_client && target_of(&end->dtls[i]))
			dtls_session_start(end->dtls[i].session);
}

static bool is_same(const struct relay_fingerprint *a, const struct relay_fingerprint *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0 &&
	       strcmp(a->hash, b->hash) == 0;
}

void end_dtls_set(struct relay_end_state *end, const struct relay_end *wanted)
{
	const bool is_other = end->is_dtls_client != wanted->is_dtls_client ||
			      !is_same(&end->fingerprint, &wanted->fingerprint);
	const unsigned n = end->is_muxed ? PORT_RTP + 1 : N_PORTS;

	end->fingerprint = wanted->fingerprint;
	end->fingerprint.hash[sizeof(end->fingerprint.hash) - 1] = '\0';
	end->is_dtls_client = wanted->is_dtls_client;
	for (unsigned i = 0; i < N_PORTS; i++) {
		struct end_dtls *dtls = &end->dtls[i];

		dtls->end = end;
		dtls->component = i;
		if (i < n && !is_other && dtls->session &&
		    !dtls_session_has_failed(dtls->session))
			continue;
		stop(dtls);
		dtls->n_failed = 0;
		if (i < n)
			(void)make(dtls); /* it has told what went wrong */
	}
	end_dtls_found(end);
}

/* A server whose handshake failed, perhaps with a stranger, hears the next one; so many
 * times. */
static bool is_ready(struct end_dtls *dtls)
{
	if (!dtls->end)
		return false;
	if (dtls->session && !dtls_session_has_failed(dtls->session))
		return true;
	if (dtls->end->is_dtls_client || dtls->n_failed >= MAX_FAILURES)
		return false;
	stop(dtls);
	return make(dtls);
}

void end_dtls_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		   const struct addr *source)
{
	struct relay_end_state *end = socket->end;
	struct end_dtls *dtls = &end->dtls[socket->component];
	struct relay *relay = end->stream->relay;

	if ((socket->component == PORT_RTCP && end->is_muxed) || !is_ready(dtls)) {
		end->counts.dropped++;
		return;
	}
	/* One handshake, one peer: who is there first has it until it fails. */
	if (!addr_is_set(&dtls->peer))
		dtls->peer = *source;
	if (!addr_equal(&dtls->peer, source)) {
		end->counts.rejected_sources++;
		count_one(&relay->worker->counts.rejected_sources, 1);
		return;
	}
	dtls_session_take(dtls->session, bytes, len);
}
