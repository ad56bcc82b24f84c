/* Bytes that are ready for the wire: written once, counted, never changed afterwards. A
 * transaction keeps them for repeats, a flow's queue keeps them until they are written, and
 * nobody copies. One thread only (the count is not atomic); another worker gets a copy. */
#pragma once

#include <stddef.h>

#include "proxy/base/error.h"

struct wire {
	unsigned n_refs;
	size_t len;   /* bytes used */
	size_t size;  /* bytes allocated */
	char bytes[]; /* not terminated */
};

/* Makes one with room for size bytes, len 0 and one reference. NULL when memory is short. */
struct wire *wire_new(size_t size);

/* Makes one that holds a copy of len bytes. NULL when memory is short. */
struct wire *wire_copy(const void *bytes, size_t len);

/* Takes one more reference; returns wire. */
struct wire *wire_ref(struct wire *wire);

/* Gives one reference back and returns NULL; NULL is fine. */
struct wire *wire_unref(struct wire *wire);
