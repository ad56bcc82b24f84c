#include "proxy/discovered_store.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/json_text.h"

/* The kinds of the store: a domain, its users, and the key of the users' hashes. */
static const char kind_domain[] = "discovered", kind_users[] = "discovered-users",
		  kind_key[] = "discovered-key", name_key[] = "key";

enum { LAYOUT = 1 };

struct discovered_store {
	struct discovered *table;
	struct store *store;
	pthread_mutex_t saving; /* so that of two copies the newer one is written last */
};

/* While the store is read. */
struct restore {
	struct discovered_store *ds;
	uint64_t now_ms, key[2];
	bool has_key;
	struct discovered_restored done;
};

/* ---- records ---- */

static const struct number {
	const char *key;
	size_t at; /* of a 64-bit number in the view */
} numbers[] = {
	{ "until", offsetof(struct discovered_view, until_s) },
	{ "said", offsetof(struct discovered_view, said_s) },
	{ "first", offsetof(struct discovered_view, first_seen_s) },
	{ "last", offsetof(struct discovered_view, last_seen_s) },
	{ "received", offsetof(struct discovered_view, n_received) },
	{ "refused", offsetof(struct discovered_view, n_refused) },
	{ "succeeded", offsetof(struct discovered_view, n_succeeded) },
	{ "failed", offsetof(struct discovered_view, n_failed) },
	{ "sent", offsetof(struct discovered_view, n_sent) },
	{ "sent_failed", offsetof(struct discovered_view, n_sent_failed) },
	{ "not_after", offsetof(struct discovered_view, facts.not_after) },
};

static const struct text {
	const char *key;
	size_t at, size;
} texts[] = {
	{ "note", offsetof(struct discovered_view, note), DISCOVERED_NOTE_SIZE },
	{ "names", offsetof(struct discovered_view, facts.names),
	  sizeof(((struct discovered_facts *)0)->names) },
	{ "sha256", offsetof(struct discovered_view, facts.sha256),
	  sizeof(((struct discovered_facts *)0)->sha256) },
	{ "issuer", offsetof(struct discovered_view, facts.issuer),
	  sizeof(((struct discovered_facts *)0)->issuer) },
	{ "srv", offsetof(struct discovered_view, facts.srv_target),
	  sizeof(((struct discovered_facts *)0)->srv_target) },
	{ "rule", offsetof(struct discovered_view, facts.rule),
	  sizeof(((struct discovered_facts *)0)->rule) },
};

static char *write_view(const struct discovered_view *view)
{
	json_t *record =
		json_pack("{s:i, s:s, s:s}", "layout", LAYOUT, "state",
			  discovered_state_text(view->state), "why", reason_code(view->why));
	char *text;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		int64_t number;

		memcpy(&number, (const char *)view + numbers[i].at, sizeof(number));
		if (number)
			json_object_set_new(record, numbers[i].key, json_integer(number));
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *value = (const char *)view + texts[i].at;

		if (*value)
			json_object_set_new(record, texts[i].key, json_text(value));
	}
	text = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	return text;
}

static bool read_state(const char *text, enum discovered_state *out)
{
	for (int state = 0; text && state < N_DISCOVERED_STATES; state++)
		if (strcmp(text, discovered_state_text((enum discovered_state)state)) == 0) {
			*out = (enum discovered_state)state;
			return true;
		}
	return false;
}

static bool read_record(const json_t *record, struct discovered_view *out)
{
	const char *why = json_string_value(json_object_get(record, "why"));

	if (json_integer_value(json_object_get(record, "layout")) != LAYOUT ||
	    !read_state(json_string_value(json_object_get(record, "state")), &out->state))
		return false;
	out->why = why ? reason_by_code(why) : REASON_NONE;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		int64_t number = json_integer_value(json_object_get(record, numbers[i].key));

		if (number < 0)
			return false;
		memcpy((char *)out + numbers[i].at, &number, sizeof(number));
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *value = json_string_value(json_object_get(record, texts[i].key));

		text_copy((char *)out + texts[i].at, texts[i].size, value ? value : "");
	}
	return true;
}

/* ---- reading ---- */

static bool restore_key(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;

	if (strcmp(key, name_key) != 0 || len != sizeof(restore->key))
		return false;
	memcpy(restore->key, value, len);
	restore->has_key = true;
	return true;
}

