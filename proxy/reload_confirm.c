#include "proxy/reload_confirm.h"

#include <stdio.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/reload.h"
#include "proxy/reload_diff.h"
#include "proxy/server.h"

enum {
	RETRY_MS = 10000, /* memory was short */
	MAX_KEPT = 100,   /* of the changes of a revert, for status */
};

bool reload_confirm_is_pending(const struct server *server)
{
	return server->confirm.before != NULL;
}

const char *reload_confirm_left(const struct server *server, char out[32])
{
	const uint64_t now_ms = loop_now_ms(server->loop), until_ms = server->confirm.until_ms;

	return text_duration(until_ms > now_ms ? (until_ms - now_ms + 999) / 1000 * 1000 : 0,
			     out);
}

/* Listeners that could not be opened again; the rest serves. */
static void log_lost(struct report *report)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows), i;

	for (i = 0; i < n; i++)
		log_event(LOG_ERROR, "not all of the configuration came back", "config",
			  rows[i].key, "msg", rows[i].text, NULL);
}

static enum err revive(struct server *server, struct report *report, struct snapshot **out)
{
	struct snapshot_parts parts = {
		.keys = server->keys,
		.addresses = server->addresses,
		.public_addresses = server->public_addresses,
		.previous = server->snapshot,
		.n_workers = server->snapshot->n_sockets,
	};

	return snapshot_revive(server->confirm.before, &parts, report, out);
}

void reload_confirm_forget(struct server *server)
{
	json_decref(server->confirm.reverted);
	server->confirm.reverted = NULL;
}

static void stop_waiting(struct server *server)
{
	timer_stop(&server->confirm.timer);
	server->confirm.before = snapshot_unref(server->confirm.before);
}

/* What was changed back, for status; ten thousand partners need not be shown each time. */
static void keep_changes(struct server *server, json_t *changes)
{
	reload_confirm_forget(server);
	while (json_array_size(changes) > MAX_KEPT)
		json_array_remove(changes, json_array_size(changes) - 1);
	server->confirm.reverted = changes;
}

static void on_time_over(struct timer *timer)
{
	struct server *server = container_of(timer, struct server, confirm.timer);
	struct snapshot *snapshot = NULL;
	struct report *report = NULL;
	char waited[32], loaded[32], msg[64];
	json_t *changes;
	enum err err = report_new(&report);

	if (!err)
		err = revive(server, report, &snapshot);
	if (err) {
		log_event(LOG_ERROR,
			  "the configuration was not confirmed and cannot be taken back yet",
			  "error", err_text(err), NULL);
		report_free(report);
		timer_start(server->loop, timer, RETRY_MS, on_time_over);
		return;
	}
	snprintf(msg, sizeof(msg), "not confirmed within %s",
		 text_duration(server->confirm.wait_ms, waited));
	log_event(LOG_WARNING, "configuration reverted", "msg", msg, NULL);
	log_lost(report);
	report_free(report);
	stop_waiting(server);
	changes = reload_apply(server, snapshot);
	server->n_reloads_reverted++;
	server->last_reload_ok = false;
	server->was_reverted_last = true;
	server->last_reload_wall_us = loop_wall_us(server->loop);
	snprintf(
		server->last_reload_text, sizeof(server->last_reload_text),
		"not confirmed within %s: the configuration of %s is back (%zu changes); the file has the other one",
		waited, text_time(snapshot->loaded_wall_us, loaded), json_array_size(changes));
	keep_changes(server, changes);
}

void reload_confirm_wait(struct server *server, struct snapshot *before, uint64_t wait_ms)
{
	struct reload_confirm *confirm = &server->confirm;
	char text[32], msg[96];

	if (confirm->before)
		snapshot_unref(before);
	else
		confirm->before = before;
	confirm->wait_ms = wait_ms;
	confirm->until_ms = loop_now_ms(server->loop) + wait_ms;
	confirm->until_wall_us = loop_wall_us(server->loop) + wait_ms * 1000;
	timer_start(server->loop, &confirm->timer, wait_ms, on_time_over);
	snprintf(msg, sizeof(msg), "it is reverted in %s unless it is confirmed",
		 text_duration(wait_ms, text));
	log_event(LOG_INFO, "configuration on trial", "msg", msg, NULL);
}

json_t *reload_confirm_keep(struct server *server)
{
	json_t *changes;
	uint64_t left_ms;

	if (!server->confirm.before)
		return NULL;
	left_ms = timer_left_ms(server->loop, &server->confirm.timer);
	changes = reload_diff(server->confirm.before, server->snapshot);
	stop_waiting(server);
	log_event(LOG_INFO, "configuration confirmed", "config", server->snapshot->path, NULL);
	return json_pack("{s:i, s:b, s:[], s:o, s:I}", "version", 1, "ok", 1, "problems",
			 "changes", changes ? changes : json_array(), "left_s",
			 (json_int_t)left_ms / 1000);
}

void reload_confirm_end(struct server *server)
{
	if (server->confirm.before)
		log_event(
			LOG_WARNING,
			"ends with a configuration that was not confirmed: the next start reads it from the file",
			"config", server->snapshot->path, NULL);
	stop_waiting(server);
	reload_confirm_forget(server);
}
