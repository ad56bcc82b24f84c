/* Two backends of one house talk to each other through nuncio: presence, messages and calls,
 * each side behind a NAT or not, each by a transport of its own. And what is translated between
 * transports. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CONFIG \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"  - { name: lan-tls, network: lan, bind: 127.0.1.2, port: 5061, transport: tls, certificate: edge }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"placement: search\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n" \
	"backends:\n" \
	"  - { name: udp, address: 'sip:10.0.1.1:5060;transport=udp', listener: lan-udp, users: [ursula], probe: 0 }\n" \
	"  - { name: far, username: ucs-far, password_file: berlin.pass, listener: lan, users: [fred], probe: 0 }\n" \
	"  - { name: tls, username: ucs-tls, password_file: paris.pass, listener: lan-tls, users: [tom], probe: 0 }\n" \
	"  - { name: tcp, address: 'sip:10.0.1.4:5060;transport=tcp', listener: lan, users: [tina], probe: 0 }\n"

static const char *const configs[] = { CONFIG, NULL };

static const struct role cast[] = {
	{ "udp", "10.0.1.1:5060", "lan-udp", "", "sip:ursula@corp.example" },
	{ "far", "10.0.1.2:5060", "lan", "", "sip:fred@corp.example" },
	{ "tls", "10.0.1.3:5061", "lan-tls", "", "sip:tom@corp.example" },
	{ "tcp", "10.0.1.4:5060", "lan", "", "sip:tina@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define HERE configs, NULL, cast

#define LOG_ON(WHO, PASSWORD) \
	WHO " > REGISTER sip:corp.example | To: <sip:ucs-" WHO "@corp.example> | Contact: <sip:192.168.7.7>\n" \
	WHO " < 401\n" \
	WHO " > REGISTER sip:corp.example | To: <sip:ucs-" WHO "@corp.example> | Contact: <sip:192.168.7.7> |" \
	" Digest: ucs-" WHO " " PASSWORD " SHA-256\n" \
	WHO " < 200\n"
#define ALL_LOG_ON LOG_ON("far", "secret") LOG_ON("tls", "hidden")

#define ASKED(FROM, TO, METHOD) FROM " > " METHOD "\n" TO " < " METHOD "\n" TO " > 200 " METHOD "\n" FROM " < 200 " METHOD "\n"
#define CALLS(FROM, TO, USER) \
	FROM " > INVITE sip:" USER "@corp.example\n" \
	FROM " < 100\n" \
	TO " < INVITE\n" \
	TO " > 180\n" \
	FROM " < 180\n" \
	TO " > 200 INVITE\n" \
	FROM " < 200 INVITE\n" \
	FROM " > ACK\n" \
	TO " < ACK\n"
#define INVITES_AGAIN(FROM, TO) \
	FROM " > INVITE\n" \
	FROM " < 100\n" \
	TO " < INVITE\n" \
	TO " > 200 INVITE\n" \
	FROM " < 200 INVITE\n" \
	FROM " > ACK\n" \
	TO " < ACK\n"
#define REFERS(FROM, TO) \
	FROM " > REFER | +Refer-To: <sip:bob@partner.example>\n" \
	TO " < REFER | Refer-To: <sip:bob@partner.example>\n" \
	TO " > 202 REFER\n" \
	FROM " < 202 REFER\n" \
	TO " > NOTIFY | +Event: refer | +Subscription-State: active | body: SIP/2.0 100 Trying\n" \
	FROM " < NOTIFY | Event: refer\n" \
	FROM " > 200 NOTIFY\n" \
	TO " < 200 NOTIFY\n"
#define WATCHES(FROM, TO, USER) \
	FROM " > SUBSCRIBE sip:" USER "@corp.example | +Event: presence | +Expires: 600\n" \
	TO " < SUBSCRIBE | Event: presence\n" \
	TO " > 200 SUBSCRIBE | +Expires: 600\n" \
	FROM " < 200 SUBSCRIBE | Expires: 600\n" \
	TO " > NOTIFY | +Event: presence | +Subscription-State: active;expires=600 | body: <presence/>\n" \
	FROM " < NOTIFY | body: <presence/>\n" \
	FROM " > 200 NOTIFY\n" \
	TO " < 200 NOTIFY\n" \
	FROM " > SUBSCRIBE | +Event: presence | +Expires: 0\n" \
	TO " < SUBSCRIBE | Expires: 0\n" \
	TO " > 200 SUBSCRIBE\n" \
	FROM " < 200 SUBSCRIBE\n" \
	TO " > NOTIFY | +Event: presence | +Subscription-State: terminated;reason=timeout\n" \
	FROM " < NOTIFY | Subscription-State: terminated*\n" \
	FROM " > 200 NOTIFY\n" \
	TO " < 200 NOTIFY\n"
#define WRITES(FROM, TO, USER) \
	FROM " > MESSAGE sip:" USER "@corp.example | body: Hello\n" \
	TO " < MESSAGE | body: Hello\n" \
	TO " > 200\n" \
	FROM " < 200\n"
/* All that two have to say to each other: A calls B, both move the call and end it. */
#define EVERYTHING(A, USER_A, B, USER_B) \
	ALL_LOG_ON \
	WRITES(A, B, USER_B) WRITES(B, A, USER_A) \
	WATCHES(A, B, USER_B) WATCHES(B, A, USER_A) \
	CALLS(A, B, USER_B) INVITES_AGAIN(B, A) INVITES_AGAIN(A, B) ASKED(A, B, "INFO") REFERS(B, A) ASKED(B, A, "BYE") \
	CALLS(B, A, USER_A) INVITES_AGAIN(A, B) ASKED(B, A, "UPDATE") REFERS(A, B) ASKED(A, B, "BYE")

