/* What log.trace: [interconnection] writes: each SIP message as it came or goes, decrypted.
 * Without what the log must not hold: credentials, media keys, and the bodies of messages
 * (docs/operations.md). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/buf.h"
#include "proxy/base/log.h"
#include "proxy/transport/flow.h"

/* Writes one message of a flow to the log, if the area is on. Keepalives are left out. */
void trace_write(const struct flow *flow, bool is_sent, const char *bytes, size_t len);

static inline void trace_message(const struct flow *flow, bool is_sent, const char *bytes,
				 size_t len)
{
	if (log_traces(LOG_TRACE_INTERCONNECTION))
		trace_write(flow, is_sent, bytes, len);
}

/* The text that is written: the headers with the values of Authorization and
 * Proxy-Authorization hidden, then the body if it is SDP, without its keys; of other bodies the
 * length. For bytes of strangers. */
void trace_print(const char *bytes, size_t len, struct buf *out);
