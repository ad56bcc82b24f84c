#include "media/dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/loop.h"

enum { MAX_DATAGRAMS = 64, ROOM = 2048 };

struct datagram {
	uint8_t bytes[ROOM];
	size_t len;
};

/* One side of a handshake; what it sends waits in its queue until it is carried over. */
struct side {
	struct dtls_context *context;
	struct dtls_session *session;
	struct datagram sent[MAX_DATAGRAMS];
	unsigned n_sent;
	unsigned n_ends;
	enum err err;
	struct srtp_key in, out;
};

static struct loop *loop;
static struct side client, server;

static void on_send(struct dtls_session *session, const uint8_t *bytes, size_t len, void *user)
{
	struct side *side = user;

	assert_true(side->n_sent < MAX_DATAGRAMS && len <= ROOM);
	memcpy(side->sent[side->n_sent].bytes, bytes, len);
	side->sent[side->n_sent++].len = len;
}

static void on_end(struct dtls_session *session, enum err err, const struct srtp_key *in,
		   const struct srtp_key *out, void *user)
{
	struct side *side = user;

	side->n_ends++;
	side->err = err;
	if (!err) {
		side->in = *in;
		side->out = *out;
	}
}

static struct relay_fingerprint fingerprint_of(const struct dtls_context *context)
{
	struct relay_fingerprint fingerprint = { .hash = "sha-256", .len = 32 };

	dtls_context_fingerprint(context, fingerprint.bytes);
	return fingerprint;
}

static void make(struct side *side, bool is_client, const struct relay_fingerprint *peer)
{
	struct dtls_user user = { .send = on_send, .on_end = on_end, .user = side };

	assert_int_equal(
		dtls_session_new(side->context, loop, is_client, peer, &user, &side->session),
		ERR_OK);
}

static void begin(void)
{
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	assert_int_equal(dtls_context_new(&client.context), ERR_OK);
	assert_int_equal(dtls_context_new(&server.context), ERR_OK);
}

static void finish(void)
{
	assert_null(dtls_session_free(client.session));
	assert_null(dtls_session_free(server.session));
	assert_null(dtls_context_free(client.context));
	assert_null(dtls_context_free(server.context));
	loop_free(loop);
}

/* Carries over what from has sent, but for the datagrams of lost. */
static bool carry(struct side *from, struct side *to, unsigned *n_carried, uint64_t lost)
{
	static struct datagram batch[MAX_DATAGRAMS];
	unsigned n = from->n_sent;

	memcpy(batch, from->sent, n * sizeof(*batch));
	from->n_sent = 0;
	for (unsigned i = 0; i < n; i++)
		if (!(lost >> (*n_carried)++ & 1))
			dtls_session_take(to->session, batch[i].bytes, batch[i].len);
	return n > 0;
}

static void shake(uint64_t lost)
{
	unsigned n_carried = 0;

	dtls_session_start(client.session);
	for (unsigned i = 0; i < 200 && (client.n_ends == 0 || server.n_ends == 0); i++) {
		bool is_moving = carry(&client, &server, &n_carried, lost);

		is_moving = carry(&server, &client, &n_carried, lost) || is_moving;
		if (!is_moving)
			loop_turn(loop, 100);
	}
}

static void test_handshake_gives_both_the_same_keys(void **state)
{
	struct relay_fingerprint of_client, of_server;

	begin();
	of_client = fingerprint_of(client.context);
	of_server = fingerprint_of(server.context);
	make(&client, true, &of_server);
	make(&server, false, &of_client);
	shake(0);
	assert_int_equal(client.n_ends, 1);
	assert_int_equal(server.n_ends, 1);
	assert_int_equal(client.err, ERR_OK);
	assert_int_equal(server.err, ERR_OK);
	assert_int_equal(client.out.suite, SRTP_AES_CM_128_HMAC_SHA1_80);
	assert_true(suite_key_equal(&client.out, &server.in));
	assert_true(suite_key_equal(&client.in, &server.out));
	assert_false(suite_key_equal(&client.in, &client.out));
	assert_true(dtls_session_is_done(client.session));
	loop_turn(loop, 120000); /* no deadline ends what is done */
	assert_int_equal(client.n_ends + server.n_ends, 2);
	finish();
}

/* Somebody else's certificate, on either side (RFC 5763 5): the one thing that stands between a
 * call and whoever is on its path. */
static void test_another_certificate(void **state)
{
	for (unsigned at_client = 0; at_client < 2; at_client++) {
		struct relay_fingerprint of_client, of_server;

		begin();
		of_client = fingerprint_of(client.context);
		of_server = fingerprint_of(server.context);
		if (at_client)
			of_server.bytes[31] ^= 1;
		else
			of_client.bytes[0] ^= 1;
		make(&client, true, &of_server);
		make(&server, false, &of_client);
		shake(0);
		assert_int_equal(at_client ? client.err : server.err, ERR_ACCESS);
		assert_true(
			dtls_session_has_failed(at_client ? client.session : server.session));
		finish();
	}
}

static void test_hashes(void **state)
{
	struct dtls_user user = { .send = on_send, .on_end = on_end, .user = &client };
	struct relay_fingerprint fingerprint = { .hash = "md5", .len = 16 };

	begin();
	assert_int_equal(dtls_session_new(client.context, loop, true, &fingerprint, &user,
					  &client.session),
			 ERR_UNSUPPORTED);
	fingerprint = (struct relay_fingerprint){ .hash = "sha-256", .len = 20 };
	assert_int_equal(dtls_session_new(client.context, loop, true, &fingerprint, &user,
					  &client.session),
			 ERR_UNSUPPORTED);
	fingerprint = (struct relay_fingerprint){ .hash = "SHA-512", .len = 64 };
	assert_int_equal(dtls_session_new(client.context, loop, true, &fingerprint, &user,
					  &client.session),
			 ERR_OK);
	finish();
}

/* Datagrams are lost: the timers of GnuTLS follow the real clock, so only what comes again at
 * once is tested here. */
static void test_silence_has_an_end(void **state)
{
	struct relay_fingerprint of_server;

	begin();
	of_server = fingerprint_of(server.context);
	make(&client, true, &of_server);
	dtls_session_start(client.session);
	loop_turn(loop, DTLS_TIMEOUT_MS - 1);
	assert_int_equal(client.n_ends, 0);
	loop_turn(loop, 1);
	assert_int_equal(client.n_ends, 1);
	assert_int_equal(client.err, ERR_TIMEOUT);
	finish();
}

static void test_garbage(void **state)
{
	struct relay_fingerprint of_client, of_server;
	uint8_t garbage[100];

	begin();
	of_client = fingerprint_of(client.context);
	of_server = fingerprint_of(server.context);
	make(&client, true, &of_server);
	make(&server, false, &of_client);
	for (unsigned i = 0; i < 256; i++) {
		memset(garbage, (int)i, sizeof(garbage));
		garbage[0] = (uint8_t)(20 + i % 44);
		dtls_session_take(server.session, garbage, 13 + i % 80);
	}
	assert_int_equal(server.n_ends, 0);
	shake(0);
	assert_int_equal(server.err, ERR_OK);
	assert_int_equal(client.err, ERR_OK);
	dtls_session_take(server.session, garbage, sizeof(garbage)); /* afterwards, too */
	assert_int_equal(server.n_ends, 1);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_gives_both_the_same_keys),
		cmocka_unit_test(test_another_certificate),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_silence_has_an_end),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
