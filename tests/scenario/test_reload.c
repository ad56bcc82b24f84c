/* Another configuration in the middle of everything: what the change does not touch goes on
 * (design.md 4, D4). */
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
	{ "the same again: a call goes on",
	  CALL
	  "reload 0\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "in the middle of a transaction",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "reload 0\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "reload 0\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "reload 0\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > again\n"
	  "berlin skips\n"
	  "bob skips\n" },
	{ "while a message waits for DNS",
	  "dns sip.partner.example A hangs\n"
	  "dns sip.partner.example AAAA hangs\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "wait 1s\n"
	  "reload 0\n"
	  "wait 4s\n"
	  "berlin < 100\n"
	  "berlin < 503\n" },
	{ "while a connection is made",
	  "berlin > MESSAGE sip:x@many.example\n"
	  "mary < MESSAGE\n"
	  "mary > 200\n"
	  "berlin < 200\n"
	  "mary hangs\n"
	  "mary closes\n"
	  "berlin > MESSAGE sip:x@many.example\n"
	  "reload 0\n"
	  "wait 4s\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 100\n"
	  "berlin < 200\n" },
	{ "CANCEL afterwards",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "reload 0\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n" },
	{ "a partner that was removed is refused",
	  CALL
	  "reload 1\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why not-a-partner\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 404\n"
	  "why no-route\n" },
	{ "... inside a dialog, too",
	  CALL
	  "reload 1\n"
	  "bob > BYE\n"
	  "bob < 403\n"
	  "berlin > BYE\n"
	  "berlin < 404\n"
	  "why no-route\n" },
	{ "... and its connections end at once: what was under way finds no way back",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "reload 1\n"
	  "bob has 0\n"
	  "berlin > 200\n"
	  "bob < nothing\n" },
	{ "... while others end in peace",
	  "mary > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "reload 3\n"
	  "berlin > 200\n"
	  "mary < 200\n" },
	{ "... and when it is there again, so are its dialogs",
	  CALL
	  "reload 1\n"
	  "reload 0\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "every route switched off, and on again",
	  CALL
	  "reload 2\n"
	  "bob > INFO\n"
	  "bob < 403\n"
	  "why partners-switched-off\n"
	  "reload 0\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "health is state: a dead server stays dead",
	  "mary refuses\n"
	  "berlin > MESSAGE sip:x@many.example\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 200\n"
	  "reload 0\n"
	  "mary accepts\n"
	  "berlin > MESSAGE sip:x@many.example\n"
	  "moe < MESSAGE\n"
	  "moe > 200\n"
	  "berlin < 200\n" },
	{ "bans are state, too",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "times 11 will > MESSAGE sip:anna@corp.example | Digest: will guess MD5\n"
	  "will skips\n"
	  "reload 0\n"
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < nothing\n" },
	{ "not confirmed: the old verdict is back after the time",
	  "reload 1 for 60s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why not-a-partner\n"
	  "wait 59s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "wait 2s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... and a dialog from before goes on",
	  CALL
	  "reload 1 for 60s\n"
	  "bob > INFO\n"
	  "bob < 403\n"
	  "wait 61s\n"
	  "bob > INFO\n"
	  "berlin < INFO\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... and a call that the new one let in ends under it",
	  "reload 2 for 60s\n"
	  "reload 0 for 60s\n"
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "wait 61s\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n" },
	{ "confirmed: it stays",
	  "reload 1 for 60s\n"
	  "wait 30s\n"
	  "confirm reload\n"
	  "wait 31s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why not-a-partner\n" },
	{ "a second one counts the time anew, and what was confirmed last is back",
	  "reload 1 for 60s\n"
	  "wait 50s\n"
	  "reload 2 for 60s\n"
	  "wait 50s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why partners-switched-off\n"
	  "wait 11s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "what came back can be on trial again",
	  "reload 1 for 60s\n"
	  "wait 61s\n"
	  "reload 1 for 60s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "wait 61s\n"
	  "reload 1 for 60s\n"
	  "wait 61s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "nonces are state, too",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "reload 0\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret MD5\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("reload", plays, COUNT(plays));
}
