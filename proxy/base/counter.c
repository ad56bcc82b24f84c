#include "proxy/base/counter.h"

#include <stdlib.h>

#include "proxy/base/counter_table.h"

struct counters *counters_new(void)
{
	struct counters *counters;
	size_t n_values = 0;

	for (int i = 0; i < N_COUNTERS; i++) {
		const struct counter_family *family = counter_family((enum counter)i);
		if (!family->is_callers)
			n_values += (size_t)counter_n_series(family) * counter_n_slots(family);
	}
	counters = calloc(1, sizeof(*counters) + n_values * sizeof(counters->values[0]));
	if (!counters)
		return NULL;

	n_values = 0;
	for (int i = 0; i < N_COUNTERS; i++) {
		const struct counter_family *family = counter_family((enum counter)i);
		unsigned n_labels = counter_n_labels(family);
		if (family->is_callers)
			continue;
		counters->first[i] = (uint32_t)n_values;
		n_values += (size_t)counter_n_series(family) * counter_n_slots(family);
		for (unsigned k = 0; k < COUNTER_MAX_LABELS; k++)
			counters->sizes[i][k] =
				(uint16_t)(k < n_labels ? family->labels[k]->n : 1);
	}
	return counters;
}

struct counters *counters_free(struct counters *counters)
{
	free(counters);
	return NULL;
}

static void add(struct counters *counters, size_t place, int64_t n)
{
	_Atomic int64_t *value = &counters->values[place];

	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

void counter_observe(struct counters *counters, enum counter counter, unsigned i, uint64_t us)
{
	const struct counter_family *family = counter_family(counter);
	unsigned bucket = 0;

	if (!counters || family->type != COUNTER_TYPE_HISTOGRAM ||
	    i >= counters->sizes[counter][0])
		return;

	unsigned n_slots = counter_n_slots(family);
	size_t first = counters->first[counter] + (size_t)i * n_slots;
	while (bucket < n_slots - 2 && us > family->bounds_us[bucket])
		bucket++;
	add(counters, first + bucket, 1);
	add(counters, first + n_slots - 1, (int64_t)us);
}

int64_t counters_sum(const struct counters *const *per_worker, unsigned n_workers,
		     enum counter counter, const unsigned at[COUNTER_MAX_LABELS])
{
	const struct counter_family *family = counter_family(counter);
	bool is_histogram = family->type == COUNTER_TYPE_HISTOGRAM;
	unsigned n_slots = counter_n_slots(family);
	int64_t sum = 0;

	for (unsigned w = 0; w < n_workers; w++) {
		const struct counters *counters = per_worker[w];
		const uint16_t *sizes = counters->sizes[counter];
		if (at[0] >= sizes[0] || at[1] >= sizes[1] || at[2] >= sizes[2] ||
		    at[3] >= sizes[3])
			return 0;
		size_t place =
			((at[0] * sizes[1] + at[1]) * sizes[2] + at[2]) * sizes[3] + at[3];
		place = counters->first[counter] + place * n_slots;
		for (unsigned slot = 0; slot < (is_histogram ? n_slots - 1 : 1); slot++)
			sum += atomic_load_explicit(&counters->values[place + slot],
						    memory_order_relaxed);
	}
	return sum;
}

int64_t counters_total(const struct counters *const *per_worker, unsigned n_workers,
		       enum counter counter)
{
	int64_t sum = 0;

	for (unsigned w = 0; w < n_workers; w++) {
		const uint16_t *sizes = per_worker[w]->sizes[counter];
		size_t n = (size_t)sizes[0] * sizes[1] * sizes[2] * sizes[3];

		for (size_t i = 0; i < n; i++)
			sum += atomic_load_explicit(
				&per_worker[w]->values[per_worker[w]->first[counter] + i],
				memory_order_relaxed);
	}
	return sum;
}
