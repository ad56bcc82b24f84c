#include "nat/stun_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "nat/stun_server.h"
#include "nat/stun_socket.h"
#include "nat/stun_tcp.h"
#include "proxy/base/macros.h"

struct fixture {
	struct loop *loop;
	struct stun_client client;
	struct stun_query query;
	struct addr server, source;
	uint64_t sent_ms[16];
	unsigned n_sent, n_ended;
	unsigned char last[STUN_MAX_SIZE];
	size_t last_len;
	enum err send_err;
	struct stun_answer answer;
};

static struct fixture fixture;

static enum err record(void *user, const struct addr *to, const void *bytes, size_t len)
{
	struct fixture *f = user;

	assert_true(addr_equal(to, &f->server));
	assert_true(f->n_sent < COUNT(f->sent_ms));
	if (f->n_sent) /* a repeat is the same message (RFC 8489 §6.2.1) */
		assert_memory_equal(f->last, bytes, len);
	memcpy(f->last, bytes, len);
	f->last_len = len;
	f->sent_ms[f->n_sent++] = loop_now_ms(f->loop);
	return f->send_err;
}

static void on_end(struct stun_query *query, const struct stun_answer *answer)
{
	struct fixture *f = container_of(query, struct fixture, query);

	f->answer = *answer;
	f->n_ended++;
}

static int set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	assert_int_equal(loop_new_turned(1000, &fixture.loop), ERR_OK);
	assert_int_equal(addr_parse("198.51.100.1", 3478, &fixture.server), ERR_OK);
	assert_int_equal(addr_parse("203.0.113.7", 40000, &fixture.source), ERR_OK);
	stun_client_init(&fixture.client, fixture.loop, record, &fixture);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stun_client_fini(&f->client);
	loop_free(f->loop);
	return 0;
}

static void ask(struct fixture *f, bool change)
{
	const struct stun_question question = { .to = f->server,
						.change_ip = change,
						.change_port = change,
						.patience = stun_patience_rfc };

	stun_ask(&f->client, &f->query, &question, on_end);
}

/* RFC 8489 §6.2.1 gives these very times: 0, 500, 1500, 3500, 7500, 15500, 31500, and the end
 * at 39500 ms. */
static void test_retransmission(void **state)
{
	static const uint64_t want_ms[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
	struct fixture *f = *state;

	ask(f, false);
	loop_turn(f->loop, 39499);
	assert_int_equal(f->n_ended, 0);
	assert_int_equal(f->n_sent, COUNT(want_ms));
	for (size_t i = 0; i < COUNT(want_ms); i++)
		assert_int_equal(f->sent_ms[i], 1000 + want_ms[i]);
	loop_turn(f->loop, 1);
	assert_int_equal(f->n_ended, 1);
	assert_int_equal(f->answer.outcome, STUN_SILENT);
	assert_int_equal(f->answer.n_sent, 7);
	loop_turn(f->loop, 100000);
	assert_int_equal(f->n_sent, 7);
}

static bool answer_from(struct fixture *f, const struct addr *from, unsigned char spoil)
{
	const struct stun_seat seat = { .local = f->server, .other = *from };
	struct stun_reply reply;

	assert_true(stun_server_answer(&seat, &f->source, f->last, f->last_len, &reply));
	reply.writer.bytes[10] ^= spoil;
	return stun_client_receive(&f->client, from, reply.writer.bytes,
				   stun_end(&reply.writer));
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	struct addr other;

	assert_int_equal(addr_parse("198.51.100.2", 3479, &other), ERR_OK);
	ask(f, false);
	loop_turn(f->loop, 700);
	assert_false(answer_from(f, &f->server, 1)); /* of another transaction */
	assert_false(answer_from(f, &other, 0));     /* from where nobody was asked */
	/* a request */
	assert_false(stun_client_receive(&f->client, &f->server, f->last, f->last_len));
	assert_int_equal(f->n_ended, 0);
	assert_true(answer_from(f, &f->server, 0));
	assert_int_equal(f->n_ended, 1);
	assert_int_equal(f->answer.outcome, STUN_ANSWERED);
	assert_true(addr_equal(&f->answer.mapped, &f->source));
	assert_int_equal(f->answer.n_sent, 2);
	assert_int_equal(f->answer.took_ms, 200);
	/* the answer to the first request comes, too */
	assert_false(answer_from(f, &f->server, 0));
	loop_turn(f->loop, 100000);
	assert_int_equal(f->n_ended, 1);
	assert_int_equal(f->n_sent, 2);
}

static void test_answer_from_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct addr other;

	assert_int_equal(addr_parse("198.51.100.2", 3479, &other), ERR_OK);
	ask(f, true);
	assert_true(answer_from(f, &other, 0));
	assert_int_equal(f->answer.outcome, STUN_ANSWERED);
	assert_true(addr_equal(&f->answer.from, &other));
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	struct stun_writer writer;

	ask(f, false);
	stun_begin(&writer, STUN_ERROR, STUN_BINDING, f->query.id);
	stun_add_error(&writer, 401, "Unauthenticated");
	assert_true(
		stun_client_receive(&f->client, &f->server, writer.bytes, stun_end(&writer)));
	assert_int_equal(f->answer.outcome, STUN_REFUSED);
	assert_int_equal(f->answer.error_code, 401);

	f->n_sent = 0;
	ask(f, false);
	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, f->query.id); /* without an address */
	assert_true(
		stun_client_receive(&f->client, &f->server, writer.bytes, stun_end(&writer)));
	assert_int_equal(f->answer.outcome, STUN_REFUSED);

	f->n_sent = 0;
	ask(f, false);
	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, f->query.id); /* RFC 8489 §6.3.3 */
	stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &f->source);
	stun_add_number(&writer, (enum stun_attribute)0x7ff0, 0);
	assert_true(
		stun_client_receive(&f->client, &f->server, writer.bytes, stun_end(&writer)));
	assert_int_equal(f->answer.outcome, STUN_REFUSED);
	assert_int_equal(f->n_ended, 3);
}

