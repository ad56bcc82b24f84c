/* redirect: follow. RFC 3261 §8.1.3.4, §16.5, §16.7 item 4: a partner's 3xx, and where its
 * Contacts are reached, RFC 3263. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define BASE \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge," \
	" advertise: sip.corp.example }\n" \
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n" \
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl, 'team*', '4989*'] }\n"

#define ROUTES(redirect) \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, probe: 0, redirect: " redirect " }\n" \
	"    - { domain: third.example, server: 203.0.113.11, port: 5061, probe: 0, redirect: follow }\n" \
	"    - { domain: quiet.example, server: 203.0.113.12, port: 5061, probe: 0, services: { out: [presence] } }\n" \
	"    - { domain: off.example, server: 203.0.113.13, port: 5061, enabled: false }\n" \
	"    - { domain: named.example, server: named.example, probe: 0 }\n" \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0," \
	" redirect: follow }\n"

static const char *const configs[] = {
	BASE "placement: reject\n" ROUTES("follow"),
	/* 1 */
	BASE "placement: search\n" ROUTES("follow"),
	/* 2 */
	BASE "placement: reject\n" ROUTES("forward"),
	/* 3 */
	BASE "placement: reject\nfederation: { open: true, listener: wan, deny: [denied.example] }\n" ROUTES("follow"),
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "tina", "203.0.113.11:5061", "wan", "third.example", "sip:tina@third.example" },
	{ "pbx", "203.0.113.14:5061", "wan", "partner.example", "sip:pbx@partner.example" },
	{ "liar", "203.0.113.15:5061", "wan", "liar.example", "sip:liar@liar.example" },
	{ "nora", "203.0.113.16:5061", "wan", "named.example", "sip:nora@named.example" },
	{ "ned", "203.0.113.17:5062", "wan", "named.example", "sip:ned@named.example" },
	{ "open", "203.0.113.18:5061", "wan", "sip.open.example,open.example", "sip:olga@open.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ "dave", "203.0.113.21:5070", "wan-tcp", "", "sip:dave@plain.example" },
	{ 0 },
};

#define PLAY(name, script) { name, script, configs, NULL, cast }

/* anna calls bob, who says 302. */
#define CALL(contacts) \
	"berlin > INVITE sip:bob@partner.example\n" \
	"berlin < 100\n" \
	"bob < INVITE\n" \
	"bob > 302 | " contacts "\n" \
	"bob < ACK\n"

#define REFUSE(who, code) who " > " code "\n" who " < ACK\n"

#define MISS "bob < MESSAGE sip:b*@partner.example\n" "bob > 404\n"

/* It goes back as it came. */
#define GOES_BACK(contacts) \
	CALL(contacts) \
	"berlin < 302 | " contacts "\n" \
	"berlin > ACK\n" \
	"why none partner:partner.example\n"

