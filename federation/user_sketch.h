/* How many distinct users a domain addressed, in bounded memory: exactly up to a thousand, by
 * their hashes; beyond, an estimate (HyperLogLog with 4096 registers: a standard error of 1.6
 * %). Whoever gives the hashes keys them, so that nobody can choose names that count as one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum {
	USER_SKETCH_EXACT = 1000,
	USER_SKETCH_BYTES = 4096, /* written down it is never larger */
};

/* Embedded; zeroed memory is an empty one. */
struct user_sketch {
	uint32_t *hashes;   /* sorted; NULL once there are too many */
	uint8_t *registers; /* NULL until then */
	unsigned n;         /* how many it counts, or estimates */
	unsigned size;      /* of hashes */
};

/* Frees what it holds; it is empty again. */
void user_sketch_fini(struct user_sketch *sketch);

/* What a hash would be: one more, one that was there, or, of an estimate, not known. */
enum user_seen { USER_NEW, USER_KNOWN, USER_NOT_KNOWN };
enum user_seen user_sketch_look(const struct user_sketch *sketch, uint64_t hash);

/* Counts it. ERR_NO_MEMORY: it is not counted. */
enum err user_sketch_add(struct user_sketch *sketch, uint64_t hash) MUST_CHECK;

unsigned user_sketch_count(const struct user_sketch *sketch);

/* Written down, at most USER_SKETCH_BYTES, and read back into an empty one; ERR_SYNTAX if the
 * bytes are none of ours. Returns the number of bytes. */
size_t user_sketch_write(const struct user_sketch *sketch,
			 unsigned char out[USER_SKETCH_BYTES]);
enum err user_sketch_read(struct user_sketch *sketch, const void *bytes, size_t len) MUST_CHECK;
