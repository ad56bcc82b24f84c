#include "proxy/base/timer.h"

#include <stdlib.h>

#include "proxy/base/loop.h"

/* Each level has 64 slots, one for each value of six bits of the time; eleven levels hold 64
 * bits. A timer stands on the level of the highest bit in which its moment differs from now, so
 * whatever is on a lower level fires before whatever is on a higher one, and within a level the
 * lowest slot is the next. A slot of a higher level is spread over the lower ones when the
 * clock reaches its start. */
enum { SLOT_BITS = 6, N_SLOTS = 1 << SLOT_BITS, N_LEVELS = 11 };

struct timer_wheel {
	uint64_t now_ms;
	struct list due;         /* started without a delay: for the next round */
	uint64_t used[N_LEVELS]; /* a bit for each slot that is not empty */
	struct list slots[N_LEVELS][N_SLOTS];
};

struct place {
	unsigned level, slot;
};

/* Where a moment stands; the same answer as long as the clock has not reached it. */
static struct place place_of(const struct timer_wheel *wheel, uint64_t at_ms)
{
	uint64_t differs = at_ms ^ wheel->now_ms;
	unsigned level = differs ? (63 - (unsigned)__builtin_clzll(differs)) / SLOT_BITS : 0;

	return (struct place){ level, at_ms >> (level * SLOT_BITS) & (N_SLOTS - 1) };
}

static void put(struct timer_wheel *wheel, struct timer *timer)
{
	struct place place = place_of(wheel, timer->at_ms);

	list_append(&wheel->slots[place.level][place.slot], &timer->link);
	wheel->used[place.level] |= 1ULL << place.slot;
}

struct timer_wheel *timer_wheel_new(uint64_t now_ms)
{
	struct timer_wheel *wheel = calloc(1, sizeof(*wheel));
	if (!wheel)
		return NULL;

	wheel->now_ms = now_ms;
	list_init(&wheel->due);
	for (unsigned level = 0; level < N_LEVELS; level++) {
		for (unsigned slot = 0; slot < N_SLOTS; slot++)
			list_init(&wheel->slots[level][slot]);
	}
	return wheel;
}

struct timer_wheel *timer_wheel_free(struct timer_wheel *wheel)
{
	free(wheel);
	return NULL;
}

static void start(struct timer_wheel *wheel, struct timer *timer, uint64_t now_ms,
		  uint64_t delay_ms, void (*on_expiry)(struct timer *timer))
{
	timer_stop(timer);
	timer->on_expiry = on_expiry;
	timer->wheel = wheel;
	timer->at_ms = delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX - 1;
	if (delay_ms == 0 || timer->at_ms <= wheel->now_ms)
		list_append(&wheel->due, &timer->link);
	else
		put(wheel, timer);
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t delay_ms,
		 void (*on_expiry)(struct timer *timer))
{
	start(loop_wheel(loop), timer, loop_now_ms(loop), delay_ms, on_expiry);
}

void timer_start_late(struct loop *loop, struct timer *timer, uint64_t delay_ms,
		      void (*on_expiry)(struct timer *timer))
{
	start(delay_ms ? loop_late_wheel(loop) : loop_wheel(loop), timer, loop_now_ms(loop),
	      delay_ms, on_expiry);
}

void timer_stop(struct timer *timer)
{
	struct timer_wheel *wheel = timer->wheel;
	if (!wheel)
		return;

	timer->wheel = NULL;
	list_remove(&timer->link);

	/* One that was due stands nowhere on the wheel; then this clears no bit that was
	 * set. */
	struct place place = place_of(wheel, timer->at_ms);
	if (list_is_empty(&wheel->slots[place.level][place.slot]))
		wheel->used[place.level] &= ~(1ULL << place.slot);
}

bool timer_is_running(const struct timer *timer)
{
	return timer->wheel != NULL;
}

uint64_t timer_left_ms(const struct loop *loop, const struct timer *timer)
{
	uint64_t now_ms = loop_now_ms(loop);

	return timer->wheel && timer->at_ms > now_ms ? timer->at_ms - now_ms : 0;
}

static void fire(struct list *link)
{
	struct timer *timer = container_of(link, struct timer, link);

	timer_stop(timer);
	timer->on_expiry(timer);
}

/* The start of the earliest slot in use; false if there is none. */
static bool next_slot(const struct timer_wheel *wheel, struct place *out, uint64_t *out_at_ms)
{
	for (unsigned level = 0; level < N_LEVELS; level++) {
		if (!wheel->used[level])
			continue;
		unsigned slot = (unsigned)__builtin_ctzll(wheel->used[level]);
		unsigned shift = (level + 1) * SLOT_BITS;
		uint64_t above = shift < 64 ? wheel->now_ms >> shift << shift : 0;

		*out = (struct place){ level, slot };
		*out_at_ms = above | (uint64_t)slot << (level * SLOT_BITS);
		return true;
	}
	return false;
}

/* Spreads a slot, whose start is now, over the levels below; keeps the order. */
static void spread(struct timer_wheel *wheel, struct place place)
{
	struct list *slot = &wheel->slots[place.level][place.slot];

	wheel->used[place.level] &= ~(1ULL << place.slot);
	while (!list_is_empty(slot)) {
		struct list *link = slot->next;
		list_remove(link);
		put(wheel, container_of(link, struct timer, link));
	}
}

/* Moves all of from to the empty list to. */
static void take_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
	struct list due;
	struct place place;
	uint64_t at_ms;

	take_all(&wheel->due, &due);
	while (next_slot(wheel, &place, &at_ms) && at_ms <= now_ms) {
		wheel->now_ms = at_ms;
		if (place.level > 0) {
			spread(wheel, place);
			continue;
		}
		struct list *slot = &wheel->slots[0][place.slot];
		while (!list_is_empty(slot))
			fire(slot->next);
	}
	if (now_ms > wheel->now_ms)
		wheel->now_ms = now_ms;

	while (!list_is_empty(&due))
		fire(due.next);
}

uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
	struct place place;
	uint64_t at_ms;

	if (!list_is_empty(&wheel->due))
		return wheel->now_ms;
	return next_slot(wheel, &place, &at_ms) ? at_ms : UINT64_MAX;
}
