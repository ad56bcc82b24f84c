/* What a relay came to as JSON, in the form of a decision record, so that one list holds
 * both. */
#pragma once

#include <jansson.h>

#include "proxy/media_records.h"

/* The record as a new object, "kind":"media"; NULL if memory is short. */
json_t *media_record_to_json(const struct media_record *record);
