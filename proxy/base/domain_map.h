/* Domain names and "*.suffix" patterns to what they stand for: the name itself first, then the
 * longest pattern. Built once, then read by any thread. Values stay their owner's. */
#pragma once

#include <stddef.h>

#include "proxy/base/error.h"

struct domain_map;

enum err domain_map_new(struct domain_map **out) MUST_CHECK;
struct domain_map *domain_map_free(struct domain_map *map); /* NULL is fine; returns NULL */

/* Adds a name or a pattern, normalised as text_domain does; it is copied. ERR_EXISTS,
 * ERR_TOO_LARGE, ERR_NO_MEMORY. */
enum err domain_map_put(struct domain_map *map, const char *domain,
			const void *value) MUST_CHECK;

/* The value of that very name, or of the longest pattern that it lies under; NULL if there is
 * none. domain is normalised; a pattern asked for as a name is never found. */
const void *domain_map_find(const struct domain_map *map, const char *domain);
