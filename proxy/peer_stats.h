/* What partners and backends did since the start, for metrics and status: requests each way,
 * failures by reason, the end of their certificate, how long a probe took. By the id of the
 * rule ("partner:partner.example"), so it survives reloads; ids come from the configuration
 * alone, and there is room for a bounded number. Any thread (short locks). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/reason.h"

/* An id is told by so many bytes of it, as decision records hold. */
enum { PEER_STATS_ID_SIZE = 96, PEER_STATS_MAX = 16384 };

struct peer_stats;

struct peer_stat {
	uint64_t n_received, n_sent; /* requests from there, and to there */
	uint32_t n_failures[N_REASONS];
	int64_t certificate_not_after; /* seconds of the epoch; 0: none was seen */
	uint64_t probe_us;             /* of the last OPTIONS that was answered; 0: none */
	unsigned alg_signs;            /* that a router on the way rewrites SIP: nat/alg.h */
	int n_inbound, n_outbound;     /* connections that are open now */
	/* why the last look for its servers' addresses found none; REASON_NONE */
	enum reason lookup;
};

enum err peer_stats_new(struct peer_stats **out) MUST_CHECK;
struct peer_stats *peer_stats_free(struct peer_stats *stats); /* NULL is fine */

/* Each makes a record if there is none; when there is no room for it, nothing is counted. */
void peer_stats_received(struct peer_stats *stats, const char *id);
void peer_stats_sent(struct peer_stats *stats, const char *id);
void peer_stats_failed(struct peer_stats *stats, const char *id, enum reason reason);
void peer_stats_certificate(struct peer_stats *stats, const char *id, int64_t not_after);
void peer_stats_looked_up(struct peer_stats *stats, const char *id, enum reason reason);
/* What was seen last. True if that is another than before. */
bool peer_stats_alg(struct peer_stats *stats, const char *id, unsigned signs);
/* n more or, if it is negative, fewer connections. */
void peer_stats_connected(struct peer_stats *stats, const char *id, bool is_inbound, int n);
void peer_stats_probed(struct peer_stats *stats, const char *id, uint64_t us);

/* A copy; false if nothing is known of it, and out is zeros. */
bool peer_stats_look(struct peer_stats *stats, const char *id, struct peer_stat *out);
