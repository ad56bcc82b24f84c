/* A thousand calls in which everybody says whatever occurs to them, at any time: what was
 * opened for them is closed in the end, and every channel is given back. What each message must
 * be like is in the other files of media. WALK_SEED in the environment walks another way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/calls.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

enum { N_CALLS = 250, MAX_STEPS = 30, SCRIPT_SIZE = 64 * 1024, FAULT_SIZE = 80000 };

/* clang-format off */
#define PLACED \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl, 'team*'] }\n"
#define SEARCHED \
	"placement: search\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0 }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n"
#define STUN \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5060, transport: udp, advertise: stun }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"nat: { stun_servers: [203.0.113.53], monitor: 15s }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: udp, trustworthy: true, probe: 0 }\n"

static const char *const placed[] = {
	HOUSE_OF_BACKENDS PLACED "media: { relay: [wan], channels: 4, on_timeout: bye }\n",
	HOUSE_OF_BACKENDS PLACED "media: { relay: [wan], bandwidth: 450, srtp: { wan: prefer } }\n",
	HOUSE_OF_BACKENDS PLACED "media: { relay: [] }\n",
	NULL,
};
static const char *const searched[] = {
	HOUSE_OF_BACKENDS SEARCHED "media: { relay: [wan], channels: 4 }\n",
	HOUSE_OF_BACKENDS SEARCHED "media: { relay: [wan], channels: 3, on_timeout: bye }\n",
	HOUSE_OF_BACKENDS SEARCHED "media: { relay: [lan, wan], srtp: { wan: require } }\n",
	NULL,
};
static const char *const behind[] = {
	STUN PLACED "media: { relay: [wan], channels: 4 }\n",
	STUN PLACED "media: { relay: [wan], on_timeout: bye }\n",
	STUN PLACED "media: { relay: [wan] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "sip.partner.example,partner.example", "sip:bob@partner.example" },
	{ "stun", "203.0.113.53:3478", "wan", "", "sip:one@stun.example" },
	{ 0 },
};

#define SDP(rest) " | Content-Type: application/sdp | body: v=0$no=- 1 1 IN IP4 192.0.2.7$ns=-$nc=IN IP4 192.0.2.7$nt=0 0$n" rest

static const char *const bodies[] = {
	"", "", SDP("m=audio 4000 RTP/AVP 0$n"), SDP("m=audio 4000 RTP/AVP 0$n"), SDP("m=audio 4000 RTP/AVP 0$n"),
	SDP("m=audio 4000 RTP/AVP 0$na=sendonly$n"), SDP("m=audio 4000 RTP/AVP 0$nm=video 4002 RTP/AVP 96$n"),
	SDP("m=audio 0 RTP/AVP 0$nm=video 4002 RTP/AVP 96$n"), SDP("m=image 4000 udptl t38$n"),
	SDP("m=audio 4000 RTP/SAVP 0$na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB$n"),
	SDP("nonsense$n"),
};
static const char *const begins[] = {
	"bob > INVITE sip:anna@corp.example", "bob > INVITE sip:anna@corp.example", "bob > INVITE sip:team1@corp.example",
	"bob@1 > INVITE sip:carl@corp.example", "berlin > INVITE sip:bob@partner.example", "munich > INVITE sip:bob@partner.example",
};
static const char *const requests[] = { "INVITE", "ACK", "ACK", "UPDATE", "PRACK", "BYE", "INFO" };
static const char *const bare[] = { "CANCEL", "BYE", "again", "INVITE", "ACK" };
static const char *const provisionals[] = { "100", "180", "183", "183" };
static const char *const finals[] = { "200 INVITE", "200 INVITE", "200", "200", "202" };
static const char *const failures[] = {
	"486 INVITE", "487 INVITE", "404 INVITE", "503", "488", "491", "481", "500", "603 INVITE", "408",
	"407 | Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"", "302 INVITE | Contact: <sip:dora@partner.example>",
};
static const char *const tags[] = { "", "", "", " | To: <sip:anna@corp.example>;tag=x", " | To: <sip:anna@corp.example>;tag=y" };
static const char *const waits[] = { "wait 20ms", "wait 500ms", "wait 4s", "wait 4s", "wait 33s" };
static const char *const events[] = {
	"media falls silent", "media has no ports", "media has ports", "media has ports", "media seen at 198.51.100.7 +1000", "media seen at nothing",
	"restart proxy", "reload 0", "reload 1", "reload 2", "berlin refuses", "munich hangs", "berlin accepts", "berlin closes", "bob closes",
};
static const char *const people[] = { "bob", "bob", "berlin", "berlin", "munich" };
/* clang-format on */

/* The same numbers everywhere. */
static uint64_t numbers;

static unsigned next(unsigned n)
{
	numbers = numbers * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(numbers >> 33) % n;
}

#define ANY(list) (list)[next(COUNT(list))]

struct walk {
	char *script;
	size_t len;
	bool may_be_answered; /* an INVITE may have got a 2xx */
};

__attribute__((format(printf, 2, 3))) static void say(struct walk *walk, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	walk->len += (size_t)vsnprintf(walk->script + walk->len, SCRIPT_SIZE - walk->len,
				       format, args);
	va_end(args);
	assert_true(walk->len < SCRIPT_SIZE - 1);
}

