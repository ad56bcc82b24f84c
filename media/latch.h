/* latch: where packets for one of our ports may come from. The told address alone, or, for a
 * side behind a NAT, what is found out in a short window and holds from then on, until
 * signalling allows to look anew. Against strangers who inject, and against media that flows to
 * them ("RTP bleed"): whoever is not the source is turned away; who comes early is replaced by
 * who has the better claim while the window is open. Pure: no socket, no clock of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"

enum { LATCH_PRESET_WINDOW_MS = 500 };

/* What each packet needs comes first. */
struct latch {
	struct addr source;     /* where packets are taken from; unset: nobody came yet */
	uint64_t window_end_ms; /* 0: not begun */
	uint32_t window_ms;
	uint8_t rank; /* of source */
	bool is_latching;
	bool is_locked;
	bool is_forced;       /* source came from latch_force */
	struct addr told;     /* what signalling said; unset: nothing */
	struct addr nat_host; /* unset: any host may be latched */
	struct addr before;   /* while looking anew: the source that was */
};

/* What signalling says now. When told, nat_host or is_latching changed, the search begins anew,
 * from nothing. With is_relatching alone it begins anew, too, but the source stays until
 * another one comes, and keeps the best claim: if it sends on, it is taken again. Otherwise
 * nothing changes. */
void latch_set(struct latch *latch, const struct latch *wanted, bool is_relatching);

/* True if a packet from there may be looked at: before it is authenticated. Changes nothing. */
bool latch_admits(const struct latch *latch, const struct addr *source, uint64_t now_ms);

/* Takes an admitted and, where there is SRTP, authentic packet's source; true if the source is
 * another one than before. */
bool latch_take(struct latch *latch, const struct addr *source, uint64_t now_ms);

/* What is known by other means than packets and SDP: the pair that ICE nominated. */
void latch_force(struct latch *latch, const struct addr *source);

/* Where packets for that side are sent; NULL: nowhere yet. */
const struct addr *latch_target(const struct latch *latch);

/* The same address and port: quick, for addresses the kernel filled in. */
static inline bool latch_is_source(const struct latch *latch, const struct addr *source)
{
	if (latch->source.sa.sa_family != source->sa.sa_family || latch->source.len == 0)
		return false;
	if (source->sa.sa_family == AF_INET)
		return latch->source.in4.sin_addr.s_addr == source->in4.sin_addr.s_addr &&
		       latch->source.in4.sin_port == source->in4.sin_port;
	return addr_equal(&latch->source, source);
}
