/* The kernel path against a kernel that does as it is told: orders, answers, counts, and what
 * goes wrong. */
#include "media/kernel_path.h"

#include <stdlib.h>

#include "proxy/base/loop.h"
#include "tests/unit/fake_door.h"

enum { N_FLOWS = 8, ROOM = 6 };

/* A flow and what its owner has heard. */
struct owned {
	struct kernel_flow flow;
	unsigned n_answers, n_notices;
};

static struct loop *loop;
static struct mailbox *mailbox;
static struct kernel_path *path;
static struct owned owned[N_FLOWS];

static void on_answer(struct kernel_flow *flow)
{
	container_of(flow, struct owned, flow)->n_answers++;
}

static void on_notice(struct kernel_flow *flow)
{
	assert_false(atomic_load(&flow->is_noticed));
	container_of(flow, struct owned, flow)->n_notices++;
}

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static void begin_off(void)
{
	const struct kernel_path_settings settings = { .n_flows = ROOM, .ops = &fake_door };
	struct kernel_path_settings with_loop = settings;

	fake_door_reset();
	assert_int_equal(loop_new_turned(1000000, &loop), ERR_OK);
	assert_int_equal(mailbox_new(loop, NULL, &mailbox), ERR_OK);
	with_loop.loop = loop;
	assert_int_equal(kernel_path_new(&with_loop, &path), ERR_OK);
	memset(owned, 0, sizeof(owned));
	for (unsigned i = 0; i < N_FLOWS; i++) {
		struct kernel_flow *flow = &owned[i].flow;

		flow->mailbox = mailbox;
		flow->on_answer = on_answer;
		flow->on_notice = on_notice;
		flow->ends = (struct kernel_ends){
			.source = address("192.0.2.1", (uint16_t)(4000 + i)),
			.ours = address("192.0.2.9", (uint16_t)(30000 + 2 * i)),
			.sender = address("198.51.100.9", (uint16_t)(31000 + 2 * i)),
			.target = address("198.51.100.1", (uint16_t)(5000 + i))
		};
	}
}

static void switch_to(bool is_on)
{
	assert_int_equal(kernel_path_switch(path, is_on), ERR_OK);
	loop_turn(loop, 0);
}

static void begin(void)
{
	begin_off();
	switch_to(true);
	assert_true(kernel_path_is_open(path));
}

static void end(void)
{
	path = kernel_path_free(path);
	mailbox = mailbox_free(mailbox);
	loop = loop_free(loop);
	assert_false(door.is_open);
}

static void post(unsigned i, bool is_leaving)
{
	owned[i].flow.is_leaving = is_leaving;
	assert_int_equal(kernel_path_order(path, &owned[i].flow), ERR_OK);
}

static enum err order(unsigned i, bool is_leaving)
{
	const unsigned before = owned[i].n_answers;

	post(i, is_leaving);
	loop_turn(loop, 0);
	assert_int_equal(owned[i].n_answers, before + 1);
	return owned[i].flow.err;
}

static struct kernel_path_view view(void)
{
	struct kernel_path_view out;

	kernel_path_look(path, &out);
	return out;
}

static void test_in_and_out(void **state)
{
	begin();
	assert_int_equal(order(0, false), ERR_OK);
	assert_int_equal(door.n_flows, 1);
	assert_true(addr_equal(&door.flows[0].ends.target, &owned[0].flow.ends.target));
	assert_int_equal(view().n_flows, 1);
	assert_int_equal(order(0, true), ERR_OK);
	assert_int_equal(door.n_flows, 0);
	assert_int_equal(view().n_flows, 0);
	assert_int_equal(order(0, true), ERR_OK); /* out it is */
	assert_int_equal(owned[0].n_notices, 0);
	end();
}

static void test_one_transaction_for_what_is_queued(void **state)
{
	begin();
	assert_int_equal(order(0, false), ERR_OK);
	door.n_transactions = 0;
	post(0, true);
	for (unsigned i = 1; i < 5; i++)
		post(i, false);
	loop_turn(loop, 0);
	assert_int_equal(door.n_transactions, 1);
	assert_int_equal(door.n_flows, 4);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(owned[i].flow.err, ERR_OK);
	end();
}

static void test_one_that_is_refused_spoils_no_other(void **state)
{
	begin();
	door.bad_port = 4002;
	for (unsigned i = 0; i < 4; i++)
		post(i, false);
	loop_turn(loop, 0);
	assert_int_equal(door.n_flows, 3);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(owned[i].n_answers, 1);
		assert_int_equal(owned[i].flow.err, i == 2 ? ERR_LIMIT : ERR_OK);
	}
	assert_int_equal(view().n_refused, 1);
	door.bad_port = 0;
	assert_int_equal(order(2, false), ERR_OK);
	end();
}

