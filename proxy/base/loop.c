#include "proxy/base/loop.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/base/timer.h"

enum {
	N_HOOKS = 4,
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
	struct ev_loop *ev;
	struct ev_timer wake;
	struct ev_check check;
	struct timer_wheel *wheel;
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

static void on_wake(struct ev_loop *ev, struct ev_timer *wake, int events)
{
	/* Nothing to do: its only use is that the wait ended. */
}

/* Runs first after each wait, so that all callbacks of a round see the same time. */
static void on_check(struct ev_loop *ev, struct ev_check *check, int events)
{
	update_now(container_of(check, struct loop, check));
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
	if (!loop->wheel) {
		free(loop);
		return ERR_NO_MEMORY;
	}
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!loop->ev) {
		timer_wheel_free(loop->wheel);
		free(loop);
		return ERR_IO;
	}
	ev_init(&loop->wake, on_wake);
	ev_check_init(&loop->check, on_check);
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
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
	ev_check_stop(loop->ev, &loop->check);
	ev_timer_stop(loop->ev, &loop->wake);
	ev_loop_destroy(loop->ev);
	timer_wheel_free(loop->wheel);
	free(loop);
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

static uint64_t wait_ms(const struct loop *loop)
{
	uint64_t next_ms = timer_wheel_next_ms(loop->wheel);

	if (!list_is_empty(&loop->calls) || next_ms <= loop->now_ms)
		return 0;
	return next_ms - loop->now_ms < MAX_WAIT_MS ? next_ms - loop->now_ms : MAX_WAIT_MS;
}

static void wait_for_events(struct loop *loop)
{
	uint64_t ms = wait_ms(loop);

	if (ms == 0) {
		ev_run(loop->ev, EVRUN_NOWAIT);
		return;
	}
	ev_now_update(loop->ev); /* its own clock stands since its last wait */
	ev_timer_set(&loop->wake, (double)ms / 1000, 0);
	ev_timer_start(loop->ev, &loop->wake);
	ev_run(loop->ev, EVRUN_ONCE);
	ev_timer_stop(loop->ev, &loop->wake);
}

void loop_run(struct loop *loop)
{
	assert(!loop->is_turned);
	while (!loop->is_stopping) {
		update_now(loop);
		timer_wheel_advance(loop->wheel, loop->now_ms);
		/* A call that defers another is the rule (locate, then send, then flush): without
		 * this each step would cost a look at the descriptors. Bounded, so that calls that
		 * breed calls cannot keep events away. */
		for (unsigned i = 0; i < MAX_CALL_PASSES && !list_is_empty(&loop->calls); i++)
			run_calls(loop);
		run_hooks(loop);
		count_round(loop);
		if (!loop->is_stopping)
			wait_for_events(loop);
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
			ev_run(loop->ev, EVRUN_NOWAIT);
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
		uint64_t next_ms = timer_wheel_next_ms(loop->wheel);
		if (next_ms > end_ms)
			break;
		if (next_ms > loop->now_ms)
			loop->now_ms = next_ms;
		timer_wheel_advance(loop->wheel, loop->now_ms);
	}
	if (end_ms == loop->now_ms)
		return;
	loop->now_ms = end_ms;
	timer_wheel_advance(loop->wheel, end_ms);
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

static void on_io(struct ev_loop *ev, struct ev_io *io, int revents)
{
	struct loop_watch *watch = container_of(io, struct loop_watch, io);
	unsigned events =
		(revents & EV_READ ? LOOP_READ : 0) | (revents & EV_WRITE ? LOOP_WRITE : 0);

	watch->loop->n_events++;
	watch->on_ready(watch, events);
}

void loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, unsigned events,
		      void (*on_ready)(struct loop_watch *watch, unsigned events))
{
	int wanted = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);

	watch->on_ready = on_ready;
	if (watch->is_started) {
		if (watch->io.fd == fd && (watch->io.events & (EV_READ | EV_WRITE)) == wanted)
			return;
		loop_watch_stop(watch);
	}
	watch->loop = loop;
	ev_io_init(&watch->io, on_io, fd, wanted);
	ev_io_start(loop->ev, &watch->io);
	watch->is_started = true;
	loop->n_watches++;
}

void loop_watch_stop(struct loop_watch *watch)
{
	if (!watch->is_started)
		return;
	ev_io_stop(watch->loop->ev, &watch->io);
	watch->is_started = false;
	watch->loop->n_watches--;
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
