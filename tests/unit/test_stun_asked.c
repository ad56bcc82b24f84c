#include "nat/stun_asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "nat/stun_client.h"
#include "proxy/base/macros.h"

enum { MANY = STUN_MAX_ASKED + 3 };

static struct stun_asked *asked;

static int set_up(void **state)
{
	assert_int_equal(stun_asked_new(&asked), ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	asked = stun_asked_free(asked);
	return 0;
}

/* An answer with that ID. */
static bool is_awaited(const unsigned char id[STUN_ID_SIZE])
{
	struct stun_writer writer;

	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, id);
	return stun_asked_has(asked, writer.bytes, stun_end(&writer));
}

static void test_ids(void **state)
{
	unsigned char ids[3][STUN_ID_SIZE];

	for (size_t i = 0; i < COUNT(ids); i++)
		stun_new_id(ids[i]);
	assert_false(is_awaited(ids[0]));
	stun_asked_add(asked, ids[0]);
	stun_asked_add(asked, ids[1]);
	assert_true(is_awaited(ids[0]) && is_awaited(ids[1]));
	assert_false(is_awaited(ids[2]));
	assert_false(stun_asked_has(asked, "\1\1\0\0", 4)); /* no whole header */
	stun_asked_remove(asked, ids[0]);
	assert_false(is_awaited(ids[0]));
	assert_true(is_awaited(ids[1]));
	stun_asked_remove(asked, ids[1]);
	assert_false(is_awaited(ids[1]));
}

/* Whoever asks more than there is room for misses nothing. */
static void test_many(void **state)
{
	unsigned char ids[MANY][STUN_ID_SIZE], other[STUN_ID_SIZE];

	stun_new_id(other);
	for (size_t i = 0; i < MANY; i++) {
		stun_new_id(ids[i]);
		stun_asked_add(asked, ids[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		assert_true(is_awaited(ids[i]));
	assert_true(is_awaited(other));
	for (size_t i = 0; i < MANY; i++)
		stun_asked_remove(asked, ids[i]);
	for (size_t i = 0; i < MANY; i++)
		assert_false(is_awaited(ids[i]));
	assert_false(is_awaited(other));
}

static enum err drop(void *user, const struct addr *to, const void *bytes, size_t len)
{
	struct stun_message message;

	/* It is known before it leaves. */
	assert_int_equal(stun_read(bytes, len, &message), ERR_OK);
	assert_true(is_awaited(message.id));
	memcpy(user, message.id, STUN_ID_SIZE);
	return ERR_OK;
}

static void on_end(struct stun_query *query, const struct stun_answer *answer)
{
}

/* The client tells: from the first request to the end, whatever that is. */
static void test_client(void **state)
{
	struct stun_question question = {
		.patience = { .rto_ms = 100, .n_requests = 2, .last_wait = 1 }
	};
	unsigned char id[STUN_ID_SIZE], before[STUN_ID_SIZE];
	struct stun_query query = { 0 };
	struct stun_client client;
	struct loop *loop;

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(addr_parse("198.51.100.1", 3478, &question.to), ERR_OK);
	stun_client_init(&client, loop, drop, id);
	client.asked = asked;
	stun_ask(&client, &query, &question, on_end);
	memcpy(before, id, sizeof(id));
	loop_turn(loop, 150);
	assert_true(is_awaited(before));
	loop_turn(loop, 100);
	assert_false(is_awaited(before)); /* it gave up */
	stun_ask(&client, &query, &question, on_end);
	memcpy(before, id, sizeof(id));
	stun_ask(&client, &query, &question, on_end); /* anew */
	assert_false(is_awaited(before));
	assert_true(is_awaited(id));
	stun_client_fini(&client);
	assert_false(is_awaited(id));
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_ids),
		TEST(test_many),
		TEST(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
