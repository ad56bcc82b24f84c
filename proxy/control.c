#include "proxy/control.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/checks.h"
#include "proxy/control_socket.h"
#include "proxy/decision_json.h"
#include "proxy/explain.h"
#include "proxy/http.h"
#include "proxy/json_text.h"
#include "proxy/metrics.h"
#include "proxy/nat_json.h"
#include "proxy/nat_watch.h"
#include "proxy/partners.h"
#include "proxy/records.h"
#include "proxy/reload_confirm.h"
#include "proxy/status.h"
#include "proxy/status_problem.h"
#include "proxy/trace_areas.h"
#include "proxy/worker.h"

enum { PULSE_MS = 2000, MAX_CERT_NAMES = 16 };

struct control {
	struct server *server;
	char *(*reload)(struct server *server, uint64_t confirm_ms, bool *out_ok);
	struct control_socket socket;
	struct http *unix_http, *tcp_http;
	struct timer pulse;
	struct checks *checks;
	bool is_alive;
};

static const char type_json[] = "application/json", type_plain[] = "text/plain; charset=utf-8";

static void give_json(struct http_answer *answer, unsigned status, json_t *object)
{
	answer->body = json_take_text(object);
	answer->status = answer->body ? status : 500;
	answer->content_type = type_json;
}

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
	{ "nothing-pending", "you", "`nuncio reload --confirm TIME` takes the file into use on trial." },
	{ "own-domain", "you", "Name a partner's domain." },
	{ "question", "you", "Correct the question; docs/operations.md lists what can be asked." },
	{ "unknown", "you", "docs/operations.md lists what can be asked." },
	{ "unknown-partner", "you", "`nuncio partner list` shows the partners that are known." },
};

static void give_problem(struct http_answer *answer, unsigned status, const char *code,
			 const char *text)
{
	json_t *problems = json_array();

	for (size_t i = 0; i < COUNT(faults); i++)
		if (strcmp(faults[i].code, code) == 0)
			status_problem(problems, code, "error", "control", text, faults[i].act,
				       faults[i].remedy);
	give_json(answer, status,
		  json_pack("{s:i, s:b, s:o}", "version", 1, "ok", 0, "problems", problems));
}

static void answer_status(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	const char *summary = http_query(request, "summary");

	if (summary && strcmp(summary, "1") == 0) {
		give_json(answer, 200, status_summary(control->server, control->is_alive));
		return;
	}
	answer->content_type = type_json;
	answer->status =
		status_source(control->server, control->is_alive, &answer->source) ? 500 : 200;
}

static void give_records(struct http_answer *answer, json_t *records)
{
	give_json(answer, 200,
		  records ? json_pack("{s:i, s:b, s:[], s:o}", "version", 1, "ok", 1, "problems",
				      "decisions", records)
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
	give_problem(answer, 404, "no-record", "nothing was refused yet");
}

static void answer_decisions(struct control *control, const struct http_request *request,
			     struct http_answer *answer)
{
	const char *call_id = http_query(request, "call_id"), *about = http_query(request, "about");

	if (http_query(request, "last"))
		give_last(control, answer);
	else if (about)
		give_records(answer, records_about(control->server, about));
	else if (call_id)
		give_records(answer, records_of_call(control->server, call_id));
	else
		give_records(answer, records_newest(control->server));
}

static void give_misunderstood(struct http_answer *answer, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "cannot be understood: %s", what);
	give_problem(answer, 400, "question", text);
}

static void answer_explain(struct control *control, const struct http_request *request,
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
		give_json(answer, 200, decision_answer(decision, true));
	else if (err == ERR_INVALID)
		give_misunderstood(answer, what);
	else
		give_problem(answer, 500, "failed", err_text(err));
	free(decision);
}