static const struct play plays[] = {
	{ "behind NAT at both ends, TCP and TLS", EVERYTHING("far", "fred", "tls", "tom"), HERE },
	{ "UDP at one end, TLS at the other", EVERYTHING("udp", "ursula", "tls", "tom"), HERE },
	{ "UDP at one end, a NAT at the other", EVERYTHING("far", "fred", "udp", "ursula"), HERE },
	{ "UDP and TCP, both dialled", EVERYTHING("udp", "ursula", "tcp", "tina"), HERE },
	{ "TCP dialled and TLS from behind a NAT", EVERYTHING("tcp", "tina", "tls", "tom"), HERE },
	{ "the ends are told apart in Record-Route and Via by transport, RFC 5658",
	  ALL_LOG_ON
	  "udp > INVITE sip:tom@corp.example\n"
	  "udp < 100\n"
	  "tls < INVITE | Via[0]: SIP/2.0/TLS 127.0.1.2:5061* | Via[1]: SIP/2.0/UDP * | Record-Route x2 |"
	  " Record-Route[0]: *127.0.1.2:5061* | Record-Route[1]: *127.0.1.2:5060*\n"
	  "tls > 486\n"
	  "tls < ACK\n"
	  "udp < 486\n"
	  "udp > ACK\n", HERE },
	{ "a PUBLISH for a user of another backend, refreshed and taken back by SIP-If-Match, RFC 3903",
	  ALL_LOG_ON
	  "far > PUBLISH sip:tom@corp.example | +Event: presence | +Expires: 3600 | body: <presence/>\n"
	  "tls < PUBLISH | Event: presence | !SIP-If-Match | body: <presence/>\n"
	  "tls > 200 | +SIP-ETag: abc1 | +Expires: 3600\n"
	  "far < 200 | SIP-ETag: abc1\n"
	  "far > PUBLISH sip:tom@corp.example | +Event: presence | +Expires: 3600 | +SIP-If-Match: abc1\n"
	  "tls < PUBLISH | SIP-If-Match: abc1\n"
	  "tls > 200 | +SIP-ETag: abc2\n"
	  "far < 200 | SIP-ETag: abc2\n"
	  "far > PUBLISH sip:tom@corp.example | +Event: presence | +Expires: 0 | +SIP-If-Match: abc1\n"
	  "tls < PUBLISH\n"
	  "tls > 412\n"
	  "far < 412\n", HERE },
	{ "... and found by a search",
	  "tcp > PUBLISH sip:carl@corp.example | +Event: presence | body: <presence/>\n"
	  "udp < PUBLISH | body: <presence/>\n"
	  "udp > 200 | +SIP-ETag: 1\n"
	  "tcp < 200 | SIP-ETag: 1\n"
	  "tcp > PUBLISH sip:carl@corp.example | +Event: presence | +SIP-If-Match: 1\n"
	  "udp < PUBLISH | SIP-If-Match: 1\n"
	  "udp > 200\n"
	  "tcp < 200\n", HERE },
	{ "a call that rings out, and one that is cancelled",
	  ALL_LOG_ON
	  "far > INVITE sip:tom@corp.example\n"
	  "far < 100\n"
	  "tls < INVITE\n"
	  "tls > 180\n"
	  "far < 180\n"
	  "far > CANCEL\n"
	  "far < 200 CANCEL\n"
	  "tls < CANCEL\n"
	  "tls > 200 CANCEL\n"
	  "tls > 487 INVITE\n"
	  "tls < ACK\n"
	  "far < 487\n"
	  "far > ACK\n", HERE },
	{ "the other end's connection is lost in a call: 503, and after the new log-on the call goes on",
	  ALL_LOG_ON
	  CALLS("far", "tls", "tom")
	  "tls closes\n"
	  "far > INFO\n"
	  "far < 503 | Retry-After: *\n"
	  LOG_ON("tls", "hidden")
	  ASKED("far", "tls", "BYE"), HERE },
	{ "what backends assert stays as it is between them, RFC 3325 §5",
	  ALL_LOG_ON
	  "far > MESSAGE sip:tom@corp.example | +P-Asserted-Identity: \"Fred\" <sip:fred@corp.example> | +Privacy: id\n"
	  "tls < MESSAGE | P-Asserted-Identity: \"Fred\" <sip:fred@corp.example> | Privacy: id\n"
	  "tls > 200\n"
	  "far < 200\n", HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("between", plays, COUNT(plays));
}
