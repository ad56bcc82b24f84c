/* Relayed calls of which a server is given up as it is silent, and takes the call after all,
 * while another one is asked. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
static const char *const searching[] = {
	HOUSE_OF_BACKENDS
	"placement: search\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0 }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n"
	"media: { relay: [wan] }\n",
	NULL,
};

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


static const struct play plays[] = {
	{ "a search: one that was silent takes the call late, by the ports that it was told", .configs = searching, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "wait 4s\n"
	  "munich < INVITE" LAN(30150) "\n"
	  "munich > 180\n"
	  "bob < 180\n"
	  "berlin > 200 INVITE" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "media holds 1\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n" },
	{ "the other one takes it, and the one that was silent as well", .configs = searching, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050) "\n"
	  "wait 4s\n"
	  "munich < INVITE" LAN(30150) "\n"
	  "munich > 200 INVITE" CARLS "\n"
	  "bob < 200" WAN(30100) "\n"
	  "media holds 2\n"
	  "berlin > 200 INVITE" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media holds 1\n" },
	{ "the other one takes it, and the one that was silent says nothing any more", .configs = searching, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "wait 4s\n"
	  "munich < INVITE\n"
	  "munich > 200 INVITE" CARLS "\n"
	  "bob < 200\n"
	  "media holds 2\n"
	  "bob > ACK\n"
	  "munich < ACK\n"
	  "wait 29s\n"
	  "media holds 1\n" },
	{ "nobody takes it: nothing stays, also of the one that was silent", .configs = searching, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "wait 4s\n"
	  "munich < INVITE\n"
	  "munich > 180\n"
	  "bob < 180\n"
	  "media holds 2\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media_late", plays, COUNT(plays));
}
