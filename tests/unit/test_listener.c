/* listener.c, listener_socket.c */
#include "proxy/transport/listener.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/transport/listener_socket.h"

static struct report *report;

static int setup(void **state)
{
	assert_int_equal(report_new(&report), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	report = report_free(report);
	return 0;
}

static struct settings_listener settings_for(const char *bind, enum conf_transport transport,
					     uint16_t port)
{
	struct settings_listener settings = {
		.name = "wan",
		.network = NETWORK_WAN,
		.bind = bind,
		.transport = transport,
		.port = port,
		.advertise = "",
		.minimum = CONF_TLS_1_2,
		.is_enabled = true,
	};

	assert_int_equal(addr_parse(strcmp(bind, "*") == 0 ? "::" : bind, 0, &settings.addr),
			 ERR_OK);
	return settings;
}

static struct listener *open_listener(const struct settings_listener *settings,
				      unsigned n_workers, const struct listener *previous,
				      enum err wanted)
{
	struct listener *listener = NULL;

	assert_int_equal(listener_open(settings, 3, n_workers, previous, report, &listener),
			 wanted);
	return listener;
}

static const struct {
	const char *name, *bind, *advertise, *host;
	uint16_t port, want_port; /* 0: the socket's own */
	const char *sent_by;      /* with %u for that */
} rows[] = {
	{ "its address", "127.0.0.1", "", "127.0.0.1", 0, 0, "127.0.0.1:%u" },
	{ "IPv6 in brackets", "::1", "", "[::1]", 0, 0, "[::1]:%u" },
	{ "a name", "127.0.0.1", "SIP.Corp.example", "sip.corp.example", 0, 0,
	  "sip.corp.example:%u" },
	{ "a name with a port", "127.0.0.1", "sip.corp.example:5062", "sip.corp.example", 0,
	  5062, "sip.corp.example:5062" },
	{ "another address", "127.0.0.1", "203.0.113.7", "203.0.113.7", 0, 0,
	  "203.0.113.7:%u" },
	{ "another address with a port", "127.0.0.1", "203.0.113.7:5061", "203.0.113.7", 0,
	  5061, "203.0.113.7:5061" },
	{ "IPv6 with a port", "127.0.0.1", "[2001:DB8::1]:5061", "[2001:db8::1]", 0, 5061,
	  "[2001:db8::1]:5061" },
	{ "bare IPv6", "127.0.0.1", "2001:db8::1", "[2001:db8::1]", 0, 0, "[2001:db8::1]:%u" },
};

static void test_sent_by(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings_listener settings =
			settings_for(rows[i].bind, TRANSPORT_UDP, rows[i].port);
		char sent_by[272];

		print_message("%s\n", rows[i].name);
		settings.advertise = rows[i].advertise;
		struct listener *listener = open_listener(&settings, 1, NULL, ERR_OK);
		uint16_t own = addr_port(&listener->addr);
		assert_true(own != 0);
		snprintf(sent_by, sizeof(sent_by), rows[i].sent_by, own);
		assert_string_equal(listener->sent_by, sent_by);
		assert_string_equal(listener->host, rows[i].host);
		assert_int_equal(listener->port, rows[i].want_port ? rows[i].want_port : own);
		assert_int_equal(listener->index, 3);
		listener_unref(listener);
	}
}

static void test_advertise_refuses_nonsense(void **state)
{
	static const char *const nonsense[] = { "a b",  "host:0", "host:99999", "host:x",
						"[::1", "",       "host:" };
	struct settings_listener settings = settings_for("127.0.0.1", TRANSPORT_UDP, 0);
	struct listener *listener = open_listener(&settings, 1, NULL, ERR_OK);
	char before[272];

	strcpy(before, listener->sent_by);
	for (size_t i = 0; i < COUNT(nonsense); i++) {
		print_message("\"%s\"\n", nonsense[i]);
		assert_false(listener_advertise(listener, nonsense[i]));
		assert_string_equal(listener->sent_by, before);
	}
	assert_true(listener_advertise(listener, "edge.corp.example"));
	assert_string_equal(listener->host, "edge.corp.example");
	listener_unref(listener);

	settings.advertise = "a b";
	open_listener(&settings, 1, NULL, ERR_INVALID);
	assert_int_equal(report_n_errors(report), 1);
}

static void test_wildcard_names_one_address(void **state)
{
	struct settings_listener settings = settings_for("*", TRANSPORT_TCP, 0);
	struct listener *listener = open_listener(&settings, 1, NULL, ERR_OK);
	struct addr addr;

	assert_true(addr_is_wildcard(&listener->addr));
	assert_int_equal(addr_parse(listener->host, 0, &addr), ERR_OK);
	assert_false(addr_is_wildcard(&addr));
	listener_unref(listener);
}

