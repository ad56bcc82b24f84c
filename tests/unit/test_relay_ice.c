#include "tests/unit/media_world.h"

#include <stdio.h>

#include "media/dtls.h"
#include "nat/stun.h"

/* A peer with ICE (RFC 8445), and with DTLS-SRTP over it as browsers have it; STUN servers for
 * our own ports. */
static struct relay *relay;
static struct phone peer, b, stranger;
static struct relay_end ice_end, b_end;

static void begin(void)
{
	world_begin();
	peer = phone_at("127.32.0.7:47000");
	b = phone_at("127.32.0.3:43000");
	stranger = phone_at("127.32.0.66:46666");
	relay = open_relay(1);
	ice_end = (struct relay_end){ .rtp = address("10.0.0.5:4000"),
				      .is_muxed = true,
				      .has_ice = true,
				      .ice_ufrag = "Peer" };
	b_end = (struct relay_end){ .rtp = b.addr };
	set(relay, 0, RELAY_CALLER, &ice_end);
	set(relay, 0, RELAY_CALLEE, &b_end);
}

static const struct relay_end_stats *finish(void)
{
	const struct relay_event *event = close_relay(relay);

	close(peer.fd);
	close(b.fd);
	close(stranger.fd);
	world_end();
	return &event->stats[0][RELAY_CALLER];
}

struct check {
	const char *ufrag, *peer_ufrag, *pwd; /* NULL: the right ones */
	bool is_nominated, is_controlled, has_unknown, has_no_integrity;
	unsigned component; /* 0: RTP */
};

static void send_check(const struct phone *from, const struct check *check,
		       unsigned char id[STUN_ID_SIZE])
{
	struct stun_writer writer;
	char username[64];
	const char *pwd = check->pwd ? check->pwd : relay_ice_pwd(relay, 0, RELAY_CALLER);
	uint8_t tie_breaker[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	snprintf(username, sizeof(username), "%s:%s",
		 check->ufrag ? check->ufrag : relay_ice_ufrag(relay, 0, RELAY_CALLER),
		 check->peer_ufrag ? check->peer_ufrag : "Peer");
	stun_new_id(id);
	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, id);
	stun_add(&writer, STUN_USERNAME, username, strlen(username));
	stun_add(&writer, check->is_controlled ? STUN_ICE_CONTROLLED : STUN_ICE_CONTROLLING,
		 tie_breaker, sizeof(tie_breaker));
	stun_add_number(&writer, STUN_PRIORITY, 1);
	if (check->is_nominated)
		stun_add(&writer, STUN_USE_CANDIDATE, NULL, 0);
	if (check->has_unknown)
		stun_add_number(&writer, (enum stun_attribute)0x7777, 1);
	if (!check->has_no_integrity)
		stun_add_integrity(&writer, pwd, strlen(pwd));
	stun_add_fingerprint(&writer);
	send_bytes(from, relay, RELAY_CALLER, check->component, writer.bytes,
		   stun_end(&writer));
}

/* The answer to that check; 0: success, -1: none, else the error. */
static int answer_code(const struct phone *at, const unsigned char id[STUN_ID_SIZE])
{
	static uint8_t bytes[WORLD_ROOM];
	struct stun_message message;
	const char *pwd = relay_ice_pwd(relay, 0, RELAY_CALLER);
	ssize_t len = take_bytes(at, bytes, NULL);

	if (len < 0)
		return -1;
	assert_int_equal(stun_read(bytes, (size_t)len, &message), ERR_OK);
	assert_memory_equal(message.id, id, STUN_ID_SIZE);
	assert_true(stun_check_integrity(bytes, &message, pwd, strlen(pwd)));
	assert_true(message.has_fingerprint);
	if (message.class == STUN_ERROR)
		return (int)message.error_code;
	assert_int_equal(message.class, STUN_SUCCESS);
	assert_true(addr_equal(&message.mapped, &at->addr));
	return 0;
}

