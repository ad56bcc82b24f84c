#include "proxy/peer_view.h"

#include <stdlib.h>
#include <string.h>

struct peer_views {
	struct server *server;
	struct health_view *rows; /* in the order of their peers */
	size_t n, size;
	bool is_broken;
};

static void add(const struct health_view *view, void *user)
{
	struct peer_views *views = user;

	if (views->n == views->size) {
		size_t size = views->size ? 2 * views->size : 64;
		struct health_view *rows = realloc(views->rows, size * sizeof(*rows));

		if (!rows) {
			views->is_broken = true;
			return;
		}
		views->rows = rows;
		views->size = size;
	}
	views->rows[views->n++] = *view;
}

static int by_peer(const void *a, const void *b)
{
	return strcmp(((const struct health_view *)a)->peer,
		      ((const struct health_view *)b)->peer);
}

enum err peer_views_new(struct server *server, struct peer_views **out)
{
	struct peer_views *views = calloc(1, sizeof(*views));

	if (!views)
		return ERR_NO_MEMORY;
	views->server = server;
	health_each(server->health, add, views);
	if (views->is_broken) {
		peer_views_free(views);
		return ERR_NO_MEMORY;
	}
	if (views->n > 0)
		qsort(views->rows, views->n, sizeof(*views->rows), by_peer);
	*out = views;
	return ERR_OK;
}

struct peer_views *peer_views_free(struct peer_views *views)
{
	if (views)
		free(views->rows);
	free(views);
	return NULL;
}

/* The first row whose peer is not before id. */
static size_t find_first(const struct peer_views *views, const char *id)
{
	size_t low = 0, high = views->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(views->rows[middle].peer, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void note_seen(struct peer_view *out, uint64_t at_ms)
{
	if (at_ms > out->last_seen_ms)
		out->last_seen_ms = at_ms;
}

static void sum_up(struct peer_view *out, const struct health_view *row)
{
	if (row->state == HEALTH_UP)
		out->state = PEER_UP;
	else if (row->state != HEALTH_UNKNOWN && out->state == PEER_UNKNOWN)
		out->state = PEER_DOWN;
	note_seen(out, row->last_success_ms);
	if (row->last_failure_ms >= out->last_failure_ms && row->last_reason != REASON_NONE) {
		out->last_failure_ms = row->last_failure_ms;
		out->last_reason = row->last_reason;
	}
	out->n_successes += row->n_successes;
	out->n_failures += row->n_failures;
}

/* Nothing could be tried where the name leads nowhere: there is no address to have a state. */
static void look_up(const struct peer_views *views, const struct rule *rule,
		    struct peer_view *out)
{
	struct peer_stat stat;

	if (out->state != PEER_UNKNOWN || !views->server->peer_stats ||
	    !peer_stats_look(views->server->peer_stats, rule->id, &stat) || !stat.lookup)
		return;
	out->state = PEER_DOWN;
	out->last_reason = stat.lookup;
}

/* The ways in which a backend has logged on now. */
struct log_ons {
	struct logon rows[LOCATION_MAX_LOGONS];
	size_t n;
};

static void find_log_ons(const struct peer_views *views, const struct rule *rule,
			 struct log_ons *out)
{
	const struct server *server = views->server;

	out->n = rule->backend && server->location
			 ? location_logons(server->location, rule->backend->name,
					   loop_now_ms(server->loop), out->rows)
			 : 0;
}

/* True if the log-on leads to that address now: the far end of its connection while that lasts,
 * and where it can be dialled or sent datagrams. */
static bool leads_to(const struct logon *logon, const struct addr *addr)
{
	const bool is_source_current = logon->flow_id || logon->transport == TRANSPORT_UDP;

	return addr_equal(&logon->reach, addr) ||
	       (is_source_current && addr_equal(&logon->source, addr));
}

/* A connection that has ended, or an address that is not its own any more, says of a backend
 * that is reached by its log-on alone only when it was seen. */
static bool is_current(const struct rule *rule, const struct log_ons *log_ons,
		       const struct addr *addr)
{
	size_t i;

	if (!rule->backend || rule->n_servers > 0)
		return true;
	for (i = 0; i < log_ons->n; i++)
		if (leads_to(&log_ons->rows[i], addr))
			return true;
	return false;
}

static void look_at_log_ons(const struct rule *rule, const struct log_ons *log_ons,
			    struct peer_view *out)
{
	if (!rule->backend)
		return;
	if (log_ons->n && out->state == PEER_UNKNOWN)
		out->state = PEER_UP;
	for (size_t i = 0; i < log_ons->n; i++)
		note_seen(out, log_ons->rows[i].since_ms);
	if (!log_ons->n && rule->n_servers == 0) {
		out->state = PEER_DOWN;
		out->last_reason = REASON_NOT_LOGGED_ON;
	}
}

void peer_views_look(const struct peer_views *views, const struct rule *rule,
		     struct peer_view *out)
{
	size_t first = find_first(views, rule->id);
	struct log_ons log_ons;

	*out = (struct peer_view){ .state = PEER_UNKNOWN, .servers = views->rows + first };
	find_log_ons(views, rule, &log_ons);
	for (size_t i = first; i < views->n && strcmp(views->rows[i].peer, rule->id) == 0;
	     i++) {
		if (is_current(rule, &log_ons, &views->rows[i].addr))
			sum_up(out, &views->rows[i]);
		else
			note_seen(out, views->rows[i].last_success_ms);
		out->n_servers++;
	}
	if (!rule->backend || rule->n_servers > 0)
		look_up(views, rule, out);
	look_at_log_ons(rule, &log_ons, out);
	if (rule->route && (!rule->route->is_enabled ||
			    !views->server->snapshot->settings->partners.is_enabled))
		out->state = PEER_OFF;
}

const char *peer_state_text(enum peer_state state)
{
	switch (state) {
	case PEER_OFF:
		return "off";
	case PEER_UNKNOWN:
		return "unknown";
	case PEER_UP:
		return "up";
	case PEER_DOWN:
		return "down";
	}
	return "unknown";
}
