/* Wires that wait for a stream to take them, in order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "proxy/base/error.h"
#include "proxy/base/wire.h"

/* Embedded in a stream; zeroed memory is an empty queue that owns no memory. */
struct send_queue {
	struct wire **wires; /* a ring */
	size_t size, head, count;
	size_t at; /* bytes of the first one that are gone already */
	size_t n_bytes;
};

void send_queue_fini(struct send_queue *queue);

/* Takes a reference of its own to wire. ERR_NO_MEMORY. */
enum err send_queue_push(struct send_queue *queue, struct wire *wire) MUST_CHECK;

/* Describes up to max pieces from the front; returns how many. */
unsigned send_queue_peek(const struct send_queue *queue, struct iovec *iov, unsigned max);

/* len bytes from the front are gone. */
void send_queue_pop(struct send_queue *queue, size_t len);
