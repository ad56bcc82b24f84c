#include "nat/stun_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static struct addr at(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	return addr;
}

static void begin(struct stun_writer *writer, enum stun_class class, bool has_cookie)
{
	unsigned char id[STUN_ID_SIZE];

	stun_new_id(id);
	if (!has_cookie)
		id[0] = 0;
	stun_begin(writer, class, STUN_BINDING, id);
}

static void test_answers(void **state)
{
	static const struct {
		const char *name;
		bool has_cookie, has_other, change_ip, change_port, has_unknown,
			has_response_port, has_fingerprint;
		unsigned want_error;
		const char *want_origin, *want_other;
	} rows[] = {
		{ "plain", true, false, .want_origin = "", .want_other = "" },
		{ "plain, with two addresses", true, true, .want_origin = "198.51.100.1:5060",
		  .want_other = "198.51.100.2:5061" },
		{ "change both", true, true, true, true, .want_origin = "198.51.100.2:5061",
		  .want_other = "198.51.100.2:5061" },
		{ "change the port", true, true, false, true,
		  .want_origin = "198.51.100.1:5061", .want_other = "198.51.100.2:5061" },
		{ "change the address", true, true, true, false,
		  .want_origin = "198.51.100.2:5060", .want_other = "198.51.100.2:5061" },
		{ "change without another one, RFC 5780 §7.1", true, false, true, false,
		  .want_error = 420 },
		{ "RFC 3489", false, true, .want_origin = "198.51.100.1:5060",
		  .want_other = "198.51.100.2:5061" },
		{ "RFC 3489, one address", false, false, .want_origin = "198.51.100.1:5060",
		  .want_other = "" },
		{ "what must be understood and is not", true, true, .has_unknown = true,
		  .want_error = 420 },
		{ "RESPONSE-PORT: nobody else's port", true, true, .has_response_port = true,
		  .want_error = 420 },
		{ "FINGERPRINT for FINGERPRINT", true, false, .has_fingerprint = true,
		  .want_origin = "", .want_other = "" },
	};
	const struct addr source = at("203.0.113.7:40000");
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stun_seat seat = { .local = at("198.51.100.1:5060") };
		struct stun_message message;
		struct stun_writer request;
		struct stun_reply reply;

		print_message("%s\n", rows[i].name);
		if (rows[i].has_other)
			seat.other = at("198.51.100.2:5061");
		begin(&request, STUN_REQUEST, rows[i].has_cookie);
		if (rows[i].change_ip || rows[i].change_port)
			stun_add_change(&request, rows[i].change_ip, rows[i].change_port);
		if (rows[i].has_unknown)
			stun_add_number(&request, (enum stun_attribute)0x7ff0, 0);
		if (rows[i].has_response_port)
			stun_add_number(&request, STUN_RESPONSE_PORT, 53U << 16);
		if (rows[i].has_fingerprint)
			stun_add_fingerprint(&request);
		assert_true(stun_server_answer(&seat, &source, request.bytes,
					       stun_end(&request), &reply));
		assert_int_equal(
			stun_read(reply.writer.bytes, stun_end(&reply.writer), &message),
			ERR_OK);
		assert_memory_equal(message.id, request.bytes + 4, STUN_ID_SIZE);
		assert_int_equal(message.class, rows[i].want_error ? STUN_ERROR : STUN_SUCCESS);
		assert_int_equal(message.error_code, rows[i].want_error);
		assert_int_equal(message.has_fingerprint, rows[i].has_fingerprint);
		if (rows[i].want_error)
			continue;
		assert_true(addr_equal(&message.mapped, &source));
		assert_int_equal(reply.from_other_ip, rows[i].change_ip);
		assert_int_equal(reply.from_other_port, rows[i].change_port);
		assert_string_equal(
			addr_is_set(&message.origin) ? addr_text(&message.origin, text) : "",
			rows[i].want_origin);
		assert_string_equal(
			addr_is_set(&message.other) ? addr_text(&message.other, text) : "",
			rows[i].want_other);
	}
}

static void test_what_gets_no_answer(void **state)
{
	const struct stun_seat seat = { .local = at("198.51.100.1:5060") };
	const struct addr source = at("203.0.113.7:40000");
	struct stun_writer message;
	struct stun_reply reply;

	for (unsigned class = STUN_INDICATION; class <= STUN_ERROR; class ++) {
		begin(&message, (enum stun_class) class, true);
		assert_false(stun_server_answer(&seat, &source, message.bytes,
						stun_end(&message), &reply));
	}
	stun_begin(&message, STUN_REQUEST, 3 /* Allocate */, message.bytes + 4);
	assert_false(
		stun_server_answer(&seat, &source, message.bytes, stun_end(&message), &reply));
	assert_false(stun_server_answer(&seat, &source, "\0\1", 2, &reply));
}

/* A flood costs the one whose address it bears less than it costs who sends it. */
static void test_flood(void **state)
{
	const struct stun_seat seat = { .local = at("198.51.100.1:5060"),
					.other = at("198.51.100.2:5061") };
	struct stun_limiter *limiter;
	struct stun_writer request;
	struct stun_reply reply;
	size_t n_in = 0, n_out = 0;

	assert_int_equal(stun_limiter_new(&limiter), ERR_OK);
	begin(&request, STUN_REQUEST, true);
	for (unsigned i = 0; i < 10000; i++) { /* ten seconds, one source */
		const struct addr source = at("203.0.113.7:40000");

		n_in += 28 + stun_end(&request); /* with IP and UDP */
		if (stun_limiter_allows(limiter, &source, 1000 + i) &&
		    stun_server_answer(&seat, &source, request.bytes, stun_end(&request),
				       &reply))
			n_out += 28 + stun_end(&reply.writer);
	}
	print_message("one source: %zu bytes in, %zu out\n", n_in, n_out);
	assert_true(n_out > 0 && n_out * 20 < n_in);

	n_in = n_out = 0;
	for (unsigned i = 0; i < 200000; i++) { /* ten seconds, as many sources as there are */
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.%u:1000", i >> 16 & 255, i >> 8 & 255,
			 i & 255);
		const struct addr source = at(text);
		n_in += 28 + stun_end(&request);
		if (stun_limiter_allows(limiter, &source, 100000 + i / 20) &&
		    stun_server_answer(&seat, &source, request.bytes, stun_end(&request),
				       &reply))
			n_out += 28 + stun_end(&reply.writer);
	}
	print_message("many sources: %zu bytes in, %zu out\n", n_in, n_out);
	assert_true(n_out > 0 && n_out * 5 < n_in);
	stun_limiter_free(limiter);
}

/* Who asks as clients do is always answered: twenty a second behind one address are a crowd of
 * phones. */
static void test_honest(void **state)
{
	const struct addr source = at("203.0.113.7:40000");
	struct stun_limiter *limiter;

	assert_int_equal(stun_limiter_new(&limiter), ERR_OK);
	for (unsigned i = 0; i < 200; i++)
		assert_true(stun_limiter_allows(limiter, &source, 1 + i * 50));
	stun_limiter_free(limiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_what_gets_no_answer),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_honest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
