/* kernel_route: by which device packets of two ends come, and by which one and to which
 * neighbour they would go: asked of the kernel by rtnetlink, as routes and addresses are now.
 * And what tells that they have changed. One thread; blocks for as long as the kernel takes to
 * answer. */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "media/kernel_door.h"

struct kernel_routes;

/* why as kernel_door_ops.open. */
enum err kernel_routes_new(struct kernel_routes **out, char why[KERNEL_WHY_SIZE]) MUST_CHECK;
struct kernel_routes *kernel_routes_free(struct kernel_routes *routes); /* NULL is fine */

/* As those of struct kernel_door_ops. */
int kernel_routes_watched(const struct kernel_routes *routes);
bool kernel_routes_look(struct kernel_routes *routes);
bool kernel_routes_may_pass(struct kernel_routes *routes);
enum err kernel_routes_find(struct kernel_routes *routes, const struct kernel_ends *ends,
			    struct kernel_way *out) MUST_CHECK;
