/* SIP messages over Sofia-SIP: bytes to msg_t, msg_t to bytes, and the few edits a proxy may
 * make. Only here and in via, reply and digest is a message changed. To read a message, include
 * this header and use Sofia's sip_t directly: message_sip(msg). Only headers that a proxy acts
 * on are taken apart there (the table is in message_class.c); the others stand under
 * sip_unknown with their bytes, and message_header reads them. A message and its copies share
 * memory: all of them stay in one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/url.h>

#include "proxy/base/error.h"
#include "proxy/base/reason.h"
#include "proxy/base/wire.h"

enum {
	MESSAGE_MAX_BYTES = 1024 * 1024, /* whatever limits.message_size says, never more */
	MESSAGE_MAX_HEADERS = 256,       /* header lines of one message */
	MESSAGE_MAX_ROUTES = 32,         /* Route and Record-Route entries each */
	/* as many hops as RFC 3261 §8.1.1.6 lets a request take */
	MESSAGE_MAX_VIAS = 70,
};

/* Parses one whole message (a datagram, or what frame cut from a stream), checking the bounds
 * above before Sofia sees the bytes. The message owns a copy of them. ERR_SYNTAX if not even a
 * start line and the headers needed for a reply (Via, From, To, Call-ID, CSeq) can be read,
 * ERR_LIMIT over a bound, ERR_NO_MEMORY. Give it back with message_unref. */
enum err message_parse(const void *bytes, size_t len, msg_t **out) MUST_CHECK;

/* What Sofia parsed. Valid as long as the message. */
static inline sip_t *message_sip(const msg_t *msg)
{
	return (sip_t *)msg_object(msg);
}

/* Checks what RFC 3261 16.3 items 1 and 2 and 8.1.1 ask of a request or response that parsed:
 * mandatory headers once each and well-formed, CSeq method like the request's, Content-Length
 * not longer than the body, SIP/2.0 (REASON_VERSION), a Request-URI of sip, sips or tel
 * (REASON_URI_SCHEME) without headers. REASON_NONE if all is well; out_what (may be NULL) names
 * the header at fault. */
enum reason message_check(const sip_t *sip, const char **out_what);

msg_t *message_ref(msg_t *msg);
msg_t *message_unref(msg_t *msg); /* returns NULL; NULL is fine */

/* A copy to be edited; headers and body are shared with msg until they are changed. NULL: no
 * memory. */
msg_t *message_copy(msg_t *msg);

/* Prints the whole message; headers that were not touched keep their bytes. Content-Length is
 * set right. */
enum err message_print(msg_t *msg, struct wire **out) MUST_CHECK;

/* The edits. Each returns ERR_NO_MEMORY or ERR_SYNTAX and leaves the message as it was. Text is
 * SIP header value text made by us, or already checked. */
enum err message_set_request_uri(msg_t *msg, const url_t *uri) MUST_CHECK;
enum err message_set_max_forwards(msg_t *msg, unsigned hops) MUST_CHECK;
enum err message_set_max_breadth(msg_t *msg, unsigned breadth) MUST_CHECK; /* RFC 5393 §5 */
enum err message_push_record_route(msg_t *msg, const char *value) MUST_CHECK;
enum err message_push_route(msg_t *msg, const char *value) MUST_CHECK;
/* last: strict routing, RFC 3261 §16.4 */
enum err message_append_route(msg_t *msg, const url_t *uri) MUST_CHECK;
void message_pop_route(msg_t *msg); /* the topmost */
void message_remove_last_route(msg_t *msg);
/* every one of that name, also unknown to Sofia */
void message_remove_header(msg_t *msg, const char *name);
enum err message_add_header(msg_t *msg, const char *name, const char *value) MUST_CHECK;

/* The first value of a header by name, "" parts trimmed, also of headers Sofia does not know;
 * NULL: none. The text is the message's. */
const char *message_header(const msg_t *msg, const char *name);
/* The same of the n-th header line of that name, counted from 0. */
const char *message_header_at(const msg_t *msg, const char *name, unsigned n);

/* Max-Breadth (RFC 5393); preset if there is none or it is no number. */
unsigned message_max_breadth(const msg_t *msg, unsigned preset);
bool message_has_max_breadth(const msg_t *msg); /* whatever its value */

/* "INVITE" etc.: the method name of a request, or of the CSeq of a response. */
const char *message_method(const sip_t *sip);

/* The host of a From, To or Request-URI in comparison form (text_domain) and the user part
 * unescaped; false if the URI is not sip, sips (or tel, whose user is the number and host ""),
 * or too long. */
bool message_uri_parts(const url_t *url, char *user, size_t user_size, char *host,
		       size_t host_size);
