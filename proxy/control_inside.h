/* What the files of the control interface share: control (start, dispatch, health),
 * control_look (what is asked), control_change (what is to be done) and control_give (the form
 * of an answer). Included by these only. The loop of the main thread. */
#pragma once

#include <jansson.h>

#include "proxy/base/timer.h"
#include "proxy/checks.h"
#include "proxy/control.h"
#include "proxy/control_socket.h"
#include "proxy/http.h"

struct control {
	struct server *server;
	char *(*reload)(struct server *server, uint64_t confirm_ms, bool *out_ok);
	struct control_socket socket;
	struct http *unix_http, *tcp_http;
	struct timer pulse;
	struct checks *checks;
	bool is_alive;
};

extern const char control_type_json[];

/* Takes over object (NULL: memory was short), and answers with it or with 500. */
void control_give_json(struct http_answer *answer, unsigned status, json_t *object);
/* An answer in the form of all problems; code is one of the table in control_give.c, which has
 * the remedies. */
void control_give_problem(struct http_answer *answer, unsigned status, const char *code,
			  const char *text);
/* 400: what is what cannot be understood, in words. */
void control_give_misunderstood(struct http_answer *answer, const char *what);

/* The answers, one for each method and path (the table in control.c). A check answers by itself
 * when it has ended. */
void control_answer_status(struct control *control, const struct http_request *request,
			   struct http_answer *answer);
void control_answer_decisions(struct control *control, const struct http_request *request,
			      struct http_answer *answer);
void control_answer_explain(struct control *control, const struct http_request *request,
			    struct http_answer *answer);
void control_answer_selfcheck(struct control *control, const struct http_request *request,
			      struct http_answer *answer);
void control_answer_partner_check(struct control *control, const struct http_request *request,
				  struct http_answer *answer);
void control_answer_partners(struct control *control, const struct http_request *request,
			     struct http_answer *answer);
void control_answer_nat(struct control *control, const struct http_request *request,
			struct http_answer *answer);

void control_answer_reload(struct control *control, const struct http_request *request,
			   struct http_answer *answer);
void control_answer_confirm(struct control *control, const struct http_request *request,
			    struct http_answer *answer);
void control_answer_approve(struct control *control, const struct http_request *request,
			    struct http_answer *answer);
void control_answer_block(struct control *control, const struct http_request *request,
			  struct http_answer *answer);
void control_answer_forget(struct control *control, const struct http_request *request,
			   struct http_answer *answer);
void control_answer_nat_look(struct control *control, const struct http_request *request,
			     struct http_answer *answer);
void control_answer_trace(struct control *control, const struct http_request *request,
			  struct http_answer *answer);