static void test_unsent_and_cancelled(void **state)
{
	struct fixture *f = *state;

	f->send_err = ERR_UNREACHABLE;
	ask(f, false);
	loop_turn(f->loop, 40000);
	assert_int_equal(f->answer.outcome, STUN_UNSENT);

	f->send_err = ERR_OK;
	f->n_sent = 0;
	ask(f, false);
	stun_cancel(&f->query);
	stun_cancel(&f->query);
	loop_turn(f->loop, 100000);
	assert_int_equal(f->n_ended, 1);
	assert_int_equal(f->n_sent, 1);
}

/* ---- real sockets ---- */

static const struct {
	const char *host;
	int family;
} families[] = { { "127.0.0.1", AF_INET }, { "::1", AF_INET6 } };

/* A server's socket; -1 where the host has no IPv6. */
static int open_server(const char *host, int family, int type, struct addr *out)
{
	int fd = socket(family, type | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(struct sockaddr_in6);
	struct sockaddr_storage name;

	assert_int_equal(addr_parse(host, 0, out), ERR_OK);
	if (fd < 0 || bind(fd, &out->sa, out->len) < 0) {
		close(fd);
		return -1;
	}
	len = sizeof(name);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	addr_from_sockaddr(out, (struct sockaddr *)&name, len);
	return fd;
}

struct real {
	struct loop *loop;
	struct stun_query query;
	struct stun_tcp tcp;
	struct stun_answer answer;
	unsigned n_ended;
};

static void on_real_end(struct stun_query *query, const struct stun_answer *answer)
{
	struct real *real = container_of(query, struct real, query);

	real->answer = *answer;
	real->n_ended++;
}

static void on_tcp_end(struct stun_tcp *tcp)
{
	container_of(tcp, struct real, tcp)->n_ended++;
}

static void test_udp_socket(void **state)
{
	for (size_t i = 0; i < COUNT(families); i++) {
		struct real real = { 0 };
		struct stun_question question = { .patience = stun_patience_rfc };
		struct sockaddr_storage source;
		socklen_t source_len = sizeof(source);
		struct stun_socket stun;
		struct stun_reply reply;
		struct stun_seat seat = { 0 };
		unsigned char bytes[STUN_MAX_SIZE];
		struct addr bind_to, from;
		int fd = open_server(families[i].host, families[i].family, SOCK_DGRAM,
				     &question.to);

		if (fd < 0)
			continue;
		assert_int_equal(loop_new_turned(1000, &real.loop), ERR_OK);
		assert_int_equal(addr_parse(families[i].host, 0, &bind_to), ERR_OK);
		assert_int_equal(stun_socket_open(&stun, real.loop, &bind_to), ERR_OK);
		stun_ask(&stun.client, &real.query, &question, on_real_end);
		ssize_t len = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&source,
				       &source_len);
		assert_true(len > 0);
		addr_from_sockaddr(&from, (struct sockaddr *)&source, source_len);
		seat.local = question.to;
		assert_true(stun_server_answer(&seat, &from, bytes, (size_t)len, &reply));
		assert_true(sendto(fd, reply.writer.bytes, stun_end(&reply.writer), 0,
				   (struct sockaddr *)&source, source_len) > 0);
		loop_turn(real.loop, 1);
		assert_int_equal(real.n_ended, 1);
		assert_true(addr_equal(&real.answer.mapped, &stun.local));
		stun_socket_close(&stun);
		stun_socket_close(&stun);
		close(fd);
		loop_free(real.loop);
	}
}

