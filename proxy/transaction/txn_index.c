#include "proxy/transaction/txn_index.h"

#include <stdlib.h>

/* As many as a busy worker keeps at once (some thousand a second for 32 s); memory that is not
 * used is never touched. */
enum { N_BUCKETS = 1 << 16 };

enum err txn_index_init(struct txn_index *index)
{
	index->buckets = calloc(N_BUCKETS, sizeof(struct txn_link *));
	return index->buckets ? ERR_OK : ERR_NO_MEMORY;
}

void txn_index_fini(struct txn_index *index)
{
	free(index->buckets);
	index->buckets = NULL;
}

void txn_index_add(struct txn_index *index, struct txn_link *link, uint64_t hash)
{
	struct txn_link **bucket = &index->buckets[hash % N_BUCKETS];

	link->hash = hash;
	link->next = *bucket;
	link->prev = bucket;
	if (link->next)
		link->next->prev = &link->next;
	*bucket = link;
}

void txn_index_remove(struct txn_link *link)
{
	if (!link->prev)
		return;
	*link->prev = link->next;
	if (link->next)
		link->next->prev = link->prev;
	link->prev = NULL;
	link->next = NULL;
}

static struct txn_link *first_with(struct txn_link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct txn_link *txn_index_find(const struct txn_index *index, uint64_t hash)
{
	return first_with(index->buckets[hash % N_BUCKETS], hash);
}

struct txn_link *txn_index_next(const struct txn_link *link)
{
	return first_with(link->next, link->hash);
}
