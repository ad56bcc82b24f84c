#include "proxy/base/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/base/loop.h"

struct alarm {
	struct timer timer;
	struct loop *loop;
	unsigned n_fired;
	uint64_t fired_at_ms;
	uint64_t again_ms;    /* 0: do not start anew */
	struct alarm *victim; /* stopped when this one fires */
};

static void on_expiry(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	assert_false(timer_is_running(timer));
	alarm->n_fired++;
	alarm->fired_at_ms = loop_now_ms(alarm->loop);
	if (alarm->victim)
		timer_stop(&alarm->victim->timer);
	if (alarm->again_ms)
		timer_start(alarm->loop, timer, alarm->again_ms, on_expiry);
}

static struct loop *turned(uint64_t now_ms)
{
	struct loop *loop;

	assert_int_equal(loop_new_turned(now_ms, &loop), ERR_OK);
	return loop;
}

/* Every delay around the ends of the wheel's levels, from clocks that stand at odd places. */
static void test_fires_at_its_moment(void **state)
{
	static const uint64_t clocks[] = {
		0, 1, 63, 64, 4095, 4096, 123456789, 262143, 1ULL << 36, (1ULL << 42) - 1
	};
	static const uint64_t delays[] = { 0,      1,        2,          62,
					   63,     64,       65,         127,
					   500,    4000,     4095,       4096,
					   4097,   32000,    262143,     262144,
					   262145, 86400000, 1ULL << 30, (1ULL << 36) + 5 };

	for (size_t c = 0; c < COUNT(clocks); c++) {
		for (size_t d = 0; d < COUNT(delays); d++) {
			struct loop *loop = turned(clocks[c]);
			struct alarm alarm = { .loop = loop };

			timer_start(loop, &alarm.timer, delays[d], on_expiry);
			assert_true(timer_is_running(&alarm.timer));
			assert_true(timer_left_ms(loop, &alarm.timer) == delays[d]);
			if (delays[d] > 0) {
				loop_turn(loop, delays[d] - 1);
				assert_int_equal(alarm.n_fired, 0);
				assert_true(timer_left_ms(loop, &alarm.timer) == 1);
				loop_turn(loop, 1);
			} else {
				loop_turn(loop, 0);
			}
			assert_int_equal(alarm.n_fired, 1);
			assert_true(alarm.fired_at_ms == clocks[c] + delays[d]);
			loop_free(loop);
		}
	}
}

static void test_late_ones_are_on_time_in_a_turned_loop(void **state)
{
	struct loop *loop = turned(123);
	struct alarm alarm = { .loop = loop }, at_once = { .loop = loop };

	timer_start_late(loop, &alarm.timer, 32000, on_expiry);
	timer_start_late(loop, &at_once.timer, 0, on_expiry);
	loop_turn(loop, 0);
	assert_int_equal(at_once.n_fired, 1);
	assert_true(timer_left_ms(loop, &alarm.timer) == 32000);
	loop_turn(loop, 31999);
	assert_int_equal(alarm.n_fired, 0);
	loop_turn(loop, 1);
	assert_int_equal(alarm.n_fired, 1);

	timer_start_late(loop, &alarm.timer, 5, on_expiry);
	timer_start(loop, &alarm.timer, 10, on_expiry); /* another wheel */
	loop_turn(loop, 9);
	assert_int_equal(alarm.n_fired, 1);
	loop_turn(loop, 1);
	assert_int_equal(alarm.n_fired, 2);
	loop_free(loop);
}

static void on_late(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	on_expiry(timer);
	if (alarm->victim)
		loop_stop(alarm->loop);
}

/* By the real clock: those of 1 to 60 ms all wait for the one round in which the first of them
 * is as late as it may be. */
static void test_late_ones_are_run_together(void **state)
{
	struct alarm alarms[60] = { 0 }, none = { 0 };
	struct loop *loop;
	uint64_t rounds, began_ms;

	assert_int_equal(loop_new(&loop), ERR_OK);
	none.loop = loop;
	began_ms = loop_now_ms(loop);
	for (unsigned i = 0; i < COUNT(alarms); i++) {
		alarms[i].loop = loop;
		timer_start_late(loop, &alarms[i].timer, i + 1, on_late);
	}
	alarms[COUNT(alarms) - 1].victim = &none; /* the last one ends it */
	rounds = loop_rounds(loop);
	loop_run(loop);
	for (unsigned i = 0; i < COUNT(alarms); i++) {
		assert_int_equal(alarms[i].n_fired, 1);
		assert_true(alarms[i].fired_at_ms >= began_ms + i + 1);
	}
	assert_true(loop_rounds(loop) - rounds <= 6);
	loop_free(loop);
}

static void test_one_turn_fires_each_at_its_own_moment(void **state)
{
	struct loop *loop = turned(1000);
	struct alarm timer_a = { .loop = loop, .again_ms = 500 }, timer_b = { .loop = loop };

	timer_start(loop, &timer_a.timer, 500, on_expiry);
	timer_start(loop, &timer_b.timer, 32000, on_expiry);
	loop_turn(loop, 32000);
	assert_int_equal(timer_a.n_fired, 64);
	assert_int_equal(timer_a.fired_at_ms, 33000);
	assert_int_equal(timer_b.n_fired, 1);
	assert_int_equal(timer_b.fired_at_ms, 33000);
	timer_stop(&timer_a.timer);
	loop_free(loop);
}

