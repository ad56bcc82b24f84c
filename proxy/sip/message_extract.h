/* Takes a message apart into Sofia's structs. Leaves what bytes may come here to message_bounds, and each header's text to
 * Sofia's parser of that header. For message.c alone. */
#pragma once

#include <sofia-sip/msg.h>

#include "proxy/base/error.h"

/* Fills an empty message from its bytes, as Sofia's msg_extract does with a copy of each header's text, but without looking
 * through the whole chain of headers for each that it adds. bytes[len] is '\0', within the bounds, begins with the start
 * line, has its body at body and n_lines header lines before it, and lives as long as the message. ERR_SYNTAX if the start line cannot be read,
 * ERR_NO_MEMORY. Headers that cannot be read, and the second of what may be once, stand under sip_error. */
enum err message_extract(msg_t *msg, const char *bytes, size_t len, size_t body, unsigned n_lines) MUST_CHECK;

/* About how much memory of the message's home that takes. */
size_t message_extract_size(size_t body, unsigned n_lines);
