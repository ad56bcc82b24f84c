/* What a message's bytes must keep to before Sofia may see them: line ends, NULs, and how many
 * lines and list entries there are. For proxy/sip alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/sip/message.h"

struct message_bounds {
	/* where the start line begins: after empty lines (RFC 3261 §7.5); the others count from
	 * there */
	size_t start;
	size_t body; /* where the body begins: after the empty line that ends the headers */
	unsigned n_lines; /* header lines; a folded one counts once */
	/* where each begins; behind them the empty line */
	uint32_t lines[MESSAGE_MAX_HEADERS + 1];
};

/* Finds the start line and the end of the headers. ERR_SYNTAX if there is no empty line, a line
 * of the headers ends other than in CRLF, or holds a NUL; ERR_LIMIT over MESSAGE_MAX_BYTES,
 * over MESSAGE_MAX_HEADERS lines, or too many list entries or parameters in one header that is
 * parsed (Sofia's list parser recurses, and its parameter lists grow by copying). After an
 * error out says nothing. */
enum err message_bounds_find(const char *bytes, size_t len,
			     struct message_bounds *out) MUST_CHECK;

/* The same bound for the text of a header that is taken apart only when somebody reads it: true
 * if Sofia may see it. */
bool message_bounds_hold(const char *text);
