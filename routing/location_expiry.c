#include "routing/location_expiry.h"

#include <stdlib.h>

enum { FIRST_SIZE = 64 };

void expiry_heap_fini(struct expiry_heap *heap)
{
	free(heap->items);
	*heap = (struct expiry_heap){ 0 };
}

static void place(struct expiry_heap *heap, struct expiry *expiry, size_t index)
{
	heap->items[index] = expiry;
	expiry->index = index;
}

/* Moves expiry from a free index to where it belongs. */
static void settle(struct expiry_heap *heap, struct expiry *expiry, size_t index)
{
	for (; index > 1 && heap->items[index / 2]->at_ms > expiry->at_ms; index /= 2)
		place(heap, heap->items[index / 2], index);
	for (size_t child; (child = 2 * index) <= heap->n; index = child) {
		if (child < heap->n &&
		    heap->items[child + 1]->at_ms < heap->items[child]->at_ms)
			child++;
		if (heap->items[child]->at_ms >= expiry->at_ms)
			break;
		place(heap, heap->items[child], index);
	}
	place(heap, expiry, index);
}

enum err expiry_add(struct expiry_heap *heap, struct expiry *expiry, uint64_t at_ms)
{
	if (heap->n + 1 >= heap->size) {
		size_t size = heap->size ? 2 * heap->size : FIRST_SIZE;
		struct expiry **items = realloc(heap->items, size * sizeof(struct expiry *));
		if (!items)
			return ERR_NO_MEMORY;
		heap->items = items;
		heap->size = size;
	}
	expiry->at_ms = at_ms;
	heap->n++;
	settle(heap, expiry, heap->n);
	return ERR_OK;
}

void expiry_change(struct expiry_heap *heap, struct expiry *expiry, uint64_t at_ms)
{
	expiry->at_ms = at_ms;
	settle(heap, expiry, expiry->index);
}

void expiry_remove(struct expiry_heap *heap, struct expiry *expiry)
{
	size_t index = expiry->index;
	struct expiry *last = heap->items[heap->n--];

	if (last != expiry)
		settle(heap, last, index);
	expiry->index = 0;
}

struct expiry *expiry_first(const struct expiry_heap *heap)
{
	return heap->n > 0 ? heap->items[1] : NULL;
}
