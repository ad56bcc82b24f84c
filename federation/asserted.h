/* P-Asserted-Identity, P-Preferred-Identity and Privacy across the trust domain (RFC 3325, RFC
 * 3323). */
#pragma once

#include <stdbool.h>

#include "federation/peer.h"
#include "proxy/base/error.h"
#include "proxy/sip/message.h"

/* Strips from the copy that is sent on what the sender may not assert (accepted from backends,
 * and from trusted partners for their own domain), and what the receiver may not see (to
 * untrusted; with Privacy: id to anybody outside). */
enum err asserted_filter(msg_t *msg, const struct origin *origin,
			 bool receiver_is_trusted) MUST_CHECK;

/* False if the message surely asserts nothing: a look at two pointers, where a search would
 * look at each header. */
bool asserted_may_be_in(const msg_t *msg);
