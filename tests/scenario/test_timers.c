/* RFC 3261 §17 and §18.2 through the proxy, RFC 6026, RFC 4320, RFC 3581: what UDP needs. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define INVITE \
	"dora > INVITE sip:carl@corp.example\n" \
	"dora < 100\n" \
	"munich < INVITE\n"

/* Dora's other port, for a Via without rport. */
static const struct role two_ports[] = {
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ "port", "203.0.113.20:5070", "wan-udp", "", "sip:dora@plain.example" },
	{ 0 },
};

static const struct play plays[] = {
	{ "an INVITE is repeated until Timer B, §17.1.1.2",
	  INVITE
	  "wait 299ms\n"
	  "munich < nothing\n"
	  "wait 1ms\n"
	  "munich < INVITE\n"
	  "wait 1s\n"
	  "munich < INVITE\n"
	  "wait 2s\n"
	  "munich < INVITE\n"
	  "wait 4s\n"
	  "munich < INVITE\n"
	  "wait 8s\n"
	  "munich < INVITE\n"
	  "wait 16s\n"
	  "munich < INVITE\n"
	  "dora < nothing\n"
	  "wait 500ms\n"
	  "munich < nothing\n"
	  "dora < 408\n"
	  "dora > ACK\n"
	  "why no-answer\n" },
	{ "a 100 where no response came for 200 ms, §17.2.1",
	  "dora > INVITE sip:carl@corp.example\n"
	  "munich < INVITE\n"
	  "wait 199ms\n"
	  "dora < nothing\n"
	  "munich > 100\n"
	  "wait 1ms\n"
	  "dora < 100 | !Record-Route\n"
	  "wait 10s\n"
	  "dora < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n" },
	{ "none where one came before",
	  "dora > INVITE sip:carl@corp.example\n"
	  "munich < INVITE\n"
	  "wait 199ms\n"
	  "munich > 180\n"
	  "dora < 180\n"
	  "wait 10s\n"
	  "dora < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n" },
	{ "at once where the INVITE is repeated",
	  "dora > INVITE sip:carl@corp.example\n"
	  "munich < INVITE\n"
	  "dora > again\n"
	  "dora < 100\n"
	  "wait 300ms\n"
	  "dora < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n" },
	{ "a provisional ends the repeats",
	  INVITE
	  "wait 500ms\n"
	  "munich < INVITE\n"
	  "munich > 100\n"
	  "wait 60s\n"
	  "munich < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora > ACK\n" },
	{ "over TCP nothing is repeated",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "wait 31799ms\n"
	  "berlin < nothing\n"
	  "bob < nothing\n"
	  "wait 1ms\n"
	  "bob < 408\n"
	  "bob > ACK\n" },
	{ "a MESSAGE is repeated, at most every T2, §17.1.2.2; no 408, RFC 4320 §4.2",
	  "dora > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "wait 500ms\n"
	  "munich < MESSAGE\n"
	  "wait 1s\n"
	  "munich < MESSAGE\n"
	  "wait 1999ms\n"
	  "dora < nothing\n"
	  "wait 1ms\n"
	  "munich < MESSAGE\n"
	  "dora < 100\n"
	  "wait 4s\n"
	  "munich < MESSAGE\n"
	  "wait 4s\n"
	  "munich < MESSAGE\n"
	  "wait 21s\n"
	  "munich skips\n"
	  "dora < nothing\n"
	  "why no-answer\n" },
	{ "an INVITE that comes again gets the last provisional, §17.2.1",
	  INVITE
	  "dora > again\n"
	  "dora < 100\n"
	  "munich > 180\n"
	  "dora < 180\n"
	  "dora > again\n"
	  "dora < 180\n"
	  "munich < nothing\n"
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "dora > again\n"
	  "dora < 486\n"
	  "dora > ACK\n" },
	{ "a refusal is repeated until its ACK, §17.2.1",
	  INVITE
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "wait 500ms\n"
	  "dora < 486\n"
	  "wait 1s\n"
	  "dora < 486\n"
	  "dora > ACK\n"
	  "wait 10s\n"
	  "dora < nothing\n" },
	{ "the ACK to it never comes: Timer H",
	  INVITE
	  "munich > 486\n"
	  "munich < ACK\n"
	  "dora < 486\n"
	  "wait 32s\n"
	  "dora skips\n"
	  "wait 60s\n"
	  "dora < nothing\n" },
	{ "our own refusals are stateless, §8.2.7",
	  "dora > INVITE sip:nobody@corp.example\n"
	  "dora < 404 | To: *;tag=*\n"
	  "wait 5s\n"
	  "dora < nothing\n"
	  "dora > again\n"
	  "dora < 404\n"
	  "dora > ACK\n"
	  "dora < nothing\n" },
	{ "after a 2xx an INVITE that comes again is absorbed, RFC 6026 §7.1",
	  INVITE
	  "munich > 200\n"
	  "dora < 200\n"
	  "dora > again\n"
	  "dora < nothing\n"
	  "munich < nothing\n"
	  "munich > again\n"
	  "dora < 200\n"
	  "wait 31s\n"
	  "munich > again\n"
	  "dora < 200\n"
	  "wait 2s\n"
	  "munich > again\n"
	  "dora < nothing\n" },
	{ "a 2xx that is repeated after the ACK needs its own",
	  INVITE
	  "munich > 200\n"
	  "dora < 200\n"
	  "dora > ACK\n"
	  "munich < ACK\n"
	  "munich > 200 INVITE\n"
	  "dora < 200\n"
	  "dora > ACK\n"
	  "munich < ACK\n" },
	{ "a MESSAGE that comes again gets its answer again, Timer J",
	  "dora > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "dora > again\n"
	  "dora < nothing\n"
	  "munich > 200\n"
	  "dora < 200\n"
	  "dora > again\n"
	  "dora < 200\n"
	  "munich < nothing\n"
	  "wait 33s\n"
	  "dora > again\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "dora < 200\n" },
	{ "received and rport, RFC 3581 §4",
	  "dora > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE | Via[0]: *;rport* | Via[1]: *received=203.0.113.20* |"
	  " Via[1]: *rport=5060*\n"
	  "munich > 200\n"
	  "dora < 200 | Via: *rport=5060*\n" },
	{ "rport, though the Via names another port",
	  "dora > MESSAGE sip:carl@corp.example |"
	  " Via: SIP/2.0/UDP 192.168.1.5:5070;branch=z9hG4bK1;rport\n"
	  "munich < MESSAGE | Via[1]: SIP/2.0/UDP 192.168.1.5:5070;* |"
	  " Via[1]: *received=203.0.113.20*\n"
	  "munich > 200\n"
	  "dora < 200\n",
	  house, house_users, two_ports },
	{ "without rport the Via's port counts, RFC 3261 §18.2.2",
	  "dora > MESSAGE sip:carl@corp.example |"
	  " Via: SIP/2.0/UDP 203.0.113.20:5070;branch=z9hG4bK2\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "dora < nothing\n"
	  "port < 200\n",
	  house, house_users, two_ports },
	{ "maddr does not make us a reflector",
	  "dora > MESSAGE sip:carl@corp.example |"
	  " Via: SIP/2.0/UDP 203.0.113.20:5060;branch=z9hG4bK3;maddr=198.51.100.9\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "dora < 200\n",
	  house, house_users, two_ports },
	{ "a client of RFC 2543, without the cookie, §17.2.3",
	  "dora > MESSAGE sip:carl@corp.example | Via: SIP/2.0/UDP 203.0.113.20:5060;branch=1\n"
	  "munich < MESSAGE | Via[0]: *branch=z9hG4bK*\n"
	  "dora > again\n"
	  "munich > 200\n"
	  "dora < 200\n"
	  "dora > again\n"
	  "dora < 200\n" },
	{ "the connection of who asked is gone, §18.2.2",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "bob closes\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > 200\n"
	  "bob < 200\n" },
	{ "... and cannot be made again",
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "bob closes\n"
	  "bob refuses\n"
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > 200\n"
	  "bob < nothing\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("timers", plays, COUNT(plays));
}
