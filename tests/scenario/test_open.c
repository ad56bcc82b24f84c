/* Open federation: a domain without a route is found by _sipfederationtls._tcp, and believed by
 * its certificate (design.md 3, field.md G7). RFC 2782, RFC 5922. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: wan-tls, network: wan, bind: 127.0.2.10, port: 5071, transport: tls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"dns: { budget: 4s }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'], probe: 0 }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: known.example, server: 203.0.113.90, port: 5061, transport: mtls, probe: 0 }\n"

#define OPEN(more) START "federation: { open: true, listener: wan, hosters: [edge.hoster.example]" more " }\n"

static const char *const open_to_all[] = { OPEN(""), START, NULL };
static const char *const only_few[] = { OPEN(", allow: ['*.partner.example', tenant.example], deny: [bad.partner.example]"), NULL };
static const char *const bounded[] = {
	OPEN(", discovered: { rate: 5/s, suspicious_rate: 1/m, max_users: 3 }"), NULL };
static const char *const five_a_second[] = { OPEN("") "limits: { requests: 5/s }\n", NULL };
static const char *const closed[] = { START, NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	/* Its certificate names the domain. */
	{ "bob", "203.0.113.10:5061", "wan", "partner.example,sip.partner.example", "sip:bob@partner.example" },
	/* Its certificate names the server alone. */
	{ "paula", "203.0.113.11:5061", "wan", "sip.paris.example", "sip:paula@paris.example" },
	/* A hoster with several customers. */
	{ "hoster", "203.0.113.12:5061", "wan", "edge.hoster.example", "sip:tina@tenant.example" },
	/* Nobody whom we know. */
	{ "eve", "203.0.113.66:5061", "wan", "evil.example,sip.evil.example", "sip:eve@evil.example" },
	{ "wild", "203.0.113.67:5061", "wan", "*.wild.example", "sip:will@x.wild.example" },
	{ 0 },
};

#define ALL open_to_all, NULL, cast

#define RECORDS(domain, host, address) \
	"dns _sipfederationtls._tcp." domain " SRV 1 0 5061 " host "\n" \
	"dns " host " A " address "\n"
#define BOB RECORDS("partner.example", "sip.partner.example", "203.0.113.10")
#define PAULA RECORDS("paris.example", "sip.paris.example", "203.0.113.11")
#define TENANT "dns _sipfederationtls._tcp.tenant.example SRV 1 0 5061 edge.hoster.example\n" "dns edge.hoster.example A 203.0.113.12\n"

#define ASKS_AND_GOES "paula > MESSAGE sip:anna@corp.example\n" "paula closes\n"
#define ANNA_GETS(who) "berlin < MESSAGE\n" "berlin > 200\n" who " < 200\n"

#define MISS(status) "bob > MESSAGE sip:nobody@corp.example\n" "berlin < MESSAGE\n" "berlin > " status "\n" "bob < 480\n"
#define MISSES4 MISS("404") MISS("404") MISS("404") MISS("404")

