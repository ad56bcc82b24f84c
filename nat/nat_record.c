#include "nat/nat_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct nat_record {
	pthread_mutex_t lock;
	struct nat_report report;
};

enum err nat_record_new(struct nat_record **out)
{
	struct nat_record *record = calloc(1, sizeof(*record));

	if (!record)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&record->lock, NULL);
	*out = record;
	return ERR_OK;
}

struct nat_record *nat_record_free(struct nat_record *record)
{
	if (!record)
		return NULL;
	pthread_mutex_destroy(&record->lock);
	free(record);
	return NULL;
}

void nat_record_begin(struct nat_record *record, uint64_t wall_us)
{
	pthread_mutex_lock(&record->lock);
	record->report.is_running = true;
	record->report.began_us = wall_us;
	pthread_mutex_unlock(&record->lock);
}

void nat_record_abandon(struct nat_record *record)
{
	pthread_mutex_lock(&record->lock);
	record->report.is_running = false;
	record->report.began_us = 0;
	pthread_mutex_unlock(&record->lock);
}

void nat_record_end(struct nat_record *record, const struct addr *bind,
		    const struct nat_observation *observations, size_t n,
		    const struct nat_verdict *verdict, uint64_t wall_us)
{
	struct nat_report *report = &record->report;

	pthread_mutex_lock(&record->lock);
	*report = (struct nat_report){
		.ended_us = wall_us, .bind = *bind, .n_observations = n, .verdict = *verdict
	};
	memcpy(report->observations, observations, n * sizeof(*observations));
	pthread_mutex_unlock(&record->lock);
}

void nat_record_look(struct nat_record *record, struct nat_report *out)
{
	pthread_mutex_lock(&record->lock);
	*out = record->report;
	pthread_mutex_unlock(&record->lock);
}
