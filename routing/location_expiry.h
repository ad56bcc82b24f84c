/* What expires, ordered by when: a heap whose entries stand inside their owners. For
 * location_bindings.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

/* Zeroed memory is one that is in no heap. */
struct expiry {
	uint64_t at_ms;
	size_t index; /* in the heap, from 1; 0: in none */
};

/* Zeroed memory is an empty one. */
struct expiry_heap {
	struct expiry **items; /* items[0] is unused */
	size_t n, size;
};

void expiry_heap_fini(struct expiry_heap *heap);

enum err expiry_add(struct expiry_heap *heap, struct expiry *expiry, uint64_t at_ms) MUST_CHECK;
void expiry_change(struct expiry_heap *heap, struct expiry *expiry, uint64_t at_ms);
void expiry_remove(struct expiry_heap *heap, struct expiry *expiry);

/* The one that expires first; NULL if there is none. */
struct expiry *expiry_first(const struct expiry_heap *heap);
