#include "proxy/status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/host.h"
#include "proxy/base/text.h"
#include "proxy/json_text.h"
#include "proxy/peer_view.h"

enum { CERTIFICATE_WARN_DAYS = 14 };

static const char *const health_texts[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
	[HEALTH_TRYING] = "trying",
};

static json_int_t age_s(uint64_t now_ms, uint64_t at_ms)
{
	return at_ms == 0 || at_ms > now_ms ? -1 : (json_int_t)((now_ms - at_ms) / 1000);
}

static json_t *server_to_json(const struct health_view *view, uint64_t now_ms)
{
	char address[ADDR_TEXT_SIZE];

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i}", "address",
		addr_text(&view->addr, address), "transport",
		conf_transport_text(view->transport), "state", health_texts[view->state],
		"last_reason", reason_code(view->last_reason), "last_seen_s",
		age_s(now_ms, view->last_success_ms), "last_failure_s",
		age_s(now_ms, view->last_failure_ms), "successes",
		(json_int_t)view->n_successes, "failures", (json_int_t)view->n_failures,
		"failures_in_a_row", (int)view->n_failures_in_a_row);
}

int status_days_left(const struct identity *identity, uint64_t wall_us)
{
	int64_t left_s = identity->not_after - (int64_t)(wall_us / 1000000);

	return (int)(left_s >= 0 ? left_s / 86400 : -1 - (-left_s - 1) / 86400);
}

static void add_problem(json_t *problems, const char *code, const char *severity,
			const char *where, const char *text, const char *act,
			const char *remedy)
{
	json_array_append_new(problems,
			      json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "code", code,
					"severity", severity, "where", json_text(where), "text",
					json_text(text), "act", act, "remedy", remedy));
}

/* Since the start; warns of a certificate of theirs that ends soon. */
static void add_stat(struct server *server, json_t *object, const char *id, json_t *problems)
{
	const int64_t now_s = (int64_t)(loop_wall_us(server->loop) / 1000000);
	json_t *failures = json_object();
	struct peer_stat stat;
	char text[96];

	peer_stats_look(server->peer_stats, id, &stat);
	for (int reason = 1; reason < N_REASONS; reason++)
		if (stat.n_failures[reason])
			json_object_set_new(failures, reason_code((enum reason)reason),
					    json_integer(stat.n_failures[reason]));
	json_object_set_new(object, "requests_received", json_integer((json_int_t)stat.n_received));
	json_object_set_new(object, "requests_sent", json_integer((json_int_t)stat.n_sent));
	json_object_set_new(object, "failures_by_reason", failures);
	if (stat.probe_us)
		json_object_set_new(object, "probe_us", json_integer((json_int_t)stat.probe_us));
	if (!stat.certificate_not_after)
		return;
	json_object_set_new(object, "certificate_days_left",
			    json_integer((stat.certificate_not_after - now_s) / 86400));
	if (stat.certificate_not_after - now_s >= CERTIFICATE_WARN_DAYS * 86400)
		return;
	snprintf(text, sizeof(text), "its certificate expires in %lld days",
		 (long long)(stat.certificate_not_after - now_s) / 86400);
	add_problem(problems, "partner-certificate-expires", "warning", id, text, "the partner",
		    "Tell the partner to renew its certificate.");
}

static json_t *peer_to_json(const struct peer_views *views, const struct rule *rule,
			    uint64_t now_ms, json_t *problems)
{
	json_t *servers = json_array(), *object;
	const struct reason_row *row;
	struct peer_view view;

	peer_views_look(views, rule, &view);
	for (size_t i = 0; i < view.n_servers; i++)
		json_array_append_new(servers, server_to_json(&view.servers[i], now_ms));
	row = reason_row(view.last_reason);
	if (view.state == PEER_DOWN)
		add_problem(problems, row->code, "error", rule->id, row->cause,
			    actor_text(row->act), row->remedy);
	if (view.state == PEER_NOT_LOGGED_ON)
		add_problem(problems, "not-logged-on", "error", rule->id,
			    "it logs on by REGISTER, and has not done so", "you",
			    "Check that it runs, reaches its listener, and has the username and password of "
			    "backends:.");
	object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "id", rule->id, "state",
			   peer_state_text(view.state), "last_reason", row->code, "last_seen_s",
			   age_s(now_ms, view.last_seen_ms), "last_failure_s",
			   age_s(now_ms, view.last_failure_ms), "successes",
			   (json_int_t)view.n_successes, "failures",
			   (json_int_t)view.n_failures, "tried", servers);
	if (object && rule->n_servers > 0) {
		json_object_set_new(object, "server", json_text(rule->servers[0].host));
		json_object_set_new(object, "port", json_integer(rule->servers[0].port));
		json_object_set_new(
			object, "transport",
			json_string(conf_transport_text(rule->servers[0].transport)));
		json_object_set_new(object, "n_servers",
				    json_integer((json_int_t)rule->n_servers));
	}
	return object;
}

