#include "proxy/control_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/decision_json.h"
#include "proxy/explain.h"
#include "proxy/nat_json.h"
#include "proxy/partners.h"
#include "proxy/records.h"
#include "proxy/status.h"

enum { MAX_CERT_NAMES = 16 };

static void give_records(struct http_answer *answer, json_t *records)
{
	control_give_json(answer, 200,
			  records ? json_pack("{s:i, s:b, s:[], s:o}", "version", 1, "ok", 1,
					      "problems", "decisions", records)
				  : NULL);
}

static void give_last(struct control *control, struct http_answer *answer)
{
	json_t *records = records_last_refusal(control->server);

	if (!records || json_array_size(records) > 0) {
		give_records(answer, records);
		return;
	}
	json_decref(records);
	control_give_problem(answer, 404, "no-record", "nothing was refused yet");
}

void control_answer_status(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	const char *summary = http_query(request, "summary");

	if (summary && strcmp(summary, "1") == 0) {
		control_give_json(answer, 200,
				  status_summary(control->server, control->is_alive));
		return;
	}
	answer->content_type = control_type_json;
	answer->status =
		status_source(control->server, control->is_alive, &answer->source) ? 500 : 200;
}

void control_answer_decisions(struct control *control, const struct http_request *request,
			      struct http_answer *answer)
{
	const char *call_id = http_query(request, "call_id"),
		   *about = http_query(request, "about");

	if (http_query(request, "last"))
		give_last(control, answer);
	else if (about)
		give_records(answer, records_about(control->server, about));
	else if (call_id)
		give_records(answer, records_of_call(control->server, call_id));
	else
		give_records(answer, records_newest(control->server));
}

/* A check that could not begin; one that has answers by itself. */
static void give_check(struct http_answer *answer, enum err err, const char *what)
{
	if (err == ERR_LIMIT)
		control_give_problem(answer, 503, "busy",
				     "as many checks are under way as may be at a time");
	else if (err == ERR_NOT_FOUND)
		control_give_misunderstood(answer, what);
	else if (err)
		control_give_problem(answer, 500, "failed", err_text(err));
}

void control_answer_explain(struct control *control, const struct http_request *request,
			    struct http_answer *answer)
{
	const char *names[MAX_CERT_NAMES], *what = "from and to are needed";
	struct decision *decision = calloc(1, sizeof(*decision));
	struct explain_question question = {
		.from = http_query(request, "from"),
		.to = http_query(request, "to"),
		.method = http_query(request, "method"),
		.listener = http_query(request, "listener"),
		.source = http_query(request, "from_ip"),
		.cert_names = names,
	};
	enum err err = ERR_INVALID;

	question.n_cert_names =
		(unsigned)http_query_all(request, "cert_name", names, COUNT(names));
	if (decision && question.from && question.to)
		err = explain_request(control->server, control->server->snapshot, &question,
				      decision, &what);
	if (err == ERR_OK)
		control_give_json(answer, 200, decision_answer(decision, true));
	else if (err == ERR_INVALID)
		control_give_misunderstood(answer, what);
	else
		control_give_problem(answer, 500, "failed", err_text(err));
	free(decision);
}

void control_answer_selfcheck(struct control *control, const struct http_request *request,
			      struct http_answer *answer)
{
	const char *asked = http_query(request, "domain");
	char domain[256];

	if (asked && !text_domain(asked, domain, sizeof(domain)))
		control_give_misunderstood(answer, "this is no domain");
	else
		give_check(answer,
			   checks_selfcheck(control->checks, request, asked ? domain : NULL),
			   "the domain is none of ours");
}

/* /v1/partners/DOMAIN/check */
void control_answer_partner_check(struct control *control, const struct http_request *request,
				  struct http_answer *answer)
{
	const char *from = request->path + strlen("/v1/partners/"),
		   *as_if = http_query(request, "as_if_allowed");
	char text[256], domain[256];

	if (strcmp(from + strcspn(from, "/"), "/check") != 0 ||
	    !text_copy_len(text, sizeof(text), from, strcspn(from, "/")) ||
	    !text_domain(text, domain, sizeof(domain)))
		control_give_misunderstood(answer, "this is no domain");
	else
		give_check(answer,
			   checks_partner(control->checks, request, domain,
					  as_if && strcmp(as_if, "1") == 0),
			   "");
}

void control_answer_partners(struct control *control, const struct http_request *request,
			     struct http_answer *answer)
{
	const char *domain = http_query(request, "domain");
	char normal[DISCOVERED_DOMAIN_SIZE], text[300];
	json_t *json;

	if (!domain) {
		answer->content_type = control_type_json;
		answer->status = partners_list(control->server, &answer->source) ? 500 : 200;
		return;
	}
	json = text_domain(domain, normal, sizeof(normal))
		       ? partners_show(control->server, normal)
		       : NULL;
	if (json) {
		control_give_json(answer, 200, json);
		return;
	}
	snprintf(text, sizeof(text), "nothing is known of %.200s", domain);
	control_give_problem(answer, 404, "unknown-partner", text);
}

void control_answer_nat(struct control *control, const struct http_request *request,
			struct http_answer *answer)
{
	control_give_json(answer, 200, nat_to_json(control->server));
}