static int check(const struct phone *from, struct check check)
{
	unsigned char id[STUN_ID_SIZE];

	send_check(from, &check, id);
	return answer_code(from, id);
}

static void test_media_follows_the_nominated_pair(void **state)
{
	const struct relay_event *latched;

	begin();
	assert_int_equal(strlen(relay_ice_ufrag(relay, 0, RELAY_CALLER)), 8);
	assert_int_equal(strlen(relay_ice_pwd(relay, 0, RELAY_CALLER)), 24);
	send_rtp(&peer, relay, RELAY_CALLER, 1, 1); /* before any check */
	assert_nothing(&b);
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }), 0);
	latched = last_event(RELAY_LATCHED, NULL);
	assert_non_null(latched);
	assert_true(addr_equal(&latched->addr, &peer.addr));
	send_rtp(&peer, relay, RELAY_CALLER, 1, 2);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 2);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
	assert_rtp(&peer, relay, RELAY_CALLER, 2, 1);
	send_rtp(&stranger, relay, RELAY_CALLER, 1, 3);
	assert_nothing(&b);
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }),
			 0); /* consent, again and again */
	assert_int_equal(count_events(RELAY_LATCHED), 1);
	finish();
}

static void test_another_pair_is_nominated(void **state)
{
	struct phone other;

	begin();
	other = phone_at("127.32.0.8:48000");
	assert_int_equal(check(&peer, (struct check){ .is_nominated = false }), 0);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1); /* the first that works */
	assert_rtp(&peer, relay, RELAY_CALLER, 2, 1);
	assert_int_equal(check(&other, (struct check){ .is_nominated = false }), 0);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 2);
	assert_rtp(&peer, relay, RELAY_CALLER, 2, 2);
	assert_int_equal(check(&other, (struct check){ .is_nominated = true }), 0);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 3);
	assert_rtp(&other, relay, RELAY_CALLER, 2, 3);
	send_rtp(&peer, relay, RELAY_CALLER, 1, 1);
	assert_nothing(&b);
	close(other.fd);
	finish();
}

static void test_strangers_get_no_answer(void **state)
{
	static const struct check bad[] = {
		{ .pwd = "aaaaaaaaaaaaaaaaaaaaaaaa", .is_nominated = true },
		{ .ufrag = "wrong", .is_nominated = true },
		{ .peer_ufrag = "Other", .is_nominated = true },
		{ .has_no_integrity = true, .is_nominated = true },
	};

	begin();
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(check(&stranger, bad[i]), -1);
	assert_int_equal(count_events(RELAY_LATCHED), 0);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
	assert_nothing(&stranger);
	assert_int_equal(finish()->dropped, COUNT(bad) + 1);
}

/* RFC 8445 5.1.1: without rtcp-mux RTCP is a component of its own: its checks come to its port,
 * and its pair may be any. */
static void test_component_of_rtcp(void **state)
{
	static const uint8_t report[RTCP_HEADER_SIZE] = { 0x80, 201, 0, 1, 0, 0, 0, 7 };
	struct phone peer_rtcp, b_rtcp;
	uint8_t bytes[WORLD_ROOM];

	begin();
	peer_rtcp = phone_at("127.32.0.8:48123");
	b_rtcp = phone_at("127.32.0.3:43001");
	ice_end.is_muxed = false;
	set(relay, 0, RELAY_CALLER, &ice_end);
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }), 0);
	/* RTP's pair says nothing of RTCP's */
	send_bytes(&peer_rtcp, relay, RELAY_CALLER, 1, report, sizeof(report));
	send_bytes(&b_rtcp, relay, RELAY_CALLEE, 1, report, sizeof(report));
	assert_nothing(&b_rtcp);
	assert_nothing(&peer);
	assert_int_equal(check(&stranger, (struct check){ .component = 1,
							  .pwd = "aaaaaaaaaaaaaaaaaaaaaaaa",
							  .is_nominated = true }),
			 -1);
	assert_int_equal(
		check(&peer_rtcp, (struct check){ .component = 1, .is_nominated = true }), 0);
	assert_true(last_event(RELAY_LATCHED, NULL)->is_rtcp);
	assert_true(addr_equal(&last_event(RELAY_LATCHED, NULL)->addr, &peer_rtcp.addr));
	send_bytes(&peer_rtcp, relay, RELAY_CALLER, 1, report, sizeof(report));
	assert_int_equal(take_bytes(&b_rtcp, bytes, NULL), sizeof(report));
	send_bytes(&b_rtcp, relay, RELAY_CALLEE, 1, report, sizeof(report));
	assert_int_equal(take_bytes(&peer_rtcp, bytes, NULL), sizeof(report));
	assert_memory_equal(bytes, report, sizeof(report));
	send_bytes(&stranger, relay, RELAY_CALLER, 1, report, sizeof(report));
	assert_nothing(&b_rtcp);
	send_rtp(&peer, relay, RELAY_CALLER, 1, 1);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 1);
	assert_nothing(&peer_rtcp);
	close(peer_rtcp.fd);
	close(b_rtcp.fd);
	finish();
}

