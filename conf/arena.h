/* Memory that is taken piece by piece and given back all at once. It remembers that it ran out:
 * take without looking, ask once at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	bool is_broken;             /* memory ran out at least once */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);

/* Zeroed memory, aligned for anything, until arena_fini. NULL when memory is short (or n * size
 * is absurd), which the arena remembers. */
void *arena_take(struct arena *arena, size_t n, size_t size);

/* A terminated copy; "" when memory is short. Never NULL. */
const char *arena_text(struct arena *arena, const char *text);
const char *arena_text_len(struct arena *arena, const char *text, size_t len);
