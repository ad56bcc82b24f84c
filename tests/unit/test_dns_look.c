#include "routing/dns_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A name server on loopback that says the same to everybody: by UDP, and by TCP if it has
 * it. */
struct server {
	int udp, tcp;
	struct addr addr;
};

struct outcome {
	unsigned n_told;
	struct dns_look_answer answer;
};

static struct outcome outcome;

static void on_answer(struct dns_look *look, const struct dns_look_answer *answer)
{
	outcome.n_told++;
	outcome.answer = *answer;
}

static void open_server(struct server *server, bool has_tcp)
{
	server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->tcp = -1;
	assert_int_equal(addr_parse("127.0.0.1", 0, &server->addr), ERR_OK);
	assert_int_equal(bind(server->udp, &server->addr.sa, server->addr.len), 0);
	assert_int_equal(getsockname(server->udp, &server->addr.sa, &server->addr.len), 0);
	if (!has_tcp)
		return;
	server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->tcp, &server->addr.sa, server->addr.len), 0);
	assert_int_equal(listen(server->tcp, 4), 0);
}

static void close_server(struct server *server)
{
	close(server->udp);
	if (server->tcp >= 0)
		close(server->tcp);
}

/* The question of the query with a header of ours before it and these records behind; the
 * records point to its name by c0 0c. */
static size_t respond(const unsigned char *query, size_t len, unsigned flags, unsigned n,
		      const char *records, size_t records_len, unsigned char *out)
{
	size_t question = 12;

	while (question < len && query[question])
		question += query[question] + 1u;
	question += 5;
	memcpy(out, query, question);
	out[2] = (unsigned char)(0x80 | flags >> 8);
	out[3] = (unsigned char)flags;
	memset(out + 6, 0, 6);
	out[7] = (unsigned char)n;
	memcpy(out + question, records, records_len);
	return question + records_len;
}

/* clang-format off: bytes are laid out by hand */
#define FIXED(type, len) "\xc0\x0c\0" type "\0\1\0\0\1\x2c\0" len
#define A1               FIXED("\1", "\4") "\xc0\0\2\1"
#define SRV_GOOD         FIXED("\x21", "\x0c") "\0\1\0\2\x13\xc5\1a\2ex\0"
#define SRV_NONE         FIXED("\x21", "\7") "\0\0\0\0\0\0\0"
#define CNAME_B          FIXED("\5", "\6") "\1b\2ex\0"
#define B_A1             "\1b\2ex\0\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
#define BYTES(text)      text, sizeof(text) - 1

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5, CUT = 0x200 };

static const struct row {
	const char *name;
	enum dns_type type;
	unsigned flags, n;
	const char *records;
	size_t len;
	/* by TCP; none: it does not answer there */
	unsigned n_tcp;
	const char *tcp_records;
	size_t tcp_len;
	const char *want;
} rows[] = {
	{ "a record", DNS_SRV, 0, 1, BYTES(SRV_GOOD), 0, NULL, 0,
	  "found n=1 ttl=300 1 2 5061 a.ex" },
	{ "target is the root: no such service", DNS_SRV, 0, 1, BYTES(SRV_NONE), 0, NULL, 0,
	  "found n=0 none ttl=300" },
	{ "an address", DNS_A, 0, 1, BYTES(A1), 0, NULL, 0, "found n=1 ttl=300 192.0.2.1" },
	{ "behind a CNAME", DNS_A, 0, 2, BYTES(CNAME_B B_A1), 0, NULL, 0,
	  "found n=1 alias=b.ex ttl=300 192.0.2.1" },
	{ "a CNAME of nothing", DNS_A, 0, 1, BYTES(CNAME_B), 0, NULL, 0,
	  "no record n=0 alias=b.ex ttl=300" },
	{ "NODATA", DNS_SRV, 0, 0, BYTES(""), 0, NULL, 0, "no record n=0 ttl=0" },
	{ "NXDOMAIN", DNS_SRV, RCODE_NXDOMAIN, 0, BYTES(""), 0, NULL, 0,
	  "no such name n=0 ttl=0" },
	{ "SERVFAIL", DNS_SRV, RCODE_SERVFAIL, 0, BYTES(""), 0, NULL, 0,
	  "server failed n=0 ttl=0" },
	{ "REFUSED", DNS_SRV, RCODE_REFUSED, 0, BYTES(""), 0, NULL, 0,
	  "server failed n=0 refused ttl=0" },
	{ "cut, and whole by TCP", DNS_SRV, CUT, 0, BYTES(""), 1, BYTES(SRV_GOOD),
	  "found n=1 cut ttl=300 1 2 5061 a.ex" },
	{ "cut, and TCP is closed", DNS_SRV, CUT, 1, BYTES(SRV_GOOD), 0, NULL, 0,
	  "found n=1 cut no-tcp ttl=300 1 2 5061 a.ex" },
};
/* clang-format on */

