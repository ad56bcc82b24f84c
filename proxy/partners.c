#include "proxy/partners.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/value.h"
#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/certificate_watch.h"
#include "proxy/discovered_store.h"
#include "proxy/json_text.h"
#include "proxy/status_peers.h"
#include "proxy/worker.h"

/* ---- rows ---- */

static const char *const listings[] = {
	[DISCOVERED_ALLOWED] = "allowed",
	[DISCOVERED_NOT_LISTED] = "not-listed",
	[DISCOVERED_DENIED] = "denied",
};

static int64_t wall_s(const struct server *server)
{
	return (int64_t)(loop_wall_us(server->loop) / 1000000);
}

/* "" for never. */
static json_t *time_to_json(int64_t at_s)
{
	char text[32];

	return json_string(at_s > 0 ? text_time((uint64_t)at_s * 1000000, text) : "");
}

static json_t *certificate_to_json(const struct server *server,
				   const struct discovered_facts *facts)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:I}", "names", json_text(facts->names),
			 "sha256", facts->sha256, "issuer", json_text(facts->issuer),
			 "not_after", time_to_json(facts->not_after), "days_left",
			 (json_int_t)certificate_watch_days(facts->not_after - wall_s(server)));
}

static void add_numbers(json_t *row, const struct discovered_view *view)
{
	const struct {
		const char *key;
		uint64_t number;
	} numbers[] = {
		{ "requests_received", view->n_received },
		{ "requests_refused", view->n_refused },
		{ "succeeded", view->n_succeeded },
		{ "failed", view->n_failed },
		{ "requests_sent", view->n_sent },
		{ "sent_failed", view->n_sent_failed },
		{ "users", view->n_users },
	};

	for (size_t i = 0; i < COUNT(numbers); i++)
		json_object_set_new(row, numbers[i].key,
				    json_integer((json_int_t)numbers[i].number));
}

static void add_connections(const struct server *server, json_t *row, const char *domain)
{
	char id[DISCOVERED_DOMAIN_SIZE + 16];
	struct peer_stat stat;

	snprintf(id, sizeof(id), "partner:%s", domain);
	peer_stats_look(server->peer_stats, id, &stat);
	json_object_set_new(row, "connections_in", json_integer(stat.n_inbound));
	json_object_set_new(row, "connections_out", json_integer(stat.n_outbound));
}

static json_t *view_to_json(const struct server *server, const struct discovered_view *view)
{
	const struct settings_federation *federation = &server->snapshot->settings->federation;
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:s}", "domain", view->domain,
		"state", discovered_state_text(view->state), "why", reason_code(view->why),
		"listed", listings[discovered_is_allowed(federation, view->domain)],
		"first_seen", time_to_json(view->first_seen_s), "last_seen",
		time_to_json(view->last_seen_s), "last_seen_s",
		view->last_seen_s ? (json_int_t)(wall_s(server) - view->last_seen_s)
				  : (json_int_t)-1,
		"srv_target", json_text(view->facts.srv_target), "rule", view->facts.rule);

	if (!row)
		return NULL;
	add_numbers(row, view);
	add_connections(server, row, view->domain);
	if (view->facts.not_after)
		json_object_set_new(row, "certificate",
				    certificate_to_json(server, &view->facts));
	if (view->said_s) {
		json_object_set_new(row, "said", time_to_json(view->said_s));
		json_object_set_new(row, "until", time_to_json(view->until_s));
		json_object_set_new(row, "note", json_text(view->note));
	}
	return row;
}

static json_t *look(const struct server *server, const char *domain)
{
	struct discovered_view view;

	return discovered_look(server->discovered, domain, loop_now_ms(server->loop), &view)
		       ? view_to_json(server, &view)
		       : NULL;
}

/* ---- all of them ---- */

enum part { PART_ROUTES, PART_DISCOVERED, PART_END };

struct listing {
	struct server *server;
	struct status_peers *peers;
	struct discovered_name *names;
	size_t n_names, i; /* the one that comes next in the part */
	enum part part;
	bool has_row;
	struct buf pending; /* was made and not read yet */
	size_t at;
};

static void put_row(struct listing *listing, json_t *row)
{
	char *text = row ? json_take_text(row) : NULL;

	if (text) {
		buf_puts(&listing->pending, listing->has_row ? "," : "");
		buf_puts(&listing->pending, text);
		listing->has_row = true;
	}
	free(text);
}

