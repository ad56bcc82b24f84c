/* placement: search, in its corners: many backends, its budget, calls that ring here and there,
 * and what answers mean (RFC 3261 §16.6 and §16.7, RFC 5393). */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START \
	HOUSE_OF_BACKENDS \
	"placement: search\n" \
	"backends:\n"

#define B(N, ADDRESS) "  - { name: b" N ", address: 'sip:" ADDRESS ":5060;transport=tcp', listener: lan, probe: 0 }\n"

static const char *const ten[] = {
	START B("1", "10.0.1.1") B("2", "10.0.1.2") B("3", "10.0.1.3") B("4", "10.0.1.4") B("5", "10.0.1.5") B("6", "10.0.1.6")
	B("7", "10.0.1.7") B("8", "10.0.1.8") B("9", "10.0.1.9") B("10", "10.0.1.10"),
	NULL,
};
/* The second one has to be looked up. */
static const char *const named[] = { START B("1", "10.0.1.1") B("2", "b2.corp.example") B("3", "10.0.1.3"), NULL };
static const char *const three[] = { START B("1", "10.0.1.1") B("2", "10.0.1.2") B("3", "10.0.1.3"), NULL };

static const struct role cast[] = {
	{ "b1", "10.0.1.1:5060", "lan", "", "sip:one@corp.example" },
	{ "b2", "10.0.1.2:5060", "lan", "", "sip:two@corp.example" },
	{ "b3", "10.0.1.3:5060", "lan", "", "sip:three@corp.example" },
	{ "b4", "10.0.1.4:5060", "lan", "", "sip:four@corp.example" },
	{ "b5", "10.0.1.5:5060", "lan", "", "sip:five@corp.example" },
	{ "b6", "10.0.1.6:5060", "lan", "", "sip:six@corp.example" },
	{ "b7", "10.0.1.7:5060", "lan", "", "sip:seven@corp.example" },
	{ "b8", "10.0.1.8:5060", "lan", "", "sip:eight@corp.example" },
	{ "b9", "10.0.1.9:5060", "lan", "", "sip:nine@corp.example" },
	{ "b10", "10.0.1.10:5060", "lan", "", "sip:ten@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define TEN ten, NULL, cast
#define NAMED named, NULL, cast
#define THREE three, NULL, cast

#define ASK "bob > MESSAGE sip:carl@corp.example\n"
#define NOT_AT(WHO, STATUS) WHO " < MESSAGE\n" WHO " > " STATUS "\n"
#define FOUND_AT(WHO) WHO " < MESSAGE sip:carl@corp.example\n" WHO " > 200\nbob < 200\n"
#define NINE_MISS \
	NOT_AT("b1", "404") NOT_AT("b2", "404") NOT_AT("b3", "480") NOT_AT("b4", "410") NOT_AT("b5", "404") \
	NOT_AT("b6", "482") NOT_AT("b7", "483") NOT_AT("b8", "404") NOT_AT("b9", "404")
#define CALL "bob > INVITE sip:carl@corp.example\n" "bob < 100\n"
#define RINGS(WHO) WHO " < INVITE\n" WHO " > 180\n" "bob < 180\n"
#define GOES_ON(WHO, STATUS) WHO " > " STATUS " INVITE\n" WHO " < ACK\n"
#define REFUSES(WHO, STATUS) WHO " < INVITE\n" GOES_ON(WHO, STATUS)
#define TAKES(WHO) \
	WHO " > 200 INVITE\n" \
	"bob < 200 INVITE\n" \
	"bob > ACK\n" \
	WHO " < ACK\n" \
	"bob > BYE\n" \
	WHO " < BYE\n" \
	WHO " > 200\n" \
	"bob < 200\n"

static const struct play plays[] = {
	{ "ten backends: found at the last", ASK NINE_MISS FOUND_AT("b10") "why none backend:b10\n" ASK FOUND_AT("b10"), TEN },
	{ "ten backends: at none", ASK NINE_MISS NOT_AT("b10", "404") "bob < 480\n", TEN },
	{ "the budget of 24*T1 is spent: it begins no further stage",
	  ASK
	  "b1 < MESSAGE\n"
	  "wait 4s\n"
	  "bob < 100\n"
	  "b2 < MESSAGE\n"
	  "wait 4s\n"
	  "b3 < MESSAGE\n"
	  "wait 3999ms\n"
	  "bob < nothing\n"
	  "wait 1ms\n"
	  "bob < 503 | Retry-After: * | Warning: *search-incomplete*\n"
	  "why search-incomplete\n"
	  "b4 < nothing\n", TEN },
	{ "the budget is spent by a call that rings for long: what that backend says counts",
	  CALL RINGS("b1")
	  "wait 30s\n"
	  GOES_ON("b1", "404")
	  "bob < 503\n"
	  "why search-incomplete\n"
	  "bob > ACK\n"
	  "b2 < nothing\n", THREE },
	{ "it rings, and nobody answers: the user is there, 480",
	  CALL RINGS("b1")
	  "wait 30s\n"
	  GOES_ON("b1", "480")
	  "bob < 480\n"
	  "bob > ACK\n"
	  "b2 < nothing\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  FOUND_AT("b1"), THREE },
	{ "... or 408",
	  CALL REFUSES("b1", "404") RINGS("b2")
	  "wait 10s\n"
	  GOES_ON("b2", "408")
	  "bob < 408\n"
	  "bob > ACK\n"
	  "b3 < nothing\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  FOUND_AT("b2"), THREE },
	{ "an announcement is no ringing",
	  CALL
	  "b1 < INVITE\n"
	  "b1 > 183\n"
	  "bob < 183\n"
	  "wait 5s\n"
	  GOES_ON("b1", "480")
	  RINGS("b2") TAKES("b2"), THREE },
	{ "it rings, and then it is not there: the search goes on, with an early dialog of each",
	  CALL RINGS("b1")
	  GOES_ON("b1", "404")
	  "b2 < INVITE\n"
	  "b2 > 183 | +Require: 100rel | +RSeq: 1\n"
	  "bob < 183\n"
	  "bob > PRACK | RAck: 1 1 INVITE\n"
	  "b2 < PRACK\n"
	  "b2 > 200 PRACK\n"
	  "bob < 200 PRACK\n"
	  "bob > UPDATE\n"
	  "b2 < UPDATE\n"
	  "b2 > 200 UPDATE\n"
	  "bob < 200 UPDATE\n"
	  TAKES("b2"), THREE },
	{ "what comes late in the early dialog of the first finds it",
	  CALL
	  "b1 < INVITE\n"
	  "b1 > 183 | +Require: 100rel | +RSeq: 1\n"
	  "bob < 183\n"
	  GOES_ON("b1", "404")
	  "b2 < INVITE\n"
	  "bob > PRACK | RAck: 1 1 INVITE\n"
	  "b1 < PRACK\n"
	  "b1 > 481 PRACK\n"
	  "bob < 481 PRACK\n"
	  "b2 > 486\n"
	  "b2 < ACK\n"
	  "bob < 486\n"
	  "bob > ACK\n", THREE },
	{ "the caller gives up between two stages, while the next is looked up",
	  "dns b2.corp.example A hangs\n"
	  "dns b2.corp.example AAAA hangs\n"
	  CALL REFUSES("b1", "404")
	  "bob > CANCEL\n"
	  "bob < 487 INVITE\n"
	  "bob < 200 CANCEL\n"
	  "bob > ACK\n"
	  "wait 30s\n"
	  "b2 < nothing\n"
	  "b3 < nothing\n", NAMED },
	{ "the next one has no address: on to the one after it",
	  "dns b2.corp.example A nothing\n"
	  "dns b2.corp.example AAAA nothing\n"
	  ASK NOT_AT("b1", "404") FOUND_AT("b3"), NAMED },
	{ "a 2xx crosses the CANCEL, RFC 3261 §9.1",
	  CALL REFUSES("b1", "404") RINGS("b2")
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "b2 < CANCEL\n"
	  "b2 > 200 INVITE\n"
	  "bob < 200 INVITE\n"
	  "b2 > 481 CANCEL\n"
	  "bob > ACK\n"
	  "b2 < ACK\n"
	  "bob > BYE\n"
	  "b2 < BYE\n"
	  "b2 > 200\n"
	  "bob < 200\n"
	  "b3 < nothing\n", THREE },
	{ "cancelled before the backend says anything: CANCEL waits for its provisional, and the answer is 487",
	  CALL REFUSES("b1", "404")
	  "b2 < INVITE\n"
	  "bob > CANCEL\n"
	  "bob < 200 CANCEL\n"
	  "b2 < nothing\n"
	  "b2 > 180\n"
	  "b2 < CANCEL\n"
	  "bob < 180\n"
	  "b2 > 200 CANCEL\n"
	  "b2 > 404 INVITE\n" /* instead of 487 */
	  "b2 < ACK\n"
	  "bob < 404\n"
	  "bob > ACK\n"
	  "b3 < nothing\n", THREE },
	{ "407 ends it: the caller proves who it is, and nothing is learned of the user",
	  ASK NOT_AT("b1", "404")
	  "b2 < MESSAGE\n"
	  "b2 > 407 | Proxy-Authenticate: Digest realm=\"b2\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\n"
	  "bob < 407 | Proxy-Authenticate: *realm=\"b2\"*\n"
	  "bob > MESSAGE | Digest: bob secret SHA-256\n"
	  "b1 < MESSAGE\n"
	  "b1 > 404\n"
	  "b2 < MESSAGE | Proxy-Authorization: *realm=\"b2\"*\n"
	  "b2 > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  FOUND_AT("b2"), THREE },
	{ "401 ends it",
	  ASK
	  "b1 < MESSAGE\n"
	  "b1 > 401 | WWW-Authenticate: Digest realm=\"b1\", nonce=\"1\"\n"
	  "bob < 401 | WWW-Authenticate: *realm=\"b1\"*\n"
	  "b2 < nothing\n", THREE },
	{ "3xx ends it, and says nothing of a home",
	  ASK
	  "b1 < MESSAGE\n"
	  "b1 > 302 | Contact: <sip:carl@elsewhere.example>\n"
	  "bob < 302 | Contact: <sip:carl@elsewhere.example>\n"
	  ASK NOT_AT("b1", "404") FOUND_AT("b2"), THREE },
	{ "what ends it goes back, whatever the backends before said",
	  ASK NOT_AT("b1", "480") NOT_AT("b2", "500") "bob < 500\n"
	  ASK NOT_AT("b1", "404") NOT_AT("b2", "488") "bob < 488\n"
	  ASK NOT_AT("b2", "404") NOT_AT("b1", "404") NOT_AT("b3", "504") "bob < 504\n", THREE },
	{ "482 and 483 of a backend that sent it in a circle: it goes on",
	  ASK NOT_AT("b1", "482") NOT_AT("b2", "483") FOUND_AT("b3"), THREE },
	{ "... and none has the user: 404 or what there is",
	  ASK NOT_AT("b1", "482") NOT_AT("b2", "404") NOT_AT("b3", "404") "bob < 482\n", THREE },
	{ "two phones answer behind one backend: both 2xx go back, RFC 3261 §16.7 item 5",
	  CALL REFUSES("b1", "404") RINGS("b2")
	  "b2 > 200 INVITE\n"
	  "bob < 200\n"
	  "b2 > 200 INVITE | To: <sip:carl@corp.example>;tag=other\n"
	  "bob < 200 INVITE | To: *tag=other*\n"
	  "bob > ACK\n"
	  "b2 < ACK\n"
	  "b3 < nothing\n", THREE },
	{ "each stage has the whole breadth, RFC 5393 §5.3.3",
	  "bob > MESSAGE sip:carl@corp.example | Max-Breadth: 7\n"
	  "b1 < MESSAGE | Max-Breadth: 7\n"
	  "b1 > 404\n"
	  "b2 < MESSAGE | Max-Breadth: 7\n"
	  "b2 > 404\n"
	  "b3 < MESSAGE | Max-Breadth: 7\n"
	  "b3 > 200\n"
	  "bob < 200\n", THREE },
	{ "... also of 1",
	  "bob > MESSAGE sip:carl@corp.example | Max-Breadth: 1\n"
	  "b1 < MESSAGE | Max-Breadth: 1\n"
	  "b1 > 404\n"
	  "b2 < MESSAGE | Max-Breadth: 1\n"
	  "b2 > 200\n"
	  "bob < 200\n", THREE },
	{ "each backend gets the request as it came, with one hop less, RFC 3261 §16.6",
	  "bob > MESSAGE sip:carl@corp.example | Max-Forwards: 5 | body: Hello\n"
	  "b1 < MESSAGE | Max-Forwards: 4 | Via x2 | body: Hello\n"
	  "b1 > 404\n"
	  "b2 < MESSAGE | Max-Forwards: 4 | Via x2 | body: Hello\n"
	  "b2 > 200\n"
	  "bob < 200\n", THREE },
	{ "two searches for one user at a time",
	  ASK
	  "b3 > MESSAGE sip:carl@corp.example\n"
	  "b1 < MESSAGE\n"
	  "b1 > 404\n"
	  "b1 < MESSAGE\n"
	  "b1 > 404\n"
	  "b2 < MESSAGE\n"
	  "b2 > 404\n"
	  "b2 < MESSAGE\n"
	  "b2 > 200\n"
	  "b3 skips\n"
	  "bob skips\n", THREE },
	{ "a partner that writes a user of ours into From teaches nothing",
	  "bob is sip:carl@corp.example\n"
	  "bob > MESSAGE sip:one@corp.example\n"
	  "bob < 403\n"
	  "bob is sip:bob@partner.example\n"
	  ASK NOT_AT("b1", "404") FOUND_AT("b2"), THREE },
	{ "a backend that writes a partner's user into From teaches nothing",
	  "b3 is sip:bob@partner.example\n"
	  "b3 > MESSAGE sip:carl@corp.example\n"
	  "b3 < 403\n"
	  "why foreign-domain-from-inside\n", THREE },
	{ "a backend passes on a call of another one's user: the home that this teaches is corrected when it is asked",
	  "b2 is sip:carl@corp.example\n"
	  "b2 > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "b2 < 200\n"
	  "b3 is sip:carl@corp.example\n" /* forwarded by three's phone */
	  "b3 > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "b3 < 200\n"
	  ASK NOT_AT("b3", "404") NOT_AT("b1", "404") FOUND_AT("b2")
	  ASK FOUND_AT("b2"), THREE },
	{ "requests inside a dialog teach nothing",
	  "b2 > INVITE sip:bob@partner.example\n"
	  "b2 < 100\n"
	  "bob < INVITE\n"
	  "bob > 200\n"
	  "b2 < 200\n"
	  "b2 > ACK\n"
	  "bob < ACK\n"
	  "b3 is sip:two@corp.example\n"
	  "b3 > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "b3 < 200\n"
	  "b2 > INVITE | Max-Forwards: 60\n"
	  "b2 < 100\n"
	  "bob < INVITE\n"
	  "bob > 488\n"
	  "bob < ACK\n"
	  "b2 < 488\n"
	  "b2 > ACK\n"
	  "bob > MESSAGE sip:two@corp.example\n"
	  "b3 < MESSAGE\n"
	  "b3 > 200\n"
	  "bob < 200\n", THREE },
	{ "the home that a user was seen at asks for that user itself: it is forgotten, and the others are asked",
	  "b2 is sip:carl@corp.example\n"
	  "b2 > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "b2 < 200\n"
	  "b2 is sip:two@corp.example\n"
	  "b2 > MESSAGE sip:carl@corp.example\n"
	  "b1 < MESSAGE\n"
	  "b1 > 404\n"
	  "b3 < MESSAGE\n"
	  "b3 > 200\n"
	  "b2 < 200\n"
	  ASK FOUND_AT("b3"), THREE },
	{ "the newer sign wins over a search that ends later",
	  ASK NOT_AT("b1", "404")
	  "b2 < MESSAGE\n"
	  "b3 is sip:carl@corp.example\n"
	  "b3 > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "b3 < 200\n"
	  "b2 > 404\n"
	  "b3 < MESSAGE\n"
	  "b3 > 200 MESSAGE\n"
	  "bob < 200\n", THREE },
	{ "a call that was found stays where it was found, also after the home changed",
	  CALL REFUSES("b1", "404") RINGS("b2")
	  "b2 > 200 INVITE\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "b2 < ACK\n"
	  "b3 is sip:carl@corp.example\n"
	  "b3 > SUBSCRIBE sip:one@corp.example | Event: presence\n"
	  "b1 < SUBSCRIBE\n"
	  "b1 > 200\n"
	  "b3 < 200\n"
	  "bob > BYE\n"
	  "b2 < BYE\n"
	  "b2 > 200\n"
	  "bob < 200\n"
	  ASK FOUND_AT("b3"), THREE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("search", plays, COUNT(plays));
}
