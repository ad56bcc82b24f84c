/* Our place behind a NAT: looks up the STUN servers' names, has the monitor ask them how they
 * see our listeners, looks at the kind of NAT, and reports all of it. Worker 0's, as the
 * resolver and the sockets are. */
#pragma once

#include "proxy/worker.h"

struct nat_watch;

struct nat_watch *nat_watch_new(struct worker *worker); /* NULL: no memory */
struct nat_watch *nat_watch_free(struct nat_watch *watch);

/* The worker took another snapshot. */
void nat_watch_restart(struct nat_watch *watch);

/* A STUN response came to the UDP listener of that name. */
void nat_watch_receive(struct nat_watch *watch, const char *listener, const struct addr *from,
		       const void *bytes, size_t len);

/* Any thread: looks at the kind of NAT anew, unless that is under way. False: the worker cannot
 * be reached. */
bool nat_watch_post_look(struct server *server);
