/* RFC 3261 §9, §16.8, §16.10: CANCEL in all its races, and Timer C. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define INVITE \
	"bob > INVITE sip:anna@corp.example\n" \
	"bob < 100\n" \
	"berlin < INVITE\n"

#define RINGING \
	INVITE "berlin > 180\n" \
	       "bob < 180\n"

#define CANCELLED \
	"berlin < CANCEL\n" \
	"berlin > 200 CANCEL\n" \
	"berlin > 487 INVITE\n" \
	"berlin < ACK\n" \
	"bob < 487 INVITE\n" \
	"bob > ACK\n"

#define CANCELLED_BY_TIMER_C \
	"berlin < CANCEL\n" \
	"berlin > 200 CANCEL\n" \
	"berlin > 487 INVITE\n" \
	"berlin < ACK\n" \
	"bob < 408 INVITE\n" \
	"bob > ACK\n"

static const struct play plays[] = {
	{ "after a provisional",
	  RINGING
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  CANCELLED },
	{ "before any provisional it waits for one, §9.1",
	  INVITE
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < nothing\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  CANCELLED },
	{ "a 100 is one",
	  INVITE
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < nothing\n"
	  "berlin > 100\n"
	  CANCELLED },
	{ "the 2xx was faster",
	  RINGING
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 INVITE\n"
	  "bob < 200 INVITE\n"
	  "berlin > 200 CANCEL\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "the 2xx came before any provisional",
	  INVITE
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin > 200 INVITE\n"
	  "berlin < nothing\n"
	  "bob < 200 INVITE\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "a refusal was faster",
	  RINGING
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 486 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 486 INVITE\n"
	  "berlin > 481 CANCEL\n"
	  "bob > ACK\n" },
	{ "after the final it has no effect, §9.2",
	  RINGING
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < nothing\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "twice",
	  RINGING
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "bob > again\n"
	  "bob < 200 CANCEL\n"
	  CANCELLED },
	{ "without an INVITE, §9.2",
	  "bob > INVITE sip:nobody@corp.example\n"
	  "bob < 404\n"
	  "bob > ACK\n"
	  "wait 40s\n"
	  "bob > CANCEL\n"
	  "bob < 481 CANCEL | Warning: *no-transaction*\n"
	  "why no-transaction\n" },
	{ "of a request that is no INVITE",
	  "bob > INVITE sip:nobody@corp.example\n"
	  "bob < 404\n"
	  "bob > ACK\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "bob > CANCEL | Via: SIP/2.0/TLS 203.0.113.10:5061;branch=$branch | CSeq: 1 CANCEL |"
	  " Call-ID: $callid\n"
	  "bob < 481 CANCEL\n"
	  "berlin > 200 MESSAGE\n"
	  "bob < 200 MESSAGE\n" },
	/* Whoever knows the branch, but comes from elsewhere. */
	{ "from somebody else, §9.2",
	  RINGING
	  "dora > INVITE sip:nobody@corp.example\n"
	  "dora < 404\n"
	  "dora > ACK\n"
	  "dora > CANCEL | Via: SIP/2.0/TLS 203.0.113.10:5061;branch=$bob.branch;rport |"
	  " Call-ID: $bob.callid\n"
	  "dora < 481 CANCEL\n"
	  "berlin < nothing\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  CANCELLED },
	{ "its Reason goes on, RFC 3326",
	  RINGING
	  "bob > CANCEL | Reason: SIP;cause=200;text=\"Call completed elsewhere\"\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL | Reason: SIP;cause=200;* | Max-Forwards: 70 | Via x1\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n" },
	{ "it has the INVITE's Via, Route and CSeq number, §9.1",
	  "bob > INVITE sip:anna@corp.example | CSeq: 4711 INVITE\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "bob > CANCEL | CSeq: 4711 CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL sip:anna@corp.example | CSeq: 4711 CANCEL |"
	  " To: <sip:anna@corp.example> | !Contact\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK | CSeq: 4711 ACK\n"
	  "bob < 487\n"
	  "bob > ACK | CSeq: 4711 ACK\n" },
	{ "of all branches",
	  "bob > INVITE sip:team1@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "munich < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "munich < nothing\n"
	  "munich > 180 INVITE\n"
	  "bob < 180\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob < nothing\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n" },
	{ "while DNS is asked",
	  "dns sip.partner.example A hangs\n"
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "wait 1s\n"
	  "berlin > CANCEL\n"
	  "berlin < 487 INVITE\n"
	  "berlin < 200 CANCEL\n"
	  "berlin > ACK\n"
	  "wait 10s\n"
	  "bob < nothing\n" },
	{ "while the connection is made",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "bob hangs\n"
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "wait 1s\n"
	  "berlin > CANCEL\n"
	  "berlin < 200 CANCEL\n"
	  "wait 5s\n"
	  "berlin < 487 INVITE\n"
	  "berlin > ACK\n" },
	{ "the CANCEL is not answered, §9.1",
	  RINGING
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "bob < nothing\n"
	  "wait 32s\n"
	  "bob < 487 INVITE\n"
	  "bob > ACK\n" },
	{ "the connection of who cancels is gone",
	  RINGING
	  "bob closes\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487 INVITE\n"
	  "bob > ACK\n" },
	{ "Timer C, §16.8",
	  RINGING
	  "wait 179s\n"
	  "berlin < nothing\n"
	  "wait 1s\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 408\n"
	  "bob > ACK\n"
	  "why timer-c\n" },
	{ "Timer C of one branch, and another one had said more, §16.8",
	  "bob > INVITE sip:team1@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "munich < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "wait 3m\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n" },
	{ "every 18x starts Timer C anew, §16.7 item 2",
	  RINGING
	  "wait 2m\n"
	  "berlin > 183\n"
	  "bob < 183\n"
	  "wait 2m\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "wait 2m\n"
	  "berlin < nothing\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "a 100 does not",
	  RINGING
	  "wait 2m\n"
	  "berlin > 100\n"
	  "wait 60s\n"
	  CANCELLED_BY_TIMER_C },
	{ "Timer C, and the CANCEL is not answered",
	  RINGING
	  "wait 3m\n"
	  "berlin < CANCEL\n"
	  "wait 32s\n"
	  "bob < 408\n"
	  "bob > ACK\n" },
	{ "Timer C, and then a 2xx all the same",
	  RINGING
	  "wait 3m\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 INVITE\n"
	  "bob < 200 INVITE\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > 200 CANCEL\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("cancel", plays, COUNT(plays));
}
