/* Partners that read slowly, and a worker that has too much to do: a further connection where
 * it helps, NOTIFY shed first and what belongs to calls last, and nobody pays for another
 * (field.md pitfall 10). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(bob) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=tcp', listener: lan, probe: 0 }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, transport: mtls, probe: 0" bob " }\n" \
	"    - { domain: narrow.example, server: 203.0.113.11, transport: mtls, connections: 1, probe: 0 }\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: tcp, trustworthy: true, probe: 0 }\n" \
	"limits: { requests: 1000/s }\n"

static const char *const config[] = { HOUSE(""), HOUSE(", connections: 1"), NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "nina", "203.0.113.11:5061", "wan", "narrow.example", "sip:nina@narrow.example" },
	{ "dora", "203.0.113.20:5060", "wan-tcp", "", "sip:dora@plain.example" },
	{ 0 },
};

#define ALL config, NULL, cast

#define LARGE " | +Content-Type: text/plain | fill: 60000\n"
#define ASK(who, whom) who " > MESSAGE sip:anna@corp.example\n" whom " < MESSAGE\n" whom " > 200\n" who " < 200\n"
#define ASKS(who) "berlin > MESSAGE " who "\n"
#define NOTICE(who) "berlin > NOTIFY " who " | Event: presence | Subscription-State: active\n"
#define NINA "sip:nina@narrow.example"
#define BOB "sip:bob@partner.example"

/* Of munich, by the worker that berlin uses. */
#define CALL(uri, who) \
	"munich@0 > INVITE " uri "\n" "munich < 100\n" \
	who " < INVITE\n" who " > 200\n" "munich < 200\n" "munich@0 > ACK\n" who " < ACK\n"
#define TO_BOB ASKS(BOB) "bob < MESSAGE\n" "bob > 200\n" "berlin < 200\n"

