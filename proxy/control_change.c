#include "proxy/control_inside.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"
#include "proxy/base/log.h"
#include "proxy/nat_json.h"
#include "proxy/nat_watch.h"
#include "proxy/partners.h"
#include "proxy/reload_confirm.h"
#include "proxy/trace_areas.h"

/* {"confirm":"5m"}, or nothing. */
static bool read_confirm(const struct http_request *request, uint64_t *out_ms)
{
	json_t *body;
	const char *text;
	bool ok;

	*out_ms = 0;
	if (request->body_len == 0)
		return true;
	body = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, NULL);
	text = json_string_value(json_object_get(body, "confirm"));
	ok = text && json_object_size(body) == 1 && value_duration(text, out_ms) == ERR_OK &&
	     *out_ms >= RELOAD_CONFIRM_MIN_MS && *out_ms <= RELOAD_CONFIRM_MAX_MS;
	json_decref(body);
	return ok;
}

void control_answer_reload(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	uint64_t confirm_ms;
	bool ok = false;

	if (!read_confirm(request, &confirm_ms)) {
		control_give_problem(answer, 400, "question",
				     "confirm is a time from 1s to 24h");
		return;
	}
	answer->body = control->reload(control->server, confirm_ms, &ok);
	answer->content_type = control_type_json;
	answer->status = answer->body ? 200 : 500;
}

void control_answer_confirm(struct control *control, const struct http_request *request,
			    struct http_answer *answer)
{
	bool was_reverted = control->server->was_reverted_last;
	json_t *json = reload_confirm_keep(control->server);
	char text[600];

	if (json) {
		control_give_json(answer, 200, json);
		return;
	}
	snprintf(text, sizeof(text), "nothing waits for a confirmation%s%s",
		 was_reverted ? ": " : "",
		 was_reverted ? control->server->last_reload_text : "");
	control_give_problem(answer, 409, "nothing-pending", text);
}

static void say(struct control *control, const struct http_request *request,
		struct http_answer *answer, enum partners_word word)
{
	static const struct {
		unsigned status;
		const char *code;
	} answers[] = {
		[PARTNERS_QUESTION] = { 400, "question" },
		[PARTNERS_UNKNOWN] = { 404, "unknown-partner" },
		[PARTNERS_HAS_ROUTE] = { 409, "has-route" },
		[PARTNERS_OWN] = { 409, "own-domain" },
		[PARTNERS_FAILED] = { 500, "failed" },
	};
	enum partners_outcome outcome;
	json_t *json = NULL;
	char text[256];

	outcome = partners_say(control->server, word, request->body, request->body_len, &json,
			       text);
	if (outcome == PARTNERS_DONE)
		control_give_json(answer, 200, json);
	else
		control_give_problem(answer, answers[outcome].status, answers[outcome].code,
				     text);
}

void control_answer_approve(struct control *control, const struct http_request *request,
			    struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_APPROVE);
}

void control_answer_block(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_BLOCK);
}

void control_answer_forget(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_FORGET);
}

/* It has begun when this is answered: is "detecting" until it has ended. */
void control_answer_nat_look(struct control *control, const struct http_request *request,
			     struct http_answer *answer)
{
	struct nat_record *record = control->server->nat_record;
	struct nat_report report;

	nat_record_look(record, &report);
	if (!report.is_running)
		nat_record_begin(record, loop_wall_us(control->server->loop));
	if (nat_watch_post_look(control->server)) {
		control_give_json(answer, 200, nat_to_json(control->server));
		return;
	}
	if (!report.is_running)
		nat_record_abandon(record);
	control_give_problem(answer, 503, "failed", "the worker that looks cannot be reached");
}

/* The areas that are traced now: by the configuration, or by whom asked last. */
static unsigned traced_areas(void)
{
	unsigned areas = 0;

	for (unsigned area = 1; area <= LOG_TRACE_ALL; area <<= 1)
		areas |= log_traces(area) ? area : 0;
	return areas;
}

void control_answer_trace(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	struct log_settings log = control->server->snapshot->settings->log;
	unsigned before = traced_areas();
	enum err err;

	if (!trace_areas_read(request->body, request->body_len, &log.trace)) {
		control_give_problem(
			answer, 400, "question",
			"areas are registration, interconnection, media, tls, dns, all");
		return;
	}
	err = log_change(&log);
	if (err) {
		control_give_problem(answer, 500, "failed", err_text(err));
		return;
	}
	control_give_json(answer, 200,
			  json_pack("{s:i, s:b, s:[], s:o, s:o}", "version", 1, "ok", 1,
				    "problems", "before", trace_areas_to_json(before), "areas",
				    trace_areas_to_json(log.trace)));
}
