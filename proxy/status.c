#include "proxy/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/host.h"
#include "proxy/alg_look.h"
#include "proxy/base/text.h"
#include "proxy/certificate_use.h"
#include "proxy/certificate_watch.h"
#include "proxy/json_text.h"
#include "proxy/nat_json.h"
#include "proxy/status_media.h"
#include "proxy/status_peers.h"
#include "proxy/status_problem.h"
#include "proxy/status_stream.h"

enum { MAX_LIMITED = 8 }; /* discovered partners that are named among the problems */

/* An interface may lose its address while we serve on it; then nobody reaches us there (mission
 * 15). */
static const char *listener_state(const struct settings_listener *wanted,
				  const struct listener *listener, json_t *problems)
{
	char where[80];

	if (!wanted->is_enabled)
		return "off";
	snprintf(where, sizeof(where), "listener %.64s", wanted->name);
	if (!listener) {
		status_problem(
			problems, "listener-closed", "error", where,
			"it could not be opened again when the configuration was reverted",
			"you",
			"Free its address (the log says what is in the way), then `nuncio reload`.");
		return "down";
	}
	if (host_has(&listener->addr))
		return "up";
	status_problem(problems, "address-gone", "error", where,
		       "this host does not have its address any more", "you",
		       "Give the interface its address back, or change bind: and reload.");
	return "down";
}

/* Our own router, as answers to this listener show. */
static void note_alg(struct server *server, const char *name, json_t *problems)
{
	char id[ALG_LOOK_ID_SIZE];
	struct peer_stat stat;

	if (peer_stats_look(server->peer_stats, alg_look_listener_id(name, id), &stat) &&
	    stat.alg_signs)
		status_problem_alg(problems, id, stat.alg_signs, "you");
}

static json_int_t n_phones(struct server *server, const struct settings_listener *listener)
{
	const char *const name = listener->name;
	size_t n = 0;

	if (listener->network == NETWORK_REMOTE)
		location_phones_count(server->location, &name, 1, &n);
	return (json_int_t)n;
}

static json_t *listeners_to_json(struct server *server, json_t *problems)
{
	const struct snapshot *snapshot = server->snapshot;
	const struct settings *settings = snapshot->settings;
	json_t *array = json_array();

	for (size_t i = 0; array && i < settings->n_listeners; i++) {
		const struct settings_listener *wanted = &settings->listeners[i];
		const struct listener *listener = snapshot->listeners[i];
		char address[ADDR_TEXT_SIZE];

		note_alg(server, wanted->name, problems);
		json_array_append_new(
			array,
			json_pack(
				"{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", wanted->name,
				"network", conf_network_text(wanted->network), "transport",
				conf_transport_text(wanted->transport), "address",
				addr_text(listener ? &listener->addr : &wanted->addr, address),
				"sent_by", listener ? listener->sent_by : "", "state",
				listener_state(wanted, listener, problems), "phones",
				n_phones(server, wanted)));
	}
	return array;
}

static void note_certificate(json_t *problems, const char *name, int64_t left_s,
			     const char *which)
{
	const int days = certificate_watch_days(left_s);
	char where[128], text[320];

	if (left_s >= CERTIFICATE_WARN_DAYS * 86400)
		return;
	snprintf(where, sizeof(where), "certificate %s", name);
	snprintf(text, sizeof(text),
		 days < 0 ? "%s%sexpired %d days ago" : "%s%sexpires in %d days", which,
		 *which ? " of its chain " : "", days < 0 ? -days : days);
	status_problem(problems, days < 0 ? "certificate-expired" : "certificate-expires",
		       left_s < CERTIFICATE_ERROR_DAYS * 86400 ? "error" : "warning", where,
		       text, "you",
		       "Renew the certificate, put the files in place, then `nuncio reload`.");
}

