#include "federation/discovered.h"

#include <stdlib.h>
#include <string.h>

#include "federation/discovered_inside.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum err discovered_new(unsigned max_domains, struct discovered **out)
{
	struct discovered *table = calloc(1, sizeof(*table));

	if (!table)
		return ERR_NO_MEMORY;
	table->max_each_shard = (max_domains + DISCOVERED_SHARDS - 1) / DISCOVERED_SHARDS;
	table->key[0] = random_u64();
	table->key[1] = random_u64();
	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		struct shard *shard = &table->shards[i];

		pthread_mutex_init(&shard->lock, NULL);
		for (size_t use = 0; use < N_USES; use++)
			list_init(&shard->by_use[use]);
		list_init(&shard->changed);
		list_init(&shard->overflow.link);
		list_init(&shard->overflow.changed);
	}
	*out = table;
	return ERR_OK;
}

struct discovered *discovered_free(struct discovered *table)
{
	struct entry *entry, *next;

	if (!table)
		return NULL;
	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		HASH_ITER(hh, table->shards[i].table, entry, next)
		{
			HASH_DEL(table->shards[i].table, entry);
			user_sketch_fini(&entry->users);
			free(entry);
		}
		user_sketch_fini(&table->shards[i].overflow.users);
		pthread_mutex_destroy(&table->shards[i].lock);
	}
	free(table);
	return NULL;
}

void discovered_set_bounds(struct discovered *table,
			   const struct settings_federation *federation)
{
	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		struct shard *shard = &table->shards[i];

		pthread_mutex_lock(&shard->lock);
		shard->rate = federation->rate;
		shard->suspicious_rate = federation->suspicious_rate;
		shard->max_users = federation->max_users;
		pthread_mutex_unlock(&shard->lock);
	}
}

void discovered_set_clock(struct discovered *table, uint64_t now_ms, uint64_t wall_us)
{
	atomic_store(&table->offset_ms, (int64_t)(wall_us / 1000) - (int64_t)now_ms);
}

void discovered_set_journal(struct discovered *table, const struct discovered_journal *journal)
{
	static const struct discovered_journal nobody;

	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		pthread_mutex_lock(&table->shards[i].lock);
		table->shards[i].journal = journal ? *journal : nobody;
		pthread_mutex_unlock(&table->shards[i].lock);
	}
}

void discovered_set_key(struct discovered *table, const uint64_t key[2])
{
	table->key[0] = key[0];
	table->key[1] = key[1];
}

/* ---- entries ---- */

struct seat discovered_enter(struct discovered *table, const char *domain, uint64_t now_ms)
{
	uint64_t hash = random_keyed_hash(domain, strnlen(domain, DISCOVERED_DOMAIN_SIZE - 1));
	struct seat seat = {
		.table = table,
		.shard = &table->shards[hash >> 60],
		.hash = (unsigned)hash,
		.now_s = ((int64_t)now_ms + atomic_load(&table->offset_ms)) / 1000,
		.now_ms = now_ms,
	};

	pthread_mutex_lock(&seat.shard->lock);
	return seat;
}

void discovered_leave(const struct seat *seat)
{
	pthread_mutex_unlock(&seat->shard->lock);
}

struct entry *discovered_find(const struct seat *seat, const char *domain)
{
	struct entry *entry;

	HASH_FIND_BYHASHVALUE(hh, seat->shard->table, domain, strlen(domain), seat->hash,
			      entry);
	return entry;
}

void discovered_drop(const struct seat *seat, struct entry *entry)
{
	struct shard *shard = seat->shard;

	list_remove(&entry->link);
	list_remove(&entry->changed);
	HASH_DEL(shard->table, entry);
	if (shard->journal.gone)
		shard->journal.gone(shard->journal.user, entry->view.domain);
	user_sketch_fini(&entry->users);
	free(entry);
}

/* False if everything here was said by administrators. */
static bool make_room(const struct seat *seat)
{
	const struct shard *shard = seat->shard;
	const struct list *use = &shard->by_use[USE_NEW];

	if (HASH_COUNT(shard->table) < seat->table->max_each_shard)
		return true;
	if (list_is_empty(use))
		use = &shard->by_use[USE_WATCHED];
	if (list_is_empty(use))
		return false;
	discovered_drop(seat, container_of(use->next, struct entry, link));
	return true;
}