/* A check that could not begin; one that has answers by itself. */
static void give_check(struct http_answer *answer, enum err err, const char *what)
{
	if (err == ERR_LIMIT)
		give_problem(answer, 503, "busy", "as many checks are under way as may be at a time");
	else if (err == ERR_NOT_FOUND)
		give_misunderstood(answer, what);
	else if (err)
		give_problem(answer, 500, "failed", err_text(err));
}

static void answer_selfcheck(struct control *control, const struct http_request *request,
			     struct http_answer *answer)
{
	const char *asked = http_query(request, "domain");
	char domain[256];

	if (asked && !text_domain(asked, domain, sizeof(domain)))
		give_misunderstood(answer, "this is no domain");
	else
		give_check(answer, checks_selfcheck(control->checks, request, asked ? domain : NULL),
			   "the domain is none of ours");
}

/* /v1/partners/DOMAIN/check */
static void answer_partner_check(struct control *control, const struct http_request *request,
				 struct http_answer *answer)
{
	const char *from = request->path + strlen("/v1/partners/"), *as_if = http_query(request, "as_if_allowed");
	char text[256], domain[256];

	if (strcmp(from + strcspn(from, "/"), "/check") != 0 ||
	    !text_copy_len(text, sizeof(text), from, strcspn(from, "/")) ||
	    !text_domain(text, domain, sizeof(domain)))
		give_misunderstood(answer, "this is no domain");
	else
		give_check(answer,
			   checks_partner(control->checks, request, domain, as_if && strcmp(as_if, "1") == 0),
			   "");
}

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

static void answer_reload(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	uint64_t confirm_ms;
	bool ok = false;

	if (!read_confirm(request, &confirm_ms)) {
		give_problem(answer, 400, "question", "confirm is a time from 1s to 24h");
		return;
	}
	answer->body = control->reload(control->server, confirm_ms, &ok);
	answer->content_type = type_json;
	answer->status = answer->body ? 200 : 500;
}

static void answer_confirm(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	bool was_reverted = control->server->was_reverted_last;
	json_t *json = reload_confirm_keep(control->server);
	char text[600];

	if (json) {
		give_json(answer, 200, json);
		return;
	}
	snprintf(text, sizeof(text), "nothing waits for a confirmation%s%s",
		 was_reverted ? ": " : "", was_reverted ? control->server->last_reload_text : "");
	give_problem(answer, 409, "nothing-pending", text);
}

static void answer_partners(struct control *control, const struct http_request *request,
			    struct http_answer *answer)
{
	const char *domain = http_query(request, "domain");
	char normal[DISCOVERED_DOMAIN_SIZE], text[300];
	json_t *json;

	if (!domain) {
		answer->content_type = type_json;
		answer->status = partners_list(control->server, &answer->source) ? 500 : 200;
		return;
	}
	json = text_domain(domain, normal, sizeof(normal)) ? partners_show(control->server, normal)
							   : NULL;
	if (json) {
		give_json(answer, 200, json);
		return;
	}
	snprintf(text, sizeof(text), "nothing is known of %.200s", domain);
	give_problem(answer, 404, "unknown-partner", text);
}

static void say(struct control *control, const struct http_request *request,
		struct http_answer *answer, enum partners_word word)
{
	static const struct {
		unsigned status;
		const char *code;
	} answers[] = {
		[PARTNERS_QUESTION] = { 400, "question" },   [PARTNERS_UNKNOWN] = { 404, "unknown-partner" },
		[PARTNERS_HAS_ROUTE] = { 409, "has-route" }, [PARTNERS_OWN] = { 409, "own-domain" },
		[PARTNERS_FAILED] = { 500, "failed" },
	};
	enum partners_outcome outcome;
	json_t *json = NULL;
	char text[256];

	outcome = partners_say(control->server, word, request->body, request->body_len, &json, text);
	if (outcome == PARTNERS_DONE)
		give_json(answer, 200, json);
	else
		give_problem(answer, answers[outcome].status, answers[outcome].code, text);
}

static void answer_approve(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_APPROVE);
}

static void answer_block(struct control *control, const struct http_request *request,
			 struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_BLOCK);
}

