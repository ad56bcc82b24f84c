#include "federation/user_sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	INDEX_BITS = 12,
	N_REGISTERS = 1 << INDEX_BITS,
	MAX_RANK = 32 - INDEX_BITS + 1,
	FIRST_SIZE = 8,
	/* How it is written: the kind, then hashes of four bytes, or registers of six bits. */
	KIND_EXACT = 1,
	KIND_ESTIMATE = 2,
	PACKED_BYTES = N_REGISTERS * 6 / 8,
};

_Static_assert(1 + USER_SKETCH_EXACT * sizeof(uint32_t) <= USER_SKETCH_BYTES, "exact ones fit");
_Static_assert(1 + PACKED_BYTES <= USER_SKETCH_BYTES && MAX_RANK < 64, "estimates fit");

void user_sketch_fini(struct user_sketch *sketch)
{
	free(sketch->hashes);
	free(sketch->registers);
	memset(sketch, 0, sizeof(*sketch));
}

/* Where hash is, or belongs. */
static unsigned place_of(const struct user_sketch *sketch, uint32_t hash)
{
	unsigned low = 0, high = sketch->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (sketch->hashes[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of 32 bits: among a thousand users two that count as one are as likely as one in ten
 * thousand. */
static uint32_t short_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

enum user_seen user_sketch_look(const struct user_sketch *sketch, uint64_t hash)
{
	uint32_t wanted = short_hash(hash);
	unsigned i;

	if (sketch->registers)
		return USER_NOT_KNOWN;
	i = place_of(sketch, wanted);
	return i < sketch->n && sketch->hashes[i] == wanted ? USER_KNOWN : USER_NEW;
}

/* Only the upper 32 bits are known of those that were counted exactly, so no more is looked
 * at. */
static bool raise_register(uint8_t *registers, uint32_t hash)
{
	uint32_t rest = hash << INDEX_BITS;
	unsigned rank = rest ? (unsigned)__builtin_clz(rest) + 1 : MAX_RANK;

	if (registers[hash >> (32 - INDEX_BITS)] >= rank)
		return false;
	registers[hash >> (32 - INDEX_BITS)] = (uint8_t)rank;
	return true;
}

/* What registers that are still empty count for, and below what full ones do. */
static double sigma(double x)
{
	double y = 1, z = x, before;

	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x <= 0 || x >= 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

/* O. Ertl, New cardinality estimation algorithms for HyperLogLog sketches (2017), algorithm 6:
 * without bias from the first to the last user, where the first estimators needed corrections.
 * At least one register is not empty: a thousand users were counted before. */
static unsigned estimate(const uint8_t *registers)
{
	const double m = N_REGISTERS;
	unsigned n_of[MAX_RANK + 1] = { 0 };
	double z;

	for (unsigned i = 0; i < N_REGISTERS; i++)
		n_of[registers[i]]++;
	z = m * tau(1 - n_of[MAX_RANK] / m);
	for (unsigned rank = MAX_RANK - 1; rank >= 1; rank--)
		z = 0.5 * (z + n_of[rank]);
	z += m * sigma(n_of[0] / m);
	return (unsigned)(m * m / (2 * log(2) * z) + 0.5);
}

static enum err become_estimate(struct user_sketch *sketch)
{
	uint8_t *registers = calloc(N_REGISTERS, 1);

	if (!registers)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < sketch->n; i++)
		raise_register(registers, sketch->hashes[i]);
	user_sketch_fini(sketch);
	sketch->registers = registers;
	sketch->n = estimate(registers);
	return ERR_OK;
}

static enum err make_room(struct user_sketch *sketch)
{
	unsigned size = sketch->size ? sketch->size * 2 : FIRST_SIZE;
	uint32_t *hashes;

	if (sketch->n < sketch->size)
		return ERR_OK;
	if (size > USER_SKETCH_EXACT)
		size = USER_SKETCH_EXACT;
	hashes = realloc(sketch->hashes, size * sizeof(*hashes));
	if (!hashes)
		return ERR_NO_MEMORY;
	sketch->hashes = hashes;
	sketch->size = size;
	return ERR_OK;
}

enum err user_sketch_add(struct user_sketch *sketch, uint64_t hash)
{
	uint32_t wanted = short_hash(hash);
	enum err err = ERR_OK;
	unsigned i;

	if (user_sketch_look(sketch, hash) == USER_KNOWN)
		return ERR_OK;
	if (!sketch->registers && sketch->n == USER_SKETCH_EXACT)
		err = become_estimate(sketch);
	if (!err && sketch->registers && raise_register(sketch->registers, wanted))
		sketch->n = estimate(sketch->registers);
	if (err || sketch->registers)
		return err;
	err = make_room(sketch);
	if (err)
		return err;
	i = place_of(sketch, wanted);
	memmove(sketch->hashes + i + 1, sketch->hashes + i,
		(sketch->n - i) * sizeof(*sketch->hashes));
	sketch->hashes[i] = wanted;
	sketch->n++;
	return ERR_OK;
}

unsigned user_sketch_count(const struct user_sketch *sketch)
{
	return sketch->n;
}

/* ---- written down ---- */

size_t user_sketch_write(const struct user_sketch *sketch, unsigned char out[USER_SKETCH_BYTES])
{
	memset(out, 0, 1 + PACKED_BYTES);
	if (!sketch->registers) {
		out[0] = KIND_EXACT;
		for (unsigned i = 0; i < sketch->n; i++)
			for (unsigned byte = 0; byte < 4; byte++)
				out[1 + i * 4 + byte] =
					(unsigned char)(sketch->hashes[i] >> (24 - 8 * byte));
		return 1 + sketch->n * 4;
	}
	out[0] = KIND_ESTIMATE;
	for (unsigned i = 0; i < N_REGISTERS; i++) {
		unsigned bit = i * 6,
			 shifted = (unsigned)sketch->registers[i] << (10 - bit % 8);

		out[1 + bit / 8] |= (unsigned char)(shifted >> 8);
		if (bit % 8 > 2)
			out[2 + bit / 8] |= (unsigned char)shifted;
	}
	return 1 + PACKED_BYTES;
}

static enum err read_exact(struct user_sketch *sketch, const unsigned char *at, size_t len)
{
	size_t n = len / 4;

	if (len % 4 || n > USER_SKETCH_EXACT)
		return ERR_SYNTAX;
	if (n == 0)
		return ERR_OK;
	sketch->hashes = malloc(n * sizeof(*sketch->hashes));
	if (!sketch->hashes)
		return ERR_NO_MEMORY;
	sketch->size = (unsigned)n;
	for (size_t i = 0; i < n; i++, at += 4) {
		sketch->hashes[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
				    (uint32_t)at[2] << 8 | at[3];
		if (i > 0 && sketch->hashes[i] <= sketch->hashes[i - 1])
			return ERR_SYNTAX;
	}
	sketch->n = (unsigned)n;
	return ERR_OK;
}

static enum err read_estimate(struct user_sketch *sketch, const unsigned char *at, size_t len)
{
	unsigned n_empty = 0;

	if (len != PACKED_BYTES)
		return ERR_SYNTAX;
	sketch->registers = malloc(N_REGISTERS);
	if (!sketch->registers)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < N_REGISTERS; i++) {
		unsigned bit = i * 6, both = (unsigned)at[bit / 8] << 8;

		if (bit % 8 > 2)
			both |= at[bit / 8 + 1];
		sketch->registers[i] = (both >> (10 - bit % 8)) & 63;
		if (sketch->registers[i] > MAX_RANK)
			return ERR_SYNTAX;
		n_empty += sketch->registers[i] == 0;
	}
	if (n_empty == N_REGISTERS)
		return ERR_SYNTAX;
	sketch->n = estimate(sketch->registers);
	return ERR_OK;
}

enum err user_sketch_read(struct user_sketch *sketch, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	enum err err = ERR_SYNTAX;

	memset(sketch, 0, sizeof(*sketch));
	if (len > 0 && at[0] == KIND_EXACT)
		err = read_exact(sketch, at + 1, len - 1);
	else if (len > 0 && at[0] == KIND_ESTIMATE)
		err = read_estimate(sketch, at + 1, len - 1);
	if (err)
		user_sketch_fini(sketch);
	return err;
}
