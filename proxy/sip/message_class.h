/* Which headers Sofia takes apart. What a proxy never reads stays an unknown header with its
 * bytes: that is less work for each message, and fewer parsers that strangers reach. For
 * proxy/sip alone. */
#pragma once

#include <stdbool.h>

#include "proxy/sip/message.h"

/* The message class of every message we parse or make; made once, immutable. NULL: no
 * memory. */
const msg_mclass_t *message_class(void);

/* What kind of header a line of so many bytes is, and where its value begins: 0 if it has no
 * colon. As Sofia's msg_find_hclass, but quicker for names that are written as in the RFCs.
 * There is a message class, and the text ends in '\0' somewhere behind the line. */
const msg_href_t *message_class_find(const char *line, size_t line_len,
				     isize_t *out_after_colon);

/* True if the header line that begins here is one that Sofia takes apart. */
bool message_class_parses(const char *line);

/* The header's full name, for its compact form (RFC 3261 §7.3.3) too; NULL if it has none (the
 * start line, the body, a line that is no header). */
const char *message_class_name(const msg_header_t *header);

/* The full name of a header name that may be a compact form; name itself if it is none. */
const char *message_class_full_name(const char *name);
