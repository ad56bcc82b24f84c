/* The house of the phones: 168, 169 and more may register from the internet; berlin is the home
 * of those that begin with 2, and of 168. What is asked for with a script's REGISTER stands in
 * macros. */
#pragma once

#include "tests/scenario/scenario.h"

extern const char *const phones_house[];
extern const char phones_users[];
extern const struct role phones_cast[];

/* clang-format off */
#define PHONES_TOP \
	"version: 1\n" \
	"domains: [corp.example, other.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
#define PHONES_LISTENERS \
	"  - { name: phones, network: remote, bind: 127.0.2.10, port: 5070, transport: udp }\n" \
	"  - { name: phones-tcp, network: remote, bind: 127.0.2.10, port: 5070, transport: tcp }\n" \
	"  - { name: phones-tls, network: remote, bind: 127.0.2.10, port: 5071, transport: tls, certificate: edge }\n"
#define PHONES_REST PHONES_REST_OF("corp.example", "'2*'")
#define PHONES_REST_OF(realm, users) PHONES_REST_WITH(realm, users, "{ relay: [] }")
#define PHONES_REST_WITH(realm, users, media) \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: " realm "\n" \
	"users_file: users.yaml\n" \
	"classes: { inside: { deny: ['+*', '00*'] } }\n" \
	"registrar: { min_expires: 60s, max_expires: 1h, default_expires: 5m }\n" \
	"placement: reject\n" \
	"media: " media "\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n" \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [" users "] }\n"

/* ann (168) and her other phone by UDP, tom (169) by TCP, tess (169) by TLS; their Contacts are those of their own networks. */
#define ASKED(who, user) \
	who " > REGISTER sip:corp.example | To: <sip:" user "@corp.example> | Contact: <sip:x@192.168.1.1>\n" \
	who " < 401 | WWW-Authenticate x3\n"
#define REGISTER(who, user, auth, password, contact, more) \
	ASKED(who, user) \
	who " > REGISTER sip:corp.example | To: <sip:" user "@corp.example> | Contact: " contact " | Digest: " auth " " password \
	" SHA-256" more "\n"
#define ANN_SAYS(contact, more) REGISTER("ann", "168", "SIP-168", "pass168", contact, more)
#define TOM_SAYS(contact, more) REGISTER("tom", "169", "169", "pass169", contact, more)
#define ANN_IS_THERE ANN_SAYS("<sip:168@192.168.1.10:5060>", "") "ann < 200 | Contact: <sip:168@192.168.1.10:5060>;expires=300\n"
#define TOM_IS_THERE TOM_SAYS("<sip:169@10.1.1.7:40001;transport=tcp>", "") "tom < 200\n"
/* clang-format on */
