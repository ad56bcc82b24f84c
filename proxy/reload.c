#include "proxy/reload.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/json_text.h"
#include "proxy/reload_diff.h"
#include "proxy/reload_preflight.h"
#include "proxy/worker.h"

enum { MAX_LOGGED = 20 };

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The report's own JSON is text; it is read back so that the answer is one object. */
static json_t *problems_of(struct report *report)
{
	struct buf buf;
	json_t *problems;

	buf_init(&buf, 0);
	report_print_json_problems(report, &buf);
	problems = buf.err ? NULL : json_loads(buf_text(&buf), 0, NULL);
	buf_fini(&buf);
	return problems ? problems : json_array();
}

/* The faults as `nuncio check` prints them, with the source lines: those stand on this side of
 * the socket alone. */
static void add_report_text(json_t *answer, struct report *report)
{
	struct buf buf;

	buf_init(&buf, 0);
	report_print(report, false, &buf);
	json_object_set_new(answer, "text", json_text(buf.err ? "" : buf_text(&buf)));
	buf_clear(&buf);
	report_print_count(report, &buf);
	json_object_set_new(answer, "count", json_text(buf.err ? "" : buf_text(&buf)));
	buf_fini(&buf);
}

static void keep_first_fault(struct server *server, struct report *report)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows), i;

	for (i = 0; i < n; i++)
		if (rows[i].is_error) {
			snprintf(server->last_reload_text, sizeof(server->last_reload_text),
				 "%.150s:%u:%u: %.300s", rows[i].file, rows[i].line,
				 rows[i].column, rows[i].text);
			return;
		}
	text_copy(server->last_reload_text, sizeof(server->last_reload_text), "out of memory");
}

/* SIGHUP has no terminal to answer: what a reload did, or did not, stands in the log too. */
static void log_changes(const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change) {
		if (i == MAX_LOGGED)
			break;
		log_event(LOG_INFO, "changed", "config",
			  json_string_value(json_object_get(change, "name")), "msg",
			  json_string_value(json_object_get(change, "text")), NULL);
	}
}

static void log_preflight(const json_t *preflight)
{
	const json_t *row;
	size_t i;

	json_array_foreach(preflight, i, row) {
		if (i == MAX_LOGGED)
			break;
		log_event(LOG_WARNING, "may break", "config",
			  json_string_value(json_object_get(row, "what")), "reason",
			  json_string_value(json_object_get(row, "reason")), "msg",
			  json_string_value(json_object_get(row, "text")), NULL);
	}
}

static void log_faults(struct report *report)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows), i, n_logged = 0;
	char line[24];

	for (i = 0; i < n && n_logged < MAX_LOGGED; i++) {
		if (!rows[i].is_error)
			continue;
		snprintf(line, sizeof(line), "%u:%u", rows[i].line, rows[i].column);
		log_event(LOG_ERROR, "fault", "file", rows[i].file, "line",
			  rows[i].line ? line : NULL, "config", rows[i].key, "msg",
			  rows[i].text, NULL);
		n_logged++;
	}
}

json_t *reload_apply(struct server *server, struct snapshot *snapshot)
{
	json_t *changes = reload_diff(server->snapshot, snapshot);

	if (!changes)
		changes = json_array(); /* no memory to compare: it is in use all the same */
	if (log_change(&snapshot->settings->log))
		log_event(LOG_ERROR, "the log stays as it was: its directory cannot be written",
			  "file", snapshot->settings->log.directory, NULL);
	server_swap(server, snapshot);
	log_changes(changes);
	return changes;
}

