/* Backends that log on: RFC 3261 §10 and §22, RFC 7616, RFC 8760, RFC 6140. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START \
	"version: 1\n" \
	"domains: [corp.example, other.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"users_file: users.yaml\n" \
	"registrar: { min_expires: 60s, max_expires: 1h, default_expires: 5m }\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n" \
	"    - { domain: weak.example, server: 203.0.113.30, port: 5060, transport: tcp, trustworthy: false, probe: 0 }\n" \
	"backends:\n"

#define BERLIN "  - { name: berlin, username: ucs-berlin, password_file: berlin.pass, listener: lan, users: [anna]," \
	       " domains: [corp.example], probe: 0 }\n"
#define PARIS "  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan-udp, users: [paul]," \
	      " domains: [corp.example], probe: 0 }\n"

static const char *const configs[] = {
	START BERLIN PARIS "placement: reject\n",
	/* 1: another password */
	START "  - { name: berlin, username: ucs-berlin, password_file: paris.pass, listener: lan, users: [anna]," \
	      " domains: [corp.example], probe: 0 }\n" "placement: reject\n",
	/* 2: berlin is gone */
	START PARIS "placement: reject\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "paris", "10.0.1.2:5060", "lan-udp", "", "sip:paul@corp.example" },
	{ "neighbour", "10.0.1.1:6060", "lan", "", "sip:eve@corp.example" },
	{ "self", "127.0.1.2:7060", "lan-udp", "", "sip:paul@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "will", "203.0.113.30:5060", "wan-tcp", "", "sip:will@weak.example" },
	{ "mallory", "203.0.113.67:5060", "wan-tcp", "", "sip:mallory@nowhere.example" },
	{ 0 },
};

static const char users[] =
	"- user: will\n"
	"  ha1: { md5: 33d6072627f1a23ec4cf085fd4101c1f, sha-256: 2df55075107d9a8f2ee03a855a3cba2fe89292e0594f407207a14d504e20ff94, sha-512-256: 5b77fe5eb3d7a34e2b36a7131f40847c320ae279bf1af0e331df37104c118b10 }\n";

#define HERE configs, users, cast

#define TO " | To: <sip:ucs-berlin@corp.example>"
#define ASKED \
	"berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1:5060;transport=tcp>\n" \
	"berlin < 401 | WWW-Authenticate x3\n"
#define LOG_ON_WITH(contact, algorithm) \
	ASKED \
	"berlin > REGISTER sip:corp.example" TO " | Contact: " contact " | Digest: ucs-berlin secret " algorithm "\n"
#define LOG_ON LOG_ON_WITH("<sip:10.0.1.1:5060;transport=tcp>", "SHA-256") "berlin < 200\n"
/* Behind a NAT: its Contact is none of ours to dial. */
#define LOG_ON_FAR LOG_ON_WITH("<sip:192.168.7.7:5060;transport=tcp>", "SHA-256") "berlin < 200\n"

#define PARIS_LOGS_ON \
	"paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2>\n" \
	"paris < 401\n" \
	"paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2> |" \
	" Digest: ucs-paris hidden MD5\n" \
	"paris < 200\n"

#define EIGHT \
	"<sip:1@10.0.1.1>, <sip:2@10.0.1.1>, <sip:3@10.0.1.1>, <sip:4@10.0.1.1>," \
	" <sip:5@10.0.1.1>, <sip:6@10.0.1.1>, <sip:7@10.0.1.1>, <sip:8@10.0.1.1>"

#define WELCOME(algorithm) \
	{ algorithm, \
	  LOG_ON_WITH("<sip:10.0.1.1:5060;transport=tcp>", algorithm) \
	  "berlin < 200 | Contact: <sip:10.0.1.1:5060;transport=tcp>;expires=300\n" \
	  "why none\n", HERE }

#define ANNA_IS_CALLED \
	"bob > MESSAGE sip:anna@corp.example\n" \
	"berlin < MESSAGE sip:anna@corp.example\n" \
	"berlin > 200\n" \
	"bob < 200\n"

