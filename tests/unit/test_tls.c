/* Sessions: strangers on either side, certificates by SNI, connections that are used again,
 * tickets: tls.c, tls_callbacks.c with stream.c and pool.c. */
#include "proxy/transport/tls.h"

#include "tests/unit/tls_world.h"

#include <pthread.h>

/* Waits for the handshake that a stranger on a raw socket spoils. */
static void check_spoilt(enum reason wanted)
{
	UNTIL(loop, b.n_handshakes == 1);
	print_message("  %s\n", b.diagnosis.text);
	assert_string_equal(reason_code(b.diagnosis.reason), reason_code(wanted));
	side_settle(loop);
	assert_int_equal(b.n_opened + b.n_closed, 0);
	assert_int_equal(b.n_charged, 0);
	assert_true(b.diagnosis.is_inbound);
}

static const struct row plain_mtls = { .name = "", .transport = TRANSPORT_MTLS };

static const struct {
	const char *name, *bytes;
	size_t len;
	bool closes;
	uint64_t wait_ms;
	enum reason wanted;
} strangers[] = {
	{ "plain SIP on a TLS port", "OPTIONS sip:a SIP/2.0\r\n", 23, false, 0,
	  REASON_TLS_NOT_TLS },
	{ "SSL 2 hello", "\x80\x2e\x01\x00\x02", 5, false, 0, REASON_TLS_VERSION },
	{ "nothing at all", "", 0, false, 5000, REASON_TLS_TIMEOUT },
	{ "half a hello", "\x16\x03\x01\x01\x00\x01", 6, false, 5000, REASON_TLS_TIMEOUT },
	{ "closes at once", "", 0, true, 0, REASON_TLS_PEER_CLOSED },
	{ "closes in the hello", "\x16\x03\x01\x01\x00\x01", 6, true, 0,
	  REASON_TLS_PEER_CLOSED },
	{ "an alert as its first word", "\x15\x03\x01\x00\x02\x02\x30", 7, false, 0,
	  REASON_TLS_NOT_TLS },
};

