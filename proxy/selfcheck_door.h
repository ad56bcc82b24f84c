/* One place where partners find us, for selfcheck: whether the address is ours, what is really
 * served there, and whether a SIP server answers. */
#pragma once

#include "proxy/check_probe.h"
#include "proxy/check_rows.h"
#include "proxy/snapshot.h"

enum { SELFCHECK_N_VERSIONS = 4 };

struct selfcheck_door {
	const struct snapshot *snapshot;
	struct check_prober *prober;
	struct check_rows *rows; /* the owner's */
	char domain[256],
		host[256]; /* host "": DNS names none, and the listener is looked at as it is */
	struct addr addr;  /* as DNS says, with the port; unset with host "" */
	uint64_t stage_ms;
	bool tests_versions; /* not those that were tested for another domain */
	void (*on_end)(struct selfcheck_door *door);
	bool has_answered; /* a chain was seen: set when it ends */

	/* selfcheck_door.c's own. */
	struct listener *listener;
	struct hop hop;
	struct check_probe probe, probes[SELFCHECK_N_VERSIONS];
	bool is_offered[SELFCHECK_N_VERSIONS], is_known[SELFCHECK_N_VERSIONS];
	unsigned n_left;
	bool is_hairpin, is_inside, is_doubtful;
	char version[64];
	struct loop_call call;
};

/* The first mtls listener of the wan that is reached at port (0: any); NULL: there is none. */
struct listener *selfcheck_listener(const struct snapshot *snapshot, uint16_t port);
/* The address by which it is known outside, as far as the configuration tells; false: it does
 * not. */
bool selfcheck_public_address(const struct listener *listener, struct addr *out);

/* Fill the first part, then start; on_end comes exactly once, from the loop, never inside. */
void selfcheck_door_start(struct selfcheck_door *door);
/* on_end will not come; fine at any time. */
void selfcheck_door_cancel(struct selfcheck_door *door);
