/* What the relays of calls came to: what is kept of it, who gives way, and what `nuncio why` is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/media_record_json.h"
#include "proxy/media_records.h"

static const struct calls_stream streams[RELAY_MAX_STREAMS] = {
	{ .type = "audio", .protection = { CALLS_PLAIN, CALLS_SDES } },
	{ .type = "video", .protection = { CALLS_PASSED, CALLS_DTLS } },
};

/* Each figure is another number, so that none can stand in another's place. */
static struct relay_event *make_stats(unsigned n_streams)
{
	struct relay_event *event = calloc(1, sizeof(*event));

	assert_non_null(event);
	event->kind = RELAY_CLOSED;
	event->n_streams = n_streams;
	for (unsigned i = 0; i < n_streams; i++) {
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
			const unsigned base = 1000 * i + 100 * leg;

			event->stats[i][leg] = (struct relay_end_stats){
				.packets = base + 1,
				.bytes = base + 2,
				.sent_packets = base + 3,
				.sent_bytes = base + 4,
				.rtcp_packets = base + 5,
				.sent_rtcp_packets = base + 6,
				.lost = base + 7,
				.jitter_us = base + 8,
				.max_jitter_us = base + 9,
				.told_lost = base + 10,
				.told_jitter_us = base + 11,
				.rejected_sources = base + 12,
				.srtp_failures = base + 13,
				.dropped = base + 14,
				.n_ssrcs = base + 15,
			};
		}
	}
	assert_int_equal(addr_parse("192.0.2.1", 4000, &event->stats[0][RELAY_CALLER].source),
			 ERR_OK);
	return event;
}

static void put(struct media_records *records, const char *call_id, uint64_t id,
		bool was_answered, const struct relay_event *stats)
{
	const struct calls_ended ended = {
		.call_id = call_id,
		.how = CALLS_END_BYE,
		.began_ms = 5000,
		.was_answered = was_answered,
		.networks = { NETWORK_WAN, NETWORK_REMOTE },
		.streams = streams,
		.stats = stats,
	};

	media_records_put(records, &ended, id, 1, 65000, 1795248724112345);
}

static size_t count(struct media_records *records, const char *call_id)
{
	struct media_record *found = calloc(2 * MEDIA_RECORDS_KEPT, sizeof(*found));
	size_t n;

	assert_non_null(found);
	n = media_records_find(records, call_id, found, 2 * MEDIA_RECORDS_KEPT);
	free(found);
	return n;
}

static void test_what_leaves_a_record(void **state)
{
	static const struct {
		const char *name;
		bool was_answered, had_packets;
		size_t want;
	} rows[] = {
		{ "answered, with media", true, true, 1 },
		{ "answered, and nobody spoke", true, false, 1 },
		{ "not answered, but with early media", false, true, 1 },
		{ "neither answered nor heard: who dials in vain washes nothing away", false,
		  false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct relay_event *stats = make_stats(1);
		struct media_records *records;

		if (!rows[i].had_packets)
			memset(stats->stats, 0, sizeof(stats->stats));
		assert_int_equal(media_records_new(&records), ERR_OK);
		put(records, "a@x", 1, rows[i].was_answered, stats);
		if (count(records, "a@x") != rows[i].want)
			fail_msg("%s", rows[i].name);
		media_records_free(records);
		free(stats);
	}
}

static void test_the_oldest_gives_way(void **state)
{
	struct relay_event *stats = make_stats(1);
	struct media_record *found = calloc(2, sizeof(*found));
	struct media_records *records;

	assert_int_equal(media_records_new(&records), ERR_OK);
	put(records, "first@x", 1, true, stats);
	for (unsigned i = 0; i < MEDIA_RECORDS_KEPT - 1; i++)
		put(records, "other@x", 2 + i, true, stats);
	assert_int_equal(count(records, "first@x"), 1);
	put(records, "last@x", 1000, true, stats);
	assert_int_equal(count(records, "first@x"), 0);
	assert_int_equal(count(records, NULL), MEDIA_RECORDS_KEPT);
	assert_int_equal(media_records_find(records, NULL, found, 2), 2);
	assert_string_equal(found[0].call_id, "last@x"); /* newest first */
	media_records_free(records);
	free(found);
	free(stats);
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("no %s", key);
	return json_integer_value(value);
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Every figure of every stream, for both sides. */
static void test_every_figure_is_told(void **state)
{
	static const char *const keys[] = {
		"received_packets",
		"received_bytes",
		"sent_packets",
		"sent_bytes",
		"received_rtcp_packets",
		"sent_rtcp_packets",
		"lost_packets",
		"jitter_us",
		"max_jitter_us",
		"told_lost_packets",
		"told_jitter_us",
		"rejected_sources",
		"srtp_failures",
		"dropped_packets",
		"n_ssrcs",
	};
	static const char *const protections[2][2] = { { "none", "sdes" },
						       { "end-to-end", "dtls" } };
	struct relay_event *stats = make_stats(2);
	struct media_record *found = calloc(1, sizeof(*found));
	struct media_records *records;
	json_t *json, *media, *list;

	assert_int_equal(media_records_new(&records), ERR_OK);
	put(records, "a@x", 7, true, stats);
	assert_int_equal(media_records_find(records, "a@x", found, 1), 1);
	json = media_record_to_json(found);
	assert_non_null(json);
	assert_string_equal(text(json, "kind"), "media");
	assert_string_equal(text(json, "call_id"), "a@x");
	assert_int_equal(number(json, "took_us"), 60000000);
	assert_true(json_is_true(json_object_get(json, "accepted")));
	media = json_object_get(json, "media");
	assert_string_equal(text(media, "ended"), "bye");
	list = json_object_get(media, "streams");
	assert_int_equal(json_array_size(list), 2);
	for (unsigned i = 0; i < 2; i++) {
		const json_t *stream = json_array_get(list, i);

		assert_string_equal(text(stream, "type"), streams[i].type);
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
			const json_t *side =
				json_array_get(json_object_get(stream, "sides"), leg);

			assert_string_equal(text(side, "side"),
					    leg == RELAY_CALLER ? "caller" : "callee");
			assert_string_equal(text(side, "network"),
					    leg == RELAY_CALLER ? "wan" : "remote");
			assert_string_equal(text(side, "protection"), protections[i][leg]);
			for (unsigned k = 0; k < COUNT(keys); k++)
				if (number(side, keys[k]) != 1000 * i + 100 * leg + k + 1)
					fail_msg("%s of side %u of stream %u", keys[k], leg, i);
		}
	}
	assert_string_equal(
		text(json_array_get(json_object_get(json_array_get(list, 0), "sides"), 0),
		     "source"),
		"192.0.2.1:4000");
	json_decref(json);
	found->how = CALLS_END_SILENT;
	json = media_record_to_json(found);
	assert_true(json_is_false(json_object_get(json, "accepted")));
	assert_string_equal(text(json, "reason"), "media-timeout");
	json_decref(json);
	media_records_free(records);
	free(found);
	free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_leaves_a_record),
		cmocka_unit_test(test_the_oldest_gives_way),
		cmocka_unit_test(test_every_figure_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
