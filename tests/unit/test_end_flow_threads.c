/* The kernel path with threads: two media workers and the path's own order, answer, count and
 * end while calls are told, closed and opened, and the path is switched. What the thread
 * sanitizer looks at. In real time, as threads have no other. */
#include "media/relay.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "media/rtp.h"
#include "proxy/base/loop.h"
#include "tests/unit/fake_door.h"
#include "tests/unit/own_network.h"

enum { N_CALLS = 8, STEP_MS = 10, MAX_STEPS = 1000 };

struct call {
	struct relay *relay;
	int fd; /* both phones */
	struct addr addr;
	uint16_t sequence, port;
};

static struct relays *relays;
static struct loop *loop;
static struct mailbox *mailbox;
static struct call calls[N_CALLS];
static unsigned n_closed;
static uint64_t n_by_kernel;

static void on_event(const struct relay_event *event, void *owner)
{
	struct call *call = event->user;

	if (event->kind != RELAY_CLOSED)
		return;
	n_closed++;
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		n_by_kernel += event->stats[0][leg].kernel_packets;
	call->relay = NULL;
}

static void tell(struct call *call)
{
	const struct relay_end end = { .rtp = call->addr };

	assert_int_equal(relay_set(call->relay, 0, RELAY_CALLER, &end), ERR_OK);
	assert_int_equal(relay_set(call->relay, 0, RELAY_CALLEE, &end), ERR_OK);
}

static void open_call(struct call *call)
{
	const struct relay_owner owner = { .mailbox = mailbox,
					   .on_event = on_event,
					   .user = call };
	struct relay_settings settings = { .n_streams = 1, .timeout_ms = 60000 };

	settings.bind[0] = settings.bind[1] = call->addr;
	assert_int_equal(relay_open(relays, &settings, &owner, &call->relay), ERR_OK);
	call->port = relay_port(call->relay, 0, RELAY_CALLER);
	tell(call);
}

/* A packet of each call, up or not. */
static void step(void)
{
	for (unsigned i = 0; i < N_CALLS; i++) {
		struct call *call = &calls[i];
		struct addr to = call->addr;
		uint8_t bytes[64];

		while (recv(call->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
		rtp_write_empty(8, call->sequence++, 5, bytes);
		addr_set_port(&to, call->port);
		/* where the port is closed, it may tell so */
		(void)sendto(call->fd, bytes, RTP_HEADER_SIZE, 0, &to.sa, to.len);
	}
	usleep(STEP_MS * 1000);
	loop_turn(loop, 0);
}

static unsigned n_flows(void)
{
	struct kernel_path_view view;

	relays_kernel_view(relays, &view);
	return view.n_flows;
}

static void until_flows(unsigned n)
{
	for (unsigned i = 0; i < MAX_STEPS && n_flows() != n; i++)
		step();
	assert_int_equal(n_flows(), n);
}

static void begin(void)
{
	const struct relays_settings settings = { .n_workers = 2,
						  .first_port = 24000,
						  .last_port = 24999,
						  .kernel_door = &fake_door };

	fake_door_reset();
	n_closed = 0;
	assert_int_equal(loop_new_turned(1000000, &loop), ERR_OK);
	assert_int_equal(mailbox_new(loop, NULL, &mailbox), ERR_OK);
	assert_int_equal(relays_new(&settings, &relays), ERR_OK);
	for (unsigned i = 0; i < N_CALLS; i++) {
		struct call *call = &calls[i];

		*call = (struct call){ .sequence = 1 };
		assert_int_equal(addr_parse("127.32.0.3", 0, &call->addr), ERR_OK);
		own_network(&call->addr);
		call->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(call->fd, &call->addr.sa, call->addr.len), 0);
		assert_int_equal(getsockname(call->fd, &call->addr.sa, &call->addr.len), 0);
		open_call(call);
	}
	assert_int_equal(relays_set_kernel(relays, true), ERR_OK);
}

static void finish(void)
{
	relays = relays_free(relays);
	mailbox = mailbox_free(mailbox); /* with the ends */
	loop = loop_free(loop);
	for (unsigned i = 0; i < N_CALLS; i++)
		close(calls[i].fd);
	assert_false(door.is_open);
	assert_int_equal(door.n_flows, 0);
}

static void test_all_at_once(void **state)
{
	begin();
	until_flows(N_CALLS);
	tell(&calls[0]); /* leaves */
	tell(&calls[1]);
	relay_close(calls[1].relay); /* while it leaves */
	relay_close(calls[2].relay); /* while it is in */
	for (unsigned i = 0; i < MAX_STEPS && n_closed < 2; i++)
		step();
	assert_int_equal(n_closed, 2);
	assert_int_equal(n_flows(), N_CALLS - 3);
	assert_int_equal(relays_set_kernel(relays, false), ERR_OK);
	relay_close(calls[3].relay); /* while all are told to leave */
	until_flows(0);
	assert_int_equal(relays_set_kernel(relays, true), ERR_OK);
	until_flows(N_CALLS - 3);
	finish(); /* with five in */
	assert_int_equal(n_closed, N_CALLS);
	assert_true(door.n_changes > 2 * N_CALLS - 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
