/* The order in which servers are tried: priority, then weight drawn at random (RFC 2782). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct srv_entry {
	uint16_t priority, weight;
	size_t index; /* whatever the caller wants to find again */
};

/* Puts entries into the order in which they are to be tried. draw(user, n) returns 0..n
 * inclusive, evenly. */
void srv_order(struct srv_entry *entries, size_t n, uint32_t (*draw)(void *user, uint32_t n),
	       void *user);
