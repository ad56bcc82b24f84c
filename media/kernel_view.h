/* kernel_view: what became of `media.kernel`, for people. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { KERNEL_WHY_SIZE = 160 };

enum kernel_path_state {
	KERNEL_PATH_OFF,
	KERNEL_PATH_ON,
	KERNEL_PATH_FAILED, /* it should be on, and relayed media go through the program */
};

struct kernel_path_view {
	enum kernel_path_state state;
	/* on, but packets of this host must pass IPsec: no flow is in */
	bool is_held;
	char why[KERNEL_WHY_SIZE]; /* failed: a text for people */
	enum err err;
	unsigned n_flows; /* in: one direction of one stream each */
	/* that took it, since the start; bytes of RTP. Up to a second old */
	uint64_t packets, bytes;
	/* flows; evicted: by other routes, devices, IPsec, or switched off */
	uint64_t n_entered, n_refused, n_evicted;
};
