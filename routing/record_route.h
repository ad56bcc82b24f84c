/* Our Record-Route: signed, so that a request inside a dialog proves that its dialog went
 * through us, and between whom (design.md 3). The token stands in the user part: version, key
 * number, both ends, time, MAC over these and the Call-ID. Where an end is a phone, its flow is
 * in it, too (RFC 5626 §5.3). RFC 3261 §16.6 item 4, RFC 5658. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/sip/message.h"
#include "proxy/transport/listener.h"

/* the current key, and the one before for the overlap; immutable once loaded; shared */
struct record_route_keys;

/* Reads the keys from `state_dir`/record_route.key (0600), making them if there are none. In
 * memory only if directory is NULL. ERR_ACCESS (also if others may read the file), ERR_IO,
 * ERR_SYNTAX (damaged). Blocks on files: main thread. */
enum err record_route_keys_load(const char *directory,
				struct record_route_keys **out) MUST_CHECK;
struct record_route_keys *record_route_keys_free(struct record_route_keys *keys);

/* Puts a new current key into the file; the one that was current is still accepted until the
 * next replacement. Keys that are loaded already do not change. */
enum err record_route_keys_replace(const char *directory) MUST_CHECK;

/* A keyed hash of an end's id ("partner:partner.example", "backend:berlin"). */
uint64_t record_route_end(const struct record_route_keys *keys, const char *id);

/* The flow by which an end is reached that nobody could dial. */
struct token_flow {
	bool is_set;
	uint32_t listener;         /* record_route_listener of its name */
	uint64_t id;               /* the connection's; 0: datagrams, between: */
	struct addr remote, local; /* port of local: not kept */
};

struct record_route_token {
	uint64_t caller, callee; /* ends: who began the dialog, and whom it was sent to */
	uint32_t made_at_s;      /* seconds since 1970 */
	uint8_t worker;
	struct token_flow caller_flow, callee_flow;
};

/* What stands for a listener in a token. */
uint32_t record_route_listener(const struct record_route_keys *keys, const char *name);

enum { RECORD_ROUTE_VALUE_SIZE = 512, RECORD_ROUTE_TEXT_SIZE = 192 };

/* Signs: the user part of every entry for this dialog. Two entries (RFC 5658) share it. */
enum err record_route_sign(const struct record_route_keys *keys,
			   const struct record_route_token *token, const char *call_id,
			   char out[RECORD_ROUTE_TEXT_SIZE]) MUST_CHECK;

/* "<sip:SIGNED@sent_by;lr[;transport=tcp|tls]>" for a listener. */
enum err record_route_entry(const char *is_signed, const struct listener *listener,
			    char out[RECORD_ROUTE_VALUE_SIZE]) MUST_CHECK;

/* "<sip:TOKEN@sent_by;lr[;transport=tcp|tls]>" for a listener. */
enum err record_route_value(const struct record_route_keys *keys,
			    const struct record_route_token *token, const char *call_id,
			    const struct listener *listener,
			    char out[RECORD_ROUTE_VALUE_SIZE]) MUST_CHECK;

enum record_route_verdict {
	RECORD_ROUTE_VALID,
	RECORD_ROUTE_NONE,   /* no token in it */
	RECORD_ROUTE_FORGED, /* MAC wrong: forged, another Call-ID, or a key that is gone */
};

enum record_route_verdict record_route_verify(const struct record_route_keys *keys,
					      const url_t *route, const char *call_id,
					      struct record_route_token *out);
