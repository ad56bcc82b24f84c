/* RFC 3263 §4.3, RFC 2782, field.md pitfalls 1, 3, 4: the next server, when, and what is
 * remembered. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
/* Two servers by mtls, one with a name without a port. */
static const char *const configs[] = {
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n"
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n"
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"certificates:\n"
	"  edge: { chain: edge.pem, key: edge.key }\n"
	"tls: { trust: [ca.pem] }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n"
	"partners:\n"
	"  routes:\n"
	"    - domain: pair.example\n"
	"      identity: [sip.pair.example]\n"
	"      probe: 0\n"
	"      servers:\n"
	"        - { host: 203.0.113.51, port: 5061, transport: mtls, priority: 1, weight: 1 }\n"
	"        - { host: 203.0.113.52, port: 5061, transport: mtls, priority: 2, weight: 1 }\n"
	"    - domain: weighted.example\n"
	"      trustworthy: true\n"
	"      probe: 0\n"
	"      servers:\n"
	"        - { host: 203.0.113.56, port: 5060, transport: tcp, priority: 1, weight: 70 }\n"
	"        - { host: 203.0.113.57, port: 5060, transport: tcp, priority: 1, weight: 30 }\n"
	"    - { domain: named.example, server: sip.named.example, transport: mtls, probe: 0 }\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "one", "203.0.113.51:5061", "wan", "sip.pair.example", "sip:one@pair.example" },
	{ "two", "203.0.113.52:5061", "wan", "pair.example", "sip:two@pair.example" },
	{ "srv", "203.0.113.55:5071", "wan", "sip.named.example", "sip:srv@named.example" },
	{ "heavy", "203.0.113.56:5060", "wan-tcp", "", "sip:heavy@weighted.example" },
	{ "light", "203.0.113.57:5060", "wan-tcp", "", "sip:light@weighted.example" },
	{ "plain", "203.0.113.55:5061", "wan", "named.example", "sip:plain@named.example" },
	{ 0 },
};

#define HERE configs, NULL, cast

#define ASK "berlin > MESSAGE sip:x@many.example\n"
#define MOE \
	"moe < MESSAGE\n" \
	"moe > 200\n" \
	"berlin < 200\n"
#define MARY \
	"mary < MESSAGE\n" \
	"mary > 200\n" \
	"berlin < 200\n"

