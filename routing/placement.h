/* In which order the backends are asked for a user whom nobody registered, no `users` pattern
 * names, and who was not seen yet. */
#pragma once

#include <stddef.h>

#include "conf/settings.h"

/* Writes the positions of the backends that serve domain, in the order to be tried: for
 * PLACEMENT_SEARCH as configured; for PLACEMENT_BALANCE by rendezvous hashing over user@domain
 * with the backends' weights. That goes by their names, and is the same in every process and
 * whatever their order, so that a backend's loss moves only its users; the second is whom they
 * move to. A weight of 0 takes none. Nothing for PLACEMENT_REJECT. Returns how many, at most
 * max and, when balancing, 64. */
size_t placement_order(enum conf_placement placement, const struct settings_backend *backends,
		       size_t n_backends, const char *user, const char *domain, size_t *out,
		       size_t max);
