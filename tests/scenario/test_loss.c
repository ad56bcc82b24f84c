/* Backends that die, hang and come back. The first probe comes within a quarter of the interval
 * (3 s), the next ones 12 s after the answer; 8*T1 (4 s) of silence are a verdict. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define HOUSE(PROBE) \
	HOUSE_OF_BACKENDS \
	"backends:\n" \
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: [anna], probe: " PROBE " }\n" \
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, users: [max], probe: 0 }\n"

#define PARIS(LISTENER, PROBE) \
	"  - { name: paris, username: ucs-paris, password_file: paris.pass, listener: " LISTENER ", users: [paul], probe: " PROBE " }\n"
#define PAIR(PROBE) \
	"  - name: pair\n" \
	"    listener: lan\n" \
	"    users: [pia]\n" \
	"    probe: " PROBE "\n" \
	"    servers:\n" \
	"      - { host: 10.0.1.5, port: 5060, transport: tcp, priority: 1 }\n" \
	"      - { host: 10.0.1.6, port: 5060, transport: tcp, priority: 2 }\n"
#define EQUALS(PROBE) \
	"  - name: pair\n" \
	"    listener: lan\n" \
	"    users: [pia]\n" \
	"    probe: " PROBE "\n" \
	"    servers:\n" \
	"      - { host: 10.0.1.5, port: 5060, transport: tcp, priority: 1, weight: 30 }\n" \
	"      - { host: 10.0.1.6, port: 5060, transport: tcp, priority: 1, weight: 70 }\n"

/* 1: the same without probes, so that a play comes to its end. */
#define BOTH(MORE) { HOUSE("0") MORE("12s"), HOUSE("0") MORE("0"), NULL }
#define BY_TCP(PROBE) PARIS("lan", PROBE)
#define BY_UDP(PROBE) PARIS("lan-udp", PROBE)

static const char *const still[] = { HOUSE("12s"), HOUSE("0"), NULL };
static const char *const by_tcp[] = BOTH(BY_TCP);
static const char *const by_udp[] = BOTH(BY_UDP);
static const char *const pair[] = BOTH(PAIR);
static const char *const equals[] = BOTH(EQUALS);

