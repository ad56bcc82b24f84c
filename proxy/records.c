#include "proxy/records.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/decision_json.h"
#include "proxy/handshake_json.h"
#include "proxy/media_record_json.h"
#include "proxy/worker.h"

/* Rows of both kinds with what orders them. */
struct row {
	uint64_t wall_us, id;
	json_t *json;
};

struct rows {
	struct row *rows;
	size_t n, size;
};

static void add(struct rows *rows, uint64_t wall_us, uint64_t id, json_t *json)
{
	if (rows->n == rows->size) {
		size_t size = rows->size ? 2 * rows->size : 64;
		struct row *more = realloc(rows->rows, size * sizeof(*more));

		if (!more) {
			json_decref(json);
			return;
		}
		rows->rows = more;
		rows->size = size;
	}
	rows->rows[rows->n++] = (struct row){ wall_us, id, json };
}

static int newest_first(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->wall_us != right->wall_us)
		return left->wall_us < right->wall_us ? 1 : -1;
	return left->id < right->id ? 1 : left->id > right->id ? -1 : 0;
}

/* The first RECORDS_MAX of them, and gives the others back. */
static json_t *take(struct rows *rows)
{
	json_t *array = json_array();

	if (rows->n > 0)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), newest_first);
	for (size_t i = 0; i < rows->n; i++) {
		if (i < RECORDS_MAX)
			json_array_append_new(array, rows->rows[i].json);
		else
			json_decref(rows->rows[i].json);
	}
	free(rows->rows);
	return array;
}

/* ---- what is looked for ---- */

typedef bool matches_fn(const struct decision *decision, const char *word);

static void add_decision(struct rows *rows, const struct decision *decision)
{
	add(rows, decision->wall_us, decision->id, decision_to_json(decision, false));
}

/* All of one worker that the ring finds, at most max, and that match. */
static void add_decisions(struct rows *rows, struct decision_ring *ring, const char *call_id,
			  bool refusals_only, size_t max, matches_fn *matches, const char *word)
{
	struct decision *found = calloc(max, sizeof(*found));
	size_t n = found ? decision_ring_find(ring, call_id, refusals_only, found, max) : 0,
	       n_taken = 0;

	for (size_t i = 0; i < n && n_taken < RECORDS_MAX; i++) {
		if (matches && !matches(&found[i], word))
			continue;
		add_decision(rows, &found[i]);
		n_taken++;
	}
	free(found);
}

static void add_handshakes(struct rows *rows, struct handshakes *handshakes, const char *about,
			   size_t max)
{
	struct handshake *found = calloc(max, sizeof(*found));
	size_t n = found ? handshakes_find(handshakes, about, found, max) : 0;

	for (size_t i = 0; i < n; i++)
		add(rows, found[i].wall_us, found[i].id, handshake_to_json(&found[i]));
	free(found);
}

static void add_media(struct rows *rows, struct media_records *records, const char *call_id)
{
	struct media_record *found = calloc(RECORDS_MAX, sizeof(*found));
	size_t n = found ? media_records_find(records, call_id, found, RECORDS_MAX) : 0;

	for (size_t i = 0; i < n; i++) /* it is the end of the story: newest */
		add(rows, found[i].wall_us + found[i].took_us, found[i].id,
		    media_record_to_json(&found[i]));
	free(found);
}

static bool names(const char *id, const char *word)
{
	const char *colon = strchr(id, ':');

	return strcasecmp(id, word) == 0 || (colon && strcasecmp(colon + 1, word) == 0);
}

/* Refusals, and challenges: whoever cannot answer one gets nothing else. */
static bool is_about(const struct decision *decision, const char *word)
{
	struct addr wanted, source;

	if (decision->reason == REASON_NONE)
		return false;
	if (addr_parse_port(word, 0, &wanted) != ERR_OK)
		return names(decision_text(decision, DECISION_ORIGIN_ID), word) ||
		       names(decision_text(decision, DECISION_DESTINATION), word);
	if (addr_parse_port(decision_text(decision, DECISION_SOURCE), 0, &source) != ERR_OK)
		return false;
	return addr_port(&wanted) ? addr_equal(&wanted, &source)
				  : addr_same_host(&wanted, &source);
}

/* ---- the questions ---- */

json_t *records_of_call(struct server *server, const char *call_id)
{
	struct rows rows = { 0 };

	for (unsigned i = 0; i < server->n_workers; i++)
		add_decisions(&rows, server->workers[i]->decisions, call_id, false, RECORDS_MAX,
			      NULL, NULL);
	for (unsigned i = 0; i < server->n_workers; i++)
		add_media(&rows, server->workers[i]->media_records, call_id);
	return take(&rows);
}

json_t *records_newest(struct server *server)
{
	struct rows rows = { 0 };

	for (unsigned i = 0; i < server->n_workers; i++) {
		add_decisions(&rows, server->workers[i]->decisions, NULL, false, RECORDS_MAX,
			      NULL, NULL);
		add_handshakes(&rows, server->workers[i]->handshakes, NULL, RECORDS_MAX);
	}
	return take(&rows);
}

json_t *records_about(struct server *server, const char *word)
{
	enum { MAX_LOOKED = 1024 }; /* all that a worker keeps */
	json_t *array = records_of_call(server, word);
	bool is_tls = strcmp(word, "tls") == 0;
	struct rows rows = { 0 };

	if (json_array_size(array) > 0)
		return array;
	json_decref(array);
	for (unsigned i = 0; i < server->n_workers; i++) {
		add_handshakes(&rows, server->workers[i]->handshakes, is_tls ? NULL : word,
			       RECORDS_MAX);
		if (!is_tls)
			add_decisions(&rows, server->workers[i]->decisions, NULL, false,
				      MAX_LOOKED, is_about, word);
	}
	return take(&rows);
}

/* A request is put when its story ends: then, not when it came, it is the newest. */
static uint64_t ended_us(const struct decision *decision)
{
	return decision->wall_us + decision->took_us;
}

static bool find_refusal(struct server *server, struct decision *found, struct decision *newest)
{
	bool any = false;

	for (unsigned i = 0; i < server->n_workers; i++) {
		if (decision_ring_find(server->workers[i]->decisions, NULL, true, found, 1) ==
		    0)
			continue;
		if (!any || ended_us(found) > ended_us(newest))
			decision_copy(newest, found);
		any = true;
	}
	return any;
}

static bool find_handshake(struct server *server, struct handshake *found,
			   struct handshake *newest)
{
	bool any = false;

	for (unsigned i = 0; i < server->n_workers; i++) {
		if (handshakes_find(server->workers[i]->handshakes, NULL, found, 1) == 0)
			continue;
		if (!any || found->wall_us > newest->wall_us)
			*newest = *found;
		any = true;
	}
	return any;
}

json_t *records_last_refusal(struct server *server)
{
	struct handshake *handshakes = calloc(2, sizeof(*handshakes));
	struct decision *decisions = calloc(2, sizeof(*decisions));
	json_t *array = handshakes && decisions ? json_array() : NULL;

	if (array) {
		bool has_decision = find_refusal(server, &decisions[0], &decisions[1]),
		     has_handshake = find_handshake(server, &handshakes[0], &handshakes[1]);

		if (has_handshake &&
		    (!has_decision || handshakes[1].wall_us > ended_us(&decisions[1])))
			json_array_append_new(array, handshake_to_json(&handshakes[1]));
		else if (has_decision)
			json_array_append_new(array, decision_to_json(&decisions[1], false));
	}
	free(handshakes);
	free(decisions);
	return array;
}
