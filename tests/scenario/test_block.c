/* A partner that may not federate any more: what is open with it ends at once, and nothing of
 * its dialogs goes on. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START(partners) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'], probe: 0 }\n" \
	"partners:\n" partners
#define OPEN(more) "federation: { open: true, listener: wan" more " }\n"
#define ROUTE(more) \
	"  routes:\n" \
	"    - { domain: static.example, server: 203.0.113.30, transport: mtls, probe: 0" more " }\n" \
	"    - { domain: other.example, server: 203.0.113.31, transport: mtls, probe: 0 }\n"
#define PINNED ", identity: [edge.hoster.example]"

static const char *const configs[] = {
	START(ROUTE(PINNED)) OPEN(""),
	/* 1: the route is gone */
	START("  routes: []\n"),
	/* 2: ... or switched off */
	START(ROUTE(PINNED ", enabled: false")) OPEN(""),
	/* 3: ... or the name by which it is known */
	START(ROUTE("")) OPEN(""),
	/* 4: a domain that open federation had found is denied */
	START(ROUTE(PINNED)) OPEN(", deny: [partner.example]"),
	/* 5: all of them are switched off */
	START("  enabled: false\n" ROUTE(PINNED)) OPEN(""),
	NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "twin", "203.0.113.11:5061", "wan", "one.example,two.example", "sip:x@one.example" },
	{ "sam", "203.0.113.30:5061", "wan", "edge.hoster.example", "sip:sam@static.example" },
	{ "olga", "203.0.113.31:5061", "wan", "other.example", "sip:olga@other.example" },
	{ 0 },
};

#define ALL configs, NULL, cast
#define BOB \
	"dns _sipfederationtls._tcp.partner.example SRV 1 0 5061 sip.partner.example\n" \
	"dns sip.partner.example A 203.0.113.10\n"
#define ASK(who) who " > MESSAGE sip:anna@corp.example\n" "berlin < MESSAGE\n" "berlin > 200\n" who " < 200\n"
#define ASKED(who, uri) "berlin > MESSAGE " uri "\n" who " < MESSAGE\n" who " > 200\n" "berlin < 200\n"
#define TO_BOB ASKED("bob", "sip:bob@partner.example")
#define TO_SAM ASKED("sam", "sip:sam@static.example")
#define CALL \
	"berlin > INVITE sip:bob@partner.example\n" "berlin < 100\n" \
	"bob < INVITE\n" "bob > 200\n" "berlin < 200\n" "berlin > ACK\n" "bob < ACK\n"

static const struct play plays[] = {
	{ "blocked: the connection that it opened ends at once",
	  ASK("bob")
	  "bob has 1\n"
	  "block partner.example\n"
	  "bob has 0\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403 | Warning: *partner-blocked*\n", ALL },
	{ "blocked: the connection that we opened, too",
	  BOB TO_BOB
	  "bob has 1\n"
	  "block partner.example\n"
	  "bob has 0\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why partner-blocked\n"
	  "bob has 0\n", ALL },
	{ "another domain blocked: nothing ends",
	  ASK("bob")
	  "block one.example\n"
	  "bob has 1\n"
	  ASK("bob"), ALL },
	{ "a connection that stands for two domains stays for the other",
	  ASK("twin")
	  "twin is sip:x@two.example\n"
	  ASK("twin")
	  "block one.example\n"
	  "twin has 1\n"
	  ASK("twin")
	  "twin is sip:x@one.example\n"
	  "twin > MESSAGE sip:anna@corp.example\n"
	  "twin < 403\n", ALL },
	{ "blocked: nothing goes on inside its dialogs, either way",
	  BOB CALL
	  "block partner.example\n"
	  "berlin > INFO\n"
	  "berlin < 403\n"
	  "why partner-blocked\n"
	  "bob > INFO\n"
	  "bob < 403\n"
	  "why partner-blocked\n"
	  "bob > ACK\n"
	  "berlin < nothing\n", ALL },
	{ "blocked while our request is under way: refused at once, and not tried anew",
	  BOB
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "block partner.example\n"
	  "berlin < 403 | Warning: *partner-blocked*\n"
	  "berlin > ACK\n"
	  "bob has 0\n", ALL },
	{ "blocked while its call rings: nobody is called any more",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "block partner.example\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "bob has 0\n"
	  "bob < nothing\n", ALL },
	{ "blocked while its message is answered: the answer finds no way",
	  BOB
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "block partner.example\n"
	  "berlin > 200\n"
	  "bob < nothing\n"
	  "bob has 0\n", ALL },
	{ "forgotten, or approved: welcome again",
	  "block partner.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "unsay partner.example\n"
	  ASK("bob")
	  "block partner.example\n"
	  "bob has 0\n"
	  "approve partner.example\n"
	  ASK("bob")
	  "bob has 1\n"
	  "approve partner.example\n"
	  "bob has 1\n", ALL },
	{ "a reload without the route",
	  ASK("sam")
	  ASK("olga")
	  "reload 1\n"
	  "sam has 0\n"
	  "olga has 0\n", ALL },
	{ "a reload that switches the route off: that one alone",
	  ASK("sam")
	  ASK("olga")
	  "reload 2\n"
	  "sam has 0\n"
	  "olga has 1\n"
	  ASK("olga"), ALL },
	{ "... the connection that we opened",
	  TO_SAM
	  "sam has 1\n"
	  "reload 2\n"
	  "sam has 0\n", ALL },
	{ "... while a request is under way: refused at once",
	  "berlin > INVITE sip:sam@static.example\n"
	  "berlin < 100\n"
	  "sam < INVITE\n"
	  "reload 2\n"
	  "berlin < 403 | Warning: *route-disabled*\n"
	  "berlin > ACK\n"
	  "sam has 0\n", ALL },
	{ "a reload that takes the name away by which it is known",
	  ASK("sam")
	  "sam has 1\n"
	  "reload 3\n"
	  "sam has 0\n", ALL },
	{ "... of the connection that we opened",
	  TO_SAM
	  "reload 3\n"
	  "sam has 0\n", ALL },
	{ "a reload that denies what open federation had found",
	  ASK("bob")
	  "reload 4\n"
	  "bob has 0\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n", ALL },
	{ "every route switched off",
	  ASK("sam")
	  TO_SAM
	  "reload 5\n"
	  "sam has 0\n", ALL },
	{ "a reload that changes nothing",
	  ASK("sam")
	  ASK("bob")
	  BOB TO_BOB
	  "bob has 2\n"
	  "reload 0\n"
	  "sam has 1\n"
	  "bob has 2\n", ALL },
};
/* clang-format on */

int main(void)
{
	return scenario_main("block", plays, COUNT(plays));
}
