#include "proxy/status_peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "nat/alg.h"
#include "proxy/certificate_watch.h"
#include "proxy/json_text.h"
#include "proxy/peer_view.h"
#include "proxy/status_problem.h"

/* The first peers for which something holds. */
struct few {
	size_t at[STATUS_SUMMARY_ROWS];
	unsigned n;
};

enum { N_STATES = PEER_DOWN + 1 };

struct status_peers {
	struct server *server;
	struct snapshot *snapshot; /* counted */
	struct peer_views *views;
	uint64_t now_ms;
	int64_t now_s;
	unsigned n_states[N_STATUS_KINDS][N_STATES], n_endings, n_warnings;
	struct few down[N_STATUS_KINDS], others[N_STATUS_KINDS], broken, ending, warned,
		rewritten;
};

static const char *const health_texts[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
	[HEALTH_TRYING] = "trying",
};

static enum status_kind kind_of(const struct rule *rule)
{
	return rule->route ? STATUS_PARTNERS : STATUS_BACKENDS;
}

static void note(struct few *few, size_t i)
{
	if (few->n < STATUS_SUMMARY_ROWS)
		few->at[few->n++] = i;
}

/* How bad it is that its certificate ends. */
enum ending { ENDS_LATE, ENDS_SOON, ENDS_TOO_SOON };

static enum ending ending_of(const struct status_peers *peers, const struct peer_stat *stat)
{
	const int64_t left_s = stat->certificate_not_after - peers->now_s;

	if (!stat->certificate_not_after || left_s >= CERTIFICATE_WARN_DAYS * 86400)
		return ENDS_LATE;
	return left_s < CERTIFICATE_ERROR_DAYS * 86400 ? ENDS_TOO_SOON : ENDS_SOON;
}

static void survey_ending(struct status_peers *peers, size_t i, enum ending ending)
{
	switch (ending) {
	case ENDS_LATE:
		break;
	case ENDS_SOON:
		peers->n_warnings++;
		note(&peers->warned, i);
		break;
	case ENDS_TOO_SOON:
		peers->n_endings++;
		note(&peers->ending, i);
		break;
	}
}

static void survey(struct status_peers *peers, size_t i)
{
	const struct rule *rule = rules_at(peers->snapshot->rules, i);
	const enum status_kind kind = kind_of(rule);
	struct peer_view view;
	struct peer_stat stat;

	peer_views_look(peers->views, rule, &view);
	peers->n_states[kind][view.state]++;
	note(view.state == PEER_DOWN ? &peers->down[kind] : &peers->others[kind], i);
	if (view.state == PEER_DOWN)
		note(&peers->broken, i);
	peer_stats_look(peers->server->peer_stats, rule->id, &stat);
	survey_ending(peers, i, ending_of(peers, &stat));
	if (stat.alg_signs) {
		peers->n_warnings++;
		note(&peers->rewritten, i);
	}
}

enum err status_peers_new(struct server *server, struct status_peers **out)
{
	struct status_peers *peers = calloc(1, sizeof(*peers));
	enum err err;

	if (!peers)
		return ERR_NO_MEMORY;
	err = peer_views_new(server, &peers->views);
	if (err) {
		free(peers);
		return err;
	}
	peers->server = server;
	peers->snapshot = snapshot_ref(server->snapshot);
	peers->now_ms = loop_now_ms(server->loop);
	peers->now_s = (int64_t)(loop_wall_us(server->loop) / 1000000);
	for (size_t i = 0; i < status_peers_n(peers); i++)
		survey(peers, i);
	*out = peers;
	return ERR_OK;
}

struct status_peers *status_peers_free(struct status_peers *peers)
{
	if (!peers)
		return NULL;
	peer_views_free(peers->views);
	snapshot_unref(peers->snapshot);
	free(peers);
	return NULL;
}

size_t status_peers_n(const struct status_peers *peers)
{
	return rules_count(peers->snapshot->rules);
}

json_t *status_peers_counts(const struct status_peers *peers, enum status_kind kind)
{
	json_t *object = json_object();

	for (int state = 0; state < N_STATES; state++)
		json_object_set_new(object, peer_state_text((enum peer_state)state),
				    json_integer(peers->n_states[kind][state]));
	return object;
}

unsigned status_peers_n_errors(const struct status_peers *peers)
{
	return peers->n_states[STATUS_PARTNERS][PEER_DOWN] +
	       peers->n_states[STATUS_BACKENDS][PEER_DOWN] + peers->n_endings;
}

