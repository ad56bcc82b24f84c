/* What a backend may assert and change, and what its credentials are good for. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CONFIG \
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
	"placement: search\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n" \
	"    - { domain: weak.example, server: 203.0.113.30, port: 5060, transport: tcp, trustworthy: false, probe: 0 }\n" \
	"backends:\n" \
	"  - { name: berlin, username: ucs-berlin, password_file: berlin.pass, listener: lan, users: [anna], domains: [corp.example], probe: 0 }\n" \
	"  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan, users: [paul], domains: [corp.example], probe: 0 }\n" \
	"  - { name: oslo, username: ucs-oslo, password_file: berlin.pass, listener: lan-udp, domains: [corp.example], probe: 0 }\n" \
	"  - { name: rome, username: ucs-rome, password_file: paris.pass, listener: lan-udp, domains: [corp.example], probe: 0 }\n" \
	"  - { name: other, address: 'sip:10.0.1.9:5060;transport=tcp', listener: lan, domains: [other.example], probe: 0 }\n"

static const char *const configs[] = { CONFIG, NULL };

/* oslo and rome are two programs of one host; twin is one beside berlin. */
static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "paris", "10.0.1.2:5060", "lan", "", "sip:paul@corp.example" },
	{ "oslo", "10.0.1.7:5060", "lan-udp", "", "sip:olga@corp.example" },
	{ "rome", "10.0.1.7:5070", "lan-udp", "", "sip:rita@corp.example" },
	{ "twin", "10.0.1.1:5070", "lan", "", "sip:tina@corp.example" },
	{ "other", "10.0.1.9:5060", "lan", "", "sip:otto@other.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "will", "203.0.113.30:5060", "wan-tcp", "", "sip:will@weak.example" },
	{ "mallory", "10.0.1.66:5060", "lan", "", "sip:anna@corp.example" },
	{ 0 },
};

static const char users[] =
	"- user: will\n"
	"  ha1: { md5: 33d6072627f1a23ec4cf085fd4101c1f, sha-256: 2df55075107d9a8f2ee03a855a3cba2fe89292e0594f407207a14d504e20ff94, sha-512-256: 5b77fe5eb3d7a34e2b36a7131f40847c320ae279bf1af0e331df37104c118b10 }\n";

#define HERE configs, users, cast

#define FAR "<sip:192.168.7.7:5060;transport=tcp>"
#define REGISTER_AS(WHO, USERNAME, PASSWORD, WHOM, CONTACT, CODE) \
	WHO " > REGISTER sip:corp.example | To: <sip:" WHOM "> | Contact: " CONTACT "\n" \
	WHO " < 401\n" \
	WHO " > REGISTER sip:corp.example | To: <sip:" WHOM "> | Contact: " CONTACT " |" \
	" Digest: " USERNAME " " PASSWORD " SHA-256\n" \
	WHO " < " CODE "\n"
#define BERLIN(WHOM, CONTACT, CODE) REGISTER_AS("berlin", "ucs-berlin", "secret", WHOM "@corp.example", CONTACT, CODE)
#define PARIS(WHOM, CONTACT, CODE) REGISTER_AS("paris", "ucs-paris", "hidden", WHOM "@corp.example", CONTACT, CODE)
#define BOTH_LOG_ON BERLIN("ucs-berlin", FAR, "200") PARIS("ucs-paris", FAR, "200")
#define CALLED(USER, WHO) \
	"bob > MESSAGE sip:" USER "@corp.example\n" \
	WHO " < MESSAGE\n" \
	WHO " > 200\n" \
	"bob < 200\n"
#define SEEN(WHO) \
	WHO " > MESSAGE sip:bob@partner.example\n" \
	"bob < MESSAGE\n" \
	"bob > 200\n" \
	WHO " < 200\n"

