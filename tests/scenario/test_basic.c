/* The whole way, once in each direction: what every other file takes for granted. */
#include <stdarg.h>

#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
static const struct play plays[] = {
	{ "a call from a partner to a backend",
	  "bob > INVITE sip:anna@corp.example\n"
	  "bob < 100 | !Record-Route\n"
	  "berlin < INVITE sip:anna@corp.example | Max-Forwards: 69 | Via x2 |"
	  " Record-Route x2\n"
	  "berlin > 180\n"
	  "bob < 180 | Via x1\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "berlin < ACK\n"
	  "berlin > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "berlin < 200 BYE\n" },
	{ "a message from a backend to a partner",
	  "dns sip.partner.example A 203.0.113.10\n"
	  "berlin > MESSAGE sip:bob@partner.example | Content-Type: text/plain | body: hello\n"
	  "bob < MESSAGE sip:bob@partner.example | Via x2 | !Record-Route | body: hello\n"
	  "bob > 200\n"
	  "berlin < 200 MESSAGE | Via x1\n"
	  "why none partner:partner.example\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("basic", plays, COUNT(plays));
}
