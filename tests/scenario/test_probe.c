/* `probe:` OPTIONS to partners, and the addresses of servers that are configured by name
 * (refresh). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CONFIG(routes) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge," \
	" advertise: sip.corp.example }\n" \
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n" \
	"partners:\n" \
	"  routes:\n" routes

static const char *const probed[] = {
	CONFIG("    - domain: partner.example\n"
	       "      identity: [sip.partner.example]\n"
	       "      probe: 8s\n"
	       "      servers:\n"
	       "        - { host: 203.0.113.51, port: 5061, transport: mtls, priority: 1, weight: 1 }\n"
	       "        - { host: 203.0.113.52, port: 5061, transport: mtls, priority: 2, weight: 1 }\n"),
	CONFIG("    - { domain: other.example, server: 203.0.113.99, port: 5061, transport: mtls, probe: 0,"
	       " identity: [other.example] }\n"),
	NULL,
};

/* A backend with a pair in standby, and one that is not probed. */
static const char *const standby[] = {
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"backends:\n"
	"  - name: berlin\n"
	"    listener: lan\n"
	"    users: ['*']\n"
	"    probe: 8s\n"
	"    servers:\n"
	"      - { host: 10.0.1.1, port: 5060, transport: tcp, priority: 1 }\n"
	"      - { host: 10.0.1.2, port: 5060, transport: tcp, priority: 2 }\n"
	"  - { name: munich, address: 'sip:10.0.1.3:5060;transport=tcp', listener: lan, probe: 0 }\n",
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n",
	NULL,
};

static const struct role standby_cast[] = {
	{ "first", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "second", "10.0.1.2:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.3:5060", "lan", "", "sip:carl@corp.example" },
	{ 0 },
};

static const char *const named[] = {
	CONFIG("    - { domain: plain.example, server: sip.plain.example, port: 5060, transport: tcp, trustworthy: true,"
	       " probe: 0 }\n"),
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "one", "203.0.113.51:5061", "wan", "partner.example", "sip:one@partner.example" },
	{ "two", "203.0.113.52:5061", "wan", "partner.example", "sip:two@partner.example" },
	{ "dora", "203.0.113.20:5060", "wan-tcp", "", "sip:dora@plain.example" },
	{ 0 },
};

