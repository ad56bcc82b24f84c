/* The last look at the NAT, for people and programs: written by who looked, read by any
 * thread. */
#pragma once

#include "nat/nat_type.h"

struct nat_report {
	bool is_running;   /* a look is under way; what follows is of the one before */
	uint64_t began_us; /* wall clock, of the one under way; else 0 */
	uint64_t ended_us; /* 0: there was none yet */
	struct addr bind;  /* the address of ours that it was about */
	struct nat_observation observations[NAT_MAX_SERVERS];
	size_t n_observations;
	struct nat_verdict verdict;
};

struct nat_record;

enum err nat_record_new(struct nat_record **out) MUST_CHECK;
struct nat_record *nat_record_free(struct nat_record *record);

void nat_record_begin(struct nat_record *record, uint64_t wall_us);
void nat_record_end(struct nat_record *record, const struct addr *bind,
		    const struct nat_observation *observations, size_t n,
		    const struct nat_verdict *verdict, uint64_t wall_us);
/* The one under way was given up. */
void nat_record_abandon(struct nat_record *record);
void nat_record_look(struct nat_record *record, struct nat_report *out);
