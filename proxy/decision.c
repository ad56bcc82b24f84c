#include "proxy/decision.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"

/* One kind of record, newest over oldest. */
struct shelf {
	struct decision *records;
	unsigned size;
	uint64_t n_put;
};

struct decision_ring {
	pthread_mutex_t lock;
	struct shelf refusals, others;
};

void decision_clear(struct decision *decision)
{
	memset(decision, 0, offsetof(struct decision, steps));
	decision->bytes[0] = '\0';
}

/* Room for a text at the end of the others; always one byte at least, for the end of an empty
 * one. */
struct room {
	char *at;
	size_t size; /* with its end */
};

static struct room room_of(struct decision *decision, size_t most)
{
	size_t rest;

	if (!decision->n_bytes)
		decision->n_bytes = 1;
	rest = sizeof(decision->bytes) - decision->n_bytes;
	if (rest > 1) /* the last byte is never taken, so that there is one */
		rest--;
	return (struct room){ decision->bytes + decision->n_bytes, rest < most ? rest : most };
}

/* Where the text stands that was put into the room; it takes len bytes and its end. */
static uint16_t take(struct decision *decision, size_t len)
{
	const uint16_t at = decision->n_bytes;

	if (len == 0)
		return 0;
	decision->n_bytes = (uint16_t)(at + len + 1);
	return at;
}

/* As much of the len bytes as the room has; where they then stand. */
static uint16_t keep(struct decision *decision, const char *text, size_t len, size_t most)
{
	struct room room = room_of(decision, most);

	if (len > room.size - 1)
		len = room.size - 1;
	memcpy(room.at, text, len);
	room.at[len] = '\0';
	return take(decision, len);
}

static const uint8_t text_sizes[DECISION_N_TEXTS] = {
	/* clang-format off */
	[DECISION_METHOD] = 24,       [DECISION_CALL_ID] = 128,     [DECISION_FROM] = 128,
	[DECISION_TO] = 128,          [DECISION_REQUEST_URI] = 160, [DECISION_SOURCE] = 64,
	[DECISION_LISTENER] = 64,     [DECISION_CERTIFICATE] = 160, [DECISION_ORIGIN_ID] = 96,
	[DECISION_DESTINATION] = 96,  [DECISION_EVIDENCE] = 160,    [DECISION_PEER_DIAGNOSTICS] = 160,
	[DECISION_MS_REASON] = 128,   [DECISION_MS_SOURCE] = 80,
	/* clang-format on */
};

void decision_set(struct decision *decision, enum decision_field field, const char *text)
{
	const size_t len = text ? strlen(text) : 0;
	char *old = decision->bytes + decision->texts[field];

	if (len == 0)
		decision->texts[field] = 0;
	else if (decision->texts[field] &&
		 len <= strlen(old)) /* or setting it often would fill the record */
		memmove(old, text, len + 1);
	else
		decision->texts[field] = keep(decision, text, len, text_sizes[field]);
}

static size_t add(char *out, size_t size, size_t len, const char *text, size_t text_len)
{
	size_t n = text_len < size - 1 - len ? text_len : size - 1 - len;

	memcpy(out + len, text, n);
	return len + n;
}

void decision_join(struct decision *decision, enum decision_field field,
		   const char *const *texts, unsigned n)
{
	struct room room = room_of(decision, text_sizes[field]);
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len = add(room.at, room.size, len, texts[i], strlen(texts[i]));
	room.at[len] = '\0';
	decision->texts[field] = take(decision, len);
}

static size_t add_number(char *out, size_t size, size_t len, unsigned number)
{
	char digits[24];
	const char *text = text_number(number, digits);

	return add(out, size, len, text, (size_t)(digits + sizeof(digits) - 1 - text));
}

/* "nuncio.yaml:31:20". By hand: each request has several. */
static size_t print_place(const struct place *place, char *out, size_t size)
{
	enum { NUMBERS = 24 };
	const char *file;
	size_t len;

	if (!place || !place->line || !place->file || size <= NUMBERS)
		return 0;
	file = strrchr(place->file, '/');
	file = file ? file + 1 : place->file;
	len = add(out, size - NUMBERS, 0, file, strlen(file));
	out[len++] = ':';
	len = add_number(out, size, len, place->line);
	len = add(out, size, len, ":", 1);
	len = add_number(out, size, len, place->column);
	out[len] = '\0';
	return len;
}

/* Without nonnull gcc takes the format for NULL where the undefined-behaviour sanitizer asks
 * about it. */
static size_t print(char *out, size_t size, const char *format, va_list args)
	__attribute__((nonnull, format(printf, 3, 0)));

/* What it knows of printf is %s, %.80s and %u. Nearly all steps need no more, and the C
 * library's took one instruction in twenty-five of a MESSAGE. What holds anything else is left
 * to that. */
