/* Every method that the issue names, and one that nobody knows, both ways, outside and inside
 * of a dialog. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define IN(method) \
	{ method ": partner to backend", "bob > " method " sip:anna@corp.example | X-Of: bob | body: text\n" \
					 "berlin < " method " sip:anna@corp.example | X-Of: bob | body: text |" \
					 " From: <sip:bob@partner.example>;tag=* | CSeq: 1 " method "\n" \
					 "berlin > 200 | X-Of: anna | body: answer\n" \
					 "bob < 200 " method " | X-Of: anna | body: answer\n" \
					 "why none backend:berlin\n" }

#define OUT(method) \
	{ method ": backend to partner", "dns sip.partner.example A 203.0.113.10\n" \
					 "munich > " method " sip:bob@partner.example | body: text\n" \
					 "bob < " method " sip:bob@partner.example | body: text |" \
					 " From: <sip:carl@corp.example>;tag=*\n" \
					 "bob > 202\n" \
					 "munich < 202 " method "\n" \
					 "why none partner:partner.example\n" }

#define CALL \
	"bob > INVITE sip:anna@corp.example\n" \
	"bob < 100\n" \
	"berlin < INVITE\n" \
	"berlin > 180 | Require: 100rel | RSeq: 1\n" \
	"bob < 180 | RSeq: 1\n" \
	"bob > PRACK | RAck: 1 1 INVITE\n" \
	"berlin < PRACK | RAck: 1 1 INVITE\n" \
	"berlin > 200 PRACK\n" \
	"bob < 200 PRACK\n" \
	"berlin > 200 INVITE\n" \
	"bob < 200 INVITE\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"

#define INSIDE(method) \
	{ method ": inside a dialog, both ways", CALL "bob > " method "\n" \
						      "berlin < " method " sip:berlin@10.0.1.1:5060;transport=tcp |" \
						      " !Route | To: *;tag=berlin-*\n" \
						      "berlin > 200\n" \
						      "bob < 200 " method "\n" \
						      "berlin > " method "\n" \
						      "bob < " method " sip:bob@203.0.113.10:5061;transport=tls |" \
						      " !Route | To: *;tag=bob-*\n" \
						      "bob > 481\n" \
						      "berlin < 481 " method "\n" }

static const struct play plays[] = {
	IN("MESSAGE"),
	IN("SUBSCRIBE"),
	IN("NOTIFY"),
	IN("PUBLISH"),
	IN("INFO"),
	IN("UPDATE"),
	IN("REFER"),
	IN("OPTIONS"),
	IN("BYE"),
	IN("PRACK"),
	IN("FOO"),
	OUT("MESSAGE"),
	OUT("SUBSCRIBE"),
	OUT("NOTIFY"),
	OUT("PUBLISH"),
	OUT("INFO"),
	OUT("UPDATE"),
	OUT("REFER"),
	OUT("OPTIONS"),
	OUT("BYE"),
	OUT("FOO"),
	INSIDE("INFO"),
	INSIDE("UPDATE"),
	INSIDE("MESSAGE"),
	INSIDE("REFER"),
	INSIDE("NOTIFY"),
	INSIDE("SUBSCRIBE"),
	INSIDE("OPTIONS"),
	INSIDE("PUBLISH"),
	INSIDE("BYE"),
	INSIDE("FOO"),
	{ "methods are compared with their case, RFC 3261 §7.1",
	  "bob > message sip:anna@corp.example\n"
	  "berlin < message\n"
	  "berlin > 501\n"
	  "bob < 501 message\n" },
	{ "INVITE: backend to partner, and back",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > INVITE sip:bob@partner.example | body: offer\n"
	  "berlin < 100\n"
	  "bob < INVITE | Record-Route x2 | body: offer\n"
	  "bob > 180\n"
	  "berlin < 180\n"
	  "bob > 200 | body: answer\n"
	  "berlin < 200 | body: answer | Record-Route x2\n"
	  "berlin > ACK\n"
	  "bob < ACK | !Route\n"
	  "bob > INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE | To: *;tag=berlin-*\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "a subscription with its notifications, RFC 6665",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > SUBSCRIBE sip:bob@partner.example | Event: presence | Expires: 3600\n"
	  "bob < SUBSCRIBE | Event: presence | Record-Route x2\n"
	  "bob > 200 | Expires: 3600\n"
	  "berlin < 200\n"
	  "bob > NOTIFY | Event: presence | Subscription-State: active;expires=3600 |"
	  " body: <presence/>\n"
	  "berlin < NOTIFY | Event: presence | body: <presence/>\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin > SUBSCRIBE | Event: presence | Expires: 0\n"
	  "bob < SUBSCRIBE | Expires: 0\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "bob > NOTIFY | Event: presence | Subscription-State: terminated;reason=timeout\n"
	  "berlin < NOTIFY\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a call over UDP on both sides",
	  "dora > INVITE sip:carl@corp.example\n"
	  "dora < 100\n"
	  "munich < INVITE | Record-Route x2\n"
	  "munich > 180\n"
	  "dora < 180\n"
	  "munich > 200\n"
	  "dora < 200\n"
	  "dora > ACK\n"
	  "munich < ACK\n"
	  "munich > BYE\n"
	  "dora < BYE\n"
	  "dora > 200\n"
	  "munich < 200\n" },
	{ "a call between two backends",
	  "munich > INVITE sip:anna@corp.example\n"
	  "munich < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "munich < 200\n"
	  "munich > ACK\n"
	  "berlin < ACK\n"
	  "munich > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "munich < 200\n"
	  "berlin > BYE\n"
	  "munich < BYE\n"
	  "munich > 200\n"
	  "berlin < 200\n" },
	{ "forked: the ACK and BYE of each answer go to their backend",
	  "bob > INVITE sip:team1@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "munich < INVITE\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "munich < ACK\n"
	  "berlin < nothing\n"
	  "berlin > 180 INVITE\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob > BYE\n"
	  "munich < BYE\n"
	  "munich > 200\n"
	  "bob < 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("methods", plays, COUNT(plays));
}
