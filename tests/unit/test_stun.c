#include "nat/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

#define HEAD_5769 "2112a442b7e7a701bc34d686fa87dfae"

static const char password[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* RFC 5769 §2.1 to §2.4. */
static const char request_5769[] =
	"00010058" HEAD_5769 "802200105354554e207465737420636c69656e74"
	"002400046e0001ff80290008932ff9b151263b36"
	"000600096576746a3a68367659202020"
	"000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
static const char response4_5769[] =
	"0101003c" HEAD_5769 "8022000b7465737420766563746f7220"
	"002000080001a147e112a643"
	"000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
static const char response6_5769[] =
	"01010048" HEAD_5769 "8022000b7465737420766563746f7220"
	"002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
	"00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
static const char long_term_5769[] =
	"000100602112a44278ad3433c6ad72c029da412e"
	"00060012e3839ee38388e383aae38383e382afe382b90000"
	"0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
	"0014000b6578616d706c652e6f726700"
	"00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
static const char long_term_key[] = "e8ca7ad59d5eb0518e312911d2dab2a9";

static unsigned char *unhex(const char *hex, size_t *out_len)
{
	unsigned char *bytes;

	*out_len = strlen(hex) / 2;
	bytes = malloc(*out_len ? *out_len : 1); /* so that one byte too many is seen */
	assert_non_null(bytes);
	assert_true(*out_len == 0 || text_unhex(hex, bytes, *out_len));
	return bytes;
}

static void test_rfc5769(void **state)
{
	static const struct {
		const char *name, *hex, *key, *mapped, *username;
		enum stun_class class;
		bool has_fingerprint;
	} rows[] = {
		{ "§2.1", request_5769, password, "", "evtj:h6vY", STUN_REQUEST, true },
		{ "§2.2", response4_5769, password, "192.0.2.1:32853", "", STUN_SUCCESS, true },
		{ "§2.3", response6_5769, password,
		  "[2001:db8:1234:5678:11:2233:4455:6677]:32853", "", STUN_SUCCESS, true },
		{ "§2.4", long_term_5769, NULL, "",
		  "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9",
		  STUN_REQUEST, false },
	};
	char text[ADDR_TEXT_SIZE];
	unsigned char key[16];

	assert_true(text_unhex(long_term_key, key, sizeof(key)));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stun_message message;
		size_t len;
		unsigned char *bytes = unhex(rows[i].hex, &len);
		const void *with = rows[i].key ? (const void *)rows[i].key : key;
		const size_t with_len = rows[i].key ? strlen(rows[i].key) : sizeof(key);

		print_message("%s\n", rows[i].name);
		assert_int_equal(stun_read(bytes, len, &message), ERR_OK);
		assert_int_equal(message.class, rows[i].class);
		assert_int_equal(message.method, STUN_BINDING);
		assert_int_equal(message.has_fingerprint, rows[i].has_fingerprint);
		assert_int_equal(message.n_unknown, 0);
		assert_string_equal(
			addr_is_set(&message.mapped) ? addr_text(&message.mapped, text) : "",
			rows[i].mapped);
		assert_int_equal(message.username_len, strlen(rows[i].username));
		assert_memory_equal(message.username ? message.username : "", rows[i].username,
				    message.username_len);
		assert_true(stun_check_integrity(bytes, &message, with, with_len));
		assert_false(stun_check_integrity(bytes, &message, "wrong", 5));
		/* the last byte is of FINGERPRINT, or of MESSAGE-INTEGRITY */
		bytes[len - 1] ^= 1;
		if (rows[i].has_fingerprint)
			assert_int_equal(stun_read(bytes, len, &message), ERR_SYNTAX);
		else
			assert_false(stun_check_integrity(bytes, &message, with, with_len));
		free(bytes);
	}
}

/* The same bytes come out that RFC 5769 §2.1 has. */
static void test_write_like_rfc5769(void **state)
{
	static const unsigned char tie[] = { 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36 };
	struct stun_writer writer;
	size_t len;
	unsigned char *bytes = unhex(request_5769, &len);

	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, bytes + 4);
	stun_add(&writer, STUN_SOFTWARE, "STUN test client", 16);
	stun_add_number(&writer, STUN_PRIORITY, 0x6e0001ff);
	stun_add(&writer, STUN_ICE_CONTROLLED, tie, sizeof(tie));
	stun_add(&writer, STUN_USERNAME, "evtj:h6vY", 9);
	memcpy(writer.bytes + writer.len - 3, "   ", 3); /* its padding is spaces, ours zeros */
	stun_add_integrity(&writer, password, strlen(password));
	stun_add_fingerprint(&writer);
	assert_int_equal(stun_end(&writer), len);
	assert_memory_equal(writer.bytes, bytes, len);
	free(bytes);
}