static size_t print(char *out, size_t size, const char *format, va_list args)
{
	const char *at = format, *percent;
	size_t len = 0;
	va_list again;

	va_copy(again, args);
	while ((percent = strchr(at, '%'))) {
		size_t most = SIZE_MAX;

		len = add(out, size, len, at, (size_t)(percent - at));
		at = percent + 1;
		if (*at == '.')
			for (most = 0, at++; *at >= '0' && *at <= '9'; at++)
				most = 10 * most + (size_t)(*at - '0');
		if (*at == 'u') {
			len = add_number(out, size, len, va_arg(args, unsigned));
		} else if (*at == 's') {
			const char *text = va_arg(args, const char *);
			len = add(out, size, len, text, strnlen(text, most));
		} else {
			(void)vsnprintf(out, size, format, again);
			va_end(again);
			return strlen(out);
		}
		at++;
	}
	va_end(again);
	len = add(out, size, len, at, strlen(at));
	out[len] = '\0';
	return len;
}

void decision_add(struct decision *decision, const char *step, const char *rule,
		  const struct place *place, const char *format, ...)
{
	struct decision_step *to;
	struct room room;
	va_list args;

	if (decision->n_steps >= DECISION_MAX_STEPS)
		return;
	to = &decision->steps[decision->n_steps++];
	to->step = step;
	to->rule = rule;
	room = room_of(decision, DECISION_RESULT);
	va_start(args, format);
	to->result = take(decision, print(room.at, room.size, format, args));
	va_end(args);
	room = room_of(decision, DECISION_PLACE);
	to->place = take(decision, print_place(place, room.at, room.size));
}

void decision_add_hop(struct decision *decision, const char *to, enum reason reason, int status)
{
	struct decision_hop *hop;

	if (decision->n_hops >= DECISION_MAX_HOPS)
		return;
	hop = &decision->hops[decision->n_hops++];
	hop->to = keep(decision, to, strlen(to), DECISION_HOP);
	hop->reason = reason;
	hop->status = status;
}

enum err decision_ring_new(unsigned n_refusals, unsigned n_others, struct decision_ring **out)
{
	struct decision_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&ring->lock, NULL);
	ring->refusals.size = n_refusals;
	ring->others.size = n_others;
	ring->refusals.records = calloc(n_refusals, sizeof(struct decision));
	ring->others.records = calloc(n_others, sizeof(struct decision));
	if (!ring->refusals.records || !ring->others.records) {
		decision_ring_free(ring);
		return ERR_NO_MEMORY;
	}
	*out = ring;
	return ERR_OK;
}

struct decision_ring *decision_ring_free(struct decision_ring *ring)
{
	if (!ring)
		return NULL;
	pthread_mutex_destroy(&ring->lock);
	free(ring->refusals.records);
	free(ring->others.records);
	free(ring);
	return NULL;
}

/* What is not used is not copied. */
void decision_copy(struct decision *to, const struct decision *from)
{
	memcpy(to, from, offsetof(struct decision, steps));
	memcpy(to->steps, from->steps, from->n_steps * sizeof(from->steps[0]));
	memcpy(to->hops, from->hops, from->n_hops * sizeof(from->hops[0]));
	to->bytes[0] = '\0'; /* of an empty record, too */
	memcpy(to->bytes, from->bytes, from->n_bytes);
}

/* Each log-on begins with a challenge: among the refusals they would soon be all. */
static bool is_refusal(const struct decision *decision)
{
	return decision->reason != REASON_NONE && !reason_is_challenge(decision->reason);
}

void decision_ring_put(struct decision_ring *ring, const struct decision *decision)
{
	struct shelf *shelf = is_refusal(decision) ? &ring->refusals : &ring->others;

	pthread_mutex_lock(&ring->lock);
	decision_copy(&shelf->records[shelf->n_put++ % shelf->size], decision);
	pthread_mutex_unlock(&ring->lock);
}

/* Goes back over a shelf. */
struct look {
	const struct shelf *shelf;
	const char *call_id;
	uint64_t back; /* how many records were looked at, from the newest */
};

/* The next record that matches, which is then looked at; NULL: there is none. */
static const struct decision *next_match(struct look *look)
{
	const struct shelf *shelf = look->shelf;
	uint64_t n = shelf->n_put < shelf->size ? shelf->n_put : shelf->size;

	while (look->back < n) {
		const struct decision *record =
			&shelf->records[(shelf->n_put - ++look->back) % shelf->size];

		if (!look->call_id ||
		    !strcmp(decision_text(record, DECISION_CALL_ID), look->call_id))
			return record;
	}
	return NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct decision *left = a, *right = b;

	if (left->wall_us != right->wall_us)
		return left->wall_us < right->wall_us ? 1 : -1;
	return left->id < right->id ? 1 : left->id > right->id ? -1 : 0;
}

size_t decision_ring_find(struct decision_ring *ring, const char *call_id, bool refusals_only,
			  struct decision *out, size_t max)
{
	struct look refusals = { &ring->refusals, call_id, 0 },
		    others = { &ring->others, call_id, 0 };
	const struct decision *refusal, *other;
	size_t n = 0;

	pthread_mutex_lock(&ring->lock);
	refusal = next_match(&refusals);
	other = refusals_only ? NULL : next_match(&others);
	for (; n < max && (refusal || other); n++) {
		bool is_next = !other || (refusal && newest_first(refusal, other) < 0);

		decision_copy(&out[n], is_next ? refusal : other);
		if (is_next)
			refusal = next_match(&refusals);
		else
			other = next_match(&others);
	}
	pthread_mutex_unlock(&ring->lock);
	/* they were put in the order in which they ended */
	qsort(out, n, sizeof(*out), newest_first);
	return n;
}
