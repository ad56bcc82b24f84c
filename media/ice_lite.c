#include "media/ice_lite.h"

#include <string.h>

#include "media/end_dtls.h"
#include "media/pass.h"
#include "media/worker.h"
#include "nat/stun.h"

enum { UNKNOWN_ATTRIBUTE = 420, ROLE_CONFLICT = 487 };

/* USERNAME is our ufrag, a colon, theirs (RFC 8445 7.2.2). */
static bool is_for_us(const struct relay_end_state *end, const struct stun_message *message)
{
	size_t own = strlen(end->own_ufrag), theirs = strlen(end->peer_ufrag);

	return message->username && message->username_len == own + 1 + theirs &&
	       memcmp(message->username, end->own_ufrag, own) == 0 &&
	       message->username[own] == ':' &&
	       memcmp(message->username + own + 1, end->peer_ufrag, theirs) == 0;
}

static bool is_check(const struct relay_end_state *end, const uint8_t *bytes,
		     const struct stun_message *message)
{
	return message->class == STUN_REQUEST && message->method == STUN_BINDING &&
	       is_for_us(end, message) &&
	       stun_check_integrity(bytes, message, end->own_pwd, strlen(end->own_pwd));
}

static unsigned error_of(const struct stun_message *message)
{
	if (message->n_unknown > 0)
		return UNKNOWN_ATTRIBUTE;
	/* A lite agent is controlled, and stays so: the other one has to change (RFC
	 * 8445 7.3.1.1). */
	return message->has_controlled ? ROLE_CONFLICT : 0;
}

static void add_unknown(struct stun_writer *writer, const struct stun_message *message)
{
	uint8_t list[2 * STUN_MAX_UNKNOWN];

	for (unsigned i = 0; i < message->n_unknown; i++) {
		list[2 * i] = (uint8_t)(message->unknown[i] >> 8);
		list[2 * i + 1] = (uint8_t)message->unknown[i];
	}
	stun_add(writer, STUN_UNKNOWN_ATTRIBUTES, list, 2 * message->n_unknown);
}

static void answer(struct relay_socket *socket, const struct stun_message *message,
		   unsigned code, const struct addr *to)
{
	struct relay_end_state *end = socket->end;
	struct stun_writer writer;

	stun_begin(&writer, code ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, message->id);
	if (!code)
		stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, to);
	else
		stun_add_error(&writer, code,
			       code == ROLE_CONFLICT ? "Role Conflict" : "Unknown Attribute");
	if (code == UNKNOWN_ATTRIBUTE)
		add_unknown(&writer, message);
	stun_add_integrity(&writer, end->own_pwd, strlen(end->own_pwd));
	stun_add_fingerprint(&writer);
	if (stun_end(&writer) > 0)
		send_raw(end, socket->component, writer.bytes, stun_end(&writer), to);
}

/* The nominated pair, or the first that works until one is nominated. */
static void choose(struct relay_socket *socket, bool is_nominated, const struct addr *source)
{
	struct relay_end_state *end = socket->end;
	struct relay_event event = { .kind = RELAY_LATCHED,
				     .stream = end->stream->number,
				     .leg = end->leg,
				     .is_rtcp = socket->component == PORT_RTCP,
				     .addr = *source };

	if (latch_is_source(&socket->latch, source) ||
	    (addr_is_set(&socket->latch.source) && !is_nominated))
		return;
	latch_force(&socket->latch, source);
	worker_tell(end->stream->relay, &event);
	end_dtls_found(end);
}

bool ice_lite_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		   const struct addr *source)
{
	struct stun_message message;
	unsigned code;

	if (stun_read(bytes, len, &message) || !is_check(socket->end, bytes, &message))
		return false;
	code = error_of(&message);
	answer(socket, &message, code, source); /* before a handshake that this may begin */
	if (!code)
		choose(socket, message.use_candidate, source);
	return true;
}
