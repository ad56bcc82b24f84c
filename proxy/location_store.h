/* Keeps the location table over a restart: puts back what the store holds, then writes down
 * what the table's journal tells. In the store, times are seconds of the wall clock; records
 * carry the version of their layout, and what makes no sense or has expired is deleted. Users
 * whose names hold control characters are not kept. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/store.h"
#include "routing/location.h"

struct location_store;

/* What was put back, and how many records were deleted because they had expired or made no
 * sense. */
struct location_restored {
	size_t bindings, homes, logons, dropped;
	enum err err; /* ERR_IO: not all could be read; the store's state says why */
};

/* Fills the table, which nobody uses yet, and listens from then on; both must live until
 * location_store_detach. now_ms and wall_us are one moment on the loop's clock and on the wall
 * clock. A store that cannot be read is an empty one. Of several contacts of a user the order
 * is lost. What was proved must be held against the configuration afterwards: location_keep.
 * Blocks on the disk: main thread, before the workers start. ERR_NO_MEMORY: nothing is
 * attached. */
enum err location_store_attach(struct location *location, struct store *store, uint64_t now_ms,
			       uint64_t wall_us, struct location_restored *out_restored,
			       struct location_store **out) MUST_CHECK;

/* The wall clock may be set while we run, so that its distance from the loop's clock changes:
 * to be told now and then. Any thread. */
void location_store_set_clock(struct location_store *ls, uint64_t now_ms, uint64_t wall_us);

/* Listens no more; what was told stays in the store. NULL is fine; returns NULL. */
struct location_store *location_store_detach(struct location_store *ls);
