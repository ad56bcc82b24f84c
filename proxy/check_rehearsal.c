#include "proxy/check_rehearsal.h"

#include <stdlib.h>

#include "proxy/transport/tls.h"

enum { MAX_ROUNDS = 64 };

struct end {
	struct tls_session *session;
	enum tls_step step;
};

struct rehearsal {
	struct check_probe *probe;
	struct loop_call call;
	struct end client, server;
	struct check_result result;
};

static struct rehearsal *rehearsal_free(struct rehearsal *rehearsal)
{
	loop_defer_cancel(&rehearsal->call);
	tls_session_free(rehearsal->client.session);
	tls_session_free(rehearsal->server.session);
	free(rehearsal);
	return NULL;
}

static void on_over(struct loop_call *call)
{
	struct rehearsal *rehearsal = container_of(call, struct rehearsal, call);

	rehearsal->probe->own = NULL;
	check_probe_tell(rehearsal->probe, &rehearsal->result);
	rehearsal_free(rehearsal);
}

/* What one end has to say goes to the other. False: nothing was said. */
static bool pass_on(struct end *from, struct end *to)
{
	size_t len = 0;
	const void *bytes = tls_session_output(from->session, &len);

	if (len == 0)
		return false;
	if (to->step == TLS_AGAIN) {
		tls_session_feed(to->session, bytes, len);
		to->step = tls_session_handshake(to->session);
	}
	tls_session_sent(from->session, len);
	return true;
}

static void shake_hands(struct rehearsal *rehearsal)
{
	struct end *client = &rehearsal->client, *server = &rehearsal->server;

	client->step = tls_session_handshake(client->session);
	server->step = TLS_AGAIN;
	for (unsigned i = 0; i < MAX_ROUNDS && client->step == TLS_AGAIN; i++)
		if (!pass_on(client, server) && !pass_on(server, client))
			return;
}

static void note(struct rehearsal *rehearsal)
{
	struct tls_session *session = rehearsal->client.session;
	struct check_result *result = &rehearsal->result;

	result->has_tls = true;
	result->look = *tls_session_seen(session);
	result->diagnosis = *tls_session_diagnosis(session);
	result->identity = tls_session_identity(session);
	result->reason = result->diagnosis.reason;
	result->stage = rehearsal->client.step == TLS_DONE ? CHECK_ASK : CHECK_HANDSHAKE;
}

static void rehearse(struct rehearsal *rehearsal, const struct check_question *question)
{
	const struct hop *hop = question->hop;
	struct check_result *result = &rehearsal->result;
	enum err err = ERR_INVALID;

	result->is_rehearsal = true;
	result->stage = CHECK_CONNECT;
	result->reason = REASON_CONNECT_UNREACHABLE;
	if (hop->listener && listener_is_tls(hop->listener))
		err = tls_session_look(hop, question->only, &rehearsal->client.session);
	result->cannot = err == ERR_UNSUPPORTED;
	if (!err)
		err = tls_session_accept(hop->listener, &hop->remote,
					 &rehearsal->server.session);
	if (err)
		return;
	shake_hands(rehearsal);
	note(rehearsal);
}

static void on_no_memory(struct loop_call *call)
{
	static const struct check_result result = { .reason = REASON_OVERLOAD,
						    .is_rehearsal = true };

	check_probe_tell(container_of(call, struct check_probe, call), &result);
}

static void start(struct check_prober *prober, struct check_probe *probe,
		  const struct check_question *question)
{
	struct rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));

	if (!rehearsal) {
		loop_defer(prober->loop, &probe->call, on_no_memory);
		return;
	}
	rehearsal->probe = probe;
	probe->own = rehearsal;
	rehearse(rehearsal, question);
	loop_defer(prober->loop, &rehearsal->call, on_over);
}

static void cancel(struct check_prober *prober, struct check_probe *probe)
{
	if (probe->own)
		rehearsal_free(probe->own);
	probe->own = NULL;
}

const struct check_prober_ops check_rehearsal_ops = { start, cancel };