static const struct play plays[] = {
	{ "the order: NOTIFY at a quarter of the room, MESSAGE at a half, new calls at three quarters, what belongs to calls last",
	  CALL(NINA, "nina")
	  "nina stalls\n"
	  "times 17 " "berlin > MESSAGE " NINA LARGE
	  NOTICE(NINA)
	  "berlin < nothing\n"
	  "berlin > MESSAGE " NINA LARGE
	  NOTICE(NINA)
	  "berlin < 503 | Retry-After: 10 | Warning: *send-queue-full*\n"
	  "why send-queue-full partner:narrow.example\n"
	  "because *reads slowly: no room for notifications\n"
	  "times 16 " "berlin > MESSAGE " NINA LARGE
	  "berlin < nothing\n"
	  "berlin > MESSAGE " NINA LARGE
	  "berlin < 503 | Retry-After: *\n"
	  "berlin > SUBSCRIBE " NINA " | Event: presence" " | fill: 60000\n"
	  "berlin < 503\n"
	  "because *no room for messages and subscriptions\n"
	  "times 18 " "berlin > INVITE " NINA LARGE
	  "times 18 berlin < 100\n"
	  "berlin < nothing\n"
	  "berlin > INVITE " NINA LARGE
	  "berlin < 503 | Warning: *send-queue-full*\n"
	  "berlin > ACK\n"
	  "because *no room for new calls\n"
	  "munich@0 > BYE\n"
	  "munich < nothing\n"
	  "nina has 1\n"
	  "nina reads\n"
	  "nina holds 54 54\n"
	  "nina skips\n"
	  "nina > 200 BYE\n"
	  "munich < 200\n", ALL },
	{ "one that does not read takes nothing of what others have",
	  "nina stalls always\n"
	  "times 40 " "berlin > MESSAGE " NINA LARGE
	  "berlin skips\n"
	  NOTICE(BOB)
	  "bob < NOTIFY\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  NOTICE(NINA)
	  "berlin < 503\n"
	  "nina reads\n"
	  "nina skips\n", ALL },
	{ "who reads again is served again",
	  "nina stalls always\n"
	  "times 40 " "berlin > MESSAGE " NINA LARGE
	  "berlin skips\n"
	  "nina reads\n"
	  "nina skips\n"
	  NOTICE(NINA)
	  "nina < NOTIFY\n"
	  "nina > 200\n"
	  "berlin < 200\n", ALL },
	{ "a further connection when the first is not read, and it ends when it is idle",
	  TO_BOB
	  "bob has 1\n"
	  "bob stalls\n"
	  "times 2 " "berlin > MESSAGE " BOB LARGE
	  "bob has 1\n"
	  TO_BOB
	  "bob has 2\n"
	  TO_BOB
	  "bob has 2\n"
	  "wait 50s\n"
	  "bob has 2\n"
	  "berlin skips\n"
	  "wait 11s\n"
	  "bob has 1\n"
	  "bob reads\n"
	  "bob skips\n", ALL },
	{ "no further one beside one that is read",
	  TO_BOB
	  "times 30 " "berlin > MESSAGE " BOB LARGE
	  "bob has 1\n"
	  "bob skips\n"
	  "everybody answers\n"
	  "berlin skips\n", ALL },
	{ "nor for a partner that may have one alone",
	  "nina stalls always\n"
	  "times 5 " "berlin > MESSAGE " NINA LARGE
	  "nina has 1\n"
	  "nina reads\n"
	  "nina skips\n"
	  "berlin skips\n", ALL },
	{ "one connection, whichever worker sends",
	  "berlin@0 > MESSAGE " NINA "\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "times 2 berlin < 200\n"
	  "nina has 1\n"
	  "munich@1 > INVITE " NINA "\n" "munich < 100\n"
	  "nina < INVITE\n" "nina > 180\n" "munich < 180\n"
	  "munich@1 > CANCEL\n" "munich < 200 CANCEL\n"
	  "nina < CANCEL\n" "nina > 200 CANCEL\n" "nina > 487 INVITE\n" "nina < ACK\n" "munich < 487\n" "munich@1 > ACK\n"
	  "nina has 1\n"
	  "nina closes\n" /* the other worker may make one now */
	  "berlin@1 > MESSAGE " NINA "\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "berlin < 200\n"
	  "berlin@0 > MESSAGE " NINA "\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "berlin < 200\n"
	  "nina has 1\n", ALL },
	{ "... it cannot be made: both hear why",
	  "nina hangs\n"
	  "berlin@0 > MESSAGE " NINA "\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "nina has 1\n"
	  "wait 6s\n"
	  "times 2 berlin < 100\n"
	  "times 2 berlin < 503 | Warning: *connect-timeout*\n"
	  "nina has 0\n"
	  "nina accepts\n"
	  "wait 40s\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "berlin < 200\n", ALL },
	{ "... it ends while both wait for answers: both hear of it, and each finds another",
	  "berlin@0 > MESSAGE " NINA "\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "times 2 nina < MESSAGE\n"
	  "nina closes\n"
	  "times 2 berlin < 503 | Warning: *connection-lost*\n"
	  "wait 40s\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "berlin@0 > MESSAGE " NINA "\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "times 2 berlin < 200\n"
	  "nina has 1\n", ALL },
	{ "... what it does not read, the other worker sheds as well",
	  "berlin@0 > MESSAGE " NINA "\n"
	  "berlin@1 > MESSAGE " NINA "\n"
	  "times 2 nina < MESSAGE\n"
	  "nina stalls\n"
	  "times 17 " "berlin@0 > MESSAGE " NINA LARGE
	  "berlin@1 > MESSAGE " NINA LARGE
	  "munich@1 > NOTIFY " NINA " | Event: presence | Subscription-State: active\n"
	  "munich < 503 | Retry-After: 10 | Warning: *send-queue-full*\n"
	  "berlin@1 > MESSAGE " NINA LARGE
	  "berlin < nothing\n"
	  "nina has 1\n"
	  "nina reads\n"
	  "nina holds 19 19\n"
	  "nina skips\n"
	  "everybody answers\n"
	  "berlin skips\n", ALL },
	{ "what belongs to a call stays behind what it sent before",
	  CALL(BOB, "bob")
	  "bob stalls\n"
	  "times 2 " "berlin > MESSAGE " BOB LARGE
	  TO_BOB
	  "bob has 2\n"
	  "munich@0 > INFO\n"
	  "bob < nothing\n"
	  "bob reads\n"
	  "bob holds 3 3\n"
	  "bob skips\n"
	  "bob > 200 INFO\n"
	  "munich < 200\n", ALL },
	{ "a reload that allows fewer: one takes no new requests, and ends when nobody needs it",
	  TO_BOB
	  "bob stalls\n"
	  "times 2 " "berlin > MESSAGE " BOB LARGE
	  TO_BOB
	  "bob has 2\n"
	  "reload 1\n"
	  "bob has 2\n"
	  TO_BOB
	  "bob reads\n"
	  "bob holds 2 2\n"
	  "bob < MESSAGE\n" "bob > 200\n" "berlin < 200\n"
	  "bob < MESSAGE\n" "bob > 200\n" "berlin < 200\n"
	  "wait 10s\n"
	  "bob has 1\n"
	  TO_BOB
	  "bob has 1\n", ALL },
	{ "a loaded worker sheds notifications first, and of who sends most messages too",
	  "times 3 bob > MESSAGE sip:anna@corp.example\n"
	  "everybody answers\n"
	  "bob skips\n"
	  "wait 1s\n"
	  "load 600ms\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: 10 | Warning: *shed-load*\n"
	  "why shed-load\n"
	  "because load 2 of 4: messages*\n"
	  ASK("dora", "berlin")
	  "dora > NOTIFY sip:anna@corp.example | Event: presence | Subscription-State: active\n"
	  "dora < 503\n"
	  "because load 2 of 4: notifications*\n"
	  TO_BOB
	  NOTICE(BOB)
	  "berlin < 503 | Retry-After: *\n"
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n"
	  "wait 2s\n"
	  ASK("bob", "berlin"), ALL },
	{ "... with hardly any time left new calls, but calls go on",
	  CALL(BOB, "bob")
	  "load 3000ms\n"
	  "berlin > INVITE " BOB "\n"
	  "berlin < 503\n"
	  "berlin > ACK\n"
	  "why shed-load\n"
	  "because load 4 of 4: new calls*\n"
	  "munich@0 > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "munich < 200\n", ALL },
};
/* clang-format on */

int main(void)
{
	return scenario_main("pressure", plays, COUNT(plays));
}
