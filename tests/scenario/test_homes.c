/* Where a user of ours is at home, when nobody says so: learned homes, placement, and what
 * keeps searches from going in circles (RFC 5393). The order is bound, listed, learned,
 * placement. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START \
	HOUSE_OF_BACKENDS \
	"backends:\n"

#define BERLIN "  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: [anna], probe: 0 }\n"
#define MUNICH "  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0 }\n"
#define PARIS "  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: lan, probe: 0," \
	      " address: 'sip:10.0.1.3:5060;transport=tcp' }\n"
#define ONLY_HASHED \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, weight: 1, probe: 0 }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, weight: 0, probe: 0 }\n" \
	"  - { name: paris, address: 'sip:10.0.1.3:5060;transport=tcp', listener: lan, weight: 0, probe: 0 }\n"

static const char *const search[] = {
	START BERLIN MUNICH PARIS "placement: search\n",
	/* 1: munich is gone */
	START BERLIN PARIS "placement: search\n",
	NULL,
};
static const char *const reject[] = { START BERLIN MUNICH PARIS "placement: reject\n", NULL };
static const char *const balance[] = { START ONLY_HASHED "placement: balance\n", NULL };

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "paris", "10.0.1.3:5060", "lan", "", "sip:paul@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define SEARCH search, NULL, cast

/* 125 characters. */
#define LONG "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"

#define ASK "bob > MESSAGE sip:carl@corp.example\n"
#define NOT_AT(backend, status) backend " < MESSAGE\n" backend " > " status "\n"
#define NOWHERE NOT_AT("berlin", "404") NOT_AT("munich", "404") NOT_AT("paris", "404") "bob < 404\n"
#define FOUND_AT(backend) backend " < MESSAGE sip:carl@corp.example\n" backend " > 200\nbob < 200\n"

