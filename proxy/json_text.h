/* Strangers' text in JSON: jansson takes UTF-8 only, and what is not must not lose the whole
 * answer. */
#pragma once

#include <jansson.h>

/* A JSON string of text; bytes that are not UTF-8 become "?". NULL becomes "". */
json_t *json_text(const char *text);

/* Prints object (keys sorted) malloced, and gives its reference back. NULL if memory is
 * short. */
char *json_take_text(json_t *object);
