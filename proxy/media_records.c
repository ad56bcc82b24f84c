#include "proxy/media_records.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"

struct media_records {
	pthread_mutex_t lock;
	uint64_t n_put;
	/* pages that nothing was put into take no memory */
	struct media_record records[MEDIA_RECORDS_KEPT];
};

enum err media_records_new(struct media_records **out)
{
	struct media_records *records = calloc(1, sizeof(*records));

	if (!records)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&records->lock, NULL);
	*out = records;
	return ERR_OK;
}

struct media_records *media_records_free(struct media_records *records)
{
	if (records)
		pthread_mutex_destroy(&records->lock);
	free(records);
	return NULL;
}

static bool is_worth_it(const struct calls_ended *ended)
{
	if (ended->was_answered)
		return true;
	for (unsigned i = 0; i < ended->stats->n_streams; i++)
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
			if (ended->stats->stats[i][leg].packets > 0)
				return true;
	return false;
}

void media_records_put(struct media_records *records, const struct calls_ended *ended,
		       uint64_t id, unsigned worker, uint64_t now_ms, uint64_t wall_us)
{
	const unsigned n = ended->stats->n_streams < RELAY_MAX_STREAMS ? ended->stats->n_streams
								       : RELAY_MAX_STREAMS;
	struct media_record *record;

	if (!is_worth_it(ended))
		return;
	pthread_mutex_lock(&records->lock);
	record = &records->records[records->n_put++ % MEDIA_RECORDS_KEPT];
	record->id = id;
	record->took_us = now_ms > ended->began_ms ? (now_ms - ended->began_ms) * 1000 : 0;
	record->wall_us = wall_us - record->took_us;
	record->worker = worker;
	text_copy(record->call_id, sizeof(record->call_id), ended->call_id);
	record->how = ended->how;
	memcpy(record->networks, ended->networks, sizeof(record->networks));
	record->n_streams = n;
	memcpy(record->streams, ended->streams, n * sizeof(record->streams[0]));
	memcpy(record->stats, ended->stats->stats, n * sizeof(record->stats[0]));
	pthread_mutex_unlock(&records->lock);
}

size_t media_records_find(struct media_records *records, const char *call_id,
			  struct media_record *out, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&records->lock);
	for (uint64_t back = 1; n < max && back <= records->n_put && back <= MEDIA_RECORDS_KEPT;
	     back++) {
		const struct media_record *record =
			&records->records[(records->n_put - back) % MEDIA_RECORDS_KEPT];

		if (!call_id || !strcmp(record->call_id, call_id))
			out[n++] = *record;
	}
	pthread_mutex_unlock(&records->lock);
	return n;
}
