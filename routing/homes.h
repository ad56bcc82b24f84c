/* Whose home is where: the `users` patterns of the backends, compiled so that a user is found
 * without looking at each pattern. For rules.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"
#include "proxy/base/error.h"

struct homes; /* immutable */

/* settings must live as long. */
enum err homes_new(const struct settings_backend *backends, size_t n,
		   struct homes **out) MUST_CHECK;
struct homes *homes_free(struct homes *homes); /* NULL is fine; returns NULL */

/* Writes the positions of the backends that may serve user@domain, best first: those that name
 * the user, those with a pattern that fits, those that take everybody. Among equals their
 * weights decide, for one user always alike, so that a user's subscriptions and calls meet at
 * one backend. Returns how many, at most max. */
size_t homes_find(const struct homes *homes, const char *user, const char *domain, size_t *out,
		  size_t max);