static void test_stop_and_start_anew(void **state)
{
	struct loop *loop = turned(5);
	struct alarm alarm = { .loop = loop };

	timer_stop(&alarm.timer); /* zeroed: not running */
	assert_int_equal(timer_left_ms(loop, &alarm.timer), 0);
	timer_start(loop, &alarm.timer, 100, on_expiry);
	timer_stop(&alarm.timer);
	assert_false(timer_is_running(&alarm.timer));
	assert_true(timer_wheel_next_ms(loop_wheel(loop)) == UINT64_MAX);
	loop_turn(loop, 1000);
	assert_int_equal(alarm.n_fired, 0);

	timer_start(loop, &alarm.timer, 100, on_expiry);
	loop_turn(loop, 60);
	timer_start(loop, &alarm.timer, 100, on_expiry); /* later than before */
	loop_turn(loop, 99);
	assert_int_equal(alarm.n_fired, 0);
	loop_turn(loop, 1);
	assert_int_equal(alarm.n_fired, 1);
	loop_free(loop);
}

static void test_stopped_by_one_of_the_same_moment(void **state)
{
	struct loop *loop = turned(0);
	struct alarm second = { .loop = loop };
	struct alarm first = { .loop = loop, .victim = &second };

	for (uint64_t delay_ms = 0; delay_ms <= 100; delay_ms += 100) {
		timer_start(loop, &first.timer, delay_ms, on_expiry);
		timer_start(loop, &second.timer, delay_ms, on_expiry);
		loop_turn(loop, delay_ms);
		assert_false(timer_is_running(&second.timer));
	}
	assert_int_equal(first.n_fired, 2);
	assert_int_equal(second.n_fired, 0);
	loop_free(loop);
}

static void test_forever_is_never(void **state)
{
	struct loop *loop = turned(1ULL << 40);
	struct alarm alarm = { .loop = loop };

	timer_start(loop, &alarm.timer, UINT64_MAX, on_expiry);
	loop_turn(loop, 1ULL << 50);
	assert_true(timer_is_running(&alarm.timer));
	assert_int_equal(alarm.n_fired, 0);
	timer_stop(&alarm.timer);
	loop_free(loop);
}

enum { N_ALARMS = 2000, N_STEPS = 3000 };

struct crowd {
	struct alarm alarms[N_ALARMS];
	uint64_t want_ms[N_ALARMS]; /* 0: not running */
	uint64_t last_ms;
};

static struct crowd *crowd;

static void on_crowd_expiry(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);
	size_t i = (size_t)(alarm - crowd->alarms);
	uint64_t now_ms = loop_now_ms(alarm->loop);

	assert_true(crowd->want_ms[i] == now_ms);
	assert_true(now_ms >= crowd->last_ms);
	crowd->last_ms = now_ms;
	crowd->want_ms[i] = 0;
	alarm->n_fired++;
}

/* A crowd of timers, started, stopped and turned by a fixed sequence, against a plain table. */
static void test_against_a_table(void **state)
{
	struct loop *loop = turned(987654321);
	uint64_t x = 88172645463325252ULL;
	unsigned n_fired = 0, n_started = 0;

	crowd = calloc(1, sizeof(*crowd));
	assert_non_null(crowd);
	for (unsigned step = 0; step < N_STEPS; step++) {
		for (unsigned k = 0; k < 8; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			size_t i = x % N_ALARMS;
			struct alarm *alarm = &crowd->alarms[i];
			alarm->loop = loop;
			if (x >> 60 < 4) {
				timer_stop(&alarm->timer);
				crowd->want_ms[i] = 0;
				continue;
			}
			uint64_t delay_ms = (x >> 16) % (1ULL << ((x >> 32) % 24)) + 1;
			timer_start(loop, &alarm->timer, delay_ms, on_crowd_expiry);
			crowd->want_ms[i] = loop_now_ms(loop) + delay_ms;
			n_started++;
		}
		loop_turn(loop, (x >> 20) % (1ULL << (x >> 40) % 12));
		for (size_t i = 0; i < N_ALARMS; i++)
			assert_true(!crowd->want_ms[i] ||
				    crowd->want_ms[i] > loop_now_ms(loop));
	}
	loop_turn(loop, 1ULL << 24);
	for (size_t i = 0; i < N_ALARMS; i++) {
		assert_int_equal(crowd->want_ms[i], 0);
		assert_false(timer_is_running(&crowd->alarms[i].timer));
		n_fired += crowd->alarms[i].n_fired;
	}
	assert_in_range(n_fired, n_started / 4, n_started);
	free(crowd);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_at_its_moment),
		cmocka_unit_test(test_late_ones_are_on_time_in_a_turned_loop),
		cmocka_unit_test(test_late_ones_are_run_together),
		cmocka_unit_test(test_one_turn_fires_each_at_its_own_moment),
		cmocka_unit_test(test_stop_and_start_anew),
		cmocka_unit_test(test_stopped_by_one_of_the_same_moment),
		cmocka_unit_test(test_forever_is_never),
		cmocka_unit_test(test_against_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