static const struct play plays[] = {
	{ "credentials of a backend: of no use for a user of a partner",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: ucs-berlin secret SHA-256\n"
	  "will < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "credentials of a partner: of no use for a backend",
	  "mallory > REGISTER sip:corp.example | To: <sip:will@corp.example> | Contact: <sip:10.0.1.66>\n"
	  "mallory < 401\n"
	  "mallory > REGISTER sip:corp.example | To: <sip:will@corp.example> | Contact: <sip:10.0.1.66> | Digest: will secret MD5\n"
	  "mallory < 403\n"
	  "why authorization-wrong\n", HERE },
	{ "of no use outside: a nonce from inside does not help",
	  "mallory > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example>\n"
	  "mallory < 401\n"
	  "mallory by wan-tcp\n"
	  "mallory > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example> | Contact: <sip:10.0.1.66> |"
	  " Digest: ucs-berlin secret SHA-256\n"
	  "mallory < 403\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "bob < 503\n"
	  "why not-logged-on\n", HERE },
	{ "of no use for anything but REGISTER: requests are not authorized by them",
	  "mallory > REGISTER sip:corp.example | To: <sip:ucs-berlin@corp.example>\n"
	  "mallory < 401\n"
	  "mallory > MESSAGE sip:bob@partner.example | Digest: ucs-berlin secret SHA-256\n"
	  "mallory < 403\n"
	  "why stranger\n", HERE },
	{ "no other connection from the same place is the backend's, unless it can be dialled there",
	  BERLIN("ucs-berlin", FAR, "200")
	  "twin is sip:anna@corp.example\n"
	  "twin > MESSAGE sip:bob@partner.example\n"
	  "twin < 403\n"
	  "why stranger\n", HERE },
	{ "it may bind users of its own domains only",
	  REGISTER_AS("berlin", "ucs-berlin", "secret", "carl@other.example", FAR, "403")
	  "why foreign-domain-from-inside\n"
	  REGISTER_AS("berlin", "ucs-berlin", "secret", "bob@partner.example", FAR, "403")
	  "why foreign-domain-from-inside\n", HERE },
	{ "... and speak for them only",
	  BERLIN("ucs-berlin", FAR, "200")
	  "berlin is sip:otto@other.example\n"
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "berlin < 403\n"
	  "why foreign-domain-from-inside\n"
	  "berlin is sip:bob@partner.example\n"
	  "berlin > MESSAGE sip:paul@corp.example\n"
	  "berlin < 403\n", HERE },
	{ "it may bind a user whom `users` of another one names: what is registered comes before what is written",
	  BOTH_LOG_ON
	  BERLIN("paul", "<sip:paul@192.168.7.7>", "200")
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "berlin < MESSAGE sip:paul@192.168.7.7\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "why none backend:berlin\n", HERE },
	{ "it cannot end what another one registered, nor see it",
	  BOTH_LOG_ON
	  BERLIN("carl", "<sip:carl@192.168.7.7>", "200 | Contact: <sip:carl@192.168.7.7>*")
	  PARIS("carl", "<sip:carl@192.168.7.7>;expires=0", "200 | !Contact")
	  "paris > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-paris hidden SHA-256 00000002\n"
	  "paris < 200 | !Contact\n"
	  CALLED("carl", "berlin"), HERE },
	{ "it cannot end the log-on of another one",
	  BOTH_LOG_ON
	  PARIS("ucs-berlin", "<sip:192.168.7.7:5060;transport=tcp>;expires=0", "200")
	  CALLED("anna", "berlin"), HERE },
	{ "both register one user: both ring",
	  BOTH_LOG_ON
	  BERLIN("carl", "<sip:carl@192.168.7.7>", "200")
	  PARIS("carl", "<sip:carl@192.168.8.8>", "200 | Contact x1")
	  "bob > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE sip:carl@192.168.7.7\n"
	  "paris < MESSAGE sip:carl@192.168.8.8\n"
	  "paris > 200\n"
	  "bob < 200\n"
	  "berlin > 404\n", HERE },
	{ "two at one address: each connection is whose it is",
	  BERLIN("ucs-berlin", "<sip:10.0.1.1:5060;transport=tcp>", "200")
	  REGISTER_AS("twin", "ucs-paris", "hidden", "ucs-paris@corp.example", "<sip:10.0.1.1:5070;transport=tcp>", "200")
	  SEEN("twin")
	  "berlin is sip:bert@corp.example\n"
	  SEEN("berlin")
	  CALLED("tina", "twin") "why none backend:paris\n"
	  CALLED("bert", "berlin") "why none backend:berlin\n"
	  CALLED("paul", "twin")
	  CALLED("anna", "berlin"), HERE },
	{ "two at one address, by datagrams: each port is whose it is",
	  REGISTER_AS("oslo", "ucs-oslo", "secret", "ucs-oslo@corp.example", "<sip:10.0.1.7:5060>", "200")
	  REGISTER_AS("rome", "ucs-rome", "hidden", "ucs-rome@corp.example", "<sip:10.0.1.7:5070>", "200")
	  SEEN("rome")
	  SEEN("oslo")
	  CALLED("rita", "rome") "why none backend:rome\n"
	  CALLED("olga", "oslo") "why none backend:oslo\n", HERE },
	{ "... and one of them ends its registration",
	  REGISTER_AS("oslo", "ucs-oslo", "secret", "ucs-oslo@corp.example", "<sip:10.0.1.7:5060>", "200")
	  REGISTER_AS("rome", "ucs-rome", "hidden", "ucs-rome@corp.example", "<sip:10.0.1.7:5070>", "200")
	  SEEN("rome")
	  "oslo > REGISTER sip:corp.example | To: <sip:ucs-oslo@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-oslo secret SHA-256 00000002\n"
	  "oslo < 200\n"
	  CALLED("rita", "rome"), HERE },
	{ "a connection that logged on as one backend logs on as another",
	  BERLIN("ucs-berlin", FAR, "200")
	  REGISTER_AS("berlin", "ucs-paris", "hidden", "ucs-paris@corp.example", FAR, "200")
	  CALLED("paul", "berlin"), HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("isolation", plays, COUNT(plays));
}
