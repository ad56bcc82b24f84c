/* The areas of log.trace as the control interface writes them: {"areas":["tls","dns"]}. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/buf.h"

/* Reads such an object; an empty list is no area. False if it is none, or names an area that
 * does not exist. */
bool trace_areas_read(const char *text, size_t len, unsigned *out);

/* The words of the bits, a new array. */
json_t *trace_areas_to_json(unsigned trace);

/* " tls dns", or " off". */
void trace_areas_print(unsigned trace, struct buf *out);