static const struct play plays[] = {
	PLAY("forward: it goes back",
	  "reload 2\n"
	  GOES_BACK("Contact: <sip:tina@third.example>")),
	PLAY("follow: the call goes on there, §16.7 item 4",
	  CALL("Contact: <sip:tina@third.example>")
	  "berlin < nothing\n"
	  "tina < INVITE sip:tina@third.example | To: *bob@partner.example* | Max-Forwards: 69 | Via x2\n"
	  "tina > 180\n"
	  "berlin < 180\n"
	  "tina > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "tina < ACK\n"
	  "why none partner:third.example\n"
	  "because partner:partner.example leads to sip:tina@third.example: partner:third.example\n"
	  "berlin > BYE\n"
	  "tina < BYE\n"
	  "tina > 200\n"
	  "berlin < 200\n"),
	PLAY("... of a MESSAGE, and by 300 and 301",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 301 | Contact: <sip:tina@third.example>\n"
	  "tina < MESSAGE sip:tina@third.example\n"
	  "tina > 300 | Contact: <sip:carl@corp.example>\n"
	  "munich < MESSAGE sip:carl@corp.example\n"
	  "munich > 200\n"
	  "berlin < 200\n"),
	PLAY("305 and 380 are for the one who asks, §21.3",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 305 | Contact: <sip:tina@third.example>\n"
	  "berlin < 305 | Contact: <sip:tina@third.example>\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 380 | Contact: <sip:tina@third.example>\n"
	  "berlin < 380\n"),
	PLAY("a new branch, without the Route to the old target",
	  "berlin > MESSAGE sip:bob@partner.example | Route: <sip:partner.example;lr>\n"
	  "bob < MESSAGE | Route: <sip:partner.example;lr>\n"
	  "bob > 302 | Contact: <sip:tina@third.example>\n"
	  "tina < MESSAGE sip:tina@third.example | !Route\n"
	  "tina > 200\n"
	  "berlin < 200\n"),
	PLAY("what no Request-URI may hold is left out, §19.1.1",
	  CALL("Contact: <sip:tina@third.example;method=BYE;x=1?Replaces=abc>")
	  "tina < INVITE sip:tina@third.example;x=1 | !Replaces\n"
	  REFUSE("tina", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("q: the highest first, the next when that refuses, §16.6",
	  CALL("Contact: <sip:carl@corp.example>;q=0.2, <sip:tina@third.example>;q=0.9 | +Contact: <sip:bob2@partner.example>;q=0.5")
	  "tina < INVITE\n"
	  "munich < nothing\n"
	  REFUSE("tina", "486")
	  "bob < INVITE sip:bob2@partner.example\n"
	  "munich < nothing\n"
	  REFUSE("bob", "480")
	  "munich < INVITE sip:carl@corp.example\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"
	  "why none backend:munich\n"),
	PLAY("... nobody takes it: the best answer, item 6",
	  CALL("Contact: <sip:carl@corp.example>;q=0.2, <sip:tina@third.example>;q=0.9")
	  "tina < INVITE\n"
	  REFUSE("tina", "486")
	  "munich < INVITE\n"
	  REFUSE("munich", "404")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... 6xx ends it, item 5",
	  CALL("Contact: <sip:carl@corp.example>;q=0.2, <sip:tina@third.example>;q=0.9")
	  "tina < INVITE\n"
	  REFUSE("tina", "603")
	  "berlin < 603\n"
	  "berlin > ACK\n"
	  "munich < nothing\n"),
	PLAY("... who is silent is not waited for as long, RFC 3263 §4.3",
	  CALL("Contact: <sip:carl@corp.example>;q=0.2, <sip:tina@third.example>;q=0.9")
	  "tina < INVITE\n"
	  "wait 4s\n"
	  "munich < INVITE\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"
	  "tina skips\n"),
	PLAY("... a call rings for a minute, and then at the next",
	  CALL("Contact: <sip:carl@corp.example>;q=0.2, <sip:tina@third.example>;q=0.9")
	  "tina < INVITE\n"
	  "tina > 180\n"
	  "berlin < 180\n"
	  "wait 1m\n"
	  REFUSE("tina", "480")
	  "munich < INVITE\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"),
	PLAY("equal q: at once, and the first that takes it ends the other, §16.7",
	  CALL("Contact: <sip:carl@corp.example>, <sip:tina@third.example>")
	  "tina < INVITE\n"
	  "tina > 180\n"
	  "munich < INVITE\n"
	  "munich > 200\n"
	  "tina < CANCEL\n"
	  "tina > 200 CANCEL\n"
	  "tina > 487 INVITE\n"
	  "tina < ACK\n"
	  "berlin < 180\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"),
	PLAY("... they share the breadth, RFC 5393 §5.3.3",
	  "berlin > INVITE sip:bob@partner.example | +Max-Breadth: 7\n"
	  "berlin < 100\n"
	  "bob < INVITE | Max-Breadth: 7\n"
	  "bob > 302 | Contact: <sip:tina@third.example>, <sip:carl@corp.example>\n"
	  "bob < ACK\n"
	  "tina < INVITE | Max-Breadth: 3\n"
	  "munich < INVITE | Max-Breadth: 3\n"
	  REFUSE("tina", "486")
	  REFUSE("munich", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... and there is no more than there is",
	  "berlin > INVITE sip:bob@partner.example | +Max-Breadth: 1\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 302 | Contact: <sip:tina@third.example>, <sip:carl@corp.example>\n"
	  "bob < ACK\n"
	  "tina < INVITE\n"
	  "munich < nothing\n"
	  REFUSE("tina", "486")
	  "berlin < 302 | Contact: <sip:carl@corp.example> | Contact x1\n"
	  "berlin > ACK\n"
	  "because not followed to sip:carl@corp.example: max-breadth\n"),
	PLAY("a target that redirects in turn, before those of lower q",
	  CALL("Contact: <sip:tina@third.example>;q=0.9, <sip:carl@corp.example>;q=0.2")
	  "tina < INVITE\n"
	  REFUSE("tina", "302 | Contact: <sip:bob3@partner.example>")
	  "munich < nothing\n"
	  "bob < INVITE sip:bob3@partner.example\n"
	  REFUSE("bob", "486")
	  "munich < INVITE\n"
	  REFUSE("munich", "404")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... while another one rings",
	  CALL("Contact: <sip:tina@third.example>, <sip:carl@corp.example>")
	  "munich < INVITE\n"
	  "munich > 180\n"
	  "berlin < 180\n"
	  "tina < INVITE\n"
	  REFUSE("tina", "302 | Contact: <sip:bob3@partner.example>")
	  "bob < INVITE sip:bob3@partner.example\n"
	  "bob > 200\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"),
	PLAY("loops: what was asked already is not asked again, §16.5",
	  CALL("Contact: <sip:tina@third.example>")
	  "tina < INVITE\n"
	  REFUSE("tina", "302 | Contact: <sip:bob@PARTNER.example>, <sip:tina@third.example>, <sip:carl@corp.example>;q=0.1")
	  "munich < INVITE\n"
	  REFUSE("munich", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"
	  "because not followed to sip:bob@PARTNER.example: redirect-loop\n"
	  "because not followed to sip:tina@third.example: redirect-loop\n"),
	PLAY("... nothing else: the 3xx goes back",
	  GOES_BACK("Contact: <sip:bob@partner.example>")
	  "because not followed to sip:bob@partner.example: redirect-loop\n"),
	PLAY("the same Contact twice is one",
	  CALL("Contact: <sip:tina@third.example>, <sip:tina@third.example>")
	  "tina < INVITE\n"
	  "tina < nothing\n"
	  REFUSE("tina", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("five in a row",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:bob1@partner.example>\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:bob2@partner.example>\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:bob3@partner.example>\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:bob4@partner.example>\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:bob5@partner.example>\n"
	  "bob < MESSAGE sip:bob5@partner.example\n"
	  "bob > 302 | Contact: <sip:bob6@partner.example>\n"
	  "berlin < 302 | Contact: <sip:bob6@partner.example>\n"
	  "because not followed to sip:bob6@partner.example: redirect-limit\n"),
	PLAY("eight targets in all",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:b1@partner.example>, <sip:b2@partner.example>, <sip:b3@partner.example>,"
	  " <sip:b4@partner.example>, <sip:b5@partner.example>, <sip:b6@partner.example>, <sip:b7@partner.example>,"
	  " <sip:b8@partner.example>, <sip:b9@partner.example>\n"
	  "bob holds 8 8\n"
	  MISS MISS MISS MISS MISS MISS MISS MISS
	  "berlin < 302 | Contact: <sip:b9@partner.example> | Contact x1\n"
	  "because not followed to sip:b9@partner.example: redirect-limit\n"),
	PLAY("our own domain: its users, as for anybody of ours",
	  CALL("Contact: <sip:carl@corp.example>")
	  "munich < INVITE sip:carl@corp.example\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"),
	PLAY("... at our own address",
	  CALL("Contact: <sip:carl@sip.corp.example:5061>")
	  "munich < INVITE\n"
	  REFUSE("munich", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... whom nobody has",
	  GOES_BACK("Contact: <sip:nobody@corp.example>")
	  "because not followed to sip:nobody@corp.example: unknown-user\n"),
	PLAY("... nor us ourselves",
	  GOES_BACK("Contact: <sip:corp.example>")
	  "because not followed to sip:corp.example: unknown-user\n"),
	PLAY("... who is searched for, §16.6",
	  "reload 1\n"
	  CALL("Contact: <sip:sven@corp.example>")
	  "munich < INVITE sip:sven@corp.example\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "munich < ACK\n"),
	PLAY("the partner itself, by another server of it: RFC 3263 in its domain",
	  "dns _sips._tcp.pbx.partner.example SRV 1 1 5061 a.pbx.partner.example\n"
	  "dns a.pbx.partner.example A 203.0.113.14\n"
	  CALL("Contact: <sip:bob@pbx.partner.example>")
	  "pbx < INVITE sip:bob@pbx.partner.example\n"
	  REFUSE("pbx", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... by NAPTR, §4.1, never without TLS",
	  "dns pbx.partner.example NAPTR 10 1 SIP+D2T _sip._tcp.pbx.partner.example\n"
	  "dns pbx.partner.example NAPTR 20 1 SIPS+D2T _x.pbx.partner.example\n"
	  "dns _sip._tcp.pbx.partner.example SRV 1 1 5060 elsewhere.example\n"
	  "dns _x.pbx.partner.example SRV 1 1 5061 a.pbx.partner.example\n"
	  "dns a.pbx.partner.example A 203.0.113.14\n"
	  CALL("Contact: <sip:bob@pbx.partner.example>")
	  "pbx < INVITE\n"
	  REFUSE("pbx", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... or by its address",
	  CALL("Contact: <sip:bob@203.0.113.14:5061>")
	  "pbx < INVITE sip:bob@203.0.113.14:5061\n"
	  REFUSE("pbx", "486")
	  "berlin < 486\n"
	  "berlin > ACK\n"),
	PLAY("... which must prove that it is the partner",
	  CALL("Contact: <sip:bob@203.0.113.15:5061>")
	  "berlin < 503\n"
	  "berlin > ACK\n"
	  "why tls-name-mismatch\n"),
	PLAY("without TLS an address in a private network is nobody's",
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 302 | Contact: <sip:dora@10.0.1.1:5060>, <sip:dora@192.168.7.7;transport=tcp>\n"
	  "berlin < 302 | Contact: *10.0.1.1*\n"
	  "because not followed to sip:dora@10.0.1.1:5060: no-route\n"),
	PLAY("... nor one that DNS says",
	  "dns trap.plain.example A 10.0.1.2\n"
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 302 | Contact: <sip:dora@trap.plain.example>\n"
	  "berlin < 503\n"
	  "why dns-no-address\n"),
	PLAY("... else by the transport that NAPTR says, §4.1",
	  "dns pbx.plain.example NAPTR 20 2 SIP+D2U _sip._udp.pbx.plain.example\n"
	  "dns pbx.plain.example NAPTR 20 1 SIP+D2T _sip._tcp.pbx.plain.example\n"
	  "dns _sip._tcp.pbx.plain.example SRV 1 1 5070 t.pbx.plain.example\n"
	  "dns t.pbx.plain.example A 203.0.113.21\n"
	  "berlin > MESSAGE sip:dora@plain.example\n"
	  "dora < MESSAGE\n"
	  "dora > 302 | Contact: <sip:dave@pbx.plain.example>\n"
	  "dave < MESSAGE sip:dave@pbx.plain.example | Via: SIP/2.0/TCP*\n"
	  "dave > 200\n"
	  "berlin < 200\n"),
	PLAY("a domain that nobody of ours could ask",
	  GOES_BACK("Contact: <sip:x@foreign.example>")
	  "because foreign.example has no route\n"
	  "because not followed to sip:x@foreign.example: no-route\n"),
	PLAY("... whose route is disabled, or closed for calls",
	  CALL("Contact: <sip:x@off.example>, <sip:x@quiet.example>")
	  "berlin < 302 | Contact: *off.example*\n"
	  "berlin > ACK\n"
	  "because not followed to sip:x@off.example: route-disabled\n"
	  "because not followed to sip:x@quiet.example: service-not-allowed\n"),
	PLAY("... but open federation can",
	  "reload 3\n"
	  "dns _sipfederationtls._tcp.open.example SRV 1 1 5061 sip.open.example\n"
	  "dns sip.open.example A 203.0.113.18\n"
	  CALL("Contact: <sip:olga@open.example>, <sip:x@denied.example>")
	  "open < INVITE sip:olga@open.example\n"
	  REFUSE("open", "486")
	  "berlin < 302 | Contact: <sip:x@denied.example> | Contact x1\n"
	  "berlin > ACK\n"
	  "because not followed to sip:x@denied.example: partner-not-allowed\n"),
	PLAY("what is left of it is an answer, §16.7 item 4",
	  CALL("Contact: <sip:x@foreign.example>, <sip:tina@third.example>;q=0.3, \"X\" <tel:+4989123>;q=0.2")
	  "tina < INVITE\n"
	  REFUSE("tina", "486")
	  "berlin < 302 | Contact x2 | Contact: *foreign.example* | Contact: *tel:+4989123* | !Contact: *third*\n"
	  "berlin > ACK\n"),
	PLAY("telephone numbers are for the one who asks to dial",
	  GOES_BACK("Contact: <tel:+4990012345>")
	  "because not followed to tel:+4990012345: redirect-to-number\n"),
	PLAY("... also as users of ours, or of a partner",
	  CALL("Contact: <sip:4989777@corp.example>, <sip:%2B4990012345@third.example>, <sip:x@third.example;user=phone>")
	  "berlin < 302\n"
	  "berlin > ACK\n"
	  "because not followed to sip:4989777@corp.example: redirect-to-number\n"
	  "because not followed to sip:*4990012345@third.example: redirect-to-number\n"
	  "because not followed to sip:x@third.example;user=phone: redirect-to-number\n"),
	PLAY("... but for the one that was dialled",
	  "berlin > MESSAGE sip:+4989123@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:%2b4989123@third.example>\n"
	  "tina < MESSAGE\n"
	  "tina > 200\n"
	  "berlin < 200\n"),
	PLAY("no Contact that could be asked",
	  GOES_BACK("Contact: <mailto:bob@partner.example>")
	  "because not followed to mailto:bob@partner.example: uri-scheme\n"),
	PLAY("no Contact at all",
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 302 | -Contact\n"
	  "bob < ACK\n"
	  "berlin < 302 | !Contact\n"
	  "berlin > ACK\n"),
	PLAY("sips is not left for sip, §16.7 item 4",
	  "berlin > MESSAGE sips:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sip:tina@third.example>, <sips:carl@plain.example>\n"
	  "berlin < 302 | Contact: *third.example*\n"
	  "because not followed to sip:tina@third.example: uri-scheme\n"
	  "because not followed to sips:carl@plain.example: uri-scheme\n"
	  "berlin > MESSAGE sips:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 302 | Contact: <sips:tina@third.example>\n"
	  "tina < MESSAGE sips:tina@third.example\n"
	  "tina > 200\n"
	  "berlin < 200\n"),
	PLAY("the target cannot be reached",
	  "tina refuses\n"
	  CALL("Contact: <sip:tina@third.example>")
	  "berlin < 503\n"
	  "berlin > ACK\n"
	  "why connect-refused partner:third.example\n"),
	PLAY("CANCEL while a target rings",
	  CALL("Contact: <sip:tina@third.example>;q=0.9, <sip:carl@corp.example>;q=0.1, <tel:+49>")
	  "tina < INVITE\n"
	  "tina > 180\n"
	  "berlin < 180\n"
	  "berlin > CANCEL\n"
	  "berlin < 200\n"
	  "tina < CANCEL\n"
	  "tina > 200 CANCEL\n"
	  "tina > 487 INVITE\n"
	  "tina < ACK\n"
	  "munich < nothing\n"
	  "berlin < 487\n"
	  "berlin > ACK\n"),
	PLAY("CANCEL while a target is looked for",
	  "dns _sips._tcp.pbx.partner.example SRV hangs\n"
	  CALL("Contact: <sip:bob@pbx.partner.example>")
	  "berlin > CANCEL\n"
	  "berlin < 487\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "wait 5s\n"
	  "why cancelled\n"),
	PLAY("... and the 3xx comes after it",
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 180\n"
	  "berlin < 180\n"
	  "berlin > CANCEL\n"
	  "berlin < 200\n"
	  "bob < CANCEL\n"
	  "bob > 200 CANCEL\n"
	  "bob > 302 INVITE | Contact: <sip:tina@third.example>\n"
	  "bob < ACK\n"
	  "berlin < 302\n"
	  "berlin > ACK\n"
	  "tina < nothing\n"),
	PLAY("inside a dialog it goes back",
	  "berlin > INVITE sip:bob@partner.example\n"
	  "berlin < 100\n"
	  "bob < INVITE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK\n"
	  "bob < ACK\n"
	  "berlin > INFO\n"
	  "bob < INFO\n"
	  "bob > 302 | Contact: <sip:tina@third.example>\n"
	  "berlin < 302\n"
	  "tina < nothing\n"),
	PLAY("a backend's 3xx goes back",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 302 | Contact: <sip:tina@third.example>\n"
	  "bob < 302\n"
	  "tina < nothing\n"),
	/* RFC 3263 for a static route without port and transport. */
	PLAY("a static route by NAPTR, then SRV, failing over, RFC 3263 §4.1, §4.3",
	  "dns named.example NAPTR 10 1 SIPS+D2T _sips._tcp.named.example\n"
	  "dns named.example NAPTR 5 1 SIP+D2U _sip._udp.named.example\n"
	  "dns _sips._tcp.named.example SRV 1 1 5061 a.named.example\n"
	  "dns _sips._tcp.named.example SRV 2 1 5062 b.named.example\n"
	  "dns a.named.example A 203.0.113.16\n"
	  "dns b.named.example A 203.0.113.17\n"
	  "berlin > MESSAGE sip:nora@named.example\n"
	  "nora < MESSAGE\n"
	  "nora > 200\n"
	  "berlin < 200\n"
	  "nora closes\n"
	  "nora refuses\n"
	  "berlin > MESSAGE sip:nora@named.example\n"
	  "ned < MESSAGE\n"
	  "ned > 200\n"
	  "berlin < 200\n"),
	PLAY("... a resolver that does not know NAPTR costs half a second",
	  "dns named.example NAPTR hangs\n"
	  "dns named.example A 203.0.113.16\n"
	  "berlin > MESSAGE sip:nora@named.example\n"
	  "nora < nothing\n"
	  "wait 500ms\n"
	  "nora < MESSAGE\n"
	  "nora > 200\n"
	  "berlin < 200\n"),
	PLAY("... one that says nothing costs one budget",
	  "dns named.example NAPTR hangs\n"
	  "dns _sips._tcp.named.example SRV hangs\n"
	  "dns named.example A hangs\n"
	  "dns named.example AAAA hangs\n"
	  "berlin > MESSAGE sip:nora@named.example\n"
	  "wait 3999ms\n"
	  "berlin < 100\n"
	  "berlin < nothing\n"
	  "wait 1ms\n"
	  "berlin < 503\n"
	  "why dns-timeout\n"),
};
/* clang-format on */

int main(void)
{
	return scenario_main("redirect", plays, COUNT(plays));
}
