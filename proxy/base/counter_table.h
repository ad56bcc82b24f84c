/* The table of metric families. For the counter_*.c files, the documentation and its tests. */
#pragma once

#include <stddef.h>

#include "proxy/base/counter.h"

enum counter_type {
	COUNTER_TYPE_COUNTER,
	COUNTER_TYPE_GAUGE,
	COUNTER_TYPE_HISTOGRAM,
	COUNTER_TYPE_INFO
};

enum { COUNTER_VALUE_SIZE = 48 }; /* room for any value of a fixed list */

struct counter_label {
	const char *name;
	unsigned n; /* 0: the values are the caller's */
	/* The i-th value; may use out, of COUNTER_VALUE_SIZE bytes. */
	const char *(*value)(const struct counter_label *label, unsigned i, char *out);
	const char *const *words; /* for those whose values are these */
};

struct counter_family {
	const char *name; /* with _total, _info */
	enum counter_type type;
	const char *help;
	const struct counter_label *labels[COUNTER_MAX_LABELS]; /* up to the first NULL */
	const uint64_t *bounds_us; /* histograms: upper ends of the buckets, ended by 0 */
	bool is_callers;
};

/* The row; never NULL for 0 <= counter < N_COUNTERS. */
const struct counter_family *counter_family(enum counter counter);

unsigned counter_n_labels(const struct counter_family *family);

/* How many series it has: the product of its labels' lists. 1 without labels. */
unsigned counter_n_series(const struct counter_family *family);

/* How many values each series needs: 1; a histogram's buckets, the one above them, and the
 * sum. */
unsigned counter_n_slots(const struct counter_family *family);
