#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/location_inside.h"

enum { SAMPLE = 16 }; /* of so many the one unused for longest gives way */

struct home {
	UT_hash_handle hh;
	_Atomic uint64_t used_ms; /* written under the lock for reading */
	struct location_backend *backend;
	char key[];
};

static struct home *find(const struct location *location, const struct location_key *key)
{
	struct home *found;

	HASH_FIND_BYHASHVALUE(hh, location->homes[key->shard], key->bytes, key->len, key->hash,
			      found);
	return found;
}

static uint64_t used_ms(const struct home *home)
{
	return atomic_load_explicit(&home->used_ms, memory_order_relaxed);
}

static void touch(struct home *home, uint64_t now_ms)
{
	if (used_ms(home) != now_ms)
		atomic_store_explicit(&home->used_ms, now_ms, memory_order_relaxed);
}

static void tell(const struct location *location, const struct home *home, bool is_gone)
{
	if (location->journal.home)
		location->journal.home(location->journal.user, home->key,
				       location_key_domain(home->key), home->backend->name,
				       is_gone);
}

static void leave(struct location *location, struct location_backend *backend)
{
	backend->counts.homes--;
	location_backend_release(location, backend);
}

static void drop(struct location *location, size_t shard, struct home *home)
{
	struct location_backend *backend = home->backend;

	tell(location, home, true);
	HASH_DEL(location->homes[shard], home);
	location->counts.homes--;
	free(home);
	leave(location, backend);
}

/* The homes in the next bucket in turn, through all the shards: there is at least one home. In
 * order of their hashes, not in that in which they came, so that those which came together are
 * not judged together. */
static UT_hash_handle *next_bucket(struct location *location, size_t *out_shard)
{
	for (;;) {
		const struct home *first = location->homes[location->hand_shard];
		if (first && location->hand_bucket < first->hh.tbl->num_buckets) {
			*out_shard = location->hand_shard;
			return first->hh.tbl->buckets[location->hand_bucket++].hh_head;
		}
		location->hand_bucket = 0;
		location->hand_shard = (location->hand_shard + 1) % LOCATION_SHARDS;
	}
}

static void make_room(struct location *location)
{
	size_t n = location->counts.homes < SAMPLE ? location->counts.homes : SAMPLE;
	size_t n_seen = 0, shard, oldest_shard = 0;
	struct home *oldest = NULL;

	while (n_seen < n) {
		for (UT_hash_handle *hh = next_bucket(location, &shard); hh; hh = hh->hh_next) {
			struct home *home = container_of(hh, struct home, hh);
			n_seen++;
			if (oldest && used_ms(home) >= used_ms(oldest))
				continue;
			oldest = home;
			oldest_shard = shard;
		}
	}
	if (oldest)
		drop(location, oldest_shard, oldest);
}

/* False when memory is short. */
static bool add(struct location *location, const struct location_key *key,
		struct location_backend *backend, uint64_t now_ms)
{
	struct home *home = malloc(sizeof(*home) + key->len);
	if (!home)
		return false;

	home->backend = backend;
	atomic_init(&home->used_ms, now_ms);
	memcpy(home->key, key->bytes, key->len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, location->homes[key->shard], home->key, key->len,
				    key->hash, home);
	if (!home->hh.tbl) {
		free(home);
		return false;
	}
	location->counts.homes++;
	backend->counts.homes++;
	tell(location, home, false);
	return true;
}

/* Its home is elsewhere: the record stays. */
static void move(struct location *location, struct home *home, struct location_backend *backend,
		 uint64_t now_ms)
{
	struct location_backend *old = home->backend;

	touch(home, now_ms);
	if (old == backend)
		return;
	home->backend = backend;
	backend->counts.homes++;
	tell(location, home, false);
	leave(location, old);
}

static void learn(struct location *location, const struct location_key *key, const char *name,
		  uint64_t now_ms)
{
	struct home *home = find(location, key);
	struct location_backend *backend = location_backend_of(location, name);

	if (!backend) {
		if (home)
			drop(location, key->shard, home); /* it is wrong */
		return;
	}
	backend->counts.homes++; /* so that it lives, whatever gives way */
	if (home) {
		move(location, home, backend, now_ms);
	} else if (location->limits.homes > 0) {
		if (location->counts.homes >= location->limits.homes)
			make_room(location);
		if (!add(location, key, backend, now_ms)) {
			make_room(location);
			(void)add(location, key, backend, now_ms); /* then not */
		}
	}
	leave(location, backend);
}

/* True if that is what is known already. */
static bool is_known(struct location *location, const struct location_key *key,
		     const char *backend, uint64_t now_ms)
{
	pthread_rwlock_rdlock(&location->lock);
	struct home *home = find(location, key);
	bool is_so = home && strcmp(home->backend->name, backend) == 0;
	if (is_so)
		touch(home, now_ms);
	pthread_rwlock_unlock(&location->lock);
	return is_so;
}

void location_learn(struct location *location, const char *user, const char *domain,
		    const char *backend, uint64_t now_ms)
{
	struct location_key key;

	if (location_key_fill(&key, user, domain) || is_known(location, &key, backend, now_ms))
		return;
	pthread_rwlock_wrlock(&location->lock);
	learn(location, &key, backend, now_ms);
	location_absence_end(location, &key);
	pthread_rwlock_unlock(&location->lock);
}

void location_forget(struct location *location, const char *user, const char *domain,
		     const char *backend)
{
	struct location_key key;

	if (location_key_fill(&key, user, domain))
		return;
	pthread_rwlock_wrlock(&location->lock);
	struct home *home = find(location, &key);
	if (home && strcmp(home->backend->name, backend) == 0)
		drop(location, key.shard, home);
	pthread_rwlock_unlock(&location->lock);
}

bool location_home(struct location *location, const char *user, const char *domain,
		   uint64_t now_ms, char out_backend[LOCATION_BACKEND_SIZE])
{
	struct location_key key;

	if (location_key_fill(&key, user, domain))
		return false;
	pthread_rwlock_rdlock(&location->lock);
	struct home *home = find(location, &key);
	if (home) {
		touch(home, now_ms);
		text_copy(out_backend, LOCATION_BACKEND_SIZE, home->backend->name);
	}
	pthread_rwlock_unlock(&location->lock);
	return home != NULL;
}

void location_homes_keep(struct location *location, size_t shard)
{
	struct home *home, *next;

	HASH_ITER(hh, location->homes[shard], home, next)
	if (!home->backend->is_kept)
		drop(location, shard, home);
}

void location_homes_free(struct location *location)
{
	struct home *home, *next;

	for (size_t i = 0; i < LOCATION_SHARDS; i++)
		HASH_ITER(hh, location->homes[i], home, next)
	drop(location, i, home);
}
