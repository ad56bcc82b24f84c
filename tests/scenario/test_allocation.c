/* What partners and backends say, with the n-th allocation failing. */
#include "proxy/base/macros.h"
#include "tests/scenario/allocation.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const char *const following[] = {
	HOUSE_OF_BACKENDS
	"    - { domain: old.example, server: 203.0.113.66, port: 5061, identity: [evil.example], probe: 0, redirect: follow }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n",
	NULL,
};

static const char *const relaying[] = {
	HOUSE_OF_BACKENDS
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n"
	"media: { relay: [wan], srtp: { wan: require } }\n",
	NULL,
};

static const char *const behind[] = {
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5060, transport: udp, advertise: stun }\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"tls: { trust: [ca.pem] }\n"
	"realm: corp.example\n"
	"nat: { stun_servers: [203.0.113.53], monitor: 15s }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n"
	"partners:\n"
	"  routes:\n"
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0 }\n"
	"media: { relay: [wan] }\n",
	NULL,
};

static const struct role behind_cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "dora", "203.0.113.20:5060", "wan", "", "sip:dora@plain.example" },
	{ "stun", "203.0.113.53:3478", "wan", "", "sip:one@stun.example" },
	{ 0 },
};

static const char *const narrow[] = {
	HOUSE_OF_BACKENDS
	"    - { domain: one.example, server: 203.0.113.11, port: 5061, transport: mtls, connections: 1, probe: 0 }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n",
	NULL,
};

static const struct role narrow_cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "nina", "203.0.113.11:5061", "wan", "one.example", "sip:nina@one.example" },
	{ 0 },
};

#define SDP(rest) " | Content-Type: application/sdp | body: v=0$no=- 1 1 IN IP4 10.0.1.1$ns=-$nc=IN IP4 10.0.1.1$nt=0 0$nm=audio 5000 " rest "$n"
#define SECURE "RTP/SAVP 0$na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"

static const struct play plays[] = {
	{ "a relayed call, and another offer in it",
	  "media falls silent\n" /* what the one before could not end */
	  "bob > INVITE sip:anna@corp.example" SDP(SECURE) "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 183" SDP(SECURE) "\n"
	  "bob < 183\n"
	  "berlin > 200" SDP(SECURE) "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > INVITE" SDP(SECURE "$nm=video 5002 RTP/AVP 96") "\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 200" SDP(SECURE "$nm=video 0 RTP/AVP 96") "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n",
	  relaying, NULL, house_cast },
	{ "a relayed call that is taken up after silence",
	  "media falls silent\n"
	  "bob > INVITE sip:anna@corp.example" SDP(SECURE) "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200" SDP(SECURE) "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "media holds 0\n"
	  "berlin > INVITE" SDP(SECURE) "\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 200" SDP(SECURE) "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "media holds 1\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n",
	  relaying, NULL, house_cast },
	{ "a late offer that waits for its ports",
	  "media falls silent\n"
	  "stun sees 198.51.100.7:5060\n"
	  "wait 15s\n"
	  "dora > INVITE sip:anna@corp.example\n"
	  "dora < 100\n"
	  "berlin < INVITE\n"
	  "media seen at 198.51.100.7 +1000\n"
	  "berlin > 183 | Require: 100rel | RSeq: 1" SDP("RTP/AVP 0$nm=video 5002 RTP/AVP 96") "\n"
	  "berlin > 180\n"
	  "media seen at 198.51.100.7 +2000\n"
	  "dora < 183\n"
	  "dora < 180\n"
	  "berlin > 486 INVITE\n"
	  "berlin < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n"
	  "media holds 0\n",
	  behind, NULL, behind_cast },
	{ "redirects are followed",
	  "berlin > INVITE sip:eve@old.example\n"
	  "berlin < 100\n"
	  "eve < INVITE\n"
	  "eve > 302 | Contact: <sip:bob@partner.example>;q=0.5, <sip:sven@corp.example>;q=0.4, <tel:+4989>\n"
	  "eve < ACK\n"
	  "bob < INVITE\n"
	  "bob > 486\n"
	  "bob < ACK\n"
	  "munich < INVITE\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n",
	  following, NULL, house_cast },
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
	{ "one connection for two workers, before it is open and afterwards",
	  "nina closes\n"
	  "nina hangs\n"
	  "berlin@0 > MESSAGE sip:nina@one.example\n"
	  "berlin@1 > MESSAGE sip:nina@one.example\n"
	  "wait 6s\n"
	  "berlin skips\n"
	  "nina accepts\n"
	  "wait 40s\n"
	  "berlin@0 > MESSAGE sip:nina@one.example\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "berlin < 200\n"
	  "berlin@1 > MESSAGE sip:nina@one.example\n"
	  "nina < MESSAGE\n"
	  "nina > 200\n"
	  "berlin < 200\n"
	  "wait 1m\n",
	  narrow, NULL, narrow_cast },
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

int main(void)
{
	return allocation_main("allocation", plays, COUNT(plays));
}