static void test_dual_stack(void **state)
{
	struct settings_listener settings = settings_for("*", TRANSPORT_TCP, 0);
	struct listener *listener = open_listener(&settings, 1, NULL, ERR_OK);
	struct addr to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(addr_parse("127.0.0.1", listener->port, &to), ERR_OK);
	assert_int_equal(connect(fd, &to.sa, to.len), 0);
	close(fd);
	listener_unref(listener);

	settings = settings_for("::", TRANSPORT_TCP, 0); /* written so, it means IPv6 */
	listener = open_listener(&settings, 1, NULL, ERR_OK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(addr_parse("127.0.0.1", listener->port, &to), ERR_OK);
	assert_int_equal(connect(fd, &to.sa, to.len), -1);
	close(fd);
	listener_unref(listener);
}

static void test_one_socket_for_each_worker(void **state)
{
	for (enum conf_transport transport = TRANSPORT_UDP; transport <= TRANSPORT_TCP;
	     transport++) {
		struct settings_listener settings = settings_for("127.0.0.1", transport, 0);
		struct listener *listener = open_listener(&settings, 4, NULL, ERR_OK);

		assert_int_equal(listener->sockets->n, 4);
		for (unsigned i = 1; i < 4; i++)
			assert_int_not_equal(listener->sockets->fds[i],
					     listener->sockets->fds[0]);
		assert_int_equal(addr_port(&listener->addr), listener->port);
		listener_unref(listener);
	}
}

/* SO_REUSEPORT must not let a second proxy take a part of the traffic without a word. */
static void test_port_in_use(void **state)
{
	for (unsigned n_workers = 1; n_workers <= 2; n_workers++) {
		for (enum conf_transport transport = TRANSPORT_UDP; transport <= TRANSPORT_TCP;
		     transport++) {
			struct settings_listener settings =
				settings_for("127.0.0.1", transport, 0);
			struct listener *first =
				open_listener(&settings, n_workers, NULL, ERR_OK);
			const struct report_row *rows_found = NULL;

			settings.port = first->port;
			open_listener(&settings, n_workers, NULL, ERR_ADDRESS);
			size_t n = report_rows(report, &rows_found);
			assert_true(n > 0);
			assert_int_equal(rows_found[0].fault, FAULT_SOCKET);
			assert_non_null(strstr(rows_found[0].text, "wan"));
			listener_unref(first);
			first = open_listener(&settings, n_workers, NULL, ERR_OK);
			listener_unref(first);
		}
	}
}

static void test_foreign_address(void **state)
{
	struct settings_listener settings = settings_for("192.0.2.77", TRANSPORT_TCP, 0);

	open_listener(&settings, 1, NULL, ERR_ADDRESS);
	assert_int_equal(report_n_errors(report), 1);
}

static const struct {
	const char *name;
	enum conf_transport before, after;
	unsigned n_before, n_after;
	bool is_taken;
} reloads[] = {
	{ "the same", TRANSPORT_TCP, TRANSPORT_TCP, 2, 2, true },
	{ "TCP becomes MTLS: the same socket", TRANSPORT_TCP, TRANSPORT_MTLS, 1, 1, true },
	{ "the same, UDP", TRANSPORT_UDP, TRANSPORT_UDP, 3, 3, true },
};

/* The connection that waits in the backlog is still there. */
static void test_sockets_are_taken_over(void **state)
{
	for (size_t i = 0; i < COUNT(reloads); i++) {
		struct settings_listener settings =
			settings_for("127.0.0.1", reloads[i].before, 0);
		struct listener *before =
			open_listener(&settings, reloads[i].n_before, NULL, ERR_OK);
		int client = -1;

		print_message("%s\n", reloads[i].name);
		if (reloads[i].before != TRANSPORT_UDP) {
			client = socket(AF_INET, SOCK_STREAM, 0);
			assert_int_equal(connect(client, &before->addr.sa, before->addr.len),
					 0);
		}
		settings.transport = reloads[i].after;
		settings.port = before->port;
		struct listener *after =
			open_listener(&settings, reloads[i].n_after, before, ERR_OK);
		assert_true(addr_equal(&before->addr, &after->addr));
		assert_int_equal(after->sockets->n, reloads[i].n_after);
		listener_unref(before);
		if (client >= 0) {
			int accepted = -1;
			for (unsigned k = 0; k < after->sockets->n && accepted < 0; k++)
				accepted = accept(after->sockets->fds[k], NULL, NULL);
			assert_true(accepted >= 0);
			close(accepted);
			close(client);
		}
		listener_unref(after);
	}
}

static int dial_or_send(const struct addr *to, bool is_udp)
{
	int fd = socket(AF_INET, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (connect(fd, &to->sa, to->len) == 0) {
		if (is_udp)
			assert_int_equal(send(fd, "x", 1, 0), 1);
		return fd;
	}
	close(fd);
	return -1;
}

/* How many of the connections, or datagrams, that wait are x: those of dial_or_send. */
static unsigned take_all(const struct listener *listener, bool is_udp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < listener->sockets->n; i++) {
		int fd = listener->sockets->fds[i], accepted;
		char byte;

		while (is_udp && recv(fd, &byte, 1, 0) == 1)
			n += byte == 'x';
		while (!is_udp && (accepted = accept(fd, NULL, NULL)) >= 0) {
			close(accepted);
			n++;
		}
	}
	return n;
}

/* A context may hold a listener that a reload took away: its sockets must not swallow what
 * belongs to the next one at the same address. */
static void test_retired(void **state)
{
	for (unsigned row = 0; row < 4; row++) {
		bool is_udp = row & 1;
		unsigned n_workers = row & 2 ? 2 : 1;
		struct settings_listener settings =
			settings_for("127.0.0.1", is_udp ? TRANSPORT_UDP : TRANSPORT_TCP, 0);
		struct listener *old = open_listener(&settings, n_workers, NULL, ERR_OK);
		int clients[20];

		for (unsigned i = 0; i < n_workers; i++)
			listener_socket_retire(old->sockets->fds[i]);
		if (!is_udp)
			assert_int_equal(dial_or_send(&old->addr, false), -1);
		settings.port = old->port;
		struct listener *next = open_listener(&settings, n_workers, NULL, ERR_OK);
		if (is_udp) /* an answer still goes by the old one */
			assert_int_equal(sendto(old->sockets->fds[0], "y", 1, 0, &next->addr.sa,
						next->addr.len),
					 1);
		for (size_t i = 0; i < COUNT(clients); i++)
			assert_true((clients[i] = dial_or_send(&next->addr, is_udp)) >= 0);
		assert_int_equal(take_all(next, is_udp), COUNT(clients));
		for (size_t i = 0; i < COUNT(clients); i++)
			close(clients[i]);
		open_listener(&settings, n_workers, NULL, ERR_ADDRESS); /* nobody else's */
		listener_unref(old);
		listener_unref(next);
	}
}

static void test_udp_is_not_tcp(void **state)
{
	struct settings_listener settings = settings_for("127.0.0.1", TRANSPORT_UDP, 0);
	struct listener *udp = open_listener(&settings, 1, NULL, ERR_OK);

	settings.transport = TRANSPORT_TCP;
	struct listener *tcp = open_listener(&settings, 1, udp, ERR_OK);
	int type = 0;
	socklen_t len = sizeof(type);
	assert_int_equal(getsockopt(tcp->sockets->fds[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_STREAM);
	listener_unref(udp);
	listener_unref(tcp);
}

static void test_dry_run(void **state)
{
	struct settings_listener settings = settings_for("127.0.0.1", TRANSPORT_TCP, 5060);
	struct listener *listener = open_listener(&settings, 0, NULL, ERR_OK);

	assert_int_equal(listener->sockets->n, 0);
	assert_string_equal(listener->sent_by, "127.0.0.1:5060");
	listener_unref(listener);
}

static void test_words(void **state)
{
	struct listener listener = { .transport = TRANSPORT_MTLS };

	assert_true(listener_is_tls(&listener));
	assert_string_equal(listener_via_transport(listener.transport), "TLS");
	listener.transport = TRANSPORT_TLS;
	assert_true(listener_is_tls(&listener));
	listener.transport = TRANSPORT_TCP;
	assert_false(listener_is_tls(&listener));
	assert_string_equal(listener_via_transport(listener.transport), "TCP");
	listener.transport = TRANSPORT_UDP;
	assert_string_equal(listener_via_transport(listener.transport), "UDP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_sent_by),
		TEST(test_advertise_refuses_nonsense),
		TEST(test_wildcard_names_one_address),
		TEST(test_dual_stack),
		TEST(test_one_socket_for_each_worker),
		TEST(test_port_in_use),
		TEST(test_foreign_address),
		TEST(test_sockets_are_taken_over),
		TEST(test_udp_is_not_tcp),
		TEST(test_retired),
		TEST(test_dry_run),
		TEST(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
