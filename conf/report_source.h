/* The text of a file that was read, kept so that a fault's line can be shown. For the report's
 * own files alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct report;

struct report_source {
	struct report_source *next;
	char *file, *text; /* text: NULL if it is secret */
	size_t len;
	bool is_secret;
};

/* NULL if the file is unknown or secret. */
const struct report_source *report_source_of(const struct report *report, const char *file);
