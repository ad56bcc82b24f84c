/* kernel_path_inside: what the files of the kernel path share: kernel_path.c opens and shuts
 * the door and looks after what is in, kernel_flows.c takes flows in and out and answers.
 * Everything but the atomics and what the lock is for belongs to the path's thread. */
#pragma once

#include <pthread.h>

#include "media/kernel_path.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"

struct kernel_path {
	const struct kernel_door_ops *ops;
	struct kernel_door *door; /* NULL: closed */
	unsigned n_max;
	bool is_wanted;

	struct loop *loop;
	struct mailbox *mailbox;
	pthread_t thread;
	bool has_thread;
	struct letter stop;

	struct list ordered; /* flows, until the batch */
	struct loop_call batch;
	struct list unanswered;
	struct timer answering, tick, settling, reopening;
	struct loop_watch watch;
	struct kernel_flow *by_key; /* those that are in, and those of the change under way */

	_Atomic bool is_open;
	_Atomic unsigned n_in;
	_Atomic uint64_t packets, bytes, n_entered, n_refused, n_evicted;
	pthread_mutex_t lock; /* of what follows */
	enum kernel_path_state state;
	bool is_held;
	enum err err;
	char why[KERNEL_WHY_SIZE];
};

/* One writer: no locked instruction is needed. */
static inline void kernel_count(_Atomic uint64_t *count, uint64_t n)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* ---- kernel_path.c ---- */

/* The kernel does not do what it did before: all flows go by user space, and later we try
 * again. */
void kernel_path_fail(struct kernel_path *path, enum err err);

/* True if flows may be in now; else those that are must leave. The door is open. */
bool kernel_path_may_pass(struct kernel_path *path);

/* ---- kernel_flows.c ---- */

/* Deliver of an order: it waits for the batch. */
void kernel_flows_take(struct letter *letter, void *path);

/* What was ordered is done, and answered. Runs after the orders of one round were taken, and at
 * the end. */
void kernel_flows_settle(struct loop_call *batch);

/* The door is shut: they are out, and their owners are told. */
void kernel_flows_forget(struct kernel_path *path);

/* Takes out those that would go another way now; all, if none may be in. */
void kernel_flows_evict(struct kernel_path *path, bool all);

/* Reads the kernel's counts. */
enum err kernel_flows_count(struct kernel_path *path) MUST_CHECK;

/* Answers, at the end, those whose mailbox was full all the time. */
void kernel_flows_answer_rest(struct kernel_path *path);
