#include "media/kernel_path_inside.h"

#include <string.h>

#include "proxy/base/macros.h"

enum { ANSWER_MS = 20 }; /* until an answer that found a full mailbox is tried again */

/* ---- answers ---- */

static void on_answer(struct letter *letter, void *owner)
{
	struct kernel_flow *flow = container_of(letter, struct kernel_flow, answer);

	flow->on_answer(flow);
}

static void on_notice(struct letter *letter, void *owner)
{
	struct kernel_flow *flow = container_of(letter, struct kernel_flow, notice);

	atomic_store_explicit(&flow->is_noticed, false, memory_order_relaxed);
	flow->on_notice(flow);
}

static void on_answering(struct timer *timer);

/* From the moment it is posted the flow is the worker's. */
static void answer(struct kernel_path *path, struct kernel_flow *flow, enum err err)
{
	flow->err = err;
	flow->answer.deliver = on_answer;
	if (!mailbox_post(flow->mailbox, &flow->answer))
		return;
	list_append(&path->unanswered, &flow->link);
	if (!timer_is_running(&path->answering))
		timer_start(path->loop, &path->answering, ANSWER_MS, on_answering);
}

static void on_answering(struct timer *timer)
{
	struct kernel_path *path = container_of(timer, struct kernel_path, answering);
	struct list waiting;

	list_prepend(&path->unanswered, &waiting);
	list_remove(&path->unanswered); /* waiting is the head now */
	while (!list_is_empty(&waiting)) {
		struct kernel_flow *flow = container_of(waiting.next, struct kernel_flow, link);

		list_remove(&flow->link);
		answer(path, flow, flow->err);
	}
}

/* It is out, though nobody ordered so. */
static void notify(struct kernel_path *path, struct kernel_flow *flow)
{
	kernel_count(&path->n_evicted, 1);
	atomic_store_explicit(&flow->is_noticed, true, memory_order_relaxed);
	flow->notice.deliver = on_notice;
	/* A full mailbox: the worker goes on to think that it is in, and its packets take the
	 * slow way until it orders it out. */
	if (mailbox_post(flow->mailbox, &flow->notice))
		atomic_store_explicit(&flow->is_noticed, false, memory_order_relaxed);
}

/* ---- flows ---- */

static void put_host(uint8_t out[16], const struct addr *addr)
{
	if (addr_is_ipv6(addr))
		memcpy(out, &addr->in6.sin6_addr, 16);
	else
		memcpy(out, &addr->in4.sin_addr, 4);
}

static void make_key(const struct kernel_ends *ends, struct kernel_key *out)
{
	memset(out, 0, sizeof(*out));
	put_host(out->source, &ends->source);
	put_host(out->ours, &ends->ours);
	out->source_port = addr_port(&ends->source);
	out->our_port = addr_port(&ends->ours);
	out->family = ends->source.sa.sa_family;
}

static struct kernel_flow *find(struct kernel_path *path, const struct kernel_key *key)
{
	struct kernel_flow *flow = NULL;

	HASH_FIND(hh, path->by_key, key, sizeof(*key), flow);
	return flow;
}

static bool same_way(const struct kernel_way *a, const struct kernel_way *b)
{
	return a->in_device == b->in_device && a->out_device == b->out_device &&
	       addr_same_host(&a->gateway, &b->gateway);
}

static void note_counts(struct kernel_path *path, struct kernel_flow *flow, uint64_t packets,
			uint64_t bytes)
{
	if (packets <= flow->packets_before || bytes < flow->bytes_before)
		return;
	kernel_count(&flow->packets, packets - flow->packets_before);
	kernel_count(&flow->bytes, bytes - flow->bytes_before);
	kernel_count(&path->packets, packets - flow->packets_before);
	kernel_count(&path->bytes, bytes - flow->bytes_before);
	flow->packets_before = packets;
	flow->bytes_before = bytes;
	atomic_store_explicit(&flow->seen_ms, loop_now_ms(path->loop), memory_order_relaxed);
}

static void took_in(struct kernel_path *path, struct kernel_flow *flow)
{
	flow->is_in = true;
	flow->packets_before = flow->bytes_before = 0;
	atomic_fetch_add_explicit(&path->n_in, 1, memory_order_relaxed);
	kernel_count(&path->n_entered, 1);
}

static void took_out(struct kernel_path *path, struct kernel_flow *flow)
{
	HASH_DEL(path->by_key, flow);
	if (!flow->is_in)
		return;
	flow->is_in = false;
	atomic_fetch_sub_explicit(&path->n_in, 1, memory_order_relaxed);
}

/* ---- changes ---- */

static struct kernel_change change_of(const struct kernel_flow *flow, bool is_out)
{
	return (struct kernel_change){ .ends = &flow->ends,
				       .way = &flow->way,
				       .is_out = is_out };
}

static void succeeded(struct kernel_path *path, struct kernel_flow *flow,
		      const struct kernel_change *change)
{
	if (change->is_out) {
		if (change->has_counts)
			note_counts(path, flow, change->packets, change->bytes);
		took_out(path, flow);
	} else {
		took_in(path, flow);
	}
	answer(path, flow, ERR_OK);
}

/* True if the kernel has surely not taken it in: there is no room, or the device has gone. */
static bool is_refusal(enum err err)
{
	return err == ERR_LIMIT || err == ERR_UNREACHABLE || err == ERR_NO_MEMORY;
}

/* One change that failed by itself. Out it must be, whatever becomes of the others, or of what
 * nobody knows. */