static json_t *certificate_to_json(const struct snapshot *snapshot, size_t i, int64_t now_s,
				   size_t max_uses)
{
	const struct identity *identity = credentials_identity(snapshot->credentials[i]);
	json_t *used_by = json_array(), *object;
	char not_after_text[32], names[1024];
	const char *which;
	int64_t not_after = credentials_not_after(snapshot->credentials[i], &which);
	size_t n_uses = certificate_use_list(snapshot->settings, (int)i, max_uses, used_by);

	object = json_pack("{s:s, s:s, s:i, s:s, s:o, s:o, s:s, s:o, s:I}", "name",
			   snapshot->settings->certificates[i].name, "not_after",
			   text_time((uint64_t)not_after * 1000000, not_after_text),
			   "days_left", certificate_watch_days(not_after - now_s), "state",
			   certificate_watch_state(not_after - now_s), "names",
			   json_text(identity_text(identity, names, sizeof(names))), "issuer",
			   json_text(identity->issuer), "sha256", identity->sha256, "used_by",
			   used_by, "n_used_by", (json_int_t)n_uses);
	if (object && *which)
		json_object_set_new(object, "ends_first", json_text(which));
	return object;
}

static json_t *certificates_to_json(const struct server *server, uint64_t wall_us,
				    size_t max_uses, json_t *problems)
{
	const struct snapshot *snapshot = server->snapshot;
	const int64_t now_s = (int64_t)(wall_us / 1000000);
	json_t *array = json_array();

	for (size_t i = 0; array && i < snapshot->settings->n_certificates; i++) {
		const char *which;
		int64_t not_after = credentials_not_after(snapshot->credentials[i], &which);

		note_certificate(problems, snapshot->settings->certificates[i].name,
				 not_after - now_s, which);
		json_array_append_new(array, certificate_to_json(snapshot, i, now_s, max_uses));
	}
	certificate_watch_problems(server->certificate_watch, problems);
	return array;
}

static void note_reload(const struct server *server, json_t *problems)
{
	char left[32], text[96];

	if (reload_confirm_is_pending(server)) {
		snprintf(text, sizeof(text), "reverts in %s unless confirmed",
			 reload_confirm_left(server, left));
		status_problem(problems, "reload-unconfirmed", "warning", "reload", text, "you",
			       "`nuncio confirm` keeps the configuration that runs.");
	}
	if (server->last_reload_ok || server->last_reload_wall_us == 0)
		return;
	if (server->was_reverted_last)
		status_problem(
			problems, "reload-reverted", "warning", "reload",
			server->last_reload_text, "you",
			"Correct the file, then `nuncio reload --confirm 5m` and `nuncio confirm`.");
	else
		status_problem(
			problems, "reload-rejected", "warning", "reload",
			server->last_reload_text, "you",
			"`nuncio check` shows the faults; correct them, then `nuncio reload`.");
}

static json_t *configuration_to_json(const struct server *server, json_t *problems)
{
	const struct snapshot *snapshot = server->snapshot;
	char loaded[32], reloaded[32], until[32];
	json_t *object;

	note_reload(server, problems);
	object = json_pack(
		"{s:o, s:s, s:I, s:i, s:b, s:s, s:o}", "path", json_text(snapshot->path),
		"loaded", text_time(snapshot->loaded_wall_us, loaded), "generation",
		(json_int_t)snapshot->generation, "warnings", (int)snapshot->n_warnings,
		"last_reload_ok", server->last_reload_ok || server->last_reload_wall_us == 0,
		"last_reload",
		server->last_reload_wall_us ? text_time(server->last_reload_wall_us, reloaded)
					    : "",
		"last_reload_text", json_text(server->last_reload_text));
	if (reload_confirm_is_pending(server))
		json_object_set_new(
			object, "confirm",
			json_pack("{s:s, s:I}", "until",
				  text_time(server->confirm.until_wall_us, until), "left_s",
				  (json_int_t)timer_left_ms(server->loop,
							    &server->confirm.timer) /
					  1000));
	if (server->confirm.reverted)
		json_object_set(object, "reverted", server->confirm.reverted);
	return object;
}

static void note_process(struct server *server, bool is_alive, json_t *problems)
{
	if (!is_alive)
		status_problem(problems, "worker-stuck", "error", "worker",
			       "a worker's loop does not turn", "you",
			       "Keep a core (`gcore`) and restart; please report it.");
	if (__atomic_load_n(&server->is_draining, __ATOMIC_RELAXED))
		status_problem(problems, "draining", "warning", "process",
			       "ends: no new requests are taken", "nobody",
			       "Nothing has to be done.");
}

