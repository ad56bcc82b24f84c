/* worker: a media thread: its loop, its mailbox, the relays it owns, the buffers that packets
 * go through, and its counts. For media/ alone. */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "media/relay_inside.h"

enum {
	PACKET_ROOM = 2048, /* a datagram; longer ones are no RTP of anybody */
	WORKER_MAX_BATCH = 16,
};

/* One packet under way. The bytes are aligned, and have SRTP_ROOM behind them. */
struct packet {
	uint8_t bytes[PACKET_ROOM + SRTP_ROOM] __attribute__((aligned(16)));
	struct addr source;
};

/* Written by the worker alone, read by anybody. */
struct worker_counts {
	_Atomic uint64_t packets, bytes, rejected_sources, srtp_failures, dropped, timeouts;
	/* written by owners as well: added with atomics */
	_Atomic unsigned n_relays, n_streams;
};

/* What waits to be sent by one socket. */
struct sending {
	int fd;
	unsigned n;
	struct mmsghdr heads[WORKER_MAX_BATCH];
	struct iovec parts[WORKER_MAX_BATCH];
};

struct media_worker {
	struct relays *relays;
	struct loop *loop;
	struct mailbox *mailbox;
	pthread_t thread;
	bool has_thread, owns_loop;
	struct letter stop;
	struct list list; /* relays */
	struct worker_counts counts;
	struct mmsghdr heads[WORKER_MAX_BATCH]; /* receiving */
	struct iovec parts[WORKER_MAX_BATCH];
	struct packet packets[WORKER_MAX_BATCH];
	struct sending sending;
};

struct kernel_door_ops;
struct kernel_path;

struct relays {
	struct ports *ports;
	struct dtls_context *dtls;
	struct loop *loop; /* n_workers 0 */
	unsigned n_workers;
	_Atomic unsigned next_worker;
	struct media_worker *workers;              /* at least one */
	_Atomic(struct kernel_path *) kernel;      /* NULL: never switched on */
	const struct kernel_door_ops *kernel_door; /* NULL: the real one */
};

static inline void count_one(_Atomic uint64_t *count, uint64_t n)
{
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The time by which ports rest: the turned clock where there is one. Any thread. */
uint64_t relays_now_ms(const struct relays *relays);

/* The worker with the fewest relays. Any thread. */
struct media_worker *relays_choose(struct relays *relays);

/* Tells the owner; without memory, or with a full mailbox, the event is lost. The worker's
 * thread. */
void worker_tell(struct relay *relay, const struct relay_event *event);

/* Tells the owner RELAY_CLOSED; the relay is gone then. False if its mailbox is full: again
 * later, with event NULL. */
bool worker_tell_last(struct relay *relay, const struct relay_event *event);