static void answer_forget(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	say(control, request, answer, PARTNERS_FORGET);
}

static void answer_nat(struct control *control, const struct http_request *request, struct http_answer *answer)
{
	give_json(answer, 200, nat_to_json(control->server));
}

/* It has begun when this is answered: is "detecting" until it has ended. */
static void answer_nat_look(struct control *control, const struct http_request *request, struct http_answer *answer)
{
	struct nat_record *record = control->server->nat_record;
	struct nat_report report;

	nat_record_look(record, &report);
	if (!report.is_running)
		nat_record_begin(record, loop_wall_us(control->server->loop));
	if (nat_watch_post_look(control->server)) {
		give_json(answer, 200, nat_to_json(control->server));
		return;
	}
	if (!report.is_running)
		nat_record_abandon(record);
	give_problem(answer, 503, "failed", "the worker that looks cannot be reached");
}

/* The areas that are traced now: by the configuration, or by whom asked last. */
static unsigned traced_areas(void)
{
	unsigned areas = 0;

	for (unsigned area = 1; area <= LOG_TRACE_ALL; area <<= 1)
		areas |= log_traces(area) ? area : 0;
	return areas;
}

static void answer_trace(struct control *control, const struct http_request *request,
			 struct http_answer *answer)
{
	struct log_settings log = control->server->snapshot->settings->log;
	unsigned before = traced_areas();
	enum err err;

	if (!trace_areas_read(request->body, request->body_len, &log.trace)) {
		give_problem(answer, 400, "question",
			     "areas are registration, interconnection, tls, dns, all");
		return;
	}
	err = log_change(&log);
	if (err) {
		give_problem(answer, 500, "failed", err_text(err));
		return;
	}
	give_json(answer, 200,
		  json_pack("{s:i, s:b, s:[], s:o, s:o}", "version", 1, "ok", 1, "problems",
			    "before", trace_areas_to_json(before), "areas",
			    trace_areas_to_json(log.trace)));
}

static void give_plain(struct http_answer *answer, bool ok, const char *trouble)
{
	answer->status = ok ? 200 : 503;
	answer->content_type = type_plain;
	answer->body = strdup(ok ? "ok\n" : trouble);
}

static void answer_healthz(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	give_plain(answer, control->is_alive, "a worker's loop does not turn\n");
}

static void answer_readyz(struct control *control, const struct http_request *request,
			  struct http_answer *answer)
{
	give_plain(answer, !__atomic_load_n(&control->server->is_draining, __ATOMIC_RELAXED),
		   "draining\n");
}

static void answer_metrics(struct control *control, const struct http_request *request,
			   struct http_answer *answer)
{
	bool is_openmetrics =
		request->accept && strstr(request->accept, "application/openmetrics-text");

	answer->body = metrics_text(control->server, is_openmetrics);
	answer->status = answer->body ? 200 : 500;
	answer->content_type =
		is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			       : "text/plain; version=0.0.4; charset=utf-8";
}

static const struct route {
	const char *method, *path;
	enum right right;
	bool is_public; /* by TCP too */
	void (*answer)(struct control *control, const struct http_request *request,
		       struct http_answer *answer);
} routes[] = {
	{ "GET", "/v1/status", RIGHT_LOOK, false, answer_status },
	{ "GET", "/v1/decisions", RIGHT_LOOK, false, answer_decisions },
	{ "GET", "/v1/explain", RIGHT_LOOK, false, answer_explain },
	{ "GET", "/v1/selfcheck", RIGHT_LOOK, false, answer_selfcheck },
	{ "GET", "/v1/nat", RIGHT_LOOK, false, answer_nat },
	{ "POST", "/v1/nat", RIGHT_CHANGE, false, answer_nat_look },
	{ "GET", "/v1/partners", RIGHT_LOOK, false, answer_partners },
	{ "GET", "/v1/partners/*/check", RIGHT_LOOK, false, answer_partner_check },
	{ "POST", "/v1/partners/approve", RIGHT_CHANGE, false, answer_approve },
	{ "POST", "/v1/partners/block", RIGHT_CHANGE, false, answer_block },
	{ "POST", "/v1/partners/forget", RIGHT_CHANGE, false, answer_forget },
	{ "POST", "/v1/reload", RIGHT_CHANGE, false, answer_reload },
	{ "POST", "/v1/confirm", RIGHT_CHANGE, false, answer_confirm },
	{ "POST", "/v1/trace", RIGHT_CHANGE, false, answer_trace },
	{ "GET", "/healthz", RIGHT_NONE, true, answer_healthz },
	{ "GET", "/readyz", RIGHT_NONE, true, answer_readyz },
	{ "GET", "/metrics", RIGHT_NONE, true, answer_metrics },
};

