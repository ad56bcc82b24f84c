/* The registrar (RFC 3261 §10, RFC 5626, RFC 6140): a backend that logged on binds itself and
 * its users, a phone itself. What it says is kept in routing/location; the connection that it
 * came by becomes its way back. */
#pragma once

#include "proxy/request.h"
#include "proxy/worker.h"

/* Answers a REGISTER whose credentials were right (request->log_on, or request->phone), by a
 * transaction, and does what it says: all of it or nothing. request->reason tells why not. Its
 * worker. */
void registrar_answer(struct worker *worker, struct request *request);

/* A connection has ended: if a backend had logged on by it, it can no longer be reached so. Its
 * worker. */
void registrar_flow_gone(struct worker *worker, const struct flow *flow, enum reason reason);

/* Once a second: what has expired ends, and the addresses by which backends are known follow.
 * Worker 0. */
void registrar_tick(struct worker *worker);

/* A new configuration, server->snapshot: what stands under credentials or backends that are no
 * more goes. before: the one until now. Main thread. */
void registrar_take_snapshot(struct server *server, const struct snapshot *before);
