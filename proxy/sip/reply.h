/* Responses that we make ourselves (RFC 3261 §8.2.6). */
#pragma once

#include "proxy/sip/message.h"

/* Makes the response to a request: Vias, From, To (with to_tag if it has none and to_tag is not
 * NULL), Call-ID, CSeq, Timestamp for 100. NULL: no memory, or the request lacks these. */
msg_t *reply_new(msg_t *request, int status, const char *phrase, const char *to_tag);

/* A To tag for stateless replies that is the same for the same request (RFC 3261 §8.2.7): a
 * keyed hash of its topmost Via, Call-ID and CSeq. */
void reply_stateless_tag(const sip_t *request, char out_tag[17]);

/* True for the ACK to a refusal of ours with such a tag: its topmost Via, Call-ID and CSeq
 * number are those of the request (RFC 3261 §17.1.1.3). Nobody else knows the tag. A stateless
 * server ignores it (§8.2.7). */
bool reply_is_acked(const sip_t *ack);