static const struct play plays[] = {
	{ "the strongest first, RFC 8760 §2.3",
	  "berlin > REGISTER sip:corp.example" TO "\n"
	  "berlin < 401 |"
	  " WWW-Authenticate[0]: Digest realm=\"corp.example\",*algorithm=SHA-512-256* |"
	  " WWW-Authenticate[1]: *algorithm=SHA-256* |"
	  " WWW-Authenticate[2]: *algorithm=MD5*\n"
	  "why log-on-needed\n", HERE },
	WELCOME("MD5"),
	WELCOME("SHA-256"),
	WELCOME("SHA-512-256"),
	{ "a wrong password",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: ucs-berlin guess SHA-256\n"
	  "berlin < 403\n"
	  "why authorization-wrong\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: *\n"
	  "why not-logged-on\n", HERE },
	{ "an unknown name",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: nobody secret SHA-256\n"
	  "berlin < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "too many wrong passwords: the source may not log on for a while, all else goes on",
	  ASKED
	  "times 11 berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: ucs-berlin guess SHA-256\n"
	  "berlin skips\n"
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < nothing\n"
	  "why banned\n"
	  "wait 5m\n"
	  LOG_ON, HERE },
	{ "a replay is asked again",
	  LOG_ON
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 401 | WWW-Authenticate: *stale=true*\n"
	  "why log-on-stale\n", HERE },
	{ "the same request once more gets the same answer",
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2>\n"
	  "paris < 401\n"
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2> |"
	  " Digest: ucs-paris hidden MD5\n"
	  "paris < 200 | Contact: <sip:10.0.1.2>;expires=300\n"
	  "paris > again\n"
	  "paris < 200 | Contact: <sip:10.0.1.2>;expires=300\n", HERE },
	{ "the user of a phone or partner is nobody here",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: will secret SHA-256\n"
	  "berlin < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "a backend's credentials are nobody's at a partner's route",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: ucs-berlin secret SHA-256\n"
	  "will < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "nobody logs on from outside",
	  "mallory > REGISTER sip:corp.example" TO "\n"
	  "mallory < 403\n"
	  "bob > REGISTER sip:corp.example" TO "\n"
	  "bob < 405\n"
	  "why method\n", HERE },
	{ "at another listener than its own",
	  "berlin by lan-udp\n"
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1>\n"
	  "berlin < 401\n"
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 403\n"
	  "why wrong-listener\n", HERE },
	{ "a domain that it does not serve",
	  ASKED
	  "berlin > REGISTER sip:other.example | To: <sip:ucs-berlin@other.example> | Contact: <sip:10.0.1.1> |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 403\n"
	  "why foreign-domain-from-inside\n", HERE },
	{ "before it logs on nobody is there",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: * | Warning: *not-logged-on*\n"
	  "why not-logged-on backend:berlin\n"
	  "because backend:berlin: not-logged-on\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why stranger\n", HERE },
	{ "it is reached by its own connection",
	  LOG_ON_FAR ANNA_IS_CALLED "why none backend:berlin\n", HERE },
	{ "its connection speaks for it",
	  LOG_ON_FAR
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "why none partner:partner.example\n", HERE },
	{ "but only for its domains",
	  LOG_ON_FAR
	  "berlin is sip:anna@other.example\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why foreign-domain-from-inside\n", HERE },
	{ "a call over its connection, begun by either side",
	  LOG_ON_FAR
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200\n", HERE },
	{ "its connection ends: at once it is known to be gone",
	  LOG_ON_FAR
	  "berlin closes\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503 | Retry-After: *\n"
	  "why not-logged-on\n"
	  LOG_ON_FAR ANNA_IS_CALLED, HERE },
	{ "its connection ends while it is asked",
	  LOG_ON_FAR
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin closes\n"
	  "bob < 503\n"
	  "why connection-lost\n", HERE },
	{ "its connection ends, but it can be dialled",
	  LOG_ON
	  "berlin closes\n"
	  ANNA_IS_CALLED, HERE },
	{ "by datagrams: back to where they came from",
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:192.168.9.9>\n"
	  "paris < 401\n"
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:192.168.9.9> |"
	  " Digest: ucs-paris hidden MD5\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "paris < MESSAGE\n"
	  "paris > 200\n"
	  "bob < 200\n", HERE },
	{ "its time is over",
	  LOG_ON
	  "wait 299s\n"
	  ANNA_IS_CALLED
	  "wait 2s\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why not-logged-on\n", HERE },
	{ "too brief, RFC 3261 §10.2.8",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1>;expires=59 | Digest: ucs-berlin secret MD5\n"
	  "berlin < 423 | Min-Expires: 60\n"
	  "why registration-brief\n", HERE },
	{ "no longer than max_expires",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Expires: 4000000000 |"
	  " Digest: ucs-berlin secret MD5\n"
	  "berlin < 200 | Contact: <sip:10.0.1.1>;expires=3600\n", HERE },
	{ "the contact's own time counts more than Expires",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1>;expires=120 | Expires: 600 |"
	  " Digest: ucs-berlin secret MD5\n"
	  "berlin < 200 | Contact: <sip:10.0.1.1>;expires=120\n", HERE },
	{ "it logs off",
	  LOG_ON
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1:5060;transport=tcp>;expires=0 |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200 | !Contact\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why not-logged-on\n", HERE },
	{ "it logs off by a wildcard, RFC 3261 §10.2.2",
	  LOG_ON
	  "berlin > REGISTER sip:corp.example" TO " | Contact: * | Expires: 0 | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200 | !Contact\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n", HERE },
	{ "a wildcard with a time",
	  LOG_ON
	  "berlin > REGISTER sip:corp.example" TO " | Contact: * | Expires: 60 | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 400\n"
	  "why malformed\n"
	  ANNA_IS_CALLED, HERE },
	{ "it asks what is there",
	  LOG_ON
	  "wait 100s\n"
	  "berlin > REGISTER sip:corp.example" TO " | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200 | Contact: <sip:10.0.1.1:5060;transport=tcp>;expires=200\n", HERE },
	{ "overtaken by a newer one, RFC 3261 §10.3 item 7",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Call-ID: series | CSeq: 7 REGISTER |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200\n"
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1>;expires=0 | Call-ID: series |"
	  " CSeq: 7 REGISTER | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 500\n"
	  "why registration-old\n"
	  ANNA_IS_CALLED, HERE },
	{ "an extension that we do not have",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1> | Require: gin, outbound |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 420 | Unsupported: outbound\n"
	  "why extension-unsupported\n", HERE },
	{ "a contact that is no SIP URI",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <mailto:x@y.example> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 400\n"
	  "why malformed\n", HERE },
	{ "in bulk: its contact stands in the Request-URI, RFC 6140 §5.3",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1;bnc> | Require: gin | Proxy-Require: gin |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200 | Contact: <sip:10.0.1.1;bnc>;expires=300\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE sip:anna@10.0.1.1\n"
	  "berlin > 200\n"
	  "bob < 200\n", HERE },
	{ "in bulk with a user, RFC 6140 §5.2",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:pbx@10.0.1.1;bnc> | Require: gin | Proxy-Require: gin |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 400\n"
	  "why malformed\n", HERE },
	{ "it registers a user",
	  ASKED
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> |"
	  " Contact: <sip:carl-7@10.0.1.1:5060;transport=tcp> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200 | Contact: <sip:carl-7@10.0.1.1:5060;transport=tcp>;expires=300\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE sip:carl-7@10.0.1.1:5060;transport=tcp\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "why none backend:berlin\n", HERE },
	{ "a user that it registers for a short time does not shorten its own log-on",
	  LOG_ON_FAR
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: <sip:carl@10.0.1.1>;expires=60 |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200\n"
	  "wait 61s\n"
	  ANNA_IS_CALLED, HERE },
	{ "a user that it registers leaves its bulk contact, and where it can be dialled",
	  ASKED
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1;bnc> | Require: gin | Proxy-Require: gin |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200\n"
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: <sip:carl@10.0.1.1> |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE sip:anna@10.0.1.1\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin closes\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE sip:anna@10.0.1.1\n"
	  "berlin > 200\n"
	  "bob < 200\n", HERE },
	{ "somebody else behind the same NAT is a stranger",
	  LOG_ON_FAR
	  "neighbour > MESSAGE sip:bob@partner.example\n"
	  "neighbour < 403\n"
	  "why stranger\n", HERE },
	{ "whose address speaks for it: no more after it has logged off",
	  PARIS_LOGS_ON
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "paris < 200\n"
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-paris hidden MD5 00000002\n"
	  "paris < 200\n"
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "paris < 403\n"
	  "why stranger\n", HERE },
	{ "... nor when its time is over",
	  PARIS_LOGS_ON
	  "wait 302s\n"
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "paris < 403\n"
	  "why stranger\n", HERE },
	{ "... nor when a reload took its credentials away",
	  LOG_ON
	  "berlin closes\n"
	  "reload 1\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why stranger\n", HERE },
	{ "... nor when it was gone from the configuration meanwhile",
	  LOG_ON
	  "berlin closes\n"
	  "reload 2\n"
	  "reload 0\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why stranger\n", HERE },
	{ "... but at once after a restart",
	  "keep state\n"
	  LOG_ON
	  "restart proxy\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n", HERE },
	{ "nor its connection after it has logged off",
	  LOG_ON_FAR
	  "berlin > REGISTER sip:corp.example" TO " | Contact: * | Expires: 0 | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why stranger\n", HERE },
	{ "nor its connection when its time is over",
	  LOG_ON_FAR
	  "wait 302s\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why stranger\n", HERE },
	{ "a contact that is our own address is not dialled",
	  "self > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:127.0.1.2:5060>\n"
	  "self < 401\n"
	  "self > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:127.0.1.2:5060> |"
	  " Digest: ucs-paris hidden MD5\n"
	  "self < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "self < MESSAGE\n"
	  "self > 200\n"
	  "bob < 200\n", HERE },
	{ "of eight contacts one is exchanged for another, RFC 3261 §10.3 item 7",
	  ASKED
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: " EIGHT " | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200 | Contact x8\n"
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> |"
	  " Contact: <sip:9@10.0.1.1>, <sip:1@10.0.1.1>;expires=0 | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200 | Contact x8 | !Contact: <sip:1@* | Contact: <sip:9@*\n", HERE },
	{ "what cannot be done in full is not done at all",
	  ASKED
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: " EIGHT " | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200 | Contact x8\n"
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> |"
	  " Contact: <sip:1@10.0.1.1>;expires=0, <sip:9@10.0.1.1>, <sip:10@10.0.1.1> | Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 503 | Retry-After: 60\n"
	  "why registration-full\n"
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Digest: ucs-berlin secret SHA-256 00000003\n"
	  "berlin < 200 | Contact x8 | Contact: <sip:1@* | !Contact: <sip:9@*\n", HERE },
	{ "two contacts of a user ring in parallel",
	  ASKED
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: <sip:desk@10.0.1.1> |"
	  " +Contact: <sip:mobile@10.0.1.1> | Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200 | Contact x2\n"
	  "bob > INVITE sip:carl@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE sip:desk@10.0.1.1\n"
	  "berlin < INVITE sip:mobile@10.0.1.1\n"
	  "berlin > 486\n"
	  "berlin < ACK\n"
	  "wait 40s\n"
	  "bob skips\n"
	  "berlin skips\n", HERE },
	{ "a registered user outlives the proxy, and so does the address of the backend",
	  "keep state\n"
	  ASKED
	  "berlin > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: <sip:carl@10.0.1.1:5060;transport=tcp> |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "berlin < 200\n"
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:10.0.1.1:5060;transport=tcp> |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "berlin < 200\n"
	  "wait 100s\n"
	  "restart proxy\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE sip:carl@10.0.1.1:5060;transport=tcp\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "wait 201s\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  "bob < 404\n", HERE },
	{ "after a restart it may speak at once from where it logged on, by a new connection, too",
	  "keep state\n"
	  LOG_ON
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2>\n"
	  "paris < 401\n"
	  "paris > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:10.0.1.2> |"
	  " Digest: ucs-paris hidden MD5\n"
	  "paris < 200\n"
	  "restart proxy\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "paris < 200\n"
	  "why none partner:partner.example\n", HERE },
	{ "another password takes effect with the reload: what was proved by the old one is gone",
	  LOG_ON
	  "reload 1\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why not-logged-on\n"
	  "wait 40s\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n", HERE },
	{ "a backend that is gone from the configuration",
	  LOG_ON
	  "reload 2\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 404\n"
	  "why unknown-user\n", HERE },
	{ "a reload that leaves it as it is",
	  LOG_ON_FAR
	  "reload 0\n"
	  "wait 40s\n"
	  ANNA_IS_CALLED, HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("log_on", plays, COUNT(plays));
}
