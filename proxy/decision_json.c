#include "proxy/decision_json.h"

#include "proxy/base/text.h"
#include "proxy/json_text.h"

static json_t *steps_to_json(const struct decision *decision)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < decision->n_steps && i < DECISION_MAX_STEPS; i++) {
		const struct decision_step *step = &decision->steps[i];
		const char *place = decision_step_place(decision, i);

		json_array_append_new(array,
				      json_pack("{s:s*, s:s*, s:o, s:s*}", "step", step->step,
						"rule", step->rule, "result",
						json_text(decision_step_result(decision, i)),
						"place", *place ? place : NULL));
	}
	return array;
}

static json_t *hops_to_json(const struct decision *decision)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < decision->n_hops && i < DECISION_MAX_HOPS; i++) {
		const struct decision_hop *hop = &decision->hops[i];
		const struct reason_row *row = reason_row(hop->reason);

		json_array_append_new(array, json_pack("{s:o, s:s*, s:s*, s:i}", "to",
						       json_text(decision_hop_to(decision, i)),
						       "reason", hop->reason ? row->code : NULL,
						       "cause", hop->reason ? row->cause : NULL,
						       "status", hop->status));
	}
	return array;
}

static void add_text(json_t *object, const char *key, const char *text)
{
	if (object && text && *text)
		json_object_set_new(object, key, json_text(text));
}

static void add_message(json_t *object, const struct decision *decision)
{
	add_text(object, "method", decision_text(decision, DECISION_METHOD));
	add_text(object, "from", decision_text(decision, DECISION_FROM));
	add_text(object, "to", decision_text(decision, DECISION_TO));
	add_text(object, "ruri", decision_text(decision, DECISION_REQUEST_URI));
	add_text(object, "peer", decision_text(decision, DECISION_SOURCE));
	add_text(object, "listener", decision_text(decision, DECISION_LISTENER));
	add_text(object, "transport", decision->transport);
	add_text(object, "cert_names", decision_text(decision, DECISION_CERTIFICATE));
	add_text(object, "origin", origin_kind_text(decision->origin));
	add_text(object, "partner", decision_text(decision, DECISION_ORIGIN_ID));
	add_text(object, "target", decision_text(decision, DECISION_DESTINATION));
	add_text(object, "evidence", decision_text(decision, DECISION_EVIDENCE));
	add_text(object, "peer_diagnostics",
		 decision_text(decision, DECISION_PEER_DIAGNOSTICS));
}

static void add_ms_diagnostics(json_t *object, const struct decision *decision)
{
	json_t *diagnostics;

	if (!decision->ms_id)
		return;
	diagnostics = json_pack("{s:i}", "id", (int)decision->ms_id);
	add_text(diagnostics, "reason", decision_text(decision, DECISION_MS_REASON));
	add_text(diagnostics, "source", decision_text(decision, DECISION_MS_SOURCE));
	json_object_set_new(object, "ms_diagnostics", diagnostics);
}

json_t *decision_to_json(const struct decision *decision, bool is_explained)
{
	const struct reason_row *row = reason_row(decision->reason);
	json_t *object = json_pack("{s:s, s:b, s:s, s:i, s:s, s:s, s:s}", "kind", "request",
				   "accepted", decision->reason == REASON_NONE, "reason",
				   row->code, "status", decision->status, "cause", row->cause,
				   "act", actor_text(row->act), "remedy", row->remedy);
	char time[32];

	if (!object)
		return NULL;
	add_message(object, decision);
	add_ms_diagnostics(object, decision);
	if (!is_explained) {
		add_text(object, "call_id", decision_text(decision, DECISION_CALL_ID));
		json_object_set_new(object, "id", json_integer((json_int_t)decision->id));
		json_object_set_new(object, "time",
				    json_string(text_time(decision->wall_us, time)));
		json_object_set_new(object, "took_us", json_integer(decision->took_us));
		json_object_set_new(object, "worker", json_integer(decision->worker));
	}
	json_object_set_new(object, "steps", steps_to_json(decision));
	json_object_set_new(object, "hops", hops_to_json(decision));
	return object;
}

json_t *decision_answer(const struct decision *decision, bool is_explained)
{
	const struct reason_row *row = reason_row(decision->reason);
	bool is_accepted = decision->reason == REASON_NONE;
	json_t *problems = json_array();

	if (!is_accepted)
		json_array_append_new(
			problems, json_pack("{s:s, s:s, s:o, s:s, s:s, s:s}", "code", row->code,
					    "severity", "error", "where",
					    json_text(decision_text(decision, DECISION_FROM)),
					    "text", row->cause, "act", actor_text(row->act),
					    "remedy", row->remedy));
	return json_pack("{s:i, s:b, s:o, s:o}", "version", 1, "ok", is_accepted, "problems",
			 problems, "decision", decision_to_json(decision, is_explained));
}
