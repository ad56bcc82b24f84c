#include <stdlib.h>
#include <string.h>

#include "routing/location_inside.h"

enum { MAX_SEARCHES = 65536 };

struct search {
	UT_hash_handle hh;
	unsigned n;
	char key[];
};

struct search_key {
	char bytes[LOCATION_USER_SIZE + LOCATION_BACKEND_SIZE];
	size_t len;
};

/* user, NUL, domain, NUL, backend, NUL */
static enum err fill(struct search_key *key, const char *user, const char *domain,
		     const char *backend)
{
	struct location_key user_key;
	size_t backend_size = strlen(backend) + 1;
	enum err err = location_key_fill(&user_key, user, domain);

	if (err)
		return err;
	if (backend_size > LOCATION_BACKEND_SIZE)
		return ERR_TOO_LARGE;
	memcpy(key->bytes, user_key.bytes, user_key.len);
	memcpy(key->bytes + user_key.len, backend, backend_size);
	key->len = user_key.len + backend_size;
	return ERR_OK;
}

static struct search *find(const struct location *location, const struct search_key *key)
{
	struct search *found;

	HASH_FIND(hh, location->searches, key->bytes, key->len, found);
	return found;
}

static enum err begin(struct location *location, const struct search_key *key)
{
	struct search *search = find(location, key);

	if (search) {
		search->n++;
		return ERR_OK;
	}
	if (atomic_load(&location->n_searches) >= MAX_SEARCHES)
		return ERR_LIMIT;
	search = calloc(1, sizeof(*search) + key->len);
	if (!search)
		return ERR_NO_MEMORY;
	memcpy(search->key, key->bytes, key->len);
	search->n = 1;
	HASH_ADD_KEYPTR(hh, location->searches, search->key, key->len, search);
	if (!search->hh.tbl) {
		free(search);
		return ERR_NO_MEMORY;
	}
	atomic_fetch_add(&location->n_searches, 1);
	return ERR_OK;
}

static void drop(struct location *location, struct search *search)
{
	HASH_DEL(location->searches, search);
	atomic_fetch_sub(&location->n_searches, 1);
	free(search);
}

enum err location_search_begin(struct location *location, const char *user, const char *domain,
			       const char *backend)
{
	struct search_key key;
	enum err err = fill(&key, user, domain, backend);

	if (err)
		return err;
	pthread_rwlock_wrlock(&location->lock);
	err = begin(location, &key);
	pthread_rwlock_unlock(&location->lock);
	return err;
}

void location_search_end(struct location *location, const char *user, const char *domain,
			 const char *backend)
{
	struct search_key key;

	if (fill(&key, user, domain, backend))
		return;
	pthread_rwlock_wrlock(&location->lock);
	struct search *search = find(location, &key);
	if (search && --search->n == 0)
		drop(location, search);
	pthread_rwlock_unlock(&location->lock);
}

bool location_is_searched(struct location *location, const char *user, const char *domain,
			  const char *backend)
{
	struct search_key key;

	if (atomic_load(&location->n_searches) == 0 || fill(&key, user, domain, backend))
		return false;
	pthread_rwlock_rdlock(&location->lock);
	bool is_searched = find(location, &key) != NULL;
	pthread_rwlock_unlock(&location->lock);
	return is_searched;
}

void location_searches_free(struct location *location)
{
	struct search *search, *next;

	HASH_ITER(hh, location->searches, search, next)
	drop(location, search);
}
