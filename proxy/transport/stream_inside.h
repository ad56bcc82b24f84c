/* What stream.c (life, deadlines) and stream_io.c (bytes) share. */
#pragma once

#include "proxy/base/loop.h"
#include "proxy/base/timer.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/frame.h"
#include "proxy/transport/send_queue.h"
#include "proxy/transport/tls.h"
#include "proxy/transport/transport_inside.h"

enum stream_state {
	STREAM_CONNECTING,
	STREAM_HANDSHAKING,
	STREAM_OPEN,
	STREAM_HALF_CLOSED, /* the peer will send no more, but may still get answers */
};

struct stream {
	struct flow flow;
	int fd; /* -1: closed */
	enum stream_state state;
	struct loop_watch watch;
	struct timer deadline;     /* of the state */
	struct timer stall;        /* runs while the peer reads too slowly */
	uint64_t stall_sent_bytes; /* flow.n_sent_bytes when it began */
	struct loop_call flush_call, report_call;
	struct framer framer;
	char *in; /* the beginning of a message whose rest is on the way */
	size_t in_len, in_size;
	struct send_queue queue;
	struct tls_session *tls; /* NULL: plain */
	uint64_t partial_ms;     /* since when bytes are in in */
	bool has_message;        /* one whole message came */
	bool is_blocked;         /* the kernel takes no more */
	bool is_reported;        /* on_handshake was called, or will be */
	bool is_ending;          /* stream_end is at work: nobody is called from inside it */
	bool is_input;           /* bytes of in are being looked at: they must stay */
};

enum stream_end { STREAM_DROP, STREAM_LINGER };

/* Ends the stream; users are told from the loop. */
void stream_end(struct stream *stream, enum err err, enum reason reason, enum stream_end how);

/* The connection stands, and so does TLS on it. */
void stream_opened(struct stream *stream);

/* Goes on with the handshake with the bytes that were fed, and opens or ends the stream. */
void stream_handshake(struct stream *stream);

/* Tells the user how the handshake went. */
void stream_report(struct stream *stream);

/* Sets the deadline anew from what the stream is doing. */
void stream_set_deadline(struct stream *stream);

/* The peer closed, reset, or broke TLS. Before the end of a handshake that is the handshake's
 * failure. */
void stream_lost(struct stream *stream);

/* stream_io.c */
enum err stream_send(struct flow *flow, struct wire *wire) MUST_CHECK;
void stream_read(struct stream *stream);
void stream_flush(struct stream *stream);
void stream_watch(struct stream *stream); /* asks the loop for what is wanted now */
void stream_free_buffers(struct stream *stream);
