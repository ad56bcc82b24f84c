/* Workers in threads: one has a connection, the other sends on it; and several begin at once to
 * a partner that may have one. For ThreadSanitizer above all. */
#include "proxy/elsewhere.h"

#include <fcntl.h>
#include <pthread.h>

#include "proxy/transport/roll.h"
#include "proxy/transport/stand_in.h"
#include "tests/unit/sides.h"

enum { N_REQUESTS = 2000, OWNER = 0, SENDER = 1, N_RUSHING = 4, N_OF_EACH = 500 };

/* The id of the connection, on its way to who sends on it. */
struct news {
	struct letter letter;
	uint64_t flow_id;
};

struct seat {
	struct worker worker;
	/* the sender's */
	struct hop hop;
	struct sending sending;
	struct flow_user flow_user;
	struct timer timer;
	unsigned n_sent, n_refused, n_told;
};

static struct server server;
static struct seat seats[N_RUSHING];
static struct roll *roll;
static struct listener *listener;

/* ---- the sender's thread ---- */

static void on_lost(struct flow_user *user, enum err err, enum reason reason)
{
	struct seat *seat = container_of(user, struct seat, flow_user);

	assert_int_equal(reason, REASON_CONNECTION_LOST);
	seat->n_told++;
	seat->sending.flow = flow_unref(seat->sending.flow);
	seat->worker.is_stopping = true; /* as an order to stop does it */
	loop_stop(seat->worker.loop);
}

static void on_sent(struct sending *sending, enum err err, enum reason reason);

static void send_one(struct timer *timer)
{
	struct seat *seat = container_of(timer, struct seat, timer);
	struct wire *wire = side_request("c", 0);
	enum err err = transport_send(seat->worker.transport, &seat->hop, wire, &seat->sending,
				      on_sent);

	wire_unref(wire);
	if (!err)
		return;
	assert_int_equal(err, ERR_LIMIT); /* the mailbox is full: a little later */
	seat->n_refused++;
	timer_start(seat->worker.loop, timer, 1, send_one);
}

static void on_sent(struct sending *sending, enum err err, enum reason reason)
{
	struct seat *seat = container_of(sending, struct seat, sending);

	assert_int_equal(err, ERR_OK);
	if (++seat->n_sent < N_REQUESTS) {
		sending->flow = flow_unref(sending->flow);
		timer_start(seat->worker.loop, &seat->timer, 0, send_one);
		return;
	}
	assert_int_equal(flow_watch(sending->flow, &seat->flow_user, on_lost), ERR_OK);
}

static void take_news(struct letter *letter, void *owner)
{
	struct news *news = container_of(letter, struct news, letter);
	struct seat *seat = container_of((struct worker *)owner, struct seat, worker);

	seat->hop = side_hop(listener, listener);
	seat->hop.flow_id = news->flow_id;
	free(news);
	timer_start(seat->worker.loop, &seat->timer, 0, send_one);
}

/* ---- the owner's ---- */

static void on_message(void *user, struct arrival *arrival)
{
	struct news *news = calloc(1, sizeof(*news));

	assert_non_null(news);
	news->letter.deliver = take_news;
	news->flow_id = arrival->flow->id;
	message_unref(arrival->msg);
	assert_int_equal(mailbox_post(server.workers[SENDER]->mailbox, &news->letter), ERR_OK);
}

static void on_closed(void *user, struct flow *flow, enum reason reason)
{
	struct worker *worker = user;

	worker->is_stopping = true;
	loop_stop(worker->loop);
}

/* ---- */

static void *run(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void open_seat(unsigned number)
{
	struct worker *worker = &seats[number].worker;
	const struct transport_user user = {
		.user = worker,
		.on_message = on_message,
		.on_closed = on_closed,
		.send_elsewhere = elsewhere_send,
		.tell_left = elsewhere_tell_left,
		.tell_lost = elsewhere_tell_lost,
		.tell_wanted = elsewhere_tell_wanted,
		.tell_opened = elsewhere_tell_opened,
	};

	worker->server = &server;
	worker->number = number;
	server.workers[number] = worker;
	assert_int_equal(loop_new(&worker->loop), ERR_OK);
	assert_int_equal(mailbox_new(worker->loop, worker, &worker->mailbox), ERR_OK);
	assert_int_equal(transport_new(worker->loop, number, &user, NULL, &worker->transport),
			 ERR_OK);
	transport_share(worker->transport, roll);
}

static void close_seat(unsigned number)
{
	struct worker *worker = &seats[number].worker;

	timer_stop(&seats[number].timer);
	transport_free(worker->transport);
	mailbox_free(worker->mailbox);
	loop_free(worker->loop);
}

/* How many of the requests came by the connection, read until all did. */
static unsigned read_requests(int fd, unsigned n_wanted)
{
	struct wire *wire = side_request("c", 0);
	const size_t one = wire->len;
	static char bytes[65536];
	size_t len = 0;
	ssize_t n = 1;

	while (len < one * n_wanted && n > 0) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		len += n > 0 ? (size_t)n : 0;
	}
	wire_unref(wire);
	return (unsigned)(len / one);
}

