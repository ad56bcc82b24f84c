/* channels: the shared pool of `media.channels` with its bound of bandwidth (mission 142-146,
 * 151): a call that would go over either is refused before anything rings. Shared by all
 * workers; a short lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum channel_class {
	CHANNEL_PARTNER, /* a call with a partner */
	CHANNEL_DEVICE,  /* a remote phone; a call between two takes two */
	CHANNEL_INSIDE,  /* a relayed call between servers of the house */
	CHANNEL_N_CLASSES
};

/* What somebody holds; zeros: nothing. */
struct channels_claim {
	unsigned n[CHANNEL_N_CLASSES];
	unsigned kbps;
};

enum channels_verdict { CHANNELS_TAKEN, CHANNELS_FULL, CHANNELS_NO_BANDWIDTH };

struct channels_view {
	/* n_most: in use at a time since the start */
	unsigned n_max, n_used[CHANNEL_N_CLASSES], n_most;
	unsigned kbps_max, kbps_used; /* kbps_max 0: no bound */
	uint64_t n_refused, n_refused_bandwidth;
};

struct channels;

enum err channels_new(struct channels **out) MUST_CHECK;
struct channels *channels_free(struct channels *channels);

/* A reload: what is in use stays in use, also beyond. kbps 0: no bound. */
void channels_set_bounds(struct channels *channels, unsigned n_max, unsigned kbps_max);

/* Adds more to claim, which is the caller's, if the pool has it: all or nothing. */
enum channels_verdict channels_take(struct channels *channels,
				    const struct channels_claim *more,
				    struct channels_claim *claim);
/* Gives so much of claim's bandwidth back, which has as much. */
void channels_lower(struct channels *channels, unsigned kbps, struct channels_claim *claim);
/* Gives all of claim back and empties it. */
void channels_give(struct channels *channels, struct channels_claim *claim);

void channels_look(struct channels *channels, struct channels_view *out);

const char *channel_class_text(enum channel_class channel); /* "partner" */
