/* calls: every call whose media we relay, by the dialogs that its signalling makes. The roof
 * shows the SDP of each message that passes, and gets back what must go on instead (text in,
 * text out); relays open, change and close with it.
 *
 * A call is one INVITE as it came to us; a fork is one of its targets, with a relay of its
 * own, so that early media of one is never mixed with another's (field.md pitfall 18).
 * Behind a fork others may fork again: each To tag there is a dialog with its own answers.
 * They share the fork's ports, as the callees were all told the same; the relay follows the
 * newest early answer, and from the first 2xx on that dialog alone.
 *
 * Shared by all workers: requests of a dialog come to any of them. One lock, never held over
 * a system call but those of relay_open. What holds for a call is what held when it began
 * (struct media_policy). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/channels.h"
#include "media/negotiation.h"
#include "media/relay_ops.h"
#include "proxy/base/buf.h"
#include "proxy/base/error.h"
#include "proxy/sip/dialog_side.h"

struct calls;

enum { CALLS_TAG_SIZE = 128, CALLS_ID_SIZE = 256 };

/* Which call and fork: what our Record-Route signs of a dialog, with its Call-ID. */
struct calls_key {
	const char *call_id;
	uint64_t caller, callee; /* the ends: struct record_route_token */
	uint32_t made_at_s;
};

/* One message of a call. */
struct calls_message {
	struct calls_key key;
	const char *from_tag, *to_tag; /* as the message has them; "" for none */
	/* of the first INVITE: several may have the same callee */
	unsigned branch;
	bool is_first;         /* the INVITE that makes the call, or a response to it */
	bool is_ack, is_prack; /* requests that may hold an answer */
	bool is_invite;        /* an INVITE, or a response to it */
	uint32_t cseq;
	/* a request inside a dialog: the end key.callee sent it. Of calls_take_up alone */
	bool is_from_callee;
	/* it may be kept back until STUN servers have answered */
	bool may_wait;
	int status; /* 0: a request */
	/* a response, or a request that failed: the request had SDP */
	bool had_offer;
	struct addr source; /* where it came from */
	/* the message as it came; NULL: nothing is learned for a BYE of ours */
	const msg_t *msg;
	unsigned n_routes; /* a response: how many Record-Routes stand above ours */
	const char *sdp;   /* NULL: there is none */
	size_t sdp_len;
};

/* What a call begins with. */
struct calls_begin {
	struct media_side sides[RELAY_N_LEGS];
	const struct settings_media *settings; /* read during the call alone */
	struct mailbox *mailbox;               /* of the worker */
	uint64_t wall_s;                       /* now, by the clock of key.made_at_s */
};

enum calls_verdict {
	CALLS_UNTOUCHED, /* goes on as it is: not ours, or without SDP */
	CALLS_REWRITTEN, /* out has what goes on instead */
	CALLS_NOT_SDP,   /* it cannot be read */
	CALLS_SRTP_REQUIRED,
	CALLS_SRTP_REFUSED,
	CALLS_FULL,         /* media.channels */
	CALLS_NO_BANDWIDTH, /* media.bandwidth */
	CALLS_NO_PORTS,     /* media.ports, or an address that is none of ours any more */
	CALLS_NO_MEMORY,
	/* STUN servers are being asked: again once calls_wait says no. What there is is kept */
	CALLS_WAITS,
};

/* Why a relay ended. */
enum calls_end {
	CALLS_END_BYE,
	CALLS_END_REFUSED, /* its branch got no 2xx */
	CALLS_END_MOVED,   /* the branch went on by another network, with a relay of its own */
	CALLS_END_SILENT,  /* nothing came any more (media.timeout) */
	CALLS_END_STOPPED, /* the program ends */
};
const char *calls_end_text(enum calls_end end); /* "bye", ... */

/* How one leg of a stream is protected. */
enum calls_protection {
	CALLS_PLAIN,
	CALLS_SDES,
	CALLS_DTLS,
	CALLS_PASSED, /* SRTP between the ends, which we cannot read */
};
/* "none", "sdes", "dtls", "end-to-end" */
const char *calls_protection_text(enum calls_protection protection);

/* One stream of a relay, as signalling had it last. */
struct calls_stream {
	char type[SDP_TYPE_SIZE]; /* of the m-line: "audio"; "" if there was no answer */
	enum calls_protection protection[RELAY_N_LEGS];
};

