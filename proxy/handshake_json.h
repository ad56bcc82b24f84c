/* A handshake that failed as JSON, in the form of a decision record, so that one list holds
 * both. */
#pragma once

#include <jansson.h>

#include "proxy/handshakes.h"

/* The record as a new object, "kind":"handshake"; NULL if memory is short. */
json_t *handshake_to_json(const struct handshake *handshake);
