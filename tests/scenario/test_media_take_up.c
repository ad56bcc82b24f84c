/* Dialogs that went through us and whose call we do not know any more, as the program was
 * started anew, or nothing came for long: the next offer makes their relay anew. What their SDP
 * becomes in every case is in unit/test_calls. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(media) \
	HOUSE_OF_BACKENDS \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl] }\n" \
	"media: { " media " }\n"

static const char *const relayed[] = { HOUSE("relay: [wan]"), NULL };
static const char *const narrow[] = { HOUSE("relay: [wan], channels: 1"), NULL };
static const char *const ending[] = { HOUSE("relay: [wan], on_timeout: bye"), NULL };
static const char *const turned_on[] = { HOUSE("relay: []"), HOUSE("relay: [wan]"), NULL };

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
/* Towards the lan, and towards the wan: our address, the relay's port, and the version of o=. */
#define LAN(port, version) " | body: *o=- 1 " #version " IN *c=IN IP4 127.0.1.2\r*m=audio " #port " RTP/AVP 0\r*"
#define WAN(port, version) " | body: *o=- 1 " #version " IN *c=IN IP4 127.0.2.10\r*m=audio " #port " RTP/AVP 0\r*"

#define CALL \
	"bob > INVITE sip:anna@corp.example" BOBS "\n" \
	"bob < 100\n" \
	"berlin < INVITE" LAN(30050, 1) "\n" \
	"berlin > 200" ANNAS "\n" \
	"bob < 200" WAN(30000, 1) "\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"
/* Ten seconds later. */
#define RESTART \
	"wait 10s\n" \
	"keep state\n" \
	"restart proxy\n" \
	"media holds 0\n"
#define TAKEN_UP \
	"bob > INVITE" BOBS "\n" \
	"bob < 100\n" \
	"berlin < INVITE" LAN(30150, 11) "\n" \
	"berlin > 200" ANNAS "\n" \
	"bob < 200" WAN(30100, 11) "\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"
#define BYE \
	"bob > BYE\n" \
	"berlin < BYE\n" \
	"berlin > 200\n" \
	"bob < 200\n" \
	"media holds 0\n"

