#include "federation/bucket.h"

enum { MAX_WAIT_S = 60 };

bool bucket_take(struct bucket *bucket, const struct rate *rate, uint64_t now_ms)
{
	uint64_t one = rate->per_ms ? rate->per_ms : 1, all = one * rate->count;

	if (rate->count == 0)
		return true;
	if (now_ms > bucket->at_ms) {
		uint64_t passed_ms = now_ms - bucket->at_ms;
		/* Whoever waited for one period has all of them again. */
		uint64_t earned = passed_ms >= one ? all : passed_ms * rate->count;
		bucket->taken = earned < bucket->taken ? bucket->taken - earned : 0;
		bucket->at_ms = now_ms;
	}
	if (bucket->taken + one > all)
		return false;
	bucket->taken += one;
	return true;
}

unsigned bucket_wait_s(const struct bucket *bucket, const struct rate *rate)
{
	uint64_t one = rate->per_ms ? rate->per_ms : 1, all = one * rate->count;
	uint64_t lacking = bucket->taken + one > all ? bucket->taken + one - all : 0;
	uint64_t seconds = (lacking / rate->count + 999) / 1000;

	if (seconds < 1)
		return 1;
	return seconds < MAX_WAIT_S ? (unsigned)seconds : MAX_WAIT_S;
}
