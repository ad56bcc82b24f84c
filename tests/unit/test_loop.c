#include "proxy/base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/timer.h"

/* What happened, one letter each, in the order in which it did. */
struct diary {
	char text[64];
	size_t len;
};

static void note(struct diary *diary, char c)
{
	assert_true(diary->len + 1 < sizeof(diary->text));
	diary->text[diary->len++] = c;
	diary->text[diary->len] = '\0';
}

struct actor {
	struct loop *loop;
	struct diary *diary;
	char name;
	struct loop_call call;
	struct timer timer;
	struct loop_watch watch;
	int fd;
	bool again;          /* defer or start anew once more */
	struct actor *other; /* deferred, or cancelled if it is queued */
};

static void on_call(struct loop_call *call)
{
	struct actor *actor = container_of(call, struct actor, call);

	assert_false(call->is_queued);
	note(actor->diary, actor->name);
	if (actor->other && actor->other->call.is_queued)
		loop_defer_cancel(&actor->other->call);
	else if (actor->other)
		loop_defer(actor->loop, &actor->other->call, on_call);
	if (actor->again) {
		actor->again = false;
		loop_defer(actor->loop, call, on_call);
	}
}

static void on_timer(struct timer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);

	note(actor->diary, actor->name);
	loop_defer(actor->loop, &actor->call, on_call);
}

static void on_readable(struct loop_watch *watch, unsigned events)
{
	struct actor *actor = container_of(watch, struct actor, watch);
	char c;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(actor->fd, &c, 1), 1);
	note(actor->diary, c);
}

static void on_writable(struct loop_watch *watch, unsigned events)
{
	struct actor *actor = container_of(watch, struct actor, watch);

	assert_true(events & LOOP_WRITE);
	note(actor->diary, 'w');
	loop_watch_start(actor->loop, watch, actor->fd, LOOP_READ, on_readable);
}

static void on_prepare(void *user)
{
	note(user, '.');
}

static struct loop *turned(uint64_t now_ms)
{
	struct loop *loop;

	assert_int_equal(loop_new_turned(now_ms, &loop), ERR_OK);
	return loop;
}

static void test_clock_stands_until_turned(void **state)
{
	struct loop *loop = turned(7000);
	uint64_t wall_us = loop_wall_us(loop);

	assert_int_equal(loop_now_ms(loop), 7000);
	loop_turn(loop, 0);
	assert_int_equal(loop_now_ms(loop), 7000);
	loop_turn(loop, 250);
	assert_int_equal(loop_now_ms(loop), 7250);
	assert_int_equal(loop_wall_us(loop) - wall_us, 250000);
	assert_true(loop_rounds(loop) > 0);
	assert_null(loop_free(loop));
	assert_null(loop_free(NULL));
}

static void test_deferred_calls(void **state)
{
	struct loop *loop = turned(0);
	struct diary diary = { 0 };
	struct actor a = { .loop = loop, .diary = &diary, .name = 'a', .again = true };
	struct actor b = { .loop = loop, .diary = &diary, .name = 'b' };
	struct actor c = { .loop = loop, .diary = &diary, .name = 'c', .other = &b };

	loop_defer(loop, &a.call, on_call);
	loop_defer(loop, &a.call, on_call); /* twice, runs once */
	assert_string_equal(diary.text, "");
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "aa"); /* the second by itself */

	loop_defer(loop, &c.call, on_call); /* defers b */
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "aacb");

	loop_defer(loop, &c.call, on_call); /* cancels b, of the same batch */
	loop_defer(loop, &b.call, on_call);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "aacbc");

	loop_defer(loop, &a.call, on_call);
	loop_defer_cancel(&a.call);
	loop_defer_cancel(&a.call);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "aacbc");

	loop_defer(loop, &a.call, on_call);
	loop_free(loop); /* what was promised still runs */
	assert_string_equal(diary.text, "aacbca");
}

/* A call deferred by a timer runs before the next timer's moment. */
static void test_calls_between_timers(void **state)
{
	struct loop *loop = turned(0);
	struct diary diary = { 0 };
	struct actor a = { .loop = loop, .diary = &diary, .name = 'a' };
	struct actor b = { .loop = loop, .diary = &diary, .name = 'b' };

	timer_start(loop, &b.timer, 20, on_timer);
	timer_start(loop, &a.timer, 10, on_timer);
	loop_turn(loop, 1000);
	assert_string_equal(diary.text, "aabb");
	loop_free(loop);
}

static void test_prepare_hooks(void **state)
{
	struct loop *loop = turned(0);
	struct diary diary = { 0 };
	struct actor a = { .loop = loop, .diary = &diary, .name = 'a' };

	loop_set_prepare(loop, 3, on_prepare, &diary);
	loop_defer(loop, &a.call, on_call);
	loop_turn(loop, 0);
	assert_string_equal(diary.text,
			    "a."); /* after what was deferred, so that it is flushed */
	loop_set_prepare(loop, 3, NULL, NULL);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "a.");
	loop_free(loop);
}

