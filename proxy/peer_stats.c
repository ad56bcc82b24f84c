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

/* The shard, locked. */
static struct shard *enter(struct peer_stats *stats, const char *id)
{
	struct shard *shard = &stats->shards[random_keyed_hash(id, id_length(id)) >> 60];

	pthread_mutex_lock(&shard->lock);
	return shard;
}

static struct entry *find(const struct shard *shard, const char *id)
{
	struct entry *entry;

	HASH_FIND(hh, shard->table, id, id_length(id), entry);
	return entry;
}

static struct entry *find_or_make(struct shard *shard, const char *id)
{
	struct entry *entry = find(shard, id);

	if (entry || !*id || HASH_COUNT(shard->table) >= PEER_STATS_MAX / N_SHARDS)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->id, id, id_length(id));
	HASH_ADD(hh, shard->table, id, strlen(entry->id), entry);
	if (find(shard, id))
		return entry;
	free(entry);
	return NULL;
}

void peer_stats_received(struct peer_stats *stats, const char *id)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.n_received++;
	pthread_mutex_unlock(&shard->lock);
}

void peer_stats_sent(struct peer_stats *stats, const char *id)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.n_sent++;
	pthread_mutex_unlock(&shard->lock);
}

void peer_stats_failed(struct peer_stats *stats, const char *id, enum reason reason)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.n_failures[reason]++;
	pthread_mutex_unlock(&shard->lock);
}

void peer_stats_certificate(struct peer_stats *stats, const char *id, int64_t not_after)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.certificate_not_after = not_after;
	pthread_mutex_unlock(&shard->lock);
}

void peer_stats_probed(struct peer_stats *stats, const char *id, uint64_t us)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.probe_us = us ? us : 1;
	pthread_mutex_unlock(&shard->lock);
}

void peer_stats_looked_up(struct peer_stats *stats, const char *id, enum reason reason)
{
	struct shard *shard = enter(stats, id);
	struct entry *entry = find_or_make(shard, id);

	if (entry)
		entry->stat.lookup = reason;
	pthread_mutex_unlock(&shard->lock);
}

bool peer_stats_look(struct peer_stats *stats, const char *id, struct peer_stat *out)
{
	struct shard *shard = enter(stats, id);
	const struct entry *entry = find(shard, id);

	if (entry)
		*out = entry->stat;
	else
		memset(out, 0, sizeof(*out));
	pthread_mutex_unlock(&shard->lock);
	return entry != NULL;
}
