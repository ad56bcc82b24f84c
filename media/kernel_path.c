#include "media/kernel_path.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/loop.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/base/timer.h"

enum {
	TICK_MS = 1000,	    /* between two looks at the counts */
	SETTLE_MS = 200,    /* routes change in crowds */
	REOPEN_MS = 30000,  /* after the kernel refused what it should not */
	ANSWER_MS = 20,	    /* until an answer that found a full mailbox is tried again */
};

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
static void add(_Atomic uint64_t *count, uint64_t n)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

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
	add(&path->n_evicted, 1);
	atomic_store_explicit(&flow->is_noticed, true, memory_order_relaxed);
	flow->notice.deliver = on_notice;
	/* A full mailbox: the worker goes on to think that it is in, and its packets take the slow way until it orders it out. */
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
	return a->in_device == b->in_device && a->out_device == b->out_device && addr_same_host(&a->gateway, &b->gateway);
}

static void note_counts(struct kernel_path *path, struct kernel_flow *flow, uint64_t packets, uint64_t bytes)
{
	if (packets <= flow->packets_before || bytes < flow->bytes_before)
		return;
	add(&flow->packets, packets - flow->packets_before);
	add(&flow->bytes, bytes - flow->bytes_before);
	add(&path->packets, packets - flow->packets_before);
	add(&path->bytes, bytes - flow->bytes_before);
	flow->packets_before = packets;
	flow->bytes_before = bytes;
	atomic_store_explicit(&flow->seen_ms, loop_now_ms(path->loop), memory_order_relaxed);
}

static void took_in(struct kernel_path *path, struct kernel_flow *flow)
{
	flow->is_in = true;
	flow->packets_before = flow->bytes_before = 0;
	atomic_fetch_add_explicit(&path->n_in, 1, memory_order_relaxed);
	add(&path->n_entered, 1);
}

static void took_out(struct kernel_path *path, struct kernel_flow *flow)
{
	HASH_DEL(path->by_key, flow);
	if (!flow->is_in)
		return;
	flow->is_in = false;
	atomic_fetch_sub_explicit(&path->n_in, 1, memory_order_relaxed);
}

/* ---- open and closed ---- */

static void show(struct kernel_path *path, enum kernel_path_state state, enum err err, const char *why)
{
	pthread_mutex_lock(&path->lock);
	path->state = state;
	path->err = err;
	text_copy(path->why, sizeof(path->why), why);
	path->is_held = false;
	pthread_mutex_unlock(&path->lock);
	atomic_store_explicit(&path->is_open, state == KERNEL_PATH_ON, memory_order_relaxed);
}

/* Closing the door takes out whatever is in. */
static void shut(struct kernel_path *path)
{
	struct kernel_flow *flow, *next;

	timer_stop(&path->tick);
	timer_stop(&path->settling);
	timer_stop(&path->reopening);
	loop_watch_stop(&path->watch);
	if (!path->door)
		return;
	path->ops->close(path->door);
	path->door = NULL;
	HASH_ITER(hh, path->by_key, flow, next) {
		const bool was_in = flow->is_in;

		took_out(path, flow);
		if (was_in)
			notify(path, flow);
	}
}

static void open_door(struct kernel_path *path);

static void on_reopening(struct timer *timer)
{
	open_door(container_of(timer, struct kernel_path, reopening));
}

/* The kernel does not do what it did before: all flows go by user space, and later we try again. */
static void fail(struct kernel_path *path, enum err err)
{
	shut(path);
	show(path, KERNEL_PATH_FAILED, err, "the kernel refused a change of flows");
	log_event(LOG_WARNING, "relayed media leave the kernel path for a while", "reason", err_text(err), NULL);
	timer_start(path->loop, &path->reopening, REOPEN_MS, on_reopening);
}

/* True if flows may be in now; else those that are leave. */
static bool may_pass(struct kernel_path *path)
{
	const bool may = path->ops->may_pass(path->door);
	bool was_held;

	pthread_mutex_lock(&path->lock);
	was_held = path->is_held;
	path->is_held = !may;
	pthread_mutex_unlock(&path->lock);
	if (may == was_held)
		log_event(LOG_WARNING, may ? "relayed media may take the kernel path again" :
					     "relayed media do not take the kernel path while IPsec policies hold for this host",
			  NULL);
	return may;
}

/* ---- changes ---- */

static struct kernel_change change_of(const struct kernel_flow *flow, bool is_out)
{
	return (struct kernel_change){ .ends = &flow->ends, .way = &flow->way, .is_out = is_out };
}

static void succeeded(struct kernel_path *path, struct kernel_flow *flow, const struct kernel_change *change)
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

