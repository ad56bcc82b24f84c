#include "conf/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ALIGNMENT) char bytes[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){ 0 };
}

void arena_fini(struct arena *arena)
{
	struct arena_block *next;

	for (struct arena_block *block = arena->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	*arena = (struct arena){ 0 };
}

void *arena_take(struct arena *arena, size_t n, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t wanted;
	void *taken;

	if (__builtin_mul_overflow(n, size, &wanted) || wanted > SIZE_MAX / 2) {
		arena->is_broken = true;
		return NULL;
	}
	wanted = (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || block->size - block->used < wanted) {
		size_t room = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;

		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			arena->is_broken = true;
			return NULL;
		}
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	taken = block->bytes + block->used;
	block->used += wanted;
	return taken;
}

const char *arena_text(struct arena *arena, const char *text)
{
	return arena_text_len(arena, text, strlen(text));
}

const char *arena_text_len(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_take(arena, len + 1, 1);

	if (!copy)
		return "";
	if (len)
		memcpy(copy, text, len);
	return copy;
}
