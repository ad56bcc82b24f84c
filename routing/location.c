#include "routing/location.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/location_inside.h"

enum { EXPIRE_AT_ONCE = 500 };

enum err location_new(const struct location_limits *limits, struct location **out)
{
	pthread_rwlockattr_t attributes;
	struct location *location = calloc(1, sizeof(*location));
	if (!location)
		return ERR_NO_MEMORY;
	if (location_absences_new(location) != ERR_OK) {
		free(location);
		return ERR_NO_MEMORY;
	}

	/* Many readers must not keep a writer out for good. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	list_init(&location->datagram_flows);
	pthread_rwlock_init(&location->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	location->limits = *limits;
	*out = location;
	return ERR_OK;
}

struct location *location_free(struct location *location)
{
	if (!location)
		return NULL;
	location->journal = (struct location_journal){ 0 };
	location_searches_free(location);
	location_absences_free(location);
	location_homes_free(location);
	location_bindings_free(location);
	location_logons_free(location);
	pthread_rwlock_destroy(&location->lock);
	free(location);
	return NULL;
}

void location_set_journal(struct location *location, const struct location_journal *journal)
{
	pthread_rwlock_wrlock(&location->lock);
	location->journal = journal ? *journal : (struct location_journal){ 0 };
	pthread_rwlock_unlock(&location->lock);
}

enum err location_key_fill(struct location_key *key, const char *user, const char *domain)
{
	size_t user_size = strlen(user) + 1, domain_size = strlen(domain) + 1;

	if (user_size + domain_size > sizeof(key->bytes))
		return ERR_TOO_LARGE;
	memcpy(key->bytes, user, user_size);
	memcpy(key->bytes + user_size, domain, domain_size);
	key->len = user_size + domain_size;
	uint64_t hash = random_keyed_hash(key->bytes, key->len);
	key->whole_hash = hash;
	key->hash = (unsigned)hash;
	key->shard = (unsigned)(hash >> 32) % LOCATION_SHARDS;
	return ERR_OK;
}

struct location_backend *location_backend_find(const struct location *location,
					       const char *name)
{
	struct location_backend *found;

	HASH_FIND_STR(location->backends, name, found);
	return found;
}

struct location_backend *location_backend_of(struct location *location, const char *name)
{
	struct location_backend *backend = location_backend_find(location, name);
	if (backend || strlen(name) >= sizeof(backend->name))
		return backend;

	backend = calloc(1, sizeof(*backend));
	if (!backend)
		return NULL;
	list_init(&backend->logons);
	backend->is_kept = true; /* it is not older than what is being kept */
	text_copy(backend->name, sizeof(backend->name), name);
	HASH_ADD_STR(location->backends, name, backend);
	if (!backend->hh.tbl) {
		free(backend);
		return NULL;
	}
	return backend;
}

void location_backend_release(struct location *location, struct location_backend *backend)
{
	if (backend->counts.logons + backend->counts.bindings + backend->counts.homes > 0)
		return;
	HASH_DEL(location->backends, backend);
	free(backend);
}

void location_expire(struct location *location, uint64_t now_ms)
{
	size_t n;

	pthread_rwlock_wrlock(&location->lock);
	location_logons_expire(location, now_ms);
	pthread_rwlock_unlock(&location->lock);
	do {
		pthread_rwlock_wrlock(&location->lock);
		n = location_bindings_expire(location, now_ms, EXPIRE_AT_ONCE);
		pthread_rwlock_unlock(&location->lock);
	} while (n == EXPIRE_AT_ONCE);
}

void location_keep(struct location *location,
		   bool (*keep)(void *user, const char *backend, uint64_t proof,
				bool has_proof),
		   void *user)
{
	const struct location_keeper keeper = { keep, user };

	pthread_rwlock_wrlock(&location->lock);
	for (struct location_backend *backend = location->backends; backend;
	     backend = backend->hh.next)
		backend->is_kept = keep(user, backend->name, 0, false);
	location_logons_keep(location, &keeper);
	/* of those who were asked, which may be others now */
	location_absences_clear(location);
	pthread_rwlock_unlock(&location->lock);
	for (size_t i = 0; i < LOCATION_SHARDS; i++) {
		pthread_rwlock_wrlock(&location->lock);
		location_bindings_keep(location, i, &keeper);
		location_homes_keep(location, i);
		pthread_rwlock_unlock(&location->lock);
	}
}

void location_count(struct location *location, const char *backend, uint64_t now_ms,
		    struct location_counts *out)
{
	pthread_rwlock_wrlock(&location->lock);
	location_logons_expire(location, now_ms);
	if (backend) {
		const struct location_backend *found = location_backend_find(location, backend);
		*out = found ? found->counts : (struct location_counts){ 0 };
	} else {
		*out = location->counts;
	}
	pthread_rwlock_unlock(&location->lock);
}
