/* Where users are at home, with the n-th allocation failing. Each performance has a user of its
 * own ($tick.branch): what one taught must not help the next. */
#include "proxy/base/macros.h"
#include "tests/scenario/allocation.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
static const char *const configs[] = {
	HOUSE_OF_BACKENDS
	"placement: search\n"
	"registrar: { min_expires: 60s, max_expires: 1h, default_expires: 5m }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0 }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n"
	"  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan, users: [paul], probe: 0 }\n",
	NULL,
};

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:max@corp.example" },
	{ "paris", "10.0.1.3:5060", "lan", "", "sip:paul@corp.example" },
	{ "tick", "10.0.1.9:5060", "lan", "", "sip:tick@corp.example" }, /* says nothing else: its branch is new in each performance */
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define HERE configs, NULL, cast

#define A_USER "tick > OPTIONS sip:corp.example\n" "tick < 403\n"
#define USER "sip:$tick.branch@corp.example"
#define REGISTER(WORKER, WHOM, CONTACT) \
	"paris@" WORKER " > REGISTER sip:corp.example | To: <sip:" WHOM "@corp.example> | Contact: " CONTACT "\n" \
	"paris < 401\n" \
	"paris@" WORKER " > REGISTER sip:corp.example | To: <sip:" WHOM "@corp.example> | Contact: " CONTACT " |" \
	" Digest: ucs-paris hidden SHA-256\n" \
	"paris < 200\n"
#define CALLED(WHOM, WHO) \
	"bob > MESSAGE " WHOM "\n" \
	WHO " < MESSAGE\n" \
	WHO " > 200\n" \
	"bob < 200\n"
#define NOT_AT(WHO) WHO " < MESSAGE\n" WHO " > 404\n"

static const struct play plays[] = {
	{ "a backend logs on, registers a user in bulk and by contact, and logs off",
	  "paris closes\n"
	  REGISTER("1", "ucs-paris", "<sip:10.0.1.3;bnc> | Require: gin | Proxy-Require: gin")
	  REGISTER("1", "carl", "<sip:carl@10.0.1.3:5060;transport=tcp>")
	  CALLED("sip:carl@corp.example", "paris")
	  "paris@1 > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-paris hidden SHA-256 00000002\n"
	  "paris < 200\n"
	  "paris@1 > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-paris hidden SHA-256 00000003\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "bob < 503\n",
	  HERE },
	{ "a search that learns, and forgets",
	  A_USER
	  "bob > MESSAGE " USER "\n"
	  NOT_AT("berlin")
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  CALLED(USER, "munich")
	  "bob > INVITE " USER "\n"
	  "bob < 100\n"
	  "munich < INVITE\n"
	  "munich > 404\n"
	  "munich < ACK\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "bob < 180\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "bob > BYE\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "bob < 200\n",
	  HERE },
	{ "a search in which one sends it back",
	  A_USER
	  "munich > MESSAGE " USER "\n"
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE " USER " | Call-ID: $callid | From: $from | To: $to | CSeq: $cseq | +Via: $vias | Max-Forwards: 69\n"
	  "berlin < 482\n"
	  "berlin > 482 MESSAGE\n"
	  "munich < 503\n",
	  HERE },
	{ "a bound user over the other worker's connection",
	  "paris closes\n"
	  REGISTER("0", "carl", "<sip:carl@192.168.7.7>")
	  "bob@1 > INVITE sip:carl@corp.example\n"
	  "bob < 100\n"
	  "paris < INVITE sip:carl@192.168.7.7\n"
	  "paris > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "paris < ACK\n"
	  "paris@0 > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "paris < 200\n"
	  "paris closes\n"
	  "bob@1 > MESSAGE sip:carl@corp.example\n"
	  "bob < 503\n",
	  HERE },
	{ "a restart, with the state kept",
	  "restart proxy\n"
	  A_USER
	  "munich > MESSAGE sip:bob@partner.example | From: <" USER ">\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  REGISTER("0", "ucs-paris", "<sip:10.0.1.3:5060;transport=tcp>")
	  REGISTER("0", "carl", "<sip:carl@10.0.1.3:5060;transport=tcp>")
	  "restart proxy\n"
	  CALLED(USER, "munich")
	  CALLED("sip:carl@corp.example", "paris")
	  CALLED("sip:paul@corp.example", "paris"),
	  HERE },
};
/* clang-format on */

int main(void)
{
	return allocation_main("allocation_homes", plays, COUNT(plays));
}
