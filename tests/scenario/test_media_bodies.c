/* In which bodies of relayed calls SDP is found, and what becomes of those in which nobody can
 * say whether there is any (RFC 5621). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE \
	HOUSE_OF_BACKENDS \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna] }\n" \
	"media: { relay: [wan] }\n"

static const char *const relayed[] = { HOUSE, NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "sip.partner.example,partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define TYPE      " | Content-Type: application/sdp | body: "
#define HEAD(a)   "v=0$no=- 1 1 IN IP4 " a "$ns=-$nc=IN IP4 " a "$nt=0 0$n"
#define BOBS      TYPE HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n"
#define ANNAS     TYPE HEAD("10.0.1.1") "m=audio 5000 RTP/AVP 0$n"
/* Towards the lan, and towards the wan: our address and the relay's port. */
#define LAN(port) " | body: *c=IN IP4 127.0.1.2\r*m=audio " #port " RTP/AVP 0\r*"
#define WAN(port) " | body: *c=IN IP4 127.0.2.10\r*m=audio " #port " RTP/AVP 0\r*"


static const struct play plays[] = {
	{ "what cannot be read is refused before anything rings", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" TYPE "nonsense\n"
	  "bob < 488 | Warning: *nuncio: sdp-unreadable*\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n"
	  "media holds 0\n" },
	{ "also if it is encoded", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Encoding: gzip" BOBS "\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n" },
	{ "or if its type cannot be read, is there twice, or is not there: others may take it for SDP, RFC 3261 §20.15", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Type: application/sdp; | body: " HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n"
	  "bob > INVITE sip:anna@corp.example | Content-Type: text/plain | +Content-Type: application/sdp | body: " HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n"
	  "bob > INVITE sip:anna@corp.example | -Content-Type | body: " HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n" },
	{ "of a body with parts only the SDP is another one, RFC 5621", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Type: multipart/mixed;boundary=b1 | body: --b1$nContent-Type: text/plain$n$n"
	  "c=IN IP4 203.0.113.10$n--b1$nContent-Type: application/sdp$nContent-Length: 7$n$n" HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n$n--b1--$n\n"
	  "bob < 100\n"
	  "berlin < INVITE | Content-Type: multipart/mixed;boundary=b1 | body: --b1\r*text/plain\r*c=IN IP4 203.0.113.10\r*--b1\r*application/sdp*"
	  "X-Was-Length:*IN IP4 127.0.1.2\r*m=audio 30050 RTP/AVP 0\r*--b1--\r*\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "SDP in a part of a part", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Type: multipart/mixed;boundary=b1 | body: --b1$nContent-Type: multipart/alternative;boundary=b2$n$n"
	  "--b2$nContent-Type: text/plain$n$nhello$n--b2$nContent-Type: application/sdp$n$n" HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n$n--b2--$n--b1--$n\n"
	  "bob < 100\n"
	  "berlin < INVITE | body: --b1\r*--b2\r*hello\r*--b2\r*c=IN IP4 127.0.1.2\r*m=audio 30050 RTP/AVP 0\r*--b2--\r*--b1--\r*\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "SDP in alternatives, as Lync writes it: the last one counts, and goes alone", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Type: multipart/alternative;boundary=b1 | body: --b1$nContent-Type: application/sdp$n"
	  "Content-Disposition: session; handling=optional; ms-proxy-2007fallback$n$n" HEAD("192.0.2.55") "m=audio 4000 RTP/AVP 0$n$n--b1$nContent-Type: application/sdp$n"
	  "Content-Disposition: session; handling=optional$n$n" HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n$n--b1--$n\n"
	  "bob < 100\n"
	  "berlin < INVITE | !body: *192.0.2.55* | !body: *2007fallback* | body: --b1\r*handling=optional\r*c=IN IP4 127.0.1.2\r*m=audio 30050 RTP/AVP 0\r*--b1--\r*\n"
	  "berlin > 200" ANNAS "\n"
	  "bob < 200" WAN(30000) "\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "two parts with SDP: nobody knows which of them counts", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example | Content-Type: multipart/mixed;boundary=b1 | body: --b1$nContent-Type: application/sdp$n$n"
	  HEAD("203.0.113.10") "m=audio 4000 RTP/AVP 0$n$n--b1$nContent-Type: application/sdp$n$n" HEAD("203.0.113.11") "m=audio 4000 RTP/AVP 0$n$n--b1--$n\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n"
	  "media holds 0\n" },
	{ "SDP from hell, field.md pitfall 9", .configs = relayed, .cast = cast, .script =
	  "bob > INVITE sip:anna@corp.example" TYPE HEAD("203.0.113.10") "m=audio 4000  RTP/AVP 0 (\x01 \xe4$nm=x 1 a b/c$n\n"
	  "bob < 488\n"
	  "bob > ACK\n"
	  "why sdp-unreadable\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("media_bodies", plays, COUNT(plays));
}
