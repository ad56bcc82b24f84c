/* One problem as status tells it: what, how bad, who must act, and what to do. */
#pragma once

#include <jansson.h>

/* Certificates that end within so many days are worth a warning. */
enum { STATUS_WARN_DAYS = 14 };

/* Appends {code, severity, where, text, act, remedy}; severity is "error" or "warning". where and
 * text may be strangers'. */
void status_problem(json_t *problems, const char *code, const char *severity, const char *where,
		    const char *text, const char *act, const char *remedy);
