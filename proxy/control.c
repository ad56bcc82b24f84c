#include "proxy/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/control_inside.h"
#include "proxy/metrics.h"

enum { PULSE_MS = 2000 };

static const char type_plain[] = "text/plain; charset=utf-8";

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
	{ "GET", "/v1/status", RIGHT_LOOK, false, control_answer_status },
	{ "GET", "/v1/decisions", RIGHT_LOOK, false, control_answer_decisions },
	{ "GET", "/v1/explain", RIGHT_LOOK, false, control_answer_explain },
	{ "GET", "/v1/selfcheck", RIGHT_LOOK, false, control_answer_selfcheck },
	{ "GET", "/v1/nat", RIGHT_LOOK, false, control_answer_nat },
	{ "POST", "/v1/nat", RIGHT_CHANGE, false, control_answer_nat_look },
	{ "GET", "/v1/partners", RIGHT_LOOK, false, control_answer_partners },
	{ "GET", "/v1/partners/*/check", RIGHT_LOOK, false, control_answer_partner_check },
	{ "POST", "/v1/partners/approve", RIGHT_CHANGE, false, control_answer_approve },
	{ "POST", "/v1/partners/block", RIGHT_CHANGE, false, control_answer_block },
	{ "POST", "/v1/partners/forget", RIGHT_CHANGE, false, control_answer_forget },
	{ "POST", "/v1/reload", RIGHT_CHANGE, false, control_answer_reload },
	{ "POST", "/v1/confirm", RIGHT_CHANGE, false, control_answer_confirm },
	{ "POST", "/v1/trace", RIGHT_CHANGE, false, control_answer_trace },
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
			control_give_problem(
				answer, 403, "not-permitted",
				"root and group nuncio may change, group adm may look");
		else
			route->answer(user, request, answer);
		return;
	}
	if (is_path)
		control_give_problem(answer, 405, "method",
				     "this is not asked for with that method");
	else
		control_give_problem(answer, 404, "unknown", "there is nothing of that name");
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
	*control = (struct control){ .server = server, .reload = reload, .is_alive = true };
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