static void describe(const struct dns_look_answer *answer, enum dns_type type, char *out,
		     size_t size)
{
	char host[ADDR_TEXT_SIZE];
	int len = snprintf(
		out, size, "%s n=%u%s%s%s%s%s%s ttl=%u", dns_status_text(answer->status),
		answer->n_records - (answer->is_none ? 1 : 0), answer->is_none ? " none" : "",
		answer->alias[0] ? " alias=" : "", answer->alias,
		answer->is_refused ? " refused" : "", answer->was_cut ? " cut" : "",
		answer->tcp_failed ? " no-tcp" : "", answer->ttl_s);

	for (size_t i = 0; i < answer->n; i++) {
		const struct dns_srv *srv = &answer->srv[i];

		len += type == DNS_SRV
			       ? snprintf(out + len, size - (size_t)len, " %u %u %u %s",
					  srv->priority, srv->weight, srv->port, srv->target)
			       : snprintf(out + len, size - (size_t)len, " %s",
					  addr_host(&answer->addrs[i], host));
	}
}

static void serve(struct server *server, const struct row *row)
{
	unsigned char query[512], answer[1024];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(server->udp, query, sizeof(query), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);

	if (len > 0) {
		size_t n = respond(query, (size_t)len, row->flags, row->n, row->records,
				   row->len, answer);
		assert_int_equal(
			sendto(server->udp, answer, n, 0, (struct sockaddr *)&from, from_len),
			(ssize_t)n);
	}
	if (server->tcp < 0)
		return;
	int fd = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	len = recv(fd, query, sizeof(query), 0);
	assert_true(len > 2);
	size_t n = respond(query + 2, (size_t)len - 2, 0, row->n_tcp, row->tcp_records,
			   row->tcp_len, answer + 2);
	answer[0] = (unsigned char)(n >> 8);
	answer[1] = (unsigned char)n;
	assert_int_equal(send(fd, answer, n + 2, 0), (ssize_t)n + 2);
	close(fd);
}

static void test_answers(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct dns_looker looker = { 0 };
		struct dns_look look;
		struct server server;
		char seen[512];

		outcome = (struct outcome){ 0 };
		open_server(&server, row->tcp_records != NULL);
		if (server.tcp >= 0) {
			struct timeval wait = { .tv_usec = 1000 };
			setsockopt(server.tcp, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		}
		assert_int_equal(loop_new_turned(1000, &looker.loop), ERR_OK);
		dns_look_start(&looker, &look, &server.addr, "X.ex.", row->type, 3000,
			       on_answer);
		for (int turn = 0; turn < 500 && !outcome.n_told; turn++) {
			loop_turn(looker.loop, 1);
			serve(&server, row);
		}
		assert_int_equal(outcome.n_told, 1);
		describe(&outcome.answer, row->type, seen, sizeof(seen));
		if (strcmp(seen, row->want) != 0)
			fail_msg("%s: '%s', not '%s'", row->name, seen, row->want);
		loop_free(looker.loop);
		close_server(&server);
	}
}

/* Who says nothing costs the budget, not more; who was cancelled is not told. */
static void test_silence(void **state)
{
	struct dns_looker looker = { 0 };
	struct dns_look one, two;
	struct server server;

	outcome = (struct outcome){ 0 };
	open_server(&server, false);
	assert_int_equal(loop_new_turned(1000, &looker.loop), ERR_OK);
	dns_look_start(&looker, &one, &server.addr, "x.ex", DNS_SRV, 3000, on_answer);
	dns_look_start(&looker, &two, &server.addr, "x.ex", DNS_A, 3000, on_answer);
	loop_turn(looker.loop, 2999);
	assert_int_equal(outcome.n_told, 0);
	dns_look_cancel(&two);
	dns_look_cancel(&two);
	loop_turn(looker.loop, 10);
	assert_int_equal(outcome.n_told, 1);
	assert_int_equal(outcome.answer.status, DNS_TIMEOUT);
	assert_in_range(outcome.answer.took_ms, 3000, 3010);
	loop_free(looker.loop);
	close_server(&server);
}

static void test_unreachable(void **state)
{
	struct dns_looker looker = { 0 };
	struct dns_look look;
	struct server server;

	outcome = (struct outcome){ 0 };
	open_server(&server, false);
	close_server(&server);
	assert_int_equal(loop_new_turned(1000, &looker.loop), ERR_OK);
	dns_look_start(&looker, &look, &server.addr, "x.ex", DNS_SRV, 3000, on_answer);
	assert_int_equal(outcome.n_told, 0);
	for (int turn = 0; turn < 100 && !outcome.n_told; turn++)
		loop_turn(looker.loop, 1);
	assert_int_equal(outcome.n_told, 1);
	assert_int_equal(outcome.answer.status, DNS_SERVER_FAILED);
	assert_true(outcome.answer.is_unreachable);
	loop_free(looker.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