static void test_wildcard_source(void **state)
{
	struct addr any, to, out;

	assert_int_equal(addr_parse("0.0.0.0", 7, &any), ERR_OK);
	assert_int_equal(addr_parse("127.0.0.9", 3478, &to), ERR_OK);
	assert_int_equal(stun_socket_source(&any, &to, &out), ERR_OK);
	assert_true(addr_is_loopback(&out));
	assert_int_equal(addr_port(&out), 7);
	assert_int_equal(stun_socket_source(&to, &any, &out), ERR_OK);
	assert_true(addr_equal(&out, &to));
}

/* manner: 0 answers in two pieces, 1 is silent after the connection, 2 closes, 3 speaks another
 * protocol, 4 is not there. */
static void tcp_row(const char *host, int family, int manner, enum stun_tcp_outcome want)
{
	struct real real = { 0 };
	struct addr server, bind_to;
	int fd = open_server(host, family, SOCK_STREAM, &server), taken = -1;

	if (fd < 0)
		return;
	assert_int_equal(loop_new_turned(1000, &real.loop), ERR_OK);
	assert_int_equal(addr_parse(host, 0, &bind_to), ERR_OK);
	if (manner != 4)
		assert_int_equal(listen(fd, 1), 0);
	stun_tcp_ask(&real.tcp, real.loop, &bind_to, &server, 4000, on_tcp_end);
	loop_turn(real.loop, 1);
	if (manner != 4) {
		unsigned char bytes[STUN_MAX_SIZE];
		struct stun_reply reply;
		struct stun_seat seat = { .local = server };
		struct addr from;

		taken = accept(fd, NULL, NULL);
		assert_true(taken >= 0);
		ssize_t len = recv(taken, bytes, sizeof(bytes), 0);
		assert_int_equal(addr_parse("203.0.113.7", 9, &from), ERR_OK);
		assert_true(len > 0 &&
			    stun_server_answer(&seat, &from, bytes, (size_t)len, &reply));
		if (manner == 0) {
			assert_int_equal(send(taken, reply.writer.bytes, 10, 0), 10);
			loop_turn(real.loop, 1);
			assert_int_equal(real.n_ended, 0);
			assert_true(send(taken, reply.writer.bytes + 10,
					 stun_end(&reply.writer) - 10, 0) > 0);
		} else if (manner == 2) {
			close(taken);
			taken = -1;
		} else if (manner == 3) {
			assert_true(send(taken, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0) > 0);
		}
	}
	loop_turn(real.loop, 1);
	if (manner == 1 || manner == 3)
		loop_turn(real.loop, 5000);
	assert_int_equal(real.n_ended, 1);
	assert_int_equal(real.tcp.outcome, want);
	if (want == STUN_TCP_ANSWERED)
		assert_int_equal(addr_port(&real.tcp.mapped), 9);
	if (taken >= 0)
		close(taken);
	close(fd);
	loop_free(real.loop);
}

static void test_tcp(void **state)
{
	for (size_t i = 0; i < COUNT(families); i++) {
		tcp_row(families[i].host, families[i].family, 0, STUN_TCP_ANSWERED);
		tcp_row(families[i].host, families[i].family, 1, STUN_TCP_CONNECTED);
		tcp_row(families[i].host, families[i].family, 2, STUN_TCP_CONNECTED);
		tcp_row(families[i].host, families[i].family, 3, STUN_TCP_CONNECTED);
		tcp_row(families[i].host, families[i].family, 4, STUN_TCP_REFUSED);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_retransmission),
		TEST(test_answers),
		TEST(test_answer_from_elsewhere),
		TEST(test_refusals),
		TEST(test_unsent_and_cancelled),
		cmocka_unit_test(test_udp_socket),
		cmocka_unit_test(test_wildcard_source),
		cmocka_unit_test(test_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
