/* The order of homes is fixed: what is bound, else listed, else learned, else placement; and
 * each decision says which it was. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define START(PLACEMENT) \
	HOUSE_OF_BACKENDS \
	"registrar: { min_expires: 60s, max_expires: 1h, default_expires: 5m }\n" \
	"placement: " PLACEMENT "\n" \
	"backends:\n" \
	"  - { name: binds, username: ucs-berlin, password_file: berlin.pass, listener: lan, address: 'sip:10.0.1.1:5060;transport=tcp', probe: 0 }\n" \
	"  - { name: lists, address: 'sip:10.0.1.2:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n" \
	"  - { name: saw, address: 'sip:10.0.1.3:5060;transport=tcp', listener: lan, probe: 0 }\n" \
	"  - { name: all, address: 'sip:10.0.1.4:5060;transport=tcp', listener: lan, probe: 0, users: ['team1', 'group*'] }\n" \
	"  - { name: also, address: 'sip:10.0.1.5:5060;transport=tcp', listener: lan, probe: 0, users: ['group*'] }\n"

static const char *const search[] = { START("search"), NULL };
static const char *const balance[] = { START("balance"), NULL };
static const char *const reject[] = { START("reject"), NULL };
static const char *const wild[] = {
	START("search") "  - { name: rest, address: 'sip:10.0.1.6:5060;transport=tcp', listener: lan, probe: 0, users: ['*'] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "binds", "10.0.1.1:5060", "lan", "", "sip:bill@corp.example" },
	{ "lists", "10.0.1.2:5060", "lan", "", "sip:lisa@corp.example" },
	{ "saw", "10.0.1.3:5060", "lan", "", "sip:sam@corp.example" },
	{ "all", "10.0.1.4:5060", "lan", "", "sip:all@corp.example" },
	{ "also", "10.0.1.5:5060", "lan", "", "sip:also@corp.example" },
	{ "rest", "10.0.1.6:5060", "lan", "", "sip:rest@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ 0 },
};

#define SEARCH search, NULL, cast
#define BALANCE balance, NULL, cast
#define REJECT reject, NULL, cast
#define WILD wild, NULL, cast

#define BOUND(USER) \
	"binds > REGISTER sip:corp.example | To: <sip:" USER "@corp.example> | Contact: <sip:" USER "@10.0.1.1:5060;transport=tcp>\n" \
	"binds < 401\n" \
	"binds > REGISTER sip:corp.example | To: <sip:" USER "@corp.example> | Contact: <sip:" USER "@10.0.1.1:5060;transport=tcp> |" \
	" Digest: ucs-berlin secret SHA-256\n" \
	"binds < 200\n"
#define SEEN(USER) \
	"saw is sip:" USER "@corp.example\n" \
	"saw > MESSAGE sip:bob@partner.example\n" \
	"bob < MESSAGE\n" \
	"bob > 200\n" \
	"saw < 200\n"
#define ASK(USER) "bob > MESSAGE sip:" USER "@corp.example\n"
#define AT(WHO, HOW) WHO " < MESSAGE\n" WHO " > 200\nbob < 200\n" "why none backend:" WHO "\n" "because " HOW "\n"
#define NOT_AT(WHO, STATUS) WHO " < MESSAGE\n" WHO " > " STATUS "\n"

#define IS_BOUND "user '*' is registered by backend:binds at sip:*"
#define IS_LISTED "user '*' lives at backend:*"
#define IS_SEEN "user '*' was seen at backend:saw"

static const struct play plays[] = {
	{ "bound, listed and seen: bound", BOUND("anna") SEEN("anna") ASK("anna") AT("binds", IS_BOUND), SEARCH },
	{ "bound and listed: bound", BOUND("anna") ASK("anna") AT("binds", IS_BOUND), SEARCH },
	{ "bound and seen: bound", BOUND("carl") SEEN("carl") ASK("carl") AT("binds", IS_BOUND), SEARCH },
	{ "bound alone", BOUND("carl") ASK("carl") AT("binds", IS_BOUND), REJECT },
	{ "listed and seen: listed", SEEN("anna") ASK("anna") AT("lists", IS_LISTED), SEARCH },
	{ "listed alone", ASK("anna") AT("lists", IS_LISTED), REJECT },
	{ "seen and placement: seen", SEEN("carl") ASK("carl") AT("saw", IS_SEEN), SEARCH },
	{ "seen and placement: seen, and the others are the second choice",
	  SEEN("carl") ASK("carl") "saw < MESSAGE\n" "saw > 200\n" "bob < 200\n"
	  "because if not there, one after the other: binds, lists, all, also\n", SEARCH },
	{ "seen alone", SEEN("carl") ASK("carl") AT("saw", IS_SEEN), REJECT },
	{ "placement alone: search",
	  ASK("carl") AT("binds", "one after the other: binds, lists, saw, all, also"), SEARCH },
	{ "none: reject",
	  ASK("carl") "bob < 404\n" "why unknown-user\n"
	  "because no backend registered or names user 'carl' of corp.example, and placement has none to ask\n", REJECT },
	{ "the registration has expired: listed",
	  BOUND("anna") "wait 301s\n" ASK("anna") AT("lists", IS_LISTED), SEARCH },
	{ "the registration has expired: seen",
	  BOUND("carl") SEEN("carl") "wait 301s\n" ASK("carl") AT("saw", IS_SEEN), SEARCH },
	{ "the registration is taken back: placement",
	  BOUND("carl")
	  "binds > REGISTER sip:corp.example | To: <sip:carl@corp.example> | Contact: * | Expires: 0 |"
	  " Digest: ucs-berlin secret SHA-256 00000002\n"
	  "binds < 200\n"
	  ASK("carl") NOT_AT("binds", "404") NOT_AT("lists", "404") NOT_AT("saw", "404")
	  "all < MESSAGE\n" "all > 200\n" "bob < 200\n" "why none backend:all\n", SEARCH },
	{ "bound, and the phone is not there: what its backend says counts",
	  BOUND("anna") SEEN("anna") ASK("anna") NOT_AT("binds", "404") "bob < 404\n", SEARCH },
	{ "bound, and the backend is down: nobody else is asked",
	  BOUND("anna") SEEN("anna")
	  "binds refuses\n"
	  "binds closes\n"
	  ASK("anna") "bob < 503 | Retry-After: *\n" "why connect-refused backend:binds\n", SEARCH },
	{ "listed, and not there: nobody else is asked",
	  SEEN("anna") ASK("anna") NOT_AT("lists", "404") "bob < 404\n", SEARCH },
	{ "listed, and the backend is down: nobody else is asked",
	  "lists refuses\n"
	  ASK("anna") "bob < 503 | Retry-After: *\n", SEARCH },
	{ "an exact name before a pattern", ASK("team1") AT("all", IS_LISTED), SEARCH },
	{ "a pattern", ASK("team2") AT("lists", IS_LISTED), SEARCH },
	{ "two equal patterns: both are asked",
	  ASK("group1")
	  "all < MESSAGE\n"
	  "also < MESSAGE\n"
	  "all > 404\n"
	  "also > 200\n"
	  "bob < 200\n", SEARCH },
	{ "... but the one that asks itself",
	  "all > MESSAGE sip:group1@corp.example\n"
	  "also < MESSAGE\n"
	  "also > 200\n"
	  "all < 200\n", SEARCH },
	{ "\"*\" comes last of the patterns, and before what was seen",
	  SEEN("carl") ASK("carl") AT("rest", IS_LISTED) ASK("team7") AT("lists", IS_LISTED), WILD },
	{ "... and after what is bound", BOUND("carl") ASK("carl") AT("binds", IS_BOUND), WILD },
	{ "the listed backend asks itself: placement",
	  SEEN("anna") /* teaches nothing, as anna is listed */
	  "lists > MESSAGE sip:anna@corp.example\n"
	  "binds < MESSAGE\n"
	  "binds > 200\n"
	  "lists < 200\n", SEARCH },
	{ "the bound backend asks itself: it said where the user is",
	  BOUND("carl")
	  "binds > MESSAGE sip:carl@corp.example\n"
	  "binds < MESSAGE sip:carl@10.0.1.1:5060;transport=tcp\n"
	  "binds > 200 MESSAGE\n"
	  "binds < 200\n", SEARCH },
	{ "seen at the backend that asks: forgotten, and the rest is asked",
	  SEEN("carl")
	  "saw is sip:sam@corp.example\n"
	  "saw > MESSAGE sip:carl@corp.example\n"
	  "binds < MESSAGE\n"
	  "binds > 200\n"
	  "saw < 200\n"
	  "because user 'carl' was seen at backend:saw, which asks us itself: forgotten\n", SEARCH },
	{ "balance: seen comes first, and its others are asked if that is wrong",
	  SEEN("carl") ASK("carl") AT("saw", IS_SEEN), BALANCE },
	{ "balance: bound comes first", BOUND("carl") SEEN("carl") ASK("carl") AT("binds", IS_BOUND), BALANCE },
	{ "balance: listed comes first", SEEN("anna") ASK("anna") AT("lists", IS_LISTED), BALANCE },
	{ "a user is the same however the name is escaped, and domains however they are written",
	  SEEN("carl")
	  "bob > MESSAGE sip:c%61rl@CORP.example\n"
	  "saw < MESSAGE\n"
	  "saw > 200\n"
	  "bob < 200\n"
	  "bob > MESSAGE sip:Carl@corp.example\n"
	  "binds < MESSAGE\n"
	  "binds > 200\n"
	  "bob < 200\n", SEARCH },
};
/* clang-format on */

int main(void)
{
	return scenario_main("homes_order", plays, COUNT(plays));
}
