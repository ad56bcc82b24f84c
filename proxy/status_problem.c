#include "proxy/status_problem.h"

#include "proxy/json_text.h"

void status_problem(json_t *problems, const char *code, const char *severity, const char *where,
		    const char *text, const char *act, const char *remedy)
{
	json_array_append_new(problems,
			      json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "code", code,
					"severity", severity, "where", json_text(where), "text",
					json_text(text), "act", act, "remedy", remedy));
}
