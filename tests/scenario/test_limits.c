/* `limits:` (mission 87): what one source or partner may do; refusal with Retry-After, then
 * silence. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CONFIG(limits) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: sip.partner.example, transport: mtls, port: 5061, probe: 0 }\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true,\n" \
	"        probe: 0 }\n" \
	"limits: { " limits " }\n"

static const char *const five_a_second[] = { CONFIG("requests: 5/s"), CONFIG("requests: 50/s"), NULL };
static const char *const few_transactions[] = { CONFIG("transactions: 6"), NULL };
static const char *const small_messages[] = { CONFIG("message_size: 4KB"), NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ "mallory", "203.0.113.67:5060", "wan-udp", "", "sip:mallory@nowhere.example" },
	{ 0 },
};

#define ASK \
	"bob > MESSAGE sip:anna@corp.example\n" \
	"berlin < MESSAGE\n" \
	"berlin > 200\n" \
	"bob < 200\n"
#define ASK_5 ASK ASK ASK ASK ASK
#define FAR LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct play plays[] = {
	{ "over the rate: 503 with Retry-After",
	  ASK_5
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: 1\n"
	  "berlin < nothing\n"
	  "why rate-limited\n"
	  "wait 1s\n"
	  ASK,
	  five_a_second, NULL, cast },
	{ "... then silence",
	  ASK_5
	  "times 20 bob > MESSAGE sip:anna@corp.example\n"
	  "bob skips\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < nothing\n"
	  "wait 11s\n"
	  ASK,
	  five_a_second, NULL, cast },
	{ "each is charged alone",
	  ASK_5
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n",
	  five_a_second, NULL, cast },
	{ "our own servers are not charged",
	  "times 20 berlin > MESSAGE sip:nobody@elsewhere.example\n"
	  "berlin < 404\n"
	  "berlin skips\n"
	  "berlin > MESSAGE sip:nobody@elsewhere.example\n"
	  "berlin < 404\n",
	  five_a_second, NULL, cast },
	{ "strangers are charged by their address",
	  "times 5 mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory < 403\n"
	  "mallory < 403\n"
	  "mallory < 403\n"
	  "mallory < 403\n"
	  "mallory < 403\n"
	  "mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory < 503 | Retry-After: * | !Warning\n"
	  "times 30 mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory skips\n"
	  "mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory < nothing\n"
	  ASK,
	  five_a_second, NULL, cast },
	{ "whoever writes another's address does not use up its rate",
	  "mallory is sip:bob@partner.example\n"
	  "times 30 mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory skips\n"
	  ASK,
	  five_a_second, NULL, cast },
	{ "what repeats is not charged again",
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "times 20 dora > again\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "times 20 dora > again\n"
	  "dora skips\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n",
	  five_a_second, NULL, cast },
	{ "an ACK is not charged: what was welcome may end",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "times 10 bob > OPTIONS sip:corp.example | Call-ID: $callid\n"
	  "bob skips\n",
	  five_a_second, NULL, cast },
	{ "a reload changes the rate, and what was used stays",
	  ASK_5
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "reload 1\n"
	  "wait 100ms\n"
	  ASK
	  ASK
	  ASK,
	  five_a_second, NULL, cast },
	{ "too many transactions: half of all for one partner",
	  "times 3 bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin < MESSAGE\n"
	  "berlin < MESSAGE\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why too-many-transactions\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "wait 40s\n"
	  "bob skips\n"
	  ASK,
	  few_transactions, NULL, cast },
	{ "a message over the bound",
	  "dora > MESSAGE sip:anna@corp.example | body: " LONG LONG LONG LONG LONG LONG LONG LONG LONG FAR FAR LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG "\n"
	  "dora skips\n"
	  "berlin < nothing\n"
	  "dora > MESSAGE sip:anna@corp.example | body: " LONG "\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n",
	  small_messages, NULL, cast },
};
/* clang-format on */

int main(void)
{
	return scenario_main("limits", plays, COUNT(plays));
}
