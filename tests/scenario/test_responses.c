/* RFC 3261 §16.7: which response goes back, and when. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
/* team1 is at home with both backends: berlin by TCP, munich by UDP. */
#define FORK \
	"bob > INVITE sip:team1@corp.example\n" \
	"bob < 100\n" \
	"berlin < INVITE\n" \
	"munich < INVITE\n"

/* Both refuse: berlin first. */
#define BOTH(first, second) \
	FORK "berlin > " first "\n" \
	     "berlin < ACK\n" \
	     "bob < nothing\n" \
	     "munich > " second "\n" \
	     "munich < ACK\n"

static const struct play plays[] = {
	/* [MS-OCER]. */
	{ "the number of our refusal goes to partners",
	  "bob > MESSAGE sip:nobody@corp.example\n"
	  "bob < 404 | Warning | ms-diagnostics: 1003;reason=\"User does not exist\";source=\"sip.corp.example\"\n" },
	{ "... also once the request was on its way",
	  "berlin refuses\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | ms-diagnostics: 1007;reason=\"Temporarily cannot route\";source=\"sip.corp.example\"\n" },
	{ "... to untrusted ones as well, where the code goes",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407 | !ms-diagnostics\n"
	  "will > MESSAGE sip:nobody@corp.example | Digest: anna wrong MD5\n"
	  "will < 403 | Warning | !ms-diagnostics\n" },
	{ "... but not to a backend",
	  "berlin > MESSAGE sip:x@elsewhere.example\n"
	  "berlin < 404 | Warning | !ms-diagnostics\n" },
	{ "... nor to a stranger",
	  "mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory < 403 | !Warning | !ms-diagnostics\n" },
	{ "what a partner says goes to the backend, and into the record",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 404 | +ms-diagnostics: 1003;reason=\"User does not exist\";source=\"sip.partner.example\"\n"
	  "berlin < 404 | ms-diagnostics: 1003;reason=\"User does not exist\";source=\"sip.partner.example\"\n"
	  "because they say 1003 of sip.partner.example: User does not exist\n" },
	{ "... also with the 500 that stands for its 503",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 503 | +ms-diagnostics-public: 1034.1;source=\"edge.partner.example\";reason=\"Nothing \\\"known\\\"\"\n"
	  "berlin < 500 | ms-diagnostics: 1034;reason=\"Nothing 'known'\";source=\"edge.partner.example\"\n"
	  "because they say 1034 of edge.partner.example: Nothing 'known'\n" },
	{ "a backend's 503 tells a partner no more than ours",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 503 | +ms-diagnostics: 4006;reason=\"User not found in pool\";source=\"pool7.lan\"\n"
	  "bob < 500 | ms-diagnostics x1 | ms-diagnostics: 1007;*source=\"sip.corp.example\"\n"
	  "because they say 4006 of pool7.lan: *\n" },
	{ "100 goes hop by hop, item 5",
	  FORK
	  "berlin > 100\n"
	  "bob < nothing\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "every other provisional goes back at once, item 5",
	  FORK
	  "berlin > 180\n"
	  "bob < 180 | Via x1 | To: *;tag=berlin-*\n"
	  "munich > 183\n"
	  "bob < 183 | To: *;tag=munich-*\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "berlin > 200\n"
	  "bob < 200 | To: *;tag=berlin-*\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "the 2xx of a slower branch goes back as well, item 5",
	  FORK
	  "berlin > 200\n"
	  "bob < 200 | To: *;tag=berlin-*\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "munich > 200\n"
	  "bob < 200 | To: *;tag=munich-*\n"
	  "bob > ACK | Request-URI: sip:munich@10.0.1.2:5060\n"
	  "berlin skips\n"
	  "munich skips\n" },
	{ "a 2xx goes back again and again, RFC 6026",
	  FORK
	  "berlin > 200\n"
	  "bob < 200\n"
	  "wait 500ms\n"
	  "berlin > again\n"
	  "bob < 200\n"
	  "wait 1s\n"
	  "berlin > again\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "munich skips\n" },
	{ "404 and 486: what says more of the user",
	  BOTH("404", "486")
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "404 and 484: what lets the caller mend it, item 6",
	  BOTH("404", "484")
	  "bob < 484\n"
	  "bob > ACK\n" },
	{ "302 and 404: the lower class",
	  BOTH("404", "302 | Contact: <sip:x@corp.example>")
	  "bob < 302 | Contact\n"
	  "bob > ACK\n" },
	{ "500 and 404: the lower class",
	  BOTH("500", "404")
	  "bob < 404\n"
	  "bob > ACK\n" },
	{ "408 and 486",
	  BOTH("408", "486")
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "503 and 486",
	  BOTH("503", "486")
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "486 and 503",
	  BOTH("486", "503")
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "503 and 500: the other one says more",
	  BOTH("503", "500")
	  "bob < 500\n"
	  "bob > ACK\n" },
	{ "503 alone goes back as 500, item 6",
	  BOTH("503", "503")
	  "bob < 500 | !Retry-After\n"
	  "bob > ACK\n"
	  "why next-hop-503\n" },
	{ "challenges are added together, item 7",
	  BOTH("401 | WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"", "407 | Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"")
	  "bob < 401 | WWW-Authenticate: Digest realm=\"a\"* |"
	  " Proxy-Authenticate: Digest realm=\"b\"*\n"
	  "bob > ACK\n" },
	{ "several challenges of one kind",
	  BOTH("401 | WWW-Authenticate: Digest realm=\"a\", nonce=\"1\" |" " +WWW-Authenticate: Digest realm=\"aa\", nonce=\"1\"", "401 | WWW-Authenticate: Digest realm=\"b\", nonce=\"2\" |" " +WWW-Authenticate: Digest realm=\"bb\", nonce=\"2\"")
	  "bob < 401 | WWW-Authenticate x4\n"
	  "bob > ACK\n" },
	{ "6xx ends the others first, item 5",
	  FORK
	  "munich > 180\n"
	  "bob < 180\n"
	  "berlin > 603\n"
	  "berlin < ACK\n"
	  "bob < nothing\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob < 603\n"
	  "bob > ACK\n" },
	{ "6xx, but another one has just answered: 2xx wins",
	  FORK
	  "munich > 180\n"
	  "bob < 180\n"
	  "berlin > 603\n"
	  "berlin < ACK\n"
	  "munich < CANCEL\n"
	  "munich > 200 INVITE\n"
	  "bob < 200\n"
	  "munich > 200 CANCEL\n"
	  "bob > ACK\n"
	  "munich < ACK\n" },
	{ "nobody answers, item 6",
	  FORK
	  "munich > 100\n"
	  "wait 32s\n"
	  "munich skips\n"
	  "bob < nothing\n"
	  "wait 148s\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob < 408\n"
	  "bob > ACK\n" },
	{ "of other methods the first 2xx goes back",
	  "bob > MESSAGE sip:team1@corp.example\n"
	  "berlin < MESSAGE\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  "berlin > 200\n"
	  "berlin > again\n" },
	{ "provisionals of other methods stay here, RFC 4320 §4.1",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 180\n"
	  "bob < nothing\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "no branch of ours, §16.7 item 1",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200 | Via: SIP/2.0/TCP 127.0.1.2:5060;branch=z9hG4bKother |"
	  " +Via: SIP/2.0/TLS 203.0.113.10:5061;branch=z9hG4bK-bob-2\n"
	  "bob < nothing\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a second answer to the same request",
	  FORK
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "berlin > 200\n"
	  "bob < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "a refusal that is repeated gets its ACK again",
	  FORK
	  "munich > 486\n"
	  "munich < ACK\n"
	  "munich > again\n"
	  "munich < ACK\n"
	  "bob < nothing\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "a status that does not exist",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 699\n"
	  "berlin > 799\n"
	  "bob < 699\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 799\n"
	  "bob < nothing\n"
	  "berlin > 599\n"
	  "bob < 599\n" },
	{ "a 3xx goes back as it is",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 302 | Contact: <sip:anna@elsewhere.example>\n"
	  "berlin < ACK\n"
	  "bob < 302 | Contact: <sip:anna@elsewhere.example>\n"
	  "bob > ACK\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("responses", plays, COUNT(plays));
}
