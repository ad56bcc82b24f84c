#include "tests/scenario/phones.h"

const char *const phones_house[] = { PHONES_TOP PHONES_LISTENERS PHONES_REST, NULL };

/* clang-format off */
const char phones_users[] =
	"- { user: \"168\", auth_user: SIP-168, internet: true, class: inside, max_contacts: 2, ha1: { md5: 57856f686ab8f40416b7412e6a2d9b01, sha-256: e4e4551d93e47121ab9f27a6f6367d8aad375dedecfb584083c093994953756d, sha-512-256: c507933aeab5105c3788d106eea5e2efcc60460db97607155c3d27f86f99f6c0 } }\n"
	"- { user: \"169\", auth_user: \"169\", internet: true, ha1: { md5: 7b91a78e4db9c2bac8f4e987cfd59975, sha-256: 42f8db9d0a260df1b14ff3d2221f6fdc2a2af38d03273fb2ed1e0b3f724092fc, sha-512-256: 702aa592a42dcd46c899325a5874b1be0918e3fe77f7087e953797e85e9d316b } }\n"
	"- { user: \"170\", auth_user: \"170\", internet: false, ha1: { md5: e70218e391e5bd26b58828a116d4ed17, sha-256: 6f15becff8ca1623333ac4cdbb0cc9d41cc80033f44cc59ed828bd874134b36d, sha-512-256: 5e1411e5f13a0b037bbd94b7d32d94b1e76b2a9a23900e3849272122095e15c1 } }\n"
	"- { user: \"171\", auth_user: \"171\", internet: true, locked: true, ha1: { md5: de7e60a89f68868d87626f4fcc2eb5ca, sha-256: 8cd59751bcfbde6c75e5709c34c0352be4136fce682976b544d259bfbac570ce, sha-512-256: 50ef4b563408d97059cd892244788244e67a2a8f77107d286ca2a8cfd033cc30 } }\n";

const struct role phones_cast[] = {
	{ "ann", "198.51.100.10:40000", "phones", "", "sip:168@corp.example" },
	{ "other", "198.51.100.10:41000", "phones", "", "sip:168@corp.example" },
	{ "tom", "198.51.100.20:5060", "phones-tcp", "", "sip:169@corp.example" },
	{ "tess", "198.51.100.30:5060", "phones-tls", "", "sip:169@corp.example" },
	{ "nina", "198.51.100.40:5060", "phones", "", "sip:170@corp.example" },
	{ "lou", "198.51.100.41:5060", "phones", "", "sip:171@corp.example" },
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:200@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "mallory", "203.0.113.67:5060", "phones", "", "sip:168@corp.example" },
	{ "mat", "203.0.113.68:5060", "phones-tcp", "", "sip:mat@nowhere.example" },
	{ 0 },
};
/* clang-format on */