static void test_descriptors_of_a_turned_loop(void **state)
{
	struct loop *loop = turned(0);
	struct diary diary = { 0 };
	struct actor a = { .loop = loop, .diary = &diary };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	a.fd = pair[0];
	loop_watch_start(loop, &a.watch, a.fd, LOOP_READ | LOOP_WRITE, on_writable);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "w"); /* and from now on only reading is watched */
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "w");

	assert_int_equal(write(pair[1], "xyz", 3), 3);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "wxyz");

	loop_watch_stop(&a.watch);
	loop_watch_stop(&a.watch);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_turn(loop, 10);
	assert_string_equal(diary.text, "wxyz");

	loop_watch_start(loop, &a.watch, a.fd, LOOP_READ, on_readable);
	loop_turn(loop, 0);
	assert_string_equal(diary.text, "wxyzx");
	loop_watch_stop(&a.watch);
	close(pair[0]);
	close(pair[1]);
	loop_free(loop);
}

static void on_always_ready(struct loop_watch *watch, unsigned events)
{
	struct actor *actor = container_of(watch, struct actor, watch);

	actor->again = true;
}

static void on_stop_other(struct loop_watch *watch, unsigned events)
{
	struct actor *actor = container_of(watch, struct actor, watch);

	actor->again = true;
	loop_watch_stop(&actor->other->watch);
}

/* Both are ready in one look; whoever is told first stops the other, whose owner may be gone
 * then. */
static void test_stopped_by_another_of_the_same_look(void **state)
{
	struct loop *loop = turned(0);
	struct actor a = { .loop = loop }, b = { .loop = loop, .other = &a };
	int pair[2];

	a.other = &b;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	loop_watch_start(loop, &a.watch, pair[0], LOOP_WRITE, on_stop_other);
	loop_watch_start(loop, &b.watch, pair[1], LOOP_WRITE, on_stop_other);
	loop_turn(loop, 0);
	assert_true(a.again != b.again);
	assert_true(a.watch.is_started != b.watch.is_started);
	loop_watch_stop(&a.watch);
	loop_watch_stop(&b.watch);
	close(pair[0]);
	close(pair[1]);
	loop_free(loop);
}

static void test_hangup_is_told_as_readable(void **state)
{
	struct loop *loop = turned(0);
	struct actor a = { .loop = loop };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	close(pair[1]);
	loop_watch_start(loop, &a.watch, pair[0], LOOP_READ, on_always_ready);
	loop_turn(loop, 0);
	assert_true(a.again);
	loop_watch_stop(&a.watch);
	close(pair[0]);
	loop_free(loop);
}

static void test_a_ready_descriptor_does_not_hold_the_clock(void **state)
{
	struct loop *loop = turned(0);
	struct actor a = { .loop = loop };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	loop_watch_start(loop, &a.watch, pair[0], LOOP_WRITE, on_always_ready);
	loop_turn(loop, 5);
	assert_true(a.again);
	assert_int_equal(loop_now_ms(loop), 5);
	loop_watch_stop(&a.watch);
	close(pair[0]);
	close(pair[1]);
	loop_free(loop);
}

struct run {
	struct actor actor;
	struct timer end;
	uint64_t started_ms, ended_ms, seen_by_timer_ms;
	int peer_fd;
};

static void on_end(struct timer *timer)
{
	struct run *run = container_of(timer, struct run, end);

	run->ended_ms = loop_now_ms(run->actor.loop);
	loop_stop(run->actor.loop);
}

static void on_first(struct timer *timer)
{
	struct run *run = container_of(timer, struct run, actor.timer);

	note(run->actor.diary, 't');
	loop_defer(run->actor.loop, &run->actor.call, on_call);
	assert_int_equal(write(run->peer_fd, "r", 1), 1);
	timer_start(run->actor.loop, &run->end, 5, on_end);
}

/* The real clock: a few milliseconds of it. */
static void test_run(void **state)
{
	struct diary diary = { 0 };
	struct run run = { .actor = { .diary = &diary, .name = 'd' } };
	struct loop *loop;
	int pair[2];

	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	run.actor.loop = loop;
	run.actor.fd = pair[0];
	run.peer_fd = pair[1];
	run.started_ms = loop_now_ms(loop);
	loop_watch_start(loop, &run.actor.watch, pair[0], LOOP_READ, on_readable);
	timer_start(loop, &run.actor.timer, 0, on_first);
	loop_run(loop);
	assert_string_equal(diary.text, "tdr");
	assert_true(run.ended_ms >= run.started_ms + 5);
	assert_true(loop_rounds(loop) >= 3);
	assert_true(loop_wall_us(loop) > 1700000000000000);
	loop_watch_stop(&run.actor.watch);

	loop_stop(loop); /* before it runs: it makes no round */
	loop_run(loop);
	close(pair[0]);
	close(pair[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_stands_until_turned),
		cmocka_unit_test(test_deferred_calls),
		cmocka_unit_test(test_calls_between_timers),
		cmocka_unit_test(test_prepare_hooks),
		cmocka_unit_test(test_descriptors_of_a_turned_loop),
		cmocka_unit_test(test_a_ready_descriptor_does_not_hold_the_clock),
		cmocka_unit_test(test_stopped_by_another_of_the_same_look),
		cmocka_unit_test(test_hangup_is_told_as_readable),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
