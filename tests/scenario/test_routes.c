/* RFC 3261 §16.4 to §16.6: where a request goes, and what is changed in it. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CALL \
	"bob > INVITE sip:anna@corp.example\n" \
	"bob < 100\n" \
	"berlin < INVITE\n" \
	"berlin > 200\n" \
	"bob < 200\n" \
	"bob > ACK\n" \
	"berlin < ACK\n"

static const struct play plays[] = {
	{ "our Via on top, theirs below, §16.6 item 8",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE | Via[0]: SIP/2.0/TCP 127.0.1.2:5060;branch=z9hG4bK* |"
	  " Via[1]: SIP/2.0/TLS 203.0.113.10:5061;* | Via x2\n"
	  "berlin > 200\n"
	  "bob < 200 | Via x1 | Via: SIP/2.0/TLS 203.0.113.10:5061;*\n" },
	{ "the name that we advertise stands in Via towards partners",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE | Via[0]: SIP/2.0/TLS sip.corp.example:5061;branch=*\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "a branch of our own for each target, §16.6 item 8",
	  "bob > MESSAGE sip:team1@corp.example\n"
	  "berlin < MESSAGE\n"
	  "munich < MESSAGE\n"
	  "berlin > 200\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  "bob < nothing\n" },
	{ "two Record-Routes where transport and side change, RFC 5658",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE | Record-Route x2 |"
	  " Record-Route[0]: <sip:*@127.0.1.2:5060;lr;transport=tcp> |"
	  " Record-Route[1]: <sip:*@sip.corp.example:5061;lr;transport=tls>\n"
	  "berlin > 200\n"
	  "bob < 200 | Record-Route x2\n"
	  "bob > ACK\n"
	  "berlin < ACK | !Route | !Record-Route\n" },
	{ "a backend that asks for a user of its own",
	  "munich > INVITE sip:carl@corp.example\n"
	  "munich < 404\n"
	  "munich > ACK\n"
	  "why unknown-user\n" },
	{ "which methods get a Record-Route",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE | !Record-Route\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > SUBSCRIBE sip:anna@corp.example | Event: presence | Expires: 600\n"
	  "berlin < SUBSCRIBE | Record-Route x2\n"
	  "berlin > 202\n"
	  "bob < 202\n"
	  "bob > PUBLISH sip:anna@corp.example | Event: presence\n"
	  "berlin < PUBLISH | !Record-Route\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > REFER sip:anna@corp.example | Refer-To: <sip:x@partner.example>\n"
	  "berlin < REFER | Record-Route x2\n"
	  "berlin > 202\n"
	  "bob < 202\n" },
	{ "inside the dialog our Routes are taken off, §16.4",
	  CALL
	  "bob > INFO\n"
	  "berlin < INFO sip:berlin@10.0.1.1:5060;transport=tcp | !Route\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin > INFO\n"
	  "bob < INFO sip:bob@203.0.113.10:5061;transport=tls | !Route\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "a proxy of theirs that recorded itself comes next",
	  "bob > INVITE sip:anna@corp.example | Record-Route: <sip:edge.partner.example;lr>\n"
	  "bob < 100\n"
	  "berlin < INVITE | Record-Route x3 | Record-Route[2]: <sip:edge.partner.example;lr>\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK | Route: $route1 | +Route: $route2\n"
	  "berlin < ACK\n"
	  "dns edge.partner.example A 203.0.113.10\n"
	  "berlin > BYE\n"
	  "bob < BYE sip:bob@203.0.113.10:5061;transport=tls | Route x1 |"
	  " Route: <sip:edge.partner.example;lr>\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	/* The last router before us is strict: our Route stands in the Request-URI, the target last in Route. */
	{ "strict routing towards us is repaired, §16.4",
	  CALL
	  "bob > BYE | Request-URI: sip:$token@sip.corp.example:5061;lr;transport=tls |"
	  " Route: $route1 | +Route: <$target>\n"
	  "berlin < BYE sip:berlin@10.0.1.1:5060;transport=tcp | !Route\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "strict routing after us, §16.6 item 6",
	  "dns old.partner.example A 203.0.113.10\n"
	  "bob > INVITE sip:anna@corp.example | Record-Route: <sip:old.partner.example>\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK | Route: $route1 | +Route: $route2\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE sip:old.partner.example | Route x1 |"
	  " Route: <sip:bob@203.0.113.10:5061;transport=tls>\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "a Route without a dialog that is ours, §16.4",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " Route: <sip:sip.corp.example:5061;transport=tls;lr>\n"
	  "berlin < MESSAGE | !Route\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a partner without TLS cannot aim us at our own networks",
	  "dora > INVITE sip:anna@corp.example | Contact: <sip:x@10.0.0.99:5060>\n"
	  "dora < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "dora > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "dora < BYE sip:x@10.0.0.99:5060\n"
	  "dora > 200\n"
	  "berlin < 200\n" },
	{ "sips goes by TLS or not at all, §26.2.2",
	  "berlin > MESSAGE sips:dora@plain.example\n"
	  "berlin < 416\n"
	  "why uri-scheme\n" },
	{ "maddr that names us is taken away, §16.4",
	  "bob > MESSAGE sip:anna@corp.example;maddr=127.0.2.10\n"
	  "berlin < MESSAGE sip:anna@corp.example\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a user at our address is a user of our domain",
	  "bob > MESSAGE sip:anna@127.0.2.10:5061;transport=tls\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a user whom no backend names",
	  "bob > MESSAGE sip:nobody@corp.example\n"
	  "bob < 404\n"
	  "why unknown-user\n" },
	{ "escapes in the user part do not matter, RFC 3261 §19.1.4",
	  "bob > MESSAGE sip:%61nna@corp.example\n"
	  "berlin < MESSAGE sip:%61nna@corp.example\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "domains are compared without case",
	  "bob > MESSAGE sip:anna@CORP.Example\n"
	  "berlin < MESSAGE sip:anna@CORP.Example\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "unknown headers and bodies pass untouched",
	  "bob > MESSAGE sip:anna@corp.example | X-What: a;b=\"c, d\" |"
	  " Content-Type: text/plain | body: one$n$ntwo\n"
	  "berlin < MESSAGE | X-What: a;b=\"c, d\" | body: one*two | Content-Length: 10\n"
	  "berlin > 200 | X-Back: yes\n"
	  "bob < 200 | X-Back: yes\n" },
	{ "a Route that leads elsewhere is not followed for a partner",
	  "bob > MESSAGE sip:anna@corp.example | Route: <sip:10.0.1.99;lr>\n"
	  "bob < 403\n"
	  "why no-relay\n"
	  "bob > MESSAGE sip:anna@corp.example |"
	  " Route: <sip:sip.corp.example:5061;transport=tls;lr>, <sip:10.0.1.99;lr>\n"
	  "bob < 403\n" },
	{ "a Route with our domain led here",
	  "bob > MESSAGE sip:anna@corp.example | Route: <sip:corp.example;lr>\n"
	  "berlin < MESSAGE | !Route\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("routes", plays, COUNT(plays));
}
