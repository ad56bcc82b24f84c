/* end_flow: which packets of a relay may go by the kernel (kernel_path.h), decided by the media
 * worker. A flow is what comes from one end of a stream and goes to the other. It enters once
 * nothing is left to decide for a packet: plain RTP, where it comes from and where it goes to
 * is settled, and signalling has been quiet for a while. Whatever signalling changes takes both
 * directions out first. While a flow is not out, loss and jitter of its end are not looked at,
 * as not every packet is seen. For media/ alone; the worker's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/kernel_door.h"
#include "media/relay_inside.h"

struct end_flow;

enum { END_FLOW_SETTLE_MS = 1000 }; /* from the last change until a flow may enter */

/* May what comes from that end go by the kernel now? If so, out is how. Changes nothing. */
bool end_flow_fits(const struct relay_end_state *end, uint64_t now_ms, struct kernel_ends *out);

/* A packet came from the end's source at flow_due_ms or later: orders a flow that fits in, and
 * sets flow_due_ms anew. */
void end_flow_look(struct relay_end_state *end, uint64_t now_ms);

/* Both directions leave, and do not enter before they have settled. */
void end_flow_leave(struct relay_stream *stream);

/* All flows of a relay leave. True if none is in or under way: the relay may be freed.
 * Otherwise the relay, if it is ending, is gone on with when the last one is out. */
bool end_flow_leave_all(struct relay *relay);

/* Frees what is left of a flow that is out. */
void end_flow_free(struct relay_end_state *end);

/* When the kernel last saw something of any flow of the relay; 0: never. Within a second. */
uint64_t end_flow_seen_ms(const struct relay *relay);

/* What came from that end by the kernel. */
struct end_flow_counts {
	uint64_t packets, bytes;
};
struct end_flow_counts end_flow_counts(const struct relay_end_state *end);

/* When something was last sent to that side from that port, by us or by the kernel. */
uint64_t end_last_sent_ms(const struct relay_end_state *end, unsigned component);
