/* Takes a message apart into Sofia's structs. Leaves what bytes may come here to
 * message_bounds, and each header's text to Sofia's parser of that header. For message.c
 * alone. */
#pragma once

#include <sofia-sip/msg.h>

#include "proxy/base/error.h"
#include "proxy/sip/header_room.h"
#include "proxy/sip/message_bounds.h"

/* Fills an empty message from its bytes, as Sofia's msg_extract does with a copy of each
 * header's text, but without looking through the whole chain of headers for each that it adds.
 * bytes begins with the start line, where bounds found it, and has '\0' at len; both bytes and
 * room live as long as the message. ERR_SYNTAX if the start line cannot be read, ERR_NO_MEMORY.
 * Headers that cannot be read, and the second of what may be once, stand under sip_error. */
enum err message_extract(msg_t *msg, const char *bytes, size_t len,
			 const struct message_bounds *bounds,
			 struct header_room *room) MUST_CHECK;

/* About how much room that takes. */
size_t message_extract_size(const struct message_bounds *bounds);
