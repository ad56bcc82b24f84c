/* UDP, TCP or TLS inside, MTLS outside, and what is too large for one of them: presence
 * documents of 100 KB. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CONFIG(LAN_TCP) \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"limits: { message_size: 256KB }\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	LAN_TCP \
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
	"  - { name: tls, username: ucs-tls, password_file: paris.pass, listener: lan-tls, users: [tom], probe: 0 }\n" \
	"  - { name: dgram, username: ucs-dgram, password_file: berlin.pass, listener: lan-udp, users: [dora], probe: 0 }\n"

#define LAN_TCP "  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
#define TCP "  - { name: tcp, address: 'sip:10.0.1.4:5060;transport=tcp', listener: lan, users: [tina], probe: 0 }\n"

static const char *const configs[] = {
	CONFIG(LAN_TCP) TCP,
	/* 1: no TCP on the lan */
	CONFIG(""),
	NULL,
};

static const struct role cast[] = {
	{ "udp", "10.0.1.1:5060", "lan-udp", "", "sip:ursula@corp.example" },
	{ "tls", "10.0.1.3:5061", "lan-tls", "", "sip:tom@corp.example" },
	{ "tcp", "10.0.1.4:5060", "lan", "", "sip:tina@corp.example" },
	{ "dgram", "10.0.1.5:5060", "lan-udp", "", "sip:dora@corp.example" },
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
#define BIG "102400" /* 100 KB */
#define FITS "60000"
/* A presence document from one to the other, in a dialog, and outside of one. */
#define DOCUMENT(FROM, TO, URI, VIA) \
	FROM " > MESSAGE " URI " | +Content-Type: application/pidf+xml | fill: " BIG "\n" \
	TO " < MESSAGE | Content-Length: " BIG " | fill: " BIG " | Via[0]: SIP/2.0/" VIA " *\n" \
	TO " > 200\n" \
	FROM " < 200\n" \
	FROM " > SUBSCRIBE " URI " | +Event: presence\n" \
	TO " < SUBSCRIBE\n" \
	TO " > 200\n" \
	FROM " < 200\n" \
	TO " > NOTIFY | +Event: presence | +Subscription-State: active | fill: " BIG "\n" \
	FROM " < NOTIFY | fill: " BIG "\n" \
	FROM " > 200\n" \
	TO " < 200\n"
#define TALKS(WHO, USER, VIA) \
	"bob > INVITE sip:" USER "@corp.example | body: v=0\n" \
	"bob < 100\n" \
	WHO " < INVITE | Via[0]: SIP/2.0/" VIA " * | Via[1]: SIP/2.0/TLS * | Record-Route x2 | body: v=0\n" \
	WHO " > 200 | body: v=0\n" \
	"bob < 200 | body: v=0 | Via x1\n" \
	"bob > ACK\n" \
	WHO " < ACK\n" \
	WHO " > BYE\n" \
	"bob < BYE | Via[0]: SIP/2.0/TLS * | Via[1]: SIP/2.0/" VIA " *\n" \
	"bob > 200\n" \
	WHO " < 200\n"

static const struct play plays[] = {
	{ "UDP inside, MTLS outside", TALKS("udp", "ursula", "UDP"), HERE },
	{ "TCP inside, MTLS outside", TALKS("tcp", "tina", "TCP"), HERE },
	{ "100 KB from a backend by TCP to a partner and back", DOCUMENT("tcp", "bob", "sip:bob@partner.example", "TLS"), HERE },
	{ "100 KB from a partner to a backend by TCP and back", DOCUMENT("bob", "tcp", "sip:tina@corp.example", "TCP"), HERE },
	{ "100 KB by a backend's own connection, by TLS",
	  LOG_ON("tls", "hidden") DOCUMENT("bob", "tls", "sip:tom@corp.example", "TLS"), HERE },
	{ "100 KB from backend to backend",
	  LOG_ON("tls", "hidden") DOCUMENT("tls", "tcp", "sip:tina@corp.example", "TCP"), HERE },
	{ "100 KB to a backend by UDP: by TCP to the same place",
	  "bob > MESSAGE sip:ursula@corp.example | fill: " BIG "\n"
	  "udp < MESSAGE | fill: " BIG " | Via[0]: SIP/2.0/TCP *\n"
	  "udp > 200\n"
	  "bob < 200\n"
	  "because *fit: tcp 10.0.1.1:5060\n", HERE },
	{ "... which takes no TCP: 513, as no datagram holds it",
	  "udp refuses\n"
	  "bob > MESSAGE sip:ursula@corp.example | fill: " BIG "\n"
	  "bob < 513 | Warning: *message-too-large*\n"
	  "why message-too-large backend:udp\n"
	  "bob > MESSAGE sip:ursula@corp.example | fill: 100\n" /* it is not the server's fault */
	  "udp < MESSAGE\n"
	  "udp > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:ursula@corp.example | fill: " BIG "\n"
	  "bob < 513\n"
	  "why message-too-large backend:udp\n", HERE },
	{ "... and no listener of ours for TCP",
	  "reload 1\n"
	  "bob > MESSAGE sip:ursula@corp.example | fill: " BIG "\n"
	  "bob < 513\n"
	  "why message-too-large backend:udp\n", HERE },
	{ "... of one that logged on by datagrams",
	  LOG_ON("dgram", "secret")
	  "dgram refuses\n"
	  "bob > MESSAGE sip:dora@corp.example | fill: " BIG "\n"
	  "bob < 513\n"
	  "why message-too-large backend:dgram\n"
	  "bob > MESSAGE sip:dora@corp.example | fill: 2000\n"
	  "dgram < MESSAGE | fill: 2000 | Via[0]: SIP/2.0/UDP *\n"
	  "dgram > 200\n"
	  "bob < 200\n", HERE },
	{ "60 KB to a backend by UDP that takes no TCP: in fragments",
	  "udp refuses\n"
	  "bob > MESSAGE sip:ursula@corp.example | fill: " FITS "\n"
	  "udp < MESSAGE | fill: " FITS " | Via[0]: SIP/2.0/UDP *\n"
	  "udp > 200\n"
	  "bob < 200\n", HERE },
	{ "60 KB from a backend by UDP to a partner",
	  "udp > MESSAGE sip:bob@partner.example | fill: " FITS "\n"
	  "bob < MESSAGE | fill: " FITS "\n"
	  "bob > 200\n"
	  "udp < 200\n", HERE },
	{ "a large request in a dialog with a backend by UDP: NOTIFY",
	  "udp > SUBSCRIBE sip:bob@partner.example | +Event: presence\n"
	  "bob < SUBSCRIBE\n"
	  "bob > 200\n"
	  "udp < 200\n"
	  "bob > NOTIFY | +Event: presence | +Subscription-State: active | fill: " BIG "\n"
	  "udp < NOTIFY | fill: " BIG " | Via[0]: SIP/2.0/TCP *\n"
	  "udp > 200\n"
	  "bob < 200\n"
	  "udp refuses\n"
	  "udp closes\n"
	  "bob > NOTIFY | +Event: presence | +Subscription-State: active | fill: " BIG "\n"
	  "bob < 513\n", HERE },
	{ "in a search: the one that cannot be given it does not end the search",
	  "udp refuses\n"
	  LOG_ON("tls", "hidden")
	  "bob > MESSAGE sip:carl@corp.example | fill: " BIG "\n"
	  "tls < MESSAGE | fill: " BIG "\n"
	  "tls > 200\n"
	  "bob < 200\n", HERE },
	{ "an answer of 100 KB to who asked by UDP: 513, not silence",
	  "udp > SUBSCRIBE sip:tina@corp.example | +Event: presence\n"
	  "tcp < SUBSCRIBE\n"
	  "tcp > 200 | fill: " BIG "\n"
	  "udp < 513 | Warning: *message-too-large*\n"
	  "why message-too-large\n"
	  "udp > SUBSCRIBE sip:tina@corp.example | +Event: presence\n"
	  "tcp < SUBSCRIBE\n"
	  "tcp > 200 | fill: " FITS "\n"
	  "udp < 200 | fill: " FITS "\n", HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("translation", plays, COUNT(plays));
}