struct entry *discovered_make(const struct seat *seat, const char *domain)
{
	struct entry *entry = discovered_find(seat, domain);

	if (entry || strlen(domain) >= DISCOVERED_DOMAIN_SIZE || !make_room(seat))
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	text_copy(entry->view.domain, sizeof(entry->view.domain), domain);
	entry->window_begin_ms = seat->now_ms;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, seat->shard->table, entry->view.domain, strlen(domain),
				    seat->hash, entry);
	if (!discovered_find(seat, domain)) {
		free(entry);
		return NULL;
	}
	list_init(&entry->changed);
	list_init(&entry->link);
	list_append(&seat->shard->by_use[USE_NEW], &entry->link);
	return entry;
}

void discovered_touch(const struct seat *seat, struct entry *entry)
{
	if (entry != &seat->shard->overflow && list_is_empty(&entry->changed))
		list_append(&seat->shard->changed, &entry->changed);
}

/* ---- states ---- */

const char *discovered_state_text(enum discovered_state state)
{
	static const char *const texts[N_DISCOVERED_STATES] = {
		[DISCOVERED_NEW] = "new",           [DISCOVERED_WATCHED] = "watched",
		[DISCOVERED_LIMITED] = "limited",   [DISCOVERED_BLOCKED] = "blocked",
		[DISCOVERED_APPROVED] = "approved",
	};

	return (size_t)state < COUNT(texts) ? texts[state] : "";
}

static bool has_ended(const struct seat *seat, const struct entry *entry)
{
	return entry->is_approved && entry->view.until_s != 0 &&
	       entry->view.until_s <= seat->now_s;
}

static enum discovered_state state_of(const struct seat *seat, const struct entry *entry)
{
	const unsigned max_users = seat->shard->max_users;

	if (entry->is_blocked)
		return DISCOVERED_BLOCKED;
	if (has_ended(seat, entry))
		return DISCOVERED_NEW;
	if (entry->is_approved)
		return DISCOVERED_APPROVED;
	if (entry->is_suspicious || (max_users && entry->view.n_users >= max_users))
		return DISCOVERED_LIMITED;
	if (entry->view.why || (max_users && entry->view.n_users >= max_users / 2 + 1))
		return DISCOVERED_WATCHED;
	return DISCOVERED_NEW;
}

static size_t use_of(enum discovered_state state)
{
	switch (state) {
	case DISCOVERED_NEW:
		return USE_NEW;
	case DISCOVERED_WATCHED:
	case DISCOVERED_LIMITED:
		return USE_WATCHED;
	case DISCOVERED_BLOCKED:
	case DISCOVERED_APPROVED:
	case N_DISCOVERED_STATES:
		break;
	}
	return USE_SAID;
}

/* What it did while it had no bounds is not held against it. */
static void end_approval(struct entry *entry)
{
	entry->is_approved = entry->is_suspicious = false;
	entry->view.until_s = entry->view.said_s = 0;
	entry->view.note[0] = '\0';
	entry->view.n_users = 0;
	memset(entry->windows, 0, sizeof(entry->windows));
	user_sketch_fini(&entry->users);
	entry->is_users_changed = true;
}

void discovered_settle(const struct seat *seat, struct entry *entry)
{
	const struct discovered_journal *journal = &seat->shard->journal;
	const enum discovered_state before = entry->view.state;

	discovered_turn_windows(entry, seat->now_ms);
	if (entry == &seat->shard->overflow)
		return;
	if (has_ended(seat, entry))
		end_approval(entry);
	entry->view.state = state_of(seat, entry);
	if (entry->view.state == DISCOVERED_LIMITED)
		entry->view.why = entry->is_suspicious ? REASON_PARTNER_SUSPICIOUS
						       : REASON_PARTNER_TOO_MANY_USERS;
	list_remove(&entry->link);
	list_append(&seat->shard->by_use[use_of(entry->view.state)], &entry->link);
	if (entry->view.state == before)
		return;
	discovered_touch(seat, entry);
	if (journal->changed)
		journal->changed(journal->user, &entry->view, before);
}

