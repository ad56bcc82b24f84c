#include "routing/dns_channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct outcome {
	unsigned n_told, n_closing;
	void *question;
	enum dns_status status;
};

static void on_answer(void *user, void *question, enum dns_status status,
		      const unsigned char *bytes, size_t len, bool is_closing)
{
	struct outcome *outcome = user;

	outcome->n_told++;
	outcome->n_closing += is_closing;
	outcome->question = question;
	outcome->status = status;
}

static void test_servers(void **state)
{
	static const struct {
		const char *server;
		enum err want;
	} rows[] = {
		{ "127.0.0.1", ERR_OK },  { "127.0.0.1:5353", ERR_OK },  { "::1", ERR_OK },
		{ "[::1]:5353", ERR_OK }, { "ns.example", ERR_SYNTAX }, /* who would resolve it?
									 */
		{ "", ERR_SYNTAX },       { "127.0.0.1:x", ERR_SYNTAX },
	};
	struct outcome outcome = { 0 };
	struct loop *loop;

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_settings settings = { .n_servers = 2 };
		struct dns_channel *channel = NULL;
		strcpy(settings.servers[0], "192.0.2.1");
		strcpy(settings.servers[1], rows[i].server);
		enum err err = dns_channel_new(loop, &settings, on_answer, &outcome, &channel);
		if (err != rows[i].want)
			fail_msg("'%s': %s", rows[i].server, err_text(err));
		assert_null(dns_channel_free(channel));
	}
	assert_int_equal(outcome.n_told, 0);
	loop_free(loop);
}

/* A port that is bound, so that it is ours, and never read or, closed, refused. */
static int bind_port(char text[64])
{
	struct addr addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(addr_parse("127.0.0.1", 0, &addr), ERR_OK);
	assert_int_equal(bind(fd, &addr.sa, addr.len), 0);
	assert_int_equal(getsockname(fd, &addr.sa, &addr.len), 0);
	addr_text(&addr, text);
	return fd;
}

/* Questions under way are told that the channel closes, once each. */
static void test_free_tells(void **state)
{
	struct dns_settings settings = { .n_servers = 1 };
	struct outcome outcome = { 0 };
	struct dns_channel *channel;
	struct loop *loop;
	int one, two;

	int fd = bind_port(settings.servers[0]);
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(dns_channel_new(loop, &settings, on_answer, &outcome, &channel),
			 ERR_OK);
	dns_channel_ask(channel, "a.example", DNS_A, &one);
	dns_channel_ask(channel, "a.example", DNS_SRV, &two);
	loop_turn(loop, 100);
	assert_int_equal(outcome.n_told, 0);
	dns_channel_free(channel);
	assert_int_equal(outcome.n_told, 2);
	assert_int_equal(outcome.n_closing, 2);
	loop_turn(loop, 10000);
	assert_int_equal(outcome.n_told, 2);
	loop_free(loop);
	close(fd);
}

static void test_refused(void **state)
{
	struct dns_settings settings = { .n_servers = 1 };
	struct outcome outcome = { 0 };
	struct dns_channel *channel;
	struct loop *loop;
	int question;

	close(bind_port(settings.servers[0]));
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(dns_channel_new(loop, &settings, on_answer, &outcome, &channel),
			 ERR_OK);
	dns_channel_ask(channel, "a.example", DNS_A, &question);
	for (unsigned i = 0; i < 10 && outcome.n_told == 0; i++)
		loop_turn(loop, 1000);
	assert_int_equal(outcome.n_told, 1);
	assert_int_equal(outcome.n_closing, 0);
	assert_int_equal(outcome.status, DNS_SERVER_FAILED);
	assert_ptr_equal(outcome.question, &question);
	dns_channel_free(channel);
	assert_int_equal(outcome.n_told, 1);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_free_tells),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
