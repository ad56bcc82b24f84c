/* Sending over connections of other workers (proxy/transport/stand_in.h): the letters between a
 * stand-in and its connection. What transport_user asks for; user is the worker. */
#pragma once

#include "proxy/worker.h"

/* A copy of wire for the connection with that id, to its worker. ERR_CLOSED: no worker has that
 * number; ERR_LIMIT: its mailbox is full; ERR_NO_MEMORY. */
enum err elsewhere_send(void *user, uint64_t flow_id, struct wire *wire,
			bool is_counted) MUST_CHECK;

/* To the worker of that connection: nobody here stands in for it any more. A letter that gets
 * lost does no harm. */
void elsewhere_tell_left(void *user, uint64_t flow_id);

/* To the worker of that connection, which is not open yet: it is to tell when it is.
 * ERR_CLOSED: no worker has that number; ERR_LIMIT, ERR_NO_MEMORY. */
enum err elsewhere_tell_wanted(void *user, uint64_t flow_id) MUST_CHECK;

/* To a worker that waits for our connection: it is open. Should the letter get lost, it waits
 * no longer than a handshake may take. */
void elsewhere_tell_opened(void *user, unsigned to, uint64_t flow_id);

/* To a worker that has a stand-in for our connection: it has ended. Should the letter get lost,
 * the next request finds out. */
void elsewhere_tell_lost(void *user, unsigned to, uint64_t flow_id);
