/* What is exchanged with a partner, and which way (field.md G16, mission 66). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define REST \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0,\n"

static const char *const configs[] = {
	/* They see us, we do not ask for them; they may call, we may write. */
	REST "        services: { in: [presence, audio], out: [im] } }\n",
	/* 1: one list for both ways */
	REST "        services: [im] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ 0 },
};

#define HERE configs, NULL, cast
#define SDP " | Content-Type: application/sdp | body: v=0$no=- 1 1 IN IP4 192.0.2.1$ns=-$nc=IN IP4 192.0.2.1$nt=0 0$nm=audio 4000 RTP/AVP 8$n"
#define VIDEO SDP "m=video 4002 RTP/AVP 96$n"

static const struct play plays[] = {
	{ "what is open inwards comes in, and what is not is refused",
	  "dora > SUBSCRIBE sip:anna@corp.example | Event: presence | Expires: 600\n"
	  "berlin < SUBSCRIBE\n"
	  "berlin > 202\n"
	  "dora < 202\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "dora < 403\n"
	  "why service-not-allowed\n"
	  "because im is not taken*\n", HERE },
	{ "what is open outwards goes out, and what is not is refused",
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 200\n"
	  "berlin < 200\n"
	  "berlin > SUBSCRIBE sip:dora@plain.example | Event: presence | Expires: 600\n"
	  "berlin < 403\n"
	  "why service-not-allowed\n"
	  "because presence is not sent*\n"
	  "berlin > INVITE sip:dora@plain.example\n"
	  "berlin < 403\n"
	  "berlin > ACK\n"
	  "why service-not-allowed\n", HERE },
	{ "a NOTIFY follows the subscription, the other way",
	  "dora > SUBSCRIBE sip:anna@corp.example | Event: presence | Expires: 600\n"
	  "berlin < SUBSCRIBE\n"
	  "berlin > 202\n"
	  "dora < 202\n"
	  "berlin > NOTIFY | Event: presence | Subscription-State: active\n"
	  "dora < NOTIFY\n"
	  "dora > 200\n"
	  "berlin < 200\n", HERE },
	{ "within a call the other side may offer what the call may have, and no more",
	  "dora > INVITE sip:anna@corp.example" SDP "\n"
	  "dora < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "dora > ACK\n"
	  "berlin < ACK\n"
	  "berlin > UPDATE" SDP "\n"
	  "dora < UPDATE\n"
	  "dora > 200\n"
	  "berlin < 200\n"
	  "berlin > UPDATE" VIDEO "\n"
	  "berlin < 403\n"
	  "why service-not-allowed\n"
	  "dora > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "dora < 200\n", HERE },
	{ "a list is for both ways",
	  "reload 1\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 200\n"
	  "berlin < 200\n"
	  "dora > SUBSCRIBE sip:anna@corp.example | Event: presence | Expires: 600\n"
	  "dora < 403\n"
	  "why service-not-allowed\n"
	  "berlin > SUBSCRIBE sip:dora@plain.example | Event: presence | Expires: 600\n"
	  "berlin < 403\n"
	  "why service-not-allowed\n", HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("services", plays, COUNT(plays));
}
