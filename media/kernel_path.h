/* kernel_path: a thread that puts flows of relayed RTP into the kernel and takes them out
 * again, so that their packets cost no system call. Media workers order by letter, and get one
 * answer to each order; what is queued goes into the kernel in one piece. Once a second the
 * kernel's counts are read; when addresses, devices or routes change, each flow's way is looked
 * up anew, and those that would go another way leave. Which flows may enter is the workers'
 * business (end_flow.h). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/kernel_door.h"
#include "media/kernel_view.h"
#include "proxy/base/list.h"
#include "proxy/base/mailbox.h"
#include "proxy/base/table.h"

struct kernel_path;
struct loop;

/* What a flow is known by. */
struct kernel_key {
	uint8_t source[16], ours[16]; /* IPv4: the first four */
	uint16_t source_port, our_port;
	uint16_t family;
};

/* One direction of one stream. Its owner is a media worker, which may free it when its last
 * order is answered and is_noticed is false. */
struct kernel_flow {
	/* The worker's, unchanged while an order is under way or the flow is in. */
	struct mailbox *mailbox; /* where answers go */
	void (*on_answer)(struct kernel_flow *flow);
	void (*on_notice)(struct kernel_flow *flow);
	struct kernel_ends ends;

	struct letter order, answer, notice;
	bool is_leaving;         /* the order: out, else in */
	enum err err;            /* the answer: why it is not in. Out always succeeds */
	_Atomic bool is_noticed; /* notice is under way: cleared before on_notice */

	/* Written by the path's thread, read by anybody: of all times that it was in. */
	_Atomic uint64_t packets, bytes;
	_Atomic uint64_t seen_ms; /* when packets were last found to have come; 0: never */

	/* The path's. */
	UT_hash_handle hh;
	struct list link;
	struct kernel_key key;
	struct kernel_way way;
	uint64_t packets_before, bytes_before; /* as counted last, since it is in */
	bool is_in;
};

struct kernel_path_settings {
	struct loop *loop;                 /* NULL: a thread of its own */
	const struct kernel_door_ops *ops; /* NULL: the real ones */
	unsigned n_flows;                  /* at most, of each family */
};

/* Switched off. ERR_NO_MEMORY; ERR_LIMIT: no thread. */
enum err kernel_path_new(const struct kernel_path_settings *settings,
			 struct kernel_path **out) MUST_CHECK;

/* Takes all flows out, answers every order that waits, ends the thread, frees. The threads that
 * own flows have ended, but not their mailboxes; nobody orders any more. Returns NULL; NULL is
 * fine. */
struct kernel_path *kernel_path_free(struct kernel_path *path);

/* On, or off: then all flows leave. Any thread; soon. ERR_NO_MEMORY, ERR_LIMIT: nothing
 * changes. */
enum err kernel_path_switch(struct kernel_path *path, bool is_on) MUST_CHECK;

/* True if it makes sense to order a flow in. Any thread; one load. */
bool kernel_path_is_open(const struct kernel_path *path);

/* Orders the flow in, or out (is_leaving). One order at a time; exactly one answer comes to its
 * mailbox. ERR_LIMIT: too many wait; nothing was ordered. Any thread. */
enum err kernel_path_order(struct kernel_path *path, struct kernel_flow *flow) MUST_CHECK;

/* Any thread; a short lock. */
void kernel_path_look(struct kernel_path *path, struct kernel_path_view *out);
