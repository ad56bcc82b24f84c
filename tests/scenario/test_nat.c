/* A listener that advertises what STUN servers see: found, changed, lost; dialogs go on. The
 * answers come to the other worker where there are two. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define NAT_HOUSE(servers, route) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5060, transport: udp, advertise: stun }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"nat: { stun_servers: [" servers "], monitor: 15s }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0" route " }\n"

static const char *const nat_house[] = {
	NAT_HOUSE("stun.example, 203.0.113.54", ""),
	/* 1: a partner's STUN server is asked instead (mission 79) */
	NAT_HOUSE("stun.example, 203.0.113.54", ", stun_server: '203.0.113.54:3478'"),
	NULL,
};

static const struct role nat_cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "dora", "203.0.113.20:5060", "wan", "", "sip:dora@plain.example" },
	{ "one", "203.0.113.53:3478", "wan", "", "sip:one@stun.example" },
	{ "two", "203.0.113.54:3478", "wan", "", "sip:two@stun.example" },
	{ 0 },
};

#define PLAY(name, script) { name, script, nat_house, NULL, nat_cast }

#define FOUND \
	"dns stun.example A 203.0.113.53\n" \
	"one sees 198.51.100.7:5060\n" \
	"two sees 198.51.100.7:5060\n" \
	"wait 1s\n"

/* A message to the partner; its Via tells what is advertised. */
#define MESSAGE(via) \
	"berlin > MESSAGE sip:dora@plain.example\n" \
	"dora < MESSAGE | Via: SIP/2.0/UDP " via ";*\n" \
	"dora > 200\n" \
	"berlin < 200\n"

/* The partner calls with ICE; where its SDP wants the media. */
#define SDP_CALL(host) \
	"dora > INVITE sip:anna@corp.example | Content-Type: application/sdp |" \
	" body: v=0$no=- 1 1 IN IP4 192.168.1.5$ns=-$nc=IN IP4 " host "$nt=0 0$nm=audio 4000 RTP/AVP 0$n" \
	"a=candidate:1 1 UDP 2130706431 192.168.1.5 4000 typ host$n" \
	"a=candidate:2 1 UDP 1694498815 203.0.113.20 4000 typ srflx raddr 192.168.1.5 rport 4000$n\n" \
	"dora < 100\n" \
	"berlin < INVITE\n" \
	"berlin > 486\n" \
	"berlin < ACK\n" \
	"dora < 486\n" \
	"dora > ACK\n"

