/* What administrators say of a domain, what it showed, and what is kept over a restart. */
#include <string.h>

#include "federation/discovered_inside.h"
#include "proxy/base/text.h"

/* The entry for a word of an administrator, with what was known before. */
static enum err enter_for(struct discovered *table, const char *domain, uint64_t now_ms,
			  struct discovered_view *out_before, struct seat *seat,
			  struct entry **out)
{
	struct entry *entry;
	bool is_full;

	memset(out_before, 0, sizeof(*out_before));
	*seat = discovered_enter(table, domain, now_ms);
	entry = discovered_find(seat, domain);
	if (entry) {
		discovered_settle(seat, entry);
		*out_before = entry->view;
	} else {
		entry = discovered_make(seat, domain);
	}
	*out = entry;
	if (entry)
		return ERR_OK;
	is_full = HASH_COUNT(seat->shard->table) >= table->max_each_shard;
	discovered_leave(seat);
	return is_full ? ERR_LIMIT : ERR_NO_MEMORY;
}

static void say(const struct seat *seat, struct entry *entry, bool is_blocked, const char *note)
{
	entry->is_blocked = is_blocked;
	entry->is_approved = !is_blocked;
	entry->view.said_s = seat->now_s;
	text_copy(entry->view.note, sizeof(entry->view.note), note ? note : "");
	discovered_touch(seat, entry);
	discovered_settle(seat, entry);
}

enum err discovered_approve(struct discovered *table, const char *domain, int64_t until_s,
			    const char *note, uint64_t now_ms,
			    struct discovered_view *out_before)
{
	struct seat seat;
	struct entry *entry;
	enum err err = enter_for(table, domain, now_ms, out_before, &seat, &entry);

	if (err)
		return err;
	entry->view.until_s = until_s;
	entry->view.why = REASON_NONE; /* it begins anew when the approval ends */
	say(&seat, entry, false, note);
	discovered_leave(&seat);
	return ERR_OK;
}

enum err discovered_block(struct discovered *table, const char *domain, const char *note,
			  uint64_t now_ms, struct discovered_view *out_before)
{
	struct seat seat;
	struct entry *entry;
	enum err err = enter_for(table, domain, now_ms, out_before, &seat, &entry);

	if (err)
		return err;
	entry->view.until_s = 0;
	say(&seat, entry, true, note);
	discovered_leave(&seat);
	return ERR_OK;
}

enum err discovered_forget(struct discovered *table, const char *domain, uint64_t now_ms,
			   struct discovered_view *out_before)
{
	struct seat seat = discovered_enter(table, domain, now_ms);
	struct entry *entry = discovered_find(&seat, domain);

	if (entry) {
		discovered_settle(&seat, entry);
		*out_before = entry->view;
		discovered_drop(&seat, entry);
	}
	discovered_leave(&seat);
	return entry ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- what it showed ---- */

static bool set(char *out, size_t size, const char *text)
{
	if (!text || strncmp(out, text, size - 1) == 0)
		return false;
	text_copy(out, size, text);
	return true;
}

static bool set_identity(struct discovered_facts *facts, const struct identity *identity)
{
	if (!identity || strcmp(facts->sha256, identity->sha256) == 0)
		return false;
	identity_text(identity, facts->names, sizeof(facts->names));
	text_copy(facts->sha256, sizeof(facts->sha256), identity->sha256);
	text_copy(facts->issuer, sizeof(facts->issuer), identity->issuer);
	facts->not_after = identity->not_after;
	return true;
}

void discovered_note(struct discovered *table, const char *domain,
		     const struct identity *identity, const char *srv_target, const char *rule)
{
	struct seat seat = discovered_enter(table, domain, 0);
	struct entry *entry = discovered_find(&seat, domain);

	if (entry) {
		struct discovered_facts *facts = &entry->view.facts;
		bool is_new = set_identity(facts, identity);

		is_new |= set(facts->srv_target, sizeof(facts->srv_target), srv_target);
		is_new |= set(facts->rule, sizeof(facts->rule), rule);
		if (is_new)
			discovered_touch(&seat, entry);
	}
	discovered_leave(&seat);
}

/* ---- over a restart ---- */

bool discovered_take_changed(struct discovered *table, struct discovered_view *out,
			     unsigned char users[USER_SKETCH_BYTES], size_t *out_users_bytes)
{
	bool is_found = false;

	for (size_t i = 0; i < DISCOVERED_SHARDS && !is_found; i++) {
		struct shard *shard = &table->shards[i];

		pthread_mutex_lock(&shard->lock);
		is_found = !list_is_empty(&shard->changed);
		if (is_found) {
			struct entry *entry =
				container_of(shard->changed.next, struct entry, changed);

			list_remove(&entry->changed);
			*out = entry->view;
			*out_users_bytes = entry->is_users_changed
						   ? user_sketch_write(&entry->users, users)
						   : 0;
			entry->is_users_changed = false;
		}
		pthread_mutex_unlock(&shard->lock);
	}
	return is_found;
}

enum err discovered_restore(struct discovered *table, const struct discovered_view *view,
			    uint64_t now_ms)
{
	struct seat seat = discovered_enter(table, view->domain, now_ms);
	struct entry *entry = discovered_find(&seat, view->domain);
	enum err err = entry ? ERR_EXISTS : ERR_OK;

	if (!err && HASH_COUNT(seat.shard->table) >= table->max_each_shard)
		err = ERR_LIMIT;
	if (!err) {
		entry = discovered_make(&seat, view->domain);
		err = entry ? ERR_OK : ERR_NO_MEMORY;
	}
	if (!err) {
		entry->view = *view;
		entry->view.n_users = 0;
		entry->is_approved = view->state == DISCOVERED_APPROVED;
		entry->is_blocked = view->state == DISCOVERED_BLOCKED;
		discovered_settle(&seat, entry);
	}
	discovered_leave(&seat);
	return err;
}

enum err discovered_restore_users(struct discovered *table, const char *domain,
				  const void *bytes, size_t len)
{
	struct seat seat = discovered_enter(table, domain, 0);
	struct entry *entry = discovered_find(&seat, domain);
	enum err err = ERR_NOT_FOUND;

	if (entry) {
		user_sketch_fini(&entry->users);
		err = user_sketch_read(&entry->users, bytes, len);
		entry->view.n_users = user_sketch_count(&entry->users);
	}
	discovered_leave(&seat);
	return err;
}
