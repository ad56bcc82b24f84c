/* Strangers' messages taken apart and edited by our own hands, beside the same done by Sofia's
 * functions: what is printed at the end must be the same bytes. Which edits there are, and in
 * which order, the bytes of the message say. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/addr.h"
#include "proxy/base/text.h"
#include "proxy/sip/message.h"
#include "proxy/sip/message_bounds.h"
#include "proxy/sip/message_class.h"
#include "proxy/sip/via.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define ROUTE   "<sip:token-1@192.0.2.7:5060;transport=tcp;lr>"
#define SENT_BY "us.example:5060"
#define BRANCH  "z9hG4bKus.1"

enum edit {
	POP_ROUTE,
	POP_VIA,
	PUSH_ROUTE,
	PUSH_RECORD_ROUTE,
	PUSH_VIA,
	STAMP,
	HOPS,
	COPY,
	LAST_ROUTE,
	N_EDITS
};
enum { MAX_EDITS = 8 };

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static msg_t *extract_sofias(const char *bytes, size_t len)
{
	msg_t *msg = msg_create(message_class(), MSG_DO_EXTRACT_COPY);
	char *copy = su_alloc(msg_home(msg), (isize_t)len + 1);

	must(msg && copy);
	memcpy(copy, bytes, len);
	msg_buf_set(msg, copy, (usize_t)len + 1);
	msg_buf_commit(msg, (usize_t)len, 1);
	(void)msg_extract(msg);
	return msg;
}

static void remove_first(msg_t *msg, void *header)
{
	if (header)
		msg_header_remove(msg, NULL, header);
}

static void prepend(msg_t *msg, void *place, void *header)
{
	must(header && msg_header_prepend(msg, msg_object(msg), place, header) >= 0);
}

/* As it was before it was done by hand. */
static void stamp(msg_t *msg, const struct addr *source)
{
	sip_via_t *via = message_sip(msg)->sip_via, *other = message_sip(msg)->sip_via;
	const bool asks_rport = via->v_rport != NULL;
	const uintptr_t end = (uintptr_t)via->v_common->h_data + via->v_common->h_len;
	char host[ADDR_TEXT_SIZE], *received, *rport;
	struct addr sent_by;

	if (!asks_rport && !via->v_received && !addr_parse(via->v_host, 0, &sent_by) &&
	    addr_same_host(&sent_by, source))
		return;
	for (; other; other = other->v_next)
		if ((uintptr_t)other->v_common->h_data + other->v_common->h_len == end)
			sip_fragment_clear(other->v_common);
	received = su_sprintf(msg_home(msg), "received=%s", addr_host(source, host));
	must(msg_params_replace(msg_home(msg), (msg_param_t **)&via->v_params, received) >= 0);
	via->v_received = strchr(received, '=') + 1;
	if (!asks_rport)
		return;
	rport = su_sprintf(msg_home(msg), "rport=%u", addr_port(source));
	must(msg_params_replace(msg_home(msg), (msg_param_t **)&via->v_params, rport) >= 0);
	via->v_rport = strchr(rport, '=') + 1;
}

static void edit_sofias(msg_t *msg, enum edit edit, const struct addr *source)
{
	su_home_t *home = msg_home(msg);
	sip_t *sip = message_sip(msg);

	switch (edit) {
	case POP_ROUTE:
		remove_first(msg, sip->sip_route);
		break;
	case POP_VIA:
		remove_first(msg, sip->sip_via);
		break;
	case PUSH_ROUTE:
		prepend(msg, &sip->sip_route, sip_route_make(home, ROUTE));
		break;
	case PUSH_RECORD_ROUTE:
		prepend(msg, &sip->sip_record_route, sip_record_route_make(home, ROUTE));
		break;
	case PUSH_VIA:
		prepend(msg, &sip->sip_via,
			sip_via_make(home, "SIP/2.0/UDP " SENT_BY ";branch=" BRANCH ";rport"));
		break;
	case STAMP:
		stamp(msg, source);
		break;
	case HOPS:
		if (!sip->sip_max_forwards)
			break;
		sip->sip_max_forwards->mf_count = 12;
		sip_fragment_clear(sip->sip_max_forwards->mf_common);
		break;
	case LAST_ROUTE:
		message_remove_last_route(msg);
		break;
	case COPY:
	case N_EDITS:
		break;
	}
}

