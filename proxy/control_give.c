#include "proxy/control_inside.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/json_text.h"
#include "proxy/status_problem.h"

const char control_type_json[] = "application/json";

/* What to do about a question that got no answer. */
static const struct {
	const char *code, *act, *remedy;
} faults[] = {
	{ "busy", "you", "Wait for the checks that are under way." },
	{ "failed", "you", "The log of the daemon says more." },
	{ "has-route", "you", "Change the route; enabled: false in it shuts the partner out." },
	{ "method", "you", "docs/operations.md lists what can be asked, and how." },
	{ "no-record", "nobody", "Nothing has to be done." },
	{ "not-permitted", "you", "Ask as root or as a member of these groups." },
	{ "nothing-pending", "you",
	  "`nuncio reload --confirm TIME` takes the file into use on trial." },
	{ "own-domain", "you", "Name a partner's domain." },
	{ "question", "you",
	  "Correct the question; docs/operations.md lists what can be asked." },
	{ "unknown", "you", "docs/operations.md lists what can be asked." },
	{ "unknown-partner", "you",
	  "`nuncio partner list` shows the partners that are known." },
};

void control_give_json(struct http_answer *answer, unsigned status, json_t *object)
{
	answer->body = json_take_text(object);
	answer->status = answer->body ? status : 500;
	answer->content_type = control_type_json;
}

void control_give_problem(struct http_answer *answer, unsigned status, const char *code,
			  const char *text)
{
	json_t *problems = json_array();

	for (size_t i = 0; i < COUNT(faults); i++)
		if (strcmp(faults[i].code, code) == 0)
			status_problem(problems, code, "error", "control", text, faults[i].act,
				       faults[i].remedy);
	control_give_json(
		answer, status,
		json_pack("{s:i, s:b, s:o}", "version", 1, "ok", 0, "problems", problems));
}

void control_give_misunderstood(struct http_answer *answer, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "cannot be understood: %s", what);
	control_give_problem(answer, 400, "question", text);
}
