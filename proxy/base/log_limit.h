/* Keeps a scanner from filling the disk: of each reason and peer one refusal in ten seconds is
 * logged, then how many there were. The table is bounded; when it is full, new pairs are only
 * counted. One thread at a time. For log.c alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"

struct log_limit;

/* A window that has ended: n refusals were not logged. */
struct log_suppressed {
	char reason[48], peer[64]; /* peer is "" for those that found no place in the table */
	uint64_t n;
};

enum { LOG_LIMIT_WINDOW_MS = 10000 };

enum err log_limit_new(struct log_limit **out) MUST_CHECK;
struct log_limit *log_limit_free(struct log_limit *limit);

/* True if this refusal is to be logged. peer is an address with or without a port, which does
 * not count. Where a window with suppressed refusals of the same pair ended just now, out_ended
 * tells; otherwise out_ended->n is 0. */
bool log_limit_admits(struct log_limit *limit, uint64_t now_ms, const char *reason,
		      const char *peer, struct log_suppressed *out_ended);

/* Takes out a window that has ended with something suppressed; false if there is none. To be
 * called until then, once a second or so. */
bool log_limit_take_ended(struct log_limit *limit, uint64_t now_ms, struct log_suppressed *out);