static const struct play plays[] = {
	PLAY("until a server has answered our own address stands there, then what it sees",
	  "one sees nothing\n"
	  "two sees nothing\n"
	  MESSAGE("127.0.2.10:5060")
	  FOUND
	  "wait 20s\n"
	  MESSAGE("198.51.100.7:5060")),
	PLAY("Via, Record-Route and Contact",
	  FOUND
	  "berlin > INVITE sip:dora@plain.example\n"
	  "berlin < 100\n"
	  "dora < INVITE | Via: SIP/2.0/UDP 198.51.100.7:5060;* | Record-Route: <sip:*@198.51.100.7:5060;lr>\n"
	  "dora > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "dora < ACK | Via: SIP/2.0/UDP 198.51.100.7:5060;*\n"
	  "dora > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "dora > OPTIONS sip:198.51.100.7:5060\n"
	  "dora < 200 | Contact: <sip:198.51.100.7:5060>\n"),
	PLAY("another public address: new requests name it within an interval, a call under the old one goes on",
	  FOUND
	  "berlin > INVITE sip:dora@plain.example\n"
	  "berlin < 100\n"
	  "dora < INVITE\n"
	  "dora > 180\n"
	  "berlin < 180\n"
	  "one sees 198.51.100.99:6000\n"
	  "two sees 198.51.100.99:6000\n"
	  "wait 16s\n"
	  "dora > 200 INVITE\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "dora < ACK | Via: SIP/2.0/UDP 198.51.100.99:6000;*\n"
	  "dora > INFO | Route: <sip:$token@198.51.100.7:5060;lr>\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "dora > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  MESSAGE("198.51.100.99:6000")),
	PLAY("no server answers any more: what was known stands",
	  FOUND
	  MESSAGE("198.51.100.7:5060")
	  "one sees nothing\n"
	  "two sees nothing\n"
	  "wait 60s\n"
	  MESSAGE("198.51.100.7:5060")
	  "two sees 198.51.100.7:5060\n"
	  "wait 60s\n"
	  MESSAGE("198.51.100.7:5060")),
	PLAY("the first server is silent: the second one is asked",
	  "dns stun.example A 203.0.113.53\n"
	  "one sees nothing\n"
	  "two sees 198.51.100.8:5060\n"
	  "wait 6s\n"
	  MESSAGE("198.51.100.8:5060")),
	PLAY("a name that cannot be resolved: the others are asked",
	  "dns stun.example A fails\n"
	  "two sees 198.51.100.8:5060\n"
	  "wait 6s\n"
	  MESSAGE("198.51.100.8:5060")),
	PLAY("a partner's STUN server is asked instead of ours, mission 79",
	  FOUND
	  "two sees 198.51.100.8:5060\n"
	  MESSAGE("198.51.100.7:5060")
	  "reload 1\n"
	  "wait 1s\n"
	  MESSAGE("198.51.100.8:5060")),
	PLAY("a reload keeps what is known",
	  FOUND
	  "one sees nothing\n"
	  "two sees nothing\n"
	  "reload 0\n"
	  MESSAGE("198.51.100.7:5060")),
	PLAY("a router that rewrites the Via and leaves the Contact",
	  FOUND
	  "dora > MESSAGE sip:anna@corp.example | Contact: <sip:dora@203.0.113.20:5060>\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "acquit partner:plain.example\n"
	  "dora > INVITE sip:anna@corp.example | Contact: <sip:dora@192.168.1.20:5060>\n"
	  "dora < 100\n"
	  "suspect partner:plain.example\n"
	  "berlin < INVITE\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n"),
	PLAY("a router that writes received into the sender's Via",
	  FOUND
	  "dora > MESSAGE sip:anna@corp.example | Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKalg;received=203.0.113.20;rport=5060\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "suspect partner:plain.example\n"
	  "acquit backend:berlin\n"),
	PLAY("an answer from outside that saw us at a private address, to whichever worker it comes",
	  FOUND
	  "berlin@0 > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora@0 > 200 | Via: $via0;received=203.0.113.99 | +Via: $via1\n"
	  "berlin < 200\n"
	  "acquit listener:wan\n"
	  "berlin@0 > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora@0 > 200 | Via: $via0;received=10.0.0.1 | +Via: $via1\n"
	  "berlin < 200\n"
	  "suspect listener:wan\n"
	  "acquit partner:plain.example\n"
	  "berlin@0 > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora@1 > 200 | Via: $via0;received=203.0.113.99 | +Via: $via1\n"
	  "berlin < 200\n"
	  "acquit listener:wan\n"
	  "berlin@0 > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora@1 > 200 | Via: $via0;received=10.0.0.1 | +Via: $via1\n"
	  "berlin < 200\n"
	  "suspect listener:wan\n"),
	PLAY("a router that rewrites the address in SDP and leaves its candidates",
	  FOUND
	  SDP_CALL("203.0.113.20")
	  "acquit partner:plain.example\n"
	  SDP_CALL("198.51.100.99")
	  "suspect partner:plain.example\n"),
	PLAY("a router that makes addresses in SDP longer and leaves Content-Length",
	  FOUND
	  "dora > INVITE sip:anna@corp.example | Content-Type: application/sdp | Content-Length: 88 |"
	  " body: v=0$no=- 1 1 IN IP4 203.0.113.20$ns=-$nc=IN IP4 203.0.113.20$nt=0 0$nm=audio 40000 RTP/AVP 0$n\n"
	  "dora < 100\n"
	  "suspect partner:plain.example\n"
	  "berlin < INVITE\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n"),
	PLAY("an answer to nothing of ours says nothing of our router",
	  FOUND
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 200 | Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKnobodys;received=10.0.0.1\n"
	  "acquit listener:wan\n"
	  "dora > 200\n"
	  "berlin < 200\n"),
	PLAY("who is not asked is not heard",
	  FOUND
	  "dora sees 192.0.2.66:1\n"
	  "wait 60s\n"
	  MESSAGE("198.51.100.7:5060")),
};
/* clang-format on */

int main(void)
{
	return scenario_main("nat", plays, COUNT(plays));
}