static void test_read_rows(void **state)
{
	static const struct {
		const char *name, *hex;
		enum err want;
		const char *mapped, *origin, *other;
		unsigned error, n_unknown;
	} rows[] = {
		{ "nothing", "", ERR_SYNTAX },
		{ "half a header", "000100002112a442b7e7a701", ERR_SYNTAX },
		{ "zeros of a keepalive", "0000000000000000000000000000000000000000",
		  ERR_SYNTAX },
		{ "an empty request", "00010000" HEAD_5769, ERR_OK, "", "", "" },
		{ "length says more", "00010004" HEAD_5769, ERR_SYNTAX },
		{ "length says less", "00010000" HEAD_5769 "00240000", ERR_SYNTAX },
		{ "length no multiple of four", "00010002" HEAD_5769 "0024", ERR_SYNTAX },
		{ "an attribute that goes beyond", "00010008" HEAD_5769 "0006000800000000",
		  ERR_SYNTAX },
		{ "an attribute of 64 KB", "00010004" HEAD_5769 "0006ffff", ERR_SYNTAX },
		{ "RTP is not STUN", "80000000" HEAD_5769, ERR_SYNTAX },
		{ "RFC 3489: MAPPED, SOURCE, CHANGED-ADDRESS",
		  "0101002400112233445566778899aabbccddeeff"
		  "0001000800018055c0000201"
		  "0004000800010d96c6336401"
		  "0005000800010d97c6336402",
		  ERR_OK, "192.0.2.1:32853", "198.51.100.1:3478", "198.51.100.2:3479" },
		{ "XOR-MAPPED-ADDRESS counts more than MAPPED-ADDRESS, in any order",
		  "01010018" HEAD_5769 "0001000800011111c0000263"
		  "002000080001a147e112a643",
		  ERR_OK, "192.0.2.1:32853", "", "" },
		{ "the first of a kind counts",
		  "01010018" HEAD_5769 "0001000800018055c0000201"
		  "0001000800011111c0000263",
		  ERR_OK, "192.0.2.1:32853", "", "" },
		{ "of a family that is none", "0101000c" HEAD_5769 "0001000800038055c0000201",
		  ERR_OK, "", "", "" },
		{ "IPv6 in eight bytes", "0101000c" HEAD_5769 "0001000800028055c0000201",
		  ERR_OK, "", "", "" },
		{ "error 420", "01110008" HEAD_5769 "0009000400000414", ERR_OK, "", "", "",
		  420 },
		{ "an error that is none", "01110008" HEAD_5769 "0009000400000063", ERR_OK, "",
		  "", "", 0 },
		{ "what must be understood and is not",
		  "00010010" HEAD_5769 "7ff00004000000007ff1000400000000", ERR_OK, "", "", "",
		  0, 2 },
		{ "what need not be understood", "00010008" HEAD_5769 "fff0000400000000",
		  ERR_OK, "", "", "" },
		{ "FINGERPRINT that is not the last",
		  "00010010" HEAD_5769 "8028000412345678"
		  "0024000400000000",
		  ERR_SYNTAX },
	};
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stun_message message;
		size_t len;
		unsigned char *bytes = unhex(rows[i].hex, &len);

		print_message("%s\n", rows[i].name);
		assert_int_equal(stun_read(bytes, len, &message), rows[i].want);
		if (!rows[i].want) {
			assert_string_equal(addr_is_set(&message.mapped)
						    ? addr_text(&message.mapped, text)
						    : "",
					    rows[i].mapped);
			assert_string_equal(addr_is_set(&message.origin)
						    ? addr_text(&message.origin, text)
						    : "",
					    rows[i].origin);
			assert_string_equal(addr_is_set(&message.other)
						    ? addr_text(&message.other, text)
						    : "",
					    rows[i].other);
			assert_int_equal(message.error_code, rows[i].error);
			assert_int_equal(message.n_unknown, rows[i].n_unknown);
		}
		free(bytes);
	}
}

