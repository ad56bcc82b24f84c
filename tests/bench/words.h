/* words: as much of SIP as a load generator needs to play a user agent: the lines of a message
 * found in one pass, and responses, route sets and requests written from them. It trusts what
 * it reads (a proxy under test, fed by ourselves); the proxy's own parser has nothing to do
 * with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_LINES = 16, WORDS_ROUTES = 16 };

struct span {
	const char *at;
	size_t len;
};

struct words {
	int status;                      /* 0: a request */
	struct span method, cseq_method; /* the method of a request; that of CSeq */
	uint32_t cseq;
	/* whole lines with their name */
	struct span via[WORDS_LINES], record_route[WORDS_LINES];
	size_t n_via, n_record_route;
	struct span from, to, call_id, cseq_line, contact; /* whole lines */
};

/* Finds the lines of text, which must outlive words. False if it is no SIP message or one of
 * the lines that every message has (RFC 3261 §8.1.1) is missing. */
bool words_read(const char *text, size_t len, struct words *words);

bool span_is(struct span span, const char *text);

/* The numbers in "slot-seq-..." of the Call-ID, which load puts there. False if it is
 * another's. */
bool words_ids(const struct words *words, uint32_t *out_slot, uint32_t *out_seq);

/* Writes a response to the request (RFC 3261 §8.2.6): its Via lines, From, To, Call-ID, CSeq
 * and Record-Route, with to_tag (unless the request had one), then `more` (whole lines or "").
 * Returns the length; room must be at least MESSAGE_MAX. */
size_t words_response(const struct words *request, const char *status, const char *to_tag,
		      const char *more, char *out, size_t room);

/* A dialog's half that sends (RFC 3261 §12.1.2): the remote target and the route set, as
 * lines. */
struct dialog {
	char target[256];
	char route[1024]; /* "Route: <...>\r\n..." or "" */
};

/* Takes the dialog from a 2xx: Contact, and the Record-Route values in reverse. False if there
 * is no Contact, or a value is longer than fits, or the first hop is a strict router. */
bool words_dialog(const struct words *response, struct dialog *out);
