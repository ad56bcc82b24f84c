#include "nat/public_monitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "nat/stun_server.h"
#include "proxy/base/macros.h"

enum { INTERVAL_MS = 15000 };

/* Two servers, at 198.51.100.1 and .2; what each says of us, unset: it is silent. */
struct scene {
	struct loop *loop;
	struct public_monitor *monitor;
	struct addr says[2], once[2]; /* once: in the next answer alone */
	unsigned n_asked[2], n_heard, n_silent;
	struct addr heard;
	char by[PUBLIC_SERVER_SIZE];
	uint64_t heard_ms;
	struct {
		struct timer timer;
		struct scene *scene;
		struct addr from;
		struct stun_reply reply;
		bool is_used;
	} answers[8];
};

static struct scene scene;

static struct addr at(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static struct addr server_addr(unsigned i)
{
	return at(i ? "198.51.100.2" : "198.51.100.1", 3478);
}

static void on_answer(struct timer *timer)
{
	for (unsigned i = 0; i < COUNT(scene.answers); i++) {
		if (&scene.answers[i].timer != timer)
			continue;
		scene.answers[i].is_used = false;
		assert_true(public_monitor_receive(scene.monitor, "wan", &scene.answers[i].from,
						   scene.answers[i].reply.writer.bytes,
						   stun_end(&scene.answers[i].reply.writer)));
		return;
	}
}

static enum err on_send(void *user, const char *listener, const struct addr *to,
			const void *bytes, size_t len)
{
	const struct addr second = server_addr(1);
	const unsigned i = addr_equal(to, &second);
	const struct stun_seat seat = { .local = *to };
	const struct addr seen = addr_is_set(&scene.once[i]) ? scene.once[i] : scene.says[i];

	assert_string_equal(listener, "wan");
	scene.n_asked[i]++;
	scene.once[i] = (struct addr){ 0 };
	for (unsigned k = 0; addr_is_set(&seen) && k < COUNT(scene.answers); k++) {
		if (scene.answers[k].is_used)
			continue;
		scene.answers[k].is_used = true;
		scene.answers[k].from = *to;
		assert_true(
			stun_server_answer(&seat, &seen, bytes, len, &scene.answers[k].reply));
		timer_start(scene.loop, &scene.answers[k].timer, 20, on_answer);
		break;
	}
	return ERR_OK;
}

static void on_heard(void *user, const struct public_wish *wish, const struct addr *addr,
		     const char *server)
{
	scene.n_heard++;
	scene.heard = *addr;
	scene.heard_ms = loop_now_ms(scene.loop);
	strcpy(scene.by, server);
}

static void on_silent(void *user, const struct public_wish *wish)
{
	scene.n_silent++;
}

static int set_up(void **state)
{
	const struct public_monitor_user user = { .send = on_send,
						  .on_heard = on_heard,
						  .on_silent = on_silent };

	scene = (struct scene){ 0 };
	assert_int_equal(loop_new_turned(1000, &scene.loop), ERR_OK);
	assert_int_equal(public_monitor_new(scene.loop, &user, &scene.monitor), ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	public_monitor_free(scene.monitor);
	for (unsigned i = 0; i < COUNT(scene.answers); i++)
		timer_stop(&scene.answers[i].timer);
	loop_free(scene.loop);
	return 0;
}

static void watch(const char *name, const char *host)
{
	struct public_wish wish = { .is_udp = true, .addr = at(host, 5060) };

	strcpy(wish.listener, name);
	assert_int_equal(public_monitor_watch(scene.monitor, &wish, 1, INTERVAL_MS), ERR_OK);
}

static void use_servers(unsigned n)
{
	struct public_server servers[2] = { { .name = "one", .addr = server_addr(0) },
					    { .name = "two", .addr = server_addr(1) } };

	public_monitor_set_servers(scene.monitor, servers, n);
}

static void test_found_and_watched(void **state)
{
	const struct addr home = at("203.0.113.7", 40000);

	scene.says[0] = home;
	watch("wan", "10.0.0.2");
	loop_turn(scene.loop, 5000);
	assert_int_equal(scene.n_silent, 0); /* nobody was named yet, so nobody is silent */
	use_servers(2);
	loop_turn(scene.loop, 100);
	assert_int_equal(scene.n_heard, 1);
	assert_true(addr_equal(&scene.heard, &home));
	assert_string_equal(scene.by, "one");
	loop_turn(scene.loop, 10 * INTERVAL_MS);
	assert_int_equal(scene.n_heard, 11); /* every interval (mission 126) */
	assert_int_equal(scene.n_asked[0], 11);
	assert_int_equal(scene.n_asked[1], 0); /* a second one is asked in need only */
}

/* Within an interval, whenever it happens. */
static void test_change(void **state)
{
	scene.says[0] = at("203.0.113.7", 40000);
	watch("wan", "10.0.0.2");
	use_servers(2);
	loop_turn(scene.loop, 7000);
	const struct addr fresh = at("203.0.113.99", 41000);
	const uint64_t changed_ms = loop_now_ms(scene.loop);
	scene.says[0] = fresh;
	loop_turn(scene.loop, INTERVAL_MS);
	assert_true(addr_equal(&scene.heard, &fresh));
	assert_in_range(scene.heard_ms - changed_ms, 1, INTERVAL_MS);
}

/* One packet's word is not enough: it is asked again at once. */
static void test_one_odd_answer(void **state)
{
	const struct addr home = at("203.0.113.7", 40000);

	scene.says[0] = home;
	watch("wan", "10.0.0.2");
	use_servers(1);
	loop_turn(scene.loop, 1000);
	scene.once[0] = at("192.0.2.66", 1);
	loop_turn(scene.loop, 2 * INTERVAL_MS);
	assert_true(addr_equal(&scene.heard, &home));
	assert_int_equal(scene.n_heard, 3);
	assert_int_equal(scene.n_asked[0], 4);
}

static void test_silence(void **state)
{
	const struct addr home = at("203.0.113.7", 40000);

	scene.says[0] = scene.says[1] = home;
	watch("wan", "10.0.0.2");
	use_servers(2);
	loop_turn(scene.loop, 1000);
	scene.says[0] = (struct addr){ 0 };
	/* the first is silent for 5.5 s, the second answers */
	loop_turn(scene.loop, INTERVAL_MS + 6000);
	assert_int_equal(scene.n_silent, 0);
	assert_string_equal(scene.by, "two");
	scene.says[1] = (struct addr){ 0 };
	loop_turn(scene.loop, 2 * INTERVAL_MS + 12000);
	assert_true(scene.n_silent >= 1);
	const unsigned n = scene.n_heard;
	scene.says[0] = home;
	loop_turn(scene.loop, 2 * INTERVAL_MS);
	assert_true(scene.n_heard > n);
	assert_string_equal(scene.by, "one");
}

/* A reload that does not touch it does not disturb it; another address of ours begins anew; one
 * that is gone is left alone. */
static void test_reload(void **state)
{
	scene.says[0] = at("203.0.113.7", 40000);
	watch("wan", "10.0.0.2");
	use_servers(1);
	loop_turn(scene.loop, 1000);
	assert_int_equal(scene.n_asked[0], 1);
	watch("wan", "10.0.0.2");
	use_servers(1);
	loop_turn(scene.loop, 1000);
	assert_int_equal(scene.n_asked[0], 1);
	watch("wan", "10.0.0.3");
	loop_turn(scene.loop, 1000);
	assert_int_equal(scene.n_asked[0], 2);
	assert_int_equal(public_monitor_watch(scene.monitor, NULL, 0, INTERVAL_MS), ERR_OK);
	loop_turn(scene.loop, 10 * INTERVAL_MS);
	assert_int_equal(scene.n_asked[0], 2);
}

static void test_no_server_of_its_family(void **state)
{
	scene.says[0] = at("203.0.113.7", 40000);
	watch("wan", "2001:db8::1");
	use_servers(2);
	loop_turn(scene.loop, 3 * INTERVAL_MS);
	assert_int_equal(scene.n_asked[0] + scene.n_asked[1], 0);
	assert_true(scene.n_silent >= 2);
}

/* A stream listener: by UDP from a socket at its address, and what is told has its port. */
static void test_stream(void **state)
{
	struct public_wish wish = { .listener = "tls",
				    .is_udp = false,
				    .addr = at("127.0.0.1", 5061) };
	struct public_server server = { .name = "real" };
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	unsigned char bytes[STUN_MAX_SIZE];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct addr any = at("127.0.0.1", 0);
	struct stun_reply reply;
	struct stun_seat seat;

	assert_int_equal(bind(fd, &any.sa, any.len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	addr_from_sockaddr(&server.addr, (struct sockaddr *)&name, len);
	assert_int_equal(public_monitor_watch(scene.monitor, &wish, 1, INTERVAL_MS), ERR_OK);
	public_monitor_set_servers(scene.monitor, &server, 1);
	loop_turn(scene.loop, 1);
	len = sizeof(name);
	ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&name, &len);
	assert_true(n > 0);
	const struct addr seen = at("203.0.113.7", 4711);
	seat = (struct stun_seat){ .local = server.addr };
	assert_true(stun_server_answer(&seat, &seen, bytes, (size_t)n, &reply));
	assert_true(sendto(fd, reply.writer.bytes, stun_end(&reply.writer), 0,
			   (struct sockaddr *)&name, len) > 0);
	loop_turn(scene.loop, 1);
	assert_int_equal(scene.n_heard, 1);
	const struct addr want = at("203.0.113.7", 5061);
	assert_true(addr_equal(&scene.heard, &want));
	close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found_and_watched),
		TEST(test_change),
		TEST(test_one_odd_answer),
		TEST(test_silence),
		TEST(test_reload),
		TEST(test_no_server_of_its_family),
		TEST(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
