/* What of STUN comes to our listeners, of one worker: answers go to who asked (nat_watch,
 * worker 0); requests are answered if nat.serve says so, by UDP, TCP and TLS. With two UDP
 * listeners of one network that differ in nothing but their address, also the tests of RFC
 * 5780: for these it opens the next port at both, too. */
#pragma once

#include "proxy/worker.h"

struct stun_door;

struct stun_door *stun_door_new(struct worker *worker); /* NULL: no memory */
struct stun_door *stun_door_free(struct stun_door *door);

/* The worker took another snapshot. */
void stun_door_restart(struct stun_door *door);

/* transport_user.on_stun; user is the worker. */
bool stun_door_receive(void *user, struct flow *flow, const void *bytes, size_t len);