static void test_strangers_on_a_tls_port(void **state)
{
	for (size_t i = 0; i < COUNT(strangers); i++) {
		print_message("%s\n", strangers[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		int fd = side_connect(&world.listener->addr);
		if (strangers[i].len > 0)
			assert_true(send(fd, strangers[i].bytes, strangers[i].len, 0) > 0);
		if (strangers[i].closes)
			assert_int_equal(close(fd), 0);
		UNTIL(loop, b.n_charged == 1 || b.n_handshakes == 1);
		side_settle(loop);
		if (strangers[i].wait_ms > 0) {
			loop_turn(loop, strangers[i].wait_ms - 1);
			assert_int_equal(b.n_handshakes, 0);
			loop_turn(loop, 1);
		}
		check_spoilt(strangers[i].wanted);
		if (!strangers[i].closes)
			close(fd);
		drop(&world);
		teardown(NULL);
	}
}

static const struct {
	const char *name, *bytes;
	size_t len;
	bool closes;
	enum reason wanted;
} servers[] = {
	{ "a server without TLS", "SIP/2.0 400 Bad\r\n", 17, false, REASON_TLS_PEER_NOT_TLS },
	{ "a server that closes", "", 0, true, REASON_TLS_PEER_CLOSED },
	{ "a server that hangs", "", 0, false, REASON_TLS_TIMEOUT },
	{ "unrecognized_name", "\x15\x03\x03\x00\x02\x02\x70", 7, false,
	  REASON_TLS_PEER_UNKNOWN_NAME },
	{ "access_denied", "\x15\x03\x03\x00\x02\x02\x31", 7, false,
	  REASON_TLS_PEER_ACCESS_DENIED },
	{ "certificate_revoked", "\x15\x03\x03\x00\x02\x02\x2c", 7, false,
	  REASON_TLS_PEER_REVOKED },
	{ "internal_error", "\x15\x03\x03\x00\x02\x02\x50", 7, false, REASON_TLS_ALERT },
};

static void test_strange_servers(void **state)
{
	for (size_t i = 0; i < COUNT(servers); i++) {
		char bytes[4096];

		print_message("%s\n", servers[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		struct listener *plain = side_listener("127.0.0.1", TRANSPORT_TCP, 0, NULL, 1);
		world.hop.remote = plain->addr;
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		side_settle(loop);
		int fd = accept(plain->sockets->fds[0], NULL, NULL);
		assert_true(fd >= 0);
		UNTIL(loop, side_recv(fd, bytes, sizeof(bytes)) > 0); /* its hello */
		if (servers[i].len > 0)
			assert_true(send(fd, servers[i].bytes, servers[i].len, 0) > 0);
		if (servers[i].closes)
			assert_int_equal(close(fd), 0);
		side_settle(loop);
		if (servers[i].wanted == REASON_TLS_TIMEOUT)
			loop_turn(loop, 5000);
		UNTIL(loop, a.n_handshakes == 1 && a.n_ended == 1);
		print_message("  %s\n", a.diagnosis.text);
		assert_string_equal(reason_code(a.diagnosis.reason),
				    reason_code(servers[i].wanted));
		assert_string_equal(a.diagnosis.peer, "partner.example");
		assert_string_equal(a.diagnosis.sni, "sip.partner.example");
		assert_int_equal(a.ended_err, ERR_TLS);
		assert_int_equal(a.ended_reason, servers[i].wanted);
		if (!servers[i].closes)
			close(fd);
		listener_unref(plain);
		drop(&world);
		teardown(NULL);
	}
}

static const struct {
	const char *name, *sni, *want;
} asked[] = {
	{ "first one", "sip.partner.example", "sip.partner.example" },
	{ "second one", "sip.second.example", "sip.second.example" },
	{ "by wildcard of our own", "any.third.example", "*.third.example" },
	{ "unknown: the preset", "sip.fourth.example", "sip.partner.example" },
	{ "none: the preset", "127.0.0.1", "sip.partner.example" },
};

static void test_certificate_by_sni(void **state)
{
	const struct ours second = { .spec = { .dns = { "sip.second.example" } },
				     .issuer = &root };
	const struct ours third = { .spec = { .dns = { "*.third.example" } }, .issuer = &root };

	for (size_t i = 0; i < COUNT(asked); i++) {
		print_message("%s\n", asked[i].name);
		setup(NULL);
		struct world world = make(&plain_mtls);
		world.listener->certificates[world.listener->n_certificates++] =
			load_ours(&second, NULL);
		world.listener->certificates[world.listener->n_certificates++] =
			load_ours(&third, NULL);
		snprintf(world.hop.host, sizeof(world.hop.host), "%s", asked[i].sni);
		world.hop.names[0] = asked[i].want[0] == '*' ? asked[i].sni : asked[i].want;
		world.hop.allow_wildcard = true;
		assert_int_equal(side_send(&a, &world.hop, "c1", 0), ERR_OK);
		UNTIL(loop, a.n_ended == 1 && b.n_handshakes == 1);
		assert_int_equal(a.ended_err, ERR_OK);
		assert_string_equal(a.sending.flow->identity->names[0].text, asked[i].want);
		drop(&world);
		teardown(NULL);
	}
}

/* A reload that loads the same files keeps the connection; another certificate of ours makes a
 * new one (field.md pitfall 11). */
static void test_pool_compares_certificates(void **state)
{
	struct trusted again = { 0 }, tighter = { .min_key_bits = 3072 };
	struct settings_certificate same = { .name = "edge",
					     .chain = { .path = path_of("edge.pem") },
					     .key = { .path = path_of("edge.key") } };
	struct credentials *other;

	setup(NULL);
	struct world world = make(&plain_mtls);
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 1);
	assert_int_equal(credentials_load(&same, report, &other),
			 ERR_OK); /* make() wrote the client's last */
	struct tls_trust *other_trust = load_trust(&again, 0);
	world.hop.credentials = other;
	world.hop.trust = other_trust;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 2);
	assert_int_equal(a.n_opened, 1);
	credentials_unref(other);

	other = load_ours(&good_client, NULL); /* a new key */
	world.hop.credentials = other;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 3);
	assert_int_equal(a.n_opened, 2);
	tls_trust_unref(other_trust);

	other_trust = load_trust(&tighter, 0); /* other policy */
	world.hop.trust = other_trust;
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 4);
	assert_int_equal(a.n_opened, 3);

	world.hop.names[0] = "sip.elsewhere.example"; /* names are asked anew each time */
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, a.n_ended == 5);
	assert_int_equal(a.ended_reason, REASON_TLS_NAME_MISMATCH);
	credentials_unref(other);
	tls_trust_unref(other_trust);
	drop(&world);
	teardown(NULL);
}

static void slow_down(struct flow *flow, size_t n_bytes)
{
	flow->is_slow = n_bytes > 0;
	transport_flow_queued(flow, n_bytes);
}

/* RFC 5923: a connection that a partner made carries our requests to it, if it has proved the
 * name. */
