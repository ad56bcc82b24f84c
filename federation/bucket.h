/* A token bucket: so many things in so long, all of them at once if one likes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"

/* Counts in parts of a token, so that nothing is lost by rounding: one token is per_ms parts,
 * and each millisecond brings count of them. Zeroed memory is a full one. */
struct bucket {
	uint64_t taken; /* parts */
	uint64_t at_ms;
};

/* Takes one token; false if there is none. A rate of 0 has no bound. */
bool bucket_take(struct bucket *bucket, const struct rate *rate, uint64_t now_ms);

/* Seconds until there is a token again: 1 to 60. */
unsigned bucket_wait_s(const struct bucket *bucket, const struct rate *rate);
