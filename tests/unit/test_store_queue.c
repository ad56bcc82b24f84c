#include "proxy/base/store_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store_change *change_of(struct list *link)
{
	return container_of(link, struct store_change, link);
}

static bool put(struct store_queue *queue, const char *key, const char *value)
{
	struct store_change *change =
		store_change_new("k", key, value, value ? strlen(value) : 0);

	assert_non_null(change);
	return store_queue_put(queue, change);
}

static void written(struct store_queue *queue, struct store_batch *batch)
{
	store_queue_done(queue, batch);
	store_batch_free(batch);
}

/* "a=1 b" for a list of changes: b is gone. */
static const char *text_of(struct list *changes, char out[200])
{
	struct list *link, *next;
	size_t len = 0;

	out[0] = '\0';
	list_for_each(link, next, changes) {
		const struct store_change *change = change_of(link);
		len += (size_t)snprintf(out + len, 200 - len, "%s%s%s%.*s", len ? " " : "",
					store_change_key(change), change->is_gone ? "" : "=",
					(int)change->value_len,
					(const char *)store_change_value(change));
	}
	return out;
}

/* What is done, in order: "a=1" puts, "b" deletes, "!N" takes up to N, "+" they are written,
 * "-" they are not. */
static void test_order(void **state)
{
	static const struct {
		const char *name, *steps, *want;
		size_t want_n;
	} rows[] = {
		{ "in order of arrival", "b=1 a=2 c", "b=1 a=2 c", 3 },
		{ "the latest of a key, in the place of the first", "a=1 b=1 a=2 a=3",
		  "a=3 b=1", 2 },
		{ "deleted before it was written", "a=1 b=1 a", "a b=1", 2 },
		{ "put after it was deleted", "a a=1", "a=1", 1 },
		{ "what is being written counts", "a=1 b=2 c=3 !2", "c=3", 3 },
		{ "what was written is gone", "a=1 b=2 c=3 !2 +", "c=3", 1 },
		{ "what was not waits again in front", "a=1 b=2 c=3 !2 -", "a=1 b=2 c=3", 3 },
		{ "unless there is a later one", "a=1 b=2 c=3 !2 a=4 b -", "c=3 a=4 b", 3 },
		{ "a later one of what is being written", "a=1 !1 a=2 +", "a=2", 1 },
		{ "all at once", "a=1 b=2 c=3 !9 d=4 a=5 -", "b=2 c=3 d=4 a=5", 4 },
		{ "all at once, written", "a=1 b=2 c=3 !3 d=4 a=5 + a=6", "d=4 a=6", 2 },
		{ "nothing at all", "!9 - !9 +", "", 0 },
		{ "taken twice", "a=1 b=2 !1 - !2 - !1 +", "b=2", 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_queue queue;
		struct store_batch taken = { 0 };
		char steps[100], out[200], *rest = NULL;

		store_queue_init(&queue, 100, 10000);
		list_init(&taken.changes);
		snprintf(steps, sizeof(steps), "%s", rows[i].steps);
		for (char *step = strtok_r(steps, " ", &rest); step;
		     step = strtok_r(NULL, " ", &rest)) {
			char *value = strchr(step, '=');
			if (value)
				*value++ = '\0';
			if (*step == '!')
				store_queue_take(&queue, &taken, (size_t)atoi(step + 1));
			else if (*step == '+')
				written(&queue, &taken);
			else if (*step == '-')
				assert_int_equal(store_queue_put_back(&queue, &taken), 0);
			else
				assert_true(put(&queue, step, value));
		}
		text_of(&queue.changes, out);
		if (strcmp(out, rows[i].want) != 0 || queue.n != rows[i].want_n)
			fail_msg("%s: %s (%zu)", rows[i].name, out, queue.n);
		written(&queue, &taken);
		store_queue_fini(&queue);
	}
}

static void test_bounds(void **state)
{
	struct store_queue queue;
	struct store_batch taken = { 0 };
	char large[2000];

	list_init(&taken.changes);
	store_queue_init(&queue, 3, 1500);
	assert_true(put(&queue, "a", "1"));
	assert_true(put(&queue, "b", "1"));
	assert_true(put(&queue, "c", "1"));
	assert_false(put(&queue, "d", "1"));
	assert_true(put(&queue, "c", "2")); /* takes no room */
	store_queue_take(&queue, &taken, 2);
	assert_int_equal(taken.n, 2);
	assert_false(put(&queue, "d", "1")); /* they may come back */
	written(&queue, &taken);
	assert_true(put(&queue, "d", "1"));
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_false(put(&queue, "e", large));
	assert_false(put(&queue, "d", large));
	assert_int_equal(queue.n, 2);
	store_queue_take(&queue, &taken, 9);
	written(&queue, &taken);
	assert_int_equal(queue.n_bytes, 0);
	assert_int_equal(queue.n, 0);
	store_queue_fini(&queue);
}

/* Kinds are apart, whatever stands in a key. */
static void test_kinds(void **state)
{
	struct store_queue queue;

	store_queue_init(&queue, 10, 10000);
	assert_true(store_queue_put(&queue, store_change_new("a", "b", "1", 1)));
	assert_true(store_queue_put(&queue, store_change_new("ab", "", "1", 1)));
	assert_true(store_queue_put(&queue, store_change_new("", "ab", "1", 1)));
	assert_int_equal(queue.n, 3);
	store_queue_fini(&queue);
}

static void test_first(void **state)
{
	struct store_queue queue;
	struct store_batch taken = { 0 };

	list_init(&taken.changes);
	store_queue_init(&queue, 10, 10000);
	assert_int_equal(store_queue_first(&queue), UINT64_MAX);
	put(&queue, "a", "1");
	put(&queue, "b", "1");
	put(&queue, "a", "2");
	assert_int_equal(store_queue_first(&queue), 1);
	assert_int_equal(queue.last_number, 2);
	store_queue_take(&queue, &taken, 1);
	assert_int_equal(store_queue_first(&queue), 2);
	store_queue_put_back(&queue, &taken);
	assert_int_equal(store_queue_first(&queue), 1);
	store_queue_fini(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
