/* What was found out about names, for as long as it holds: a bounded table whose oldest unused
 * entry gives way. For dns.c, which asks. Times are the loop's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/list.h"
#include "routing/dns.h"

enum { DNS_CACHE_MAX_ENTRIES = 4096 };

struct dns_cache;

/* One name and type. The first three and the last are dns.c's to read and to use; the rest is
 * written by dns_cache_keep. */
struct dns_cache_entry {
	const char *name;
	enum dns_type type;
	struct dns_answer *answer; /* as large as its n records need; NULL: none yet */
	uint64_t fresh_until_ms, stale_until_ms, retry_at_ms;
	uint64_t asked_at_ms;
	bool is_asking;      /* must stay: an answer will come for it */
	struct list waiting; /* dns_query.link */
};

enum err dns_cache_new(struct dns_cache **out) MUST_CHECK;
struct dns_cache *dns_cache_free(struct dns_cache *cache); /* NULL is fine; returns NULL */

/* The entry of a normalised name; NULL if there is none. */
struct dns_cache_entry *dns_cache_find(const struct dns_cache *cache, const char *name,
				       enum dns_type type);
/* The same, made if need be, and now the one that was used last. NULL: no memory, or all are
 * being asked for. */
struct dns_cache_entry *dns_cache_take(struct dns_cache *cache, const char *name,
				       enum dns_type type);
void dns_cache_drop(struct dns_cache *cache, struct dns_cache_entry *entry);

/* Keeps a copy of what was found out, also that there is nothing (for negative_ttl_ms); of a
 * failure only when it is worth asking again. */
void dns_cache_keep(struct dns_cache_entry *entry, const struct dns_answer *answer,
		    uint64_t negative_ttl_ms, uint64_t now_ms);

bool dns_cache_is_fresh(const struct dns_cache_entry *entry, uint64_t now_ms);
/* True if there is an answer that ran out not long ago and may stand in for one that cannot be
 * had (RFC 8767). That a name was not there does not count: it helps nobody. */
bool dns_cache_has_stale(const struct dns_cache_entry *entry, uint64_t now_ms);

/* How long one record of a type is in an answer. */
size_t dns_cache_record_bytes(enum dns_type type);

/* A malloced copy with room for all records; entry's answer, or another. NULL: no memory. */
struct dns_answer *dns_cache_copy(const struct dns_answer *answer, enum dns_type type);
