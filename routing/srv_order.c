#include "routing/srv_order.h"

#include <stdbool.h>
#include <string.h>

/* By priority, and within one priority those of weight 0 first: so RFC 2782 wants them to stand
 * when the running sums are made, which gives them a small chance of being drawn. */
static bool stands_before(const struct srv_entry *a, const struct srv_entry *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->weight == 0 && b->weight != 0;
}

/* Stable, so that the same draws give the same order. n is small. */
static void sort(struct srv_entry *entries, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct srv_entry entry = entries[i];
		size_t at = i;
		for (; at > 0 && stands_before(&entry, &entries[at - 1]); at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

/* The first whose running sum of weights reaches drawn. */
static size_t pick(const struct srv_entry *entries, size_t n, uint32_t drawn)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		sum += entries[i].weight;
		if (sum >= drawn)
			return i;
	}
	return n - 1;
}

static void move_to_front(struct srv_entry *entries, size_t at)
{
	struct srv_entry chosen = entries[at];

	memmove(entries + 1, entries, at * sizeof(*entries));
	entries[0] = chosen;
}

static void order_one_priority(struct srv_entry *entries, size_t n,
			       uint32_t (*draw)(void *user, uint32_t n), void *user)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += entries[i].weight;
	for (; n > 1; entries++, n--) {
		move_to_front(entries, pick(entries, n, draw(user, sum)));
		sum -= entries->weight;
	}
}

void srv_order(struct srv_entry *entries, size_t n, uint32_t (*draw)(void *user, uint32_t n),
	       void *user)
{
	sort(entries, n);
	for (size_t start = 0, end; start < n; start = end) {
		for (end = start + 1;
		     end < n && entries[end].priority == entries[start].priority; end++)
			;
		order_one_priority(entries + start, end - start, draw, user);
	}
}
