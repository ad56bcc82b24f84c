#include "proxy/status_stream.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/json_text.h"

enum part { PART_PARTNERS, PART_BACKENDS, PART_PROBLEMS, PART_END };

struct stream {
	struct status_peers *peers;
	json_t *problems;   /* of the head */
	enum part part;     /* the list that is written */
	size_t i;           /* the peer that comes next in it */
	bool has_row;       /* the list has one */
	struct buf pending; /* was made and not read yet */
	size_t at;
};

static void put_row(struct stream *stream, const json_t *row)
{
	char *text = row ? json_dumps(row, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (text) {
		buf_puts(&stream->pending, stream->has_row ? "," : "");
		buf_puts(&stream->pending, text);
		stream->has_row = true;
	}
	free(text);
}

static void put_rows(struct stream *stream, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		put_row(stream, row);
}

static void begin_part(struct stream *stream, enum part part)
{
	static const char *const openings[] = {
		[PART_PARTNERS] = ",\"partners\":[",
		[PART_BACKENDS] = "],\"backends\":[",
		[PART_PROBLEMS] = "],\"problems\":[",
		[PART_END] = "]}",
	};

	stream->part = part;
	stream->i = 0;
	stream->has_row = false;
	buf_puts(&stream->pending, openings[part]);
	if (part == PART_PROBLEMS)
		put_rows(stream, stream->problems);
}

static void put_peer(struct stream *stream, size_t i)
{
	json_t *row;

	if (stream->part == PART_PROBLEMS) {
		row = json_array();
		status_peers_problems(stream->peers, i, row);
		put_rows(stream, row);
	} else {
		row = status_peers_row(stream->peers, i,
				       stream->part == PART_PARTNERS ? STATUS_PARTNERS
								     : STATUS_BACKENDS);
		put_row(stream, row);
	}
	json_decref(row);
}

static size_t read_stream(void *user, char *out, size_t size)
{
	struct stream *stream = user;
	size_t len;

	if (stream->at == stream->pending.len) {
		buf_clear(&stream->pending);
		stream->at = 0;
		while (stream->pending.len < size && stream->part != PART_END) {
			if (stream->i < status_peers_n(stream->peers))
				put_peer(stream, stream->i++);
			else
				begin_part(stream, stream->part + 1);
		}
	}
	len = stream->pending.len - stream->at;
	if (len > size)
		len = size;
	memcpy(out, buf_text(&stream->pending) + stream->at, len);
	stream->at += len;
	return len;
}

static void free_stream(void *user)
{
	struct stream *stream = user;

	status_peers_free(stream->peers);
	json_decref(stream->problems);
	buf_fini(&stream->pending);
	free(stream);
}

enum err status_stream_new(struct status_peers *peers, json_t *head, json_t *problems,
			   struct http_source *out)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	char *text = json_take_text(head);

	if (!stream || !text) {
		status_peers_free(peers);
		json_decref(problems);
		free(stream);
		free(text);
		return ERR_NO_MEMORY;
	}
	stream->peers = peers;
	stream->problems = problems;
	buf_init(&stream->pending, 0);
	buf_add(&stream->pending, text, strlen(text) - 1); /* its lists follow */
	free(text);
	begin_part(stream, PART_PARTNERS);
	*out = (struct http_source){ read_stream, free_stream, stream };
	return ERR_OK;
}
