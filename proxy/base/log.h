/* The log: one event a line, key=value, from any thread, never blocking. Lines go into a
 * bounded ring and leave by a thread of their own (a file or a journal may block); what does
 * not fit is dropped and counted. Keys are those of docs/operations.md; no secrets, no bodies,
 * nothing per packet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Areas of `log.trace`. */
enum log_trace {
	LOG_TRACE_REGISTRATION = 1 << 0,
	LOG_TRACE_INTERCONNECTION = 1 << 1, /* SIP with partners and backends, decrypted */
	LOG_TRACE_MEDIA = 1 << 2,
	LOG_TRACE_TLS = 1 << 3,
	LOG_TRACE_DNS = 1 << 4,
	LOG_TRACE_ALL = (1 << 5) - 1,
};

struct log_settings {
	enum log_level level;
	bool is_json;
	const char *directory; /* "" or NULL: standard error */
	uint64_t max_size_bytes;
	unsigned n_files;
	bool delete_daily;
	unsigned trace; /* LOG_TRACE_... */
};

/* Starts the log thread. Before it, and in client verbs, lines go straight to standard
 * error. */
enum err log_start(const struct log_settings *settings) MUST_CHECK;

/* Applies new settings at once (reload); on error (the directory cannot be written) the old
 * ones stay. */
enum err log_change(const struct log_settings *settings) MUST_CHECK;

/* Writes out what is queued (at most 2 s) and ends the thread. */
void log_stop(void);

/* True if a line of that level would be written: ask before costly formatting. */
bool log_wants(enum log_level level);
bool log_traces(unsigned trace);

/* One event: what happened in a few words, then pairs of key and value (both const char *),
 * ended by NULL. A NULL or empty value leaves its pair out. Values are escaped; strangers' text
 * is safe here. log_event(LOG_WARNING, "refused", "reason", name, "peer", addr_text(..), NULL);
 * In text method, from, to, reason and msg become a sentence, whatever their place, and call_id
 * is written as call. Of the events "refused" and "TLS handshake failed" one line for each
 * reason and peer is written in ten seconds; then one says how many similar ones there were. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* A decrypted message or similar for the trace areas: written if the area is on. The text may
 * have many lines and is written indented under the event (in JSON: the key text). The area is
 * a pair too. */
void log_trace(unsigned area, const char *event, const char *text, size_t len, ...)
	__attribute__((sentinel));

/* Lines dropped because the ring was full. */
uint64_t log_n_dropped(void);
