#include "nat/stun_server.h"

#include <stdlib.h>

enum { N_SLOTS = 4096 };

/* Sources share a slot if their hashes do, which only makes it stricter for both. */
struct slot {
	uint64_t at_ms; /* when left was right */
	uint32_t left;  /* thousandths of an answer */
};

struct stun_limiter {
	struct slot all, slots[N_SLOTS];
};

enum err stun_limiter_new(struct stun_limiter **out)
{
	struct stun_limiter *limiter = calloc(1, sizeof(*limiter));

	if (!limiter)
		return ERR_NO_MEMORY;
	*out = limiter;
	return ERR_OK;
}

struct stun_limiter *stun_limiter_free(struct stun_limiter *limiter)
{
	free(limiter);
	return NULL;
}

static bool has_room(struct slot *slot, uint32_t per_s, uint64_t now_ms)
{
	const uint64_t full = (uint64_t)per_s * 1000;
	const uint64_t passed_ms = now_ms - slot->at_ms;

	/* Zeros are a slot that nobody used yet. */
	if (!slot->at_ms || passed_ms >= 1000 || slot->left + passed_ms * per_s > full)
		slot->left = (uint32_t)full;
	else
		slot->left += (uint32_t)(passed_ms * per_s);
	slot->at_ms = now_ms;
	return slot->left >= 1000;
}

bool stun_limiter_allows(struct stun_limiter *limiter, const struct addr *source,
			 uint64_t now_ms)
{
	struct slot *slot = &limiter->slots[addr_hash(source, false) % N_SLOTS];

	if (!has_room(slot, STUN_PER_SOURCE, now_ms) ||
	    !has_room(&limiter->all, STUN_IN_ALL, now_ms))
		return false;
	slot->left -= 1000;
	limiter->all.left -= 1000;
	return true;
}

static void refuse(struct stun_writer *writer, const struct stun_message *request,
		   const uint16_t *unknown, unsigned n)
{
	unsigned char types[2 * STUN_MAX_UNKNOWN];

	for (unsigned i = 0; i < n; i++) {
		types[2 * i] = (unsigned char)(unknown[i] >> 8);
		types[2 * i + 1] = (unsigned char)unknown[i];
	}
	stun_begin(writer, STUN_ERROR, STUN_BINDING, request->id);
	stun_add_error(writer, 420, "Unknown");
	stun_add(writer, STUN_UNKNOWN_ATTRIBUTES, types, 2 * n);
}

/* Where the answer leaves from. */
static struct addr origin_of(const struct stun_seat *seat, const struct stun_message *request)
{
	struct addr origin = request->change_ip ? seat->other : seat->local;

	addr_set_port(&origin, addr_port(request->change_port ? &seat->other : &seat->local));
	return origin;
}

static void answer(const struct stun_seat *seat, const struct addr *source,
		   const struct stun_message *request, struct stun_writer *writer)
{
	const struct addr origin = origin_of(seat, request);
	const bool is_new = request->has_cookie;

	stun_begin(writer, STUN_SUCCESS, STUN_BINDING, request->id);
	stun_add_addr(writer, is_new ? STUN_XOR_MAPPED_ADDRESS : STUN_MAPPED_ADDRESS, source);
	if (addr_is_set(&seat->other) || !is_new)
		stun_add_addr(writer, is_new ? STUN_RESPONSE_ORIGIN : STUN_SOURCE_ADDRESS,
			      &origin);
	if (addr_is_set(&seat->other))
		stun_add_addr(writer, is_new ? STUN_OTHER_ADDRESS : STUN_CHANGED_ADDRESS,
			      &seat->other);
	if (request->has_fingerprint)
		stun_add_fingerprint(writer);
}

bool stun_server_answer(const struct stun_seat *seat, const struct addr *source,
			const void *bytes, size_t len, struct stun_reply *out)
{
	static const uint16_t change_request = STUN_CHANGE_REQUEST,
			      response_port = STUN_RESPONSE_PORT;
	struct stun_message request;

	if (stun_read(bytes, len, &request) != ERR_OK || request.class != STUN_REQUEST ||
	    request.method != STUN_BINDING)
		return false;
	out->from_other_ip = out->from_other_port = false;
	if (request.n_unknown) {
		refuse(&out->writer, &request, request.unknown, request.n_unknown);
	} else if (request.has_change && !addr_is_set(&seat->other)) { /* RFC 5780 §7.1 */
		refuse(&out->writer, &request, &change_request, 1);
	} else if (request.response_port) { /* what it asks for could be anybody's */
		refuse(&out->writer, &request, &response_port, 1);
	} else {
		out->from_other_ip = request.change_ip;
		out->from_other_port = request.change_port;
		answer(seat, source, &request, &out->writer);
	}
	return stun_end(&out->writer) > 0;
}
