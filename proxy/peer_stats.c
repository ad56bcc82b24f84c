#include "proxy/peer_stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum { N_SHARDS = 16 };

struct entry {
	UT_hash_handle hh;
	char id[PEER_STATS_ID_SIZE];
	struct peer_stat stat;
};

struct shard {
	pthread_mutex_t lock;
	struct entry *table;
};

struct peer_stats {
	struct shard shards[N_SHARDS];
};

enum err peer_stats_new(struct peer_stats **out)
{
	struct peer_stats *stats = calloc(1, sizeof(*stats));

	if (!stats)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < N_SHARDS; i++)
		pthread_mutex_init(&stats->shards[i].lock, NULL);
	*out = stats;
	return ERR_OK;
}

struct peer_stats *peer_stats_free(struct peer_stats *stats)
{
	struct entry *entry, *next;

	if (!stats)
		return NULL;
	for (size_t i = 0; i < N_SHARDS; i++) {
		HASH_ITER(hh, stats->shards[i].table, entry, next)
		{
			HASH_DEL(stats->shards[i].table, entry);
			free(entry);
		}
		pthread_mutex_destroy(&stats->shards[i].lock);
	}
	free(stats);
	return NULL;
}

static size_t id_length(const char *id)
{
	return strnlen(id, PEER_STATS_ID_SIZE - 1);
}

/* An entry's place; its shard is locked. */
struct place {
	struct shard *shard;
	const char *id;
	unsigned hash;
};

static struct place enter(struct peer_stats *stats, const char *id)
{
	uint64_t hash = random_keyed_hash(id, id_length(id));
	struct place place = { &stats->shards[hash >> 60], id, (unsigned)hash };

	pthread_mutex_lock(&place.shard->lock);
	return place;
}

static void leave(const struct place *place)
{
	pthread_mutex_unlock(&place->shard->lock);
}

static struct entry *find(const struct place *place)
{
	struct entry *entry;

	HASH_FIND_BYHASHVALUE(hh, place->shard->table, place->id, id_length(place->id),
			      place->hash, entry);
	return entry;
}

static struct entry *find_or_make(const struct place *place)
{
	struct shard *shard = place->shard;
	struct entry *entry = find(place);

	if (entry || !*place->id || HASH_COUNT(shard->table) >= PEER_STATS_MAX / N_SHARDS)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->id, place->id, id_length(place->id));
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, shard->table, entry->id, strlen(entry->id), place->hash,
				    entry);
	if (find(place))
		return entry;
	free(entry);
	return NULL;
}

void peer_stats_received(struct peer_stats *stats, const char *id)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.n_received++;
	leave(&place);
}

void peer_stats_sent(struct peer_stats *stats, const char *id)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.n_sent++;
	leave(&place);
}

void peer_stats_failed(struct peer_stats *stats, const char *id, enum reason reason)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.n_failures[reason]++;
	leave(&place);
}

void peer_stats_certificate(struct peer_stats *stats, const char *id, int64_t not_after)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.certificate_not_after = not_after;
	leave(&place);
}

bool peer_stats_alg(struct peer_stats *stats, const char *id, unsigned signs)
{
	const struct place place = enter(stats, id);
	struct entry *entry = signs ? find_or_make(&place) : find(&place);
	bool is_news = entry && entry->stat.alg_signs != signs;

	if (is_news)
		entry->stat.alg_signs = signs;
	leave(&place);
	return is_news;
}

void peer_stats_connected(struct peer_stats *stats, const char *id, bool is_inbound, int n)
{
	const struct place place = enter(stats, id);
	struct entry *entry = n > 0 ? find_or_make(&place) : find(&place);
	int *n_open =
		entry ? (is_inbound ? &entry->stat.n_inbound : &entry->stat.n_outbound) : NULL;

	/* One that was opened when there was no room for a record was not counted. */
	if (n_open && *n_open + n >= 0)
		*n_open += n;
	leave(&place);
}

void peer_stats_probed(struct peer_stats *stats, const char *id, uint64_t us)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.probe_us = us ? us : 1;
	leave(&place);
}

void peer_stats_looked_up(struct peer_stats *stats, const char *id, enum reason reason)
{
	const struct place place = enter(stats, id);
	struct entry *entry = find_or_make(&place);

	if (entry)
		entry->stat.lookup = reason;
	leave(&place);
}

bool peer_stats_look(struct peer_stats *stats, const char *id, struct peer_stat *out)
{
	const struct place place = enter(stats, id);
	const struct entry *entry = find(&place);

	if (entry)
		*out = entry->stat;
	else
		memset(out, 0, sizeof(*out));
	leave(&place);
	return entry != NULL;
}