/* What must survive a restart: is it kept? */
static json_t *state_to_json(const struct server *server, json_t *problems)
{
	struct store_state state = { 0 };
	char since[32];

	if (server->store)
		store_look(server->store, &state);
	if (server->store && !state.is_working)
		status_problem(
			problems, "state-not-kept", "error", "service.state_dir", state.fault,
			"you",
			"Give the disk room, or the folder to the user of the service; what waits is written as "
			"soon as it can be. Until then a restart forgets where users are.");
	if (state.was_replaced)
		status_problem(
			problems, "state-replaced", "warning", "service.state_dir",
			"nuncio.db was damaged: it was put aside as nuncio.db.damaged, and begun anew",
			"you",
			"Look for the cause (disk, file system); backends register anew by themselves. The warning "
			"ends with the next start.");
	return json_pack("{s:b, s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "kept", state.is_working,
			 "fault", json_text(state.fault), "since",
			 state.since_wall_us ? text_time(state.since_wall_us, since) : "",
			 "records", (json_int_t)state.n_records, "waiting",
			 (json_int_t)state.n_waiting, "written", (json_int_t)state.n_written,
			 "failures", (json_int_t)state.n_failures, "dropped",
			 (json_int_t)state.n_dropped);
}

/* The first ones by name, so that a crowd of them does not fill the screen. */
static void note_limited(struct server *server, uint64_t now_ms, json_t *problems)
{
	struct discovered_name *names;
	size_t n, i;

	if (discovered_domains(server->discovered, 1U << DISCOVERED_LIMITED, now_ms, &names,
			       &n))
		return;
	for (i = 0; i < n && i < MAX_LIMITED; i++) {
		const struct reason_row *row;
		struct discovered_view view;
		char where[300];

		if (!discovered_look(server->discovered, names[i].text, now_ms, &view) ||
		    view.state != DISCOVERED_LIMITED)
			continue;
		row = reason_row(view.why);
		snprintf(where, sizeof(where), "discovered partner %s", view.domain);
		status_problem(problems, row->code, "warning", where, row->cause,
			       actor_text(row->act), row->remedy);
	}
	free(names);
}

/* How many domains open federation knows, by state. */
static json_t *discovered_to_json(struct server *server, json_t *problems)
{
	uint64_t now_ms = loop_now_ms(server->loop);
	unsigned counts[N_DISCOVERED_STATES];
	json_t *object = json_object();

	discovered_count(server->discovered, now_ms, counts);
	for (int state = 0; state < N_DISCOVERED_STATES; state++)
		json_object_set_new(object, discovered_state_text((enum discovered_state)state),
				    json_integer(counts[state]));
	if (counts[DISCOVERED_LIMITED] > 0)
		note_limited(server, now_ms, problems);
	return object;
}

/* Since the start, but for what is open now: connections and transactions. */
static json_t *counters_to_json(const struct server *server)
{
	static const struct {
		const char *key;
		enum counter counter;
	} rows[] = {
		{ "requests", COUNTER_REQUESTS },
		{ "refusals", COUNTER_REFUSALS },
		{ "retransmissions", COUNTER_RETRANSMISSIONS },
		{ "malformed", COUNTER_MALFORMED },
		{ "limited", COUNTER_LIMITED },
		{ "auth_failures", COUNTER_AUTH_FAILURES },
		{ "connections", COUNTER_CONNECTIONS },
		{ "connections_opened", COUNTER_CONNECTIONS_OPENED },
		{ "connection_failures", COUNTER_CONNECTION_FAILURES },
		{ "transactions", COUNTER_TRANSACTIONS },
		{ "received_bytes", COUNTER_RECEIVED_BYTES },
		{ "sent_bytes", COUNTER_SENT_BYTES },
	};
	json_t *object = json_object();

	for (size_t i = 0; i < COUNT(rows); i++)
		json_object_set_new(object, rows[i].key,
				    json_integer((json_int_t)counters_total(
					    (const struct counters *const *)server->counters,
					    server->n_workers, rows[i].counter)));
	return object;
}

/* How many objects of the array have text as key. */
static json_int_t count(const json_t *array, const char *key, const char *text)
{
	const json_t *row;
	json_int_t n = 0;
	size_t i;

	json_array_foreach(array, i, row)
		n += strcmp(json_string_value(json_object_get(row, key)), text) == 0;
	return n;
}

