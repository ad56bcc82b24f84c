/* Finds transactions by a keyed hash. Links stand inside their owners, so adding cannot fail;
 * whoever looks compares the whole key, as different keys may share a hash. For
 * proxy/transaction alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"

/* Zeroed memory is a link that is in no index. */
struct txn_link {
	struct txn_link *next, **prev;
	uint64_t hash;
};

struct txn_index {
	struct txn_link **buckets;
};

enum err txn_index_init(struct txn_index *index) MUST_CHECK;
void txn_index_fini(struct txn_index *index);

void txn_index_add(struct txn_index *index, struct txn_link *link, uint64_t hash);
void txn_index_remove(struct txn_link *link); /* fine if it is in none */

/* The first link with that hash, then the next one with the same; NULL: no more. */
struct txn_link *txn_index_find(const struct txn_index *index, uint64_t hash);
struct txn_link *txn_index_next(const struct txn_link *link);
