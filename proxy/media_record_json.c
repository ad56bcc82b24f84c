#include "proxy/media_record_json.h"

#include "proxy/base/reason.h"
#include "proxy/base/text.h"
#include "proxy/json_text.h"

static void add_number(json_t *object, const char *key, uint64_t number)
{
	if (object)
		json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* One side of a stream: what came from it and what went to it. */
static json_t *side_to_json(const struct media_record *record, unsigned stream,
			    enum relay_leg leg)
{
	const struct relay_end_stats *stats = &record->stats[stream][leg];
	json_t *object =
		json_pack("{s:s, s:s, s:s}", "side", leg == RELAY_CALLER ? "caller" : "callee",
			  "network", conf_network_text(record->networks[leg]), "protection",
			  calls_protection_text(record->streams[stream].protection[leg]));
	char source[ADDR_TEXT_SIZE];

	if (object && addr_is_set(&stats->source))
		json_object_set_new(object, "source",
				    json_string(addr_text(&stats->source, source)));
	add_number(object, "received_packets", stats->packets);
	add_number(object, "kernel_packets", stats->kernel_packets);
	add_number(object, "received_bytes", stats->bytes);
	add_number(object, "sent_packets", stats->sent_packets);
	add_number(object, "sent_bytes", stats->sent_bytes);
	add_number(object, "received_rtcp_packets", stats->rtcp_packets);
	add_number(object, "sent_rtcp_packets", stats->sent_rtcp_packets);
	add_number(object, "lost_packets", stats->lost);
	add_number(object, "jitter_us", stats->jitter_us);
	add_number(object, "max_jitter_us", stats->max_jitter_us);
	add_number(object, "told_lost_packets", stats->told_lost);
	add_number(object, "told_jitter_us", stats->told_jitter_us);
	add_number(object, "rejected_sources", stats->rejected_sources);
	add_number(object, "srtp_failures", stats->srtp_failures);
	add_number(object, "dropped_packets", stats->dropped);
	add_number(object, "n_ssrcs", stats->n_ssrcs);
	return object;
}

static json_t *media_to_json(const struct media_record *record)
{
	json_t *streams = json_array();

	for (unsigned i = 0; i < record->n_streams; i++)
		json_array_append_new(streams,
				      json_pack("{s:o, s:[o, o]}", "type",
						json_text(record->streams[i].type), "sides",
						side_to_json(record, i, RELAY_CALLER),
						side_to_json(record, i, RELAY_CALLEE)));
	return json_pack("{s:s, s:o}", "ended", calls_end_text(record->how), "streams",
			 streams);
}

json_t *media_record_to_json(const struct media_record *record)
{
	const enum reason reason =
		record->how == CALLS_END_SILENT ? REASON_MEDIA_TIMEOUT : REASON_NONE;
	const struct reason_row *row = reason_row(reason);
	char time[32];

	return json_pack(
		"{s:s, s:b, s:s, s:i, s:s, s:s, s:s, s:I, s:s, s:I, s:i, s:o, s:[], s:[], s:o}",
		"kind", "media", "accepted", reason == REASON_NONE, "reason", row->code,
		"status", 0, "cause", row->cause, "act", actor_text(row->act), "remedy",
		row->remedy, "id", (json_int_t)record->id, "time",
		text_time(record->wall_us, time), "took_us", (json_int_t)record->took_us,
		"worker", (int)record->worker, "call_id", json_text(record->call_id), "steps",
		"hops", "media", media_to_json(record));
}
