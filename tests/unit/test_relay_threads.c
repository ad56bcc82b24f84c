#include "media/relay.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/rtp.h"
#include "proxy/base/loop.h"
#include "proxy/base/macros.h"
#include "proxy/base/timer.h"
#include "tests/unit/own_network.h"

/* Media workers as threads, and two SIP workers that open, tell, ask and close: what the thread
 * sanitizer looks at. */
enum { N_OWNERS = 2, N_CALLS = 40, N_PACKETS = 20 };

struct owner {
	struct relays *relays;
	struct loop *loop;
	struct mailbox *mailbox;
	struct relay *relay;
	struct timer deadline;
	int fd; /* both phones of its call */
	struct addr addr;
	unsigned number, n_calls, n_arrived, n_stats;
	bool is_late;
};

static void open_one(struct owner *owner);

static void send_packets(struct owner *owner)
{
	struct addr to = owner->addr;
	uint8_t bytes[RTP_HEADER_SIZE];

	addr_set_port(&to, relay_port(owner->relay, 0, RELAY_CALLER));
	for (uint16_t i = 0; i < N_PACKETS; i++) {
		rtp_write_empty(8, i, 5, bytes);
		assert_int_equal(sendto(owner->fd, bytes, sizeof(bytes), 0, &to.sa, to.len),
				 sizeof(bytes));
	}
}

