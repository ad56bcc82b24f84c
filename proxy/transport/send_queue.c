#include "proxy/transport/send_queue.h"

#include <stdlib.h>

enum { FIRST_SIZE = 8, KEPT_SIZE = 64 };

void send_queue_fini(struct send_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		wire_unref(queue->wires[(queue->head + i) % queue->size]);
	free(queue->wires);
	*queue = (struct send_queue){ 0 };
}

static enum err grow(struct send_queue *queue)
{
	size_t size = queue->size ? 2 * queue->size : FIRST_SIZE;

	struct wire **wires = malloc(size * sizeof(struct wire *));
	if (!wires)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < queue->count; i++)
		wires[i] = queue->wires[(queue->head + i) % queue->size];
	free(queue->wires);
	queue->wires = wires;
	queue->size = size;
	queue->head = 0;
	return ERR_OK;
}

enum err send_queue_push(struct send_queue *queue, struct wire *wire)
{
	if (wire->len == 0)
		return ERR_OK;
	if (queue->count == queue->size && grow(queue) != ERR_OK)
		return ERR_NO_MEMORY;
	queue->wires[(queue->head + queue->count) % queue->size] = wire_ref(wire);
	queue->count++;
	queue->n_bytes += wire->len;
	return ERR_OK;
}

unsigned send_queue_peek(const struct send_queue *queue, struct iovec *iov, unsigned max)
{
	unsigned n = 0;

	for (; n < max && n < queue->count; n++) {
		struct wire *wire = queue->wires[(queue->head + n) % queue->size];
		size_t at = n == 0 ? queue->at : 0;
		iov[n] = (struct iovec){ .iov_base = wire->bytes + at,
					 .iov_len = wire->len - at };
	}
	return n;
}

void send_queue_pop(struct send_queue *queue, size_t len)
{
	queue->n_bytes -= len;
	while (len > 0) {
		struct wire *wire = queue->wires[queue->head];
		size_t left = wire->len - queue->at;
		if (len < left) {
			queue->at += len;
			return;
		}
		len -= left;
		queue->at = 0;
		queue->head = (queue->head + 1) % queue->size;
		queue->count--;
		wire_unref(wire);
	}
	/* A connection that once had a long queue does not keep its memory. */
	if (queue->count == 0 && queue->size > KEPT_SIZE)
		send_queue_fini(queue);
}