/* RFC 8445 9: with new words on both sides checks under the old ones count no more, and media
 * go on by the old pair until another one is nominated. */
static void test_ice_begins_anew(void **state)
{
	struct relay_end end = { .is_muxed = true,
				 .has_ice = true,
				 .ice_ufrag = "Anew",
				 .ice_own_ufrag = "ouranew1",
				 .ice_own_pwd = "ouranewpasswordouranew12" };
	const struct check anew = { .ufrag = "ouranew1",
				    .peer_ufrag = "Anew",
				    .pwd = end.ice_own_pwd,
				    .is_nominated = true };
	struct phone other;
	static uint8_t bytes[WORLD_ROOM];
	unsigned char id[STUN_ID_SIZE];

	begin();
	other = phone_at("127.32.0.8:48000");
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }), 0);
	end.rtp = peer.addr;
	assert_int_equal(relay_set(relay, 0, RELAY_CALLER, &end), ERR_OK);
	turn(0);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
	assert_rtp(&peer, relay, RELAY_CALLER, 2, 1);
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }), -1);
	send_check(&other, &anew, id);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 2);
	assert_true(take_bytes(&other, bytes, NULL) > 0); /* the answer to the check */
	assert_rtp(&other, relay, RELAY_CALLER, 2, 2);
	close(other.fd);
	finish();
}

static void test_refusals(void **state)
{
	begin();
	assert_int_equal(check(&peer, (struct check){ .is_controlled = true }), 487);
	assert_int_equal(check(&peer, (struct check){ .has_unknown = true }), 420);
	assert_int_equal(count_events(RELAY_LATCHED), 0);
	finish();
}

/* The whole way of a browser: check, handshake as the other one, SRTP. */
struct browser {
	struct dtls_context *context;
	struct dtls_session *session;
	struct srtp_way *in, *out;
};

static void on_send(struct dtls_session *session, const uint8_t *bytes, size_t len, void *user)
{
	struct addr to = relay_addr(relay, 0, RELAY_CALLER, "127.32.0.1", 0);

	assert_int_equal(sendto(peer.fd, bytes, len, 0, &to.sa, to.len), len);
}

static void on_end(struct dtls_session *session, enum err err, const struct srtp_key *in,
		   const struct srtp_key *out, void *user)
{
	struct browser *browser = user;

	assert_int_equal(err, ERR_OK);
	assert_int_equal(srtp_way_new(in, true, NULL, &browser->in), ERR_OK);
	assert_int_equal(srtp_way_new(out, false, NULL, &browser->out), ERR_OK);
}