static void test_accepted_connection_is_reused(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);
	struct hop back = side_hop(world.listener, NULL);

	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	back.credentials = world.server;
	back.trust = world.server_trust;
	back.names[0] = "corp.example";
	back.n_names = 1;
	addr_set_port(&back.remote, 9); /* nobody listens there */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 1);
	assert_int_equal(b.ended_err, ERR_OK);
	UNTIL(loop, a.n_messages == 1);
	assert_int_equal(b.n_opened, 1);

	/* It is one of the partner's connections: slow or not, with one alone none is dialled
	 * beside it. */
	struct flow *accepted = b.sending.flow;
	slow_down(accepted, 100000);
	back.max_connections = 1;
	assert_int_equal(side_send(&b, &back, "e", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 2);
	assert_int_equal(b.ended_err, ERR_OK);
	slow_down(accepted, 100000);
	back.max_connections = 2;
	assert_int_equal(side_send(&b, &back, "f", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 3);
	assert_int_equal(b.ended_err, ERR_REFUSED); /* it was dialled */
	slow_down(accepted, 0);
	b.n_ended = 1;

	back.names[0] = "other.example"; /* not proved */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 2);
	assert_int_equal(b.ended_err, ERR_REFUSED);

	back.names[0] = "corp.example";
	back.credentials = world.client; /* we would show another certificate */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 3);
	assert_int_equal(b.ended_err, ERR_REFUSED);

	back.credentials = world.server;
	assert_int_equal(addr_parse("127.0.0.5", 9, &back.remote), ERR_OK); /* another host */
	assert_int_equal(side_send(&b, &back, "d", 0), ERR_OK);
	UNTIL(loop, b.n_ended == 4);
	assert_int_equal(b.ended_err, ERR_REFUSED);
	drop(&world);
	teardown(NULL);
}

/* RFC 5923 section 9.3 */
static void test_closes_when_its_certificate_expires(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);
	struct transport_limits patient = { .message_bytes = 65536,
					    .queue_bytes = 65536,
					    .connections = 10,
					    .connect_ms = 5000,
					    .handshake_ms = 5000,
					    .first_message_ms = 5000,
					    .idle_ms = UINT64_C(1) << 50,
					    .write_stall_ms = 5000 };

	transport_set_limits(a.transport, &patient);
	transport_set_limits(b.transport, &patient);
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	uint64_t now_s = loop_wall_us(loop) / 1000000;
	uint64_t left_s = (uint64_t)b.last_flow->identity->not_after - now_s;
	loop_turn(loop, (left_s - 1) * 1000);
	assert_int_equal(b.n_closed, 0);
	loop_turn(loop, 2000);
	assert_int_equal(b.n_closed, 1);
	assert_int_equal(b.closed_reason, REASON_TLS_EXPIRED);
	drop(&world);
	teardown(NULL);
}

static void test_large_messages_over_tls(void **state)
{
	setup(NULL);
	struct world world = make(&plain_mtls);

	b.responds = true;
	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(side_send(&a, &world.hop, "c", 60000), ERR_OK);
		UNTIL(loop, a.n_ended == i && a.n_responses == i);
	}
	assert_int_equal(a.n_opened, 1);
	assert_true(a.last_len > 60000);
	drop(&world);
	teardown(NULL);
}

struct worker {
	struct credentials *server, *client;
	struct tls_trust *trust;
	unsigned number, n_done;
};

enum { N_SHARED_HANDSHAKES = 40 };

/* One worker's thread: a loop of its own, and certificates that are everybody's. */
static void *work(void *user)
{
	struct worker *worker = user;
	static struct side sides[4]; /* too large for a stack */
	struct side *from = &sides[2 * worker->number], *to = from + 1;
	struct loop *own = NULL;

	if (loop_new_turned(1000, &own) != ERR_OK)
		return NULL;
	side_init(from, own, worker->number);
	side_init(to, own, 0);
	struct listener *listener = side_listener("127.0.0.1", TRANSPORT_MTLS, 0, NULL, 1);
	listener->certificates[listener->n_certificates++] = credentials_ref(worker->server);
	listener->trust = tls_trust_ref(worker->trust);
	struct hop hop = side_hop(listener, NULL);
	hop.credentials = worker->client;
	hop.trust = worker->trust;
	hop.names[hop.n_names++] = "sip.partner.example";
	if (transport_listen(to->transport, &listener, 1) != ERR_OK)
		return NULL;
	for (unsigned i = 1; i <= N_SHARED_HANDSHAKES; i++) {
		if (side_send(from, &hop, "c", 0) != ERR_OK)
			return NULL;
		for (uint64_t end_ms = side_clock_ms() + 10000;
		     (to->n_messages < i || from->n_ended < i) && side_clock_ms() < end_ms;)
			loop_turn(own, 0);
		worker->n_done += to->n_handshakes == i && from->ended_err == ERR_OK;
		if (from->sending.flow)
			flow_close(from->sending.flow,
				   REASON_NONE); /* the next one shakes hands again */
	}
	side_fini(from);
	side_fini(to);
	listener_unref(listener);
	loop_free(own);
	return NULL;
}

