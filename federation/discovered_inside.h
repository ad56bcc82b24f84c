/* What the files of the table of discovered domains share; nobody else's. Every function here
 * wants the lock of the shard. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "federation/bucket.h"
#include "federation/discovered.h"
#include "proxy/base/list.h"
#include "proxy/base/table.h"

enum { DISCOVERED_SHARDS = 16 };

/* Answers within two windows of time: the one that runs, and the one before. */
enum { WINDOW_NOW, WINDOW_BEFORE, N_WINDOWS };
struct answers {
	unsigned n_succeeded, n_failed;
};

struct entry {
	UT_hash_handle hh;
	struct list link;    /* one of shard.by_use */
	struct list changed; /* shard.changed, if it changed since it was taken */
	struct discovered_view
		view; /* .state as it was told last; .n_users is kept up to date */
	bool is_approved, is_blocked, is_suspicious, is_users_changed;
	struct bucket requests, suspicious;
	struct answers windows[N_WINDOWS];
	uint64_t window_begin_ms;
	struct user_sketch users;
};

/* Who gives way first: those of USE_NEW, then USE_WATCHED. */
enum { USE_NEW, USE_WATCHED, USE_SAID, N_USES };

struct shard {
	pthread_mutex_t lock;
	struct entry *table;
	struct list by_use[N_USES]; /* the one unused for longest first */
	struct list changed;
	struct entry overflow; /* shared by all for whom there is no room; on no list */
	struct rate rate, suspicious_rate;
	unsigned max_users;
	struct discovered_journal journal;
};

struct discovered {
	struct shard shards[DISCOVERED_SHARDS];
	unsigned max_each_shard;
	uint64_t key[2];
	_Atomic int64_t offset_ms; /* so far the wall clock is ahead of the loop's */
};

/* An entry's place, with the shard locked until discovered_leave. */
struct seat {
	struct discovered *table;
	struct shard *shard;
	unsigned hash;
	int64_t now_s; /* of the wall clock */
	uint64_t now_ms;
};

struct seat discovered_enter(struct discovered *table, const char *domain, uint64_t now_ms);
void discovered_leave(const struct seat *seat);

/* NULL if nothing is known of it. */
struct entry *discovered_find(const struct seat *seat, const char *domain);
/* Finds it, or makes it and lets another one give way. NULL: no room or memory. */
struct entry *discovered_make(const struct seat *seat, const char *domain);

/* It is to be written down; of the shared one nothing is. */
void discovered_touch(const struct seat *seat, struct entry *entry);

/* Works out the state anew, ends what has ended, moves it to where its state belongs and tells
 * the journal. After whatever changed. */
void discovered_settle(const struct seat *seat, struct entry *entry);

/* Calls fn for each entry of each shard, which it locks by itself. */
void discovered_each(struct discovered *table, uint64_t now_ms,
		     void (*fn)(void *user, const struct seat *seat, struct entry *entry),
		     void *user);

/* Out of the table, and freed; the journal is told. */
void discovered_drop(const struct seat *seat, struct entry *entry);

/* Forgets the answers of windows that are over, and whether most failed. */
void discovered_turn_windows(struct entry *entry, uint64_t now_ms);