static void failed(struct kernel_path *path, struct kernel_flow *flow, enum err err)
{
	if (flow->is_leaving || !is_refusal(err)) {
		kernel_path_fail(path, err);
		answer(path, flow, flow->is_leaving ? ERR_OK : err);
		return;
	}
	took_out(path, flow);
	kernel_count(&path->n_refused, 1);
	answer(path, flow, err);
}

static void change_alone(struct kernel_path *path, struct kernel_flow *flow)
{
	struct kernel_change change = change_of(flow, flow->is_leaving);
	enum err err = path->door ? path->ops->change(path->door, &change, 1) : ERR_CLOSED;

	if (!path->door)
		/* shut took it out */
		answer(path, flow, flow->is_leaving ? ERR_OK : ERR_CLOSED);
	else if (err)
		failed(path, flow, err);
	else
		succeeded(path, flow, &change);
}

static void change_all(struct kernel_path *path, struct kernel_flow *const *flows, unsigned n)
{
	struct kernel_change changes[KERNEL_MAX_CHANGES];

	for (unsigned i = 0; i < n; i++)
		changes[i] = change_of(flows[i], flows[i]->is_leaving);
	if (n > 1 && !path->ops->change(path->door, changes, n)) {
		for (unsigned i = 0; i < n; i++)
			succeeded(path, flows[i], &changes[i]);
		return;
	}
	for (unsigned i = 0; i < n; i++) /* one of them is at fault */
		change_alone(path, flows[i]);
}

/* Why a flow cannot enter; ERR_OK: it may be tried, and is in the table. */
static enum err admit(struct kernel_path *path, struct kernel_flow *flow)
{
	enum err err;

	if (!path->door)
		return ERR_CLOSED;
	if (HASH_COUNT(path->by_key) >= path->n_max)
		return ERR_LIMIT;
	make_key(&flow->ends, &flow->key);
	if (find(path, &flow->key))
		return ERR_EXISTS;
	err = path->ops->find_way(path->door, &flow->ends, &flow->way);
	if (err)
		return err;
	HASH_ADD(hh, path->by_key, key, sizeof(flow->key), flow);
	return find(path, &flow->key) == flow ? ERR_OK : ERR_NO_MEMORY;
}

/* True if there is something to change; else it is answered, and gone. */
static bool is_change(struct kernel_path *path, struct kernel_flow *flow, bool may)
{
	enum err err;

	if (flow->is_leaving && flow->is_in)
		return true;
	if (flow->is_leaving) {
		answer(path, flow, ERR_OK);
		return false;
	}
	err = may ? admit(path, flow) : ERR_CLOSED;
	if (err) {
		kernel_count(&path->n_refused, 1);
		answer(path, flow, err);
	}
	return !err;
}

void kernel_flows_settle(struct loop_call *call)
{
	struct kernel_path *path = container_of(call, struct kernel_path, batch);
	const bool may = path->door && kernel_path_may_pass(path);

	while (!list_is_empty(&path->ordered)) {
		struct kernel_flow *flows[KERNEL_MAX_CHANGES];
		unsigned n = 0;

		while (n < KERNEL_MAX_CHANGES && !list_is_empty(&path->ordered)) {
			struct kernel_flow *flow =
				container_of(path->ordered.next, struct kernel_flow, link);

			list_remove(&flow->link);
			if (is_change(path, flow, may))
				flows[n++] = flow;
		}
		if (n > 0)
			change_all(path, flows, n);
	}
}

void kernel_flows_take(struct letter *letter, void *owner)
{
	struct kernel_path *path = owner;
	struct kernel_flow *flow = container_of(letter, struct kernel_flow, order);

	list_append(&path->ordered, &flow->link);
	loop_defer(path->loop, &path->batch, kernel_flows_settle);
}

/* ---- looking after them ---- */

void kernel_flows_evict(struct kernel_path *path, bool all)
{
	struct kernel_flow *flow, *next;

	HASH_ITER(hh, path->by_key, flow, next)
	{
		struct kernel_change change = change_of(flow, true);
		struct kernel_way way;
		enum err err;

		if (!all && !path->ops->find_way(path->door, &flow->ends, &way) &&
		    same_way(&way, &flow->way))
			continue;
		err = path->ops->change(path->door, &change, 1);
		if (err) {
			kernel_path_fail(path, err);
			return;
		}
		if (change.has_counts)
			note_counts(path, flow, change.packets, change.bytes);
		took_out(path, flow);
		notify(path, flow);
	}
}

static void on_counted(void *user, const struct kernel_ends *ends, uint64_t packets,
		       uint64_t bytes)
{
	struct kernel_path *path = user;
	struct kernel_flow *flow;
	struct kernel_key key;

	make_key(ends, &key);
	flow = find(path, &key);
	if (flow)
		note_counts(path, flow, packets, bytes);
}

enum err kernel_flows_count(struct kernel_path *path)
{
	return path->by_key ? path->ops->count(path->door, on_counted, path) : ERR_OK;
}

void kernel_flows_forget(struct kernel_path *path)
{
	struct kernel_flow *flow, *next;

	HASH_ITER(hh, path->by_key, flow, next)
	{
		const bool was_in = flow->is_in;

		took_out(path, flow);
		if (was_in)
			notify(path, flow);
	}
}

void kernel_flows_answer_rest(struct kernel_path *path)
{
	timer_stop(&path->answering);
	while (!list_is_empty(&path->unanswered)) { /* nobody empties the mailboxes any more */
		struct kernel_flow *flow =
			container_of(path->unanswered.next, struct kernel_flow, link);

		list_remove(&flow->link);
		flow->on_answer(flow);
	}
}