static void put_next(struct listing *listing)
{
	size_t n = listing->part == PART_ROUTES ? status_peers_n(listing->peers)
						: listing->n_names;

	if (listing->i >= n) {
		listing->part++;
		listing->i = 0;
		listing->has_row = false;
		buf_puts(&listing->pending,
			 listing->part == PART_END ? "]}" : "],\"discovered\":[");
	} else if (listing->part == PART_ROUTES) {
		put_row(listing,
			status_peers_row(listing->peers, listing->i++, STATUS_PARTNERS));
	} else {
		put_row(listing, look(listing->server, listing->names[listing->i++].text));
	}
}

static size_t read_list(void *user, char *out, size_t size)
{
	struct listing *listing = user;
	size_t len;

	if (listing->at == listing->pending.len) {
		buf_clear(&listing->pending);
		listing->at = 0;
		while (listing->pending.len < size && listing->part != PART_END)
			put_next(listing);
	}
	len = listing->pending.len - listing->at;
	if (len > size)
		len = size;
	memcpy(out, buf_text(&listing->pending) + listing->at, len);
	listing->at += len;
	return len;
}

static void free_list(void *user)
{
	struct listing *listing = user;

	status_peers_free(listing->peers);
	free(listing->names);
	buf_fini(&listing->pending);
	free(listing);
}

enum err partners_list(struct server *server, struct http_source *out)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	enum err err;

	if (!listing)
		return ERR_NO_MEMORY;
	listing->server = server;
	buf_init(&listing->pending, 0);
	err = status_peers_new(server, &listing->peers);
	if (!err)
		err = discovered_domains(server->discovered, ~0U, loop_now_ms(server->loop),
					 &listing->names, &listing->n_names);
	if (err) {
		free_list(listing);
		return err;
	}
	buf_puts(&listing->pending, "{\"version\":1,\"ok\":true,\"problems\":[],\"routes\":[");
	*out = (struct http_source){ read_list, free_list, listing };
	return ERR_OK;
}

/* ---- one of them ---- */

static const struct rule *find_route(const struct server *server, const char *domain)
{
	const struct rule *rule = NULL;

	return rules_find(server->snapshot->rules, domain, &rule) == RULES_NONE ? NULL : rule;
}

static void add_route(struct server *server, const char *domain, json_t *routes)
{
	const struct rule *rule = find_route(server, domain);
	struct status_peers *peers;

	if (!rule || status_peers_new(server, &peers))
		return;
	for (size_t i = 0; i < status_peers_n(peers); i++)
		if (rules_at(server->snapshot->rules, i) == rule)
			json_array_append_new(routes,
					      status_peers_row(peers, i, STATUS_PARTNERS));
	status_peers_free(peers);
}

json_t *partners_show(struct server *server, const char *domain)
{
	json_t *routes = json_array(), *discovered = json_array(), *row = look(server, domain);

	add_route(server, domain, routes);
	if (row)
		json_array_append_new(discovered, row);
	if (json_array_size(routes) + json_array_size(discovered) > 0)
		return json_pack("{s:i, s:b, s:[], s:o, s:o}", "version", 1, "ok", 1,
				 "problems", "routes", routes, "discovered", discovered);
	json_decref(routes);
	json_decref(discovered);
	return NULL;
}

/* ---- changes ---- */

struct saying {
	enum partners_word word;
	char domain[DISCOVERED_DOMAIN_SIZE];
	const char *note;
	int64_t until_s;
};