static void test_no_way(void **state)
{
	begin();
	door.way_err = ERR_UNSUPPORTED;
	assert_int_equal(order(0, false), ERR_UNSUPPORTED);
	assert_int_equal(door.n_transactions, 0);
	end();
}

static void test_bounded(void **state)
{
	begin();
	for (unsigned i = 0; i < ROOM; i++)
		assert_int_equal(order(i, false), ERR_OK);
	assert_int_equal(order(ROOM, false), ERR_LIMIT);
	assert_int_equal(order(0, true), ERR_OK);
	assert_int_equal(order(ROOM, false), ERR_OK);
	end();
}

static void test_the_same_source_and_port_twice(void **state)
{
	begin();
	owned[1].flow.ends.source = owned[0].flow.ends.source;
	owned[1].flow.ends.ours = owned[0].flow.ends.ours;
	assert_int_equal(order(0, false), ERR_OK);
	assert_int_equal(order(1, false), ERR_EXISTS);
	assert_int_equal(order(0, true), ERR_OK);
	assert_int_equal(order(1, false), ERR_OK);
	end();
}

static void test_counts(void **state)
{
	struct kernel_flow *flow = &owned[0].flow;

	begin();
	order(0, false);
	door.flows[0].packets = 50;
	door.flows[0].bytes = 8600;
	loop_turn(loop, 1100);
	assert_int_equal(flow->packets, 50);
	assert_int_equal(flow->bytes, 8600);
	const uint64_t seen_ms = flow->seen_ms;
	assert_in_range(seen_ms, loop_now_ms(loop) - 200, loop_now_ms(loop));
	loop_turn(loop, 3000);
	assert_int_equal(flow->seen_ms, seen_ms); /* nothing came since */
	door.flows[0].packets = 60;
	door.flows[0].bytes = 10320;
	assert_int_equal(order(0, true), ERR_OK); /* with the last ones */
	assert_int_equal(flow->packets, 60);
	order(0, false);
	door.flows[0].packets = 5;
	door.flows[0].bytes = 860;
	loop_turn(loop, 1100);
	assert_int_equal(flow->packets, 65); /* of all times */
	assert_int_equal(view().packets, 65);
	assert_int_equal(view().bytes, 11180);
	end();
}

static void test_off_takes_all_out_and_tells(void **state)
{
	begin();
	order(0, false);
	order(1, false);
	switch_to(false);
	assert_false(door.is_open);
	assert_false(kernel_path_is_open(path));
	assert_int_equal(view().state, KERNEL_PATH_OFF);
	assert_int_equal(owned[0].n_notices, 1);
	assert_int_equal(owned[1].n_notices, 1);
	assert_int_equal(order(0, true), ERR_OK);
	assert_int_equal(order(0, false), ERR_CLOSED);
	switch_to(true);
	assert_int_equal(order(0, false), ERR_OK);
	assert_int_equal(order(1, true), ERR_OK); /* was out */
	end();
}

static void test_cannot_be_opened(void **state)
{
	begin_off();
	door.open_err = ERR_ACCESS;
	switch_to(true);
	assert_false(kernel_path_is_open(path));
	assert_int_equal(view().state, KERNEL_PATH_FAILED);
	assert_int_equal(view().err, ERR_ACCESS);
	assert_string_equal(view().why, "the fake says no");
	assert_int_equal(order(0, false), ERR_CLOSED);
	loop_turn(loop, 600000);
	assert_int_equal(door.n_opened, 1); /* the right does not come by itself */
	door.open_err = ERR_OK;
	switch_to(true); /* a reload */
	assert_int_equal(order(0, false), ERR_OK);
	end();
}

static void test_opened_again(void **state)
{
	begin_off();
	door.open_err = ERR_NO_MEMORY;
	switch_to(true);
	assert_int_equal(view().state, KERNEL_PATH_FAILED);
	loop_turn(loop, 31000);
	assert_int_equal(door.n_opened, 2);
	door.open_err = ERR_OK;
	loop_turn(loop, 31000);
	assert_int_equal(view().state, KERNEL_PATH_ON);
	end();
}

static void test_what_cannot_be_taken_out_takes_the_table_along(void **state)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		order(i, false);
	door.out_err = ERR_IO;
	assert_int_equal(order(1, true), ERR_OK); /* it is out: everything is */
	assert_false(door.is_open);
	assert_int_equal(owned[0].n_notices, 1);
	assert_int_equal(owned[2].n_notices, 1);
	assert_int_equal(view().state, KERNEL_PATH_FAILED);
	assert_int_equal(view().n_flows, 0);
	assert_int_equal(order(0, true), ERR_OK);
	door.out_err = ERR_OK;
	loop_turn(loop, 31000); /* it is tried again */
	assert_int_equal(view().state, KERNEL_PATH_ON);
	assert_int_equal(order(0, false), ERR_OK);
	end();
}

