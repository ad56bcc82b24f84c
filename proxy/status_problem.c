#include "proxy/status_problem.h"

#include "nat/alg.h"
#include "proxy/json_text.h"

void status_problem(json_t *problems, const char *code, const char *severity, const char *where,
		    const char *text, const char *act, const char *remedy)
{
	json_array_append_new(problems,
			      json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "code", code,
					"severity", severity, "where", json_text(where), "text",
					json_text(text), "act", act, "remedy", remedy));
}

void status_problem_alg(json_t *problems, const char *where, unsigned signs, const char *act)
{
	char text[256];

	status_problem(
		problems, "sip-alg", "warning", where,
		alg_signs_text(signs, text, sizeof(text)), act,
		"A router on the way rewrites SIP. Switch its SIP ALG off (also called SIP helper, SIP inspection), or use tls.");
}
