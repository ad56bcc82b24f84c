/* Every host:port by which we are addressed: what listeners are bound to and what they
 * advertise. Own domains are not: they name what we serve, not where we are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"
#include "proxy/sip/message.h"
#include "proxy/transport/listener.h"

struct self_names; /* immutable once it is shared */

/* Of n listeners (those that are NULL are not there), which must live as long. Blocks shortly
 * on the system's list of addresses: main thread. */
enum err self_names_new(struct listener *const *listeners, size_t n,
			struct self_names **out) MUST_CHECK;
/* One more, by which the listener was addressed before; what is known already stays. Only
 * before it is shared. */
enum err self_names_add(struct self_names *names, const char *host, uint16_t port,
			struct listener *listener) MUST_CHECK;
struct self_names *self_names_free(struct self_names *names);

/* True if the host and port (0: the transport's own) of the URI are one of our listeners;
 * out_listener may be NULL. */
bool self_names_has(const struct self_names *names, const url_t *url,
		    struct listener **out_listener);
