/* Timers that stand inside their owners, on a hierarchical wheel: start and stop are constant
 * time, as every transaction starts several that never fire. Resolution 1 ms. The loop's thread
 * only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/list.h"

struct loop;

/* Zeroed memory is a timer that is not running. */
struct timer {
	struct list link;
	uint64_t at_ms;
	void (*on_expiry)(struct timer *timer);
	struct timer_wheel *wheel; /* NULL while it is not running; one of the loop's two */
};

/* Starts, or starts anew: on_expiry is called once, from the loop, delay_ms from now (0: in the
 * next round). */
void timer_start(struct loop *loop, struct timer *timer, uint64_t delay_ms,
		 void (*on_expiry)(struct timer *timer));

/* The same for what only clears away: it may be up to TIMER_LATE_MS late, as what is due then
 * is done all at once and wakes the loop once. Not with a delay of 0. A turned loop is never
 * late. */
void timer_start_late(struct loop *loop, struct timer *timer, uint64_t delay_ms,
		      void (*on_expiry)(struct timer *timer));

enum { TIMER_LATE_MS = 100 };

/* Stops; fine if it is not running. */
void timer_stop(struct timer *timer);

bool timer_is_running(const struct timer *timer);

/* Milliseconds until it fires, 0 if it is not running. */
uint64_t timer_left_ms(const struct loop *loop, const struct timer *timer);

/* For loop.c alone. */
struct timer_wheel *timer_wheel_new(uint64_t now_ms);
struct timer_wheel *timer_wheel_free(struct timer_wheel *wheel);
/* fires what is due, in order of time */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);
/* UINT64_MAX: none; may be early, never late */
uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel);
