/* Who is who (design.md 3): the spoof matrix, open relay, identities that are asserted (RFC
 * 3325). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define SAYS(who, uri) who " is " uri "\n" who " > MESSAGE sip:anna@corp.example\n"

/* A stranger's refusal is a bare status: nothing about us goes out. */
#define REFUSED(name, who, uri, reason) \
	{ name, SAYS(who, uri) who " < 403 | !Warning | !Server | !ms-diagnostics\n" \
			       "why " reason "\n" }

static const struct play plays[] = {
	REFUSED("a certificate of another domain", "eve", "sip:eve@partner.example", "identity-mismatch"),
	REFUSED("a domain that has no route", "eve", "sip:eve@evil.example", "not-a-partner"),
	REFUSED("our own domain from outside", "bob", "sip:anna@corp.example", "own-domain-from-outside"),
	REFUSED("our own domain, in capitals", "bob", "sip:anna@CORP.EXAMPLE", "own-domain-from-outside"),
	REFUSED("our own domain, with the dot of the root", "bob", "sip:anna@corp.example.", "own-domain-from-outside"),
	REFUSED("our own domain, with a port", "bob", "sip:anna@corp.example:5060", "own-domain-from-outside"),
	REFUSED("our own domain from a stranger", "mallory", "sip:anna@corp.example", "own-domain-from-outside"),
	REFUSED("a sub-domain of ours", "mallory", "sip:anna@lan.corp.example", "not-a-partner"),
	REFUSED("another partner's domain, by certificate", "bob", "sip:dora@plain.example", "address-mismatch"),
	REFUSED("another partner's domain, by address", "dora", "sip:bob@partner.example", "no-certificate"),
	REFUSED("a sub-domain of a partner", "bob", "sip:bob@sub.partner.example", "not-a-partner"),
	REFUSED("a domain that only looks alike", "bob", "sip:bob@xpartner.example", "not-a-partner"),
	REFUSED("a partner's address is another", "mallory", "sip:dora@plain.example", "address-mismatch"),
	REFUSED("a route that is disabled", "mallory", "sip:x@off.example", "route-disabled"),
	REFUSED("a From without a host", "bob", "tel:+4930123", "stranger"),
	{ "a partner's domain in capitals",
	  SAYS("bob", "sip:bob@PARTNER.example")
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "the display name does not matter",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " From: \"sip:anna@corp.example\" <sip:bob@partner.example>;tag=1\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "nor does what stands before the @",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " From: <sip:anna%40corp.example@partner.example>;tag=1\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:anna@corp.example |"
	  " From: <sip:bob@partner.example@corp.example>;tag=1\n"
	  "bob skips\n"
	  "berlin < nothing\n" },
	{ "a backend says that it is a partner",
	  "berlin is sip:bob@partner.example\n"
	  "berlin > MESSAGE sip:carl@corp.example\n"
	  "berlin < 403\n"
	  "why foreign-domain-from-inside\n" },
	{ "a host of the lan that is no backend",
	  "mallory by lan-udp\n"
	  "mallory is sip:anna@corp.example\n"
	  "mallory > MESSAGE sip:carl@corp.example\n"
	  "mallory < 403 | !Warning\n"
	  "why stranger\n" },
	{ "a backend's address on the wan",
	  "munich by wan-udp\n"
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "munich < 403\n"
	  "why wrong-listener\n" },
	{ "a partner's domain from the lan",
	  "mallory by lan-udp\n"
	  "mallory is sip:bob@partner.example\n"
	  "mallory > MESSAGE sip:carl@corp.example\n"
	  "mallory < 403\n" },
	{ "the certificate counts on the tls listener, too",
	  "bob by wan-tls\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "no certificate where one is needed",
	  "bob by wan-tcp\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403 | !Warning\n"
	  "why no-certificate\n" },
	{ "strangers get no answer to an ACK",
	  "mallory > MESSAGE sip:anna@corp.example\n"
	  "mallory < 403\n"
	  "mallory > ACK sip:anna@corp.example\n"
	  "mallory < nothing\n" },
	/* Open relay. */
	{ "partner to partner",
	  "bob > MESSAGE sip:dora@plain.example\n"
	  "bob < 403 | Warning: 399 * \"*no-relay\" | ms-diagnostics: 1005;reason=\"Cannot route to *\";source=\"sip.corp.example\"\n"
	  "why no-relay\n" },
	{ "partner to the internet",
	  "bob > MESSAGE sip:x@elsewhere.example\n"
	  "bob < 403\n"
	  "why no-relay\n" },
	{ "partner to itself",
	  "bob > MESSAGE sip:bob@partner.example\n"
	  "bob < 403\n"
	  "why no-relay\n" },
	{ "partner to an address",
	  "bob > MESSAGE sip:x@203.0.113.20\n"
	  "bob < 403\n"
	  "why no-relay\n" },
	{ "partner to an address of the lan",
	  "bob > MESSAGE sip:x@10.0.1.1:5060\n"
	  "bob < 403\n"
	  "why no-relay\n"
	  "bob > MESSAGE sip:x@127.0.0.1\n"
	  "bob < 403\n" },
	{ "partner to a user at our lan address",
	  "bob > MESSAGE sip:anna@127.0.1.2:5060;transport=tcp\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "partner to a telephone number",
	  "bob > INVITE tel:+4930123\n"
	  "bob < 404\n"
	  "bob > ACK\n"
	  "why unknown-user\n" },
	{ "backend to a domain without a route",
	  "berlin > MESSAGE sip:x@elsewhere.example\n"
	  "berlin < 404\n"
	  "why no-route\n" },
	{ "backend to a route that is disabled",
	  "berlin > MESSAGE sip:x@off.example\n"
	  "berlin < 403\n"
	  "why route-disabled\n" },
	{ "every route switched off",
	  "reload 2\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why partners-switched-off\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why partners-switched-off\n" },
	/* Asserted identities. */
	{ "a trusted partner asserts its own domain",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " P-Asserted-Identity: \"Bob\" <sip:bob@partner.example>\n"
	  "berlin < MESSAGE | P-Asserted-Identity: \"Bob\" <sip:bob@partner.example>\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... but not another one",
	  "bob > MESSAGE sip:anna@corp.example | P-Asserted-Identity: <sip:boss@corp.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... nor beside its own, in one header",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " P-Asserted-Identity: <sip:bob@partner.example>, <sip:boss@corp.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity: *corp*\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... nor beside its own, in two",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " P-Asserted-Identity: <sip:bob@partner.example> |"
	  " +P-Asserted-Identity: <sip:boss@corp.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity: *corp*\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "a backend asserts, a trusted partner sees it",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example |"
	  " P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "bob < MESSAGE | P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "... one that is not trusted does not",
	  "berlin > MESSAGE sip:will@weak.example |"
	  " P-Asserted-Identity: <sip:anna@corp.example> |"
	  " P-Preferred-Identity: <sip:anna@corp.example>\n"
	  "will < MESSAGE | !P-Asserted-Identity | !P-Preferred-Identity\n"
	  "will > 200\n"
	  "berlin < 200\n" },
	{ "Privacy: id, RFC 3325 §9.3",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example | Privacy: header;id |"
	  " P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "bob < MESSAGE | !P-Asserted-Identity | Privacy: header;id\n"
	  "bob > 200\n"
	  "berlin < 200\n" },
	{ "between backends it stays",
	  "berlin > MESSAGE sip:carl@corp.example | Privacy: id |"
	  " P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "munich < MESSAGE | P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "munich > 200\n"
	  "berlin < 200\n" },
	{ "a partner prefers an identity",
	  "bob > MESSAGE sip:anna@corp.example |"
	  " P-Preferred-Identity: <sip:boss@corp.example>\n"
	  "berlin < MESSAGE | !P-Preferred-Identity\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	/* RFC 3325 §5: what a server answers of itself is asserted as well. */
	{ "in responses: a partner says that it is somebody of ours",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200 | P-Asserted-Identity: <sip:boss@corp.example>\n"
	  "berlin < 200 | !P-Asserted-Identity\n" },
	{ "in responses: towards one that is not trusted",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200 | P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "will < 200 | !P-Asserted-Identity\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("trust", plays, COUNT(plays));
}
