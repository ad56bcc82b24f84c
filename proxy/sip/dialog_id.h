/* What names a dialog (RFC 3261 §12): Call-ID and the two tags, as one keyed hash that does not
 * depend on who sends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/sip/message.h"

/* True for a request inside a dialog: a To tag is there. */
bool dialog_id_is_inside(const sip_t *sip);

/* The hash; the same for requests of both directions. */
uint64_t dialog_id_hash(const sip_t *sip);
