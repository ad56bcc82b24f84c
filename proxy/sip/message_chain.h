/* The chain of a message's headers, in the order in which they are sent: where Sofia's own functions look through all of a
 * message for each header. For the files of proxy/sip. */
#pragma once

#include "proxy/sip/message.h"

/* Makes the chain of a message that has none yet: of its start line and its empty line, which stand in its sip_t, so that Sofia knows its
 * beginning and its end. ERR_INVALID if it lacks a start line. */
enum err message_chain_begin(msg_t *msg) MUST_CHECK;