/* "2026-12-31" (to its end, by UTC) or "2026-12-31T12:00:00Z". */
static bool read_until(const char *text, int64_t now_s, int64_t *out_s)
{
	struct tm tm = { .tm_hour = 23, .tm_min = 59, .tm_sec = 59 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	int day;

	if (end && *end == 'T')
		end = strptime(end, "T%H:%M:%SZ", &tm);
	if (!end || *end)
		return false;
	day = tm.tm_mday;
	*out_s = (int64_t)timegm(&tm);
	return tm.tm_mday == day && *out_s > now_s; /* 31 February would be a day in March */
}

static bool is_note(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

/* Returns what is wrong; NULL: nothing. */
static const char *read_saying(const json_t *body, int64_t now_s, struct saying *out)
{
	const json_t *until = json_object_get(body, "until"),
		     *note = json_object_get(body, "reason");
	const char *domain = json_string_value(json_object_get(body, "domain"));
	size_t n = 1 + (until != NULL) + (note != NULL);
	struct addr addr;

	if (!domain || !strchr(domain, '.') || value_host(domain, out->domain, &addr) ||
	    addr_is_set(&addr))
		return "domain is the name of a domain";
	if (json_object_size(body) != n || (note && out->word == PARTNERS_FORGET) ||
	    (until && out->word != PARTNERS_APPROVE))
		return "there are keys that do not belong here";
	if (until && (!json_is_string(until) ||
		      !read_until(json_string_value(until), now_s, &out->until_s)))
		return "until is a day to come, such as 2031-12-31, or a time such as "
		       "2031-12-31T12:00:00Z";
	if (note && (!json_is_string(note) || !is_note(json_string_value(note)) ||
		     json_string_length(note) >= DISCOVERED_NOTE_SIZE))
		return "reason is a text of at most 255 bytes, without control characters";
	out->note = note ? json_string_value(note) : "";
	return NULL;
}

/* A domain of which the configuration says something is not open federation's. */
static enum partners_outcome check_domain(const struct server *server,
					  const struct saying *saying, char out_text[256])
{
	const struct rule *rule = find_route(server, saying->domain);

	if (saying->word == PARTNERS_FORGET)
		return PARTNERS_DONE;
	if (rules_is_local_domain(server->snapshot->rules, saying->domain)) {
		snprintf(out_text, 256, "%.128s is our own domain", saying->domain);
		return PARTNERS_OWN;
	}
	if (!rule)
		return PARTNERS_DONE;
	snprintf(out_text, 256, "%.64s has a route, which decides: %.128s:%u", saying->domain,
		 rule->route->domain_place.file, rule->route->domain_place.line);
	return PARTNERS_HAS_ROUTE;
}

static enum err carry_out(struct server *server, const struct saying *saying,
			  struct discovered_view *out_before)
{
	const uint64_t now_ms = loop_now_ms(server->loop);

	switch (saying->word) {
	case PARTNERS_APPROVE:
		return discovered_approve(server->discovered, saying->domain, saying->until_s,
					  saying->note, now_ms, out_before);
	case PARTNERS_BLOCK:
		return discovered_block(server->discovered, saying->domain, saying->note,
					now_ms, out_before);
	case PARTNERS_FORGET:
		break;
	}
	return discovered_forget(server->discovered, saying->domain, now_ms, out_before);
}

/* What it is, or nothing, and what it was, or nothing. */
static json_t *tell(const struct server *server, const struct saying *saying,
		    const struct discovered_view *before)
{
	json_t *is = json_array(), *was = json_array(), *row = look(server, saying->domain);

	if (row)
		json_array_append_new(is, row);
	if (*before->domain)
		json_array_append_new(was, view_to_json(server, before));
	return json_pack("{s:i, s:b, s:[], s:b, s:o, s:o}", "version", 1, "ok", 1, "problems",
			 "open", server->snapshot->settings->federation.is_open, "discovered",
			 is, "before", was);
}

enum partners_outcome partners_say(struct server *server, enum partners_word word,
				   const char *body, size_t len, json_t **out_json,
				   char out_text[256])
{
	json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	struct saying saying = { .word = word };
	struct discovered_view before = { .n_users = 0 };
	const char *fault = read_saying(json, wall_s(server), &saying);
	enum partners_outcome outcome;
	enum err err;

	outcome = fault ? PARTNERS_QUESTION : check_domain(server, &saying, out_text);
	if (fault)
		snprintf(out_text, 256, "%s", fault);
	if (outcome != PARTNERS_DONE) {
		json_decref(json);
		return outcome;
	}
	err = carry_out(server, &saying, &before);
	json_decref(json); /* the note was its */
	if (err) {
		if (err == ERR_NOT_FOUND)
			snprintf(out_text, 256, "nothing is known of %.128s", saying.domain);
		else
			snprintf(out_text, 256, "%.128s: %s", saying.domain, err_text(err));
		return err == ERR_NOT_FOUND ? PARTNERS_UNKNOWN : PARTNERS_FAILED;
	}
	for (unsigned i = 0; i < server->n_workers; i++)
		worker_post_rejudge(server->workers[i]);
	discovered_store_save(server->discovered_store, SIZE_MAX);
	*out_json = tell(server, &saying, &before);
	return PARTNERS_DONE;
}
