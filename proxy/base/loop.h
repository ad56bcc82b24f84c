/* The event loop of one worker, over epoll. Sockets, timers and deferred calls all run in its
 * thread. A loop may stand still and be turned by hand (loop_new_turned), which is how tests
 * let 32 seconds pass in a microsecond. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/list.h"

struct loop;
struct timer_wheel;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* Watches one descriptor, which no other watch of the loop may have. Embedded in its owner;
 * zeroed memory is a watch that is not started. */
struct loop_watch {
	int fd;
	unsigned events; /* LOOP_READ, LOOP_WRITE */
	struct loop *loop;
	void (*on_ready)(struct loop_watch *watch, unsigned events);
	bool is_started;
};

/* A call that is made once, from the loop, soon. Embedded in its owner; starts from zeros. */
struct loop_call {
	struct list link;
	void (*fn)(struct loop_call *call);
	bool is_queued;
};

/* Makes a loop with the real monotonic clock. Free with loop_free. */
enum err loop_new(struct loop **out) MUST_CHECK;

/* Makes a loop whose clock stands at now_ms until loop_turn; descriptors are still polled
 * (without waiting) by loop_turn, so that tests may mix in real sockets. */
enum err loop_new_turned(uint64_t now_ms, struct loop **out) MUST_CHECK;

/* Runs the calls that are still deferred, then frees the loop; every watch and timer must be
 * stopped. Returns NULL; NULL is fine. */
struct loop *loop_free(struct loop *loop);

/* Runs until loop_stop. The loop's thread only. */
void loop_run(struct loop *loop);

/* Ends loop_run after the current round. The loop's thread only. */
void loop_stop(struct loop *loop);

/* Turned loops: lets ms pass, running every timer at its own moment and every deferred call in
 * order; loop_turn(loop, 0) runs what is due now. */
void loop_turn(struct loop *loop, uint64_t ms);

/* Milliseconds of the loop's clock: monotonic, the same during one round; no system call. */
uint64_t loop_now_ms(const struct loop *loop);

/* Wall clock in microseconds since 1970 (turned loops: a fixed epoch plus the turned clock). */
uint64_t loop_wall_us(const struct loop *loop);

/* Wakes at the next read or write readiness as events says (LOOP_READ | LOOP_WRITE); events may
 * be changed by calling again. The watch stays started until loop_watch_stop, also across
 * wake-ups. */
void loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, unsigned events,
		      void (*on_ready)(struct loop_watch *watch, unsigned events));
void loop_watch_stop(struct loop_watch *watch);

/* Makes call->fn(call) run from the loop after the current callback. Queued twice, it runs
 * once. */
void loop_defer(struct loop *loop, struct loop_call *call, void (*fn)(struct loop_call *call));

/* Takes a queued call back; fine if it is not queued. */
void loop_defer_cancel(struct loop_call *call);

/* Runs fn before the loop waits for events, each round: flushing batches. One hook at most per
 * slot, slots 0 to 3. */
void loop_set_prepare(struct loop *loop, unsigned slot, void (*fn)(void *user), void *user);

/* How many rounds the loop has made; the watchdog looks at it from another thread. */
uint64_t loop_rounds(const struct loop *loop);

/* The wheels on which timer_start and timer_start_late put timers of this loop. */
struct timer_wheel *loop_wheel(struct loop *loop);
struct timer_wheel *loop_late_wheel(struct loop *loop);
