#include <stdio.h>
#include <string.h>

#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

enum { TEXT = 80 };

typedef void print_fn(const json_t *side, char out[TEXT]);

static void print_who(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%s (%s)", record_text(side, "side"), record_text(side, "network"));
}

static void print_source(const json_t *side, char out[TEXT])
{
	const char *source = record_text(side, "source");

	snprintf(out, TEXT, "%s", *source ? source : "nowhere");
}

static void print_protection(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%s", record_text(side, "protection"));
}

static void print_received(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets, %lld bytes", record_number(side, "received_packets"),
		 record_number(side, "received_bytes"));
}

static void print_by_kernel(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets", record_number(side, "kernel_packets"));
}

static void print_sent(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets, %lld bytes", record_number(side, "sent_packets"),
		 record_number(side, "sent_bytes"));
}

static void print_lost(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets", record_number(side, "lost_packets"));
}

static void print_jitter(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%.1f ms, at most %.1f ms",
		 (double)record_number(side, "jitter_us") / 1000,
		 (double)record_number(side, "max_jitter_us") / 1000);
}

static void print_rtcp(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld in, %lld out", record_number(side, "received_rtcp_packets"),
		 record_number(side, "sent_rtcp_packets"));
}

static void print_told(const json_t *side, char out[TEXT])
{
	if (record_number(side, "received_rtcp_packets") == 0)
		snprintf(out, TEXT, "nothing");
	else
		snprintf(out, TEXT, "%lld lost, jitter %.1f ms",
			 record_number(side, "told_lost_packets"),
			 (double)record_number(side, "told_jitter_us") / 1000);
}

static void print_rejected(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets", record_number(side, "rejected_sources"));
}

static void print_failures(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets", record_number(side, "srtp_failures"));
}

static void print_dropped(const json_t *side, char out[TEXT])
{
	snprintf(out, TEXT, "%lld packets", record_number(side, "dropped_packets"));
}

static const struct {
	const char *title;
	print_fn *print;
	const char *problem; /* a key; more than 0 of it is coloured */
	const char *only;    /* a key; the row is left out where it is 0 on both sides */
} figures[] = {
	{ "", print_who, NULL },
	{ "came from", print_source, NULL },
	{ "protection", print_protection, NULL },
	{ "received", print_received, NULL },
	{ "of these by the kernel, unseen", print_by_kernel, NULL, "kernel_packets" },
	{ "sent", print_sent, NULL },
	{ "lost on the way to us", print_lost, "lost_packets" },
	{ "jitter on the way to us", print_jitter, NULL },
	{ "RTCP", print_rtcp, NULL },
	{ "reports of what we sent", print_told, "told_lost_packets" },
	{ "rejected by source", print_rejected, "rejected_sources" },
	{ "not authentic", print_failures, "srtp_failures" },
	{ "dropped", print_dropped, "dropped_packets" },
};

static void print_stream(const struct screen *screen, const json_t *stream)
{
	const json_t *sides = json_object_get(stream, "sides");
	const json_t *caller = json_array_get(sides, 0), *callee = json_array_get(sides, 1);
	const char *type = record_text(stream, "type");
	struct grid grid;

	grid_init(&grid, screen);
	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		const char *problem = figures[i].problem, *only = figures[i].only;
		const bool is_bad = problem && (record_number(caller, problem) > 0 ||
						record_number(callee, problem) > 0);
		char left[TEXT], right[TEXT];

		if (only && record_number(caller, only) == 0 &&
		    record_number(callee, only) == 0)
			continue;
		figures[i].print(caller, left);
		figures[i].print(callee, right);
		grid_add(&grid, is_bad ? INK_WARN : INK_PLAIN, 0, figures[i].title, left, right,
			 NULL);
	}
	fputc('\n', screen->file);
	screen_put(screen, *type ? type : "a stream without an answer", SIZE_MAX);
	fputc('\n', screen->file);
	grid_print(&grid);
}

static const char *end_text(const char *word)
{
	static const struct {
		const char *word, *text;
	} rows[] = {
		{ "bye", "BYE" },
		{ "refused", "the call was not answered" },
		{ "moved", "the call went on by another network" },
		{ "silent", "nothing came any more (media.timeout)" },
		{ "stopped", "nuncio was stopped" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].word, word))
			return rows[i].text;
	return word;
}

static void print_advice(const struct screen *screen, const json_t *record)
{
	screen_print(screen, INK_FAIL, "\nended: %s", record_text(record, "reason"));
	fputs("\n  what happened  ", screen->file);
	screen_paragraph(screen, 17, 17, record_text(record, "cause"));
	fprintf(screen->file, "  who must act   %s\n  what to do     ",
		record_text(record, "act"));
	screen_paragraph(screen, 17, 17, record_text(record, "remedy"));
}

void record_print_media(const struct screen *screen, const json_t *record)
{
	const json_t *media = json_object_get(record, "media"), *stream;
	const long long seconds = record_number(record, "took_us") / 1000000;
	char lasted[32];
	struct grid grid;
	size_t i;

	snprintf(lasted, sizeof(lasted), "%lld:%02lld:%02lld", seconds / 3600,
		 seconds / 60 % 60, seconds % 60);
	fputs("media of a call\n", screen->file);
	grid_init(&grid, screen);
	grid_add(&grid, INK_PLAIN, 0, "at", record_text(record, "time"), NULL);
	grid_add(&grid, INK_PLAIN, 0, "Call-ID", record_text(record, "call_id"), NULL);
	grid_add(&grid, INK_PLAIN, 0, "lasted", lasted, NULL);
	grid_add(&grid, INK_PLAIN, 0, "ended by", end_text(record_text(media, "ended")), NULL);
	grid_print(&grid);
	json_array_foreach(json_object_get(media, "streams"), i, stream)
		print_stream(screen, stream);
	if (json_is_false(json_object_get(record, "accepted")))
		print_advice(screen, record);
}
