#include "proxy/transport/flow.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "proxy/transport/transport.h"

/* A flow without a network, as tests/world has them. */
struct fake {
	struct flow flow;
	unsigned n_sent, n_closed;
	bool is_destroyed;
};

static struct loop *loop;
static struct transport *transport;
static struct fake fake;
static unsigned n_told;

static enum err fake_send(struct flow *flow, struct wire *wire)
{
	container_of(flow, struct fake, flow)->n_sent++;
	return ERR_OK;
}

static void fake_close(struct flow *flow, enum reason why)
{
	container_of(flow, struct fake, flow)->n_closed++;
	transport_flow_ended(flow, ERR_CLOSED, why);
}

static void fake_destroy(struct flow *flow)
{
	container_of(flow, struct fake, flow)->is_destroyed = true;
}

static const struct flow_ops fake_ops = { fake_send, fake_close, fake_destroy };

static void on_message(void *user, struct arrival *arrival)
{
	message_unref(arrival->msg);
}

static int setup(void **state)
{
	const struct transport_user user = { .on_message = on_message };
	struct addr remote;

	n_told = 0;
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(transport_new(loop, 7, &user, NULL, &transport), ERR_OK);
	assert_int_equal(addr_parse("192.0.2.1", 5060, &remote), ERR_OK);
	transport_flow_init(transport, &fake.flow, &fake_ops, NULL, TRANSPORT_TCP, NULL,
			    &remote);
	return 0;
}

static int teardown(void **state)
{
	transport = transport_free(transport);
	loop = loop_free(loop);
	return 0;
}

static void on_closed(struct flow_user *user, enum err err, enum reason reason)
{
	n_told++;
	assert_int_equal(err, ERR_CLOSED);
	assert_int_equal(reason, REASON_DRAINING);
}

static void test_users_are_told_once_and_later(void **state)
{
	struct flow_user one = { 0 }, two = { 0 }, three = { 0 }, late = { 0 };

	assert_int_equal(flow_watch(&fake.flow, &one, on_closed), ERR_OK);
	assert_int_equal(flow_watch(&fake.flow, &two, on_closed), ERR_OK);
	assert_int_equal(flow_watch(&fake.flow, &three, on_closed), ERR_OK);
	flow_unwatch(&two);
	flow_unwatch(&two);
	flow_unwatch(&late); /* was on no list */
	flow_ref(&fake.flow);
	flow_close(&fake.flow, REASON_DRAINING);
	flow_close(&fake.flow, REASON_NONE);
	assert_int_equal(fake.n_closed, 1);
	assert_int_equal(n_told, 0);
	assert_int_equal(flow_watch(&fake.flow, &late, on_closed), ERR_CLOSED);
	loop_turn(loop, 0);
	assert_int_equal(n_told, 2);
	assert_false(fake.is_destroyed);
	assert_null(flow_unref(&fake.flow));
	assert_true(fake.is_destroyed);
}

static void on_closed_never(struct flow_user *user, enum err err, enum reason reason)
{
	fail_msg("told although it had gone");
}

static struct flow_user first, second;

static void on_closed_takes_the_other(struct flow_user *user, enum err err, enum reason reason)
{
	n_told++;
	flow_unwatch(&second);
}

/* What one user does about the end must not reach one that has gone. */
static void test_one_user_frees_another(void **state)
{
	assert_int_equal(flow_watch(&fake.flow, &first, on_closed_takes_the_other), ERR_OK);
	assert_int_equal(flow_watch(&fake.flow, &second, on_closed_never), ERR_OK);
	flow_close(&fake.flow, REASON_NONE);
	loop_turn(loop, 0);
	assert_int_equal(n_told, 1);
	assert_true(fake.is_destroyed);
}

static void test_send(void **state)
{
	struct wire *wire = wire_copy("x", 1);

	assert_int_equal(flow_send(&fake.flow, wire), ERR_OK);
	assert_int_equal(fake.n_sent, 1);
	flow_close(&fake.flow, REASON_NONE);
	assert_int_equal(flow_send(&fake.flow, wire), ERR_CLOSED);
	assert_int_equal(fake.n_sent, 1);
	wire_unref(wire);
}

static void test_id_names_the_worker(void **state)
{
	assert_int_equal(fake.flow.id >> 56, 7);
	assert_null(transport_find_flow(transport, fake.flow.id)); /* not open yet */
	transport_flow_opened(&fake.flow);
	assert_ptr_equal(transport_find_flow(transport, fake.flow.id), &fake.flow);
	assert_null(transport_find_flow(transport, fake.flow.id + 1));
	flow_close(&fake.flow, REASON_NONE);
	assert_null(transport_find_flow(transport, fake.flow.id));
}

/* Who still holds a flow when the transport goes keeps something that is closed, and no
 * more. */
static void test_flow_outlives_the_transport(void **state)
{
	struct wire *wire = wire_copy("x", 1);

	flow_ref(&fake.flow);
	transport = transport_free(transport);
	assert_true(fake.flow.is_closed);
	assert_false(fake.is_destroyed);
	assert_int_equal(flow_send(&fake.flow, wire), ERR_CLOSED);
	flow_unref(&fake.flow);
	assert_true(fake.is_destroyed);
	wire_unref(wire);
}

static void test_reliable(void **state)
{
	assert_true(flow_is_reliable(&fake.flow));
	fake.flow.transport = TRANSPORT_UDP;
	assert_false(flow_is_reliable(&fake.flow));
	fake.flow.transport = TRANSPORT_TCP;
	assert_null(flow_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_users_are_told_once_and_later),
		TEST(test_one_user_frees_another),
		TEST(test_send),
		TEST(test_id_names_the_worker),
		TEST(test_flow_outlives_the_transport),
		TEST(test_reliable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
