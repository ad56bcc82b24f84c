#include "proxy/base/store_queue.h"

#include <stdlib.h>
#include <string.h>

struct store_change *store_change_new(const char *kind, const char *key, const void *value,
				      size_t len)
{
	size_t kind_len = strlen(kind), key_len = strlen(key);
	struct store_change *change =
		calloc(1, sizeof(*change) + kind_len + 1 + key_len + 1 + len);
	if (!change)
		return NULL;

	change->kind_len = kind_len;
	change->key_len = key_len;
	change->value_len = len;
	change->is_gone = !value;
	memcpy(change->bytes, kind, kind_len);
	memcpy(change->bytes + kind_len + 1, key, key_len);
	if (len > 0)
		memcpy(change->bytes + kind_len + 1 + key_len + 1, value, len);
	change->hash = (unsigned)random_keyed_hash(change->bytes, kind_len + 1 + key_len);
	list_init(&change->link);
	return change;
}

const char *store_change_key(const struct store_change *change)
{
	return change->bytes + change->kind_len + 1;
}

const void *store_change_value(const struct store_change *change)
{
	return change->bytes + change->kind_len + 1 + change->key_len + 1;
}

static size_t size_of(const struct store_change *change)
{
	return sizeof(*change) + change->kind_len + change->key_len + change->value_len + 2;
}

static struct store_change *change_of(struct list *link)
{
	return container_of(link, struct store_change, link);
}

void store_queue_init(struct store_queue *queue, size_t max, size_t max_bytes)
{
	*queue = (struct store_queue){ .max = max, .max_bytes = max_bytes };
	list_init(&queue->changes);
}

static void free_all(struct list *changes)
{
	struct list *link, *next;

	list_for_each(link, next, changes) {
		list_remove(link);
		free(change_of(link));
	}
}

void store_queue_fini(struct store_queue *queue)
{
	HASH_CLEAR(hh, queue->table);
	free_all(&queue->changes);
}

static struct store_change *find(const struct store_queue *queue,
				 const struct store_change *like)
{
	struct store_change *found;

	HASH_FIND_BYHASHVALUE(hh, queue->table, like->bytes, like->kind_len + 1 + like->key_len,
			      like->hash, found);
	return found;
}

/* False when memory is short. */
static bool add(struct store_queue *queue, struct store_change *change)
{
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, queue->table, change->bytes,
				    change->kind_len + 1 + change->key_len, change->hash,
				    change);
	return change->hh.tbl != NULL;
}

static void count(struct store_queue *queue, const struct store_change *change)
{
	queue->n++;
	queue->n_bytes += size_of(change);
}

static void drop(struct store_queue *queue, struct store_change *change)
{
	queue->n--;
	queue->n_bytes -= size_of(change);
	list_remove(&change->link);
	free(change);
}

bool store_queue_put(struct store_queue *queue, struct store_change *change)
{
	struct store_change *old = find(queue, change);
	size_t n = queue->n - (old != NULL),
	       n_bytes = queue->n_bytes - (old ? size_of(old) : 0);

	if (n >= queue->max || n_bytes + size_of(change) > queue->max_bytes) {
		free(change);
		return false;
	}
	struct list *place = old ? &old->link : &queue->changes;
	change->number = old ? old->number : ++queue->last_number;
	if (old)
		HASH_DELETE(hh, queue->table, old);
	bool is_added = add(queue, change);
	if (is_added) {
		list_append(place, &change->link); /* in front of the old one, or last */
		count(queue, change);
	} else {
		free(change);
	}
	if (old)
		drop(queue, old);
	return is_added;
}

uint64_t store_queue_first(const struct store_queue *queue)
{
	return list_is_empty(&queue->changes) ? UINT64_MAX
					      : change_of(queue->changes.next)->number;
}

/* Without a look at each of them: workers wait for the lock. */
static void take_all(struct store_queue *queue, struct store_batch *batch)
{
	HASH_CLEAR(hh, queue->table);
	list_append(&queue->changes, &batch->changes);
	list_remove(&queue->changes);
}

static void take_one(struct store_queue *queue, struct store_batch *batch)
{
	struct store_change *change = change_of(queue->changes.next);

	HASH_DELETE(hh, queue->table, change);
	list_remove(&change->link);
	list_append(&batch->changes, &change->link);
	batch->n++;
	batch->n_bytes += size_of(change);
}

void store_queue_take(struct store_queue *queue, struct store_batch *batch, size_t max)
{
	size_t n_waiting = HASH_COUNT(queue->table);

	*batch = (struct store_batch){ 0 };
	list_init(&batch->changes);
	if (n_waiting <= max && n_waiting == queue->n) {
		take_all(queue, batch);
		batch->n = queue->n;
		batch->n_bytes = queue->n_bytes;
		return;
	}
	while (batch->n < max && !list_is_empty(&queue->changes))
		take_one(queue, batch);
}

void store_queue_done(struct store_queue *queue, const struct store_batch *batch)
{
	queue->n -= batch->n;
	queue->n_bytes -= batch->n_bytes;
}

void store_batch_free(struct store_batch *batch)
{
	free_all(&batch->changes);
	batch->n = batch->n_bytes = 0;
}

size_t store_queue_put_back(struct store_queue *queue, struct store_batch *batch)
{
	struct list *taken = &batch->changes;
	size_t n_lost = 0;

	while (!list_is_empty(taken)) {
		struct store_change *change = change_of(taken->prev);
		bool is_replaced = find(queue, change) != NULL;
		if (!is_replaced && add(queue, change)) {
			list_remove(&change->link);
			list_prepend(&queue->changes, &change->link);
			continue;
		}
		n_lost += !is_replaced;
		drop(queue, change);
	}
	batch->n = batch->n_bytes = 0;
	return n_lost;
}