static void edit_ours(msg_t **msg, enum edit edit, const struct addr *source)
{
	msg_t *copy;

	switch (edit) {
	case POP_ROUTE:
		message_pop_route(*msg);
		break;
	case POP_VIA:
		via_pop(*msg);
		break;
	case PUSH_ROUTE:
		must(!message_push_route(*msg, ROUTE));
		break;
	case PUSH_RECORD_ROUTE:
		must(!message_push_record_route(*msg, ROUTE));
		break;
	case PUSH_VIA:
		must(!via_push(*msg, "UDP", SENT_BY, BRANCH));
		break;
	case STAMP:
		must(!via_stamp(*msg, source));
		break;
	case HOPS:
		must(!message_sip(*msg)->sip_max_forwards ||
		     !message_set_max_forwards(*msg, 12));
		break;
	case LAST_ROUTE:
		message_remove_last_route(*msg);
		break;
	case COPY:
		copy = message_copy(*msg);
		must(copy);
		message_unref(*msg);
		*msg = copy;
		break;
	case N_EDITS:
		break;
	}
}

/* Each header is in the chain, and each of the chain hangs on the one before. */
static void check_chain(msg_t *msg)
{
	const sip_t *sip = message_sip(msg);
	const void *const lists[] = {
		sip->sip_request, sip->sip_status,       sip->sip_via,
		sip->sip_route,   sip->sip_record_route, sip->sip_from,
		sip->sip_to,      sip->sip_separator,    sip->sip_payload
	};

	for (msg_header_t **at = msg_chain_head(msg); *at; at = &(*at)->sh_succ)
		must((*at)->sh_prev == at);
	for (size_t i = 0; i < COUNT(lists); i++)
		for (const msg_header_t *header = lists[i]; header; header = header->sh_next)
			must(header->sh_prev && *header->sh_prev == header);
}

static void compare(msg_t *ours, msg_t *theirs)
{
	struct wire *a = NULL, *b = NULL;
	enum err err = message_print(ours, &a), their_err = message_print(theirs, &b);

	must(err == their_err);
	if (err)
		return;
	if (a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0) {
		fprintf(stderr, "ours:\n%.*s\nSofia's:\n%.*s\n", (int)a->len, a->bytes,
			(int)b->len, b->bytes);
		abort();
	}
	wire_unref(a);
	wire_unref(b);
}

static uint32_t mix(const uint8_t *bytes, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct message_bounds bounds;
	uint32_t seed = mix(bytes, len);
	struct addr source;
	msg_t *ours = NULL, *theirs;

	if (addr_parse_port(seed & 1 ? "192.0.2.1:7777" : "[2001:db8::9]:65535", 0, &source))
		abort();
	if (message_parse(bytes, len, &ours))
		return 0;
	must(!message_bounds_find((const char *)bytes, len, &bounds));
	theirs = extract_sofias((const char *)bytes + bounds.start, len - bounds.start);
	for (unsigned i = 0, n = seed >> 1 & (MAX_EDITS - 1); i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		const enum edit edit = (enum edit)((seed >> 16) % N_EDITS);

		if (edit == STAMP && !message_sip(ours)->sip_via)
			continue;
		edit_sofias(theirs, edit, &source);
		edit_ours(&ours, edit, &source);
		check_chain(ours);
	}
	/* Sofia's asserts that what may be once is there once. */
	if (!message_sip(ours)->sip_error)
		compare(ours, theirs);
	message_unref(ours);
	msg_destroy(theirs);
	return 0;
}
