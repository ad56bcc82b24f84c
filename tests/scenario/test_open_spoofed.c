/* Who says to be whom he is not, over a certificate of a CA that we trust: each with the code
 * of its refusal (design.md 3, RFC 5922, RFC 2782). The certificates are those of the cast;
 * what stands in DNS is the attacker's own zone, and that of others. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
static const char *const open_to_all[] = {
	"version: 1\n"
	"domains: [corp.example, corp.test]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n"
	"  - { name: wan-tls, network: wan, bind: 127.0.2.10, port: 5071, transport: tls, certificate: edge }\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"certificates:\n"
	"  edge: { chain: edge.pem, key: edge.key }\n"
	"tls: { trust: [ca.pem] }\n"
	"realm: corp.example\n"
	"dns: { budget: 4s }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'], probe: 0 }\n"
	"federation: { open: true, listener: wan, hosters: [edge.hoster.example, edge.other-hoster.example] }\n", NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	/* The honest ones: a domain in its certificate, a server in its certificate, a hoster. */
	{ "bob", "203.0.113.10:5061", "wan", "partner.example,sip.partner.example", "sip:bob@partner.example" },
	{ "paula", "203.0.113.11:5061", "wan", "sip.paris.example", "sip:paula@paris.example" },
	{ "hoster", "203.0.113.12:5061", "wan", "edge.hoster.example", "sip:tina@tenant.example" },
	/* The attacker, whose certificate is good for his own names. */
	{ "eve", "203.0.113.66:5061", "wan", "evil.example,sip.evil.example", "sip:eve@evil.example" },
	{ "wild", "203.0.113.67:5061", "wan", "*.wild.example", "sip:will@x.wild.example" },
	{ "bare", "203.0.113.68:5061", "wan-tls", "", "sip:bob@partner.example" },
	{ 0 },
};

#define RECORDS(domain, host, address) \
	"dns _sipfederationtls._tcp." domain " SRV 1 0 5061 " host "\n" \
	"dns " host " A " address "\n"
#define HONEST \
	RECORDS("partner.example", "sip.partner.example", "203.0.113.10") \
	RECORDS("paris.example", "sip.paris.example", "203.0.113.11") \
	RECORDS("tenant.example", "edge.hoster.example", "203.0.113.12")
#define EVIL(domain, target) "dns _sipfederationtls._tcp." domain " SRV 1 0 5061 " target "\n"

/* Who says in From to be whom, and the code that refuses it; anna hears nothing. */
#define REFUSED(who, from, code) \
	who " is " from "\n" \
	who " > MESSAGE sip:anna@corp.example\n" \
	who " < 403\n" \
	"why " code "\n" \
	"berlin < nothing\n"
#define SPOOF(name, more, who, from, code) { name, HONEST more REFUSED(who, from, code), open_to_all, NULL, cast }

#define ANNA_GETS(who) "berlin < MESSAGE\n" "berlin > 200\n" who " < 200\n"
#define CALL_FROM_BOB \
	HONEST \
	"bob > INVITE sip:anna@corp.example\n" "bob < 100\n" "berlin < INVITE\n" "berlin > 200\n" "bob < 200\n" \
	"bob > ACK\n" "berlin < ACK\n"
#define INSIDE(from) \
	"eve is " from "\n" \
	"eve > INFO sip:anna@corp.example | Call-ID: $bob.callid | Route: $bob.route0 | To: <sip:anna@corp.example>;tag=$bob.tag\n" \
	"eve < 403\n"
#define ALL open_to_all, NULL, cast

