/* The two requests that a client transaction makes itself from an INVITE that it sent: ACK to a
 * final response other than 2xx (RFC 3261 §17.1.1.3) and CANCEL (§9.1). Both go hop by hop,
 * under the INVITE's own Via. */
#pragma once

#include "proxy/sip/message.h"

/* The ACK: To is the response's. It references the INVITE for as long as it lives. NULL: no
 * memory. */
msg_t *derived_request_ack(msg_t *invite, const sip_t *response);

/* The CANCEL; reason (may be NULL) is the value of its Reason header (RFC 3326). NULL: no
 * memory. */
msg_t *derived_request_cancel(msg_t *invite, const char *reason);
