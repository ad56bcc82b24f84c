#include "proxy/base/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/base/loop.h"

enum { N_THREADS = 2, N_LETTERS = 20000, MAX_LETTERS = 65536 };

struct numbered {
	struct letter letter;
	unsigned thread, number;
};

struct reader {
	struct loop *loop;
	struct mailbox *mailbox;
	unsigned next[N_THREADS]; /* the number that comes next from each thread */
	unsigned n_read, n_wanted;
};

static void deliver(struct letter *letter, void *owner)
{
	struct numbered *numbered = container_of(letter, struct numbered, letter);
	struct reader *reader = owner;

	assert_int_equal(numbered->number, reader->next[numbered->thread]);
	reader->next[numbered->thread]++;
	if (++reader->n_read == reader->n_wanted)
		loop_stop(reader->loop);
	free(numbered);
}

static struct letter *letter_new(unsigned thread, unsigned number)
{
	struct numbered *numbered = calloc(1, sizeof(*numbered));

	assert_non_null(numbered);
	numbered->letter.deliver = deliver;
	numbered->thread = thread;
	numbered->number = number;
	return &numbered->letter;
}

static void test_delivered_by_the_loop_in_order(void **state)
{
	struct reader reader = { 0 };

	assert_int_equal(loop_new_turned(0, &reader.loop), ERR_OK);
	assert_int_equal(mailbox_new(reader.loop, &reader, &reader.mailbox), ERR_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(mailbox_post(reader.mailbox, letter_new(0, i)), ERR_OK);
	assert_int_equal(reader.n_read, 0);
	loop_turn(reader.loop, 0);
	assert_int_equal(reader.n_read, 3);
	loop_turn(reader.loop, 0);
	assert_int_equal(reader.n_read, 3);

	assert_int_equal(mailbox_post(reader.mailbox, letter_new(0, 3)), ERR_OK);
	assert_null(mailbox_free(reader.mailbox)); /* delivers what is still there */
	assert_int_equal(reader.n_read, 4);
	assert_null(mailbox_free(NULL));
	loop_free(reader.loop);
}

static void test_bound(void **state)
{
	struct reader reader = { 0 };
	struct letter *last = letter_new(0, MAX_LETTERS);

	assert_int_equal(loop_new_turned(0, &reader.loop), ERR_OK);
	assert_int_equal(mailbox_new(reader.loop, &reader, &reader.mailbox), ERR_OK);
	for (unsigned i = 0; i < MAX_LETTERS; i++)
		assert_int_equal(mailbox_post(reader.mailbox, letter_new(0, i)), ERR_OK);
	assert_int_equal(mailbox_post(reader.mailbox, last), ERR_LIMIT);
	loop_turn(reader.loop, 0);
	assert_int_equal(reader.n_read, MAX_LETTERS);
	assert_int_equal(mailbox_post(reader.mailbox, last),
			 ERR_OK); /* it was left untouched */
	loop_turn(reader.loop, 0);
	assert_int_equal(reader.n_read, MAX_LETTERS + 1);
	mailbox_free(reader.mailbox);
	loop_free(reader.loop);
}

static void test_offers_leave_room_for_orders(void **state)
{
	struct reader reader = { 0 };
	struct letter *last = NULL;
	unsigned n = 0;

	assert_int_equal(loop_new_turned(0, &reader.loop), ERR_OK);
	assert_int_equal(mailbox_new(reader.loop, &reader, &reader.mailbox), ERR_OK);
	for (last = letter_new(0, 0); mailbox_offer(reader.mailbox, last) == ERR_OK; n++)
		last = letter_new(0, n + 1);
	assert_in_range(n, 100, MAX_LETTERS / 8);
	assert_int_equal(mailbox_post(reader.mailbox, last), ERR_OK);
	loop_turn(reader.loop, 0);
	assert_int_equal(reader.n_read, n + 1);
	assert_int_equal(mailbox_offer(reader.mailbox, letter_new(0, n + 1)), ERR_OK);
	mailbox_free(reader.mailbox);
	loop_free(reader.loop);
}

struct writer {
	struct mailbox *mailbox;
	unsigned thread;
};

static void *post_many(void *user)
{
	struct writer *writer = user;

	for (unsigned i = 0; i < N_LETTERS; i++) {
		struct letter *letter = letter_new(writer->thread, i);
		if (mailbox_post(writer->mailbox, letter) != ERR_OK)
			abort(); /* 40000 letters are below the bound */
	}
	return NULL;
}

/* Two threads post while the loop reads; also run under ThreadSanitizer. */
static void test_threads(void **state)
{
	struct reader reader = { .n_wanted = N_THREADS * N_LETTERS };
	struct writer writers[N_THREADS];
	pthread_t threads[N_THREADS];

	assert_int_equal(loop_new(&reader.loop), ERR_OK);
	assert_int_equal(mailbox_new(reader.loop, &reader, &reader.mailbox), ERR_OK);
	for (unsigned i = 0; i < N_THREADS; i++) {
		writers[i] = (struct writer){ reader.mailbox, i };
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &writers[i]), 0);
	}
	loop_run(reader.loop);
	for (unsigned i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(reader.next[i], N_LETTERS);
	}
	mailbox_free(reader.mailbox);
	loop_free(reader.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered_by_the_loop_in_order),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_offers_leave_room_for_orders),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
