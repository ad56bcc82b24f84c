/* A decision record as people read it, out of its JSON: for why and explain. */
#pragma once

#include <jansson.h>

#include "proxy/commands/screen.h"

/* The text of a key; "" if it is not there. */
const char *record_text(const json_t *object, const char *key);
long long record_number(const json_t *object, const char *key);

/* The request, the rules (with_all: every one that was asked; else those that decided), the
 * servers that were tried, the verdict, and what to do. */
void record_print(const struct screen *screen, const json_t *record, bool with_all);

/* The same of a TLS handshake that failed ("kind": "handshake"). */
void record_print_handshake(const struct screen *screen, const json_t *record);

/* The same of the media of a call ("kind": "media"). */
void record_print_media(const struct screen *screen, const json_t *record);
