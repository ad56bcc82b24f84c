#include "proxy/sip/contacts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define HEAD                                                                                                               \
	"SIP/2.0 302 Moved Temporarily\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\n" \
	"To: <sip:b@b.example>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\n"
#define TAIL "Content-Length: 0\r\n\r\n"
#define TEN  "0123456789"
#define LONG                                                                                   \
	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN    \
		TEN TEN TEN TEN

/* clang-format off */
static const struct {
	const char *name, *lines, *want; /* "uri q;", an address of another scheme in brackets */
} rows[] = {
	{ "none", "", "" },
	{ "one", "Contact: <sip:a@b.example>\r\n", "sip:a@b.example 1000;" },
	{ "compact, without brackets: what follows is the header's, RFC 3261 §20.10", "m: sip:a@b.example;q=0.5\r\n", "sip:a@b.example 500;" },
	{ "several on lines", "Contact: <sip:a@b.example>;q=0.25, \"B, C\" <sips:c@d.example:5070>;expires=3;q=0\r\nContact: <sip:e@f.example;lr>;q=1.0\r\n",
	  "sip:a@b.example 250;sips:c@d.example:5070 0;sip:e@f.example;lr 1000;" },
	{ "more digits than there are, RFC 3261 §25.1", "Contact: <sip:a@b.example>;q=0.12345\r\n", "sip:a@b.example 123;" },
	{ "what is no q", "Contact: <sip:a@b.example>;q=high\r\nContact: <sip:c@b.example>;q=1.9\r\nContact: <sip:d@b.example>;q=-1\r\n",
	  "sip:a@b.example 1000;sip:c@b.example 1000;sip:d@b.example 1000;" },
	{ "headers and method, RFC 3261 §19.1.1", "Contact: <sip:a@b.example;Method=BYE;x=1?Replaces=1&a=b>\r\n", "sip:a@b.example;x=1 1000;" },
	{ "... which alone", "Contact: <sip:a@b.example;method=BYE>\r\n", "sip:a@b.example 1000;" },
	{ "other schemes", "Contact: <tel:+4930>, <mailto:a@b.example>\r\n", "[tel:+4930] 1000;[mailto:a@b.example] 1000;" },
	{ "too long", "Contact: <sip:a@b.example;x=" LONG ">, <sip:c@d.example>\r\n", " 1000;sip:c@d.example 1000;" },
	{ "what tears a request line", "Contact: <sip:a b@c.example>, <sip:c@d.example>\r\n", " 1000;sip:c@d.example 1000;" },
	{ "a wildcard is none", "Contact: *\r\n", "[*] 1000;" },
	{ "no more than sixteen", "Contact: <sip:1@x>,<sip:2@x>,<sip:3@x>,<sip:4@x>,<sip:5@x>,<sip:6@x>,<sip:7@x>,<sip:8@x>,<sip:9@x>,"
	  "<sip:10@x>,<sip:11@x>,<sip:12@x>,<sip:13@x>,<sip:14@x>,<sip:15@x>,<sip:16@x>,<sip:17@x>\r\n",
	  "sip:1@x 1000;sip:2@x 1000;sip:3@x 1000;sip:4@x 1000;sip:5@x 1000;sip:6@x 1000;sip:7@x 1000;sip:8@x 1000;sip:9@x 1000;"
	  "sip:10@x 1000;sip:11@x 1000;sip:12@x 1000;sip:13@x 1000;sip:14@x 1000;sip:15@x 1000;sip:16@x 1000;" },
};
/* clang-format on */

static msg_t *parse(const char *lines)
{
	char text[4000];
	msg_t *msg;

	(void)snprintf(text, sizeof(text), "%s%s%s", HEAD, lines, TAIL);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	return msg;
}

static void test_read(void **state)
{
	struct contact contacts[CONTACTS_MAX];
	char got[1000];

	for (size_t i = 0; i < COUNT(rows); i++) {
		msg_t *msg = parse(rows[i].lines);
		size_t n = contacts_read(msg, contacts), len = 0;

		got[0] = '\0';
		for (size_t k = 0; k < n; k++)
			len += (size_t)snprintf(
				got + len, sizeof(got) - len,
				contacts[k].is_sip || !*contacts[k].uri ? "%s %u;" : "[%s] %u;",
				contacts[k].uri, contacts[k].q);
		if (strcmp(got, rows[i].want))
			fail_msg("%s: %s", rows[i].name, got);
		message_unref(msg);
	}
}

static void check_left(const char *lines, const bool is_gone[CONTACTS_MAX], const char *want)
{
	msg_t *msg = parse(lines), *printed;
	struct contact contacts[CONTACTS_MAX];
	char got[1000] = "";
	struct wire *wire;
	size_t n, len = 0;

	assert_int_equal(contacts_remove(msg, is_gone), ERR_OK);
	assert_int_equal(message_print(msg, &wire), ERR_OK);
	assert_int_equal(message_parse(wire->bytes, wire->len, &printed), ERR_OK);
	n = contacts_read(printed, contacts);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s %u;", contacts[i].uri,
					contacts[i].q);
	assert_string_equal(got, want);
	wire_unref(wire);
	message_unref(printed);
	message_unref(msg);
}

/* RFC 3261 §16.7 item 4: what was followed is taken off, the rest stays as it is. */
static void test_remove(void **state)
{
	static const char lines[] =
		"Contact: <sip:a@x>;q=0.1, \"Q\" <sip:b@x?h=1>;q=0.2\r\nm: <tel:+49>;q=0.3\r\n";

	check_left(lines, (bool[CONTACTS_MAX]){ true }, "sip:b@x 200;tel:+49 300;");
	check_left(lines, (bool[CONTACTS_MAX]){ false, true }, "sip:a@x 100;tel:+49 300;");
	check_left(lines, (bool[CONTACTS_MAX]){ true, true, true }, "");
	check_left(lines, (bool[CONTACTS_MAX]){ false },
		   "sip:a@x 100;sip:b@x 200;tel:+49 300;");
}

/* Sofia recurses once an entry, so that a megabyte of them would need more stack than there
 * is. */
static void test_many(void **state)
{
	static char text[1000000];
	struct contact contacts[CONTACTS_MAX];
	char host[256];
	msg_t *msg;

	(void)state;
	for (unsigned n = 200; n < 490000; n += 489000) {
		size_t len = (size_t)sprintf(text, HEAD "Contact: a:b");

		for (unsigned i = 0; i < n; i++, len += 2)
			memcpy(text + len, ",a", 2);
		len += (size_t)sprintf(text + len, "\r\n" TAIL);
		assert_int_equal(message_parse(text, len, &msg), ERR_OK);
		assert_int_equal(contacts_read(msg, contacts), n == 200 ? CONTACTS_MAX : 0);
		assert_int_equal(contacts_first_host(msg, host, sizeof(host)), n == 200);
		message_unref(msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