static void browse(struct browser *browser, bool is_client, bool is_right)
{
	struct dtls_user user = { .send = on_send, .on_end = on_end, .user = browser };
	struct relay_fingerprint ours = { .hash = "sha-256", .len = 32 };
	uint8_t bytes[WORLD_ROOM];

	relays_fingerprint(relays, ours.bytes);
	assert_int_equal(dtls_context_new(&browser->context), ERR_OK);
	ice_end.security = RELAY_DTLS;
	ice_end.is_dtls_client = !is_client;
	ice_end.fingerprint = ours;
	dtls_context_fingerprint(browser->context, ice_end.fingerprint.bytes);
	ice_end.fingerprint.bytes[0] ^= is_right ? 0 : 1;
	set(relay, 0, RELAY_CALLER, &ice_end);
	assert_int_equal(dtls_session_new(browser->context, loop, is_client, &ours, &user,
					  &browser->session),
			 ERR_OK);
	assert_int_equal(check(&peer, (struct check){ .is_nominated = true }), 0);
	if (is_client)
		dtls_session_start(browser->session);
	for (unsigned i = 0; i < 50; i++) {
		ssize_t len;

		turn(0);
		while ((len = take_bytes(&peer, bytes, NULL)) > 0)
			dtls_session_take(browser->session, bytes, (size_t)len);
	}
}

static void close_browser(struct browser *browser)
{
	srtp_way_free(browser->in);
	srtp_way_free(browser->out);
	dtls_session_free(browser->session);
	dtls_context_free(browser->context);
}

static void test_dtls_in_both_roles(void **state)
{
	for (unsigned is_client = 0; is_client < 2; is_client++) {
		struct browser browser = { 0 };
		uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
		size_t len;

		begin();
		browse(&browser, is_client, true);
		assert_int_equal(count_events(RELAY_SECURED), 1);
		assert_non_null(browser.out);
		len = make_rtp(1, 1, bytes);
		assert_int_equal(srtp_way_protect(browser.out, bytes, &len, false), SRTP_DONE);
		send_bytes(&peer, relay, RELAY_CALLER, 0, bytes, len);
		assert_rtp(&b, relay, RELAY_CALLEE, 1, 1);
		send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
		len = (size_t)take_bytes(&peer, bytes, NULL);
		assert_int_equal(srtp_way_unprotect(browser.in, bytes, &len, false), SRTP_DONE);
		assert_int_equal(len, RTP_HEADER_SIZE + WORLD_PAYLOAD);
		set(relay, 0, RELAY_CALLER,
		    &ice_end); /* a re-INVITE that changes nothing: no second handshake */
		assert_nothing(&peer);
		send_rtp(&b, relay, RELAY_CALLEE, 2, 2);
		len = (size_t)take_bytes(&peer, bytes, NULL);
		assert_int_equal(srtp_way_unprotect(browser.in, bytes, &len, false), SRTP_DONE);
		close_browser(&browser);
		finish();
	}
}

/* One port's association of a side without rtcp-mux. */
struct far_port {
	struct browser browser;
	struct phone phone;
	unsigned component;
};

static void on_port_send(struct dtls_session *session, const uint8_t *bytes, size_t len,
			 void *user)
{
	const struct far_port *port = user;

	send_bytes(&port->phone, relay, RELAY_CALLER, port->component, bytes, len);
}

static void on_port_end(struct dtls_session *session, enum err err, const struct srtp_key *in,
			const struct srtp_key *out, void *user)
{
	on_end(session, err, in, out, &((struct far_port *)user)->browser);
}

static void hand_shake(struct far_port *port, struct dtls_context *context,
		       const struct relay_fingerprint *ours)
{
	struct dtls_user user = { .send = on_port_send, .on_end = on_port_end, .user = port };
	uint8_t bytes[WORLD_ROOM];
	ssize_t len;

	assert_int_equal(
		dtls_session_new(context, loop, true, ours, &user, &port->browser.session),
		ERR_OK);
	dtls_session_start(port->browser.session);
	for (unsigned i = 0; i < 50; i++) {
		turn(0);
		while ((len = take_bytes(&port->phone, bytes, NULL)) > 0)
			dtls_session_take(port->browser.session, bytes, (size_t)len);
	}
}

