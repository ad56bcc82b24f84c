/* What a probe sees of servers of every kind: real sockets, a turned clock. */
#include "proxy/check_probe.h"

#include "tests/unit/tls_world.h"

enum { STAGE_MS = 3000 };

static struct check_prober prober;
static struct check_probe probe;
static struct check_result seen;
static unsigned n_told;
static bool had_identity;

static void on_end(struct check_probe *ended, const struct check_result *result)
{
	assert_ptr_equal(ended, &probe);
	n_told++;
	seen = *result;
	had_identity = result->identity != NULL;
}

static void start(const struct hop *hop, enum conf_tls_version only, bool asks_anyway)
{
	const struct check_question question = { .hop = hop,
						 .only = only,
						 .asks_anyway = asks_anyway,
						 .from = "corp.example",
						 .to = "partner.example",
						 .stage_ms = STAGE_MS };

	n_told = 0;
	prober = (struct check_prober){ .loop = loop };
	check_probe_start(&prober, &probe, &question, on_end);
	assert_int_equal(n_told, 0);
}

static void expect(const char *name, enum check_stage stage, enum reason reason)
{
	if (n_told != 1 || seen.stage != stage || seen.reason != reason)
		fail_msg("%s: told %u times, stage %d, %s", name, n_told, (int)seen.stage,
			 reason_code(seen.reason));
	side_settle(loop);
	assert_int_equal(n_told, 1);
}

/* clang-format off: rows are laid out by hand */
static const struct tls_row {
	const char *name;
	struct row world;
	enum conf_tls_version only;
	bool asks_anyway, waits; /* waits: for the answer that never comes */
	enum check_stage stage;
	enum reason reason;
	bool has_chain, is_late;
} tls_rows[] = {
	{ "asks, and there is no answer",
	  { .transport = TRANSPORT_MTLS },
	  0,
	  false,
	  true,
	  CHECK_ASK,
	  REASON_NO_ANSWER,
	  true,
	  false },
	{ "another name",
	  { .transport = TRANSPORT_MTLS, .want_name = "else.example" },
	  0,
	  false,
	  false,
	  CHECK_HANDSHAKE,
	  REASON_TLS_NAME_MISMATCH,
	  true,
	  false },
	{ "another name, asks all the same",
	  { .transport = TRANSPORT_MTLS, .want_name = "else.example" },
	  0,
	  true,
	  true,
	  CHECK_ASK,
	  REASON_NO_ANSWER,
	  true,
	  false },
	{ "TLS 1.1 alone",
	  { .transport = TRANSPORT_MTLS },
	  CONF_TLS_1_1,
	  false,
	  false,
	  CHECK_HANDSHAKE,
	  REASON_TLS_PEER_VERSION,
	  false,
	  false },
	{ "our CA is strange to it, TLS 1.3",
	  { .transport = TRANSPORT_MTLS, .server_trusts = { .anchor = "other.pem" } },
	  CONF_TLS_1_3,
	  false,
	  false,
	  CHECK_ASK,
	  REASON_TLS_PEER_UNKNOWN_CA,
	  true,
	  true },
	{ "our CA is strange to it, TLS 1.2",
	  { .transport = TRANSPORT_MTLS, .server_trusts = { .anchor = "other.pem" } },
	  CONF_TLS_1_2,
	  false,
	  false,
	  CHECK_HANDSHAKE,
	  REASON_TLS_PEER_UNKNOWN_CA,
	  true,
	  false },
	{ "it asks for no certificate",
	  { .transport = TRANSPORT_TLS },
	  0,
	  false,
	  true,
	  CHECK_ASK,
	  REASON_NO_ANSWER,
	  true,
	  false },
};
/* clang-format on */

static void test_tls(void **state)
{
	for (size_t i = 0; i < COUNT(tls_rows); i++) {
		const struct tls_row *row = &tls_rows[i];
		struct world world;

		setup(NULL);
		world = make(&row->world);
		world.hop.transport = TRANSPORT_MTLS;
		start(&world.hop, row->only, row->asks_anyway);
		if (row->waits) {
			UNTIL(loop, b.n_messages == 1);
			loop_turn(loop, STAGE_MS - 1);
			assert_int_equal(n_told, 0);
			loop_turn(loop, 1);
		}
		UNTIL(loop, n_told == 1);
		expect(row->name, row->stage, row->reason);
		assert_true(seen.has_tls);
		assert_int_equal(seen.look.has_chain, row->has_chain);
		assert_int_equal(had_identity, row->has_chain);
		assert_int_equal(seen.was_refused_later, row->is_late);
		if (row->waits)
			assert_int_equal(seen.diagnosis.asked_certificate,
					 row->world.transport == TRANSPORT_MTLS);
		side_settle(loop);
		drop(&world);
		teardown(NULL);
	}
}

/* A server without TLS, by hand. */
static int accept_one(const struct listener *listener)
{
	int fd = -1;

	UNTIL(loop, (fd = accept(listener->sockets->fds[0], NULL, NULL)) >= 0);
	return fd;
}

static size_t receive(int fd, char *out, size_t size)
{
	ssize_t len = -1;

	UNTIL(loop, (len = recv(fd, out, size - 1, MSG_DONTWAIT)) > 0);
	out[len] = '\0';
	return (size_t)len;
}