static bool restore_domain(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	struct discovered_view view = { .n_users = 0 };
	json_t *record = json_loadb(value, len, JSON_REJECT_DUPLICATES, NULL);
	char normal[DISCOVERED_DOMAIN_SIZE];
	bool is_right = record && text_domain(key, normal, sizeof(normal)) &&
			strcmp(normal, key) == 0 && read_record(record, &view);

	json_decref(record);
	if (is_right)
		text_copy(view.domain, sizeof(view.domain), key);
	/* For want of room or memory it is not there; the record may yet be of use. */
	if (is_right && !discovered_restore(restore->ds->table, &view, restore->now_ms))
		restore->done.domains++;
	restore->done.dropped += !is_right;
	return is_right;
}

static bool restore_users(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	enum err err = restore->has_key
			       ? discovered_restore_users(restore->ds->table, key, value, len)
			       : ERR_NOT_FOUND;

	return err != ERR_SYNTAX && err != ERR_NOT_FOUND;
}

/* The key is drawn once: hashes under another one would be of nobody. */
static enum err restore_all(struct restore *restore)
{
	struct discovered_store *ds = restore->ds;
	enum err err = store_each(ds->store, kind_key, restore_key, restore);

	if (!restore->has_key) {
		random_bytes(restore->key, sizeof(restore->key));
		store_put(ds->store, kind_key, name_key, restore->key, sizeof(restore->key));
	}
	discovered_set_key(ds->table, restore->key);
	if (!err)
		err = store_each(ds->store, kind_domain, restore_domain, restore);
	if (!err)
		err = store_each(ds->store, kind_users, restore_users, restore);
	return err;
}

/* ---- listening ---- */

static void on_changed(void *user, const struct discovered_view *view,
		       enum discovered_state before)
{
	char text[64];

	snprintf(text, sizeof(text), "%s, was %s", discovered_state_text(view->state),
		 discovered_state_text(before));
	log_event(view->state == DISCOVERED_LIMITED ? LOG_WARNING : LOG_INFO,
		  "a discovered partner's state changed", "partner", view->domain, "msg", text,
		  "reason", view->why ? reason_code(view->why) : NULL, NULL);
}

static void on_gone(void *user, const char *domain)
{
	struct discovered_store *ds = user;

	store_delete(ds->store, kind_domain, domain);
	store_delete(ds->store, kind_users, domain);
}

static bool save_one(struct discovered_store *ds)
{
	unsigned char users[USER_SKETCH_BYTES];
	struct discovered_view view;
	size_t users_bytes;
	char *text;

	if (!discovered_take_changed(ds->table, &view, users, &users_bytes))
		return false;
	text = write_view(&view);
	if (text)
		store_put(ds->store, kind_domain, view.domain, text, strlen(text));
	if (users_bytes)
		store_put(ds->store, kind_users, view.domain, users, users_bytes);
	/* Another thread may have given it up since it was taken: what was just written would
	 * come back with the next start. */
	if (!discovered_knows(ds->table, view.domain))
		on_gone(ds, view.domain);
	free(text);
	return true;
}

void discovered_store_save(struct discovered_store *ds, size_t max)
{
	if (!ds)
		return;
	pthread_mutex_lock(&ds->saving);
	while (max > 0 && save_one(ds))
		max--;
	pthread_mutex_unlock(&ds->saving);
}

enum err discovered_store_attach(struct discovered *table, struct store *store, uint64_t now_ms,
				 struct discovered_restored *out_restored,
				 struct discovered_store **out)
{
	struct discovered_store *ds = calloc(1, sizeof(*ds));
	if (!ds)
		return ERR_NO_MEMORY;

	struct restore restore = { .ds = ds, .now_ms = now_ms };
	const struct discovered_journal journal = { on_changed, on_gone, ds };
	ds->table = table;
	ds->store = store;
	pthread_mutex_init(&ds->saving, NULL);
	restore.done.err = restore_all(&restore);
	discovered_set_journal(table, &journal);
	*out_restored = restore.done;
	*out = ds;
	return ERR_OK;
}

struct discovered_store *discovered_store_detach(struct discovered_store *ds)
{
	if (!ds)
		return NULL;
	discovered_store_save(ds, SIZE_MAX);
	discovered_set_journal(ds->table, NULL); /* from here on nobody is inside */
	pthread_mutex_destroy(&ds->saving);
	free(ds);
	return NULL;
}