/* Each class and some methods come back as they were written (RFC 8489 §5). */
static void test_types(void **state)
{
	static const unsigned methods[] = { 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xff };
	struct stun_message message;
	struct stun_writer writer;
	unsigned char id[STUN_ID_SIZE];

	stun_new_id(id);
	for (unsigned class = STUN_REQUEST; class <= STUN_ERROR; class ++) {
		for (size_t i = 0; i < COUNT(methods); i++) {
			stun_begin(&writer, (enum stun_class) class, methods[i], id);
			assert_int_equal(stun_read(writer.bytes, stun_end(&writer), &message),
					 ERR_OK);
			assert_int_equal(message.class, class);
			assert_int_equal(message.method, methods[i]);
			assert_true(message.has_cookie);
			assert_memory_equal(message.id, id, sizeof(id));
		}
	}
}

static void test_round_trip(void **state)
{
	struct stun_message message;
	struct stun_writer writer;
	struct addr mapped, origin, other;
	unsigned char id[STUN_ID_SIZE];

	assert_int_equal(addr_parse("203.0.113.7", 5060, &mapped), ERR_OK);
	assert_int_equal(addr_parse("2001:db8::1", 3478, &origin), ERR_OK);
	assert_int_equal(addr_parse("198.51.100.2", 3479, &other), ERR_OK);
	stun_new_id(id);
	stun_begin(&writer, STUN_SUCCESS, STUN_BINDING, id);
	stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_addr(&writer, STUN_RESPONSE_ORIGIN, &origin);
	stun_add_addr(&writer, STUN_OTHER_ADDRESS, &other);
	stun_add_change(&writer, true, false);
	stun_add_error(&writer, 438, "Stale Nonce");
	stun_add_fingerprint(&writer);
	assert_int_equal(stun_read(writer.bytes, stun_end(&writer), &message), ERR_OK);
	assert_true(addr_equal(&message.mapped, &mapped));
	assert_true(addr_equal(&message.origin, &origin));
	assert_true(addr_equal(&message.other, &other));
	assert_true(message.has_change && message.change_ip && !message.change_port);
	assert_int_equal(message.error_code, 438);
	assert_true(message.has_fingerprint);
}

static void test_bounds(void **state)
{
	unsigned char many[STUN_HEADER_SIZE + 4 * (STUN_MAX_ATTRIBUTES + 1)] = {
		0, 1, 0, sizeof(many) - STUN_HEADER_SIZE
	};
	static unsigned char large[STUN_MAX_SIZE + 4] = { 0, 1 };
	struct stun_message message;
	struct stun_writer writer;
	unsigned char id[STUN_ID_SIZE] = { 0 };

	for (size_t at = STUN_HEADER_SIZE; at < sizeof(many); at += 4)
		many[at] = 0x80;
	assert_int_equal(stun_read(many, sizeof(many), &message), ERR_LIMIT);
	many[3] -= 4;
	assert_int_equal(stun_read(many, sizeof(many) - 4, &message), ERR_OK);

	large[2] = (sizeof(large) - STUN_HEADER_SIZE) >> 8;
	large[3] = (sizeof(large) - STUN_HEADER_SIZE) & 0xff;
	assert_int_equal(stun_read(large, sizeof(large), &message), ERR_TOO_LARGE);

	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, id);
	stun_add(&writer, STUN_PADDING, large, STUN_MAX_SIZE - STUN_HEADER_SIZE - 4);
	assert_int_equal(stun_end(&writer), STUN_MAX_SIZE);
	stun_add_number(&writer, STUN_PRIORITY, 1);
	assert_int_equal(stun_end(&writer), 0);
}

/* RFC 7983 §7: no SIP message, no keepalive of line ends. */
static void test_demultiplexing(void **state)
{
	assert_true(stun_is_stun("\x00\x01\x00\x00\x21\x12\xa4\x42------------", 20));
	assert_true(stun_is_stun("\x01\x01\x00\x00\x21\x12\xa4\x42------------", 20));
	assert_false(stun_is_stun("OPTIONS sip:corp.example SIP/2.0\r\n", 34));
	assert_false(stun_is_stun("SIP/2.0 200 OK\r\nVia: SIP", 24));
	assert_false(stun_is_stun("\r\n\r\n                    ", 24));
	assert_false(stun_is_stun("\x00\x01\x00\x00", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5769),
		cmocka_unit_test(test_write_like_rfc5769),
		cmocka_unit_test(test_read_rows),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_demultiplexing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
