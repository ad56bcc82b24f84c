/* The answer of /v1/status as people read it: on one screen, or all of it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "proxy/commands/screen.h"

/* True for "listeners", "partners", "backends", "certs". */
bool status_text_has_section(const char *word);

/* At most 24 lines (unless the first problem alone takes more than nine): the verdict,
 * problems, then each section with its counts and as many rows as there is room for, those in
 * trouble first. status may be a summary. */
void status_text_overview(const struct screen *screen, const json_t *status);

/* Everything, or one section of it (only, may be NULL). */
void status_text_all(const struct screen *screen, const json_t *status, const char *only);
