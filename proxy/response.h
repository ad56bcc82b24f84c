/* A response on its way back (RFC 3261 §16.7). */
#pragma once

#include "proxy/context.h"

/* What a branch's client transaction heard. */
void response_arrived(struct branch *branch, struct arrival *arrival);

/* The same from a server that was given up: a 2xx to INVITE. */
void response_arrived_late(struct branch *branch, struct arrival *arrival);

/* Every branch is done and no final went back yet: sends the best one, or ours for the
 * reason. */
void response_send_best(struct context *context);

/* Sends the final that we make ourselves and writes the record. */
void response_send_own(struct context *context, enum reason reason);
