/* What the files of calls share: calls.c is the table and the life, call_begin.c the first
 * INVITE, call_take_up.c dialogs of before, call_dialog.c offers and answers, call_relay.c what
 * a fork and its relay say to each other, call_mapping.c how the world sees its ports,
 * call_trace.c what log.trace tells of all that. Everything here is read and written under
 * calls->lock. */
#pragma once

#include <pthread.h>
#include <stdlib.h>

#include "media/calls.h"
#include "proxy/base/list.h"
#include "proxy/base/table.h"

struct fork;

/* What a relay knows of us: outlives the fork until RELAY_CLOSED. */
struct relay_handle {
	struct calls *calls;
	struct fork *fork; /* NULL: it is gone */
	enum calls_end how;
	uint64_t began_ms;
	bool was_answered;
	unsigned n_traced; /* of the worker's loop alone */
	enum conf_network networks[RELAY_N_LEGS];
	struct calls_stream streams[RELAY_MAX_STREAMS];
	char call_id[CALLS_ID_SIZE];
};

/* How the world sees the ports of one end. What a side was told of them never changes. */
enum fork_mapping_state {
	MAPPING_NONE, /* nobody was asked, or nobody answered: as they are */
	MAPPING_ASKED,
	MAPPING_KNOWN,
};

struct fork_mapping {
	enum fork_mapping_state rtp_state, rtcp_state;
	struct addr rtp, rtcp;
};

/* One To tag. */
struct call_dialog {
	struct list link; /* fork->dialogs */
	char callee_tag[CALLS_TAG_SIZE];
	bool is_confirmed, is_acknowledged;
	bool is_taken_up;                       /* and confirmed with the first 2xx since */
	struct dialog_side sides[RELAY_N_LEGS]; /* with policy.sends_bye */
	struct negotiation *current;            /* what was answered last; NULL: nothing yet */
	/* By who offered: the last offer of each side, until another one of it, as it may be
	 * answered again (18x, 2xx). Offers of both sides may be under way (RFC 3261 §14.2),
	 * and each is answered by itself. */
	struct negotiation *pending[RELAY_N_LEGS];
	uint64_t offer_hash[RELAY_N_LEGS];      /* of the offer's text: a repeat is none */
	bool offered_by_response[RELAY_N_LEGS]; /* to a late offer's INVITE */
	/* If it is taken up, by who asked: an INVITE without SDP that has no final yet. */
	struct call_asked {
		bool is_set;
		uint32_t cseq;
	} asked[RELAY_N_LEGS];
};

enum { FORK_TAKEN_UP = ~0U };

struct fork {
	struct list link; /* call->forks */
	struct call *call;
	uint64_t callee;
	unsigned branch; /* FORK_TAKEN_UP: it is of none */
	/* of o= in all its SDP: seconds since the dialog began; 0: it was not taken up */
	uint64_t version_plus;
	struct media_side sides[RELAY_N_LEGS];
	struct media_policy policy;
	struct mailbox *mailbox;
	struct channels_claim claim;
	struct relay *relay;
	struct relay_handle *handle;
	unsigned n_streams;
	struct fork_mapping mappings[RELAY_MAX_STREAMS][RELAY_N_LEGS];
	struct negotiation *offer; /* of the first INVITE; NULL: a late offer */
	struct list dialogs;
	struct call_dialog *active; /* the one that the relay serves; NULL: none yet */
	bool has_confirmed;
};

struct call {
	UT_hash_handle hh;
	struct call *same_id; /* the next of the same Call-ID: a request may pass us twice */
	char call_id[CALLS_ID_SIZE];
	char caller_tag[CALLS_TAG_SIZE];
	uint64_t caller;
	uint32_t made_at_s;
	struct dialog_side caller_side; /* with policy.sends_bye: by its INVITE */
	uint64_t began_ms;
	bool is_charged;
	struct channels_claim claim;
	struct list forks;
};

struct calls {
	pthread_mutex_t lock;
	const struct relay_ops *ops;
	void *media;
	struct channels *channels;
	struct calls_user user;
	struct call *by_id;
	unsigned n_forks;   /* atomic */
	unsigned n_watched; /* atomic: forks with policy.sends_bye */
};

