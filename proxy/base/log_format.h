/* A log event as a line: text for people, or one JSON object. Strangers choose many of the
 * values, so whatever could end a line, leave its quotes or steer a terminal is escaped here,
 * and length is bounded. For log.c alone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/log.h"

enum {
	LOG_FORMAT_JSON = 1,
	LOG_FORMAT_JOURNAL =
		2, /* a "<4>" before each line; in text no time, which the journal knows */
	LOG_FORMAT_NATIVE = 4, /* log.c: by log_journal_format instead */
};

struct log_pair {
	const char *key, *value;
};

struct log_line {
	uint64_t wall_us;
	enum log_level level;
	const char *event;
	const struct log_pair *pairs; /* those with a NULL or empty value are left out */
	size_t n_pairs;
	const char *text; /* a trace: printed below the line, in JSON as "text"; NULL: none */
	size_t text_len;
};

/* Adds the line, or with a text the lines, with the line feed. In text the keys method, from,
 * to, reason and msg are told as a sentence before the other pairs: TIME warning refused INVITE
 * FROM -> TO: REASON (MSG) call=... peer=... */
void log_format(struct buf *buf, const struct log_line *line, unsigned flags);
