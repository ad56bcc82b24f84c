/* Sending a request on (RFC 3261 §16.6): the copy, its edits in the order of the section, and
 * the client transaction. */
#pragma once

#include "proxy/context.h"

/* Sends the context's request to hop; the branch's transaction is started. Nothing calls back
 * inside. */
enum err forward_send(struct branch *branch, const struct hop *hop,
		      const struct client_txn_user *user) MUST_CHECK;

/* The ACK to a 2xx: the same edits, no transaction (RFC 3261 §16.6 item 10). on_end is told
 * once. */
enum err forward_ack(struct branch *branch, const struct hop *hop,
		     void (*on_end)(struct sending *, enum err, enum reason)) MUST_CHECK;

/* "mtls 192.0.2.7:5061 (sip.partner.example)": for records and logs; returns out. */
const char *forward_hop_text(const struct hop *hop, char out[96]);
