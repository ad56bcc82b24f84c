/* Calls whose media are relayed (media.relay), by whole messages: which SDP goes where, what is
 * refused before anything rings, and that each way in which a call ends gives back its relay.
 * What SDP becomes in every case is in unit/test_calls. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(media) \
	HOUSE_OF_BACKENDS \
	"    - { domain: many.example, trustworthy: true, probe: 0, servers: [{ host: 203.0.113.51, port: 5060, transport: tcp, priority: 1, weight: 1 }," \
	" { host: 203.0.113.52, port: 5060, transport: tcp, priority: 2, weight: 1 }] }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl, 'team*'] }\n" \
	"media: { " media " }\n"

static const char *const relayed[] = {
	HOUSE("relay: [wan]"),
	HOUSE("relay: [wan], channels: 2"), /* 1 */
	HOUSE("relay: []"), /* 2 */
	HOUSE("relay: [wan], bind: { wan: 127.0.2.11, lan: 127.0.1.3 }, srtp: { wan: require, lan: off }"), /* 3 */
	HOUSE("relay: [wan], bandwidth: 150"), /* 4 */
	NULL,
};
static const char *const unrelayed[] = { HOUSE("relay: []"), HOUSE("relay: [wan]"), NULL };
static const char *const secured[] = { HOUSE("relay: [wan], bind: { wan: 127.0.2.11, lan: 127.0.1.3 }, srtp: { wan: require, lan: off }"), NULL };
static const char *const narrow[] = { HOUSE("relay: [wan], channels: 2"), HOUSE("relay: [wan], channels: 3"), NULL };
static const char *const slow[] = { HOUSE("relay: [wan], bandwidth: 150"), NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "sip.partner.example,partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define TYPE      " | Content-Type: application/sdp | body: "
#define HEAD(a)   "v=0$no=- 1 1 IN IP4 " a "$ns=-$nc=IN IP4 " a "$nt=0 0$n"
#define BOBS      TYPE HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n"
#define ANNAS     TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$n"
#define CARLS     TYPE HEAD("10.0.1.2") "m=audio 6000 RTP/AVP 0$n"
/* Towards the lan, and towards the wan: our address and the relay's port. */
#define LAN(port) " | body: *c=IN IP4 127.0.1.2\r*m=audio " #port " RTP/AVP 0\r*"
#define WAN(port) " | body: *c=IN IP4 127.0.2.10\r*m=audio " #port " RTP/AVP 0\r*"

#define CALL \
	"bob > INVITE sip:anna@corp.example" BOBS "\n" \
	"bob < 100\n" \
	"berlin < INVITE" LAN(30050) "\n" \
	"berlin > 200" ANNAS "\n" \
	"bob < 200" WAN(30000) "\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"

static const struct play plays[] = {
	{ "a call, and its BYE", .configs = relayed, .cast = cast, .script =
	  CALL
	  "because our addresses stand in the SDP\n"
	  "media holds 1\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "media holds 1\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media holds 0\n"
	  "media ended bye\n" },
	{ "calls that touch no such network are not looked at", .configs = relayed, .cast = cast, .script =
	  "berlin > INVITE sip:carl@corp.example" ANNAS "\n"
	  "berlin < 100\n"
	  "munich < INVITE | body: *c=IN IP4 10.0.1.1\r*m=audio 5000 *\n"
	  "media holds 0\n"
	  "munich > 200" CARLS "\n"
	  "berlin < 200 | body: *c=IN IP4 10.0.1.2\r*m=audio 6000 *\n"
	  "berlin > ACK\n"
	  "munich < ACK\n" },
	{ "relay: [] relays nothing, also what cannot be read", .configs = unrelayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" TYPE "nonsense\n"
	  "bob < 100\n"
	  "berlin < INVITE | body: nonsense\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "an answer in a 183, and the same in the 200", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 183" ANNAS "\n"
	  "bob < 183" WAN(30000) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "berlin > again\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n" },
	{ "late offer, RFC 3264 §5: the ports are there before anything rings", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE | !Content-Type\n"
	  "media holds 1\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK" BOBS "\n"
	  "berlin < ACK" LAN(30050) "\n" },
	{ "UPDATE and PRACK, RFC 3262, RFC 3311", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 183 | Require: 100rel | RSeq: 1" ANNAS "\n"
	  "bob < 183" WAN(30000) "\n"
	  "bob > PRACK" BOBS "\n"
	  "berlin < PRACK" LAN(30050) "\n"
	  "berlin > 200 PRACK\n"
	  "bob < 200 PRACK\n"
	  "bob > UPDATE" TYPE HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$nm=video 4002 RTP/AVP 96$n\n"
	  "berlin < UPDATE | body: *m=audio 30050 *m=video 30052 *\n"
	  "berlin > 200 UPDATE" TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$nm=video 0 RTP/AVP 96$n\n"
	  "bob < 200 UPDATE | body: *m=audio 30000 *m=video 0 *\n"
	  "berlin > 200 INVITE\n"
	  "bob < 200 INVITE\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "a re-INVITE that is refused, and one by the other side", .configs = relayed, .cast = cast, .script =
	  CALL
	  "bob > INVITE" TYPE HEAD("203.0.113.10") "m=audio 4444 RTP/AVP 0$n\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 488\n"
	  "berlin < ACK\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "media holds 1\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30000) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200" LAN(30050) "\n"
	  "berlin > ACK\n"
	  "bob < ACK\n" },
	{ "glare: both are refused, and the next one is not, RFC 3261 §14.1", .configs = relayed, .cast = cast, .script =
	  CALL
	  "bob > INVITE" TYPE HEAD("203.0.113.10") "m=audio 4444 RTP/AVP 0$n\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30000) "\n"
	  "berlin > 491\n"
	  "berlin < ACK\n"
	  "bob < 491\n"
	  "bob > ACK\n"
	  "bob > 491\n"
	  "bob < ACK\n"
	  "berlin < 491\n"
	  "berlin > ACK\n"
	  "media holds 1\n"
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "an early UPDATE of the callee that is refused, and the call is taken, RFC 3311 §5.2", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 183 | Require: 100rel | RSeq: 1" ANNAS "\n"
	  "bob < 183" WAN(30000) "\n"
	  "bob > PRACK\n"
	  "berlin < PRACK | !Content-Type\n"
	  "berlin > 200 PRACK\n"
	  "bob < 200 PRACK\n"
	  "berlin > UPDATE" TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$nm=video 5002 RTP/AVP 96$n\n"
	  "bob < UPDATE | body: *m=audio 30000 *m=video 30002 *\n"
	  "bob > 488 UPDATE\n"
	  "berlin < 488 UPDATE\n"
	  "berlin > 200 INVITE\n"
	  "bob < 200 INVITE\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "media holds 1\n" },
	{ "behind one target others fork: To tags of their own, the same ports, pitfall 18", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 183 | To: <sip:anna@corp.example>;tag=x" ANNAS "\n"
	  "bob < 183 | To: *tag=x" WAN(30000) "\n"
	  "berlin > 183 | To: <sip:anna@corp.example>;tag=y" TYPE HEAD("10.0.1.7") "m=audio 5500 RTP/AVP 0$n\n"
	  "bob < 183 | To: *tag=y" WAN(30000) "\n"
	  "media holds 1\n"
	  "berlin > 200 | To: <sip:anna@corp.example>;tag=y" TYPE HEAD("10.0.1.7") "m=audio 5500 RTP/AVP 0$n\n"
	  "bob < 200 | To: *tag=y" WAN(30000) "\n"
	  "media holds 1\n" },
	{ "refused, and the relay is given back", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "media holds 1\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "cancelled", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 183" ANNAS "\n"
	  "bob < 183\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "media holds 1\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "nobody answers", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "wait 33s\n"
	  "berlin skips\n"
	  "bob < 408\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "refused, and tried again within the second", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 407 | Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\n"
	  "berlin < ACK\n"
	  "bob < 407\n"
	  "bob > ACK\n"
	  "bob > INVITE sip:anna@corp.example | CSeq: 77 INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150) "\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "wait 40s\n"
	  "media holds 1\n"
	  "berlin > 486 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "media holds 0\n"
	  "wait 1s\n"
	  "bob skips\n" },
	{ "a BYE that must be repeated with credentials ends nothing", .configs = relayed, .cast = cast, .script =
	  CALL
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 407 | Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\n"
	  "bob < 407\n"
	  "media holds 1\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 481\n"
	  "bob < 481\n"
	  "media holds 0\n" },
	{ "BYE and a re-INVITE cross, RFC 3261 §15.1.2", .configs = relayed, .cast = cast, .script =
	  CALL
	  "bob > BYE\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < BYE\n"
	  "berlin < 100\n"
	  "berlin > 200 BYE\n"
	  "bob < INVITE" WAN(30000) "\n"
	  "bob < 200 BYE\n"
	  "media holds 0\n"
	  "bob > 481 INVITE\n"
	  "bob < ACK\n"
	  "berlin < 481 INVITE\n"
	  "berlin > ACK\n"
	  "berlin > INVITE" ANNAS "\n" /* one that is later still is taken up, and given up */
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "media holds 1\n"
	  "bob > 481\n"
	  "bob < ACK\n"
	  "berlin < 481\n"
	  "berlin > ACK\n"
	  "media holds 0\n" },
	{ "no media come any more: the relay ends, the call does not", .configs = relayed, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "media holds 0\n"
	  "media ended silent\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "two targets: ports of their own, and the one that is not taken gives them back, pitfall 18", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:team1@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150) "\n"
	  "munich < INVITE" LAN(30050) "\n"
	  "berlin > 183" ANNAS "\n"
	  "bob < 183" WAN(30100) "\n"
	  "munich > 183" CARLS "\n"
	  "bob < 183" WAN(30000) "\n"
	  "media holds 2\n"
	  "munich > 200" CARLS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "media holds 1\n"
	  "bob > ACK\n"
	  "munich < ACK\n"
	  "munich > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "media holds 0\n" },
	{ "two answer: each has its ports, and each BYE gives back its own", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:team1@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "munich < INVITE\n"
	  "munich > 180\n"
	  "bob < 180\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100) "\n"
	  "munich < CANCEL\n"
	  "munich > 200 INVITE" CARLS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "media holds 2\n"
	  "munich > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "media holds 1\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media holds 0\n" },
	{ "the pool is empty: 503 with Retry-After before anything rings, mission 146", .configs = narrow, .cast = cast, .script =
	  CALL
	  "bob > INVITE sip:anna@corp.example | Call-ID: second | From: <sip:bob@partner.example>;tag=2" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "bob > INVITE sip:anna@corp.example | Call-ID: third | From: <sip:bob@partner.example>;tag=3" BOBS "\n"
	  "bob < 503 | Retry-After: * | Warning: *channels-full*\n"
	  "bob > ACK\n"
	  "why channels-full\n"
	  "media holds 2\n"
	  "reload 1\n"
	  "bob > INVITE sip:anna@corp.example | Call-ID: fourth | From: <sip:bob@partner.example>;tag=4" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "media holds 3\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "no ports are left: 503 with Retry-After before anything rings, and nothing is kept, pitfall 22", .configs = relayed, .cast = cast, .script =
	  CALL
	  "media has no ports\n"
	  "bob > INVITE sip:anna@corp.example | Call-ID: second | From: <sip:bob@partner.example>;tag=2" BOBS "\n"
	  "bob < 503 | Retry-After: * | Warning: *no-media-ports*\n"
	  "bob > ACK\n"
	  "why no-media-ports\n"
	  "berlin > INVITE" TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$nm=video 5002 RTP/AVP 96$n\n" /* more of them: the call stays as it was */
	  "berlin < 503\n"
	  "berlin > ACK\n"
	  "media holds 1\n"
	  "media has ports\n"
	  "bob > INVITE sip:anna@corp.example | Call-ID: third | From: <sip:bob@partner.example>;tag=3" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "media holds 2\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n"
	  "media holds 1\n" },
	{ "the line is full, mission 151", .configs = slow, .cast = cast, .script =
	  CALL
	  "bob > INVITE sip:anna@corp.example | Call-ID: second | From: <sip:bob@partner.example>;tag=2" BOBS "\n"
	  "bob < 503 | Retry-After: *\n"
	  "bob > ACK\n"
	  "why bandwidth-full\n" },
	{ "RTP inside, SRTP outside, mission 228; media have addresses of their own", .configs = secured, .cast = cast, .script =
	  "berlin > INVITE sip:bob@partner.example" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE | body: *c=IN IP4 127.0.2.11\r*m=audio 30050 RTP/SAVP 0\r*a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*\n"
	  "bob > 200" TYPE HEAD("203.0.113.10") "m=audio 4000 RTP/SAVP 0$na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB$n\n"
	  "berlin < 200 | body: *c=IN IP4 127.0.1.3\r*m=audio 30000 RTP/AVP 0\r* | !body: *crypto*\n"
	  "berlin > ACK\n"
	  "bob < ACK\n" },
	{ "plain where SRTP is required", .configs = secured, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why srtp-required\n" },
	{ "calls go on over a reload that relays nothing, or other networks", .configs = relayed, .cast = cast, .script =
	  CALL
	  "reload 2\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30000) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200" LAN(30050) "\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n"
	  "bob > INVITE sip:anna@corp.example | Call-ID: second | From: <sip:bob@partner.example>;tag=2" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE | body: *c=IN IP4 203.0.113.10\r*\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "requests of a dialog come by another worker", .configs = relayed, .cast = cast, .script =
	  CALL
	  "bob@1 > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "bob@1 > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media", plays, COUNT(plays));
}