static void settle_all(struct discovered *table, struct shard *shard, uint64_t now_ms)
{
	struct seat seat = { table, shard, 0,
			     ((int64_t)now_ms + atomic_load(&table->offset_ms)) / 1000,
			     now_ms };

	for (size_t use = USE_WATCHED; use < N_USES; use++) {
		struct list *link = shard->by_use[use].next, *last = shard->by_use[use].prev,
			    *next;

		/* Each goes to the end of its list, so the order stays. */
		for (bool is_over = link == &shard->by_use[use]; !is_over; link = next) {
			next = link->next;
			is_over = link == last;
			discovered_settle(&seat, container_of(link, struct entry, link));
		}
	}
}

void discovered_tick(struct discovered *table, uint64_t now_ms)
{
	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		pthread_mutex_lock(&table->shards[i].lock);
		settle_all(table, &table->shards[i], now_ms);
		pthread_mutex_unlock(&table->shards[i].lock);
	}
}

/* ---- questions ---- */

/* As it would be after settling; the entry stays as it is. */
static void copy(const struct seat *seat, const struct entry *entry,
		 struct discovered_view *out)
{
	*out = entry->view;
	out->state = state_of(seat, entry);
	if (has_ended(seat, entry)) {
		out->until_s = out->said_s = 0;
		out->n_users = 0;
		out->note[0] = '\0';
	}
}

bool discovered_look(struct discovered *table, const char *domain, uint64_t now_ms,
		     struct discovered_view *out)
{
	struct seat seat = discovered_enter(table, domain, now_ms);
	struct entry *entry = discovered_find(&seat, domain);

	if (entry) {
		discovered_turn_windows(entry, now_ms);
		copy(&seat, entry, out);
	}
	discovered_leave(&seat);
	if (!entry)
		memset(out, 0, sizeof(*out));
	return entry != NULL;
}

void discovered_each(struct discovered *table, uint64_t now_ms,
		     void (*fn)(void *user, const struct seat *seat, struct entry *entry),
		     void *user)
{
	for (size_t i = 0; i < DISCOVERED_SHARDS; i++) {
		struct seat seat = { table, &table->shards[i], 0,
				     ((int64_t)now_ms + atomic_load(&table->offset_ms)) / 1000,
				     now_ms };
		struct entry *entry, *next;

		pthread_mutex_lock(&seat.shard->lock);
		HASH_ITER(hh, seat.shard->table, entry, next)
		{
			discovered_turn_windows(entry, now_ms);
			fn(user, &seat, entry);
		}
		pthread_mutex_unlock(&seat.shard->lock);
	}
}

static void count_one(void *user, const struct seat *seat, struct entry *entry)
{
	unsigned *counts = user;

	counts[state_of(seat, entry)]++;
}

void discovered_count(struct discovered *table, uint64_t now_ms,
		      unsigned out[N_DISCOVERED_STATES])
{
	memset(out, 0, N_DISCOVERED_STATES * sizeof(*out));
	discovered_each(table, now_ms, count_one, out);
}

struct names {
	struct discovered_name *names;
	size_t n, size;
	unsigned states;
};

static void name_one(void *user, const struct seat *seat, struct entry *entry)
{
	struct names *names = user;

	if (names->states & 1U << state_of(seat, entry) && names->n < names->size)
		text_copy(names->names[names->n++].text, DISCOVERED_DOMAIN_SIZE,
			  entry->view.domain);
}

static int compare(const void *left, const void *right)
{
	const struct discovered_name *a = left, *b = right;

	return strcmp(a->text, b->text);
}

enum err discovered_domains(struct discovered *table, unsigned states, uint64_t now_ms,
			    struct discovered_name **out, size_t *out_n)
{
	unsigned counts[N_DISCOVERED_STATES];
	struct names names = { .states = states };

	discovered_count(table, now_ms, counts);
	for (unsigned state = 0; state < N_DISCOVERED_STATES; state++)
		names.size += states & 1U << state ? counts[state] : 0;
	names.names = calloc(names.size + 1, sizeof(*names.names));
	if (!names.names)
		return ERR_NO_MEMORY;
	discovered_each(table, now_ms, name_one, &names);
	qsort(names.names, names.n, sizeof(*names.names), compare);
	*out = names.names;
	*out_n = names.n;
	return ERR_OK;
}
