/* relay_inside: a relay, its streams and ends as the media workers see them; for media/ alone.
 * Ports, ICE credentials and settings are written before the worker knows the relay and never
 * again; n_streams and is_closing are the owner's; everything else belongs to the worker's
 * thread. */
#pragma once

#include <stdatomic.h>

#include "media/latch.h"
#include "media/ports.h"
#include "media/relay.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "proxy/base/list.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"

struct dtls_context;
struct dtls_session;
struct end_flow;
struct mapping;
struct media_worker;

enum { PORT_RTP, PORT_RTCP, N_PORTS };

/* One open port. */
struct relay_socket {
	struct loop_watch watch;
	struct relay_end_state *end;
	unsigned component; /* PORT_RTP, PORT_RTCP */
	unsigned n_batch;   /* packets that one system call takes */
	uint64_t last_read_ms;
	struct latch latch;
	struct mapping *mapping; /* NULL: no STUN server is asked */
};

/* Both directions of SRTP between us and one side. */
struct srtp_pair {
	struct srtp_way *in, *out;
};

/* The handshakes at one port. */
struct end_dtls {
	struct relay_end_state *end;
	unsigned component;
	struct dtls_session *session; /* NULL: none */
	struct addr peer;             /* with whom; unset: with nobody yet */
	unsigned n_failed;
};

/* Of one end, in plain numbers; relay_end_stats is made of it. */
struct end_counts {
	uint64_t packets, bytes, sent_packets, sent_bytes, rtcp_packets, sent_rtcp_packets;
	uint64_t rejected_sources, srtp_failures, dropped;
	struct rtcp_report told;
	struct rtp_stream stream;
};

/* What each packet needs comes first: with hundreds of calls every cache line is a miss. */
struct relay_end_state {
	struct relay_stream *stream;
	enum relay_leg leg;
	enum relay_security security;
	bool is_muxed, is_blocked, is_opaque, is_sealed, has_ice;
	bool is_away;         /* packets of this end may go by the kernel, unseen */
	uint64_t flow_due_ms; /* when to look whether they may (end_flow.h) */
	struct port_pair pair;
	/* in use; of the second one only RTCP with keys of its own: end_keys */
	struct srtp_pair srtp[N_PORTS];
	uint64_t last_sent_ms[N_PORTS];
	struct relay_socket sockets[N_PORTS];
	struct end_counts counts;
	struct end_flow *flow; /* NULL: was never ordered in */

	/* of the keys before: an early dialog whose turn may come again */
	struct srtp_pair parked[N_PORTS];
	struct timer keepalive;
	uint32_t keepalive_ms, keepalive_ssrc;
	uint16_t keepalive_sequence;
	uint8_t keepalive_payload;
	bool is_dtls_client;
	/* without rtcp-mux each port has an association (RFC 5764 4.1) */
	struct end_dtls dtls[N_PORTS];
	struct relay_fingerprint fingerprint;
	/* as it was opened */
	char ice_ufrag[RELAY_ICE_UFRAG_SIZE], ice_pwd[RELAY_ICE_PWD_SIZE];
	char own_ufrag[RELAY_ICE_UFRAG_SIZE], own_pwd[RELAY_ICE_PWD_SIZE]; /* in use */
	char peer_ufrag[RELAY_ICE_TEXT_SIZE];
};

struct relay_stream {
	struct relay *relay;
	unsigned number;
	uint64_t changed_ms; /* by signalling, or where media come from */
	struct relay_end_state ends[RELAY_N_LEGS];
};

/* An event on its way to the owner. */
struct relay_note {
	struct letter letter;
	void (*on_event)(const struct relay_event *event, void *mailbox_owner);
	struct relay_event event;
};

struct relay {
	struct relays *relays;
	struct media_worker *worker;
	struct relay_owner owner;
	struct relay_settings settings;
	unsigned n_streams; /* the owner's count */
	struct relay_stream *streams[RELAY_MAX_STREAMS];
	struct letter start, stop;
	bool is_closing; /* the owner's */

	struct list link; /* in the worker's list, once started */
	unsigned n_open;  /* the worker's count of streams */
	struct timer silence;
	uint32_t timeout_ms;
	uint64_t last_ms; /* when something came */
	bool is_silent, is_ended;
	bool is_ending; /* its flows are leaving the kernel; nothing is passed on any more */
	struct relay_note last_note; /* RELAY_CLOSED needs no memory */
};

/* The port whose keys RTP or RTCP has. Those of SDP are for both. */
static inline unsigned end_keys(const struct relay_end_state *end, bool is_rtcp)
{
	return is_rtcp && end->security == RELAY_DTLS && !end->is_muxed ? PORT_RTCP : PORT_RTP;
}

static inline struct relay_end_state *other_end(struct relay_end_state *end)
{
	return &end->stream->ends[end->leg == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER];
}