static void respond(const char *request, const char *status, char *out, size_t size)
{
	const char *via = strstr(request, "Via: "), *call_id = strstr(request, "Call-ID: ");

	snprintf(out, size,
		 "SIP/2.0 %s\r\n%.*s\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\n%.*s\r\n"
		 "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		 status, (int)strcspn(via, "\r"), via, (int)strcspn(call_id, "\r"), call_id);
}

static struct hop plain_hop(const struct listener *listener, enum conf_transport transport)
{
	struct hop hop = { .transport = transport, .remote = listener->addr, .peer = "x" };

	return hop;
}

/* clang-format off */
static const struct {
	const char *name;
	const char *before, *status, *after; /* what is sent around the response */
	enum check_stage stage;
	enum reason reason;
	int want;
} tcp_rows[] = {
	{ "200", "", "200 OK", "", CHECK_DONE, REASON_NONE, 200 },
	{ "a refusal is an answer", "", "403 Forbidden", "", CHECK_DONE, REASON_NONE, 403 },
	{ "pings before it", "\r\n\r\n\r\n", "200 OK", "", CHECK_DONE, REASON_NONE, 200 },
	{ "no SIP", "HTTP/1.1 400 Bad Request\r\n\r\n", NULL, "", CHECK_ASK, REASON_MALFORMED, 0 },
	{ "it closes", NULL, NULL, NULL, CHECK_ASK, REASON_CONNECTION_LOST, 0 },
};
/* clang-format on */

static void test_tcp(void **state)
{
	for (size_t i = 0; i < COUNT(tcp_rows); i++) {
		char request[2048], response[2048] = "", bytes[4096];
		struct listener *listener;
		struct hop hop;
		int fd;

		setup(NULL);
		listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
		hop = plain_hop(listener, TRANSPORT_TCP);
		start(&hop, 0, false);
		fd = accept_one(listener);
		receive(fd, request, sizeof(request));
		assert_non_null(strstr(request, "OPTIONS sip:partner.example SIP/2.0\r\n"));
		if (tcp_rows[i].status)
			respond(request, tcp_rows[i].status, response, sizeof(response));
		if (tcp_rows[i].before) {
			int len = snprintf(bytes, sizeof(bytes), "%s%s", tcp_rows[i].before,
					   response);
			/* in two pieces */
			assert_int_equal(send(fd, bytes, 10, 0), 10);
			side_settle(loop);
			assert_int_equal(send(fd, bytes + 10, (size_t)len - 10, MSG_NOSIGNAL),
					 len - 10);
		} else {
			close(fd);
		}
		UNTIL(loop, n_told == 1);
		expect(tcp_rows[i].name, tcp_rows[i].stage, tcp_rows[i].reason);
		assert_int_equal(seen.status, tcp_rows[i].want);
		if (tcp_rows[i].before)
			close(fd);
		listener_unref(listener);
		teardown(NULL);
	}
}

static void test_refused(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct hop hop = plain_hop(listener, TRANSPORT_MTLS);

	setup(NULL);
	listener_unref(listener); /* the port is free, and closed */
	start(&hop, 0, false);
	UNTIL(loop, n_told == 1);
	expect("refused", CHECK_CONNECT, REASON_CONNECT_REFUSED);
	teardown(NULL);
}

/* A datagram that got lost is sent again after T1 (RFC 3261 §17.1.2). */
static void test_udp(void **state)
{
	char request[2048], again[2048], response[2048];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_UDP, 0, NULL, 1);
	struct hop hop = plain_hop(listener, TRANSPORT_UDP);
	int fd = listener->sockets->fds[0];

	setup(NULL);
	start(&hop, 0, false);
	receive(fd, request, sizeof(request));
	loop_turn(loop, 499);
	assert_int_equal(recv(fd, again, sizeof(again), MSG_DONTWAIT), -1);
	loop_turn(loop, 1);
	ssize_t len = recvfrom(fd, again, sizeof(again) - 1, MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
	assert_true(len > 0);
	again[len] = '\0';
	assert_string_equal(again, request);
	respond(request, "100 Trying", response, sizeof(response));
	assert_true(sendto(fd, response, strlen(response), 0, (struct sockaddr *)&from,
			   from_len) > 0);
	side_settle(loop);
	assert_int_equal(n_told, 0);
	respond(request, "200 OK", response, sizeof(response));
	assert_true(sendto(fd, response, strlen(response), 0, (struct sockaddr *)&from,
			   from_len) > 0);
	UNTIL(loop, n_told == 1);
	expect("udp", CHECK_DONE, REASON_NONE);
	assert_int_equal(seen.status, 200);
	listener_unref(listener);
	teardown(NULL);
}

/* A server that takes connections and says nothing, at each stage; and the one who asked goes
 * away. */
static void test_silence(void **state)
{
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
	struct tls_trust *trust;
	struct hop hop = plain_hop(listener, TRANSPORT_MTLS);
	int fd;

	setup(NULL);
	trust = load_trust(&(struct trusted){ 0 }, 0);
	hop.trust = trust;
	start(&hop, 0, false);
	fd = accept_one(listener);
	side_settle(loop);
	loop_turn(loop, STAGE_MS);
	expect("no handshake", CHECK_HANDSHAKE, REASON_TLS_TIMEOUT);
	close(fd);
	for (unsigned turns = 0; turns < 5; turns++) {
		start(&hop, 0, false);
		for (unsigned i = 0; i < turns; i++)
			loop_turn(loop, 1);
		check_probe_cancel(&prober, &probe);
		check_probe_cancel(&prober, &probe);
		loop_turn(loop, 2 * STAGE_MS);
		assert_int_equal(n_told, 0);
	}
	tls_trust_unref(trust);
	listener_unref(listener);
	teardown(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),     cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_udp),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