static const struct play plays[] = {
	{ "outwards: the SRV record tells where to, the certificate who it is",
	  BOB
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "why none partner:partner.example\n"
	  "because partner.example: certificate name partner.example\n", ALL },
	{ "outwards: a server inside the domain speaks for it",
	  PAULA
	  "berlin > MESSAGE sip:paula@paris.example\n"
	  "paula < MESSAGE\n"
	  "paula > 200\n"
	  "berlin < 200\n"
	  "because paris.example: certificate name sip.paris.example\n", ALL },
	{ "outwards: a hoster that we know speaks for its customers",
	  TENANT
	  "berlin > MESSAGE sip:tina@tenant.example\n"
	  "hoster < MESSAGE\n"
	  "hoster > 200\n"
	  "berlin < 200\n"
	  "because tenant.example: certificate name edge.hoster.example\n", ALL },
	{ "outwards: a record that leads to somebody else's server",
	  RECORDS("victim.example", "sip.evil.example", "203.0.113.66")
	  "berlin > MESSAGE sip:vera@victim.example\n"
	  "berlin < 503\n"
	  "eve < nothing\n"
	  "why tls-name-mismatch\n", ALL },
	{ "outwards: no record",
	  "dns nobody.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:x@nobody.example\n"
	  "berlin < 404\n"
	  "why no-federation-record\n", ALL },
	{ "outwards: a record without an address",
	  "dns _sipfederationtls._tcp.half.example SRV 1 0 5061 sip.half.example\n"
	  "berlin > MESSAGE sip:x@half.example\n"
	  "berlin < 503\n"
	  "why dns-no-address\n", ALL },
	{ "outwards: the resolver fails",
	  "dns _sipfederationtls._tcp.partner.example SRV fails\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 503\n"
	  "why dns-failed\n", ALL },
	{ "outwards: a resolver that says nothing costs one budget, and nobody else",
	  PAULA
	  "dns _sipfederationtls._tcp.partner.example SRV hangs\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "wait 1s\n"
	  "bob < nothing\n"
	  "berlin > MESSAGE sip:paula@paris.example\n"
	  "paula < MESSAGE\n"
	  "paula > 200\n"
	  "berlin < 200\n"
	  "wait 3s\n"
	  "berlin < 100\n"
	  "berlin < 503\n", ALL },
	{ "outwards: the next server of the record, RFC 2782",
	  "dns _sipfederationtls._tcp.partner.example SRV 1 0 5061 one.partner.example\n"
	  "dns _sipfederationtls._tcp.partner.example SRV 2 0 5061 sip.partner.example\n"
	  "dns one.partner.example A 203.0.113.99\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "wait 4s\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin skips\n", ALL },
	{ "a static route comes first",
	  "dns _sipfederationtls._tcp.known.example SRV 1 0 5061 sip.evil.example\n"
	  "eve is sip:x@known.example\n"
	  "eve > MESSAGE sip:anna@corp.example\n"
	  "eve < 403\n"
	  "why identity-mismatch\n", ALL },
	{ "open federation is off",
	  BOB
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 404\n"
	  "why no-route\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why not-a-partner\n", closed, NULL, cast },

	{ "inwards: the certificate names the domain, RFC 5922",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("bob")
	  "why none backend:berlin\n", ALL },
	{ "inwards: the certificate names the server that the record leads to",
	  PAULA
	  "paula > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("paula"), ALL },
	{ "inwards: a hoster speaks for its customer",
	  TENANT
	  "hoster > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("hoster"), ALL },
	{ "spoofed: another customer of the same hoster, whose record leads elsewhere",
	  BOB
	  "hoster is sip:bob@partner.example\n"
	  "hoster > MESSAGE sip:anna@corp.example\n"
	  "hoster < 403\n"
	  "why srv-elsewhere\n", ALL },
	{ "spoofed: a domain without a record",
	  "hoster is sip:x@nobody.example\n"
	  "hoster > MESSAGE sip:anna@corp.example\n"
	  "hoster < 403\n"
	  "why identity-mismatch\n", ALL },
	{ "spoofed: a look-alike of the domain in the certificate",
	  "bob is sip:bob@partnner.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why identity-mismatch\n", ALL },
	{ "spoofed: a sub-domain",
	  "bob is sip:bob@sales.partner.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why identity-mismatch\n", ALL },
	{ "spoofed: the domain above",
	  "paula is sip:paula@example\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "paula < 403\n"
	  "why identity-mismatch\n", ALL },
	{ "spoofed: the attacker lets his record lead to somebody else's server",
	  "dns _sipfederationtls._tcp.evil2.example SRV 1 0 5061 sip.paris.example\n"
	  "eve is sip:eve@evil2.example\n"
	  "eve > MESSAGE sip:anna@corp.example\n"
	  "eve < 403\n"
	  "why srv-elsewhere\n", ALL },
	{ "spoofed: a record that leads to the attacker's own server, outside of the domain",
	  "dns _sipfederationtls._tcp.victim.example SRV 1 0 5061 sip.evil.example\n"
	  "eve is sip:vera@victim.example\n"
	  "eve > MESSAGE sip:anna@corp.example\n"
	  "eve < 403\n"
	  "why srv-target-outside\n", ALL },
	{ "spoofed: a server name that only ends like the domain",
	  "dns _sipfederationtls._tcp.il.example SRV 1 0 5061 sip.evil.example\n"
	  "eve is sip:x@il.example\n"
	  "eve > MESSAGE sip:anna@corp.example\n"
	  "eve < 403\n"
	  "why srv-target-outside\n", ALL },
	{ "spoofed: our own domain",
	  "bob is sip:anna@corp.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why own-domain-from-outside\n", ALL },
	{ "a wildcard speaks for nobody, RFC 5922 §7.2",
	  "wild > MESSAGE sip:anna@corp.example\n"
	  "wild < 403\n"
	  "why wildcard-certificate\n", ALL },
	{ "the resolver fails: not refused for good",
	  "dns _sipfederationtls._tcp.paris.example SRV fails\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "paula < 503\n"
	  "why dns-failed\n", ALL },
	{ "the resolver says nothing: one budget",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "wait 3999ms\n"
	  "paula < nothing\n"
	  "wait 1ms\n"
	  "paula < 503\n"
	  "why dns-timeout\n", ALL },
	{ "what comes behind a request that waits stays behind it: INVITE and CANCEL",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  "paula > INVITE sip:anna@corp.example\n"
	  "paula > CANCEL\n"
	  "paula < nothing\n"
	  "wait 4s\n"
	  "paula < 503\n"
	  "paula < 481\n"
	  "paula > ACK\n", ALL },
	{ "the connection ends while its request waits",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "paula closes\n"
	  "wait 10s\n"
	  "berlin < nothing\n", ALL },
	{ "too many wait behind one",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  "times 64 paula > MESSAGE sip:anna@corp.example\n"
	  "paula < nothing\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "paula < 503\n"
	  "why overload\n"
	  "wait 300s\n"
	  "paula skips\n", ALL },
	{ "what only DNS can tell counts against limits.requests before it is asked: silence",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  ASKS_AND_GOES ASKS_AND_GOES ASKS_AND_GOES ASKS_AND_GOES ASKS_AND_GOES
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "wait 10s\n"
	  "paula < nothing\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "wait 4s\n"
	  "paula < 503\n"
	  "why dns-timeout\n", five_a_second, NULL, cast },
	{ "too many bytes wait behind one; one message may be of any size",
	  "dns _sipfederationtls._tcp.paris.example SRV hangs\n"
	  "times 2 paula > MESSAGE sip:anna@corp.example | +Content-Type: text/plain | fill: 60000\n"
	  "paula < nothing\n"
	  "paula > MESSAGE sip:anna@corp.example | +Content-Type: text/plain | fill: 60000\n"
	  "paula < 503\n"
	  "why overload\n"
	  "paula > MESSAGE sip:anna@corp.example\n"
	  "paula < nothing\n"
	  "wait 300s\n"
	  "paula skips\n", ALL },
	{ "a call, begun by them, and what follows inside",
	  PAULA
	  "paula > INVITE sip:anna@corp.example\n"
	  "paula < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "paula < 200\n"
	  "paula > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "paula < BYE\n"
	  "paula > 200\n"
	  "berlin < 200\n", ALL },
	{ "presence, subscribed by us",
	  BOB
	  "berlin > SUBSCRIBE sip:bob@partner.example | Event: presence\n"
	  "bob < SUBSCRIBE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "bob > NOTIFY | Event: presence | Subscription-State: active\n"
	  "berlin < NOTIFY\n"
	  "berlin > 200\n"
	  "bob < 200\n", ALL },
	{ "what they assert is not believed, RFC 3325",
	  "bob > MESSAGE sip:anna@corp.example | P-Asserted-Identity: <sip:bob@partner.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity\n"
	  "berlin > 200\n"
	  "bob < 200\n", ALL },
	{ "nor do we tell them what our backends assert",
	  BOB
	  "berlin > MESSAGE sip:bob@partner.example | P-Asserted-Identity: <sip:anna@corp.example>\n"
	  "bob < MESSAGE | !P-Asserted-Identity\n"
	  "bob > 200\n"
	  "berlin < 200\n", ALL },
	{ "no relay for them",
	  BOB
	  "bob > MESSAGE sip:paula@paris.example\n"
	  "bob < 403\n"
	  "why no-relay\n", ALL },
	{ "allow: only these, and deny wins",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why partner-not-allowed\n"
	  TENANT
	  "hoster > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("hoster")
	  "bob is sip:x@bad.partner.example\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why partner-not-allowed\n"
	  "berlin > MESSAGE sip:x@bad.partner.example\n"
	  "berlin < 403\n"
	  "why partner-not-allowed\n", only_few, NULL, cast },
	{ "a name harvester cannot tell who exists: what the backend says of it",
	  "bob > MESSAGE sip:nobody@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 404 | +Server: x | +Warning: 399 x \"no such user\"\n"
	  "bob < 480 | !Server | !Warning | !Retry-After\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 480 | +Server: y | +Retry-After: 60\n"
	  "bob < 480 | !Server | !Warning | !Retry-After\n"
	  "bob > MESSAGE sip:old@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 410 | +Contact: <sip:new@corp.example>\n"
	  "bob < 480 | !Contact\n", ALL },
	/* Nineteen who do not exist, and one more: whether the limit comes then must not hang on that one. */
	{ "a name harvester cannot tell who exists: the limit behind many failures",
	  MISSES4 MISSES4 MISSES4 MISSES4 MISS("404") MISS("404") MISS("404")
	  MISS("480")
	  "wait 2s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Warning: *partner-suspicious*\n"
	  "why partner-suspicious\n", ALL },
	{ "bounds: requests in a second",
	  "times 5 bob > MESSAGE sip:anna@corp.example\n"
	  "everybody answers\n"
	  "bob skips\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: * | Warning: *partner-rate-limited*\n"
	  "why partner-rate-limited\n"
	  "wait 2s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("bob"), bounded, NULL, cast },
	{ "bounds: distinct users",
	  "bob > MESSAGE sip:u1@corp.example\n" ANNA_GETS("bob")
	  "bob > MESSAGE sip:u2@corp.example\n" ANNA_GETS("bob")
	  "bob > MESSAGE sip:u3@corp.example\n" ANNA_GETS("bob")
	  "wait 2s\n"
	  "bob > MESSAGE sip:u4@corp.example\n"
	  "bob < 503 | Retry-After: * | Warning: *partner-too-many-users*\n"
	  "why partner-too-many-users\n"
	  "bob > MESSAGE sip:u2@corp.example\n" ANNA_GETS("bob"), bounded, NULL, cast },
	{ "bounds are each domain's own",
	  "times 5 bob > MESSAGE sip:anna@corp.example\n"
	  "everybody answers\n"
	  "bob skips\n"
	  PAULA
	  "paula > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("paula"), bounded, NULL, cast },
	{ "a reload that closes it ends their connections and refuses them",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  ANNA_GETS("bob")
	  "reload 1\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 403\n"
	  "why not-a-partner\n", ALL },
	{ "a call goes on over a reload that changes nothing of it",
	  BOB
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "reload 0\n"
	  "wait 40s\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n", ALL },
};
/* clang-format on */

int main(void)
{
	return scenario_main("open", plays, COUNT(plays));
}
