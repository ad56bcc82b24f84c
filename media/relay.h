/* relay: RTP and RTCP between the two sides of a call, as the SIP side sees it. Media
 * workers (threads) own the sockets, latches, SRTP contexts and statistics; the SIP side
 * holds a struct relay, reads its ports at once, and gives orders, which travel by mailbox;
 * what happens comes back as events by the mailbox of the owner. Nothing here blocks.
 *
 * A relay has two legs (who sent the offer that made the call, and who was called) and
 * streams, one for each m-line that is relayed, in the order in which they were opened;
 * which m-line is which stream, the SIP side keeps. Each stream has two ends, one on each
 * leg. What comes to an end's local port goes out by the other end's local port. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/kernel_view.h"
#include "media/suite.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/mailbox.h"

struct counters;
struct kernel_door_ops;
struct loop;
struct relay;  /* one call's (or one branch's) */
struct relays; /* the media workers of the process */

enum relay_leg { RELAY_CALLER, RELAY_CALLEE, RELAY_N_LEGS };

enum {
	RELAY_MAX_STREAMS = 8,
	RELAY_ICE_UFRAG_SIZE = 9,  /* 8 characters and the end (RFC 8445 5.3) */
	RELAY_ICE_PWD_SIZE = 25,   /* 24 characters and the end */
	RELAY_ICE_TEXT_SIZE = 257, /* a peer's ufrag or pwd: 256 characters and the end */
	RELAY_FINGERPRINT_SIZE = 64,
};

/* ---- The media workers ---- */

struct relays_settings {
	unsigned n_workers; /* threads; 0: none, the caller's loop does the work (tests) */
	struct loop *loop;  /* with n_workers 0: the loop */
	/* `media.ports`; pairs begin at even ports (RFC 3550 11) */
	uint16_t first_port, last_port;
	/* a freed pair is not given again sooner; 0: the preset, 30 s */
	uint32_t quarantine_ms;
	const struct kernel_door_ops *kernel_door; /* tests stand in; NULL: the kernel */
};

/* Starts the workers. ERR_INVALID if the range holds no pair or there are too many workers;
 * ERR_NO_MEMORY; ERR_LIMIT if there can be no thread; ERR_TLS or ERR_IO if a library refuses
 * (certificate, SRTP's self-tests). */
enum err relays_new(const struct relays_settings *settings, struct relays **out) MUST_CHECK;

/* Closes every relay (each owner gets RELAY_CLOSED, so the owners' mailboxes are still there),
 * ends the threads, frees. Returns NULL; NULL is fine. No other call may be under way. */
struct relays *relays_free(struct relays *relays);

/* Another port range or quarantine (reload); ports in use stay in use. Any thread. ERR_INVALID,
 * ERR_NO_MEMORY: nothing has changed. */
enum err relays_set_ports(struct relays *relays, uint16_t first_port,
			  uint16_t last_port) MUST_CHECK;

/* Lets packets of plain RTP go by the kernel, or not any more (`media.kernel`). Whether the
 * kernel does so shows later: kernel_path_view. Not of two threads at once. ERR_NO_MEMORY,
 * ERR_LIMIT, ERR_IO: nothing has changed. */
enum err relays_set_kernel(struct relays *relays, bool is_on) MUST_CHECK;

/* What became of that. Any thread; a short lock. */
void relays_kernel_view(const struct relays *relays, struct kernel_path_view *out);

/* Ports of the range that the system may give to others as well, since they lie in
 * net.ipv4.ip_local_port_range and not in ip_local_reserved_ports: 0 is as it should be. Reads
 * a file: at start and in `check`, not in a worker. */
unsigned relays_ephemeral_overlap(uint16_t first_port, uint16_t last_port);

/* What all workers did, and what is in use. Any thread; the lock of the ports for a moment. */
struct relays_totals {
	/* passed on, both directions, by the program or by the kernel */
	uint64_t packets, bytes;
	uint64_t rejected_sources; /* packets from where none may come */
	uint64_t srtp_failures;    /* forged, replayed, damaged, or under another key */
	uint64_t dropped;          /* not RTP, no way to pass them on, a full socket */
	uint64_t timeouts;
	unsigned n_relays, n_streams;
	/* of all addresses: the range; in use; in quarantine */
	unsigned n_pairs, n_pairs_used, n_pairs_resting;
	unsigned n_pairs_least_free; /* at the address that has the fewest */
};
void relays_totals(const struct relays *relays, struct relays_totals *out);

/* "sha-256" fingerprint of our DTLS certificate (RFC 8122), 32 bytes; made at start and used by
 * all relays. */
void relays_fingerprint(const struct relays *relays, uint8_t out[32]);

/* ---- Events: delivered in the owner's loop, in order ---- */