/* RFC 5764 4.1: without rtcp-mux RTCP has an association at its own port, with other keys;
 * those of RTP do not open it. */
static void test_dtls_of_rtcp(void **state)
{
	static const uint8_t report[RTCP_HEADER_SIZE] = { 0x80, 201, 0, 1, 0, 0, 0, 7 };
	struct far_port rtp = { .component = 0 }, rtcp = { .component = 1 };
	struct relay_fingerprint ours = { .hash = "sha-256", .len = 32 };
	struct relay_end end = { .security = RELAY_DTLS };
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
	struct dtls_context *context;
	struct phone b_rtcp;
	size_t len = sizeof(report);

	begin();
	b_rtcp = phone_at("127.32.0.3:43001");
	rtp.phone = phone_at("127.32.0.9:49000");
	rtcp.phone = phone_at("127.32.0.9:49001");
	relays_fingerprint(relays, ours.bytes);
	assert_int_equal(dtls_context_new(&context), ERR_OK);
	end.rtp = rtp.phone.addr;
	end.fingerprint = ours;
	dtls_context_fingerprint(context, end.fingerprint.bytes);
	set(relay, 0, RELAY_CALLER, &end);
	hand_shake(&rtp, context, &ours);
	assert_int_equal(count_events(RELAY_SECURED), 1);
	memcpy(bytes, report, len);
	assert_int_equal(srtp_way_protect(rtp.browser.out, bytes, &len, true), SRTP_DONE);
	send_bytes(&rtcp.phone, relay, RELAY_CALLER, 1, bytes, len);
	assert_nothing(&b_rtcp); /* not under RTP's keys, and before its own */
	hand_shake(&rtcp, context, &ours);
	assert_int_equal(count_events(RELAY_SECURED), 2);
	send_bytes(&rtcp.phone, relay, RELAY_CALLER, 1, bytes, len);
	assert_nothing(&b_rtcp); /* nor after */
	len = sizeof(report);
	memcpy(bytes, report, len);
	assert_int_equal(srtp_way_protect(rtcp.browser.out, bytes, &len, true), SRTP_DONE);
	send_bytes(&rtcp.phone, relay, RELAY_CALLER, 1, bytes, len);
	assert_int_equal(take_bytes(&b_rtcp, bytes, NULL), sizeof(report));
	assert_memory_equal(bytes, report, sizeof(report));
	send_bytes(&b_rtcp, relay, RELAY_CALLEE, 1, report, sizeof(report));
	len = (size_t)take_bytes(&rtcp.phone, bytes, NULL);
	assert_int_equal(srtp_way_unprotect(rtcp.browser.in, bytes, &len, true), SRTP_DONE);
	assert_memory_equal(bytes, report, sizeof(report));
	len = make_rtp(1, 1, bytes);
	assert_int_equal(srtp_way_protect(rtp.browser.out, bytes, &len, false), SRTP_DONE);
	send_bytes(&rtp.phone, relay, RELAY_CALLER, 0, bytes, len);
	assert_rtp(&b, relay, RELAY_CALLEE, 1, 1);
	dtls_session_free(rtp.browser.session);
	dtls_session_free(rtcp.browser.session);
	rtp.browser.session = rtcp.browser.session = NULL;
	close_browser(&rtp.browser);
	close_browser(&rtcp.browser);
	dtls_context_free(context);
	close(b_rtcp.fd);
	close(rtp.phone.fd);
	close(rtcp.phone.fd);
	assert_int_equal(finish()->srtp_failures, 1);
}

/* One handshake, one peer: what others send to a port that is not latched yet gets into
 * nobody's association, and no answer. */
