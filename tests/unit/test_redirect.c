#include "routing/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/sip/uri.h"

#define HEAD                                                                                                               \
	"SIP/2.0 302 Moved Temporarily\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\n" \
	"To: <sip:b@b.example>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\nContact: "
#define TAIL "\r\nContent-Length: 0\r\n\r\n"

/* clang-format off */
static const struct {
	const char *name, *contacts, *asked;
	const char *tried[3];
	unsigned depth;
	const char *want; /* "at:reason;" in the order in which they are asked */
} rows[] = {
	{ "by q, RFC 3261 §16.6, among equals as they stand there", "<sip:a@x>;q=0.1, <sip:b@x>, <sip:c@x>;q=0.5, <sip:d@x>;q=1", "sip:u@x",
	  { 0 }, 0, "1:none;3:none;2:none;0:none;" },
	{ "itself, §8.1.3.4", "<sip:u@X>", "sip:u@x", { 0 }, 0, "0:redirect-loop;" },
	{ "... users differ by their letters, §19.1.4", "<sip:U@x>", "sip:u@x", { 0 }, 0, "0:none;" },
	{ "... escapes are the same", "<sip:%75@x>", "sip:u@x", { 0 }, 0, "0:redirect-loop;" },
	{ "one that was asked already", "<sip:a@x>, <sip:b@x;p=1>", "sip:u@x", { "sip:q@x", "sip:b@x;p=1" }, 1, "0:none;1:redirect-loop;" },
	{ "twice in the same", "<sip:a@x>;q=0.1, <sip:a@x>;q=0.2", "sip:u@x", { 0 }, 0, "1:none;0:redirect-loop;" },
	{ "after five in a row", "<sip:a@x>", "sip:u@x", { 0 }, 5, "0:redirect-limit;" },
	{ "... but not after four", "<sip:a@x>", "sip:u@x", { 0 }, 4, "0:none;" },
	{ "sips for sip", "<sips:u@x>", "sip:u@x", { 0 }, 0, "0:none;" },
	{ "not sip for sips, §16.7 item 4", "<sip:a@x>, <sips:b@x>", "sips:u@x", { 0 }, 0, "0:uri-scheme;1:none;" },
	{ "other schemes", "<http://x/>, <tel:+49>, <im:a@x>", "sip:u@x", { 0 }, 0, "0:uri-scheme;1:redirect-to-number;2:uri-scheme;" },
	{ "telephone numbers", "<sip:+4930@x>, <sip:%2B4930@x>, <sip:0900-1.(2)@x>, <sip:*21*5#@x>, <sip:a@x;user=phone>, <sip:30;ext=1@x>", "sip:u@x", { 0 }, 0,
	  "0:redirect-to-number;1:redirect-to-number;2:redirect-to-number;3:redirect-to-number;4:redirect-to-number;5:redirect-to-number;" },
	{ "... the very one that was asked for", "<sip:4930@y>, <sip:%34930@z>, <sip:49301@y>", "sip:4930@x", { 0 }, 0,
	  "0:none;1:none;2:redirect-to-number;" },
	{ "no numbers", "<sip:a1@x>, <sip:x>, <sip:--@x>", "sip:u@x", { 0 }, 0, "0:none;1:none;2:none;" },
	{ "what can be no Request-URI", "<sip:a b@x>, <sip:b@x>", "sip:u@x", { 0 }, 0, "0:malformed;1:none;" },
	{ "a line that is no Contact at all", "<sip:a@>, <sip:b@x>", "sip:u@x", { 0 }, 0, "" },
};
/* clang-format on */

static void check(size_t i)
{
	struct redirect_choice choices[CONTACTS_MAX];
	struct redirect_past past = { .tried = rows[i].tried, .depth = rows[i].depth };
	char text[2000], got[1000] = "";
	size_t n, len = 0;
	msg_t *msg;

	(void)snprintf(text, sizeof(text), "%s%s%s", HEAD, rows[i].contacts, TAIL);
	assert_int_equal(message_parse(text, strlen(text), &msg), ERR_OK);
	past.asked = uri_parse(msg_home(msg), rows[i].asked);
	while (past.n_tried < COUNT(rows[i].tried) && rows[i].tried[past.n_tried])
		past.n_tried++;
	n = redirect_choose(msg, &past, choices);
	for (size_t k = 0; k < n; k++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%zu:%s;", choices[k].at,
					reason_code(choices[k].reason));
	if (strcmp(got, rows[i].want))
		fail_msg("%s: %s", rows[i].name, got);
	message_unref(msg);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check(i);
}

/* RFC 3261 §21.3. */
static void test_statuses(void **state)
{
	static const int followed[] = { 300, 301, 302 },
			 others[] = { 200, 303, 305, 380, 399, 404 };

	for (size_t i = 0; i < COUNT(followed); i++)
		assert_true(redirect_is_followed(followed[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(redirect_is_followed(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