static void test_two_threads(void **state)
{
	pthread_t threads[2];
	struct wire *wire = side_request("register", 0);
	unsigned i;
	int fd;

	server.n_workers = 2;
	open_seat(OWNER);
	open_seat(SENDER);
	listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	assert_int_equal(transport_listen(seats[OWNER].worker.transport, &listener, 1), ERR_OK);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, seats[i].worker.loop),
				 0);
	fd = side_connect(&listener->addr);
	assert_int_equal(send(fd, wire->bytes, wire->len, 0), wire->len);
	assert_int_equal(read_requests(fd, N_REQUESTS), N_REQUESTS);
	close(fd);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seats[SENDER].n_told, 1);
	print_message("%u were refused for a full mailbox\n", seats[SENDER].n_refused);
	close_seat(OWNER);
	close_seat(SENDER);
	listener_unref(listener);
	wire_unref(wire);
}

/* ---- several at once ---- */

static void on_rushed(struct sending *sending, enum err err, enum reason reason);

static void rush(struct timer *timer)
{
	struct seat *seat = container_of(timer, struct seat, timer);
	struct wire *wire = side_request("c", 0);
	enum err err = transport_send(seat->worker.transport, &seat->hop, wire, &seat->sending,
				      on_rushed);

	wire_unref(wire);
	if (!err)
		return;
	assert_int_equal(err, ERR_LIMIT);
	timer_start(seat->worker.loop, timer, 1, rush);
}

static void on_rushed(struct sending *sending, enum err err, enum reason reason)
{
	struct seat *seat = container_of(sending, struct seat, sending);

	assert_int_equal(err, ERR_OK);
	sending->flow = flow_unref(sending->flow);
	if (++seat->n_sent < N_OF_EACH)
		timer_start(seat->worker.loop, &seat->timer, 0, rush);
}

static void stop(struct letter *letter, void *owner)
{
	struct worker *worker = owner;

	worker->is_stopping = true;
	loop_stop(worker->loop);
	free(letter);
}

static void *run_until_all_stop(void *user)
{
	struct seat *seat = user;

	timer_start(seat->worker.loop, &seat->timer, 0, rush);
	loop_run(seat->worker.loop);
	return NULL;
}

static int listen_at(struct addr *out)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(addr_parse("127.0.0.1", 0, out), ERR_OK);
	assert_int_equal(bind(fd, &out->sa, out->len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	addr_from_sockaddr(out, (struct sockaddr *)&local, len);
	return fd;
}

static void test_a_rush(void **state)
{
	struct addr partner;
	const int listening = listen_at(&partner);
	pthread_t threads[N_RUSHING];
	unsigned i, n = 0;
	int fd;

	memset(seats, 0, sizeof(seats));
	assert_int_equal(roll_new(&roll), ERR_OK);
	server.n_workers = N_RUSHING;
	for (i = 0; i < N_RUSHING; i++) {
		open_seat(i);
		seats[i].hop = (struct hop){ .transport = TRANSPORT_TCP,
					     .remote = partner,
					     .peer = "partner:a",
					     .max_connections = 1 };
	}
	for (i = 0; i < N_RUSHING; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, run_until_all_stop, &seats[i]), 0);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(read_requests(fd, N_RUSHING * N_OF_EACH), N_RUSHING * N_OF_EACH);
	for (i = 0; i < N_RUSHING; i++) {
		struct letter *letter = calloc(1, sizeof(*letter));

		letter->deliver = stop;
		assert_int_equal(mailbox_post(server.workers[i]->mailbox, letter), ERR_OK);
	}
	for (i = 0; i < N_RUSHING; i++) {
		pthread_join(threads[i], NULL);
		n += seats[i].n_sent;
	}
	assert_int_equal(n, N_RUSHING * N_OF_EACH);
	assert_int_equal(fcntl(listening, F_SETFL, O_NONBLOCK), 0);
	/* there was no other */
	assert_int_equal(accept4(listening, NULL, NULL, SOCK_CLOEXEC), -1);
	for (i = 0; i < N_RUSHING; i++)
		close_seat(i);
	roll = roll_free(roll);
	close(fd);
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_two_threads),
					    cmocka_unit_test(test_a_rush) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