static json_t *counts_to_json(const struct status_peers *peers, const json_t *head,
			      const json_t *problems)
{
	const json_t *listeners = json_object_get(head, "listeners"),
		     *certificates = json_object_get(head, "certificates");

	return json_pack(
		"{s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o, s:o, s:{s:I, s:I}}", "listeners",
		"up", count(listeners, "state", "up"), "down",
		count(listeners, "state", "down"), "off", count(listeners, "state", "off"),
		"certificates", "ok", count(certificates, "state", "ok"), "warn",
		count(certificates, "state", "warn"), "fail",
		count(certificates, "state", "fail"), "partners",
		status_peers_counts(peers, STATUS_PARTNERS), "backends",
		status_peers_counts(peers, STATUS_BACKENDS), "problems", "error",
		count(problems, "severity", "error") + status_peers_n_errors(peers), "warning",
		count(problems, "severity", "warning") + status_peers_n_warnings(peers));
}

/* All but partners, backends and problems; problems gets those that are not a peer's. */
static json_t *make_head(struct server *server, bool is_alive, bool is_summary,
			 const struct status_peers *peers, json_t *problems)
{
	uint64_t wall_us = loop_wall_us(server->loop);
	bool is_draining = __atomic_load_n(&server->is_draining, __ATOMIC_RELAXED), is_ok;
	char started[32];
	json_t *head, *discovered;

	note_process(server, is_alive, problems);
	head = json_pack(
		"{s:i, s:s, s:i, s:i, s:s, s:I, s:b, s:i, s:i}", "version", 1, "program",
		server->version, "pid", (int)getpid(), "workers", (int)server->n_workers,
		"started", text_time(server->started_wall_us, started), "uptime_s",
		(json_int_t)((wall_us - server->started_wall_us) / 1000000), "draining",
		is_draining, "busy", (int)server_n_busy(server), "banned_sources",
		(int)accounts_n_banned(server->accounts, loop_now_ms(server->loop)));
	if (!head)
		return NULL;
	json_object_set_new(head, "configuration", configuration_to_json(server, problems));
	json_object_set_new(head, "state", state_to_json(server, problems));
	json_object_set_new(head, "counters", counters_to_json(server));
	json_object_set_new(head, "media", status_media_json(server, problems));
	json_object_set_new(head, "listeners", listeners_to_json(server, problems));
	json_object_set_new(head, "certificates",
			    certificates_to_json(server, wall_us,
						 is_summary ? STATUS_SUMMARY_ROWS : SIZE_MAX,
						 problems));
	json_object_set_new(head, "nat", nat_summary_to_json(server, problems));
	json_object_set_new(head, "summary", json_boolean(is_summary));
	discovered = discovered_to_json(server, problems);
	json_object_set_new(head, "counts", counts_to_json(peers, head, problems));
	json_object_set_new(json_object_get(head, "counts"), "discovered", discovered);
	is_ok = json_array_size(problems) == 0 && status_peers_n_errors(peers) == 0 &&
		status_peers_n_warnings(peers) == 0;
	json_object_set_new(head, "ok", json_boolean(is_ok));
	return head;
}

json_t *status_summary(struct server *server, bool is_alive)
{
	json_t *problems = json_array(), *head;
	struct status_peers *peers;

	if (status_peers_new(server, &peers)) {
		json_decref(problems);
		return NULL;
	}
	head = make_head(server, is_alive, true, peers, problems);
	status_peers_first_problems(peers, problems);
	json_object_set_new(head, "partners", status_peers_first_rows(peers, STATUS_PARTNERS));
	json_object_set_new(head, "backends", status_peers_first_rows(peers, STATUS_BACKENDS));
	json_object_set_new(head, "problems", problems);
	status_peers_free(peers);
	return head;
}

enum err status_source(struct server *server, bool is_alive, struct http_source *out)
{
	json_t *problems = json_array();
	struct status_peers *peers;
	enum err err = status_peers_new(server, &peers);

	if (err) {
		json_decref(problems);
		return err;
	}
	return status_stream_new(peers, make_head(server, is_alive, false, peers, problems),
				 problems, out);
}
