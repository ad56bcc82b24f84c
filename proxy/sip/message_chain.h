/* The chain of a message's headers, in the order in which they are sent: where Sofia's own
 * functions look through all of a message for each header. For the files of proxy/sip. */
#pragma once

#include <stdbool.h>

#include "proxy/sip/message.h"

static inline bool message_chain_is_start_line(const msg_header_t *header)
{
	return header->sh_class->hc_hash == sip_request_hash ||
	       header->sh_class->hc_hash == sip_status_hash;
}

/* Makes the chain of a message that has none yet: of its start line and its empty line, which
 * stand in its sip_t, so that Sofia knows its beginning and its end. ERR_INVALID if it lacks a
 * start line. */
enum err message_chain_begin(msg_t *msg) MUST_CHECK;

/* Puts one header, or a list of them, before all others of its kind (Via, Route, Record-Route),
 * which begin at *place in the message's sip_t, and behind the start line. */
enum err message_chain_prepend(msg_t *msg, msg_header_t **place,
			       msg_header_t *header) MUST_CHECK;

/* Takes the first of its kind out of the message; others that stand on its line are printed
 * anew. Nothing if there is none. */
void message_chain_remove_first(msg_t *msg, msg_header_t **place);