/* One change that failed by itself. */
static void failed(struct kernel_path *path, struct kernel_flow *flow, enum err err)
{
	if (flow->is_leaving) {
		fail(path, err); /* out it must be, whatever becomes of the others: it was told so with them */
		answer(path, flow, ERR_OK);
		return;
	}
	took_out(path, flow);
	add(&path->n_refused, 1);
	answer(path, flow, err);
}

static void change_alone(struct kernel_path *path, struct kernel_flow *flow)
{
	struct kernel_change change = change_of(flow, flow->is_leaving);
	enum err err = path->door ? path->ops->change(path->door, &change, 1) : ERR_CLOSED;

	if (!path->door)
		answer(path, flow, flow->is_leaving ? ERR_OK : ERR_CLOSED); /* shut took it out */
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

/* True if there is something to change; else it is answered. */
static bool is_change(struct kernel_path *path, struct kernel_flow *flow, bool may)
{
	enum err err;

	if (flow->is_leaving) {
		if (!flow->is_in)
			answer(path, flow, ERR_OK);
		return flow->is_in;
	}
	err = may ? admit(path, flow) : ERR_CLOSED;
	if (err) {
		add(&path->n_refused, 1);
		answer(path, flow, err);
	}
	return !err;
}

static void on_batch(struct loop_call *call)
{
	struct kernel_path *path = container_of(call, struct kernel_path, batch);
	const bool may = path->door && may_pass(path);

	while (!list_is_empty(&path->ordered)) {
		struct kernel_flow *flows[KERNEL_MAX_CHANGES];
		unsigned n = 0;

		while (n < KERNEL_MAX_CHANGES && !list_is_empty(&path->ordered)) {
			struct kernel_flow *flow = container_of(path->ordered.next, struct kernel_flow, link);

			list_remove(&flow->link);
			if (is_change(path, flow, may))
				flows[n++] = flow;
		}
		if (n > 0)
			change_all(path, flows, n);
	}
}

static void on_order(struct letter *letter, void *owner)
{
	struct kernel_path *path = owner;
	struct kernel_flow *flow = container_of(letter, struct kernel_flow, order);

	list_append(&path->ordered, &flow->link);
	loop_defer(path->loop, &path->batch, on_batch);
}

/* ---- looking after them ---- */

/* Takes out those that would go another way now; all, if none may be in. */
static void evict(struct kernel_path *path, bool all)
{
	struct kernel_flow *flow, *next;

	HASH_ITER(hh, path->by_key, flow, next) {
		struct kernel_change change = change_of(flow, true);
		struct kernel_way way;
		enum err err;

		if (!all && !path->ops->find_way(path->door, &flow->ends, &way) && same_way(&way, &flow->way))
			continue;
		err = path->ops->change(path->door, &change, 1);
		if (err) {
			fail(path, err);
			return;
		}
		if (change.has_counts)
			note_counts(path, flow, change.packets, change.bytes);
		took_out(path, flow);
		notify(path, flow);
	}
}

static void on_settled(struct timer *timer)
{
	struct kernel_path *path = container_of(timer, struct kernel_path, settling);

	evict(path, !may_pass(path));
}

static void on_watched(struct loop_watch *watch, unsigned events)
{
	struct kernel_path *path = container_of(watch, struct kernel_path, watch);

	if (path->ops->look(path->door) && !timer_is_running(&path->settling))
		timer_start(path->loop, &path->settling, SETTLE_MS, on_settled);
}

static void on_counted(void *user, const struct kernel_ends *ends, uint64_t packets, uint64_t bytes)
{
	struct kernel_path *path = user;
	struct kernel_flow *flow;
	struct kernel_key key;

	make_key(ends, &key);
	flow = find(path, &key);
	if (flow)
		note_counts(path, flow, packets, bytes);
}

static void on_tick(struct timer *timer)
{
	struct kernel_path *path = container_of(timer, struct kernel_path, tick);
	enum err err = ERR_OK;

	timer_start(path->loop, timer, TICK_MS, on_tick);
	if (!path->by_key)
		return;
	err = path->ops->count(path->door, on_counted, path);
	if (err)
		fail(path, err);
	else if (!may_pass(path))
		evict(path, true);
}

static void open_door(struct kernel_path *path)
{
	char why[KERNEL_WHY_SIZE] = "";
	enum err err = path->ops->open(path->n_max, &path->door, why);
	int fd;

	if (err) {
		path->door = NULL;
		log_event(LOG_WARNING, "relayed media cannot take the kernel path, and go through the program", "reason", err_text(err),
			  "msg", why, NULL);
		show(path, KERNEL_PATH_FAILED, err, why);
		return;
	}
	fd = path->ops->watched(path->door);
	if (fd >= 0)
		loop_watch_start(path->loop, &path->watch, fd, LOOP_READ, on_watched);
	timer_start(path->loop, &path->tick, TICK_MS, on_tick);
	show(path, KERNEL_PATH_ON, ERR_OK, "");
	log_event(LOG_INFO, "relayed media may take the kernel path", NULL);
}

struct switching {
	struct letter letter;
	bool is_on;
};

static void on_switch(struct letter *letter, void *owner)
{
	struct switching *switching = container_of(letter, struct switching, letter);
	struct kernel_path *path = owner;
	const bool is_on = switching->is_on;

	free(switching);
	if (is_on && !path->door) {
		timer_stop(&path->reopening);
		open_door(path);
	} else if (!is_on) {
		if (path->door)
			log_event(LOG_INFO, "relayed media go through the program again", NULL);
		shut(path);
		show(path, KERNEL_PATH_OFF, ERR_OK, "");
	}
}

enum err kernel_path_switch(struct kernel_path *path, bool is_on)
{
	struct switching *switching = calloc(1, sizeof(*switching));
	enum err err;

	if (!switching)
		return ERR_NO_MEMORY;
	switching->letter.deliver = on_switch;
	switching->is_on = is_on;
	err = mailbox_post(path->mailbox, &switching->letter);
	if (err)
		free(switching);
	return err;
}

/* ---- life ---- */

static void *run(void *user)
{
	struct kernel_path *path = user;

	loop_run(path->loop);
	return NULL;
}

/* Signals are for the main thread. */
static enum err start(struct kernel_path *path)
{
	sigset_t all, before;
	int failed_at;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed_at = pthread_create(&path->thread, NULL, run, path);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed_at)
		return ERR_LIMIT;
	path->has_thread = true;
	pthread_setname_np(path->thread, "media-kernel");
	return ERR_OK;
}

