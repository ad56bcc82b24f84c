/* Takes public addresses that were heard into use: a snapshot like the running one, but for
 * what its listeners advertise. What began under the old one ends under it. */
#pragma once

#include "proxy/server.h"

/* Any thread: readvertise_now will run in the main thread. */
void readvertise_post(struct server *server);

/* Main thread. True if something changed. */
bool readvertise_now(struct server *server);
