#include "media/end_dtls.h"

#include <string.h>

#include "media/dtls.h"
#include "media/end.h"
#include "media/pass.h"
#include "media/worker.h"

enum { MAX_FAILURES = 8 }; /* handshakes that anybody may begin while a latch is open */

static void on_send(struct dtls_session *session, const uint8_t *bytes, size_t len, void *user)
{
	struct relay_end_state *end = user;
	const struct addr *to = addr_is_set(&end->dtls_peer)
					? &end->dtls_peer
					: latch_target(&end->sockets[PORT_RTP].latch);

	if (to)
		send_raw(end, PORT_RTP, bytes, len, to);
}

static void tell(struct relay_end_state *end, enum relay_event_kind kind, enum err err)
{
	struct relay_event event = {
		.kind = kind, .stream = end->stream->number, .leg = end->leg, .err = err
	};

	worker_tell(end->stream->relay, &event);
}

static void on_end(struct dtls_session *session, enum err err, const struct srtp_key *in,
		   const struct srtp_key *out, void *user)
{
	struct relay_end_state *end = user;

	if (err) {
		end->n_handshakes++;
		tell(end, RELAY_SECURE_FAILED, err);
		return;
	}
	set_end_keys(end, in, out);
	tell(end, RELAY_SECURED, ERR_OK);
}

static bool make(struct relay_end_state *end)
{
	struct media_worker *worker = end->stream->relay->worker;
	struct dtls_user user = { .send = on_send, .on_end = on_end, .user = end };
	enum err err;

	end->dtls_peer = (struct addr){ .len = 0 };
	err = dtls_session_new(worker->relays->dtls, worker->loop, end->is_dtls_client,
			       &end->fingerprint, &user, &end->dtls);
	if (err) {
		end->dtls = NULL;
		tell(end, RELAY_SECURE_FAILED, err);
	}
	return !err;
}

void end_dtls_stop(struct relay_end_state *end)
{
	end->dtls = dtls_session_free(end->dtls);
}

void end_dtls_found(struct relay_end_state *end)
{
	if (end->dtls && end->is_dtls_client && latch_target(&end->sockets[PORT_RTP].latch))
		dtls_session_start(end->dtls);
}

static bool is_same(const struct relay_fingerprint *a, const struct relay_fingerprint *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0 &&
	       strcmp(a->hash, b->hash) == 0;
}

void end_dtls_set(struct relay_end_state *end, const struct relay_end *wanted)
{
	if (end->dtls && end->is_dtls_client == wanted->is_dtls_client &&
	    is_same(&end->fingerprint, &wanted->fingerprint) &&
	    !dtls_session_has_failed(end->dtls)) {
		end_dtls_found(end);
		return;
	}
	end_dtls_stop(end);
	end->fingerprint = wanted->fingerprint;
	end->fingerprint.hash[sizeof(end->fingerprint.hash) - 1] = '\0';
	end->is_dtls_client = wanted->is_dtls_client;
	end->n_handshakes = 0;
	if (make(end))
		end_dtls_found(end);
}

/* A server whose handshake failed, perhaps with a stranger, hears the next one; so many times.
 */
static bool is_ready(struct relay_end_state *end)
{
	if (end->dtls && !dtls_session_has_failed(end->dtls))
		return true;
	if (end->is_dtls_client || end->n_handshakes >= MAX_FAILURES)
		return false;
	end_dtls_stop(end);
	return make(end);
}

void end_dtls_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		   const struct addr *source)
{
	struct relay_end_state *end = socket->end;
	struct relay *relay = end->stream->relay;

	if (socket->component != PORT_RTP || !is_ready(end)) {
		end->counts.dropped++;
		return;
	}
	/* One handshake, one peer: who is there first has it until it fails. */
	if (!addr_is_set(&end->dtls_peer))
		end->dtls_peer = *source;
	if (!addr_equal(&end->dtls_peer, source)) {
		end->counts.rejected_sources++;
		count_one(&relay->worker->counts.rejected_sources, 1);
		return;
	}
	dtls_session_take(end->dtls, bytes, len);
}