static void add_peers(struct server *server, json_t *partners, json_t *backends,
		      json_t *problems)
{
	const struct rules *rules = server->snapshot->rules;
	struct peer_views *views;

	if (peer_views_new(server, &views))
		return;
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);
		json_t *object = peer_to_json(views, rule, loop_now_ms(server->loop), problems);

		if (!object)
			continue;
		add_stat(server, object, rule->id, problems);
		if (rule->route) {
			json_object_set_new(object, "domain", json_text(rule->route->domain));
			json_object_set_new(object, "trustworthy",
					    json_boolean(rule->route->is_trustworthy));
			json_array_append_new(partners, object);
		} else {
			json_object_set_new(object, "name", json_text(rule->backend->name));
			json_object_set_new(object, "logs_on",
					    json_boolean(*rule->backend->username != '\0'));
			json_array_append_new(backends, object);
		}
	}
	peer_views_free(views);
}

/* An interface may lose its address while we serve on it; then nobody reaches us there (mission 15). */
static const char *listener_state(const struct settings_listener *wanted, const struct listener *listener,
				  json_t *problems)
{
	char where[80];

	if (!listener)
		return "off";
	if (host_has(&listener->addr))
		return "up";
	snprintf(where, sizeof(where), "listener %.64s", wanted->name);
	add_problem(problems, "address-gone", "error", where, "this host does not have its address any more",
		    "you", "Give the interface its address back, or change bind: and reload.");
	return "down";
}

static json_t *listeners_to_json(const struct snapshot *snapshot, json_t *problems)
{
	const struct settings *settings = snapshot->settings;
	json_t *array = json_array();

	for (size_t i = 0; array && i < settings->n_listeners; i++) {
		const struct settings_listener *wanted = &settings->listeners[i];
		const struct listener *listener = snapshot->listeners[i];
		char address[ADDR_TEXT_SIZE];

		json_array_append_new(
			array,
			json_pack(
				"{s:s, s:s, s:s, s:s, s:s, s:s}", "name", wanted->name,
				"network", conf_network_text(wanted->network), "transport",
				conf_transport_text(wanted->transport), "address",
				addr_text(listener ? &listener->addr : &wanted->addr, address),
				"sent_by", listener ? listener->sent_by : "", "state",
				listener_state(wanted, listener, problems)));
	}
	return array;
}

/* Who shows the certificate: listeners and partners, so that its end is not a surprise. */
static json_t *used_by(const struct settings *settings, int index)
{
	json_t *array = json_array();
	char text[320];

	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		for (size_t c = 0; c < listener->n_certificates; c++) {
			if (listener->certificates[c].index != index)
				continue;
			snprintf(text, sizeof(text), "listener %s", listener->name);
			json_array_append_new(array, json_text(text));
		}
	}
	for (size_t i = 0; i < settings->partners.n_routes; i++) {
		if (settings->partners.routes[i].certificate.index != index)
			continue;
		snprintf(text, sizeof(text), "partner %s", settings->partners.routes[i].domain);
		json_array_append_new(array, json_text(text));
	}
	return array;
}

static void note_certificate(json_t *problems, const char *name, int days)
{
	char where[128], text[64];

	if (days >= CERTIFICATE_WARN_DAYS)
		return;
	snprintf(where, sizeof(where), "certificate %s", name);
	snprintf(text, sizeof(text), days < 0 ? "expired %d days ago" : "expires in %d days",
		 days < 0 ? -days : days);
	add_problem(problems, days < 0 ? "certificate-expired" : "certificate-expires",
		    days < 0 ? "error" : "warning", where, text, "you",
		    "Renew the certificate, put the files in place, then `nuncio reload`.");
}

