/* Whose home is where: the `users` patterns of the backends, compiled so that a user is found
 * without looking at each pattern. For rules.c; whom a backend serves at all, for everybody. */
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

/* Writes the positions of the backends that are user@domain's home: those that name the user;
 * if there are none, those with a pattern that fits; if there are none, those that take
 * everybody (else). Several are equals: their weights decide the order, for one user always
 * alike. Returns how many, at most max. */
size_t homes_find(const struct homes *homes, const char *user, const char *domain, size_t *out,
		  size_t max);
