/* Two workers in one process: the kernel gives a message to either (design.md D3). With one
 * worker these are plays like any other. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define INVITE \
	"dora@0 > INVITE sip:carl@corp.example\n" \
	"dora < 100\n" \
	"munich < INVITE\n"

static const struct play plays[] = {
	{ "a response reaches the wrong worker",
	  "dora@0 > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich@1 > 200\n"
	  "dora < 200\n"
	  "dora@1 > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich@0 > 200\n"
	  "dora < 200\n" },
	{ "every response of a call reaches the wrong worker",
	  INVITE
	  "munich@1 > 100\n"
	  "munich@1 > 180\n"
	  "dora < 180\n"
	  "munich@1 > 200\n"
	  "dora < 200\n"
	  "munich@1 > again\n"
	  "dora < 200\n"
	  "dora@1 > ACK\n"
	  "munich < ACK\n"
	  "dora@1 > BYE\n"
	  "munich < BYE\n"
	  "munich@0 > 200\n"
	  "dora < 200\n" },
	{ "a refusal does",
	  INVITE
	  "munich@1 > 486\n"
	  "munich < ACK\n"
	  "munich@1 > again\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora@0 > ACK\n" },
	{ "the ACK to a refusal reaches the wrong worker",
	  INVITE
	  "munich@1 > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora@1 > ACK\n"
	  "wait 10s\n"
	  "dora < nothing\n" },
	{ "the CANCEL reaches the wrong worker",
	  INVITE
	  "munich@1 > 180\n"
	  "dora < 180\n"
	  "dora@1 > CANCEL\n"
	  "dora < 200 CANCEL\n"
	  "munich < CANCEL\n"
	  "munich@1 > 200 CANCEL\n"
	  "munich@1 > 487 INVITE\n"
	  "munich < ACK\n"
	  "dora < 487\n"
	  "dora@1 > ACK\n" },
	{ "a CANCEL that nobody knows is answered once",
	  "dora@0 > INVITE sip:nobody@corp.example\n"
	  "dora < 404\n"
	  "dora@0 > ACK\n"
	  "dora@1 > CANCEL\n"
	  "dora < 481 CANCEL\n"
	  "dora < nothing\n" },
	{ "a CANCEL from somebody else, at the wrong worker",
	  INVITE
	  "munich@1 > 180\n"
	  "dora < 180\n"
	  "mallory@1 > INVITE sip:x@corp.example\n"
	  "mallory < 403\n"
	  "mallory@1 > CANCEL | Call-ID: $dora.callid |"
	  " Via: SIP/2.0/UDP 203.0.113.20:5060;branch=$dora.branch;rport\n"
	  "mallory < 481 CANCEL\n"
	  "munich < nothing\n"
	  "munich@0 > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora@0 > ACK\n" },
	{ "over a stream: the CANCEL comes by another connection",
	  "bob@0 > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "bob@1 > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob@1 > ACK\n" },
	{ "in-dialog requests at either worker",
	  "bob@0 > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob@1 > ACK\n"
	  "berlin < ACK\n"
	  "berlin@1 > INFO\n"
	  "bob < INFO\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "berlin@0 > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "a challenge of one worker is answered at the other",
	  "will@0 > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will@1 > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n"
	  "will@0 > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "will < 407 | Proxy-Authenticate: *stale=true*\n" },
	{ "what one found dead the other one does not try",
	  "mary refuses\n"
	  "berlin@0 > MESSAGE sip:x@many.example\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 200\n"
	  "mary accepts\n"
	  "berlin@1 > MESSAGE sip:x@many.example\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 200\n" },
	{ "a worker that is none",
	  "dora@0 > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 200 |"
	  " Via: SIP/2.0/UDP 127.0.1.2:5060;branch=z9hG4bKn7f.01234567890123456789.0 |"
	  " +Via: SIP/2.0/UDP 203.0.113.20:5060;branch=x\n"
	  "dora < nothing\n"
	  "munich@0 > 200\n"
	  "dora < 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("workers", plays, COUNT(plays));
}
