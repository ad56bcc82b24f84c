/* A kernel that does as it is told, for tests of the kernel path. Included by one program each,
 * hence static inline. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/kernel_door.h"
#include "proxy/base/macros.h"

enum { FAKE_DOOR_ROOM = 64 };

struct fake_flow {
	struct kernel_ends ends;
	struct kernel_way way;
	uint64_t packets, bytes;
};

/* There is one door at most. */
static struct {
	struct fake_flow flows[FAKE_DOOR_ROOM];
	unsigned n_flows;
	bool is_open, may_not_pass;
	enum err open_err, way_err, in_err, out_err, count_err;
	uint16_t bad_port;      /* a flow from there cannot enter */
	uint16_t rerouted_port; /* flows to there go by another device */
	unsigned n_opened, n_transactions, n_changes, n_ways;
	int fd;
} door;

static inline struct fake_flow *fake_find(const struct kernel_ends *ends)
{
	for (unsigned i = 0; i < door.n_flows; i++)
		if (addr_equal(&door.flows[i].ends.source, &ends->source) &&
		    addr_equal(&door.flows[i].ends.ours, &ends->ours))
			return &door.flows[i];
	return NULL;
}

static inline enum err fake_open(unsigned n_flows, struct kernel_door **out,
				 char why[KERNEL_WHY_SIZE])
{
	door.n_opened++;
	if (door.open_err) {
		snprintf(why, KERNEL_WHY_SIZE, "the fake says no");
		return door.open_err;
	}
	assert_false(door.is_open);
	assert_int_equal(door.n_flows, 0);
	door.is_open = true;
	door.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	*out = (struct kernel_door *)(void *)&door;
	return ERR_OK;
}

static inline void fake_close(struct kernel_door *unused)
{
	assert_true(door.is_open);
	close(door.fd);
	door.is_open = false;
	door.n_flows = 0;
}

static inline int fake_watched(const struct kernel_door *unused)
{
	return door.fd;
}

static inline bool fake_look(struct kernel_door *unused)
{
	uint64_t n;

	return read(door.fd, &n, sizeof(n)) == sizeof(n);
}

static inline bool fake_may_pass(struct kernel_door *unused)
{
	assert_true(door.is_open);
	return !door.may_not_pass;
}

static inline enum err fake_find_way(struct kernel_door *unused, const struct kernel_ends *ends,
				     struct kernel_way *out)
{
	assert_true(door.is_open);
	door.n_ways++;
	if (door.way_err)
		return door.way_err;
	*out = (struct kernel_way){ .in_device = 2,
				    .out_device = addr_port(&ends->target) == door.rerouted_port
							  ? 4
							  : 3,
				    .gateway = ends->target };
	return ERR_OK;
}

static inline enum err fake_check(const struct kernel_change *change)
{
	if (change->is_out)
		return door.out_err              ? door.out_err
		       : fake_find(change->ends) ? ERR_OK
						 : ERR_NOT_FOUND;
	if (door.in_err || addr_port(&change->ends->source) == door.bad_port)
		return door.in_err ? door.in_err : ERR_LIMIT;
	return fake_find(change->ends) ? ERR_EXISTS : ERR_OK;
}

static inline enum err fake_change(struct kernel_door *unused, struct kernel_change *changes,
				   unsigned n)
{
	assert_true(door.is_open);
	assert_in_range(n, 1, KERNEL_MAX_CHANGES);
	door.n_transactions++;
	for (unsigned i = 0; i < n; i++) {
		const enum err err = fake_check(&changes[i]);

		if (err)
			return err;
	}
	for (unsigned i = 0; i < n; i++) {
		struct fake_flow *flow = fake_find(changes[i].ends);

		door.n_changes++;
		if (!changes[i].is_out) {
			assert_true(door.n_flows < FAKE_DOOR_ROOM);
			door.flows[door.n_flows++] =
				(struct fake_flow){ .ends = *changes[i].ends,
						    .way = *changes[i].way };
			continue;
		}
		changes[i].packets = flow->packets;
		changes[i].bytes = flow->bytes;
		changes[i].has_counts = true;
		*flow = door.flows[--door.n_flows];
	}
	return ERR_OK;
}

static inline enum err fake_count(struct kernel_door *unused, kernel_counted *told, void *user)
{
	assert_true(door.is_open);
	for (unsigned i = 0; !door.count_err && i < door.n_flows; i++)
		told(user,
		     &(struct kernel_ends){ .source = door.flows[i].ends.source,
					    .ours = door.flows[i].ends.ours },
		     door.flows[i].packets, door.flows[i].bytes);
	return door.count_err;
}

static const struct kernel_door_ops fake_door = {
	.open = fake_open,
	.close = fake_close,
	.watched = fake_watched,
	.look = fake_look,
	.may_pass = fake_may_pass,
	.find_way = fake_find_way,
	.change = fake_change,
	.count = fake_count,
};

static inline void fake_door_reset(void)
{
	assert_false(door.is_open);
	memset(&door, 0, sizeof(door));
}

/* Routes have changed. */
static inline void fake_news(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(door.fd, &one, sizeof(one)), sizeof(one));
}
