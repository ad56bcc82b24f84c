/* Relayed calls of a network behind a router (advertise: stun): how STUN servers see each media
 * port stands in the SDP (mission 127, 128), and nothing goes out before they have answered, or
 * their time is over. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(advertise) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5060, transport: udp, advertise: " advertise " }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"nat: { stun_servers: [203.0.113.53], monitor: 15s }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0 }\n" \
	"media: { relay: [wan], on_timeout: bye }\n"

static const char *const behind[] = { HOUSE("stun"), NULL };
static const char *const open[] = { HOUSE("198.51.100.7"), NULL };

static const char *const searching[] = {
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5060, transport: udp, advertise: stun }\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"tls: { trust: [ca.pem] }\n"
	"realm: corp.example\n"
	"nat: { stun_servers: [203.0.113.53], monitor: 15s }\n"
	"placement: search\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0 }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=tcp', listener: lan, probe: 0 }\n"
	"partners:\n"
	"  routes:\n"
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0 }\n"
	"media: { relay: [wan] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan", "", "sip:carl@corp.example" },
	{ "dora", "203.0.113.20:5060", "wan", "", "sip:dora@plain.example" },
	{ "stun", "203.0.113.53:3478", "wan", "", "sip:one@stun.example" },
	{ 0 },
};

#define TYPE      " | Content-Type: application/sdp | body: "
#define HEAD(a)   "v=0$no=- 1 1 IN IP4 " a "$ns=-$nc=IN IP4 " a "$nt=0 0$n"
#define DORAS     TYPE HEAD("203.0.113.20") "m=audio 4000 RTP/AVP 0$n"
#define ANNAS     TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$n"
#define ANNAS_TWO TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$nm=video 5002 RTP/AVP 96$n"
#define DORAS_TWO TYPE HEAD("203.0.113.20") "m=audio 4000 RTP/AVP 0$nm=video 4002 RTP/AVP 96$n"
#define FOUND     "stun sees 198.51.100.7:5060\nwait 1s\n"
/* The router makes 31xxx of the relay's 30xxx, and RTCP's is not the next one. */
#define SEEN      "media seen at 198.51.100.7 +1000\n"
#define WAN(port, rtcp) " | body: *c=IN IP4 198.51.100.7\r*m=audio " #port " RTP/AVP 0\r*a=rtcp:" #rtcp "\r*"
#define LAN(port) " | body: *c=IN IP4 127.0.1.2\r*m=audio " #port " RTP/AVP 0\r*"

#define OUT \
	FOUND \
	"berlin > INVITE sip:dora@plain.example" ANNAS "\n" \
	"berlin < 100\n" \
	"dora < nothing\n" \
	SEEN \
	"dora < INVITE" WAN(31050, 31053) "\n" \
	"dora > 200" DORAS "\n" \
	"berlin < 200" LAN(30000) "\n" \
	"berlin > ACK\n" \
	"dora < ACK\n"

/* From the outside without SDP: so far the ports of one m-line are known. */
#define LATE \
	FOUND \
	"dora > INVITE sip:anna@corp.example\n" \
	"dora < 100\n" \
	"berlin < INVITE | !Content-Type\n" \
	SEEN
/* berlin is silent for so long that munich is asked. */
#define SILENT \
	LATE \
	"wait 4s\n" \
	"munich < INVITE | !Content-Type\n" \
	"munich > 180\n" \
	"dora < 180\n" \
	SEEN
#define SEEN_MORE "media seen at 198.51.100.7 +2000\n"
#define WAN_TWO   " | body: *m=audio 31000 *a=rtcp:31003\r*m=video 32002 *a=rtcp:32005\r*"

