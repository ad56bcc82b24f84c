/* One problem as status tells it: what, how bad, who must act, and what to do. */
#pragma once

#include <jansson.h>

/* Appends {code, severity, where, text, act, remedy}; severity is "error" or "warning". where
 * and text may be strangers'. */
void status_problem(json_t *problems, const char *code, const char *severity, const char *where,
		    const char *text, const char *act, const char *remedy);

/* A router on the way rewrites SIP: signs as in nat/alg.h. */
void status_problem_alg(json_t *problems, const char *where, unsigned signs, const char *act);