static const struct play plays[] = {
	{ "the first by priority, RFC 2782",
	  ASK
	  MARY
	  ASK
	  MARY },
	{ "the connection is refused",
	  "mary refuses\n"
	  ASK
	  MOE },
	{ "the connection hangs: no longer than 8*T1",
	  "mary hangs\n"
	  ASK
	  "wait 3999ms\n"
	  "berlin < 100\n"
	  "moe < nothing\n"
	  "wait 1ms\n"
	  MOE },
	{ "no answer: no longer than 8*T1",
	  ASK
	  "mary < MESSAGE\n"
	  "wait 3999ms\n"
	  "berlin < 100\n"
	  "moe < nothing\n"
	  "wait 1ms\n"
	  MOE
	  "mary > 200\n"
	  "berlin < nothing\n" },
	{ "a provisional is an answer",
	  "berlin > INVITE sip:x@many.example\n"
	  "berlin < 100\n"
	  "mary < INVITE\n"
	  "mary > 100\n"
	  "wait 60s\n"
	  "moe < nothing\n"
	  "mary > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "mary < ACK\n" },
	{ "503",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 503\n"
	  MOE },
	{ "503 to an INVITE gets its ACK from the same branch",
	  "berlin > INVITE sip:x@many.example\n"
	  "berlin < 100\n"
	  "mary < INVITE\n"
	  "mary > 503\n"
	  "mary < ACK\n"
	  "moe < INVITE\n"
	  "moe > 486\n"
	  "moe < ACK\n"
	  "berlin < 486\n"
	  "berlin > ACK\n" },
	{ "503 of both",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 503\n"
	  "moe < MESSAGE\n"
	  "moe > 503\n"
	  "berlin < 500\n"
	  "why next-hop-503\n" },
	{ "503 with Retry-After: that long it is left alone",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 503 | Retry-After: 60\n"
	  MOE
	  "wait 30s\n"
	  ASK
	  MOE
	  "wait 31s\n"
	  ASK
	  MARY
	  ASK
	  MARY },
	{ "503 without it: the next request asks again",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 503\n"
	  MOE
	  ASK
	  MARY },
	{ "a Retry-After of a year is not believed",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 503 | Retry-After: 31536000\n"
	  MOE
	  "wait 11m\n"
	  ASK
	  MARY },
	{ "other refusals are answers",
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 500\n"
	  "berlin < 500\n"
	  "moe < nothing\n"
	  ASK
	  "mary < MESSAGE\n"
	  "mary > 404\n"
	  "berlin < 404\n" },
	{ "the connection breaks while it is asked",
	  ASK
	  "mary < MESSAGE\n"
	  "mary closes\n"
	  MOE },
	{ "it is remembered, then tried again: half-open",
	  "mary refuses\n"
	  ASK
	  MOE
	  ASK
	  MOE
	  "mary accepts\n"
	  ASK
	  MOE
	  "wait 2s\n"
	  ASK
	  MARY
	  ASK
	  MARY },
	{ "only one request tries",
	  "mary refuses\n"
	  ASK
	  MOE
	  "mary hangs\n"
	  "wait 2s\n"
	  "berlin > MESSAGE sip:1@many.example\n"
	  "moe < nothing\n"
	  "berlin > MESSAGE sip:2@many.example\n"
	  "moe < MESSAGE sip:2@many.example\n"
	  "moe > 200\n"
	  "berlin < 200\n"
	  "wait 4s\n"
	  "berlin < 100\n"
	  "moe < MESSAGE sip:1@many.example\n"
	  "moe > 200\n"
	  "berlin < 200\n" },
	{ "the pause grows: 2 s, 4 s",
	  "mary refuses\n"
	  ASK
	  MOE
	  "wait 2s\n"
	  ASK
	  MOE
	  "mary accepts\n"
	  "wait 3s\n"
	  ASK
	  MOE
	  "wait 1s\n"
	  ASK
	  MARY },
	{ "all are down",
	  "mary refuses\n"
	  "moe refuses\n"
	  ASK
	  "berlin < 503\n"
	  "why connect-refused\n"
	  ASK
	  "berlin < 503\n"
	  "why all-servers-down\n"
	  "moe accepts\n"
	  "wait 2s\n"
	  ASK
	  MOE },
	{ "CANCEL follows the branch",
	  "mary refuses\n"
	  "berlin > INVITE sip:x@many.example\n"
	  "berlin < 100\n"
	  "moe < INVITE\n"
	  "moe > 180\n"
	  "berlin < 180\n"
	  "mary accepts\n"
	  "wait 3s\n"
	  "berlin > CANCEL\n"
	  "berlin < 200 CANCEL\n"
	  "moe < CANCEL\n"
	  "moe > 200 CANCEL\n"
	  "moe > 487 INVITE\n"
	  "moe < ACK\n"
	  "berlin < 487\n"
	  "berlin > ACK\n"
	  "mary < nothing\n" },
	{ "who cancels needs no other server",
	  "berlin > INVITE sip:x@many.example\n"
	  "berlin < 100\n"
	  "mary < INVITE\n"
	  "mary > 180\n"
	  "berlin < 180\n"
	  "berlin > CANCEL\n"
	  "berlin < 200 CANCEL\n"
	  "mary < CANCEL\n"
	  "mary > 200 CANCEL\n"
	  "mary > 503 INVITE\n"
	  "mary < ACK\n"
	  "berlin skips\n"
	  "moe < nothing\n" },
	/* Five standard deviations around 280 and 120. */
	{ "weights, RFC 2782",
	  "times 400 berlin > MESSAGE sip:x@weighted.example\n"
	  "heavy holds 234 326\n"
	  "light holds 74 166\n"
	  "heavy skips\n"
	  "light skips\n",
	  HERE },
	{ "weights: one of them is down",
	  "heavy refuses\n"
	  "times 20 berlin > MESSAGE sip:x@weighted.example\n"
	  "light holds 20 20\n"
	  "light skips\n",
	  HERE },
	{ "a TLS failure",
	  "one fails tls-expired\n"
	  "berlin > MESSAGE sip:x@pair.example\n"
	  "two < MESSAGE\n"
	  "two > 200\n"
	  "berlin < 200\n",
	  HERE },
	{ "both fail, and the last reason is told",
	  "one fails tls-expired\n"
	  "two fails tls-unknown-ca\n"
	  "berlin > MESSAGE sip:x@pair.example\n"
	  "berlin < 503\n"
	  "why tls-unknown-ca\n",
	  HERE },
	{ "a name without a port: SRV, RFC 3263 §4.2",
	  "dns _sips._tcp.sip.named.example SRV 1 1 5071 host.named.example\n"
	  "dns host.named.example A 203.0.113.55\n"
	  "berlin > MESSAGE sip:x@named.example\n"
	  "srv < MESSAGE\n"
	  "srv > 200\n"
	  "berlin < 200\n",
	  HERE },
	{ "... and without SRV the transport's port",
	  "dns sip.named.example A 203.0.113.55\n"
	  "berlin > MESSAGE sip:x@named.example\n"
	  "plain < MESSAGE\n"
	  "plain > 200\n"
	  "berlin < 200\n",
	  HERE },
	{ "no such name",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 503\n"
	  "why dns-no-address\n" },
	{ "the resolver fails",
	  "dns sip.partner.example A fails\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 503\n"
	  "why dns-failed\n" },
	{ "the resolver does not answer: one budget for all, field.md pitfall 1",
	  "dns sip.partner.example A hangs\n"
	  "dns sip.partner.example AAAA hangs\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "wait 3999ms\n"
	  "berlin < 100\n"
	  "berlin < nothing\n"
	  "wait 1ms\n"
	  "berlin < 503\n"
	  "why dns-timeout\n" },
	{ "a name with two addresses, one of them dead",
	  "dns sip.partner.example A 203.0.113.11\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "DNS leads to somebody else: the certificate tells",
	  "dns sip.partner.example A 203.0.113.66\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 503\n"
	  "eve < nothing\n"
	  "why tls-name-mismatch\n" },
	{ "a backend is down",
	  "berlin refuses\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Warning: 399 * \"*connect-refused\"\n"
	  "why connect-refused backend:berlin\n" },
	{ "of two homes one is down",
	  "berlin refuses\n"
	  "bob > MESSAGE sip:team1@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "bob < 200\n" },
	{ "of two homes one is down, the other one refuses",
	  "berlin refuses\n"
	  "bob > MESSAGE sip:team1@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 486\n"
	  "bob < 486\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("failover", plays, COUNT(plays));
}
