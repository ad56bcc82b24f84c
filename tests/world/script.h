/* clang-format off */
/* Conversations as text: who sends what, what must be seen where, how much time passes. One
 * statement a line.
 *
 *   bob > INVITE sip:anna@corp.example    bob begins a call
 *   bob < 200                             the next message that bob gets is this one
 *   bob < 100                             ... after 200 ms if there is none yet: then ours goes (RFC 3261 §17.2.1)
 *   anna < INVITE | Max-Forwards: 69 | !Route
 *                                         ... with headers that match, and without a Route
 *   anna > 180 | +Warning: 399 x "y"      anna answers the newest request
 *   anna > 200 INVITE                     ... the newest INVITE
 *   bob > ACK                             inside the call, as the RFC says; after a refusal
 *                                         hop by hop
 *   bob > again                           the very same bytes once more
 *   bob < nothing                         bob's inbox is empty
 *   bob holds 5 10                        so many messages wait in it
 *   bob skips                             what is in it does not matter
 *   bob@1 > CANCEL                        by worker 1
 *   bob refuses | hangs | accepts | fails CODE
 *                                         how bob takes connections from now on
 *   bob closes                            bob ends those that it has
 *   bob connects                          bob makes a new one for what it says from now on
 *   bob leaves                            ... and hears nothing by those that it had, which stand
 *   bob closes old                        bob ends those that it had before that; or "new": the others
 *   bob stalls | stalls always | reads    bob reads nothing any more from the connections that it has (always: and from new ones);
 *                                         or again, beginning with what waits
 *   bob has 2                             so many connections with us are open
 *   bob reuses                            what bob says goes over the connection that we made to bob
 *   bob sees 203.0.113.7:5060             bob is a STUN server, and that is how it sees us; "nothing": it is silent
 *   bob by LISTENER                       bob reaches us by that listener from now on
 *   bob is sip:eve@other.example          bob says so in From from now on
 *   wait 500ms                            also s, m
 *   dns NAME A 203.0.113.1                also AAAA, SRV, NAPTR; fails, hangs, nothing
 *   forget NAME                           takes its records away
 *   why CODE [DESTINATION]                the reason of the newest decision; "none": welcome
 *   because PATTERN                       a step of the newest decision says so, or a hop: "tcp 10.0.1.1:5060: no-answer"
 *                                         or the partner did with ms-diagnostics: "they say 1003 of x.example: ..."
 *   everybody answers                     200 to whatever anybody was asked
 *   reload N                              configuration number N of the play is swapped in
 *   reload N for TIME                     ... and comes back after TIME ("60s") unless it is confirmed
 *   confirm reload                        what waits for that is confirmed
 *   keep state                            what must survive a restart is kept from now on
 *   restart proxy                         the proxy ends and begins anew
 *   load 600ms                            every worker's loop was so late in the last two seconds
 *   block DOMAIN | approve DOMAIN | unsay DOMAIN
 *                                         an administrator says so (unsay: forgets it)
 *   drain proxy                           it takes nothing new any more, as before its end
 *   suspect ID                            a router on the way of that peer rewrites SIP, as status tells ("partner:plain.example")
 *   acquit ID                             none does, as far as is known
 *   media holds N                         so many relays are open
 *   media has no ports | has ports        no relay gets any from now on, or again
 *   media falls silent                    nothing comes on any of them any more
 *   media seen at 198.51.100.7 +1000       STUN servers answer: so are the ports of media seen, with numbers so much higher, and
 *                                         three more for RTCP; "media seen at nothing": none answers
 *   media ended HOW                       the newest record of a relay says so: bye, silent, ...
 *   times N STATEMENT                     N times
 *
 * What follows a bar is a header. Of what is sent: "Name: value" instead of the agent's own,
 * "+Name: value" besides, "-Name" without; "Request-URI: ..." and "body: ..." likewise;
 * "fill: 1000" is a body of so many bytes;
 * "Digest: user password ALGORITHM [nc]" answers the last 407 or 401. Of what is seen: "Name: pattern"
 * (some value matches, "*" stands for anything), "Name[1]: pattern" (the second one), "Name x2"
 * (there are two), "!Name" (there is none), "!Name: pattern" (none matches).
 *
 * In what is sent $n is a line end, $token the token of the Record-Route that the agent saw
 * last, $forged the same with a character changed, $route0 its first Route, $target the other
 * end's Contact, $tag its tag, $callid, $branch that of the agent's last request, $vias ($via0: the first, $via1: the next) $from
 * $to $cseq those headers of the newest request that it got. $bob.callid is bob's.
 *
 * What nobody asked for is a fault: at the end every inbox must be empty, and nothing may have
 * gone to nowhere. */
/* clang-format on */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/world/world.h"

/* Who takes part: name, address, the listener by which it reaches us, its certificate, its
 * address of record. */
struct role {
	const char *name, *address, *listener, *names, *user;
};

struct play {
	const char *name, *script;
	const char *const *configs; /* ended by NULL; the first is there from the beginning */
	const char *users;          /* NULL: none */
	const struct role *cast;    /* ended by a role without a name */
};

struct stage;

/* Builds the world of a play; NULL with a text in out_fault if its configuration is wrong. */
struct stage *stage_new(const struct play *play, unsigned n_workers, char *out_fault,
			size_t size);
struct stage *stage_free(struct stage *stage);

/* Plays it. False, with what went wrong in out_fault. If is_tolerant, what is not as it should
 * be does not matter: the play goes on (for failing allocations). */
bool stage_play(struct stage *stage, bool is_tolerant, char *out_fault, size_t size);

/* Lets all that is still kept end, and checks that nothing stays. */
bool stage_settle(struct stage *stage, char *out_fault, size_t size);

/* The agents forget what they said and heard, and behave as at the beginning; the zone is empty
 * again. For a second performance in the same world. */
void stage_reset(struct stage *stage);

struct world *stage_world(struct stage *stage);