/* The first probe comes within a quarter of the interval; it is answered before 8*T1 are over. */
static const struct play plays[] = {
	{ "each server is asked, with the names that partners want",
	  "wait 2100ms\n"
	  "one < OPTIONS sip:partner.example | Contact: <sip:sip.corp.example:5061> |"
	  " Via[0]: SIP/2.0/TLS sip.corp.example:5061;* | From: <sip:corp.example>;tag=*\n"
	  "one > 200\n"
	  "two < OPTIONS\n"
	  "two > 405\n"
	  "wait 7s\n"
	  "one < nothing\n"
	  "wait 1s\n"
	  "one < OPTIONS\n"
	  "one > 200\n"
	  "two < OPTIONS\n"
	  "two > 200\n"
	  "reload 1\n",
	  probed, NULL, cast },
	{ "one that is dead does not keep the next from being asked",
	  "one refuses\n"
	  "wait 2100ms\n"
	  "two < OPTIONS\n"
	  "two > 200\n"
	  "one accepts\n"
	  "wait 8s\n"
	  "two < OPTIONS\n" /* the living first */
	  "two > 200\n"
	  "one < OPTIONS\n"
	  "one > 200\n"
	  "wait 8s\n"
	  "one < OPTIONS\n"
	  "one > 200\n"
	  "two < OPTIONS\n"
	  "two > 200\n"
	  "reload 1\n",
	  probed, NULL, cast },
	{ "503 to a probe: it cannot serve",
	  "wait 2100ms\n"
	  "one < OPTIONS\n"
	  "one > 503\n"
	  "two < OPTIONS\n"
	  "two > 200\n"
	  "berlin > MESSAGE sip:x@partner.example\n"
	  "two < MESSAGE\n"
	  "two > 200\n"
	  "berlin < 200\n"
	  "one < nothing\n"
	  "reload 1\n",
	  probed, NULL, cast },
	{ "after a reload others are probed",
	  "wait 2100ms\n"
	  "one < OPTIONS\n"
	  "reload 1\n"
	  "one skips\n"
	  "two skips\n"
	  "wait 60s\n"
	  "one < nothing\n"
	  "two < nothing\n",
	  probed, NULL, cast },
	{ "a backend is probed, by its domain, unless it says no",
	  "wait 2100ms\n"
	  "first < OPTIONS sip:corp.example | To: <sip:corp.example>\n"
	  "first > 200\n"
	  "second < OPTIONS\n"
	  "second > 404\n"
	  "munich < nothing\n"
	  "reload 1\n",
	  standby, NULL, standby_cast },
	{ "silence for 8*T1 is the end of it, an answered probe brings it back",
	  "wait 2100ms\n"
	  "first < OPTIONS\n"
	  "first > 200\n"
	  "second < OPTIONS\n"
	  "second > 200\n"
	  "wait 8s\n"
	  "first < OPTIONS\n"
	  "wait 3900ms\n"
	  "second < nothing\n"
	  "wait 100ms\n"
	  "second < OPTIONS\n"
	  "second > 200\n"
	  "first > 200 OPTIONS\n" /* late: not heard */
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "second < MESSAGE\n"
	  "second > 200\n"
	  "munich < 200\n"
	  "wait 7s\n" /* longer than health's own rest: requests need not find out */
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "second < MESSAGE\n"
	  "second > 200\n"
	  "munich < 200\n"
	  "wait 1s\n"
	  "second < OPTIONS\n"
	  "second > 200\n"
	  "first < OPTIONS\n"
	  "first > 200\n"
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "first < MESSAGE\n"
	  "first > 200\n"
	  "munich < 200\n"
	  "reload 1\n",
	  standby, NULL, standby_cast },
	{ "where no server of a partner answers, requests try as ever",
	  "wait 2100ms\n"
	  "one < OPTIONS\n"
	  "wait 4s\n"
	  "two < OPTIONS\n"
	  "wait 4s\n"
	  "wait 2s\n"
	  "berlin > MESSAGE sip:x@partner.example\n"
	  "one < MESSAGE\n"
	  "one > 200\n"
	  "berlin < 200\n"
	  "reload 1\n",
	  probed, NULL, cast },
	{ "where no server of a backend answers: 503, as its users need not wait for the same again",
	  "wait 2100ms\n"
	  "first < OPTIONS\n"
	  "wait 4s\n"
	  "second < OPTIONS\n"
	  "wait 4s\n"
	  "wait 2s\n"
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "munich < 503\n"
	  "why all-servers-down\n"
	  "wait 6s\n"
	  "first < OPTIONS\n"
	  "first > 200 OPTIONS\n"
	  "second < OPTIONS\n"
	  "munich > MESSAGE sip:anna@corp.example\n"
	  "first < MESSAGE\n"
	  "first > 200\n"
	  "munich < 200\n"
	  "reload 1\n",
	  standby, NULL, standby_cast },
	{ "trust by the address of a name: unknown yet, then looked up",
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "dora < 403\n"
	  "why address-mismatch\n"
	  "dns sip.plain.example A 203.0.113.20\n"
	  "wait 5m\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n",
	  named, NULL, cast },
	{ "... it moves, and the old address is nobody",
	  "dns sip.plain.example A 203.0.113.20\n"
	  "wait 5m\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n"
	  "forget sip.plain.example\n"
	  "dns sip.plain.example A 203.0.113.21\n"
	  "wait 61s\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "dora < 403\n",
	  named, NULL, cast },
	{ "... the resolver fails: what was known stays",
	  "dns sip.plain.example A 203.0.113.20\n"
	  "wait 5m\n"
	  "forget sip.plain.example\n"
	  "dns sip.plain.example A fails\n"
	  "wait 10m\n"
	  "dora > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "dora < 200\n",
	  named, NULL, cast },
};
/* clang-format on */

int main(void)
{
	return scenario_main("probe", plays, COUNT(plays));
}