static const struct play plays[] = {
	{ "a re-INVITE by the caller: both sides get ports, and versions that they have not seen, RFC 3264 §8", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "because our addresses stand in the SDP\n"
	  "media holds 1\n"
	  "wait 3s\n"
	  "berlin > INVITE" ANNAS "\n" /* and they stay */
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30100, 11) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200" LAN(30150, 11) "\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  BYE
	  "media ended bye\n" },
	{ "a re-INVITE by the callee", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30100, 11) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200" LAN(30150, 11) "\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  BYE },
	{ "restarted twice: the version is higher each time", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "wait 10s\n"
	  "restart proxy\n"
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30250, 21) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30200, 21) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  BYE },
	{ "UPDATE, as a session timer sends it, RFC 4028 §7.4", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > UPDATE\n" /* without SDP there is nothing to say */
	  "berlin < UPDATE | !Content-Type\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media holds 0\n"
	  "bob > UPDATE" BOBS "\n"
	  "berlin < UPDATE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "media holds 1\n"
	  BYE },
	{ "late offer, RFC 3264 §5", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE | !Content-Type\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK" BOBS "\n"
	  "berlin < ACK" LAN(30150, 11) "\n"
	  "media holds 1\n"
	  BYE },
	{ "an UPDATE that fails while a late offer is to come takes nothing away from it", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE | !Content-Type\n"
	  "media holds 1\n"
	  "berlin > UPDATE" ANNAS "\n"
	  "bob < UPDATE" WAN(30100, 11) "\n"
	  "bob > 491 UPDATE\n"
	  "berlin < 491 UPDATE\n"
	  "bob > UPDATE" BOBS "\n"
	  "berlin < UPDATE" LAN(30150, 11) "\n"
	  "berlin > 500 UPDATE\n"
	  "bob < 500 UPDATE\n"
	  "media holds 1\n"
	  "berlin > 200 INVITE" ANNAS "\n"
	  "bob < 200 INVITE" WAN(30100, 11) "\n"
	  "bob > ACK" BOBS "\n"
	  "berlin < ACK" LAN(30150, 11) "\n"
	  "media holds 1\n"
	  BYE },
	{ "the late offer fails in its turn: nothing stays, also of what was offered reliably, RFC 3262 §5", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > UPDATE" ANNAS "\n"
	  "bob < UPDATE" WAN(30100, 11) "\n"
	  "bob > 491 UPDATE\n"
	  "berlin < 491 UPDATE\n"
	  "berlin > 183 INVITE | Require: 100rel | RSeq: 1" ANNAS "\n"
	  "bob < 183" WAN(30100, 11) "\n"
	  "berlin > 500 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 500\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "refused: nothing stays; the next one is taken up as well, RFC 3261 §14.1", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "media holds 1\n"
	  "berlin > 491\n"
	  "berlin < ACK\n"
	  "bob < 491\n"
	  "bob > ACK\n"
	  "media holds 0\n"
	  "bob > INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "media holds 1\n"
	  "berlin > 488\n"
	  "berlin < ACK\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "media holds 0\n"
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30350, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30300, 11) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  BYE },
	{ "the other side does not know the dialog any more", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 481\n"
	  "berlin < ACK\n"
	  "bob < 481\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "cancelled", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "media holds 1\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n"
	  "media holds 0\n" },
	{ "what cannot be read is refused, as at the begin", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE" TYPE "nonsense\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n"
	  "media holds 0\n" },
	{ "the pool has no channel left", .configs = narrow, .cast = cast, .script =
	  CALL
	  RESTART
	  "munich > INVITE sip:bob@partner.example" CARLS "\n"
	  "munich < 100\n"
	  "bob < INVITE\n"
	  "bob > 180\n"
	  "munich < 180\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 503 | Retry-After: *\n"
	  "berlin > ACK\n"
	  "why channels-full\n"
	  "media holds 1\n" },
	{ "a relay that ended in silence comes back", .configs = relayed, .cast = cast, .script =
	  CALL
	  "wait 10s\n"
	  "media falls silent\n"
	  "media holds 0\n"
	  "berlin > INVITE" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30100, 11) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200" LAN(30150, 11) "\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "media holds 1\n"
	  BYE },
	{ "silence again: both sides get a BYE; whose CSeq nobody knows gets the highest, RFC 3261 §12.2.1.1, §8.1.1.5", .configs = ending, .cast = cast, .script =
	  CALL
	  RESTART
	  TAKEN_UP
	  "media falls silent\n"
	  "media holds 0\n"
	  "media ended silent\n"
	  "bob < BYE sip:bob@203.0.113.10:5061;transport=tls | From: *sip:anna@corp.example*tag=* | To: *sip:bob@partner.example*tag=* | CSeq: 2147483647 BYE | Route x0\n"
	  "berlin < BYE sip:berlin@10.0.1.1:5060;transport=tcp | From: *sip:bob@partner.example*tag=* | To: *sip:anna@corp.example*tag=* | CSeq: 3 BYE | Route x0\n"
	  "bob > 200\n"
	  "why none partner:partner.example\n"
	  "berlin > 200\n"
	  "why none backend:berlin\n" },
	{ "and by the callee's requests the other way; both CSeqs are known then", .configs = ending, .cast = cast, .script =
	  CALL
	  RESTART
	  "berlin > INVITE | CSeq: 40 INVITE | Contact: <sip:anna@10.0.1.1:5060;transport=tcp;line=2>" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30100, 11) "\n"
	  "bob > 200 | Contact: <sip:bob@203.0.113.10:5061;transport=tls;line=3>" BOBS "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "media falls silent\n"
	  "bob < BYE sip:bob@203.0.113.10:5061;transport=tls;line=3 | CSeq: 41 BYE\n"
	  "berlin < BYE sip:anna@10.0.1.1:5060;transport=tcp;line=2 | CSeq: 3 BYE\n"
	  "everybody answers\n" },
	{ "by the proxies behind us, as a sender's Route names them, RFC 3261 §12.2.1.1", .configs = ending, .cast = cast, .script =
	  CALL
	  RESTART
	  "berlin > INVITE | Route: <sip:$token@127.0.1.2:5060;transport=tcp;lr>, <sip:203.0.113.10:5061;lr;transport=tls>, <sip:far.partner.example;lr>" ANNAS "\n"
	  "berlin < 100\n"
	  "bob < INVITE" WAN(30100, 11) "\n"
	  "bob > 200" BOBS "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "media falls silent\n"
	  "bob < BYE | Route[0]: <sip:203.0.113.10:5061;lr;transport=tls> | Route[1]: <sip:far.partner.example;lr> | Route x2\n"
	  "berlin < BYE\n"
	  "everybody answers\n" },
	{ "a proxy before us that is silent about itself: no BYE to its side", .configs = ending, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE | +Via: SIP/2.0/TLS far.partner.example;branch=z9hG4bK77" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK | +Via: SIP/2.0/TLS far.partner.example;branch=z9hG4bK78\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "berlin < BYE\n"
	  "berlin > 200\n" },
	{ "the same, and its side was asked something, by it", .configs = ending, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob > INVITE | +Via: SIP/2.0/TLS far.partner.example;branch=z9hG4bK77" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK | +Via: SIP/2.0/TLS far.partner.example;branch=z9hG4bK78\n"
	  "berlin < ACK\n"
	  "berlin > INFO | Route: <sip:$token@127.0.1.2:5060;transport=tcp;lr>, <sip:203.0.113.10:5061;lr;transport=tls>\n"
	  "bob < INFO\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media falls silent\n"
	  "bob < BYE | Route: <sip:203.0.113.10:5061;lr;transport=tls>\n"
	  "berlin < BYE\n"
	  "everybody answers\n" },
	{ "a call that began when nothing was relayed", .configs = turned_on, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE | body: *c=IN IP4 203.0.113.10\r*\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200 | body: *c=IN IP4 10.0.1.1\r*\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "wait 10s\n"
	  "reload 1\n"
	  "bob > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30050, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000, 11) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  BYE },
	{ "networks that are not relayed: nothing is looked at", .configs = relayed, .cast = cast, .script =
	  "berlin > INVITE sip:carl@corp.example" ANNAS "\n"
	  "berlin < 100\n"
	  "munich < INVITE\n"
	  "munich > 200" CARLS "\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"
	  RESTART
	  "munich > INVITE" CARLS "\n"
	  "munich < 100\n"
	  "berlin < INVITE | body: *c=IN IP4 10.0.1.2\r*m=audio 6000 *\n"
	  "media holds 0\n"
	  "berlin > 200" ANNAS "\n"
	  "munich < 200 | body: *c=IN IP4 10.0.1.1\r*m=audio 5000 *\n"
	  "munich > ACK\n"
	  "berlin < ACK\n" },
	{ "by whichever worker", .configs = relayed, .cast = cast, .script =
	  CALL
	  RESTART
	  "bob@1 > INVITE" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE" LAN(30150, 11) "\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30100, 11) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  BYE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media_take_up", plays, COUNT(plays));
}
