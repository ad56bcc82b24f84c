/* The keys under which record_route signs, and their file. For record_route.c; others take them
 * as they are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/mac.h"
#include "routing/record_route.h"

struct record_route_key {
	uint8_t number;
	unsigned char bytes[32];
	struct mac_key mac; /* of bytes */
};

struct record_route_keys {
	/* for record_route_end; is never replaced, so that ends keep their hash */
	uint64_t ends[2];
	struct record_route_key current, previous;
	bool has_previous;
};

/* The key of that number; NULL if it is gone. */
const struct record_route_key *record_route_keys_find(const struct record_route_keys *keys,
						      uint8_t number);