/* No answer of the kernel in time: it may be in, so everything goes. */
static void test_in_or_not_nobody_knows(void **state)
{
	begin();
	order(0, false);
	door.in_err = ERR_IO;
	assert_int_equal(order(1, false), ERR_IO);
	assert_false(door.is_open);
	assert_int_equal(owned[0].n_notices, 1);
	assert_int_equal(owned[1].n_notices, 0);
	door.in_err = ERR_OK;
	end();
}

static void test_several_that_cannot_be_taken_out(void **state)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		order(i, false);
	door.out_err = ERR_NOT_FOUND;
	for (unsigned i = 0; i < 3; i++)
		post(i, true);
	post(3, false);
	loop_turn(loop, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(owned[i].n_answers, i < 3 ? 2 : 1);
	assert_int_equal(owned[3].flow.err, ERR_CLOSED);
	end();
}

static void test_counts_that_cannot_be_read(void **state)
{
	begin();
	order(0, false);
	door.count_err = ERR_TIMEOUT;
	loop_turn(loop, 1100);
	assert_false(door.is_open);
	assert_int_equal(owned[0].n_notices, 1);
	door.count_err = ERR_OK;
	end();
}

static void test_routes_that_change(void **state)
{
	begin();
	order(0, false);
	order(1, false);
	door.flows[1].packets = 7;
	door.flows[1].bytes = 700;
	fake_news();
	loop_turn(loop, 1000);
	assert_int_equal(door.n_flows, 2); /* as before: nobody leaves */
	door.rerouted_port = 5001;
	fake_news();
	loop_turn(loop, 1000);
	assert_int_equal(door.n_flows, 1);
	assert_int_equal(owned[0].n_notices, 0);
	assert_int_equal(owned[1].n_notices, 1);
	assert_int_equal(owned[1].flow.packets, 7);
	assert_int_equal(view().n_evicted, 1);
	assert_int_equal(order(1, true), ERR_OK);
	assert_int_equal(order(1, false), ERR_OK);
	assert_int_equal(door.flows[1].way.out_device, 4);
	door.way_err = ERR_UNREACHABLE;
	fake_news();
	loop_turn(loop, 1000);
	assert_int_equal(door.n_flows, 0);
	end();
}

static void test_ipsec(void **state)
{
	begin_off();
	door.may_not_pass = true;
	switch_to(true);
	assert_true(view().is_held); /* before anything wants to enter */
	door.may_not_pass = false;
	loop_turn(loop, 1100);
	assert_false(view().is_held);
	order(0, false);
	door.may_not_pass = true;
	loop_turn(loop, 1100); /* nobody tells, so it is asked */
	assert_int_equal(door.n_flows, 0);
	assert_int_equal(owned[0].n_notices, 1);
	assert_true(view().is_held);
	assert_int_equal(order(0, true), ERR_OK);
	assert_int_equal(order(0, false), ERR_CLOSED);
	door.may_not_pass = false;
	assert_int_equal(order(0, false), ERR_OK);
	assert_false(view().is_held);
	end();
}

static void test_the_end_answers_what_waits(void **state)
{
	begin();
	order(0, false);
	post(0, true);
	post(1, false);
	path = kernel_path_free(path);
	assert_false(door.is_open);
	loop_turn(loop, 0);
	assert_int_equal(owned[0].n_answers, 2);
	assert_int_equal(owned[0].flow.err, ERR_OK);
	assert_int_equal(owned[1].n_answers, 1);
	assert_int_equal(owned[1].flow.err, ERR_CLOSED);
	mailbox = mailbox_free(mailbox);
	loop = loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_and_out),
		cmocka_unit_test(test_one_transaction_for_what_is_queued),
		cmocka_unit_test(test_one_that_is_refused_spoils_no_other),
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_the_same_source_and_port_twice),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_off_takes_all_out_and_tells),
		cmocka_unit_test(test_cannot_be_opened),
		cmocka_unit_test(test_opened_again),
		cmocka_unit_test(test_what_cannot_be_taken_out_takes_the_table_along),
		cmocka_unit_test(test_in_or_not_nobody_knows),
		cmocka_unit_test(test_several_that_cannot_be_taken_out),
		cmocka_unit_test(test_counts_that_cannot_be_read),
		cmocka_unit_test(test_routes_that_change),
		cmocka_unit_test(test_ipsec),
		cmocka_unit_test(test_the_end_answers_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
