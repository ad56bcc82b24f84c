/* What a worker hears besides messages: connections that want in, handshakes, garbage, and
 * the decisions that were made; each is counted, and logged or traced where somebody should
 * know. */
#pragma once

#include "proxy/transport/transport.h"
#include "proxy/worker.h"

/* The callbacks for the worker's transport. */
struct transport_user hearing_user(struct worker *worker);

/* The other end of flow is known as id ("partner:partner.example", "": nobody): the certificate
 * that it showed is noted. The worker's thread. */
void hearing_certificate(struct worker *worker, struct flow *flow, const char *id);

/* The other end of an accepted connection is known as id, or "" for nobody: so that its
 * connections are counted, and can be ended by what they are for. The worker's thread. */
void hearing_peer(struct worker *worker, struct flow *flow, const char *id);

/* A decision was made: into the ring, the counters, and, if it is a refusal, the log. The
 * worker's thread. */
void hearing_decision(struct worker *worker, const struct decision *decision);
