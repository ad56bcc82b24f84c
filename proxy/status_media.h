/* What `nuncio status` tells of relayed media: channels by class, bandwidth, ports, packets. */
#pragma once

#include <jansson.h>

#include "media/channels.h"
#include "media/relay.h"
#include "proxy/server.h"

/* Channels and totals of the process; zeros while nothing is relayed. Main thread. */
void status_media_look(const struct server *server, struct channels_view *channels,
		       struct relays_totals *totals);

/* What became of media.kernel; off while nothing is relayed. Any thread. */
void status_media_kernel(const struct server *server, struct kernel_path_view *out);

/* The object "media"; problems gets a full pool. NULL: no memory. Main thread. */
json_t *status_media_json(const struct server *server, json_t *problems);
