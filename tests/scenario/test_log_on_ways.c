/* The ways by which a backend logs on: TLS, several connections at a time, either worker; and
 * what ends them. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START(REALM) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-2, network: lan, bind: 127.0.1.2, port: 5062, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"  - { name: lan-tls, network: lan, bind: 127.0.1.2, port: 5061, transport: tls, certificate: edge }\n" \
	"  - { name: lan-mtls, network: lan, bind: 127.0.1.2, port: 5071, transport: mtls, certificate: edge }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: " REALM "\n" \
	"registrar: { min_expires: 60s, max_expires: 1h, default_expires: 5m }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n" \
	"placement: reject\n" \
	"backends:\n" \
	"  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan-udp, users: [paul], probe: 0 }\n" \
	"  - { name: oslo, username: ucs-oslo, password_file: berlin.pass, listener: lan-tls, users: [olga], probe: 0 }\n" \
	"  - { name: rome, username: ucs-rome, password_file: berlin.pass, listener: lan-mtls, users: [rita], probe: 0 }\n"

#define BERLIN(USER, LISTENER) \
	"  - { name: berlin, username: " USER ", password_file: berlin.pass, listener: " LISTENER ", users: [anna], probe: 0 }\n"

static const char *const configs[] = {
	START("corp.example") BERLIN("ucs-berlin", "lan"),
	/* 1 to 4: another listener for TCP, none for TCP, another name, another realm */
	START("corp.example") BERLIN("ucs-berlin", "lan-2"),
	START("corp.example") BERLIN("ucs-berlin", "lan-udp"),
	START("corp.example") BERLIN("ucs-leipzig", "lan"),
	START("other.example") BERLIN("ucs-berlin", "lan"),
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "paris", "10.0.1.2:5060", "lan-udp", "", "sip:paul@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "oslo", "10.0.1.3:5061", "lan-tls", "", "sip:olga@corp.example" },
	{ "rome", "10.0.1.4:5061", "lan-mtls", "rome.corp.example", "sip:rita@corp.example" },
	{ 0 },
};

#define HERE configs, NULL, cast

#define FAR "<sip:192.168.7.7:5060;transport=tcp>"
#define NEAR "<sip:10.0.1.1:5060;transport=tcp>"
#define LOG_ON_AT(WORKER, WHO, CONTACT, PASSWORD) \
	WHO "@" WORKER " > REGISTER sip:corp.example | To: <sip:ucs-" WHO "@corp.example> | Contact: " CONTACT "\n" \
	WHO " < 401\n" \
	WHO "@" WORKER " > REGISTER sip:corp.example | To: <sip:ucs-" WHO "@corp.example> | Contact: " CONTACT " |" \
	" Digest: ucs-" WHO " " PASSWORD " SHA-256\n" \
	WHO " < 200\n"
#define LOG_ON(WORKER, CONTACT) LOG_ON_AT(WORKER, "berlin", CONTACT, "secret")
#define REGISTER(NC, WHOM, CONTACT) \
	"berlin@0 > REGISTER sip:corp.example | To: <sip:" WHOM "@corp.example> | Contact: " CONTACT " |" \
	" Digest: ucs-berlin secret SHA-256 " NC "\n" \
	"berlin < 200\n"
#define CALLED(WHO, USER) \
	"bob > MESSAGE sip:" USER "@corp.example\n" \
	WHO " < MESSAGE sip:" USER "@corp.example\n" \
	WHO " > 200\n" \
	"bob < 200\n"
#define ANNA_IS_CALLED CALLED("berlin", "anna")
#define ANNA_IS_GONE \
	"bob > MESSAGE sip:anna@corp.example\n" \
	"bob < 503 | Retry-After: *\n" \
	"why not-logged-on\n" \
	"berlin < nothing\n"
#define CALL(WHO, USER) \
	"bob > INVITE sip:" USER "@corp.example\n" \
	"bob < 100\n" \
	WHO " < INVITE\n" \
	WHO " > 200\n" \
	"bob < 200\n" \
	"bob > ACK\n" \
	WHO " < ACK\n"