static const struct play plays[] = {
	/* look-alikes: there is no record, or the attacker's own; each is another domain than the one that it looks like */
	SPOOF("look-alike: a letter twice", "", "eve", "sip:bob@partnner.example", "identity-mismatch"),
	SPOOF("look-alike: another letter", "", "eve", "sip:bob@partmer.example", "identity-mismatch"),
	SPOOF("look-alike: a digit", "", "eve", "sip:bob@p4rtner.example", "identity-mismatch"),
	SPOOF("look-alike: an A-label of RFC 5890, shown with a Cyrillic letter", "", "eve", "sip:bob@xn--prtner-4ve.example",
	      "identity-mismatch"),
	SPOOF("look-alike: another top-level domain", "", "bob", "sip:bob@partner.test", "identity-mismatch"),
	SPOOF("look-alike: a hyphen instead of a dot", "", "bob", "sip:bob@sip-partner.example", "identity-mismatch"),
	SPOOF("look-alike: the domain in front of the attacker's", "", "eve", "sip:bob@partner.example.evil.example",
	      "identity-mismatch"),
	SPOOF("look-alike: the domain in the user part", "", "eve", "sip:bob%40partner.example@evil.test", "identity-mismatch"),
	SPOOF("look-alike: the attacker's domain behind a dot less", "", "eve", "sip:eve@vil.example", "identity-mismatch"),
	{ "no look-alike: a domain in capitals is the same, RFC 4343",
	  HONEST
	  "bob is sip:bob@PARTNER.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("bob"), ALL },

	/* above and below */
	SPOOF("a sub-domain without a record", "", "bob", "sip:bob@sales.partner.example", "identity-mismatch"),
	SPOOF("a sub-domain whose record leads to the server of the domain above",
	      EVIL("sales.partner.example", "sip.partner.example"), "bob", "sip:bob@sales.partner.example", "srv-target-outside"),
	SPOOF("the domain of the host in the certificate, which is not named itself", "", "paula", "sip:x@sip.paris.test",
	      "identity-mismatch"),
	SPOOF("the domain above", "", "paula", "sip:x@example", "identity-mismatch"),
	SPOOF("an address instead of a domain", "", "eve", "sip:bob@203.0.113.10", "identity-mismatch"),

	/* DNS of the attacker, who may write into his own zone what he likes */
	SPOOF("his record leads to somebody else's server", EVIL("evil2.example", "sip.paris.example"), "eve", "sip:eve@evil2.example",
	      "srv-elsewhere"),
	SPOOF("his record leads to somebody else's server, who says to be him", EVIL("evil2.example", "sip.paris.example"), "paula",
	      "sip:eve@evil2.example", "srv-target-outside"),
	SPOOF("a forged record of the victim leads to his server", EVIL("victim.example", "sip.evil.example"), "eve",
	      "sip:vera@victim.example", "srv-target-outside"),
	SPOOF("a forged record of the victim, among the victim's own",
	      EVIL("partner.example", "sip.evil.example"), "eve", "sip:bob@partner.example", "srv-target-outside"),
	SPOOF("a server whose name only ends like the domain", EVIL("il.example", "sip.evil.example"), "eve", "sip:x@il.example",
	      "srv-target-outside"),
	SPOOF("a wildcard in the certificate, and a record that leads into the domain",
	      EVIL("x.wild.example", "sip.x.wild.example"), "wild", "sip:will@x.wild.example", "wildcard-certificate"),
	SPOOF("a wildcard that stands for the host that the record leads to", EVIL("wild.example", "sip.wild.example"), "wild",
	      "sip:will@wild.example", "wildcard-certificate"),
	SPOOF("a wildcard that stands for a host outside of the domain", EVIL("victim.example", "sip.wild.example"), "wild",
	      "sip:vera@victim.example", "srv-elsewhere"),

	/* other customers of a hoster */
	SPOOF("a customer of another hoster", EVIL("other.example", "edge.other-hoster.example"), "hoster", "sip:x@other.example",
	      "srv-elsewhere"),
	SPOOF("a domain with a server of its own, over the hoster", "", "hoster", "sip:bob@partner.example", "srv-elsewhere"),
	SPOOF("the hoster's own domain, of which no record says so", "", "hoster", "sip:x@hoster.example", "identity-mismatch"),
	SPOOF("a hoster whom nobody listed", EVIL("tenant2.example", "edge.unknown-hoster.example"), "eve", "sip:x@tenant2.example",
	      "srv-elsewhere"),
	SPOOF("a customer over a connection that is not the hoster's", "", "eve", "sip:tina@tenant.example", "srv-elsewhere"),

	/* our own names */
	SPOOF("our own domain", "", "bob", "sip:anna@corp.example", "own-domain-from-outside"),
	SPOOF("another domain of ours", "", "bob", "sip:anna@corp.test", "own-domain-from-outside"),
	SPOOF("our own domain in capitals", "", "bob", "sip:anna@CORP.example", "own-domain-from-outside"),
	SPOOF("our own domain, with a record that leads to the attacker", EVIL("corp.example", "sip.evil.example"), "eve",
	      "sip:anna@corp.example", "own-domain-from-outside"),
	SPOOF("a sub-domain of ours", "", "eve", "sip:anna@sales.corp.example", "identity-mismatch"),

	/* no certificate at all */
	SPOOF("a domain with a record, over tls without a certificate", "", "bare", "sip:bob@partner.example", "no-certificate"),

	/* inside a dialog: what our signed Route says counts, not what is said */
	{ "inside a dialog: somebody else with a certificate of his own", CALL_FROM_BOB INSIDE("sip:eve@evil.example")
	  "why dialog-identity\n" "berlin < nothing\n", ALL },
	{ "inside a dialog: somebody else who says to be the partner", CALL_FROM_BOB INSIDE("sip:bob@partner.example")
	  "why srv-elsewhere\n" "berlin < nothing\n", ALL },
	{ "inside a dialog: somebody else who says to be us", CALL_FROM_BOB INSIDE("sip:anna@corp.example")
	  "why own-domain-from-outside\n" "berlin < nothing\n", ALL },
	{ "inside a dialog: the partner itself says to be us",
	  CALL_FROM_BOB
	  "bob > INFO | From: <sip:anna@corp.example>;tag=x\n"
	  "bob < 403\n"
	  "why own-domain-from-outside\n"
	  "berlin < nothing\n", ALL },
	{ "inside a dialog: the partner itself says to be another one",
	  CALL_FROM_BOB
	  "bob > INFO | From: <sip:paula@paris.example>;tag=x\n"
	  "bob < 403\n"
	  "why srv-elsewhere\n"
	  "berlin < nothing\n", ALL },
	{ "inside a dialog: a Route of ours with one character changed",
	  CALL_FROM_BOB
	  "bob > INFO | Route: <sip:$forged@127.0.2.10:5061;lr;transport=tls>\n"
	  "bob < 403\n"
	  "why route-token-forged\n"
	  "berlin < nothing\n", ALL },

	/* what is said beside From */
	{ "P-Asserted-Identity of ours is taken off, and From decides (RFC 3325)",
	  HONEST
	  "bob > MESSAGE sip:anna@corp.example | P-Asserted-Identity: <sip:boss@corp.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity\n"
	  "berlin > 200\n"
	  "bob < 200\n", ALL },
	{ "outwards: a forged record of the victim, whose server has no such name",
	  HONEST EVIL("victim.example", "sip.evil.example") "dns sip.evil.example A 203.0.113.66\n"
	  "berlin > MESSAGE sip:vera@victim.example\n"
	  "berlin < 503\n"
	  "why tls-name-mismatch\n"
	  "eve < nothing\n", ALL },
	{ "outwards: another server behind an honest name",
	  "dns _sipfederationtls._tcp.partner.example SRV 1 0 5061 sip.partner.example\n"
	  "dns sip.partner.example A 203.0.113.66\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 503\n"
	  "why tls-name-mismatch\n"
	  "eve < nothing\n", ALL },
};
/* clang-format on */

int main(void)
{
	return scenario_main("open_spoofed", plays, COUNT(plays));
}
