#include "routing/dns_cache.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum {
	KEY_SIZE = 258,
	STALE_MS = 3600 * 1000, /* how long after its TTL an answer may stand in for another */
	RETRY_MS = 5000,        /* after a failure, while there is a stale answer */
};

static const char type_letters[] = "46SN"; /* by enum dns_type */

struct slot {
	UT_hash_handle hh;
	struct list link;   /* dns_cache.by_use */
	char key[KEY_SIZE]; /* the type's letter and the name */
	struct dns_cache_entry entry;
};

struct dns_cache {
	struct slot *table;
	struct list by_use; /* the one unused for longest first */
};

enum err dns_cache_new(struct dns_cache **out)
{
	struct dns_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return ERR_NO_MEMORY;
	list_init(&cache->by_use);
	*out = cache;
	return ERR_OK;
}

void dns_cache_drop(struct dns_cache *cache, struct dns_cache_entry *entry)
{
	struct slot *slot = container_of(entry, struct slot, entry);

	HASH_DEL(cache->table, slot);
	list_remove(&slot->link);
	free(slot->entry.answer);
	free(slot);
}

struct dns_cache *dns_cache_free(struct dns_cache *cache)
{
	struct slot *slot, *next;

	if (!cache)
		return NULL;
	HASH_ITER(hh, cache->table, slot, next)
	dns_cache_drop(cache, &slot->entry);
	free(cache);
	return NULL;
}

static struct slot *find(const struct dns_cache *cache, const char *name, enum dns_type type)
{
	char key[KEY_SIZE];
	struct slot *slot;

	key[0] = type_letters[type];
	text_copy(key + 1, sizeof(key) - 1, name);
	HASH_FIND_STR(cache->table, key, slot);
	return slot;
}

/* False if every entry is being asked for. */
static bool make_room(struct dns_cache *cache)
{
	if (HASH_COUNT(cache->table) < DNS_CACHE_MAX_ENTRIES)
		return true;
	for (struct list *link = cache->by_use.next; link != &cache->by_use;
	     link = link->next) {
		struct slot *slot = container_of(link, struct slot, link);
		if (slot->entry.is_asking)
			continue;
		dns_cache_drop(cache, &slot->entry);
		return true;
	}
	return false;
}

static struct slot *make(struct dns_cache *cache, const char *name, enum dns_type type)
{
	if (!make_room(cache))
		return NULL;
	struct slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->key[0] = type_letters[type];
	text_copy(slot->key + 1, sizeof(slot->key) - 1, name);
	slot->entry.name = slot->key + 1;
	slot->entry.type = type;
	list_init(&slot->link);
	list_init(&slot->entry.waiting);
	HASH_ADD_STR(cache->table, key, slot);
	if (find(cache, name, type))
		return slot;
	free(slot);
	return NULL;
}

struct dns_cache_entry *dns_cache_find(const struct dns_cache *cache, const char *name,
				       enum dns_type type)
{
	struct slot *slot = find(cache, name, type);

	return slot ? &slot->entry : NULL;
}

struct dns_cache_entry *dns_cache_take(struct dns_cache *cache, const char *name,
				       enum dns_type type)
{
	struct slot *slot = find(cache, name, type);

	if (!slot)
		slot = make(cache, name, type);
	if (!slot)
		return NULL;
	list_remove(&slot->link);
	list_append(&cache->by_use, &slot->link);
	return &slot->entry;
}

size_t dns_cache_record_bytes(enum dns_type type)
{
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return sizeof(struct addr);
	case DNS_SRV:
		return sizeof(struct dns_srv);
	case DNS_NAPTR:
		return sizeof(struct dns_naptr);
	}
	return 0;
}

/* The bytes of an answer that its records reach. */
static size_t used_bytes(const struct dns_answer *answer, enum dns_type type)
{
	return offsetof(struct dns_answer, addrs) + answer->n * dns_cache_record_bytes(type);
}

static struct dns_answer *copy(const struct dns_answer *answer, enum dns_type type, size_t size)
{
	struct dns_answer *fresh = calloc(1, size);

	if (fresh)
		memcpy(fresh, answer, used_bytes(answer, type));
	return fresh;
}

struct dns_answer *dns_cache_copy(const struct dns_answer *answer, enum dns_type type)
{
	return copy(answer, type, sizeof(*answer));
}

void dns_cache_keep(struct dns_cache_entry *entry, const struct dns_answer *answer,
		    uint64_t negative_ttl_ms, uint64_t now_ms)
{
	uint64_t ttl_ms = 0;

	switch (answer->status) {
	case DNS_FOUND:
		ttl_ms = (uint64_t)answer->ttl_s * 1000;
		break;
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		ttl_ms = negative_ttl_ms;
		break;
	case DNS_SERVER_FAILED:
	case DNS_TIMEOUT:
		entry->retry_at_ms = now_ms + RETRY_MS;
		return;
	}
	free(entry->answer);
	entry->answer = copy(answer, entry->type, used_bytes(answer, entry->type));
	entry->fresh_until_ms = now_ms + ttl_ms;
	entry->stale_until_ms = entry->fresh_until_ms + STALE_MS;
	entry->retry_at_ms = 0;
}

bool dns_cache_is_fresh(const struct dns_cache_entry *entry, uint64_t now_ms)
{
	return entry->answer && now_ms < entry->fresh_until_ms;
}

bool dns_cache_has_stale(const struct dns_cache_entry *entry, uint64_t now_ms)
{
	return entry->answer && entry->answer->status == DNS_FOUND &&
	       now_ms < entry->stale_until_ms;
}
