#include "federation/peer_addresses.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

struct known {
	UT_hash_handle hh;
	char id[PEER_ADDRESSES_ID_SIZE];
	size_t n;
	struct addr addrs[]; /* n of them */
};

struct peer_addresses {
	pthread_rwlock_t lock;
	struct known *table;
};

enum err peer_addresses_new(struct peer_addresses **out)
{
	struct peer_addresses *addresses = calloc(1, sizeof(*addresses));
	if (!addresses)
		return ERR_NO_MEMORY;
	if (pthread_rwlock_init(&addresses->lock, NULL) != 0) {
		free(addresses);
		return ERR_NO_MEMORY;
	}
	*out = addresses;
	return ERR_OK;
}

struct peer_addresses *peer_addresses_free(struct peer_addresses *addresses)
{
	struct known *known, *next;

	if (!addresses)
		return NULL;
	HASH_ITER(hh, addresses->table, known, next)
	{
		HASH_DEL(addresses->table, known);
		free(known);
	}
	pthread_rwlock_destroy(&addresses->lock);
	free(addresses);
	return NULL;
}

void peer_addresses_servers_id(const char *backend, char out[PEER_ADDRESSES_ID_SIZE])
{
	(void)snprintf(out, PEER_ADDRESSES_ID_SIZE, "servers of backend:%.63s", backend);
}

/* NULL if there is nothing to keep, or no memory for it. */
static struct known *known_new(const char *id, const struct addr *addrs, size_t n)
{
	if (n > PEER_ADDRESSES_MAX_EACH)
		n = PEER_ADDRESSES_MAX_EACH;
	if (n == 0)
		return NULL;

	struct known *known = calloc(1, sizeof(*known) + n * sizeof(*addrs));
	if (!known)
		return NULL;
	if (!text_copy(known->id, sizeof(known->id), id)) {
		free(known);
		return NULL;
	}
	known->n = n;
	memcpy(known->addrs, addrs, n * sizeof(*addrs));
	return known;
}

/* Puts known into the table, or gives it back if it is not to be. */
static struct known *put(struct peer_addresses *addresses, struct known *known)
{
	struct known *found;

	if (HASH_COUNT(addresses->table) >= PEER_ADDRESSES_MAX_PEERS)
		return known;
	HASH_ADD_STR(addresses->table, id, known);
	HASH_FIND_STR(addresses->table, known->id, found);
	return found ? NULL : known;
}

void peer_addresses_set(struct peer_addresses *addresses, const char *id,
			const struct addr *addrs, size_t n)
{
	struct known *known = known_new(id, addrs, n), *old;

	pthread_rwlock_wrlock(&addresses->lock);
	HASH_FIND_STR(addresses->table, id, old);
	if (old)
		HASH_DEL(addresses->table, old);
	if (known)
		known = put(addresses, known);
	pthread_rwlock_unlock(&addresses->lock);
	free(old);
	free(known);
}

static bool has(struct peer_addresses *addresses, const char *id, const struct addr *addr,
		bool (*is_same)(const struct addr *a, const struct addr *b))
{
	const struct known *known;
	bool has = false;

	if (!addresses)
		return false;
	pthread_rwlock_rdlock(&addresses->lock);
	HASH_FIND_STR(addresses->table, id, known);
	for (size_t i = 0; known && i < known->n && !has; i++)
		has = is_same(&known->addrs[i], addr);
	pthread_rwlock_unlock(&addresses->lock);
	return has;
}

bool peer_addresses_has(struct peer_addresses *addresses, const char *id,
			const struct addr *addr)
{
	return has(addresses, id, addr, addr_same_host);
}

bool peer_addresses_has_port(struct peer_addresses *addresses, const char *id,
			     const struct addr *addr)
{
	return has(addresses, id, addr, addr_equal);
}