static const struct play plays[] = {
	{ "search: in the order of the configuration, until one knows",
	  ASK NOT_AT("berlin", "404") NOT_AT("munich", "480") FOUND_AT("paris")
	  "why none backend:paris\n", SEARCH },
	{ "search: what was found is learned",
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich")
	  ASK FOUND_AT("munich") "why none backend:munich\n", SEARCH },
	{ "search: also from a refusal that shows that the user is there",
	  ASK NOT_AT("berlin", "410") NOT_AT("munich", "486") "bob < 486\n"
	  ASK NOT_AT("munich", "486") "bob < 486\n", SEARCH },
	{ "search: what says nothing of the user ends it, and is not learned",
	  ASK NOT_AT("berlin", "403") "bob < 403\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "search: nobody has the user",
	  ASK NOT_AT("berlin", "404") NOT_AT("munich", "404") NOT_AT("paris", "404") "bob < 404\n", SEARCH },
	{ "search: nobody has the user now, and one knows him",
	  ASK NOT_AT("berlin", "404") NOT_AT("munich", "480") NOT_AT("paris", "404") "bob < 480\n", SEARCH },
	{ "search: one cannot be asked, and the others do not have the user",
	  "munich hangs\n"
	  "paris refuses\n"
	  ASK NOT_AT("berlin", "404")
	  "munich < MESSAGE\n"
	  "wait 4s\n"
	  "bob < 100\n"
	  "munich skips\n"
	  "bob < 503 | Retry-After: * | Warning: *search-incomplete*\n"
	  "why search-incomplete\n", SEARCH },
	{ "search: one cannot be asked, another one has the user",
	  "berlin refuses\n"
	  ASK FOUND_AT("munich"), SEARCH },
	{ "search: 503 is no answer about the user",
	  ASK NOT_AT("berlin", "503") FOUND_AT("munich"), SEARCH },
	{ "search: a silent one costs 8*T1",
	  ASK
	  "berlin < MESSAGE\n"
	  "wait 3999ms\n"
	  "bob < 100\n"
	  "munich < nothing\n"
	  "wait 1ms\n"
	  FOUND_AT("munich")
	  "berlin > 200\n"
	  "bob < nothing\n", SEARCH },
	{ "search: a call, with ringing",
	  "bob > INVITE sip:carl@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 404\n"
	  "berlin < ACK\n"
	  "munich < INVITE\n"
	  "munich > 180\n"
	  "bob < 180\n"
	  "wait 60s\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "munich < ACK\n"
	  "bob > BYE\n"
	  "munich < BYE\n"
	  "munich > 200\n"
	  "bob < 200\n", SEARCH },
	{ "search: the caller gives up",
	  "bob > INVITE sip:carl@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 404\n"
	  "berlin < ACK\n"
	  "munich < INVITE\n"
	  "munich > 180\n"
	  "bob < 180\n"
	  "bob > CANCEL\n"
	  "bob < 200\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob < 487\n"
	  "bob > ACK\n"
	  "paris < nothing\n", SEARCH },
	{ "search: 6xx ends it, RFC 3261 §16.7 item 5",
	  ASK NOT_AT("berlin", "603") "bob < 603\n", SEARCH },
	{ "search: a presence subscription, whose dialog stays with the one that has the user",
	  "bob > SUBSCRIBE sip:carl@corp.example | Event: presence | Expires: 600\n"
	  "berlin < SUBSCRIBE\n"
	  "berlin > 404\n"
	  "munich < SUBSCRIBE\n"
	  "munich > 200\n"
	  "bob < 200\n"
	  "munich > NOTIFY | Event: presence | Subscription-State: active\n"
	  "bob < NOTIFY\n"
	  "bob > 200\n"
	  "munich < 200\n", SEARCH },
	{ "learned from the user's own request",
	  "munich > SUBSCRIBE sip:bob@partner.example | Event: presence\n"
	  "bob < SUBSCRIBE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK FOUND_AT("munich") "why none backend:munich\n", SEARCH },
	{ "learned from PUBLISH, though nobody takes it",
	  "munich > PUBLISH sip:carl@corp.example | Event: presence\n"
	  "berlin < PUBLISH\n"
	  "berlin > 404\n"
	  "paris < PUBLISH\n"
	  "paris > 404\n"
	  "munich < 404\n"
	  ASK FOUND_AT("munich"), SEARCH },
	{ "not learned from what is no sign of a home",
	  "munich > OPTIONS sip:bob@partner.example\n"
	  "bob < OPTIONS\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "a learned home that is wrong is forgotten, and the request goes on",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK NOT_AT("munich", "404") NOT_AT("berlin", "404") FOUND_AT("paris")
	  "why none backend:paris\n"
	  ASK FOUND_AT("paris"), SEARCH },
	{ "a learned home that is down keeps its user",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK NOT_AT("munich", "503") "bob < 500\n"
	  ASK FOUND_AT("munich"), SEARCH },
	{ "a learned home that cannot be reached keeps its user: 503 with Retry-After",
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "paris < 200\n"
	  "paris refuses\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "bob < 503 | Retry-After: * | Warning: *connect-refused*\n"
	  "paris accepts\n"
	  "wait 60s\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "paris < MESSAGE\n"
	  "paris > 200\n"
	  "bob < 200\n", SEARCH },
	{ "a proxy like us cannot reach one user's home: its others are asked all the same",
	  "berlin > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 503 | +Retry-After: 30 | +Warning: 399 x \"nuncio: not-logged-on\"\n"
	  "berlin < 500\n"
	  "berlin > MESSAGE sip:bella@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 503 | +Retry-After: 30 | +Warning: 399 x \"nuncio: overload\"\n"
	  "berlin < 500\n"
	  "berlin > MESSAGE sip:bella@partner.example\n"
	  "bob < nothing\n"
	  "berlin < 503 | Retry-After: 30\n", SEARCH },
	{ "a learned home outlives the proxy",
	  "keep state\n"
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "restart proxy\n"
	  ASK FOUND_AT("munich") "why none backend:munich\n", SEARCH },
	{ "without a place to keep it, it is found anew",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "restart proxy\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "the user moves: the newest sign counts",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "paris is sip:carl@corp.example\n"
	  "paris > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "paris < 200\n"
	  ASK FOUND_AT("paris"), SEARCH },
	{ "`users` comes before what was seen",
	  "munich is sip:anna@corp.example\n"
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 404\n"
	  "bob < 404\n", SEARCH },
	{ "a binding comes before `users`",
	  "paris > REGISTER sip:corp.example | To: <sip:anna@corp.example> | Contact: <sip:anna@10.0.1.3:5060;transport=tcp>\n"
	  "paris < 401\n"
	  "paris > REGISTER sip:corp.example | To: <sip:anna@corp.example> | Contact: <sip:anna@10.0.1.3:5060;transport=tcp> |"
	  " Digest: ucs-paris hidden SHA-256\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:anna@corp.example\n"
	  "paris < MESSAGE sip:anna@10.0.1.3:5060;transport=tcp\n"
	  "paris > 200\n"
	  "bob < 200\n"
	  "why none backend:paris\n", SEARCH },
	{ "a backend that is gone from the configuration is no home",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  "reload 1\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("paris"), SEARCH },
	{ "between backends: the one that asks is not asked",
	  "berlin > MESSAGE sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 404\n"
	  "paris < MESSAGE\n"
	  "paris > 200\n"
	  "berlin < 200\n", SEARCH },
	{ "between backends: a call",
	  "paris > INVITE sip:anna@corp.example\n"
	  "paris < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "paris < 200\n"
	  "paris > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "paris < BYE\n"
	  "paris > 200\n"
	  "berlin < 200\n", SEARCH },
	{ "a backend sends unknown users back: the loop is found, RFC 5393 §4.2",
	  ASK
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:carl@corp.example | Call-ID: $callid | From: $from | To: $to | CSeq: $cseq | +Via: $vias |"
	  " Max-Forwards: 69\n"
	  "berlin < 482\n"
	  "why loop\n"
	  "berlin > 482 MESSAGE\n"
	  FOUND_AT("munich"), SEARCH },
	{ "also where it puts a Route to us on top",
	  ASK
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:carl@corp.example | Call-ID: $callid | From: $from | To: $to | CSeq: $cseq | +Via: $vias |"
	  " Max-Forwards: 69 | Route: <sip:127.0.1.2:5060;transport=tcp;lr>\n"
	  "berlin < 482\n"
	  "why loop\n"
	  "berlin > 482 MESSAGE\n"
	  FOUND_AT("munich"), SEARCH },
	{ "a spiral is none: it comes back for another user",
	  ASK
	  "berlin < MESSAGE\n"
	  "berlin is sip:carl@corp.example\n"
	  "berlin > MESSAGE sip:paul@corp.example | Max-Forwards: 69\n"
	  "munich < MESSAGE sip:paul@corp.example\n"
	  "munich > 200\n"
	  "berlin < 200\n"
	  "berlin > 200 MESSAGE\n"
	  "bob < 200\n", SEARCH },
	{ "a backend sends unknown users back as calls of its own: it is not asked in a circle",
	  "paris > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin is sip:paul@corp.example\n"
	  "berlin > MESSAGE sip:carl@corp.example\n"
	  "berlin < 404\n"
	  "why unknown-user\n"
	  "berlin > 404 MESSAGE\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "paris < 200\n", SEARCH },
	{ "what a backend sends back says nothing of where the caller lives",
	  "paris > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin is sip:paul@corp.example\n"
	  "berlin > MESSAGE sip:carl@corp.example\n"
	  "berlin < 404\n"
	  "berlin > 404 MESSAGE\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "paris < MESSAGE sip:paul@corp.example\n"
	  "paris > 200\n"
	  "bob < 200\n", SEARCH },
	{ "nor does a call that it turns to somebody else, as a proxy",
	  "paris > MESSAGE sip:anna@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:bob@partner.example | Call-ID: $callid | From: $from | To: $to | CSeq: $cseq | +Via: $vias |"
	  " Max-Forwards: 69\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "berlin < 200\n"
	  "berlin > 200 MESSAGE\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:paul@corp.example\n"
	  "paris < MESSAGE sip:paul@corp.example\n"
	  "paris > 200\n"
	  "bob < 200\n", SEARCH },
	{ "in a circle, with names that are long",
	  "paris > MESSAGE sip:x@corp.example | Request-URI: sip:" LONG LONG "@corp.example |"
	  " From: <sip:" LONG LONG "@corp.example>;tag=1\n"
	  "berlin < MESSAGE\n"
	  "berlin > MESSAGE sip:x@corp.example | Request-URI: sip:" LONG LONG "@corp.example |"
	  " From: <sip:" LONG LONG "@corp.example>;tag=2\n"
	  "berlin < 404\n"
	  "why unknown-user\n"
	  "berlin > 404 MESSAGE\n"
	  "munich < MESSAGE\n"
	  "munich > 404\n"
	  "paris < 404\n", SEARCH },
	{ "search: the call is taken late by one that was silent: it goes back, and the others are cancelled",
	  "bob > INVITE sip:carl@corp.example\n"
	  "bob < 100\n"
	  "berlin < INVITE\n"
	  "wait 4s\n"
	  "munich < INVITE\n"
	  "munich > 100\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "munich < CANCEL\n"
	  "munich > 200 CANCEL\n"
	  "munich > 487 INVITE\n"
	  "munich < ACK\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "because backend:berlin answers after it was given up\n"
	  "why none backend:berlin\n", SEARCH },
	{ "search: whom nobody has is not searched again at once",
	  ASK NOWHERE
	  ASK "bob < 404 | Warning: *unknown-user*\n"
	  "why unknown-user\n"
	  "because no backend had user 'carl' within the last 5 s: they are not asked again yet\n"
	  "wait 4999ms\n"
	  ASK "bob < 404\n"
	  "wait 1ms\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "search: ... but with another method, as it may be known for that",
	  ASK NOWHERE
	  "bob > SUBSCRIBE sip:carl@corp.example | Event: presence\n"
	  "berlin < SUBSCRIBE\n"
	  "berlin > 200\n"
	  "bob < 200\n", SEARCH },
	{ "search: ... or once the user was seen",
	  ASK NOWHERE
	  "munich > PUBLISH sip:bob@partner.example | Event: presence\n"
	  "bob < PUBLISH\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK FOUND_AT("munich"), SEARCH },
	{ "search: ... or registered",
	  "bob > MESSAGE sip:dan@corp.example\n" NOWHERE
	  "paris > REGISTER sip:corp.example | To: <sip:dan@corp.example> | Contact: <sip:dan@10.0.1.3:5060;transport=tcp>\n"
	  "paris < 401\n"
	  "paris > REGISTER sip:corp.example | To: <sip:dan@corp.example> | Contact: <sip:dan@10.0.1.3:5060;transport=tcp> |"
	  " Digest: ucs-paris hidden SHA-256\n"
	  "paris < 200\n"
	  "bob > MESSAGE sip:dan@corp.example\n"
	  "paris < MESSAGE\n"
	  "paris > 200\n"
	  "bob < 200\n", SEARCH },
	{ "search: ... or after a reload",
	  ASK NOWHERE "reload 0\n" ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "search: one that knows the user, but not now, may find him in a moment",
	  ASK NOT_AT("berlin", "404") NOT_AT("munich", "480") NOT_AT("paris", "404") "bob < 480\n"
	  ASK NOT_AT("berlin", "404") FOUND_AT("munich"), SEARCH },
	{ "search: one that was not asked may have the user",
	  "berlin > MESSAGE sip:dan@corp.example\n" NOT_AT("munich", "404") NOT_AT("paris", "404") "berlin < 404\n"
	  "bob > MESSAGE sip:dan@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "bob < 200\n", SEARCH },
	{ "reject: whom nobody names is unknown",
	  ASK "bob < 404\n" "why unknown-user\n", reject, NULL, cast },
	{ "reject: what was seen counts all the same",
	  "munich > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n"
	  ASK FOUND_AT("munich"), reject, NULL, cast },
	{ "balance: the one by its weight; what it says of the user counts",
	  ASK NOT_AT("berlin", "404") "bob < 404\n", balance, NULL, cast },
	{ "a body of 60 KB from a datagram to a connection and on",
	  "munich > MESSAGE sip:bob@partner.example | body: 0123456789\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "munich < 200\n", SEARCH },
};
/* clang-format on */

int main(void)
{
	return scenario_main("homes", plays, COUNT(plays));
}
