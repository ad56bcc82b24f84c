/* What the relays of one worker's calls came to, for `nuncio why CALL-ID`: one record for each
 * relay that ended, the newest over the oldest. Relays of calls that were refused, and by which
 * nothing came, leave none, so that a caller whom nobody answers does not wash the others away.
 * The worker puts, other threads read copies: a short lock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "media/calls.h"
#include "proxy/base/error.h"

enum { MEDIA_RECORDS_KEPT = 128 };

struct media_record {
	uint64_t id;      /* as a decision's: unique in the process */
	uint64_t wall_us; /* when the call came */
	uint64_t took_us; /* until the relay ended */
	unsigned worker;
	char call_id[CALLS_ID_SIZE];
	enum calls_end how;
	enum conf_network networks[RELAY_N_LEGS];
	unsigned n_streams;
	struct calls_stream streams[RELAY_MAX_STREAMS];
	struct relay_end_stats stats[RELAY_MAX_STREAMS][RELAY_N_LEGS];
};

struct media_records;

enum err media_records_new(struct media_records **out) MUST_CHECK;
struct media_records *media_records_free(struct media_records *records); /* NULL is fine */

/* Keeps what ended. now_ms and wall_us: the clocks of the worker's loop. Nothing is kept of
 * what is not worth a record. */
void media_records_put(struct media_records *records, const struct calls_ended *ended,
		       uint64_t id, unsigned worker, uint64_t now_ms, uint64_t wall_us);

/* Copies the newest first those with this Call-ID; NULL: all. Returns how many. */
size_t media_records_find(struct media_records *records, const char *call_id,
			  struct media_record *out, size_t max);