unsigned status_peers_n_warnings(const struct status_peers *peers)
{
	return peers->n_warnings;
}

/* ---- rows ---- */

static json_int_t age_s(const struct status_peers *peers, uint64_t at_ms)
{
	return at_ms == 0 || at_ms > peers->now_ms
		       ? -1
		       : (json_int_t)((peers->now_ms - at_ms) / 1000);
}

static json_t *server_to_json(const struct status_peers *peers, const struct health_view *view)
{
	char address[ADDR_TEXT_SIZE];

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i}", "address",
		addr_text(&view->addr, address), "transport",
		conf_transport_text(view->transport), "state", health_texts[view->state],
		"last_reason", reason_code(view->last_reason), "last_seen_s",
		age_s(peers, view->last_success_ms), "last_failure_s",
		age_s(peers, view->last_failure_ms), "successes", (json_int_t)view->n_successes,
		"failures", (json_int_t)view->n_failures, "failures_in_a_row",
		(int)view->n_failures_in_a_row);
}

/* Since the start. */
static void add_stat(const struct status_peers *peers, json_t *object, const char *id)
{
	json_t *failures = json_object();
	struct peer_stat stat;
	char alg[256];

	peer_stats_look(peers->server->peer_stats, id, &stat);
	for (int reason = 1; reason < N_REASONS; reason++)
		if (stat.n_failures[reason])
			json_object_set_new(failures, reason_code((enum reason)reason),
					    json_integer(stat.n_failures[reason]));
	json_object_set_new(object, "requests_received",
			    json_integer((json_int_t)stat.n_received));
	json_object_set_new(object, "requests_sent", json_integer((json_int_t)stat.n_sent));
	json_object_set_new(object, "failures_by_reason", failures);
	if (stat.alg_signs)
		json_object_set_new(
			object, "alg",
			json_string(alg_signs_text(stat.alg_signs, alg, sizeof(alg))));
	json_object_set_new(object, "connections_in", json_integer(stat.n_inbound));
	json_object_set_new(object, "connections_out", json_integer(stat.n_outbound));
	if (stat.probe_us)
		json_object_set_new(object, "probe_us",
				    json_integer((json_int_t)stat.probe_us));
	if (stat.certificate_not_after)
		json_object_set_new(object, "certificate_days_left",
				    json_integer(certificate_watch_days(
					    stat.certificate_not_after - peers->now_s)));
}

/* How a backend has logged on, and how many users are its. */
static void add_log_ons(const struct status_peers *peers, json_t *object,
			const struct settings_backend *backend)
{
	struct location *location = peers->server->location;
	struct logon logons[LOCATION_MAX_LOGONS];
	struct location_counts counts;
	json_t *array = json_array();
	char address[ADDR_TEXT_SIZE];
	size_t n, i;

	n = location_logons(location, backend->name, peers->now_ms, logons);
	for (i = 0; i < n; i++)
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "address",
				  addr_text(logons[i].flow_id ? &logons[i].source
							      : &logons[i].reach,
					    address),
				  "transport",
				  conf_transport_text(logons[i].flow_id
							      ? logons[i].transport
							      : logons[i].reach_transport),
				  "by", logons[i].flow_id ? "connection" : "address", "since_s",
				  age_s(peers, logons[i].since_ms), "expires_s",
				  (json_int_t)(logons[i].expires_ms - peers->now_ms) / 1000));
	location_count(location, backend->name, peers->now_ms, &counts);
	json_object_set_new(object, "logs_on", json_boolean(*backend->username != '\0'));
	json_object_set_new(object, "log_ons", array);
	json_object_set_new(object, "users_registered",
			    json_integer((json_int_t)counts.bindings));
	json_object_set_new(object, "users_seen", json_integer((json_int_t)counts.homes));
}

static void add_server(json_t *object, const struct rule *rule)
{
	if (rule->n_servers == 0)
		return;
	json_object_set_new(object, "server", json_text(rule->servers[0].host));
	json_object_set_new(object, "port", json_integer(rule->servers[0].port));
	json_object_set_new(object, "transport",
			    json_string(conf_transport_text(rule->servers[0].transport)));
	json_object_set_new(object, "n_servers", json_integer((json_int_t)rule->n_servers));
}