enum relay_event_kind {
	/* an end that latches, or has ICE, found where its media comes from: stream, leg,
	 * is_rtcp, addr */
	RELAY_LATCHED,
	/* nothing came on any stream for the timeout; told once until something comes again.
	 * Nothing else happens by itself: the owner ends the call */
	RELAY_SILENT,
	/* a DTLS handshake is done and its fingerprint is the told one: stream, leg, is_rtcp */
	RELAY_SECURED,
	/* a DTLS handshake failed, or the certificate is another one: stream, leg, is_rtcp,
	 * err */
	RELAY_SECURE_FAILED,
	RELAY_MAPPED, /* what relay_ask_mapping found: stream, leg, is_rtcp, err, addr */
	RELAY_STATS,  /* what relay_ask_stats asked for */
	/* with the last statistics. The last event: the relay is gone, no pointer to it may be
	 * used */
	RELAY_CLOSED,
};

/* Of one end: what came in there, and what was sent there. */
struct relay_end_stats {
	/* RTP received and accepted; payload with headers, without UDP and IP */
	uint64_t packets, bytes;
	uint64_t sent_packets, sent_bytes; /* RTP sent */
	uint64_t rtcp_packets, sent_rtcp_packets;
	/* of the received: passed by the kernel, which does not tell loss and jitter */
	uint64_t kernel_packets;
	/* from sequence numbers (RFC 3550 A.3), summed over SSRCs; duplicates never make it
	 * negative */
	uint64_t lost;
	uint32_t jitter_us; /* RFC 3550 A.8, now; its maximum is */
	uint32_t max_jitter_us;
	/* what this side says about what we send it: its last receiver report */
	uint32_t told_lost, told_jitter_us;
	uint64_t rejected_sources, srtp_failures, dropped;
	uint32_t n_ssrcs;
	/* where its media comes from now; unset before it came */
	struct addr source;
};

struct relay_event {
	enum relay_event_kind kind;
	struct relay *relay;
	void *user; /* as given at relay_open */
	unsigned stream;
	enum relay_leg leg;
	bool is_rtcp;
	enum err err;
	struct addr addr;
	unsigned n_streams; /* with statistics: so many below */
	struct relay_end_stats stats[RELAY_MAX_STREAMS][RELAY_N_LEGS];
};

/* ---- A relay ---- */

/* Where the owner stands: mailbox is that of its worker and outlives the relay; on_event is
 * called in its loop with that mailbox's owner. The event is valid during the call. */
struct relay_owner {
	struct mailbox *mailbox;
	void (*on_event)(const struct relay_event *event, void *mailbox_owner);
	void *user;
};

struct relay_settings {
	/* our address towards each leg; its port is not looked at; families may differ */
	struct addr bind[RELAY_N_LEGS];
	uint8_t dscp[RELAY_N_LEGS]; /* 0 to 63; of what we send (RFC 2474) */
	uint32_t timeout_ms;        /* RELAY_SILENT after that; 0: never */
	unsigned n_streams;         /* 1 to RELAY_MAX_STREAMS */
};

/* Opens a port pair (even RTP, odd RTCP) for each end of each stream: all of them or none. They
 * are open, and their numbers known, when this returns; nothing is passed on before relay_set.
 * ERR_LIMIT: no pair left (or resting); ERR_ADDRESS: the address of a leg is none of this host;
 * ERR_INVALID; ERR_NO_MEMORY; ERR_IO. Any thread; from then on only the owner's. */
enum err relay_open(struct relays *relays, const struct relay_settings *settings,
		    const struct relay_owner *owner, struct relay **out) MUST_CHECK;

/* Opens n more streams behind those that are there (a re-INVITE with more m-lines). Errors as
 * above; then nothing changed. */
enum err relay_add_streams(struct relay *relay, unsigned n_streams) MUST_CHECK;

/* Ends it: ports are closed and rest, RELAY_CLOSED comes. Further calls are not allowed. NULL
 * is fine. */
void relay_close(struct relay *relay);

/* What goes into the SDP towards that leg: the RTP port; RTCP is the next one. 0 if there is no
 * such stream. */
uint16_t relay_port(const struct relay *relay, unsigned stream, enum relay_leg leg);

unsigned relay_n_streams(const struct relay *relay);

/* Our ufrag and pwd towards that leg for that stream, made when it was opened (RFC 8445 5.3);
 * used if the end says has_ice and has no ice_own_ufrag. */
const char *relay_ice_ufrag(const struct relay *relay, unsigned stream, enum relay_leg leg);
const char *relay_ice_pwd(const struct relay *relay, unsigned stream, enum relay_leg leg);

/* How one end's media is protected between it and us. */
enum relay_security {
	/* as it comes. On both legs: whatever comes is passed on untouched, SRTP with keys of
	 * the ends, too */
	RELAY_PLAIN,
	RELAY_SDES, /* SRTP with keys from SDP */
	/* SRTP with keys from DTLS on the media path (RFC 5764); where is_muxed is false, RTCP
	 * has an association and keys of its own at its port (4.1) */
	RELAY_DTLS,
};

