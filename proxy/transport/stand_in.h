/* A stand-in: a flow of this worker for a connection that another worker has (design.md D3):
 * one that the hop names (hop.flow_id), or one of a partner that may have no further one
 * (roll.h). What is sent on it goes to that worker as a letter and there onto the connection;
 * it ends when the connection does. Only requests go this way: their responses arrive at the
 * connection's worker, which hands them over. It has the id of the connection, and is neither
 * counted nor traced: that is the owner's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/roll.h"

extern const struct flow_ops stand_in_ops;

static inline bool flow_is_stand_in(const struct flow *flow)
{
	return flow->ops == &stand_in_ops;
}

/* True if what is sent on it waits, here or at its owner. */
static inline bool flow_reads_slowly(const struct flow *flow)
{
	return flow_is_stand_in(flow) && flow->shared ? roll_is_slow(flow->shared)
						      : flow->is_slow;
}

/* The flow that hop names, not counted: our own, or a stand-in, which is made if there is none.
 * ERR_CLOSED if it is gone (or ours, and takes no requests any more), ERR_LIMIT if too many
 * stand-ins are in use, ERR_NO_MEMORY. */
enum err stand_in_find(struct transport *transport, const struct hop *hop,
		       struct flow **out) MUST_CHECK;

/* A stand-in for a connection of the roll, which roll_ask told to join, or our own flow if it
 * is ours; not counted. Takes that use of entry. As long as the connection is not open, the
 * stand-in is not, either, and what is sent waits in it. ERR_LIMIT, ERR_NO_MEMORY. */
enum err stand_in_join(struct transport *transport, const struct hop *hop,
		       struct roll_entry *entry, struct flow **out) MUST_CHECK;

/* The connection is open: what waits in our stand-in for it goes out. */
void stand_in_opened(struct transport *transport, uint64_t flow_id);

/* The owner's part: worker from has made a stand-in, and is to hear when the connection opens,
 * which may be now. ERR_CLOSED if it is gone: from must be told (stand_in_lost). */
enum err stand_in_wanted(struct transport *transport, uint64_t flow_id,
			 unsigned from) MUST_CHECK;

/* The owner's part, for transport.c: the connection is open, and the workers that have
 * stand-ins for it are told. */
void stand_in_tell_opened(struct flow *flow);

/* The owner's part. Sends wire, which a stand-in of worker from was given, on the connection
 * with that id; wire is the caller's still. is_counted: it is under way on the roll, until now.
 * ERR_CLOSED if it is gone: from must be told (stand_in_lost). Else as flow_send. */
enum err stand_in_serve(struct transport *transport, uint64_t flow_id, unsigned from,
			struct wire *wire, bool is_counted) MUST_CHECK;

/* The owner's part: worker from has no stand-in for that connection any more. */
void stand_in_left(struct transport *transport, uint64_t flow_id, unsigned from);

/* The owner's part, for transport.c: the connection takes no more requests; the workers that
 * have stand-ins for it are told. */
void stand_in_tell_lost(struct flow *flow);

/* The connection has ended, or is not known to its worker: our stand-in for it, if there is
 * one, is lost. */
void stand_in_lost(struct transport *transport, uint64_t flow_id);