static void test_stranger_amid_a_handshake(void **state)
{
	struct far_port rtp = { .component = 0 };
	struct relay_fingerprint ours = { .hash = "sha-256", .len = 32 };
	struct relay_end end = { .security = RELAY_DTLS,
				 .is_muxed = true,
				 .is_latching = true };
	struct dtls_user user = { .send = on_port_send, .on_end = on_port_end, .user = &rtp };
	uint8_t bytes[WORLD_ROOM] = { 22, 0xfe, 0xfd }, answer[WORLD_ROOM];
	struct dtls_context *context;
	ssize_t len;

	begin();
	rtp.phone = phone_at("127.32.0.9:49000");
	relays_fingerprint(relays, ours.bytes);
	assert_int_equal(dtls_context_new(&context), ERR_OK);
	end.fingerprint = ours;
	dtls_context_fingerprint(context, end.fingerprint.bytes);
	set(relay, 0, RELAY_CALLER, &end);
	assert_int_equal(
		dtls_session_new(context, loop, true, &ours, &user, &rtp.browser.session),
		ERR_OK);
	dtls_session_start(rtp.browser.session);
	for (unsigned i = 0; i < 50; i++) {
		turn(0);
		while ((len = take_bytes(&rtp.phone, answer, NULL)) > 0) {
			send_bytes(&stranger, relay, RELAY_CALLER, 0, bytes, 60);
			dtls_session_take(rtp.browser.session, answer, (size_t)len);
		}
	}
	assert_int_equal(count_events(RELAY_SECURED), 1);
	assert_nothing(&stranger);
	dtls_session_free(rtp.browser.session);
	rtp.browser.session = NULL;
	close_browser(&rtp.browser);
	dtls_context_free(context);
	close(rtp.phone.fd);
	assert_true(finish()->rejected_sources > 2);
}

static void test_dtls_with_another_certificate(void **state)
{
	struct browser browser = { 0 };
	uint8_t bytes[WORLD_ROOM] __attribute__((aligned(16)));
	size_t len = make_rtp(1, 1, bytes);

	begin();
	browse(&browser, true, false);
	assert_int_equal(count_events(RELAY_SECURED), 0);
	assert_int_equal(last_event(RELAY_SECURE_FAILED, NULL)->err, ERR_ACCESS);
	if (browser.out) /* the browser believes in it; we do not */
		assert_int_equal(srtp_way_protect(browser.out, bytes, &len, false), SRTP_DONE);
	send_bytes(&peer, relay, RELAY_CALLER, 0, bytes, len);
	assert_nothing(&b);
	send_rtp(&b, relay, RELAY_CALLEE, 2, 1);
	while (take_bytes(&peer, bytes, NULL) > 0)
		assert_int_not_equal(packet_kind_of(bytes, 40), PACKET_RTP);
	close_browser(&browser);
	finish();
}

/* A STUN server that says where it saw the question come from, at the n-th time. */
static unsigned serve(const struct phone *server, bool is_answered)
{
	uint8_t bytes[WORLD_ROOM];
	struct stun_message message;
	struct stun_writer writer;
	struct addr from;
	unsigned n = 0;
	ssize_t len;

	while ((len = take_bytes(server, bytes, &from)) > 0) {
		assert_int_equal(stun_read(bytes, (size_t)len, &message), ERR_OK);
		n++;
		if (!is_answered)
			continue;
		stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, message.id);
		stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &from);
		send_to(server, &from, writer.bytes, stun_end(&writer));
	}
	return n;
}

