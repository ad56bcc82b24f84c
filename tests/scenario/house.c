#include "tests/scenario/scenario.h"

/* clang-format off */
#define LISTENERS \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge," \
	" advertise: sip.corp.example }\n" \
	"  - { name: wan-tls, network: wan, bind: 127.0.2.10, port: 5071, transport: tls, certificate: edge }\n" \
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n" \
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"users_file: users.yaml\n" \
	"placement: reject\n"

#define BACKENDS \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl, 'team*'] }\n"

#define PARTNERS \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: sip.partner.example, port: 5061, transport: mtls, probe: 0 }\n" \
	OTHER_PARTNERS
#define OTHER_PARTNERS \
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true,\n" \
	"        probe: 0 }\n" \
	"    - { domain: weak.example, server: 203.0.113.30, port: 5060, transport: tcp, trustworthy: false,\n" \
	"        probe: 0 }\n" \
	"    - { domain: off.example, server: 203.0.113.40, port: 5061, transport: mtls, enabled: false }\n" \
	"    - domain: many.example\n" \
	"      trustworthy: true\n" \
	"      probe: 0\n" \
	"      servers:\n" \
	"        - { host: 203.0.113.51, port: 5060, transport: tcp, priority: 1, weight: 1 }\n" \
	"        - { host: 203.0.113.52, port: 5060, transport: tcp, priority: 2, weight: 1 }\n"

const char *const house[] = {
	LISTENERS BACKENDS PARTNERS,
	/* 1: without partner.example */
	LISTENERS BACKENDS "partners: { routes: [] }\n",
	/* 2: every route switched off */
	LISTENERS BACKENDS "partners:\n  enabled: false\n  routes:\n"
	"    - { domain: partner.example, server: sip.partner.example, port: 5061, transport: mtls, probe: 0 }\n",
	/* 3: without partner.example, and the others stay */
	LISTENERS BACKENDS "partners:\n  routes:\n" OTHER_PARTNERS,
	NULL,
};

const struct role house_cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "sip.partner.example,partner.example", "sip:bob@partner.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ "will", "203.0.113.30:5060", "wan-tcp", "", "sip:will@weak.example" },
	{ "mary", "203.0.113.51:5060", "wan-tcp", "", "sip:mary@many.example" },
	{ "moe", "203.0.113.52:5060", "wan-tcp", "", "sip:moe@many.example" },
	{ "eve", "203.0.113.66:5061", "wan", "evil.example", "sip:eve@evil.example" },
	{ "mallory", "203.0.113.67:5060", "wan-udp", "", "sip:mallory@nowhere.example" },
	{ 0 },
};

/* secret */
const char house_users[] =
	"- user: will\n"
	"  ha1: { md5: 33d6072627f1a23ec4cf085fd4101c1f, sha-256: 2df55075107d9a8f2ee03a855a3cba2fe89292e0594f407207a14d504e20ff94, sha-512-256: 5b77fe5eb3d7a34e2b36a7131f40847c320ae279bf1af0e331df37104c118b10 }\n";