#define SECURE(WHO, USER) \
	LOG_ON_AT("1", WHO, "<sips:192.168.7.7>", "secret") \
	CALL(WHO, USER) \
	WHO "@1 > BYE\n" \
	"bob < BYE\n" \
	"bob > 200\n" \
	WHO " < 200\n" \
	WHO "@1 > SUBSCRIBE sip:bob@partner.example | Event: presence\n" \
	"bob < SUBSCRIBE\n" \
	"bob > 200\n" \
	WHO " < 200\n" \
	"bob > NOTIFY | Event: presence | Subscription-State: active\n" \
	WHO " < NOTIFY | Via[0]: SIP/2.0/TLS *\n" \
	WHO " > 200\n" \
	"bob < 200\n" \
	WHO " closes\n" \
	"bob > MESSAGE sip:" USER "@corp.example\n" \
	"bob < 503\n" \
	"why not-logged-on\n"

static const struct play plays[] = {
	{ "by tls", SECURE("oslo", "olga"), HERE },
	{ "by mtls", SECURE("rome", "rita"), HERE },
	{ "over a connection that we dialled: it ends, and so does the log-on",
	  LOG_ON("0", NEAR)
	  "berlin closes\n"
	  ANNA_IS_CALLED
	  "wait 4m\n"
	  "berlin reuses\n"
	  LOG_ON("0", FAR)
	  "wait 2m\n"
	  ANNA_IS_CALLED
	  "berlin closes\n"
	  ANNA_IS_GONE, HERE },
	{ "two connections: the newest is used, though the other hangs",
	  LOG_ON("0", FAR)
	  "wait 1s\n"
	  "berlin leaves\n"
	  LOG_ON("0", FAR)
	  ANNA_IS_CALLED ANNA_IS_CALLED, HERE },
	{ "two connections: the first ends",
	  LOG_ON("0", FAR)
	  "berlin connects\n"
	  LOG_ON("0", FAR)
	  "berlin closes old\n"
	  ANNA_IS_CALLED, HERE },
	{ "two connections: the second ends, and the first serves",
	  LOG_ON("0", FAR)
	  "berlin connects\n"
	  LOG_ON("0", FAR)
	  "berlin closes new\n"
	  ANNA_IS_CALLED
	  "berlin closes\n"
	  ANNA_IS_GONE, HERE },
	{ "two connections, of different workers: one ends",
	  LOG_ON("0", FAR)
	  "berlin connects\n"
	  LOG_ON("1", FAR)
	  "berlin closes old\n"
	  ANNA_IS_CALLED, HERE },
	{ "two connections: the newest ends while it is asked, and the other is tried",
	  LOG_ON("1", FAR)
	  "wait 1s\n"
	  "berlin connects\n"
	  LOG_ON("0", FAR)
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin closes new\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n", HERE },
	{ "two connections: the newest falls silent, and the other is tried after 8*T1",
	  LOG_ON("0", FAR)
	  "wait 1s\n"
	  "berlin connects\n"
	  LOG_ON("1", FAR)
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "wait 4s\n"
	  "bob < 100\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  ANNA_IS_CALLED, HERE },
	{ "a second connection refreshes, and the first expires",
	  LOG_ON("0", FAR)
	  "wait 200s\n"
	  "berlin connects\n"
	  LOG_ON("1", FAR)
	  "wait 150s\n"
	  ANNA_IS_CALLED
	  "berlin closes old\n"
	  ANNA_IS_CALLED
	  "wait 151s\n"
	  ANNA_IS_GONE, HERE },
	{ "it connects anew from the same place: no more than one logon stays",
	  "times 12 berlin closes\n"
	  LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n"
	  LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n"
	  LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n" LOG_ON("0", NEAR) "berlin closes\n"
	  LOG_ON("0", NEAR)
	  ANNA_IS_CALLED, HERE },
	{ "challenged by one worker, answered to the other",
	  "paris@0 > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2>\n"
	  "paris < 401\n"
	  "paris@1 > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2> |"
	  " Digest: ucs-paris hidden SHA-512-256\n"
	  "paris < 200\n"
	  CALLED("paris", "paul")
	  "paris@0 > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2> |"
	  " Digest: ucs-paris hidden SHA-512-256\n"
	  "paris < 401 | WWW-Authenticate: *stale=true*\n"
	  "why log-on-stale\n", HERE },
	{ "by datagrams, at either worker: one logon",
	  LOG_ON_AT("0", "paris", "<sip:10.0.1.2>", "hidden")
	  LOG_ON_AT("1", "paris", "<sip:10.0.1.2>", "hidden")
	  CALLED("paris", "paul")
	  "paris@1 > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-paris hidden SHA-256 00000002\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "bob < 503\n"
	  "why not-logged-on\n", HERE },
	{ "it registers a user after itself: what it said of itself stays",
	  LOG_ON("0", NEAR)
	  REGISTER("00000002", "carl", "<sip:carl@10.0.1.1:5060;transport=tcp>")
	  "berlin closes\n"
	  ANNA_IS_CALLED, HERE },
	{ "... and how long",
	  LOG_ON("0", NEAR ";expires=600")
	  REGISTER("00000002", "carl", "<sip:carl@10.0.1.1:5060;transport=tcp>;expires=60")
	  "wait 400s\n"
	  ANNA_IS_CALLED, HERE },
	{ "... and its bulk contact, RFC 6140 §5.2",
	  "berlin > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example>\n"
	  "berlin < 401\n"
	  "berlin > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example> | Contact: <sip:10.0.1.1;bnc> |"
	  " Require: gin | Proxy-Require: gin | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200\n"
	  REGISTER("00000002", "carl", "<sip:carl@10.0.1.1:5060;transport=tcp>")
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE sip:anna@10.0.1.1\n"
	  "berlin > 200\n"
	  "bob < 200\n", HERE },
	{ "... and by datagrams",
	  LOG_ON_AT("0", "paris", "<sip:10.0.1.2:5060>", "hidden")
	  "paris > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: <sip:carl@192.168.4.4> |"
	  " Digest: ucs-paris hidden SHA-256 00000002\n"
	  "paris < 200\n"
	  CALLED("paris", "paul"), HERE },
	{ "it expires during a call: the backend may end the call, and is reached when it logs on again",
	  LOG_ON("0", FAR)
	  CALL("berlin", "anna")
	  "wait 301s\n"
	  "bob > BYE\n"
	  "bob < 503 | Retry-After: *\n"
	  "why not-logged-on\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n", HERE },
	{ "... and is refreshed by another connection",
	  LOG_ON("0", FAR)
	  CALL("berlin", "anna")
	  "wait 200s\n"
	  "berlin leaves\n"
	  LOG_ON("1", FAR)
	  "wait 200s\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n", HERE },
	{ "while we drain it may log on: calls go on, and need it",
	  LOG_ON("0", FAR)
	  CALL("berlin", "anna")
	  "drain proxy\n"
	  "wait 1s\n"
	  "berlin leaves\n"
	  LOG_ON("1", FAR)
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why draining\n", HERE },
	{ "another listener: it has to log on there",
	  LOG_ON("0", FAR)
	  "reload 1\n"
	  ANNA_IS_GONE
	  "berlin closes\n"
	  "berlin by lan-2\n"
	  LOG_ON("0", FAR)
	  ANNA_IS_CALLED, HERE },
	{ "another listener, of another transport",
	  LOG_ON("0", NEAR)
	  "reload 2\n"
	  ANNA_IS_GONE
	  "berlin by lan-udp\n"
	  LOG_ON("0", FAR)
	  ANNA_IS_CALLED, HERE },
	{ "another name",
	  LOG_ON("0", NEAR)
	  "reload 3\n"
	  ANNA_IS_GONE
	  "berlin > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example> | Contact: " NEAR " |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "another realm",
	  LOG_ON("0", NEAR)
	  "reload 4\n"
	  ANNA_IS_GONE
	  LOG_ON("0", NEAR)
	  ANNA_IS_CALLED, HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("log_on_ways", plays, COUNT(plays));
}