static const struct role cast[] = {
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:max@corp.example" },
	{ "paris", "10.0.1.3:5060", "lan", "", "sip:paul@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "first", "10.0.1.5:5060", "lan", "", "sip:pia@corp.example" },
	{ "second", "10.0.1.6:5060", "lan", "", "sip:pia@corp.example" },
	{ 0 },
};

#define STILL still, NULL, cast
#define TCP by_tcp, NULL, cast
#define UDP by_udp, NULL, cast
#define A_PAIR pair, NULL, cast
#define EQUAL equals, NULL, cast

#define ASKED(WHO) WHO " < OPTIONS\n" WHO " > 200\n"
#define MESSAGE(USER, WHO) \
	"bob > MESSAGE sip:" USER "@corp.example\n" \
	WHO " < MESSAGE sip:" USER "@corp.example\n" \
	WHO " > 200\n" \
	"bob < 200\n"
#define NO_MESSAGE(USER) \
	"bob > MESSAGE sip:" USER "@corp.example\n" \
	"bob < 503 | Retry-After: *\n"
#define LOG_ON(WORKER, CONTACT) \
	"paris@" WORKER " > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:" CONTACT ">\n" \
	"paris < 401\n" \
	"paris@" WORKER " > REGISTER sip:corp.example | To: <sip:ucs-paris@corp.example> | Contact: <sip:" CONTACT "> |" \
	" Digest: ucs-paris hidden SHA-256\n" \
	"paris < 200\n"
/* Without probes meanwhile: one that came before there is somebody to ask would come again after 12 s only. */
#define LOGGED_ON(WORKER, CONTACT) "reload 1\n" LOG_ON(WORKER, CONTACT) "reload 0\n"
#define FAR "192.168.7.7"

/* Worker 0 probes; the connection is another one's, or its own. */
#define HUNG(WORKER) \
	  LOGGED_ON(WORKER, FAR) \
	  "wait 3100ms\n" \
	  "paris < OPTIONS sip:corp.example\n" \
	  "paris > 200\n" \
	  "wait 12s\n" \
	  "paris < OPTIONS\n" \
	  "wait 4s\n" \
	  NO_MESSAGE("paul") "why all-servers-down backend:paris\n" \
	  "wait 6s\n" /* longer than the first rest of a server that fails */ \
	  NO_MESSAGE("paul") "why all-servers-down backend:paris\n" \
	  "paris < nothing\n"

static const struct play plays[] = {
	{ "silent: 503 for its users from the probe on, and no request waits; it answers again and is back",
	  "wait 3100ms\n"
	  ASKED("berlin")
	  MESSAGE("anna", "berlin")
	  "wait 12s\n"
	  "berlin < OPTIONS\n"
	  "wait 4s\n"
	  NO_MESSAGE("anna") "why all-servers-down backend:berlin\n"
	  "wait 6s\n"
	  NO_MESSAGE("anna") "why all-servers-down backend:berlin\n"
	  MESSAGE("max", "munich")
	  "berlin < nothing\n"
	  "wait 6s\n"
	  "berlin < OPTIONS\n"
	  "berlin > 200 OPTIONS\n"
	  MESSAGE("anna", "berlin")
	  "reload 1\n", STILL },
	{ "silent: a search does not ask it, and goes on at once",
	  "wait 3100ms\n"
	  "berlin < OPTIONS\n"
	  "wait 4s\n"
	  MESSAGE("carl", "munich")
	  "because *one after the other: berlin, munich*\n"
	  "wait 6s\n"
	  MESSAGE("cora", "munich")
	  "bob > MESSAGE sip:nobody@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 404\n"
	  "bob < 503 | Retry-After: *\n"
	  "why search-incomplete\n"
	  "berlin < nothing\n"
	  "reload 1\n", STILL },
	{ "it takes no connection: 503 at once, and the first request after it is back gets through",
	  "wait 3100ms\n"
	  ASKED("berlin")
	  "berlin refuses\n"
	  "berlin closes\n"
	  "wait 12s\n"
	  NO_MESSAGE("anna")
	  "wait 5s\n"
	  "berlin accepts\n"
	  MESSAGE("anna", "berlin")
	  "reload 1\n", STILL },
	{ "it says that it cannot serve",
	  "wait 3100ms\n"
	  "berlin < OPTIONS\n"
	  "berlin > 503\n"
	  MESSAGE("carl", "munich")
	  "reload 1\n", STILL },
	{ "whatever else it says, it is there",
	  "wait 3100ms\n"
	  "berlin < OPTIONS\n"
	  "berlin > 404\n"
	  MESSAGE("anna", "berlin")
	  "reload 1\n", STILL },
	{ "logged on: probed over its connection",
	  LOGGED_ON("0", FAR)
	  "wait 3100ms\n"
	  ASKED("paris")
	  MESSAGE("paul", "paris")
	  "reload 1\n", TCP },
	{ "before it logs on there is nobody to probe",
	  "wait 26s\n"
	  "paris < nothing\n"
	  "reload 1\n", TCP },
	{ "its connection hangs: 503 from the probe on, and it is back when it answers",
	  HUNG("0")
	  "wait 6s\n"
	  "paris < OPTIONS\n"
	  "paris > 200 OPTIONS\n"
	  MESSAGE("paul", "paris")
	  "reload 1\n", TCP },
	{ "... the other worker's connection",
	  HUNG("1")
	  "wait 6s\n"
	  "paris < OPTIONS\n"
	  "paris > 200 OPTIONS\n"
	  MESSAGE("paul", "paris")
	  "reload 1\n", TCP },
	{ "... and it connects anew: it is back at once",
	  HUNG("1")
	  "paris leaves\n"
	  LOG_ON("0", FAR)
	  MESSAGE("paul", "paris")
	  "reload 1\n", TCP },
	{ "... and it logs on by the same connection: it is back at once",
	  HUNG("1")
	  LOG_ON("1", FAR)
	  MESSAGE("paul", "paris")
	  "reload 1\n", TCP },
	{ "... and a search goes on at once",
	  LOGGED_ON("1", FAR)
	  "wait 3100ms\n"
	  "paris < OPTIONS\n"
	  "wait 4s\n"
	  "bob > MESSAGE sip:carl@corp.example\n"
	  "berlin < MESSAGE\n"
	  "berlin > 404\n"
	  "munich < MESSAGE\n"
	  "munich > 404\n"
	  "bob < 503\n"
	  "why search-incomplete\n"
	  "paris < nothing\n"
	  "reload 1\n", TCP },
	{ "by datagrams: silent, and it logs on again",
	  "paris by lan-udp\n"
	  LOGGED_ON("0", FAR)
	  "wait 3100ms\n"
	  "paris < OPTIONS\n"
	  "wait 4s\n"
	  "paris skips\n" /* the repeats */
	  NO_MESSAGE("paul") "why all-servers-down backend:paris\n"
	  LOG_ON("0", FAR)
	  MESSAGE("paul", "paris")
	  "wait 30s\n"
	  "paris skips\n"
	  "reload 1\n", UDP },
	{ "a pair in standby: the second at once, without a try from the probe on, the first when it is back",
	  "wait 3100ms\n"
	  ASKED("first") ASKED("second")
	  MESSAGE("pia", "first")
	  "first refuses\n"
	  "first closes\n"
	  MESSAGE("pia", "second")
	  "wait 12s\n"
	  ASKED("second")
	  "first accepts\n"
	  MESSAGE("pia", "second")
	  "wait 8s\n" /* health's own rest is long over */
	  MESSAGE("pia", "second")
	  "wait 4s\n"
	  ASKED("second") ASKED("first")
	  MESSAGE("pia", "first")
	  "reload 1\n", A_PAIR },
	{ "a pair in standby: the first falls silent in a request",
	  "wait 3100ms\n"
	  ASKED("first") ASKED("second")
	  "bob > MESSAGE sip:pia@corp.example\n"
	  "first < MESSAGE\n"
	  "wait 4s\n"
	  "bob < 100\n"
	  "second < MESSAGE\n"
	  "second > 200\n"
	  "bob < 200\n"
	  MESSAGE("pia", "second")
	  "reload 1\n", A_PAIR },
	{ "a pair in standby: 503 of the first",
	  "wait 3100ms\n"
	  ASKED("first") ASKED("second")
	  "bob > MESSAGE sip:pia@corp.example\n"
	  "first < MESSAGE\n"
	  "first > 503 | Retry-After: 60\n"
	  "second < MESSAGE\n"
	  "second > 200\n"
	  "bob < 200\n"
	  MESSAGE("pia", "second")
	  "reload 1\n", A_PAIR },
	{ "a pair in standby: both are gone",
	  "wait 3100ms\n"
	  ASKED("first") ASKED("second")
	  "first refuses\n"
	  "first closes\n"
	  "second refuses\n"
	  "second closes\n"
	  NO_MESSAGE("pia")
	  "second accepts\n"
	  "wait 4s\n"
	  MESSAGE("pia", "second")
	  "reload 1\n", A_PAIR },
	{ "two of one priority: what is left serves all",
	  "first refuses\n"
	  "wait 3100ms\n"
	  ASKED("second")
	  "wait 8s\n"
	  MESSAGE("pia", "second") MESSAGE("pia", "second") MESSAGE("pia", "second") MESSAGE("pia", "second")
	  "reload 1\n", EQUAL },
};
/* clang-format on */

int main(void)
{
	return scenario_main("loss", plays, COUNT(plays));
}