static const struct play plays[] = {
	{ "to the outside: the outer port of RTP and of RTCP", .configs = behind, .cast = cast, .script =
	  OUT
	  "media holds 1\n"
	  "dora > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "media holds 0\n" },
	{ "from the outside: the answer has it, as it was asked before anything rang", .configs = behind, .cast = cast, .script =
	  FOUND
	  "dora > INVITE sip:anna@corp.example" DORAS "\n"
	  "dora < 100\n"
	  "berlin < nothing\n"
	  SEEN
	  "berlin < INVITE" LAN(30050) "\n"
	  "berlin > 200" ANNAS "\n"
	  "dora < 200" WAN(31000, 31003) "\n"
	  "dora > ACK\n"
	  "berlin < ACK\n" },
	{ "a network with an address of its own asks nobody", .configs = open, .cast = cast, .script =
	  "berlin > INVITE sip:dora@plain.example" ANNAS "\n"
	  "berlin < 100\n"
	  "dora < INVITE | body: *c=IN IP4 198.51.100.7\r*m=audio 30050 *\n"
	  "dora > 486\n"
	  "dora < ACK\n"
	  "berlin < 486\n"
	  "berlin > ACK\n" },
	{ "nobody answers: the address as it is known, with our own port", .configs = behind, .cast = cast, .script =
	  FOUND
	  "berlin > INVITE sip:dora@plain.example" ANNAS "\n"
	  "berlin < 100\n"
	  "dora < nothing\n"
	  "media seen at nothing\n"
	  "dora < INVITE | body: *c=IN IP4 198.51.100.7\r*m=audio 30050 *\n"
	  "dora > 486\n"
	  "dora < ACK\n"
	  "berlin < 486\n"
	  "berlin > ACK\n"
	  "media holds 0\n" },
	{ "a re-INVITE says the same, and asks nobody", .configs = behind, .cast = cast, .script =
	  OUT
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "dora < INVITE" WAN(31050, 31053) "\n"
	  "dora > 200" DORAS "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "dora < ACK\n" },
	{ "another stream waits for its own ports, the first one keeps its", .configs = behind, .cast = cast, .script =
	  OUT
	  "berlin > INVITE" ANNAS_TWO "\n"
	  "berlin < 100\n"
	  "dora < nothing\n"
	  "media seen at 198.51.100.7 +2000\n"
	  "dora < INVITE | body: *m=audio 31050 *m=video 32052 *a=rtcp:32055\r*\n"
	  "dora > 200" DORAS_TWO "\n"
	  "berlin < 200 | body: *m=audio 30000 *m=video 30002 *\n"
	  "berlin > ACK\n"
	  "dora < ACK\n" },
	{ "a re-INVITE of the other side, from whichever worker", .configs = behind, .cast = cast, .script =
	  OUT
	  "dora@1 > INVITE" DORAS_TWO "\n"
	  "dora < 100\n"
	  "berlin < nothing\n"
	  "media seen at 198.51.100.7 +2000\n"
	  "berlin < INVITE | body: *m=audio 30000 *m=video 30002 *\n"
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora < 200 | body: *m=audio 31050 *m=video 32052 *\n"
	  "dora > ACK\n"
	  "berlin < ACK\n" },
	{ "cancelled while it waits", .configs = behind, .cast = cast, .script =
	  FOUND
	  "berlin > INVITE sip:dora@plain.example" ANNAS "\n"
	  "berlin < 100\n"
	  "media holds 1\n"
	  "berlin > CANCEL\n"
	  "berlin < 487 INVITE\n"
	  "berlin < 200 CANCEL\n"
	  "berlin > ACK\n"
	  "media holds 0\n"
	  SEEN
	  "wait 2s\n" },
	{ "what media workers said was lost: it goes after two seconds", .configs = behind, .cast = cast, .script =
	  FOUND
	  "berlin > INVITE sip:dora@plain.example" ANNAS "\n"
	  "berlin < 100\n"
	  "wait 1700ms\n"
	  "dora < nothing\n"
	  "wait 200ms\n"
	  "dora < INVITE | body: *c=IN IP4 198.51.100.7\r*m=audio 30050 *\n"
	  "dora > 486\n"
	  "dora < ACK\n"
	  "berlin < 486\n"
	  "berlin > ACK\n" },
	{ "a late offer: nothing to wait for, and then the ports are known", .configs = behind, .cast = cast, .script =
	  FOUND
	  "dora > INVITE sip:anna@corp.example\n"
	  "dora < 100\n"
	  "berlin < INVITE | !Content-Type\n"
	  SEEN
	  "berlin > 200" ANNAS "\n"
	  "dora < 200" WAN(31000, 31003) "\n"
	  "dora > ACK" DORAS "\n"
	  "berlin < ACK" LAN(30050) "\n" },
	{ "a late offer of several m-lines: the answer waits until their ports are known, RFC 3264 §5", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "berlin > again\n"
	  "dora < nothing\n"
	  SEEN_MORE
	  "dora < 200" WAN_TWO "\n"
	  "dora < 200" WAN_TWO "\n"
	  "dora > ACK" DORAS_TWO "\n"
	  "berlin < ACK | body: *m=audio 30050 *m=video 30052 *\n"
	  "berlin > again\n"
	  "dora < 200" WAN_TWO "\n" },
	{ "in a reliable 183, and what comes behind it stays behind it, RFC 3262 §5", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 183 | Require: 100rel | RSeq: 1" ANNAS_TWO "\n"
	  "berlin > 180\n"
	  "dora < nothing\n"
	  SEEN_MORE
	  "dora < 183 | RSeq: 1" WAN_TWO "\n"
	  "dora < 180\n"
	  "dora > PRACK" DORAS_TWO "\n"
	  "berlin < PRACK | body: *m=audio 30050 *m=video 30052 *\n"
	  "berlin > 200 PRACK\n"
	  "dora < 200 PRACK\n"
	  "berlin > 200 INVITE\n"
	  "dora < 200 INVITE\n" },
	{ "nobody answers: it goes with the numbers that are known", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora < nothing\n"
	  "media seen at nothing\n"
	  "dora < 200 | body: *m=audio 31000 *m=video 30002 *\n" },
	{ "what media workers said was lost: it goes after two seconds", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "wait 1900ms\n"
	  "dora < nothing\n"
	  "wait 200ms\n"
	  "dora < 200 | body: *m=audio 31000 *m=video 30002 *\n" },
	{ "a refusal waits for nothing, and what waits goes with it", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 183 | Require: 100rel | RSeq: 1" ANNAS_TWO "\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n"
	  "media holds 0\n"
	  "wait 3s\n"
	  "dora < nothing\n" },
	{ "cancelled while a 183 waits", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 183 | Require: 100rel | RSeq: 1" ANNAS_TWO "\n"
	  "dora < nothing\n"
	  "dora > CANCEL\n"
	  "dora < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "dora < 487\n"
	  "dora > ACK\n"
	  "media holds 0\n"
	  "wait 3s\n"
	  "dora < nothing\n" },
	{ "cancelled while a 200 waits: too late, RFC 3261 §9.1", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora > CANCEL\n"
	  "dora < 200 CANCEL\n"
	  "berlin < nothing\n"
	  SEEN_MORE
	  "dora < 200 INVITE" WAN_TWO "\n"
	  "dora > ACK" DORAS_TWO "\n"
	  "berlin < ACK\n" },
	{ "more repeats than are kept", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "times 20 berlin > again\n"
	  "dora < nothing\n"
	  SEEN_MORE
	  "dora holds 8 8\n"
	  "dora < 200" WAN_TWO "\n"
	  "dora skips\n" },
	{ "the proxy ends while one waits", .configs = behind, .cast = cast, .script =
	  LATE
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora < nothing\n" },
	{ "in a re-INVITE", .configs = behind, .cast = cast, .script =
	  OUT
	  "dora > INVITE\n"
	  "dora < 100\n"
	  "berlin < INVITE | !Content-Type\n"
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora < nothing\n"
	  SEEN_MORE
	  "dora < 200 | body: *m=audio 31050 *m=video 32052 *\n"
	  "dora > ACK" DORAS_TWO "\n"
	  "berlin < ACK | body: *m=audio 30000 *m=video 30002 *\n" },
	{ "one that was silent takes the call late: its 2xx waits, and repeats with it, while others ring on", .configs = searching, .cast = cast, .script =
	  SILENT
	  "berlin > 200" ANNAS_TWO "\n"
	  "berlin > again\n"
	  "dora < nothing\n"
	  "munich > 183\n"
	  "dora < 183\n"
	  SEEN_MORE
	  "dora < 200" WAN_TWO "\n"
	  "dora < 200" WAN_TWO "\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "dora > ACK" DORAS_TWO "\n"
	  "berlin < ACK | body: *m=audio 30050 *m=video 30052 *\n"
	  "media holds 1\n" },
	{ "the others refuse while it waits: it is the final all the same, RFC 3261 §16.7 item 6", .configs = searching, .cast = cast, .script =
	  SILENT
	  "berlin > 200" ANNAS_TWO "\n"
	  "munich > 404\n"
	  "munich < ACK\n"
	  "dora < nothing\n"
	  SEEN_MORE
	  "dora < 200" WAN_TWO "\n"
	  "dora > ACK" DORAS_TWO "\n"
	  "berlin < ACK | body: *m=audio 30050 *m=video 30052 *\n"
	  "wait 40s\n" },
	{ "the proxy ends while it waits", .configs = searching, .cast = cast, .script =
	  SILENT
	  "berlin > 200" ANNAS_TWO "\n"
	  "dora < nothing\n" },
	{ "a dialog of before the restart waits as at its begin", .configs = behind, .cast = cast, .script =
	  OUT
	  "keep state\n"
	  "restart proxy\n"
	  FOUND
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "dora < nothing\n"
	  "media holds 1\n"
	  SEEN
	  "dora < INVITE" WAN(31150, 31153) "\n"
	  "dora > 200" DORAS "\n"
	  "berlin < 200" LAN(30100) "\n"
	  "berlin > ACK\n"
	  "dora < ACK\n" },
	{ "and is cancelled meanwhile", .configs = behind, .cast = cast, .script =
	  OUT
	  "keep state\n"
	  "restart proxy\n"
	  FOUND
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "media holds 1\n"
	  "berlin > CANCEL\n"
	  "berlin < 487 INVITE\n"
	  "berlin < 200 CANCEL\n"
	  "berlin > ACK\n"
	  "media holds 0\n" },
	{ "no STUN server is known: nobody is waited for", .configs = behind, .cast = cast, .script =
	  "stun sees nothing\n"
	  "berlin > INVITE sip:dora@plain.example" ANNAS "\n"
	  "berlin < 100\n"
	  "media seen at nothing\n"
	  "dora < INVITE | body: *c=IN IP4 127.0.2.10\r*m=audio 30050 *\n"
	  "dora > 486\n"
	  "dora < ACK\n"
	  "berlin < 486\n"
	  "berlin > ACK\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media_stun", plays, COUNT(plays));
}