static void test_public_address_of_each_port(void **state)
{
	struct phone silent, server;
	struct addr servers[2];
	bool seen[2] = { false, false };

	begin();
	silent = phone_at("127.32.0.50:3478");
	server = phone_at("127.32.0.51:3478");
	servers[0] = silent.addr;
	servers[1] = server.addr;
	assert_int_equal(relay_ask_mapping(relay, RELAY_CALLEE, servers, 2, 3000), ERR_OK);
	turn(0);
	assert_int_equal(serve(&silent, false), 2); /* RTP and RTCP */
	turn(500);                                  /* the next one is asked */
	assert_int_equal(serve(&server, true), 2);
	assert_int_equal(count_events(RELAY_MAPPED), 2);
	for (unsigned i = 0; i < n_events; i++) {
		if (events[i].kind != RELAY_MAPPED)
			continue;
		assert_int_equal(events[i].err, ERR_OK);
		assert_int_equal(events[i].leg, RELAY_CALLEE);
		assert_int_equal(addr_port(&events[i].addr),
				 relay_port(relay, 0, RELAY_CALLEE) + events[i].is_rtcp);
		seen[events[i].is_rtcp] = true;
	}
	assert_true(seen[0] && seen[1]);
	turn(10000);
	assert_int_equal(count_events(RELAY_MAPPED), 2); /* and nothing more is asked */
	assert_int_equal(serve(&silent, false) + serve(&server, false), 0);
	assert_int_equal(relay_ask_mapping(relay, RELAY_CALLEE, servers, 2, 3000), ERR_OK);
	turn(0);
	/* nor again: it is known */
	assert_int_equal(serve(&silent, false) + serve(&server, false), 0);
	/* while nothing is sent by the ports, who answered keeps them open in the router */
	turn(5000);
	assert_int_equal(serve(&server, true), 2);
	turn(0);
	assert_int_equal(serve(&silent, false), 0);
	turn(14000);
	assert_int_equal(serve(&server, true), 0);
	turn(1000);
	assert_int_equal(serve(&server, true), 2);
	assert_int_equal(count_events(RELAY_MAPPED), 2);
	close(silent.fd);
	close(server.fd);
	finish();
}

static void test_no_stun_server_answers(void **state)
{
	struct phone silent;

	begin();
	silent = phone_at("127.32.0.50:3478");
	assert_int_equal(relay_ask_mapping(relay, RELAY_CALLEE, &silent.addr, 0, 3000),
			 ERR_INVALID);
	assert_int_equal(relay_ask_mapping(relay, RELAY_CALLEE, &silent.addr, 1, 3000), ERR_OK);
	turn(2999);
	assert_int_equal(count_events(RELAY_MAPPED), 0);
	turn(1);
	assert_int_equal(count_events(RELAY_MAPPED), 2);
	assert_int_equal(last_event(RELAY_MAPPED, NULL)->err, ERR_TIMEOUT);
	close(silent.fd);
	finish();
}

/* Whoever is no server of ours, or does not know the transaction, says nothing about our
 * address. */
static void test_forged_stun_answer(void **state)
{
	struct phone silent;
	struct stun_writer writer;
	struct addr lie = address("198.51.100.9:9"), to;
	unsigned char id[STUN_ID_SIZE];
	uint8_t bytes[WORLD_ROOM];

	begin();
	silent = phone_at("127.32.0.50:3478");
	assert_int_equal(relay_ask_mapping(relay, RELAY_CALLEE, &silent.addr, 1, 3000), ERR_OK);
	turn(0);
	assert_true(take_bytes(&silent, bytes, &to) >= STUN_HEADER_SIZE);
	memcpy(id, bytes + 4, STUN_ID_SIZE);
	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, id);
	stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &lie);
	send_to(&stranger, &to, writer.bytes, stun_end(&writer)); /* from elsewhere */
	id[15] ^= 1;
	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, id);
	stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &lie);
	send_to(&silent, &to, writer.bytes, stun_end(&writer)); /* another transaction */
	assert_int_equal(count_events(RELAY_MAPPED), 0);
	close(silent.fd);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media_follows_the_nominated_pair),
		cmocka_unit_test(test_another_pair_is_nominated),
		cmocka_unit_test(test_strangers_get_no_answer),
		cmocka_unit_test(test_component_of_rtcp),
		cmocka_unit_test(test_ice_begins_anew),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_dtls_in_both_roles),
		cmocka_unit_test(test_dtls_of_rtcp),
		cmocka_unit_test(test_stranger_amid_a_handshake),
		cmocka_unit_test(test_dtls_with_another_certificate),
		cmocka_unit_test(test_public_address_of_each_port),
		cmocka_unit_test(test_no_stun_server_answers),
		cmocka_unit_test(test_forged_stun_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
