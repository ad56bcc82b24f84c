/* Via: ours on requests, theirs on responses (RFC 3261 §16.6 item 8, §18.2; RFC 3581). */
#pragma once

#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/sip/message.h"

/* As if the topmost Via had asked for rport: behind a NAT the port of sent-by leads nowhere,
 * whatever a phone says. */
void via_want_rport(msg_t *msg);

/* Stamps received and rport into the topmost Via of a request that came from source (RFC 3261
 * §18.2.1, RFC 3581 §4): received always when it differs or rport was asked, rport only if
 * asked. */
enum err via_stamp(msg_t *msg, const struct addr *source) MUST_CHECK;

/* Puts our Via on top: "SIP/2.0/TRANSPORT sent_by;branch=...;rport" (rport on UDP only).
 * transport is "UDP", "TCP", "TLS"; sent_by is "host" or "host:port". */
enum err via_push(msg_t *msg, const char *transport, const char *sent_by,
		  const char *branch) MUST_CHECK;

/* Takes the topmost Via away. */
void via_pop(msg_t *msg);

/* Where a response to the request with this topmost Via goes over UDP when the request came
 * from source (RFC 3261 §18.2.2, RFC 3581 §4): source's port with rport, else the port of
 * sent-by at the source's address. maddr is ignored: it would make us a reflector. */
void via_response_addr(const sip_via_t *via, const struct addr *source, struct addr *out);

/* True if the branch begins with the magic cookie z9hG4bK, and more follows. */
bool via_is_rfc3261(const sip_via_t *via);
