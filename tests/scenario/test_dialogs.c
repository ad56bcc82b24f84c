/* A request inside a dialog must prove that its dialog went through us, and come from one of
 * its ends (design.md 3, field.md pitfall 2). */
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
	{ "the token is forged",
	  CALL
	  "bob > INFO | Route: <sip:$forged@sip.corp.example:5061;lr;transport=tls>\n"
	  "bob < 403\n"
	  "why route-token-forged\n" },
	{ "the token of another Call-ID",
	  CALL
	  "bob > INFO | Call-ID: another@call\n"
	  "bob < 403\n"
	  "why route-token-forged\n" },
	{ "one of both entries is forged, RFC 5658",
	  CALL
	  "bob > INFO | Route: $route0 |"
	  " +Route: <sip:$forged@127.0.1.2:5060;lr;transport=tcp>\n"
	  "bob < 403\n"
	  "why route-token-forged\n" },
	{ "a To tag, but no Route",
	  CALL
	  "bob > BYE | -Route\n"
	  "bob < 481\n"
	  "why unknown-dialog\n" },
	{ "a To tag, and our Route without a token",
	  CALL
	  "bob > BYE | Route: <sip:sip.corp.example:5061;lr;transport=tls>\n"
	  "bob < 481\n"
	  "why unknown-dialog\n" },
	{ "a foreign token: another partner in that dialog",
	  CALL
	  "dora > INFO sip:anna@corp.example | Call-ID: $bob.callid | Route: $bob.route0 |"
	  " +Route: $bob.route1 | To: <sip:anna@corp.example>;tag=$bob.tag\n"
	  "dora < 403\n"
	  "why dialog-identity\n" },
	{ "... and with the From of that dialog",
	  CALL
	  "eve is sip:bob@partner.example\n"
	  "eve > BYE sip:anna@corp.example | Call-ID: $bob.callid | Route: $bob.route0 |"
	  " +Route: $bob.route1 | To: <sip:anna@corp.example>;tag=$bob.tag\n"
	  "eve < 403 | !Warning\n"
	  "why identity-mismatch\n" },
	{ "the certificate is asked for inside the dialog too",
	  CALL
	  "bob by wan-tcp\n"
	  "bob > BYE\n"
	  "bob < 403\n"
	  "why no-certificate\n" },
	{ "a forged ACK is dropped",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK | Route: <sip:$forged@sip.corp.example:5061;lr;transport=tls>\n"
	  "bob < nothing\n"
	  "berlin < nothing\n" },
	{ "an ACK without our Route goes nowhere",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK | -Route\n"
	  "bob < nothing\n"
	  "berlin < nothing\n" },
	/* A partner must not aim us at other hosts of the lan. */
	{ "the Request-URI of a partner aims elsewhere",
	  CALL
	  "bob > INFO | Request-URI: sip:x@10.0.1.2:5060\n"
	  "berlin < INFO sip:x@10.0.1.2:5060\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "munich < nothing\n" },
	{ "the Contact of a partner aims at a host that cannot prove the name",
	  "bob > INVITE sip:anna@corp.example |"
	  " Contact: <sip:bob@203.0.113.66:5061;transport=tls>\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "berlin < 503\n"
	  "eve < nothing\n"
	  "why tls-name-mismatch\n" },
	{ "the Contact of a partner aims at our lan",
	  "bob > INVITE sip:anna@corp.example |"
	  " Contact: <sip:bob@10.0.1.2:5060;transport=udp>\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "berlin skips\n"
	  "munich < nothing\n" },
	{ "the Contact of a partner aims at another partner's server, without TLS",
	  "bob > INVITE sip:anna@corp.example |"
	  " Contact: <sip:bob@203.0.113.20:5060;transport=udp>\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "berlin skips\n"
	  "dora < nothing\n" },
	{ "another backend goes on with the call: all are one house",
	  CALL
	  "munich > INFO sip:bob@partner.example | Call-ID: $berlin.callid |"
	  " Route: $berlin.route0 | +Route: $berlin.route1 | Request-URI: $berlin.target\n"
	  "bob < INFO\n"
	  "bob > 200\n"
	  "munich < 200\n" },
	{ "both sides hang up at once",
	  CALL
	  "bob > BYE\n"
	  "berlin > BYE\n"
	  "berlin < BYE\n"
	  "bob < BYE\n"
	  "berlin > 200\n"
	  "bob > 200\n"
	  "bob < 200\n"
	  "berlin < 200\n" },
	{ "days later the token is still good",
	  CALL
	  "wait 2880m\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "the connection that the dialog began by is gone",
	  CALL
	  "bob closes\n"
	  "berlin closes\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob closes\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "forged tokens are refused each, and nobody is banned: our key may be lost",
	  CALL
	  "times 20 bob > INFO | Route: <sip:$forged@sip.corp.example:5061;lr;transport=tls>\n"
	  "bob skips\n"
	  "berlin < nothing\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("dialogs", plays, COUNT(plays));
}
