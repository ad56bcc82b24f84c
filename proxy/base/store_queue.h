/* Changes that wait to be written to the store: of each kind and key the latest alone, in the
 * order in which they came. Bounded in number and bytes; those that are just being written
 * count. For store.c alone, which locks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/list.h"
#include "proxy/base/table.h"

struct store_change {
	UT_hash_handle hh;
	struct list link;
	uint64_t number; /* in order of arrival; what replaces a change keeps its number */
	unsigned hash;
	size_t kind_len, key_len, value_len;
	bool is_gone; /* the record is deleted; there is no value */
	char bytes[]; /* kind, NUL, key, NUL, value */
};

struct store_queue {
	struct store_change *table;
	struct list changes; /* the longest waiting first */
	size_t n, n_bytes;   /* with those that were taken */
	size_t max, max_bytes;
	uint64_t last_number;
};

/* One change, not queued yet; value NULL: the record is gone. NULL when memory is short. Needs
 * no lock. */
struct store_change *store_change_new(const char *kind, const char *key, const void *value,
				      size_t len);

const char *store_change_key(const struct store_change *change);
const void *store_change_value(const struct store_change *change);

void store_queue_init(struct store_queue *queue, size_t max, size_t max_bytes);
void store_queue_fini(struct store_queue *queue);

/* Takes the change over. One of the same kind and key gives way and leaves it its place. False
 * if there was no room or memory: the change is freed then. */
bool store_queue_put(struct store_queue *queue, struct store_change *change);

/* The number of the longest waiting one, UINT64_MAX if none waits. */
uint64_t store_queue_first(const struct store_queue *queue);

/* Changes that were taken out to be written. They go on to count until one of the two below. */
struct store_batch {
	struct list changes;
	size_t n, n_bytes;
};

/* Moves up to max changes into batch; cheaply, where that is all of them. */
void store_queue_take(struct store_queue *queue, struct store_batch *batch, size_t max);

/* They are written, and count no more; to be freed by store_batch_free. */
void store_queue_done(struct store_queue *queue, const struct store_batch *batch);

/* Frees what is in it. Needs no lock. */
void store_batch_free(struct store_batch *batch);

/* They are not written: they wait again, in front, but for those that a later change replaced
 * meanwhile. Empties batch. Returns how many were lost for want of memory. */
size_t store_queue_put_back(struct store_queue *queue, struct store_batch *batch);
