/* end: what orders do to relays and their ends, in the worker's thread: begin, set, keep alive,
 * count, end. For media/ alone. */
#pragma once

#include "media/relay_inside.h"

/* Takes a relay over: from now on its sockets are read. */
void begin_relay(struct media_worker *worker, struct relay *relay);

/* Takes further streams of a relay that has begun. */
void begin_stream(struct relay *relay, struct relay_stream *stream);

/* Closes everything and tells the owner, who frees it. Called again while the owner's mailbox
 * is full. */
void end_relay(struct relay *relay);

/* What signalling says of one end. */
void set_end(struct relay_end_state *end, const struct relay_end *wanted);

void set_timeout(struct relay *relay, uint32_t timeout_ms);

/* Sends RELAY_STATS. */
void tell_stats(struct relay *relay);

/* New keys of one port, from SDP (PORT_RTP, for both) or DTLS. */
void set_end_keys(struct relay_end_state *end, unsigned component, const struct srtp_key *in,
		  const struct srtp_key *out);

/* Something came after silence was told. */
void end_silence(struct relay *relay);

/* Frees a stream that no worker knows: closes its ports. */
struct relay_stream *stream_free(struct relays *relays, struct relay_stream *stream);