/* design.md D3: what workers share is only read. */
static void test_workers_share_certificates(void **state)
{
	struct trusted trusted = { .crl = "empty.crl" };
	struct credentials *server = load_ours(&good_server, NULL),
			   *client = load_ours(&good_client, NULL);
	struct tls_trust *trust = load_trust(&trusted, 0);
	struct worker workers[2];
	pthread_t threads[2];

	for (unsigned i = 0; i < COUNT(workers); i++) {
		workers[i] = (struct worker){ server, client, trust, i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < COUNT(workers); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < COUNT(workers); i++)
		assert_int_equal(workers[i].n_done, N_SHARED_HANDSHAKES);
	credentials_unref(server);
	credentials_unref(client);
	tls_trust_unref(trust);
}

static void test_refusal_goes_before_the_goodbye(void **state)
{
	struct wire *wire = wire_copy("hello world\r\n", 13);

	setup(NULL);
	struct world world = make(&plain_mtls);
	assert_int_equal(side_send(&a, &world.hop, "c", 0), ERR_OK);
	UNTIL(loop, b.n_messages == 1 && a.n_ended == 1);
	b.responds = true;
	assert_int_equal(flow_send(a.sending.flow, wire), ERR_OK);
	UNTIL(loop, a.n_responses == 1 && a.n_closed == 1);
	assert_memory_equal(a.last, "SIP/2.0 400", 11);
	assert_int_equal(b.n_closed, 1);
	wire_unref(wire);
	drop(&world);
	teardown(NULL);
}

/* The reason a session of a tls listener may not be resumed at an mtls one: no tickets
 * there. */
static void test_ticket_does_not_replace_a_certificate(void **state)
{
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t ticket = { 0 };
	int result;

	setup(NULL);
	struct world world = make(&(struct row){ .transport = TRANSPORT_TLS });
	struct listener *mutual = side_listener("127.0.0.1", TRANSPORT_MTLS, 0, NULL, 1);
	mutual->certificates[mutual->n_certificates++] = credentials_ref(world.server);
	mutual->trust = tls_trust_ref(world.server_trust); /* the same ticket key */
	struct listener *both[] = { world.listener, mutual };
	assert_int_equal(transport_listen(b.transport, both, 2), ERR_OK);
	CERT_OK(gnutls_certificate_allocate_credentials(&credentials));

	for (unsigned i = 0; i < 2; i++) {
		int fd = side_connect(&both[i]->addr);
		CERT_OK(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
		/* TLS 1.2: there the ticket comes before the handshake's end */
		CERT_OK(gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.2",
						   NULL));
		CERT_OK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
		if (ticket.data)
			CERT_OK(gnutls_session_set_data(session, ticket.data, ticket.size));
		gnutls_transport_set_int(session, fd);
		struct timeval patience = { .tv_usec = 1000 };
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
			0);
		uint64_t end_ms = side_clock_ms() + 5000;
		do {
			loop_turn(loop, 0);
			result = gnutls_handshake(session);
		} while (result < 0 && !gnutls_error_is_fatal(result) &&
			 side_clock_ms() < end_ms);
		UNTIL(loop, b.n_handshakes == i + 1);
		if (i == 0) {
			assert_int_equal(result, 0);
			CERT_OK(gnutls_session_get_data2(session, &ticket));
		} else {
			assert_true(result < 0);
			assert_int_equal(b.diagnosis.reason, REASON_TLS_NO_CLIENT_CERTIFICATE);
		}
		gnutls_deinit(session);
		close(fd);
	}
	gnutls_free(ticket.data);
	gnutls_certificate_free_credentials(credentials);
	listener_unref(mutual);
	drop(&world);
	teardown(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers_on_a_tls_port),
		cmocka_unit_test(test_strange_servers),
		cmocka_unit_test(test_certificate_by_sni),
		cmocka_unit_test(test_pool_compares_certificates),
		cmocka_unit_test(test_accepted_connection_is_reused),
		cmocka_unit_test(test_closes_when_its_certificate_expires),
		cmocka_unit_test(test_large_messages_over_tls),
		cmocka_unit_test(test_workers_share_certificates),
		cmocka_unit_test(test_refusal_goes_before_the_goodbye),
		cmocka_unit_test(test_ticket_does_not_replace_a_certificate),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