/* Returns the changes; out_preflight gets what may break, NULL if nothing was applied. */
static json_t *reload(struct server *server, uint64_t confirm_ms, struct report *report,
		      json_t **out_preflight, bool *out_ok)
{
	struct snapshot_parts parts = {
		.keys = server->keys,
		.addresses = server->addresses,
		.public_addresses = server->public_addresses,
		.previous = server->snapshot,
		.n_workers = server->snapshot->n_sockets,
	};
	struct snapshot *snapshot = NULL, *before;
	json_t *changes;
	enum err err = snapshot_build(server->snapshot->path, &parts, report, &snapshot);

	*out_ok = !err;
	server->last_reload_ok = !err;
	server->was_reverted_last = false;
	server->last_reload_wall_us = now_us(CLOCK_REALTIME);
	if (err) {
		keep_first_fault(server, report);
		log_event(LOG_ERROR, "reload rejected: the running configuration is unchanged",
			  "error", server->last_reload_text, NULL);
		log_faults(report);
		return json_array();
	}
	snapshot->loaded_wall_us = server->last_reload_wall_us;
	log_event(LOG_INFO, "configuration reloaded", "config", snapshot->path, NULL);
	before = snapshot_ref(server->snapshot);
	*out_preflight = reload_preflight(server, snapshot);
	log_preflight(*out_preflight);
	changes = reload_apply(server, snapshot);
	snprintf(server->last_reload_text, sizeof(server->last_reload_text), "%zu changes",
		 json_array_size(changes));
	reload_confirm_forget(server);
	if (confirm_ms > 0)
		reload_confirm_wait(server, before, confirm_ms);
	else
		snapshot_unref(before);
	return changes;
}

/* A reload that would take, or overwrite, what waits for its confirmation. */
static char *refuse(struct server *server)
{
	char left[32], text[256];

	snprintf(
		text, sizeof(text),
		"a reload waits for its confirmation, else it is reverted in %s: `nuncio confirm` keeps it; `nuncio reload "
		"--confirm TIME` takes the file into use and counts the time anew",
		reload_confirm_left(server, left));
	log_event(LOG_WARNING, "reload refused", "msg", text, NULL);
	return json_take_text(
		json_pack("{s:i, s:b, s:[{s:s, s:s, s:s, s:s, s:s, s:s}], s:[], s:s, s:s, s:I}",
			  "version", 1, "ok", 0, "problems", "code", "reload-pending",
			  "severity", "error", "where", "reload", "text", text, "act", "you",
			  "remedy", "`nuncio confirm`, or wait, then `nuncio reload`.",
			  "changes", "text", text, "count", "refused", "running_since_us",
			  (json_int_t)server->snapshot->loaded_wall_us));
}

static void add_confirm(const struct server *server, json_t *answer)
{
	char until[32];

	if (!reload_confirm_is_pending(server))
		return;
	json_object_set_new(
		answer, "confirm",
		json_pack("{s:s, s:I}", "until",
			  text_time(server->confirm.until_wall_us, until), "left_s",
			  (json_int_t)timer_left_ms(server->loop, &server->confirm.timer) /
				  1000));
}

char *reload_now(struct server *server, uint64_t confirm_ms, bool *out_ok)
{
	const uint64_t began_us = now_us(CLOCK_MONOTONIC);
	struct report *report = NULL;
	json_t *answer = json_object(), *changes, *preflight = NULL;
	char *text;

	*out_ok = false;
	if (reload_confirm_is_pending(server) && !confirm_ms) {
		json_decref(answer);
		return refuse(server);
	}
	if (report_new(&report)) {
		json_decref(answer);
		return NULL;
	}
	changes = reload(server, confirm_ms, report, &preflight, out_ok);
	json_object_set_new(answer, "version", json_integer(1));
	json_object_set_new(answer, "ok", json_boolean(*out_ok));
	json_object_set_new(answer, "n_files",
			    json_integer((json_int_t)server->snapshot->settings->n_files));
	json_object_set_new(answer, "changes", changes);
	json_object_set_new(answer, "preflight", preflight ? preflight : json_array());
	json_object_set_new(answer, "problems", problems_of(report));
	add_report_text(answer, report);
	json_object_set_new(answer, "running_since_us",
			    json_integer((json_int_t)server->snapshot->loaded_wall_us));
	json_object_set_new(answer, "kept",
			    json_pack("{s:i, s:I}", "requests", (int)server_n_busy(server),
				      "connections",
				      (json_int_t)counters_total(
					      (const struct counters *const *)server->counters,
					      server->n_workers, COUNTER_CONNECTIONS)));
	add_confirm(server, answer);
	json_object_set_new(
		answer, "took_ms",
		json_integer((json_int_t)(now_us(CLOCK_MONOTONIC) - began_us) / 1000));
	report_free(report);
	text = json_dumps(answer, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(answer);
	return text;
}