/* Where a message belongs, and which leg sent it. */
struct call_place {
	struct fork *fork;
	struct call_dialog *dialog;
	enum relay_leg leg;
};

/* calls.c */
struct call *call_find(struct calls *calls, const struct calls_key *key);
/* NULL: no memory, or too long */
struct call *call_new(struct calls *calls, const struct calls_message *message,
		      uint64_t now_ms);
struct fork *fork_find(struct call *call, uint64_t callee, unsigned branch);
void call_end_if_empty(struct calls *calls, struct call *call);
void fork_end(struct calls *calls, struct fork *fork, enum calls_end how);
void fork_end_dialog(struct calls *calls, struct fork *fork, struct call_dialog *dialog);

/* call_begin.c */
struct fork *fork_new(struct calls *calls, struct call *call,
		      const struct calls_message *message, const struct calls_begin *begin);
/* Reads the SDP (*out NULL if there is none) as an offer of leg from, takes channels, and opens
 * ports. UNTOUCHED, or why not; the fork is ended by the caller then. *out is the caller's. */
enum calls_verdict fork_prepare(struct calls *calls, struct fork *fork,
				const struct calls_message *message, enum relay_leg from,
				struct sdp **out);

/* The call takes as much bandwidth, if it is more than it has: UNTOUCHED, or
 * CALLS_NO_BANDWIDTH. */
enum calls_verdict call_charge(struct calls *calls, struct call *call, unsigned kbps);
/* And no more than that from now on. */
void call_discharge(struct calls *calls, struct call *call, unsigned kbps);

/* call_take_up.c: as calls_take_up says; UNTOUCHED with out->fork set if it is taken up. */
enum calls_verdict call_take_up(struct calls *calls, const struct calls_message *message,
				const struct calls_begin *begin, uint64_t now_ms,
				struct call_place *out);
/* It was taken up by an offer that came to nothing, and nothing else is under way. */
bool call_take_up_failed(const struct call_place *place);

/* call_relay.c: has a relay with at least n streams. */
enum calls_verdict fork_ensure_streams(struct calls *calls, struct fork *fork, unsigned n);

/* call_trace.c: log.trace: media. What comes by SIP and what a relay tells; never a packet, a
 * key, or a pwd. */
/* An offer or answer, and outs, which leg to is told for it. */
void call_trace_sdp(const struct fork *fork, const struct negotiation *negotiation,
		    enum relay_leg to, const struct sdp *sdp, const struct sdp_out *outs);
/* What an end of the relay is told to do. */
void call_trace_end(const struct fork *fork, unsigned stream, enum relay_leg leg,
		    const struct relay_end *end);
/* In the worker's loop; a hundred for each relay, and its end. */
void call_trace_event(struct relay_handle *handle, const struct relay_event *event);

/* call_mapping.c: has STUN servers asked about the ports of streams from first on, if they are
 * behind a router. */
void fork_ask_mappings(struct calls *calls, struct fork *fork, unsigned first);
bool fork_waits_for_mapping(const struct fork *fork);
/* RELAY_MAPPED; false: nobody answered, which is news. */
bool fork_take_mapping(struct fork *fork, const struct relay_event *event);
/* What stands in SDP of the ports, if it is known. */
void fork_fill_mapping(const struct fork *fork, unsigned stream, enum relay_leg leg,
		       struct media_ports *out);

/* call_dialog.c */
enum calls_verdict call_read(const struct calls_message *message, struct sdp **out);
enum calls_verdict call_verdict(enum media_verdict verdict);
/* Prints sdp for leg. CALLS_REWRITTEN, or CALLS_NO_MEMORY. */
enum calls_verdict call_write(struct calls *calls, const struct fork *fork,
			      const struct negotiation *negotiation, enum relay_leg leg,
			      const struct sdp *sdp, struct buf *out);
/* False: no dialog of ours. */
bool call_locate(struct calls *calls, const struct calls_message *message,
		 struct call_place *out);
/* How long its relay may hear nothing; now: what it serves, NULL: nothing yet. */
uint32_t fork_timeout_ms(const struct fork *fork, const struct negotiation *now);
/* The relay does what the dialog has come to. */
void fork_activate(struct calls *calls, struct fork *fork, struct call_dialog *dialog);