static void step(struct walk *walk)
{
	const char *who = ANY(people);

	if (next(5))
		say(walk, "%s skips\n", who);
	switch (next(16)) {
	case 0:
		say(walk, "%s%s\n", ANY(begins), ANY(bodies));
		return;
	case 1:
		say(walk, "%s\n", ANY(waits));
		return;
	case 2:
		say(walk, "%s\n", ANY(events));
		return;
	case 3:
	case 4:
	case 5:
		say(walk, "%s > %s%s\n", who, ANY(requests), ANY(bodies));
		return;
	case 6:
		say(walk, "%s > %s\n", who, ANY(bare));
		return;
	case 7:
	case 8:
	case 9:
		say(walk, "%s > %s%s%s%s\n", who, ANY(provisionals),
		    next(3) ? "" : " | Require: 100rel | RSeq: 1", ANY(tags), ANY(bodies));
		return;
	case 10:
		say(walk, "%s > %s\n", who, ANY(failures));
		return;
	default:
		walk->may_be_answered = true;
		say(walk, "%s > %s%s%s\n", who, ANY(finals), ANY(tags), ANY(bodies));
		return;
	}
}

static void write_walk(struct walk *walk)
{
	const unsigned n = 4 + next(MAX_STEPS - 4);

	walk->len = 0;
	walk->may_be_answered = false;
	say(walk, "stun sees 198.51.100.7:5060\nwait 1s\nreload %u\nmedia has ports\n",
	    next(3));
	say(walk, "%s%s\n", ANY(begins), ANY(bodies));
	for (unsigned i = 0; i < n; i++)
		step(walk);
	say(walk, "berlin accepts\nmunich accepts\n");
	if (next(2)) {
		walk->may_be_answered = true;
		say(walk, "everybody answers\n");
	}
	say(walk, "wait 8m\nberlin skips\nmunich skips\nbob skips\n");
}

static void check_all_is_given_back(struct world *world, const char *script, const char *when)
{
	struct channels_view view = { 0 };
	unsigned n_used = 0;

	if (world->server->channels)
		channels_look(world->server->channels, &view);
	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++)
		n_used += view.n_used[i];
	const unsigned n_calls = world->server->calls ? calls_count(world->server->calls) : 0;
	if (n_calls || world_media_n_open(world->media) || n_used || view.kbps_used)
		fail_msg("%s there are %u forks, %u relays, %u channels, %llu kbps after:\n%s",
			 when, n_calls, world_media_n_open(world->media), n_used,
			 (unsigned long long)view.kbps_used, script);
}

/* What nobody took is closed by its signalling; what was taken at the latest when nothing comes
 * on it any more. */
static void walk(const char *const *configs, unsigned n_workers, uint64_t seed)
{
	char *fault = calloc(1, FAULT_SIZE), *script = calloc(1, SCRIPT_SIZE);
	struct walk walk = { .script = script };
	struct play play = {
		.name = "walk", .script = script, .configs = configs, .cast = cast
	};
	struct stage *stage = stage_new(&play, n_workers, fault, FAULT_SIZE);
	const char *other = getenv("WALK_SEED");
	unsigned n_taken = 0;

	if (!stage)
		fail_msg("%s", fault);
	numbers = other ? strtoull(other, NULL, 10) : seed;
	assert_int_equal(world_keep_state(stage_world(stage)), ERR_OK);
	for (unsigned i = 0; i < N_CALLS; i++) {
		write_walk(&walk);
		assert_true(stage_play(stage, true, fault, FAULT_SIZE));
		if (!walk.may_be_answered)
			check_all_is_given_back(stage_world(stage), script,
						"when nobody took it,");
		n_taken += world_media_n_open(stage_world(stage)->media) > 0;
		world_media_fall_silent(stage_world(stage)->media);
		world_turn(stage_world(stage), 0);
		world_turn(stage_world(stage), 60000);
		check_all_is_given_back(stage_world(stage), script, "after silence");
		stage_reset(stage);
	}
	if (getenv("VERBOSE"))
		print_message("%u of %u were taken\n", n_taken, N_CALLS);
	assert_true(n_taken > N_CALLS / 10);
	if (!stage_settle(stage, fault, FAULT_SIZE))
		fail_msg("%s", fault);
	stage_free(stage);
	free(script);
	free(fault);
}

static void test_placed(void **state)
{
	walk(placed, 1, 1);
}

static void test_placed_of_two_workers(void **state)
{
	walk(placed, 2, 2);
}

static void test_searched(void **state)
{
	walk(searched, 2, 3);
}

static void test_behind_a_router(void **state)
{
	walk(behind, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_placed),
		cmocka_unit_test(test_placed_of_two_workers),
		cmocka_unit_test(test_searched),
		cmocka_unit_test(test_behind_a_router),
	};

	if (log_start(&(struct log_settings){ .level = getenv("VERBOSE") ? LOG_DEBUG
									 : LOG_ERROR }))
		return 1;
	const int result = cmocka_run_group_tests(tests, NULL, NULL);
	log_stop();
	return result;
}
