/* Which of the discovered domains are worth a series of their own in metrics. */
#include <stdlib.h>
#include <string.h>

#include "federation/discovered_inside.h"
#include "proxy/base/text.h"

struct ranking {
	struct discovered_traffic *best;
	size_t n, max, last; /* last: of the full list, the one that gives way */
	struct discovered_traffic *rest;
};

static uint64_t busyness(const struct discovered_traffic *one)
{
	return one->n_received + one->n_sent;
}

static bool is_before(const struct discovered_traffic *left,
		      const struct discovered_traffic *right)
{
	if (left->is_approved != right->is_approved)
		return left->is_approved;
	if (busyness(left) != busyness(right))
		return busyness(left) > busyness(right);
	return strcmp(left->domain, right->domain) < 0; /* the same each time */
}

static void find_last(struct ranking *ranking)
{
	ranking->last = 0;
	for (size_t i = 1; i < ranking->n; i++)
		if (is_before(&ranking->best[ranking->last], &ranking->best[i]))
			ranking->last = i;
}

void discovered_traffic_add(struct discovered_traffic *sum,
			    const struct discovered_traffic *one)
{
	sum->n_received += one->n_received;
	sum->n_refused += one->n_refused;
	sum->n_failed += one->n_failed;
	sum->n_sent += one->n_sent;
	sum->n_sent_failed += one->n_sent_failed;
}

static void rank_one(void *user, const struct seat *seat, struct entry *entry)
{
	const struct discovered_view *view = &entry->view;
	struct ranking *ranking = user;
	struct discovered_traffic one = { .n_received = view->n_received,
					  .n_refused = view->n_refused,
					  .n_failed = view->n_failed,
					  .n_sent = view->n_sent,
					  .n_sent_failed = view->n_sent_failed,
					  .not_after = view->facts.not_after };

	one.is_approved =
		entry->is_approved && (view->until_s == 0 || view->until_s > seat->now_s);
	text_copy(one.domain, sizeof(one.domain), view->domain);
	if (ranking->n < ranking->max) {
		ranking->best[ranking->n++] = one;
		if (ranking->n == ranking->max)
			find_last(ranking);
	} else if (ranking->max && is_before(&one, &ranking->best[ranking->last])) {
		discovered_traffic_add(ranking->rest, &ranking->best[ranking->last]);
		ranking->best[ranking->last] = one;
		find_last(ranking);
	} else {
		discovered_traffic_add(ranking->rest, &one);
	}
}

static int compare(const void *left, const void *right)
{
	const struct discovered_traffic *a = left, *b = right;

	return strcmp(a->domain, b->domain);
}

size_t discovered_busiest(struct discovered *table, uint64_t now_ms, size_t max,
			  struct discovered_traffic *out, struct discovered_traffic *out_rest)
{
	struct ranking ranking = { .best = out, .max = max, .rest = out_rest };

	memset(out_rest, 0, sizeof(*out_rest));
	discovered_each(table, now_ms, rank_one, &ranking);
	qsort(out, ranking.n, sizeof(*out), compare);
	return ranking.n;
}