struct relay_fingerprint {
	/* "sha-256", "sha-1", "sha-384", "sha-512": lower case, as SDP says it */
	char hash[16];
	uint8_t len, bytes[RELAY_FINGERPRINT_SIZE];
};

/* One end of one stream as signalling has it now: the whole, each time. A field left 0 is
 * off. */
struct relay_end {
	/* Where that side wants its media (from its SDP). Unset: nothing is sent there until a
	 * latch knows better. Port 0: not at all (rejected, inactive without ports). */
	struct addr rtp;
	/* from a=rtcp; unset: the port after RTP's. With is_muxed not looked at */
	struct addr rtcp;
	/* RTCP by the RTP port towards this side (RFC 5761); the other side need not do so */
	bool is_muxed;
	/* nothing that comes from this side is passed on (rejected stream, inactive); it still
	 * counts as life */
	bool is_blocked;
	/* what comes is no RTP (image/udptl, application): passed on whatever it is; never with
	 * SRTP */
	bool is_opaque;

	/* with RELAY_PLAIN: the ends have SRTP between themselves, so receiver reports cannot
	 * be read */
	bool is_sealed;

	/* Where packets may come from. Without is_latching: from the told address alone (the
	 * told port, or, for a side that sends from another port, the first that comes from
	 * there: it is received from, never sent to). With it: from where they come first,
	 * within window_ms of the first packet, the told address before any other; afterwards
	 * from there alone. With SRTP only packets that are authentic are looked at. */
	bool is_latching;
	uint32_t window_ms; /* 0: the preset, 500 */
	/* if set, a latch takes this host (where its SIP comes from) or the told one, and no
	 * other; and a told address that is private and another host's is not sent to */
	struct addr nat_host;
	/* look anew: set after an offer or answer of this side, not otherwise. Until another
	 * packet comes the source of before stays; if it sends on, it wins */
	bool is_relatching;

	enum relay_security security;
	struct srtp_key key_in;  /* RELAY_SDES: theirs, which decrypts what they send */
	struct srtp_key key_out; /* RELAY_SDES: ours, from the a=crypto that we sent them */
	/* RELAY_SDES: key_in may be older than the relay, and its rollover counter be as high;
	 * 0: it begins here */
	uint32_t max_roc_in;
	/* RELAY_DTLS: we begin (we are a=setup:active); else we wait */
	bool is_dtls_client;
	struct relay_fingerprint fingerprint; /* RELAY_DTLS: theirs */

	/* we are ICE-lite towards them (RFC 8445 2.5): checks are answered, the nominated pair
	 * is used */
	bool has_ice;
	char ice_ufrag[RELAY_ICE_TEXT_SIZE]; /* theirs, from SDP */
	/* Ours since ICE began anew (RFC 8445 9); "": those of relay_ice_ufrag and
	 * relay_ice_pwd. */
	char ice_own_ufrag[RELAY_ICE_UFRAG_SIZE], ice_own_pwd[RELAY_ICE_PWD_SIZE];

	/* Something is sent to this side whenever nothing was for so long (RFC 6263): on hold
	 * the pinhole of its router stays open. 0: off. 15 s is usual. */
	uint32_t keepalive_ms;
	/* a payload type that was not negotiated (RFC 6263 4.6); 0: 126 */
	uint8_t keepalive_payload;
	uint32_t clock_hz; /* of the RTP timestamps, for jitter; 0: 8000 */
};

/* Tells one end what signalling says now; the order takes effect soon, those for one relay in
 * their order. A key that stays the same keeps its rollover counter and replay window (RFC 3711
 * 3.3.1, RFC 4568 7.1.4). Keys are copied, and the copies wiped. ERR_INVALID: no such stream,
 * or settings that contradict each other; ERR_NO_MEMORY: nothing changes. */
enum err relay_set(struct relay *relay, unsigned stream, enum relay_leg leg,
		   const struct relay_end *end) MUST_CHECK;

/* Another timeout from now on (0: never): a call on hold may be silent for long. */
enum err relay_set_timeout(struct relay *relay, uint32_t timeout_ms) MUST_CHECK;

/* Has the public address of each open port of a leg asked for by STUN (RFC 8489), from those
 * very ports. For each stream and for RTP and RTCP comes a RELAY_MAPPED, at the latest after
 * deadline_ms; ERR_TIMEOUT in it if no server answered. A port that was answered before is not
 * asked again. Afterwards its mapping is kept alive by further questions while nothing is sent
 * from the port. */
enum err relay_ask_mapping(struct relay *relay, enum relay_leg leg, const struct addr *servers,
			   unsigned n_servers, uint32_t deadline_ms) MUST_CHECK;

/* Has RELAY_STATS sent. */
enum err relay_ask_stats(struct relay *relay) MUST_CHECK;
