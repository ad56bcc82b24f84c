/* RFC 3261 §16.3, RFC 5393: which requests are forwarded at all. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
static const struct play plays[] = {
	{ "Max-Forwards 0, §16.3 item 3",
	  "bob > MESSAGE sip:anna@corp.example | Max-Forwards: 0\n"
	  "bob < 483 | To: *;tag=* | Warning: *too-many-hops*\n"
	  "why too-many-hops\n" },
	{ "a stranger is not told why",
	  "eve > MESSAGE sip:anna@corp.example | Max-Forwards: 0\n"
	  "eve < 483 | !Warning\n" },
	{ "Max-Forwards 1 goes on as 0",
	  "bob > MESSAGE sip:anna@corp.example | Max-Forwards: 1\n"
	  "berlin < MESSAGE | Max-Forwards: 0\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "no Max-Forwards becomes 70, §16.6 item 3",
	  "bob > MESSAGE sip:anna@corp.example | -Max-Forwards\n"
	  "berlin < MESSAGE | Max-Forwards: 70\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "OPTIONS with Max-Forwards 0 is answered, §11",
	  "bob > OPTIONS sip:anna@corp.example | Max-Forwards: 0\n"
	  "bob < 200 | Allow | Contact\n"
	  "why none\n" },
	{ "OPTIONS to ourselves",
	  "bob > OPTIONS sip:corp.example\n"
	  "bob < 200 | Allow: *INVITE* | Accept\n"
	  "bob > OPTIONS sip:sip.corp.example:5061;transport=tls\n"
	  "bob < 200\n" },
	{ "other methods to ourselves",
	  "bob > MESSAGE sip:corp.example\n"
	  "bob < 405 | Allow: *OPTIONS*\n"
	  "why method\n" },
	{ "REGISTER",
	  "bob > REGISTER sip:corp.example\n"
	  "bob < 405\n"
	  "berlin > REGISTER sip:anna@corp.example\n"
	  "berlin < 405\n" },
	{ "Max-Forwards over 255",
	  "bob > MESSAGE sip:anna@corp.example | Max-Forwards: 256\n"
	  "bob < 400\n"
	  "why malformed\n" },
	{ "Proxy-Require, §16.3 item 5",
	  "bob > INVITE sip:anna@corp.example | Proxy-Require: gruu, foo\n"
	  "bob < 420 | Unsupported: *foo* | Warning: *proxy-require*\n"
	  "bob > ACK\n"
	  "why proxy-require\n" },
	{ "Require is not for proxies",
	  "bob > MESSAGE sip:anna@corp.example | Require: foo\n"
	  "berlin < MESSAGE | Require: foo\n"
	  "berlin > 420 | Unsupported: foo\n"
	  "bob < 420 | Unsupported: foo\n" },
	{ "a scheme nobody knows, §16.3 item 2",
	  "bob > MESSAGE nobody:anna@corp.example | To: <sip:anna@corp.example>\n"
	  "bob < 416\n"
	  "why uri-scheme\n" },
	{ "sips is known",
	  "bob > MESSAGE sips:anna@corp.example\n"
	  "berlin < MESSAGE sips:anna@corp.example\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "OPTIONS to ourselves that requires what we have not, §8.2.2.3",
	  "bob > OPTIONS sip:corp.example | Require: 100rel\n"
	  "bob < 420 | Unsupported: 100rel\n"
	  "why extension-unsupported\n" },
	{ "what the other end must support is its business, §16.3",
	  "bob > MESSAGE sip:anna@corp.example | Require: 100rel\n"
	  "berlin < MESSAGE | Require: 100rel\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "the CSeq's method is another one, §8.1.1.5",
	  "bob > MESSAGE sip:anna@corp.example | CSeq: 1 INVITE\n"
	  "bob < 400\n" },
	{ "SIP/3.0",
	  "bob > OPTIONS sip:anna@corp.example | Request-URI: sip:anna@corp.example SIP/3.0 x\n"
	  "bob skips\n"
	  "berlin < nothing\n" },
	{ "headers in the Request-URI, §19.1.1",
	  "bob > MESSAGE sip:anna@corp.example?Route=x\n"
	  "bob < 400\n" },
	{ "Max-Breadth 0, RFC 5393 §5",
	  "bob > MESSAGE sip:anna@corp.example | Max-Breadth: 0\n"
	  "bob < 440\n"
	  "why max-breadth\n" },
	{ "Max-Breadth goes on",
	  "bob > MESSAGE sip:anna@corp.example | Max-Breadth: 7\n"
	  "berlin < MESSAGE | Max-Breadth: 7\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "branches share the breadth, RFC 5393 §5.3.3",
	  "bob > MESSAGE sip:team1@corp.example | Max-Breadth: 7\n"
	  "berlin < MESSAGE | Max-Breadth: 3\n"
	  "munich < MESSAGE | Max-Breadth: 3\n"
	  "berlin > 200\n"
	  "munich > 404\n"
	  "bob < 200\n" },
	{ "too little breadth for two branches",
	  "bob > MESSAGE sip:team1@corp.example | Max-Breadth: 1\n"
	  "bob < 440\n"
	  "why max-breadth\n" },
	/* A backend sends back what it got, to the same Request-URI. */
	{ "a loop, RFC 5393 §4.2",
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:anna@corp.example | Call-ID: $callid | CSeq: $cseq |"
	  " From: $from | +Via: $vias | Max-Forwards: 69\n"
	  "berlin < 482\n"
	  "why loop\n"
	  "berlin > 482\n"
	  "munich < 482\n" },
	{ "a spiral is no loop, RFC 5393 §4.2.2",
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:carl@corp.example | Call-ID: $callid | CSeq: $cseq |"
	  " From: $from | +Via: $vias | Max-Forwards: 69\n"
	  "munich < MESSAGE sip:carl@corp.example | Via x4\n"
	  "munich > 200\n"
	  "berlin < 200 | Via x3\n"
	  "berlin > 200\n"
	  "munich < 200 | Via x1\n" },
	{ "no header that a response needs, §16.3 item 1",
	  "bob > MESSAGE sip:anna@corp.example | -Call-ID\n"
	  "bob < nothing\n"
	  "bob > MESSAGE sip:anna@corp.example | -From\n"
	  "bob < nothing\n"
	  "bob > MESSAGE sip:anna@corp.example | -CSeq\n"
	  "bob < nothing\n"
	  "berlin < nothing\n" },
	{ "two Call-IDs",
	  "bob > MESSAGE sip:anna@corp.example | +Call-ID: other\n"
	  "bob < 400\n"
	  "why malformed\n" },
	{ "Content-Length over the body",
	  "bob > MESSAGE sip:anna@corp.example | Content-Length: 50 | body: short\n"
	  "bob skips\n"
	  "berlin < nothing\n" },
	{ "an ACK that is wrong gets no answer, §17.1.1.3",
	  "bob > MESSAGE sip:anna@corp.example | Max-Forwards: 0\n"
	  "bob < 483\n"
	  "bob > ACK sip:anna@corp.example | Max-Forwards: 0\n"
	  "bob < nothing\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("validation", plays, COUNT(plays));
}
