#include "routing/placement.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/random.h"

enum { MAX_ORDERED = 64, MAX_KEY = 1024 };

struct scored {
	size_t index;
	double score;
};

/* Rendezvous hashing: each backend draws a number for the user, and the highest comes first.
 * -weight / ln(u) with u even in (0, 1) makes each the first for its share of the users (the
 * inverse of an exponential draw with rate weight), and none of it depends on which others
 * there are. */
static double score_of(const struct settings_backend *backend, const char *user,
		       const char *domain)
{
	static const uint64_t same_everywhere[2] = { 0x6e756e63696f2070, 0x6c6163656d656e74 };
	char key[MAX_KEY];
	int len = snprintf(key, sizeof(key), "%s\n%s\n%s", backend->name, domain, user);
	size_t n = len < (int)sizeof(key) ? (size_t)len : sizeof(key) - 1;
	uint64_t hash = random_siphash(same_everywhere, key, n);

	/* The middles of 2^53 equal steps: neither 0 nor 1. */
	double u = ((double)(hash >> 11) + 0.5) / 9007199254740992.0;
	return -(double)backend->weight / log(u);
}

static bool comes_before(const struct settings_backend *backends, const struct scored *a,
			 const struct scored *b)
{
	if (a->score > b->score || a->score < b->score)
		return a->score > b->score;
	return strcmp(backends[a->index].name, backends[b->index].name) < 0;
}

/* Keeps the best of max. */
static size_t insert(const struct settings_backend *backends, struct scored *best, size_t n,
		     size_t max, struct scored one)
{
	size_t at = n;

	for (; at > 0 && comes_before(backends, &one, &best[at - 1]); at--)
		if (at < max)
			best[at] = best[at - 1];
	if (at < max)
		best[at] = one;
	return n < max ? n + 1 : n;
}

static size_t balance(const struct settings_backend *backends, size_t n_backends,
		      const char *user, const char *domain, size_t *out, size_t max)
{
	struct scored best[MAX_ORDERED];
	size_t n = 0;

	if (max > MAX_ORDERED)
		max = MAX_ORDERED;
	for (size_t i = 0; i < n_backends; i++)
		if (backends[i].weight > 0 && settings_backend_serves(&backends[i], domain))
			n = insert(backends, best, n, max,
				   (struct scored){ i, score_of(&backends[i], user, domain) });
	for (size_t i = 0; i < n; i++)
		out[i] = best[i].index;
	return n;
}

static size_t search(const struct settings_backend *backends, size_t n_backends,
		     const char *domain, size_t *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_backends && n < max; i++)
		if (settings_backend_serves(&backends[i], domain))
			out[n++] = i;
	return n;
}

size_t placement_order(enum conf_placement placement, const struct settings_backend *backends,
		       size_t n_backends, const char *user, const char *domain, size_t *out,
		       size_t max)
{
	switch (placement) {
	case PLACEMENT_SEARCH:
		return search(backends, n_backends, domain, out, max);
	case PLACEMENT_BALANCE:
		return balance(backends, n_backends, user, domain, out, max);
	case PLACEMENT_REJECT:
		break;
	}
	return 0;
}
