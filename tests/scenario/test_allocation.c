/* The n-th allocation fails, for every n until the play gets through without one: no crash,
 * nothing that stays, and the proxy serves afterwards as before. --wrap catches the calls of
 * our own code; what Sofia and GnuTLS allocate for themselves inside of their libraries never
 * fails here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"
#include "tests/world/faults.h"

enum { MAX_ALLOCATIONS = 5000, FAULT_SIZE = 80000 };

/* clang-format off */
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct play plays[] = {
	{ "a call from a partner, forked",
	  "bob > INVITE sip:team1@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "munich < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n",
	  house, house_users, house_cast },
	{ "a call that is cancelled",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487 INVITE\n"
	  "bob > ACK\n",
	  house, house_users, house_cast },
	{ "a message to a partner, by name, failing over",
	  "mary refuses\n"
	  "berlin > MESSAGE sip:x@many.example\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 200\n"
	  "mary accepts\n"
	  "wait 60s\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "munich > MESSAGE sip:bob@partner.example |"
	  " P-Asserted-Identity: <sip:carl@corp.example>\n"
	  "bob < MESSAGE\n"
	  "bob > 503 | Retry-After: 1\n"
	  "munich < 500\n"
	  "wait 5s\n",
	  house, house_users, house_cast },
	{ "a partner that must be authorized",
	  "will > MESSAGE sip:anna@corp.example | P-Asserted-Identity: <sip:x@weak.example>\n"
	  "will < 407\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "berlin < MESSAGE\n"
	  "berlin > 401 | WWW-Authenticate: Digest realm=\"b\", nonce=\"2\"\n"
	  "will < 401\n",
	  house, house_users, house_cast },
	{ "routes, strict and loose, and refusals",
	  "dns old.partner.example A 203.0.113.10\n"
	  "bob > INVITE sip:anna@corp.example;maddr=127.0.2.10 |"
	  " Record-Route: <sip:old.partner.example>\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK | Route: $route1 | +Route: $route2\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "eve > MESSAGE sip:anna@corp.example\n"
	  "eve < 403\n"
	  "bob > MESSAGE sip:anna@corp.example | Max-Breadth: 3 | Proxy-Require: foo\n"
	  "bob < 420\n",
	  house, house_users, house_cast },
	{ "over UDP, with repeats, at two workers",
	  "dora@0 > INVITE sip:carl@corp.example\n"
	  "dora < 100\n"
	  "munich < INVITE\n"
	  "wait 500ms\n"
	  "munich < INVITE\n"
	  "munich@1 > 180\n"
	  "dora < 180\n"
	  "dora@1 > CANCEL\n"
	  "dora < 200 CANCEL\n"
	  "munich < CANCEL\n"
	  "munich@1 > 200 CANCEL\n"
	  "munich@1 > 487 INVITE\n"
	  "munich < ACK\n"
	  "dora < 487\n"
	  "dora@1 > ACK\n"
	  "wait 10s\n",
	  house, house_users, house_cast },
	{ "another configuration in between",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "reload 0\n"
	  "berlin > 200\n"
	  "bob < 200\n",
	  house, house_users, house_cast },
	{ "too large for a datagram, and no TCP, RFC 3261 18.1.1",
	  "dora refuses\n"
	  "berlin > MESSAGE sip:x@plain.example | body: " LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG "\n"
	  "dora < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  "dora > 200\n"
	  "berlin < 200\n"
	  "dora accepts\n"
	  "wait 6m\n",
	  house, house_users, house_cast },
	{ "the connection of who asked is gone",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "bob closes\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > 200\n"
	  "bob < 200\n",
	  house, house_users, house_cast },
};
/* clang-format on */

/* True if an allocation failed on the way. */
static bool play_with_fault(const struct play *play, unsigned n, bool is_lasting)
{
	static char fault[FAULT_SIZE];
	struct stage *stage = stage_new(play, 2, fault, sizeof(fault));
	bool has_failed;

	if (!stage)
		fail_msg("%s: %s", play->name, fault);
	faults_pause();
	faults_begin(n, is_lasting);
	stage_play(stage, true, fault, sizeof(fault));
	has_failed = faults_end();
	/* Whoever was down is tried again by now, and no ban or limit is left. */
	if (!stage_settle(stage, fault, sizeof(fault)))
		fail_msg("%s, allocation %u: %s", play->name, n, fault);
	stage_reset(stage);
	if (!stage_play(stage, false, fault, sizeof(fault)))
		fail_msg("%s, after allocation %u failed: %s", play->name, n, fault);
	if (!stage_settle(stage, fault, sizeof(fault)))
		fail_msg("%s, again after allocation %u failed: %s", play->name, n, fault);
	faults_resume();
	stage_free(stage);
	return has_failed;
}

static void test_play(void **state)
{
	const struct play *play = *state;
	unsigned n = 1;

	while (n < MAX_ALLOCATIONS && play_with_fault(play, n, false))
		n++;
	assert_in_range(n, 20, MAX_ALLOCATIONS - 1); /* it did allocate, and came to its end */
	print_message("%u allocations\n", n - 1);
}

/* From the n-th on all of them fail. */
static void test_lasting(void **state)
{
	const struct play *play = *state;
	unsigned n = 1;

	while (n < MAX_ALLOCATIONS && play_with_fault(play, n, true))
		n++;
	assert_in_range(n, 20, MAX_ALLOCATIONS - 1);
}

int main(void)
{
	static struct CMUnitTest tests[2 * COUNT(plays)];
	size_t i;

	for (i = 0; i < COUNT(plays); i++) {
		tests[2 * i] = (struct CMUnitTest){ plays[i].name, test_play, NULL, NULL,
						    (void *)&plays[i] };
		tests[2 * i + 1] = (struct CMUnitTest){ plays[i].name, test_lasting, NULL, NULL,
							(void *)&plays[i] };
	}
	return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
