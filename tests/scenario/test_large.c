/* RFC 3261 §18.1.1: requests that are too large for a datagram; field.md pitfall 13. In the
 * world no path is known, so 1300 bytes fit. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HEAD(LISTENERS) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n" \
	LISTENERS \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'], probe: 0 }\n" \
	"partners:\n" \
	"  routes:\n"

#define UDP \
	"    - { domain: udp.example, server: 203.0.113.54, port: 5060, transport: udp, trustworthy: true, probe: 0 }\n"

/* One server by UDP; one that is listed by TCP as well; two by UDP. */
static const char *const configs[] = {
	HEAD("  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n")
	UDP
	"    - domain: both.example\n"
	"      trustworthy: true\n"
	"      probe: 0\n"
	"      servers:\n"
	"        - { host: 203.0.113.53, port: 5060, transport: udp, priority: 1, weight: 1 }\n"
	"        - { host: 203.0.113.53, port: 5060, transport: tcp, priority: 2, weight: 1 }\n"
	"    - domain: pair.example\n"
	"      trustworthy: true\n"
	"      probe: 0\n"
	"      servers:\n"
	"        - { host: 203.0.113.61, port: 5060, transport: udp, priority: 1, weight: 1 }\n"
	"        - { host: 203.0.113.62, port: 5060, transport: udp, priority: 2, weight: 1 }\n",
	/* 1: TCP on the lan alone */
	HEAD("")
	UDP,
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "both", "203.0.113.53:5060", "wan-udp", "", "sip:both@both.example" },
	{ "small", "203.0.113.54:5060", "wan-udp", "", "sip:small@udp.example" },
	{ "one", "203.0.113.61:5060", "wan-udp", "", "sip:one@pair.example" },
	{ "two", "203.0.113.62:5060", "wan-udp", "", "sip:two@pair.example" },
	{ 0 },
};

#define HERE configs, NULL, cast

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define BODY " | body: " LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG "\n"

#define BACK(WHO) \
	WHO " > 200\n" \
	"berlin < 200\n"

static const struct play plays[] = {
	{ "what fits goes by UDP",
	  "berlin > MESSAGE sip:x@udp.example | body: short\n"
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP 127.0.2.10*\n"
	  BACK("small"),
	  HERE },
	{ "what does not goes by TCP to the same place",
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/TCP 127.0.2.10*\n"
	  BACK("small")
	  "why none partner:udp.example\n"
	  "because *1300 fit: tcp 203.0.113.54:5060*\n"
	  "berlin > MESSAGE sip:x@udp.example | body: short\n"
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  BACK("small"),
	  HERE },
	{ "a server listed by TCP at the same host",
	  "berlin > MESSAGE sip:x@both.example" BODY
	  "both < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  BACK("both"),
	  HERE },
	{ "... that takes no connection",
	  "both refuses\n"
	  "berlin > MESSAGE sip:x@both.example" BODY
	  "both < MESSAGE | Via[0]: SIP/2.0/UDP * | Via x2\n"
	  BACK("both"),
	  HERE },
	{ "TCP is refused: by UDP after all, at once, and so for five minutes",
	  "small refuses\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP * | Via x2 | Max-Forwards: 69\n"
	  BACK("small")
	  "because connect-refused: udp after all\n"
	  "small accepts\n"
	  "wait 4m\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  BACK("small")
	  "because *udp, as tcp failed lately\n"
	  "wait 2m\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  BACK("small")
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  BACK("small"),
	  HERE },
	{ "TCP does not answer: two seconds",
	  "small hangs\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "wait 1900ms\n"
	  "small < nothing\n"
	  "wait 100ms\n"
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  BACK("small")
	  "because connect-timeout: udp after all\n",
	  HERE },
	{ "the datagrams are repeated like others",
	  "small refuses\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  "wait 500ms\n"
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  BACK("small"),
	  HERE },
	{ "the next server, if the first is silent by UDP as well",
	  "one hangs\n"
	  "berlin > MESSAGE sip:x@pair.example" BODY
	  "wait 2s\n"
	  "one < MESSAGE | Via[0]: SIP/2.0/UDP *\n"
	  "wait 3900ms\n"
	  "one skips\n"
	  "two < nothing\n"
	  "wait 100ms\n"
	  "two < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  "berlin < 100\n"
	  BACK("two"),
	  HERE },
	{ "... or says 503 by TCP",
	  "berlin > MESSAGE sip:x@pair.example" BODY
	  "one < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  "one > 503\n"
	  "two < MESSAGE | Via[0]: SIP/2.0/TCP *\n"
	  BACK("two"),
	  HERE },
	{ "the connection breaks after it stood: the next server",
	  "berlin > MESSAGE sip:x@pair.example" BODY
	  "one < MESSAGE\n"
	  "one closes\n"
	  "two < MESSAGE\n"
	  BACK("two"),
	  HERE },
	{ "a call, with its ACK and its BYE",
	  "small refuses\n"
	  "berlin > INVITE sip:x@udp.example" BODY
	  "berlin < 100\n"
	  "small < INVITE | Via[0]: SIP/2.0/UDP *\n"
	  "small > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK" BODY
	  "small < ACK | Via[0]: SIP/2.0/UDP *\n"
	  "berlin > BYE\n"
	  "small < BYE\n"
	  BACK("small"),
	  HERE },
	{ "a large ACK by TCP",
	  "berlin > INVITE sip:x@udp.example | body: short\n"
	  "berlin < 100\n"
	  "small < INVITE | Via[0]: SIP/2.0/UDP *\n"
	  "small > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK" BODY
	  "small < ACK | Via[0]: SIP/2.0/TCP *\n",
	  HERE },
	{ "... or after all by UDP",
	  "small refuses\n"
	  "berlin > INVITE sip:x@udp.example | body: short\n"
	  "berlin < 100\n"
	  "small < INVITE | Via[0]: SIP/2.0/UDP *\n"
	  "small > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK" BODY
	  "small < ACK | Via[0]: SIP/2.0/UDP *\n",
	  HERE },
	{ "cancelled while the connection is tried",
	  "small hangs\n"
	  "berlin > INVITE sip:x@udp.example" BODY
	  "berlin < 100\n"
	  "berlin > CANCEL\n"
	  "berlin < 200 CANCEL\n"
	  "wait 2s\n"
	  "small < nothing\n"
	  "berlin < 487\n"
	  "berlin > ACK\n",
	  HERE },
	{ "no listener for TCP on that side: its name would lead to the other one",
	  "reload 1\n"
	  "berlin > MESSAGE sip:x@udp.example" BODY
	  "small < MESSAGE | Via[0]: SIP/2.0/UDP 127.0.2.10*\n"
	  BACK("small")
	  "because *for want of a listener for tcp\n",
	  HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("large", plays, COUNT(plays));
}
