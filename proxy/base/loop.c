#include "proxy/base/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"

enum {
	N_HOOKS = 4,
	N_READY = 64, /* descriptors that one look takes */
	MAX_CALL_PASSES = 8,
	MAX_WAIT_MS = 1000,  /* even an idle loop shows the watchdog that it lives */
	MAX_LAST_CALLS = 64, /* rounds of deferred calls that loop_free still makes */
	MAX_POLLS_A_MOMENT =
		64, /* of a turned clock: a descriptor that is always ready must not hold it */
};

/* Where the wall clock of turned loops begins: 2026-01-01T00:00:00Z. */
static const uint64_t TURNED_EPOCH_US = 1767225600ULL * 1000000;

struct hook {
	void (*fn)(void *user);
	void *user;
};

struct loop {
	int epoll_fd;
	/* what the last look found; data.ptr: the watch, NULL once it has stopped */
	struct epoll_event ready[N_READY];
	int n_ready; /* 0 when all were told */
	/* what must be on time; and what may be late, which wakes nobody for itself */
	struct timer_wheel *wheel, *late_wheel;
	struct list calls;
	struct hook hooks[N_HOOKS];
	uint64_t now_ms;
	bool is_turned, is_stopping;
	unsigned n_watches;
	uint64_t n_events;
	_Atomic uint64_t n_rounds;
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void update_now(struct loop *loop)
{
	if (!loop->is_turned)
		loop->now_ms = clock_us(CLOCK_MONOTONIC) / 1000;
}

static void free_all(struct loop *loop)
{
	timer_wheel_free(loop->wheel);
	timer_wheel_free(loop->late_wheel);
	free(loop);
}

static enum err make(bool is_turned, uint64_t now_ms, struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return ERR_NO_MEMORY;

	list_init(&loop->calls);
	loop->is_turned = is_turned;
	loop->now_ms = now_ms;
	update_now(loop);
	loop->wheel = timer_wheel_new(loop->now_ms);
	loop->late_wheel = timer_wheel_new(loop->now_ms);
	loop->epoll_fd = loop->wheel && loop->late_wheel ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (loop->epoll_fd < 0) {
		enum err err = loop->wheel && loop->late_wheel ? ERR_IO : ERR_NO_MEMORY;

		free_all(loop);
		return err;
	}
	*out = loop;
	return ERR_OK;
}

enum err loop_new(struct loop **out)
{
	return make(false, 0, out);
}

enum err loop_new_turned(uint64_t now_ms, struct loop **out)
{
	return make(true, now_ms, out);
}

/* Runs what was queued before; what is queued meanwhile waits for the next round. */
static void run_calls(struct loop *loop)
{
	struct list batch;

	if (list_is_empty(&loop->calls))
		return;
	list_prepend(&loop->calls, &batch);
	list_remove(&loop->calls);
	while (!list_is_empty(&batch)) {
		struct loop_call *call = container_of(batch.next, struct loop_call, link);
		loop_defer_cancel(call);
		call->fn(call);
	}
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;

	for (unsigned n = 0; n < MAX_LAST_CALLS && !list_is_empty(&loop->calls); n++)
		run_calls(loop);
	close(loop->epoll_fd);
	free_all(loop);
	return NULL;
}

static void run_hooks(struct loop *loop)
{
	for (unsigned slot = 0; slot < N_HOOKS; slot++) {
		if (loop->hooks[slot].fn)
			loop->hooks[slot].fn(loop->hooks[slot].user);
	}
}

static void count_round(struct loop *loop)
{
	uint64_t n = atomic_load_explicit(&loop->n_rounds, memory_order_relaxed);

	atomic_store_explicit(&loop->n_rounds, n + 1, memory_order_relaxed); /* one writer */
}

/* When what may be late must be run. */
static uint64_t late_ms(const struct loop *loop)
{
	uint64_t next_ms = timer_wheel_next_ms(loop->late_wheel);

	return loop->is_turned || next_ms >= UINT64_MAX - TIMER_LATE_MS
		       ? next_ms
		       : next_ms + TIMER_LATE_MS;
}

static uint64_t next_timer_ms(const struct loop *loop)
{
	uint64_t next_ms = timer_wheel_next_ms(loop->wheel), next_late_ms = late_ms(loop);

	return next_ms < next_late_ms ? next_ms : next_late_ms;
}

static void run_timers(struct loop *loop)
{
	timer_wheel_advance(loop->wheel, loop->now_ms);
	if (late_ms(loop) <= loop->now_ms)
		timer_wheel_advance(loop->late_wheel, loop->now_ms);
}

static uint64_t wait_ms(const struct loop *loop)
{
	uint64_t next_ms = next_timer_ms(loop);

	if (!list_is_empty(&loop->calls) || next_ms <= loop->now_ms)
		return 0;
	return next_ms - loop->now_ms < MAX_WAIT_MS ? next_ms - loop->now_ms : MAX_WAIT_MS;
}

static void tell(struct loop *loop, const struct epoll_event *ready)
{
	struct loop_watch *watch = ready->data.ptr;
	unsigned events = 0;

	if (!watch)
		return;
	/* What went wrong the owner learns by reading or writing. */
	if (ready->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		events |= LOOP_READ;
	if (ready->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		events |= LOOP_WRITE;
	events &= watch->events; /* which may have changed since the look */
	if (!events)
		return;
	loop->n_events++;
	watch->on_ready(watch, events);
}

/* Waits up to ms, and tells what is ready. All callbacks of a round see the same time, that of
 * the end of the wait. */
static void look(struct loop *loop, int ms)
{
	loop->n_ready = epoll_wait(loop->epoll_fd, loop->ready, N_READY, ms);
	update_now(loop);
	for (int i = 0; i < loop->n_ready; i++)
		tell(loop, &loop->ready[i]);
	loop->n_ready = 0;
}

void loop_run(struct loop *loop)
{
	assert(!loop->is_turned);
	update_now(loop);
	while (!loop->is_stopping) {
		run_timers(loop);
		/* A call that defers another is the rule (locate, then send, then flush):
		 * without this each step would cost a look at the descriptors. Bounded, so that
		 * calls that breed calls cannot keep events away. */
		for (unsigned i = 0; i < MAX_CALL_PASSES && !list_is_empty(&loop->calls); i++)
			run_calls(loop);
		run_hooks(loop);
		count_round(loop);
		if (!loop->is_stopping)
			look(loop, (int)wait_ms(loop));
	}
	loop->is_stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

/* Lets everything happen that belongs to this moment of a turned clock. */
static void settle(struct loop *loop)
{
	for (unsigned n_polls = 0; n_polls < MAX_POLLS_A_MOMENT; n_polls++) {
		uint64_t n_before = loop->n_events;

		while (!list_is_empty(&loop->calls))
			run_calls(loop);
		run_hooks(loop);
		if (loop->n_watches > 0)
			look(loop, 0);
		if (loop->n_events == n_before && list_is_empty(&loop->calls))
			break;
	}
	count_round(loop);
}

void loop_turn(struct loop *loop, uint64_t ms)
{
	uint64_t end_ms = loop->now_ms + ms;

	assert(loop->is_turned);
	for (;;) {
		settle(loop);
		uint64_t next_ms = next_timer_ms(loop);
		if (next_ms > end_ms)
			break;
		if (next_ms > loop->now_ms)
			loop->now_ms = next_ms;
		run_timers(loop);
	}
	if (end_ms == loop->now_ms)
		return;
	loop->now_ms = end_ms;
	run_timers(loop);
	settle(loop);
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

uint64_t loop_wall_us(const struct loop *loop)
{
	if (loop->is_turned)
		return TURNED_EPOCH_US + loop->now_ms * 1000;
	return clock_us(CLOCK_REALTIME);
}

static int control(struct loop_watch *watch, int operation)
{
	struct epoll_event event = { .data.ptr = watch };

	if (watch->events & LOOP_READ)
		event.events |= EPOLLIN;
	if (watch->events & LOOP_WRITE)
		event.events |= EPOLLOUT;
	return epoll_ctl(watch->loop->epoll_fd, operation, watch->fd, &event);
}

void loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, unsigned events,
		      void (*on_ready)(struct loop_watch *watch, unsigned events))
{
	int failed;

	watch->on_ready = on_ready;
	if (watch->is_started && watch->fd == fd && watch->events == events)
		return;
	if (watch->is_started && watch->fd != fd)
		loop_watch_stop(watch);
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	failed = control(watch, watch->is_started ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
	if (failed) /* its owner's timers end it */
		log_event(LOG_ERROR, "a descriptor cannot be watched", "reason",
			  strerror(errno), NULL);
	if (!watch->is_started)
		loop->n_watches++;
	watch->is_started = true;
}

void loop_watch_stop(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;

	if (!watch->is_started)
		return;
	/* fails where the descriptor was closed before, which did the same */
	(void)control(watch, EPOLL_CTL_DEL);
	for (int i = 0; i < loop->n_ready; i++)
		if (loop->ready[i].data.ptr == watch)
			loop->ready[i].data.ptr = NULL;
	watch->is_started = false;
	loop->n_watches--;
}

void loop_defer(struct loop *loop, struct loop_call *call, void (*fn)(struct loop_call *call))
{
	call->fn = fn;
	if (call->is_queued)
		return;
	call->is_queued = true;
	list_append(&loop->calls, &call->link);
}

void loop_defer_cancel(struct loop_call *call)
{
	if (!call->is_queued)
		return;
	call->is_queued = false;
	list_remove(&call->link);
}

void loop_set_prepare(struct loop *loop, unsigned slot, void (*fn)(void *user), void *user)
{
	assert(slot < N_HOOKS);
	loop->hooks[slot] = (struct hook){ fn, user };
}

uint64_t loop_rounds(const struct loop *loop)
{
	return atomic_load_explicit(&loop->n_rounds, memory_order_relaxed);
}

struct timer_wheel *loop_wheel(struct loop *loop)
{
	return loop->wheel;
}

struct timer_wheel *loop_late_wheel(struct loop *loop)
{
	return loop->late_wheel;
}