static json_t *certificates_to_json(const struct snapshot *snapshot, uint64_t wall_us,
				    json_t *problems)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < snapshot->settings->n_certificates; i++) {
		const struct settings_certificate *wanted =
			&snapshot->settings->certificates[i];
		const struct identity *identity =
			credentials_identity(snapshot->credentials[i]);
		char not_after[32], names[1024];
		int days = status_days_left(identity, wall_us);

		note_certificate(problems, wanted->name, days);
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:o}", "name", wanted->name,
				  "not_after",
				  text_time((uint64_t)identity->not_after * 1000000, not_after),
				  "days_left", days, "names",
				  json_text(identity_text(identity, names, sizeof(names))),
				  "issuer", json_text(identity->issuer), "sha256",
				  identity->sha256, "used_by",
				  used_by(snapshot->settings, (int)i)));
	}
	return array;
}

static json_t *configuration_to_json(const struct server *server, json_t *problems)
{
	const struct snapshot *snapshot = server->snapshot;
	char loaded[32], reloaded[32];

	if (!server->last_reload_ok && server->last_reload_wall_us != 0)
		add_problem(
			problems, "reload-rejected", "warning", "reload",
			server->last_reload_text, "you",
			"`nuncio check` shows the faults; correct them, then `nuncio reload`.");
	return json_pack(
		"{s:o, s:s, s:I, s:i, s:b, s:s, s:o}", "path", json_text(snapshot->path),
		"loaded", text_time(snapshot->loaded_wall_us, loaded), "generation",
		(json_int_t)snapshot->generation, "warnings", (int)snapshot->n_warnings,
		"last_reload_ok", server->last_reload_ok || server->last_reload_wall_us == 0,
		"last_reload",
		server->last_reload_wall_us ? text_time(server->last_reload_wall_us, reloaded)
					    : "",
		"last_reload_text", json_text(server->last_reload_text));
}

static void note_process(struct server *server, bool is_alive, json_t *problems)
{
	if (!is_alive)
		add_problem(problems, "worker-stuck", "error", "worker",
			    "a worker's loop does not turn", "you",
			    "Keep a core (`gcore`) and restart; please report it.");
	if (__atomic_load_n(&server->is_draining, __ATOMIC_RELAXED))
		add_problem(problems, "draining", "warning", "process",
			    "ends: no new requests are taken", "nobody",
			    "Nothing has to be done.");
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
		json_object_set_new(
			object, rows[i].key,
			json_integer((json_int_t)counters_total(
				(const struct counters *const *)server->counters,
				server->n_workers, rows[i].counter)));
	return object;
}

json_t *status_answer(struct server *server, bool is_alive)
{
	uint64_t wall_us = loop_wall_us(server->loop);
	json_t *problems = json_array(), *partners = json_array(), *backends = json_array(),
	       *object;
	char started[32];

	note_process(server, is_alive, problems);
	object = json_pack("{s:i, s:s, s:i, s:i, s:s, s:I, s:b, s:i, s:i}", "version", 1,
			   "program", server->version, "pid", (int)getpid(), "workers",
			   (int)server->n_workers, "started",
			   text_time(server->started_wall_us, started), "uptime_s",
			   (json_int_t)((wall_us - server->started_wall_us) / 1000000),
			   "draining", __atomic_load_n(&server->is_draining, __ATOMIC_RELAXED),
			   "busy", (int)server_n_busy(server), "banned_sources",
			   (int)accounts_n_banned(server->accounts, loop_now_ms(server->loop)));
	if (!object)
		return NULL;
	json_object_set_new(object, "configuration", configuration_to_json(server, problems));
	json_object_set_new(object, "counters", counters_to_json(server));
	json_object_set_new(object, "listeners", listeners_to_json(server->snapshot, problems));
	add_peers(server, partners, backends, problems);
	json_object_set_new(object, "partners", partners);
	json_object_set_new(object, "backends", backends);
	json_object_set_new(object, "certificates",
			    certificates_to_json(server->snapshot, wall_us, problems));
	json_object_set_new(object, "ok", json_boolean(json_array_size(problems) == 0));
	json_object_set_new(object, "problems", problems);
	return object;
}