enum err kernel_path_new(const struct kernel_path_settings *settings, struct kernel_path **out)
{
	struct kernel_path *path = calloc(1, sizeof(*path));
	enum err err = ERR_OK;

	if (!path)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&path->lock, NULL);
	list_init(&path->ordered);
	list_init(&path->unanswered);
	path->ops = settings->ops ? settings->ops : &kernel_nft_door;
	path->n_max = settings->n_flows;
	path->loop = settings->loop;
	if (!path->loop)
		err = loop_new(&path->loop);
	if (!err)
		err = mailbox_new(path->loop, path, &path->mailbox);
	if (!err && !settings->loop)
		err = start(path);
	if (err) {
		mailbox_free(path->mailbox);
		if (!settings->loop && path->loop)
			loop_free(path->loop);
		pthread_mutex_destroy(&path->lock);
		free(path);
		return err;
	}
	*out = path;
	return ERR_OK;
}

static void on_stop(struct letter *letter, void *owner)
{
	struct kernel_path *path = owner;

	loop_stop(path->loop);
}

struct kernel_path *kernel_path_free(struct kernel_path *path)
{
	if (!path)
		return NULL;
	if (path->has_thread) {
		path->stop.deliver = on_stop;
		while (mailbox_post(path->mailbox, &path->stop)) /* full: it is being emptied */
			usleep(1000);
		pthread_join(path->thread, NULL);
	}
	shut(path);
	path->mailbox = mailbox_free(path->mailbox); /* the orders that still wait */
	shut(path);				     /* one of them may have opened it */
	loop_defer_cancel(&path->batch);
	on_batch(&path->batch);
	timer_stop(&path->answering);
	while (!list_is_empty(&path->unanswered)) { /* full mailboxes, which nobody empties any more */
		struct kernel_flow *flow = container_of(path->unanswered.next, struct kernel_flow, link);

		list_remove(&flow->link);
		flow->on_answer(flow);
	}
	if (path->has_thread)
		loop_free(path->loop);
	pthread_mutex_destroy(&path->lock);
	free(path);
	return NULL;
}

bool kernel_path_is_open(const struct kernel_path *path)
{
	return atomic_load_explicit(&path->is_open, memory_order_relaxed);
}

enum err kernel_path_order(struct kernel_path *path, struct kernel_flow *flow)
{
	flow->order.deliver = on_order;
	return mailbox_post(path->mailbox, &flow->order);
}

void kernel_path_look(struct kernel_path *path, struct kernel_path_view *out)
{
	*out = (struct kernel_path_view){
		.n_flows = atomic_load_explicit(&path->n_in, memory_order_relaxed),
		.packets = atomic_load_explicit(&path->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&path->bytes, memory_order_relaxed),
		.n_entered = atomic_load_explicit(&path->n_entered, memory_order_relaxed),
		.n_refused = atomic_load_explicit(&path->n_refused, memory_order_relaxed),
		.n_evicted = atomic_load_explicit(&path->n_evicted, memory_order_relaxed),
	};
	pthread_mutex_lock(&path->lock);
	out->state = path->state;
	out->is_held = path->is_held;
	out->err = path->err;
	memcpy(out->why, path->why, sizeof(out->why));
	pthread_mutex_unlock(&path->lock);
}