static void on_request(void *user, const struct http_request *request,
		       struct http_answer *answer)
{
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	bool is_path = false;

	for (size_t i = 0; i < COUNT(routes); i++) {
		const struct route *route = &routes[i];

		if (!text_glob(route->path, request->path) ||
		    (!request->is_unix && !route->is_public))
			continue;
		is_path = true;
		if (strcmp(route->method, method) != 0)
			continue;
		if (request->is_unix &&
		    (request->right < route->right || request->right == RIGHT_NONE))
			give_problem(answer, 403, "not-permitted",
				     "root and group nuncio may change, group adm may look");
		else
			route->answer(user, request, answer);
		return;
	}
	if (is_path)
		give_problem(answer, 405, "method", "this is not asked for with that method");
	else
		give_problem(answer, 404, "unknown", "there is nothing of that name");
}

/* An idle worker makes a round a second, so each look must find one. */
static void on_pulse(struct timer *timer)
{
	struct control *control = container_of(timer, struct control, pulse);

	control->is_alive = server_is_alive(control->server);
	timer_start(control->server->loop, timer, PULSE_MS, on_pulse);
}

static enum err open_unix(struct control *control, const char *path)
{
	enum err err = control_socket_open(path, &control->socket);

	if (err)
		return err;
	err = http_new(control->server->loop, control->socket.fd, true, on_request, control,
		       &control->unix_http);
	if (err)
		control_socket_remove(&control->socket);
	return err;
}

static enum err open_tcp(struct control *control, const struct settings_admin *admin)
{
	int fd;
	enum err err = http_bind(&admin->http, &fd);

	return err ? err
		   : http_new(control->server->loop, fd, false, on_request, control,
			      &control->tcp_http);
}

enum err control_start(struct server *server,
		       char *(*reload)(struct server *server, uint64_t confirm_ms,
				       bool *out_ok),
		       const char **out_what, struct control **out)
{
	const struct settings *settings = server->snapshot->settings;
	struct control *control = calloc(1, sizeof(*control));
	enum err err;

	if (!control)
		return ERR_NO_MEMORY;
	*control = (struct control){ .server = server,
				     .reload = reload,
				     .is_alive = true };
	*out_what = "service.control";
	err = checks_new(server, &control->checks);
	if (!err)
		err = open_unix(control, settings->service.control);
	if (!err && settings->admin.has_http) {
		*out_what = "admin.http";
		err = open_tcp(control, &settings->admin);
	}
	if (err) {
		control_stop(control);
		return err;
	}
	timer_start(server->loop, &control->pulse, PULSE_MS, on_pulse);
	*out = control;
	return ERR_OK;
}

struct control *control_stop(struct control *control)
{
	if (!control)
		return NULL;
	timer_stop(&control->pulse);
	if (control->unix_http)
		control_socket_remove(&control->socket);
	control->checks = checks_free(control->checks);
	control->unix_http = http_free(control->unix_http);
	control->tcp_http = http_free(control->tcp_http);
	free(control);
	return NULL;
}

bool control_is_alive(const struct control *control)
{
	return control->is_alive;
}