json_t *status_peers_row(const struct status_peers *peers, size_t i, enum status_kind kind)
{
	const struct rule *rule = rules_at(peers->snapshot->rules, i);
	json_t *servers, *object;
	struct peer_view view;

	if (kind_of(rule) != kind)
		return NULL;
	servers = json_array();
	peer_views_look(peers->views, rule, &view);
	for (size_t s = 0; s < view.n_servers; s++)
		json_array_append_new(servers, server_to_json(peers, &view.servers[s]));
	object = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "id", rule->id, "state",
		peer_state_text(view.state), "last_reason", reason_code(view.last_reason),
		"last_seen_s", age_s(peers, view.last_seen_ms), "last_failure_s",
		age_s(peers, view.last_failure_ms), "successes", (json_int_t)view.n_successes,
		"failures", (json_int_t)view.n_failures, "tried", servers);
	if (!object)
		return NULL;
	add_server(object, rule);
	add_stat(peers, object, rule->id);
	if (rule->route) {
		json_object_set_new(object, "domain", json_text(rule->route->domain));
		json_object_set_new(object, "trustworthy",
				    json_boolean(rule->route->is_trustworthy));
	} else {
		json_object_set_new(object, "name", json_text(rule->backend->name));
		add_log_ons(peers, object, rule->backend);
	}
	return object;
}

/* ---- problems ---- */

static void add_down(const struct status_peers *peers, size_t i, json_t *problems)
{
	const struct rule *rule = rules_at(peers->snapshot->rules, i);
	const struct reason_row *row;
	struct peer_view view;

	peer_views_look(peers->views, rule, &view);
	row = reason_row(view.last_reason);
	if (view.state == PEER_DOWN)
		status_problem(problems, row->code, "error", rule->id, row->cause,
			       actor_text(row->act), row->remedy);
}

static void add_ending(const struct status_peers *peers, size_t i, json_t *problems)
{
	const struct rule *rule = rules_at(peers->snapshot->rules, i);
	struct peer_stat stat;
	enum ending ending;
	char text[96];
	int days;

	peer_stats_look(peers->server->peer_stats, rule->id, &stat);
	ending = ending_of(peers, &stat);
	if (ending == ENDS_LATE)
		return;
	days = certificate_watch_days(stat.certificate_not_after - peers->now_s);
	snprintf(text, sizeof(text),
		 days < 0 ? "its certificate expired %d days ago"
			  : "its certificate expires in %d days",
		 days < 0 ? -days : days);
	status_problem(problems,
		       days < 0 ? "partner-certificate-expired" : "partner-certificate-expires",
		       ending == ENDS_TOO_SOON ? "error" : "warning", rule->id, text,
		       rule->backend ? "you" : "the partner",
		       rule->backend ? "Renew the certificate of that server."
				     : "Tell the partner to renew its certificate.");
}

static void add_alg(const struct status_peers *peers, size_t i, json_t *problems)
{
	const struct rule *rule = rules_at(peers->snapshot->rules, i);
	struct peer_stat stat;

	peer_stats_look(peers->server->peer_stats, rule->id, &stat);
	if (stat.alg_signs)
		status_problem_alg(problems, rule->id, stat.alg_signs,
				   rule->backend ? "you" : "the partner");
}

void status_peers_problems(const struct status_peers *peers, size_t i, json_t *problems)
{
	add_down(peers, i, problems);
	add_ending(peers, i, problems);
	add_alg(peers, i, problems);
}

/* ---- the summary ---- */

static void add_rows(const struct status_peers *peers, const struct few *few,
		     enum status_kind kind, json_t *array)
{
	for (unsigned i = 0; i < few->n && json_array_size(array) < STATUS_SUMMARY_ROWS; i++)
		json_array_append_new(array, status_peers_row(peers, few->at[i], kind));
}

json_t *status_peers_first_rows(const struct status_peers *peers, enum status_kind kind)
{
	json_t *array = json_array();

	add_rows(peers, &peers->down[kind], kind, array);
	add_rows(peers, &peers->others[kind], kind, array);
	return array;
}

void status_peers_first_problems(const struct status_peers *peers, json_t *problems)
{
	unsigned i;

	for (i = 0; i < peers->broken.n && json_array_size(problems) < STATUS_SUMMARY_ROWS; i++)
		add_down(peers, peers->broken.at[i], problems);
	for (i = 0; i < peers->ending.n && json_array_size(problems) < STATUS_SUMMARY_ROWS; i++)
		add_ending(peers, peers->ending.at[i], problems);
	for (i = 0; i < peers->warned.n && json_array_size(problems) < STATUS_SUMMARY_ROWS; i++)
		add_ending(peers, peers->warned.at[i], problems);
	for (i = 0; i < peers->rewritten.n && json_array_size(problems) < STATUS_SUMMARY_ROWS;
	     i++)
		add_alg(peers, peers->rewritten.at[i], problems);
}
