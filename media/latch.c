#include "media/latch.h"

/* How good the claim of a source is. */
enum rank {
	NOBODY,
	SOMEBODY,  /* no host was named, and it came */
	TOLD_HOST, /* the told host, by another port */
	NAT_HOST,  /* the host that signalling comes from */
	TOLD,      /* the very address that was told, or that of before */
};

static enum rank rank_of(const struct latch *latch, const struct addr *source)
{
	if (addr_is_set(&latch->before) && addr_equal(&latch->before, source))
		return TOLD;
	if (addr_is_set(&latch->told)) {
		if (addr_equal(&latch->told, source))
			return TOLD;
		if (!latch->is_latching)
			return addr_same_host(&latch->told, source) ? TOLD_HOST : NOBODY;
	}
	if (!latch->is_latching)
		return NOBODY;
	if (addr_is_set(&latch->nat_host) && addr_same_host(&latch->nat_host, source))
		return NAT_HOST;
	if (addr_is_set(&latch->told) && addr_same_host(&latch->told, source))
		return TOLD_HOST;
	return addr_is_set(&latch->nat_host) ? NOBODY : SOMEBODY;
}

static bool is_same(const struct addr *a, const struct addr *b)
{
	return addr_is_set(a) == addr_is_set(b) && (!addr_is_set(a) || addr_equal(a, b));
}

void latch_set(struct latch *latch, const struct latch *wanted, bool is_relatching)
{
	bool is_other = !is_same(&latch->told, &wanted->told) ||
			!is_same(&latch->nat_host, &wanted->nat_host) ||
			latch->is_latching != wanted->is_latching;

	latch->told = wanted->told;
	latch->nat_host = wanted->nat_host;
	latch->is_latching = wanted->is_latching;
	latch->window_ms = wanted->window_ms ? wanted->window_ms : LATCH_PRESET_WINDOW_MS;
	if (!is_other && !is_relatching)
		return;
	if (is_other)
		latch->source = (struct addr){ .len = 0 };
	latch->is_forced = latch->is_forced && !is_other;
	latch->before = latch->source;
	latch->is_locked = false;
	latch->window_end_ms = 0;
	latch->rank = NOBODY; /* who comes next may replace the source of before */
}

static bool is_over(const struct latch *latch, uint64_t now_ms)
{
	return latch->is_locked || (latch->window_end_ms > 0 && now_ms >= latch->window_end_ms);
}

bool latch_admits(const struct latch *latch, const struct addr *source, uint64_t now_ms)
{
	enum rank rank;

	if (latch_is_source(latch, source))
		return true;
	rank = rank_of(latch, source);
	if (rank == TOLD && !latch->is_latching)
		return true; /* signalling has the last word */
	return !is_over(latch, now_ms) && rank > latch->rank;
}

bool latch_take(struct latch *latch, const struct addr *source, uint64_t now_ms)
{
	bool is_other = !latch_is_source(latch, source);

	if (latch->is_locked && !is_other)
		return false;
	if (!is_other && latch->rank == NOBODY) {
		latch->is_locked = true; /* the source of before sends on */
		return false;
	}
	if (latch->window_end_ms == 0)
		latch->window_end_ms = now_ms + latch->window_ms;
	if (is_other) {
		latch->source = *source;
		latch->rank = (uint8_t)rank_of(latch, source);
	}
	latch->is_locked = latch->rank == TOLD || is_over(latch, now_ms);
	return is_other;
}

void latch_force(struct latch *latch, const struct addr *source)
{
	latch->source = *source;
	latch->rank = TOLD;
	latch->is_locked = latch->is_forced = true;
}

const struct addr *latch_target(const struct latch *latch)
{
	if ((latch->is_latching || latch->is_forced) && addr_is_set(&latch->source))
		return &latch->source;
	if (!addr_is_set(&latch->told) || addr_port(&latch->told) == 0)
		return NULL;
	/* Behind a NAT an address of its house may be somebody else's in ours. */
	if (latch->is_latching && addr_is_set(&latch->nat_host) &&
	    addr_is_private(&latch->told) && !addr_same_host(&latch->told, &latch->nat_host))
		return NULL;
	return &latch->told;
}