/* What of media ended, for the record: called under the lock of nobody, in the worker's
 * loop. */
struct calls_ended {
	const char *call_id;
	enum calls_end how;
	uint64_t began_ms; /* of the first INVITE, by the clock of its worker's loop */
	bool was_answered; /* by a 2xx */
	enum conf_network networks[RELAY_N_LEGS];
	const struct calls_stream *streams; /* as many as stats has */
	const struct relay_event *stats;    /* RELAY_CLOSED */
};

/* Nothing came any more on the relay of a call. */
struct calls_silent {
	const char *call_id;
	uint32_t timeout_ms;
	/* To be ended by BYE: what is known of both sides; NULL: it is not to be, or there was
	 * no 2xx. */
	const struct dialog_side *sides;
	uint64_t ends[RELAY_N_LEGS]; /* of calls_key */
	/* false: the caller never said that it has the 2xx (RFC 3261 §15) */
	bool was_acknowledged;
};

struct calls_user {
	void (*on_ended)(const struct calls_ended *ended, void *mailbox_owner);
	/* No STUN server told how the world sees a media port in time: its own number stands in
	 * the SDP. */
	void (*on_unmapped)(const char *call_id, enum conf_network network,
			    void *mailbox_owner);
	/* The relay was closed by us. Called under the lock of nobody, in the worker's loop. */
	void (*on_silent)(const struct calls_silent *silent, void *mailbox_owner);
};

/* channels is not owned. ops with n as their media. */
enum err calls_new(const struct relay_ops *ops, void *media, struct channels *channels,
		   const struct calls_user *user, struct calls **out) MUST_CHECK;
/* Closes what is left. Relays tell their end later: before relays_free. */
void calls_close_all(struct calls *calls);
struct calls *calls_free(struct calls *calls);

/* The first INVITE, as it goes to one hop; again for the next hop of the same branch, with the
 * same ports unless that is on another network. Takes its channels and opens its ports. On
 * anything but UNTOUCHED and REWRITTEN nothing is kept of the fork. */
enum calls_verdict calls_begin(struct calls *calls, const struct calls_message *message,
			       const struct calls_begin *begin, uint64_t now_ms,
			       struct buf *out) MUST_CHECK;

/* Any other request, and every response. */
enum calls_verdict calls_pass(struct calls *calls, const struct calls_message *message,
			      struct buf *out) MUST_CHECK;

/* A request inside a dialog that may hold an offer (INVITE, UPDATE), between networks that are
 * relayed. If its dialog is one of ours the same as calls_pass. Else the dialog went through us
 * before (its signed Route says so), and its call is not known any more: the program was
 * started anew, or nothing came for long. It is taken up: both sides get ports of ours by this
 * offer and its answer, as if it had begun here, for one dialog of a key at a time. What was
 * told of o= versions is not known either, and one who sees the same version need not look at
 * the rest (RFC 3264 §8): theirs are raised from now on, by more at each time that the dialog
 * is taken up. It ends if the request fails. What a BYE of ours needs is learned from requests
 * that pass from now on. */
enum calls_verdict calls_take_up(struct calls *calls, const struct calls_message *message,
				 const struct calls_begin *begin, uint64_t now_ms,
				 struct buf *out) MUST_CHECK;

/* True while a message of the call would get CALLS_WAITS: no longer than a second or so. */
bool calls_wait(struct calls *calls, const struct calls_key *key);

/* True if calls are to be told of every request inside a dialog: calls_note. No lock. */
bool calls_watch(const struct calls *calls);
/* A request of another kind inside a dialog: its CSeq. */
void calls_note(struct calls *calls, const struct calls_message *message);

/* An INVITE inside the dialog, or another request with an offer, came to nothing: what held
 * before holds on (RFC 3261 §14.1), and an offer that stood in a response to it is void,
 * too. */
void calls_offer_failed(struct calls *calls, const struct calls_message *message);

/* A branch of the first INVITE ended without a 2xx. */
void calls_branch_failed(struct calls *calls, const struct calls_key *key, unsigned branch);
/* The dialog of the message ended (BYE). */
void calls_bye(struct calls *calls, const struct calls_message *message);

unsigned calls_count(const struct calls *calls); /* relays in use: forks. No lock */