static void drain(struct owner *owner)
{
	uint8_t bytes[64];

	while (recv(owner->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		owner->n_arrived++;
}

static void on_event(const struct relay_event *event, void *mailbox_owner)
{
	struct owner *owner = mailbox_owner;

	assert_ptr_equal(event->user, owner);
	switch (event->kind) {
	case RELAY_STATS: /* the orders before it are done */
		if (++owner->n_stats % 2 == 1) {
			send_packets(owner);
			usleep(500);
			assert_int_equal(relay_ask_stats(owner->relay), ERR_OK);
			return;
		}
		relay_close(owner->relay);
		return;
	case RELAY_CLOSED:
		drain(owner);
		owner->relay = NULL;
		if (++owner->n_calls < N_CALLS)
			open_one(owner);
		else
			loop_stop(owner->loop);
		return;
	case RELAY_LATCHED:
	case RELAY_SILENT:
	case RELAY_SECURED:
	case RELAY_SECURE_FAILED:
	case RELAY_MAPPED:
		return;
	}
}

static void open_one(struct owner *owner)
{
	struct relay_settings settings = { .n_streams = 1, .timeout_ms = 5000 };
	struct relay_owner at = { .mailbox = owner->mailbox,
				  .on_event = on_event,
				  .user = owner };
	struct relay_end end = { .rtp = owner->addr };

	settings.bind[0] = settings.bind[1] = owner->addr;
	assert_int_equal(relay_open(owner->relays, &settings, &at, &owner->relay), ERR_OK);
	assert_int_equal(relay_set(owner->relay, 0, RELAY_CALLER, &end), ERR_OK);
	assert_int_equal(relay_set(owner->relay, 0, RELAY_CALLEE, &end), ERR_OK);
	assert_int_equal(relay_add_streams(owner->relay, 1), ERR_OK);
	assert_int_equal(relay_set(owner->relay, 1, RELAY_CALLER, &end), ERR_OK);
	assert_int_equal(relay_ask_stats(owner->relay), ERR_OK);
}

static void on_deadline(struct timer *timer)
{
	struct owner *owner = container_of(timer, struct owner, deadline);

	owner->is_late = true;
	loop_stop(owner->loop);
}

static void *run(void *user)
{
	struct owner *owner = user;

	timer_start(owner->loop, &owner->deadline, 40000, on_deadline);
	open_one(owner);
	loop_run(owner->loop);
	timer_stop(&owner->deadline);
	return NULL;
}

static void prepare(struct owner *owner, struct relays *relays, unsigned number)
{
	memset(owner, 0, sizeof(*owner));
	owner->relays = relays;
	owner->number = number;
	assert_int_equal(loop_new(&owner->loop), ERR_OK);
	assert_int_equal(mailbox_new(owner->loop, owner, &owner->mailbox), ERR_OK);
	assert_int_equal(addr_parse(number ? "127.32.0.2" : "127.32.0.1", 0, &owner->addr),
			 ERR_OK);
	own_network(&owner->addr);
	owner->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(owner->fd, &owner->addr.sa, owner->addr.len), 0);
	assert_int_equal(getsockname(owner->fd, &owner->addr.sa, &owner->addr.len), 0);
}

static void test_owners_and_workers(void **state)
{
	struct relays_settings settings = { .n_workers = 2,
					    .first_port = 23000,
					    .last_port = 23999 };
	struct owner owners[N_OWNERS];
	pthread_t threads[N_OWNERS];
	struct relays_totals totals;
	struct relays *relays;

	assert_int_equal(relays_new(&settings, &relays), ERR_OK);
	for (unsigned i = 0; i < N_OWNERS; i++) {
		prepare(&owners[i], relays, i);
		assert_int_equal(pthread_create(&threads[i], NULL, run, &owners[i]), 0);
	}
	for (unsigned i = 0; i < N_OWNERS; i++)
		pthread_join(threads[i], NULL);
	relays_totals(relays, &totals);
	assert_int_equal(totals.n_relays, 0);
	assert_int_equal(totals.n_streams, 0);
	assert_int_equal(totals.n_pairs_used, 0);
	assert_int_equal(totals.n_pairs_resting, N_OWNERS * N_CALLS * 4);
	assert_true(totals.packets > 0);
	relays_free(relays);
	for (unsigned i = 0; i < N_OWNERS; i++) {
		assert_false(owners[i].is_late);
		assert_int_equal(owners[i].n_calls, N_CALLS);
		assert_true(owners[i].n_arrived > 0);
		mailbox_free(owners[i].mailbox);
		loop_free(owners[i].loop);
		close(owners[i].fd);
	}
}

/* Calls that are up when the workers end. */
static void test_end_with_calls_up(void **state)
{
	struct relays_settings settings = { .n_workers = 2,
					    .first_port = 23000,
					    .last_port = 23999 };
	struct relay_settings call = { .n_streams = 2 };
	struct owner owner;
	struct relay_owner at = { .on_event = on_event, .user = &owner };
	struct relays *relays;
	struct relay *relay;

	assert_int_equal(relays_new(&settings, &relays), ERR_OK);
	prepare(&owner, relays, 0);
	owner.n_calls = N_CALLS; /* so that none is opened anew */
	at.mailbox = owner.mailbox;
	call.bind[0] = call.bind[1] = owner.addr;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(relay_open(relays, &call, &at, &relay), ERR_OK);
	relays_free(relays);
	mailbox_free(owner.mailbox); /* delivers what waits: ten ends */
	assert_int_equal(owner.n_calls, N_CALLS + 10);
	loop_free(owner.loop);
	close(owner.fd);
}

static void test_bad_settings(void **state)
{
	struct relays_settings settings = { .n_workers = 1,
					    .first_port = 23001,
					    .last_port = 23002 };
	struct relays *relays = NULL;

	assert_int_equal(relays_new(&settings, &relays), ERR_INVALID);
	settings = (struct relays_settings){ .n_workers = 65,
					     .first_port = 23000,
					     .last_port = 23999 };
	assert_int_equal(relays_new(&settings, &relays), ERR_INVALID);
	settings.n_workers = 0; /* and no loop */
	assert_int_equal(relays_new(&settings, &relays), ERR_INVALID);
	assert_null(relays);
	assert_null(relays_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners_and_workers),
		cmocka_unit_test(test_end_with_calls_up),
		cmocka_unit_test(test_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
