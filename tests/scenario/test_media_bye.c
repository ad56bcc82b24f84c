/* Calls on which nothing comes any more, with media.on_timeout: bye: both sides are sent BYE as
 * if the other one had hung up (RFC 3261 §15, §12.2.1.1), whatever a side makes of it. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(media) \
	HOUSE_OF_BACKENDS \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl] }\n" \
	"media: { relay: [wan], " media " }\n"

static const char *const ending[] = { HOUSE("on_timeout: bye"), HOUSE("on_timeout: close"), NULL };
static const char *const closing[] = { HOUSE("on_timeout: close"), HOUSE("on_timeout: bye"), NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "sip.partner.example,partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define TYPE      " | Content-Type: application/sdp | body: "
#define SDP(a)    TYPE "v=0$no=- 1 1 IN IP4 " a "$ns=-$nc=IN IP4 " a "$nt=0 0$nm=audio 4000 RTP/AVP 0$n"
#define BOBS      SDP("203.0.113.10")
#define ANNAS     SDP("10.0.1.1")
#define CARLS     SDP("10.0.1.2")
#define BECAUSE   " | Reason: Q.850;cause=102;text=\"media-timeout\" | !Record-Route | Via x1"

#define RING \
	"bob > INVITE sip:anna@corp.example" BOBS "\n" \
	"bob < 100\n" \
	"berlin < INVITE\n"
#define CALL \
	RING \
	"berlin > 200" ANNAS "\n" \
	"bob < 200\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"

#define CALL_CARL \
	"bob > INVITE sip:carl@corp.example" BOBS "\n" \
	"bob < 100\n" \
	"munich < INVITE\n" \
	"munich > 200" CARLS "\n" \
	"bob < 200\n" \
	"bob > ACK\n" \
	"munich < ACK\n"

static const struct play plays[] = {
	{ "both sides get a BYE, each as if from the other, RFC 3261 §12.2.1.1", .configs = ending, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "media holds 0\n"
	  "media ended silent\n"
	  "bob < BYE | From: *sip:anna@corp.example*tag=* | To: *sip:bob@partner.example*tag=* | CSeq: 1 BYE | Route x0" BECAUSE "\n"
	  "berlin < BYE | From: *sip:bob@partner.example*tag=* | To: *sip:anna@corp.example*tag=* | CSeq: 2 BYE | Route x0" BECAUSE "\n"
	  "bob > 200\n"
	  "because nothing came for 60 s: BYE to both sides\n"
	  "why none partner:partner.example\n"
	  "berlin > 200\n"
	  "why none backend:berlin\n" },
	{ "the relay alone, where it is not asked for", .configs = closing, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "media holds 0\n" },
	{ "a call that began under close is not known well enough", .configs = closing, .cast = cast, .script =
	  CALL
	  "reload 1\n"
	  "media falls silent\n"
	  "media holds 0\n" },
	{ "a call that began under bye ends so", .configs = ending, .cast = cast, .script =
	  CALL
	  "reload 1\n"
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE\n"
	  "everybody answers\n" },
	{ "the CSeq is higher than any that the side saw, RFC 3261 §12.2.1.1, also of a request without SDP", .configs = ending, .cast = cast, .script =
	  CALL
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin > INFO | CSeq: 4711 INFO\n"
	  "bob < INFO\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media falls silent\n"
	  "bob < BYE | CSeq: 4712 BYE\n"
	  "berlin < BYE | CSeq: 3 BYE\n"
	  "everybody answers\n" },
	{ "one whose CSeq cannot be surpassed gets none, RFC 3261 §8.1.1.5", .configs = ending, .cast = cast, .script =
	  CALL
	  "berlin > INFO | CSeq: 2147483647 INFO\n"
	  "bob < INFO\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "media falls silent\n"
	  "berlin < BYE\n"
	  "berlin > 200\n" },
	{ "to where a side wants requests now, RFC 3261 §12.2.1.2, §12.2.2", .configs = ending, .cast = cast, .script =
	  CALL
	  "bob > INVITE | Contact: <sip:bob@203.0.113.10:5061;transport=tls;line=2>" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200 | Contact: <sip:anna@10.0.1.1:5060;transport=tcp;line=3>" ANNAS "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "bob < BYE sip:bob@203.0.113.10:5061;transport=tls;line=2\n"
	  "berlin < BYE sip:anna@10.0.1.1:5060;transport=tcp;line=3 | CSeq: 3 BYE\n"
	  "everybody answers\n" },
	{ "by the proxies behind us, RFC 3261 §12.1.1, §12.1.2", .configs = ending, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | +Record-Route: <sip:203.0.113.10:5061;lr;transport=tls>, <sip:far.partner.example;lr>" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200\n"
	  "bob > ACK | Route: <sip:$berlin.token@127.0.2.10:5061;transport=tls;lr>\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "bob < BYE | Route[0]: <sip:203.0.113.10:5061;lr;transport=tls> | Route[1]: <sip:far.partner.example;lr>\n"
	  "berlin < BYE | Route x0\n"
	  "everybody answers\n" },
	{ "a BYE that is lost is repeated", .configs = ending, .cast = cast, .script =
	  CALL_CARL
	  "media falls silent\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "munich < BYE | CSeq: 2 BYE\n"
	  "wait 500ms\n"
	  "munich < BYE | CSeq: 2 BYE\n"
	  "munich > 200\n"
	  "wait 40s\n" },
	{ "a side that is gone: until Timer F, and the record says so", .configs = ending, .cast = cast, .script =
	  CALL_CARL
	  "media falls silent\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "munich < BYE\n"
	  "wait 33s\n"
	  "munich skips\n"
	  "why no-answer backend:munich\n" },
	{ "481: it is over there already, RFC 3261 §15.1.1", .configs = ending, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE\n"
	  "bob > 481\n"
	  "why none partner:partner.example\n"
	  "berlin > 481\n"
	  "wait 40s\n" },
	{ "a side that wants credentials gets none, and is not asked again", .configs = ending, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE\n"
	  "bob > 200\n"
	  "berlin > 407 | Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\n"
	  "why none backend:berlin\n"
	  "wait 40s\n" },
	{ "glare with a side's own BYE", .configs = ending, .cast = cast, .script =
	  CALL
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE | CSeq: 2 BYE\n"
	  "bob > BYE\n"
	  "berlin > 200\n"
	  "berlin < BYE\n"
	  "berlin > 481\n"
	  "bob < 481\n"
	  "bob > 200\n"
	  "media holds 0\n" },
	{ "glare, and the side's BYE came first", .configs = ending, .cast = cast, .script =
	  CALL
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE\n"
	  "bob > 481\n"
	  "berlin > 200\n"
	  "media holds 0\n"
	  "wait 40s\n"
	  "bob skips\n"
	  "berlin skips\n" },
	{ "a call that rings is ended by nobody but its caller", .configs = ending, .cast = cast, .script =
	  RING
	  "berlin > 183" ANNAS "\n"
	  "bob < 183\n"
	  "media falls silent\n"
	  "media holds 0\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "a 180 without Record-Route is no harm: the 2xx counts, RFC 3261 §13.2.2.4", .configs = ending, .cast = cast, .script =
	  RING
	  "berlin > 180 | -Record-Route\n"
	  "bob < 180\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "bob < BYE\n"
	  "berlin < BYE\n"
	  "everybody answers\n" },
	{ "a 2xx whose Record-Route was lost: who knows by whom its sender is reached", .configs = ending, .cast = cast, .script =
	  RING
	  "berlin > 200 | -Record-Route" ANNAS "\n"
	  "bob < 200\n"
	  "bob > ACK | Route: <sip:$berlin.token@127.0.2.10:5061;transport=tls;lr>\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "bob < BYE\n"
	  "bob > 200\n" },
	{ "no BYE to a caller that acknowledged nothing, RFC 3261 §15", .configs = ending, .cast = cast, .script =
	  RING
	  "berlin > 200" ANNAS "\n"
	  "bob < 200\n"
	  "media falls silent\n"
	  "berlin < BYE\n"
	  "berlin > 200\n" },
	{ "the one of two servers that is down", .configs = ending, .cast = cast, .script =
	  CALL
	  "berlin refuses\n"
	  "berlin closes\n"
	  "media falls silent\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "why connect-refused backend:berlin\n" },
	{ "Contact and Record-Route as large as may be", .configs = ending, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | +Record-Route: <sip:203.0.113.10:5061;lr;transport=tls;x=" /* 2000 bytes */
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50
	  X500 X500 X500 X500 X50 ">" BOBS "\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200\n"
	  "bob > ACK | Route: <sip:$berlin.token@127.0.2.10:5061;transport=tls;lr>\n"
	  "berlin < ACK\n"
	  "media falls silent\n"
	  "berlin < BYE\n" /* to bob there is no way that we know */
	  "berlin > 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media_bye", plays, COUNT(plays));
}
